// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../death.hpp"

#include <set>
#include <string>

using namespace mantis;
using namespace platform_test;

TEST_CASE("a thread may begin at once or only when it is joined") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        simulated::atomic<int> step{0};
        std::string order;
        world.run([&] {
            simulated::thread other{[&] { order += "t"; }};
            for (int i = 0; i < 3; ++i) {
                ++step;
                order += "m";
            }
            other.join();
        });
        orders.insert(order);
    }
    CHECK(orders == std::set<std::string>{"tmmm", "mtmm", "mmtm", "mmmt"});
}

TEST_CASE("threads may start threads and be joined by others") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed};
        int ended = 0;
        world.run([&] {
            simulated::thread inner;
            simulated::thread outer{[&] {
                inner = simulated::thread{[&] { ++ended; }};
                ++ended;
            }};
            outer.join();
            inner.join();
            CHECK(ended == 2);
        });
    }
}

TEST_CASE("what the body owns is destroyed while its thread still runs") {
    struct witness {
        witness(simulated::mutex& of, int& counted) : mutex{&of}, count{&counted} {}
        witness(witness&& other) noexcept
            : mutex{std::exchange(other.mutex, nullptr)}, count{other.count} {}
        ~witness() {
            if (mutex == nullptr) return;
            mutex->lock();  // needs the baton
            ++*count;
            mutex->unlock();
        }
        simulated::mutex* mutex;
        int* count;
    };
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed};
        simulated::mutex mutex;
        int count = 0;
        world.run([&] {
            simulated::thread other{[own = witness{mutex, count}] { (void)own; }};
            mutex.lock();
            mutex.unlock();
            other.join();
        });
        CHECK(count == 1);
    }
}

TEST_CASE("a thread made between two runs begins with the next") {
    simulation world{1};
    int runs = 0;
    simulated::thread early{[&] { ++runs; }};
    CHECK(runs == 0);
    world.run([&] { early.join(); });
    CHECK(runs == 1);
    simulated::thread late{[&] { ++runs; }};
    late.join();
    CHECK(runs == 2);
}

TEST_CASE("a thread outside of every simulation stops the program with a sentence") {
    const death end = death_of([] { const simulated::thread nowhere{[] {}}; });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "a simulated thread is made outside of every simulation"));
}

TEST_CASE("reports name threads by their labels") {
    const death end = death_of([] {
        simulation world{1};
        simulated::mutex mutex;
        label_thread("nobody");  // outside of a run
        world.run([&] {
            label_thread("opener");
            simulated::thread other{[&] {
                label_thread("a writer with a name that is longer than a label may be");
                mutex.lock();
                mutex.lock();
            }};
            other.join();
        });
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said,
                   "; thread 0 (opener) waits for the end of a thread, thread 1 (a writer"
                   " with a name that is lo), last step: joins a thread"));
    CHECK(contains(end.said,
                   "; thread 1 (a writer with a name that is lo) waits for a mutex, held "
                   "by thread 1 (a writer with a name that is lo), last step: locks a "
                   "mutex"));
    CHECK_FALSE(contains(end.said, "nobody"));
}
