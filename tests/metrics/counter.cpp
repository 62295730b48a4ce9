// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/counter.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

using namespace mantis;

static_assert(sizeof(counter<posix>) == 1024);

namespace {

// Threads that add 1, 2, ... each, to one counter.
//   Returns     what it counts in the end
template <class Platform>
std::uint64_t count_of(std::size_t threads, std::uint64_t rounds) {
    counter<Platform> count;
    std::vector<typename Platform::thread> all;
    for (std::size_t number = 0; number < threads; ++number)
        all.emplace_back([&count, rounds] {
            for (std::uint64_t i = 1; i <= rounds; ++i) count.add(i % 3 + 1);
        });
    for (auto& thread : all) thread.join();
    return count.value();
}

}  // namespace

TEST_CASE("a counter begins at nothing, adds one or more, and wraps around") {
    counter<posix> count;
    CHECK(count.value() == 0);
    count.add();
    count.add(41);
    count.add(0);
    CHECK(count.value() == 42);
    count.add(UINT64_MAX);
    CHECK(count.value() == 41);
}

TEST_CASE("real threads, 8 at once and 40 after each other: no count is lost") {
    CHECK(count_of<posix>(8, 30'000) == 8 * 60'000);
    counter<posix> count;
    for (int i = 0; i < 40; ++i) posix::thread{[&count] { count.add(3); }}.join();
    CHECK(count.value() == 120);
}

TEST_CASE("every schedule of three threads with two preemptions: no count is lost") {
    const auto report = exhaustive_schedules([](simulation& world) {
        std::uint64_t counted = 0;
        world.run([&] { counted = count_of<simulated>(3, 1); });
        return counted == 3 * 2;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 100);
}

TEST_CASE("50 seeds: 40 threads share 16 lines and lose no count") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] { CHECK(count_of<simulated>(40, 3) == 40 * 6); });
    }
}

TEST_CASE("a value read while others add never falls, and holds all that was added before") {
    counter<posix> count;
    posix::atomic<std::uint64_t> done{0};
    std::vector<posix::thread> all;
    for (int number = 0; number < 4; ++number)
        all.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                count.add();
                done.fetch_add(1);
            }
        });
    std::uint64_t seen = 0;
    while (seen < 4 * 20'000) {
        const std::uint64_t before = done.load();
        const std::uint64_t now = count.value();
        REQUIRE(now >= seen);
        REQUIRE(now >= before);
        seen = now;
    }
    for (auto& thread : all) thread.join();
    CHECK(count.value() == 4 * 20'000);
}
