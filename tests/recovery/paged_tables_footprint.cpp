// SPDX-License-Identifier: BSL-1.0
//
// What tables in pages take on the disk with the options they have by default: in proportion to
// what is in them.
#include <doctest/doctest.h>

#include "paged_life.hpp"

#include <mantis/platform/memory.hpp>

using namespace mantis;
using paged_tests::ours;

namespace {

using tables_type = paged_tables<memory>;

struct by_default {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();
    paged_tables_options options{.database = ours};
    owned<tables_type> tables;

    explicit by_default(std::size_t pool_bytes = buffer_pool_options{}.memory_bytes) {
        options.pool.memory_bytes = pool_bytes;
        open();
    }
    void open() {
        tables = {};
        tables = tables_type::open(world, in, options).value();
    }
    // Rows [first, last), of which so many are one commit.
    void put(std::uint64_t first, std::uint64_t last, std::size_t value_bytes,
             std::uint64_t at_once = 1) {
        auto rows = tables->table({1}).value();
        const std::string value(value_bytes, 'v');
        for (std::uint64_t row = first; row < last; ++row) {
            if ((row - first) % at_once == 0)
                REQUIRE(tables->admit(at_once * (value_bytes + 8), at_once, true));
            REQUIRE(rows.put(key_of(row), value, lsn{row + 1}));
        }
    }
    void erase(std::uint64_t first, std::uint64_t last) {
        auto rows = tables->table({1}).value();
        for (std::uint64_t row = first; row < last; ++row) {
            REQUIRE(tables->admit(0, 1, false));
            REQUIRE(rows.erase(key_of(row)));
        }
    }
    checkpoint_figures checkpoint() {
        return tables
            ->checkpoint([](auto note) -> result<void> {
                note(lsn{1'000'000});
                return success();
            })
            .value();
    }
    std::uint64_t file_bytes() {
        std::uint64_t sum = 0;
        for (const bytes& name : in.list().value())
            sum += in.open(name, file_mode::read).value().size().value();
        return sum;
    }
    std::uint64_t page_bytes() const {
        return tables->stats().pages * buffer_pool_options{}.page_bytes;
    }
    page_store_stats disk() const { return tables->disk_stats(); }

private:
    static std::string key_of(std::uint64_t row) {
        std::string key(8, '\0');
        const std::uint64_t spread = row * 0x9e3779b97f4a7c15;
        std::memcpy(key.data(), &spread, 8);
        return key;
    }
};

}  // namespace

TEST_CASE("100 small rows take 4 MiB on the disk at most") {
    for (const std::uint64_t at_once : {1U, 100U}) {
        CAPTURE(at_once);
        by_default one;
        REQUIRE(one.tables->make_table({1}));
        CHECK(one.file_bytes() <= 2 * MiB);
        one.put(0, 100, 50, at_once);
        if (at_once == 1) CHECK(one.file_bytes() <= 4 * MiB);
        for (int i = 0; i < 3; ++i) {
            one.checkpoint();
            CHECK(one.file_bytes() <= 4 * MiB);
            CHECK(one.disk().disk_bytes <= one.file_bytes());
        }
        one.open();
        CHECK(one.file_bytes() <= 4 * MiB);
        CHECK(one.disk().spare);
    }
}

