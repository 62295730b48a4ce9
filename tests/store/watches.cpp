// SPDX-License-Identifier: BSL-1.0
//
// What a store tells besides its answers, and how it stops growing before its disk or its memory is
// full.
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

using namespace mantis;

namespace {

template <class Platform>
struct app : policies<with::platform<Platform>> {};
using in_memory = store<app<memory>>;
using in_simulation = store<app<simulated>>;

// Keeps what it is told, and may do something meanwhile.
struct hearer {
    std::vector<event_code> codes;
    std::vector<std::string> lines;
    std::function<void()> meanwhile = [] {};

    event_listener listener() {
        return {[](void* self, const event& what) {
                    auto& me = *static_cast<hearer*>(self);
                    me.codes.push_back(what.code());
                    me.lines.push_back(what.message().as<std::string>());
                    me.meanwhile();
                },
                this};
    }
    [[nodiscard]] std::ptrdiff_t count(event_code code) const {
        return std::count(codes.begin(), codes.end(), code);
    }
    //   Returns     the codes but those of segments
    [[nodiscard]] std::vector<event_code> alarms() const {
        std::vector<event_code> some;
        for (const event_code code : codes)
            if (code != event_code::segment_begun) some.push_back(code);
        return some;
    }
};

store_options told_to(hearer& heard) {
    store_options options;
    options.segment_bytes = 32 * KiB;
    options.events = heard.listener();
    return options;
}

template <class Store>
result<commit_info> put(Store& db, const std::string& key, std::size_t bytes_of_value) {
    auto table = db.table("t");
    if (!table) return table.error();
    auto tx = db.begin();
    tx.put(*table, key, std::string(bytes_of_value, 'v'));
    return tx.commit();
}
template <class Store>
result<commit_info> erase(Store& db, const std::string& key) {
    auto tx = db.begin();
    tx.erase(*db.find_table("t"), key);
    return tx.commit();
}

// Puts rows until one is refused.
//   Returns     how many were taken
template <class Store>
int fill(Store& db, std::size_t bytes_of_value, error_code refused_with) {
    for (int i = 0;; ++i) {
        const auto done = put(db, std::to_string(i), bytes_of_value);
        if (done) continue;
        CHECK(done.error().code() == refused_with);
        CHECK(done.error().strategy() == error_strategy::degrade);
        return i;
    }
}

}  // namespace

TEST_CASE("an opening and each new segment are told, in their order, and nothing after close()") {
    hearer heard;
    memory files;
    {
        auto db = in_memory::open("db", told_to(heard), files).value();
        for (int i = 0; i < 20; ++i) CHECK(put(db, std::to_string(i), 4000));
        CHECK(heard.codes.front() == event_code::opened);
        CHECK(heard.count(event_code::segment_begun) ==
              static_cast<std::ptrdiff_t>(db.stats().log.segments));
        CHECK(heard.count(event_code::segment_begun) > 2);
        CHECK(heard.lines[1] == "debug: segment_begun [0000000000001000.log] lsn=4096");
        CHECK(heard.alarms().size() == 1);
    }
    const std::size_t before = heard.codes.size();
    auto again = in_memory::open("db", told_to(heard), files).value();
    REQUIRE(heard.codes.size() == before + 1);
    CHECK(heard.lines.back().find("info: opened [db] records=21 ") == 0);
}

TEST_CASE("a tail that was cut is told before the opening, with how many bytes") {
    hearer heard;
    memory files;
    { auto db = in_memory::open("db", {}, files).value(); }
    {
        auto db = in_memory::open("db", {}, files).value();
        CHECK(put(db, "a", 10));
    }
    auto in = files.open_directory("db", directory_mode::existing).value();
    auto log = in.open(segment_name(first_lsn_of_log), file_mode::write).value();
    log.write(log.size().value() + 100, "torn").value();
    auto db = in_memory::open("db", told_to(heard), files).value();
    REQUIRE(heard.codes == std::vector<event_code>{event_code::torn_tail_cut, event_code::opened});
    CHECK(heard.lines[0].find("warning: torn_tail_cut [db] cut_bytes=") == 0);
}

