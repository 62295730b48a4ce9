// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/txn/table_set.hpp>

#include <string>

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

TEST_CASE("a table is found by its number while others are added, and until the set is cleared") {
    table_set<posix, btree<>> tables;
    constexpr std::uint64_t count = 3000;
    posix::atomic<std::uint64_t> added{0};
    posix::atomic<std::uint64_t> wrong{0};
    posix::thread reader{[&] {
        for (std::uint64_t seen = 0; seen < count;) {
            const std::uint64_t now = added.load();
            for (std::uint64_t id = seen + 1; id <= now; ++id) {
                const auto* const found = tables.find(table_id{id});
                if (found == nullptr || found->id() != table_id{id}) wrong.fetch_add(1);
            }
            const auto* const next = tables.find(table_id{now + 1});
            if (next != nullptr && next->id() != table_id{now + 1}) wrong.fetch_add(1);
            seen = now;
        }
    }};
    for (std::uint64_t id = 1; id <= count; ++id) {
        if (id % 3 == 0) tables.add_dropped({id});
        else REQUIRE(tables.add({id}, std::to_string(id), "btree", {id}));
        added.store(id);
    }
    reader.join();
    CHECK(wrong.load() == 0);
    CHECK(tables.find(table_id{3})->dropped());
    CHECK(tables.find(table_id{count + 1}) == nullptr);
    CHECK(tables.find(table_id{~std::uint64_t{0}}) == nullptr);
    tables.clear();
    CHECK(tables.find(table_id{1}) == nullptr);
    auto* const again = tables.add({1}, "again", "btree", {7}).value();
    CHECK(tables.find(table_id{1}) == again);
}
