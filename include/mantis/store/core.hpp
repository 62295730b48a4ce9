// SPDX-License-Identifier: BSL-1.0
//
// The assembly: directory, log, recovery, tables and transactions of one open database.
//
// It takes resolved policies and not the application's bundle, so that applications with equal
// choices share its code; store<App> is the door to it.
//
// States:
//   opening  -> open       open() replayed the log
//   open     -> failed     a write or sync of the log failed: reads go on, commits answer read_only
//                          (the log writer's state); or a table could not take a commit that the
//                          log has (the engine's state): as well, and no checkpoint is made
//   open     -> closed     close(), or the destructor
// A store that stops early or is in safe mode is open and read-only from the beginning.
//
// Threads: any number at once, but open() and close().
#pragma once

#include "checkpoint_thread.hpp"
#include "checkpointer.hpp"
#include "detail/store_rest.hpp"
#include "detail/store_scrub.hpp"
#include "detail/store_superblock.hpp"
#include "detail/whole_log.hpp"
#include "log_retention.hpp"
#include "options.hpp"
#include "store_recovery.hpp"
#include "store_stats.hpp"
#include "watches.hpp"

#include "../core/owned.hpp"
#include "../platform/retrying.hpp"
#include "../recovery/log_identity.hpp"
#include "../txn/transaction.hpp"

namespace mantis {

template <class World, class Checksum, class Durability, class... Indexes>
class store_core {
public:
    // All files are reached through it, so that a fault that passes is not seen above.
    using Platform = retrying<World>;
    using tables_type = table_set<Platform, Indexes...>;
    using table_type = typename tables_type::table_type;
    using engine_type = transaction_engine<Platform, Checksum, Durability, Indexes...>;
    using log_type = typename engine_type::log_type;
    using directory = typename Platform::directory;
    using retention_type = log_retention<Platform, Checksum>;
    using recovery_type = store_recovery<Platform, Checksum, tables_type>;
    using checkpointer_type = checkpointer<Platform, Checksum, engine_type>;

    //   Errors      not_found, locked (by which process), corrupt, mismatch, io, no_space: the
    //               database is as it was
    static result<owned<store_core>> open(bytes_view path, const store_options& options,
                                          World outside) {
        auto core = owned<store_core>(new store_core{std::move(outside), options});
        auto opened = core->open_files(path);
        core->watches_.events().deliver();
        if (!opened) return opened.error().within("opening the store");
        return core;
    }

    store_core(const store_core&) = delete;
    store_core& operator=(const store_core&) = delete;
    ~store_core() { (void)close(); }

    [[nodiscard]] engine_type& engine() noexcept { return *engine_; }
    [[nodiscard]] tables_type& tables() noexcept { return tables_; }
    [[nodiscard]] const tables_type& tables() const noexcept { return tables_; }
    [[nodiscard]] const recovery_summary& recovery() const noexcept { return recovery_; }
    [[nodiscard]] Platform& files() noexcept { return platform_; }
    [[nodiscard]] memory_budget<Platform>& memory() noexcept { return watches_.memory(); }
    //   Requires    close() was not called
    [[nodiscard]] space_watch<Platform>& space() noexcept { return watches_.space(); }
    //   Requires    close() was not called
    [[nodiscard]] retention_type& retention() noexcept { return *retention_; }
    [[nodiscard]] bytes_view path() const noexcept {
        return directory_ ? directory_->path() : bytes_view{};
    }

    //   Effects     everything committed before the call is durable, whatever the policy
    [[nodiscard]] result<void> flush() {
        const event_delivery told{&watches_.events()};
        return log_ ? log_->sync() : closed();
    }

    //   Effects     everything is durable, the lock is free; every later call answers an error
    //   Errors      unknown_outcome, io, no_space: the directory is free all the same
    [[nodiscard]] result<void> close() {
        if (!log_) return success();
        const event_delivery told{&watches_.events()};
        watches_.pace().stop();
        if (options_.checkpoint_at_close && !options_.read_only) (void)checkpoint();
        checkpointer_->stop();
        background_->stop();
        scrub_->stop();
        syncing_->stop();
        retention_->stop();
        auto done = log_->close();
        const lsn end = log_->end();
        background_.reset();
        checkpointer_.reset();
        scrub_.reset();
        engine_.reset();
        syncing_.reset();
        log_.reset();
        retention_.reset();
        tables_.storage().close();
        const superblock block = superblock_->now();
        if (done && end > block.log_reaches && !options_.read_only)
            done = superblock_->replace(end, block.checkpoint);
        watches_.close();
        superblock_.reset();
        directory_.reset();
        return done;
    }