TEST_CASE("100,000 rows take 2.2 times what their pages do, and 4 MiB") {
    by_default one;
    REQUIRE(one.tables->make_table({1}));
    for (int part = 0; part < 4; ++part) {
        const std::uint64_t from = static_cast<std::uint64_t>(part) * 25'000;
        one.put(from, from + 25'000, 100);
        for (int i = 0; i < 2; ++i) one.checkpoint();
        CHECK(one.file_bytes() * 10 <= one.page_bytes() * 22 + 40 * MiB);
        CHECK(one.disk().spare);
        CHECK(one.disk().disk_bytes <= one.file_bytes());
    }
    one.open();
    CHECK(one.file_bytes() * 10 <= one.page_bytes() * 22 + 40 * MiB);
}

TEST_CASE("what a checkpoint leaves nearly empty it gives back itself") {
    by_default one;
    REQUIRE(one.tables->make_table({1}));
    one.put(0, 100'000, 100);
    one.checkpoint();
    for (int i = 0; i < 5; ++i) {
        one.put(0, 12'000, 100);  // in nearly every page, but not all of any segment
        one.checkpoint();
        const page_store_stats now = one.disk();
        CHECK(now.segments > 20);
        CHECK(now.disk_bytes - now.spare_bytes < now.newest_bytes * 5 / 4 + 4 * now.segment_bytes);
        CHECK(now.images_moved < 2000);
    }
}

TEST_CASE("a database that grows and shrinks takes no more on the disk than it has to") {
    by_default one;
    REQUIRE(one.tables->make_table({1}));
    one.put(0, 100'000, 100);
    one.checkpoint();
    CHECK(one.disk().segment_bytes > 256 * KiB);
    one.erase(100, 100'000);
    for (int i = 0; i < 60; ++i) {
        const auto cleaned = one.tables->clean();
        REQUIRE(cleaned);
        one.checkpoint();
    }
    CHECK(one.disk().segment_bytes == 256 * KiB);
    CHECK(one.file_bytes() <= 8 * MiB);
}

TEST_CASE("what one large commit has taken of the disk is given back by the next checkpoints") {
    by_default one;
    one.world.limit_disk(100 * MiB);  // else half of what is free would do
    REQUIRE(one.tables->make_table({1}));
    one.put(0, 100, 50);
    one.checkpoint();
    const std::uint64_t before = one.file_bytes();
    REQUIRE(one.tables->admit(1 * MiB, 500, true));
    CHECK(one.file_bytes() > before + 10 * MiB);
    // Nothing of it is changed: it failed elsewhere.
    one.checkpoint();
    CHECK(one.file_bytes() <= before + 256 * KiB);
    CHECK(one.disk().spare);
}

TEST_CASE("checkpoints that fail leave no more side copies than the reserve has room for") {
    by_default one;
    REQUIRE(one.tables->make_table({1}));
    for (std::uint64_t round = 0; round < 5; ++round) {
        one.put(0, 3'000, 100);
        REQUIRE_FALSE(one.tables->checkpoint([](auto note) -> result<void> {
            note(lsn{1'000'000});
            return error{error_code::io, "a log"};
        }));
        const paged_tables_stats now = one.tables->stats();
        CHECK(now.pages > 100);
        CHECK(now.pool.side_copies_waiting <= now.pages / 16 + 16);
        CHECK((now.pool.side_copies_waiting > 0) == (round > 0));
    }
    one.checkpoint();
    CHECK(one.tables->stats().pool.side_copies_waiting == 0);
}

TEST_CASE("what is known of pages on the disk takes 48 bytes of memory for each, and a bit") {
    by_default one{4 * MiB};
    REQUIRE(one.tables->make_table({1}));
    const auto look = [&] {
        const std::uint64_t pages = one.tables->stats().pages;
        const std::uint64_t taken = one.disk().memory_bytes;
        CHECK(taken <= 48 * pages + 64 * KiB);
    };
    for (std::uint64_t rows = 0; rows < 150'000; rows += 1'000) {
        one.put(rows, rows + 1'000, 100);
        look();
        if (rows % 60'000 == 0) one.checkpoint();
    }
    CHECK(one.disk().images_written > 10 * one.tables->stats().pages);
    one.checkpoint();
    one.checkpoint();
    CHECK(one.disk().memory_bytes <= 24 * one.tables->stats().pages + 64 * KiB);
    one.open();
    CHECK(one.disk().memory_bytes <= 24 * one.tables->stats().pages + 64 * KiB);
}
