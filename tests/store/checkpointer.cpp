// SPDX-License-Identifier: BSL-1.0
//
// The power fails, or a fault strikes, at each I/O of a checkpoint: what is opened afterwards is
// what was committed, by the old image, the new one or none.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <map>
#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};
using rows_type = std::map<std::string, std::string>;

store_options small(bool keep_log) {
    store_options options;
    options.segment_bytes = 8 * KiB;
    options.keep_log = keep_log;
    options.recovery_verification = recovery_check::full;
    return options;
}

struct written {
    rows_type rows;
    int number = 0;

    //   Returns     whether it was committed
    bool put(store<app>& db) {
        auto into = db.table("t");
        if (!into) return false;
        auto tx = db.begin(isolation::read_committed);
        const std::string key = std::to_string(number % 7);
        const std::string value = std::to_string(number) + std::string(900, 'v');
        ++number;
        tx.put(*into, key, value);
        if (!tx.commit()) return false;
        rows[key] = value;
        return true;
    }
};

rows_type rows_of(store<app>& db) {
    rows_type found;
    const auto from = db.find_table("t");
    if (!from) return found;
    auto tx = db.begin(isolation::read_committed);
    auto scan = tx.scan(*from);
    while (scan.next().value())
        found[scan.key().as<std::string>()] = scan.value().as<std::string>();
    return found;
}

// A first checkpoint, commits, and a second one in which something happens at I/O number `nth`.
struct story {
    simulation world;
    written said;
    checkpoint_info first;
    bool keep_log;

    explicit story(std::uint64_t seed, bool keep) : world{seed}, keep_log{keep} {}

    store<app> begin() {
        auto db = store<app>::open("db", small(keep_log), world.platform()).value();
        for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
        first = db.checkpoint().value();
        for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
        return db;
    }
};

}  // namespace

TEST_CASE("whichever I/O of a checkpoint the power fails at, the old or the new one is opened") {
    int old_ones = 0;
    int new_ones = 0;
    for (const crash_mode mode :
         {crash_mode::drop_unsynced, crash_mode::random_subset, crash_mode::process_only})
        for (const bool keep : {false, true}) {
            bool finished = false;
            for (std::uint64_t nth = 1; !finished; ++nth) {
                CAPTURE(nth);
                CAPTURE(static_cast<int>(mode));
                REQUIRE(nth < 100);
                story told{nth, keep};
                told.world.run([&] {
                    {
                        auto db = told.begin();
                        told.world.crash_at_io(nth);
                        finished = db.checkpoint().has_value() && told.world.powered();
                    }
                    if (told.world.powered()) told.world.crash();
                    told.world.restart(mode);
                    auto db = store<app>::open("db", small(keep), told.world.platform());
                    REQUIRE(db);
                    CHECK(rows_of(*db) == told.said.rows);
                    CHECK_FALSE(db->recovery().image.damage);
                    CHECK(db->verify());
                    const lsn from = db->recovery().image.redo_from;
                    CHECK(from >= told.first.redo_from);
                    ++(from == told.first.redo_from ? old_ones : new_ones);
                    // What the crash left behind is gone with the next checkpoint.
                    REQUIRE(told.said.put(*db));
                    REQUIRE(db->checkpoint());
                    auto names = told.world.platform()
                                     .open_directory("db", directory_mode::existing)
                                     ->list()
                                     .value();
                    int images = 0;
                    for (const bytes& name : names) images += is_image_name(name) ? 1 : 0;
                    CHECK(images == 1);
                });
            }
        }
    CHECK(old_ones > 40);
    CHECK(new_ones > 10);
}

TEST_CASE(
    "whichever I/O of the first checkpoint the power fails at, the log or the image is opened") {
    bool finished = false;
    for (std::uint64_t nth = 1; !finished; ++nth) {
        CAPTURE(nth);
        REQUIRE(nth < 100);
        simulation world{nth};
        written said;
        world.run([&] {
            {
                auto db = store<app>::open("db", small(false), world.platform()).value();
                for (int i = 0; i < 20; ++i) REQUIRE(said.put(db));
                world.crash_at_io(nth);
                finished = db.checkpoint().has_value() && world.powered();
            }
            if (world.powered()) world.crash();
            world.restart(crash_mode::random_subset);
            auto db = store<app>::open("db", small(false), world.platform());
            REQUIRE(db);
            CHECK(rows_of(*db) == said.rows);
        });
    }
}

