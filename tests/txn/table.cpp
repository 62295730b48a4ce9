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

// An index that offers nothing but what each has to.
template <class Platform>
class plain_index {
public:
    result<void> put(bytes_view key, bytes_view value, lsn version) {
        return tree_.put(key, value, version);
    }
    result<bool> erase(bytes_view key) { return tree_.erase(key); }
    template <class F>
    result<bool> find(bytes_view key, F f) const {
        return tree_.find(key, std::move(f));
    }
    template <class F>
    result<void> scan(bytes_view from, F f) const {
        return tree_.scan(from, std::move(f));
    }
    std::size_t count() const { return tree_.count(); }
    std::size_t memory_bytes() const { return tree_.memory_bytes(); }
    result<void> verify() const { return tree_.verify(); }

private:
    basic_btree<Platform> tree_;
};
struct plain {
    static constexpr const char* name = "plain";
    static constexpr std::uint32_t format_id = 2'000;
    template <class Platform>
    using index = plain_index<Platform>;
};

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

TEST_CASE("of an index that has no shape and no estimate, a table has rows, memory and a count") {
    table<memory, plain> rows{{1}, "rows", {1}};
    REQUIRE(rows.make_index("plain", no_storage, {1}));
    for (int row = 100; row < 300; ++row) {
        const std::string key = std::to_string(row);
        REQUIRE(rows.put(bytes_view{key}, "value", {2}));
    }
    const index_shape seen = rows.shape().value();
    CHECK(seen.entries == 200);
    CHECK(seen.memory_bytes > 200 * 8);
    CHECK(seen.bytes() == 0);
    CHECK(rows.estimate({}, {}).value() == 200);
    CHECK(rows.estimate("110", "120").value() == 10);
    CHECK(rows.estimate("250", {}).value() == 50);
    CHECK(rows.estimate("999", {}).value() == 0);
}
