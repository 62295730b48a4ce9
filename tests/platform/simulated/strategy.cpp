// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace mantis;

namespace {

simulation_options with_schedule(const schedule& chosen) {
    simulation_options options;
    options.scheduling = chosen;
    return options;
}

// Threads that each append their letter at every step they get.
struct interleaving {
    std::string order;
    std::uint64_t hash = 0;
};
interleaving interleave(std::uint64_t seed, const schedule& chosen, int threads = 3,
                        int steps = 6) {
    simulation world{seed, with_schedule(chosen)};
    interleaving seen;
    simulated::atomic<int> step{0};
    world.run([&] {
        std::vector<simulated::thread> others;
        for (int i = 0; i < threads; ++i)
            others.emplace_back([&, i] {
                for (int n = 0; n < steps; ++n) {
                    ++step;
                    seen.order += static_cast<char>('a' + i);
                }
            });
        for (auto& other : others) other.join();
    });
    seen.hash = world.trace_hash();
    return seen;
}

int switches_in(const std::string& order) {
    int count = 0;
    for (std::size_t i = 1; i < order.size(); ++i) count += order[i] != order[i - 1] ? 1 : 0;
    return count;
}

// A bug that needs one thread to run all of its steps between two neighbouring ones of another.
bool finds_long_gap(std::uint64_t seed, const schedule& chosen) {
    simulation world{seed, with_schedule(chosen)};
    simulated::atomic<int> step{0};
    bool open = false;
    bool found = false;
    world.run([&] {
        simulated::thread door{[&] {
            for (int i = 0; i < 20; ++i) ++step;
            open = true;
            ++step;
            open = false;
            for (int i = 0; i < 20; ++i) ++step;
        }};
        simulated::thread guest{[&] {
            bool always = true;
            for (int i = 0; i < 20; ++i) {
                ++step;
                always = always && open;
            }
            found = always;
        }};
        door.join();
        guest.join();
    });
    return found;
}

}  // namespace

TEST_CASE("the same seed gives the same run under every strategy and disturbance") {
    schedule disturbed{.kind = schedule_kind::pct};
    disturbed.starve_steps = 8;
    const schedule chosen[] = {{.kind = schedule_kind::random},
                               {.kind = schedule_kind::pct},
                               {.kind = schedule_kind::pct, .pct_depth = 5, .pct_steps = 40},
                               {.kind = schedule_kind::round_robin},
                               {.kind = schedule_kind::random, .starve_steps = 10},
                               disturbed};
    for (const schedule& one : chosen) {
        std::set<std::uint64_t> hashes;
        for (std::uint64_t seed = 0; seed < 50; ++seed) {
            const interleaving first = interleave(seed, one);
            const interleaving second = interleave(seed, one);
            CHECK(first.order == second.order);
            CHECK(first.hash == second.hash);
            hashes.insert(first.hash);
        }
        CHECK(hashes.size() > 10);
    }
}

TEST_CASE("round robin gives every thread its turn, whatever the seed") {
    const std::string order = interleave(1, {.kind = schedule_kind::round_robin}).order;
    CHECK(order == "aababcabcabcabcbcc");  // made one after another, they end so too
    for (std::uint64_t seed = 2; seed < 20; ++seed)
        CHECK(interleave(seed, {.kind = schedule_kind::round_robin}).order == order);
}

TEST_CASE("PCT without change points lets one thread after another run to its end") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const std::string order =
            interleave(seed, {.kind = schedule_kind::pct, .pct_depth = 1}).order;
        // A thread that is made later may come before one that is not done.
        CHECK(switches_in(order) <= 4);
        orders.insert(order);
    }
    CHECK(orders.count("aaaaaabbbbbbcccccc") == 1);
    CHECK(orders.count("ccccccbbbbbbaaaaaa") == 1);
}

TEST_CASE("PCT changes priorities at depth - 1 steps") {
    std::size_t most = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto run = [&](unsigned depth) {
            return switches_in(
                interleave(seed, {.kind = schedule_kind::pct, .pct_depth = depth, .pct_steps = 30})
                    .order);
        };
        CHECK(run(2) <= 6);
        CHECK(run(4) <= 10);
        most = std::max(most, static_cast<std::size_t>(run(4)));
    }
    CHECK(most > 4);
}

