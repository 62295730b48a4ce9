// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include <set>
#include <string>

using namespace mantis;
using detail::running_actor;
using detail::scheduler;

TEST_CASE("a run has one simulated thread to begin with, and none is left after it") {
    scheduler world{1, 1'000};
    CHECK(running_actor == nullptr);
    world.run([&] {
        REQUIRE(running_actor != nullptr);
        CHECK(&running_actor->home == &world);
        CHECK_FALSE(world.deserted());
    });
    CHECK(running_actor == nullptr);
    CHECK(world.deserted());
}

TEST_CASE("a wait ends with its alarm, and the clock is there") {
    scheduler world{1, 1'000};
    const int key = 0;
    world.run([&] {
        CHECK_FALSE(world.block(step_kind::wait, &key, 5'000, nullptr));
        CHECK(world.now().count == 5'000);
        CHECK_FALSE(world.block(step_kind::wait, &key, 10, nullptr));  // long past
        CHECK(world.now().count == 5'000);
    });
}

TEST_CASE("alarms ring in the order of their times") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        std::string order;
        world.run([&] {
            std::vector<simulated::thread> threads;
            for (const int ms : {50, 10, 40, 20, 30})
                threads.emplace_back([&, ms, own = platform]() mutable {
                    own.sleep(milliseconds(ms));
                    order += static_cast<char>('0' + ms / 10);
                });
            for (auto& thread : threads) thread.join();
        });
        CHECK(order == "12345");
    }
}

TEST_CASE("who is woken out of several is up to the seed") {
    std::set<int> first;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        simulated::mutex mutex;
        simulated::condition changed;
        int woken = -1;
        bool all = false;
        world.run([&] {
            std::vector<simulated::thread> threads;
            for (int i = 0; i < 3; ++i)
                threads.emplace_back([&, i] {
                    mutex.lock();
                    changed.wait(mutex);
                    if (woken < 0) woken = i;
                    all = true;
                    mutex.unlock();
                });
            platform.sleep(seconds(1));
            changed.notify_one();
            platform.sleep(seconds(1));
            first.insert(woken);
            changed.notify_all();
            for (auto& thread : threads) thread.join();
        });
        CHECK(all);
    }
    CHECK(first == std::set<int>{0, 1, 2});
}

TEST_CASE("a step costs time, and the trace knows every one") {
    scheduler world{1, 1'000};
    world.run([&] {
        const std::uint64_t hash = world.trace_hash();
        const nanoseconds before = world.now();
        world.step(step_kind::atomic);
        CHECK(world.now().count > before.count);
        CHECK(world.trace_hash() != hash);
        CHECK(world.steps() == 1);
    });
}

TEST_CASE("a report has a sentence for every thread that has not ended") {
    scheduler world{9, 1'000};
    world.run([&] {
        const bytes text = world.report("looked at after");
        CHECK(text == bytes{bytes_view{"simulation of seed 9: looked at after 0 steps and 0 ns; "
                                       "thread 0 can run"}});
    });
}
