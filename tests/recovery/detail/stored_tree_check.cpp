// SPDX-License-Identifier: BSL-1.0
//
// Tables in pages of a checkpoint are checked without opening them. Each case makes one thing wrong
// of which all checksums fit, or one byte of which they do not.
#include <doctest/doctest.h>

#include "../paged_life.hpp"

#include <mantis/platform/memory.hpp>
#include <mantis/recovery/detail/stored_scrub.hpp>
#include <mantis/recovery/detail/stored_tree_check.hpp>

using namespace mantis;
using namespace paged_tests;

namespace {

using pages_type = detail::stored_pages<memory, xxh3>;

constexpr std::uint64_t row_count = 400;

struct finding {
    std::string what;  // the error's subject
    std::uint64_t table;
    std::uint64_t page;
};

struct noting_sink {
    std::vector<finding> broken_ones = {};
    std::vector<page_damage> damaged = {};
    std::vector<finding> leaked_ones = {};
    std::map<std::uint64_t, rows> seen = {};
    std::uint64_t pages = 0;
    std::uint64_t stop_after = ~std::uint64_t{0};

    bool spend(std::uint64_t) { return --stop_after != 0; }
    void add_page() { ++pages; }
    void found(page_damage what) { damaged.push_back(std::move(what)); }
    void broken(table_id table, page_id page, const error& why) {
        broken_ones.push_back({why.subject().as<std::string>(), table.value, page.value});
    }
    void leaked(table_id table, page_id page) {
        leaked_ones.push_back({"", table.value, page.value});
    }
    [[nodiscard]] bool wants_rows(table_id table) const { return table.value == 1; }
    void row(table_id table, page_id, bytes_view key, bytes_view value, lsn version) {
        seen[table.value][key.as<std::string>()] = {value.as<std::string>(), version.value};
    }
    [[nodiscard]] bool clean() const {
        return broken_ones.empty() && damaged.empty() && leaked_ones.empty();
    }
};

// Two tables, of which the first has large values, and three levels.
struct checked_tables {
    memory world;
    memory::directory files = world.open_directory("db", directory_mode::create).value();
    rows first;
    std::map<std::uint64_t, page_tree_stats> stats;
    noting_sink sink;
    detail::tree_check_figures figures;

    checked_tables() {
        auto opened = paged_tables<memory>::open(world, files, small_options<memory>(64)).value();
        for (std::uint64_t id = 1; id <= 2; ++id) {
            auto table = opened->make_table({id}).value();
            for (std::uint64_t at = 0; at < row_count; ++at) {
                const std::string key = "row-" + std::to_string(1000 + at);
                const std::string value(at % 100 == 50 ? 2000 : 20, static_cast<char>('a' + id));
                REQUIRE(table.put(key, value, {at + 1}));
                if (id == 1) first[key] = {value, at + 1};
            }
            stats[id] = table.verify().value();
        }
        REQUIRE(opened->checkpoint([](auto note) {
            note(lsn{5});
            return success();
        }));
        read_manifest();
    }

    void read_manifest() {
        auto chosen = detail::choose_manifest<memory, xxh3>(files, ours, 0).value();
        pages_ = owned<pages_type>{new pages_type{files, ours}};
        REQUIRE(pages_->take_all(chosen.reader));
    }
    // The manifest says something else of a table.
    void set_root(const detail::table_root& to) {
        auto opened = manifest<memory, xxh3>::open(world, files, ours, 0, [](const manifest_edit&) {
                          return success();
                      }).value();
        REQUIRE(opened.append(opened.state().epoch + 1, {6}, [&](auto& edits) {
            return edits.add(manifest_edit_kind::root, detail::encode_table_root(to));
        }));
        read_manifest();
    }
    [[nodiscard]] detail::table_root root(std::uint64_t table) const {
        return *pages_->roots().find({table});
    }
    //   Returns     the first page in the order of keys of table 1 at that level, or of its first
    //               large value
    [[nodiscard]] page_id page_at(std::size_t level) const {
        page_id at = root(1).root;
        while (true) {
            const bytes raw = pages_->image(at).value();
            const slotted_view<> node{raw.data(), raw.size()};
            if (node.level() == level) return at;
            REQUIRE(node.read_child(0, at.value));
        }
    }
    [[nodiscard]] page_id extent_page() const {
        page_id found;
        pages_->map().for_each_committed({1}, [&](page_id page, const page_entry&) {
            const bytes raw = pages_->image(page).value();
            if (detail::load_extent_header(raw.data()).kind == detail::extent_kind) found = page;
            return found.value == 0;
        });
        REQUIRE(found.value != 0);
        return found;
    }
    // Other bytes, of which the checksum fits, or not.
    template <class Change>
    void forge(page_id page, Change change, bool checksum_fits = true) {
        bytes raw = pages_->image(page).value();
        change(raw);
        page_entry entry = pages_->map().newest(page);
        auto file = files.open(data_segment_name(entry.place.segment()), file_mode::write).value();
        REQUIRE(file.write(entry.place.offset(), raw));
        if (checksum_fits) entry.checksum = image_checksum<xxh3>(ours, page, raw);
        pages_->map().load(page, entry);
    }
    void check() {
        sink.seen.clear();
        detail::stored_tree_check<memory, xxh3, noting_sink> all{*pages_, sink};
        figures = all.run();
    }
    //   Returns     what the only complaint is
    std::string complaint() {
        check();
        REQUIRE(sink.broken_ones.size() == 1);
        CHECK(sink.damaged.empty());
        CHECK(sink.leaked_ones.empty());
        return sink.broken_ones[0].what;
    }

