// SPDX-License-Identifier: BSL-1.0
//
// Pages on disk: a page source over the data segments of a directory, with states that can be
// committed and come back.
//
//   page_store<posix> disk{directory, {.database = id}};
//   for (bytes_view delta : deltas) if (auto done = disk.load(delta); !done) return done;
//   if (auto done = disk.opened(); !done) return done;
//   buffer_pool<posix, page_store<posix>> pool{disk, {}};
//   ...
//   const std::uint32_t epoch = pool.begin_epoch();
//   disk.begin_commit(epoch);
//   if (auto done = pool.write_epoch(epoch); !done) return done;
//   auto changed = disk.prepare(epoch);                           // so many pages
//   if (!changed) return std::move(changed).error();
//   const bytes delta = disk.changes({1}, *changed).part.encode();
//   make_durable(delta) ? disk.committed(epoch) : disk.not_committed(epoch);
//
// An image takes the place of the one that its page has of the same epoch, or one where none was,
// and the map learns of it once it is written. So what a committed state refers to stays as it is
// until a later one is committed, and a power failure at any moment leaves that state. Nothing on
// disk but the deltas says what is where.
//
//   open  --prepare(e)-->  prepared  --committed(e)----->  open    files nobody needs are removed
//                                    --not_committed(e)->  open    all is kept
//   any   --a sync fails-->  stopped: reads go on, everything else answers read_only
//
// A failed sync is never tried again, and images written before it are not believed to be durable:
// what was committed last is what the next opening finds.
//
// A full disk. The spare segments, the reserve, are for those who make room: images of an epoch
// that is being committed (begin_commit) and the cleaner's, which leave a part for the commit that
// has to follow. A commit makes new spares as soon as there is room. What a commit has to write on
// a full disk must fit into the reserve: reserved_images() says how much that is, and grow() keeps
// pages from filling up what is needed to make the reserve whole again.
//
// Sizes. New segments and spares have a 32nd of what all pages take, between the two bounds of
// the options, and less where the disk has no room for that. The reserve grows with the pages, too:
// grow() makes it larger before it grants them, and set_pages() gives back what is too much.
//
// Who changes pages may have room promised for their images before (promise): those may take of the
// reserve, too. Each page counts once in an epoch; the cleaner leaves what is left of the promise.
//
// Epochs begin anew with every page_store, from 1 on.
//
// Invariants, besides those of page_map.hpp and detail/segment_table.hpp:
//   1. a place has images of one page and epoch, and a segment's number that a delta knows is never
//      used again
//   2. what changes() answers refers only to what was synced, under names that were synced
//   3. a file is removed only in committed(), or by opened() where no state refers to it
//
// Threads: read, write, erase, stats: any number. prepare, changes, committed, not_committed,
// snapshot and a cleaner: one at a time, beside those. load and opened: before all else.
#pragma once

#include "detail/data_files.hpp"
#include "detail/page_store_types.hpp"
#include "detail/segment_table.hpp"
#include "page_map.hpp"
#include "page_source.hpp"

#include "../core/checksum.hpp"
#include "../platform/guard.hpp"
#include "../sync/optimistic_load.hpp"

#include <optional>

namespace mantis {

template <platform Platform, checksum_policy Checksum = xxh3>
class page_store {
    using files = detail::data_files<Platform, Checksum>;
    using segment = detail::segment_state<typename Platform::file>;
    using file = typename files::file;

public:
    using directory = typename Platform::directory;

    //   Requires    `in` outlives it
    page_store(directory& in, const page_store_options& options)
        : options_{options},
          files_{in, options.database},
          segments_{options.most_open_files},
          unit_bytes_{least_bytes()} {
        check(is_data_segment_size(options.segment_bytes) &&
                  is_data_segment_size(options.least_segment_bytes),
              "a data segment has a power of two of bytes, 64 KiB to 64 MiB");
    }
    page_store(const page_store&) = delete;
    page_store& operator=(const page_store&) = delete;

