// SPDX-License-Identifier: BSL-1.0
//
// Brings the tables of a store to the state that its directory describes: the image of the last
// checkpoint, and the log since then.
//
//   image      log since C   what is done
//   whole      whole         the image is loaded, the log since C is redone
//   whole      damaged       an error; in safe mode what lies before the damage, if that is not
//                            before E, where the image became consistent
//   damaged,   from its      the log alone is redone; the summary says so, and the next checkpoint
//   missing    beginning     replaces the image
//   damaged    since C only  an error; in safe mode the tables that are whole, and the others
//                            answer the damage
// To a moment before E the image is of no use: then the log alone is redone, and if its beginning
// is gone the error says which moment is the earliest.
//
// Tables in pages (index/index_storage.hpp) are there up to P, the storage's own checkpoint, which
// is C or later, and of the log only what lies behind P is redone in them. They cannot go back
// before P: to such a moment nothing is opened, and where damage of the log lies before P, they
// answer it in safe mode.
//
// Threads: one; nobody else uses the tables.
#pragma once

#include "image_loader.hpp"
#include "options.hpp"
#include "tables_target.hpp"

#include "../index/index_storage.hpp"
#include "../recovery/engine.hpp"
#include "../recovery/superblock.hpp"
#include "../wal/detail/segment_list.hpp"

namespace mantis {

template <platform Platform, checksum_policy Checksum, class Tables>
class store_recovery {
public:
    using directory = typename Platform::directory;
    using target_type = tables_target<Tables>;
    using engine_type = recovery_engine<log_reader<Platform, Checksum>, target_type>;
    using outcome = typename engine_type::outcome;

    // Told by the storage of tables in pages that it wants a checkpoint, from now on.
    struct storage_listener {
        void (*ask)(void* context) = nullptr;
        void* context = nullptr;
    };

    //   Requires    `in` and `tables` outlive it; the tables are empty
    store_recovery(Platform world, directory& in, const superblock& of, Tables& tables,
                   const store_options& options, storage_listener listener = {})
        : platform_{std::move(world)},
          directory_{&in},
          of_{of},
          tables_{&tables},
          options_{options},
          listener_{listener} {
        chosen_.listener = options.on_recovery;
        chosen_.listener_context = options.on_recovery_context;
        chosen_.log_reaches = of.log_reaches;
        chosen_.stop_at = options.stop_at;
        chosen_.stop_at_time = options.stop_at_time;
        chosen_.threads = threads_for(options);
        chosen_.verification = options.recovery_verification;
        chosen_.read_only = options.read_only;
        chosen_.up_to_damage = options.safe_mode;
    }

    //   Errors      corrupt, mismatch, io, as recovery_engine::run(), the image and the storage;
    //               not_found: the moment to stop at lies before the earliest that is left
    [[nodiscard]] result<outcome> run() {
        if (auto opened = open_storage(); !opened) return opened.error();
        auto done = recover();
        if (!done) return done;
        if (storage().damage() != nullptr && !done->summary.damage)
            done->summary.damage = *storage().damage();
        if (auto judged = judge_storage(done->summary); !judged) return judged.error();
        if (auto told = storage().recovered(live_tables()); !told) return told.error();
        return done;
    }

private:
    // Redo into pages waits for the disk, of each thread for one page.
    [[nodiscard]] static unsigned threads_for(const store_options& options) noexcept {
        if (options.recovery_threads != 0) return options.recovery_threads;
        return Tables::has_storage && options.page_memory_bytes >= 4 * MiB ? 8 : 1;
    }

    using loader_type = image_loader<Platform, Checksum, Tables>;
    using storage_type = typename Tables::storage_type;

    // --- tables in pages ---

    [[nodiscard]] storage_type& storage() noexcept { return tables_->storage(); }
    [[nodiscard]] result<void> open_storage() {
        index_storage_settings settings;
        settings.database = of_.database;
        settings.memory_bytes = options_.page_memory_bytes;
        settings.segment_bytes = options_.page_segment_bytes;
        settings.at_least = of_.pages_sequence;
        settings.read_only = chosen_.read_only;
        settings.keeps_damage = chosen_.up_to_damage;
        settings.ask = listener_.ask;
        settings.context = listener_.context;
        if (auto opened = storage().open(platform_, *directory_, settings); !opened) return opened;
        // It was made durable before the pages were.
        if (chosen_.log_reaches < storage().persisted())
            chosen_.log_reaches = storage().persisted();
        return success();
    }
    [[nodiscard]] std::vector<table_id> live_tables() const {
        std::vector<table_id> live;
        for (const auto* each : tables_->all()) live.push_back(each->id());
        return live;
    }
    [[nodiscard]] bool any_stored() const {
        for (const auto* each : tables_->all())
            if (each->is_stored()) return true;
        return false;
    }
    //   Effects     no redo has ever been
    [[nodiscard]] result<void> empty_all() {
        tables_->clear();
        return storage().reset();
    }
    // They hold what the log says up to P, and so to no earlier place.
    [[nodiscard]] result<void> judge_storage(const recovery_summary& found) {
        const lsn persisted = storage().persisted();
        if (persisted <= found.stops_at || !any_stored()) return success();
        if (!found.damage)
            return error{error_code::not_found,
                         "opening at an earlier moment: the pages of its tables are of a later one"}
                .with("earliest_lsn", persisted.value);
        for (auto* each : tables_->all())
            if (each->is_stored())
                each->damaged(error{*found.damage}.within(
                    "using a table in pages that are of a later moment than the damage"));
        return success();
    }

