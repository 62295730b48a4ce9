// SPDX-License-Identifier: BSL-1.0
//
// Where threads of the operating system wait for a word of memory to change, by futex; and which
// thread this is.
//
// Threads: any number.
#pragma once

#include "../../core/check.hpp"
#include "../../core/units.hpp"
#include "../thread_name.hpp"
#include "sync.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>

namespace mantis {

namespace detail {

// Gives each thread that lives the lowest number that no other living one has, so that tables
// indexed by it stay small.
class thread_numbers {
public:
    [[nodiscard]] static std::uint32_t take() noexcept {
        lock();
        std::uint32_t number = 0;
        while (number < most && taken[number]) ++number;
        check(number < most, "more than 65,536 threads live at once");
        taken[number] = true;
        unlock();
        return number;
    }
    static void give_back(std::uint32_t number) noexcept {
        lock();
        taken[number] = false;
        unlock();
    }

private:
    static constexpr std::uint32_t most = 65'536;

    static void lock() noexcept { ::pthread_mutex_lock(&mutex); }
    static void unlock() noexcept { ::pthread_mutex_unlock(&mutex); }

    // Never destroyed: threads may end after the objects of the program have.
    static inline ::pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static inline bool taken[most] = {};
};

struct thread_number_owner {
    const std::uint32_t number = thread_numbers::take();
    ~thread_number_owner() { thread_numbers::give_back(number); }
};

// Of this thread, and one more than its number; 0 until somebody asks for it.
inline constinit thread_local std::uint32_t posix_thread_number = 0;

[[nodiscard]] inline std::uint32_t first_thread_number() noexcept {
    static thread_local const thread_number_owner owner;
    posix_thread_number = owner.number + 1;
    return owner.number;
}

}  // namespace detail

struct posix_parking {
    using word = std::atomic<std::uint32_t>;
    static_assert(sizeof(word) == 4 && word::is_always_lock_free);

    static constexpr nanoseconds never{INT64_MAX};
    static constexpr unsigned spins = 40;
    static constexpr unsigned shards = 256;

    [[nodiscard]] static nanoseconds now() noexcept { return detail::read_clock(CLOCK_MONOTONIC); }

    [[nodiscard]] static bool wait(const word& at, std::uint32_t seen,
                                   nanoseconds deadline = never) noexcept {
        struct ::timespec until {};
        if (deadline.count > 0) {
            until.tv_sec = static_cast<time_t>(deadline.count / 1'000'000'000);
            until.tv_nsec = static_cast<long>(deadline.count % 1'000'000'000);
        }
        const long done =
            futex(at, FUTEX_WAIT_BITSET_PRIVATE, seen, deadline == never ? nullptr : &until);
        return done == 0 || errno != ETIMEDOUT;
    }
    static void wake(const word& at, std::uint32_t most) noexcept {
        const std::uint32_t count = most < INT32_MAX ? most : INT32_MAX;
        (void)futex(at, FUTEX_WAKE_PRIVATE, count, nullptr);
    }
    static void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }

    static void yield() noexcept { (void)::sched_yield(); }

    [[nodiscard]] static std::uint32_t thread_number() noexcept {
        const std::uint32_t known = detail::posix_thread_number;
        return known != 0 ? known - 1 : detail::first_thread_number();
    }
    // The system keeps the first 15 characters.
    static void name_thread(const char* name) noexcept {
        char kept[thread_name::capacity] = {};
        std::memcpy(kept, name, ::strnlen(name, sizeof kept - 1));
        (void)::pthread_setname_np(::pthread_self(), kept);
    }
    [[nodiscard]] static thread_name this_thread_name() noexcept {
        thread_name name;
        (void)::pthread_getname_np(::pthread_self(), name.text, sizeof name.text);
        return name;
    }

    template <class T>
    [[nodiscard]] static T& own() {
        static thread_local T only{};
        return only;
    }
    template <class T>
    [[nodiscard]] static T& common() {
        static T* const only =
            new T();  // never destroyed: a thread may outlive the program's objects
        return *only;
    }

private:
    static long futex(const word& at, int operation, std::uint32_t value,
                      const struct ::timespec* until) noexcept {
        return ::syscall(SYS_futex, &at, operation, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
    }
};

}  // namespace mantis
