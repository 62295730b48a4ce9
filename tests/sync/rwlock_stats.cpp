// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/sync/rwlock.hpp>
#include <mantis/sync/rwlock_stats.hpp>

using namespace mantis;

namespace {

struct waits {
    std::vector<std::uint64_t> all;
    void record(std::uint64_t ns) { all.push_back(ns); }
};

}  // namespace

TEST_CASE("wait_stats: who waits is recorded by what for, and who does not wait is not") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        rwlock<simulated, writer_preference<>, wait_stats<waits>> lock;
        lock.lock();
        lock.downgrade();
        CHECK(lock.try_upgrade());
        simulated::thread reader{[&] { const shared_guard hold{lock}; }};
        platform.sleep(microseconds(50));
        lock.unlock();
        reader.join();
        lock.lock_shared();
        simulated::thread writer{[&] { CHECK_FALSE(lock.try_lock_for(microseconds(20))); }};
        writer.join();
        simulated::thread upgrader{[&] {
            upgradable_guard hold{lock};
            CHECK(hold.upgrade());
        }};
        platform.sleep(microseconds(30));
        lock.unlock_shared();
        upgrader.join();
        const auto once_about = [](const waits& of, std::uint64_t ns) {
            return of.all.size() == 1 && of.all[0] > ns - 10'000 && of.all[0] < ns + 10'000;
        };
        CHECK(once_about(lock.watch().readers(), 50'000));
        CHECK(once_about(lock.watch().writers(), 20'000));
        CHECK(once_about(lock.watch().upgraders(), 30'000));
    });
}
