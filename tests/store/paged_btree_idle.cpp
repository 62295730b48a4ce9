// SPDX-License-Identifier: BSL-1.0
//
// What a store with tables in pages gives back while nothing is committed, and what that leaves
// intact: rows, a full disk, commits that come then.
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

store_options usual() {
    store_options options;
    options.segment_bytes = 256 * KiB;
    options.page_memory_bytes = 2 * MiB;
    options.page_segment_bytes = 64 * KiB;
    options.space_hard_bytes = options.space_soft_bytes = 0;
    return options;
}
std::string key_of(int number) { return std::to_string(100'000 + number * 7919 % 100'003); }
void fill(store_type& db, const handle& table, int rows) {
    for (int at = 0; at < rows;) {
        auto tx = db.begin(isolation::read_committed);
        for (int end = at + 50; at < rows && at < end; ++at)
            tx.put(table, key_of(at), std::string(100, static_cast<char>('a' + at % 26)));
        REQUIRE(tx.commit());
    }
}
// All but each tenth.
result<void> erase_most(store_type& db, const handle& table, int rows, int at_once = 50) {
    for (int at = 0; at < rows;) {
        auto tx = db.begin(isolation::read_committed);
        for (int end = at + at_once; at < rows && at < end; ++at)
            if (at % 10 != 0) tx.erase(table, key_of(at));
        if (auto done = tx.commit(); !done) return done.error();
    }
    return success();
}
void check_rows(store_type& db, int rows) {
    auto found = all_of(db);
    REQUIRE(found);
    const auto& left = (*found)["t"];
    CHECK(left.size() == static_cast<std::size_t>((rows + 9) / 10));
    for (int at = 0; at < rows; at += 10) {
        const auto row = left.find(key_of(at));
        REQUIRE(row != left.end());
        CHECK(row->second == std::string(100, static_cast<char>('a' + at % 26)));
    }
}

// A store from which most rows were erased, and that nobody changes any more.
store_type about_to_rest(simulation& world, int rows) {
    auto db = store_type::open("db", usual(), world.platform()).value();
    const auto table = db.table<in_pages>("t").value();
    fill(db, table, rows);
    REQUIRE(db.checkpoint());
    REQUIRE(erase_most(db, table, rows));
    REQUIRE(db.flush());
    return db;
}

}  // namespace

TEST_CASE("a minute after nine rows of ten were erased, files have shrunk without an opening") {
    simulation world{1};
    world.run([&] {
        constexpr int rows = 12'000;
        auto db = store_type::open("db", usual(), world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        fill(db, table, rows);
        REQUIRE(db.checkpoint());
        REQUIRE(erase_most(db, table, rows));
        const std::uint64_t unpacked = db.stats().pages.pages;
        world.platform().sleep(seconds(60));
        const std::uint64_t used = world.used_bytes();
        const store_stats now = db.stats();
        CAPTURE(now.pages.disk_bytes);
        CAPTURE(now.pages.reserve_bytes);
        // Leaves are packed: to three rows each, which is all that these small ones take.
        CHECK(now.pages.pages * 10 < unpacked * 9);
        CHECK(now.pages.pages < rows / 10 * 4 / 10);
        // Segments of 64 KiB: two for the reserve to clean into, and what the manifest may need.
        CHECK(now.pages.reserve_bytes <= 6 * 64 * KiB);
        CHECK(now.pages.disk_bytes - now.pages.reserve_bytes <=
              now.pages.live_bytes * 11 / 10 + 3 * 64 * KiB);
        // The log is one small segment.
        CHECK(used - now.pages.disk_bytes < 32 * KiB + 64 * KiB);
        check_rows(db, rows);
        REQUIRE(db.verify());
        // At rest there is no timer: nothing is done by itself.
        const std::uint64_t made = db.stats().checkpoints;
        world.platform().sleep(seconds(1000));
        CHECK(db.stats().checkpoints == made);
        CHECK(world.used_bytes() == used);
        // And all is as before for who commits then.
        fill(db, table, rows);
        REQUIRE(erase_most(db, table, rows));
        check_rows(db, rows);
        REQUIRE(db.close());
        auto again = store_type::open("db", usual(), world.platform()).value();
        check_rows(again, rows);
        REQUIRE(again.verify());
    });
}

TEST_CASE("a store at rest whose disk others have filled erases all of its rows") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            constexpr int rows = 8'000;
            auto db = store_type::open("db", usual(), world.platform()).value();
            const auto table = db.table<in_pages>("t").value();
            fill(db, table, rows);
            REQUIRE(erase_most(db, table, rows));
            const std::uint64_t kept = db.stats().pages.reserve_bytes;
            world.platform().sleep(seconds(60));
            REQUIRE(db.stats().pages.reserve_bytes * 2 < kept);
            // Room for segments of the log, and not for the reserve that there was.
            world.limit_disk(world.used_bytes() + 4 * 256 * KiB + seed * 7 * KiB);
            int refused = 0;
            for (int at = 0; at < rows; ++at) {
                for (;;) {
                    auto tx = db.begin(isolation::read_committed);
                    tx.erase(table, key_of(at));
                    const auto done = tx.commit();
                    if (done) break;
                    REQUIRE(done.error().code() == error_code::no_space);
                    REQUIRE_MESSAGE(++refused < 2000, why(done.error()));
                    const auto made = db.checkpoint();
                    REQUIRE_MESSAGE(made, why(made.error()));
                    world.platform().sleep(seconds(5));
                }
            }
            CHECK(all_of(db).value()["t"].empty());
            REQUIRE(db.verify());
        });
    }
}

