// SPDX-License-Identifier: BSL-1.0
//
// What was promised to whom: every transaction of a test, what its commit answered, and what must
// therefore be found after a crash. An oracle: it knows nothing of the database it judges.
//
//   const auto number = ledger.issue({.markers = 2, .shared_keys = {"total"}});
//   ... the transaction sets two keys of its own, and the shared ones, to `number`; commit ...
//   ledger.acknowledged(number, promise::durable, position);   // or refused(), or nothing: unknown
//   ... crash, open again, look at every row ...
//   ledger.found_marker(number);  ledger.found_shared(key, number);
//   for (const ledger_violation& wrong : ledger.settle(loss::of_buffered)) ...
//
// Let S be the transactions whose markers are found. Then
//   1. S holds every transaction acknowledged as durable and none that was refused
//   2. each is there whole: all its markers, and its shared keys unless a later one of S has them
//   3. S is closed under the order of the log: no acknowledged transaction is missing before one
//      that is there, and what a transaction of S read was written by one of S
//   4. without a power failure nothing acknowledged is missing, and with one nothing that was
//      acknowledged before the window that the durability policy states
//
// After settle() what was found counts as durable, because an opening has answered it, and the rest
// as lost for good.
//
// Threads: one at a time; simulated threads need nothing more.
#pragma once

#include "../../core/bytes.hpp"
#include "../../core/ids.hpp"
#include "../../core/units.hpp"

#include <map>
#include <vector>

namespace mantis {

// What a transaction's caller knows.
enum class promise : std::uint8_t {
    none,      // no answer yet, or none that tells: may be there, whole
    buffered,  // acknowledged; a power failure may take it, with everything after it
    durable,   // must be there
    refused,   // must not be there
    lost,      // an opening did not have it: must not come back
};

// What the crash may have taken.
enum class loss : std::uint8_t {
    of_nothing,   // the process ended, the power stayed: what the system took is there
    of_buffered,  // the power failed
    of_anything,  // the disk lied: even what was durable, but nothing before what is there
};

struct ledger_violation {
    std::size_t transaction;
    const char* what;  // "was durable and is lost"
};

class durability_ledger {
public:
    struct writes {
        unsigned markers = 1;            // keys that only this transaction writes
        std::vector<bytes> shared_keys;  // keys that others write too
        std::vector<std::size_t> read;   // transactions whose writes it saw
    };

    //   Returns     the number of a transaction that is about to commit
    std::size_t issue(writes made) {
        entries_.push_back({std::move(made), promise::none, {}, {}, 0});
        return entries_.size() - 1;
    }
    //   Requires    `made` is buffered or durable; `position` is its place in the log, `at` the
    //               moment, where a window matters
    void acknowledged(std::size_t transaction, promise made, lsn position, nanoseconds at = {}) {
        entries_[transaction].made = made;
        entries_[transaction].position = position;
        entries_[transaction].at = at;
    }
    void refused(std::size_t transaction) { entries_[transaction].made = promise::refused; }
    // A read answered what that transaction wrote, and the database answers only what is durable.
    void answered(std::size_t transaction) {
        if (transaction < entries_.size()) entries_[transaction].made = promise::durable;
    }
    // What a flush that begins now makes durable, for flushed() when it has succeeded.
    [[nodiscard]] std::vector<std::size_t> buffered() const {
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].made == promise::buffered) numbers.push_back(i);
        return numbers;
    }
    void flushed(const std::vector<std::size_t>& transactions) {
        for (const std::size_t each : transactions) answered(each);
    }

    // A marker of that transaction is in the database.
    void found_marker(std::size_t transaction) {
        if (transaction < entries_.size()) ++entries_[transaction].found;
        else strangers_.push_back(transaction);
    }
    // A shared key holds the number of that transaction.
    void found_shared(bytes_view key, std::size_t transaction) {
        owners_[bytes{key}] = transaction;
    }
    // Forgets what was found: the look was cut short.
    void look_again() {
        owners_.clear();
        strangers_.clear();
        for (entry& each : entries_) each.found = 0;
    }

    // `window_begin`: what was acknowledged before is not buffered any more.
    //   Returns     what is not as promised
    std::vector<ledger_violation> settle(loss allowed, nanoseconds window_begin = {}) {
        window_begin_ = window_begin;
        std::vector<ledger_violation> wrong;
        for (const std::size_t stranger : strangers_)
            wrong.push_back({stranger, "is there and was never issued"});
        judge_transactions(allowed, wrong);
        judge_shared(wrong);
        for (entry& each : entries_) {
            if (each.found != 0) each.made = promise::durable;
            else if (each.made != promise::refused) each.made = promise::lost;
        }
        look_again();
        return wrong;
    }

    [[nodiscard]] std::size_t count() const noexcept { return entries_.size(); }
    [[nodiscard]] std::size_t count(promise made) const noexcept {
        std::size_t counted = 0;
        for (const entry& each : entries_) counted += each.made == made ? 1 : 0;
        return counted;
    }
    // Acknowledged transactions that crashes took, as they may.
    [[nodiscard]] std::size_t lost() const noexcept { return lost_; }

