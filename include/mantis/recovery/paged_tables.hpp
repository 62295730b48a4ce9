// SPDX-License-Identifier: BSL-1.0
//
// The tables of a database in pages: trees over a buffer pool over data segments, and checkpoints
// of all of them together, each of which is there as a whole or not at all.
//
//   auto opened = paged_tables<posix>::open(world, directory, {.database = id});
//   auto& tables = **opened;
//   auto accounts = tables.make_table(table_id{1});
//   accounts->put("alice", "90", lsn{17});
//   tables.checkpoint([&](auto note) -> result<void> {
//       {
//           const lock_guard hold{changes};      // nobody changes a page now
//           note(lsn{17});                       // all up to here is in the pages
//       }
//       return log.wait_durable(lsn{17});        // and no checkpoint is ahead of the log
//   });
//
// A checkpoint:
//   1. the barrier: nobody changes a page while the epoch ends, and the tables, their roots, how
//      many entries they have, and C are noted. No I/O of this
//                                                          error: as of 2; before anything was
//                                                          noted, nothing has happened
//   2. what is dirty of the epoch is written, beside changes of the next one. What that leaves
//      nearly empty is cleaned, so that step 5 gives it back
//                                                          error: all goes on; the next checkpoint
//                                                          writes what is left
//   3. the segments written to are synced: prepare()       error: read_only from then on
//   4. the manifest gets a group: where the pages lie that have changed, which tables came and went
//                                                          error: all goes on; where nobody knows
//                                                          whether it is there, read_only
//   5. segments that only the checkpoint before needed are removed
//   6. a manifest that has grown is rewritten              error: the checkpoint stands; told in
//                                                          its figures
// A crash before 4 is done leaves the checkpoint before, and after it this one: nothing that the
// one before refers to is overwritten or removed sooner.
//
// A full disk. Room is kept for all that can be dirty: pages that a checkpoint might not find room
// for are not changed, and answer no_space, until a checkpoint and cleaning have made some.
// docs/pages.md has the rules.
//
// The number of a page that a tree gives back is free at once: detail/stored_page_numbers.hpp says
// why that is right. Numbers that the last checkpoint has no page for are free after an opening.
//
// Epochs. The pool and the page store count theirs from 1 at each opening. The manifest's counts
// checkpoints over all of the database's life; nothing compares the two.
//
// Invariants:
//   1. the page store's committed state is that of the manifest's last group
//   2. a number is taken  <=>  it is of a page of one tree, or of one that is being made or
//      dropped; or of a large value that was damaged when it was replaced, erased or dropped
//   3. once an outcome is unknown or a sync has failed, no page changes any more
//
// Threads: any number use tables, and make and drop them. checkpoint(), clean() and rewrite() take
// turns. A change of pages is a put or an erase, make_table() or drop_table(): the barrier of a
// checkpoint is to keep all of them out.
#pragma once

#include "detail/commit_bounds.hpp"
#include "detail/manifest_figures.hpp"
#include "detail/stoppable_pool.hpp"
#include "detail/stored_page_numbers.hpp"
#include "detail/tables_pack.hpp"
#include "detail/tables_scrub.hpp"
#include "detail/tree_page_list.hpp"
#include "manifest.hpp"
#include "paged_table.hpp"

#include "../page/segment_cleaner.hpp"

