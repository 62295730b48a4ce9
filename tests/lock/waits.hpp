// SPDX-License-Identifier: BSL-1.0
//
// Who waits for whom, in short words.
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <mantis/lock/wait_graph.hpp>

#include <set>
#include <string>

namespace lock_test {

using namespace mantis;

using owner = std::uint64_t;
using pairs = std::vector<std::pair<owner, owner>>;

inline wait_node node(owner id) {
    wait_node made;
    made.owner = id;
    made.wait_number = 1;
    made.birth = 100 + id;
    made.resource = bytes{"resource"};
    return made;
}
inline wait_edge edge(owner waiter, owner blocker, bytes_view resource = "r") {
    wait_edge made;
    made.waiter = waiter;
    made.blocker = blocker;
    made.wanted = lock_mode::X;
    made.held = lock_mode::S;
    made.resource = bytes{resource};
    return made;
}

// Every waiter is a node; a blocker is one only if it waits itself.
inline void fill(wait_graph& graph, const pairs& waits) {
    std::set<owner> waiters;
    for (const auto& [waiter, blocker] : waits) {
        graph.add_edge(edge(waiter, blocker));
        waiters.insert(waiter);
    }
    for (const owner each : waiters) graph.add_node(node(each));
}
inline wait_graph graph_of(const pairs& waits) {
    wait_graph graph;
    fill(graph, waits);
    return graph;
}

inline rc::Gen<pairs> some_waits() {
    return rc::gen::mapcat(rc::gen::inRange<std::size_t>(2, 12), [](std::size_t count) {
        return rc::gen::mapcat(
            rc::gen::unique<std::vector<owner>>(count, rc::gen::arbitrary<owner>()),
            [](std::vector<owner> ids) {
                const auto one = rc::gen::elementOf(ids);
                return rc::gen::container<pairs>(rc::gen::pair(one, one));
            });
    });
}

inline bool contains(const bytes& text, const char* part) {
    return text.as<std::string>().find(part) != std::string::npos;
}

}  // namespace lock_test
