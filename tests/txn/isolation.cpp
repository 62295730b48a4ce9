// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/platform/memory.hpp>
#include <mantis/store/store.hpp>

using namespace mantis;

namespace {

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
