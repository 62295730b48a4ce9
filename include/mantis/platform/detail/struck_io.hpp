// SPDX-License-Identifier: BSL-1.0
//
// What each fault does to the I/O of an open file, over whatever the file is.
//
// Concept Access, for `file` of type Access:
//   expression                        returns              meaning
//   file.read(offset, into, count)    result<std::size_t>  as of the concept block_file, like the
//   file.write(offset, bytes)         result<void>         next five
//   file.sync()                       result<void>
//   file.size()                       result<uint64_t>
//   file.resize(size)                 result<void>
//   file.preallocate(size)            result<void>
//   file.refusal(code)                error                of this I/O
//   file.pause()                      result<void>         time goes by; an error ends the I/O
//   file.former(offset, into, count)  void                 puts what was there before the last
//                                                          write over `into`, where known
//   file.flip(offset, bit)            void                 turns a bit for good
//   file.sync_in_part(dice)           void                 syncs some of what a sync would
//   file.fail_to_sync(how)            void                 a sync has failed
//
//   Threads   those of the file
#pragma once

#include "../fault.hpp"

#include "../../core/result.hpp"

namespace mantis::detail {

template <class Access>
class struck_io {
public:
    //   Requires    both outlive it
    struck_io(Access& file, const fault_strike& strike, std::uint64_t sector_bytes) noexcept
        : file_{file}, strike_{strike}, dice_{strike.seed}, sector_bytes_{sector_bytes} {}

    [[nodiscard]] result<std::size_t> read(std::uint64_t offset, std::byte* into,
                                           std::size_t count) {
        if (strike_.fails()) return file_.refusal(strike_.code);
        if (strike_.is(fault_kind::split)) return read_in_parts(offset, into, count);
        if (strike_.is(fault_kind::flip_at_rest)) flip_at_rest(offset, count);
        result<std::size_t> got = file_.read(offset, into, count);
        if (!got || *got == 0) return got;
        if (strike_.is(fault_kind::flip_on_read)) {
            const std::uint64_t at = place_in(offset, offset + *got);
            into[at - offset] ^= std::byte{1} << static_cast<int>(dice_.below(8));
        }
        if (strike_.is(fault_kind::stale_read)) make_stale(offset, into, *got);
        return got;
    }
    [[nodiscard]] result<void> write(std::uint64_t offset, bytes_view from) {
        if (strike_.is(fault_kind::fail)) return file_.refusal(strike_.code);
        if (strike_.is(fault_kind::lost_write)) return success();
        if (strike_.is(fault_kind::split)) return write_in_parts(offset, from);
        if (strike_.is(fault_kind::fail_halfway)) {
            const bytes_view part = from.first(static_cast<std::size_t>(pick(from.size() + 1)));
            if (auto done = file_.write(offset, part); !done) return done;
            return file_.refusal(strike_.code);
        }
        if (strike_.is(fault_kind::flip_at_rest)) flip_at_rest(0, 0);
        if (strike_.is(fault_kind::misdirected_write)) return misdirected(offset, from);
        return file_.write(offset, from);
    }
    [[nodiscard]] result<void> sync() {
        if (strike_.is(fault_kind::flip_at_rest)) flip_at_rest(0, 0);
        const bool lies = strike_.is(fault_kind::lying_sync);
        if (!lies && !strike_.fails()) return file_.sync();
        if (strike_.is(fault_kind::fail_halfway)) file_.sync_in_part(dice_);
        file_.fail_to_sync(strike_.after_sync);
        if (lies) return success();
        return file_.refusal(strike_.code);
    }
    [[nodiscard]] result<std::uint64_t> size() {
        if (strike_.fails()) return file_.refusal(strike_.code);
        if (strike_.is(fault_kind::flip_at_rest)) flip_at_rest(0, 0);
        return file_.size();
    }
    [[nodiscard]] result<void> resize(std::uint64_t size) {
        return change_size(size, [&](std::uint64_t to) { return file_.resize(to); });
    }
    [[nodiscard]] result<void> preallocate(std::uint64_t size) {
        return change_size(size, [&](std::uint64_t to) { return file_.preallocate(to); });
    }

private:
    [[nodiscard]] std::uint64_t pick(std::uint64_t bound) noexcept {
        return bound < 2 ? 0 : dice_.next() % bound;
    }
    //   Requires    begin < end
    //   Returns     an offset in there, and in the fault's own range where the two meet
    [[nodiscard]] std::uint64_t place_in(std::uint64_t begin, std::uint64_t end) noexcept {
        const std::uint64_t first = strike_.first_byte > begin ? strike_.first_byte : begin;
        const std::uint64_t last = strike_.end_byte < end ? strike_.end_byte : end;
        return first < last ? first + pick(last - first) : begin + pick(end - begin);
    }
    // Turns a bit of [offset, offset + count), or with no count of the whole file.
    void flip_at_rest(std::uint64_t offset, std::uint64_t count) {
        const result<std::uint64_t> size = file_.size();
        if (!size || *size <= offset) return;
        const std::uint64_t end = count == 0 || count > *size - offset ? *size : offset + count;
        file_.flip(place_in(offset, end), static_cast<unsigned>(dice_.below(8)));
    }
    void make_stale(std::uint64_t offset, std::byte* into, std::size_t count) {
        const std::uint64_t sector = place_in(offset, offset + count) / sector_bytes_;
        const std::uint64_t begin = sector * sector_bytes_;
        const std::uint64_t first = begin > offset ? begin : offset;
        const std::uint64_t stop = dice_.one_in(2) ? begin + sector_bytes_ : offset + count;
        const std::uint64_t end = stop < offset + count ? stop : offset + count;
        file_.former(first, into + (first - offset), static_cast<std::size_t>(end - first));
    }

