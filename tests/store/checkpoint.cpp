// SPDX-License-Identifier: BSL-1.0
//
// Checkpoints of a store, and what the next opening makes of them.
#include "checkpoint_fixture.hpp"

#include <mantis/platform/simulated.hpp>

using namespace checkpoint_test;

namespace {

struct in_simulator : policies<with::platform<simulated>> {};

}  // namespace

TEST_CASE("an opening reads the image and only the log since") {
    memory files;
    contents before;
    {
        auto db = store<app>::open("db", small(), files).value();
        fill(db);
        const auto made = db.checkpoint();
        REQUIRE(made);
        CHECK(made->rows == 300);
        CHECK(made->redo_from <= made->log_needed);
        put(db, "left", "after", "1");
        erase(db, "left", "18");
        before = all_of(db);
        CHECK(db.stats().checkpoints == 1);
        CHECK(db.stats().checkpoint.redo_from == made->redo_from);
        REQUIRE(db.verify());
    }
    auto db = store<app>::open("db", small(), files).value();
    CHECK(all_of(db) == before);
    CHECK(db.recovery().transactions_kept == 2);
    CHECK(db.recovery().image.rows == 300);
    CHECK(db.recovery().begins == db.recovery().image.redo_from);
    CHECK_FALSE(db.recovery().image.damage);
    CHECK(db.verify());
    // New tables go on after the dropped one.
    put(db, "gone", "again", "1");
    CHECK(db.find_table("gone")->id() == table_id{5});
}

TEST_CASE("a checkpoint covers what was removed") {
    memory files;
    contents before;
    {
        auto db = store<app>::open("db", small(), files).value();
        fill(db);
        const int segments = count_of(files, ".log");
        CHECK(segments > 5);
        const auto made = db.checkpoint().value();
        CHECK(count_of(files, ".log") <= 2);
        CHECK(count_of(files, ".image") == 1);
        for (const std::string& name : names_in(files))
            if (lsn first; parse_segment_name(name, first)) CHECK(first <= made.redo_from);
        before = all_of(db);
    }
    auto db = store<app>::open("db", small(), files).value();
    CHECK(all_of(db) == before);
    // No id is used twice, though the log has none of them any more.
    CHECK(db.recovery().last_transaction.value > 300);
    CHECK(db.recovery().last_time > nanoseconds{});
    // Nothing was committed since: the last one is still good.
    CHECK(db.checkpoint()->redo_from == db.recovery().image.redo_from);
    CHECK(db.stats().checkpoints == 0);
}

TEST_CASE("damage in the log before the segment of the checkpoint is not met any more") {
    memory files;
    contents before;
    {
        store_options options = small();
        options.keep_log = true;
        auto db = store<app>::open("db", options, files).value();
        fill(db);
        auto in = files.open_directory("db", directory_mode::existing).value();
        in.open(segment_name(first_lsn_of_log), file_mode::write)
            .value()
            .write(5000, "rot")
            .value();
        REQUIRE(db.scrub().value().findings == 1);
        REQUIRE(db.checkpoint());
        CHECK(db.scrub().value().findings == 1);  // it is kept, for earlier moments
        before = all_of(db);
    }
    auto db = store<app>::open("db", small(), files).value();
    CHECK(all_of(db) == before);
}

TEST_CASE("commits go on while a checkpoint is made, and each is there afterwards") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            store_options options;
            options.segment_bytes = 8 * KiB;
            contents before;
            {
                auto db = store<in_simulator>::open("db", options, world.platform()).value();
                for (int i = 0; i < 40; ++i) put(db, "t", std::to_string(i), std::string(100, 'a'));
                put(db, "passing", "1", "1");
                simulated::thread writer{[&] {
                    for (int i = 0; i < 30; ++i) {
                        put(db, "t", std::to_string(i * 7 % 45), std::to_string(i));
                        if (i % 3 == 0) erase(db, "t", std::to_string(i * 5 % 40));
                        if (i == 10) CHECK(db.drop_table(*db.find_table("passing")));
                        if (i == 20) put(db, "passing", "2", "2");
                    }
                }};
                for (int i = 0; i < 3; ++i) CHECK(db.checkpoint());
                writer.join();
                before = all_of(db);
            }
            if (seed % 2 == 0) {
                world.crash();
                world.restart(crash_mode::drop_unsynced);
            }
            auto db = store<in_simulator>::open("db", options, world.platform()).value();
            CHECK(db.recovery().image.redo_from != lsn{});
            CHECK(all_of(db) == before);
            CHECK(db.verify());
        });
    }
}

