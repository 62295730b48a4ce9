// SPDX-License-Identifier: BSL-1.0
//
// The frames of a buffer pool: which page is in which, how a page gets into one, and which page
// gives way for it.
//
// Invariants, besides those of page_frame.hpp:
//   1. a page is in one frame at most; on its way into one by one thread at most
//   2. a frame is in the free list, has a page, or is a thread's that fills it
//   3. who waits for a frame without a limit waits for an I/O of another thread that needs none
//
// Threads: any number. seek() and used() take no mutex.
#pragma once

#include "../page_table.hpp"
#include "arrivals.hpp"
#include "hit_count.hpp"
#include "known_places.hpp"
#include "page_writer.hpp"
#include "pool_helper.hpp"

namespace mantis::detail {

template <class Platform, class Source, class Eviction, class Translation>
class frame_store {
public:
    using frame = page_frame<Platform>;
    using writer = page_writer<Platform, Source>;
    using mutex = typename Platform::mutex;

    frame_store(writer& own, pool_helper<Platform>& helper, const buffer_pool_options& options,
                std::size_t count)
        : writer_{&own},
          helper_{&helper},
          options_{&options},
          frames_(count),
          memory_{options.page_bytes, count},
          eviction_{static_cast<std::uint32_t>(count)},
          places_{count} {
        memory_.template use_large_pages<Platform>();
        free_.reserve(count);
        for (std::size_t at = count; at-- != 0;) {
            frames_[at].bytes = memory_.page(at);
            free_.push_back(static_cast<std::uint32_t>(at));
        }
    }

    [[nodiscard]] std::vector<frame>& frames() noexcept { return frames_; }
    [[nodiscard]] frame* seek(page_id page) {
        const std::uint32_t at = translation_.frame_of(page);
        return at != Translation::none ? &frames_[at] : nullptr;
    }
    // The same for who is about to read the page: its first lines of the cache and its last are on
    // their way while the frame is looked at.
    [[nodiscard]] frame* seek_to_read(page_id page) {
        const std::uint32_t at = translation_.frame_of(page);
        if (at == Translation::none) return nullptr;
        const std::byte* const bytes = memory_.page(at);
        for (std::size_t line = 0; line < lines_ahead; ++line)
            __builtin_prefetch(bytes + 64 * line);
        __builtin_prefetch(bytes + memory_.page_bytes() - 64);
        return &frames_[at];
    }
    // Where an entry was found lately, if its frame was not changed since: what is read of it is on
    // its way then.
    [[nodiscard]] frame* recall(place_name name, known_place& place) {
        const bool known = places_.find(name, place);
        places_.looked(!known);
        if (!known) return nullptr;
        const std::byte* const bytes = memory_.page(place.frame);
        __builtin_prefetch(bytes);
        for (std::size_t line = 0; line < 3; ++line)
            __builtin_prefetch(bytes + place.offset + 64 * line);
        __builtin_prefetch(bytes + memory_.page_bytes() - 64);
        frame& at = frames_[place.frame];
        return at.latch.validate(place.seen) ? &at : nullptr;
    }
    [[nodiscard]] known_places<Platform>& places() noexcept { return places_; }
    [[nodiscard]] std::uint32_t index_of(const frame& at) const noexcept {
        return static_cast<std::uint32_t>(&at - frames_.data());
    }
    void used(const frame& at) {
        eviction_.noted(index_of(at));
        hits_.add();
    }
    // Puts a page into a frame that it takes for it.
    //   Returns     the frame; nullptr: another thread did
    template <class Fill>
    [[nodiscard]] result<frame*> bring(page_id page, Fill with) {
        unique_lock<mutex> hold{writer_->latch()};
        if (seek(page) != nullptr) return nullptr;
        if (arrival* const other = arriving_.find(page)) {
            auto done = wait_for(*other);
            if (!done && Fill::shares_errors) return std::move(done).error();
            return nullptr;
        }
        if (auto covered = cover(page); !covered) return std::move(covered).error();
        ++writer_->counts().misses;
        arrival own{page, {}};
        arriving_.add(own);
        auto brought = fill_frame(page, with, hold);
        arriving_.end(own, brought ? nullptr : &brought.error());
        writer_->changed();
        return brought;
    }
    //   Requires    the latch of `at`, which has a page, is held exclusively
    //   Effects     it is a free frame
    void drop(frame& at) {
        check(&at >= frames_.data() && &at < frames_.data() + frames_.size(),
              "a page is dropped from a pool that it is not in");
        const lock_guard<mutex> hold{writer_->latch()};
        forget(at);
        give_back(at);
    }
    // Writes dirty frames until the share that options.clean_percent says is clean or free.
    void clean() {
        const std::size_t most = frames_.size() * (100 - options_->clean_percent) / 100;
        for (std::size_t i = 0; i < frames_.size() && writer_->dirty_count() > most; ++i) {
            frame& at = frames_[clean_from_];
            clean_from_ = clean_from_ + 1 == frames_.size() ? 0 : clean_from_ + 1;
            // What failed is told, and tried again by who needs the frame.
            if (at.dirty() != 0 && !writer_->try_write(at)) return;
        }
    }
    //   Requires    the mutex; so the next four
    //   Returns     of these frames, those that have a page that somebody holds
    [[nodiscard]] std::uint32_t count_pinned(std::size_t from, std::size_t to) {
        std::uint32_t pinned = 0;
        for (std::size_t at = from; at < to && at < frames_.size(); ++at) {
            frame& each = frames_[at];
            if (each.page.load(Platform::memory_order::relaxed) == 0) continue;
            if (each.latch.try_lock()) each.latch.unlock_unchanged();
            else ++pinned;
        }
        return pinned;
    }
    // Of the frames that clean() keeps clean or free, those that are neither, if few are free.
    [[nodiscard]] double clean_frames_missing() const noexcept {
        const std::size_t all = frames_.size();
        const std::size_t most = all * (100 - options_->clean_percent) / 100;
        const std::size_t dirty = writer_->dirty_count();
        if (dirty <= most || most == all || free_.size() * plenty_free >= all) return 0;
        const auto share = [](std::size_t of, std::size_t all_of) {
            return static_cast<double>(of) / static_cast<double>(all_of);
        };
        return share(dirty - most, all - most) * (1 - share(free_.size() * plenty_free, all));
    }
    [[nodiscard]] std::uint64_t hits() const { return hits_.value(); }
    [[nodiscard]] std::size_t free_count() const noexcept { return free_.size(); }
    [[nodiscard]] std::size_t translation_bytes() const { return translation_.memory_bytes(); }

private:
    static constexpr std::size_t lines_ahead = 5;   // a page has at least eight
    static constexpr std::size_t plenty_free = 16;  // of so many frames one is free

