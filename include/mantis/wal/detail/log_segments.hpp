// SPDX-License-Identifier: BSL-1.0
//
// The segments that a writer has open: the one that is appended to, the one before it while that
// is not durable, and the spare.
//
// A turn to the spare is two steps: begin_spare() makes it the last segment, sync_behind() and
// sync_last() make durable what that left open. A turn without a spare is one, begin(), and
// everything before has to be durable.
//
// Invariants:
//   1. there is at most one segment before the last that is not durable
//   2. a segment that is being synced is not destroyed: only sync_last() and begin() destroy one
//
// Threads: one turns at a time; one calls sync_behind(), sync_last() and begin() at a time, beside
// the one that turns. behind() and last() as the owner's mutex has it.
#pragma once

#include "segment_maker.hpp"

#include "../log_options.hpp"

#include "../../core/owned.hpp"

namespace mantis::detail {

template <class Platform, class Checksum>
class log_segments {
public:
    using maker = segment_maker<Platform, Checksum>;
    using segment = typename maker::segment;
    using directory = typename Platform::directory;

    //   Requires    `in` outlives it
    log_segments(Platform world, directory& in, database_id database, const log_options& options)
        : segment_bytes_{options.segment_bytes},
          maker_{std::move(world), in, database},
          spare_{in, round_up(options.segment_bytes, log_block_bytes),
                 options.zero_ahead_bytes != 0} {}

    [[nodiscard]] bool any() const noexcept { return static_cast<bool>(last_); }
    [[nodiscard]] segment& last() const noexcept { return *last_; }
    // The segment before the last is not known to be durable.
    [[nodiscard]] bool behind() const noexcept { return static_cast<bool>(behind_); }
    // One past its last record.
    [[nodiscard]] std::uint64_t behind_end() const noexcept { return behind_end_; }

    //   Requires    any(); the last segment is filled up to `end`
    //   Returns     its share that is filled, if who turns to the next one waits for a sync; else 0
    [[nodiscard]] double turn_level(std::uint64_t end) noexcept {
        const double filled =
            static_cast<double>(end - last_->first) / static_cast<double>(last_->room);
        if (filled > 0.5) spare_.hurry();
        return behind() || !spare_.is_usable() ? filled : 0;
    }
    //   Effects     there is a spare, unless none can be made
    void prepare_spare() { spare_.prepare(); }
    //   Effects     none is there that was ready; one that is being made is waited for
    void give_up_spare() { spare_.give_up(); }

    // A log that rests takes an eighth of a segment, and no more than this.
    static constexpr std::uint64_t most_small_bytes = 128 * KiB;
    [[nodiscard]] std::uint64_t small_bytes() const noexcept {
        return segment_bytes_ / 8 < most_small_bytes ? segment_bytes_ / 8 : most_small_bytes;
    }
    [[nodiscard]] bool may_be_small() const noexcept {
        return small_bytes() >= 2 * segment_header_bytes;
    }
    //   Requires    any()
    [[nodiscard]] bool is_small() const noexcept {
        return may_be_small() && segment_header_bytes + last_->room <= small_bytes();
    }

    //   Requires    any()
    //   Returns     a segment made of the spare; none: there is none, or it failed
    [[nodiscard]] std::optional<segment> take_spare(std::uint64_t first, std::uint32_t chain,
                                                    lsn durable, std::uint64_t size) {
        return maker_.make_of(spare_, {first, chain, durable, {last_->first}}, size);
    }
    //   Requires    !behind(); `end` is one past the last record of the last segment
    void begin_spare(segment made, std::uint64_t end) {
        check(!behind_, "log_segments: two segments before the last one are not durable");
        behind_ = std::move(last_);
        behind_end_ = end;
        last_ = owned<segment>(new segment(std::move(made)));
    }

    struct made_segment {
        result<segment> made;
        bool again;  // where it failed: nothing of it is left, and it may be tried once more
    };
    //   Requires    everything before `durable` is, and that is all
    [[nodiscard]] made_segment make(std::uint64_t first, std::uint32_t chain, lsn durable,
                                    std::uint64_t size, bool small) {
        const std::uint64_t file_bytes = small ? small_bytes() : segment_bytes_;
        made_segment done{maker_.make({first, chain, durable, {}}, size, file_bytes), true};
        if (!done.made) {
            const bool free = maker_.remove(first);
            done.again = (!last_ || free) && !maker_.sync_failed();
            // After a rest the disk may have no room for more than that.
            const bool full = done.made.error().code() == error_code::no_space;
            if (full && done.again && !small && last_ && is_small())
                return make(first, chain, durable, size, true);
        } else if (last_) {
            last_->trim(durable.value);
        }
        return done;
    }
    void begin(segment made) { last_ = owned<segment>(new segment(std::move(made))); }

    //   Requires    behind()
    [[nodiscard]] result<void> sync_behind() {
        behind_->mapping.reset();  // here, where nobody waits
        behind_->trim(behind_end_);
        return behind_->opened.sync();
    }
    //   Requires    behind(), and sync_behind() succeeded
    [[nodiscard]] result<void> sync_last() {
        // Nothing in it is durable yet. From now on what is proves that all before it is, too.
        last_->header.durable = {behind_end_};
        if (auto told = last_->opened.write(0, encode_segment_header(last_->header)); !told)
            return told;
        if (auto synced = last_->opened.sync(); !synced) return synced;
        return maker_.sync_names();
    }
    //   Requires    sync_last() succeeded
    void forget_behind() { behind_.reset(); }

    //   Requires    everything before `end` is durable, and no other call is running
    [[nodiscard]] result<void> close(lsn end) {
        if (!last_) return success();
        last_->trim(end.value);
        auto synced = last_->opened.sync();
        last_.reset();
        spare_.remove();
        return synced;
    }

private:
    const std::uint64_t segment_bytes_;
    maker maker_;
    spare_segment<Platform> spare_;
    owned<segment> last_;
    owned<segment> behind_;
    std::uint64_t behind_end_ = 0;
};

}  // namespace mantis::detail
