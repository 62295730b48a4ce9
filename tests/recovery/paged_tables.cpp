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
    paged_tables_options options = small_options<memory>();

    owned<tables_type> open() { return tables_type::open(world, in, options).value(); }
    error_code refusal() {
        auto opened = tables_type::open(world, in, options);
        return opened ? error_code::closed : opened.error().code();
    }
    // Names and bytes of all files.
    std::map<std::string, std::string> files() {
        std::map<std::string, std::string> found;
        for (const bytes& name : in.list().value()) {
            auto file = in.open(name, file_mode::read).value();
            bytes raw = bytes::zeros(file.size().value());
            raw.resize(file.read(0, raw.data(), raw.size()).value());
            found[name.as<std::string>()] = raw.as<std::string>();
        }
        return found;
    }
};
checkpoint_figures checkpoint(tables_type& tables, std::uint64_t position) {
    return tables
        .checkpoint([&](auto note) {
            note(lsn{position});
            return success();
        })
        .value();
}
template <class Tree>
void fill(Tree& tree, int first, int last, contents* model = nullptr) {
    for (int i = first; i < last; ++i) {
        const std::string key = "row-" + std::to_string(i);
        const std::string value(static_cast<std::size_t>(i % 80), 'x');
        REQUIRE(tree.put(key, value, lsn{static_cast<std::uint64_t>(i + 1)}));
        if (model != nullptr)
            (*model)[tree.table().value][key] = {value, static_cast<std::uint64_t>(i + 1)};
    }
}

}  // namespace

TEST_CASE("a new database has no tables, and its empty checkpoint comes back") {
    place at;
    {
        auto tables = at.open();
        CHECK(tables->tables().empty());
        CHECK(tables->last_checkpoint().sequence == 1);
        CHECK(tables->last_checkpoint().position == lsn{});
        CHECK(tables->table({1}).error().code() == error_code::not_found);
        CHECK(tables->drop_table({1}).error().code() == error_code::not_found);
    }
    at.options.at_least = 1;
    CHECK(difference(*at.open(), {}) == "");
    at.options.at_least = 2;
    CHECK(at.refusal() == error_code::corrupt);
}

TEST_CASE("what a checkpoint has comes back, however often, and what came later is lost") {
    place at;
    contents expected;
    {
        auto tables = at.open();
        for (const std::uint64_t table : {7u, 3u}) {
            auto tree = tables->make_table({table}).value();
            fill(tree, 0, 100, &expected);
        }
        CHECK(tables->make_table({7}).error().code() == error_code::already_exists);
        const checkpoint_figures made = checkpoint(*tables, 77);
        CHECK(made.made.sequence == 2);
        CHECK(made.made.epoch == 1);
        CHECK(made.made.position == lsn{77});
        CHECK(made.pages == tables->stats().pages);
        CHECK(made.pages_changed == made.pages);
        CHECK(made.live_bytes == made.pages * 512);
        CHECK(made.disk_bytes >= made.live_bytes);
        CHECK(made.bytes_written == made.images_written * 512);
        CHECK(made.barrier <= made.elapsed);
        CHECK_FALSE(made.not_rewritten);
        auto late = tables->make_table({9}).value();
        fill(late, 0, 100);
        auto tree = tables->table({7}).value();
        fill(tree, 100, 200);
        REQUIRE(tables->drop_table({3}));
    }
    for (int i = 0; i < 2; ++i) {
        auto tables = at.open();
        CHECK(difference(*tables, expected) == "");
        CHECK(tables->last_checkpoint().position == lsn{77});
        CHECK(tables->last_checkpoint().epoch == 1);
    }
    auto tables = at.open();
    CHECK(checkpoint(*tables, 78).made.epoch == 2);
    CHECK(checkpoint(*tables, 79).pages_changed == 0);
}

