// SPDX-License-Identifier: BSL-1.0
//
// A file that the next segment of a log can be made of: all its space is its own, and zeros lie
// where the first records will. Making one takes syncs that nobody waits for.
//
// States:
//   none     --prepare()-->  making    a new file; what a crash left under the name is removed
//   making   ------------->  ready     or none, where it could not be made
//   ready    --take()------> taken     and its name is not used for another one
//   taken    --let_go()----> none      it has another name, or is none any more
//
// Invariants:
//   1. what take() hands out reads as zeros, also after a power failure: nothing that lay in the
//      file before comes back as a record
//   2. at most one file has the name, and only prepare() gives it
//   3. the name is not a segment's: whoever reads the log does not see the file
//
// Threads: any number, but prepare() one at a time.
#pragma once

#include "../segment.hpp"

#include "../../platform/guard.hpp"
#include "../../platform/platform.hpp"

#include <optional>

namespace mantis::detail {

template <class Platform>
class spare_segment {
public:
    using directory = typename Platform::directory;
    using file = typename Platform::file;

    struct spare {
        file opened;                     // under spare_segment_name
        std::uint64_t zeroed_to_offset;  // its blocks were written; those behind read as zeros too
    };

    //   Requires    `in` outlives it; file_bytes is a multiple of the block
    spare_segment(directory& in, std::uint64_t file_bytes, bool zeroed) noexcept
        : directory_{&in}, file_bytes_{file_bytes}, zeroed_{zeroed} {}
    spare_segment(const spare_segment&) = delete;
    spare_segment& operator=(const spare_segment&) = delete;

    [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }

    //   Effects     there is a spare, unless it cannot be made: then all is as without one
    void prepare() {
        unique_lock<mutex> hold{mutex_};
        if (state_ != state::none) return;
        state_ = state::making;
        hurry_.store(false, orders::relaxed);
        hold.unlock();
        auto made = make_new();
        hold.lock();
        state_ = made ? state::ready : state::none;
        usable_.store(made.has_value(), orders::relaxed);
        if (made) spare_.emplace(std::move(*made));
        changed_.notify_all();
    }

    // take() would not wait for a sync: there is a spare, or zeros are being written.
    [[nodiscard]] bool is_usable() const noexcept { return usable_.load(orders::relaxed); }
    // A spare is needed soon: zeros that were not written yet are left out.
    void hurry() noexcept { hurry_.store(true, orders::relaxed); }
    //   Effects     until let_go() there is no other one
    //   Returns     the spare; none: there is none. Waits for one that is being made, which is
    //               faster than making another
    std::optional<spare> take() {
        unique_lock<mutex> hold{mutex_};
        hurry();
        while (state_ == state::making) changed_.wait(mutex_);
        if (state_ != state::ready) return std::nullopt;
        state_ = state::taken;
        usable_.store(false, orders::relaxed);
        std::optional<spare> taken = std::move(spare_);
        spare_.reset();
        return taken;
    }

    //   Effects     no spare that is ready, nor its file; the next prepare() makes one anew
    void give_up() {
        auto unused = take();
        if (!unused) return;
        unused.reset();
        (void)directory_->remove(spare_segment_name);
        let_go();
    }

    void let_go() {
        const lock_guard<mutex> hold{mutex_};
        state_ = state::none;
    }

    //   Requires    no other call is running
    //   Effects     no spare, and no file of that name; where that fails, the next one removes it
    void remove() {
        spare_.reset();
        state_ = state::none;
        if (auto there = directory_->exists(spare_segment_name); there && *there)
            (void)directory_->remove(spare_segment_name);
    }

private:
    using mutex = typename Platform::mutex;
    using orders = typename Platform::memory_order;
    enum class state : std::uint8_t { none, making, ready, taken };

    // The system keeps in one piece what one write brings, and goes over all of it for each record
    // that is written there later.
    static constexpr std::size_t piece_bytes = 16 * 1024;
    static constexpr std::uint64_t most_zeroed_bytes = 64 * 1024 * 1024;

    result<spare> make_new() {
        // Removed, not emptied: after a crash in the renaming the file may be a segment's, too.
        auto there = directory_->exists(spare_segment_name);
        if (!there) return there.error();
        if (*there)
            if (auto gone = directory_->remove(spare_segment_name); !gone) return gone.error();
        auto opened = directory_->open(spare_segment_name, file_mode::create_new);
        if (!opened) return opened.error();
        spare made{std::move(*opened), 0};
        auto filled = made.opened.preallocate(file_bytes_);
        if (filled) filled = made.opened.sync();
        usable_.store(filled.has_value(), orders::relaxed);
        if (filled && zeroed_) filled = zero(made);
        if (filled) return made;
        // It would take space where there is none.
        (void)directory_->remove(spare_segment_name);
        return filled.error();
    }

    // Ends when somebody waits: zeros are for speed only.
    result<void> zero(spare& made) {
        const std::uint64_t to = file_bytes_ < most_zeroed_bytes ? file_bytes_ : most_zeroed_bytes;
        const bytes zeros =
            bytes::zeros(to < piece_bytes ? static_cast<std::size_t>(to) : piece_bytes);
        while (made.zeroed_to_offset < to && !hurry_.load(orders::relaxed)) {
            const std::uint64_t left = to - made.zeroed_to_offset;
            const std::size_t count =
                left < zeros.size() ? static_cast<std::size_t>(left) : zeros.size();
            const bytes_view piece = zeros.view().first(count);
            if (auto done = made.opened.write(made.zeroed_to_offset, piece); !done) return done;
            made.zeroed_to_offset += count;
        }
        usable_.store(false, orders::relaxed);
        if (hurry_.load(orders::relaxed)) return success();
        return made.opened.sync();
    }

    directory* directory_;
    const std::uint64_t file_bytes_;
    const bool zeroed_;

    mutex mutex_;  // protects all below
    typename Platform::condition changed_;
    state state_ = state::none;
    std::optional<spare> spare_;
    typename Platform::template atomic<bool> usable_{false};
    // Somebody waits for what is being made.
    typename Platform::template atomic<bool> hurry_{false};
};

}  // namespace mantis::detail