namespace mantis {

struct paged_tables_options {
    database_id database;
    // The size of a page stays for the life of the database: at most 32 KiB.
    buffer_pool_options pool = {};
    std::uint32_t segment_bytes = 16 * MiB;  // of new data segments, at most: see
                                             // page_store_options
    std::size_t most_open_files = 256;
    // Space for all pages, but for no more than the frames and side copies of the pool, and a few
    // segments, is kept for checkpoints and cleaning on a full disk.
    bool spare = true;
    segment_cleaner_options cleaning = {};
    // The sequence() of a checkpoint that is known to have been durable, kept elsewhere; 0: none.
    std::uint64_t at_least = 0;
    // Nothing on the disk is changed, and changes answer read_only.
    bool read_only = false;
    // With read_only: until stop_changes(), pages can be changed in memory, as by who has a log to
    // redo. They are lost with this object; where the pool is full of them, calls answer
    // out_of_memory.
    bool changes_stay_in_memory = false;
    std::uint32_t least_segment_bytes = 256 * KiB;  // of the first data segments
};

// What the last durable checkpoint is.
struct checkpoint_state {
    std::uint64_t sequence = 0;  // grows by one with each
    std::uint64_t epoch = 0;
    lsn position = {};  // C: all up to here is in the pages, and nothing else
};

struct checkpoint_figures {
    checkpoint_state made;
    std::uint64_t pages = 0;           // of all tables now
    std::uint64_t pages_changed = 0;   // since the checkpoint before
    std::uint64_t images_written = 0;  // while it was made, also of later epochs
    std::uint64_t bytes_written = 0;
    std::uint64_t disk_bytes = 0;  // of data segments
    std::uint64_t live_bytes = 0;  // of them, images that somebody needs
    nanoseconds barrier = {};      // from when the barrier called back until that was done
    nanoseconds elapsed = {};      // of all, with the barrier's waiting
    std::optional<error> not_rewritten = {};  // why the manifest, which has grown, is as it was
};

struct paged_tables_stats {
    std::uint64_t tables = 0;
    std::uint64_t pages = 0;
    // To data segments, since the database was made; of earlier openings, what a checkpoint came
    // after.
    std::uint64_t bytes_written_ever = 0;
    page_store_stats disk;
    buffer_pool_stats pool;
};

template <platform Platform, checksum_policy Checksum = xxh3>
class paged_tables {
    using disk_type = page_store<Platform, Checksum>;
    using pool_type = detail::stoppable_pool<Platform, disk_type>;
    using numbers_type = detail::stored_page_numbers<Platform, disk_type>;
    using manifest_type = manifest<Platform, Checksum>;
    using tree_type = page_tree<pool_type, numbers_type>;
    using live_table = detail::live_table<Platform>;
    using mutex = typename Platform::mutex;

public:
    using directory = typename Platform::directory;
    using table_type = paged_table<Platform, pool_type, numbers_type>;

    //   Requires    `in` outlives it, and is locked by the caller
    //   Effects     an empty database is made where there is no manifest
    //   Errors      corrupt, mismatch, io: see manifest::open() and page_store::opened(). corrupt,
    //               too, where there are data segments and no manifest. not_found: there is none,
    //               and options.read_only without changes in memory. out_of_memory: a page that the
    //               pool could never have
    [[nodiscard]] static result<owned<paged_tables>> open(Platform world, directory& in,
                                                          const paged_tables_options& options) {
        owned<paged_tables> made{new paged_tables{std::move(world), in, options}};
        if (auto loaded = made->load(); !loaded)
            return std::move(loaded.error()).within("opening tables in pages");
        return made;
    }
    paged_tables(const paged_tables&) = delete;
    paged_tables& operator=(const paged_tables&) = delete;
    // What was changed since the last checkpoint is lost.
    //   Requires    nobody uses it, nor a table of it
    ~paged_tables() = default;

    // A handle of a table.
    //   Errors      not_found; of page_tree::open()
    [[nodiscard]] result<table_type> table(table_id table) {
        live_table* const about = find(table);
        const auto not_there = [&] {
            return error{error_code::not_found, "opening a table"}.with("table", table.value);
        };
        if (about == nullptr) return not_there();
        auto tree = tree_type::open(pool_, numbers_, table, about->root);
        if (tree) return table_type{*tree, *about};
        if (find(table) == nullptr) return not_there();
        return std::move(tree).error();
    }
    // An empty table, which the next checkpoint has. It is a change of pages.
    //   Requires    one of that number was never made before: pages name their table
    //   Errors      already_exists, read_only, and those of page_tree::create(): nothing was made
    [[nodiscard]] result<table_type> make_table(table_id table);
    // Its pages are free at once, all in this call. It is a change of pages. Who still reads the
    // table is answered what was there, or not_found; a scan may end with that. A cursor over
    // tree() may be answered corrupt instead. Handles of the table stay handles of nothing.
    //   Requires    nobody changes it any more
    //   Errors      not_found, read_only; corrupt: a page of it names what is none; those of the
    //               pool: a page that cannot be read, unless it is a damaged leaf or of a large
    //               value, or an image of an earlier epoch that cannot be written: nothing is
    //               dropped
    //   Complexity  reads all of its pages; takes 8 bytes for each. While a checkpoint is being
    //               written, it writes what is left of that first
    [[nodiscard]] result<void> drop_table(table_id table);
    // Ascending.
    [[nodiscard]] std::vector<table_id> tables() {
        const lock_guard<mutex> hold{mutex_};
        std::vector<table_id> found;
        for (const auto& each : tables_.all()) found.push_back(each->table);
        return found;
    }

