// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/manager.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;

TEST_CASE("a report tells who has what in which mode, and who waits where") {
    lock_manager<posix> locks;
    lock_owner first{locks, "first"};
    lock_owner second{locks, "second"};
    const lock_path key = lock_path::key(table_id{7}, "k");
    first.lock(key, lock_mode::X).value();
    posix::thread waiter{[&] { second.lock(key, lock_mode::S, {.site = "here"}).value(); }};
    while (locks.waiting().empty()) posix{}.sleep(microseconds(50));
    const std::vector<lock_line> waiting = locks.waiting();
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0].path == bytes{"key 7/k"});
    CHECK(waiting[0].wanted == lock_mode::S);
    CHECK(bytes_view{waiting[0].label} == "second");
    CHECK(bytes_view{waiting[0].site} == "here");
    CHECK(locks.waits().size() == 1);
    CHECK(locks.waits().edge_count() == 1);
    first.release_all();
    waiter.join();
    CHECK(locks.counts().waits == 1);
    CHECK(locks.wait_times(lock_mode::S).count() == 1);
    REQUIRE(locks.hottest(5).size() == 1);
    CHECK(locks.hottest(5)[0].name == bytes{"key 7/k"});
    CHECK(locks.hottest_sites(5)[0].name == bytes{"here"});
}