    // How long the next of several transfers is.
    [[nodiscard]] std::size_t transfer(std::size_t left) noexcept {
        const std::size_t half = left / 2 + 1;
        return dice_.one_in(4) ? left : static_cast<std::size_t>(1 + pick(half));
    }
    [[nodiscard]] result<std::size_t> read_in_parts(std::uint64_t offset, std::byte* into,
                                                    std::size_t count) {
        for (std::size_t done = 0;;) {
            const std::size_t part = transfer(count - done);
            const auto got =
                file_.read(offset + done, into + done, part < count - done ? part : count - done);
            if (!got) return got;
            done += *got;
            if (*got == 0 || done == count) return done;
            if (auto on = file_.pause(); !on) return std::move(on).error();
        }
    }
    [[nodiscard]] result<void> write_in_parts(std::uint64_t offset, bytes_view from) {
        while (true) {
            const std::size_t drawn = transfer(from.size());
            const std::size_t part = drawn < from.size() ? drawn : from.size();
            if (auto done = file_.write(offset, from.first(part)); !done) return done;
            if (part == from.size()) return success();
            from = from.from(part);
            offset += part;
            if (auto on = file_.pause(); !on) return on;
        }
    }
    [[nodiscard]] result<void> misdirected(std::uint64_t offset, bytes_view from) {
        const result<std::uint64_t> size = file_.size();
        if (!size) return size.error();
        const std::uint64_t sectors = *size / sector_bytes_ + 1;
        const std::uint64_t own = offset / sector_bytes_;
        std::uint64_t other = pick(sectors);
        if (other == own) other = own == 0 ? 1 : own - 1;
        return file_.write(other * sector_bytes_ + offset % sector_bytes_, from);
    }
    template <class Change>
    [[nodiscard]] result<void> change_size(std::uint64_t size, Change change) {
        if (strike_.is(fault_kind::flip_at_rest)) flip_at_rest(0, 0);
        if (!strike_.fails()) return change(size);
        if (strike_.is(fault_kind::fail_halfway)) {
            const result<std::uint64_t> before = file_.size();
            if (!before) return before.error();
            const std::uint64_t low = *before < size ? *before : size;
            const std::uint64_t high = *before < size ? size : *before;
            if (auto done = change(low + pick(high - low + 1)); !done) return done;
        }
        return file_.refusal(strike_.code);
    }

    Access& file_;
    const fault_strike& strike_;
    seeded_random dice_;
    std::uint64_t sector_bytes_;
};

// What somebody else's file may contain: `usual_bytes` long, shorter, or longer.
[[nodiscard]] inline bytes foreign_contents(std::uint64_t usual_bytes, std::uint64_t seed) {
    constexpr std::uint64_t most = 1 << 20;
    seeded_random dice{seed};
    const std::uint64_t usual = usual_bytes < most ? usual_bytes : most;
    const std::uint64_t lengths[] = {usual, usual, usual / 2, 0, usual + dice.below(5000)};
    bytes made = bytes::zeros(static_cast<std::size_t>(lengths[dice.below(5)]));
    const bool text = dice.one_in(2);
    for (std::byte* at = made.data(); at != made.data() + made.size(); ++at)
        *at = static_cast<std::byte>(text ? 'a' + dice.below(26) : dice.below(256));
    return made;
}

}  // namespace mantis::detail