    //   Requires    the mutex; it is let go meanwhile
    template <class Fill>
    [[nodiscard]] result<frame*> fill_frame(page_id page, Fill with, unique_lock<mutex>& hold) {
        auto taken = free_frame(page, hold);
        if (!taken) return taken;
        frame& at = **taken;
        ++writer_->in_transit();
        hold.unlock();
        auto filled = with.fill(at, page);
        hold.lock();
        --writer_->in_transit();
        if (!filled) {
            ++writer_->counts().failed_reads;
            give_back(at);
            return std::move(filled).error().within("bringing a page into memory");
        }
        at.page.store(page.value, Platform::memory_order::release);
        translation_.set(page, index_of(at));
        with.arrived(at);
        if (Fill::makes_dirty) writer_->became_dirty();
        return &at;
    }
    //   Requires    the mutex
    [[nodiscard]] result<void> wait_for(arrival& other) {
        arrival_waiter own;
        other.waiters.push_back(&own);
        while (!own.told) writer_->wait();
        if (own.failed) return *std::move(own.failed);
        return success();
    }
    //   Requires    the mutex
    [[nodiscard]] result<void> cover(page_id page) {
        if (page.value == 0 || page > Translation::last_page)
            return error{error_code::invalid_argument, "finding a page"}.with("page", page.value);
        const std::size_t more = translation_.bytes_to_cover(page);
        if (more == 0) return success();
        if (translation_.memory_bytes() + more > options_->translation_bytes)
            return error{error_code::out_of_memory, "making room for a page's translation"}
                .with("page", page.value)
                .with("bytes", translation_.memory_bytes() + more)
                .with("limit", options_->translation_bytes);
        translation_.cover(page);
        return success();
    }

