// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/units.hpp>

#include <doctest/doctest.h>

using mantis::nanoseconds;

TEST_CASE("sizes are powers of 1024") {
    CHECK(mantis::KiB == 1024);
    CHECK(mantis::MiB == 1'048'576);
    CHECK(mantis::GiB == 1'073'741'824);
}

TEST_CASE("times convert to nanoseconds, add, subtract and compare") {
    CHECK(mantis::seconds(2) == nanoseconds{2'000'000'000});
    CHECK(mantis::milliseconds(3) == mantis::microseconds(3000));
    CHECK(mantis::seconds(1) - mantis::milliseconds(1) == nanoseconds{999'000'000});
    CHECK(mantis::seconds(1) + mantis::microseconds(1) == nanoseconds{1'000'001'000});
    CHECK(mantis::milliseconds(-1) < nanoseconds{0});
    CHECK(mantis::milliseconds(1500).seconds() == doctest::Approx(1.5));
}
