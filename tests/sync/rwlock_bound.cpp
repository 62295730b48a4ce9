// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/rwlock.hpp>

#include <cstring>
#include <string>

using namespace mantis;

namespace {

constexpr std::uint64_t writers_parked_bit = 2;
constexpr std::uint64_t readers_parked_bit = 4;

// A look at the word of a lock, which is its first eight bytes, without a step.
template <class Lock>
std::uint64_t word_of(const Lock& lock) {
    std::uint64_t word = 0;
    std::memcpy(&word, static_cast<const void*>(&lock), sizeof word);
    return word;
}

// Threads that enter exclusively without an end, by `use(lock)`, which says whether it held it.
template <class Lock>
struct crowd {
    crowd(Lock& lock, int count, void (*use)(Lock&, crowd&)) {
        for (int i = 0; i < count; ++i)
            threads.emplace_back([this, &lock, use] {
                while (!over) use(lock, *this);
            });
    }
    ~crowd() {
        over = true;
        for (auto& thread : threads) thread.join();
    }
    //   Requires    the caller is inside alone
    void count(const Lock& lock, std::uint64_t bit) {
        if (waiting && (word_of(lock) & bit) != 0) ++passed;
    }

    bool over = false;
    bool waiting = false;  // the one whose passing is counted
    unsigned passed = 0;
    std::vector<simulated::thread> threads;
};

using three_in_a_row = writer_preference<3, seconds(1000), 4095>;

// How many exclusive entries passed a reader while it was parked.
unsigned writers_past_a_reader(std::uint64_t seed) {
    using lock_type = rwlock<simulated, three_in_a_row>;
    simulation world{seed, {.max_steps = 3'000'000, .scheduling = drawn_schedule(seed)}};
    unsigned passed = 0;
    world.run([&] {
        lock_type lock;
        lock.lock();
        simulated::thread reader;
        {
            crowd<lock_type> writers{lock, 3, [](lock_type& held, crowd<lock_type>& all) {
                                         held.lock();
                                         all.count(held, readers_parked_bit);
                                         held.unlock();
                                     }};
            reader = simulated::thread{[&] {
                writers.waiting = true;
                const shared_guard hold{lock};
                writers.waiting = false;
                passed = writers.passed;
            }};
            while ((word_of(lock) & readers_parked_bit) == 0) simulated::parking::relax();
            lock.unlock();
            reader.join();
        }
    });
    return passed;
}

using two_past = writer_preference<4095, seconds(1000), 2>;

// How often a parked writer of this priority is passed by before it is inside.
unsigned writers_past_a_writer(std::uint64_t seed, lock_priority priority) {
    using lock_type = rwlock<simulated, two_past>;
    simulation world{seed, {.max_steps = 3'000'000, .scheduling = drawn_schedule(seed)}};
    unsigned passed = 0;
    world.run([&] {
        lock_type lock;
        lock.lock();
        bool begun = false;
        simulated::thread writer{[&] {
            lock.lock(priority);
            begun = true;
            lock.unlock();
        }};
        while ((word_of(lock) & writers_parked_bit) == 0) simulated::parking::relax();
        {
            crowd<lock_type> writers{lock, 3, [](lock_type& held, crowd<lock_type>& all) {
                                         held.lock(lock_priority::high);
                                         if (all.waiting) ++all.passed;
                                         held.unlock();
                                     }};
            writers.waiting = true;
            lock.unlock();
            while (!begun) {
                passed = writers.passed;
                simulated::parking::relax();
            }
            writer.join();
        }
    });
    return passed;
}

}  // namespace

TEST_CASE("300 seeds: a parked reader is passed by as many writers as the bound says, not more") {
    unsigned most = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const unsigned passed = writers_past_a_reader(seed);
        CHECK(passed <= three_in_a_row::writers_in_a_row);
        most = passed > most ? passed : most;
    }
    CHECK(most == three_in_a_row::writers_in_a_row);
}

TEST_CASE("300 seeds: the oldest writer is passed by as many as the bound says, of any priority") {
    unsigned most = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const auto priority = seed % 2 == 0 ? lock_priority::low : lock_priority::high;
        const unsigned passed = writers_past_a_writer(seed, priority);
        CHECK(passed <= two_past::writers_past_a_writer);
        most = passed > most ? passed : most;
    }
    CHECK(most == two_past::writers_past_a_writer);
}

