// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/ids.hpp>

#include <doctest/doctest.h>

#include <type_traits>

using mantis::database_id;
using mantis::lsn;
using mantis::table_id;
using mantis::transaction_id;

// One kind of number is never taken for another, nor for a plain integer.
static_assert(!std::is_convertible_v<lsn, transaction_id> &&
              !std::is_constructible_v<transaction_id, lsn>);
static_assert(!std::is_convertible_v<table_id, lsn> && !std::is_constructible_v<lsn, table_id>);
static_assert(!std::is_convertible_v<std::uint64_t, lsn> &&
              !std::is_convertible_v<lsn, std::uint64_t>);
static_assert(sizeof(lsn) == 8 && sizeof(transaction_id) == 8 && sizeof(table_id) == 8);

TEST_CASE("ids start at zero and sort by value") {
    CHECK(lsn{} == lsn{0});
    CHECK(lsn{1} < lsn{2});
    CHECK(transaction_id{3} > transaction_id{2});
    CHECK(table_id{3} != table_id{2});
}

TEST_CASE("databases are the same only when both halves are") {
    CHECK(database_id{1, 2} == database_id{1, 2});
    CHECK_FALSE(database_id{1, 2} == database_id{1, 3});
    CHECK_FALSE(database_id{1, 2} == database_id{2, 2});
}