TEST_CASE("a sync that failed is told once, with the file and how far the log is safe") {
    hearer heard;
    simulation world{1};
    world.run([&] {
        auto db = in_simulation::open("db", told_to(heard), world.platform()).value();
        CHECK(put(db, "a", 10));
        world.fail_io(io_kind::sync, 1, error_code::io);
        CHECK(put(db, "b", 10).error().code() == error_code::unknown_outcome);
        CHECK(put(db, "c", 10).error().code() == error_code::read_only);
        CHECK(heard.alarms() == std::vector<event_code>{event_code::opened, event_code::read_only});
        CHECK(heard.lines.back().find("error: read_only [db/0000000000001000.log] lsn=") == 0);
        CHECK_FALSE(db.close());
    });
}

TEST_CASE("a sync that a read or the period waits for, and that fails, is told too") {
    struct periodic_app : policies<with::platform<simulated>, with::durability<periodic>> {};
    hearer heard;
    simulation world{1};
    world.run([&] {
        store_options options = told_to(heard);
        options.sync_period = milliseconds(1);
        auto db = store<periodic_app>::open("db", options, world.platform()).value();
        CHECK(put(db, "a", 10));
        world.inject({.on = io_kind::sync, .count = fault::for_ever});
        world.platform().sleep(seconds(1));
        CHECK(heard.count(event_code::read_only) == 1);
        CHECK_FALSE(db.close());
    });
}

TEST_CASE("files that cannot be read for a while are told, and when they can again") {
    hearer heard;
    simulation world{1};
    world.run([&] {
        store_options options = told_to(heard);
        options.breaker.failures = 5;
        auto db = in_simulation::open("db", options, world.platform()).value();
        CHECK(put(db, "a", 10));
        world.inject({.on = io_kind::list, .count = fault::for_ever});
        CHECK_FALSE(db.verify());
        CHECK(heard.alarms() ==
              std::vector<event_code>{event_code::opened, event_code::breaker_opened});
        world.clear_faults();
        world.platform().sleep(seconds(1));
        CHECK(db.verify());
        CHECK(heard.alarms().back() == event_code::breaker_closed);
        CHECK(heard.lines.back().find("[db]") != std::string::npos);
    });
}

