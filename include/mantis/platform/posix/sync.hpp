// SPDX-License-Identifier: BSL-1.0
//
// The mutex, the condition and the semaphore of POSIX. Waiting with a time limit uses the monotonic
// clock, so that setting the wall clock neither cuts a wait short nor prolongs it.
#pragma once

#include "../../core/check.hpp"
#include "../../core/units.hpp"

#include <cerrno>
#include <ctime>
#include <pthread.h>
#include <semaphore.h>

namespace mantis {

namespace detail {

[[nodiscard]] inline nanoseconds read_clock(clockid_t clock) noexcept {
    struct ::timespec time;
    ::clock_gettime(clock, &time);
    return {static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec};
}

// The monotonic time `length` from now; a length below zero counts as zero, one beyond all time
// ends there.
[[nodiscard]] inline struct ::timespec time_after(nanoseconds length) noexcept {
    const std::int64_t now = read_clock(CLOCK_MONOTONIC).count;
    const std::int64_t most = INT64_MAX - now;
    const std::int64_t wait = length.count < 0 ? 0 : length.count < most ? length.count : most;
    struct ::timespec time;
    time.tv_sec = static_cast<time_t>((now + wait) / 1'000'000'000);
    time.tv_nsec = static_cast<long>((now + wait) % 1'000'000'000);
    return time;
}

}  // namespace detail

class posix_mutex {
public:
    posix_mutex() noexcept = default;
    posix_mutex(const posix_mutex&) = delete;
    posix_mutex& operator=(const posix_mutex&) = delete;
    ~posix_mutex() { ::pthread_mutex_destroy(&mutex_); }

    void lock() noexcept { ::pthread_mutex_lock(&mutex_); }
    void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }
    [[nodiscard]] bool try_lock() noexcept { return ::pthread_mutex_trylock(&mutex_) == 0; }

    [[nodiscard]] ::pthread_mutex_t* native_handle() noexcept { return &mutex_; }

private:
    ::pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class posix_condition {
public:
    posix_condition() noexcept {
        ::pthread_condattr_t attributes;
        ::pthread_condattr_init(&attributes);
        ::pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        ::pthread_cond_init(&condition_, &attributes);
        ::pthread_condattr_destroy(&attributes);
    }
    posix_condition(const posix_condition&) = delete;
    posix_condition& operator=(const posix_condition&) = delete;
    ~posix_condition() { ::pthread_cond_destroy(&condition_); }

    //   Requires    the caller holds `mutex`
    void wait(posix_mutex& mutex) noexcept {
        ::pthread_cond_wait(&condition_, mutex.native_handle());
    }
    //   Requires    the caller holds `mutex`
    //   Returns     false when the time was up
    [[nodiscard]] bool wait_for(posix_mutex& mutex, nanoseconds length) noexcept {
        const struct ::timespec until = detail::time_after(length);
        return ::pthread_cond_timedwait(&condition_, mutex.native_handle(), &until) != ETIMEDOUT;
    }
    void notify_one() noexcept { ::pthread_cond_signal(&condition_); }
    void notify_all() noexcept { ::pthread_cond_broadcast(&condition_); }

private:
    ::pthread_cond_t condition_;
};

// A count that a thread waits on and another raises; it carries memory order from post() to the
// wait() it lets go.
class posix_semaphore {
public:
    posix_semaphore() noexcept { ::sem_init(&semaphore_, 0, 0); }
    posix_semaphore(const posix_semaphore&) = delete;
    posix_semaphore& operator=(const posix_semaphore&) = delete;
    ~posix_semaphore() { ::sem_destroy(&semaphore_); }

    void post() noexcept { ::sem_post(&semaphore_); }
    void wait() noexcept {
        while (::sem_wait(&semaphore_) != 0)
            check(errno == EINTR, "a semaphore could not be waited on");
    }

private:
    ::sem_t semaphore_;
};

}  // namespace mantis
