// SPDX-License-Identifier: BSL-1.0
//
// How the pages of a buffer pool are written: from their frames, and from side copies of what they
// were at the end of an epoch. And the mutex of the pool, with what it protects in all its parts.
//
// Invariants:
//   1. the images of one page are written one after another, and their epochs never go back: its
//      side copies in their order, and its frame when none is left
//   2. a frame is dirty, or a side copy is there, until the source has taken the image
//   3. no latch of a frame is waited for with the mutex held
//
// Threads: any number.
#pragma once

#include "../../platform/guard.hpp"
#include "../page_guard.hpp"
#include "../pool_options.hpp"
#include "side_copies.hpp"

#include <optional>

namespace mantis::detail {

template <class Platform, class Source>
class page_writer {
public:
    using frame = page_frame<Platform>;
    using mutex = typename Platform::mutex;

    page_writer(Source& source, const buffer_pool_options& options, std::uint32_t side_copies)
        : source_{&source}, options_{&options}, sides_{options.page_bytes, side_copies} {}

    [[nodiscard]] std::uint32_t this_epoch() const {
        return epoch_.load(Platform::memory_order::acquire);
    }
    [[nodiscard]] const auto& epoch() const noexcept { return epoch_; }
    [[nodiscard]] std::uint32_t begin_epoch() {
        const std::uint32_t ended = epoch_.fetch_add(1, Platform::memory_order::acq_rel);
        check(ended < UINT32_MAX - 1, "a buffer pool has no more epochs");
        return ended;
    }

    //   Requires    the latch is held exclusively
    //   Returns     false: it is dirty of an earlier epoch, and there is no room for a side copy
    [[nodiscard]] bool begin_change(frame& at) {
        const std::uint32_t now = this_epoch();
        const std::uint32_t was = at.dirty();
        if (was == now) return true;
        if (was != 0 && !copy_aside(at, was)) return false;
        if (was == 0) became_dirty();
        at.dirty_epoch.store(now, Platform::memory_order::release);
        return true;
    }
    // Writes the side copies of the epochs up to this one.
    [[nodiscard]] result<void> write_sides(std::uint32_t epoch) {
        unique_lock<mutex> hold{mutex_};
        for (;;) {
            const std::uint32_t copy = sides_.until(epoch);
            if (copy == side_copies::none) return success();
            if (auto written = write_side(copy, hold); !written) return written;
        }
    }
    // Writes what is in a frame if it is dirty of an epoch up to this one.
    //   Requires    this thread does not hold its latch
    [[nodiscard]] result<void> write_old(frame& at, std::uint32_t epoch) {
        const auto old = [&] { return at.dirty() != 0 && at.dirty() <= epoch; };
        if (!old() || !at.latch.lock_shared_while(old)) return success();
        const shared_page<Platform> held{at, options_->page_bytes};
        unique_lock<mutex> hold{mutex_};
        while (at.writing) changed_.wait(mutex_);
        return old() ? write_frame(at, hold) : success();
    }
    // Writes what is in a frame if it is dirty, and neither held exclusively nor being written.
    [[nodiscard]] result<void> try_write(frame& at) {
        unique_lock<mutex> hold{mutex_};
        if (at.writing || !at.latch.try_lock_shared()) return success();
        const shared_page<Platform> held{at, options_->page_bytes};
        return write_frame(at, hold);
    }
    //   Requires    mutex_, which is let go meanwhile; the latch is held in shared mode; nobody
    //               else writes it
    [[nodiscard]] result<void> write_frame(frame& at, unique_lock<mutex>& hold) {
        const std::uint32_t epoch = at.dirty();
        if (epoch == 0) return success();
        const page_id page{at.page.load(Platform::memory_order::relaxed)};
        at.writing = true;
        ++in_transit_;
        auto written = write_sides_of(page, hold);
        if (written) written = write_image(page, epoch, at.bytes, hold);
        if (written) {
            at.dirty_epoch.store(0, Platform::memory_order::release);
            became_clean();
        }
        at.writing = false;
        --in_transit_;
        changed_.notify_all();
        return written;
    }
    // Of a frame that was not dirty, before it is; and of one that was, afterwards.
    void became_dirty() { dirty_.fetch_add(1, Platform::memory_order::relaxed); }
    void became_clean() { dirty_.fetch_sub(1, Platform::memory_order::relaxed); }
    // At least so many frames as are dirty.
    [[nodiscard]] std::uint32_t dirty_count() const {
        return dirty_.load(Platform::memory_order::relaxed);
    }
    // For all of the pool.
    [[nodiscard]] mutex& latch() noexcept { return mutex_; }
    //   Requires    the mutex; so all below
    void wait() { changed_.wait(mutex_); }
    void wait_for(nanoseconds length) { (void)changed_.wait_for(mutex_, length); }
    // An arrival has ended, a frame is free, an image written or not.
    void changed() { changed_.notify_all(); }
    [[nodiscard]] buffer_pool_stats& counts() noexcept { return counts_; }
    [[nodiscard]] std::uint32_t side_count() const noexcept { return sides_.count(); }
    void limit_sides(std::uint32_t most) noexcept { sides_.limit(most); }
    // Of the room for side copies, what is taken.
    [[nodiscard]] double sides_taken() const noexcept { return sides_.taken(); }
    // How long one image was written lately; none: the last one could not be.
    [[nodiscard]] std::optional<nanoseconds> usual_write() const noexcept {
        return write_failed_ ? std::nullopt : std::optional<nanoseconds>{usual_write_};
    }
    // Frames that are being filled or written: this many threads will say changed().
    [[nodiscard]] std::uint32_t& in_transit() noexcept { return in_transit_; }

private:
    [[nodiscard]] bool copy_aside(frame& at, std::uint32_t epoch) {
        std::uint32_t copy;
        {
            const lock_guard<mutex> hold{mutex_};
            copy = sides_.begin({at.page.load(Platform::memory_order::relaxed)}, epoch);
            if (copy == side_copies::none) return false;
            ++counts_.side_copies;
        }
        std::memcpy(sides_.bytes_of(copy), at.bytes, options_->page_bytes);
        const lock_guard<mutex> hold{mutex_};
        sides_.filled(copy);
        changed_.notify_all();
        return true;
    }

