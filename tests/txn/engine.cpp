// SPDX-License-Identifier: BSL-1.0
//
// What a commit answers when the disk fails under it, in the simulator.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <set>
#include <string>
#include <vector>

using namespace mantis;

namespace {

struct simulated_app : policies<with::platform<simulated>> {};
using store_type = store<simulated_app>;

store_options small_segments() {
    store_options options;
    options.segment_bytes = 16 * KiB;
    return options;
}

result<commit_info> put(store_type& db, const std::string& key, const std::string& value) {
    auto table = db.table("t");
    if (!table) return table.error();
    auto tx = db.begin();
    tx.put(*table, key, value);
    return tx.commit();
}

std::set<std::string> keys(store_type& db) {
    std::set<std::string> found;
    const auto table = db.find_table("t");
    if (!table) return found;
    auto tx = db.begin(isolation::read_committed);
    auto rows = tx.scan(*table);
    while (rows.next().value()) found.insert(rows.key().as<std::string>());
    return found;
}

}  // namespace

TEST_CASE("a full disk refuses the commit, changes nothing, and is no obstacle once it has space") {
    // With the watch, which refuses first, and without it, where the disk does.
    for (const std::uint64_t hard_bytes : {usual_space_limit, std::uint64_t{0}}) {
        CAPTURE(hard_bytes);
        store_options options = small_segments();
        options.space_hard_bytes = hard_bytes;
        simulation world{1};
        world.run([&] {
            auto db = store_type::open("db", options, world.platform()).value();
            std::set<std::string> kept;
            CHECK(put(db, "first", "1"));
            kept.insert("first");
            world.limit_disk(100 * KiB);
            int refused = 0;
            for (int i = 0; i < 60; ++i) {
                const auto answer = put(db, std::to_string(i), std::string(3000, 'v'));
                if (answer) {
                    kept.insert(std::to_string(i));
                    continue;
                }
                ++refused;
                CHECK(answer.error().code() == error_code::no_space);
                CHECK(keys(db) == kept);
            }
            CHECK(refused > 0);
            CHECK(kept.size() > 8);
            world.limit_disk(0);
            CHECK(put(db, "again", "1"));
            kept.insert("again");
            db.close().value();
            auto reopened = store_type::open("db", options, world.platform()).value();
            CHECK(keys(reopened) == kept);
        });
    }
}

TEST_CASE("the parts of a commit that met a full disk never become parts of the next one") {
    simulation world{1};
    world.run([&] {
        store_options options = small_segments();
        options.space_hard_bytes = 0;  // else the commit is refused before its first part
        auto db = store_type::open("db", options, world.platform()).value();
        auto table = db.table("t").value();
        world.limit_disk(1500 * KiB);
        auto large = db.begin();
        for (const char* const key : {"1", "2", "3"})
            large.put(table, key, bytes::zeros(700 * KiB));
        CHECK(large.commit().error().code() == error_code::no_space);
        world.limit_disk(0);
        CHECK(put(db, "small", "1"));
        db.close().value();
        auto reopened = store_type::open("db", small_segments(), world.platform()).value();
        CHECK(reopened.recovery().transactions_dropped == 1);
        CHECK(keys(reopened) == std::set<std::string>{"small"});
    });
}

TEST_CASE("a sync that fails is never tried again: unknown_outcome, then read_only, reads go on") {
    simulation world{2};
    world.run([&] {
        auto db = store_type::open("db", {}, world.platform()).value();
        CHECK(put(db, "before", "1"));
        const auto table = db.find_table("t").value();
        world.fail_io(io_kind::sync, 1, error_code::io);
        const auto unknown = put(db, "during", "2");
        REQUIRE_FALSE(unknown);
        CHECK(unknown.error().code() == error_code::unknown_outcome);
        const auto syncs = world.io_count(io_kind::sync);
        const auto refused = put(db, "after", "3");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::read_only);
        CHECK(world.io_count(io_kind::sync) == syncs);
        CHECK(db.get(table, "before").value()->view() == bytes_view{"1"});
        CHECK(db.get(table, "during").error().code() == error_code::unknown_outcome);
        CHECK_FALSE(db.close());
        world.restart(crash_mode::random_subset);
        auto reopened = store_type::open("db", {}, world.platform()).value();
        const auto found = keys(reopened);
        CHECK(found.count("before") == 1);
        CHECK(found.count("after") == 0);
    });
}

