// SPDX-License-Identifier: BSL-1.0
//
// Finds owners that wait for each other, and ends one wait of each ring.
//
// The graph is gathered shard by shard, holding one latch at a time and never while it is searched,
// so that it may tell of waits that were never there together. A ring is therefore confirmed before
// anybody gives way:
//   1. gather: from one owner along whom it waits for (or from all), noting each one's wait_state
//   2. search the graph for a ring
//   3. look at each edge of the ring again: the waiter is still in the same wait, the edge is still
//      there
//   4. look at each wait_state once more: still the same
// By 4 all of the ring waited during all of 3, and who waits releases nothing: all edges were there
// at the same time. It is a dead-lock.
//   5. the victim's wait ends if it is still the same one; its ring is gone. Back to 2 for another
//
// One search runs at a time, so that two owners of one ring do not choose a victim each.
//
// Threads: any number.
#pragma once

#include "../deadlock.hpp"
#include "lock_table.hpp"

namespace mantis {

// A dead-lock that was ended.
struct deadlock_report {
    nanoseconds time;  // on the clock of the platform's now()
    deadlock_cycle cycle;
    std::size_t victim = 0;  // index into cycle.nodes
};

namespace detail {

template <class Platform, class Deadlock, class Choice>
class detector {
public:
    using table = lock_table<Platform, Choice>;
    using core = typename table::core;
    using request = typename table::request;
    using wake_list = typename table::wake_list;
    using latch_guard = typename table::latch_guard;

    detector(table& locks, std::size_t kept_deadlocks)
        : locks_{locks}, most_kept_{kept_deadlocks} {}

    //   Effects     ends the dead-locks that `start` is part of, if any
    //   Returns     how many
    std::size_t search(core& start) {
        if (!blocked_by_a_wait(start)) return 0;
        wake_list wakes;
        const lock_guard<mutex> hold{latch_};
        begin_gathering();
        gather(start);
        return end_rings(wakes, [&] { return graph_.find_cycle(start_id_); });
    }
    //   Effects     ends every dead-lock there is
    //   Returns     how many
    std::size_t search_all() {
        wake_list wakes;
        const lock_guard<mutex> hold{latch_};
        begin_gathering();
        for (core* const owner : waiting_owners()) gather(*owner);
        return end_rings(wakes, [&] { return graph_.find_any_cycle(); });
    }
    // Who waits for whom; it may tell of waits that were never there together.
    [[nodiscard]] wait_graph snapshot() {
        const lock_guard<mutex> hold{latch_};
        begin_gathering();
        for (core* const owner : waiting_owners()) gather(*owner);
        return graph_;
    }

    // Waits for a search that is under way: what it ended is counted.
    [[nodiscard]] std::uint64_t deadlock_count() {
        const lock_guard<mutex> hold{latch_};
        return count_;
    }
    // The last ones, the latest first.
    [[nodiscard]] std::vector<deadlock_report> reports() {
        const lock_guard<mutex> hold{latch_};
        return {kept_.rbegin(), kept_.rend()};
    }

private:
    using mutex = typename Platform::mutex;
    struct seen_owner {
        std::uint64_t id;
        core* owner;
        std::uint64_t state;
    };

