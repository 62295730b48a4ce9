// SPDX-License-Identifier: BSL-1.0
//
// A reader-writer lock that prefers writers: once a writer waits, readers that arrive later wait
// for it.
//
// Use it for short critical sections with many readers. Not recursive: a thread that holds a read
// lock and asks for another dead-locks once a writer waits.
//
// State (one 32-bit word):
//   bit 31     writer inside     set by the writer that gets in, cleared by unlock
//   bit 30     writer waiting    set while `waiting_` > 0
//   bits 0-29  readers inside
//
// Invariants:
//   1. writer inside => no readers inside
//   2. bits 31 and 30 change only under `mutex_`, so who waits under it misses no change
//   3. a reader that leaves last while a writer waits takes `mutex_` before it wakes the writer
//
// Threads: any number. The uncontended read lock is one compare-exchange, its unlock one
// subtraction.
#pragma once

#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

namespace mantis {

template <class Platform>
class rwlock {
public:
    rwlock() = default;
    rwlock(const rwlock&) = delete;
    rwlock& operator=(const rwlock&) = delete;

    void lock() {
        lock_guard<mutex> hold{mutex_};
        ++waiting_;
        state_.fetch_or(writer_waiting);
        while (!enter()) writers_.wait(mutex_);
    }
    [[nodiscard]] bool try_lock() {
        lock_guard<mutex> hold{mutex_};
        std::uint32_t free = 0;
        return state_.compare_exchange_strong(free, writer_inside);
    }
    //   Requires    held by this thread
    void unlock() {
        lock_guard<mutex> hold{mutex_};
        state_.fetch_and(~writer_inside);
        if (waiting_ > 0) writers_.notify_one();
        else readers_.notify_all();
    }

    void lock_shared() {
        if (try_lock_shared()) return;
        lock_guard<mutex> hold{mutex_};
        while (!try_lock_shared()) readers_.wait(mutex_);
    }
    [[nodiscard]] bool try_lock_shared() {
        std::uint32_t seen = state_.load();
        while ((seen & (writer_inside | writer_waiting)) == 0)
            if (state_.compare_exchange_weak(seen, seen + 1)) return true;
        return false;
    }
    //   Requires    held by this thread
    void unlock_shared() {
        const std::uint32_t before = state_.fetch_sub(1);
        if (before != (writer_waiting | 1)) return;
        lock_guard<mutex> hold{mutex_};
        writers_.notify_one();
    }

private:
    using mutex = typename Platform::mutex;
    static constexpr std::uint32_t writer_inside = 1u << 31;
    static constexpr std::uint32_t writer_waiting = 1u << 30;

    //   Requires    mutex_, and this writer counted in waiting_
    bool enter() {
        std::uint32_t alone = writer_waiting;
        const std::uint32_t inside = writer_inside | (waiting_ > 1 ? writer_waiting : 0);
        if (!state_.compare_exchange_strong(alone, inside)) return false;
        --waiting_;
        return true;
    }

    typename Platform::template atomic<std::uint32_t> state_{0};
    std::uint32_t waiting_ = 0;  // writers in lock() that are not in yet
    mutex mutex_;
    typename Platform::condition readers_;
    typename Platform::condition writers_;
};

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

}  // namespace mantis
