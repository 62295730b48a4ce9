// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/lock/manager.hpp>
#include <mantis/platform/posix.hpp>

using namespace mantis;

namespace {

constexpr table_id table{7};
constexpr lock_options at_once{.until = lock_deadline::at_once()};

}  // namespace

TEST_CASE("two owners hold two modes of one thing together exactly when they are compatible") {
    const lock_path paths[] = {lock_path::store(), lock_path::table(table),
                               lock_path::key(table, "k")};
    for (const lock_path& path : paths)
        for (std::size_t a = 1; a < lock_mode_count; ++a)
            for (std::size_t b = 1; b < lock_mode_count; ++b) {
                lock_manager<posix> locks;
                lock_owner first{locks};
                lock_owner second{locks};
                const auto held = static_cast<lock_mode>(a);
                const auto wanted = static_cast<lock_mode>(b);
                REQUIRE(first.lock(path, held).has_value());
                CHECK(second.lock(path, wanted, at_once).has_value() == compatible(held, wanted));
                first.release_all();
                CHECK(second.lock(path, wanted, at_once).has_value());
            }
}

TEST_CASE("a lone holder goes from S to X at once, also while another waits") {
    lock_manager<posix, detect_at_once<>> locks;
    lock_owner first{locks};
    lock_owner second{locks};
    const lock_path path = lock_path::key(table, "k");
    first.lock(path, lock_mode::S).value();
    posix::thread waiter{[&] { second.lock(path, lock_mode::X).value(); }};
    while (locks.waiting().empty()) posix{}.sleep(microseconds(50));
    CHECK(first.lock(path, lock_mode::X).has_value());
    CHECK(locks.counts().deadlocks == 0);
    first.release_all();
    waiter.join();
    CHECK(second.mode_of(path) == lock_mode::X);
}

TEST_CASE("no key of another comes into a range that is held, nor a range over a key") {
    lock_manager<posix> locks;
    lock_owner reader{locks};
    lock_owner writer{locks};
    reader.lock(lock_path::range(table, "b", "d"), lock_mode::S).value();
    CHECK_FALSE(writer.lock(lock_path::key(table, "c"), lock_mode::X, at_once).has_value());
    CHECK(writer.lock(lock_path::key(table, "c"), lock_mode::S, at_once).has_value());
    CHECK(writer.lock(lock_path::key(table, "d"), lock_mode::X, at_once).has_value());
    CHECK_FALSE(reader.lock(lock_path::range(table, "c", ""), lock_mode::S, at_once).has_value());
    CHECK_FALSE(writer.lock(lock_path::range(table, "a", "c"), lock_mode::X, at_once).has_value());
    reader.release_all();
    CHECK(writer.lock(lock_path::range(table, "a", "c"), lock_mode::X, at_once).has_value());
}
