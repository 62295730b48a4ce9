// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/sync/rwlock.hpp>

using namespace mantis;

static_assert(sizeof(rwlock<posix>) == 8 && sizeof(rwlock<simulated>) == 8);

TEST_CASE("a lock that nobody watches is eight bytes and works as one") {
    rwlock<posix> lock;
    lock.lock();
    CHECK_FALSE(lock.try_lock_shared());
    lock.unlock();
    CHECK(lock.try_lock_shared());
    lock.unlock_shared();
}
