// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/txn/table_set.hpp>

using namespace mantis;

namespace {

using set_type = table_set<memory, btree<>>;

}  // namespace

TEST_CASE("ids follow each other and are never used twice; names are free again after a drop") {
    set_type tables;
    CHECK(tables.next_id() == table_id{1});
    auto* const first = tables.add({1}, "t", "btree", {90}).value();
    CHECK(tables.find("t") == first);
    CHECK(tables.find(table_id{1}) == first);
    CHECK(first->drop({50}));
    CHECK(tables.find("t") == nullptr);
    CHECK(tables.find(table_id{1}) == first);
    CHECK(tables.next_id() == table_id{2});
    auto* const second = tables.add({2}, "t", "btree", {90}).value();
    CHECK(tables.find("t") == second);
    CHECK(tables.all().size() == 1);
}

TEST_CASE("an id out of order or an unknown index adds nothing") {
    set_type tables;
    CHECK(tables.add({2}, "t", "btree", {90}).error().code() == error_code::corrupt);
    CHECK(tables.add({1}, "t", "hash", {90}).error().code() == error_code::mismatch);
    CHECK(tables.next_id() == table_id{1});
    CHECK(tables.find(table_id{0}) == nullptr);
    CHECK(tables.find(table_id{1}) == nullptr);
    CHECK(tables.all().empty());
}