TEST_CASE("whichever I/O of a checkpoint fails, once or from then on, nothing committed is lost") {
    int failed = 0;
    int read_only = 0;
    for (const failed_sync after : {failed_sync::keeps, failed_sync::forgets, failed_sync::reverts})
        for (const error_code code : {error_code::io, error_code::no_space})
            for (const bool for_ever : {false, true}) {
                bool finished = false;
                for (std::uint64_t nth = 1; !finished; ++nth) {
                    CAPTURE(nth);
                    CAPTURE(for_ever);
                    REQUIRE(nth < 100);
                    simulation world{nth, {.after_failed_sync = after}};
                    written said;
                    world.run([&] {
                        {
                            auto db =
                                store<app>::open("db", small(false), world.platform()).value();
                            for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
                            REQUIRE(db.checkpoint());
                            for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
                            fault planned;
                            planned.kind = fault_kind::fail;
                            planned.code = code;
                            planned.nth = nth;
                            planned.count = for_ever ? fault::for_ever : 1;
                            planned.after_sync = after;
                            world.inject(planned);
                            const auto made = db.checkpoint();
                            finished = world.struck(fault_kind::fail) == 0;
                            failed += made ? 0 : 1;
                            world.clear_faults();
                            CHECK(rows_of(db) == said.rows);
                            if (!said.put(db)) ++read_only;
                            else if (made) CHECK(db.checkpoint());
                        }
                        world.crash();
                        world.restart(crash_mode::drop_unsynced);
                        auto db = store<app>::open("db", small(false), world.platform());
                        REQUIRE(db);
                        for (const auto& [key, value] : said.rows)
                            CHECK(rows_of(*db).at(key).size() >= 900);
                        CHECK(db->verify());
                        REQUIRE(said.put(*db));
                        CHECK(db->checkpoint());
                    });
                }
            }
    CHECK(failed > 50);
    CHECK(read_only > 0);
}

TEST_CASE("an image that cannot be synced is given up, and the store takes commits") {
    simulation world{1};
    written said;
    world.run([&] {
        auto db = store<app>::open("db", small(false), world.platform()).value();
        for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
        world.inject({.on = io_kind::sync, .path_part = bytes{"checkpoint-"}});
        const auto made = db.checkpoint();
        REQUIRE_FALSE(made);
        CHECK(made.error().code() == error_code::io);
        REQUIRE(said.put(db));
        CHECK(db.stats().checkpoints == 0);
        REQUIRE(db.checkpoint());
        CHECK(db.stats().checkpoints == 1);
        REQUIRE(db.close());
        auto again = store<app>::open("db", small(false), world.platform()).value();
        CHECK(rows_of(again) == said.rows);
    });
}

TEST_CASE("a directory that cannot be synced stops the log: nobody knows which names survive") {
    simulation world{1};
    written said;
    world.run([&] {
        {
            auto db = store<app>::open("db", small(false), world.platform()).value();
            for (int i = 0; i < 30; ++i) REQUIRE(said.put(db));
            world.fail_io(io_kind::sync_directory, 1, error_code::io);
            CHECK_FALSE(db.checkpoint());
            CHECK_FALSE(written{said}.put(db));
            CHECK_FALSE(db.checkpoint());
        }
        world.crash();
        world.restart(crash_mode::drop_unsynced);
        auto db = store<app>::open("db", small(false), world.platform()).value();
        CHECK(rows_of(db) == said.rows);
    });
}

TEST_CASE(
    "the log goes behind each checkpoint, but for the segment of the record that ends there") {
    simulation world{1};
    world.run([&] {
        auto db = store<app>::open("db", small(false), world.platform()).value();
        auto in = world.platform().open_directory("db", directory_mode::existing).value();
        written said;
        bool removed = false;
        for (int round = 0; round < 60; ++round) {
            for (int i = 0; i <= round % 7; ++i) REQUIRE(said.put(db));
            const lsn from = db.checkpoint().value().redo_from;
            const auto segments = detail::list_segments(in).value();
            REQUIRE(segments.front() < from);
            if (segments.size() > 1) REQUIRE(segments[1] >= from);
            removed = removed || segments.front() > first_lsn_of_log;
        }
        CHECK(removed);
    });
}
