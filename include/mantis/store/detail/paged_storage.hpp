// SPDX-License-Identifier: BSL-1.0
//
// The storage (index/index_storage.hpp) of tables in pages: paged_tables, opened when there are
// some or the first one is made, so that a database without them has no file for them.
//
// A dropped table's pages are taken back by the next checkpoint, before its barrier: its readers
// need not be waited for. Likewise what an opening finds of tables that the log has dropped. Each
// checkpoint also cleans some of the segments that are mostly empty, and gives them back.
//
// Space. What is changed is written beside what was there, and that is needed until a checkpoint.
// So one is asked for where files take more than twice what lives in them, and have grown by half
// of that since the last one; when little is changed at the time, others until they take less than
// half more than what lives, or cleaning finds nothing to do; where a table of many rows was
// dropped; and where half of the pages are no more.
//
// While the log is redone, rows are changed all the time, and a restartpoint is due by the same
// rule. Where the disk may not have room for that growth, they come sooner and follow each other.
//
// Threads: as index/index_storage.hpp says.
#pragma once

#include "paged_index.hpp"

#include "../../index/index_storage.hpp"
#include "../../platform/guard.hpp"
#include "../../recovery/paged_tables.hpp"

namespace mantis::detail {

template <platform Platform, checksum_policy Checksum, std::size_t PageBytes>
class paged_storage {
    using tables_type = paged_tables<Platform, Checksum>;
    using directory = typename Platform::directory;
    using mutex = typename Platform::mutex;

public:
    using tree_type = typename tables_type::table_type;
    using index_type = paged_index<paged_storage>;

    //   Errors      those of paged_tables::open()
    [[nodiscard]] result<void> open(Platform world, directory& in,
                                    const index_storage_settings& settings) {
        world_.emplace(std::move(world));
        directory_ = &in;
        settings_ = settings;
        return open_existing();
    }
    [[nodiscard]] result<void> reset() {
        {
            const lock_guard<mutex> hold{mutex_};
            retired_.clear();
        }
        close();
        damage_.reset();
        redoing_ = true;
        return open_existing();
    }
    void close() {
        tables_.store(nullptr);
        opened_.reset();
    }

    //   Errors      of a table of the last checkpoint: corrupt, there are no pages at all; and of a
    //               new one: those of paged_tables::make_table()
    [[nodiscard]] result<index_type> attach(table_id table, lsn made) {
        if (damage_) return index_type{*this, table, std::nullopt};
        if (made > persisted_) return attach_new(table);
        if (!opened_)
            return error{error_code::corrupt, "opening a table: the pages are missing"}.with(
                "table", table.value);
        auto there = opened_->table(table);
        if (there) return index_type{*this, table, std::move(*there)};
        if (there.error().code() != error_code::not_found) return std::move(there.error());
        return index_type{*this, table, std::nullopt};
    }
    void retire(table_id table, std::uint64_t entries) {
        {
            const lock_guard<mutex> hold{mutex_};
            retired_.push_back(table);
        }
        if (entries >= entries_per_look) want_checkpoint();
    }
    void discard(table_id table) {
        if (tables_type* const tables = tables_.load()) (void)tables->drop_table(table);
    }

    // When it was opened.
    [[nodiscard]] lsn persisted() const noexcept { return persisted_; }
    [[nodiscard]] const error* damage() const noexcept { return damage_ ? &*damage_ : nullptr; }

    //   Requires    `live` ascends
    [[nodiscard]] result<void> recovered(const std::vector<table_id>& live) {
        redoing_ = false;
        if (!opened_) return success();
        for (const table_id each : opened_->tables()) {
            bool is_live = false;
            for (const table_id other : live) is_live = is_live || other == each;
            if (is_live) continue;
            const auto gone = opened_->table(each);
            retire(each, gone ? gone->count() : 0);
        }
        if (settings_.read_only) opened_->stop_changes();
        return success();
    }

    [[nodiscard]] result<void> admit(const storage_growth& growth) {
        tables_type* const tables = tables_.load();
        if (tables == nullptr) return success();
        if (auto writable = tables->writable(); !writable) return writable;
        wake(*tables);
        return tables->admit(growth.bytes, growth.entries, growth.puts);
    }