    // To be asked before so many entries are put, with so many bytes of keys and values, or with
    // `grows` false so many are erased, one by one or as ranges: so no change fails after others
    // are done, or after a log has them, because the disk is full. Where an eighth of the disk's
    // free space has room for all that may be changed at most, or half of it for this call alone,
    // that will do; where not, room for it is made, in data segments and of the reserve. What only
    // erases may take more of that.
    //   Requires    one at a time, from here until the changes are done, and no checkpoint's note()
    //               meanwhile; from the first call on nothing is changed without it, but for tables
    //               that are made and dropped; nobody else takes all of the free space in between
    //   Errors      no_space; out_of_memory: the pool's translation has no room for the pages;
    //               read_only; corrupt, io: of the root of a table
    //   Complexity  a few loads and a mutex; now and then it looks at every frame, and reads the
    //               root of each table
    [[nodiscard]] result<void> admit(std::uint64_t put_bytes, std::uint64_t entries, bool grows);

    // Makes what is in all tables at one moment durable.
    //   Requires    barrier(note), a result<void>, waits until nobody changes pages and calls
    //               note(lsn) once; no change of pages is under way while note() runs. What it does
    //               then it does beside changes. Without note() it answers an error
    //   Errors      those of the barrier; no_space, out_of_memory, io, read_only, unknown_outcome;
    //               invalid_argument: the position is before that of the last one. The state before
    //               is the durable one; but with unknown_outcome, the next opening tells. Where
    //               this can be called again, writable() says so
    template <class Barrier>
    [[nodiscard]] result<checkpoint_figures> checkpoint(Barrier barrier);
    // Moves what lives in one mostly empty segment; the next checkpoint gives that back.
    //   Returns     segment 0: there is nothing to clean
    //   Errors      as of segment_cleaner::clean_once()
    [[nodiscard]] result<cleaned_segment> clean() { return clean(options_.cleaning.below_percent); }
    // The same of one of which less than so much is needed.
    [[nodiscard]] result<cleaned_segment> clean(unsigned below_percent) {
        const lock_guard<mutex> turn{turn_};
        if (auto refused = may_commit(); !refused) return std::move(refused).error();
        disk_.leave_for_commit(pool_.unwritten_images() * pool_.page_bytes());
        return cleaner_.clean_once(below_percent);
    }
    // For detail/tables_pack.hpp.
    //   Requires    as of admit()
    //   Returns     whether there is room for a step, and more than enough
    [[nodiscard]] bool may_pack() {
        constexpr std::uint64_t changes = tree_type::changes_of_pack;
        return writable() && !disk_.is_tight() &&
               disk_has_plenty(changes * options_.pool.page_bytes) && pool_.admit_more(changes);
    }
    // Nothing was changed for a while: the reserve becomes small, until the next change.
    //   Requires    no change of pages is under way
    //   Returns     whether it does, and give_back() is to be called; false: something is dirty
    //   Complexity  looks at every frame
    [[nodiscard]] bool rest() {
        if (!options_.spare || !manifest_ || !writable() || pool_.unwritten_images() != 0)
            return false;
        credit_ = 0;
        numbers_.rest();
        return true;
    }
    //   Effects     the manifest says the same in less space, too, where that is worth a file
    //   Threads     as clean()
    void give_back() {
        const lock_guard<mutex> turn{turn_};
        const manifest_state& now = manifest_->state();
        if (now.bytes - now.snapshot_bytes > 64 * KiB) (void)rewrite_manifest();
        disk_.give_back_spares();
    }
    // As admit() and make_table() do.
    // Where the disk has no room for that and what others need, the log above all, it stays small.
    //   Returns     whether the reserve was small, and is whole
    bool wake() {
        if (!disk_.is_resting()) return false;
        const auto free = directory_->free_bytes();
        const std::uint64_t besides = 4 * std::uint64_t{options_.segment_bytes};
        return free && *free > besides && disk_.wake(*free - besides);
    }
    // The disk has so much free space that nobody need keep any for tables that are at rest.
    [[nodiscard]] bool has_plenty_besides(std::uint64_t bytes) {
        const auto free = directory_->free_bytes();
        return free && *free / plenty_share > disk_.stats().spare_bytes + bytes;
    }
    // The manifest says the same in less space. checkpoint() does it when it is due.
    //   Errors      as of manifest::rewrite(); writable() says whether all goes on
    [[nodiscard]] result<void> rewrite() {
        const lock_guard<mutex> turn{turn_};
        if (auto refused = may_commit(); !refused) return refused;
        return rewrite_manifest();
    }
    // Changes that begin later answer read_only; what was changed can be read.
    //   Requires    options.read_only
    void stop_changes() {
        check(options_.read_only, "changes of tables are stopped that were opened to be written");
        pool_.stop();
    }

