// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/recovery/database_truncation.hpp>
#include <mantis/store/paged_btree.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};

//   Returns     where each of `count` commits ended
std::vector<lsn> commit(simulated world, std::uint64_t count) {
    auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, world).value();
    const auto table = db.table("t").value();
    std::vector<lsn> ends;
    for (std::uint64_t i = 1; i <= count; ++i) {
        auto tx = db.begin();
        tx.put(table, "last", std::to_string(i));
        tx.put(table, std::to_string(i), std::string(1500, 'v'));
        ends.push_back(tx.commit().value().position);
    }
    REQUIRE(db.close());
    return ends;
}

std::string last_of(store<app>& db) {
    return db.get(*db.find_table("t"), "last").value().value().as<std::string>();
}

}  // namespace

TEST_CASE("a database whose log is taken back opens as it was then, and goes on") {
    simulation world{1};
    world.run([&] {
        const auto ends = commit(world.platform(), 10);
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        const auto block = [&] {
            return decode_superblock(read_file(in, superblock_name, 4096).value()).value();
        };
        CHECK(block().log_reaches >= ends[9]);
        // Refused: the promise stays.
        CHECK_FALSE(truncate_database<simulated, crc32c>(in, {ends[4].value + 8}, {}));
        CHECK_FALSE(truncate_database<simulated, crc32c>(in, ends[4], ends[5]));
        CHECK(truncate_database<simulated, xxh3>(in, ends[4], {}).error().code() ==
              error_code::mismatch);
        CHECK(block().log_reaches >= ends[9]);
        REQUIRE(truncate_database<simulated, crc32c>(in, ends[4], ends[4]));
        CHECK(block().log_reaches == ends[4]);
        for (int opening = 0; opening < 2; ++opening) {
            auto db = store<app>::open("db", {}, world.platform()).value();
            CHECK(last_of(db) == (opening == 0 ? "5" : "6"));
            CHECK_FALSE(db.get(*db.find_table("t"), "7").value());
            auto tx = db.begin();
            tx.put(*db.find_table("t"), "last", "6");
            REQUIRE(tx.commit());
            CHECK(db.verify());
        }
    });
}

TEST_CASE("a power failure at any I/O of it leaves a database that opens, and a repeat finishes") {
    int crashed = 0;
    for (std::uint64_t nth = 1; nth < 200; ++nth) {
        CAPTURE(nth);
        simulation world{nth};
        bool cut_off = false;
        world.run([&] {
            const auto ends = commit(world.platform(), 8);
            auto in = world.platform().open_directory("db", directory_mode::existing).value();
            world.crash_at_io(nth);
            (void)truncate_database<simulated, crc32c>(in, ends[2], {});
            cut_off = !world.powered();
            world.restart(crash_mode::random_subset);
            {
                auto db = store<app>::open("db", {.read_only = true}, world.platform());
                REQUIRE(db);
                CHECK(std::stoi(last_of(*db)) >= 3);
            }
            in = world.platform().open_directory("db", directory_mode::existing).value();
            REQUIRE(truncate_database<simulated, crc32c>(in, ends[2], {}));
            auto db = store<app>::open("db", {}, world.platform()).value();
            CHECK(last_of(db) == "3");
        });
        if (!cut_off) break;
        ++crashed;
    }
    CHECK(crashed > 10);
}

TEST_CASE(
    "what the image of a checkpoint needs of the log is not taken back; what comes later is") {
    simulation world{1};
    world.run([&] {
        std::vector<lsn> ends = commit(world.platform(), 20);
        lsn needed;
        {
            auto db = store<app>::open("db", {.segment_bytes = 8 * KiB}, world.platform()).value();
            needed = db.checkpoint().value().log_needed;
            const auto table = *db.find_table("t");
            for (std::uint64_t i = 21; i <= 30; ++i) {
                auto tx = db.begin();
                tx.put(table, "last", std::to_string(i));
                ends.push_back(tx.commit().value().position);
            }
            REQUIRE(db.close());
        }
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        REQUIRE_FALSE(in.exists(segment_name(first_lsn_of_log)).value());
        CHECK_FALSE(truncate_database<simulated, crc32c>(in, ends[18], {}));
        REQUIRE(ends[19] >= needed);
        REQUIRE(truncate_database<simulated, crc32c>(in, ends[24], {}));
        auto db = store<app>::open("db", {}, world.platform()).value();
        CHECK(last_of(db) == "25");
        CHECK(db.recovery().image.rows == 21);
    });
}

TEST_CASE("a log is not taken back to before the pages, even where they are ahead of the image") {
    struct app_in_pages : policies<with::platform<simulated>, with::indexes<paged_btree<512>>> {};
    simulation world{1};
    world.run([&] {
        auto in = world.platform().open_directory("db", directory_mode::create).value();
        std::vector<lsn> ends;
        std::vector<std::pair<bytes, bytes>> before;  // the image, and who names it
        {
            auto db = store<app_in_pages>::open("db", {.keep_log = true}, world.platform()).value();
            const auto table = db.table("t").value();
            for (int i = 0; i < 10; ++i) {
                auto tx = db.begin();
                tx.put(table, std::to_string(i), "value");
                ends.push_back(tx.commit().value().position);
                if (i != 2 && i != 6) continue;
                if (i == 6)
                    for (const bytes& name : in.list().value())
                        if (is_image_name(name) || name.view().starts_with("superblock"))
                            before.emplace_back(name, read_file(in, name, 1 * MiB).value());
                REQUIRE(db.checkpoint());
            }
        }
        // As if the power had failed when the pages were durable, and nothing named the image.
        for (const bytes& name : in.list().value())
            if (is_image_name(name)) REQUIRE(in.remove(name));
        for (const auto& [name, raw] : before) REQUIRE(atomic_replace(in, name, raw));
        CHECK_FALSE(truncate_database<simulated, crc32c>(in, ends[4], {}));
        REQUIRE(truncate_database<simulated, crc32c>(in, ends[7], {}));
        auto db = store<app_in_pages>::open("db", {}, world.platform()).value();
        CHECK(db.get(*db.find_table("t"), "7").value());
        CHECK_FALSE(db.get(*db.find_table("t"), "8").value());
        CHECK(db.verify());
    });
}
