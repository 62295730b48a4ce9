// SPDX-License-Identifier: BSL-1.0
//
// A buffer pool: pages of a source in a bounded number of frames of memory, loaded when they are
// asked for and written when their frame is needed, or by epoch.
//
//   memory_source<posix> source;
//   buffer_pool<posix, memory_source<posix>> pool{source, {.memory_bytes = 256 * MiB}};
//   {
//       auto page = pool.make(page_id{1});                     // new, zeroed
//       if (!page) return page.error();
//       page->store<std::uint64_t>(0, 42);
//   }
//   std::uint64_t seen = 0;
//   auto done = pool.read(page_id{1}, [&](const auto& page) {
//       seen = page.template load<std::uint64_t>(0);           // may be repeated
//   });
//
// Epochs. A checkpoint wants all pages as they were at one moment, while threads change them.
// begin_epoch() names the moment: what is changed later belongs to the next epoch. The first change
// of a page in it that is dirty of an earlier one puts its old image aside, into a side copy, or
// writes it where there is no room for one. write_epoch(e) writes what is left.
//
// Why the images of epoch e are the state at its end. A page that is dirty of e is in a frame, or
// its image of e is in a side copy, or the source has it: a frame's image leaves it only in those
// two ways. write_epoch() looks at every frame and then at all side copies; after begin_epoch() no
// page becomes dirty of e any more, so one look is enough. And the side copies of a page are
// written before any later image of it, so the source sees its epochs in order.
//
// Invariants, besides those of detail/{page_frame,frame_store,page_writer}.hpp:
//   1. what the pool takes is at most options.memory_bytes, always: see memory_bytes()
//
// Threads: any number. A hit takes no mutex: five loads for an optimistic read and one for its
// validation, besides what is counted.
#pragma once

#include "clock_eviction.hpp"
#include "detail/frame_store.hpp"
#include "detail/page_fill.hpp"
#include "page_source.hpp"

namespace mantis {

template <class Platform, class Source, class Eviction = clock_eviction<Platform>,
          class Translation = array_translation<Platform>>
class buffer_pool {
    static_assert(platform<Platform> && page_source<Source> && eviction_policy<Eviction> &&
                  page_translation<Translation>);
    using frame = detail::page_frame<Platform>;

public:
    using optimistic = optimistic_page<Platform>;
    using shared = shared_page<Platform>;
    using exclusive = exclusive_page<Platform>;

    // What one frame takes, and one side copy.
    [[nodiscard]] static constexpr std::size_t frame_bytes(std::size_t page_bytes) noexcept {
        return page_bytes + sizeof(frame) + Eviction::bytes_per_frame + sizeof(std::uint32_t) +
               detail::known_places<Platform>::bucket_bytes;
    }
    [[nodiscard]] static constexpr std::size_t side_copy_bytes(std::size_t page_bytes) noexcept {
        return page_bytes + detail::side_copies::bytes_per_copy;
    }

    //   Requires    the source lives longer; page_bytes is a power of two from 512 to 65,536; the
    //               budget holds a frame besides its other shares
    //   Effects     all memory is taken now, but for the translation's
    buffer_pool(Source& source, const buffer_pool_options& options)
        : source_{&source},
          options_{with_shares(options)},
          writer_{source, options_, side_count(options_)},
          helper_{{load_early, clean, this}},
          store_{writer_, helper_, options_, frame_count(options_)} {}
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    // What is dirty is lost: flush() before.
    //   Requires    no page is held
    ~buffer_pool() { helper_.stop(); }

    // Errors of all that bring a page: those of the source's read(); invalid_argument: page 0, or
    // beyond the translation's last; out_of_memory, with numbers: all frames are held, or dirty
    // and cannot be written, or the translation's share is full; no_space: all frames are dirty and
    // the disk is full.