    // Reads the manifest and every image of a page that something refers to, beside all else; what
    // is damaged is told to the sink (page_damage.hpp), and restored from memory where it can be.
    //   Requires    one at a time
    //   Returns     false: the sink has stopped it
    template <class Sink>
    bool scrub(Sink& sink) {
        return detail::tables_scrub<paged_tables, Sink>{*this, sink}.run();
    }

    //   Errors      read_only: pages can only be read, until this is opened again
    [[nodiscard]] result<void> writable() const {
        if (!pool_.is_stopped()) return success();
        return error{error_code::read_only,
                     "changing tables: opened to be read only, or a checkpoint failed half way"};
    }
    [[nodiscard]] checkpoint_state last_checkpoint() {
        const lock_guard<mutex> hold{mutex_};
        return last_;
    }
    // Pages in use, written or not.
    [[nodiscard]] std::uint64_t page_count() { return numbers_.used_count(); }
    [[nodiscard]] buffer_pool_pressure pressure() { return pool_.pressure(); }
    //   Complexity  looks at every segment
    [[nodiscard]] page_store_stats disk_stats() { return disk_.stats(); }
    //   Complexity  looks at every frame and every segment
    [[nodiscard]] paged_tables_stats stats() {
        paged_tables_stats seen{0, numbers_.used_count(), 0, disk_.stats(), pool_.stats()};
        seen.bytes_written_ever = written_before_ + seen.disk.bytes_written;
        const lock_guard<mutex> hold{mutex_};
        seen.tables = tables_.all().size();
        return seen;
    }

private:
    template <class Tables, class Sink>
    friend class detail::tables_scrub;
    using manifest_reader_type = manifest_reader<Platform, Checksum>;

    // The changes of so many pages are one edit of the manifest.
    static constexpr std::size_t pages_per_edit =
        (manifest_max_edit_bytes - page_delta_header_bytes - page_delta_checksum_bytes) /
        page_delta_entry_bytes;

    // What commits may count on is so small a part of the disk's free space.
    static constexpr std::uint64_t plenty_share = 8;

    // What the barrier has noted.
    struct moment {
        bool noted = false;
        std::uint32_t epoch = 0;  // that has ended
        lsn position = {};
        detail::table_roots roots = {};
        nanoseconds length = {};
    };

    paged_tables(Platform world, directory& in, const paged_tables_options& options)
        : options_{options},
          world_{std::move(world)},
          directory_{&in},
          disk_{in,
                {options.database, options.segment_bytes, options.most_open_files,
                 options.spare && !options.read_only ? 2U : 0U, options.read_only,
                 options.least_segment_bytes, most_unwritten(options)}},
          pool_{disk_, options.pool},
          numbers_{disk_, options.pool.page_bytes},
          cleaner_{disk_, options.cleaning} {}