TEST_CASE("a table whose making or dropping has an unknown outcome is no fact") {
    simulation world{4};
    world.run([&] {
        auto db = store_type::open("db", {}, world.platform()).value();
        auto kept = db.table("kept").value();
        CHECK(put(db, "key", "value"));
        world.fail_io(io_kind::sync, 1, error_code::io);
        for (int i = 0; i < 2; ++i) {
            const auto made = db.table("new");
            REQUIRE_FALSE(made);
            CHECK(made.error().code() == error_code::unknown_outcome);
        }
        CHECK(db.get(*db.find_table("new"), "key").error().code() == error_code::unknown_outcome);
        CHECK_FALSE(db.get(kept, "absent").value());
        world.crash();
        world.restart(crash_mode::drop_unsynced);
    });
    world.run([&] {
        auto db = store_type::open("db", {}, world.platform()).value();
        auto table = db.find_table("t").value();
        CHECK_FALSE(db.find_table("new"));
        world.fail_io(io_kind::sync, 2, error_code::io);  // the first one is of a new segment
        CHECK(db.drop_table(table).error().code() == error_code::unknown_outcome);
        CHECK(db.get(table, "key").error().code() == error_code::unknown_outcome);
        CHECK(db.drop_table(table).error().code() == error_code::unknown_outcome);
        auto tx = db.begin();
        tx.put(table, "key", "other");
        CHECK(tx.commit().error().code() == error_code::unknown_outcome);
    });
}

TEST_CASE(
    "200 commits, each I/O failed once or for ever: all that was acknowledged, none refused") {
    int failures = 0;
    for (const std::uint64_t count : {std::uint64_t{1}, fault::for_ever})
        for (std::uint64_t nth = 1;; ++nth) {
            CAPTURE(nth);
            CAPTURE(count);
            simulation world{nth};
            bool struck = false;
            world.run([&] {
                std::set<std::string> acknowledged, refused;
                world.inject({.code = nth % 2 == 0 ? error_code::io : error_code::no_space,
                              .nth = nth,
                              .count = count});
                if (auto opened = store_type::open("db", small_segments(), world.platform());
                    opened)
                    for (int i = 0; i < 200; ++i) {
                        const std::string key = std::to_string(i);
                        const auto answer = put(*opened, key, std::string(400, 'v'));
                        if (answer) acknowledged.insert(key);
                        else if (answer.error().code() != error_code::unknown_outcome)
                            refused.insert(key);
                    }
                struck = world.struck(fault_kind::fail) > 0;
                world.restart(crash_mode::drop_unsynced);
                auto reopened = store_type::open("db", small_segments(), world.platform());
                REQUIRE(reopened);
                const auto found = keys(*reopened);
                for (const auto& key : acknowledged) CHECK(found.count(key) == 1);
                for (const auto& key : refused) CHECK(found.count(key) == 0);
                CHECK(reopened->verify());
            });
            if (!struck) break;
            ++failures;
        }
    CHECK(failures > 800);
}

TEST_CASE("no reader is told of a commit that a power cut can take back") {
    int seen_something = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            std::uint64_t seen = 0;
            {
                auto db = store_type::open("db", small_segments(), world.platform()).value();
                auto table = db.table("t").value();
                world.crash_at_io(5 + seed % 60);
                std::vector<simulated::thread> threads;
                threads.emplace_back([&] {
                    for (int i = 1; i < 100; ++i)
                        if (!put(db, "n", std::to_string(i))) return;
                });
                for (int reader = 0; reader < 2; ++reader)
                    threads.emplace_back([&] {
                        while (world.powered()) {
                            const auto now = db.get(table, "n");
                            if (!now) return;
                            if (*now)
                                seen = (std::max)(
                                    seen, std::uint64_t(std::stoul((*now)->as<std::string>())));
                        }
                    });
                for (auto& thread : threads) thread.join();
            }
            world.restart(crash_mode::drop_unsynced);
            auto reopened = store_type::open("db", small_segments(), world.platform()).value();
            const auto table = reopened.find_table("t");
            const auto left = table ? reopened.get(*table, "n").value() : std::optional<bytes>{};
            CHECK((left ? std::stoul(left->as<std::string>()) : 0) >= seen);
            seen_something += seen > 1 ? 1 : 0;
        });
    }
    CHECK(seen_something > 25);
}