    // Those of paged_tables::checkpoint() and of the barrier are its errors.
    template <class Barrier>
    [[nodiscard]] result<storage_checkpoint> checkpoint(Barrier barrier) {
        tables_type* const tables = tables_.load();
        if (tables == nullptr) return storage_checkpoint{};
        wants_.store(false);
        const making one{making_};
        const std::uint64_t changed_before = changed_.load();
        take_back(*tables);
        const bool cleaned = clean(*tables, segment_cleaner_options{}.below_percent);
        auto made = tables->checkpoint(std::move(barrier));
        if (!made) return std::move(made.error());
        // What a checkpoint has made superfluous is for the next one to clean. While much changes
        // that would leave as much behind as it takes away, so look() waits until there is more.
        const page_store_stats left = tables->disk_stats();
        const bool quiet = redoing_ ? has_little_room(left) : changed_.load() == changed_before;
        if (!quiet) settled_.store(false);
        left_.store(taken_by(left));
        most_pages_.store(tables->page_count());
        if (quiet && cleaned && takes_too_much(when_quiet, left)) want_checkpoint();
        return storage_checkpoint{made->made.sequence, made->made.position, made->barrier,
                                  made->bytes_written};
    }

    void changed(std::uint64_t entries) {
        const std::uint64_t before = changed_.fetch_add(entries);
        if (before / entries_per_look != (before + entries) / entries_per_look) look();
    }
    [[nodiscard]] bool wants_checkpoint() const { return wants_.load(); }
    // Whether something was changed since the last look, or shortly before it.
    [[nodiscard]] bool unsettled() const {
        return !settled_.load() || looked_.load() != changed_.load();
    }
    //   Effects     wants_checkpoint(), where a checkpoint would give space back
    void look() {
        const std::uint64_t now = changed_.load();
        const bool quiet = looked_.exchange(now) == now;
        settled_.store(quiet);
        if (wants_space(quiet) && !making_.load()) want_checkpoint();
    }
    // Nothing has changed for a while.
    //   Requires    while what pause() answers lives, nobody changes anything
    //   Effects     space that is kept for changes is given back until there is one, where the disk
    //               `has_plenty`
    //   Returns     false: something is dirty, and a checkpoint is to be made first
    template <class Pause>
    [[nodiscard]] bool rest(bool has_plenty, Pause pause) {
        tables_type* const tables = tables_.load();
        const bool may = tables != nullptr && has_plenty;
        {
            const auto changes_wait = pause();
            if (may && !tables->rest()) return false;
            rests_.store(true);
        }
        if (may) tables->give_back();
        return true;
    }
    // Of who calls pack(): it packs, however few pages have gone.
    void want_packing() { most_unpacked_.store(UINT64_MAX); }
    // Where many pages have gone since they were packed last: packs some leaves.
    //   Requires    as of rest()
    //   Returns     whether there is more to be done
    template <class Pause>
    [[nodiscard]] bool pack(Pause pause) {
        tables_type* const tables = tables_.load();
        if (tables == nullptr || settings_.read_only) return false;
        const std::uint64_t pages = tables->page_count();
        raise(most_unpacked_, pages);
        if (!packing_ && pages > most_unpacked_.load() / 4 * 3) return false;
        const lock_guard<mutex> no_drop{dropping_};
        if (!packing_) packing_.emplace(*tables);
        if (packing_->step(pause)) return true;
        packing_.reset();
        most_unpacked_.store(tables->page_count());
        compact_ = packed_ = true;
        return false;
    }
    // After that, moves what lives in segments that have room.
    //   Returns     whether a checkpoint is to be made, and then there may be more
    [[nodiscard]] bool compact() {
        tables_type* const tables = tables_.load();
        if (!compact_ || tables == nullptr) return false;
        if (std::exchange(packed_, false)) return true;
        const page_store_stats now = tables->disk_stats();
        compact_ =
            taken_by(now) > now.newest_bytes / 100 * compact_percent + 2 * now.segment_bytes &&
            clean(*tables, full_percent);
        return compact_;
    }
    // Whether so much and the reserve are little of what is free on the disk.
    [[nodiscard]] bool has_plenty_besides(std::uint64_t bytes) const {
        tables_type* const tables = tables_.load();
        return tables != nullptr && tables->has_plenty_besides(bytes);
    }
    // Whether there was no change since.
    [[nodiscard]] bool rests() const { return rests_.load(); }
    template <class Sink>
    void scrub(Sink& sink) {
        if (tables_type* const tables = tables_.load()) (void)tables->scrub(sink);
    }

