// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/txn/write_pace.hpp>

#include <vector>

using namespace mantis;

namespace {

struct source {
    write_levels levels;
    int asked = 0;

    static write_levels tell(void* self) {
        auto& own = *static_cast<source*>(self);
        ++own.asked;
        return own.levels;
    }
};

using pace_type = write_pace<simulated>;
constexpr nanoseconds limit = milliseconds(5);

// The time that one commit of so many bytes took.
nanoseconds time_of(simulation& world, pace_type& pace, std::uint64_t end, std::uint64_t size) {
    const nanoseconds begun = world.now();
    pace.pass({end}, size);
    return world.now() - begun;
}

}  // namespace

TEST_CASE("without a debt levels are asked for once in so much log, and nobody waits") {
    simulation world{1};
    world.run([&] {
        pace_type pace{limit};
        source levels;
        pace.pass({100}, 100);
        CHECK(levels.asked == 0);  // nothing is asked before begin()
        pace.begin(&source::tell, &levels);
        for (std::uint64_t end = 0; end < 10 * pace_type::look_bytes; end += 64)
            pace.pass({end}, 64);
        CHECK(levels.asked == 10);
        CHECK(pace.stats().looks == 10);
        CHECK(pace.stats().delayed == 0);
        CHECK(world.now() < milliseconds(1));
    });
}

TEST_CASE("a commit waits for what it owes, and for no longer than the limit") {
    simulation world{2};
    world.run([&] {
        pace_type pace{limit};
        source levels{{0, 2, 0, 0, 0}};
        pace.begin(&source::tell, &levels);
        for (std::uint64_t end = 0; end < 20; ++end) {
            const nanoseconds took = time_of(world, pace, end, 100'000);
            CHECK(took >= limit);
            CHECK(took < limit + milliseconds(1));
        }
        const write_pace_stats seen = pace.stats();
        CHECK(seen.debt == 1);
        CHECK(seen.levels.log == 2);
        CHECK(seen.delayed == 20);
        CHECK(seen.longest >= limit);
        CHECK(seen.longest < limit + milliseconds(1));
        CHECK(seen.delay >= nanoseconds{20 * limit.count});
        levels.levels = {};
        CHECK(time_of(world, pace, 20, 100) < milliseconds(1));
        CHECK(pace.stats().debt == 0);
    });
}

TEST_CASE("what writers bring together is what the debt allows, however many they are") {
    // 64 bytes cost the limit times the eighth power of 0.8: 0.84 ms.
    const double most = 0.08 / (0.005 * 0.167772);
    for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        simulation world{3};
        int commits = 0;
        world.run([&] {
            pace_type pace{limit};
            source levels{{0.9, 0, 0, 0, 0}};
            pace.begin(&source::tell, &levels);
            const nanoseconds until = world.now() + milliseconds(80);
            std::vector<simulated::thread> all;
            for (int i = 0; i < threads; ++i)
                all.emplace_back([&] {
                    for (; world.now() < until; ++commits) pace.pass({1}, 64);
                });
            for (auto& each : all) each.join();
        });
        CHECK(commits <= most + 2 * threads);
        CHECK(commits >= most * 0.8);
    }
}

TEST_CASE("who brings less than the debt allows does not wait") {
    simulation world{4};
    world.run([&] {
        pace_type pace{limit};
        source levels{{0.9, 0, 0, 0, 0}};
        pace.begin(&source::tell, &levels);
        pace.pass({1}, 64);
        for (int i = 0; i < 10; ++i) {
            simulated{world.platform()}.sleep(milliseconds(3));
            pace.pass({1}, 8);
        }
        CHECK(pace.stats().delayed == 1);
    });
}

TEST_CASE("a limit of none delays nobody and asks for nothing") {
    simulation world{5};
    world.run([&] {
        pace_type pace{{}};
        source levels{{1, 1, 1, 1, 1}};
        pace.begin(&source::tell, &levels);
        for (std::uint64_t end = 0; end < 100'000; end += 1000)
            CHECK(time_of(world, pace, end, 1000) < milliseconds(1));
        CHECK(levels.asked == 0);
        CHECK(pace.stats().delayed == 0);
    });
}

TEST_CASE("stopping lets go of who waits, and nobody waits from then on") {
    simulation world{6};
    world.run([&] {
        pace_type pace{seconds(1000)};
        source levels{{1, 0, 0, 0, 0}};
        pace.begin(&source::tell, &levels);
        simulated::thread waits{[&] { pace.pass({1}, 1000); }};
        simulated{world.platform()}.sleep(seconds(1));
        pace.stop();
        waits.join();
        CHECK(world.now() < seconds(2));
        CHECK(time_of(world, pace, 1'000'000, 1000) < milliseconds(1));
        CHECK(levels.asked == 1);
    });
}

TEST_CASE("threads that pass, look and count at once meet no race") {
    write_pace<memory> pace{microseconds(300)};
    source levels{{1, 0, 0, 0, 0}};
    pace.begin(&source::tell, &levels);
    std::vector<memory::thread> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([&] {
            for (std::uint64_t end = 0; end < 200; ++end) pace.pass({end * 1000}, 100);
        });
    while (pace.stats().delayed < 100) {}
    for (auto& each : all) each.join();
    pace.stop();
    CHECK(pace.stats().delayed > 100);
    CHECK(pace.stats().looks == static_cast<std::uint64_t>(levels.asked));
}
