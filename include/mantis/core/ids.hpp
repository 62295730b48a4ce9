// SPDX-License-Identifier: BSL-1.0
//
// The numbers that name things, each a type of its own so that one is never passed for another.
#pragma once

#include "../config.hpp"

#include <compare>
#include <cstdint>

namespace mantis {

// A position in the log, in bytes from the log's beginning; it only grows over the life of a
// database.
struct lsn {
    std::uint64_t value = 0;
    [[nodiscard]] friend constexpr auto operator<=>(lsn, lsn) noexcept = default;
};

// A transaction. Higher is later; never used twice in one database.
struct transaction_id {
    std::uint64_t value = 0;
    [[nodiscard]] friend constexpr auto operator<=>(transaction_id,
                                                    transaction_id) noexcept = default;
};

// A table. Never used twice in one database, not even after the table is dropped.
struct table_id {
    std::uint64_t value = 0;
    [[nodiscard]] friend constexpr auto operator<=>(table_id, table_id) noexcept = default;
};

// A page of a database, wherever its bytes lie. Pages are numbered densely from 1; 0 is none.
struct page_id {
    std::uint64_t value = 0;
    [[nodiscard]] friend constexpr auto operator<=>(page_id, page_id) noexcept = default;
};

// A database, drawn at random when it is created; its log says whose it is.
struct database_id {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    [[nodiscard]] friend constexpr bool operator==(database_id, database_id) noexcept = default;
};

}  // namespace mantis