TEST_CASE("100 seeds: a reader that waited longer than the bound goes in after one more writer") {
    using lock_type = rwlock<simulated, writer_preference<4095, microseconds(50), 4095>>;
    bool passed_more = false;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 3'000'000}};
        auto platform = world.platform();
        world.run([&] {
            lock_type lock;
            lock.lock();
            const auto write = [&] {
                for (int i = 0; i < 40; ++i) {
                    lock.lock();
                    platform.sleep(microseconds(10));
                    lock.unlock();
                }
            };
            simulated::thread reader;
            simulated::thread one{write};
            simulated::thread two{write};
            nanoseconds waited{};
            reader = simulated::thread{[&] {
                const nanoseconds began = platform.now();
                const shared_guard hold{lock};
                waited = platform.now() - began;
            }};
            while ((word_of(lock) & readers_parked_bit) == 0) simulated::parking::relax();
            lock.unlock();
            reader.join();
            // The writer inside at the time, and one before which a woken writer was on its way.
            CHECK(waited < microseconds(120));
            passed_more = passed_more || waited > microseconds(50);
            one.join();
            two.join();
        });
    }
    CHECK(passed_more);
}

TEST_CASE("50 seeds: readers past their time do not go before a writer that none has passed") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed, {.max_steps = 1'000'000}};
        auto platform = world.platform();
        world.run([&] {
            rwlock<simulated, writer_preference<4095, nanoseconds{0}, 4095>> lock;
            std::string order;
            lock.lock_shared();
            simulated::thread writer{[&] {
                const exclusive_guard hold{lock};
                order += 'w';
            }};
            platform.sleep(microseconds(50));
            simulated::thread reader{[&] {
                const shared_guard hold{lock};
                order += 'r';
            }};
            platform.sleep(microseconds(50));
            lock.unlock_shared();
            writer.join();
            reader.join();
            CHECK(order == "wr");
        });
    }
}

TEST_CASE("100 seeds: all readers parked at that moment go in together, those later wait") {
    using lock_type = rwlock<simulated, writer_preference<1, seconds(1000), 4095>>;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 1'000'000}};
        auto platform = world.platform();
        world.run([&] {
            lock_type lock;
            int inside = 0;
            std::string order;
            lock.lock();
            simulated::thread first{[&] {
                lock.lock();
                order += 'w';
                platform.sleep(microseconds(100));  // the readers park
                lock.unlock();
            }};
            platform.sleep(microseconds(20));
            std::vector<simulated::thread> readers;
            for (int i = 0; i < 3; ++i)
                readers.emplace_back([&] {
                    const shared_guard hold{lock};
                    if (++inside == 3) order += "rrr";
                    while (inside < 3) platform.sleep(nanoseconds{100});
                });
            platform.sleep(microseconds(20));
            simulated::thread second{[&] {
                lock.lock();
                order += 'w';
                lock.unlock();
            }};
            platform.sleep(microseconds(20));
            lock.unlock();
            for (auto& reader : readers) reader.join();
            first.join();
            second.join();
            CHECK(order == "wrrrw");
        });
    }
}

namespace {

// In which order writers get in that parked in the order low, normal, high, normal, low.
template <class Bound>
std::string order_of_writers(std::uint64_t seed) {
    simulation world{seed, {.max_steps = 1'000'000}};
    auto platform = world.platform();
    std::string order;
    world.run([&] {
        rwlock<simulated, Bound> lock;
        lock.lock();
        std::vector<simulated::thread> writers;
        const lock_priority priorities[] = {lock_priority::low, lock_priority::normal,
                                            lock_priority::high, lock_priority::normal,
                                            lock_priority::low};
        for (std::size_t i = 0; i < 5; ++i) {
            writers.emplace_back([&, i] {
                lock.lock(priorities[i]);
                order += static_cast<char>('0' + i);
                lock.unlock();
            });
            platform.sleep(microseconds(20));
        }
        lock.unlock();
        for (auto& writer : writers) writer.join();
    });
    return order;
}

}  // namespace

