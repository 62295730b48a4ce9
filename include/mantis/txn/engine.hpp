// SPDX-License-Identifier: BSL-1.0
//
// Turns write sets into committed state: one log, one order, all or nothing.
//
// The path of a commit:
//   1. encode the write set into records                            (no lock)
//   2. take the commit mutex; refuse if a read no longer holds      (conflict: nothing happened)
//   3. append the records; their end is the commit's version        (an error: nothing happened)
//   4. apply to the tables, in the order of the log
//   5. leave the mutex; wait as the durability policy says          (an error: unknown_outcome)
//
// Invariants:
//   1. tables hold exactly what the log holds, in its order: nothing is applied that was not
//      appended
//   2. no answer, of a commit or of a read, leaves before the log is as durable as the policy
//      promises for what it tells
//
// Threads: any number at once.
#pragma once

#include "commit_info.hpp"
#include "isolation.hpp"
#include "read_set.hpp"
#include "table_set.hpp"
#include "write_set.hpp"

#include "../wal/durability.hpp"
#include "../wal/operation.hpp"
#include "../wal/writer.hpp"

#include <optional>
#include <vector>

namespace mantis {

inline constexpr std::size_t max_key_bytes = 512;
inline constexpr std::size_t max_value_bytes = 512 * 1024 * 1024;

template <class Platform, class Checksum, class Durability, class... Indexes>
class transaction_engine {
public:
    using tables_type = table_set<Platform, Indexes...>;
    using table_type = typename tables_type::table_type;
    using log_type = log_writer<Platform, Checksum>;

    // A larger write set goes to the log in several records; one operation is never split.
    static constexpr std::size_t record_target_bytes = 1024 * 1024;

    struct limits {
        std::size_t memory_bytes = 0;  // of all tables; 0: no limit
        bool read_only = false;
    };

    //   Requires    `tables` and `log` outlive the engine
    transaction_engine(tables_type& tables, log_type& log, transaction_id last_used,
                       limits most) noexcept
        : tables_{&tables}, log_{&log}, limits_{most}, last_id_{last_used} {}
    transaction_engine(const transaction_engine&) = delete;
    transaction_engine& operator=(const transaction_engine&) = delete;

    //   Errors      conflict, not_found (a table was dropped), no_space, out_of_memory, too_large,
    //               read_only: nothing was committed; unknown_outcome
    [[nodiscard]] result<commit_info> commit(const read_set& reads, const write_set& writes) {
        const std::vector<bytes> payloads = encode(writes);
        unique_lock<mutex> hold{commit_mutex_};
        if (auto valid = validate(reads, writes); !valid) return valid.error();
        if (writes.empty()) return commit_info{};
        if (auto room = fits_memory(writes); !room) return room.error();
        auto appended = append(payloads);
        if (!appended) return appended.error();
        apply(writes, appended->position);
        hold.unlock();
        return finish(*appended);
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
        unique_lock<mutex> hold{commit_mutex_};
        if (table_type* const found = tables_->find(name)) {
            hold.unlock();
            if (auto seen = wait_visible(found->erased()); !seen) return seen.error();
            return found;
        }
        if (!table_type::knows(index_name))
            return error{error_code::mismatch, "creating a table: with::indexes lacks its index"}
                .about(index_name);
        const table_id id = tables_->next_id();
        auto appended = append(operation{operation_kind::create_table, id, name, index_name});
        if (!appended) return appended.error();
        auto made = tables_->add(id, name, index_name, appended->position);
        hold.unlock();
        if (!made) return made;
        if (auto done = finish(*appended); !done) return done.error();
        return made;
    }

    //   Errors      not_found (already dropped), and those of commit()
    [[nodiscard]] result<void> drop_table(table_type& dropped) {
        unique_lock<mutex> hold{commit_mutex_};
        if (auto there = live(dropped); !there) return there;
        auto appended = append(operation{operation_kind::drop_table, dropped.id(), {}, {}});
        if (!appended) return appended.error();
        dropped.drop(appended->position);
        hold.unlock();
        if (auto done = finish(*appended); !done) return done.error();
        return success();
    }

    struct versioned {
        std::optional<bytes> value;
        lsn version;  // 0: absent
    };

    //   Returns     the newest committed value
    //   Errors      not_found (the table was dropped), unknown_outcome (that value's commit failed
    //               to become durable)
    [[nodiscard]] result<versioned> read(const table_type& from, bytes_view key) {
        if (auto there = live(from); !there) return there.error();
        versioned found;
        from.visit([&](const auto& index) {
            return index.find(key, [&](bytes_view value, lsn version) {
                found.value.emplace(value);
                found.version = version;
            });
        });
        if (auto seen = wait_visible(found.value ? found.version : from.erased()); !seen)
            return seen.error();
        return found;
    }

    struct row {
        bytes key;
        bytes value;
    };

    // Copies committed rows of [from, to), in order, until `limit` bytes are copied; an empty `to`
    // has no end.
    //   Returns     whether the range ended before the limit
    [[nodiscard]] result<bool> read_rows(const table_type& source, bytes_view from, bytes_view to,
                                         std::size_t limit, std::vector<row>& rows) {
        if (auto there = live(source); !there) return there.error();
        lsn newest;
        std::size_t copied = 0;
        bool ended = true;
        source.visit([&](const auto& index) {
            index.scan(from, [&](bytes_view key, bytes_view value, lsn version) {
                if (!to.empty() && key >= to) return false;
                if (copied >= limit) return ended = false;
                rows.push_back({bytes{key}, bytes{value}});
                copied += key.size() + value.size() + sizeof(row);
                if (version > newest) newest = version;
                return true;
            });
        });
        if (source.erased() > newest) newest = source.erased();
        if (auto seen = wait_visible(newest); !seen) return seen.error();
        return ended;
    }

