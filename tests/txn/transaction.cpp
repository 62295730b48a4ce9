// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

#include <string>
#include <thread>

using namespace mantis;

namespace {

struct in_memory : policies<with::platform<memory>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("a transaction sees its own writes, others see them after the commit, all at once") {
    auto db = store<in_memory>::open("db").value();
    auto left = db.table("left").value();
    auto right = db.table("right").value();
    auto tx = db.begin();
    tx.put(left, "k", "1");
    tx.put(right, "k", "2");
    CHECK(tx.get(left, "k").value()->view() == bytes_view{"1"});
    CHECK_FALSE(db.get(left, "k").value());
    CHECK(tx.commit());
    CHECK(db.get(left, "k").value()->view() == bytes_view{"1"});
    CHECK(db.get(right, "k").value()->view() == bytes_view{"2"});
}

TEST_CASE("without a commit nothing stays, and a transaction that is over says so") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    {
        auto tx = db.begin();
        tx.put(table, "k", "1");
    }
    auto tx = db.begin();
    tx.put(table, "k", "2");
    tx.abort();
    CHECK(tx.commit().error().code() == error_code::closed);
    CHECK(tx.get(table, "k").error().code() == error_code::closed);
    CHECK_FALSE(db.get(table, "k").value());
}

TEST_CASE("a mistake in one write commits none, and the commit names it") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    auto tx = db.begin();
    tx.put(table, "good", "1");
    tx.put(table, std::string(max_key_bytes + 1, 'k'), "2");
    tx.put(table, "also good", "3");
    const auto refused = tx.commit();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::too_large);
    CHECK(*refused.error().number("limit") == max_key_bytes);
    CHECK(refused.error().subject() == bytes_view{"t"});
    CHECK_FALSE(db.get(table, "good").value());
}

TEST_CASE("a dropped table refuses reads and writes; a new one of its name is another table") {
    auto db = store<in_memory>::open("db").value();
    auto old = db.table("t").value();
    auto fill = db.begin();
    fill.put(old, "k", "1");
    CHECK(fill.commit());
    auto late = db.begin();
    late.put(old, "k", "2");
    CHECK(db.drop_table(old));
    CHECK(late.commit().error().code() == error_code::not_found);
    CHECK(db.get(old, "k").error().code() == error_code::not_found);
    CHECK(db.drop_table(old).error().code() == error_code::not_found);
    auto fresh = db.table("t").value();
    CHECK(fresh.id() != old.id());
    CHECK_FALSE(db.get(fresh, "k").value());
}

TEST_CASE("increments by several threads are never lost: a conflict is run again") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    constexpr int threads = 4;
    constexpr int each = 250;
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t)
        running.emplace_back([&] {
            for (int done = 0; done < each;) {
                auto tx = db.begin();
                const auto now = tx.get(table, "n").value();
                tx.put(table, "n",
                       std::to_string((now ? std::stoi(now->as<std::string>()) : 0) + 1));
                const auto committed = tx.commit();
                if (committed) ++done;
                else CHECK(committed.error().code() == error_code::conflict);
            }
        });
    for (auto& thread : running) thread.join();
    CHECK(db.get(table, "n").value()->as<std::string>() == std::to_string(threads * each));
}