TEST_CASE("50 seeds: of the writers that wait the highest class goes first, in it the oldest") {
    for (std::uint64_t seed = 0; seed < 50; ++seed)
        CHECK(order_of_writers<writer_preference<>>(seed) == "21304");
}

TEST_CASE("50 seeds: by its bound the oldest writer goes before the higher classes") {
    // 2 passes the others, 0 is the oldest; 1 is preferred and passes; 3 is the oldest.
    for (std::uint64_t seed = 0; seed < 50; ++seed)
        CHECK(order_of_writers<writer_preference<4095, seconds(1), 1>>(seed) == "20134");
}

namespace {

std::uint32_t wake_ups;

// The simulator, with its wake-ups counted.
struct counted {
    struct parking : simulated::parking {
        static void wake(const word& at, std::uint32_t most) {
            wake_ups += most;
            simulated::parking::wake(at, most);
        }
    };
    template <class T>
    using atomic = simulated::atomic<T>;
};

}  // namespace

TEST_CASE("no second writer is woken while one is on its way") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            auto platform = world.platform();
            bool once = false;
            world.run([&] {
                rwlock<counted> lock;
                wake_ups = 0;
                lock.lock();
                const auto write = [&] {
                    lock.lock();
                    lock.unlock();
                };
                simulated::thread one{write};
                simulated::thread two{write};
                platform.sleep(microseconds(100));
                for (int i = 0; i < 10; ++i) {
                    lock.unlock();
                    if (!lock.try_lock()) FAIL("a running writer may take a free lock");
                }
                once = wake_ups == 1;
                lock.unlock();
                one.join();
                two.join();
            });
            return once;
        },
        {.max_preemptions = 0});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

TEST_CASE("a sleeping writer keeps readers out until some writer was inside, and then no more") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            auto platform = world.platform();
            bool good = false;
            world.run([&] {
                rwlock<simulated> lock;
                lock.lock_shared();
                simulated::thread writer{[&] { const exclusive_guard hold{lock}; }};
                platform.sleep(microseconds(100));
                good = !lock.try_lock_shared();
                lock.unlock_shared();  // the writer is woken, and does not run yet
                good = good && !lock.try_lock_shared() && lock.try_lock();
                lock.unlock();
                good = good && lock.try_lock_shared();
                lock.unlock_shared();
                writer.join();
            });
            return good;
        },
        {.max_preemptions = 0});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

TEST_CASE("every schedule: a sleeping writer announces itself again when readers passed it") {
    const auto report = exhaustive_schedules(
        [](simulation& world) {
            auto platform = world.platform();
            int looks = 0;
            world.run([&] {
                rwlock<simulated> lock;
                int done = 0;
                lock.lock();
                const auto write = [&] {
                    const exclusive_guard hold{lock};
                    ++done;
                };
                simulated::thread one{write};
                simulated::thread two{write};
                platform.sleep(microseconds(100));
                lock.unlock();
                lock.lock_shared();
                while (done < 2 && ++looks < 100 && lock.try_lock_shared()) {
                    lock.unlock_shared();
                    platform.sleep(microseconds(10));
                }
                lock.unlock_shared();
                one.join();
                two.join();
            });
            return looks < 100;
        },
        {.max_preemptions = 2});
    CHECK(report.exhausted);
    CHECK_FALSE(report.failed);
}

TEST_CASE("100 seeds: readers that never all leave let a writer in, also after it was passed") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 3'000'000, .scheduling = drawn_schedule(seed)}};
        world.run([&] {
            rwlock<simulated> lock;
            bool over = false;
            std::vector<simulated::thread> readers;
            for (int i = 0; i < 3; ++i)
                readers.emplace_back([&] {
                    while (!over) {
                        const shared_guard hold{lock};
                        simulated::parking::relax();
                    }
                });
            const auto write = [&] {
                for (int i = 0; i < 5; ++i) {
                    const exclusive_guard hold{lock};
                    simulated::parking::relax();
                }
            };
            simulated::thread writer{write};
            write();
            writer.join();
            over = true;
            for (auto& reader : readers) reader.join();
        });
    }
}
