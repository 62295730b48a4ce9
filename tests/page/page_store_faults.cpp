// SPDX-License-Identifier: BSL-1.0
//
// Failing, lying and full disks under a page store: what it says is right or an error, and what was
// committed comes back.
#include <doctest/doctest.h>

#include "../platform/fault_matrix.hpp"
#include "../sanitized.hpp"
#include "page_life.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using page_test::difference;
using page_test::image_of;
using page_test::lies;
using page_test::page_life;
using page_test::page_manifest;
using page_test::page_state;
using platform_test::at_positions;
using platform_test::faults_to_detect;
using platform_test::faults_to_survive;
using platform_test::text_of;

namespace {

using life = page_life<simulated>;
using store = page_store<simulated>;

constexpr std::uint64_t no_page[1] = {};
struct none_skipped {
    std::size_t count(std::uint64_t page) const { return page == no_page[0] ? 1 : 0; }
};

// A store with so many pages of 4 KiB on a disk of so many segments.
struct small_disk {
    explicit small_disk(simulation& world, std::uint64_t segments)
        : in{world.platform().open_directory("db", directory_mode::create).value()},
          disk{in, life::options()} {
        world.limit_disk(segments * 64 * KiB);
        disk.opened().value();
    }
    result<void> put(std::uint64_t page, std::uint32_t epoch, std::uint64_t stamp = 7) {
        return disk.write({page}, epoch, image_of(page, stamp));
    }
    void commit(std::uint32_t epoch) {
        (void)disk.prepare(epoch).value();
        disk.committed(epoch);
    }
    simulated::directory in;
    store disk;
};

}  // namespace

TEST_CASE(
    "faults that must be survived, at each I/O: nothing committed is lost, nothing is wrong") {
    int positions = 0;
    int went_on = 0;
    for (const fault& each : faults_to_survive())
        positions += at_positions(each, one_in, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                page_manifest manifest;
                {
                    life first{world.platform(), manifest, what.nth};
                    world.inject(what);
                    if (first.open()) {
                        (void)first.rounds(3);
                        CHECK(lies(first.disk(), first.now(), life::pages, first.dirty_pages()) ==
                              "");
                        struck = world.struck(what.kind) > 0;
                        world.clear_faults();
                        CHECK(lies(first.disk(), first.now(), life::pages, first.dirty_pages()) ==
                              "");
                        const std::size_t before = manifest.deltas.size();
                        if (first.rounds(1)) {
                            CHECK(manifest.deltas.size() == before + 1);
                            ++went_on;
                        }
                    }
                    struck = struck || world.struck(what.kind) > 0;
                }
                world.restart(what.nth % 2 == 0 ? crash_mode::drop_unsynced
                                                : crash_mode::random_subset);
                life again{world.platform(), manifest, 1};
                REQUIRE_MESSAGE(again.open(), again.why());
                CHECK(difference(again.disk(), manifest.state, life::pages) == "");
            });
            return struck;
        });
    CHECK(positions > 400 / static_cast<int>(one_in));
    CHECK(went_on > 200 / static_cast<int>(one_in));
}

TEST_CASE("faults that must be detected, at each I/O: no wrong page is ever read") {
    int positions = 0;
    int detected = 0;
    for (const fault& each : faults_to_detect())
        positions += at_positions(each, one_in, [&](const fault& what) {
            CAPTURE(text_of(what));
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                page_manifest manifest;
                {
                    life first{world.platform(), manifest, what.nth};
                    world.inject(what);
                    if (first.open() && first.rounds(3))
                        CHECK(lies(first.disk(), first.now(), life::pages, first.dirty_pages()) ==
                              "");
                    struck = world.struck(what.kind) > 0;
                }
                world.restart(what.nth % 2 == 0 ? crash_mode::drop_unsynced
                                                : crash_mode::process_only);
                life again{world.platform(), manifest, 1};
                if (!again.open()) {
                    ++detected;
                } else {
                    CHECK(lies(again.disk(), manifest.state, life::pages, none_skipped{}) == "");
                    if (difference(again.disk(), manifest.state, life::pages) != "") ++detected;
                }
            });
            return struck;
        });
    CHECK(positions > 100 / static_cast<int>(one_in));
    CHECK(detected > 20 / static_cast<int>(one_in));
}

