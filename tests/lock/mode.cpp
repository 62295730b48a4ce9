// SPDX-License-Identifier: BSL-1.0
#include <mantis/lock/mode.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace mantis;

namespace {

using enum lock_mode;
constexpr lock_mode modes[] = {none, IS, IX, S, SIX, U, X};
static_assert(std::size(modes) == lock_mode_count);

}  // namespace

TEST_CASE("the table of modes that two owners may hold together") {
    constexpr const char* together[] = {
        //          none IS IX S SIX U X
        /* none */ "1111111",
        /* IS   */ "1111110",
        /* IX   */ "1110000",
        /* S    */ "1101010",
        /* SIX  */ "1100000",
        /* U    */ "1101000",
        /* X    */ "1000000",
    };
    for (const lock_mode a : modes)
        for (const lock_mode b : modes) {
            CAPTURE(std::string{name_of(a)});
            CAPTURE(std::string{name_of(b)});
            CHECK(compatible(a, b) == (together[index_of(a)][index_of(b)] == '1'));
            CHECK(((conflicts_of(a) & set_of(b)) == 0) == compatible(a, b));
        }
}

TEST_CASE("the table of what two modes of one owner make") {
    constexpr lock_mode both[lock_mode_count][lock_mode_count] = {
        {none, IS, IX, S, SIX, U, X},
        {IS, IS, IX, S, SIX, U, X},
        {IX, IX, IX, SIX, SIX, SIX, X},
        {S, S, SIX, S, SIX, U, X},
        {SIX, SIX, SIX, SIX, SIX, SIX, X},
        {U, U, SIX, U, SIX, U, X},
        {X, X, X, X, X, X, X},
    };
    for (const lock_mode a : modes)
        for (const lock_mode b : modes) {
            CAPTURE(std::string{name_of(a)});
            CAPTURE(std::string{name_of(b)});
            CHECK(supremum(a, b) == both[index_of(a)][index_of(b)]);
            CHECK(covers(a, b) == (both[index_of(a)][index_of(b)] == a));
        }
}

TEST_CASE("the intent above, the mode below and the name of each mode") {
    struct row {
        lock_mode mode, above, below;
        bool intent, strong;
        const char* name;
    };
    constexpr row rows[] = {
        {none, none, none, false, false, "none"},
        {IS, IS, none, true, false, "IS"},
        {IX, IX, none, true, false, "IX"},
        {S, IS, S, false, true, "S"},
        {SIX, IX, U, false, true, "SIX"},
        {U, IX, U, false, true, "U"},
        {X, IX, X, false, true, "X"},
    };
    for (const row& each : rows) {
        CAPTURE(std::string{each.name});
        CHECK(intent_for(each.mode) == each.above);
        CHECK(mode_below(each.mode) == each.below);
        CHECK(is_intent(each.mode) == each.intent);
        CHECK(is_strong(each.mode) == each.strong);
        CHECK(std::strcmp(name_of(each.mode), each.name) == 0);
    }
}
