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
    CHECK(writes.find({1}, "k")->value.view() == bytes_view{"newer"});
    CHECK(writes.find({2}, "k")->value.view() == bytes_view{"other"});
    writes.erase({1}, "k");
    CHECK(writes.find({1}, "k")->erases);
    CHECK(writes.payload_bytes() == 1 + 1 + 5);
    CHECK(writes.find({1}, "x") == nullptr);
    CHECK(writes.any_puts());
}

TEST_CASE("changes come by table and then by key, and lower_bound starts in the middle") {
    write_set writes;
    for (const char* key : {"d", "b", "a", "c"}) writes.put({2}, key, "");
    writes.erase({1}, "z");
    bytes order;
    for (const auto& [at, change] : writes) order.append(at.key);
    CHECK(order.view() == bytes_view{"zabcd"});
    CHECK(writes.lower_bound({2}, "bb")->first.key.view() == bytes_view{"c"});
    CHECK(writes.lower_bound({1}, "zz")->first.table == table_id{2});
    CHECK(writes.lower_bound({3}, "") == writes.end());
    writes.clear();
    CHECK(writes.empty());
    CHECK(writes.payload_bytes() == 0);
    writes.erase({1}, "k");
    CHECK_FALSE(writes.any_puts());
}
