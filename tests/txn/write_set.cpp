// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/txn/write_set.hpp>

using namespace mantis;

TEST_CASE("the last write of a key counts, and tables do not mix") {
    write_set writes;
    writes.put({1}, "k", "old");
    writes.put({2}, "k", "other");
    writes.put({1}, "k", "newer");
    CHECK(writes.count() == 2);
    CHECK(writes.payload_bytes() == 1 + 5 + 1 + 5);
    CHECK(writes.find({1}, "k")->value == bytes_view{"newer"});
    CHECK(writes.find({2}, "k")->value == bytes_view{"other"});
    writes.erase({1}, "k");
    CHECK(writes.find({1}, "k")->erases);
    CHECK(writes.payload_bytes() == 1 + 1 + 5);
    CHECK(writes.find({1}, "x") == nullptr);
    CHECK(writes.any_puts());
}

TEST_CASE("a key that is erased and then put again is put, and the other way round erased") {
    write_set writes;
    writes.erase({1}, "k");
    writes.put({1}, "k", "new");
    REQUIRE(writes.find({1}, "k") != nullptr);
    CHECK_FALSE(writes.find({1}, "k")->erases);
    CHECK(writes.find({1}, "k")->value == bytes_view{"new"});
    CHECK(writes.any_puts());
    writes.erase({1}, "k");
    CHECK(writes.find({1}, "k")->erases);
    CHECK(writes.count() == 1);
    CHECK(writes.payload_bytes() == 1);
}

TEST_CASE("changes come by table and then by key, and lower_bound starts in the middle") {
    write_set writes;
    for (const char* key : {"d", "b", "a", "c"}) writes.put({2}, key, "");
    writes.erase({1}, "z");
    bytes order;
    for (const change& made : writes) order.append(made.key);
    CHECK(order.view() == bytes_view{"zabcd"});
    CHECK(writes.lower_bound({2}, "bb")->key == bytes_view{"c"});
    CHECK(writes.lower_bound({1}, "zz")->table == table_id{2});
    CHECK(writes.lower_bound({3}, "") == writes.end());
    writes.clear();
    CHECK(writes.empty());
    CHECK(writes.payload_bytes() == 0);
    writes.erase({1}, "k");
    CHECK_FALSE(writes.any_puts());
}

TEST_CASE("a key may be written from its own value, and growing it again and again stays cheap") {
    write_set writes;
    writes.put({1}, "k", "abc");
    writes.put({1}, "k", writes.find({1}, "k")->value.from(1));
    CHECK(writes.find({1}, "k")->value == bytes_view{"bc"});
    writes.erase({1}, "k");
    CHECK(writes.find({1}, "k")->value.empty());
    bytes value;
    for (int i = 0; i < 10'000; ++i) {
        value.push_back(static_cast<char>('a' + i % 26));
        writes.put({1}, "k", value);
    }
    CHECK(writes.find({1}, "k")->value == value.view());
    CHECK(writes.count() == 1);
    CHECK(writes.payload_bytes() == 1 + 10'000);
}

TEST_CASE("a moved write set has what the old one had, and the old one nothing") {
    write_set from;
    from.put({1}, "k", "v");
    write_set moved{std::move(from)};
    CHECK(moved.find({1}, "k")->value == bytes_view{"v"});
    write_set assigned;
    assigned.put({1}, "gone", "v");
    assigned = std::move(moved);
    CHECK(assigned.count() == 1);
    CHECK(assigned.find({1}, "k")->value == bytes_view{"v"});
    CHECK(assigned.payload_bytes() == 2);
}
