// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/commit_clock.hpp>

using namespace mantis;

namespace {

struct set_clock {
    const std::int64_t* now;
    [[nodiscard]] nanoseconds wall_time() const { return {*now}; }
};

}  // namespace

TEST_CASE("stamps follow the clock, and stand still while it is behind the last of them") {
    std::int64_t now = 100;
    commit_clock<set_clock> clock{{&now}, {}};
    CHECK(clock.next() == nanoseconds{100});
    now = 150;
    CHECK(clock.next() == nanoseconds{150});
    now = 20;
    CHECK(clock.next() == nanoseconds{150});
    now = 151;
    CHECK(clock.next() == nanoseconds{151});
}

TEST_CASE("stamps go on after the last of the log, whatever the clock says") {
    std::int64_t now = 100;
    commit_clock<set_clock> clock{{&now}, {5000}};
    CHECK(clock.next() == nanoseconds{5000});
    now = 5001;
    CHECK(clock.next() == nanoseconds{5001});
}
