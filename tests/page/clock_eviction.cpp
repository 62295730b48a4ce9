// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/clock_eviction.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include <set>

using namespace mantis;

TEST_CASE("who was used since the hand came by stays for a round") {
    clock_eviction<posix> clock{4};
    clock.noted(0);
    clock.noted(2);
    CHECK(clock.victim() == 1);
    CHECK(clock.victim() == 3);
    CHECK(clock.victim() == 0);
    clock.noted(1);
    CHECK(clock.victim() == 2);
    CHECK(clock.victim() == 3);
}

TEST_CASE("two rounds of asking name every frame, whatever was used before") {
    for (std::uint32_t used = 0; used < 256; ++used) {
        clock_eviction<posix> clock{8};
        for (std::uint32_t frame = 0; frame < 8; ++frame)
            if ((used >> frame & 1) != 0) clock.noted(frame);
        std::set<std::uint32_t> named;
        for (int i = 0; i < 16; ++i) named.insert(clock.victim());
        CHECK(named.size() == 8);
    }
}

TEST_CASE("one frame is named also while it is used") {
    clock_eviction<posix> clock{1};
    clock.noted(0);
    CHECK(clock.victim() == 0);
}

TEST_CASE("a hit is one load, and the first one a store too") {
    simulation world{1};
    world.run([&] {
        clock_eviction<simulated> clock{4};
        const std::uint64_t before = world.steps();
        clock.noted(2);
        CHECK(world.steps() - before == 2);
        clock.noted(2);
        CHECK(world.steps() - before == 3);
    });
}
