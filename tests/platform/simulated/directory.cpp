// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../conformance.hpp"

using namespace platform_test;

TEST_CASE("sync makes names durable, not the contents") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    put(in, "x", "unsynced");
    in.sync().value();
    put(in, "y", "unsynced");
    world.restart(crash_mode::drop_unsynced);
    auto again = made_directory(platform, "db");
    CHECK(get(again, "x").empty());
    CHECK_FALSE(again.exists("y").value());
}

TEST_CASE("a directory that was made is there after a power failure, like its parents") {
    simulation world{1};
    auto platform = world.platform();
    made_directory(platform, "a/b");
    world.restart(crash_mode::drop_unsynced);
    CHECK(platform.open_directory("a/b", directory_mode::existing).has_value());
    CHECK(platform.open_directory("a", directory_mode::existing).has_value());
    world.crash_at_io(1);
    check_fails(platform.open_directory("c", directory_mode::create), error_code::io);
    world.restart(crash_mode::drop_unsynced);
    check_fails(platform.open_directory("c", directory_mode::existing), error_code::not_found);
}

TEST_CASE("each boot is a process of its own to a refused lock") {
    simulation world{1};
    auto platform = world.platform();
    for (std::uint64_t boot = 1; boot <= 3; ++boot) {
        auto first = made_directory(platform, "db");
        auto second = made_directory(platform, "db");
        first.lock().value();
        const auto refused = second.lock();
        check_fails(refused, error_code::locked);
        CHECK(*refused.error().number("pid") == boot);
        world.restart(crash_mode::drop_unsynced);
    }
}

TEST_CASE("a directory takes its lock along when it moves") {
    simulation world{1};
    auto platform = world.platform();
    auto first = made_directory(platform, "db");
    auto second = made_directory(platform, "db");
    first.lock().value();
    auto moved = std::move(first);
    check_fails(second.lock(), error_code::locked);
    moved = made_directory(platform, "other");
    second.lock().value();
}

TEST_CASE("free space is what the limit of the disk leaves, and asking for it is an I/O") {
    simulation world{1};
    world.run([&] {
        auto in = world.platform().open_directory("db", directory_mode::create).value();
        CHECK(in.free_bytes().value() == no_space_limit);
        world.limit_disk(100);
        auto file = in.open("x", file_mode::create).value();
        file.preallocate(30).value();
        CHECK(in.free_bytes().value() == 70);
        world.limit_disk(20);
        CHECK(in.free_bytes().value() == 0);
        CHECK(world.io_count(io_kind::free_bytes) == 3);
        world.inject({.on = io_kind::free_bytes});
        CHECK(in.free_bytes().error().code() == error_code::io);
        world.crash();
        CHECK_FALSE(in.free_bytes());
    });
}
