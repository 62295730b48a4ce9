// SPDX-License-Identifier: BSL-1.0
//
// A flush unit: the memory of one contiguous piece of the log, filled by many threads at once and
// written by one.
//
// States:
//   free     --open-->               open     threads reserve places in it and copy records there
//   open     --another is opened-->  closed   no new places; wait_for_copies() waits for the copies
//   closed   --written-->            free
//
// Invariants:
//   1. a place belongs to one thread until it told that it has copied
//   2. all fields but `limit` and the count of copies change only while nobody can reserve a place;
//      who won a place reads them
//
// Threads: any number copy; one opens, closes and writes it at a time.
#pragma once

#include "../record.hpp"

#include "../../platform/platform.hpp"

namespace mantis::detail {

template <class Platform>
class log_unit {
public:
    using orders = typename Platform::memory_order;

    // The lsn before which places may be reserved. Told last, for it lets others in.
    [[nodiscard]] std::uint64_t limit() const noexcept { return limit_.load(orders::acquire); }

    //   Requires    nobody can reserve a place in it
    //   Effects     it holds what lies from `begin` to `limit`; none if they are equal
    void open(std::uint64_t begin, std::uint64_t limit, std::uint32_t salt) {
        const std::size_t room = static_cast<std::size_t>(limit - begin);
        // What one large record needed is given back.
        if (memory_.capacity() > usual_bytes && room <= usual_bytes) memory_ = bytes{};
        if (room > 0) memory_.reserve(room + log_block_bytes);  // and the padding of its last block
        begin_ = begin;
        salt_ = salt;
        copied_.store(0, orders::relaxed);
        limit_.store(limit, orders::release);
    }

    [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
    [[nodiscard]] std::uint32_t salt() const noexcept { return salt_; }
    //   Requires    begin() <= position, and a place there
    [[nodiscard]] std::byte* at(std::uint64_t position) noexcept {
        return memory_.data() + (position - begin_);
    }

    //   Effects     so many bytes of places are filled
    void tell_copied(std::uint64_t size) {
        const auto words = static_cast<std::uint32_t>(size / log_record_alignment);
        const std::uint32_t before = copied_.fetch_add(words, orders::release);
        if ((before & somebody_waits) != 0) parking::wake(copied_, 1);
    }
    //   Requires    closed, with `size` bytes of places
    //   Returns     whether all of them are filled
    [[nodiscard]] bool is_copied(std::uint64_t size) const {
        return copied_.load(orders::acquire) == size / log_record_alignment;
    }
    //   Requires    closed, with `size` bytes of places
    //   Effects     all of them are filled
    void wait_for_copies(std::uint64_t size) {
        const auto words = static_cast<std::uint32_t>(size / log_record_alignment);
        for (unsigned i = 0; i < parking::spins; ++i) {
            if (copied_.load(orders::acquire) == words) return;
            parking::relax();
        }
        std::uint32_t seen = copied_.fetch_or(somebody_waits, orders::acquire) | somebody_waits;
        while (seen != (words | somebody_waits)) {
            (void)parking::wait(copied_, seen, parking::never);
            seen = copied_.load(orders::acquire);
        }
    }

private:
    using parking = typename Platform::parking;

    static constexpr std::size_t usual_bytes = 4 * 1024 * 1024;
    static constexpr std::uint32_t somebody_waits = 1U << 31;

    typename Platform::template atomic<std::uint64_t> limit_{0};
    typename parking::word copied_{0};  // in units of the records' alignment
    std::uint64_t begin_ = 0;
    std::uint32_t salt_ = 0;
    bytes memory_;
};

}  // namespace mantis::detail
