// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/index_shape.hpp>

#include <doctest/doctest.h>

using mantis::index_shape;

TEST_CASE("the bytes of a shape are those of all its pages") {
    index_shape of;
    CHECK(of.bytes() == 0);
    of.page_bytes = 4096;
    of.leaves = 70;
    of.inner_nodes = 3;
    of.value_pages = 5;
    CHECK(of.bytes() == 78 * 4096);
}
