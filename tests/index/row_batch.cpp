// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/index/row_batch.hpp>

#include <string>

using namespace mantis;

TEST_CASE("a batch hands out the rows that were added, in their order, as they were") {
    row_batch rows;
    for (int round = 0; round < 3; ++round) {
        CHECK(rows.done());
        CHECK(rows.count() == 0);
        CHECK(rows.held_bytes() == 0);
        for (std::size_t i = 0; i < 300; ++i)
            rows.add(std::to_string(i), std::string(i % 7 * 40, 'v'), lsn{i});
        CHECK(rows.count() == 300);
        CHECK(rows.held_bytes() > 300 * 120);
        for (std::size_t i = 0; i < 300; ++i) {
            REQUIRE_FALSE(rows.done());
            const batch_row row = rows.row();
            CHECK(row.key == bytes_view{std::to_string(i)});
            CHECK(row.value == bytes_view{std::string(i % 7 * 40, 'v')});
            CHECK(row.version == lsn{i});
            if (round == 1 && i == 100) break;  // what is left is forgotten, too
            rows.advance();
        }
        rows.clear();
    }
}
