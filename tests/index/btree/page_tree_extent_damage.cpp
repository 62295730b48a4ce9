// SPDX-License-Identifier: BSL-1.0
//
// Values in pages of their own, of which bytes have changed, or whole pages: `corrupt` with table
// and page, and never other bytes than were put. A damaged value can be replaced and erased.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using sound_tree = rig<posix>;
using pool = sound_tree::pool;
using tree_type = sound_tree::tree_type;

constexpr std::size_t room = 456;

// Three keys in one leaf: two large values of three pages, and a small one between.
struct three_keys {
    sound_tree all{512, 60};
    const page_id root = all.tree.root();
    model expected;
    std::vector<page_id> pages;  // the root, those of "a", those of "c"

    three_keys() {
        put("a", patterned(2 * room + 100, 1), 1);
        put("b", "small", 2);
        put("c", patterned(2 * room + 100, 3), 3);
        REQUIRE(all.tree.verify([&](page_id page) {
            pages.push_back(page);
            return success();
        }));
        REQUIRE(all.pages.flush());
        REQUIRE(pages.size() == 7);
    }
    void put(const std::string& key, const std::string& value, std::uint64_t version) {
        REQUIRE(all.tree.put(key, value, lsn{version}));
        expected[key] = {value, version};
    }
    bytes image(page_id page) { return all.disk.image(page); }
    void put_back(page_id page, const bytes& image) { REQUIRE(all.disk.write(page, 1, image)); }
};

// The same tree through another pool.
struct opened {
    pool pages;
    sound_tree::numbers_type numbers{page_id{10'000}};
    tree_type tree;

    explicit opened(three_keys& of)
        : pages{of.all.disk, room_for<pool>(60, 512)},
          tree{tree_type::open(pages, numbers, table, of.root).value()} {
        for (const page_id page : of.pages) REQUIRE(numbers.note_used(page));
    }
};

template <class T>
void must_be_corrupt(const result<T>& done, page_id page) {
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == error_code::corrupt);
    REQUIRE(done.error().number("table") != nullptr);
    CHECK(*done.error().number("table") == table.value);
    REQUIRE(done.error().number("page") != nullptr);
    CHECK(*done.error().number("page") == page.value);
}

// "a" is damaged, as `page` shows; all else is there.
void must_be_refused(three_keys& of, page_id page) {
    opened seen{of};
    const auto nothing = [](bytes_view, lsn) { FAIL("damage was handed out"); };
    must_be_corrupt(seen.tree.find("a", nothing), page);
    must_be_corrupt(seen.tree.verify(), page);
    must_be_corrupt(seen.tree.scan({}, [](bytes_view, bytes_view, lsn) { return true; }), page);
    page_tree_cursor cursor{seen.tree};
    must_be_corrupt(cursor.seek("a"), page);
    CHECK_FALSE(cursor.is_on_entry());
    CHECK(has(seen.tree, of.expected, "b"));
    CHECK(has(seen.tree, of.expected, "c"));
    CHECK(cursor.seek_last().value());
    CHECK(cursor.value() == bytes_view{of.expected["c"].value});
    CHECK(cursor.previous().value());
    must_be_corrupt(cursor.previous(), page);
    CHECK(seen.pages.stats().pinned == 0);
}
// What nobody can say whose it is stays taken: from the damaged page on.
void must_be_replaceable(three_keys& of, std::uint64_t lost) {
    for (const bool erases : {false, true}) {
        opened seen{of};
        model expected = of.expected;
        expected.erase("a");
        if (erases) {
            REQUIRE(seen.tree.erase("a").value());
        } else {
            expected["a"] = {patterned(700, 9), 9};
            REQUIRE(seen.tree.put("a", patterned(700, 9), lsn{9}));
        }
        const auto sound = seen.tree.verify();
        REQUIRE(sound);
        CHECK(seen.numbers.used_count() == sound->pages() + lost);
        CHECK(difference(seen.tree, expected) == "");
    }
}

}  // namespace

