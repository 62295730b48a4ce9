// SPDX-License-Identifier: BSL-1.0
//
// The flush units of a log, one of which is open: where places for records are reserved, and in
// which order units become free again.
//
// `next_`, one word:
//   bits 56..63   generation of the open unit; the unit is units_[generation % count]
//   bit 55        shut: the open unit has no room at all, until reopen()
//   bits 0..54    position in the log / 8
//
// A unit is closed by opening the next one, in one atomic step on that word.
//
// Invariants:
//   1. positions never go back, and no two places overlap
//   2. units are closed one after the other and become free in the same order, whichever is written
//      first
//   3. a word that reserve() has seen comes back only as an open unit at the same position: while a
//      segment cannot be made, generations go round at one position, and all of those are shut
//
// Threads: reserve() any number at once; all else one at a time, beside reserve().
#pragma once

#include "log_unit.hpp"

#include <optional>

namespace mantis::detail {

enum class log_align : std::uint8_t { none, block };

// Where a unit may lie: before `end`, at most unit_bytes long. None at all: end == 0.
struct log_room {
    std::uint64_t end = 0;
    std::uint32_t salt = 0;
    std::uint64_t unit_bytes = 0;
};

// What was closed: the records of a unit, from its begin to `end`.
template <class Unit>
struct closed_log_unit {
    Unit* of = nullptr;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;      // of its records
    std::uint64_t next = 0;     // where the log goes on
    std::uint64_t records = 0;  // once they are sealed

    [[nodiscard]] std::size_t size() const noexcept {
        return end > begin ? static_cast<std::size_t>(end - begin) : 0;
    }
};

template <class Platform>
class log_units {
public:
    using unit = log_unit<Platform>;
    using closed_unit = closed_log_unit<unit>;

    // What a thread owns of a unit; `full` is the one it closed to make room.
    struct place {
        unit* in = nullptr;
        std::uint64_t position = 0;
        std::optional<closed_unit> full;
    };

    // The log goes on at the block after `end`; there is no room yet.
    explicit log_units(std::uint64_t end)
        : next_{shut | word(0, round_up(end, log_block_bytes))}, closed_{end} {
        const std::uint64_t begin = position();
        units_[0].open(begin, begin, 0);
    }

    //   Returns     false: the open unit has no room for it
    bool reserve(std::uint64_t size, place& mine) {
        std::uint64_t seen = next_.load(orders::acquire);
        while (true) {
            unit& in = unit_of(seen);
            const std::uint64_t position = position_of(seen);
            if ((seen & shut) != 0 || position + size > in.limit()) return false;
            if (next_.compare_exchange_weak(seen, seen + size / log_record_alignment,
                                            orders::acq_rel, orders::acquire)) {
                mine.in = &in;
                mine.position = position;
                return true;
            }
        }
    }

    // Where the next place will be, if the log goes on there.
    [[nodiscard]] std::uint64_t position() const noexcept {
        return position_of(next_.load(orders::acquire));
    }
    [[nodiscard]] std::uint64_t end_of_records() const noexcept {
        const std::uint64_t now = next_.load(orders::acquire);
        return position_of(now) > unit_of(now).begin() ? position_of(now) : closed_;
    }
    // The end of the records in units that were closed.
    [[nodiscard]] std::uint64_t closed_end() const noexcept { return closed_; }

    [[nodiscard]] bool any_free() const noexcept { return in_flight_ + 1 < count; }
    [[nodiscard]] bool any_in_flight() const noexcept { return in_flight_ > 0; }

