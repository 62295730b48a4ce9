// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include "paged_life.hpp"

#include <mantis/platform/memory.hpp>

using namespace mantis;
using paged_tests::contents;
using paged_tests::difference;
using paged_tests::ours;
using paged_tests::paged_life;
using paged_tests::small_options;

namespace {

using tables_type = paged_tables<memory>;

struct place {
    memory world;
    memory::directory in = world.open_directory("db", directory_mode::create).value();
    paged_tables_options options = small_options<memory>(12);

    owned<tables_type> open() { return tables_type::open(world, in, options).value(); }
    //   Returns     how many images of the segments were damaged
    int damage(std::uint64_t first, std::uint64_t step) {
        int done = 0;
        for (const bytes& name : in.list().value()) {
            std::uint32_t number = 0;
            if (!parse_data_segment_name(name, number)) continue;
            auto file = in.open(name, file_mode::write).value();
            const std::uint64_t end = file.size().value();
            for (std::uint64_t at = 4096 + first * 512; at < end; at += step * 512, ++done) {
                std::byte each{};
                REQUIRE(file.read(at + 99, &each, 1));
                each ^= std::byte{16};
                REQUIRE(file.write(at + 99, {&each, 1}));
            }
        }
        return done;
    }
};
std::string key_of(std::uint64_t row) {
    const std::string digits = std::to_string(row);
    return "row-" + std::string(6 - digits.size(), '0') + digits;
}
template <class Tables>
result<checkpoint_figures> checkpoint(Tables& tables, std::uint64_t position) {
    return tables.checkpoint([&](auto note) {
        note(lsn{position});
        return success();
    });
}
// The edits of roots of the last group but `before`.
std::vector<detail::table_root> roots_of_last_group(place& at) {
    std::vector<detail::table_root> found;
    std::uint64_t group = 0;
    (void)manifest<memory, xxh3>::open(at.world, at.in, ours, 0, [&](const manifest_edit& edit) {
        if (edit.sequence != group) found.clear();
        group = edit.sequence;
        if (edit.kind == manifest_edit_kind::root)
            found.push_back(detail::decode_table_root(edit.value).value());
        return success();
    }).value();
    return found;
}

}  // namespace

