// SPDX-License-Identifier: BSL-1.0
//
// Power failures at any I/O of tables in pages: what comes back is the last checkpoint that
// answered success, or the one of which nobody knew; every page is of one tree, or free.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/platform/simulated.hpp>

using namespace mantis;
using paged_tests::paged_life;

namespace {

using life = paged_life<simulated>;

crash_mode mode_of(std::uint64_t draw) {
    const crash_mode modes[] = {crash_mode::drop_unsynced, crash_mode::random_subset,
                                crash_mode::random_subset, crash_mode::process_only};
    return modes[draw % 4];
}

// The world has power again; an opening may be cut off, too.
void come_back(simulation& world, life& one) {
    one.close();
    world.restart(mode_of(one.below(100)));
    if (one.below(3) == 0) {
        world.crash_at_io(1 + one.below(30));
        (void)one.open();
        one.close();
        world.restart(mode_of(one.below(100)));
    }
    REQUIRE_MESSAGE(one.open(), one.why());
    REQUIRE(one.damage() == "");
}

std::uint64_t live_and_crash(std::uint64_t seed, bool together) {
    simulation world{seed, {.scheduling = drawn_schedule(seed)}};
    std::uint64_t checkpoints = 0;
    world.run([&] {
        life one{world.platform(), seed};
        one.frames = 12 + seed % 20;
        one.side_copies = seed % 5;
        one.clean_percent = together ? 25 : 0;
        REQUIRE_MESSAGE(one.open(), one.why());
        for (int boot = 0; boot < 3; ++boot) {
            if (one.below(8) != 0) world.crash_at_io(1 + one.below(300));
            if (together) one.live_together(2, 60, 3);
            else one.live(5);
            come_back(world, one);
        }
        one.live(2);
        REQUIRE(one.damage() == "");
        one.close();
        checkpoints = one.checkpoints;
    });
    REQUIRE(world.held_count() == 0);
    return checkpoints;
}

}  // namespace

TEST_CASE("after a power failure at any I/O the tables are as the last checkpoint had them") {
    std::uint64_t checkpoints = 0;
    for (std::uint64_t seed = 1; seed <= 400; seed += one_in) {
        CAPTURE(seed);
        checkpoints += live_and_crash(seed, false);
    }
    CHECK(checkpoints > 2000 / one_in);
}

TEST_CASE("and also while threads change them beside the checkpoint") {
    std::uint64_t checkpoints = 0;
    for (std::uint64_t seed = 10'001; seed <= 10'150; seed += one_in) {
        CAPTURE(seed);
        checkpoints += live_and_crash(seed, true);
    }
    CHECK(checkpoints > 400 / one_in);
}
