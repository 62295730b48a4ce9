// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/simulated.hpp>

#include "../death.hpp"

#include <set>
#include <string>

using namespace mantis;
using namespace platform_test;

TEST_CASE("who gets a mutex next is up to the seed") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        simulated::mutex mutex;
        std::string order;
        world.run([&] {
            mutex.lock();
            std::vector<simulated::thread> threads;
            for (int i = 0; i < 3; ++i)
                threads.emplace_back([&, i] {
                    const lock_guard<simulated::mutex> hold{mutex};
                    order += static_cast<char>('a' + i);
                });
            mutex.unlock();
            for (auto& thread : threads) thread.join();
        });
        orders.insert(order);
    }
    CHECK(orders.size() == 6);
}

TEST_CASE("letting go of the mutex and beginning to wait are one: no wake-up is lost") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        simulation world{seed};
        simulated::mutex mutex;
        simulated::condition changed;
        bool ready = false;
        world.run([&] {
            simulated::thread other{[&] {
                const lock_guard<simulated::mutex> hold{mutex};
                ready = true;
                changed.notify_one();
            }};
            {
                const lock_guard<simulated::mutex> hold{mutex};
                while (!ready) changed.wait(mutex);
            }
            other.join();
        });
        CHECK(ready);
    }
}

TEST_CASE("a wake-up without the mutex is lost under some seed, as it is on real machines") {
    const death end = death_of([] {
        for (std::uint64_t seed = 0; seed < 300; ++seed) {
            simulation world{seed};
            simulated::mutex mutex;
            simulated::condition changed;
            simulated::atomic<bool> ready{false};
            world.run([&] {
                simulated::thread other{[&] {
                    ready.store(true);
                    changed.notify_one();
                }};
                {
                    const lock_guard<simulated::mutex> hold{mutex};
                    while (!ready.load()) changed.wait(mutex);
                }
                other.join();
            });
        }
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "waits on a condition"));
}

TEST_CASE("a wait with a limit is woken before it, or ends at it") {
    int woken = 0;
    int late = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        simulated::mutex mutex;
        simulated::condition changed;
        world.run([&] {
            simulated::thread other{[&] {
                platform.sleep(nanoseconds{static_cast<std::int64_t>(seed) * 100});
                changed.notify_one();
            }};
            mutex.lock();
            const nanoseconds before = world.now();
            if (changed.wait_for(mutex, microseconds(10))) ++woken;
            else if (++late; true) CHECK((world.now() - before).count >= microseconds(10).count);
            mutex.unlock();
            other.join();
        });
    }
    CHECK(woken > 20);
    CHECK(late > 20);
}

TEST_CASE("waits end for no reason where the schedule says so, and a loop does not mind") {
    simulation_options options;
    options.scheduling.spurious_one_in = 2;
    int alone = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed, options};
        auto platform = world.platform();
        simulated::mutex mutex;
        simulated::condition changed;
        bool ready = false;
        world.run([&] {
            simulated::thread other{[&] {
                platform.sleep(seconds(1));
                const lock_guard<simulated::mutex> hold{mutex};
                ready = true;
                changed.notify_one();
            }};
            const lock_guard<simulated::mutex> hold{mutex};
            const bool woken = changed.wait_for(mutex, seconds(2));
            if (!ready) ++alone;
            CHECK(woken);  // the limit had nothing to do with it
            while (!ready) changed.wait(mutex);
            mutex.unlock();
            other.join();
            mutex.lock();
        });
        CHECK(world.now() < seconds(2));
    }
    CHECK(alone > 30);
    CHECK(alone < 70);
}

TEST_CASE("misuse of a mutex stops the program with a sentence") {
    const death stranger = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        world.run([&] {
            mutex.lock();
            simulated::thread other{[&] { mutex.unlock(); }};
            other.join();
        });
    });
    CHECK(stranger.signal == SIGABRT);
    CHECK(contains(stranger.said, "unlocked by a thread that does not hold it"));
    const death twice = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        world.run([&] {
            mutex.lock();
            mutex.lock();
        });
    });
    CHECK(twice.signal == SIGABRT);
    CHECK(contains(twice.said, "thread 0 waits for a mutex, held by thread 0"));
    const death bare = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        simulated::condition changed;
        world.run([&] { changed.wait(mutex); });
    });
    CHECK(bare.signal == SIGABRT);
    CHECK(contains(bare.said, "with a mutex that this thread does not hold"));
}