    // Writes an image of all tables while commits go on; later openings begin with it.
    //   Returns     what was made, or the last one, if nothing was committed since
    //   Errors      no_space, io: all is as it was; read_only; unknown_outcome: the log has failed
    // `anew`: also where nothing was committed since the last one, whose image is damaged.
    [[nodiscard]] result<checkpoint_info> checkpoint(bool anew = false) {
        if (!log_) return closed();
        if (options_.read_only)
            return error{error_code::read_only,
                         "making a checkpoint: the store was opened read-only"};
        const event_delivery told{&watches_.events()};
        const lock_guard<mutex> alone{checkpoint_mutex_};
        const checkpoint_info last = last_checkpoint();
        const auto now = engine_->now_applied();
        if (tables_.storage().wants_checkpoint()) anew = true;
        if (!anew && last.redo_from != lsn{} && now.end == last.redo_from) return last;
        auto made = checkpointer_->make();
        if (!made) return made.error().within("making a checkpoint");
        background_->made();
        const lock_guard<mutex> hold{info_mutex_};
        last_checkpoint_ = *made;
        last_checkpoint_at_ = platform_.now();
        operations_before_ = now.operations;
        ++checkpoints_;
        return made;
    }
    [[nodiscard]] result<storage_stats> compact() { return rest_.compact(); }

    [[nodiscard]] checkpoint_info last_checkpoint() const {
        const lock_guard<mutex> hold{info_mutex_};
        return last_checkpoint_;
    }
    [[nodiscard]] recovery_objectives objectives() const {
        return background_ ? background_->objectives() : recovery_objectives{};
    }
    [[nodiscard]] write_pace_stats writes() const { return watches_.pace().stats(); }
    [[nodiscard]] storage_stats page_stats() { return tables_.storage().stats(); }
    [[nodiscard]] loss_window window() { return syncing_ ? syncing_->window() : loss_window{}; }
    [[nodiscard]] store_stats stats() {
        store_stats sum;
        for (const table_type* each : tables_.all()) {
            const table_info info = describe(*each);
            ++sum.tables;
            sum.entries += info.entries;
            sum.memory_bytes += info.memory_bytes;
        }
        if (!log_) return sum;
        sum.log = log_->stats();
        sum.log_bytes = log_->end().value - first_lsn_of_log.value;
        sum.durable = log_->durable();
        sum.window = window();
        {
            const lock_guard<mutex> hold{info_mutex_};
            sum.checkpoint = last_checkpoint_;
            sum.checkpoints = checkpoints_;
        }
        sum.objectives = objectives();
        sum.files = platform_.health(path());
        sum.space = watches_.space().counts();
        sum.memory = watches_.memory().counts();
        sum.pages = page_stats();
        sum.writes = writes();
        return sum;
    }

    // One round now, as fast as the disk reads.
    [[nodiscard]] scrub_report scrub() {
        const event_delivery told{&watches_.events()};
        return scrub_->run();
    }
    [[nodiscard]] integrity_state integrity() { return scrub_->state(); }

    static table_info describe(const table_type& of) {
        table_info info{bytes{of.name()}, of.id(), of.index_name(), 0, 0};
        of.visit([&](const auto& index) {
            info.entries = index.count();
            info.memory_bytes = index.memory_bytes();
        });
        return info;
    }

