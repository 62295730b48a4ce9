// SPDX-License-Identifier: BSL-1.0
//
// Waits of a reader-writer lock that end at their deadline, and what std's lock types make of it.
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated/exhaustive.hpp>
#include <mantis/sync/rwlock.hpp>

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <string>

using namespace mantis;

namespace {

// Runs body(platform, lock) under a drawn schedule for each seed.
template <class Body>
void for_seeds(std::uint64_t count, Body body) {
    for (std::uint64_t seed = 0; seed < count; ++seed) {
        CAPTURE(seed);
        simulation world{seed, {.max_steps = 1'000'000, .scheduling = drawn_schedule(seed)}};
        auto platform = world.platform();
        world.run([&] {
            rwlock<simulated> lock;
            body(platform, lock);
            CHECK(lock.try_lock());
            lock.unlock();
        });
    }
}

}  // namespace

TEST_CASE("200 seeds: readers behind a writer that gives up go in beside the readers inside") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock_shared();
        simulated::thread writer{[&] { CHECK_FALSE(lock.try_lock_for(microseconds(500))); }};
        while (lock.try_lock_shared()) {  // until the writer is announced
            lock.unlock_shared();
            platform.sleep(nanoseconds{200});
        }
        simulated::thread first{[&] { const shared_guard hold{lock}; }};
        simulated::thread second{[&] { CHECK(lock.try_lock_shared_for(seconds(1))); }};
        writer.join();
        first.join();
        second.join();
        lock.unlock_shared();  // of second
        lock.unlock_shared();
    });
}

TEST_CASE("200 seeds: a writer behind one that gives up goes in once the readers have left") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock_shared();
        simulated::thread gives_up{[&] { CHECK_FALSE(lock.try_lock_for(microseconds(300))); }};
        simulated::thread stays{[&] { const exclusive_guard hold{lock}; }};
        gives_up.join();
        platform.sleep(microseconds(100));
        CHECK_FALSE(lock.try_lock_shared());
        lock.unlock_shared();
        stays.join();
    });
}

TEST_CASE("200 seeds: a reader gives up while a writer holds, at its deadline and not before") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock();
        bool holds = true;
        simulated::thread reader{[&] {
            const nanoseconds until = platform.now() + microseconds(50);
            CHECK_FALSE(lock.try_lock_shared_until(until));
            CHECK(holds);
            CHECK(platform.now() >= until);
        }};
        simulated::thread other{[&] { CHECK_FALSE(lock.try_lock_for(nanoseconds{-1})); }};
        reader.join();
        other.join();
        holds = false;
        lock.unlock();
    });
}

TEST_CASE("1,000 seeds: a wake-up that meets the deadline is used or passed on") {
    unsigned in_time = 0;
    unsigned late = 0;
    for_seeds(1'000, [&](simulated& platform, rwlock<simulated>& lock) {
        lock.lock();
        simulated::thread timed{[&] {
            if (!lock.try_lock_for(microseconds(20))) {
                ++late;
                return;
            }
            ++in_time;
            lock.unlock();
        }};
        simulated::thread patient{[&] { const exclusive_guard hold{lock}; }};
        simulated::thread reader{[&] { const shared_guard hold{lock}; }};
        platform.sleep(microseconds(19));
        lock.unlock();
        timed.join();
        patient.join();
        reader.join();
    });
    CHECK(in_time > 50);
    CHECK(late > 50);
}

TEST_CASE("200 seeds: an upgrade that gives up keeps its read lock and lets in who stayed out") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock_shared();
        simulated::thread upgrades{[&] {
            upgradable_guard hold{lock};
            CHECK_FALSE(hold.try_upgrade_for(microseconds(500)));
            CHECK_FALSE(hold.exclusive());
            CHECK_FALSE(lock.try_lock());
        }};
        while (lock.try_lock_shared()) {
            lock.unlock_shared();
            platform.sleep(nanoseconds{200});
        }
        simulated::thread reader{[&] { const shared_guard hold{lock}; }};
        reader.join();
        upgrades.join();
        lock.unlock_shared();
    });
}

TEST_CASE("200 seeds: a second upgrade is refused at once, and the first goes in when it leaves") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock_shared();
        bool upgraded = false;
        simulated::thread first{[&] {
            upgradable_guard hold{lock};
            CHECK(hold.upgrade());
            upgraded = true;
            hold.downgrade();
            CHECK(lock.try_lock_shared());
            lock.unlock_shared();
        }};
        while (lock.try_lock_shared()) {
            lock.unlock_shared();
            platform.sleep(nanoseconds{200});
        }
        CHECK_FALSE(lock.upgrade());
        CHECK_FALSE(lock.try_upgrade());
        CHECK_FALSE(lock.try_upgrade_for(seconds(1)));
        CHECK_FALSE(upgraded);
        lock.unlock_shared();
        first.join();
        CHECK(upgraded);
    });
}

