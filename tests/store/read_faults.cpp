// SPDX-License-Identifier: BSL-1.0
//
// Reads that fail while a store is opened: for a moment, at each I/O, and nobody notices; for good,
// and the opening says so and has changed nothing.
#include <doctest/doctest.h>

#include "../platform/scratch.hpp"

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <set>
#include <string>

using namespace mantis;

namespace {

constexpr io_kinds reading = io_kind::open_directory | io_kind::open | io_kind::read |
                             io_kind::list | io_kind::exists | io_kind::size | io_kind::lock;

template <class Platform>
struct app : policies<with::platform<Platform>> {};
using store_type = store<app<simulated>>;

store_options small_segments() {
    store_options options;
    options.segment_bytes = 32 * KiB;
    return options;
}

// Commits up to `most`, until one fails.
//   Returns     how many were acknowledged
int commit_some(store_type& db, int most) {
    const auto table = db.table("t");
    for (int i = 0; table && i < most; ++i) {
        auto tx = db.begin();
        tx.put(*table, std::to_string(i), std::string(6000, static_cast<char>('a' + i)));
        if (!tx.commit()) return i;
    }
    return table ? most : 0;
}

//   Returns     how many of the commits are there, one after the other
int found_in(store_type& db) {
    const auto table = db.find_table("t");
    int found = 0;
    for (; table; ++found) {
        const auto got = db.get(*table, std::to_string(found));
        if (!got || !*got) break;
        CHECK((*got)->as<std::string>() == std::string(6000, static_cast<char>('a' + found)));
    }
    CHECK(db.stats().entries == static_cast<std::size_t>(found));
    return found;
}

// A database whose process ended while it committed: the end of its log has no proof of being
// synced but itself. Some of what was written and not synced may be there.
int unclean_database(simulation& world, std::uint64_t variant) {
    if (variant < 40) world.crash_at_io(35 + variant % 40);
    else
        world.inject(
            {.kind = fault_kind::fail_halfway, .on = io_kind::write, .nth = 6 + variant % 20});
    int acknowledged = 0;
    {
        auto db = store_type::open("db", small_segments(), world.platform());
        if (db) acknowledged = commit_some(*db, 12);
    }
    constexpr crash_mode ends[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                   crash_mode::process_only};
    world.restart(ends[variant / 20]);
    return acknowledged;
}

bytes files_of(simulation& world) {
    bytes all;
    auto in = world.platform().open_directory("db", directory_mode::existing).value();
    for (const bytes& name : in.list().value()) {
        all.append(name);
        all.append(read_file(in, name, 64 * MiB).value());
    }
    return all;
}

// Calls once(world, nth, acknowledged) for unclean databases of several kinds, and nth from 1 until
// it returns false.
//   Returns     how often
template <class Once>
int at_each_io_of_opening(Once once) {
    int positions = 0;
    for (std::uint64_t variant = 0; variant < 60; ++variant) {
        bool struck = true;
        for (std::uint64_t nth = 1; struck && nth < 1'000; ++nth) {
            CAPTURE(variant);
            CAPTURE(nth);
            simulation world{variant};
            world.run([&] {
                const int acknowledged = unclean_database(world, variant);
                struck = once(world, nth, acknowledged);
            });
            positions += struck ? 1 : 0;
        }
    }
    return positions;
}

}  // namespace

TEST_CASE("reads that fail for a moment at any I/O of an opening: it opens, with every commit") {
    for (const std::uint64_t count : {1u, 3u}) {
        int cut = 0;
        const int positions =
            at_each_io_of_opening([&](simulation& world, std::uint64_t nth, int acknowledged) {
                world.inject({.on = reading, .nth = nth, .count = count});
                auto db = store_type::open("db", small_segments(), world.platform());
                if (!db) FAIL_CHECK(db.error().message().as<std::string>());
                if (!db) return false;
                CHECK(found_in(*db) >= acknowledged);
                CHECK(db->stats().files.repeats == world.struck(fault_kind::fail));
                CHECK(db->stats().files.given_up == 0);
                cut += db->recovery().cut_bytes > 0 ? 1 : 0;
                return world.struck(fault_kind::fail) > 0;
            });
        CHECK(positions > 100);
        CHECK(cut > 0);
    }
}

TEST_CASE(
    "reads that fail for good at any I/O of an opening: io, and nothing lost once they work") {
    int refused = 0;
    at_each_io_of_opening([&](simulation& world, std::uint64_t nth, int acknowledged) {
        world.inject({.on = reading, .nth = nth, .count = fault::for_ever});
        {
            auto db = store_type::open("db", small_segments(), world.platform());
            if (!db) {
                ++refused;
                CHECK(db.error().code() == error_code::io);
                CHECK(db.error().number("attempts"));
                CHECK(std::string{db.error().level(db.error().level_count() - 1)} ==
                      "opening the store");
            } else CHECK(found_in(*db) >= acknowledged);
        }
        const bool struck = world.struck(fault_kind::fail) > 0;
        world.clear_faults();
        if (nth % 2 == 0) world.restart(crash_mode::drop_unsynced);
        auto db = store_type::open("db", small_segments(), world.platform());
        REQUIRE(db);
        CHECK(found_in(*db) >= acknowledged);
        return struck;
    });
    CHECK(refused > 100);
}

