// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/store/checkpoint_policy.hpp>

using namespace mantis;

namespace {

checkpoint_reason due(const checkpoint_limits& limits, const checkpoint_debt& debt) {
    return checkpoint_due(limits, debt, {1000, 2000});
}

}  // namespace

TEST_CASE("by bytes: as much log as the limit, and as much as the image") {
    const checkpoint_limits limits{100, 0, {}, {}};
    CHECK(due(limits, {99, 0, {}, 0}) == checkpoint_reason::none);
    CHECK(due(limits, {100, 0, {}, 0}) == checkpoint_reason::log_bytes);
    CHECK(due(limits, {100, 0, {}, 101}) == checkpoint_reason::none);
    CHECK(due(limits, {101, 0, {}, 101}) == checkpoint_reason::log_bytes);
    CHECK(due({}, {1'000'000, 1'000'000, seconds(1000), 0}) == checkpoint_reason::none);
    CHECK_FALSE(limits.need_a_clock());
}

TEST_CASE(
    "the log that may be there is four times what makes a checkpoint due, and four segments") {
    CHECK(log_level(0, 100, 0, 50) == 0);
    CHECK(log_level(300, 100, 0, 50) == 0.5);
    CHECK(log_level(600, 100, 20, 50) == 1);
    CHECK(log_level(600, 100, 250, 50) == 0.5);  // an image that is larger than that
    CHECK(log_level(1200, 100, 0, 50) == 2);
}

TEST_CASE("by operations and by time, but never where nothing was committed") {
    CHECK(due({0, 10, {}, {}}, {1, 9, {}, 0}) == checkpoint_reason::none);
    CHECK(due({0, 10, {}, {}}, {1, 10, {}, 0}) == checkpoint_reason::operations);
    CHECK(due({0, 0, seconds(5), {}}, {1, 0, seconds(4), 0}) == checkpoint_reason::none);
    CHECK(due({0, 0, seconds(5), {}}, {1, 0, seconds(5), 0}) == checkpoint_reason::period);
    CHECK(due({0, 10, seconds(5), seconds(1)}, {0, 10, seconds(5), 10'000}) ==
          checkpoint_reason::none);
    CHECK(checkpoint_limits{0, 0, seconds(5), {}}.need_a_clock());
}

TEST_CASE("by replay time: image and log at their rates, unless a checkpoint would not help") {
    const checkpoint_limits limits{0, 0, {}, seconds(3)};
    CHECK(estimated_recovery({2000, 0, {}, 4000}, {1000, 2000}) == seconds(4));
    CHECK(due(limits, {1999, 0, {}, 2000}) == checkpoint_reason::none);
    CHECK(due(limits, {2000, 0, {}, 2000}) == checkpoint_reason::replay_time);
    CHECK(due(limits, {2000, 0, {}, 5000}) == checkpoint_reason::none);
}

TEST_CASE(
    "what was read before another checkpoint is no debt, and no time is past what a clock holds") {
    CHECK(grown(10, 4) == 6);
    CHECK(grown(4, 10) == 0);
    CHECK(time_for(UINT64_MAX, 1) > seconds(1'000'000'000));
    const nanoseconds longest = estimated_recovery({UINT64_MAX, 0, {}, UINT64_MAX}, {1, 1});
    CHECK(longest >= time_for(UINT64_MAX, 1));
}

TEST_CASE("rates are measured where enough was read") {
    CHECK(recovery_rates::measured(1000, seconds(1), 7) == 7);
    CHECK(recovery_rates::measured(10'000'000, seconds(2), 7) == 5'000'000);
    CHECK(recovery_rates::measured(10'000'000, {}, 7) == 7);
}

TEST_CASE("an objective says when it begins to be missed and to be met, and its share") {
    objective of{seconds(1)};
    CHECK(of.compliance() == 1.0);
    CHECK(of.look(seconds(1)) == objective::change::none);
    CHECK(of.look(seconds(2)) == objective::change::missed);
    CHECK(of.look(seconds(3)) == objective::change::none);
    CHECK(of.missed());
    CHECK(of.look({}) == objective::change::met);
    CHECK(of.compliance() == 0.5);
    CHECK(of.misses() == 1);
    CHECK(of.worst() == seconds(3));
    objective none;
    CHECK(none.look(seconds(100)) == objective::change::none);
    CHECK(none.looks() == 0);
}