    void begin_gathering() {
        graph_.clear();
        seen_.clear();
        ++visit_;
    }
    [[nodiscard]] std::vector<core*> waiting_owners() {
        std::vector<core*> waiting;
        locks_.each_owner([&](core& owner) {
            if (core::waits(owner.wait_state.load())) waiting.push_back(&owner);
        });
        return waiting;
    }
    // Every way out of a queue goes through one who holds the lock and waits: those who wait ahead
    // wait there for its holders.
    //   Returns     false when `start` is part of no dead-lock
    [[nodiscard]] bool blocked_by_a_wait(core& start) {
        const std::uint64_t state = start.wait_state.load();
        if (!core::waits(state)) return false;
        const latch_guard hold{locks_.shard_at(core::shard_of(state)).latch};
        if (start.wait_state.load() != state) return false;
        for (const request& holder : start.waits_for->head->granted)
            if (holder.owner != &start && core::waits(holder.owner->wait_state.load())) return true;
        return false;
    }
    // Adds all that is reached from `start`, each with its facts and its edges.
    void gather(core& start) {
        start_id_ = start.id.load();
        open_.push_back(&start);
        while (!open_.empty()) {
            core& owner = *open_.back();
            open_.pop_back();
            if (std::exchange(owner.visited, visit_) != visit_) look_at(owner);
        }
    }
    void look_at(core& owner) {
        const std::uint64_t state = owner.wait_state.load();
        if (!core::waits(state)) return;
        const latch_guard hold{locks_.shard_at(core::shard_of(state)).latch};
        if (owner.wait_state.load() != state) return;
        const request& asked = *owner.waits_for;
        const std::uint64_t id = owner.id.load();
        seen_.push_back({id, &owner, state});
        graph_.add_node(facts_of(owner, asked, id, state));
        asked.head->each_blocker(asked, [&](const request& blocker, lock_mode mode, bool waits) {
            graph_.add_edge(edge_of(asked, id, blocker, mode, waits));
            open_.push_back(blocker.owner);
            return !waits || mode != lock_mode::X;  // an X waits for all that are ahead of it
        });
    }
    [[nodiscard]] static wait_node facts_of(core& owner, const request& asked, std::uint64_t id,
                                            std::uint64_t state) {
        wait_node node;
        node.owner = id;
        node.wait_number = state >> 17;
        node.birth = owner.birth;
        node.work = owner.work.load();
        node.locks = static_cast<std::uint32_t>(owner.lock_count());
        node.retries = owner.retries;
        node.priority = owner.priority;
        node.wanted = asked.wanted;
        node.resource = asked.head->path().text();
        node.thread = owner.thread;
        node.label = owner.label;
        return node;
    }
    [[nodiscard]] static wait_edge edge_of(const request& asked, std::uint64_t id,
                                           const request& blocker, lock_mode mode, bool waits) {
        wait_edge edge;
        edge.waiter = id;
        edge.blocker = blocker.owner->id.load();
        edge.wanted = asked.wanted;
        edge.held = mode;
        edge.blocker_waits = waits;
        edge.resource = asked.head->path().text();
        return edge;
    }

    template <class Find>
    [[nodiscard]] std::size_t end_rings(wake_list& wakes, Find find) {
        std::size_t ended = 0;
        for (deadlock_cycle ring = find(); !ring.empty(); ring = find()) {
            std::size_t victim = 0;
            if constexpr (Deadlock::detects) victim = Deadlock::victim::choose(ring);
            const seen_owner* const chosen = find_seen(ring.nodes[victim].owner);
            graph_.remove(ring.nodes[victim].owner);
            if (!confirmed(ring)) continue;
            if (!locks_.cancel(*chosen->owner, chosen->state, error_code::deadlock, wakes))
                continue;
            ++ended;
            ++count_;
            keep({Platform::parking::now(), std::move(ring), victim});
        }
        return ended;
    }
    [[nodiscard]] bool confirmed(const deadlock_cycle& ring) {
        for (const wait_edge& edge : ring.edges)
            if (!still_there(*find_seen(edge.waiter), edge)) return false;
        for (const wait_edge& edge : ring.edges) {
            const seen_owner& waiter = *find_seen(edge.waiter);
            if (waiter.owner->wait_state.load() != waiter.state) return false;
        }
        return true;
    }
    [[nodiscard]] bool still_there(const seen_owner& waiter, const wait_edge& edge) {
        const latch_guard hold{locks_.shard_at(core::shard_of(waiter.state)).latch};
        if (waiter.owner->wait_state.load() != waiter.state) return false;
        bool found = false;
        const request& asked = *waiter.owner->waits_for;
        asked.head->each_blocker(asked, [&](const request& blocker, lock_mode, bool) {
            found = blocker.owner->id.load() == edge.blocker;
            return !found;
        });
        return found;
    }
    [[nodiscard]] const seen_owner* find_seen(std::uint64_t id) const noexcept {
        for (const seen_owner& seen : seen_)
            if (seen.id == id) return &seen;
        return nullptr;
    }
    void keep(deadlock_report report) {
        if (most_kept_ == 0) return;
        if (kept_.size() == most_kept_) kept_.erase(kept_.begin());
        kept_.push_back(std::move(report));
    }

    table& locks_;
    const std::size_t most_kept_;
    mutex latch_;
    wait_graph graph_;
    std::vector<seen_owner> seen_;
    std::vector<core*> open_;
    std::uint64_t visit_ = 0;
    std::uint64_t start_id_ = 0;
    std::vector<deadlock_report> kept_;
    std::uint64_t count_ = 0;
};

}  // namespace detail

}  // namespace mantis
