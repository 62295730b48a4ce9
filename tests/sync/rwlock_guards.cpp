// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/posix.hpp>
#include <mantis/sync/rwlock.hpp>

using namespace mantis;

TEST_CASE("guards hold a lock while they live, in the mode they say") {
    rwlock<posix> lock;
    {
        const shared_guard together{lock};
        CHECK(lock.try_lock_shared());
        lock.unlock_shared();
        CHECK_FALSE(lock.try_lock());
    }
    {
        const exclusive_guard alone{lock};
        CHECK_FALSE(lock.try_lock_shared());
    }
    {
        upgradable_guard hold{lock};
        CHECK_FALSE(hold.exclusive());
        CHECK(hold.upgrade());
        CHECK(hold.exclusive());
        CHECK_FALSE(lock.try_lock_shared());
        hold.downgrade();
        CHECK(lock.try_lock_shared());
        lock.unlock_shared();
        CHECK(hold.try_upgrade());
    }
    CHECK(lock.try_lock());
    lock.unlock();
}
