// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../death.hpp"

#include <algorithm>
#include <set>
#include <string>

using namespace mantis;
using namespace platform_test;
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

TEST_CASE("a report says what every thread did last") {
    scheduler world{9, 1'000};
    world.run([&] {
        running_actor->rename("looker");
        world.step(step_kind::unlock);
        CHECK(world.report("looked at after")
                  .as<std::string>()
                  .find("; thread 0 (looker) can run, last step: unlocks a mutex") !=
              std::string::npos);
    });
}

TEST_CASE("the last 50 events are kept, with their times, threads and paths") {
    scheduler world{9, 1'000};
    world.run([&] {
        for (int i = 0; i < 60; ++i) world.step(step_kind::atomic);
        running_actor->rename("writer");
        world.record(step_kind::io, 1, {"writing a file", "db/log.7", 4096, 512});
        (void)world.block(step_kind::sleep, nullptr, world.now().count + 10, nullptr);
    });
    world.record(step_kind::io, 2);
    const std::string text = world.recent_events().as<std::string>();
    CHECK(std::count(text.begin(), text.end(), '\n') == 50);
    CHECK(contains(text, " ns, thread 0 (writer): uses an atomic\n"));
    CHECK(contains(text, " ns, thread 0 (writer): writing a file db/log.7 at 4096, 512 bytes\n"));
    CHECK(contains(text, " ns, thread 0 (writer): sleeps\n"));
    CHECK(text.substr(text.rfind("outside")) == "outside of a run: does an I/O\n");
}

TEST_CASE("a dead-lock and a live-lock stop the program with the last events") {
    const death locked = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        world.run([&] {
            mutex.lock();
            mutex.lock();
        });
    });
    CHECK(locked.signal == SIGABRT);
    CHECK(contains(locked.said, "dead-lock after 3 steps"));
    CHECK(contains(locked.said, "; the last events:\n"));
    CHECK(contains(locked.said, " ns, thread 0: waits for a mutex\n"));
    const death spinning = death_of([] {
        simulation world{1, {.max_steps = 5'000}};
        simulated::atomic<bool> never{false};
        simulated::mutex mutex;
        world.run([&] {
            label_thread("spinner");
            mutex.lock();
            simulated::thread other{[&] {
                label_thread("waiter");
                mutex.lock();
            }};
            while (!never.load()) {}
        });
    });
    CHECK(spinning.signal == SIGABRT);
    CHECK(contains(spinning.said, "no end after 5001 steps"));
    CHECK(contains(spinning.said, "; thread 0 (spinner) can run, last step: uses an atomic"));
    CHECK(contains(spinning.said,
                   "; thread 1 (waiter) waits for a mutex, held by thread 0 "
                   "(spinner), last step: locks a mutex"));
    CHECK(contains(spinning.said, " ns, thread 0 (spinner): uses an atomic\n"));
}

TEST_CASE("the wall clock jumps ahead and back where the schedule says so, the steady one never") {
    simulation_options options;
    int ahead = 0;
    int back = 0;
    const auto look = [&](std::uint64_t seed) {
        simulation world{seed, options};
        auto platform = world.platform();
        for (int i = 0; i < 100; ++i) {
            const nanoseconds wall = platform.wall_time();
            const nanoseconds steady = platform.now();
            const nanoseconds later = platform.wall_time();
            CHECK(platform.now() > steady);
            CHECK((later - wall).count <= seconds(3601).count);
            CHECK((wall - later).count <= seconds(3601).count);
            ahead += later - wall > seconds(1) ? 1 : 0;
            back += later < wall ? 1 : 0;
        }
        return platform.wall_time();
    };
    (void)look(1);
    CHECK(ahead + back == 0);
    options.scheduling.wall_jump_one_in = 4;
    options.scheduling.wall_jump = seconds(3600);
    CHECK(look(2) == look(2));
    CHECK(ahead > 10);
    CHECK(back > 10);
}