TEST_CASE("no latch of the store is held while the listener is called") {
    hearer heard;
    simulation world{1};
    world.run([&] {
        auto db = in_simulation::open("db", told_to(heard), world.platform()).value();
        int asked = 0;
        // A latch that is held would be one that the other thread waits for, for ever.
        heard.meanwhile = [&] {
            if (++asked > 10) return;
            simulated::thread other{[&] {
                CHECK(put(db, "of the other", 10));
                CHECK(db.flush());
                (void)db.stats();
            }};
            other.join();
        };
        for (int i = 0; i < 20; ++i) CHECK(put(db, std::to_string(i), 4000));
        CHECK(asked > 2);
        heard.meanwhile = [&] {
            ++asked;
            simulated::thread other{[&] { CHECK(erase(db, "1")); }};
            other.join();
        };
        asked = 0;
        world.limit_disk(1);
        CHECK_FALSE(put(db, "refused", 40'000));
        CHECK(heard.codes.back() == event_code::space_hard_limit);
        CHECK(asked == 1);
        heard.meanwhile = [] {};
    });
}

TEST_CASE("a disk that fills up: told, refused early, erased from, and filled again, all at once") {
    hearer heard;
    memory files;
    auto db = in_memory::open("db", told_to(heard), files).value();
    CHECK(put(db, "first", 10));
    files.limit_disk(640 * KiB);
    const int kept = fill(db, 4000, error_code::no_space);
    CHECK(kept > 50);
    auto in = files.open_directory("db", directory_mode::existing).value();
    // A segment at least, for erases: the space of one, or one that is made already.
    CHECK((in.free_bytes().value() >= 32 * KiB || in.exists(spare_segment_name).value()));
    CHECK(heard.alarms() == std::vector<event_code>{event_code::opened,
                                                    event_code::space_soft_limit,
                                                    event_code::space_hard_limit});
    CHECK(db.table("another").error().code() == error_code::no_space);
    for (int i = 0; i < kept && i < 8; ++i) CHECK(erase(db, std::to_string(i)));
    CHECK(db.get(*db.find_table("t"), "first").value());
    CHECK(db.stats().space.state == space_state::refusing);
    CHECK(db.stats().space.refused >= 2);
    CHECK(db.drop_table(*db.find_table("t")));
    files.limit_disk(10 * MiB);
    CHECK(put(db, "again", 4000));
    CHECK(heard.alarms().back() == event_code::space_back);
    CHECK(db.stats().space.state == space_state::plenty);
}

TEST_CASE("free space is looked at once a segment, and never for what only erases") {
    simulation world{1};
    world.run([&] {
        store_options options;
        options.segment_bytes = 64 * KiB;
        auto db = in_simulation::open("db", options, world.platform()).value();
        for (int i = 0; i < 100; ++i) CHECK(put(db, std::to_string(i), 3000));
        const std::uint64_t looks = world.io_count(io_kind::free_bytes);
        const std::uint64_t segments = db.stats().log.segments;
        CHECK(segments > 5);
        CHECK(looks <= 2 * segments + 2);
        CHECK(db.stats().space.looks == looks);
        for (int i = 0; i < 100; ++i) CHECK(erase(db, std::to_string(i)));
        CHECK(world.io_count(io_kind::free_bytes) == looks);
    });
}

TEST_CASE("limits of space that were chosen count, and 0 leaves it to the disk") {
    for (const std::uint64_t hard : {std::uint64_t{0}, std::uint64_t{300 * KiB}}) {
        CAPTURE(hard);
        hearer heard;
        memory files;
        store_options options = told_to(heard);
        options.space_hard_bytes = hard;
        options.space_soft_bytes = 0;
        auto db = in_memory::open("db", options, files).value();
        files.limit_disk(640 * KiB);
        fill(db, 4000, error_code::no_space);
        auto in = files.open_directory("db", directory_mode::existing).value();
        const std::uint64_t free = in.free_bytes().value();
        CHECK(free >= (hard == 0 ? 0 : hard - options.segment_bytes));
        CHECK(free < hard + options.segment_bytes);
        CHECK(heard.count(event_code::space_soft_limit) == 0);
        CHECK(heard.count(event_code::space_hard_limit) == 1);
    }
}

TEST_CASE("memory that fills up: caches shed, then commits are refused, erases bring it back") {
    hearer heard;
    store_options options = told_to(heard);
    options.memory_bytes = 200'000;
    options.memory_soft_percent = 80;
    auto db = in_memory::open("db", options).value();
    struct cache {
        memory_budget<retrying<memory>>* budget;
        std::size_t held;
    } held{&db.memory(), 100'000};
    const memory_shedder shedder{[](void* self, std::size_t wanted) {
                                     auto& me = *static_cast<cache*>(self);
                                     const std::size_t given = std::min(wanted, me.held);
                                     me.held -= given;
                                     me.budget->release(given);
                                     return given;
                                 },
                                 &held};
    CHECK(db.memory().reserve(held.held));
    db.memory().attach(shedder);
    const int kept = fill(db, 1000, error_code::out_of_memory);
    CHECK(held.held == 0);  // all of the cache went before the first refusal
    CHECK(kept > 150);
    CHECK(heard.count(event_code::memory_soft_limit) == 1);
    CHECK(heard.count(event_code::memory_hard_limit) == 1);
    const store_stats full = db.stats();
    CHECK(full.memory.used_bytes == full.memory_bytes);  // the running sum is what a walk adds up
    CHECK(full.memory.state == memory_state::refusing);
    for (int i = 0; i < kept / 2; ++i) CHECK(erase(db, std::to_string(i)));
    CHECK(heard.count(event_code::memory_back) == 1);
    CHECK(db.stats().memory.used_bytes == db.stats().memory_bytes);
    CHECK(put(db, "again", 1000));
    CHECK(db.drop_table(*db.find_table("t")));
    CHECK(db.memory().used() < 5000);
    db.memory().detach(shedder);
}

TEST_CASE("what an opening finds counts, even beyond the limit, and can be erased") {
    memory files;
    {
        auto db = in_memory::open("db", {}, files).value();
        for (int i = 0; i < 50; ++i) CHECK(put(db, std::to_string(i), 1000));
        CHECK(db.stats().memory.used_bytes == 0);  // nobody asked for it
    }
    hearer heard;
    store_options options = told_to(heard);
    options.memory_bytes = 20'000;
    auto db = in_memory::open("db", options, files).value();
    CHECK(db.stats().memory.used_bytes == db.stats().memory_bytes);
    CHECK(heard.count(event_code::memory_soft_limit) == 1);
    CHECK(put(db, "more", 10).error().code() == error_code::out_of_memory);
    for (int i = 0; i < 45; ++i) CHECK(erase(db, std::to_string(i)));
    CHECK(put(db, "more", 10));
}