    // Takes on what was committed: deltas in their order, the first of them or a snapshot's parts
    // against nothing.
    //   Requires    opened() was not called
    //   Errors      corrupt, mismatch (another database or checksum, a newer version): nothing of
    //               it is taken on
    [[nodiscard]] result<void> load(bytes_view delta);
    // The state that was loaded can be used.
    //   Requires    called once
    //   Effects     files that it does not refer to are removed: their images were never committed;
    //               not with options.read_only
    //   Errors      not_found, corrupt, mismatch, io: a segment that is missing or is not what it
    //               should be, by name. Nothing was removed, and this object is of no more use
    [[nodiscard]] result<void> opened();

    //   Errors      not_found; mismatch: the page is of another size; io; corrupt: the bytes are
    //               not those that were written, by file, page and offset
    [[nodiscard]] result<void> read(page_id page, std::byte* into, std::size_t size) {
        auto image = read_newest(page, size);
        if (!image) return std::move(image).error();
        optimistic_write<Platform>(into, image->data(), size);
        return success();
    }
    //   Requires    nobody reads or writes the page meanwhile
    //   Errors      no_space, io: the page has the image it had, or none if that was of this epoch;
    //               read_only; too_large: for this store's segments; invalid_argument: a page, size
    //               or epoch that cannot be
    [[nodiscard]] result<void> write(page_id page, std::uint32_t epoch, bytes_view image);
    // The page is gone from this epoch on, until an image of it or of a later one is written.
    //   Errors      read_only, invalid_argument
    [[nodiscard]] result<void> erase(page_id page, std::uint32_t epoch) {
        const lock_guard<mutex> hold{mutex_};
        if (auto refused = may_change(page, epoch); !refused) return refused;
        learn(map_.put(page, epoch, {}));
        return success();
    }

    // Images up to this epoch may take the spare from now on, where the disk is full. Nobody needs
    // what was promised before but for them: what is left of that ends with committed().
    void begin_commit(std::uint32_t epoch) {
        const lock_guard<mutex> hold{mutex_};
        if (epoch > commit_begun_) commit_begun_ = epoch;
        promised_before_ = promised_;
    }
    // Syncs what the state at the end of this epoch refers to.
    //   Requires    all images and erasures of epochs up to this one have been told; no other epoch
    //               is prepared
    //   Returns     how many pages have changed since the state that was committed last
    //   Errors      read_only; io, and the store is stopped
    [[nodiscard]] result<std::uint64_t> prepare(std::uint32_t epoch);
    // What has changed, in parts of so many pages that can be loaded one after another, whatever is
    // written of later epochs meanwhile.
    //   Requires    an epoch is prepared
    [[nodiscard]] page_delta_part changes(page_id from, std::size_t most_pages);
    // All that changes() tells is durable.
    //   Requires    the epoch is prepared
    //   Effects     what only the state before referred to is free, and files without anything
    //               alive are removed
    void committed(std::uint32_t epoch);
    // It is not, or nobody knows.
    //   Requires    the epoch is prepared
    //   Effects     the next epoch that is prepared has these changes, too
    void not_committed(std::uint32_t epoch) {
        const lock_guard<mutex> hold{mutex_};
        check(prepared_ == epoch, "an epoch is given up that was not prepared");
        prepared_.reset();
    }
    // The committed state, in parts of so many pages that can be loaded one after another.
    //   Requires    nothing is committed between the first part and the last
    [[nodiscard]] page_delta_part snapshot(page_id from, std::size_t most_pages);

    [[nodiscard]] page_store_stats stats();