    [[nodiscard]] storage_pressure pressure() {
        tables_type* const tables = tables_.load();
        if (tables == nullptr) return {};
        const buffer_pool_pressure pool = tables->pressure();
        return {pool.frames, pool.side_copies, static_cast<double>(excess_.load()) / 100.0};
    }
    [[nodiscard]] storage_stats stats() {
        storage_stats seen;
        seen.page_bytes = PageBytes;
        tables_type* const tables = tables_.load();
        if (tables == nullptr) return seen;
        const paged_tables_stats now = tables->stats();
        seen.pages = now.pages;
        seen.disk_bytes = now.disk.disk_bytes;
        seen.reserve_bytes = now.disk.spare_bytes;
        seen.live_bytes = now.disk.newest_bytes;
        seen.written_bytes = now.disk.bytes_written;
        seen.written_ever_bytes = now.bytes_written_ever;
        seen.memory_bytes = std::uint64_t{now.pool.frames - now.pool.free} * PageBytes;
        seen.hits = now.pool.hits;
        seen.misses = now.pool.misses;
        return seen;
    }

private:
    // So many segments are cleaned by one checkpoint.
    static constexpr int cleaned_at_once = 8;
    static constexpr std::uint64_t entries_per_look = 1024;
    // Files take too much: so many percent of what lives in them, and after a checkpoint so many
    // more than it has left.
    struct space_rule {
        std::uint64_t percent;
        std::uint64_t growth_percent;
    };
    static constexpr space_rule while_changing{200, 50};
    static constexpr space_rule with_little_room{145, 10};
    static constexpr space_rule when_quiet{145, 0};
    static constexpr std::uint64_t reserve_percent = 130;
    // After packing, they take so much, if no segment is fuller than that.
    static constexpr std::uint64_t compact_percent = 103;
    static constexpr unsigned full_percent = 95;
    // Beyond that, checkpoints do not give back what changes take.
    static constexpr std::uint64_t most_percent = 2'000;

    // While a checkpoint is made there are two of everything, and it looks itself when it is over.
    class making {
    public:
        explicit making(typename Platform::template atomic<bool>& is) : is_{&is} { is.store(true); }
        making(const making&) = delete;
        making& operator=(const making&) = delete;
        ~making() { is_->store(false); }

    private:
        typename Platform::template atomic<bool>* is_;
    };

    [[nodiscard]] result<void> open_existing() {
        persisted_ = {};
        const auto there = has_files();
        if (!there) return error{there.error()};
        return *there || settings_.at_least != 0 ? open_tables() : success();
    }
    [[nodiscard]] result<bool> has_files() {
        const auto names = directory_->list();
        if (!names) return names.error();
        for (const bytes& name : *names) {
            std::uint32_t segment = 0;
            if (parse_manifest_name(name) != 0 || parse_data_segment_name(name, segment))
                return true;
        }
        return false;
    }
    [[nodiscard]] result<void> open_tables() {
        paged_tables_options options;
        options.database = settings_.database;
        options.pool.page_bytes = PageBytes;
        // The rest is for what is known of pages that are not in memory.
        options.pool.memory_bytes = settings_.memory_bytes - settings_.memory_bytes / 32;
        // How many pages there may be goes by all of it, as the guide says.
        options.pool.translation_bytes = settings_.memory_bytes / 16;
        options.segment_bytes = settings_.segment_bytes;
        options.at_least = settings_.at_least;
        options.read_only = settings_.read_only;
        options.changes_stay_in_memory = settings_.read_only;
        auto opened = tables_type::open(*world_, *directory_, options);
        if (opened) {
            opened_ = std::move(*opened);
            persisted_ = opened_->last_checkpoint().position;
            tables_.store(&*opened_);
            return success();
        }
        if (!settings_.keeps_damage) return std::move(opened.error());
        damage_.emplace(std::move(opened.error()));
        return success();
    }
    [[nodiscard]] result<index_type> attach_new(table_id table) {
        if (!opened_)
            if (auto opened = open_tables(); !opened) return std::move(opened.error());
        if (damage_) return index_type{*this, table, std::nullopt};
        wake(*opened_);
        auto made = opened_->make_table(table);
        if (!made) return std::move(made.error());
        return index_type{*this, table, std::move(*made)};
    }

    // Before something changes.
    void wake(tables_type& tables) {
        if (!rests_.load(Platform::memory_order::acquire)) return;
        rests_.store(false);
        (void)tables.wake();
        if (settings_.ask != nullptr) settings_.ask(settings_.context);
    }

