// SPDX-License-Identifier: BSL-1.0
#include <mantis/lock/victim.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

#include "../platform/death.hpp"

using namespace mantis;

namespace {

wait_node owner(std::uint64_t id, std::uint64_t birth) {
    wait_node made;
    made.owner = id;
    made.birth = birth;
    return made;
}
deadlock_cycle ring(std::vector<wait_node> nodes) {
    deadlock_cycle made;
    made.nodes = std::move(nodes);
    return made;
}

template <class Policy>
std::uint64_t victim_of(const deadlock_cycle& cycle) {
    return cycle.nodes[Policy::choose(cycle)].owner;
}

// Owners of which each but the last is the victim of one policy: by birth, locks, work, priority.
deadlock_cycle four_reasons() {
    std::vector<wait_node> nodes{owner(1, 90), owner(2, 40), owner(3, 30), owner(4, 20)};
    for (wait_node& each : nodes) {
        each.locks = 5;
        each.work = 50;
        each.priority = 3;
    }
    nodes[1].locks = 1;
    nodes[2].work = 2;
    nodes[3].priority = 0;
    return ring(nodes);
}

// The same whichever owner the ring is told from.
template <class Policy>
bool same_from_all_ends(deadlock_cycle cycle) {
    const std::uint64_t chosen = victim_of<Policy>(cycle);
    for (std::size_t i = 1; i < cycle.size(); ++i) {
        std::rotate(cycle.nodes.begin(), cycle.nodes.begin() + 1, cycle.nodes.end());
        if (victim_of<Policy>(cycle) != chosen) return false;
    }
    return true;
}

// Any ring of owners whose facts are alike often.
rc::Gen<deadlock_cycle> some_ring() {
    return rc::gen::map(
        rc::gen::suchThat(
            rc::gen::unique<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 20)),
            [](const std::vector<std::uint64_t>& ids) { return !ids.empty(); }),
        [](const std::vector<std::uint64_t>& ids) {
            std::vector<wait_node> nodes;
            for (const std::uint64_t id : ids) {
                wait_node made = owner(id, id * 7 % 3);
                made.locks = static_cast<std::uint32_t>(id * 5 % 2);
                made.work = id * 11 % 3;
                made.retries = static_cast<std::uint32_t>(id * 13 % 2);
                made.priority = static_cast<std::uint8_t>(id * 3 % 2);
                nodes.push_back(made);
            }
            return ring(nodes);
        });
}

// Owners that dead-lock with each other for ever: of every ring the victim starts again with its
// retries counted, the one that waited for it ends, and a new owner takes that one's place.
template <class Policy>
class storm {
public:
    explicit storm(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) alive_.push_back(arrival());
    }
    // A ring of the alive owners at these places, in this order.
    void collide(const std::vector<std::size_t>& places) {
        std::vector<wait_node> nodes;
        for (const std::size_t place : places) nodes.push_back(alive_[place]);
        const std::size_t victim = Policy::choose(ring(nodes));
        const std::size_t survivor = (victim + places.size() - 1) % places.size();
        wait_node& again = alive_[places[victim]];
        ++again.retries;
        most_retries_ = std::max(most_retries_, again.retries);
        alive_[places[survivor]] = arrival();
    }
    const std::vector<wait_node>& alive() const { return alive_; }
    std::uint32_t most_retries() const { return most_retries_; }

private:
    // All but the first have much to lose, so that the first is what every other policy wants.
    wait_node arrival() {
        ++arrived_;
        wait_node made = owner(arrived_, arrived_);
        made.work = arrived_ == 1 ? 0 : 1'000;
        made.locks = arrived_ == 1 ? 0 : 10;
        made.priority = arrived_ == 1 ? 0 : 10;
        return made;
    }

    std::vector<wait_node> alive_;
    std::uint64_t arrived_ = 0;
    std::uint32_t most_retries_ = 0;
};

// How often the poorest owner is the victim before it gets through, of 1,000 times, when it meets
// everybody each time.
template <class Policy>
std::uint32_t times_chosen() {
    storm<Policy> all{5};
    for (std::uint32_t i = 0; i < 1'000; ++i) {
        if (all.alive()[0].owner != 1) return i;
        std::vector<std::size_t> places{0, 1, 2, 3, 4};
        std::rotate(places.begin(), places.begin() + i % 5, places.end());
        all.collide(places);
        if (all.alive()[0].owner == 1 && all.alive()[0].retries != i + 1) return i;
    }
    return 1'000;
}

}  // namespace