    // The reserve.
    //
    //   Returns     whether a part of it is taken, and could not be made anew since
    [[nodiscard]] bool is_tight() const { return tight_.load(Platform::memory_order::acquire); }
    // Images of that size that a commit can write, and leave a segment for a cleaner, and room for
    // its delta and the next.
    [[nodiscard]] std::uint64_t reserved_images(std::size_t page_bytes) {
        const std::uint64_t blocks = page_bytes / data_block_bytes;
        const lock_guard<mutex> hold{mutex_};
        const std::uint64_t all = reserve_images(blocks);
        const std::uint64_t left =
            cleaned_images(blocks) + left_for_delta(blocks) + delta_images(blocks);
        return all < left ? 0 : all - left;
    }
    // There is room for so many pages of one size besides the reserve, and a bit: cleaning all
    // there is can make the reserve whole again. The reserve is made larger for them, as far as the
    // disk has room.
    //   Requires    pages have that size, always
    //   Errors      no_space
    //   Complexity  looks at every segment
    [[nodiscard]] result<void> grow(std::uint64_t pages, std::size_t page_bytes);
    // There are so many pages, or are to be by what was granted; before others, grow() is asked.
    //   Requires    what was written of epochs that are not committed is no more than that
    //   Effects     the reserve is made for them, or becomes smaller: spares that are too many, or
    //               too large, are given back
    void set_pages(std::uint64_t pages, std::size_t page_bytes);
    // There is room for `images` from now on, all that are yet to be written, and `besides` are
    // left then: of the reserve, which grows for that as long as the disk has room.
    //   Requires    one at a time, and all images that are written later but those that a cleaner
    //               moves are among them or are promised later
    //   Effects     takes the place of what was promised before; where it fails nothing has changed
    //   Errors      no_space
    [[nodiscard]] result<void> promise(std::uint64_t images, std::uint64_t besides,
                                       std::size_t page_bytes);
    // The same for `images` more than are left of what was promised, but the reserve does not grow.
    //   Returns     whether there is room
    [[nodiscard]] bool promise_more(std::uint64_t images, std::uint64_t besides,
                                    std::size_t page_bytes);
    // How many images are left of what was promised.
    [[nodiscard]] std::uint64_t promised() {
        const lock_guard<mutex> hold{mutex_};
        return promised_;
    }
    // Images that changes leave of the reserve: for a cleaner and a delta.
    [[nodiscard]] std::uint64_t left_images(std::size_t page_bytes) {
        const std::uint64_t blocks = page_bytes / data_block_bytes;
        const lock_guard<mutex> hold{mutex_};
        return cleaned_images(blocks) + left_for_delta(blocks);
    }
    // What the reserve has room for when it is whole.
    [[nodiscard]] std::uint64_t whole_reserve(std::size_t page_bytes) {
        const lock_guard<mutex> hold{mutex_};
        return whole_images(page_bytes / data_block_bytes);
    }
    // A cleaner leaves so many bytes of it: a quarter of a segment if nothing else is said.
    void leave_for_commit(std::uint64_t size) {
        const lock_guard<mutex> hold{mutex_};
        left_for_commit_ = size / data_block_bytes;
    }
    //   Effects     the space of spares is free for another file: of so many bytes, or of all. Who
    //               needs a new segment or spare waits until end_lending()
    //   Returns     false: there is none, and nobody waits
    [[nodiscard]] bool lend_spares(std::uint64_t size);
    //   Requires    lend_spares() has answered true
    //   Effects     the reserve is made whole, as far as the disk has room
    void end_lending();
    //   Effects     the reserve is whole, or the disk is full. committed() does it, too
    void make_spares() {
        while (is_tight() && make_spare(false)) {}
    }
    // Until wake() the reserve is what cleaning and a few images need, once give_back_spares() has
    // been called. It is not whole then, so that changes look how far it goes.
    //   Requires    nobody changes a page, and none is dirty
    void rest() {
        const lock_guard<mutex> hold{mutex_};
        scarce_ = false;
        map_.give_back_unused();
        if (options_.spares != 0 && !failed_) set_resting(true);
    }
    void give_back_spares() {
        while (give_up_spare([this] { return is_resting() && may_give_back(); }) != 0) {}
    }
    //   Effects     the reserve is as before rest(), if that takes no more than so much
    //   Returns     whether it did rest, and does not any more
    bool wake(std::uint64_t free_bytes);
    [[nodiscard]] bool is_resting() const { return rests_.load(); }

