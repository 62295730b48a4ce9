// SPDX-License-Identifier: BSL-1.0
#include "storm.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace lock_test;

namespace {

template <class Deadlock, class Choice = first_come_first>
storm_result simulate(std::uint64_t seeds, const storm_options& given) {
    storm_result sum;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        CAPTURE(seed);
        storm_options options = given;
        options.seed = seed;
        options.manager.shard_count = seed % 3 == 0 ? 1 : 4;
        options.manager.bypass_bound = seed % 4 == 0 ? 0 : 3;
        options.manager.allow_upward_waits = true;
        simulation world{seed, {.max_steps = 5'000'000, .scheduling = drawn_schedule(seed)}};
        world.run([&] {
            const storm_result one =
                check_storm<lock_manager<simulated, Deadlock, Choice>>(options);
            sum.victims += one.victims;
            sum.timeouts += one.timeouts;
            sum.counts.waits += one.counts.waits;
            sum.counts.deadlocks += one.counts.deadlocks;
        });
    }
    return sum;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "seeds: owners that lock whatever comes are alone where they write, and all finish", Deadlock,
    detect_at_once<>, detect_after<>, detect_after<adaptive_victim>,
    detect_in_background<fewest_locks_victim>, wait_die, wound_wait) {
    const storm_result sum = simulate<Deadlock>(40, {});
    CHECK(sum.victims > 0);
    CHECK(sum.counts.waits > 100);
    if (Deadlock::detects) CHECK(sum.victims == sum.counts.deadlocks);
}

TEST_CASE("seeds: a short deadline ends waits, and nobody is left behind") {
    storm_options options;
    options.until = lock_deadline::within(microseconds(3));
    const storm_result sum = simulate<detect_after<>>(40, options);
    CHECK(sum.timeouts > 0);
}

TEST_CASE("seeds: who would wait gives way, and all finish") {
    const storm_result sum = simulate<no_wait>(40, {.owners = 3, .transactions = 4});
    CHECK(sum.victims > 0);
    CHECK(sum.counts.waits == sum.victims);
}

TEST_CASE("seeds: a queue that lets in first who blocks most keeps all promises") {
    const storm_result sum =
        simulate<detect_at_once<>, most_blocking_first>(40, {.owners = 5, .keys = 3});
    CHECK(sum.victims > 0);
}

TEST_CASE("seeds: keys become a table and keys again while others wait") {
    storm_options options;
    options.most_locks = 6;
    options.keys = 8;
    options.manager.escalate_at = 2;
    const storm_result sum = simulate<detect_at_once<>>(60, options);
    CHECK(sum.victims > 0);
}

TEST_CASE_TEMPLATE("real threads: a storm of 100 owners over 10 keys finishes", Deadlock,
                   detect_at_once<>, detect_after<adaptive_victim>, wait_die, wound_wait) {
    const storm_result result =
        check_storm<lock_manager<posix, Deadlock>>({.owners = 100,
                                                    .keys = 10,
                                                    .transactions = 50,
                                                    .ranges_and_tables = false,
                                                    .pauses = true});
    CHECK(result.counts.waits > 0);
}
