// SPDX-License-Identifier: BSL-1.0
#include "slotted_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace mantis;
using namespace slotted_tests;

namespace {

// A sound leaf of 20 entries, or an inner node of as many, to be damaged in one place.
struct patient : page {
    static constexpr std::size_t count = 20;

    explicit patient(bool leaf = true) : page{4096, 9} {
        const fence_keys fences{"key-1", "key-3"};
        if (leaf) node().init_leaf(owner(), fences);
        else node().init_inner(1, owner(), fences, 100);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string key = "key-1" + std::to_string(10 + i);
            REQUIRE((leaf ? node().insert(i, key, {"a value of 16 b."}, lsn{i})
                          : node().insert_child(i, key, 200 + i)));
        }
        REQUIRE(damage() == "");
    }
    explicit patient(const patient& other) = default;

    template <class T>
    void set(std::size_t offset, T value) {
        store_le(data() + offset, value);
    }
    detail::node_slot slot(std::size_t at) const { return view().slot(at); }
    void set_slot(std::size_t at, detail::node_slot slot) {
        detail::store_slot<detail::plain_access>(data(), at, slot);
    }
    void must_be_found(const char* what) const {
        const auto sound = verify_node(view(), owner());
        REQUIRE_FALSE(sound);
        CHECK(sound.error().code() == error_code::corrupt);
        CHECK(sound.error().subject().as<std::string>() == what);
    }
};

// The fields of the header, with their offsets from the documentation and not from the code.
constexpr std::size_t version_at = 0, kind_at = 1, level_at = 2, count_at = 4, heap_at = 6,
                      holes_at = 8, prefix_at = 10, lower_at = 12, lower_bytes_at = 14,
                      upper_at = 16, upper_bytes_at = 18, zero_at = 20, rightmost_at = 40,
                      hints_at = 48;

}  // namespace

TEST_CASE("verify finds a page that is no node, or a node of something else") {
    patient version;
    version.set<std::uint8_t>(version_at, 2);
    version.must_be_found("an unknown version");
    patient kind;
    kind.set<std::uint8_t>(kind_at, 3);
    kind.must_be_found("an unknown kind");
    patient level;
    level.set<std::uint16_t>(level_at, 1);
    level.must_be_found("a level that is not of its kind");
    patient inner{false};
    inner.set<std::uint16_t>(level_at, 0);
    inner.must_be_found("a level that is not of its kind");
    page zeros{4096, 9};
    std::fill_n(zeros.data(), 4096, std::byte{0});
    CHECK(zeros.damage().find("an unknown version") != std::string::npos);
}

TEST_CASE("verify finds the page of another table, and another page of the same") {
    const patient sound;
    auto found = verify_node(sound.view(), {table_id{8}, 9});
    REQUIRE_FALSE(found);
    CHECK(found.error().subject().as<std::string>() == "a node of another table");
    CHECK(*found.error().number("table") == 8);
    CHECK(*found.error().number("found_table") == 7);
    found = verify_node(sound.view(), {table, 10});
    REQUIRE_FALSE(found);
    CHECK(found.error().subject().as<std::string>() == "another page");
    CHECK(*found.error().number("page") == 10);
    CHECK(*found.error().number("found_page") == 9);
}

TEST_CASE("verify finds a field that should be zero") {
    patient zero;
    zero.set<std::uint32_t>(zero_at, 1);
    zero.must_be_found("a field that should be zero");
    patient child;
    child.set<std::uint64_t>(rightmost_at, 5);
    child.must_be_found("a field that should be zero");
}

TEST_CASE("verify finds slots, heap or fences outside of their places") {
    for (const auto& [at, value] : {std::pair<std::size_t, std::uint16_t>{count_at, 500},
                                    {heap_at, 4097},
                                    {heap_at, 200},
                                    {holes_at, 4000},
                                    {lower_at, 4095},
                                    {lower_at, 60},
                                    {lower_bytes_at, 5000},
                                    {lower_bytes_at, 0},
                                    {upper_at, 4094},
                                    {upper_bytes_at, 0},
                                    {prefix_at, 6}}) {
        patient broken;
        broken.set(at, value);
        CAPTURE(at);
        broken.must_be_found("slots, heap or fences that do not fit");
        CHECK(broken.view().malformed());
    }
}

TEST_CASE("verify finds fences that are too long, out of order, or share something else") {
    patient order;
    const auto upper = load_le<std::uint16_t>(order.data() + upper_at);
    order.set<std::uint8_t>(upper + 4u, '0');
    order.must_be_found("fences out of order");
    patient prefix;
    prefix.set<std::uint16_t>(prefix_at, 3);
    prefix.must_be_found("a prefix that is not what the fences share");
    patient shared;
    const auto lower = load_le<std::uint16_t>(shared.data() + lower_at);
    shared.set<std::uint8_t>(lower + 2u, 'z');
    shared.must_be_found("fences out of order");
    shared.set<std::uint8_t>(lower + 2u, 'a');
    shared.must_be_found("a prefix that is not what the fences share");
    page longer{512, 9};
    longer.node().init_leaf(longer.owner(), {std::string(64, 'a'), "b"});
    store_le<std::uint16_t>(longer.data() + lower_bytes_at, 65);
    store_le<std::uint16_t>(longer.data() + lower_at, 512 - 65);
    CHECK(longer.damage().find("a fence longer than a key") != std::string::npos);
}

