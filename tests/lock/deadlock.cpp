// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/deadlock.hpp>

using namespace mantis;

static_assert(deadlock_policy<detect_at_once<>> && deadlock_policy<detect_after<>>);
static_assert(deadlock_policy<detect_in_background<adaptive_victim>>);
static_assert(deadlock_policy<wait_die> && deadlock_policy<wound_wait> && deadlock_policy<no_wait>);
static_assert(!deadlock_policy<youngest_victim>);

TEST_CASE("with the policies that prevent, the younger of two gives way, whoever asks") {
    CHECK(wait_die::judge(1, 2) == lock_verdict::wait);
    CHECK(wait_die::judge(2, 1) == lock_verdict::die);
    CHECK(wound_wait::judge(1, 2) == lock_verdict::wound);
    CHECK(wound_wait::judge(2, 1) == lock_verdict::wait);
    CHECK(no_wait::judge(1, 2) == lock_verdict::die);
    CHECK(no_wait::judge(2, 1) == lock_verdict::die);
}
