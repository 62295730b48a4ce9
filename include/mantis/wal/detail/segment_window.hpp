// SPDX-License-Identifier: BSL-1.0
//
// A segment file, or another one, seen through a window: the bytes that are looked at are in
// memory, and no more than that.
//
//   file     0 ........ keep ......... offset ........ offset + least ........ size
//   window              [ what was read and stays  |  what is read ahead ]
//
// Invariants:
//   1. a byte inside the window was read once and stays as it was read, until forget()
//   2. the window grows beyond window_bytes only for what it has to keep and for the `least` bytes
//      of one read
//   3. a read that gives less than the file's size promises is an error, not an end, unless the
//      file was cut there meanwhile
//
// Threads: one at a time.
#pragma once

#include "../record.hpp"

#include "../../platform/platform.hpp"

#include <cstring>

namespace mantis::detail {

inline constexpr std::size_t log_window_bytes = 256 * 1024;

template <platform Platform>
class segment_window {
public:
    using directory = typename Platform::directory;

    // `too_short` is told where a read gives less than the file's size promises.
    static result<segment_window> open(
        directory& in, bytes_view name, std::size_t window_bytes,
        const char* too_short = "reading a log segment: it is shorter than its size") {
        auto file = in.open(name, file_mode::read);
        if (!file) return file.error();
        segment_window made{std::move(*file), bytes{name}, window_bytes, too_short};
        if (auto known = made.learn_size(); !known) return known.error();
        return made;
    }

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bytes_view name() const noexcept { return name_.view(); }
    [[nodiscard]] std::uint64_t end() const noexcept { return begin_ + filled_; }

    // What of the file from `offset` on is in memory; may be nothing.
    [[nodiscard]] bytes_view held(std::uint64_t offset) const noexcept {
        if (offset < begin_ || offset >= end()) return {};
        const auto skip = static_cast<std::size_t>(offset - begin_);
        return {buffer_.data() + skip, filled_ - skip};
    }

    //   Effects     bytes before both `offset` and keep_from() may leave the memory
    //   Returns     what is in memory from `offset` on: at least `least` bytes, or all up to the
    //               end of the file or the limit; valid until the next read
    //   Errors      io
    result<bytes_view> read(std::uint64_t offset, std::uint64_t least) {
        const std::uint64_t stop = readable_end();
        if (offset >= stop) return bytes_view{};
        const std::uint64_t wanted = least < stop - offset ? offset + least : stop;
        if (offset < begin_ || wanted > end())
            if (auto filled = fill(offset, wanted); !filled) return filled.error();
        return held(offset);
    }

    // The bytes from here on stay in memory, if they are there, when later ones are read.
    void keep_from(std::uint64_t offset) noexcept { keep_ = offset; }
    // The bytes from `offset` on are read anew when they are asked for again.
    void forget(std::uint64_t offset) noexcept {
        if (offset <= begin_) filled_ = 0;
        else if (offset < end()) filled_ = static_cast<std::size_t>(offset - begin_);
    }
    // Bytes at or behind `offset` are not read: they may still change.
    void limit(std::uint64_t offset) noexcept { limit_ = offset; }
    // Looks how long the file is now.
    result<void> learn_size() {
        auto size = file_.size();
        if (!size) return size.error();
        size_ = *size;
        forget(size_);
        return success();
    }

private:
    segment_window(typename Platform::file file, bytes name, std::size_t window_bytes,
                   const char* too_short)
        : file_{std::move(file)},
          name_{std::move(name)},
          window_bytes_{window_bytes},
          too_short_{too_short} {}

    [[nodiscard]] std::uint64_t readable_end() const noexcept {
        return limit_ < size_ ? limit_ : size_;
    }

    //   Requires    offset < wanted <= readable_end()
    result<void> fill(std::uint64_t offset, std::uint64_t wanted) {
        drop_before(offset < keep_ ? offset : keep_, offset);
        const std::uint64_t stop = readable_end();
        const std::uint64_t ahead = stop - end() < window_bytes_ ? stop : end() + window_bytes_;
        const std::uint64_t to = wanted > ahead ? wanted : ahead;
        const auto count = static_cast<std::size_t>(to - end());
        if (buffer_.size() < filled_ + count) buffer_.resize(filled_ + count);
        auto got = file_.read(end(), buffer_.data() + filled_, count);
        if (!got) return got.error();
        filled_ += *got;
        return *got == count ? success() : check_shorter();
    }

    // A segment that is left is trimmed to its records, perhaps just now.
    result<void> check_shorter() {
        const std::uint64_t before = size_;
        const std::uint64_t reached = end();
        if (auto known = learn_size(); !known) return known;
        if (size_ == reached) return success();
        forget(reached);
        return error{error_code::io, too_short_}
            .about(name_)
            .with("offset", reached)
            .with("bytes", before);
    }

    // Moves what is kept to the front, but only when that makes room for as much as it moves.
    void drop_before(std::uint64_t kept, std::uint64_t offset) {
        if (kept < begin_ || kept > end()) {
            begin_ = offset;
            filled_ = 0;
            return;
        }
        const auto dropped = static_cast<std::size_t>(kept - begin_);
        if (dropped == 0 || dropped < filled_ - dropped) return;
        std::memmove(buffer_.data(), buffer_.data() + dropped, filled_ - dropped);
        filled_ -= dropped;
        begin_ = kept;
    }

    typename Platform::file file_;
    bytes name_;
    std::size_t window_bytes_;
    const char* too_short_;
    std::uint64_t size_ = 0;
    std::uint64_t limit_ = ~std::uint64_t{0};
    std::uint64_t keep_ = ~std::uint64_t{0};
    bytes buffer_;  // its first filled_ bytes are the file's from begin_ on
    std::uint64_t begin_ = 0;
    std::size_t filled_ = 0;
};

}  // namespace mantis::detail
