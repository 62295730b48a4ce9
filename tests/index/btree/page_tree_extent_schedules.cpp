// SPDX-License-Identifier: BSL-1.0
//
// Writers and readers of values in pages of their own, under drawn schedules and with real threads:
// whoever reads a value while it is replaced or erased sees one whole value, or none.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"
#include "tree_threads.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

namespace {

constexpr std::size_t six_pages = 6 * 456;

}  // namespace

TEST_CASE("200 seeds: large values come and go, with ample frames") {
    for (std::uint64_t seed = 0; seed < 200; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{4 + seed % 3 * 4, 1 + seed % 2, 90, six_pages};
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
            CHECK(threads.refused.load() == 0);
            threads.erase_all();
            CHECK(threads.all.damage() == "");
            CHECK(threads.all.numbers.used_count() == 1);
        });
    }
}

TEST_CASE("120 seeds: the same while pages leave and come back, slowly") {
    for (std::uint64_t seed = 0; seed < 120; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            tree_of_threads<simulated> threads{8, 2, 5 + seed % 12, six_pages};
            threads.may_refuse = true;
            if (seed % 3 == 0) threads.all.disk.platform = &platform;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
        });
    }
}

TEST_CASE("120 seeds: the same, and one read or write in twenty fails") {
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 0; seed < 120; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{8, 2, 5 + seed % 12, six_pages};
            threads.may_fail = true;
            threads.all.disk.salt = seed + 1;
            threads.all.disk.fail_reads_one_in = 20;
            threads.all.disk.fail_writes_one_in = 20;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
            refused += threads.refused.load();
        });
    }
    CHECK(refused > 120 / one_in);
}

TEST_CASE("30 seeds: a value that five threads replace all the time is read as a whole") {
    for (std::uint64_t seed = 0; seed < 30; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            constexpr std::size_t size = 12 * 456;
            rig<simulated> all{512, 200};
            simulated::atomic<std::uint64_t> wrong{0};
            REQUIRE(all.tree.put("key", patterned(size, 0), lsn{0}));
            std::vector<simulated::thread> running;
            for (std::uint64_t number = 1; number <= 5; ++number)
                running.emplace_back([&, number] {
                    for (std::uint64_t version = number; version < 40; version += 5)
                        if (!all.tree.put("key", patterned(size, version), lsn{version}))
                            wrong.fetch_add(1);
                });
            running.emplace_back([&] {
                for (int i = 0; i < 6; ++i) {
                    bool seen = false;
                    const auto found = all.tree.find("key", [&](bytes_view value, lsn version) {
                        seen = value == bytes_view{patterned(size, version.value)};
                    });
                    if (!found || !seen) wrong.fetch_add(1);
                }
            });
            for (auto& thread : running) thread.join();
            CHECK(wrong.load() == 0);
            CHECK(all.damage() == "");
            CHECK(all.numbers.used_count() == 13);
        });
    }
}

TEST_CASE("real threads replace, erase and read large values, with ample frames and with a few") {
    for (const std::size_t frames : {400u, 24u}) {
        tree_of_threads<posix> threads{24, 2, frames, 20 * 456};
        threads.may_refuse = frames < 100;
        threads.run(2, 4'000 / one_in, frames);
        CHECK(threads.damage() == "");
        threads.erase_all();
        CHECK(threads.all.damage() == "");
        CHECK(threads.all.numbers.used_count() == 1);
    }
}