    // For a cleaner.
    //
    //   Returns     the sealed segment of which the newest state needs least, and less than
    //               below_percent; none, too, while an epoch is prepared
    [[nodiscard]] std::optional<std::uint32_t> least_used(unsigned below_percent);
    //   Returns     the pages that had an image in it; some may be there twice, or elsewhere by now
    [[nodiscard]] std::vector<std::uint32_t> pages_in(std::uint32_t number) {
        const lock_guard<mutex> hold{mutex_};
        const segment* const at = segments_.find(number);
        return at == nullptr ? std::vector<std::uint32_t>{} : at->pages;
    }
    // Puts the newest image of a page elsewhere, if it is in this segment.
    //   Requires    no epoch is prepared
    //   Returns     its bytes; 0: it is not there, or a newer one was written meanwhile
    //   Errors      as of read() and write()
    [[nodiscard]] result<std::size_t> move(page_id page, std::uint32_t number);

    // For a scrubber, beside all else. What it is told may be gone when it looks, so it asks again.
    //
    //   Returns     all images of pages from `from` on, of as many pages as it takes for so many
    [[nodiscard]] live_images images(page_id from, std::size_t most);
    [[nodiscard]] bool is_live(page_id page, const page_entry& entry);
    //   Effects     `image` is what was read, if something was
    //   Errors      of read(); corrupt: the bytes are not those that were written, in two readings
    [[nodiscard]] result<void> check_image(page_id page, const page_entry& entry, bytes& image);
    //   Returns     the numbers of all segments
    [[nodiscard]] std::vector<std::uint32_t> segments();
    [[nodiscard]] bool has_segment(std::uint32_t number) {
        const lock_guard<mutex> hold{mutex_};
        return segments_.find(number) != nullptr;
    }
    //   Errors      not_found, io; corrupt, mismatch: the file is not what it should be
    [[nodiscard]] result<void> check_header(std::uint32_t number);
    // Puts the image of a page elsewhere, if this is the newest one and these are its bytes: as of
    // the next commit.
    //   Requires    no epoch is prepared
    //   Returns     whether it was
    //   Errors      of write()
    [[nodiscard]] result<bool> restore(page_id page, const page_entry& entry, bytes_view image);

private:
    using mutex = typename Platform::mutex;
    enum class purpose : std::uint8_t { page, commit, cleaning, again };
    struct room {
        page_place at;
        file into;
    };

    [[nodiscard]] error stopped() const {
        return error{error_code::read_only, options_.read_only
                                                ? "writing a page: opened to be read only"
                                                : "writing a page: an earlier sync failed"};
    }
    template <class ForEach>
    [[nodiscard]] page_delta_part part_of(std::size_t most_pages, ForEach for_each);
    [[nodiscard]] result<void> may_change(page_id page, std::uint32_t epoch) const {
        check(opened_, "a page store is used before it is opened");
        if (failed_) return stopped();
        const bool open = epoch > closed_ && epoch != UINT32_MAX;
        if (page.value != 0 && page <= last_mapped_page && open) return success();
        return error{error_code::invalid_argument, "writing a page"}
            .with("page", page.value)
            .with("epoch", epoch)
            .with("closed_epoch", closed_);
    }
    void learn(const page_map::outcome& done) {
        segments_.remove_live(done.freed);
        segments_.change_newest(done.was, done.is);
        if (!done.was.is_none()) forget_moved(segments_.of(done.was));
    }
    // Its list of pages takes no more memory than what is there is worth.
    //   Complexity  a constant for each image that was written, all in all
    void forget_moved(segment& in);

    [[nodiscard]] result<void> read_image(const file& from, page_id page, const page_entry& entry,
                                          bytes& image) const;
    [[nodiscard]] result<bytes> read_newest(page_id page, std::size_t size);
    //   Returns     the open file of a segment
    [[nodiscard]] result<file> file_of(std::uint32_t number);

