// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/options.hpp>

using namespace mantis;

TEST_CASE("a deadline is a time on the clock, and a length beyond all time is never") {
    CHECK(lock_deadline::at(nanoseconds{5}).after({100}).count == 5);
    CHECK(lock_deadline::within(nanoseconds{5}).after({100}).count == 105);
    CHECK(lock_deadline::within({INT64_MAX}).after({100}).count == INT64_MAX);
    CHECK(lock_deadline::never().after({100}).count == INT64_MAX);
    CHECK(lock_deadline::within(nanoseconds{0}).is_at_once());
    CHECK(lock_deadline::at_once().is_at_once());
    CHECK(lock_deadline::adaptive().is_adaptive());
}
