// SPDX-License-Identifier: BSL-1.0
//
// Images of several epochs, and what is committed of them.
#include <doctest/doctest.h>

#include "page_store_place.hpp"

using namespace mantis;
using namespace page_test;

TEST_CASE("a page takes one place in each epoch, however often it is written") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 8);
    at.commit(disk, 1);
    fill(disk, 2, 1, 8, 23);
    const page_store_stats before = disk.stats();
    for (std::uint64_t round = 2; round < 50; ++round) fill(disk, 2, 1, 8, 7 + 16 * round);
    const page_store_stats after = disk.stats();
    CHECK(after.disk_bytes == before.disk_bytes);
    CHECK(after.live_bytes == before.live_bytes);
    CHECK(after.newest_bytes == before.newest_bytes);
    CHECK(after.images_written == before.images_written + 48 * 8);
    CHECK(difference(disk, all(1, 8, 7 + 16 * 49), 8) == "");
    {
        store early{at.in, place::options()};
        at.load(early);
        REQUIRE(early.opened());  // and what was not committed is gone
        CHECK(difference(early, all(1, 8), 8) == "");
    }
}

TEST_CASE("an image of another epoch, or of another size, takes another place") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    const auto where = [&] { return disk.images({1}, 9).images.back().now.place; };
    std::vector<page_place> places;
    std::uint32_t epoch = 0;
    const auto put = [&](std::uint64_t stamp) {
        REQUIRE(disk.write({1}, epoch, image_of(1, stamp)));
        for (const page_place each : places) CHECK(where() != each);
        places.push_back(where());
    };
    for (epoch = 1; epoch < 5; ++epoch) put(7);
    --epoch;
    put(8);
    put(9);
    REQUIRE(disk.erase({1}, epoch));
    put(9);
    CHECK(difference(disk, {{1, 9}}, 1) == "");
}

TEST_CASE("a second image of an epoch goes into a file that was let go meanwhile") {
    for (const bool read_before : {false, true}) {
        CAPTURE(read_before);
        place at;
        store disk{at.in, place::options()};  // keeps two files open
        REQUIRE(disk.opened());
        REQUIRE(disk.write({1}, 2, image_of(1, 7)));
        fill(disk, 1, 10, 99);
        at.commit(disk, 1);  // so that all of the first file is synced
        const page_place first = disk.images({1}, 1).images.front().now.place;
        fill(disk, 2, 100, 160);  // whose files are open instead
        if (read_before) CHECK(difference(disk, {{1, 7}}, 1) == "");
        REQUIRE(disk.write({1}, 2, image_of(1, 23)));
        CHECK(disk.images({1}, 1).images.front().now.place == first);
        at.commit(disk, 2);
        page_state state = all(10, 160);
        state[1] = 23;
        CHECK(difference(disk, state, 160) == "");
        store again{at.in, place::options()};
        at.load(again);
        REQUIRE(again.opened());
        CHECK(difference(again, state, 160) == "");
    }
}

TEST_CASE("an epoch that was not committed is prepared again with the next, and nothing is freed") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 3);
    at.commit(disk, 1);
    fill(disk, 2, 1, 2, 8);
    CHECK(disk.prepare(2).value() == 2);
    disk.not_committed(2);
    CHECK(disk.stats().live_bytes == page_test::bytes_of(all(1, 3)) + 2 * image_of(1, 8).size());
    fill(disk, 3, 2, 3, 9);
    CHECK(disk.prepare(3).value() == 3);
    const page_delta delta = page_test::all_changes(disk);
    CHECK(delta.changes.size() == 3);
    at.deltas.push_back(delta.encode());
    disk.committed(3);
    page_state expected{{1, 8}, {2, 9}, {3, 9}};
    CHECK(disk.stats().live_bytes == page_test::bytes_of(expected));
    store again{at.in, place::options()};
    at.load(again);
    REQUIRE(again.opened());
    CHECK(difference(again, expected, 5) == "");
}

TEST_CASE("a delta in parts of any size is the prepared epoch, whatever is written between two") {
    for (const std::size_t most : {1u, 3u, 7u, 300u, 1000u}) {
        CAPTURE(most);
        place at;
        store disk{at.in, place::options()};
        REQUIRE(disk.opened());
        fill(disk, 1, 1, 600);
        at.commit(disk, 1);
        // Of three ranges of 256 pages: changed, gone, new, and changed again before the first
        // part.
        fill(disk, 2, 250, 260, 8);
        for (std::uint64_t page = 1; page <= 5; ++page) REQUIRE(disk.erase({page}, 2));
        fill(disk, 2, 1'000, 1'010, 8);
        fill(disk, 3, 255, 257, 9);
        CHECK(disk.prepare(2).value() == 27);
        const std::vector<page_change> whole = page_test::all_changes(disk).changes;
        CHECK(whole.size() == 27);
        std::vector<page_change> told;
        std::uint64_t stamp = 10;
        for (page_id from{1}; from.value != 0;) {
            const page_delta_part some = disk.changes(from, most);
            CHECK(some.part.changes.size() <= most);
            told.insert(told.end(), some.part.changes.begin(), some.part.changes.end());
            at.deltas.push_back(some.part.encode());
            from = some.next;
            // Of pages that were told and of those that will be, and of ranges without a change.
            fill(disk, 3, 1, 1, ++stamp);
            fill(disk, 4, 300, 301, stamp);
            fill(disk, 4, 1'005, 1'020, stamp);
            fill(disk, 3, 700, 800, stamp);
            REQUIRE(disk.erase({259}, 3));
        }
        CHECK(told == whole);
        disk.committed(2);
        page_state expected = all(6, 600);
        for (const auto& [page, now] : all(250, 260, 8)) expected[page] = now;
        for (const auto& [page, now] : all(1'000, 1'010, 8)) expected[page] = now;
        store again{at.in, place::options()};
        at.load(again);
        REQUIRE(again.opened());
        CHECK(difference(again, expected, 1'030) == "");
    }
}

TEST_CASE(
    "an image of an epoch that has ended comes beside one of the next, and after an erasure") {
    place at;
    store disk{at.in, place::options()};
    REQUIRE(disk.opened());
    fill(disk, 1, 1, 3);
    REQUIRE(disk.erase({2}, 2));
    fill(disk, 2, 3, 3, 9);
    fill(disk, 1, 2, 2, 8);
    CHECK(difference(disk, {{1, 7}, {3, 9}}, 4) == "");
    at.commit(disk, 1);
    store again{at.in, place::options()};
    at.load(again);
    REQUIRE(again.opened());
    CHECK(difference(again, {{1, 7}, {2, 8}, {3, 7}}, 4) == "");
}
