// SPDX-License-Identifier: BSL-1.0
//
// The operating system as a platform, at no cost over its own calls. This header and its folder are
// the only ones of mantis that include headers of the system.
//
// Threads: any number; the object is empty.
#pragma once

#include "platform.hpp"
#include "posix/directory.hpp"
#include "posix/file.hpp"
#include "posix/parking.hpp"
#include "posix/sync.hpp"
#include "posix/thread.hpp"

#include <sys/mman.h>
#include <sys/random.h>
#include <atomic>

namespace mantis {

struct posix {
    static constexpr const char* name = "posix";

    using file = posix_file;
    using directory = posix_directory;
    using mutex = posix_mutex;
    using condition = posix_condition;
    using thread = posix_thread;
    using parking = posix_parking;
    template <class T>
    using atomic = std::atomic<T>;
    template <class T>
    using atomic_ref = std::atomic_ref<T>;
    using memory_order = std::memory_order;

    [[nodiscard]] result<directory> open_directory(bytes_view path, directory_mode mode) const {
        return directory::open(path, mode);
    }
    [[nodiscard]] nanoseconds now() const noexcept { return detail::read_clock(CLOCK_MONOTONIC); }
    [[nodiscard]] nanoseconds wall_time() const noexcept {
        return detail::read_clock(CLOCK_REALTIME);
    }
    [[nodiscard]] std::uint64_t random() const noexcept {
        std::uint64_t drawn = 0;
        const ssize_t got = detail::retry([&] { return ::getrandom(&drawn, sizeof drawn, 0); });
        check(got == sizeof drawn, "the system gives no random numbers");
        return drawn;
    }
    void sleep(nanoseconds length) const noexcept {
        const struct ::timespec until = detail::time_after(length);
        while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {}
    }
    static void use_large_pages(void* at, std::size_t size) noexcept {
        (void)::madvise(at, size, MADV_HUGEPAGE);
    }
};

static_assert(platform<posix>);

}  // namespace mantis
