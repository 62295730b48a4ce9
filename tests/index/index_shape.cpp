// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/btree.hpp>
#include <mantis/index/index_shape.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/txn/table.hpp>

#include <doctest/doctest.h>

using namespace mantis;

namespace {

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

}  // namespace

TEST_CASE("the bytes of a shape are those of all its pages") {
    index_shape of;
    CHECK(of.bytes() == 0);
    of.page_bytes = 4096;
    of.leaves = 70;
    of.inner_nodes = 3;
    of.value_pages = 5;
    CHECK(of.bytes() == 78 * 4096);
}

TEST_CASE("of an index that has no shape and no estimate, a table has rows, memory and a count") {
    no_index_storage none;
    table<posix, plain> rows{{1}, "rows", {1}};
    REQUIRE(rows.make_index("plain", none, {1}));
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
