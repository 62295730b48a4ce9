// SPDX-License-Identifier: BSL-1.0
//
// Writers and readers of one tree, under drawn schedules and with real threads.
#include "../../sanitized.hpp"
#include "tree_threads.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

TEST_CASE("300 seeds: threads see each key as its writer leaves it, with ample frames") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{20 + seed % 5 * 4, 2 + seed % 2, 60};
            threads.run(1 + seed % 3, 20, seed);
            CHECK(threads.damage() == "");
            CHECK(threads.refused.load() == 0);
        });
    }
}

TEST_CASE("300 seeds: the same while pages leave and come back, slowly") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            tree_of_threads<simulated> threads{40, 2, 5 + seed % 6};
            threads.may_refuse = true;
            if (seed % 3 == 0) threads.all.disk.platform = &platform;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
        });
    }
}

TEST_CASE("300 seeds: the same with ids, whose leaves become dense and ordinary again") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            const bool ample = seed % 2 == 0;
            tree_of_threads<simulated> threads{200 + seed % 5 * 8, 2, ample ? 60 : 5 + seed % 6, 12,
                                               true};
            threads.may_refuse = !ample;
            if (seed % 3 == 0) threads.walk_bytes = 300;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
        });
    }
}

TEST_CASE("300 seeds: the same, and one read or write in six fails") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{40, 2, 5 + seed % 6};
            threads.may_fail = true;
            threads.all.disk.salt = seed + 1;
            threads.all.disk.fail_reads_one_in = 6;
            threads.all.disk.fail_writes_one_in = 6;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
        });
    }
}

TEST_CASE("real threads, with ample frames and with a few") {
    for (const std::size_t frames : {200u, 16u}) {
        tree_of_threads<posix> threads{120, 2, frames};
        threads.may_refuse = frames < 100;
        threads.run(2, 20'000 / one_in, frames);
        CHECK(threads.damage() == "");
        tree_of_threads<posix> of_ids{400, 2, frames, 12, true};
        of_ids.may_refuse = frames < 100;
        of_ids.run(2, 20'000 / one_in, frames);
        CHECK(of_ids.damage() == "");
    }
}
