// SPDX-License-Identifier: BSL-1.0
//
// The store under power failures and killed processes, in the simulator: seeded threads, seeded
// moments, also inside recovery.
#include "crash_run.hpp"

using namespace crash_test;

TEST_CASE("200 seeds of crashes: with group commit every acknowledged commit is there, whole") {
    const seen counted = run_seeds<group_commit>(1, seeds(200));
    CHECK(counted.lost_buffered == 0);
}

TEST_CASE(
    "100 seeds of crashes: periodic and buffered commits are lost only from the end, and whole") {
    run_seeds<periodic>(100'000, seeds(50));
    const seen counted = run_seeds<buffered>(200'000, seeds(50));
    CHECK(counted.lost_buffered > 0);
}

TEST_CASE("800 seeds of crashes and failing I/O: a failed commit never comes back, nor a hole") {
    const seen counted = run_seeds<group_commit>(300'000, seeds(400), {.faults = true});
    CHECK(counted.faulty_opens > 0);
    CHECK(counted.failed_commits > 0);
    run_seeds<periodic>(400'000, seeds(200), {.faults = true});
    run_seeds<buffered>(500'000, seeds(200), {.faults = true});
}

TEST_CASE("400 seeds of syncs that fail and lose what they had to write") {
    run_seeds<group_commit>(600'000, seeds(200),
                            {.faults = true, .after_failed_sync = failed_sync::forgets});
    run_seeds<group_commit>(700'000, seeds(200),
                            {.faults = true, .after_failed_sync = failed_sync::reverts});
}