    // Reads the whole log again and walks every index. Commits wait meanwhile.
    //   Errors      corrupt (what and where), io, read_only: a table lacks a commit
    [[nodiscard]] result<store_verification> verify() {
        if (!log_) return closed();
        if (recovery_.damage) return *recovery_.damage;
        const event_delivery told{&watches_.events()};
        const lock_guard<mutex> alone{checkpoint_mutex_};  // it removes segments
        const auto pause = engine_->pause();
        if (auto whole = engine_->whole(); !whole)
            return whole.error().within("verifying the store");
        if (auto synced = log_->sync(); !synced) return synced.error();
        store_verification sum;
        const superblock block = superblock_->now();
        // What lies before a checkpoint may be gone, and be it damaged, it is needed no more.
        auto read = detail::read_whole_log<Platform, Checksum>(*directory_, block.database,
                                                               block.checkpoint, log_->durable());
        if (!read) return read.error().within("verifying the store");
        sum.log_records = read->records;
        sum.log_bytes = read->bytes;
        for (const table_type* each : tables_.all()) {
            auto sound = each->visit([](const auto& index) { return index.verify(); });
            if (!sound) return sound.error().about(each->name());
            ++sum.tables;
            sum.entries += describe(*each).entries;
        }
        return sum;
    }

private:
    template <class Core>
    friend class detail::store_rest;
    using mutex = typename Platform::mutex;
    struct background_work;
    using background_type = checkpoint_thread<Platform, background_work>;

    store_core(World outside, const store_options& options)
        : watches_{options},
          platform_{std::move(outside),
                    {options.read_again, options.breaker, watches_.events().sink()}},
          options_{options} {}

    result<void> open_files(bytes_view path) {
        options_.read_only = options_.only_reads();
        const bool create = options_.create_if_missing && !options_.read_only;
        auto opened = platform_.open_directory(
            path, create ? directory_mode::create : directory_mode::existing);
        if (!opened) return opened.error();
        directory_.emplace(std::move(*opened));
        if (auto locked = directory_->lock(); !locked) return locked;
        if (auto block = read_superblock(create); !block) return block.error().about(path);
        if (auto recovered = recover(); !recovered) return recovered;
        watches_.opened(path, recovery_);
        return success();
    }

    static void tell_events(void* self) {
        static_cast<store_core*>(self)->watches_.events().deliver();
    }

    static error closed() { return {error_code::closed, "using a store after close()"}; }

    result<void> read_superblock(bool create) {
        superblock_.emplace(*directory_);
        auto read = superblock_->read(options_.read_only);
        if (read || read.error().code() == error_code::mismatch) return read;
        if (options_.safe_mode)
            if (auto log = identify_log(*directory_); log && log->damage) return adopt(*log);
        if (read.error().code() != error_code::not_found) return read;
        if (create) return make_database();
        return error{error_code::not_found, "opening a database: there is none"};
    }
    // Safe mode: the log is there, and what said whose it is, is not.
    result<void> adopt(const log_identity& found) {
        recovery_.damage = found.damage;
        options_.read_only = true;
        return superblock_->adopt(found.block);
    }
    result<void> make_database() {
        auto names = directory_->list();
        if (!names) return names.error();
        lsn first;
        for (const bytes& name : *names)
            if (parse_segment_name(name, first) || is_image_name(name))
                return error{error_code::corrupt,
                             "opening a database: it has a log and no superblock"}
                    .with("lsn", first.value);
        return superblock_->make({platform_.random(), platform_.random()});
    }

    result<void> recover() {
        const superblock block = superblock_->now();
        const auto ask = [](void* self) {
            auto& core = *static_cast<store_core*>(self);
            // Else there is a look when it starts.
            if (core.background_ && core.options_.checkpoint_for_space) core.background_->ask();
        };
        auto done =
            recovery_type{platform_, *directory_, block, tables_, options_, {ask, this}}.run();
        if (!done) return done.error();
        std::optional<error> lost = std::move(recovery_.damage);  // the superblock
        recovery_ = std::move(done->summary);
        if (lost) recovery_.damage = std::move(lost);
        if (recovery_.damage) recovery_.found = log_condition::damaged;
        tables_target<tables_type>{tables_}.finish(recovery_.end);
        if (recovery_.damage) options_.read_only = true;
        if (auto written = superblock_->bring_up(recovery_, options_.read_only); !written)
            return written;
        watches_.open(*directory_, options_);
        log_options log{.segment_bytes = options_.segment_bytes,
                        .map_writes = options_.map_log,
                        .segment_period = options_.segment_period};
        retention_.emplace(platform_, *directory_, block.database, options_, watches_.events(),
                           watches_.of_log());
        log.events = {&store_core::note_of_log, this};
        log_.emplace(platform_, *directory_, block.database, recovery_.end, done->previous_checksum,
                     log);
        retention_->start(*log_);
        syncing_.emplace(platform_, *log_, sync_limits{options_.sync_period, options_.sync_bytes},
                         sync_failure_listener{&store_core::tell_events, this});
        engine_.emplace(tables_, *log_, *syncing_, platform_.random(), recovery_.last_transaction,
                        typename engine_type::limits{watches_.resources(), options_.read_only},
                        commit_clock<Platform>{platform_, recovery_.last_time});
        open_checkpoints(block);
        begin_scrubbing(block.database);
        if (!options_.read_only) watches_.pace().begin(&store_core::levels, this);
        return success();
    }

