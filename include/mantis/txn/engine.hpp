// SPDX-License-Identifier: BSL-1.0
//
// Turns write sets into committed state: one log, one order, all or nothing.
//
// The path of a commit:
//   1. encode the write set into records                            (no lock)
//   2. take the commit mutex; refuse if a read no longer holds      (conflict: nothing happened)
//   3. stamp the last record with the time; append the records; their end is the commit's version
//                                                                   (an error: nothing happened)
//   4. apply to the tables, in the order of the log               (an error: see below)
//   5. leave the mutex; wait as the commit's durability class says  (an error: unknown_outcome)
//
// Invariants:
//   1. tables hold exactly what the log holds, in its order: nothing is applied that was not
//      appended
//   2. no answer of a commit leaves before the log is as durable as its class promises, and none
//      says more than is true
//   3. no answer of a read leaves before the log is as durable, for what it tells, as the class of
//      the *reader* promises, with whichever class it was committed: so whoever reads by the policy
//      of a store that waits for syncs is never told what a power failure can take back. A reader
//      that asked for less, and commits what follows from it, commits it behind what it read: in
//      one log both are there, or the later one is not
//   4. nothing that a commit wrote is told before all of it is in the tables: `applied_` is the end
//      of the last commit of which that is so
//
// Where a table cannot take what the log has, memory has a part of that commit and the log all of
// it. `applied_` then stays before it for ever: the commit is answered unknown_outcome, and so is
// every read that would tell of it; other reads go on, with the state before it. Nothing is
// appended any more (read_only, and the event), and no checkpoint is made of such tables (whole()).
// The next opening redoes the log: the commit is there as a whole if the log has it.
//
// Threads: any number at once.
#pragma once

#include "commit_clock.hpp"
#include "commit_info.hpp"
#include "detail/commit_payloads.hpp"
#include "detail/reads_hold.hpp"
#include "detail/row_places.hpp"
#include "detail/torn_commit.hpp"
#include "isolation.hpp"
#include "read_set.hpp"
#include "resources.hpp"
#include "table_set.hpp"
#include "write_set.hpp"

#include "../wal/durability.hpp"
#include "../wal/operation.hpp"
#include "../wal/periodic_sync.hpp"
#include "../wal/writer.hpp"

#include <optional>

namespace mantis {

inline constexpr std::size_t max_key_bytes = 512;
inline constexpr std::size_t max_value_bytes = 512 * 1024 * 1024;

template <class Platform, class Checksum, class Durability, class... Indexes>
class transaction_engine {
public:
    using tables_type = table_set<Platform, Indexes...>;
    using table_type = typename tables_type::table_type;
    using log_type = log_writer<Platform, Checksum>;
    using syncing_type = periodic_sync<Platform, log_type>;
    using row_place = detail::row_place<table_type>;

    // Of commits and reads that name none.
    static constexpr durability_class policy_class = durability_class_of<Durability>;

    // A larger write set goes to the log in several records; one operation is never split.
    static constexpr std::size_t record_target_bytes = 1024 * 1024;

    struct limits {
        commit_resources<Platform> resources{};
        bool read_only = false;
    };

    //   Requires    `tables`, `log` and `syncing`, of that log, outlive the engine; `opening` is a
    //               number that no other opening of the database has
    transaction_engine(tables_type& tables, log_type& log, syncing_type& syncing,
                       std::uint64_t opening, transaction_id last_used, limits most,
                       commit_clock<Platform> clock) noexcept
        : tables_{&tables},
          log_{&log},
          syncing_{&syncing},
          opening_{opening},
          limits_{most},
          clock_{std::move(clock)},
          last_id_{last_used},
          applied_{log.end().value} {
        if (resources().counts_memory())
            for (table_type* const each : tables.all()) resources().applied({}, each->grown());
    }
    transaction_engine(const transaction_engine&) = delete;
    transaction_engine& operator=(const transaction_engine&) = delete;

