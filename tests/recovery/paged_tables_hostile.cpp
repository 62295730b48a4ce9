// SPDX-License-Identifier: BSL-1.0
//
// Tables in pages where callers, other openings and the bytes on the disk do what they should not;
// and what failed checkpoints leave for the next one.
#include <doctest/doctest.h>

#include "../sanitized.hpp"
#include "paged_life.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/platform/simulated.hpp>

using namespace mantis;
using paged_tests::contents;
using paged_tests::difference;
using paged_tests::ours;
using paged_tests::paged_life;
using paged_tests::small_options;

namespace {

template <class Platform>
struct place {
    using tables_type = paged_tables<Platform>;

    explicit place(Platform in_world = {}) : world{std::move(in_world)} {}
    owned<tables_type> open() { return tables_type::open(world, in, options).value(); }

    Platform world;
    typename Platform::directory in = world.open_directory("db", directory_mode::create).value();
    paged_tables_options options = small_options<Platform>(40, 3);
};
template <class Tables>
result<checkpoint_figures> checkpoint(Tables& tables, std::uint64_t position) {
    return tables.checkpoint([&](auto note) {
        note(lsn{position});
        return success();
    });
}
template <class Tree>
void fill(Tree& tree, int first, int last, std::uint64_t version, contents& model) {
    for (int i = first; i < last; ++i) {
        const std::string key = "row-" + std::to_string(i);
        const std::string value(static_cast<std::size_t>(i % 80), 'x');
        REQUIRE(tree.put(key, value, lsn{version}));
        model[tree.table().value][key] = {value, version};
    }
}
template <class Tree>
void clear(Tree& tree, int first, int last, contents& model) {
    for (int i = first; i < last; ++i) {
        const std::string key = "row-" + std::to_string(i);
        REQUIRE(tree.erase(key));
        model[tree.table().value].erase(key);
    }
}

// The pages and the manifest of a database that is closed, to write lies that nothing betrays.
struct forger {
    explicit forger(place<memory>& of)
        : at{&of}, disk{of.in, {.database = ours, .segment_bytes = 64 * KiB}} {
        manifests.emplace(
            manifest<memory, xxh3>::open(of.world, of.in, ours, 0, [&](const manifest_edit& edit) {
                return take(edit);
            }).value());
        REQUIRE(disk.opened());
    }
    result<void> take(const manifest_edit& edit) {
        if (edit.kind == manifest_edit_kind::page_map) return disk.load(edit.value);
        if (edit.kind == manifest_edit_kind::figures) return success();
        root = detail::decode_table_root(edit.value).value().root;
        return success();
    }
    bytes page(page_id number) {
        bytes image = bytes::zeros(512);
        disk.read(number, image.data(), image.size()).value();
        return image;
    }
    std::vector<std::uint64_t> children(const bytes& image) {
        const slotted_view<> node{image.data(), image.size()};
        std::vector<std::uint64_t> found(node.is_leaf() ? 0 : node.count() + 1);
        for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(node.read_child(i, found[i]));
        return found;
    }
    // The root names `to` where it named its child number `nth`.
    void turn_child(std::size_t nth, std::uint64_t to) {
        bytes image = page(root);
        const std::uint64_t from = children(image).at(nth);
        for (std::size_t offset = 0; offset + 8 <= image.size(); ++offset)
            if (load_le<std::uint64_t>(image.data() + offset) == from) {
                bytes tried = image;
                store_le(tried.data() + offset, to);
                const auto now = children(tried);
                if (now.size() > nth && now[nth] == to) image = tried;
            }
        REQUIRE(children(image).at(nth) == to);
        REQUIRE(disk.write(root, 1, image));
        const std::uint64_t changed = disk.prepare(1).value();
        const bytes delta = disk.changes({1}, changed).part.encode();
        REQUIRE(manifests->append(
            9, {9}, [&](auto& edits) { return edits.add(manifest_edit_kind::page_map, delta); }));
        disk.committed(1);
    }

    place<memory>* at;
    page_store<memory> disk;
    std::optional<manifest<memory, xxh3>> manifests;
    page_id root;
};

}  // namespace