TEST_CASE("log wins over older data: what was committed during the checkpoint is what is read") {
    // The rows of the image are of different moments; each is replaced by what the log says later.
    simulation world{1};
    world.run([&] {
        auto db = store<in_simulator>::open("db", {}, world.platform()).value();
        for (int i = 0; i < 2000; ++i) put(db, "t", std::to_string(i), std::string(64, 'o'));
        simulated::atomic<bool> done{false};
        simulated::thread writer{[&] {
            for (int i = 0; !done.load(); ++i)
                put(db, "t", std::to_string(i % 2000), "new" + std::to_string(i));
        }};
        const auto made = db.checkpoint();
        done.store(true);
        writer.join();
        REQUIRE(made);
        CHECK(made->log_needed > made->redo_from);
        const contents before = all_of(db);
        REQUIRE(db.close());
        {
            // At the beginning of the image none of that was there yet: it is not what is shown.
            store_options early;
            early.stop_at = made->redo_from;
            auto past = store<in_simulator>::open("db", early, world.platform()).value();
            CHECK(past.recovery().image.redo_from == lsn{});
            const contents then = all_of(past);
            for (const auto& [key, value] : then.at("t")) CHECK(value == std::string(64, 'o'));
        }
        for (int again = 0; again < 2; ++again) {  // no duplicate effect on a second replay
            auto reopened = store<in_simulator>::open("db", {}, world.platform()).value();
            CHECK(reopened.recovery().transactions_kept > 0);
            CHECK(all_of(reopened) == before);
        }
    });
}

TEST_CASE("verifying beside commits and a log that turns to its next segment finds it sound") {
    struct lazy : policies<with::platform<simulated>, with::durability<buffered>> {};
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            auto db = store<lazy>::open("db", small(), world.platform()).value();
            auto into = db.table("t").value();
            simulated::thread writer{[&] {
                for (int i = 0; i < 60; ++i) {
                    auto tx = db.begin();
                    tx.put(into, std::to_string(i), std::string(600, 'v'));
                    CHECK(tx.commit());
                }
            }};
            for (int i = 0; i < 10; ++i) {
                const auto found = db.verify();
                INFO((found ? std::string{} : found.error().message().as<std::string>()));
                CHECK(found);
            }
            writer.join();
        });
    }
}

TEST_CASE("threads commit, read and make checkpoints at once") {
    memory files;
    store_options options = small();
    options.checkpoint_log_bytes = 32 * KiB;
    options.checkpoint_operations = 100;
    contents before;
    {
        auto db = store<app>::open("db", options, files).value();
        REQUIRE(db.table("t"));
        std::vector<memory::thread> threads;
        for (int thread = 0; thread < 3; ++thread)
            threads.emplace_back([&db, thread] {
                auto into = *db.find_table("t");
                for (int i = 0; i < 200; ++i) {
                    auto tx = db.begin(isolation::read_committed);
                    tx.put(into, std::to_string(thread * 1000 + i % 60), std::to_string(i));
                    CHECK(tx.commit());
                    if (i % 40 == 20) CHECK(db.checkpoint());
                    if (i % 10 == 0) CHECK(db.stats().objectives.time.compliance() == 1.0);
                }
            });
        for (auto& thread : threads) thread.join();
        before = all_of(db);
        CHECK(db.stats().checkpoints > 0);
    }
    auto db = store<app>::open("db", options, files).value();
    CHECK(all_of(db) == before);
}
