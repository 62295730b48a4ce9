// SPDX-License-Identifier: BSL-1.0
#include "waits.hpp"

#include <map>

using namespace lock_test;

namespace {

std::vector<owner> owners_of(const deadlock_cycle& cycle) {
    std::vector<owner> found;
    for (const wait_node& each : cycle.nodes) found.push_back(each.owner);
    return found;
}

// By taking away, as long as there is one, an owner that waits for nobody who is left.
bool has_cycle(pairs waits, const std::set<owner>& removed) {
    std::erase_if(waits, [&](const auto& each) {
        return each.first == each.second || removed.count(each.first) != 0 ||
               removed.count(each.second) != 0;
    });
    for (std::size_t before = waits.size() + 1; waits.size() < before;) {
        before = waits.size();
        std::set<owner> waiting;
        for (const auto& each : waits) waiting.insert(each.first);
        std::erase_if(waits, [&](const auto& each) { return waiting.count(each.second) == 0; });
    }
    return !waits.empty();
}

// Whether from > ... > to, by the same pairs and within `steps` of them.
bool reaches(const pairs& waits, owner from, owner to, std::size_t steps) {
    std::set<owner> reached{from};
    for (std::size_t i = 0; i < steps; ++i) {
        std::set<owner> next;
        for (const auto& [waiter, blocker] : waits)
            if (reached.count(waiter) != 0 && waiter != blocker) next.insert(blocker);
        if (next.count(to) != 0) return true;
        reached.insert(next.begin(), next.end());
    }
    return false;
}

// Whether `cycle` is a ring of `waits`, told in order, with the facts of its owners.
bool is_ring(const deadlock_cycle& cycle, const pairs& waits) {
    std::set<owner> distinct;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
        const wait_edge& each = cycle.edges[i];
        if (each.waiter != cycle.nodes[i].owner) return false;
        if (each.blocker != cycle.nodes[(i + 1) % cycle.size()].owner) return false;
        if (cycle.nodes[i].birth != 100 + each.waiter) return false;
        if (std::count(waits.begin(), waits.end(), std::pair{each.waiter, each.blocker}) == 0)
            return false;
        distinct.insert(each.waiter);
    }
    return cycle.size() >= 2 && distinct.size() == cycle.size() &&
           cycle.edges.size() == cycle.size();
}

// Few owners and ids of any size, so that rings are likely and of several lengths.

}  // namespace

TEST_CASE("an owner that converts S to X and meets its own S is no dead-lock") {
    wait_graph graph = graph_of({{1, 1}, {1, 2}});
    CHECK(graph.edge_count() == 1);
    CHECK(graph.find_cycle(1).empty());
    CHECK(graph.find_any_cycle().empty());
}

TEST_CASE("two holders of S that both want X are a dead-lock, told with all it knows") {
    wait_graph graph;
    wait_node first = node(7);
    first.birth = 70;
    first.locks = 3;
    first.label = "transfer";
    graph.add_node(first);
    graph.add_node(node(9));
    graph.add_edge(edge(7, 7, "account/1"));
    graph.add_edge(edge(7, 9, "account/1"));
    graph.add_edge(edge(9, 7, "account/1"));
    const deadlock_cycle cycle = graph.find_cycle(7);
    REQUIRE(owners_of(cycle) == std::vector<owner>{7, 9});
    CHECK(cycle.nodes[0].birth == 70);
    CHECK(cycle.nodes[0].locks == 3);
    CHECK(cycle.nodes[0].label == first.label);
    CHECK(cycle.edges[0].resource.view() == "account/1");
    CHECK(cycle.edges[1].wanted == lock_mode::X);
    CHECK(cycle.edges[1].held == lock_mode::S);
    CHECK(owners_of(graph.find_cycle(9)) == std::vector<owner>{9, 7});
    CHECK(graph.find_cycle(8).empty());
}

TEST_CASE("who does not wait ends no cycle") {
    wait_graph graph;
    graph.add_node(node(1));
    graph.add_edge(edge(1, 2));
    graph.add_edge(edge(2, 1));
    CHECK(graph.find_any_cycle().empty());
    CHECK(graph.edge_count() == 2);
    CHECK(graph.find(2) == nullptr);
    graph.add_node(node(2));
    CHECK(graph.find_any_cycle().size() == 2);
}