    // `told` is the newest commit that the transaction was told of: without writes, it is that one
    // which is waited for. `known` may be where a row that is written was read.
    //   Errors      conflict, not_found (a table was dropped), no_space, out_of_memory, too_large,
    //               read_only, and those of an index that could not be read: nothing was committed;
    //               unknown_outcome
    [[nodiscard]] result<commit_info> commit(const read_set& reads, const write_set& writes,
                                             durability_class how = policy_class, lsn told = {},
                                             const row_place& known = {}) {
        const auto telling = resources().tell_at_end();
        detail::commit_payloads payloads{writes, record_target_bytes};
        const commit_growth growth = detail::growth_of(writes, payloads);
        resources().make_room(growth);
        if (!writes.empty()) resources().pace({applied_.load()}, writes.payload_bytes());
        row_places places;
        const auto stored = prefetch(writes, known, places);
        if (!stored) return error{stored.error()}.within("committing");
        unique_lock<mutex> hold{commit_mutex_};
        if (auto valid = validate(reads, writes, how); !valid) return valid.error();
        if (writes.empty()) {
            hold.unlock();
            return finish({{}, told}, how);
        }
        if (auto room = admit(*stored); !room) return room.error().within("committing");
        auto appended = append(payloads, growth);
        if (!appended) return appended.error();
        if (auto done = apply(writes, places, appended->position, growth); !done)
            return done.error();
        operations_ += writes.count();
        if (stored->entries != 0) tables_->storage().changed(stored->entries);
        hold.unlock();
        return finish(*appended, how);
    }

    // Waits until that commit, and all before it, survive power loss.
    //   Errors      invalid_argument (it is of another opening), unknown_outcome
    [[nodiscard]] result<void> wait_durable(const commit_info& done) {
        const auto telling = resources().tell_at_end();
        if (done.position.value == 0) return success();
        if (done.opening != opening_)
            return error{error_code::invalid_argument,
                         "waiting for a commit of another opening: only reading tells whether it "
                         "is there"}
                .with("lsn", done.position.value);
        return wait_visible(done.position, durability_class::synchronous);
    }

    //   Returns     the table of that name, made now if there was none
    //   Errors      invalid_argument (the name), mismatch (the index), and those of commit()
    [[nodiscard]] result<table_type*> create_table(bytes_view name, bytes_view index_name) {
        if (name.empty() || name.size() > max_key_bytes)
            return error{error_code::invalid_argument,
                         "creating a table: its name is empty or too long"}
                .about(name)
                .with("bytes", name.size())
                .with("limit", max_key_bytes);
        const auto telling = resources().tell_at_end();
        unique_lock<mutex> hold{commit_mutex_};
        if (table_type* const found = tables_->find(name)) {
            hold.unlock();
            if (auto seen = wait_visible(found->erased()); !seen) return seen.error();
            return found;
        }
        if (!table_type::knows(index_name))
            return error{error_code::mismatch, "creating a table: with::indexes lacks its index"}
                .about(index_name);
        if (auto may = may_append(); !may) return may.error();
        auto made = tables_->make(name, index_name);
        if (!made) return made.error().within("creating a table");
        const operation creation{operation_kind::create_table, (*made)->id(), name, index_name};
        auto appended = append(creation, {0, name.size() + index_name.size()});
        if (!appended) {
            (*made)->discard();
            return appended.error();
        }
        table_type* const added = tables_->add(std::move(*made), appended->position);
        applied_.store(appended->position.value);
        hold.unlock();
        if (auto done = finish(*appended); !done) return done.error();
        return added;
    }

    //   Errors      not_found (already dropped), and those of commit()
    [[nodiscard]] result<void> drop_table(table_type& dropped) {
        const auto telling = resources().tell_at_end();
        unique_lock<mutex> hold{commit_mutex_};
        if (auto there = live(dropped); !there) return there;
        auto appended = append(operation{operation_kind::drop_table, dropped.id(), {}, {}}, {});
        if (!appended) return appended.error();
        auto gone = dropped.drop(appended->position);
        if (resources().counts_memory()) resources().applied({}, dropped.grown());
        if (!gone) return not_applied(gone.error(), appended->position);
        applied_.store(appended->position.value);
        hold.unlock();
        if (auto done = finish(*appended); !done) return done.error();
        return success();
    }

