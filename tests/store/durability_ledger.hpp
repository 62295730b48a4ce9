// SPDX-License-Identifier: BSL-1.0
//
// What was promised to whom: every transaction of a test, what its commit answered, and what must
// therefore be found after a crash.
//
// Each transaction writes its marker to two tables and its number to some shared keys. After
// recovery the set S of transactions whose marker is found must hold all that were acknowledged as
// durable and none that failed; both markers or neither; be closed under log order; and each shared
// key must hold the number of a transaction in S, and of none that an acknowledged later one in S
// overwrote.
#pragma once

#include <mantis/store/store.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace crash_test {

using namespace mantis;

enum class promise : std::uint8_t {
    issued,    // no answer yet, or unknown_outcome: may be there, whole
    buffered,  // acknowledged, and may be lost with everything after it
    durable,   // must be there
    failed,    // must not be there
};

struct ledger_entry {
    promise made = promise::issued;
    std::uint64_t position = 0;  // in the log; 0 unless acknowledged
    std::vector<std::string> shared_keys;
};

class durability_ledger {
public:
    static std::string marker(std::size_t number) { return "tx/" + std::to_string(number); }

    std::size_t issue(std::vector<std::string> shared_keys) {
        entries_.push_back({promise::issued, 0, std::move(shared_keys)});
        return entries_.size() - 1;
    }
    void answered(std::size_t number, const result<commit_info>& answer) {
        ledger_entry& entry = entries_[number];
        if (answer) {
            entry.made =
                answer->state == commit_state::durable ? promise::durable : promise::buffered;
            entry.position = answer->position.value;
        } else if (answer.error().code() != error_code::unknown_outcome) {
            entry.made = promise::failed;
        }
    }
    // All acknowledged so far is durable: a flush succeeded, or an opening answered them.
    void flushed() {
        for (ledger_entry& entry : entries_)
            if (entry.made == promise::buffered) entry.made = promise::durable;
    }

    // Buffered commits that power cuts took, as they may.
    [[nodiscard]] std::size_t lost() const noexcept { return lost_; }
    [[nodiscard]] std::size_t count(promise made) const {
        std::size_t counted = 0;
        for (const ledger_entry& entry : entries_) counted += entry.made == made ? 1 : 0;
        return counted;
    }

    // Compares with what an opening found; `buffered_kept`: no power failure came since the last
    // time, so that buffered commits must be there too.
    //   Returns     the violations, in words; afterwards what was found is durable and the rest has
    //               failed for good
    std::vector<std::string> settle(const std::set<std::size_t>& left,
                                    const std::set<std::size_t>& right,
                                    const std::map<std::string, std::size_t>& shared,
                                    bool buffered_kept) {
        std::vector<std::string> wrong;
        const auto complain = [&](std::size_t number, const char* what) {
            wrong.push_back("transaction " + std::to_string(number) + " " + what);
        };
        std::uint64_t last_found = 0;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (left.count(i) != right.count(i)) complain(i, "is there by half");
            if (left.count(i) != 0 && entries_[i].position > last_found)
                last_found = entries_[i].position;
        }
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const ledger_entry& entry = entries_[i];
            const bool found = left.count(i) != 0;
            if (entry.made == promise::durable && !found) complain(i, "was durable and is lost");
            if (entry.made == promise::failed && found) complain(i, "failed and is there");
            if (entry.made != promise::buffered || found) continue;
            ++lost_;
            if (buffered_kept) complain(i, "is lost without a power failure");
            if (entry.position < last_found) complain(i, "is lost and a later one is there");
        }
        check_shared(left, shared, complain);
        for (std::size_t i = 0; i < entries_.size(); ++i)
            entries_[i].made = left.count(i) != 0 ? promise::durable : promise::failed;
        return wrong;
    }

private:
    template <class Complain>
    void check_shared(const std::set<std::size_t>& found,
                      const std::map<std::string, std::size_t>& shared, Complain complain) const {
        for (const auto& [key, owner] : shared)
            if (owner >= entries_.size() || found.count(owner) == 0)
                complain(owner, "is not there and its write is");
        for (const std::size_t number : found)
            for (const std::string& key : entries_[number].shared_keys) {
                const auto holder = shared.find(key);
                if (holder == shared.end()) {
                    complain(number, "is there and its shared write is not");
                    continue;
                }
                const ledger_entry& owner = entries_[holder->second];
                if (owner.position != 0 && entries_[number].position > owner.position)
                    complain(number, "is there and was overwritten by an earlier one");
            }
    }

    std::vector<ledger_entry> entries_;
    std::size_t lost_ = 0;
};

}  // namespace crash_test
