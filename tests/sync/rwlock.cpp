// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/sync/rwlock.hpp>

#include <string>

using namespace mantis;

namespace {

// Who is inside, told by each thread itself; a wrong mixture is counted.
template <class Platform>
struct witness {
    typename Platform::template atomic<std::uint32_t> readers{0};
    typename Platform::template atomic<std::uint32_t> writers{0};
    typename Platform::template atomic<std::uint32_t> wrong{0};
    std::uint64_t value = 0;  // only the lock protects it

    void read() {
        readers.fetch_add(1);
        if (writers.load() != 0) wrong.fetch_add(1);
        if (value > 1'000'000'000) wrong.fetch_add(1);
        readers.fetch_sub(1);
    }
    void write() {
        if (writers.fetch_add(1) != 0 || readers.load() != 0) wrong.fetch_add(1);
        ++value;
        writers.fetch_sub(1);
    }
};

// Threads that read and write by turns, waiting and trying.
template <class Platform>
void check_exclusion(int threads, std::uint64_t rounds) {
    rwlock<Platform> lock;
    witness<Platform> inside;
    typename Platform::template atomic<std::uint64_t> written{0};
    const auto work = [&](std::uint64_t number) {
        for (std::uint64_t i = 0; i < rounds; ++i) {
            const std::uint64_t what = (number + i * 7) % 5;
            if (what == 0 || (what == 1 && lock.try_lock())) {
                if (what == 0) lock.lock();
                inside.write();
                written.fetch_add(1);
                lock.unlock();
            } else if (what != 2 || lock.try_lock_shared()) {
                if (what != 2) lock.lock_shared();
                inside.read();
                lock.unlock_shared();
            }
        }
    };
    std::vector<typename Platform::thread> all;
    for (int i = 0; i < threads; ++i)
        all.emplace_back([&work, i] { work(static_cast<std::uint64_t>(i)); });
    for (auto& thread : all) thread.join();
    CHECK(inside.wrong.load() == 0);
    CHECK(inside.value == written.load());
    CHECK(lock.try_lock());
    lock.unlock();
}

}  // namespace

TEST_CASE("500 seeds: writers are alone, readers see no writer, and no wake-up is lost") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed};  // a lost wake-up is a dead-lock, which stops the program
        world.run([] { check_exclusion<simulated>(4, 8); });
    }
}

TEST_CASE("real threads: writers are alone, readers see no writer, and no wake-up is lost") {
    for (int i = 0; i < 5; ++i) check_exclusion<posix>(4, 4'000);
}

TEST_CASE("500 seeds: a reader that comes after a waiting writer goes in after it") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 1'000'000}};  // the first loop may have no end
        auto platform = world.platform();
        world.run([&] {
            rwlock<simulated> lock;
            std::string order;
            lock.lock_shared();
            simulated::thread writer{[&] {
                const exclusive_guard<rwlock<simulated>> hold{lock};
                order += 'w';
            }};
            while (lock.try_lock_shared()) {  // until the writer waits
                lock.unlock_shared();
                platform.sleep(nanoseconds{100});
            }
            simulated::thread reader{[&] {
                const shared_guard<rwlock<simulated>> hold{lock};
                order += 'r';
            }};
            platform.sleep(microseconds(100));
            CHECK(order.empty());
            lock.unlock_shared();
            writer.join();
            reader.join();
            CHECK(order == "wr");
        });
    }
}

TEST_CASE("readers share, a writer shares with nobody, and trying never waits") {
    rwlock<posix> lock;
    lock.lock_shared();
    CHECK(lock.try_lock_shared());
    CHECK_FALSE(lock.try_lock());
    lock.unlock_shared();
    CHECK_FALSE(lock.try_lock());
    lock.unlock_shared();
    CHECK(lock.try_lock());
    CHECK_FALSE(lock.try_lock());
    CHECK_FALSE(lock.try_lock_shared());
    lock.unlock();
    lock.lock();
    lock.unlock();
    CHECK(lock.try_lock_shared());
    lock.unlock_shared();
}

TEST_CASE("500 seeds: all readers that wait for a writer go in together") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            rwlock<simulated> lock;
            simulated::atomic<int> inside{0};
            lock.lock();
            std::vector<simulated::thread> readers;
            for (int i = 0; i < 3; ++i)
                readers.emplace_back([&] {
                    const shared_guard<rwlock<simulated>> hold{lock};
                    ++inside;
                    while (inside.load() != 3) platform.sleep(nanoseconds{100});
                });
            platform.sleep(microseconds(10));
            CHECK(inside.load() == 0);
            lock.unlock();
            for (auto& reader : readers) reader.join();
        });
    }
}