    //   Requires    any_free()
    //   Effects     the next unit is open, with `reserved` bytes at its begin for the caller
    //   Returns     the unit that was open; none: there is no room for `reserved` bytes
    std::optional<closed_unit> close(log_align where, std::uint64_t reserved,
                                     const log_room& room) {
        std::uint64_t seen = next_.load(orders::acquire);
        closed_unit closed;
        closed.of = &unit_of(seen);
        closed.begin = closed.of->begin();
        unit& following = unit_of(seen + word(1, 0));
        while (true) {
            const std::uint64_t position = position_of(seen);
            closed.end = position > closed.begin ? position : closed_;
            closed.next =
                where == log_align::block ? round_up(position, log_block_bytes) : position;
            if (reserved > 0 && closed.next + reserved > room.end) return std::nullopt;
            following.open(closed.next, limit_from(closed.next, reserved, room), room.salt);
            const std::uint64_t opened =
                word(generation_of(seen) + 1, closed.next + reserved) | (room.end == 0 ? shut : 0);
            if (next_.compare_exchange_strong(seen, opened, orders::acq_rel, orders::acquire))
                break;
        }
        closed_ = closed.end;
        ++in_flight_;
        return closed;
    }
    // The first place of the unit that close() opened.
    void first_place(place& mine) {
        mine.in = &unit_of(next_.load(orders::relaxed));
        mine.position = mine.in->begin();
    }

    //   Requires    the open unit has no room at all
    //   Effects     it has, beginning with a place of `reserved` bytes for the caller
    void reopen(std::uint64_t reserved, const log_room& room, place& mine) {
        const std::uint64_t closed = next_.load(orders::relaxed);
        mine.in = &unit_of(closed);
        mine.position = position_of(closed);
        // The place first, the room after: who looks meanwhile finds none.
        next_.store(word(generation_of(closed) + count, mine.position + reserved), orders::release);
        mine.in->open(mine.position, limit_from(mine.position, reserved, room), room.salt);
    }

    //   Effects     the unit is done; it and all that wait for it are free
    //   Returns     the end of the records that lie together and are done; none: an older unit is
    //               not
    std::optional<std::uint64_t> finish(const closed_unit& closed) {
        const auto at = static_cast<std::size_t>(closed.of - units_);
        ends_[at] = closed.end;
        done_[at] = true;
        std::optional<std::uint64_t> reaches;
        while (in_flight_ > 0 && done_[oldest_]) {
            done_[oldest_] = false;
            reaches = ends_[oldest_];
            oldest_ = (oldest_ + 1) % count;
            --in_flight_;
        }
        return reaches;
    }

private:
    using orders = typename Platform::memory_order;

    static constexpr unsigned count = 4;
    static_assert(256 % count == 0, "the generation after 255 is 0");

    static constexpr std::uint64_t shut = std::uint64_t{1} << 55;
    static constexpr std::uint64_t word(std::uint64_t generation, std::uint64_t position) noexcept {
        return generation << 56 | position / log_record_alignment;
    }
    static constexpr std::uint64_t position_of(std::uint64_t word) noexcept {
        return (word & (shut - 1)) * log_record_alignment;
    }
    static constexpr std::uint64_t generation_of(std::uint64_t word) noexcept { return word >> 56; }
    [[nodiscard]] unit& unit_of(std::uint64_t word) noexcept {
        return units_[generation_of(word) % count];
    }
    [[nodiscard]] const unit& unit_of(std::uint64_t word) const noexcept {
        return units_[generation_of(word) % count];
    }

    //   Returns     where a unit ends that begins here and has room for `least` bytes
    static std::uint64_t limit_from(std::uint64_t begin, std::uint64_t least,
                                    const log_room& room) noexcept {
        if (room.end == 0) return begin;
        const std::uint64_t limit = begin + (least > room.unit_bytes ? least : room.unit_bytes);
        return limit < room.end ? limit : room.end;
    }

    unit units_[count];
    typename Platform::template atomic<std::uint64_t> next_;
    std::uint64_t closed_;            // the end of the records in units that were closed
    std::uint64_t ends_[count] = {};  // of the records of those that are done
    bool done_[count] = {};           // written, while an older one is not
    unsigned oldest_ = 0;             // the oldest that is closed and not yet free
    unsigned in_flight_ = 0;          // how many of them
};

}  // namespace mantis::detail