    // Begins an optimistic read of what is there now; loads the page if it is not in memory.
    [[nodiscard]] result<optimistic> begin(page_id page) {
        for (;;) {
            if (frame* const at = store_.seek_to_read(page)) {
                const optimistic_start start = at->latch.begin_while([&] { return at->has(page); });
                if (!start || !at->has(page)) continue;  // and the translation says so by now
                store_.used(*at);
                return optimistic{*at, start.seen, page, options_.page_bytes};
            }
            if (auto loaded = load(page); !loaded) return std::move(loaded).error();
        }
    }
    // The same for a page that is there, and that nobody changes now. A number that is none of a
    // page does no harm.
    //   Returns     none: begin() does what has to be done first
    [[nodiscard]] std::optional<optimistic> try_begin(page_id page) {
        frame* const at = store_.seek_to_read(page);
        if (at == nullptr) return std::nullopt;
        const optimistic_start start = at->latch.try_begin();
        if (!start || !at->has(page)) return std::nullopt;
        store_.used(*at);
        return optimistic{*at, start.seen, page, options_.page_bytes};
    }
    // An entry in a page, where it was when it was found there.
    struct known {
        optimistic page;
        std::size_t slot;
    };
    // Whether recall() is worth trying for this thread, and remember() where it has failed.
    [[nodiscard]] bool may_recall() { return store_.places().worth_looking(); }
    //   Returns     where an entry of that name was found lately, if the page was not changed
    //               since. Another entry may have the same name
    [[nodiscard]] std::optional<known> recall(place_name name) {
        detail::known_place place;
        frame* const at = store_.recall(name, place);
        if (at == nullptr) return std::nullopt;
        store_.used(*at);
        const page_id page{at->page.load(Platform::memory_order::acquire)};
        return known{{*at, place.seen, page, options_.page_bytes}, place.slot};
    }
    // It was found in slot `slot` of that page; what is read of it begins at `offset`, about.
    //   Requires    the page was validated after
    //   Effects     recall() may know of it
    void remember(place_name name, const optimistic& in, std::size_t slot, std::size_t offset) {
        store_.places().note(name, {store_.index_of(*in.at_), static_cast<std::uint16_t>(slot),
                                    static_cast<std::uint16_t>(offset), in.seen_});
    }
    // The same, as the page will be once it is let go.
    void remember(place_name name, const exclusive& in, std::size_t slot, std::size_t offset) {
        const frame& at = in.held();
        store_.places().note(name, {store_.index_of(at), static_cast<std::uint16_t>(slot),
                                    static_cast<std::uint16_t>(offset), at.latch.next()});
    }
    // Calls read(optimistic) until what it has read is of one state; after a few attempts with the
    // page pinned, so that writers cannot keep it from ending.
    template <class Read>
    [[nodiscard]] result<void> read(page_id page, Read read, unsigned attempts = 8) {
        for (unsigned i = 0; i < attempts; ++i) {
            auto begun = begin(page);
            if (!begun) return std::move(begun).error();
            read(std::as_const(*begun));
            if (begun->validate()) return success();
        }
        auto held = pin(page);
        if (!held) return std::move(held).error();
        frame* const at = store_.seek(page);
        read(optimistic{*at, at->latch.begin().seen, page, options_.page_bytes});
        return success();
    }
    // The same of what is in memory: nothing is loaded.
    //   Returns     false: it is not there, or is being changed again and again
    template <class Read>
    [[nodiscard]] bool read_there(page_id page, Read read, unsigned attempts = 8) {
        for (unsigned i = 0; i < attempts; ++i) {
            frame* const at = store_.seek(page);
            if (at == nullptr) return false;
            const optimistic_start start = at->latch.begin_while([&] { return at->has(page); });
            if (!start || !at->has(page)) continue;
            const optimistic seen{*at, start.seen, page, options_.page_bytes};
            read(seen);
            if (seen.validate()) return true;
        }
        return false;
    }
    // Waits while somebody holds it exclusively.
    [[nodiscard]] result<shared> pin(page_id page) {
        for (;;) {
            if (frame* const at = store_.seek(page)) {
                if (!at->latch.lock_shared_while([&] { return at->has(page); })) continue;
                shared held{*at, options_.page_bytes};
                if (!at->has(page)) continue;
                store_.used(*at);
                return held;
            }
            if (auto loaded = load(page); !loaded) return std::move(loaded).error();
        }
    }
    // Waits while somebody holds it; it is dirty from now on.
    //   Errors      besides: of the source's write(), where an older image had to be written first
    [[nodiscard]] result<exclusive> change(page_id page) {
        for (;;) {
            frame* const at = store_.seek(page);
            if (at == nullptr) {
                if (auto loaded = load(page); !loaded) return std::move(loaded).error();
                continue;
            }
            if (!at->latch.lock_while([&] { return at->has(page); })) continue;
            const bool there = at->has(page);
            if (there && writer_.begin_change(*at)) {
                store_.used(*at);
                return guard(*at);
            }
            at->latch.unlock_unchanged();
            if (!there) continue;
            if (auto old = write_earlier(*at); !old) return std::move(old).error();
        }
    }
    // The same, for who has read it optimistically.
    //   Returns     one that holds nothing: it is held, or has changed since; begin again
    [[nodiscard]] result<exclusive> upgrade(const optimistic& seen) {
        frame& at = *seen.at_;
        if (!at.latch.try_upgrade(seen.seen_)) return exclusive{};
        if (writer_.begin_change(at)) {
            store_.used(at);
            return guard(at);
        }
        at.latch.unlock_unchanged();
        if (auto old = write_earlier(at); !old) return std::move(old).error();
        return exclusive{};
    }
    // Makes a page of zeros, dirty; nothing is read. One that is there is overwritten.
    [[nodiscard]] result<exclusive> make(page_id page) {
        for (;;) {
            if (store_.seek(page) != nullptr) {
                auto held = change(page);
                if (held) detail::clear_page<Platform>(held->data(), options_.page_bytes);
                return held;
            }
            auto brought = store_.bring(
                page, detail::zero_fill<Platform>{options_.page_bytes, writer_.this_epoch()});
            if (!brought) return std::move(brought).error();
            if (*brought == nullptr) continue;
            store_.used(**brought);
            return guard(**brought);
        }
    }
    // Forgets a page: its frame is free at once and nothing is written but what belongs to earlier
    // epochs. The source is not told.
    //   Requires    `held` holds a page of this pool
    void drop(exclusive held) {
        frame& at = held.held();
        held.check_epoch();
        held.at_ = nullptr;
        store_.drop(at);
    }

