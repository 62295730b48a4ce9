// SPDX-License-Identifier: BSL-1.0
//
// Whether a history of concurrent operations is one that some order of them explains: in it no
// operation comes before one that had ended when it began, and each answers what it answered.
//
//   linearizable(history, state)   for a vector of operations with
//     std::uint64_t begun, ended;               numbers of one clock, all different
//     bool apply(State& state) const;           does it; whether the answer is that of the state
//
// State is copied, and compared by <. Up to 64 operations. What was tried in vain is noted, so the
// time is bounded by the different states after each set of operations.
//
//   Source    Wing, Gong: Testing and verifying concurrent objects (JPDC 1993); the notes are those
//             of Lowe: Testing for linearizability (CCPE 2017)
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace mantis_tests {

template <class Operation, class State>
class order_search {
public:
    explicit order_search(const std::vector<Operation>& history) : history_{history} {}

    // Whether the operations that are not `done` can follow in some order.
    bool can_end(std::uint64_t done, const State& state) {
        if (done == all()) return true;
        if (!tried_.emplace(done, state).second) return false;
        const std::uint64_t first_end = first_end_of(done);
        for (std::size_t at = 0; at < history_.size(); ++at) {
            if ((done >> at & 1) != 0 || history_[at].begun > first_end) continue;
            State next = state;
            if (history_[at].apply(next) && can_end(done | std::uint64_t{1} << at, next))
                return true;
        }
        return false;
    }

private:
    std::uint64_t all() const {
        return history_.size() == 64 ? UINT64_MAX : (std::uint64_t{1} << history_.size()) - 1;
    }
    // One of the others has to come before what begins after it has ended.
    std::uint64_t first_end_of(std::uint64_t done) const {
        std::uint64_t first = UINT64_MAX;
        for (std::size_t at = 0; at < history_.size(); ++at)
            if ((done >> at & 1) == 0 && history_[at].ended < first) first = history_[at].ended;
        return first;
    }

    const std::vector<Operation>& history_;
    std::set<std::pair<std::uint64_t, State>> tried_;
};

template <class Operation, class State>
bool linearizable(const std::vector<Operation>& history, const State& state) {
    return order_search<Operation, State>{history}.can_end(0, state);
}

}  // namespace mantis_tests