TEST_CASE("a dropped table gives all its pages back, and their numbers are used again") {
    place at;
    auto tables = at.open();
    contents expected;
    auto kept = tables->make_table({1}).value();
    fill(kept, 0, 150, &expected);
    auto dropped = tables->make_table({2}).value();
    fill(dropped, 0, 150);
    const std::uint64_t pages = tables->stats().pages;
    checkpoint(*tables, 1);
    fill(dropped, 150, 200);
    REQUIRE(tables->drop_table({2}));
    CHECK(difference(*tables, expected) == "");
    auto next = tables->make_table({3}).value();
    fill(next, 0, 150, &expected);
    CHECK(tables->stats().pages == pages);
    CHECK(difference(*tables, expected) == "");
    checkpoint(*tables, 2);
    tables = {};
    tables = at.open();
    CHECK(difference(*tables, expected) == "");
    CHECK(tables->stats().disk.live_bytes == pages * 512);
}

TEST_CASE("a dropped table gives the pages of its large values back, too") {
    place at;
    auto tables = at.open();
    contents expected;
    auto kept = tables->make_table({1}).value();
    fill(kept, 0, 20, &expected);
    const std::uint64_t pages = tables->stats().pages;
    std::uint64_t position = 0;
    for (const int rows : {1, 40}) {
        const table_id table{static_cast<std::uint64_t>(rows)};
        auto dropped = tables->make_table({1 + table.value}).value();
        for (int i = 0; i < rows; ++i)
            REQUIRE(dropped.put("row-" + std::to_string(i), std::string(1000, 'x'), lsn{1}));
        CHECK(dropped.verify()->extent_pages == static_cast<std::uint64_t>(3 * rows));
        checkpoint(*tables, ++position);
        REQUIRE(dropped.put("row-0", std::string(3000, 'y'), lsn{2}));
        REQUIRE(tables->drop_table(dropped.table()));
        CHECK(tables->stats().pages == pages);
        CHECK(difference(*tables, expected) == "");
        checkpoint(*tables, ++position);
    }
    tables = {};
    tables = at.open();
    CHECK(difference(*tables, expected) == "");
    CHECK(tables->stats().disk.live_bytes == pages * 512);
}

TEST_CASE("a table with damaged leaves and values can be dropped, and others go on") {
    int dropped_damaged = 0;
    int not_dropped = 0;
    for (int damaged = 0; damaged < 200; damaged += 3) {
        place at;
        contents expected;
        {
            auto tables = at.open();
            auto tree = tables->make_table({1}).value();
            for (std::size_t i = 0; i < 60; ++i) {
                const std::string value(20 + i * 20, 'x');
                REQUIRE(tree.put("row-" + std::to_string(i), value, lsn{1}));
            }
            auto kept = tables->make_table({2}).value();
            fill(kept, 0, 10, &expected);
            checkpoint(*tables, 1);
        }
        for (const bytes& name : at.in.list().value()) {
            std::uint32_t number = 0;
            if (!parse_data_segment_name(name, number)) continue;
            auto file = at.in.open(name, file_mode::write).value();
            const std::uint64_t offset = 4096 + static_cast<std::uint64_t>(damaged) * 512 + 99;
            std::byte each{};
            if (file.read(offset, &each, 1).value() == 0) continue;
            each ^= std::byte{16};
            REQUIRE(file.write(offset, {&each, 1}));
        }
        auto tables = at.open();
        auto tree = tables->table({1});
        auto kept = tables->table({2});
        if (!tree || !kept || !kept->verify()) continue;  // a root, or a page of the other
        const auto seen = tree->verify();
        const auto dropped = tables->drop_table({1});
        if (!dropped) {  // an inner node
            CHECK(dropped.error().code() == error_code::corrupt);
            CHECK_FALSE(seen);
            ++not_dropped;
            continue;
        }
        CHECK(difference(kept.value(), expected[2]) == "");
        const std::uint64_t left = kept->verify()->pages();
        if (!seen) ++dropped_damaged;
        CHECK(tables->stats().pages >= left);
        CHECK((!seen || tables->stats().pages == left));
        auto next = tables->make_table({3}).value();
        fill(next, 0, 100, &expected);
        checkpoint(*tables, 2);
        CHECK(next.verify());
    }
    CHECK(dropped_damaged > 30);
    CHECK(not_dropped < 10);
}

