// SPDX-License-Identifier: BSL-1.0
//
// What a buffer pool says of how near a thread is to writing a page because nobody else did.
#include <doctest/doctest.h>

#include "pool_of.hpp"

#include <mantis/platform/simulated.hpp>

#include <map>

using namespace mantis;
using page_test::room_for;

namespace {

// Takes as long as it is told for each write.
struct slow_source {
    simulated world;
    nanoseconds takes = milliseconds(10);
    bool fails = false;
    std::map<std::uint64_t, bytes> images = {};

    result<void> read(page_id page, std::byte* into, std::size_t size) {
        std::memcpy(into, images[page.value].data(), size);
        return success();
    }
    result<void> write(page_id page, std::uint32_t, bytes_view image) {
        world.sleep(takes);
        if (fails) return error{error_code::io, "writing a page"};
        images[page.value] = bytes{image};
        return success();
    }
};
using pool = buffer_pool<simulated, slow_source>;

buffer_pool_options room(std::size_t frames, std::size_t side_copies = 0) {
    auto options = room_for<pool>(frames, side_copies);
    options.clean_percent = 25;
    return options;
}
void change(pool& pages, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t number = first; number < first + count; ++number)
        pages.make({number}).value().store<std::uint64_t>(0, number);
}

}  // namespace

TEST_CASE(
    "a pool that is full of pages that were changed is under pressure, until its thread has "
    "written some") {
    simulation world{1};
    world.run([&] {
        slow_source disk{world.platform()};
        pool pages{disk, room(64)};
        change(pages, 1, 40);
        REQUIRE(pages.flush());  // how long it takes is known
        CHECK(pages.stats().dirty == 0);
        CHECK(pages.pressure().frames == 0);
        change(pages, 1, 58);
        CHECK(pages.stats().dirty == 58);
        CHECK(pages.pressure().frames == 0);  // what comes next has its frame
        change(pages, 1, 64);
        CHECK(pages.pressure().frames > 0.8);
        CHECK(pages.pressure().frames <= 1);
        disk.world.sleep(seconds(1));  // which has asked the thread to clean
        CHECK(pages.pressure().frames == 0);
        CHECK(pages.stats().dirty == 48);
    });
}

TEST_CASE("a source that is fast puts no pressure on anybody, nor does one that cannot write") {
    simulation world{2};
    world.run([&] {
        slow_source disk{world.platform(), microseconds(5)};
        pool pages{disk, room(64, 16)};
        change(pages, 1, 64);
        REQUIRE(pages.flush());
        change(pages, 1, 64);
        (void)pages.begin_epoch();
        change(pages, 1, 16);
        CHECK(pages.stats().side_copies_waiting == 16);
        CHECK(pages.pressure().frames < 0.01);
        CHECK(pages.pressure().side_copies < 0.01);
        disk.takes = milliseconds(10);
        disk.fails = true;
        CHECK_FALSE(pages.flush());
        CHECK(pages.pressure().frames == 0);
        CHECK(pages.pressure().side_copies == 0);
    });
}

TEST_CASE(
    "room for side copies that runs short is pressure, and they are written before the rest") {
    simulation world{3};
    world.run([&] {
        slow_source disk{world.platform()};
        pool pages{disk, room(256, 16)};
        change(pages, 1, 160);
        REQUIRE(pages.flush());
        change(pages, 1, 160);
        const std::uint32_t ended = pages.begin_epoch();
        CHECK(pages.pressure().side_copies == 0);
        change(pages, 130, 12);
        CHECK(pages.pressure().side_copies > 0.6);
        simulated::thread writes{[&] { CHECK(pages.write_epoch(ended)); }};
        // 64 pages, and then the copies, of 10 ms each: long before the other pages are done.
        disk.world.sleep(milliseconds(900));
        CHECK(pages.stats().side_copies_waiting == 0);
        CHECK(pages.stats().dirty > 60);
        writes.join();
        CHECK(pages.stats().dirty == 12);
    });
}

TEST_CASE("what is dirty is counted, whatever becomes of it") {
    simulation world{4};
    world.run([&] {
        slow_source disk{world.platform(), {}};
        auto options = room_for<pool>(8, 2);
        pool pages{disk, options};
        change(pages, 1, 8);
        CHECK(pages.stats().dirty == 8);
        pages.drop(pages.change({1}).value());
        CHECK(pages.stats().dirty == 7);
        pages.forget({2});
        CHECK(pages.stats().dirty == 6);
        (void)pages.begin_epoch();
        change(pages, 3, 3);  // two are copied aside, one is written first
        CHECK(pages.stats().dirty == 6);
        CHECK(pages.stats().side_copies_waiting == 2);
        change(pages, 20, 8);  // in place of all others
        CHECK(pages.stats().dirty == 8);
        disk.fails = true;
        CHECK_FALSE(pages.flush());
        CHECK(pages.stats().dirty == 8);
        disk.fails = false;
        CHECK(pages.flush());
        CHECK(pages.stats().dirty == 0);
        CHECK(pages.change({20}));
        CHECK(pages.change({20}));
        CHECK(pages.stats().dirty == 1);
    });
}
