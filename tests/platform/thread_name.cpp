// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/thread_name.hpp>

TEST_CASE("a name ends at its zero, and none is empty") {
    mantis::thread_name name;
    CHECK(name.view().empty());
    name.text[0] = 'a';
    name.text[1] = 'b';
    CHECK(name.view() == "ab");
}