TEST_CASE("lies while a closed store is opened and read cost nothing once they are right again") {
    int positions = 0;
    for (const fault_kind kind : {fault_kind::flip_on_read, fault_kind::stale_read}) {
        fault each;
        each.kind = kind;
        positions += at_positions(each, one_in, [&](const fault& what) {
            CAPTURE(what.nth);
            simulation world{what.nth};
            bool struck = false;
            world.run([&] {
                page_manifest manifest;
                {
                    life first{world.platform(), manifest, 5};
                    REQUIRE(first.open());
                    REQUIRE(first.rounds(3));
                }
                {
                    life lied_to{world.platform(), manifest, 1};
                    world.inject(what);
                    if (lied_to.open())
                        CHECK(lies(lied_to.disk(), manifest.state, life::pages, none_skipped{}) ==
                              "");
                    struck = world.struck(kind) > 0;
                    world.clear_faults();
                }
                life again{world.platform(), manifest, 1};
                REQUIRE(again.open());
                CHECK(difference(again.disk(), manifest.state, life::pages) == "");
            });
            return struck;
        });
    }
    CHECK(positions >= 8 / static_cast<int>(one_in));
}

TEST_CASE("a sync that fails stops the store: it is not tried again, and reads go on") {
    for (const io_kind kind : {io_kind::sync, io_kind::sync_directory})
        for (const failed_sync how :
             {failed_sync::keeps, failed_sync::forgets, failed_sync::reverts}) {
            simulation world{1};
            world.run([&] {
                page_manifest manifest;
                life one{world.platform(), manifest, 1};
                REQUIRE(one.open());
                REQUIRE(one.disk().write({1}, 1, image_of(1, 7)));
                world.inject({.on = kind, .after_sync = how});
                const auto failed = one.disk().prepare(1);
                REQUIRE_FALSE(failed);
                CHECK(failed.error().code() == error_code::io);
                const std::uint64_t syncs = world.io_count(io_kind::sync);
                const auto again = one.disk().prepare(1);
                REQUIRE_FALSE(again);
                CHECK(again.error().code() == error_code::read_only);
                CHECK(one.disk().write({2}, 2, image_of(2, 7)).error().code() ==
                      error_code::read_only);
                CHECK(one.disk().erase({1}, 2).error().code() == error_code::read_only);
                CHECK(world.io_count(io_kind::sync) == syncs);
                segment_cleaner<store> cleaner{one.disk()};
                CHECK(cleaner.clean_once().value().segment == 0);
                if (how != failed_sync::reverts || kind == io_kind::sync_directory)
                    CHECK(difference(one.disk(), {{1, 7}}, 3) == "");
                else CHECK(lies(one.disk(), {{1, 7}}, 3, none_skipped{}) == "");
            });
        }
}

TEST_CASE("each bit of an image is checked, and damage is told by file, page and offset") {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    page_store<memory> disk{in, page_life<memory>::options()};
    REQUIRE(disk.opened());
    REQUIRE(disk.write({1}, 1, image_of(1, 0)));  // 512 bytes
    REQUIRE(disk.write({2}, 1, image_of(2, 0)));
    auto file = in.open("data-00000001", file_mode::write).value();
    for (std::size_t bit = 0; bit < 512 * 8; ++bit) {
        std::byte turned{0};
        REQUIRE(file.read(4608 + bit / 8, &turned, 1));
        turned ^= std::byte{1} << (bit % 8);
        REQUIRE(file.write(4608 + bit / 8, {&turned, 1}));
        bytes into = bytes::zeros(512);
        const auto read = disk.read({2}, into.data(), into.size());
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::corrupt);
        CHECK(read.error().message().as<std::string>().find("data-00000001") != std::string::npos);
        CHECK(*read.error().number("page") == 2);
        CHECK(*read.error().number("offset") == 4608);
        turned ^= std::byte{1} << (bit % 8);
        REQUIRE(file.write(4608 + bit / 8, {&turned, 1}));
    }
    CHECK(difference(disk, {{1, 0}, {2, 0}}, 3) == "");
}