    void open_checkpoints(const superblock& block) {
        checkpointer_.emplace(
            platform_, *directory_, block.database, *engine_, tables_, *log_,
            checkpoint_host{&store_core::replace_superblock, &store_core::drop_log, this,
                            watches_.events().sink()});
        // What a crash left of checkpoints that were never finished, or are no longer the last.
        if (block.checkpoint != lsn{} && !options_.read_only)
            (void)remove_other_images(*directory_, block.checkpoint);
        last_checkpoint_.redo_from = recovery_.image.redo_from;
        last_checkpoint_.rows = recovery_.image.rows;
        last_checkpoint_.bytes = recovery_.image.bytes;
        last_checkpoint_at_ = platform_.now();
        background_.emplace(platform_, work_, background_settings());
        if (options_.read_only) return;
        if (options_.checkpoint_in_opening && due() != checkpoint_reason::none) (void)checkpoint();
        background_->start();
    }
    [[nodiscard]] typename background_type::settings background_settings() const {
        typename background_type::settings chosen;
        chosen.limits = {options_.checkpoint_log_bytes, options_.checkpoint_operations,
                         options_.checkpoint_period, options_.checkpoint_replay_time};
        if (chosen.limits.replay_time == nanoseconds{})
            chosen.limits.replay_time = {options_.recovery_time_objective.count / 2};
        chosen.rates.replay =
            recovery_rates::measured(recovery_.bytes, recovery_.analysed_in + recovery_.redone_in,
                                     recovery_rates::usual_replay);
        chosen.rates.load = recovery_rates::measured(
            recovery_.image.bytes, recovery_.image.loaded_in, recovery_rates::usual_load);
        chosen.point_objective = options_.recovery_point_objective;
        chosen.time_objective = options_.recovery_time_objective;
        return chosen;
    }
    [[nodiscard]] checkpoint_reason due() {
        const auto chosen = background_settings();
        return checkpoint_due(chosen.limits, debt(), chosen.rates);
    }
    [[nodiscard]] checkpoint_debt debt() {
        const auto now = engine_->now_applied();
        const lock_guard<mutex> hold{info_mutex_};
        return {log_since_checkpoint(now.end),
                checkpoints_ == 0 ? recovery_.operations + now.operations
                                  : grown(now.operations, operations_before_),
                platform_.now() - last_checkpoint_at_, last_checkpoint_.bytes,
                options_.checkpoint_for_space && tables_.storage().wants_checkpoint()};
    }
    //   Requires    info_mutex_
    [[nodiscard]] std::uint64_t log_since_checkpoint(lsn end) const noexcept {
        const lsn from = last_checkpoint_.redo_from;
        return grown(end.value, (from != lsn{} ? from : first_lsn_of_log).value);
    }

    // What is put off, where somebody is at work against it.
    static write_levels levels(void* self) {
        auto& core = *static_cast<store_core*>(self);
        const storage_pressure stored = core.tables_.storage().pressure();
        write_levels now{core.log_->turn_level(), 0, stored.pages, stored.side_copies, 0};
        if (core.background_->failing()) return now;
        if (core.options_.checkpoint_for_space) now.space = stored.space;
        const std::uint64_t due = core.options_.checkpoint_log_bytes;
        if (due == 0) return now;
        const lsn end = core.log_->end();
        const lock_guard<mutex> hold{core.info_mutex_};
        now.log = log_level(core.log_since_checkpoint(end), due, core.last_checkpoint_.bytes,
                            core.options_.segment_bytes);
        return now;
    }

    // What the thread asks the store for.
    struct background_work {
        store_core* core;