    struct versioned {
        std::optional<bytes> value;
        lsn version;  // 0: absent
        lsn told;     // the newest commit that the answer tells of
    };

    //   Effects     `at`, if given, becomes where the row is, if that can be known
    //   Returns     the newest committed value
    //   Errors      not_found (the table was dropped), unknown_outcome (that value's commit failed
    //               to become durable, or to be applied as a whole), those of the index
    [[nodiscard]] result<versioned> read(const table_type& from, bytes_view key,
                                         durability_class reader = policy_class,
                                         typename table_type::place_type* at = nullptr) {
        const auto telling = resources().tell_at_end();
        if (!is_live(from)) return live(from, reader).error();
        result<versioned> answer{versioned{}};
        versioned& found = *answer;
        const auto take = [&](bytes_view value, lsn version) {
            found.value.emplace(value);
            found.version = version;
        };
        auto read = at != nullptr ? from.find(key, take, *at) : from.find(key, take);
        // Dropped meanwhile: what was found may be what is left.
        if (!is_live(from)) return live(from, reader).error();
        if (!read) return read.error().within("reading a row");
        found.told = found.value ? found.version : from.erased();
        if (auto seen = wait_told(found.told, reader); !seen) return seen.error();
        return answer;
    }

    // Copies committed rows of [from, to), in order, until they take `limit` bytes; an empty `to`
    // has no end.
    //   Requires    `rows` is empty; as of table::read_rows
    //   Effects     `told` is raised to the newest commit that the rows, or their absence, tell of
    //   Returns     whether the range ended before the limit
    //   Errors      as read(); `rows` may have some
    [[nodiscard]] result<bool> read_rows(const table_type& source,
                                         typename table_type::walk_type& walk, bytes_view from,
                                         bytes_view to, std::size_t limit, row_batch& rows,
                                         durability_class reader, lsn& told) {
        const auto telling = resources().tell_at_end();
        if (auto there = live(source, reader); !there) return there.error();
        auto ended = source.read_rows(walk, from, to, limit, rows);
        if (auto there = live(source, reader); !there) return there.error();  // dropped meanwhile
        if (!ended) return ended.error().within("reading rows");
        const lsn of_rows = rows.newest();
        const lsn newest = source.erased() > of_rows ? source.erased() : of_rows;
        if (auto seen = wait_told(newest, reader); !seen) return seen.error();
        if (newest > told) told = newest;
        return ended;
    }

    // What the tables hold is what the log says up to `end`.
    struct moment {
        lsn end;
        transaction_id last_transaction;  // the largest that was used
        nanoseconds last_time;            // of the last stamp
        table_id last_table;
        std::uint64_t operations = 0;  // of this engine, so far
    };
    //   Effects     `live`, if given, gets the tables that are not dropped, by id
    //   Complexity  linear in the tables; commits wait meanwhile
    [[nodiscard]] moment now_applied(std::vector<table_type*>* live = nullptr) {
        const lock_guard<mutex> hold{commit_mutex_};
        if (live != nullptr) *live = tables_->all();
        return {log_->end(), last_id_, clock_.last(), {tables_->next_id().value - 1}, operations_};
    }

    //   Errors      read_only: a table could not take a commit that the log has, so that memory is
    //               not what the log says
    [[nodiscard]] result<void> whole() const {
        if (!torn_.is_torn()) return success();
        return torn_.answer(error_code::read_only,
                            "a table could not take an earlier commit: open the store again");
    }

    // A commit that changes nothing: something in the log behind all that was there.
    //   Errors      as of commit()
    [[nodiscard]] result<void> mark() {
        const auto telling = resources().tell_at_end();
        unique_lock<mutex> hold{commit_mutex_};
        auto appended = append(write_set{});
        if (!appended) return appended.error();
        applied_.store(appended->position.value);
        hold.unlock();
        return wait_visible(appended->position, durability_class::synchronous);
    }
    // Commits wait as long as the answer lives.
    [[nodiscard]] unique_lock<typename Platform::mutex> pause() {
        return unique_lock<mutex>{commit_mutex_};
    }