    // The same for one that need not be in memory: it is not loaded for that.
    //   Requires    nobody else uses the page, and it is not dirty of an earlier epoch
    void forget(page_id page) {
        while (frame* const at = store_.seek(page)) {
            if (!at->latch.lock_while([&] { return at->has(page); })) continue;
            if (at->has(page)) {
                check(at->dirty() == 0 || at->dirty() == writer_.this_epoch(),
                      "a page is forgotten that an earlier epoch needs");
                return store_.drop(*at);
            }
            at->latch.unlock_unchanged();
        }
    }

    // Puts aside, or writes, what an earlier epoch needs of a page; it is not loaded for that, and
    // not changed. So forget() may follow, in the same epoch.
    //   Errors      of the source's write(), where there was no room for a side copy
    [[nodiscard]] result<void> settle(page_id page) {
        while (frame* const at = store_.seek(page)) {
            if (!at->latch.lock_while([&] { return at->has(page); })) continue;
            const bool left = !at->has(page);
            const bool settled = !left && (at->dirty() == 0 || writer_.begin_change(*at));
            at->latch.unlock_unchanged();
            if (settled) return success();
            if (left) continue;
            if (auto old = write_earlier(*at); !old) return old;
        }
        return success();
    }

    // Read-ahead: a thread of the pool loads them soon, those first that come first. It is advice:
    // a page that cannot be loaded, or for which there is no room in the queue, is loaded when it
    // is asked for.
    //   Returns     how many were there or are taken on; the rest may be offered later
    std::size_t prefetch(const page_id* pages, std::size_t count) {
        for (std::size_t at = 0; at < count; ++at) {
            if (pages[at] > Translation::last_page || store_.seek(pages[at]) != nullptr) continue;
            if (!helper_.load_soon(pages[at])) return at;
            const lock_guard<mutex> hold{writer_.latch()};
            ++writer_.counts().prefetches;
        }
        return count;
    }

    // Ends the epoch: what is changed from now on belongs to the next.
    //   Requires    no page is held exclusively, and none is being made
    //   Returns     the epoch that has ended
    std::uint32_t begin_epoch() { return writer_.begin_epoch(); }
    // No more than so many side copies are begun from now on, however many there is room for: who
    // keeps space on a disk for them needs less. It is as if their share were full.
    void limit_side_copies(std::uint32_t most) {
        const lock_guard<mutex> hold{writer_.latch()};
        writer_.limit_sides(most);
    }
    // Writes what is dirty of the epochs up to this one, each page as it was at the end of the last
    // of them that changed it.
    //   Requires    the epoch has ended; this thread holds no page exclusively
    //   Errors      of the source's write(): nothing is lost, and it can be called again
    [[nodiscard]] result<void> write_epoch(std::uint32_t epoch) {
        check(epoch < writer_.this_epoch(), "an epoch is written that has not ended");
        return write_until(epoch);
    }
    // Writes all that was dirty when it was called; pages that are changed meanwhile as they are
    // found. Otherwise as write_epoch().
    [[nodiscard]] result<void> flush() { return write_until(UINT32_MAX); }

