// SPDX-License-Identifier: BSL-1.0
//
// A power failure at every I/O of a page store's life: what comes back is the state that was
// committed last, page by page.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "page_life.hpp"

#include <mantis/platform/simulated.hpp>

using namespace mantis;
using page_test::difference;
using page_test::page_life;
using page_test::page_manifest;

namespace {

using life = page_life<simulated>;

struct crash_plan {
    std::uint64_t seed = 0;
    std::uint64_t at_io = 0;       // of the life; 0: none
    std::uint64_t at_opening = 0;  // I/O of the opening after it; 0: none
    crash_mode mode = crash_mode::drop_unsynced;
    bool doubts = false;
    void (*after_commit)(life&) = nullptr;
};

// What is there after the failure, opened as often as it takes; then it is used, and opened again.
void check_survivor(simulation& world, page_manifest& manifest, const crash_plan& plan) {
    const bool with_doubtful = manifest.doubtful && plan.seed % 2 == 0;
    const auto expected = with_doubtful ? manifest.doubtful_state : manifest.state;
    world.restart(plan.mode);
    if (plan.at_opening != 0) {
        world.crash_at_io(plan.at_opening);
        life interrupted{world.platform(), manifest, plan.seed};
        (void)interrupted.open(with_doubtful);
        world.restart(plan.mode);
    }
    {
        life again{world.platform(), manifest, plan.seed + 1};
        REQUIRE_MESSAGE(again.open(with_doubtful), again.why());
        CHECK(difference(again.disk(), expected, life::pages) == "");
        CHECK(again.disk().stats().live_bytes == page_test::bytes_of(expected));
        if (with_doubtful) manifest.deltas.push_back(*manifest.doubtful);
        manifest.doubtful.reset();
        manifest.state = expected;
        CHECK(again.rounds(2));
        CHECK(again.wrong == "");
    }
    world.restart(plan.mode);
    life last{world.platform(), manifest, 1};
    REQUIRE_MESSAGE(last.open(), last.why());
    CHECK(difference(last.disk(), manifest.state, life::pages) == "");
}

//   Returns     how many I/Os the life had
std::uint64_t live_and_crash(const crash_plan& plan) {
    simulation world{plan.seed};
    std::uint64_t used = 0;
    world.run([&] {
        page_manifest manifest;
        const std::uint64_t before = world.io_count();
        world.crash_at_io(plan.at_io);
        {
            life first{world.platform(), manifest, plan.seed};
            first.doubts = plan.doubts;
            first.after_commit = plan.after_commit;
            if (first.open()) (void)first.rounds(4, 14);
            CHECK(first.wrong == "");
        }
        used = world.io_count() - before;
        check_survivor(world, manifest, plan);
    });
    return used;
}

}  // namespace

TEST_CASE("at every I/O: after a power failure each page is as the last commit had it") {
    std::uint64_t runs = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        const std::uint64_t count = live_and_crash({.seed = seed});
        CHECK(count > 40);
        for (std::uint64_t at = 1 + seed % one_in; at <= count; at += one_in) {
            for (const crash_mode mode : {crash_mode::drop_unsynced, crash_mode::random_subset}) {
                CAPTURE(seed);
                CAPTURE(at);
                live_and_crash({.seed = seed, .at_io = at, .mode = mode, .doubts = seed % 3 == 0});
                ++runs;
            }
        }
    }
    CHECK(runs > 500 / one_in);
}

TEST_CASE("at every I/O of an opening after a power failure: the next opening finds the same") {
    for (std::uint64_t seed = 0; seed < 60; seed += one_in) {
        for (std::uint64_t at = 1; at < 24; ++at) {
            CAPTURE(seed);
            CAPTURE(at);
            live_and_crash({.seed = seed,
                            .at_io = 30 + seed,
                            .at_opening = at,
                            .mode = crash_mode::random_subset,
                            .doubts = seed % 3 == 0});
        }
    }
}