TEST_CASE("verify finds entries that overlap, among them and with fences") {
    patient twice;
    twice.set<std::uint16_t>(twice.slot(3).offset, 17);
    twice.must_be_found("fences or entries that overlap");
    patient fences;
    fences.set<std::uint16_t>(upper_at, load_le<std::uint16_t>(fences.data() + lower_at));
    fences.must_be_found("fences out of order");
    patient same;
    same.set<std::uint16_t>(
        upper_at, static_cast<std::uint16_t>(load_le<std::uint16_t>(same.data() + lower_at) - 1));
    same.set<std::uint8_t>(load_le<std::uint16_t>(same.data() + upper_at), 'z');
    same.set<std::uint16_t>(prefix_at, 0);
    same.must_be_found("fences or entries that overlap");
}

TEST_CASE("verify finds an entry outside the heap, and one that is too large") {
    patient outside;
    auto slot = outside.slot(5);
    outside.set_slot(5, {.offset = 111, .suffix_bytes = slot.suffix_bytes, .head = slot.head});
    outside.must_be_found("an entry outside the heap");
    outside.set_slot(5, {.offset = 4095, .suffix_bytes = slot.suffix_bytes, .head = slot.head});
    outside.must_be_found("an entry outside the heap");
    patient payload;
    payload.set<std::uint16_t>(payload.slot(0).offset, 4096);
    payload.must_be_found("an entry outside the heap");
    patient large;
    large.set<std::uint16_t>(large.slot(19).offset, 1025);
    auto first = large.slot(19);
    std::memmove(large.data() + 2000, large.data() + first.offset, 24);
    large.set<std::uint16_t>(heap_at, 2000);
    first.offset = 2000;
    large.set_slot(19, first);
    large.must_be_found("an entry larger than allowed");
    patient key;
    key.set_slot(0, {.offset = key.slot(19).offset, .suffix_bytes = 510, .head = key.slot(0).head});
    key.must_be_found("a key longer than allowed");
    patient reference;
    reference.set<std::uint16_t>(reference.slot(2).offset, 0x800f);
    reference.must_be_found("a reference that is none");
}

TEST_CASE("verify finds keys out of order, twice there, or outside the fences") {
    patient order;
    const auto first = order.slot(7);
    order.set_slot(7, order.slot(8));
    order.set_slot(8, first);
    order.must_be_found("keys out of order");
    patient twice;
    twice.set_slot(7, twice.slot(8));
    twice.must_be_found("keys out of order");
    patient above;
    auto last = above.slot(19);
    above.set<std::uint8_t>(last.offset + 10u, '3');
    last.head += 0x0200'0000u;
    above.set_slot(19, last);
    above.must_be_found("a key outside the fences");
    patient below;
    auto least = below.slot(0);
    below.set<std::uint8_t>(least.offset + 10u, '0');
    least.head -= 0x0100'0000u;
    below.set_slot(0, least);
    below.must_be_found("a key outside the fences");
    page inner{4096, 9};
    inner.node().init_inner(1, inner.owner(), {"b", "c"}, 1);
    REQUIRE(inner.node().insert_child(0, "b", 2));
    CHECK(inner.damage().find("a key outside the fences") != std::string::npos);
}

TEST_CASE("verify finds a head or a hint that is not its key's") {
    patient head;
    auto slot = head.slot(4);
    ++slot.head;
    head.set_slot(4, slot);
    head.must_be_found("a head that is not its key's");
    for (std::size_t i = 0; i < 16; ++i) {
        patient hint;
        const std::size_t at = hints_at + 4 * i;
        hint.set(at, load_le<std::uint32_t>(hint.data() + at) + 1);
        hint.must_be_found("a hint that is not its slot's head");
    }
}

TEST_CASE("verify finds a child that is none") {
    patient none{false};
    none.set<std::uint64_t>(none.slot(6).offset, 0);
    none.must_be_found("a child that is none");
    patient itself{false};
    itself.set<std::uint64_t>(itself.slot(6).offset, 9);
    itself.must_be_found("a child that is none");
    patient last{false};
    last.set<std::uint64_t>(rightmost_at, 0);
    last.must_be_found("a child that is none");
}

TEST_CASE("verify finds free space that is counted wrong") {
    patient holes;
    holes.set<std::uint16_t>(holes_at, 1);
    holes.must_be_found("free space is counted wrong");
    patient fewer;
    fewer.set<std::uint16_t>(count_at, 19);
    const auto view = fewer.view();
    for (std::size_t i = 0; i < 16; ++i) fewer.set(hints_at + 4 * i, view.hint_of_slots(i));
    fewer.must_be_found("free space is counted wrong");
}

TEST_CASE("any one bit that flips is found, or is inside an entry or a fence, or does not matter") {
    for (const bool leaf : {true, false}) {
        patient page{leaf};
        const std::vector<std::byte> before(page.data(), page.data() + page.size());
        const auto sound = page.view();
        std::size_t harmless = 0;
        for (std::size_t bit = 0; bit < page.size() * 8; ++bit) {
            page.data()[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
            const std::size_t at = bit / 8;
            const bool in_gap = at >= 112 + 8 * patient::count && at < sound.header().heap_begin;
            // The level of an inner node and the child at its end are as much data as other
            // children.
            const bool data = !leaf && (at / 2 == level_at / 2 || at / 8 == rightmost_at / 8);
            const bool in_heap = at >= sound.header().heap_begin;
            if (page.damage() == "") {
                CAPTURE(at);
                REQUIRE((in_gap || in_heap || data));
                ++harmless;
            } else {
                REQUIRE_FALSE(in_gap);
            }
            page.data()[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        }
        CHECK(std::equal(before.begin(), before.end(), page.data()));
        CHECK(harmless > 8 * 1000);
    }
}