TEST_CASE("an opening that fails because of reads has not changed a byte") {
    int refused = 0;
    at_each_io_of_opening([&](simulation& world, std::uint64_t nth, int) {
        const bytes before = files_of(world);
        world.inject({.on = io_kind::read, .nth = nth, .count = fault::for_ever});
        const bool opened = store_type::open("db", small_segments(), world.platform()).has_value();
        const bool struck = world.struck(fault_kind::fail) > 0;
        world.clear_faults();
        if (!opened) CHECK(files_of(world) == before);
        refused += opened ? 0 : 1;
        return struck;
    });
    CHECK(refused > 20);
}

TEST_CASE("one read that lies while the end of a log is read costs no commit") {
    int lied = 0;
    at_each_io_of_opening([&](simulation& world, std::uint64_t nth, int acknowledged) {
        world.inject({.kind = fault_kind::flip_on_read, .nth = nth, .path_part = bytes{".log"}});
        auto db = store_type::open("db", small_segments(), world.platform());
        const bool struck = world.struck(fault_kind::flip_on_read) > 0;
        lied += struck ? 1 : 0;
        if (db) CHECK(found_in(*db) >= acknowledged);
        return struck;
    });
    CHECK(lied > 20);
}

TEST_CASE("reads that lie for ever, each time otherwise: io or damage, and no commit is cut") {
    int refused = 0;
    for (std::uint64_t variant = 0; variant < 60; ++variant) {
        CAPTURE(variant);
        simulation world{variant};
        world.run([&] {
            const int acknowledged = unclean_database(world, variant);
            world.inject({.kind = fault_kind::flip_on_read,
                          .count = fault::for_ever,
                          .path_part = bytes{".log"}});
            refused += store_type::open("db", small_segments(), world.platform()) ? 0 : 1;
            world.clear_faults();
            auto db = store_type::open("db", small_segments(), world.platform());
            REQUIRE(db);
            CHECK(found_in(*db) >= acknowledged);
        });
    }
    CHECK(refused > 20);
}

TEST_CASE("over real files: a failed sync is never made again, whatever the options for reads") {
    const platform_test::scratch_directory scratch;
    using disk = faulty<posix>;
    store_options options;
    options.read_again.attempts = 100;
    for (const error_code code : {error_code::io, error_code::interrupted}) {
        fault_plan<posix> plan;
        const std::string path = scratch.path(name_of(code));
        auto db = store<app<disk>>::open(path, options, disk{posix{}, plan}).value();
        auto table = db.table("t").value();
        plan.inject({.on = io_kind::sync | io_kind::sync_directory, .code = code});
        const std::uint64_t before = plan.io_count(io_kind::sync);
        auto tx = db.begin();
        tx.put(table, "k", "v");
        CHECK(tx.commit().error().code() == error_code::unknown_outcome);
        CHECK_FALSE(db.flush());
        CHECK_FALSE(db.close());
        CHECK(plan.io_count(io_kind::sync) == before + 1);
        CHECK(plan.struck(fault_kind::fail) == 1);
    }
}

TEST_CASE("the breaker of a store: its figures are in the stats, and it lets reads in again") {
    simulation world{1};
    world.run([&] {
        store_options options = small_segments();
        options.read_again.attempts = 2;
        options.breaker = {.failures = 4, .pause = seconds(1), .longest_pause = seconds(1)};
        auto db = store_type::open("db", options, world.platform()).value();
        CHECK(commit_some(db, 3) == 3);
        world.inject({.on = io_kind::read | io_kind::list, .count = fault::for_ever});
        for (int i = 0; i < 3; ++i) CHECK_FALSE(db.verify());
        const file_health health = db.stats().files;
        CHECK(health.breaker.state == breaker_state::open);
        CHECK(health.breaker.trips == 1);
        CHECK(health.breaker.refused == 1);
        CHECK(health.repeats == 2);
        CHECK(health.given_up == 3);
        // Commits are no concern of the breaker.
        auto tx = db.begin();
        tx.put(db.table("t").value(), "more", "v");
        CHECK(tx.commit());
        world.clear_faults();
        CHECK_FALSE(db.verify());
        world.platform().sleep(seconds(1));
        CHECK(db.verify());
        CHECK(db.stats().files.breaker.state == breaker_state::closed);
    });
}

TEST_CASE("read_again.attempts = 1: the first failure is told") {
    simulation world{1};
    world.run([&] {
        store_options options = small_segments();
        options.read_again.attempts = 1;
        CHECK(store_type::open("db", options, world.platform()));
        world.inject({.on = io_kind::read});
        CHECK(store_type::open("db", options, world.platform()).error().code() == error_code::io);
        CHECK(store_type::open("db", options, world.platform()));
    });
}

TEST_CASE("a store takes a platform that retries, as any other") {
    CHECK(store<app<retrying<memory>>>::open("db"));
}