    // What cannot be dropped now, because a page of it cannot be read, is tried again by the next.
    void take_back(tables_type& tables) {
        std::vector<table_id> left;
        {
            const lock_guard<mutex> hold{mutex_};
            left.swap(retired_);
        }
        const lock_guard<mutex> no_packing{dropping_};
        for (const table_id each : left) {
            const auto gone = tables.drop_table(each);
            if (!gone && gone.error().code() != error_code::not_found) retire(each, 0);
        }
    }
    //   Returns     whether there was anything
    static bool clean(tables_type& tables, unsigned below_percent) {
        int count = 0;
        for (; count < cleaned_at_once; ++count) {
            const auto cleaned = tables.clean(below_percent);
            if (!cleaned || cleaned->segment == 0) break;
        }
        return count > 0;
    }

    void want_checkpoint() {
        if (settings_.read_only || wants_.exchange(true)) return;
        if (settings_.ask != nullptr) settings_.ask(settings_.context);
    }
    [[nodiscard]] static std::uint64_t taken_by(const page_store_stats& now) noexcept {
        return now.disk_bytes - now.spare_bytes;
    }
    // A few segments are always open, or half full.
    [[nodiscard]] bool takes_too_much(const space_rule& rule, const page_store_stats& now) const {
        const std::uint64_t besides = 4 * now.segment_bytes;
        const std::uint64_t left = rule.growth_percent == 0 ? 0 : left_.load();
        return taken_by(now) > now.newest_bytes * rule.percent / 100 + besides &&
               (left == 0 || taken_by(now) > left + now.newest_bytes * rule.growth_percent / 100);
    }
    // Files may not have room to grow to what they may take while things change.
    [[nodiscard]] bool has_little_room(const page_store_stats& now) const {
        const auto free = directory_->free_bytes();
        return free && *free < now.newest_bytes;
    }
    // The reserve has room for all pages there are, written or not, and a bit. Where there were
    // many more it is made for those, until a checkpoint.
    [[nodiscard]] bool reserves_too_much(bool quiet, std::uint64_t pages,
                                         const page_store_stats& now) {
        const std::uint64_t most = raise(most_pages_, pages);
        (void)raise(most_unpacked_, pages);
        const std::uint64_t enough = pages * PageBytes * reserve_percent / 100;
        return pages * (quiet ? 5 : 8) / 4 < most && now.spare_bytes > enough;
    }
    //   Returns     what it is then
    template <class Atomic>
    static std::uint64_t raise(Atomic& most, std::uint64_t to) {
        std::uint64_t now = most.load();
        while (now < to && !most.compare_exchange_weak(now, to)) {}
        return now < to ? to : now;
    }
    [[nodiscard]] const space_rule& rule_for(bool quiet, const page_store_stats& now) const {
        if (quiet) return when_quiet;
        return redoing_ && has_little_room(now) ? with_little_room : while_changing;
    }
    [[nodiscard]] bool wants_space(bool quiet) {
        tables_type* const tables = tables_.load();
        if (tables == nullptr) return false;
        const page_store_stats now = tables->disk_stats();
        const std::uint64_t most = now.newest_bytes * most_percent / 100;
        excess_.store(taken_by(now) * 100 / (most + 16 * now.segment_bytes));
        return takes_too_much(rule_for(quiet, now), now) ||
               reserves_too_much(quiet, tables->page_count(), now);
    }

    std::optional<Platform> world_;
    directory* directory_ = nullptr;
    index_storage_settings settings_;
    owned<tables_type> opened_;
    typename Platform::template atomic<tables_type*> tables_{nullptr};  // opened_, for all threads
    lsn persisted_;
    std::optional<error> damage_;
    bool redoing_ = true;                                           // until recovered()
    typename Platform::template atomic<std::uint64_t> changed_{0};  // entries, in this opening
    typename Platform::template atomic<std::uint64_t> looked_{0};   // of them, at the last look
    typename Platform::template atomic<bool> settled_{true};        // nothing had changed by then
    typename Platform::template atomic<std::uint64_t> most_pages_{0};  // since the last checkpoint
    typename Platform::template atomic<bool> wants_{false};
    typename Platform::template atomic<bool> rests_{false};
    typename Platform::template atomic<bool> making_{false};     // a checkpoint
    typename Platform::template atomic<std::uint64_t> left_{0};  // taken after the last one
    // Percent of the most space that was taken at the last look.
    typename Platform::template atomic<std::uint64_t> excess_{0};
    // Since leaves were packed last, or it was opened.
    typename Platform::template atomic<std::uint64_t> most_unpacked_{0};
    mutex mutex_;
    std::vector<table_id> retired_;  // under mutex_
    mutex dropping_;                 // held by who drops tables, or packs their leaves
    // Of who calls pack() and compact().
    std::optional<tables_pack<tables_type>> packing_;
    bool compact_ = false;
    bool packed_ = false;  // and no checkpoint was made since
};

}  // namespace mantis::detail
