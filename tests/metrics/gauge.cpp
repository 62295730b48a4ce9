// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/metrics/gauge.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

using namespace mantis;

static_assert(sizeof(gauge<posix>) == 8);

namespace {

template <class Platform>
std::int64_t level_after(std::size_t threads, int rounds) {
    gauge<Platform> level;
    level.set(10);
    std::vector<typename Platform::thread> all;
    for (std::size_t number = 0; number < threads; ++number)
        all.emplace_back([&level, rounds] {
            for (int i = 0; i < rounds; ++i) {
                level.add(5);
                level.subtract(3);
            }
        });
    for (auto& thread : all) thread.join();
    return level.value();
}

}  // namespace

TEST_CASE("a gauge is what it was set to, more or less what was added and taken") {
    gauge<posix> level;
    CHECK(level.value() == 0);
    level.set(-5);
    CHECK(level.value() == -5);
    level.add();
    level.add(10);
    CHECK(level.value() == 6);
    level.subtract();
    level.subtract(10);
    CHECK(level.value() == -5);
    level.set(INT64_MIN);
    CHECK(level.value() == INT64_MIN);
}

TEST_CASE("real threads: nothing added or taken is lost") {
    CHECK(level_after<posix>(8, 10'000) == 10 + 8 * 20'000);
}

TEST_CASE("every schedule of three threads with two preemptions: nothing is lost") {
    const auto report = exhaustive_schedules([](simulation& world) {
        std::int64_t level = 0;
        world.run([&] { level = level_after<simulated>(3, 1); });
        return level == 10 + 3 * 2;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}
