// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>
#include <mantis/store/store.hpp>

#include <string>

using namespace mantis;

namespace {

struct simulated_app : policies<with::platform<simulated>, with::durability<buffered>> {};
struct in_memory : policies<with::platform<memory>, with::durability<buffered>> {};

}  // namespace

TEST_CASE("serializable: of two transactions that read what the other writes, one is refused") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    auto first = db.begin(isolation::serializable);
    auto second = db.begin(isolation::serializable);
    CHECK_FALSE(first.get(table, "a").value());
    CHECK_FALSE(second.get(table, "b").value());
    first.put(table, "b", "1");
    second.put(table, "a", "1");
    CHECK(first.commit());
    const auto refused = second.commit();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::conflict);
    CHECK(refused.error().kind() == error_class::conflict);
    CHECK_FALSE(db.get(table, "a").value());
}

TEST_CASE("serializable: a row that appears in a scanned table is seen at commit") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    auto reader = db.begin(isolation::serializable);
    auto rows = reader.scan(table, {"a", "z"});
    CHECK_FALSE(rows.next().value());
    auto writer = db.begin();
    writer.put(table, "m", "phantom");
    CHECK(writer.commit());
    reader.put(table, "count", "0");
    const auto refused = reader.commit();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::conflict);
}

TEST_CASE("read committed: reads never stand in the way of the commit") {
    auto db = store<in_memory>::open("db").value();
    auto table = db.table("t").value();
    auto first = db.begin(isolation::read_committed);
    CHECK_FALSE(first.get(table, "a").value());
    auto second = db.begin();
    second.put(table, "a", "1");
    CHECK(second.commit());
    CHECK(first.get(table, "a").value());
    first.put(table, "a", "2");
    CHECK(first.commit());
    CHECK(db.get(table, "a").value()->view() == bytes_view{"2"});
}

TEST_CASE("serializable: no committed transaction has seen another one by half, in any schedule") {
    int committed = 0;
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto db = store<simulated_app>::open("db", {}, world.platform()).value();
            auto table = db.table("t").value();
            const auto number = [&](auto& tx, const char* key) {
                const auto found = tx.get(table, key).value();
                return found ? std::stoi(found->template as<std::string>()) : 0;
            };
            std::vector<simulated::thread> threads;
            for (int who = 0; who < 3; ++who)
                threads.emplace_back([&, who] {
                    for (int n = 0; n < 6; ++n) {
                        auto tx = db.begin();
                        const int left = number(tx, "a");
                        const int right = number(tx, "z");
                        // One of three only looks; what it writes is read by nobody.
                        if (who == 0) {
                            tx.put(table, "looked", std::to_string(n));
                        } else {
                            tx.put(table, "a", std::to_string(left + 1));
                            tx.put(table, "m", std::string(200, 'm'));
                            tx.put(table, "z", std::to_string(right + 1));
                        }
                        const bool done = tx.commit().has_value();
                        ++(done ? committed : refused);
                        if (done) CHECK(left == right);
                    }
                });
            for (auto& thread : threads) thread.join();
        });
    }
    CHECK(committed > 1000);
    CHECK(refused > 100);
}

TEST_CASE("serializable: no increment that committed is overwritten unread, in any schedule") {
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            auto db = store<simulated_app>::open("db", {}, world.platform()).value();
            auto table = db.table("t").value();
            int committed = 0;
            std::vector<simulated::thread> threads;
            for (int who = 0; who < 3; ++who)
                threads.emplace_back([&] {
                    for (int n = 0; n < 5; ++n) {
                        auto tx = db.begin();
                        const auto found = tx.get(table, "n").value();
                        const int before = found ? std::stoi(found->as<std::string>()) : 0;
                        tx.put(table, "n", std::to_string(before + 1));
                        ++(tx.commit() ? committed : refused);
                    }
                });
            for (auto& thread : threads) thread.join();
            CHECK(db.get(table, "n").value()->view() == bytes_view{std::to_string(committed)});
        });
    }
    CHECK(refused > 100);
}
