// SPDX-License-Identifier: BSL-1.0
//
// Who waits for whom: a snapshot in which dead-locks are looked for, and which can be drawn.
//
//   wait_graph graph;                     // kept, for its storage
//   graph.clear();
//   graph.add_node(...); graph.add_edge(...);   // whatever the lock table says
//   for (auto cycle = graph.find_any_cycle(); !cycle.empty(); cycle = graph.find_any_cycle()) {
//       const std::size_t victim = youngest_victim::choose(cycle);
//       graph.remove(cycle.nodes[victim].owner);
//   }
//
// It is plain data, filled under whatever protects its source and then examined under nothing. What
// it says may be over by then: who acts on a cycle first compares the wait numbers of its edges
// with the waits that are still going on.
//
// A node is an owner that waits. An edge is one reason of a wait: somebody who holds what is waited
// for, or who waits for it ahead. An owner that does not wait ends no cycle; edges to it are kept
// for the drawing only.
//
// Invariants:
//   1. an owner waits in at most one node: of two waits of one owner the later tells the facts
//   2. no edge leads from an owner to itself: one that converts S to X meets its own S in the
//      queue, and that is no dead-lock
//   3. a found cycle is a ring of distinct owners, and a shortest one through its first
//   4. a node once found to be on no cycle is not looked at again until something is added:
//      removals make no cycle
//
// Storage is kept by clear(), so that a detector that runs often allocates nothing; it is bounded
// by the largest snapshot so far. Searches are loops over that storage, of any depth.
//
// Threads: like an int: any number of readers, or one writer; a search is a writer. A graph that
// was moved from is good for clear() only.
#pragma once

#include "../core/bytes.hpp"
#include "../platform/thread_name.hpp"
#include "detail/owner_places.hpp"
#include "mode.hpp"

#include <vector>

namespace mantis {

// An owner that waits, and what a choice among victims may look at.
struct wait_node {
    std::uint64_t owner = 0;
    std::uint64_t wait_number = 0;  // of this wait; a later wait of this owner has a larger one
    std::uint64_t birth = 0;        // smaller is older
    std::uint64_t work = 0;         // what it would cost to do all of it again, in any unit
    std::uint32_t locks = 0;        // how many it holds
    std::uint32_t retries = 0;      // how often it has been a victim already
    std::uint8_t priority = 0;      // larger is more important
    lock_mode wanted = lock_mode::none;
    bytes resource;          // what it waits for, as text
    thread_name thread;      // empty: unknown
    const char* label = "";  // outlives the graph and every cycle
};

// One reason of a wait.
struct wait_edge {
    std::uint64_t waiter = 0;
    std::uint64_t blocker = 0;
    lock_mode wanted = lock_mode::none;  // by the waiter
    lock_mode held = lock_mode::none;    // by the blocker; when it only waits ahead, what it wants
    bool blocker_waits = false;          // it is ahead in the queue rather than holding
    bytes resource;                      // where they meet, as text
    std::uint64_t wait_number = 0;       // of the wait that this is a reason of
};

// Owners that wait for each other in a ring: nodes[i] waits, because of edges[i], for nodes[i + 1],
// and the last for the first.
struct deadlock_cycle {
    std::vector<wait_node> nodes;
    std::vector<wait_edge> edges;

    [[nodiscard]] bool empty() const noexcept { return nodes.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return nodes.size(); }
};

namespace detail {

// A list whose elements keep what they own, such as the storage of a text, when it is cleared.
template <class T>
class kept_list {
public:
    void push_back(const T& item) {
        if (count_ < items_.size()) items_[count_] = item;
        else items_.push_back(item);
        ++count_;
    }
    void clear() noexcept { count_ = 0; }
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] T& operator[](std::size_t at) noexcept { return items_[at]; }
    [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return items_[at]; }

private:
    std::vector<T> items_;
    std::size_t count_ = 0;
};

}  // namespace detail

class wait_graph {
public:
    //   Effects     empty again; the storage is kept
    void clear() {
        nodes_.clear();
        edges_.clear();
        places_.clear();
        states_.clear();
        node_count_ = 0;
        changed();
    }

