// SPDX-License-Identifier: BSL-1.0
//
// Checkpoints that a store makes by itself, and the objectives that it looks after.
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <set>
#include <string>

using namespace mantis;

namespace {

struct app : policies<with::platform<simulated>> {};
struct lazy : policies<with::platform<simulated>, with::durability<buffered>> {};

template <class Db>
void put(Db& db, int number, std::size_t value_bytes = 1000) {
    auto into = db.table("t").value();
    auto tx = db.begin(isolation::read_committed);
    tx.put(into, std::to_string(number % 10), std::string(value_bytes, 'v'));
    REQUIRE(tx.commit());
}

struct told {
    std::multiset<event_code> codes;
    static void tell(void* self, const event& what) {
        static_cast<told*>(self)->codes.insert(what.code());
        if (what.code() == event_code::checkpoint_done) CHECK(what.number("barrier_ns") != nullptr);
    }
};

store_options small() {
    store_options options;
    options.segment_bytes = 8 * KiB;
    options.checkpoint_log_bytes = 0;
    return options;
}

template <class Body>
void in_world(Body body) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] { body(world); });
    }
}

fault no_image() {
    return {.on = io_kind::open,
            .code = error_code::no_space,
            .count = fault::for_ever,
            .path_part = bytes{bytes_view{"checkpoint-"}}};
}

std::size_t file_count(simulation& world) {
    return world.platform().open_directory("db", directory_mode::existing)->list()->size();
}

}  // namespace

TEST_CASE("by bytes: a store that is written for ever keeps its log short, without being asked") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_log_bytes = 64 * KiB;
        told seen;
        options.events = {&told::tell, &seen};
        auto db = store<app>::open("db", options, world.platform()).value();
        for (int i = 0; i < 400; ++i) put(db, i);
        world.platform().sleep(seconds(1));
        CHECK(db.stats().checkpoints >= 2);
        CHECK(db.stats().checkpoints <= 25);  // of 400 blocks of 4 KiB
        CHECK(file_count(world) < 30);
        REQUIRE(db.close());
        CHECK(seen.codes.count(event_code::checkpoint_done) >= 2);
        CHECK(seen.codes.count(event_code::checkpoint_failed) == 0);
        auto again = store<app>::open("db", options, world.platform()).value();
        CHECK(again.recovery().bytes < 200 * KiB);
    });
}

TEST_CASE("nothing is made before it is due, and nothing where nothing is asked for") {
    simulation world{1};
    world.run([&] {
        store_options options = small();
        auto db = store<app>::open("db", options, world.platform()).value();
        for (int i = 0; i < 200; ++i) put(db, i);
        world.platform().sleep(seconds(100));
        CHECK(db.stats().checkpoints == 0);
        REQUIRE(db.close());
        options.checkpoint_at_close = true;
        REQUIRE(store<app>::open("db", options, world.platform())->close());
        auto again = store<app>::open("db", options, world.platform()).value();
        CHECK(again.recovery().records == 0);
        CHECK(again.recovery().image.rows == 10);
    });
}

TEST_CASE("by operations and by time") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_operations = 50;
        {
            auto db = store<app>::open("db", options, world.platform()).value();
            for (int i = 0; i < 49; ++i) put(db, i);
            world.platform().sleep(seconds(1));
            CHECK(db.stats().checkpoints == 0);
            put(db, 0);
            world.platform().sleep(seconds(1));
            CHECK(db.stats().checkpoints == 1);
        }
        options.checkpoint_operations = 0;
        options.checkpoint_period = seconds(10);
        auto db = store<app>::open("db", options, world.platform()).value();
        put(db, 0);
        world.platform().sleep(seconds(9));
        CHECK(db.stats().checkpoints == 0);
        world.platform().sleep(seconds(2));
        CHECK(db.stats().checkpoints == 1);
        world.platform().sleep(seconds(100));
        CHECK(db.stats().checkpoints == 1);  // nothing was committed since
    });
}

TEST_CASE("an opening that took too long is followed by a checkpoint, before it returns if asked") {
    simulation world{1};
    world.run([&] {
        store_options options = small();
        {
            auto db = store<app>::open("db", options, world.platform()).value();
            for (int i = 0; i < 200; ++i) put(db, i);
        }
        options.checkpoint_log_bytes = 100 * KiB;
        options.checkpoint_in_opening = true;
        auto db = store<app>::open("db", options, world.platform()).value();
        CHECK(db.stats().checkpoints == 1);
    });
}