TEST_CASE("opened to be read only, everything can be read and nothing on the disk changes") {
    place at;
    at.options.read_only = true;
    CHECK(at.refusal() == error_code::not_found);
    at.options.read_only = false;
    contents expected;
    {
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 200, &expected);
        checkpoint(*tables, 5);
        fill(tree, 0, 3'000);  // of which segments are left that nobody needs
    }
    const auto files = at.files();
    at.options.read_only = true;
    {
        auto tables = at.open();
        CHECK(tables->last_checkpoint().position == lsn{5});
        CHECK(difference(*tables, expected) == "");
        const auto refused = [](const auto& done) {
            return !done && done.error().code() == error_code::read_only;
        };
        auto tree = tables->table({1}).value();
        CHECK(refused(tree.put("row-1", "another", lsn{9})));
        CHECK(refused(tree.erase("row-1")));
        CHECK(refused(tables->make_table({2})));
        CHECK(refused(tables->drop_table({1})));
        CHECK(refused(tables->checkpoint([](auto) { return success(); })));
        CHECK(refused(tables->clean()));
        CHECK(refused(tables->rewrite()));
        CHECK(refused(tables->writable()));
        CHECK(difference(*tables, expected) == "");
    }
    CHECK(at.files() == files);
    at.options.read_only = false;
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("cleaning gives space back with the next checkpoint") {
    place at;
    auto tables = at.open();
    contents expected;
    std::vector<tables_type::table_type> trees;
    for (std::uint64_t table = 1; table <= 10; ++table)
        trees.push_back(tables->make_table({table}).value());
    for (int i = 0; i < 500; ++i)
        for (auto& tree : trees) fill(tree, i, i + 1, &expected);
    checkpoint(*tables, 1);
    for (std::uint64_t table = 1; table <= 8; ++table) {
        REQUIRE(tables->drop_table({table}));
        expected.erase(table);
    }
    checkpoint(*tables, 2);
    const page_store_stats before = tables->stats().disk;
    CHECK(before.live_bytes * 3 < before.disk_bytes);
    int cleaned = 0;
    while (tables->clean().value().segment != 0) {
        const page_store_stats written = tables->stats().disk;
        checkpoint(*tables, 3);
        const page_store_stats now = tables->stats().disk;
        CHECK(now.segments < written.segments);
        CHECK(now.disk_bytes <= written.disk_bytes);
        ++cleaned;
    }
    CHECK(cleaned > 3);
    const page_store_stats after = tables->stats().disk;
    CHECK((after.disk_bytes - after.spare_bytes) * 2 < before.disk_bytes - before.spare_bytes);
    CHECK(difference(*tables, expected) == "");
    tables = {};
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("changes of more pages than an edit holds are in several, also in a snapshot") {
    place at;
    at.options.pool.translation_bytes = 256 * KiB;
    at.options.pool.memory_bytes += 192 * KiB;
    contents expected;
    {
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 30'000, &expected);
        CHECK(checkpoint(*tables, 1).pages_changed > 3'000);
    }
    for (int i = 0; i < 2; ++i) {
        auto tables = at.open();
        CHECK(difference(*tables, expected) == "");
        REQUIRE(tables->rewrite());
        CHECK(tables->writable());
    }
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("a manifest that has grown is rewritten, and says the same") {
    place at;
    contents expected;
    std::uint64_t checkpoints = 0;
    {
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 100, &expected);
        for (; checkpoints < 2'500; ++checkpoints) {
            REQUIRE(tree.put("row-1", "now", lsn{checkpoints}));
            checkpoint(*tables, checkpoints);
        }
        expected[1]["row-1"] = {"now", checkpoints - 1};
    }
    for (const auto& [name, what] : at.files())
        if (bytes_view{name}.starts_with("manifest")) {
            CHECK(name != "manifest-00000001");
            CHECK(what.size() < 1 * MiB);
        }
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("another database, other pages, or pages without a manifest are refused") {
    place at;
    {
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 20);
        checkpoint(*tables, 1);
    }
    const auto files = at.files();
    const paged_tables_options right = at.options;
    at.options.database = {9, 9};
    CHECK(at.refusal() == error_code::mismatch);
    at.options = right;
    at.options.pool.page_bytes = 1024;
    CHECK(at.refusal() == error_code::mismatch);
    at.options = right;
    at.in.remove("manifest-00000001").value();
    CHECK(at.refusal() == error_code::corrupt);
    for (const auto& [name, unused] : files)
        if (!bytes_view{name}.starts_with("data-spare"))
            CHECK(at.in.exists(bytes{bytes_view{name}}).value() == (name != "manifest-00000001"));
}

TEST_CASE("an edit of a kind that nobody here knows is refused, for a rewriting would lose it") {
    place at;
    at.open();
    {
        auto manifests =
            manifest<memory, xxh3>::open(at.world, at.in, ours, 0, [](const manifest_edit&) {
                return success();
            }).value();
        REQUIRE(manifests.append(1, {}, [](auto& to) {
            return to.add(static_cast<manifest_edit_kind>(999), "from later");
        }));
    }
    CHECK(at.refusal() == error_code::mismatch);
}

TEST_CASE("a root that no page is, or an edit that is none, is damage") {
    for (const bool whole : {true, false}) {
        place at;
        at.open();
        {
            auto manifests =
                manifest<memory, xxh3>::open(at.world, at.in, ours, 0, [](const manifest_edit&) {
                    return success();
                }).value();
            const bytes edit = detail::encode_table_root({{1}, {5}, 2});
            REQUIRE(manifests.append(1, {}, [&](auto& to) {
                return to.add(manifest_edit_kind::root, edit.view().first(whole ? 24 : 23));
            }));
        }
        CHECK(at.refusal() == error_code::corrupt);
    }
}

TEST_CASE(
    "what was written is counted over openings and rewritings, and figures that are none are "
    "damage") {
    place at;
    std::uint64_t written = 0;
    for (std::uint64_t opening = 1; opening < 4; ++opening) {
        auto tables = at.open();
        CHECK(tables->stats().bytes_written_ever == written);
        auto table = opening == 1 ? tables->make_table({1}).value() : tables->table({1}).value();
        fill(table, 0, 200);
        checkpoint(*tables, opening);
        const paged_tables_stats now = tables->stats();
        CHECK(now.disk.bytes_written >= 200 * 40);
        CHECK(now.bytes_written_ever == written + now.disk.bytes_written);
        written = now.bytes_written_ever;
        REQUIRE(tables->rewrite());
        // What no checkpoint came after is forgotten.
        fill(table, 0, 200);
    }
    {
        auto manifests =
            manifest<memory, xxh3>::open(at.world, at.in, ours, 0, [](const manifest_edit&) {
                return success();
            }).value();
        const std::uint64_t next = manifests.state().epoch + 1;
        REQUIRE(manifests.append(
            next, {9}, [&](auto& to) { return to.add(manifest_edit_kind::figures, "7 bytes"); }));
    }
    CHECK(at.refusal() == error_code::corrupt);
}

TEST_CASE("real threads change tables beside checkpoints") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        memory world;
        paged_life<memory> one{world, seed};
        one.frames = 40;
        one.clean_percent = 25;
        REQUIRE_MESSAGE(one.open(), one.why());
        one.live_together(3, 400, 12);
        CHECK(one.damage() == "");
        CHECK(one.checkpoint());
        CHECK(one.checkpoints == 13);
        one.close();
        REQUIRE_MESSAGE(one.open(), one.why());
        CHECK(one.damage() == "");
        one.close();
    }
}