    // --- the image and the log ---

    [[nodiscard]] result<outcome> recover() {
        if (of_.checkpoint == lsn{}) return redo_log({}, {});
        const nanoseconds begun = platform_.now();
        auto loaded = loader().load();
        if (!loaded) return without_image(loaded.error());
        if (storage().persisted() < of_.checkpoint && any_stored() && storage().damage() == nullptr)
            return error{error_code::corrupt,
                         "opening a database: its pages are older than its image"}
                .with("lsn", storage().persisted().value)
                .with("checkpoint_lsn", of_.checkpoint.value);
        if (stops_before(loaded->footer)) return before_image(loaded->footer);
        const lsn needed = loaded->footer.log_needed;
        auto done = redo_over(*loaded, platform_.now() - begun, std::nullopt);
        // In safe mode: the damage lies where the image is not yet consistent.
        if (!done || done->summary.stops_at >= needed) return done;
        if (auto again = empty_all(); !again) return again.error();
        if (whole_log()) return redo_log({}, {});
        return *done->summary.damage;
    }

    loader_type loader() {
        return {*directory_, of_.database,     of_.checkpoint,
                *tables_,    chosen_.listener, chosen_.listener_context};
    }

    [[nodiscard]] bool stops_before(const image_footer& footer) const noexcept {
        if (chosen_.stop_at != lsn{} && chosen_.stop_at < footer.log_needed) return true;
        return chosen_.stop_at_time != nanoseconds{} && chosen_.stop_at_time < footer.last_time;
    }
    result<outcome> before_image(const image_footer& footer) {
        tables_->clear();
        if (whole_log()) return redo_log({}, {});
        return error{error_code::not_found,
                     "opening at an earlier moment: the log before the last checkpoint is gone"}
            .with("earliest_lsn", footer.log_needed.value)
            .with("earliest_time_ns", static_cast<std::uint64_t>(footer.last_time.count));
    }

    // Whether the log is there from its first record on.
    bool whole_log() {
        auto segments = detail::list_segments(*directory_);
        if (!segments) return false;
        return segments->empty() ? of_.checkpoint <= first_lsn_of_log
                                 : segments->front() == first_lsn_of_log;
    }

    result<outcome> without_image(error why) {
        if (why.number("target") != nullptr) return why;  // not the image's fault
        const bool damage =
            why.code() == error_code::corrupt || why.code() == error_code::not_found;
        if (!damage && !(chosen_.up_to_damage && why.code() == error_code::io)) return why;
        if (why.code() == error_code::not_found)
            why = error{error_code::corrupt, "loading a checkpoint's image: it is missing"}.about(
                image_name(of_.checkpoint));
        if (whole_log()) {
            image_summary image;
            image.damage = std::move(why);
            return redo_log({}, std::move(image));
        }
        why.with("checkpoint_lsn", of_.checkpoint.value);
        if (!chosen_.up_to_damage || chosen_.stops_early()) return why;
        const nanoseconds begun = platform_.now();
        auto loaded = loader().load_intact(why);
        if (!loaded) return loaded.error();
        if (loaded->footer.log_needed < chosen_.log_reaches)
            loaded->footer.log_needed = chosen_.log_reaches;  // perhaps the footer is lost
        auto done = redo_over(*loaded, platform_.now() - begun, why);
        if (!done) return done;
        if (done->summary.stops_at < loaded->footer.log_needed) return *done->summary.damage;
        done->summary.damage = std::move(why);
        return done;
    }

    result<outcome> redo_over(const loaded_image& loaded, nanoseconds loaded_in,
                              std::optional<error> damage) {
        recovery_start start;
        start.begin = of_.checkpoint;
        start.last_transaction = loaded.header.last_transaction;
        start.last_time = loaded.header.last_time;
        if (chosen_.log_reaches < loaded.footer.log_needed)
            chosen_.log_reaches = loaded.footer.log_needed;
        return redo_log(start,
                        {of_.checkpoint, loaded.rows, loaded.bytes, loaded_in, std::move(damage)});
    }

    //   Requires    the tables hold what lies before start.begin
    result<outcome> redo_log(const recovery_start& start, image_summary image) {
        chosen_.start = start;
        auto done = redo_once(start.begin);
        if (!done && chosen_.up_to_damage) done = redo_up_to(done.error());
        if (!done) return done;
        done->summary.image = std::move(image);
        done->summary.elapsed = done->summary.elapsed + done->summary.image.loaded_in;
        return done;
    }
    result<outcome> redo_once(lsn persisted) {
        target_type target{*tables_, persisted};
        engine_type recovery{platform_, *directory_, of_.database, target};
        return recovery.run(chosen_);
    }
    // What cannot be redone is damage, too: then all before it is redone anew.
    result<outcome> redo_up_to(const error& why) {
        const std::uint64_t* const at = why.number("lsn");
        if (at == nullptr || why.number("target") == nullptr) return why;
        if (auto again = empty_all(); !again) return again.error();
        if (chosen_.start.begin != lsn{})
            if (auto again = loader().load(); !again) return why;
        chosen_.stop_at = {*at};
        chosen_.stop_at_time = {};
        auto done = redo_once(chosen_.start.begin);
        if (done) done->summary.damage = why;
        return done;
    }

    Platform platform_;
    directory* directory_;
    superblock of_;
    Tables* tables_;
    const store_options& options_;
    storage_listener listener_;
    recovery_options chosen_;
};

}  // namespace mantis
