// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/word_latch.hpp>

using namespace mantis;

static_assert(latch<word_latch<posix>> && latch<word_latch<simulated>>);
static_assert(sizeof(word_latch<posix>) == 4);

namespace {

// Threads that count in turn, locking and trying.
//   Returns     whether each was alone
template <class Platform>
bool alone_inside(int threads, int rounds) {
    word_latch<Platform> held;
    typename Platform::template atomic<std::uint32_t> inside{0};
    typename Platform::template atomic<std::uint32_t> together{0};
    typename Platform::template atomic<std::uint32_t> entered{0};
    std::uint32_t count = 0;  // only the latch protects it
    std::vector<typename Platform::thread> all;
    for (int number = 0; number < threads; ++number)
        all.emplace_back([&, number] {
            for (int i = 0; i < rounds; ++i) {
                if (i % 3 != 2 || number == 0) held.lock();
                else if (!held.try_lock()) continue;
                if (inside.fetch_add(1) != 0) together.fetch_add(1);
                ++count;
                inside.fetch_sub(1);
                entered.fetch_add(1);
                held.unlock();
            }
        });
    for (auto& thread : all) thread.join();
    return together.load() == 0 && count == entered.load() && held.try_lock();
}

}  // namespace

TEST_CASE("every schedule of three threads with two preemptions: one inside, none left behind") {
    const auto report = exhaustive_schedules([](simulation& world) {
        bool alone = false;
        world.run([&] { alone = alone_inside<simulated>(3, 1); });
        return alone;
    });
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
    CHECK(report.runs > 1'000);
}

TEST_CASE("500 seeds: one inside, none left behind") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([] { CHECK(alone_inside<simulated>(4, 6)); });
    }
}

TEST_CASE("real threads: one inside, none left behind") {
    CHECK(alone_inside<posix>(4, 20'000));
}
