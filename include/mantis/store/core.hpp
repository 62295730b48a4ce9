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
//                          (the log writer's state)
//   open     -> closed     close(), or the destructor
//
// Threads: any number at once, but open() and close().
#pragma once

#include "options.hpp"

#include "../core/owned.hpp"
#include "../platform/atomic_replace.hpp"
#include "../platform/retrying.hpp"
#include "../recovery/superblock.hpp"
#include "../txn/transaction.hpp"

namespace mantis {

struct table_info {
    bytes name;
    table_id id;
    bytes_view index;
    std::size_t entries = 0;
    std::size_t memory_bytes = 0;
};

struct store_stats {
    std::size_t tables = 0;
    std::size_t entries = 0;
    std::size_t memory_bytes = 0;
    std::uint64_t log_bytes = 0;  // of records and their padding, since the database was made
    log_stats log;                // of this opening
    lsn durable;
    file_health files;  // reads, lists and opens that failed, in this opening
};

struct store_verification {
    std::size_t tables = 0;
    std::size_t entries = 0;
    std::uint64_t log_records = 0;
    std::uint64_t log_bytes = 0;
};

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

    //   Errors      not_found, locked (by which process), corrupt, mismatch, io, no_space: the
    //               database is as it was
    static result<owned<store_core>> open(bytes_view path, const store_options& options,
                                          World outside) {
        Platform world{std::move(outside), {options.read_again, options.breaker}};
        const bool create = options.create_if_missing && !options.read_only;
        auto opened =
            world.open_directory(path, create ? directory_mode::create : directory_mode::existing);
        if (!opened) return opened.error().within(opening);
        auto core =
            owned<store_core>(new store_core{std::move(world), std::move(*opened), options});
        if (auto locked = core->directory_->lock(); !locked) return locked.error().within(opening);
        if (auto block = core->read_superblock(create); !block)
            return block.error().about(path).within(opening);
        if (auto recovered = core->recover(); !recovered) return recovered.error().within(opening);
        core->start_syncing();
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
    [[nodiscard]] bytes_view path() const noexcept {
        return directory_ ? directory_->path() : bytes_view{};
    }

    //   Effects     everything committed before the call is durable, whatever the policy
    [[nodiscard]] result<void> flush() { return log_ ? log_->sync() : closed(); }

    //   Effects     everything is durable, the lock is free; every later call of the store answers
    //               closed or is an error
    //   Errors      unknown_outcome, io: the directory is free all the same
    [[nodiscard]] result<void> close() {
        if (!log_) return success();
        stop_syncing();
        auto done = log_->close();
        const lsn end = log_->end();
        engine_.reset();
        log_.reset();
        if (done && end > superblock_.log_reaches && !options_.read_only)
            done = write_superblock(end);
        directory_.reset();
        return done;
    }

    [[nodiscard]] store_stats stats() const {
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
        sum.files = platform_.health(path());
        return sum;
    }

    static table_info describe(const table_type& of) {
        table_info info{bytes{of.name()}, of.id(), of.index_name(), 0, 0};
        of.visit([&](const auto& index) {
            info.entries = index.count();
            info.memory_bytes = index.memory_bytes();
        });
        return info;
    }

    // Reads the whole log again and walks every index. Commits wait meanwhile.
    //   Errors      corrupt (what and where), io
    [[nodiscard]] result<store_verification> verify() {
        if (!log_) return closed();
        const auto pause = engine_->pause();
        if (auto synced = log_->sync(); !synced) return synced.error();
        store_verification sum;
        if (auto read = verify_log(sum); !read) return read.error().within("verifying the store");
        for (const table_type* each : tables_.all()) {
            auto sound = each->visit([](const auto& index) { return index.verify(); });
            if (!sound) return sound.error().about(each->name());
            ++sum.tables;
            sum.entries += describe(*each).entries;
        }
        return sum;
    }

    // Redo, for the recovery engine.
    [[nodiscard]] result<void> redo(const operation& op, lsn version) {
        if (op.kind == operation_kind::create_table) {
            auto made = tables_.add(op.table, op.key, op.value, version);
            return made ? success() : result<void>{made.error()};
        }
        table_type* const into = tables_.find(op.table);
        if (into == nullptr || into->dropped())
            return error{error_code::corrupt, "redoing an operation: its table does not exist"}
                .with("table", op.table.value);
        if (op.kind == operation_kind::put) into->put(op.key, op.value, version);
        else if (op.kind == operation_kind::erase) into->erase(op.key, version);
        else into->drop(version);
        into->end_commit();
        return success();
    }

private:
    using mutex = typename Platform::mutex;

    static constexpr const char* opening = "opening the store";

    store_core(Platform world, directory in, const store_options& options)
        : platform_{std::move(world)}, directory_{std::move(in)}, options_{options} {}

    static error closed() { return {error_code::closed, "using a store after close()"}; }

    result<void> read_superblock(bool create) {
        auto there = directory_->exists(superblock_name);
        if (!there) return there.error();
        if (!*there)
            return create ? make_database()
                          : result<void>{
                                error{error_code::not_found, "opening a database: there is none"}};
        // It may be there without being durable: what made it may have ended before its sync.
        if (!options_.read_only)
            if (auto synced = directory_->sync(); !synced) return synced;
        auto raw = read_file(*directory_, superblock_name, 64 * KiB);
        if (!raw) return raw.error();
        auto block = decode_superblock(*raw);
        if (!block) return block.error();
        if (block->checksum_format != Checksum::format_id)
            return error{error_code::mismatch,
                         "opening a database: with::checksum differs from the one it was made with"}
                .with("file_format_id", block->checksum_format)
                .with("store_format_id", Checksum::format_id);
        superblock_ = *block;
        return success();
    }

    result<void> make_database() {
        auto names = directory_->list();
        if (!names) return names.error();
        lsn first;
        for (const bytes& name : *names)
            if (parse_segment_name(name, first))
                return error{error_code::corrupt,
                             "opening a database: it has a log and no superblock"}
                    .with("lsn", first.value);
        superblock_.checksum_format = Checksum::format_id;
        superblock_.database = {platform_.random(), platform_.random()};
        return write_superblock(first_lsn_of_log);
    }

    result<void> write_superblock(lsn reaches) {
        superblock next = superblock_;
        next.log_reaches = reaches;
        if (auto written = atomic_replace(*directory_, superblock_name, encode_superblock(next));
            !written)
            return written;
        superblock_ = next;
        return success();
    }

    result<void> recover() {
        using recovery_type = recovery_engine<Platform, Checksum>;
        recovery_type recovery{platform_, *directory_, superblock_.database};
        typename recovery_type::options chosen;
        chosen.listener = options_.on_recovery;
        chosen.listener_context = options_.on_recovery_context;
        chosen.log_reaches = superblock_.log_reaches;
        chosen.read_only = options_.read_only;
        auto done = recovery.run(*this, chosen);
        if (!done) return done.error();
        recovery_ = done->summary;
        // What this opening answers must not be missing at the next.
        if (recovery_.end > superblock_.log_reaches && !options_.read_only)
            if (auto written = write_superblock(recovery_.end); !written) return written;
        log_options log;
        log.segment_bytes = options_.segment_bytes;
        log_.emplace(platform_, *directory_, superblock_.database, recovery_.end,
                     done->previous_checksum, log);
        engine_.emplace(tables_, *log_, recovery_.last_transaction,
                        typename engine_type::limits{options_.memory_bytes, options_.read_only});
        return success();
    }

    result<void> verify_log(store_verification& sum) {
        auto reader = log_reader<Platform, Checksum>::open(*directory_, superblock_.database);
        if (!reader) return reader.error();
        log_record record;
        while (true) {
            auto more = reader->next(record);
            if (!more) return more.error();
            if (!*more) break;
            ++sum.log_records;
        }
        sum.log_bytes = reader->bytes_read();
        if (reader->end().end >= log_->durable()) return success();
        return error{error_code::corrupt, "verifying the log: it ends before what is durable"}
            .about(reader->end().segment)
            .with("lsn", reader->end().end.value)
            .with("durable_lsn", log_->durable().value);
    }

    void start_syncing() {
        if constexpr (Durability::syncs_periodically)
            syncer_.emplace([this] { sync_every_period(); });
    }

    void stop_syncing() {
        if constexpr (Durability::syncs_periodically) {
            {
                lock_guard<mutex> hold{stop_mutex_};
                stop_ = true;
            }
            stop_changed_.notify_all();
            if (syncer_ && syncer_->joinable()) syncer_->join();
        }
    }

    void sync_every_period() {
        unique_lock<mutex> hold{stop_mutex_};
        while (!stop_) {
            (void)stop_changed_.wait_for(stop_mutex_, options_.sync_period);
            if (stop_) return;
            hold.unlock();
            (void)log_->sync();  // a failure stops the log, and the next commit answers it
            hold.lock();
        }
    }

    Platform platform_;
    std::optional<directory> directory_;  // none once closed
    store_options options_;
    superblock superblock_;
    recovery_summary recovery_;
    tables_type tables_;
    std::optional<log_type> log_;        // none once closed
    std::optional<engine_type> engine_;  // likewise

    mutex stop_mutex_;
    typename Platform::condition stop_changed_;
    bool stop_ = false;
    std::optional<typename Platform::thread> syncer_;
};

}  // namespace mantis