    owned<pages_type> pages_;
};

void swap_words(bytes& raw, std::uint64_t one, std::uint64_t other) {
    std::byte first[8];
    std::byte second[8];
    store_le(first, one);
    store_le(second, other);
    std::byte* a = nullptr;
    std::byte* b = nullptr;
    for (std::size_t at = sizeof(detail::node_header); at + 8 <= raw.size(); ++at) {
        if (a == nullptr && std::memcmp(raw.data() + at, first, 8) == 0) a = raw.data() + at;
        if (b == nullptr && std::memcmp(raw.data() + at, second, 8) == 0) b = raw.data() + at;
    }
    REQUIRE(a != nullptr);
    REQUIRE(b != nullptr);
    std::memcpy(a, second, 8);
    std::memcpy(b, first, 8);
}

}  // namespace

TEST_CASE("a sound checkpoint is counted exactly as its tables count themselves") {
    checked_tables of;
    of.check();
    CHECK(of.sink.clean());
    const page_tree_stats one = of.stats[1];
    const page_tree_stats two = of.stats[2];
    CHECK(one.height == 3);
    CHECK(of.figures.tables == 2);
    CHECK(of.figures.entries == 2 * row_count);
    CHECK(of.figures.leaves == one.leaves + two.leaves);
    CHECK(of.figures.inner_nodes == one.inner_nodes + two.inner_nodes);
    CHECK(of.figures.height == one.height);
    CHECK(of.figures.used_bytes == one.used_bytes + two.used_bytes);
    CHECK(of.figures.extents == one.extents + two.extents);
    CHECK(of.figures.extent_pages == one.extent_pages + two.extent_pages);
    CHECK(of.sink.pages == one.pages() + two.pages());
    CHECK(of.sink.seen.size() == 1);
    CHECK(of.sink.seen[1] == of.first);
}

TEST_CASE("a number of rows that is not the manifest's is told with the table") {
    checked_tables of;
    detail::table_root wrong = of.root(2);
    ++wrong.entries;
    of.set_root(wrong);
    CHECK(of.complaint() == "another number of entries than the manifest says");
    CHECK(of.sink.broken_ones[0].table == 2);
}

TEST_CASE("pages to which nothing leads are told with the table that they name") {
    checked_tables of;
    of.set_root({{2}, {}, 0});
    of.check();
    CHECK(of.sink.broken_ones.empty());
    CHECK(of.sink.damaged.empty());
    CHECK(of.sink.leaked_ones.size() == of.stats[2].pages());
    CHECK(of.figures.leaked_pages == of.stats[2].pages());
    for (const finding& each : of.sink.leaked_ones) CHECK(each.table == 2);
}

TEST_CASE("a page to which two tables lead is told") {
    checked_tables of;
    of.set_root({{3}, of.root(1).root, row_count});
    CHECK(of.complaint() == "a page that something else leads to as well");
    CHECK(of.sink.broken_ones[0].table == 3);
    CHECK(of.sink.broken_ones[0].page == of.root(1).root.value);
}

