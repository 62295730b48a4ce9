// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated/actor.hpp>

#include <set>
#include <string>

using namespace mantis;

TEST_CASE("every kind of step has words of its own") {
    std::set<std::string> words;
    for (int kind = 0; kind <= static_cast<int>(step_kind::io); ++kind)
        words.insert(words_for(static_cast<step_kind>(kind)));
    CHECK(words.size() == static_cast<std::size_t>(step_kind::io) + 1);
    CHECK(std::string{words_for_wait(step_kind::sleep)} == "sleeps");
}
