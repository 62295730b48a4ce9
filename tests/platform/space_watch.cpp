// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/faulty.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/space_watch.hpp>

#include <string>
#include <vector>

using namespace mantis;

namespace {

using world = faulty<memory>;

// A disk of 1000 bytes with a file that others fill and empty.
struct disk {
    memory files;
    fault_plan<memory> plan;
    world outside{files, plan};
    world::directory in = outside.open_directory("db", directory_mode::create).value();
    world::file others = in.open("others", file_mode::create).value();
    std::vector<std::string> lines = {};

    disk() { files.limit_disk(1000); }
    void leave(std::uint64_t free) {
        others.resize(0).value();
        others.resize(1000 - free).value();
    }
    event_sink sink() {
        return {[](void* self, const event& what) {
                    static_cast<disk*>(self)->lines.push_back(what.message().as<std::string>());
                },
                this};
    }
    [[nodiscard]] std::uint64_t asked() { return plan.io_count(io_kind::free_bytes); }
};

constexpr space_limits usual{.soft_bytes = 400, .hard_bytes = 200, .look_bytes = 100};

}  // namespace

TEST_CASE("it looks once for as many bytes as the look allows, and not for each commit") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    for (int i = 0; i < 9; ++i) CHECK(space.take(10));
    CHECK(of.asked() == 1);
    for (int i = 0; i < 3; ++i) CHECK(space.take(10));
    CHECK(of.asked() == 2);
    CHECK(of.lines.empty());
    CHECK(space.counts().looks == 2);
    CHECK(space.counts().free_bytes == 1000);
}

TEST_CASE("below the hard limit it refuses with numbers, and the first call after is let through") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(199);
    const auto refused = space.take(1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::no_space);
    CHECK(refused.error().subject() == "db");
    CHECK(*refused.error().number("free_bytes") == 199);
    CHECK(*refused.error().number("limit") == 200);
    CHECK(*refused.error().number("bytes") == 1);
    CHECK_FALSE(space.take(1));
    CHECK(space.counts().refused == 2);
    CHECK(space.counts().state == space_state::refusing);
    of.leave(500);
    CHECK(space.take(1));
    CHECK(space.counts().state == space_state::plenty);
    CHECK(of.lines ==
          std::vector<std::string>{"error: space_hard_limit [db] free_bytes=199 limit=200",
                                   "info: space_back [db] free_bytes=500 limit=200"});
}

TEST_CASE("from look to look no more is let through than was free above the limit") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(250);
    CHECK(space.take(20));
    CHECK(space.take(20));
    CHECK(of.asked() == 1);
    CHECK(space.take(20));  // a new look: the 40 were not written
    CHECK(of.asked() == 2);
}

TEST_CASE(
    "a call of more than look_bytes must fit above the limit, a smaller one may pass it once") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(310);
    CHECK_FALSE(space.take(111));
    CHECK(space.counts().state == space_state::scarce);
    CHECK(space.take(110));
    of.leave(200);
    CHECK(space.take(100));
    of.leave(199);
    CHECK_FALSE(space.take(1));
}

TEST_CASE("the soft limit is told at the next look, and so is the way back") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(300);
    space.look();
    CHECK(space.counts().state == space_state::scarce);
    of.leave(100);
    space.look();
    of.leave(300);
    space.look();
    of.leave(400);
    space.look();
    space.look();
    CHECK(of.lines ==
          std::vector<std::string>{"warning: space_soft_limit [db] free_bytes=300 limit=400",
                                   "error: space_hard_limit [db] free_bytes=100 limit=200",
                                   "info: space_back [db] free_bytes=300 limit=200",
                                   "info: space_back [db] free_bytes=400 limit=400"});
}

TEST_CASE("a file that was made is a reason to look again") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    CHECK(space.take(1));
    of.leave(100);
    CHECK(space.take(1));
    space.space_changed();
    CHECK_FALSE(space.take(1));
}

TEST_CASE("a disk that is full though it seems not is told once, until a file was made") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    CHECK(space.take(1));
    space.failed();
    space.failed();
    CHECK(space.take(1));  // the disk is asked, not the watch
    CHECK(space.counts().state == space_state::refusing);
    space.space_changed();
    CHECK(space.take(1));
    CHECK(space.counts().state == space_state::plenty);
    CHECK(space.counts().disk_full == 2);
    CHECK(of.lines ==
          std::vector<std::string>{"error: space_hard_limit [db] free_bytes=1000 limit=200",
                                   "info: space_back [db] free_bytes=1000 limit=200"});
}

TEST_CASE("a disk that was full, and says so, is usable when it says so") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(0);
    space.failed();
    CHECK_FALSE(space.take(1));
    of.leave(500);
    CHECK(space.take(1));
    CHECK(space.counts().state == space_state::plenty);
}

TEST_CASE("a look that fails refuses nobody and tells nothing") {
    disk of;
    space_watch<world> space{of.in, usual, of.sink()};
    of.leave(100);
    of.plan.inject({.on = io_kind::free_bytes, .count = fault::for_ever});
    for (int i = 0; i < 50; ++i) CHECK(space.take(10));
    CHECK(of.asked() == 5);
    of.plan.clear();
    for (int i = 0; i < 10 && space.take(10); ++i) {}
    CHECK_FALSE(space.take(10));
}

TEST_CASE("limits of 0 refuse nothing") {
    disk of;
    space_watch<world> space{of.in, {.look_bytes = 100}, of.sink()};
    of.leave(0);
    CHECK(space.take(500));
    CHECK(of.lines.empty());
    CHECK(space.counts().free_bytes == 0);
}