TEST_CASE("children in each other's place have other fences, and the rest is checked") {
    checked_tables of;
    const page_id inner = of.page_at(1);
    std::uint64_t one = 0;
    std::uint64_t two = 0;
    of.forge(inner, [&](bytes& raw) {
        const slotted_view<> node{raw.data(), raw.size()};
        REQUIRE(node.read_child(0, one));
        REQUIRE(node.read_child(1, two));
        swap_words(raw, one, two);
    });
    of.check();
    REQUIRE(of.sink.broken_ones.size() == 2);
    for (const finding& each : of.sink.broken_ones) {
        CHECK(each.what == "other fences than expected");
        CHECK((each.page == one || each.page == two));
    }
    CHECK(of.sink.damaged.empty());
    CHECK(of.figures.leaves == of.stats[1].leaves + of.stats[2].leaves - 2);
}

TEST_CASE("a child of another level is told, and a child that is not there") {
    {
        checked_tables of;
        const page_id root = of.root(1).root;
        const page_id leaf = of.page_at(0);
        std::uint64_t child = 0;
        of.forge(root, [&](bytes& raw) {
            const slotted_view<> node{raw.data(), raw.size()};
            REQUIRE(node.read_child(0, child));
            std::byte from[8];
            store_le(from, child);
            for (std::size_t at = sizeof(detail::node_header); at + 8 <= raw.size(); ++at)
                if (std::memcmp(raw.data() + at, from, 8) == 0)
                    store_le(raw.data() + at, leaf.value);
        });
        CHECK(of.complaint() == "a node of another level");
        CHECK(of.figures.unknown_pages > 1);  // below the child that was lost
    }
    checked_tables of;
    const page_id leaf = of.page_at(0);
    of.pages_->map().load(leaf, {});
    CHECK(of.complaint() == "a page that is not there");
    CHECK(of.sink.broken_ones[0].page == leaf.value);
}

TEST_CASE("a page that is no sound node is told with table and page") {
    for (const std::size_t at : {std::size_t{1}, std::size_t{511}}) {  // the kind; a fence
        checked_tables of;
        const page_id leaf = of.page_at(0);
        of.forge(leaf, [&](bytes& raw) { raw[at] ^= std::byte{0x10}; });
        of.check();
        REQUIRE(of.sink.broken_ones.size() == 1);
        CHECK(of.sink.broken_ones[0].page == leaf.value);
        CHECK(of.sink.broken_ones[0].table == 1);
        CHECK(of.figures.leaves == of.stats[1].leaves + of.stats[2].leaves - 1);
    }
}

TEST_CASE("a large value with other bytes, or a page of another, is told with its page") {
    {
        checked_tables of;
        of.forge(of.extent_page(), [](bytes& raw) { raw[100] ^= std::byte{1}; });
        CHECK(of.complaint() == "a value with another checksum");
        CHECK(of.sink.seen[1].size() == row_count - 1);
        CHECK(of.figures.extents == of.stats[1].extents + of.stats[2].extents - 1);
    }
    checked_tables of;
    const page_id page = of.extent_page();
    of.forge(page, [](bytes& raw) { raw[4] ^= std::byte{1}; });  // its place in the value
    CHECK(of.complaint() == "a page of another value, or at another place in it");
    CHECK(of.sink.broken_ones[0].page == page.value);
}

TEST_CASE(
    "damaged images are all told with page and table, and what is below is not called leaked") {
    checked_tables of;
    const page_id inner = of.page_at(1);
    const page_id value = of.extent_page();
    for (const page_id each : {inner, value})
        of.forge(
            each, [](bytes& raw) { raw[300] ^= std::byte{1}; }, false);
    of.check();
    REQUIRE(of.sink.damaged.size() == 2);
    for (const page_damage& each : of.sink.damaged) {
        CHECK(each.code == error_code::corrupt);
        CHECK((each.page == inner || each.page == value));
        CHECK(each.table == table_id{1});
    }
    CHECK(of.sink.broken_ones.empty());
    CHECK(of.sink.leaked_ones.empty());
    CHECK(of.figures.unknown_pages > 0);
    CHECK(of.sink.pages == of.stats[1].pages() + of.stats[2].pages() - 2);
}

TEST_CASE("a check that is stopped reads no more") {
    checked_tables of;
    of.sink.stop_after = 7;
    of.check();
    CHECK(of.sink.pages == 7);
    CHECK(of.sink.clean());
}
