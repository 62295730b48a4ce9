// SPDX-License-Identifier: BSL-1.0
//
// Writers that are faster than the disk: they are slowed down, and never stand still for long; and
// where nobody works off what they owe, they are not delayed.
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

struct in_memory : policies<with::platform<simulated>, with::durability<buffered>> {};
struct in_pages_buffered
    : policies<with::platform<simulated>, with::durability<buffered>, with::indexes<in_pages>> {};

constexpr nanoseconds limit = store_options{}.write_delay_limit;

// A sync of such a file takes about so long.
void slow_syncs(simulation& world, const char* path_part, nanoseconds length) {
    const auto usual = static_cast<std::uint64_t>(world.longest_sync().count / 40);
    world.inject({.kind = fault_kind::slow,
                  .on = io_kind::sync,
                  .count = fault::for_ever,
                  .path_part = bytes{bytes_view{path_part}},
                  .slowdown = static_cast<std::uint64_t>(length.count) / usual});
}

struct run_figures {
    nanoseconds longest;
    nanoseconds all;
    int done = 0;
    int refused = 0;
};

// Commits of one row each, as fast as they are answered.
template <class Store>
run_figures write(simulation& world, Store& db, int commits, int rows = 1000,
                  std::size_t value = 100) {
    const auto table = db.table("t").value();
    run_figures seen;
    const nanoseconds begun = world.now();
    for (int i = 0; i < commits; ++i) {
        const nanoseconds at = world.now();
        auto tx = db.begin(isolation::read_committed);
        tx.put(table, "row-" + std::to_string(i * 7919 % rows), std::string(value, 'v'));
        ++(tx.commit() ? seen.done : seen.refused);
        if (world.now() - at > seen.longest) seen.longest = world.now() - at;
    }
    seen.all = world.now() - begun;
    return seen;
}

}  // namespace

TEST_CASE("a log whose syncs are slow slows writers down, and no commit waits for a sync") {
    const auto longest = [](nanoseconds delay_limit) {
        simulation world{3};
        run_figures seen;
        world.run([&] {
            store_options options;
            options.segment_bytes = 1 * MiB;
            options.checkpoint_log_bytes = 0;
            options.write_delay_limit = delay_limit;
            auto db = store<in_memory>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 100).refused == 0);
            slow_syncs(world, ".log", milliseconds(40));
            seen = write(world, db, 16'000, 1000, 400);
            CHECK((db.writes().delayed != 0) == (delay_limit != nanoseconds{}));
            CHECK(db.writes().longest <= delay_limit + milliseconds(1));
            world.clear_faults();
        });
        return seen.longest;
    };
    CHECK(longest(limit) <= limit + milliseconds(5));
    CHECK(longest({}) >= milliseconds(50));
}

TEST_CASE("a checkpoint that is slow slows writers down, so that the log stays within its bound") {
    const auto most_log = [](std::uint64_t seed, nanoseconds delay_limit) {
        simulation world{seed};
        std::uint64_t most = 0;
        world.run([&] {
            store_options options;
            options.segment_bytes = 32 * KiB;
            options.page_memory_bytes = 1 * MiB;
            options.checkpoint_log_bytes = 32 * KiB;
            options.write_delay_limit = delay_limit;
            auto db = store<in_pages_buffered>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 100).refused == 0);
            slow_syncs(world, "data-", milliseconds(300));
            for (int i = 0; i < 60; ++i) {
                const run_figures seen = write(world, db, 50);
                CHECK(seen.refused == 0);
                const store_stats now = db.stats();
                const std::uint64_t log = 4096 + now.log_bytes - now.checkpoint.redo_from.value;
                if (log > most) most = log;
            }
            world.clear_faults();
        });
        return most;
    };
    constexpr std::uint64_t allowed = 4 * 32 * KiB + 4 * 32 * KiB;
    // One sync in hundreds takes seconds, longer than all delays.
    int within = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        within += most_log(seed, limit) <= allowed + 32 * KiB;
        CHECK(most_log(seed, {}) > allowed + 4 * 32 * KiB);
    }
    CHECK(within >= 4);
}

TEST_CASE("where no checkpoint is made, or none can be, its log delays nobody") {
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        simulation world{5};
        world.run([&] {
            store_options options;
            options.segment_bytes = 32 * KiB;
            options.checkpoint_log_bytes = fails ? 32 * KiB : 0;
            auto db = store<in_memory>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 10).refused == 0);
            if (fails)
                world.inject({.on = io_kind::write,
                              .code = error_code::io,
                              .count = fault::for_ever,
                              .path_part = bytes{bytes_view{"image"}}});
            const run_figures seen = write(world, db, 6000, 20);
            CHECK(seen.refused == 0);
            CHECK(db.stats().checkpoints == 0);
            CHECK(db.stats().log_bytes > 20 * options.segment_bytes);
            CHECK(db.writes().levels.log == 0);
            CHECK(seen.longest < milliseconds(100));
            world.clear_faults();
        });
    }
}

TEST_CASE("opened to be read only, a store refuses commits at once, however long its log is") {
    simulation world{8};
    world.run([&] {
        store_options options;
        options.segment_bytes = 32 * KiB;
        options.checkpoint_log_bytes = 0;
        {
            auto db = store<in_memory>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 3000, 20).refused == 0);
        }
        options.checkpoint_log_bytes = 32 * KiB;
        options.read_only = true;
        auto db = store<in_memory>::open("db", options, world.platform()).value();
        CHECK(write(world, db, 20).refused == 20);
        CHECK(db.writes().delayed == 0);
    });
}

TEST_CASE("pages that cannot be written, and a full disk, hang nobody and delay nobody for long") {
    for (const bool full : {false, true}) {
        CAPTURE(full);
        simulation world{6};
        world.run([&] {
            store_options options = small();
            auto db = store<in_pages_buffered>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 300).refused == 0);
            if (full) world.limit_disk(world.used_bytes() + 64 * KiB);
            else
                world.inject({.on = io_kind::write,
                              .code = error_code::io,
                              .count = fault::for_ever,
                              .path_part = bytes{bytes_view{"data-"}}});
            const run_figures seen = write(world, db, 600);
            CHECK(seen.refused != 0);
            CHECK(seen.longest < seconds(1));
            CHECK(db.writes().longest <= limit + milliseconds(1));
            world.limit_disk(0);
            world.clear_faults();
        });
    }
}

TEST_CASE("a store in debt is closed at once, and one thread alone gets out of debt") {
    simulation world{7};
    world.run([&] {
        store_options options;
        options.segment_bytes = 32 * KiB;
        options.page_memory_bytes = 1 * MiB;
        options.checkpoint_log_bytes = 32 * KiB;
        {
            auto db = store<in_pages_buffered>::open("db", options, world.platform()).value();
            REQUIRE(write(world, db, 100).refused == 0);
            slow_syncs(world, "data-", milliseconds(300));
            for (int i = 0; i < 100 && db.writes().debt < 0.3; ++i)
                REQUIRE(write(world, db, 20).refused == 0);
            CHECK(db.writes().debt >= 0.3);
            for (int i = 0; i < 1000 && db.writes().debt != 0; ++i)
                REQUIRE(write(world, db, 1).refused == 0);
            CHECK(db.writes().debt == 0);
            for (int i = 0; i < 100 && db.writes().debt < 0.3; ++i)
                REQUIRE(write(world, db, 20).refused == 0);
            CHECK(db.close());
            world.clear_faults();
            CHECK(db.writes().delayed == 0);  // of a store that is closed
        }
        auto db = store<in_pages_buffered>::open("db", options, world.platform()).value();
        CHECK(db.verify());
    });
}
