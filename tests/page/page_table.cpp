// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "../platform/death.hpp"

#include <mantis/page/page_table.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include <map>

using namespace mantis;
using platform_test::contains;
using platform_test::death_of;

static_assert(page_translation<array_translation<posix>>);
static_assert(page_translation<array_translation<simulated>>);

using table = array_translation<posix>;

TEST_CASE("each page has a word of its own, to the largest number") {
    table pages;
    std::map<std::uint64_t, std::uint32_t> model;
    for (std::uint64_t page = 0; page < 20'000; ++page) {
        pages.cover({page});
        pages.set({page}, static_cast<std::uint32_t>(page * 3));
        model[page] = static_cast<std::uint32_t>(page * 3);
    }
    for (unsigned bits = 15; bits < 24; ++bits)
        for (const std::int64_t by : {-1, 0, 1}) {
            const std::uint64_t page = (std::uint64_t{1} << bits) + static_cast<std::uint64_t>(by);
            pages.cover({page});
            pages.set({page}, bits);
            model[page] = bits;
        }
    for (const auto& [page, frame] : model) CHECK(pages.frame_of({page}) == frame);
    pages.set({77}, table::none);
    CHECK(pages.frame_of({77}) == table::none);
    CHECK(pages.frame_of({76}) == 76 * 3);
}

TEST_CASE("what is not covered is in no frame") {
    table pages;
    CHECK(pages.frame_of({5}) == table::none);
    CHECK_FALSE(pages.covers({5}));
    pages.cover({5});
    CHECK(pages.covers({5}));
    CHECK(pages.frame_of({5}) == table::none);
    CHECK(pages.frame_of(table::last_page) == table::none);
    CHECK(pages.frame_of({UINT64_MAX}) == table::none);
    CHECK_FALSE(pages.covers({UINT64_MAX}));
}

TEST_CASE("it takes four bytes for each page to the highest, and a seventh more at most") {
    table pages;
    std::size_t said = 0;
    for (std::uint64_t page = 1; page <= 100'000; ++page) {
        said += pages.bytes_to_cover({page});
        pages.cover({page});
        CHECK(pages.memory_bytes() == said);
        if (page >= 64) CHECK(pages.memory_bytes() <= 4 * (page + 1) * 8 / 7 + 4 * 8);
    }
    CHECK(pages.bytes_to_cover({99'999}) == 0);
}

TEST_CASE("a lookup is two loads") {
    simulation world{1};
    world.run([&] {
        array_translation<simulated> pages;
        pages.cover({900});
        pages.set({900}, 3);
        const std::uint64_t before = world.steps();
        CHECK(pages.frame_of({900}) == 3);
        CHECK(world.steps() - before == 2);
    });
}

TEST_CASE("a frame is noted for covered pages only") {
    const auto end = death_of([] { table{}.set({3}, 1); });
    CHECK(contains(end.said, "does not cover"));
    const auto beyond = death_of([] { table{}.cover({UINT64_MAX}); });
    CHECK(contains(beyond.said, "beyond the last one"));
}
