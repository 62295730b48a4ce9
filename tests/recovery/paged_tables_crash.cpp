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
        if (seed % 3 == 0) one.drops_one_in = 10;
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

TEST_CASE("at each I/O of a checkpoint, a rewriting and a cleaning the power fails") {
    int positions = 0;
    for (const int what : {0, 1, 2})
        for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset}) {
            bool over = false;
            for (std::uint64_t at = 1; !over; at += one_in, ++positions) {
                CAPTURE(what);
                CAPTURE(at);
                simulation world{at};
                world.run([&] {
                    life one{world.platform(), 5};
                    one.frames = 40;
                    REQUIRE_MESSAGE(one.open(), one.why());
                    for (int i = 0; i < 4; ++i) {
                        one.change(250);
                        REQUIRE_MESSAGE(one.checkpoint(), one.why());
                    }
                    one.change(100);
                    world.crash_at_io(at);
                    if (what == 0) (void)one.checkpoint();
                    if (what == 1) (void)one.tables().rewrite();
                    if (what == 2 && one.tables().clean()) (void)one.checkpoint();
                    over = world.powered();
                    one.close();
                    world.restart(mode);
                    REQUIRE_MESSAGE(one.open(), one.why());
                    REQUIRE(one.damage() == "");
                    one.change(50);
                    REQUIRE_MESSAGE(one.checkpoint(), one.why());
                    one.close();
                    REQUIRE_MESSAGE(one.open(), one.why());
                    REQUIRE(one.damage() == "");
                    one.close();
                });
            }
        }
    CHECK(positions > 60 / static_cast<int>(one_in));
}

TEST_CASE("the barrier of a checkpoint makes no I/O") {
    simulation world{1};
    world.run([&] {
        life one{world.platform(), 1};
        one.frames = 60;
        REQUIRE(one.open());
        one.change(200);
        std::uint64_t inside = 0;
        const std::uint64_t before = world.io_count();
        const auto made = one.tables().checkpoint([&](auto note) {
            const std::uint64_t begun = world.io_count();
            note(lsn{1});
            inside = world.io_count() - begun;
            return success();
        });
        REQUIRE(made);
        CHECK(inside == 0);
        CHECK(world.io_count() > before + 10);
        CHECK(made->barrier < milliseconds(1));
        CHECK(made->barrier < made->elapsed);
        one.close();
    });
}

TEST_CASE("and also while threads change them beside the checkpoint") {
    std::uint64_t checkpoints = 0;
    for (std::uint64_t seed = 10'001; seed <= 10'080; seed += one_in) {
        CAPTURE(seed);
        checkpoints += live_and_crash(seed, true);
    }
    CHECK(checkpoints > 200 / one_in);
}