TEST_CASE("a position that goes back is refused, and the next checkpoint has all") {
    place<memory> at;
    contents expected;
    auto tables = at.open();
    auto tree = tables->make_table({1}).value();
    fill(tree, 0, 50, 1, expected);
    REQUIRE(checkpoint(*tables, 100));
    const contents before = expected;
    fill(tree, 50, 90, 2, expected);
    const auto refused = checkpoint(*tables, 99);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::invalid_argument);
    CHECK(*refused.error().number("last") == 100);
    CHECK(tables->writable());
    CHECK(tables->last_checkpoint().position == lsn{100});
    CHECK(difference(*at.open(), before) == "");
    REQUIRE(checkpoint(*tables, 100));
    tables = {};
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("an inner page that names a page twice, or what is none, is damage: nothing is dropped") {
    for (const std::uint64_t lie : {std::uint64_t{0}, std::uint64_t{4'000}, ~std::uint64_t{0}}) {
        CAPTURE(lie);
        place<memory> at;
        contents expected;
        {
            auto tables = at.open();
            auto other = tables->make_table({1}).value();
            fill(other, 0, 50, 1, expected);
            auto tree = tables->make_table({2}).value();
            fill(tree, 0, 30, 1, expected);  // leaves below the root
            REQUIRE(checkpoint(*tables, 1));
        }
        {
            forger wrong{at};
            const auto children = wrong.children(wrong.page(wrong.root));
            REQUIRE(children.size() >= 2);
            wrong.turn_child(1, lie == 0 ? children[0] : lie);
        }
        auto tables = at.open();
        const std::uint64_t pages = tables->stats().pages;
        const auto refused = tables->drop_table({2});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::corrupt);
        CHECK(*refused.error().number("table") == 2);
        CHECK(tables->stats().pages == pages);
        CHECK(tables->tables().size() == 2);
        auto other = tables->table({1}).value();
        CHECK(difference(other, expected[1]) == "");
        CHECK(checkpoint(*tables, 9));
    }
}

TEST_CASE("a page that the pool could never have is told by the opening, in bounded memory") {
    place<memory> at;
    {
        auto tables = at.open();
        contents expected;
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 10, 1, expected);
        REQUIRE(checkpoint(*tables, 1));
    }
    {
        forger wrong{at};
        REQUIRE(wrong.disk.write(last_mapped_page, 1, bytes::zeros(512)));
        const std::uint64_t changed = wrong.disk.prepare(1).value();
        const bytes delta = wrong.disk.changes({1}, changed).part.encode();
        REQUIRE(wrong.manifests->append(
            9, {9}, [&](auto& edits) { return edits.add(manifest_edit_kind::page_map, delta); }));
        wrong.disk.committed(1);
    }
    const auto refused = place<memory>::tables_type::open(at.world, at.in, at.options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::out_of_memory);
    CHECK(*refused.error().number("page") == last_mapped_page.value);
    CHECK(*refused.error().number("limit") == at.options.pool.translation_bytes);
}

TEST_CASE("pages that came, changed and went around a failed checkpoint are right in the next") {
    for (int failures = 1; failures <= 3; ++failures) {
        CAPTURE(failures);
        simulation world{1};
        world.run([&] {
            place<simulated> at{world.platform()};
            contents expected;
            auto tables = at.open();
            auto kept = tables->make_table({1}).value();
            auto gone = tables->make_table({2}).value();
            fill(kept, 0, 200, 1, expected);
            fill(gone, 0, 200, 1, expected);
            REQUIRE(checkpoint(*tables, 1));
            for (int i = 0; i < failures; ++i) {
                const auto name = static_cast<std::uint64_t>(10 + i);
                clear(kept, i * 40, i * 40 + 40, expected);
                auto passing = tables->make_table({name}).value();
                fill(passing, 0, 100, name, expected);
                if (i == 0) REQUIRE(tables->drop_table({2}));
                world.inject({.on = io_kind::write,
                              .code = error_code::no_space,
                              .count = 2,  // it is tried again with the space of a spare
                              .path_part = bytes{bytes_view{"manifest"}}});
                const auto failed = checkpoint(*tables, name);
                REQUIRE_FALSE(failed);
                CHECK(failed.error().code() == error_code::no_space);
                REQUIRE(tables->writable());
                world.clear_faults();
                CHECK(tables->stats().disk.spare);
                if (i != 1) {
                    REQUIRE(tables->drop_table({name}));
                    expected.erase(name);
                }
            }
            expected.erase(2);
            fill(kept, 20, 60, 30, expected);
            REQUIRE(checkpoint(*tables, 30));
            CHECK(difference(*tables, expected) == "");
            const std::uint64_t pages = tables->stats().pages;
            CHECK(tables->stats().disk.live_bytes == pages * 512);
            tables = {};
            world.restart(crash_mode::drop_unsynced);
            place<simulated> again{world.platform()};
            tables = again.open();
            CHECK(difference(*tables, expected) == "");
            CHECK(tables->stats().pages == pages);
            CHECK(tables->stats().disk.live_bytes == pages * 512);
            tables = {};
        });
    }
}