TEST_CASE("a power failure at any I/O of a store that goes to rest takes no row") {
    constexpr int rows = 5'000;
    for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset}) {
        bool cut = true;
        std::uint64_t count = 0;
        for (std::uint64_t at = 1; cut; at += 50 * one_in, ++count) {
            CAPTURE(at);
            simulation world{at};
            world.run([&] {
                {
                    auto db = about_to_rest(world, rows);
                    world.crash_at_io(at);
                    world.platform().sleep(seconds(60));
                    cut = !world.powered();
                    if (!cut) world.crash();
                }
                world.restart(mode);
                auto db = store_type::open("db", usual(), world.platform());
                REQUIRE_MESSAGE(db, why(db.error()));
                check_rows(*db, rows);
                REQUIRE(db->verify());
            });
        }
        CHECK(count > 3);
    }
}

TEST_CASE("who commits now and then is not put to rest in between each time") {
    simulation world{3};
    world.run([&] {
        auto db = store_type::open("db", usual(), world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        fill(db, table, 4'000);
        REQUIRE(erase_most(db, table, 4'000));
        world.platform().sleep(seconds(60));
        const std::uint64_t before = db.stats().checkpoints;
        for (int at = 0; at < 100; ++at) {
            auto tx = db.begin(isolation::read_committed);
            tx.put(table, "now and then", std::to_string(at));
            REQUIRE(tx.commit());
            world.platform().sleep(seconds(10));
        }
        CHECK(db.stats().checkpoints - before <= 6);
    });
}

TEST_CASE("a log that somebody wants is not cut where a store goes to rest") {
    simulation world{4};
    world.run([&] {
        store_options options = usual();
        options.keep_log = true;
        auto db = store_type::open("db", options, world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        fill(db, table, 4'000);
        REQUIRE(erase_most(db, table, 4'000));
        const store_stats before = db.stats();
        world.platform().sleep(seconds(60));
        const store_stats at_rest = db.stats();
        CHECK(at_rest.log_bytes == before.log_bytes);
        CHECK(at_rest.pages.reserve_bytes < before.pages.reserve_bytes);
        fill(db, table, 1);  // which ends the rest that there was
        CHECK(db.stats().pages.reserve_bytes > at_rest.pages.reserve_bytes);
        check_rows(db, 4'000);
    });
}

TEST_CASE("objectives are looked at as often as ever by a store that is about to rest") {
    simulation world{5};
    world.run([&] {
        store_options options = usual();
        options.recovery_time_objective = seconds(10);
        auto db = store_type::open("db", options, world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        fill(db, table, 100);
        REQUIRE(db.checkpoint());
        const std::uint64_t before = db.objectives().time.looks();
        world.platform().sleep(seconds(1));
        CHECK(db.objectives().time.looks() - before >= 9);
    });
}

TEST_CASE("whatever I/O fails while a store goes to rest, no row is lost, and it commits again") {
    constexpr int rows = 5'000;
    std::uint64_t struck = 0;
    for (const error_code code : {error_code::no_space, error_code::io}) {
        for (std::uint64_t nth = 1; nth < 400; nth += 13 * one_in) {
            CAPTURE(nth);
            simulation world{nth};
            world.run([&] {
                {
                    auto db = about_to_rest(world, rows);
                    world.inject({.on = io_kind::open, .code = code, .nth = 1 + nth / 8});
                    world.inject({.on = io_kind::write, .code = code, .nth = nth});
                    world.platform().sleep(seconds(60));
                    struck += world.struck(fault_kind::fail);
                    world.clear_faults();
                    world.platform().sleep(seconds(60));
                    auto found = all_of(db);
                    REQUIRE_MESSAGE(found, why(found.error()));
                    auto tx = db.begin(isolation::read_committed);
                    tx.put(db.find_table("t").value(), key_of(0), std::string(100, 'a'));
                    const auto done = tx.commit();
                    // A write of the log that failed stops the log, and says so.
                    if (!done) CHECK(done.error().code() == error_code::read_only);
                }
                auto again = store_type::open("db", usual(), world.platform());
                REQUIRE_MESSAGE(again, why(again.error()));
                check_rows(*again, rows);
                REQUIRE(again->verify());
            });
        }
    }
    CHECK(struck > 20 / one_in);
}