    //   Errors      not_found (the table was dropped), unknown_outcome (the drop failed to become
    //               durable), corrupt (the table is damaged)
    [[nodiscard]] result<void> live(const table_type& used,
                                    durability_class reader = policy_class) {
        if (is_live(used)) return success();
        if (const error* const damage = used.damage()) return *damage;
        if (auto seen = wait_told(used.erased(), reader); !seen) return seen;
        return error{error_code::not_found, "using a table that was dropped"}
            .about(used.name())
            .with("table", used.id().value);
    }

private:
    using mutex = typename Platform::mutex;
    [[nodiscard]] static bool is_live(const table_type& used) noexcept {
        return used.damage() == nullptr && !used.dropped();
    }
    using row_places = detail::row_places<table_type>;

    struct appended_commit {
        transaction_id id;
        lsn position;
    };

    // What can fail of applying fails now, as far as it can be known.
    //   Effects     `places` are known, as far as that can be
    //   Returns     what the storage will have to take
    //   Errors      too_large, those of an index that could not be read
    [[nodiscard]] result<storage_growth> prefetch(const write_set& writes, const row_place& known,
                                                  row_places& places) {
        storage_growth growth;
        std::size_t number = 0;
        if constexpr (tables_type::has_storage) {
            const table_type* into = nullptr;
            bool stored = false;
            for (const change& made : writes) {
                if (into == nullptr || into->id() != made.table) {
                    into = tables_->find(made.table);
                    stored = !into->dropped() && into->is_stored();
                }
                auto& at = places.of(number++);
                if (!stored) continue;
                if (made.table == known.table && made.key == known.key) at = known.at;
                // Of a table that is dropped meanwhile, validating says so.
                if (auto there = into->prefetch(made.key, at); !there && !into->dropped())
                    return std::move(there.error());
                growth.add(made.key.size() + made.value.size(), !made.erases);
            }
        }
        return growth;
    }
    //   Requires    commit_mutex_
    [[nodiscard]] result<void> admit(const storage_growth& growth) {
        if (growth.entries == 0) return success();
        return tables_->storage().admit(growth);
    }

    //   Requires    commit_mutex_
    [[nodiscard]] result<void> validate(const read_set& reads, const write_set& writes,
                                        durability_class how) {
        table_id checked_table;
        for (const change& made : writes) {
            if (made.table == checked_table) continue;
            if (auto there = live(*tables_->find(made.table), how); !there) return there;
            checked_table = made.table;
        }
        return detail::reads_hold(*tables_, reads);
    }

    //   Requires    commit_mutex_
    //   Effects     the tables hold what was appended, and the memory that took is counted
    //   Errors      unknown_outcome: they hold a part of it, and nothing is appended any more. The
    //               rest is left out: each row that is not replaced is one that can still be read
    result<void> apply(const write_set& writes, row_places& places, lsn version,
                       const commit_growth& growth) {
        std::ptrdiff_t grown = 0;
        std::size_t number = 0;
        table_type* into = nullptr;
        result<void> done = success();
        for (const change& made : writes) {
            if (into == nullptr || into->id() != made.table) {
                if (into != nullptr) grown += end_commit(*into);
                into = tables_->find(made.table);
            }
            const auto& at = places.of(number++);
            done = made.erases ? into->erase(made.key, version)
                               : into->put(made.key, made.value, version, at);
            if (!done) break;
        }
        if (!done) grown += grown_by(*into);
        else if (into != nullptr) grown += end_commit(*into);
        resources().applied(growth, grown);
        if (!done) return not_applied(done.error(), version);
        applied_.store(version.value, Platform::memory_order::release);
        return success();
    }
    std::ptrdiff_t end_commit(table_type& changed) {
        changed.end_commit();
        return grown_by(changed);
    }
    std::ptrdiff_t grown_by(table_type& changed) {
        return resources().counts_memory() ? changed.grown() : 0;
    }

    //   Requires    commit_mutex_; it is the last commit in the log
    //   Effects     nothing is appended any more, and nothing of that commit is ever told
    error not_applied(const error& why, lsn version) {
        // Noted before anybody can be refused because of it.
        resources().note(event{event_code::read_only}
                             .about(why.subject())
                             .with("lsn", version.value)
                             .with("durable_lsn", log_->durable().value)
                             .with("code", static_cast<std::uint64_t>(why.code())));
        torn_.tear(why, version);
        return torn_.answer(
            error_code::unknown_outcome,
            "committing: the log has it, and a table could not take it; opening the "
            "store again tells");
    }

