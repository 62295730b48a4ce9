// SPDX-License-Identifier: BSL-1.0
//
// Scoped owners of a latch: lock_guard for a whole scope, unique_lock where the latch is let go and
// taken again inside it.
//
// Our own, for <mutex> costs three times <vector> to include.
#pragma once

#include "../core/check.hpp"

#include <utility>

#include <utility>

namespace mantis {

template <class Mutex>
class [[nodiscard]] lock_guard {
public:
    [[gnu::always_inline]] explicit lock_guard(Mutex& mutex) : mutex_{mutex} { mutex_.lock(); }
    [[gnu::always_inline]] ~lock_guard() { mutex_.unlock(); }
    lock_guard(const lock_guard&) = delete;
    lock_guard& operator=(const lock_guard&) = delete;

private:
    Mutex& mutex_;
};

template <class Mutex>
class [[nodiscard]] unique_lock {
public:
    explicit unique_lock(Mutex& mutex) : mutex_{&mutex} { lock(); }
    unique_lock(unique_lock&& other) noexcept
        : mutex_{std::exchange(other.mutex_, nullptr)}, owns_{std::exchange(other.owns_, false)} {}
    unique_lock& operator=(unique_lock&& other) noexcept {
        unique_lock taken{std::move(other)};
        std::swap(mutex_, taken.mutex_);
        std::swap(owns_, taken.owns_);
        return *this;
    }
    ~unique_lock() {
        if (owns_) mutex_->unlock();
    }

    //   Requires    !owns_lock()
    void lock() {
        check(mutex_ != nullptr && !owns_,
              "unique_lock::lock() of a lock that is held or moved from");
        mutex_->lock();
        owns_ = true;
    }
    //   Requires    owns_lock()
    void unlock() {
        check(owns_, "unique_lock::unlock() of a lock that is not held");
        owns_ = false;
        mutex_->unlock();
    }
    [[nodiscard]] bool owns_lock() const noexcept { return owns_; }
    // For a condition's wait.
    [[nodiscard]] Mutex& mutex() const noexcept { return *mutex_; }

private:
    Mutex* mutex_ = nullptr;
    bool owns_ = false;
};

}  // namespace mantis