TEST_CASE("a table knows how many entries it has, through every change and an opening") {
    place at;
    contents expected;
    {
        auto tables = at.open();
        auto table = tables->make_table({4}).value();
        CHECK(table.table() == table_id{4});
        CHECK(table.count() == 0);
        auto& rows = expected[4];
        std::uint64_t draw = 7;
        for (std::uint64_t i = 0; i < 4'000; ++i) {
            const std::string key = key_of(detail::splitmix64(draw) % 500);
            const std::uint64_t what = detail::splitmix64(draw) % 100;
            const std::string value(detail::splitmix64(draw) % (what < 5 ? 2'000 : 60), 'v');
            if (what < 60) {
                REQUIRE(table.put(key, value, lsn{i}));
                rows[key] = {value, i};
            } else if (what < 98) {
                CHECK(table.erase(key).value() == (rows.erase(key) != 0));
            } else {
                const std::string end = key + "5";
                std::uint64_t gone = 0;
                for (auto row = rows.lower_bound(key); row != rows.end() && row->first < end;)
                    row = rows.erase(row), ++gone;
                CHECK(table.erase_range(key, end).value() == gone);
            }
            REQUIRE(table.count() == rows.size());
        }
        CHECK(tables->table({4})->count() == rows.size());
        CHECK(table.verify()->entries == rows.size());
        REQUIRE(checkpoint(*tables, 1));
        REQUIRE(table.put("one more", "which is lost", lsn{9}));
    }
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("a checkpoint writes the count of those tables where it has changed") {
    place at;
    {
        auto tables = at.open();
        for (std::uint64_t id = 1; id <= 3; ++id) {
            auto table = tables->make_table({id}).value();
            for (std::uint64_t row = 0; row < id; ++row)
                REQUIRE(table.put(key_of(row), "x", lsn{1}));
        }
        REQUIRE(checkpoint(*tables, 1));
    }
    auto roots = roots_of_last_group(at);
    REQUIRE(roots.size() == 3);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        CHECK(roots[id - 1].table == table_id{id});
        CHECK(roots[id - 1].entries == id);
    }
    {
        auto tables = at.open();
        REQUIRE(tables->table({1})->put(key_of(0), "y", lsn{2}));
        REQUIRE(tables->table({3})->erase(key_of(0)));
        REQUIRE(checkpoint(*tables, 2));
    }
    roots = roots_of_last_group(at);
    REQUIRE(roots.size() == 1);
    CHECK(roots[0].table == table_id{3});
    CHECK(roots[0].entries == 2);
}

TEST_CASE("a range that is erased half way is counted as far as it is gone") {
    int half_way = 0;
    for (std::uint64_t damaged = 0; damaged < 60; ++damaged) {
        place at;
        {
            auto tables = at.open();
            auto table = tables->make_table({1}).value();
            for (std::uint64_t row = 0; row < 300; ++row)
                REQUIRE(table.put(key_of(row), "a value", lsn{1}));
            REQUIRE(checkpoint(*tables, 1));
        }
        at.damage(damaged, 1'000);
        auto tables = at.open();
        auto table = tables->table({1});
        if (!table) continue;
        const auto erased = table->erase_range(key_of(50), {});
        if (erased) {
            CHECK(table->count() == 300 - *erased);
            continue;
        }
        CHECK(erased.error().code() == error_code::corrupt);
        const std::uint64_t gone = *erased.error().number("erased");
        CHECK(table->count() == 300 - gone);
        half_way += gone != 0;
    }
    CHECK(half_way > 3);
}

TEST_CASE("entries that are not those counted are damage") {
    for (const std::uint64_t lie : {0u, 2u, 4u}) {
        place at;
        page_id root;
        {
            auto tables = at.open();
            auto table = tables->make_table({1}).value();
            for (std::uint64_t row = 0; row < 3; ++row)
                REQUIRE(table.put(key_of(row), "x", lsn{1}));
            root = table.tree().root();
            CHECK(table.verify());
            REQUIRE(checkpoint(*tables, 1));
        }
        manifest<memory, xxh3>::open(at.world, at.in, ours, 0,
                                     [](const manifest_edit&) { return success(); })
            .value()
            .append(2, {2},
                    [&](auto& to) {
                        return to.add(manifest_edit_kind::root,
                                      detail::encode_table_root({{1}, root, lie}));
                    })
            .value();
        auto tables = at.open();
        auto table = tables->table({1}).value();
        const auto seen = table.verify();
        REQUIRE_FALSE(seen);
        CHECK(seen.error().code() == error_code::corrupt);
        CHECK(*seen.error().number("entries") == 3);
        CHECK(*seen.error().number("counted") == lie);
        // Fewer than none are none.
        CHECK(table.erase_range({}, {}).value() == 3);
        CHECK(table.count() == (lie > 3 ? lie - 3 : 0));
    }
}

TEST_CASE("all of a page_tree can be asked of a table") {
    place at;
    auto tables = at.open();
    auto table = tables->make_table({1}).value();
    for (std::uint64_t row = 0; row < 30; ++row) REQUIRE(table.put(key_of(row), "x", lsn{row}));
    std::string seen;
    const auto note = [&](bytes_view key, bytes_view, lsn) {
        seen += key.as<std::string>().back();
        return seen.size() < 3;
    };
    CHECK(table.scan(key_of(5), note));
    CHECK(seen == "567");
    seen.clear();
    CHECK(table.scan_back(key_of(5), note));
    CHECK(seen == "432");
    seen.clear();
    CHECK(table.scan_back(note));
    CHECK(seen == "987");
    CHECK(table.estimate(key_of(5), key_of(6)).value() == 1);
    CHECK(table.find(key_of(5), [](bytes_view, lsn when) { CHECK(when == lsn{5}); }).value());
    CHECK(table.takes("key", "value"));
    CHECK(table.max_key_bytes() == 64);
    CHECK_FALSE(table.takes(std::string(65, 'k'), "value"));
    CHECK(table.put(std::string(65, 'k'), "", lsn{1}).error().code() == error_code::too_large);
    tables_type::table_type::cursor_type cursor{table.tree()};
    REQUIRE(cursor.seek(key_of(29)).value());
    CHECK_FALSE(cursor.next().value());
}

TEST_CASE("what was prefetched is changed without reading the disk") {
    for (const bool erases : {false, true}) {
        place at;
        at.options = small_options<memory>(60);
        {
            auto tables = at.open();
            auto table = tables->make_table({1}).value();
            for (std::uint64_t row = 0; row < 400; ++row)
                REQUIRE(
                    table.put(key_of(row), std::string(row % 97 == 0 ? 2'000 : 9, 'x'), lsn{1}));
            REQUIRE(checkpoint(*tables, 1));
        }
        for (std::uint64_t row = 0; row < 400; row += 97) {
            auto tables = at.open();
            auto table = tables->table({1}).value();
            const std::uint64_t pages = tables->stats().pages;
            REQUIRE(table.prefetch(key_of(row)));
            CHECK(tables->stats().pool.dirty == 0);
            CHECK(tables->stats().pages == pages);
            const std::uint64_t reads = tables->stats().pool.reads;
            if (erases) CHECK(table.erase(key_of(row)).value());
            else REQUIRE(table.put(key_of(row), "another", lsn{2}));
            CHECK(tables->stats().pool.reads == reads);
            CHECK(tables->table({1})->prefetch("there is none"));
        }
    }
}

TEST_CASE(
    "damage on the way of a change is found by a prefetch, but damaged values hinder nobody") {
    int nodes = 0;
    int values = 0;
    for (std::uint64_t damaged = 0; damaged < 80; ++damaged) {
        place at;
        const std::string key = key_of(55);
        {
            auto tables = at.open();
            auto table = tables->make_table({1}).value();
            for (std::uint64_t row = 0; row < 100; ++row)
                REQUIRE(table.put(key_of(row), std::string(row == 55 ? 9'000 : 9, 'x'), lsn{1}));
            REQUIRE(checkpoint(*tables, 1));
        }
        at.damage(damaged, 1'000);
        auto tables = at.open();
        auto table = tables->table({1});
        if (!table) continue;
        const auto found = table->find(key, [](bytes_view, lsn) {});
        const auto fetched = table->prefetch(key);
        const auto put = table->put(key, "another", lsn{2});
        CHECK(fetched.has_value() == put.has_value());
        if (!fetched) CHECK(fetched.error().code() == error_code::corrupt);
        if (!found) ++(fetched ? values : nodes);
    }
    CHECK(nodes > 0);
    CHECK(values > 3);
}