    // Commits wait as long as the answer lives.
    [[nodiscard]] unique_lock<typename Platform::mutex> pause() {
        return unique_lock<mutex>{commit_mutex_};
    }

    //   Errors      not_found (the table was dropped), unknown_outcome (the drop failed to become
    //               durable)
    [[nodiscard]] result<void> live(const table_type& used) {
        if (!used.dropped()) return success();
        if (auto seen = wait_visible(used.erased()); !seen) return seen;
        return error{error_code::not_found, "using a table that was dropped"}
            .about(used.name())
            .with("table", used.id().value);
    }

private:
    using mutex = typename Platform::mutex;

    struct appended_commit {
        transaction_id id;
        lsn position;
    };

    static std::vector<bytes> encode(const write_set& writes) {
        constexpr std::size_t around = 16;  // kind, table and lengths, at most
        const std::size_t room = writes.payload_bytes() + writes.count() * around;
        std::vector<bytes> payloads;
        for (const change& made : writes) {
            if (payloads.empty() ||
                payloads.back().size() + made.value.size() > record_target_bytes) {
                payloads.emplace_back();
                payloads.back().reserve(room < record_target_bytes ? room : record_target_bytes);
            }
            const operation_kind kind = made.erases ? operation_kind::erase : operation_kind::put;
            append_operation(payloads.back(), {kind, made.table, made.key, made.value});
        }
        return payloads;
    }

    //   Requires    commit_mutex_
    [[nodiscard]] result<void> validate(const read_set& reads, const write_set& writes) {
        table_id checked_table;
        for (const change& made : writes) {
            if (made.table == checked_table) continue;
            if (auto there = live(*tables_->find(made.table)); !there) return there;
            checked_table = made.table;
        }
        for (const table_reads& read : reads.tables()) {
            const auto& now = *tables_->find(read.table);
            if (now.changed() == read.as_of) continue;
            if (read.scanned || !unchanged(now, read.keys)) return conflict(now);
        }
        return success();
    }
    static bool unchanged(const table_type& now, const std::vector<key_read>& keys) {
        for (const key_read& read : keys) {
            lsn version;
            now.visit([&](const auto& index) {
                return index.find(read.key, [&](bytes_view, lsn at) { version = at; });
            });
            if (version != read.version) return false;
        }
        return true;
    }

    static error conflict(const table_type& changed) {
        return error{error_code::conflict,
                     "committing: what this transaction read has changed; run it again"}
            .about(changed.name())
            .with("changed_lsn", changed.changed().value);
    }

    //   Requires    commit_mutex_
    void apply(const write_set& writes, lsn version) {
        table_type* into = nullptr;
        for (const change& made : writes) {
            if (into == nullptr || into->id() != made.table) {
                if (into != nullptr) into->end_commit();
                into = tables_->find(made.table);
            }
            if (made.erases) into->erase(made.key, version);
            else into->put(made.key, made.value, version);
        }
        if (into != nullptr) into->end_commit();
    }

    //   Requires    commit_mutex_
    [[nodiscard]] result<void> fits_memory(const write_set& writes) const {
        if (limits_.memory_bytes == 0) return success();
        std::size_t used = writes.payload_bytes();
        for (const table_type* each : tables_->all())
            each->visit([&](const auto& index) { used += index.memory_bytes(); });
        if (used <= limits_.memory_bytes || !writes.any_puts()) return success();
        return error{error_code::out_of_memory, "committing: the tables would outgrow memory_bytes"}
            .with("bytes", used)
            .with("limit", limits_.memory_bytes);
    }

    //   Requires    commit_mutex_
    [[nodiscard]] result<appended_commit> append(const std::vector<bytes>& payloads) {
        if (limits_.read_only)
            return error{error_code::read_only, "committing: the store was opened read-only"};
        std::vector<pending_record> records;
        for (const bytes& payload : payloads) records.push_back({record_kind::part, payload});
        records.back().kind = record_kind::commit;
        const transaction_id id{last_id_.value + 1};
        last_id_ = id;  // used even if this fails: part of it may be in the log
        auto range = log_->append(id, records);
        if (!range) return range.error();
        return appended_commit{id, range->end};
    }
    [[nodiscard]] result<appended_commit> append(const operation& single) {
        std::vector<bytes> payloads(1);
        append_operation(payloads[0], single);
        return append(payloads);
    }

    [[nodiscard]] result<commit_info> finish(const appended_commit& commit) {
        auto done = Durability::waits_for_sync ? log_->wait_durable(commit.position)
                                               : log_->wait_written(commit.position);
        if (!done) return done.error();
        const bool durable = log_->durable() >= commit.position;
        return commit_info{commit.id, commit.position,
                           durable ? commit_state::durable : commit_state::buffered};
    }

    // A reader answers only what its durability policy would have acknowledged.
    [[nodiscard]] result<void> wait_visible(lsn version) {
        if ((Durability::waits_for_sync ? log_->durable() : log_->written()) >= version)
            return success();
        return Durability::waits_for_sync ? log_->wait_durable(version)
                                          : log_->wait_written(version);
    }

    tables_type* tables_;
    log_type* log_;
    limits limits_;
    mutex commit_mutex_;
    transaction_id last_id_;
};

}  // namespace mantis
