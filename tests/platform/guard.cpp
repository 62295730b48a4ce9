// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/guard.hpp>

#include "death.hpp"

using namespace mantis;
using namespace platform_test;

namespace {

struct counted_latch {
    int held = 0;
    void lock() { ++held; }
    void unlock() { --held; }
};

}  // namespace

TEST_CASE("a lock_guard holds the latch for its scope") {
    counted_latch latch;
    {
        const lock_guard<counted_latch> hold{latch};
        CHECK(latch.held == 1);
    }
    CHECK(latch.held == 0);
}

TEST_CASE("a unique_lock lets go once, whoever ends up owning it") {
    counted_latch latch;
    {
        unique_lock<counted_latch> hold{latch};
        CHECK(hold.owns_lock());
        CHECK(&hold.mutex() == &latch);
        hold.unlock();
        CHECK_FALSE(hold.owns_lock());
        CHECK(latch.held == 0);
        hold.lock();
        unique_lock<counted_latch> moved{std::move(hold)};
        CHECK_FALSE(hold.owns_lock());
        CHECK(moved.owns_lock());
        hold = std::move(moved);
        CHECK(hold.owns_lock());
        CHECK(latch.held == 1);
    }
    CHECK(latch.held == 0);
}

TEST_CASE("replacing a held unique_lock lets go of its latch") {
    counted_latch first;
    counted_latch second;
    unique_lock<counted_latch> hold{first};
    hold = unique_lock<counted_latch>{second};
    CHECK(first.held == 0);
    CHECK(second.held == 1);
}

TEST_CASE("locking twice and unlocking what is not held stop the program with a sentence") {
    const death twice = death_of([] {
        counted_latch latch;
        unique_lock<counted_latch> hold{latch};
        hold.lock();
    });
    CHECK(twice.signal == SIGABRT);
    CHECK(contains(twice.said, "unique_lock::lock()"));
    const death unheld = death_of([] {
        counted_latch latch;
        unique_lock<counted_latch> hold{latch};
        hold.unlock();
        hold.unlock();
    });
    CHECK(unheld.signal == SIGABRT);
    CHECK(contains(unheld.said, "not held"));
}
