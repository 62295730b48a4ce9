// SPDX-License-Identifier: BSL-1.0
//
// Misuse of a reader-writer lock that checked_use watches.
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/sync/rwlock.hpp>
#include <mantis/sync/rwlock_checked.hpp>

#include "../platform/death.hpp"

using namespace mantis;
using platform_test::contains;
using platform_test::death;
using platform_test::death_of;

namespace {

using checked_lock = rwlock<posix, writer_preference<>, checked_use>;

// What a program says that runs body(lock) in a thread named "worker".
template <class Body>
death death_in_worker(Body body) {
    return death_of([&] {
        posix::parking::name_thread("main");
        checked_lock lock;
        posix::thread worker{[&] {
            posix::parking::name_thread("worker");
            body(lock);
        }};
        worker.join();
    });
}

// ... while "main" holds the lock.
template <class Body>
death death_beside_a_writer(Body body) {
    return death_of([&] {
        posix::parking::name_thread("main");
        checked_lock lock;
        lock.lock();
        posix::thread worker{[&] {
            posix::parking::name_thread("worker");
            body(lock);
        }};
        worker.join();
    });
}

void check_death(const death& end, const char* part) {
    CAPTURE(end.said);
    CHECK(end.signal == SIGABRT);
    CHECK(contains(end.said, "mantis: rwlock: thread "));
    CHECK(contains(end.said, part));
}

}  // namespace

TEST_CASE("checked: a thread that locks recursively is stopped by name, before it hangs") {
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock();
                    lock.lock();
                }),
                "(worker) wants it for writing and has it already; held by thread ");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock_shared();
                    lock.lock_shared();
                }),
                "(worker) wants it for reading and has it already; held by thread ");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock_shared();
                    (void)lock.try_lock();
                }),
                "(worker) for reading");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock();
                    (void)lock.try_lock_shared_for(milliseconds(1));
                }),
                "(worker) for writing");
}

TEST_CASE("checked: an unlock by a thread that does not hold it is stopped, and names who does") {
    check_death(death_in_worker([](checked_lock& lock) { lock.unlock(); }),
                "(worker) ends writing and does not hold it; held by nobody");
    check_death(death_in_worker([](checked_lock& lock) { lock.unlock_shared(); }),
                "(worker) ends reading and does not hold it; held by nobody");
    check_death(death_beside_a_writer([](checked_lock& lock) { lock.unlock(); }),
                "(worker) ends writing and does not hold it; held by thread ");
    check_death(death_beside_a_writer([](checked_lock& lock) { lock.unlock(); }),
                "(main) for writing");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock_shared();
                    lock.unlock();
                }),
                "(worker) ends writing and does not hold it for that; held by thread ");
}

TEST_CASE("checked: upgrade and downgrade by a thread that does not hold it are stopped") {
    check_death(death_in_worker([](checked_lock& lock) { (void)lock.upgrade(); }),
                "(worker) wants to upgrade and does not hold it; held by nobody");
    check_death(death_beside_a_writer([](checked_lock& lock) { (void)lock.try_upgrade(); }),
                "(main) for writing");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock();
                    (void)lock.try_upgrade_for(milliseconds(1));
                }),
                "(worker) wants to upgrade and does not hold it for that; held by thread ");
    check_death(death_in_worker([](checked_lock& lock) {
                    lock.lock_shared();
                    lock.downgrade();
                }),
                "(worker) wants to downgrade and does not hold it for that; held by thread ");
}

TEST_CASE("checked: right use is let through, and on time-out the report names the holders") {
    simulation world{1};
    auto platform = world.platform();
    world.run([&] {
        rwlock<simulated, writer_preference<>, checked_use> lock;
        CHECK(lock.watch().last_timeout().empty());
        CHECK(lock.watch().holders() == bytes{bytes_view{"held by nobody"}});
        label_thread("first");
        lock.lock();
        lock.downgrade();
        simulated::thread other{[&] {
            label_thread("second");
            lock.lock_shared();
            CHECK_FALSE(lock.try_upgrade_for(microseconds(10)));
            CHECK(lock.watch().last_timeout().view().starts_with(
                "thread 1 (second) gave up upgrading after 1"));
            lock.unlock_shared();
            CHECK_FALSE(lock.try_lock_for(microseconds(10)));
        }};
        other.join();
        const auto said = lock.watch().last_timeout();
        CHECK(said.view().starts_with("thread 1 (second) gave up writing after 1"));
        CHECK(
            contains(said.template as<std::string>(), " ns; held by thread 0 (first) for reading"));
        CHECK(lock.upgrade());
        CHECK(lock.watch().holders() == bytes{bytes_view{"held by thread 0 (first) for writing"}});
        lock.unlock();
        CHECK(lock.watch().holders() == bytes{bytes_view{"held by nobody"}});
    });
}
