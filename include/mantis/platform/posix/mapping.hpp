// SPDX-License-Identifier: BSL-1.0
//
// Writes into a file without a system call: by a mapping of the part that is written just now. See
// platform.hpp, mappable_file.
//
//   posix_mapping mapping = file.map(size);
//   if (!mapping.write(offset, record)) done = file.write(offset, record);
//
// A store into a mapped page that the system cannot give ends the process, where a write would have
// been an error. So the system is asked for pages by a call that answers (MADV_POPULATE_WRITE,
// Linux 5.14), a window of them at a time; and again as soon as its coarse clock has ticked, for it
// takes pages back. Where it has none, nothing is written by this mapping any more. File systems
// that need space for blocks which are reserved, as those that never overwrite do, are not mapped.
//
// Invariants:
//   1. one window is mapped at most, and all of it lies before the size that was told
//   2. nothing is stored but into pages that the system gave within the last tick, of some
//      milliseconds
//
// Threads: one at a time.
#pragma once

#include "detail/descriptor.hpp"

#include "../../core/units.hpp"

#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <ctime>

namespace mantis {

namespace detail {

// By the numbers of statfs(2).
//   Returns     whether a write of a block that is reserved needs no space
[[nodiscard]] constexpr bool overwrites_in_place(std::uint64_t file_system) noexcept {
    constexpr std::uint64_t ext = 0xEF53;
    constexpr std::uint64_t xfs = 0x58465342;
    constexpr std::uint64_t tmpfs = 0x01021994;
    return file_system == ext || file_system == xfs || file_system == tmpfs;
}

}  // namespace detail

class posix_mapping {
public:
    static constexpr std::size_t window_bytes = 64 * KiB;

    // Takes nothing.
    posix_mapping() noexcept = default;
    //   Requires    the descriptor stays open as long as write() is called
    posix_mapping(int file, std::uint64_t size) noexcept : file_{file}, size_{size} {
        struct ::statfs status;
        if (detail::retry([&] { return ::fstatfs(file, &status); }) != 0 ||
            !detail::overwrites_in_place(static_cast<std::uint64_t>(status.f_type)))
            size_ = 0;
    }
    posix_mapping(posix_mapping&& other) noexcept { swap(other); }
    posix_mapping& operator=(posix_mapping&& other) noexcept {
        posix_mapping taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~posix_mapping() { unmap(); }

    //   Returns     false: the system may have a part of it, or nothing, and who wants it to have
    //               all writes it in another way
    [[nodiscard]] bool write(std::uint64_t offset, bytes_view from) noexcept {
        if (offset > size_ || from.size() > size_ - offset) return false;
        for (std::size_t done = 0; done < from.size();) {
            if (!reach(offset + done)) {
                unmap();
                size_ = 0;
                return false;
            }
            const auto at = static_cast<std::size_t>(offset + done - begin_);
            const std::size_t left = from.size() - done;
            const std::size_t count = left < length_ - at ? left : length_ - at;
            std::memcpy(window_ + at, from.data() + done, count);
            done += count;
        }
        return true;
    }

private:
    void swap(posix_mapping& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(size_, other.size_);
        std::swap(window_, other.window_);
        std::swap(begin_, other.begin_);
        std::swap(length_, other.length_);
        std::swap(asked_at_, other.asked_at_);
    }

    //   Effects     the pages of the window from there on are the process's
    [[nodiscard]] bool reach(std::uint64_t offset) noexcept {
        const bool inside = window_ != nullptr && offset >= begin_ && offset - begin_ < length_;
        const std::uint64_t now = tick();
        if (inside && now == asked_at_) return true;
        if (!inside && !map(offset)) return false;
        asked_at_ = now;
        return ask(offset);
    }
    [[nodiscard]] bool map(std::uint64_t offset) noexcept {
        unmap();
        const std::uint64_t begin = offset / window_bytes * window_bytes;
        const std::uint64_t left = size_ - begin;
        const std::size_t length =
            left < window_bytes ? static_cast<std::size_t>(left) : window_bytes;
        void* const at = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file_,
                                static_cast<off_t>(begin));
        if (at == MAP_FAILED) return false;
        window_ = static_cast<std::byte*>(at);
        begin_ = begin;
        length_ = length;
        return true;
    }
    void unmap() noexcept {
        if (window_ != nullptr) ::munmap(window_, length_);
        window_ = nullptr;
    }
    // What lies before was written: asked for again, it would have to go to the disk again.
    [[nodiscard]] bool ask(std::uint64_t offset) const noexcept {
#ifdef MADV_POPULATE_WRITE
        static const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const auto at = static_cast<std::size_t>(offset - begin_) / page_bytes * page_bytes;
        return detail::retry(
                   [&] { return ::madvise(window_ + at, length_ - at, MADV_POPULATE_WRITE); }) == 0;
#else
        (void)offset;
        return false;
#endif
    }
    [[nodiscard]] static std::uint64_t tick() noexcept {
        struct ::timespec now;
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
               static_cast<std::uint64_t>(now.tv_nsec);
    }

    int file_ = -1;
    std::uint64_t size_ = 0;  // 0: takes nothing
    std::byte* window_ = nullptr;
    std::uint64_t begin_ = 0;  // of the window
    std::size_t length_ = 0;
    std::uint64_t asked_at_ = 0;
};

}  // namespace mantis
