// SPDX-License-Identifier: BSL-1.0
//
// Files made as small as they can be at once, and what that leaves intact.
#include "../sanitized.hpp"
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

store_options usual() {
    store_options options;
    options.segment_bytes = 256 * KiB;
    options.page_memory_bytes = 2 * MiB;
    options.page_segment_bytes = 64 * KiB;
    return options;
}
std::string key_of(int number) { return std::to_string(100'000 + number * 7919 % 100'003); }
std::string value_of(int number) { return std::string(15, static_cast<char>('a' + number % 26)); }
void fill(store_type& db, const handle& table, int first, int last) {
    for (int at = first; at < last;) {
        auto tx = db.begin(isolation::read_committed);
        for (int end = at + 50; at < last && at < end; ++at)
            tx.put(table, key_of(at), value_of(at));
        REQUIRE(tx.commit(durability_class::buffered));
    }
}
// In the order of nothing, so that leaves are two thirds full.
store_type filled(simulation& world, int rows) {
    auto db = store_type::open("db", usual(), world.platform()).value();
    const auto table = db.table<in_pages>("t").value();
    fill(db, table, 0, rows);
    REQUIRE(db.flush());
    return db;
}
void check_rows(store_type& db, int rows) {
    const auto found = all_of(db);
    REQUIRE(found);
    const auto& all = found->at("t");
    CHECK(all.size() == static_cast<std::size_t>(rows));
    for (int at = 0; at < rows; ++at) {
        const auto row = all.find(key_of(at));
        REQUIRE(row != all.end());
        CHECK(row->second == value_of(at));
    }
}

}  // namespace

TEST_CASE("compacted, leaves are full, files are the pages, and log and reserve are small") {
    constexpr int rows = 10'000;
    simulation world{1};
    world.run([&] {
        auto db = filled(world, rows);
        const auto table = *db.find_table("t");
        const index_shape before = db.shape(table).value();
        REQUIRE(before.fill_percent < 80);
        const auto left = db.compact();
        REQUIRE(left);
        const index_shape after = db.shape(table).value();
        CHECK(after.fill_percent >= before.fill_percent + 5);
        CHECK(after.leaves * 5 < before.leaves * 4);
        CHECK(left->reserve_bytes <= 8 * 64 * KiB);
        CHECK(left->disk_bytes - left->reserve_bytes <= left->live_bytes * 11 / 10 + 3 * 64 * KiB);
        CHECK(world.used_bytes() - left->disk_bytes < 32 * KiB + 64 * KiB);  // log and manifest
        check_rows(db, rows);
        REQUIRE(db.verify());
        REQUIRE(db.close());
        // So they stay when it is closed, and it takes changes as before.
        CHECK(world.used_bytes() < left->disk_bytes + 96 * KiB);
        auto again = store_type::open("db", usual(), world.platform()).value();
        CHECK(again.recovery().operations == 0);
        fill(again, *again.find_table("t"), rows, rows + 2'000);
        check_rows(again, rows + 2'000);
        REQUIRE(again.verify());
        const auto twice = again.compact();
        REQUIRE(twice);
        const auto more = again.compact();
        REQUIRE(more);
        CHECK(more->disk_bytes <= twice->disk_bytes);
    });
}

TEST_CASE("a log that was only read is as small after compacting as one that was written") {
    simulation world{1};
    world.run([&] {
        REQUIRE(filled(world, 2'000).close());
        auto db = store_type::open("db", usual(), world.platform()).value();
        REQUIRE(db.compact());
        REQUIRE(db.close());
        std::uint64_t log_bytes = 0;
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        for (const bytes& name : in.list().value())
            if (name.as<std::string>().ends_with(".log"))
                log_bytes += in.open(name, file_mode::read).value().size().value();
        CHECK(log_bytes > 0);
        CHECK(log_bytes <= 32 * KiB);
    });
}

TEST_CASE("commits go on while files are compacted, and none is lost") {
    constexpr int rows = 3'000;
    for (std::uint64_t seed = 1; seed <= 40; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto db = filled(world, rows);
            const auto table = *db.find_table("t");
            simulated::thread writer{[&] { fill(db, table, rows, rows + 600); }};
            simulated::thread other{[&] { REQUIRE(db.compact()); }};
            REQUIRE(db.compact());
            other.join();
            writer.join();
            check_rows(db, rows + 600);
            REQUIRE(db.verify());
            REQUIRE(db.close());
            auto again = store_type::open("db", usual(), world.platform()).value();
            check_rows(again, rows + 600);
        });
    }
}

TEST_CASE("checkpoints of a log that grows are made while files are compacted") {
    simulation world{7};
    world.run([&] {
        store_options options = usual();
        options.checkpoint_log_bytes = 64 * KiB;
        auto db = store_type::open("db", options, world.platform()).value();
        const auto table = db.table<in_pages>("t").value();
        fill(db, table, 0, 6'000);
        bool ended = false;
        std::uint64_t most = 0;
        simulated::thread writer{[&] {
            for (int row = 6'000; !ended && row < 30'000; row += 50) {
                fill(db, table, row, row + 50);
                const std::uint64_t since =
                    db.stats().durable.value - db.last_checkpoint().redo_from.value;
                most = since > most ? since : most;
            }
        }};
        REQUIRE(db.compact());
        ended = true;
        writer.join();
        CHECK(most > 0);
        CHECK(most < 4 * 64 * KiB + options.segment_bytes);
        REQUIRE(db.verify());
    });
}

TEST_CASE("a power failure at any I/O of compacting takes no row") {
    constexpr int rows = 2'000;
    for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset}) {
        bool cut = true;
        int lives = 0;
        for (std::uint64_t at = 1; cut; at += 9 * one_in, ++lives) {
            CAPTURE(at);
            simulation world{at};
            world.run([&] {
                {
                    auto db = filled(world, rows);
                    world.crash_at_io(at);
                    cut = !db.compact();
                    world.crash();
                }
                world.restart(mode);
                auto again = store_type::open("db", usual(), world.platform());
                REQUIRE_MESSAGE(again, why(again.error()));
                check_rows(*again, rows);
                REQUIRE(again->verify());
            });
        }
        CHECK(lives > 4);
    }
}

TEST_CASE("compacting answers what went wrong, and is refused where nothing may be written") {
    simulation world{1};
    world.run([&] {
        {
            auto db = filled(world, 2'000);
            REQUIRE(db.close());
            CHECK(db.compact().error().code() == error_code::closed);
        }
        {
            store_options options = usual();
            options.read_only = true;
            auto db = store_type::open("db", options, world.platform()).value();
            CHECK(db.compact().error().code() == error_code::read_only);
        }
        auto db = store_type::open("db", usual(), world.platform()).value();
        world.limit_disk(1);
        const auto left = db.compact();
        if (!left) CHECK(left.error().code() == error_code::no_space);
        check_rows(db, 2'000);
        world.limit_disk(0);
        REQUIRE(db.compact());
        check_rows(db, 2'000);
    });
}