TEST_CASE("images of checkpoints that failed are not kept beside later ones") {
    simulation world{1};
    world.run([&] {
        place<simulated> at{world.platform()};
        contents expected;
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 100, 1, expected);
        REQUIRE(checkpoint(*tables, 1));
        world.inject({.on = io_kind::write,
                      .code = error_code::no_space,
                      .count = fault::for_ever,
                      .path_part = bytes{bytes_view{"manifest"}}});
        for (std::uint64_t i = 2; i < 30; ++i) {
            fill(tree, 0, 100, i, expected);
            REQUIRE_FALSE(checkpoint(*tables, i));
            CHECK(tables->stats().disk.live_bytes <= 2 * tables->stats().pages * 512);
        }
        world.clear_faults();
        REQUIRE(checkpoint(*tables, 30));
        CHECK(tables->stats().disk.live_bytes == tables->stats().pages * 512);
        tables = {};
        CHECK(difference(*at.open(), expected) == "");
    });
}

TEST_CASE("a read only opening beside a writer tells its checkpoint, or an error") {
    std::uint64_t right = 0;
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 30; seed += one_in) {
        CAPTURE(seed);
        memory world;
        paged_life<memory> one{world, seed};
        REQUIRE(one.open());
        one.live(4);
        place<memory> beside{world};
        beside.options.read_only = true;
        auto reader = beside.open();
        const contents seen = one.promised().all;
        REQUIRE(reader->last_checkpoint().sequence == one.promised().sequence);
        for (int i = 0; i < 6; ++i) {
            one.live(3);
            for (const auto& [table, rows] : seen) {
                auto tree = reader->table({table});
                std::map<std::string, paged_tests::dated> found;
                const auto done =
                    !tree ? result<void>{tree.error()}
                          : tree->scan({}, [&](bytes_view key, bytes_view value, lsn version) {
                                found[key.as<std::string>()] = {value.as<std::string>(),
                                                                version.value};
                                return true;
                            });
                if (done) CHECK(found == rows);
                ++(done ? right : refused);
            }
        }
        CHECK(one.damage() == "");
        one.close();
        REQUIRE(one.open());
        CHECK(one.damage() == "");
        one.close();
    }
    CHECK(right > 30 / one_in);
    CHECK(right + refused > 100 / one_in);
}

TEST_CASE("a barrier that fails before it has noted anything: nothing has happened") {
    place<memory> at;
    contents expected;
    auto tables = at.open();
    auto tree = tables->make_table({1}).value();
    fill(tree, 0, 100, 1, expected);
    REQUIRE(checkpoint(*tables, 1));
    fill(tree, 50, 150, 2, expected);
    const paged_tables_stats before = tables->stats();
    const auto refused = tables->checkpoint([](auto) -> result<void> {
        return error{error_code::closed, "a log"};
    });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == error_code::closed);
    CHECK(tables->stats().pool.dirty == before.pool.dirty);
    CHECK(tables->stats().disk.images_written == before.disk.images_written);
    CHECK(tables->last_checkpoint().sequence == 2);
    CHECK(difference(*tables, expected) == "");
    REQUIRE(checkpoint(*tables, 2));
    tables = {};
    CHECK(difference(*at.open(), expected) == "");
}

TEST_CASE("a barrier that fails after it has noted: the next checkpoint has these changes") {
    for (const bool restarts : {true, false}) {
        place<memory> at;
        contents expected;
        auto tables = at.open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 100, 1, expected);
        REQUIRE(checkpoint(*tables, 1));
        const contents first = expected;
        fill(tree, 50, 150, 2, expected);
        for (std::uint64_t position = 2; position < 5; ++position) {
            const auto refused = tables->checkpoint([&](auto note) -> result<void> {
                note(lsn{position});
                return error{error_code::io, "a log"};
            });
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == error_code::io);
            CHECK(tables->last_checkpoint().position == lsn{1});
            CHECK(tables->writable());
            clear(tree, 50 + static_cast<int>(position), 60 + static_cast<int>(position), expected);
        }
        CHECK(difference(*tables, expected) == "");
        if (!restarts) REQUIRE(checkpoint(*tables, 5));
        tables = {};
        CHECK(difference(*at.open(), restarts ? first : expected) == "");
    }
}