    //   Requires    mutex_; it may be let go meanwhile
    [[nodiscard]] result<segment*> find_room(std::uint32_t blocks, purpose what_for,
                                             unique_lock<mutex>& hold);
    template <class Make>
    [[nodiscard]] result<segment*> make_segment(unique_lock<mutex>& hold, std::uint32_t size,
                                                Make make);
    [[nodiscard]] result<segment*> make_new_segment(unique_lock<mutex>& hold);
    [[nodiscard]] result<segment*> make_segment_of_spare(unique_lock<mutex>& hold);
    [[nodiscard]] static room take(segment& in, page_id page, std::uint32_t blocks) {
        const page_place at{in.number, in.next_block, blocks};
        in.next_block += blocks;
        ++in.writing;
        in.note_image(page, blocks);
        return {at, in.file};
    }
    // The place of the page's last image of this epoch, for another one.
    //   Requires    mutex_; it may be let go meanwhile
    [[nodiscard]] result<room> take_again(page_id page, std::uint32_t epoch, page_place at,
                                          unique_lock<mutex>& hold);
    //   Requires    mutex_
    void end_write(const room& of, bool written, purpose what_for);

    struct unsynced {
        segment* at;
        file what;
        std::uint64_t writes;
    };
    [[nodiscard]] std::uint64_t collect(std::vector<unsynced>& to_sync);
    [[nodiscard]] result<void> sync(const std::vector<unsynced>& to_sync);
    [[nodiscard]] error stop(error why) {
        const lock_guard<mutex> hold{mutex_};
        failed_ = true;
        return why;
    }

    //   Returns     its bytes; 0: the page has another image by now
    [[nodiscard]] result<std::size_t> put_elsewhere(page_id page, const page_entry& entry,
                                                    bytes_view image);
    //   Requires    mutex_
    //   Effects     no more than that is known of segments without anything alive
    void bury_dead() {
        segments_.take_dead([this](std::uint32_t number, std::uint32_t blocks) {
            dead_.push_back({number, blocks});
        });
    }
    [[nodiscard]] result<void> count_references();
    [[nodiscard]] result<void> find_leftovers();
    //   Requires    not mutex_
    void remove_leftovers();
    // The reserve, in detail/page_reserve_impl.hpp.
    //
    //   Returns     whether it has made one: there was room, and the reserve needs it, or `beyond`
    bool make_spare(bool beyond);
    //   Returns     bytes of the last one, which is given up; 0: there is none, or may() says no
    template <class May>
    std::uint32_t give_up_spare(May may);
    //   Requires    mutex_; so all below
    void add_spare(std::uint32_t size) {
        spares_.push_back(size);
        note_reserve();
    }
    std::uint32_t take_spare() {
        const std::uint32_t size = spares_.back();
        spares_.pop_back();
        note_reserve();
        return size;
    }
    void note_reserve() { tight_.store(is_resting() || (!is_whole() && !exchanging_)); }
    void set_resting(bool rests) { rests_.store(rests), note_reserve(); }
    [[nodiscard]] bool is_whole() const {
        return spare_images(granted_blocks_) >= whole_images(granted_blocks_);
    }
    void change_granted(std::uint64_t pages);
    [[nodiscard]] std::uint64_t spare_images(std::uint64_t blocks) const {
        std::uint64_t sum = 0;
        for (const std::uint32_t size : spares_) sum += images_in(size, blocks);
        return sum;
    }
    [[nodiscard]] std::uint64_t reserve_images(std::uint64_t blocks) const {
        const std::uint64_t rest =
            reserved_ == nullptr ? 0 : (reserved_->blocks - reserved_->next_block) / blocks;
        return rest + spare_images(blocks);
    }
    [[nodiscard]] std::uint64_t whole_images(std::uint64_t blocks) const;
    [[nodiscard]] std::uint64_t cleaned_images(std::uint64_t blocks) const;
    [[nodiscard]] std::uint64_t delta_images(std::uint64_t blocks) const;
    // What is left of a spare that was begun is no room for a delta.
    [[nodiscard]] std::uint64_t left_for_delta(std::uint64_t blocks) const {
        return options_.most_unwritten == 0 ? 0 : cleaned_images(blocks) + delta_images(blocks);
    }
    [[nodiscard]] bool has_room_for(std::uint64_t pages, std::uint64_t without) const;
    [[nodiscard]] bool may_give_back() const;
    [[nodiscard]] bool may_take_reserve(std::uint32_t blocks, purpose what_for) const;
    // So much less of the reserve would be enough for what was promised.
    [[nodiscard]] bool can_do_without(std::uint64_t images, std::uint64_t blocks) const {
        return promised_ == 0 || reserve_images(blocks) >= promised_ + images;
    }
    // The last spare is not needed for a whole reserve.
    [[nodiscard]] bool has_spare_beyond(std::uint64_t blocks) const {
        if (spares_.empty()) return false;
        const std::uint64_t last = images_in(spares_.back(), blocks);
        return spare_images(blocks) >= whole_images(blocks) + last && can_do_without(last, blocks);
    }
    [[nodiscard]] static std::uint64_t images_in(std::uint32_t size,
                                                 std::uint64_t blocks) noexcept {
        return (size - data_header_bytes) / data_block_bytes / blocks;
    }
    [[nodiscard]] std::uint32_t least_bytes() const noexcept {
        return options_.least_segment_bytes < options_.segment_bytes ? options_.least_segment_bytes
                                                                     : options_.segment_bytes;
    }