    [[nodiscard]] commit_resources<Platform>& resources() noexcept { return limits_.resources; }

    [[nodiscard]] result<void> may_append() const {
        if (limits_.read_only)
            return error{error_code::read_only, "committing: the store was opened read-only"};
        if (auto sound = whole(); !sound) return sound.error().within("committing");
        return success();
    }
    //   Requires    commit_mutex_
    //   Effects     the growth is reserved until it is applied
    [[nodiscard]] result<appended_commit> append(detail::commit_payloads& payloads,
                                                 const commit_growth& growth) {
        if (auto may = may_append(); !may) return may.error();
        if (auto admitted = resources().admit(growth); !admitted) return admitted.error();
        append_operation(payloads.last(), {operation_kind::stamp, {}, {}, {}, clock_.next()});
        const transaction_id id{last_id_.value + 1};
        last_id_ = id;  // used even if this fails: part of it may be in the log
        auto range =
            payloads.with_records([&](const auto& records) { return log_->append(id, records); });
        if (range) return appended_commit{id, range->end};
        resources().failed(growth, range.error());
        return range.error();
    }
    [[nodiscard]] result<appended_commit> append(const write_set& nothing) {
        detail::commit_payloads payloads{nothing, record_target_bytes};
        return append(payloads, {});
    }
    [[nodiscard]] result<appended_commit> append(const operation& single,
                                                 const commit_growth& growth) {
        detail::commit_payloads payloads{single};
        return append(payloads, growth);
    }

    [[nodiscard]] result<commit_info> finish(const appended_commit& commit,
                                             durability_class how = policy_class) {
        if (auto done = wait_visible(commit.position, how); !done) return done.error();
        const bool durable = log_->durable() >= commit.position;
        if (!durable)
            syncing_->note(commit.position,
                           how == durability_class::periodic || Durability::syncs_periodically);
        return commit_info{commit.id, commit.position,
                           durable ? commit_state::durable : commit_state::buffered, opening_};
    }

    // Waits until all of that commit is in the tables.
    //   Errors      unknown_outcome: it will never be
    [[nodiscard]] result<void> wait_applied(lsn version) {
        if (version.value <= applied_.load()) return success();
        // Whoever holds the mutex is applying it, and has done or failed when it lets go.
        if (!torn_.is_torn()) {
            const lock_guard<mutex> hold{commit_mutex_};
        }
        if (version.value <= applied_.load() || !torn_.is_torn()) return success();
        return torn_.answer(error_code::unknown_outcome,
                            "reading what a commit wrote that a table could not take; opening the "
                            "store again tells");
    }

    // Waits until that commit is applied, and the log is as durable as that class promises.
    [[nodiscard]] result<void> wait_visible(lsn version, durability_class to = policy_class) {
        if (auto applied = wait_applied(version); !applied) return applied;
        const bool synced = to == durability_class::synchronous;
        if ((synced ? log_->durable() : log_->written()) >= version) return success();
        return synced ? log_->wait_durable(version) : log_->wait_written(version);
    }

    // What a reader is told becomes as durable as its class promises, whoever committed it.
    [[nodiscard]] result<void> wait_told(lsn version, durability_class reader) {
        if (auto seen = wait_visible(version, reader); !seen) return seen;
        if (reader == durability_class::periodic && !Durability::syncs_periodically &&
            log_->durable() < version)
            syncing_->note(version, true);
        return success();
    }

    tables_type* tables_;
    log_type* log_;
    syncing_type* syncing_;
    std::uint64_t opening_;
    limits limits_;
    mutex commit_mutex_;
    commit_clock<Platform> clock_;  // under commit_mutex_, as is last_id_
    transaction_id last_id_;
    std::uint64_t operations_ = 0;
    typename Platform::template atomic<std::uint64_t> applied_;  // invariant 4
    detail::torn_commit<Platform> torn_;
};

}  // namespace mantis