TEST_CASE("who only waits for owners of a ring is on no cycle, and the ring is found from it") {
    wait_graph graph = graph_of({{1, 2}, {2, 3}, {3, 2}});
    CHECK(graph.find_cycle(1).empty());
    CHECK(graph.find_any_cycle().size() == 2);
}

TEST_CASE("of several cycles through an owner the shortest is told") {
    wait_graph graph = graph_of({{1, 2}, {2, 3}, {3, 4}, {4, 1}, {2, 5}, {5, 1}});
    CHECK(owners_of(graph.find_cycle(1)) == std::vector<owner>{1, 2, 5});
    CHECK(owners_of(graph.find_cycle(4)) == std::vector<owner>{4, 1, 2, 3});
}

TEST_CASE("a victim that leaves ends every cycle through it, and only those") {
    wait_graph graph = graph_of({{1, 2}, {2, 1}, {2, 3}, {3, 2}, {4, 5}, {5, 4}});
    CHECK(graph.remove(2));
    CHECK_FALSE(graph.remove(2));
    CHECK_FALSE(graph.remove(77));
    CHECK(graph.size() == 4);
    CHECK(graph.find(2) == nullptr);
    CHECK(graph.find_cycle(1).empty());
    CHECK(graph.find_cycle(2).empty());
    CHECK(owners_of(graph.find_any_cycle()) == std::vector<owner>{4, 5});
    graph.each_node([](const wait_node& left) { CHECK(left.owner != 2); });
}

TEST_CASE("of two waits of one owner the later tells the facts") {
    wait_graph graph;
    for (const std::uint64_t number : {5U, 8U, 6U}) {
        wait_node each = node(1);
        each.wait_number = number;
        each.work = number;
        graph.add_node(each);
    }
    CHECK(graph.size() == 1);
    CHECK(graph.find(1)->wait_number == 8);
    CHECK(graph.find(1)->work == 8);
    graph.remove(1);
    graph.add_node(node(1));  // its next wait
    CHECK(graph.size() == 1);
    CHECK(graph.find(1)->wait_number == 1);
}

TEST_CASE("clear forgets everything and keeps the storage") {
    wait_graph graph = graph_of({{1, 2}, {2, 1}});
    CHECK(graph.find_any_cycle().size() == 2);
    const wait_node* const place = graph.find(1);
    const std::byte* const text = place->resource.data();
    graph.clear();
    CHECK(graph.size() == 0);
    CHECK(graph.edge_count() == 0);
    CHECK(graph.find(1) == nullptr);
    CHECK(graph.find_any_cycle().empty());
    fill(graph, {{1, 3}, {3, 4}});
    CHECK(graph.find(1) == place);
    CHECK(graph.find(1)->resource.data() == text);
    CHECK(graph.find_any_cycle().empty());
}

TEST_CASE(
    "ten thousand waits in a chain are searched in one look at each, and in a ring likewise") {
    constexpr owner length = 10'000;
    pairs chain;
    for (owner each = 1; each < length; ++each) chain.emplace_back(each, each + 1);
    wait_graph graph = graph_of(chain);
    graph.add_node(node(length));
    CHECK(graph.find_any_cycle().empty());
    CHECK(graph.search_steps() == length - 1);
    CHECK(graph.find_any_cycle().empty());
    CHECK(graph.search_steps() == 0);  // nothing was added

    graph.add_edge(edge(length, 1));
    CHECK(graph.find_cycle(5).size() == length);
    CHECK(graph.search_steps() == length);
    CHECK(graph.find_any_cycle().size() == length);
    CHECK(graph.search_steps() == 2 * length);  // down to it, and once around
    graph.remove(length / 2);
    CHECK(graph.find_any_cycle().empty());
    CHECK(graph.search_steps() <= length);
}