    // Segments are a 32nd of all, so that what is open or kept for cleaning is a small part.
    static constexpr std::uint64_t parts = 32;
    // Side copies of a pool for few pages, and what its threads are about to change.
    static constexpr std::uint64_t few_pages = 32;
    // Of those that are written to, one for pages and one for commits, less may be full than there
    // could be.
    static constexpr std::uint32_t open_segments = 2;

    const page_store_options options_;
    files files_;
    typename Platform::template atomic<bool> tight_{false};
    typename Platform::template atomic<bool> rests_{false};  // written under mutex_

    mutex mutex_;  // protects all below
    typename Platform::condition made_;
    page_map map_;
    detail::segment_table<typename Platform::file> segments_;
    segment* open_ = nullptr;      // where images go
    segment* reserved_ = nullptr;  // made of the spare: for commits and cleaning
    std::uint32_t next_number_ = 1;
    std::uint32_t closed_ = 0;        // epochs up to here get no more images
    std::uint32_t commit_begun_ = 0;  // epochs up to here may take the spare
    std::optional<std::uint32_t> prepared_;
    std::uint64_t names_made_ = 0;
    std::uint64_t names_synced_ = 0;
    bool making_ = false;                // somebody makes a file, without mutex_
    std::vector<std::uint32_t> spares_;  // bytes of those that are there, by their number
    std::uint32_t unit_bytes_;           // of new segments and spares
    std::uint32_t largest_bytes_ = 0;    // of all segments
    std::uint64_t granted_ = 0;          // pages
    std::uint64_t granted_blocks_ = 1;   // of each
    std::uint64_t promised_ = 0;         // images that may take of the reserve
    std::uint64_t promised_before_ = 0;  // of them, before the commit that was begun
    std::uint64_t promised_besides_ = 0;
    std::uint64_t promised_blocks_ = 0;             // of each
    std::optional<std::uint64_t> left_for_commit_;  // blocks that a cleaner does not take
    bool exchanging_ = false;  // large spares of a whole reserve for smaller ones
    bool scarce_ = false;      // while it rests: the disk has no room for a whole reserve
    bool failed_ = false;
    bool opened_ = false;
    struct dead_segment {
        std::uint32_t number;
        std::uint32_t blocks;
    };
    std::vector<dead_segment> dead_;  // nothing refers to them: the next commit removes their files
    std::vector<std::uint32_t> leftovers_;  // files to remove, of who commits
    page_store_stats counts_;
};

}  // namespace mantis

#include "detail/page_reserve_impl.hpp"
#include "detail/page_store_cleaning.hpp"
#include "detail/page_store_impl.hpp"
#include "detail/page_store_scrub.hpp"
