// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>
#include <mantis/platform/posix.hpp>

#include <sched.h>

using namespace mantis;

TEST_CASE("a wait that nobody ends takes as long as it says") {
    const posix world;
    posix_mutex mutex;
    posix_condition never;
    const lock_guard<posix_mutex> hold{mutex};
    for (const nanoseconds length : {milliseconds(1), milliseconds(30), nanoseconds{-5}}) {
        const nanoseconds before = world.now();
        while (never.wait_for(mutex, length)) {}
        CHECK((world.now() - before).count >= length.count);
    }
}

TEST_CASE("the longest wait does not wrap around into the past") {
    posix_mutex mutex;
    posix_condition changed;
    bool ready = false;
    posix_thread waker{[&] {
        posix{}.sleep(milliseconds(10));
        const lock_guard<posix_mutex> hold{mutex};
        ready = true;
        changed.notify_one();
    }};
    {
        const lock_guard<posix_mutex> hold{mutex};
        while (!ready) CHECK(changed.wait_for(mutex, nanoseconds{INT64_MAX}));
    }
    waker.join();
}

TEST_CASE("a semaphore lets as many waits go as it was posted") {
    posix_semaphore ping;
    posix_semaphore pong;
    int count = 0;
    posix_thread other{[&] {
        for (int i = 0; i < 1000; ++i) {
            ping.wait();
            ++count;  // no other protection: the semaphores carry memory order
            pong.post();
        }
    }};
    for (int i = 0; i < 1000; ++i) {
        ping.post();
        pong.wait();
        CHECK(count == i + 1);
    }
    other.join();
}