TEST_CASE("200 seeds: a downgrade lets waiting readers in, and no writer") {
    for_seeds(200, [](simulated& platform, rwlock<simulated>& lock) {
        lock.lock();
        simulated::thread reader{[&] { const shared_guard hold{lock}; }};
        platform.sleep(microseconds(300));
        lock.downgrade();
        reader.join();
        CHECK_FALSE(lock.try_lock());
        CHECK(lock.try_upgrade());
        lock.downgrade();
        lock.unlock_shared();
    });
}

TEST_CASE("std::unique_lock and std::shared_lock own it, with lengths and times of <chrono>") {
    using namespace std::chrono_literals;
    rwlock<posix> lock;
    {
        const std::unique_lock<rwlock<posix>> writer{lock, 10ms};
        REQUIRE(writer.owns_lock());
        const auto began = std::chrono::steady_clock::now();
        CHECK_FALSE(std::shared_lock<rwlock<posix>>{lock, 5ms}.owns_lock());
        CHECK_FALSE(std::shared_lock<rwlock<posix>>{lock, began + 10ms}.owns_lock());
        CHECK(std::chrono::steady_clock::now() - began >= 10ms);
        CHECK_FALSE(lock.try_lock_until(std::chrono::system_clock::now() + 2ms));
        CHECK_FALSE(lock.try_lock_shared_for(std::chrono::duration<double>{0.001}));
        CHECK_FALSE(lock.try_lock_for(std::chrono::hours{-1}));
    }
    std::shared_lock<rwlock<posix>> reader{lock, std::try_to_lock};
    CHECK(reader.owns_lock());
    CHECK_FALSE(lock.try_lock_until(posix{}.now() + milliseconds(2)));
    CHECK(lock.try_upgrade_for(std::chrono::hours::max()));
    lock.downgrade();
    reader.unlock();
    const std::scoped_lock<rwlock<posix>> both{lock};
}

TEST_CASE(
    "lengths of <chrono> become nanoseconds, and those beyond 292 years the longest there is") {
    CHECK(detail::as_length(std::chrono::milliseconds{3}) == milliseconds(3));
    CHECK(detail::as_length(std::chrono::minutes{-2}) == seconds(-120));
    CHECK(detail::as_length(std::chrono::duration<float>{0.5f}) == milliseconds(500));
    CHECK(detail::as_length(std::chrono::hours::max()) == nanoseconds{INT64_MAX});
    CHECK(detail::as_length(std::chrono::hours::min()) == nanoseconds{INT64_MIN});
    CHECK(detail::deadline_after<posix::parking>({INT64_MAX}) == posix::parking::never);
}

TEST_CASE("real threads: deadlines, upgrades and downgrades leave nobody behind") {
    rwlock<posix> lock;
    std::uint64_t value = 0;  // only the lock protects it
    posix::atomic<std::uint64_t> written{0};
    posix::atomic<std::uint64_t> read{0};
    std::vector<posix::thread> all;
    for (unsigned number = 0; number < 4; ++number)
        all.emplace_back([&, number] {
            const auto write = [&] {
                ++value;
                ++written;
            };
            for (unsigned i = 0; i < 2'000; ++i) switch ((i + number) % 5) {
                    case 0:
                        if (!lock.try_lock_for(nanoseconds{1000 * (i % 16)})) break;
                        write();
                        lock.unlock();
                        break;
                    case 1: {
                        upgradable_guard hold{lock};
                        if (i % 2 == 0 ? hold.upgrade() : hold.try_upgrade_for(microseconds(5))) {
                            write();
                            hold.downgrade();
                        }
                        read += value > 0 ? 1u : 0u;
                        break;
                    }
                    case 2:
                        if (!lock.try_lock_shared_for(microseconds(i % 16))) break;
                        read += value > 0 ? 1u : 0u;
                        lock.unlock_shared();
                        break;
                    case 3: {
                        const exclusive_guard hold{lock};
                        write();
                        break;
                    }
                    default: {
                        const shared_guard hold{lock};
                        read += value > 0 ? 1u : 0u;
                    }
                }
        });
    for (auto& thread : all) thread.join();
    CHECK(value == written.load());
    CHECK(read.load() > 0);
    CHECK(lock.try_lock());
    lock.unlock();
}