TEST_CASE("images in each other's places, older ones, lost ones and a file cut short are corrupt") {
    memory world;
    auto in = world.open_directory("db", directory_mode::create).value();
    page_store<memory> disk{in, page_life<memory>::options()};
    REQUIRE(disk.opened());
    const bytes same = image_of(1, 0);
    for (std::uint64_t page = 1; page <= 4; ++page) REQUIRE(disk.write({page}, 1, same));
    auto file = in.open("data-00000001", file_mode::write).value();
    const auto code = [&](std::uint64_t page) {
        bytes into = bytes::zeros(512);
        const auto read = disk.read({page}, into.data(), into.size());
        return read ? error_code::closed : read.error().code();
    };
    CHECK(code(1) == error_code::closed);
    // Two images of the same size change places.
    REQUIRE(disk.write({1}, 2, image_of(1, 16)));
    REQUIRE(disk.write({2}, 2, image_of(2, 16)));
    const std::uint64_t first = 4096 + 4 * 512;
    REQUIRE(file.write(first, image_of(2, 16)));
    REQUIRE(file.write(first + 512, image_of(1, 16)));
    CHECK(code(1) == error_code::corrupt);
    CHECK(code(2) == error_code::corrupt);
    REQUIRE(file.write(first, image_of(1, 0)));  // as it was before
    CHECK(code(1) == error_code::corrupt);
    REQUIRE(file.write(first, bytes::zeros(512)));
    CHECK(code(1) == error_code::corrupt);
    REQUIRE(file.write(first, image_of(1, 16)));
    CHECK(code(1) == error_code::closed);
    // The second image of an epoch, where the first one was.
    REQUIRE(disk.write({1}, 2, image_of(1, 32)));
    CHECK(code(1) == error_code::closed);
    REQUIRE(file.write(first, image_of(1, 16)));
    CHECK(code(1) == error_code::corrupt);
    REQUIRE(file.resize(first + 511));
    CHECK(code(1) == error_code::corrupt);
    CHECK(code(2) == error_code::corrupt);
    CHECK(code(3) == error_code::closed);
}

TEST_CASE("a second image of an epoch that cannot be written leaves the committed one") {
    for (const bool again : {false, true}) {
        CAPTURE(again);
        simulation world{1};
        world.run([&] {
            page_manifest manifest;
            life one{world.platform(), manifest, 1};
            REQUIRE(one.open());
            store& disk = one.disk();
            REQUIRE(disk.write({1}, 1, image_of(1, 7)));
            REQUIRE(disk.prepare(1));
            manifest.deltas.push_back(page_test::all_changes(disk).encode());
            disk.committed(1);
            REQUIRE(disk.write({1}, 2, image_of(1, 23)));
            world.inject({.on = io_kind::write});
            const auto failed = disk.write({1}, 2, image_of(1, 39));
            REQUIRE_FALSE(failed);
            CHECK(failed.error().code() == error_code::io);
            // Who has it keeps it, and writes it once more.
            CHECK(difference(disk, {}, 1) == "");
            if (again) {
                REQUIRE(disk.write({1}, 2, image_of(1, 39)));
                CHECK(difference(disk, {{1, 39}}, 1) == "");
                REQUIRE(disk.prepare(2));
                manifest.deltas.push_back(page_test::all_changes(disk).encode());
                disk.committed(2);
                CHECK(disk.stats().live_bytes == 8 * data_block_bytes);
            }
            manifest.state = {{1, again ? 39u : 7u}};
            life other{world.platform(), manifest, 2};
            REQUIRE(other.open());
            CHECK(difference(other.disk(), manifest.state, 1) == "");
        });
    }
}

TEST_CASE("a second image of an epoch whose file cannot be opened again takes another place") {
    simulation world{1};
    world.run([&] {
        page_manifest manifest;
        life one{world.platform(), manifest, 1};
        REQUIRE(one.open());  // keeps two files open
        store& disk = one.disk();
        REQUIRE(disk.write({1}, 2, image_of(1, 7)));
        page_state state;
        const auto fill = [&](std::uint32_t epoch, std::uint64_t first, std::uint64_t last) {
            for (std::uint64_t page = first; page <= last; ++page, state[page - 1] = 7)
                REQUIRE(disk.write({page}, epoch, image_of(page, 7)));
        };
        const auto commit = [&](std::uint32_t epoch) {
            REQUIRE(disk.prepare(epoch));
            manifest.deltas.push_back(page_test::all_changes(disk).encode());
            disk.committed(epoch);
        };
        fill(1, 10, 99);
        commit(1);
        fill(2, 100, 160);  // whose files are open instead
        const page_place first = disk.images({1}, 1).images.front().now.place;
        world.inject({.on = io_kind::open});
        const auto failed = disk.write({1}, 2, image_of(1, 23));
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == error_code::io);
        CHECK(difference(disk, state, 160) == "");
        REQUIRE(disk.write({1}, 2, image_of(1, 23)));
        CHECK(disk.images({1}, 1).images.front().now.place != first);
        state[1] = 23;
        commit(2);
        CHECK(disk.stats().live_bytes == page_test::bytes_of(state));
        life other{world.platform(), manifest, 2};
        REQUIRE(other.open());
        CHECK(difference(other.disk(), state, 160) == "");
    });
}

