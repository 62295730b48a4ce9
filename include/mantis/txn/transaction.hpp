// SPDX-License-Identifier: BSL-1.0
//
// A transaction: reads, writes nobody else sees, and a commit that does all of it or none.
//
//   auto tx = db.begin();
//   auto balance = tx.get(accounts, "alice");
//   tx.put(accounts, "alice", "90");
//   auto done = tx.commit();             // result<commit_info>
//
// put() and erase() answer nothing: a mistake in them (a key too long, a dropped table) is kept and
// answered by commit(), which then commits nothing. Without commit() a transaction leaves no trace.
//
// Its durability class, the store's policy unless begin() names another, says what its reads wait
// for, and its commit unless that names another (wal/durability.hpp):
//
//   auto fast = db.begin(isolation::serializable, durability_class::buffered);
//   ...                                  // reads what a power failure may take back
//   fast.commit();                       // and may be taken back with it
//   fast.commit(durability_class::synchronous);   // or: durable, and so is all it read
//
// Threads: one. Any number of transactions at once.
#pragma once

#include "cursor.hpp"

namespace mantis {

// A table of an open store; cheap to copy, valid as long as the store.
template <class Engine>
class basic_table_handle {
public:
    explicit basic_table_handle(typename Engine::table_type& of) noexcept : table_{&of} {}
    [[nodiscard]] bytes_view name() const noexcept { return table_->name(); }
    [[nodiscard]] table_id id() const noexcept { return table_->id(); }
    [[nodiscard]] typename Engine::table_type& inner() const noexcept { return *table_; }

private:
    typename Engine::table_type* table_;
};

template <class Engine>
class transaction {
public:
    using table_handle = basic_table_handle<Engine>;

    //   Requires    `engine` outlives the transaction
    transaction(Engine& engine, isolation level,
                durability_class how = Engine::policy_class) noexcept
        : engine_{&engine}, level_{level}, class_{how} {}
    transaction(transaction&&) noexcept = default;
    transaction& operator=(transaction&&) noexcept = default;

    void put(const table_handle& into, bytes_view key, bytes_view value) {
        if (!fits(into, key, value)) return;
        writes_.put(into.id(), key, value);
    }
    void erase(const table_handle& from, bytes_view key) {
        if (!fits(from, key, {})) return;
        writes_.erase(from.id(), key);
    }

    //   Returns     the value this transaction wrote, else the newest committed one, else none
    //   Errors      not_found (the table was dropped), unknown_outcome, closed, those of the index
    [[nodiscard]] result<std::optional<bytes>> get(const table_handle& from, bytes_view key) {
        if (ended_) return ended();
        if (const auto* const mine = writes_.find(from.id(), key)) {
            if (mine->erases) return std::optional<bytes>{};
            return std::optional<bytes>{bytes{mine->value}};
        }
        table_reads* const remembered =
            level_ == isolation::serializable ? &reads_of(from) : nullptr;
        typename Engine::row_place place{from.id(), {}, {}};
        auto found = engine_->read(from.inner(), key, class_, &place.at);
        if (!found) return found.error();
        if (found->told > told_) told_ = found->told;
        if (remembered != nullptr) {
            place.key = reads_.add_key(*remembered, key, found->version);
            read_last_ = place;
        }
        return std::move(found->value);
    }

    [[nodiscard]] cursor<Engine> scan(const table_handle& from, key_range range = {}) {
        if (level_ == isolation::serializable && !ended_) reads_of(from).scanned = true;
        return {*engine_, from.inner(), writes_, range, class_, told_};
    }

    //   Effects     all writes become visible, in all tables, or none; the transaction is over
    //               either way
    //   Returns     once it is as durable as its class promises, and with it all it has read
    //   Errors      conflict, not_found, too_large, no_space, out_of_memory, read_only, and those
    //               of an index that could not be read: nothing was committed; unknown_outcome:
    //               opening the store again tells; closed
    [[nodiscard]] result<commit_info> commit() { return commit(class_); }
    [[nodiscard]] result<commit_info> commit(durability_class how) {
        if (ended_) return ended();
        ended_ = true;
        if (failed_) return *failed_;
        auto done = engine_->commit(reads_, writes_, how, told_, read_last_);
        forget();
        return done;
    }
    void abort() noexcept {
        ended_ = true;
        forget();
    }

    [[nodiscard]] std::size_t write_count() const noexcept { return writes_.count(); }
    [[nodiscard]] std::size_t write_bytes() const noexcept { return writes_.payload_bytes(); }

private:
    static error ended() { return {error_code::closed, "using a transaction after its end"}; }

    bool fits(const table_handle& table, bytes_view key, bytes_view value) {
        if (ended_ && !failed_) failed_ = ended();
        if (failed_) return false;
        if (key.size() > max_key_bytes)
            failed_ = error{error_code::too_large, "writing a key"}
                          .about(table.name())
                          .with("bytes", key.size())
                          .with("limit", max_key_bytes);
        else if (value.size() > max_value_bytes)
            failed_ = error{error_code::too_large, "writing a value"}
                          .about(table.name())
                          .with("bytes", value.size())
                          .with("limit", max_value_bytes);
        return !failed_;
    }

    table_reads& reads_of(const table_handle& from) {
        return reads_.of(from.id(), [&] { return from.inner().applied(); });
    }

    void forget() noexcept {
        writes_.clear();
        reads_.clear();
    }

    Engine* engine_;
    isolation level_;
    durability_class class_;
    lsn told_;  // the newest commit that a read has told of
    write_set writes_;
    read_set reads_;
    typename Engine::row_place read_last_;  // its key is that of reads_
    std::optional<error> failed_;
    bool ended_ = false;
};

}  // namespace mantis
