// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/txn/table.hpp>

#include <string>

using namespace mantis;

namespace {

struct small_nodes {
    static constexpr std::size_t leaf_entries = 8;
    static constexpr std::size_t inner_children = 8;
};
struct second_tree {
    static constexpr const char* name = "second";
    template <class Platform>
    using index = basic_btree<Platform, small_nodes>;
};
using table_type = table<memory, btree<>, second_tree>;

std::size_t count(const table_type& of) {
    return of.visit([](const auto& index) { return index.count(); });
}

no_index_storage no_storage;

}  // namespace

TEST_CASE("a table gets the index of the name it was made with, or a mismatch that names it") {
    table_type first{{1}, "t", {90}};
    CHECK(first.make_index("second", no_storage, lsn{1}));
    CHECK(first.index_name() == bytes_view{"second"});
    table_type other{{2}, "u", {90}};
    const auto refused = other.make_index("lsm", no_storage, lsn{1});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::mismatch);
    CHECK(refused.error().subject() == bytes_view{"lsm"});
}

TEST_CASE("a table knows the last commit that changed it and the last that erased from it") {
    table_type t{{1}, "t", {90}};
    CHECK(t.make_index("btree", no_storage, lsn{1}));
    CHECK(t.put("a", "1", {100}));
    CHECK(t.changed() == lsn{100});
    CHECK(t.erased() == lsn{90});
    CHECK(t.applied() == lsn{90});
    CHECK(t.erase("a", {200}));
    CHECK(t.changed() == lsn{200});
    CHECK(t.applied() == lsn{90});
    t.end_commit();
    CHECK(t.applied() == lsn{200});
    CHECK(t.erased() == lsn{200});
    CHECK(t.put("b", "2", {300}));
    CHECK(t.changed() == lsn{300});
    CHECK(t.erased() == lsn{200});
}

TEST_CASE("a dropped table is empty, whatever it held") {
    table_type t{{1}, "t", {90}};
    CHECK(t.make_index("btree", no_storage, lsn{1}));
    for (int i = 0; i < 2000; ++i) REQUIRE(t.put(std::to_string(i), "v", {100}));
    CHECK(count(t) == 2000);
    CHECK(t.drop({200}));
    CHECK(t.dropped());
    CHECK(count(t) == 0);
    CHECK(t.erased() == lsn{200});
}