TEST_CASE("a shared wait is searched once, though the paths to it are countless") {
    pairs ladder;  // 2^50 paths
    for (owner rung = 0; rung < 100; rung += 2)
        for (const owner side : {0U, 1U})
            for (const owner next : {2U, 3U}) ladder.emplace_back(rung + side, rung + next);
    wait_graph graph = graph_of(ladder);
    CHECK(graph.find_any_cycle().empty());
    CHECK(graph.search_steps() <= ladder.size());
    CHECK(graph.find_cycle(0).empty());
    CHECK(graph.search_steps() <= ladder.size());
}

TEST_CASE("a cycle is found when there is one, and what is found is one") {
    CHECK(rc::check("find_any_cycle and find_cycle against removal by degree", [] {
        const pairs waits = *some_waits();
        wait_graph graph = graph_of(waits);
        const deadlock_cycle cycle = graph.find_any_cycle();
        RC_ASSERT(!cycle.empty() == has_cycle(waits, {}));
        RC_ASSERT(cycle.empty() || is_ring(cycle, waits));
        std::set<owner> waiters;
        for (const auto& each : waits) waiters.insert(each.first);
        pairs among = waits;
        std::erase_if(among, [&](const auto& each) { return waiters.count(each.second) == 0; });
        for (const owner each : waiters) {
            const deadlock_cycle own = graph.find_cycle(each);
            RC_ASSERT(!own.empty() == reaches(among, each, each, waiters.size()));
            if (own.empty()) continue;
            RC_ASSERT(is_ring(own, waits) && own.nodes[0].owner == each);
            RC_ASSERT(!reaches(among, each, each, own.size() - 1));
        }
    }));
}

TEST_CASE("one victim for each found cycle, and then there is none") {
    CHECK(rc::check("every victim was needed when it was chosen, and all together are enough", [] {
        const pairs waits = *some_waits();
        wait_graph graph;
        fill(graph, *some_waits());
        graph.clear();
        fill(graph, waits);
        const std::size_t before = graph.size();
        std::set<owner> victims;
        for (;;) {
            const bool expected = has_cycle(waits, victims);
            const deadlock_cycle cycle = graph.find_any_cycle();
            RC_ASSERT(!cycle.empty() == expected);
            if (cycle.empty()) break;
            RC_ASSERT(is_ring(cycle, waits));
            for (const owner each : owners_of(cycle)) RC_ASSERT(victims.count(each) == 0U);
            const owner victim = cycle.nodes[*rc::gen::inRange<std::size_t>(0, cycle.size())].owner;
            RC_ASSERT(graph.remove(victim));
            victims.insert(victim);
            RC_ASSERT(graph.size() == before - victims.size());
        }
    }));
}

TEST_CASE("owners are found again, whatever their ids and however often all were forgotten") {
    wait_graph graph;
    std::uint64_t id = 1;
    for (std::size_t round = 0; round < 50; ++round) {
        std::vector<owner> added;
        for (std::size_t i = 0; i < 20 * (round % 7); ++i) {
            id = id * 6364136223846793005U + 1442695040888963407U;
            added.push_back(round % 2 == 0 ? id : id << 40U);  // the low bits alike
            graph.add_node(node(added.back()));
        }
        const std::set<owner> distinct{added.begin(), added.end()};
        CHECK(graph.size() == distinct.size());
        for (const owner each : distinct) {
            REQUIRE(graph.find(each) != nullptr);
            REQUIRE(graph.find(each)->owner == each);
        }
        graph.clear();
        for (const owner each : distinct) REQUIRE(graph.find(each) == nullptr);
    }
}

TEST_CASE("what was forgotten does not come back when the table of owners grows") {
    std::uint64_t id = 1;
    for (int round = 0; round < 200; ++round) {
        std::vector<owner> ids;
        for (int i = 0; i < 13; ++i) ids.push_back(id = id * 6364136223846793005U + 1);
        wait_graph graph;
        for (std::size_t i = 0; i < 8; ++i) graph.add_node(node(ids[i]));
        graph.clear();
        // Half of them again, some now in the places of those they had collided with; then others,
        // the last of which makes the table grow.
        ids.erase(ids.begin(), ids.begin() + 4);
        for (const owner each : ids) graph.add_node(node(each));
        for (const owner each : ids) {
            REQUIRE(graph.find(each) != nullptr);
            REQUIRE(graph.find(each)->owner == each);
        }
    }
}
