// SPDX-License-Identifier: BSL-1.0
#include "asker.hpp"

#include <doctest/doctest.h>

#include <mantis/lock/manager.hpp>
#include <mantis/platform/posix.hpp>

#include <string>

using namespace mantis;

namespace {

constexpr table_id table{7};
const lock_path key = lock_path::key(table, "k");

}  // namespace

TEST_CASE("misuse is an error that names both locks, and changes nothing") {
    lock_manager<posix> locks;
    lock_owner owner{locks, "me"};
    CHECK(owner.unlock(key).error().code() == error_code::not_found);
    CHECK(owner.lock(key, lock_mode::none).error().code() == error_code::invalid_argument);
    CHECK(owner.lock(lock_path::range(table, "a", "b"), lock_mode::IX).error().code() ==
          error_code::invalid_argument);
    owner.lock(key, lock_mode::X).value();
    const auto above = owner.unlock(lock_path::table(table));
    REQUIRE(above.error().code() == error_code::invalid_argument);
    CHECK(above.error().subject() == "table 7 above key 7/k");
    const auto upward = owner.lock(lock_path::table(table), lock_mode::S);
    REQUIRE(upward.error().code() == error_code::invalid_argument);
    CHECK(upward.error().subject() == "table 7 above key 7/k");
    CHECK(owner.lock(lock_path::table(table), lock_mode::S, {.until = lock_deadline::at_once()})
              .has_value());
    CHECK(owner.mode_of(lock_path::table(table)) == lock_mode::SIX);
}

TEST_CASE("what is above is locked first, and no lock outlives its owner") {
    lock_manager<posix> locks;
    {
        lock_owner owner{locks, "me"};
        owner.lock(key, lock_mode::X).value();
        CHECK(owner.mode_of(lock_path::store()) == lock_mode::IX);
        CHECK(owner.mode_of(lock_path::table(table)) == lock_mode::IX);
        CHECK(owner.lock_count() == 3);
        CHECK(locks.held().size() == 3);
    }
    CHECK(locks.held().empty());
    CHECK(locks.counts().queues == 0);
}

TEST_CASE("an asynchronous lock is told once, by whoever ends its wait") {
    lock_manager<posix> locks;
    lock_owner first{locks};
    lock_owner second{locks};
    int told = 0;
    const auto count = [](void* context, result<void> done) {
        CHECK(done.has_value());
        ++*static_cast<int*>(context);
    };
    first.lock(key, lock_mode::X).value();
    second.lock_async(key, lock_mode::S, count, &told);
    CHECK(told == 0);
    first.release_all();
    CHECK(told == 1);
    CHECK(second.mode_of(key) == lock_mode::S);
    first.lock_async(lock_path::key(table, "other"), lock_mode::X, count, &told);
    CHECK(told == 2);
}

TEST_CASE("a stronger lock on a range that is refused leaves the range as it was held") {
    lock_manager<posix> locks;
    lock_owner one{locks};
    lock_owner other{locks};
    const lock_path range = lock_path::range(table_id{1}, bytes_view{"a"}, bytes_view{"d"});
    const lock_options at_once{.until = lock_deadline::at_once()};
    REQUIRE(one.lock(range, lock_mode::S));
    REQUIRE(other.lock(lock_path::key(table_id{1}, bytes_view{"b"}), lock_mode::S));
    CHECK(one.lock(range, lock_mode::X, at_once).error().code() == error_code::timed_out);
    CHECK(one.mode_of(range) == lock_mode::S);
    CHECK(other.lock(range, lock_mode::S, at_once));  // which an X would not let in
    CHECK(one.lock(range, lock_mode::S));
}

TEST_CASE("under a lock of the store that covers it, nothing is locked on a key again") {
    lock_manager<posix> locks;
    lock_owner one{locks};
    REQUIRE(one.lock(lock_path::table(table_id{1}), lock_mode::IX));
    REQUIRE(one.lock(lock_path::store(), lock_mode::SIX, {.until = lock_deadline::at_once()}));
    REQUIRE(one.lock(lock_path::key(table_id{1}, bytes_view{"a"}), lock_mode::S));
    CHECK(one.lock_count() == 2);
}

TEST_CASE("a range in which a key is locked stays in the mode in which it was locked") {
    lock_manager<posix> locks;
    lock_test::asker one{locks};
    lock_owner other{locks};
    const lock_path range = lock_path::range(table_id{1}, "a", "m");
    REQUIRE(one.ask(range, lock_mode::S) == "granted");
    REQUIRE(other.lock(range, lock_mode::S));
    CHECK(one.ask(lock_path::key(table_id{1}, "b"), lock_mode::X) == "waits");
    other.release_all();
    CHECK(one.heard == "granted");
    CHECK(one.owner.mode_of(range) == lock_mode::S);
    CHECK(other.lock(lock_path::key(table_id{1}, "c"), lock_mode::S));
}

TEST_CASE("real threads: who was let in may lock asynchronously at once, and is answered once") {
    lock_manager<posix> locks;
    posix::atomic<bool> done{false};
    posix::thread other{[&] {
        lock_owner owner{locks};
        while (!done.load()) {
            (void)owner.lock(key, lock_mode::X);
            owner.release_all();
        }
    }};
    {
        lock_test::asker one{locks};
        for (int i = 0; i < 2'000; ++i) {
            REQUIRE(one.owner.lock(key, lock_mode::X));
            REQUIRE(one.ask(lock_path::key(table, "free"), lock_mode::X) == "granted");
            REQUIRE(one.calls == i + 1);
            one.owner.release_all();
        }
    }
    done.store(true);
    other.join();
}
