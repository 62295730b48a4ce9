// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix/thread.hpp>

#include "../death.hpp"

using namespace mantis;
using namespace platform_test;

TEST_CASE("a thread runs its body once, and join() sees what it did") {
    int runs = 0;
    posix_thread thread{[&] { ++runs; }};
    thread.join();
    CHECK(runs == 1);
    CHECK_FALSE(thread.joinable());
}

TEST_CASE("what the body owns is destroyed by the time join() returns") {
    bool destroyed = false;
    struct witness {
        explicit witness(bool& flag) : seen{&flag} {}
        witness(witness&& other) noexcept : seen{std::exchange(other.seen, nullptr)} {}
        ~witness() {
            if (seen != nullptr) *seen = true;
        }
        bool* seen;
    };
    posix_thread thread{[own = witness{destroyed}] { (void)own; }};
    thread.join();
    CHECK(destroyed);
}

TEST_CASE("a thread that is not joined stops the program with a sentence") {
    const death destroyed = death_of([] { const posix_thread left{[] {}}; });
    CHECK(destroyed.signal == SIGABRT);
    CHECK(contains(destroyed.said, "a thread is destroyed before it was joined"));
    const death replaced = death_of([] {
        posix_thread left{[] {}};
        left = posix_thread{};
    });
    CHECK(replaced.signal == SIGABRT);
    const death twice = death_of([] {
        posix_thread once{[] {}};
        once.join();
        once.join();
    });
    CHECK(contains(twice.said, "join() of a thread that was joined or never started"));
}