    // All that can be dirty. Besides, the store keeps a segment for what is cleaned, and one that
    // is begun.
    [[nodiscard]] static std::uint64_t most_unwritten(
        const paged_tables_options& options) noexcept {
        return options.pool.memory_bytes / options.pool.page_bytes + pool_type::about_to_change;
    }

    [[nodiscard]] result<void> may_commit() const {
        if (!options_.read_only) return writable();
        return error{error_code::read_only, "committing tables: opened to be read only"};
    }

    // Opening.
    [[nodiscard]] result<void> load();
    [[nodiscard]] result<manifest_state> load_manifest();
    [[nodiscard]] result<manifest_type> make_manifest();
    [[nodiscard]] result<void> no_data_segments();
    [[nodiscard]] result<void> take(const manifest_edit& edit);
    [[nodiscard]] result<void> note_pages();

    // Tables.
    //   Returns     nullptr: there is no such table
    [[nodiscard]] live_table* find(table_id table) {
        const lock_guard<mutex> hold{mutex_};
        return tables_.find(table);
    }
    //   Returns     nullptr: it is there already
    [[nodiscard]] live_table* add(const detail::table_root& root) {
        const lock_guard<mutex> hold{mutex_};
        return tables_.add(root);
    }
    //   Returns     whether it was there
    [[nodiscard]] bool remove(table_id table) {
        const lock_guard<mutex> hold{mutex_};
        return tables_.drop(table);
    }
    void free_page(page_id page) {
        pool_.forget(page);
        numbers_.give_back(page);
    }

    // Admitting.
    [[nodiscard]] result<std::uint64_t> greatest_height();
    [[nodiscard]] result<void> has_translation(std::uint64_t pages);
    [[nodiscard]] bool disk_has_plenty(std::uint64_t bytes);

    // Checkpoints, with turn_.
    void note(lsn position, moment& at);
    template <class Barrier>
    [[nodiscard]] result<moment> pass(Barrier& barrier);
    //   Returns     how many pages have changed since the checkpoint before
    [[nodiscard]] result<std::uint64_t> write_pages(const moment& at);
    void clean_behind();
    [[nodiscard]] result<void> commit(const moment& at, std::uint64_t changed);
    // A full disk has other use for what the manifest takes.
    [[nodiscard]] bool rewrite_due() const {
        const manifest_state& now = manifest_->state();
        return manifest_->rewrite_due() || (disk_.is_tight() && now.bytes > 4 * now.snapshot_bytes);
    }
    [[nodiscard]] result<void> rewrite_manifest();
    [[nodiscard]] result<void> rewrite_grown_manifest();
    // So much of a manifest says where so many pages are.
    [[nodiscard]] static constexpr std::uint64_t delta_bytes(std::uint64_t pages) noexcept {
        return pages * (page_delta_entry_bytes + 2) + 4 * KiB;
    }
    template <class Edits, class PartFrom>
    [[nodiscard]] static result<void> add_pages(Edits& to, PartFrom part_from);
    template <class Edits>
    [[nodiscard]] static result<void> add_figures(Edits& to, detail::manifest_figures now) {
        return to.add(manifest_edit_kind::figures, detail::encode_manifest_figures(now));
    }

    const paged_tables_options options_;
    Platform world_;
    directory* const directory_;
    disk_type disk_;
    pool_type pool_;
    numbers_type numbers_;
    segment_cleaner<disk_type> cleaner_;

    mutex turn_;                             // protects the next two
    std::optional<manifest_type> manifest_;  // none: opened to be read only
    detail::table_roots committed_roots_;
    detail::manifest_figures committed_figures_;
    std::uint64_t written_before_ = 0;  // bytes, as it was opened

    // Of who admits.
    std::uint64_t height_ = 0;
    std::uint64_t credit_ = 0;  // bytes that may be admitted before the disk is asked again
    std::uint64_t height_known_at_ = ~std::uint64_t{0};  // takes() of the numbers then
    std::uint64_t row_credit_ = 0;                       // that a commit of one small row takes
    std::uint64_t row_known_at_ = ~std::uint64_t{0};     // takes() then

    mutex mutex_;  // protects all below
    detail::live_tables<Platform> tables_;
    checkpoint_state last_;
};

}  // namespace mantis

#include "detail/paged_tables_impl.hpp"
