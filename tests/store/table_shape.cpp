// SPDX-License-Identifier: BSL-1.0
//
// What a store tells of its tables to who plans a query, or looks where space goes.
#include "paged_fixture.hpp"

using namespace paged_store_test;

namespace {

std::string key_of(int number) { return std::to_string(1'000'000 + number); }
void fill(store_type& db, const handle& table, int rows) {
    for (int at = 0; at < rows;) {
        auto tx = db.begin(isolation::read_committed);
        for (int end = at + 100; at < rows && at < end; ++at)
            tx.put(table, key_of(at * 7919 % rows), std::string(30, 'v'));
        const auto done = tx.commit(durability_class::buffered);
        REQUIRE_MESSAGE(done, why(done.error()));
    }
}

store_options usual() {
    store_options options = small();
    options.page_memory_bytes = MiB;
    return options;
}

}  // namespace

TEST_CASE("an estimate is the number of rows in memory, and about that in pages") {
    constexpr int rows = 5'000;
    simulation world{1};
    world.run([&] {
        auto db = store_type::open("db", usual(), world.platform()).value();
        const auto stored = db.table<in_pages>("stored").value();
        const auto held = db.table<btree<>>("held").value();
        fill(db, stored, rows);
        fill(db, held, rows);
        for (int from = 0; from <= rows; from += 311) {
            for (int to = 0; to <= rows + 100; to += 401) {
                CAPTURE(from);
                CAPTURE(to);
                const std::string begin = key_of(from);
                const std::string end = key_of(to);
                const int last = to < rows ? to : rows;
                const std::uint64_t right =
                    last > from ? static_cast<std::uint64_t>(last - from) : 0;
                CHECK(db.estimate(held, bytes_view{begin}, bytes_view{end}).value() == right);
                const std::uint64_t about =
                    db.estimate(stored, bytes_view{begin}, bytes_view{end}).value();
                CHECK(about <= right * 3 / 2 + 20);
                CHECK(about + 20 >= right * 2 / 3);
            }
        }
        CHECK(db.estimate(held, {}, {}).value() == rows);
        CHECK(db.estimate(held, bytes_view{key_of(4'990)}, {}).value() == 10);
        CHECK(db.estimate(stored, bytes_view{key_of(7)}, bytes_view{key_of(7)}).value() == 0);
    });
}

TEST_CASE("a shape has pages of a table in pages, and memory of one in memory") {
    simulation world{1};
    world.run([&] {
        auto db = store_type::open("db", usual(), world.platform()).value();
        const auto stored = db.table<in_pages>("stored").value();
        const auto held = db.table<btree<>>("held").value();
        fill(db, stored, 3'000);
        fill(db, held, 2'000);
        const index_shape pages = db.shape(stored).value();
        CHECK(pages.entries == 3'000);
        CHECK(pages.page_bytes == 512);
        CHECK(pages.height >= 3);
        CHECK(pages.memory_bytes == 0);
        CHECK(pages.leaves + pages.inner_nodes == db.stats().pages.pages);
        CHECK(pages.bytes() > 3'000 * 37);
        CHECK(pages.fill_percent >= 50);
        const index_shape memory = db.shape(held).value();
        CHECK(memory.entries == 2'000);
        CHECK(memory.memory_bytes > 2'000 * 37);
        CHECK(memory.bytes() == 0);

        REQUIRE(db.drop_table(stored));
        CHECK(db.shape(stored).error().code() == error_code::not_found);
        CHECK(db.estimate(stored, {}, {}).error().code() == error_code::not_found);
        REQUIRE(db.close());
        CHECK(db.shape(held).error().code() == error_code::closed);
    });
}

TEST_CASE("what was written to pages is counted over openings, from one checkpoint to the next") {
    simulation world{1};
    world.run([&] {
        std::uint64_t written = 0;
        for (int opening = 0; opening < 3; ++opening) {
            CAPTURE(opening);
            auto db = store_type::open("db", usual(), world.platform()).value();
            const auto table = db.table<in_pages>("t").value();
            const std::uint64_t here = db.stats().pages.written_bytes;
            CHECK(db.stats().pages.written_ever_bytes == written + here);
            fill(db, table, 2'000);
            REQUIRE(db.checkpoint());
            const storage_stats now = db.stats().pages;
            CHECK(now.written_bytes > here + 2'000 * 37);
            CHECK(now.written_ever_bytes == written + now.written_bytes);
            written = now.written_ever_bytes;
            REQUIRE(db.close());
        }
        // Compacting rewrites the manifest, and not what was counted.
        {
            auto db = store_type::open("db", usual(), world.platform()).value();
            REQUIRE(db.compact());
            written = db.stats().pages.written_ever_bytes;
            REQUIRE(db.close());
        }
        auto db = store_type::open("db", usual(), world.platform()).value();
        const storage_stats now = db.stats().pages;
        CHECK(now.written_ever_bytes <= written + now.written_bytes);
        CHECK(now.written_ever_bytes + 64 * KiB >= written);
    });
}
