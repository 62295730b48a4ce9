// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "pool_of.hpp"

#include <mantis/page/memory_source.hpp>
#include <mantis/page/page_guard.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;
using pool = buffer_pool<posix, memory_source<posix>>;
using page_test::room_for;

TEST_CASE("a guard that was moved from holds nothing, and what it held is let go once") {
    memory_source<posix> disk;
    pool pages{disk, room_for<pool>(3)};
    {
        auto made = pages.make({1}).value();
        exclusive_page<posix> other{std::move(made)};
        CHECK_FALSE(made);
        CHECK(other.page() == page_id{1});
        CHECK(pages.stats().pinned == 1);
        made = std::move(other);
        CHECK_FALSE(other);
        CHECK(made);
        made = {};
        CHECK(pages.stats().pinned == 0);
    }
    auto first = pages.pin({1}).value();
    auto second = pages.pin({1}).value();
    CHECK(pages.stats().pinned == 1);
    second = std::move(first);
    CHECK_FALSE(first);
    CHECK(pages.stats().pinned == 1);
    second.release();
    second.release();
    CHECK(pages.stats().pinned == 0);
}

TEST_CASE("a page stays where it is while it is pinned") {
    memory_source<posix> disk;
    pool pages{disk, room_for<pool>(3)};
    for (std::uint64_t number = 1; number <= 9; ++number)
        pages.make({number}).value().store<std::uint64_t>(8, number);
    const auto held = pages.pin({4}).value();
    const std::byte* const at = held.data();
    const bytes before{held.view()};
    for (int round = 0; round < 3; ++round)
        for (std::uint64_t number = 1; number <= 9; ++number)
            if (number != 4) REQUIRE(pages.change({number}));
    CHECK(held.data() == at);
    CHECK(held.view() == before.view());
    CHECK(pages.pin({4})->data() == at);
}
