// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/plan.hpp>

#include <set>
#include <string>

using namespace mantis;

TEST_CASE("every phase and every condition of a log has a name of its own") {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(recovery_phase::open); ++i)
        names.insert(name_of(static_cast<recovery_phase>(i)));
    CHECK(names.size() == 7);
    for (int i = 0; i <= static_cast<int>(log_condition::damaged); ++i)
        names.insert(name_of(static_cast<log_condition>(i)));
    CHECK(names.size() == 10);
    CHECK(names.count("unknown") == 0);
}

TEST_CASE("a recovery stops early only if it was told where") {
    recovery_options chosen;
    CHECK_FALSE(chosen.stops_early());
    chosen.stop_at = {1};
    CHECK(chosen.stops_early());
    chosen.stop_at = {};
    chosen.stop_at_time = {1};
    CHECK(chosen.stops_early());
}