TEST_CASE("each policy looks at what it is named after") {
    const deadlock_cycle cycle = four_reasons();
    CHECK(victim_of<youngest_victim>(cycle) == 1);
    CHECK(victim_of<fewest_locks_victim>(cycle) == 2);
    CHECK(victim_of<least_work_victim>(cycle) == 3);
    CHECK(victim_of<lowest_priority_victim>(cycle) == 4);
}

TEST_CASE("adaptive: retries, then work, then locks, then the youngest") {
    deadlock_cycle cycle = four_reasons();
    CHECK(victim_of<adaptive_victim>(cycle) == 3);  // the least work
    cycle.nodes[2].retries = 1;
    CHECK(victim_of<adaptive_victim>(cycle) == 2);  // the fewest locks of those never chosen
    cycle.nodes[1].retries = 2;
    CHECK(victim_of<adaptive_victim>(cycle) == 1);  // the youngest of the two left
    cycle.nodes[0].retries = 2;
    cycle.nodes[3].retries = 2;
    CHECK(victim_of<adaptive_victim>(cycle) == 3);  // the one chosen least often
}

TEST_CASE("ties end with the youngest, and then with the largest id") {
    const deadlock_cycle births = ring({owner(5, 10), owner(3, 11), owner(4, 11), owner(9, 2)});
    CHECK(victim_of<youngest_victim>(births) == 4);
    CHECK(victim_of<fewest_locks_victim>(births) == 4);
    CHECK(victim_of<least_work_victim>(births) == 4);
    CHECK(victim_of<lowest_priority_victim>(births) == 4);
    CHECK(victim_of<adaptive_victim>(births) == 4);
}

TEST_CASE("the victim does not depend on the end from which the ring is told") {
    CHECK(rc::check("rotations", [] {
        const deadlock_cycle cycle = *some_ring();
        RC_ASSERT(same_from_all_ends<youngest_victim>(cycle));
        RC_ASSERT(same_from_all_ends<fewest_locks_victim>(cycle));
        RC_ASSERT(same_from_all_ends<least_work_victim>(cycle));
        RC_ASSERT(same_from_all_ends<lowest_priority_victim>(cycle));
        RC_ASSERT(same_from_all_ends<adaptive_victim>(cycle));
    }));
}

TEST_CASE("a poor owner among rich newcomers starves by one fact alone, and not by adaptive") {
    CHECK(times_chosen<least_work_victim>() == 1'000);
    CHECK(times_chosen<fewest_locks_victim>() == 1'000);
    CHECK(times_chosen<lowest_priority_victim>() == 1'000);
    CHECK(times_chosen<adaptive_victim>() == 1);
}

TEST_CASE("adaptive: of n owners none is a victim more than n - 1 times, whoever meets whom") {
    CHECK(rc::check("random storms", [] {
        const auto count = *rc::gen::inRange<std::size_t>(2, 7);
        storm<adaptive_victim> all{count};
        for (int round = 0; round < 200; ++round) {
            std::vector<std::size_t> places(count);
            for (std::size_t i = 0; i < count; ++i) places[i] = i;
            for (std::size_t i = count - 1; i > 0; --i)
                std::swap(places[i], places[*rc::gen::inRange<std::size_t>(0, i + 1)]);
            places.resize(*rc::gen::inRange<std::size_t>(2, count + 1));
            all.collide(places);
            RC_ASSERT(all.most_retries() <= count - 1);
        }
    }));
}

TEST_CASE("adaptive: n - 1 times is what the worst enemy gets, and no more") {
    for (std::size_t count = 2; count < 9; ++count) {
        storm<adaptive_victim> all{count};
        // The enemy lets the two meet that have the most retries alike, for only equals get on.
        for (int round = 0; round < 3'000; ++round) {
            std::vector<std::size_t> pair{0, 1};
            std::int64_t best = -1;
            for (std::size_t a = 0; a < count; ++a)
                for (std::size_t b = a + 1; b < count; ++b) {
                    const std::uint32_t retries = all.alive()[a].retries;
                    if (retries != all.alive()[b].retries || retries <= best) continue;
                    best = retries;
                    pair = {a, b};
                }
            all.collide(pair);
        }
        CHECK(all.most_retries() == count - 1);
    }
}

TEST_CASE("a victim of nobody is refused") {
    const auto end = platform_test::death_of([] { (void)youngest_victim::choose({}); });
    CHECK(end.signal == SIGABRT);
    CHECK(platform_test::contains(end.said, "empty"));
}
