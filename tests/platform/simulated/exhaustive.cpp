// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>

#include "../death.hpp"

#include <set>
#include <string>

using namespace mantis;
using namespace platform_test;

namespace {

// The schedules of two threads that have so many pieces left, of which `running` has just ended
// one: each thread's pieces in order, with at most `preemptions` turns taken from a thread that
// has more. Once one has none, the rest is given.
std::uint64_t schedules(unsigned pieces[2], int running, unsigned preemptions) {
    std::uint64_t count = 0;
    for (int next = 0; next < 2; ++next) {
        if (next != running && preemptions == 0) continue;
        --pieces[next];
        count += pieces[next] == 0
                     ? 1
                     : schedules(pieces, next, next == running ? preemptions : preemptions - 1);
        ++pieces[next];
    }
    return count;
}

// Two threads that take so many steps each, with the start before the first's and the join after.
exhaustive_report run_steps(unsigned mine, unsigned others, unsigned preemptions,
                            std::set<std::string>* orders = nullptr) {
    return exhaustive_schedules(
        [&](simulation& world) {
            simulated::atomic<int> step{0};
            std::string order;
            world.run([&] {
                simulated::thread other{[&] {
                    for (unsigned i = 0; i < others; ++i) {
                        ++step;
                        order += 'o';
                    }
                }};
                for (unsigned i = 0; i < mine; ++i) {
                    ++step;
                    order += 'm';
                }
                other.join();
            });
            if (orders != nullptr) orders->insert(order);
        },
        {.max_preemptions = preemptions});
}

template <class Increment>
exhaustive_report run_increments(Increment increment, unsigned preemptions) {
    return exhaustive_schedules(
        [&](simulation& world) {
            simulated::atomic<int> count{0};
            world.run([&] {
                simulated::thread other{[&] { increment(count); }};
                increment(count);
                other.join();
            });
            return count.load() == 2;
        },
        {.max_preemptions = preemptions});
}
void read_and_write(simulated::atomic<int>& count) { count.store(count.load() + 1); }
void add(simulated::atomic<int>& count) { ++count; }

exhaustive_report run_mutex(unsigned preemptions) {
    return exhaustive_schedules(
        [](simulation& world) {
            simulated::mutex mutex;
            int inside = 0;
            int count = 0;
            bool alone = true;
            world.run([&] {
                const auto work = [&] {
                    const lock_guard<simulated::mutex> hold{mutex};
                    alone = alone && ++inside == 1;
                    ++count;
                    --inside;
                };
                simulated::thread first{work};
                simulated::thread second{work};
                first.join();
                second.join();
            });
            return alone && count == 2;
        },
        {.max_preemptions = preemptions});
}

}  // namespace

TEST_CASE("the number of schedules is the number of ways to merge the steps of two threads") {
    CHECK(run_steps(0, 0, 99).runs == 3);    // 3 over 1
    CHECK(run_steps(1, 1, 99).runs == 10);   // 5 over 2
    CHECK(run_steps(2, 2, 99).runs == 35);   // 7 over 3
    CHECK(run_steps(3, 3, 99).runs == 126);  // 9 over 4
    CHECK(run_steps(4, 1, 99).runs == 28);   // 8 over 2
}

TEST_CASE("a bound on preemptions counts every switch from a thread that could go on") {
    for (unsigned mine = 0; mine < 4; ++mine)
        for (unsigned others = 0; others < 4; ++others)
            for (unsigned preemptions = 0; preemptions < 6; ++preemptions) {
                CAPTURE(mine);
                CAPTURE(others);
                CAPTURE(preemptions);
                unsigned pieces[2] = {mine + 2, others + 1};
                const exhaustive_report report = run_steps(mine, others, preemptions);
                CHECK(report.exhausted);
                CHECK(report.runs == schedules(pieces, 0, preemptions));
            }
}

TEST_CASE("every order of steps is reached") {
    std::set<std::string> orders;
    CHECK(run_steps(3, 3, 99, &orders).exhausted);
    CHECK(orders.size() == 20);  // 6 over 3
}

TEST_CASE("where no thread can go on, every choice of the next one is free") {
    // Two threads that are joined in order: the first ends before the second begins, or after; in
    // the first case the joining thread or the second may go on.
    const exhaustive_report report = run_mutex(0);
    CHECK(report.exhausted);
    CHECK(report.runs == 3);
}

TEST_CASE("a lost update is found with one preemption, and its schedule can be run again") {
    CHECK_FALSE(run_increments(read_and_write, 0).failed);
    exhaustive_report report = run_increments(read_and_write, 1);
    CHECK(report.failed);
    CHECK_FALSE(report.exhausted);
    CHECK(report.runs < 10);
    for (int again = 0; again < 3; ++again) {
        report.last.rewind();
        simulation_options options;
        options.scheduling = {.kind = schedule_kind::scripted, .script = &report.last};
        simulation world{1, options};
        simulated::atomic<int> count{0};
        world.run([&] {
            simulated::thread other{[&] { read_and_write(count); }};
            read_and_write(count);
            other.join();
        });
        CHECK(count.load() == 1);
    }
}

TEST_CASE("a program without a mistake is shown to have none") {
    const exhaustive_report atomics = run_increments(add, 99);
    CHECK(atomics.exhausted);
    CHECK_FALSE(atomics.failed);
    const exhaustive_report mutex = run_mutex(99);
    CHECK(mutex.exhausted);
    CHECK_FALSE(mutex.failed);
    CHECK(mutex.runs > 1'000);
}

TEST_CASE("a lost wake-up is found, and the report has its schedule") {
    const death end = death_of([] {
        (void)exhaustive_schedules([](simulation& world) {
            simulated::mutex mutex;
            simulated::condition changed;
            simulated::atomic<bool> ready{false};
            world.run([&] {
                simulated::thread other{[&] {
                    ready.store(true);
                    changed.notify_one();
                }};
                mutex.lock();
                while (!ready.load()) changed.wait(mutex);
                mutex.unlock();
                other.join();
            });
        });
    });
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "dead-lock after"));
    CHECK(contains(end.said, "thread 0 waits on a condition"));
    CHECK(contains(end.said, "its schedule is 0 "));
}

TEST_CASE("all who wait for one wake-up get it in some schedule") {
    std::set<int> woken;
    const exhaustive_report report = exhaustive_schedules(
        [&](simulation& world) {
            auto platform = world.platform();
            simulated::mutex mutex;
            simulated::condition changed;
            int first = -1;
            world.run([&] {
                std::vector<simulated::thread> threads;
                for (int i = 0; i < 3; ++i)
                    threads.emplace_back([&, i] {
                        mutex.lock();
                        changed.wait(mutex);
                        if (first < 0) first = i;
                        mutex.unlock();
                    });
                platform.sleep(seconds(1));
                changed.notify_one();
                platform.sleep(seconds(1));
                woken.insert(first);
                changed.notify_all();
                for (auto& thread : threads) thread.join();
            });
        },
        {.max_preemptions = 0});
    CHECK(report.exhausted);
    CHECK(woken == std::set<int>{0, 1, 2});
}

TEST_CASE("it stops after as many runs as it may do") {
    const exhaustive_report report = exhaustive_schedules(
        [](simulation& world) {
            simulated::atomic<int> step{0};
            world.run([&] {
                const auto work = [&] {
                    for (int i = 0; i < 100; ++i) ++step;
                };
                simulated::thread other{work};
                work();
                other.join();
            });
        },
        {.max_runs = 50});
    CHECK(report.runs == 50);
    CHECK_FALSE(report.exhausted);
    CHECK_FALSE(report.failed);
}