    [[nodiscard]] std::size_t page_bytes() const noexcept { return options_.page_bytes; }
    // What the translation may take.
    [[nodiscard]] std::size_t translation_limit() const noexcept {
        return options_.translation_bytes;
    }
    // frames * frame_bytes() + side copies there is room for * side_copy_bytes()
    // + the translation's memory_bytes(); besides, the object itself
    [[nodiscard]] std::size_t memory_bytes() {
        const lock_guard<mutex> hold{writer_.latch()};
        return store_.frames().size() * frame_bytes(options_.page_bytes) +
               side_count(options_) * side_copy_bytes(options_.page_bytes) +
               store_.translation_bytes();
    }
    // Who finds no clean frame, or no room for a side copy, writes an image: how near that is, and
    // how much it matters, by what one took lately.
    //   Effects     frames are cleaned soon, where many are to be
    //   Complexity  a mutex
    [[nodiscard]] buffer_pool_pressure pressure() {
        const lock_guard<mutex> hold{writer_.latch()};
        const auto took = writer_.usual_write();
        if (!took) return {};
        const double matters = took->seconds() / (took->seconds() + long_write.seconds());
        const double missing = store_.clean_frames_missing();
        if (missing > clean_soon_at) helper_.clean_soon();
        return {missing * matters, writer_.sides_taken() * matters};
    }
    //   Complexity  looks at every frame
    [[nodiscard]] buffer_pool_stats stats() {
        buffer_pool_stats seen;
        {
            const lock_guard<mutex> hold{writer_.latch()};
            seen = writer_.counts();
            seen.hits = store_.hits();
            seen.frames = static_cast<std::uint32_t>(store_.frames().size());
            seen.free = static_cast<std::uint32_t>(store_.free_count());
            seen.side_copies_waiting = writer_.side_count();
            seen.dirty = writer_.dirty_count();
        }
        // In parts, for which who wants a frame, or begins an epoch, hardly waits.
        for (std::size_t from = 0; from < seen.frames; from += 1024) {
            const lock_guard<mutex> hold{writer_.latch()};
            seen.pinned += store_.count_pinned(from, from + 1024);
        }
        return seen;
    }

private:
    using mutex = typename Platform::mutex;

    [[nodiscard]] static buffer_pool_options with_shares(buffer_pool_options options) {
        const std::size_t size = options.page_bytes;
        check(size >= 512 && size <= 64 * KiB && (size & (size - 1)) == 0,
              "the pages of a buffer pool are a power of two from 512 bytes to 64 KiB");
        check(options.clean_percent <= 100, "more than 100 percent of the frames cannot be clean");
        if (options.translation_bytes == 0) options.translation_bytes = options.memory_bytes / 16;
        if (options.side_bytes == 0) options.side_bytes = options.memory_bytes / 8;
        return options;
    }
    [[nodiscard]] static std::size_t frame_count(const buffer_pool_options& options) {
        const std::size_t others = options.translation_bytes + options.side_bytes;
        const std::size_t each = frame_bytes(options.page_bytes);
        check(options.memory_bytes >= others && options.memory_bytes - others >= each,
              "the memory of a buffer pool does not hold one page");
        const std::size_t count = (options.memory_bytes - others) / each;
        check(count < Translation::none, "a buffer pool has too many frames");
        return count;
    }

    [[nodiscard]] static std::uint32_t side_count(const buffer_pool_options& options) noexcept {
        return static_cast<std::uint32_t>(options.side_bytes / side_copy_bytes(options.page_bytes));
    }

    [[nodiscard]] result<void> load(page_id page) {
        auto brought = store_.bring(page, detail::image_fill<Platform, Source>{
                                              source_, options_.page_bytes, &writer_.counts()});
        if (!brought) return std::move(brought).error();
        return success();
    }
    static void load_early(void* self, page_id page) {
        (void)static_cast<buffer_pool*>(self)->load(page);
    }
    static void clean(void* self) { static_cast<buffer_pool*>(self)->store_.clean(); }
    [[nodiscard]] exclusive guard(frame& at) const {
        return {at, options_.page_bytes, writer_.epoch()};
    }
    //   Requires    this thread does not hold its latch
    //   Effects     what it is dirty of before this epoch is written
    [[nodiscard]] result<void> write_earlier(frame& at) {
        return writer_.write_old(at, writer_.this_epoch() - 1);
    }
    [[nodiscard]] result<void> write_until(std::uint32_t epoch) {
        std::size_t looked_at = 0;
        for (frame& at : store_.frames()) {
            if (auto written = writer_.write_old(at, epoch); !written) return written;
            if (++looked_at % 64 != 0 || !sides_run_short()) continue;
            if (auto written = writer_.write_sides(epoch); !written) return written;
        }
        return writer_.write_sides(epoch);
    }

    // Before who changes a page has to write its old image.
    [[nodiscard]] bool sides_run_short() {
        const lock_guard<mutex> hold{writer_.latch()};
        return writer_.sides_taken() > 0.5;
    }

    static constexpr nanoseconds long_write = milliseconds(1);  // of one image
    static constexpr double clean_soon_at = 0.25;               // of the frames that are missing

    Source* const source_;
    const buffer_pool_options options_;
    detail::page_writer<Platform, Source> writer_;
    detail::pool_helper<Platform> helper_;  // stopped before all else ends
    detail::frame_store<Platform, Source, Eviction, Translation> store_;
};

}  // namespace mantis