TEST_CASE("the recovery time objective makes checkpoints, and says when it is missed") {
    in_world([](simulation& world) {
        store_options options = small();
        told seen;
        options.events = {&told::tell, &seen};
        // At the usual rate of 50 MB/s these are 100 kB of log.
        options.recovery_time_objective = milliseconds(4);
        auto db = store<app>::open("db", options, world.platform()).value();
        for (int i = 0; i < 20; ++i) put(db, i);  // a block of 4 KiB each
        world.platform().sleep(seconds(1));
        CHECK(db.stats().checkpoints == 0);
        CHECK(db.objectives().time.compliance() == 1.0);
        for (int i = 0; i < 10; ++i) put(db, i);
        world.platform().sleep(seconds(1));
        CHECK(db.stats().checkpoints == 1);
        CHECK(db.objectives().estimate < milliseconds(2));
        // More than any checkpoint can make up for: the rows themselves.
        for (int i = 0; i < 10; ++i) put(db, i, 100'000);
        world.platform().sleep(seconds(1));
        CHECK(db.objectives().time.missed());
        CHECK(db.objectives().time.compliance() < 1.0);
        REQUIRE(db.close());
        CHECK(seen.codes.count(event_code::objective_missed) == 1);
    });
}

TEST_CASE("the recovery point objective is missed while buffered commits are not synced") {
    in_world([](simulation& world) {
        store_options options = small();
        told seen;
        options.events = {&told::tell, &seen};
        options.recovery_point_objective = seconds(1);
        auto db = store<lazy>::open("db", options, world.platform()).value();
        put(db, 1);
        world.platform().sleep(milliseconds(900));
        CHECK_FALSE(db.objectives().point.missed());
        world.platform().sleep(seconds(2));
        CHECK(db.objectives().point.missed());
        REQUIRE(db.flush());
        world.platform().sleep(seconds(1));
        CHECK_FALSE(db.objectives().point.missed());
        CHECK(db.objectives().point.misses() == 1);
        REQUIRE(db.close());
        CHECK(seen.codes.count(event_code::objective_missed) == 1);
        CHECK(seen.codes.count(event_code::objective_met) == 1);
    });
}

TEST_CASE("a checkpoint that fails is tried again after a pause, and commits go on meanwhile") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_period = milliseconds(500);
        told seen;
        options.events = {&told::tell, &seen};
        auto db = store<app>::open("db", options, world.platform()).value();
        put(db, 1);
        world.inject({.on = io_kind::open,
                      .code = error_code::no_space,
                      .count = 2,
                      .path_part = bytes{bytes_view{"checkpoint-"}}});
        for (int i = 0; i < 60; ++i) {
            put(db, i, 10);
            world.platform().sleep(milliseconds(100));
        }
        CHECK(db.stats().checkpoints >= 1);
        REQUIRE(db.close());
        CHECK(seen.codes.count(event_code::checkpoint_failed) == 2);
        CHECK(seen.codes.count(event_code::read_only) == 0);
    });
}

TEST_CASE("a missed objective is told of at once, also in the pause after a failed checkpoint") {
    in_world([](simulation& world) {
        store_options options = small();
        told seen;
        options.events = {&told::tell, &seen};
        options.recovery_time_objective = milliseconds(4);
        auto db = store<app>::open("db", options, world.platform()).value();
        world.inject(no_image());
        for (int i = 0; i < 30; ++i) put(db, i);
        world.platform().sleep(seconds(40));  // pauses of 1, 2, 4, 8, 16 and 32 seconds
        CHECK(seen.codes.count(event_code::checkpoint_failed) == 6);
        CHECK(seen.codes.count(event_code::objective_missed) == 0);
        for (int i = 0; i < 30; ++i) put(db, i);
        world.platform().sleep(milliseconds(300));
        CHECK(seen.codes.count(event_code::checkpoint_failed) == 6);
        CHECK(seen.codes.count(event_code::objective_missed) == 1);
        REQUIRE(db.close());
    });
}

TEST_CASE("closing ends a checkpoint that is being made") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_operations = 300;
        {
            auto db = store<app>::open("db", options, world.platform()).value();
            auto into = db.table("t").value();
            for (int i = 0; i < 300; ++i) {
                auto tx = db.begin(isolation::read_committed);
                tx.put(into, std::to_string(i), std::string(5000, 'v'));
                REQUIRE(tx.commit());
            }
            world.platform().sleep(milliseconds(101));
            REQUIRE(db.close());
        }
        auto db = store<app>::open("db", options, world.platform()).value();
        CHECK(db.stats().entries == 300);
    });
}

TEST_CASE("between checkpoints that fail there are pauses, longer each time") {
    simulation world{1};
    world.run([&] {
        store_options options = small();
        options.checkpoint_period = milliseconds(500);
        told seen;
        options.events = {&told::tell, &seen};
        auto db = store<app>::open("db", options, world.platform()).value();
        put(db, 1);
        world.inject({.on = io_kind::open,
                      .code = error_code::no_space,
                      .count = fault::for_ever,
                      .path_part = bytes{bytes_view{"checkpoint-"}}});
        world.platform().sleep(seconds(12));
        world.clear_faults();
        REQUIRE(db.close());
        CHECK(seen.codes.count(event_code::checkpoint_failed) >= 3);
        CHECK(seen.codes.count(event_code::checkpoint_failed) <= 5);
    });
}

TEST_CASE("the pause after a failed checkpoint ends at once when the store is closed") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_period = milliseconds(500);
        auto db = store<app>::open("db", options, world.platform()).value();
        put(db, 1);
        world.inject(no_image());
        world.platform().sleep(seconds(20));  // pauses of 1, 2, 4, 8 and 16 seconds
        const nanoseconds before = world.platform().now();
        REQUIRE(db.close());
        CHECK(world.platform().now() - before < seconds(1));
    });
}

TEST_CASE("the pause after a failed checkpoint ends at once when one is made by hand") {
    in_world([](simulation& world) {
        store_options options = small();
        options.checkpoint_period = milliseconds(500);
        auto db = store<app>::open("db", options, world.platform()).value();
        put(db, 1);
        world.inject(no_image());
        world.platform().sleep(seconds(20));
        CHECK_FALSE(db.checkpoint());
        world.clear_faults();
        const nanoseconds before = world.platform().now();
        REQUIRE(db.checkpoint());  // the thread's pause is not the caller's
        CHECK(world.platform().now() - before < seconds(1));
        put(db, 2);
        world.platform().sleep(seconds(2));
        CHECK(db.stats().checkpoints == 2);
    });
}