TEST_CASE("PCT finds within 500 seeds what needs two orderings and round robin never finds") {
    const schedule pct{.kind = schedule_kind::pct, .pct_depth = 2, .pct_steps = 64};
    const schedule in_turn{.kind = schedule_kind::round_robin};
    int found = 0;
    int found_in_turn = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        found += finds_long_gap(seed, pct) ? 1 : 0;
        found_in_turn += finds_long_gap(seed, in_turn) ? 1 : 0;
    }
    CHECK(found >= 500 / (3 * 64));  // the published bound, for three threads and 64 steps
    CHECK(found_in_turn == 0);
}

TEST_CASE("PCT lets others run while the thread of the highest priority spins") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulation world{seed, with_schedule({.kind = schedule_kind::pct})};
        simulated::atomic<int> turn{0};
        world.run([&] {
            const auto play = [&](int me) {
                for (int i = 0; i < 3; ++i) {
                    while (turn.load() != me) {}
                    turn.store(1 - me);
                }
            };
            simulated::thread other{[&] { play(1); }};
            play(0);
            other.join();
        });
        CHECK(world.steps() < 100'000);
    }
}

TEST_CASE("a starved thread is passed over for a while, and only then") {
    schedule chosen{.kind = schedule_kind::round_robin};
    const auto longest_gap = [&](std::uint64_t seed) {
        const std::string order = interleave(seed, chosen, 3, 100).order;
        std::size_t longest = 0;
        std::size_t last[3] = {0, 0, 0};
        const std::size_t end = std::min({order.rfind('a'), order.rfind('b'), order.rfind('c')});
        for (std::size_t i = 0; i < end; ++i) {
            std::size_t& before = last[order[i] - 'a'];
            longest = std::max(longest, i - before);
            before = i;
        }
        return longest;
    };
    CHECK(longest_gap(1) <= 6);
    chosen.starve_steps = 40;
    std::size_t longest = 0;
    for (std::uint64_t seed = 0; seed < 30; ++seed) longest = std::max(longest, longest_gap(seed));
    CHECK(longest > 20);
    CHECK(longest < 50);
}

TEST_CASE("a drawn schedule is random or PCT, and each disturbance is on in half of them") {
    int pct = 0;
    int spurious = 0;
    int starved = 0;
    int jumps = 0;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        const schedule drawn = drawn_schedule(seed);
        CHECK((drawn.kind == schedule_kind::random || drawn.kind == schedule_kind::pct));
        CHECK(drawn.spurious_one_in != 1);  // a wait in a loop must get to sleep
        pct += drawn.kind == schedule_kind::pct ? 1 : 0;
        spurious += drawn.spurious_one_in != 0 ? 1 : 0;
        starved += drawn.starve_steps != 0 ? 1 : 0;
        jumps += drawn.wall_jump_one_in != 0 ? 1 : 0;
        if (seed < 100)
            CHECK(interleave(seed, drawn).hash == interleave(seed, drawn_schedule(seed)).hash);
    }
    for (const int count : {pct, spurious, starved, jumps}) {
        CHECK(count > 400);
        CHECK(count < 600);
    }
}

TEST_CASE("a script goes through all decisions, the last one first") {
    schedule_script script{1};
    std::set<std::string> seen;
    do {
        bytes text;
        const std::size_t first = script.choose(2, true);
        const std::size_t second = script.choose(3, false);
        const std::size_t third = script.choose(2, false);
        CHECK((second == 0 || third == 0));  // one preemption at most
        CHECK(first < 2);
        script.append_to(text);
        seen.insert(text.as<std::string>());
    } while (script.next());
    CHECK(seen ==
          std::set<std::string>{"0 0 0", "0 0 1", "0 1", "0 2", "1 0 0", "1 0 1", "1 1", "1 2"});
    CHECK(script.choose(2, true) == 0);  // from the beginning
}
