// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/btree/btree.hpp>
#include <mantis/platform/memory.hpp>
#include <mantis/recovery/target.hpp>
#include <mantis/store/tables_target.hpp>
#include <mantis/txn/table_set.hpp>

using namespace mantis;

namespace {

using tables = table_set<memory, btree<>>;
using target = tables_target<tables>;
static_assert(log_target<target> && redoes_in_parallel<target>());

}  // namespace

TEST_CASE("the log's operations make tables, fill them and drop them") {
    tables all;
    target into{all};
    REQUIRE(into.redo({10}, {operation_kind::create_table, {1}, "t", "btree", {}}));
    REQUIRE(into.redo({20}, {operation_kind::put, {1}, "a", "1", {}}));
    REQUIRE(into.redo({30}, {operation_kind::put, {1}, "b", "2", {}}));
    REQUIRE(into.redo({40}, {operation_kind::erase, {1}, "b", {}, {}}));
    REQUIRE(into.redo({50}, {operation_kind::create_table, {2}, "gone", "btree", {}}));
    REQUIRE(into.redo({60}, {operation_kind::drop_table, {2}, {}, {}, {}}));
    CHECK(into.verify());
    into.finish({70});
    auto* const made = all.find("t");
    REQUIRE(made != nullptr);
    lsn written;
    CHECK(made->find("a", [&](bytes_view, lsn version) { written = version; }).value());
    CHECK(written == lsn{20});
    CHECK(made->visit([](const auto& index) { return index.count(); }) == 1);
    // "Nothing there" is an answer of the whole log, and so is "nothing changed since".
    CHECK(made->erased() == lsn{70});
    CHECK(made->changed() == lsn{70});
    CHECK(made->applied() == lsn{70});
    CHECK(all.find("gone") == nullptr);
    CHECK(all.find(table_id{2})->dropped());
}

TEST_CASE("an operation on a table that is not there, or no more, is damage") {
    tables all;
    target into{all};
    REQUIRE(into.redo({10}, {operation_kind::create_table, {1}, "t", "btree", {}}));
    REQUIRE(into.redo({20}, {operation_kind::drop_table, {1}, {}, {}, {}}));
    for (const table_id wrong : {table_id{1}, table_id{2}}) {
        const auto refused = into.redo({30}, {operation_kind::put, wrong, "a", "1", {}});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(*refused.error().number("table") == wrong.value);
    }
    CHECK(into.redo({30}, {operation_kind::create_table, {3}, "u", "btree", {}}).error().code() ==
          error_code::corrupt);
    CHECK(into.redo({30}, {operation_kind::create_table, {2}, "u", "lsm", {}}).error().code() ==
          error_code::mismatch);
}
