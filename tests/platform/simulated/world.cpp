// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/simulated.hpp>

#include "../conformance.hpp"

#include <set>

using namespace platform_test;

TEST_CASE("a write that comes while a sync runs is not covered by it") {
    int raced = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        bool written_in_sync = false;
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            in.sync().value();
            file.write(0, "a").value();
            bool syncing = false;
            simulated::thread other{[&] {
                const bool began_inside = syncing;
                file.write(1, "b").value();
                written_in_sync = began_inside && syncing;
            }};
            syncing = true;
            file.sync().value();
            syncing = false;
            other.join();
        });
        world.restart(crash_mode::drop_unsynced);
        auto in = made_directory(platform, "db");
        if (written_in_sync) CHECK(get(in, "x") == "a");
        raced += written_in_sync ? 1 : 0;
    }
    CHECK(raced > 10);
}

TEST_CASE("the write that the power failure cut off may survive, its sync promises nothing") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        auto in = made_directory(platform, "db");
        auto file = in.open("x", file_mode::create).value();
        in.sync().value();
        world.crash_at_io(seed % 2 + 1);
        const bool written = file.write(0, "cut").has_value();
        CHECK(written == (seed % 2 == 1));
        CHECK_FALSE(file.sync().has_value());
        world.restart(crash_mode::random_subset);
        auto again = made_directory(platform, "db");
        seen.insert(get(again, "x"));
    }
    CHECK(seen.count("") == 1);
    CHECK(seen.count("cut") == 1);
}

TEST_CASE("power that fails while a thread waits for its I/O fails that I/O") {
    int caught = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            bool failed = false;
            simulated::thread other{[&] { failed = !file.sync().has_value(); }};
            platform.sleep(microseconds(10));
            world.crash();
            other.join();
            caught += failed ? 1 : 0;
            if (failed) CHECK_FALSE(world.powered());
        });
    }
    CHECK(caught > 10);
}

TEST_CASE("an I/O that a restart overtook belongs to the old boot") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        simulation world{seed};
        auto platform = world.platform();
        world.run([&] {
            auto in = made_directory(platform, "db");
            auto file = in.open("x", file_mode::create).value();
            in.sync().value();
            bool begun = false;
            bool answered = false;
            bool answer = false;
            simulated::thread other{[&] {
                begun = true;
                answer = file.write(0, "late").has_value();
                answered = true;
            }};
            while (!begun) platform.sleep(nanoseconds{100});
            const bool before = answered && answer;
            world.restart(crash_mode::drop_unsynced);
            auto again = made_directory(platform, "db");
            other.join();
            if (!before) CHECK_FALSE(answer);
            CHECK(get(again, "x").empty());
        });
    }
}

TEST_CASE("I/O takes time, and syncs most of it") {
    simulation world{5};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    nanoseconds before = world.now();
    for (int i = 0; i < 100; ++i) file.write(0, "x").value();
    const nanoseconds writes = world.now() - before;
    CHECK(writes.count > microseconds(50).count);
    before = world.now();
    file.write(0, bytes::zeros(MiB)).value();
    CHECK((world.now() - before).count > milliseconds(1).count);
}

TEST_CASE("I/O is counted by kind, also when it fails, but not without power") {
    simulation world{1};
    auto platform = world.platform();
    auto in = made_directory(platform, "db");
    auto file = in.open("x", file_mode::create).value();
    world.fail_io(1, error_code::io);
    CHECK_FALSE(file.sync().has_value());
    CHECK(world.io_count(io_kind::sync) == 1);
    CHECK(world.io_count(io_kind::open) == 1);
    CHECK(world.io_count() == 3);
    world.crash();
    CHECK_FALSE(file.sync().has_value());
    CHECK(world.io_count() == 3);
}