TEST_CASE("any changed byte of a large value's pages is damage, and another value is not touched") {
    three_keys of;
    for (std::size_t at = 0; at < 3; ++at) {
        const page_id page = of.pages[1 + at];
        const bytes before = of.image(page);
        const std::size_t used = at < 2 ? 512 : 56 + 100;
        for (std::size_t offset = 0; offset < used; offset += offset < 56 ? 1 : 31) {
            CAPTURE(at);
            CAPTURE(offset);
            bytes changed = before;
            changed[offset] ^= std::byte{0x10};
            of.put_back(page, changed);
            const bool is_next = offset >= 48 && offset < 56 && at < 2;
            if (!is_next) must_be_refused(of, offset < 56 ? page : of.pages[1]);
            const std::uint64_t lost = is_next ? 2 - at : offset < 56 ? 3 - at : 0;
            // A number beyond the pool's last might be right for a pool with more room.
            const bool beyond = is_next && offset >= 50 && offset <= 52;
            if (offset % 3 == 0 && !beyond) must_be_replaceable(of, lost);
            opened seen{of};
            CHECK_FALSE(seen.tree.find("a", [](bytes_view, lsn) {}));
            if (!beyond) continue;
            const auto put = seen.tree.put("a", patterned(700, 9), lsn{9});
            REQUIRE_FALSE(put);
            CHECK(put.error().number("limit") != nullptr);
            CHECK(seen.numbers.used_count() == 7);
        }
        if (at == 2) {  // behind the value
            bytes changed = before;
            changed[used] ^= std::byte{1};
            of.put_back(page, changed);
            opened seen{of};
            CHECK(difference(seen.tree, of.expected) == "");
        }
        of.put_back(page, before);
    }
}

TEST_CASE("a page in the place of one of a large value is damage, wherever it comes from") {
    three_keys of;
    std::vector<bytes> old;
    for (const page_id page : of.pages) old.push_back(of.image(page));
    const auto with_number = [](const bytes& image, page_id page) {
        bytes made = image;
        store_le(made.data() + 32, page.value);
        return made;
    };
    for (std::size_t at = 1; at < 4; ++at)
        for (std::size_t from = 0; from < 7; ++from) {
            if (from == at) continue;
            CAPTURE(at);
            CAPTURE(from);
            for (const bool renamed : {false, true}) {
                of.put_back(of.pages[at],
                            renamed ? with_number(old[from], of.pages[at]) : old[from]);
                must_be_refused(of, of.pages[at]);
                must_be_replaceable(of, 4 - at);
            }
            of.put_back(of.pages[at], bytes::zeros(512));
            must_be_refused(of, of.pages[at]);
            of.put_back(of.pages[at], old[at]);
        }
}

TEST_CASE("a page of a large value is never taken for a node") {
    three_keys of;
    bytes image = of.image(of.pages[1]);
    store_le(image.data() + 32, of.root.value);
    of.put_back(of.root, image);
    pool pages{of.all.disk, room_for<pool>(60, 512)};
    CHECK(tree_type::open(pages, of.all.numbers, table, of.root).error().code() ==
          error_code::corrupt);
    CHECK(tree_type::open(pages, of.all.numbers, table, of.pages[1]).error().code() ==
          error_code::corrupt);
}

TEST_CASE("a reference in the place of another, or that makes no sense, is damage") {
    three_keys of;
    const bytes before = of.image(of.root);
    const auto reference_at = [&](std::size_t slot) {
        return load_le<std::uint16_t>(before.data() + 112 + 8 * slot) + std::size_t{10 + 1};
    };
    const std::size_t first = reference_at(0);
    const std::size_t last = reference_at(2);
    SUBCASE("of another key's value") {
        bytes changed = before;
        std::memcpy(changed.data() + first, before.data() + last, 16);
        of.put_back(of.root, changed);
        must_be_refused(of, of.pages[4]);
    }
    SUBCASE("any other bit") {
        for (std::size_t bit = 0; bit < 128; ++bit) {
            CAPTURE(bit);
            bytes changed = before;
            changed[first + bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
            of.put_back(of.root, changed);
            opened seen{of};
            const auto found =
                seen.tree.find("a", [](bytes_view, lsn) { FAIL("damage was handed out"); });
            REQUIRE_FALSE(found);
            CHECK((found.error().code() == error_code::corrupt ||
                   found.error().number("limit") != nullptr));  // a page beyond the pool's last
            CHECK_FALSE(seen.tree.verify());
            CHECK(has(seen.tree, of.expected, "c"));
        }
    }
    SUBCASE("nothing, no page, or more than a value may have") {
        for (const std::uint64_t bytes_of : {std::uint64_t{0}, std::uint64_t{GiB + 1}}) {
            bytes changed = before;
            store_le(changed.data() + first + 8, static_cast<std::uint32_t>(bytes_of));
            of.put_back(of.root, changed);
            opened seen{of};
            const auto found = seen.tree.find("a", [](bytes_view, lsn) {});
            REQUIRE_FALSE(found);
            CHECK(found.error().code() == error_code::corrupt);
            must_be_corrupt(seen.tree.verify(), of.root);
            REQUIRE(seen.tree.put("a", "new", lsn{5}));
            CHECK(seen.tree.verify());
        }
    }
}