    //   Requires    the mutex; it is let go meanwhile
    //   Returns     a frame without a page, its latch held exclusively
    [[nodiscard]] result<frame*> free_frame(page_id page, unique_lock<mutex>& hold) {
        const nanoseconds until = Platform::parking::now() + options_->wait_for_frame;
        std::optional<error> failed;
        for (;;) {
            if (frame* const at = take_free(hold)) return at;
            if (frame* const at = evict(hold, failed)) return at;
            if (!free_.empty()) continue;
            if (failed) return no_clean_frame(page, *failed);
            if (writer_->in_transit() != 0) {
                writer_->wait();
            } else {
                // Nobody says when a page is let go, so that letting go costs nothing.
                if (Platform::parking::now() >= until) return no_frame(page);
                writer_->wait_for(milliseconds(1));
            }
        }
    }
    [[nodiscard]] error no_clean_frame(page_id page, const error& failed) {
        const bool is_full = failed.code() == error_code::no_space;
        error why = no_frame(page, is_full ? error_code::no_space : error_code::out_of_memory)
                        .with("error", static_cast<std::uint64_t>(failed.code()));
        if (is_full) why.within("writing a changed page, to have its frame");
        if (failed.code() == error_code::read_only)
            why.about(
                "all are changed and cannot be written: it takes a larger pool, or to be "
                "opened to be written");
        return why;
    }
    [[nodiscard]] error no_frame(page_id page, error_code code = error_code::out_of_memory) {
        const std::uint32_t pinned = count_pinned(0, frames_.size());
        return error{code, "finding a frame for a page"}
            .with("page", page.value)
            .with("frames", frames_.size())
            .with("dirty", writer_->dirty_count())
            .with("pinned", pinned);
    }
    //   Requires    the mutex; it is let go meanwhile
    [[nodiscard]] frame* take_free(unique_lock<mutex>& hold) {
        if (free_.empty()) return nullptr;
        frame& at = frames_[free_.back()];
        free_.pop_back();
        return relock(at, hold);
    }
    // Who waits for the page that was here is woken between, and sees that it is gone.
    //   Requires    the mutex; it is let go meanwhile. The latch is free, and the frame this
    //               thread's
    [[nodiscard]] frame* relock(frame& at, unique_lock<mutex>& hold) {
        hold.unlock();
        at.latch.lock();  // only those may hold it who came too late, and they see that at once
        hold.lock();
        return &at;
    }
    //   Requires    the mutex; it is let go meanwhile
    //   Returns     as free_frame(); nullptr: none can be had now. `failed` says why a dirty one
    //               could not be written; no other is tried then
    [[nodiscard]] frame* evict(unique_lock<mutex>& hold, std::optional<error>& failed) {
        for (std::size_t asked = 0; asked < 2 * frames_.size(); ++asked) {
            frame& at = frames_[eviction_.victim()];
            if (at.page.load(Platform::memory_order::relaxed) == 0) continue;
            if (!take(at, hold, failed)) continue;
            forget(at);
            ++writer_->counts().evictions;
            at.latch.unlock();
            return relock(at, hold);
        }
        return nullptr;
    }
    //   Returns     whether the latch is held exclusively, and the page is clean
    [[nodiscard]] bool take(frame& at, unique_lock<mutex>& hold, std::optional<error>& failed) {
        if (at.dirty() == 0) return lock_clean(at);
        return !failed && write_and_lock(at, hold, failed);
    }
    [[nodiscard]] static bool lock_clean(frame& at) {
        if (!at.latch.try_lock()) return false;
        if (at.dirty() == 0) return true;
        at.latch.unlock_unchanged();
        return false;
    }
    // Readers, and those who pin it, go on while it is written.
    [[nodiscard]] bool write_and_lock(frame& at, unique_lock<mutex>& hold,
                                      std::optional<error>& failed) {
        if (at.writing || !at.latch.try_lock_shared()) return false;
        ++writer_->counts().writes_for_frames;
        if (options_->clean_percent != 0) helper_->clean_soon();
        if (auto written = writer_->write_frame(at, hold); !written)
            failed.emplace(std::move(written).error());
        else if (at.latch.try_upgrade_shared()) return true;
        at.latch.unlock_shared();
        return false;
    }
    //   Requires    the mutex; the latch is held exclusively
    void forget(frame& at) {
        translation_.set({at.page.load(Platform::memory_order::relaxed)}, Translation::none);
        if (at.dirty() != 0) writer_->became_clean();
        at.dirty_epoch.store(0, Platform::memory_order::release);
        at.page.store(0, Platform::memory_order::release);
    }
    //   Requires    the mutex; the latch is held exclusively, and is not any more
    void give_back(frame& at) {
        at.latch.unlock();
        free_.push_back(index_of(at));
        writer_->changed();
    }

    writer* const writer_;
    pool_helper<Platform>* const helper_;
    const buffer_pool_options* const options_;
    std::vector<frame> frames_;
    const page_memory memory_;
    Eviction eviction_;
    Translation translation_;  // set() and cover() with the mutex
    hit_count<Platform> hits_;
    known_places<Platform> places_;
    std::size_t clean_from_ = 0;  // of the helper's thread

    // With the mutex.
    arrivals arriving_;
    std::vector<std::uint32_t> free_;
};

}  // namespace mantis::detail