private:
    struct entry {
        writes wrote;
        promise made = promise::none;
        lsn position;    // 0 unless acknowledged
        nanoseconds at;  // likewise
        unsigned found = 0;
    };

    void judge_transactions(loss allowed, std::vector<ledger_violation>& wrong) {
        lsn last_found;
        for (const entry& each : entries_)
            if (each.found != 0 && each.position > last_found) last_found = each.position;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const entry& each = entries_[i];
            if (each.found == 0) {
                judge_missing(i, allowed, last_found, wrong);
                continue;
            }
            if (each.made == promise::refused) wrong.push_back({i, "was refused and is there"});
            if (each.made == promise::lost && allowed != loss::of_anything)
                wrong.push_back({i, "was lost and is back"});
            if (each.found != each.wrote.markers) wrong.push_back({i, "is there in part"});
            for (const std::size_t read : each.wrote.read)
                if (entries_[read].found == 0) wrong.push_back({i, "read what is not there"});
        }
    }
    void judge_missing(std::size_t i, loss allowed, lsn last_found,
                       std::vector<ledger_violation>& wrong) {
        const entry& each = entries_[i];
        if (each.made != promise::durable && each.made != promise::buffered) return;
        if (each.made == promise::durable && allowed != loss::of_anything)
            return wrong.push_back({i, "was durable and is lost"});
        ++lost_;
        if (each.made == promise::buffered && each.at.count < window_begin_.count &&
            allowed != loss::of_anything)
            wrong.push_back({i, "was older than the window and is lost"});
        if (allowed == loss::of_nothing) wrong.push_back({i, "is lost without a power failure"});
        if (each.position.value != 0 && each.position < last_found)
            wrong.push_back({i, "is lost and a later one is there"});
    }
    void judge_shared(std::vector<ledger_violation>& wrong) const {
        for (const auto& [key, owner] : owners_)
            if (owner >= entries_.size() || entries_[owner].found == 0)
                wrong.push_back({owner, "is not there and its write is"});
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const entry& each = entries_[i];
            if (each.found == 0) continue;
            for (const bytes& key : each.wrote.shared_keys) {
                const auto holder = owners_.find(key);
                if (holder == owners_.end()) {
                    wrong.push_back({i, "is there and its shared write is not"});
                } else if (holder->second < entries_.size()) {
                    const lsn owned = entries_[holder->second].position;
                    if (owned.value != 0 && each.position > owned)
                        wrong.push_back({i, "was overwritten by an earlier one"});
                }
            }
        }
    }

    std::vector<entry> entries_;
    std::map<bytes, std::size_t> owners_;  // of the shared keys that were found
    std::vector<std::size_t> strangers_;
    nanoseconds window_begin_;
    std::size_t lost_ = 0;
};

}  // namespace mantis