    //   Requires    mutex_; it is let go meanwhile
    [[nodiscard]] result<void> write_sides_of(page_id page, unique_lock<mutex>& hold) {
        for (;;) {
            const std::uint32_t copy = sides_.of(page);
            if (copy == side_copies::none) return success();
            if (auto written = write_side(copy, hold); !written) return written;
        }
    }
    // Writes a side copy, or waits for another thread that does something with it.
    //   Requires    mutex_; it is let go meanwhile
    [[nodiscard]] result<void> write_side(std::uint32_t copy, unique_lock<mutex>& hold) {
        if (!sides_.claim(copy)) {
            changed_.wait(mutex_);
            return success();
        }
        auto written =
            write_image(sides_[copy].page, sides_[copy].epoch, sides_.bytes_of(copy), hold);
        if (written) sides_.written(copy);
        else sides_.not_written(copy);
        changed_.notify_all();
        return written;
    }
    //   Requires    mutex_; it is let go meanwhile. Nobody changes the bytes
    [[nodiscard]] result<void> write_image(page_id page, std::uint32_t epoch, const std::byte* from,
                                           unique_lock<mutex>& hold) {
        hold.unlock();
        const nanoseconds begun = Platform::parking::now();
        auto written = source_->write(page, epoch, {from, options_->page_bytes});
        const nanoseconds took = Platform::parking::now() - begun;
        hold.lock();
        usual_write_.count += (took.count - usual_write_.count) / 8;
        ++(written ? counts_.writes : counts_.failed_writes);
        if (!written && !std::exchange(write_failed_, true))
            options_->events(
                event{event_code::page_write_failed}
                    .with("page", page.value)
                    .with("epoch", epoch)
                    .with("error", static_cast<std::uint64_t>(written.error().code())));
        if (written) write_failed_ = false;
        return written;
    }

    Source* const source_;
    const buffer_pool_options* const options_;
    typename Platform::template atomic<std::uint32_t> epoch_{1};
    typename Platform::template atomic<std::uint32_t> dirty_{0};

    mutex mutex_;  // protects all below
    typename Platform::condition changed_;
    side_copies sides_;
    std::uint32_t in_transit_ = 0;
    bool write_failed_ = false;  // the last one
    nanoseconds usual_write_;    // an average that forgets
    buffer_pool_stats counts_;
};

}  // namespace mantis::detail