    //   Effects     when the owner is here already, the later of the two waits tells the facts: a
    //               snapshot taken in parts may meet an owner in two of them
    void add_node(const wait_node& node) {
        changed();
        const std::uint32_t known = places_.find(node.owner);
        if (known == none) {
            check(nodes_.size() < none, "a wait graph has fewer than 2^32 - 1 nodes");
            places_.add(node.owner, static_cast<std::uint32_t>(nodes_.size()));
            nodes_.push_back(node);
            states_.push_back(state::fresh);
            ++node_count_;
        } else if (states_[known] == state::removed ||
                   nodes_[known].wait_number < node.wait_number) {
            if (states_[known] == state::removed) ++node_count_;
            nodes_[known] = node;
            states_[known] = state::fresh;
        }
    }

    //   Effects     nothing when waiter and blocker are the same; its nodes may come later
    void add_edge(const wait_edge& edge) {
        if (edge.waiter == edge.blocker) return;
        check(edges_.size() < none, "a wait graph has fewer than 2^32 - 1 edges");
        changed();
        edges_.push_back(edge);
    }

    // A victim leaves: it waits no more, and nobody waits for it.
    //   Returns     false: it did not wait
    bool remove(std::uint64_t owner) {
        const std::uint32_t place = living(owner);
        if (place == none) return false;
        states_[place] = state::removed;
        --node_count_;
        return true;
    }

    // How many owners wait.
    [[nodiscard]] std::size_t size() const noexcept { return node_count_; }
    // How many reasons were added, those of removed owners included.
    [[nodiscard]] std::size_t edge_count() const noexcept { return edges_.size(); }

    //   Returns     what is known of an owner that waits, until the next change; nullptr when it
    //               does not
    [[nodiscard]] const wait_node* find(std::uint64_t owner) const noexcept {
        const std::uint32_t place = living(owner);
        return place == none ? nullptr : &nodes_[place];
    }

    //   Returns     a shortest cycle through this owner, which is its first node; or an empty one
    //   Complexity  linear in the nodes and edges at the first search after an addition, then in
    //               those that can be reached
    [[nodiscard]] deadlock_cycle find_cycle(std::uint64_t owner) {
        prepare();
        steps_ = 0;
        const std::uint32_t place = living(owner);
        return place == none ? deadlock_cycle{} : shortest_cycle(place);
    }

    //   Returns     some cycle, the same one whenever the same was added in the same order; or an
    //               empty one
    //   Complexity  linear in the nodes and edges
    [[nodiscard]] deadlock_cycle find_any_cycle() {
        prepare();
        steps_ = 0;
        for (; first_unsettled_ < nodes_.size(); ++first_unsettled_) {
            const std::uint32_t ring = settle(static_cast<std::uint32_t>(first_unsettled_));
            if (ring != none) return shortest_cycle(ring);
        }
        return {};
    }

    // How many edges the last search looked at.
    [[nodiscard]] std::size_t search_steps() const noexcept { return steps_; }

    // In the order in which they were added, without what was removed.
    template <class Visit>
    void each_node(Visit visit) const {
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (states_[i] != state::removed) visit(nodes_[i]);
    }
    template <class Visit>
    void each_edge(Visit visit) const {
        for (std::size_t i = 0; i < edges_.size(); ++i)
            if (!was_removed(edges_[i].waiter) && !was_removed(edges_[i].blocker)) visit(edges_[i]);
    }

private:
    static constexpr std::uint32_t none = detail::owner_places::nowhere;

    enum class state : std::uint8_t {
        fresh,    // nothing is known yet
        open,     // on the path of the running depth-first search
        settled,  // on no cycle
        removed,
    };
    // An edge whose two ends wait, in the list of its waiter.
    struct reason {
        std::uint32_t edge;
        std::uint32_t blocker;  // a place in nodes_
    };
    struct path_step {
        std::uint32_t node;
        std::uint32_t next_reason;  // a place in reasons_
    };

    void changed() noexcept { prepared_ = false; }

    [[nodiscard]] std::uint32_t living(std::uint64_t owner) const noexcept {
        const std::uint32_t place = places_.find(owner);
        return place == none || states_[place] == state::removed ? none : place;
    }
    [[nodiscard]] bool was_removed(std::uint64_t owner) const noexcept {
        const std::uint32_t place = places_.find(owner);
        return place != none && states_[place] == state::removed;
    }