TEST_CASE("on a full disk writes are refused, the spare is saved, and reads go on") {
    simulation world{1};
    world.run([&] {
        small_disk at{world, 4};  // three segments of 15 pages, and the spare
        page_state there;
        std::uint64_t page = 1;
        for (; at.put(page, 1); ++page) there[page] = 7;
        CHECK(page == 46);
        CHECK(at.put(page, 1).error().code() == error_code::no_space);
        CHECK(at.put(1, 1, 8).error().code() == error_code::no_space);
        CHECK(at.disk.stats().spare);
        CHECK(difference(at.disk, there, 50) == "");
        CHECK(at.disk.stats().failed_writes == 0);
        CHECK(at.in.list().value().size() == 4);  // nothing is left of those that were not made
        for (int i = 0; i < 100; ++i) CHECK_FALSE(at.put(page, 1));
        world.limit_disk(0);
        CHECK(at.put(page, 1));
        CHECK(at.in.exists("data-00000004").value());  // and no number is used up
    });
}

TEST_CASE("on a full disk a commit takes the spare, and what it frees goes on without reopening") {
    simulation world{1};
    world.run([&] {
        small_disk at{world, 4};
        for (std::uint64_t page = 1; page <= 45; ++page) REQUIRE(at.put(page, 1));
        at.commit(1);
        for (std::uint64_t page = 1; page <= 15; ++page) REQUIRE(at.disk.erase({page}, 2));
        CHECK_FALSE(at.put(20, 2, 9));
        at.disk.begin_commit(2);
        REQUIRE(at.put(20, 2, 9));
        CHECK_FALSE(at.put(21, 3, 9));  // of the next epoch
        CHECK_FALSE(at.disk.stats().spare);
        at.commit(2);
        CHECK(at.disk.stats().spare);
        for (std::uint64_t page = 21; page <= 30; ++page) REQUIRE(at.put(page, 3, 23));
        CHECK(at.disk.stats().segments == 3);  // what was the spare is filled up
        page_state expected;
        for (std::uint64_t page = 16; page <= 45; ++page) expected[page] = 7;
        expected[20] = 9;
        for (std::uint64_t page = 21; page <= 30; ++page) expected[page] = 23;
        CHECK(difference(at.disk, expected, 50) == "");
    });
}

TEST_CASE("at each I/O that makes a segment of the spare a fault leaves no file behind") {
    // But for a removal that fails: the next opening does that.
    const io_kinds kinds = io_kind::open | io_kind::rename | io_kind::write | io_kind::preallocate;
    const int positions = at_positions({.on = kinds}, one_in, [&](const fault& what) {
        CAPTURE(what.nth);
        simulation world{1};
        bool struck = false;
        world.run([&] {
            small_disk at{world, 4};
            for (std::uint64_t page = 1; page <= 45; ++page) REQUIRE(at.put(page, 1));
            at.disk.begin_commit(1);
            world.inject(what);
            (void)at.put(46, 1);
            struck = world.struck(what.kind) > 0;
            world.clear_faults();
            const page_store_stats now = at.disk.stats();
            CHECK(at.in.list().value().size() == now.segments + (now.spare ? 1 : 0));
        });
        return struck;
    });
    CHECK(positions >= 4 / static_cast<int>(one_in));
}

TEST_CASE("a spare that is full, or lost, is no_space like any other") {
    simulation world{1};
    world.run([&] {
        small_disk at{world, 4};
        at.disk.begin_commit(9);
        std::uint64_t page = 1;
        while (at.put(page, 1)) ++page;
        CHECK(page == 61);  // four segments
        CHECK(at.put(page, 1).error().code() == error_code::no_space);
        at.commit(1);
        CHECK_FALSE(at.disk.stats().spare);
        world.limit_disk(0);
        at.commit(2);
        CHECK(at.disk.stats().spare);
        CHECK(at.put(page, 3));
    });
}
