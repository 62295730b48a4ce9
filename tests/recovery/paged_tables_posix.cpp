// SPDX-License-Identifier: BSL-1.0
// A life of tables in pages in files of the system.
#include <doctest/doctest.h>

#include "../platform/scratch.hpp"
#include "paged_life.hpp"

#include <mantis/platform/posix.hpp>

using namespace mantis;
using paged_tests::ours;

namespace {

using tables_type = paged_tables<posix>;
constexpr std::uint64_t row_count = 50'000;
constexpr std::uint64_t kept_of = 10;  // one row of so many is kept

std::string key_of(std::uint64_t row) { return "row-" + std::to_string(row * 7'919 % row_count); }
std::string value_of(std::uint64_t row) {
    return std::string(20 + row % 60, static_cast<char>('a' + row % 26));
}
result<checkpoint_figures> checkpoint(tables_type& tables, std::uint64_t position) {
    return tables.checkpoint([&](auto note) {
        note(lsn{position});
        return success();
    });
}
std::uint64_t data_bytes(posix::directory& in) {
    std::uint64_t sum = 0;
    for (const bytes& name : in.list().value())
        if (name.view().starts_with("data-"))
            sum += in.open(name, file_mode::read).value().size().value();
    return sum;
}
void expect_rows(tables_type& tables, std::uint64_t each) {
    auto tree = tables.table({1}).value();
    REQUIRE(tree.verify());
    REQUIRE(tree.verify()->entries == row_count / each);
    for (std::uint64_t row = 0; row < row_count; row += each) {
        bool right = false;
        REQUIRE(tree.find(key_of(row), [&](bytes_view value, lsn version) {
            right = value == bytes_view{value_of(row)} && version == lsn{row + 1};
        }));
        REQUIRE(right);
    }
}

}  // namespace

TEST_CASE("50,000 rows in files: written, opened, read, erased, and their space given back") {
    const platform_test::scratch_directory scratch;
    auto in = posix{}.open_directory(scratch.path("db"), directory_mode::create).value();
    paged_tables_options options;
    options.database = ours;
    options.pool.memory_bytes = 2 * MiB;  // far less than the rows
    options.segment_bytes = 256 * KiB;
    {
        auto tables = tables_type::open(posix{}, in, options).value();
        auto tree = tables->make_table({1}).value();
        for (std::uint64_t row = 0; row < row_count; ++row)
            REQUIRE(tree.put(key_of(row), value_of(row), lsn{row + 1}));
        const checkpoint_figures made = checkpoint(*tables, row_count).value();
        CHECK(made.live_bytes == made.pages * 4096);
        CHECK(made.live_bytes > 3 * MiB);
    }
    {
        auto tables = tables_type::open(posix{}, in, options).value();
        CHECK(tables->last_checkpoint().position == lsn{row_count});
        expect_rows(*tables, 1);
        auto tree = tables->table({1}).value();
        for (std::uint64_t row = 0; row < row_count; ++row)
            if (row % kept_of != 0) REQUIRE(tree.erase(key_of(row)));
        REQUIRE(checkpoint(*tables, row_count + 1));
        for (bool more = true; more;) {
            more = tables->clean().value().segment != 0;
            REQUIRE(checkpoint(*tables, row_count + 1));
        }
        expect_rows(*tables, kept_of);
        const page_store_stats now = tables->stats().disk;
        CHECK(now.disk_bytes == data_bytes(in));
        // Besides the reserve, and the segment that is open.
        const std::uint64_t reserve = std::uint64_t{now.spares} * options.segment_bytes;
        CHECK((now.disk_bytes - reserve) * 2 <= now.live_bytes * 3 + 2 * options.segment_bytes);
    }
    {
        auto tables = tables_type::open(posix{}, in, options).value();
        expect_rows(*tables, kept_of);
    }
}