TEST_CASE("barriers that fail now and then leave what the last checkpoint has") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        memory world;
        paged_life<memory> one{world, seed};
        one.barrier_fails_one_in = 2;
        for (int i = 0; i < 4; ++i) {
            REQUIRE_MESSAGE(one.open(), one.why());
            one.live(8);
            CHECK(one.damage() == "");
            one.close();
        }
        CHECK(one.checkpoints > 3);
        CHECK(one.checkpoints < 30);
    }
}

namespace {

// A database of two tables of a hundred rows, which is opened so that changes stay in memory.
struct in_memory : place<memory> {
    in_memory() {
        auto tables = open();
        auto tree = tables->make_table({1}).value();
        fill(tree, 0, 100, 1, on_disk);
        auto other = tables->make_table({2}).value();
        contents unused;
        fill(other, 0, 100, 1, unused);
        REQUIRE(checkpoint(*tables, 1));
        tables = {};
        // Spares would be made anew, with the same bytes.
        for (const bytes& name : in.list().value())
            if (name.view().starts_with("data-spare")) REQUIRE(in.remove(name));
        before = files();
        options.read_only = options.changes_stay_in_memory = true;
    }
    std::map<std::string, std::string> files() {
        std::map<std::string, std::string> found;
        for (const bytes& name : in.list().value()) {
            auto file = in.open(name, file_mode::read).value();
            bytes raw = bytes::zeros(static_cast<std::size_t>(file.size().value()));
            REQUIRE(file.read(0, raw.data(), raw.size()));
            found[name.as<std::string>()] = raw.as<std::string>();
        }
        return found;
    }

    contents on_disk;
    std::map<std::string, std::string> before;
};
const auto refused = [](const auto& done) {
    return !done && done.error().code() == error_code::read_only;
};

}  // namespace

TEST_CASE("opened to be read only with changes in memory, a log is redone and no file changes") {
    in_memory at;
    contents expected = at.on_disk;
    {
        auto tables = at.open();
        CHECK(tables->writable());
        REQUIRE(tables->admit(1'000, 1, true));
        REQUIRE(tables->drop_table({2}));
        auto tree = tables->table({1}).value();
        fill(tree, 90, 140, 2, expected);
        clear(tree, 0, 30, expected);
        auto made = tables->make_table({3}).value();
        fill(made, 0, 20, 2, expected);
        CHECK(refused(checkpoint(*tables, 2)));
        CHECK(refused(tables->clean()));
        CHECK(refused(tables->rewrite()));
        CHECK(difference(*tables, expected) == "");
        tables->stop_changes();
        CHECK(refused(tables->writable()));
        CHECK(refused(tables->admit(1, 1, false)));
        CHECK(refused(tree.put("row", "1", lsn{3})));
        CHECK(refused(tree.erase("row-99")));
        CHECK(refused(tables->make_table({4})));
        CHECK(refused(tables->drop_table({1})));
        CHECK(difference(*tables, expected) == "");
    }
    CHECK(at.files() == at.before);
    at.options = small_options<memory>(40, 3);
    auto tables = at.open();
    CHECK(tables->table({2})->count() == 100);
    REQUIRE(tables->drop_table({2}));
    CHECK(difference(*tables, at.on_disk) == "");
}

TEST_CASE("where the pool is full of changes that stay in memory, the answer says what helps") {
    in_memory at;
    at.options.pool = small_options<memory>(14, 0).pool;
    at.options.pool.wait_for_frame = {};
    auto tables = at.open();
    auto tree = tables->table({1}).value();
    result<void> put = success();
    int row = 100;
    for (; put && row < 5'000; ++row)
        put = tree.put("row-" + std::to_string(row), std::string(99, 'x'), lsn{2});
    REQUIRE_FALSE(put);
    CHECK(row > 110);
    CHECK(put.error().code() == error_code::out_of_memory);
    const auto text = put.error().message().as<std::string>();
    CHECK(text.find("a larger pool") != std::string::npos);
    tables = {};
    CHECK(at.files() == at.before);
}
