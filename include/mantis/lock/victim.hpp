// SPDX-License-Identifier: BSL-1.0
//
// Who gives way when owners wait for each other in a ring: victim policies.
//
// Concept victim_policy, for a type P:
//   expression        returns      meaning
//   P::choose(cycle)  std::size_t  index into cycle.nodes of the owner whose wait ends with an
//                                  error; cycle is not empty
//
// The choice should depend on the owners alone and not on where the telling of the ring begins:
// the same dead-lock may be found twice, from two ends, and must have one victim. The policies here
// end every comparison with the youngest, and then the largest owner id.
//
//   policy                  who gives way                     for
//   youngest_victim         the one born last                 the stock choice: an owner keeps its
//                                                             birth over its retries, grows old,
//                                                             and so gets through in the end
//   fewest_locks_victim     the one with the fewest locks     short waits of the others
//   least_work_victim       the one that did the least        throughput
//   lowest_priority_victim  the least important one           owners with deadlines
//   adaptive_victim         the one that was a victim the     throughput without starving anybody
//                           least often; then least work,
//                           fewest locks
//
// Starvation: with fewest_locks, least_work and lowest_priority an owner that is always the poorest
// of its ring is always the victim. With adaptive_victim, of n owners alive at once, none is chosen
// more than n - 1 times, provided that retries are kept and that the owner which waited for the
// victim then ends: a victim's retries grow only past those of somebody who is done by that. (Order
// the owners by retries, most first: the k-th never has more than n - k.)
//
// Threads: pure functions.
#pragma once

#include "wait_graph.hpp"

#include <concepts>

namespace mantis {

template <class P>
concept victim_policy = requires(const deadlock_cycle& cycle) {
    { P::choose(cycle) } -> std::same_as<std::size_t>;
};

namespace detail {

// The order that ends every choice: the youngest first, then the largest id; ids differ.
[[nodiscard]] inline bool younger(const wait_node& a, const wait_node& b) noexcept {
    return a.birth != b.birth ? a.birth > b.birth : a.owner > b.owner;
}

// The index of the first node by a strict order of all nodes.
template <class Order>
[[nodiscard]] std::size_t first_victim(const deadlock_cycle& cycle, Order gives_way_before) {
    check(!cycle.empty(), "a victim is chosen from a cycle, and this one is empty");
    std::size_t first = 0;
    for (std::size_t i = 1; i < cycle.nodes.size(); ++i)
        if (gives_way_before(cycle.nodes[i], cycle.nodes[first])) first = i;
    return first;
}

}  // namespace detail

struct youngest_victim {
    [[nodiscard]] static std::size_t choose(const deadlock_cycle& cycle) {
        return detail::first_victim(cycle, detail::younger);
    }
};

struct fewest_locks_victim {
    [[nodiscard]] static std::size_t choose(const deadlock_cycle& cycle) {
        return detail::first_victim(cycle, [](const wait_node& a, const wait_node& b) {
            return a.locks != b.locks ? a.locks < b.locks : detail::younger(a, b);
        });
    }
};

struct least_work_victim {
    [[nodiscard]] static std::size_t choose(const deadlock_cycle& cycle) {
        return detail::first_victim(cycle, [](const wait_node& a, const wait_node& b) {
            return a.work != b.work ? a.work < b.work : detail::younger(a, b);
        });
    }
};

struct lowest_priority_victim {
    [[nodiscard]] static std::size_t choose(const deadlock_cycle& cycle) {
        return detail::first_victim(cycle, [](const wait_node& a, const wait_node& b) {
            return a.priority != b.priority ? a.priority < b.priority : detail::younger(a, b);
        });
    }
};

struct adaptive_victim {
    [[nodiscard]] static std::size_t choose(const deadlock_cycle& cycle) {
        return detail::first_victim(cycle, [](const wait_node& a, const wait_node& b) {
            if (a.retries != b.retries) return a.retries < b.retries;
            if (a.work != b.work) return a.work < b.work;
            return a.locks != b.locks ? a.locks < b.locks : detail::younger(a, b);
        });
    }
};

static_assert(victim_policy<youngest_victim> && victim_policy<fewest_locks_victim> &&
              victim_policy<least_work_victim> && victim_policy<lowest_priority_victim> &&
              victim_policy<adaptive_victim>);

}  // namespace mantis
