// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../conformance.hpp"

using namespace platform_test;

TEST_CASE("sync makes data and size durable") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    in.sync().value();
    file.preallocate(10'000).value();
    file.write(5'000, "here").value();
    file.sync().value();
    file.resize(1).value();
    world.restart(crash_mode::drop_unsynced);
    auto again = made_directory(platform, "db");
    auto opened = again.open("x", file_mode::read).value();
    CHECK(opened.size().value() == 10'000);
    std::byte read[4];
    CHECK(opened.read(5'000, read, 4).value() == 4);
    CHECK(bytes_view{read, 4} == "here");
}

TEST_CASE("errors name file, errno and offset, as those of the system do") {
    simulation world{1, {.disk_bytes = 100}};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    const auto full = file.write(90, "twenty bytes of text");
    check_fails(full, error_code::no_space);
    CHECK(full.error().subject() == "db/x");
    CHECK(*full.error().number("errno") == ENOSPC);
    CHECK(*full.error().number("offset") == 90);
    world.crash();
    const auto dead = file.write(8, "x");
    check_fails(dead, error_code::io);
    CHECK(*dead.error().number("errno") == EIO);
    CHECK(*dead.error().number("offset") == 8);
}

TEST_CASE("a write of nothing changes nothing") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    file.write(1'000, bytes_view{}).value();
    CHECK(file.size().value() == 0);
}
