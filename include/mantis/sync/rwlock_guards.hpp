// SPDX-License-Identifier: BSL-1.0
//
// Scoped owners of a reader-writer lock. std::unique_lock and std::shared_lock own one as well.
//
// Threads: a guard belongs to the thread that made it.
#pragma once

#include "../core/check.hpp"

namespace mantis {

template <class Lock>
class [[nodiscard]] shared_guard {
public:
    explicit shared_guard(Lock& held) : held_{held} { held_.lock_shared(); }
    shared_guard(const shared_guard&) = delete;
    shared_guard& operator=(const shared_guard&) = delete;
    ~shared_guard() { held_.unlock_shared(); }

private:
    Lock& held_;
};

template <class Lock>
class [[nodiscard]] exclusive_guard {
public:
    explicit exclusive_guard(Lock& held) : held_{held} { held_.lock(); }
    exclusive_guard(const exclusive_guard&) = delete;
    exclusive_guard& operator=(const exclusive_guard&) = delete;
    ~exclusive_guard() { held_.unlock(); }

private:
    Lock& held_;
};

// Begins with a read lock, and makes it an exclusive one and back.
template <class Lock>
class [[nodiscard]] upgradable_guard {
public:
    explicit upgradable_guard(Lock& held) : held_{held} { held_.lock_shared(); }
    upgradable_guard(const upgradable_guard&) = delete;
    upgradable_guard& operator=(const upgradable_guard&) = delete;
    ~upgradable_guard() {
        if (exclusive_) held_.unlock();
        else held_.unlock_shared();
    }

    //   Requires    !exclusive(), for these three
    //   Returns     false where the lock says so; the read lock is kept
    [[nodiscard]] bool upgrade() {
        check(!exclusive_, "upgradable_guard: upgraded twice");
        return exclusive_ = held_.upgrade();
    }
    [[nodiscard]] bool try_upgrade() {
        check(!exclusive_, "upgradable_guard: upgraded twice");
        return exclusive_ = held_.try_upgrade();
    }
    template <class Length>
    [[nodiscard]] bool try_upgrade_for(const Length& length) {
        check(!exclusive_, "upgradable_guard: upgraded twice");
        return exclusive_ = held_.try_upgrade_for(length);
    }
    //   Requires    exclusive()
    void downgrade() {
        check(exclusive_, "upgradable_guard: downgraded without an upgrade");
        exclusive_ = false;
        held_.downgrade();
    }
    [[nodiscard]] bool exclusive() const noexcept { return exclusive_; }

private:
    Lock& held_;
    bool exclusive_ = false;
};

}  // namespace mantis