    // Sorts the edges by waiter (a counting sort): those of node i are reasons_[first_reason_[i]]
    // up to reasons_[first_reason_[i + 1]].
    void prepare() {
        if (prepared_) return;
        first_reason_.assign(nodes_.size() + 1, 0);
        waiters_.clear();
        for (std::size_t i = 0; i < edges_.size(); ++i) {
            const bool both = living(edges_[i].blocker) != none;
            waiters_.push_back(both ? living(edges_[i].waiter) : none);
            if (waiters_[i] != none) ++first_reason_[waiters_[i] + 1];
        }
        for (std::size_t i = 1; i < first_reason_.size(); ++i)
            first_reason_[i] += first_reason_[i - 1];
        reasons_.resize(first_reason_.back());
        next_reason_.assign(first_reason_.begin(), first_reason_.end());
        for (std::size_t i = 0; i < edges_.size(); ++i)
            if (waiters_[i] != none)
                reasons_[next_reason_[waiters_[i]]++] = {static_cast<std::uint32_t>(i),
                                                         living(edges_[i].blocker)};
        for (state& each : states_)
            if (each != state::removed) each = state::fresh;
        reached_by_.assign(nodes_.size(), none);
        first_unsettled_ = 0;
        prepared_ = true;
    }

    // Depth first from `root`, settling every node that it leaves.
    //   Returns     a node on a cycle, or none when all that `root` reaches is settled
    [[nodiscard]] std::uint32_t settle(std::uint32_t root) {
        path_.clear();
        enter(root);
        while (!path_.empty()) {
            path_step& top = path_.back();
            if (top.next_reason == first_reason_[top.node + 1]) {
                states_[top.node] = state::settled;
                path_.pop_back();
                continue;
            }
            const std::uint32_t blocker = reasons_[top.next_reason++].blocker;
            ++steps_;
            if (states_[blocker] == state::open) {
                for (const path_step& each : path_) states_[each.node] = state::fresh;
                return blocker;
            }
            enter(blocker);
        }
        return none;
    }
    void enter(std::uint32_t node) {
        if (states_[node] != state::fresh) return;
        states_[node] = state::open;
        path_.push_back({node, first_reason_[node]});
    }

    // Breadth first from `start` back to it.
    [[nodiscard]] deadlock_cycle shortest_cycle(std::uint32_t start) {
        deadlock_cycle found;
        queue_.assign(1, start);
        for (std::size_t head = 0; head < queue_.size() && found.empty(); ++head) {
            const std::uint32_t node = queue_[head];
            for (std::uint32_t i = first_reason_[node]; i < first_reason_[node + 1]; ++i) {
                const auto [edge, blocker] = reasons_[i];
                ++steps_;
                if (blocker == start) {
                    found = ring_of(start, edge);
                    break;
                }
                if (states_[blocker] != state::fresh || reached_by_[blocker] != none) continue;
                reached_by_[blocker] = edge;
                queue_.push_back(blocker);
            }
        }
        for (const std::uint32_t node : queue_) reached_by_[node] = none;
        return found;
    }
    // The ring that `last` closes, told from `start`.
    [[nodiscard]] deadlock_cycle ring_of(std::uint32_t start, std::uint32_t last) const {
        deadlock_cycle ring;
        for (std::uint32_t edge = last;;) {
            const std::uint32_t waiter = waiters_[edge];
            ring.nodes.push_back(nodes_[waiter]);
            ring.edges.push_back(edges_[edge]);
            if (waiter == start) break;
            edge = reached_by_[waiter];
        }
        for (std::size_t i = 0, j = ring.size() - 1; i < j; ++i, --j) {
            std::swap(ring.nodes[i], ring.nodes[j]);
            std::swap(ring.edges[i], ring.edges[j]);
        }
        return ring;
    }

    detail::kept_list<wait_node> nodes_;
    detail::kept_list<wait_edge> edges_;
    detail::owner_places places_;
    std::vector<state> states_;  // of nodes_
    std::size_t node_count_ = 0;

    // Made by prepare().
    bool prepared_ = false;
    std::vector<std::uint32_t> waiters_;       // of edges_: a place in nodes_, or none
    std::vector<std::uint32_t> first_reason_;  // of nodes_, and one more
    std::vector<std::uint32_t> next_reason_;
    std::vector<reason> reasons_;
    std::size_t first_unsettled_ = 0;  // every node before it is settled or removed

    // Of the searches.
    std::vector<path_step> path_;
    std::vector<std::uint32_t> queue_;
    std::vector<std::uint32_t> reached_by_;  // of nodes_: an edge, or none
    std::size_t steps_ = 0;
};

}  // namespace mantis