        [[nodiscard]] checkpoint_debt debt() const { return core->debt(); }
        [[nodiscard]] nanoseconds loss_age() const { return core->window().age; }
        [[nodiscard]] bool make() const { return core->checkpoint().has_value(); }
        [[nodiscard]] bool look_later() const {
            auto& storage = core->tables_.storage();
            if (!core->options_.checkpoint_for_space) return false;
            if (storage.unsettled()) return storage.look(), true;
            return storage.stats().pages != 0 && core->rest_.look(core->idle_);
        }
        void note(const event& what) const {
            core->watches_.events().note(what);
            core->watches_.events().deliver();
        }
    };
    // A new segment: a checkpoint may be due.
    static void note_of_log(void* self, const event& what) {
        auto& core = *static_cast<store_core*>(self);
        core.retention_->of_log()(what);
        if (what.code() != event_code::segment_begun || core.options_.checkpoint_log_bytes == 0)
            return;
        std::uint64_t log_bytes = 0;
        std::uint64_t image_bytes = 0;
        {
            const lock_guard<mutex> hold{core.info_mutex_};
            log_bytes = core.log_since_checkpoint({*what.number("lsn")});
            image_bytes = core.last_checkpoint_.bytes;
        }
        core.background_->log_grew(log_bytes, image_bytes);
    }
    static result<void> replace_superblock(void* self, const checkpoint_info& made) {
        auto& core = *static_cast<store_core*>(self);
        const superblock now = core.superblock_->now();
        const bool further = now.log_reaches > made.log_needed;
        return core.superblock_->replace(
            further ? now.log_reaches : made.log_needed, made.redo_from,
            made.pages.sequence != 0 ? made.pages.sequence : now.pages_sequence);
    }
    // The record that ends at the checkpoint stays: reading goes on behind it.
    static result<void> drop_log(void* self, const checkpoint_info& made) {
        auto& core = *static_cast<store_core*>(self);
        if (core.options_.keep_log) return success();
        return core.retention_->needed_from({made.redo_from.value - 1});
    }

    void begin_scrubbing(database_id database) {
        const auto reach = [](void* self) {
            const auto& own = *static_cast<store_core*>(self);
            const superblock block = own.superblock_->now();
            // Behind the damage that safe mode lives with is log, too.
            const bool all = own.recovery_.damage.has_value();
            return scrub_reach{block.checkpoint != lsn{} ? block.checkpoint : first_lsn_of_log,
                               all ? block.log_reaches : own.log_->durable(), all};
        };
        const auto settle = [](void* self) {
            auto& own = *static_cast<store_core*>(self);
            std::optional<error> names_lost;
            auto found = own.superblock_->settle(own.options_.read_only, names_lost);
            if (names_lost) own.log_->stop(*names_lost);
            return found;
        };
        const auto checkpoint = [](void* self) {
            return static_cast<store_core*>(self)->superblock_->now().checkpoint;
        };
        const auto replace_image = [](void* self) {
            return static_cast<store_core*>(self)->checkpoint(true).has_value();
        };
        scrub_.emplace(platform_, *directory_, database, options_, watches_.events().sink(),
                       store_scrub_calls{reach, settle, checkpoint, replace_image,
                                         &store_core::tell_events, this},
                       tables_.storage());
        scrub_->start();
    }

    store_watches<Platform> watches_;  // the others note their events in it
    Platform platform_;
    std::optional<directory> directory_;  // none once closed
    store_options options_;
    std::optional<store_superblock<Platform, Checksum>> superblock_;
    recovery_summary recovery_;
    tables_type tables_;
    std::optional<retention_type> retention_;  // none once closed; the next three likewise
    std::optional<log_type> log_;
    std::optional<typename engine_type::syncing_type> syncing_;
    std::optional<engine_type> engine_;
    std::optional<checkpointer_type> checkpointer_;
    mutex checkpoint_mutex_;    // held while one is made
    mutable mutex info_mutex_;  // protects what follows of the last one
    checkpoint_info last_checkpoint_;
    std::uint64_t checkpoints_ = 0;  // of this opening
    nanoseconds last_checkpoint_at_;
    std::uint64_t operations_before_ = 0;  // the last one, in this opening
    background_work work_{this};
    detail::store_rest<store_core> rest_{this};
    detail::idle_rest<detail::store_rest<store_core>> idle_{rest_};
    std::optional<background_type> background_;
    std::optional<store_scrub<Platform, Checksum, typename tables_type::storage_type>> scrub_;
};

}  // namespace mantis
