// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/node.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using mantis::bytes;
using mantis::bytes_view;
using mantis::lsn;
using namespace mantis::detail;

namespace {

constexpr std::size_t capacity = 8;
using leaf_type = leaf_node<capacity>;
using inner_type = inner_node<capacity>;

std::string key_of(std::size_t number) { return "key-" + std::to_string(1000 + number); }

// A leaf with the entries first, ..., first + count - 1, that destroys them.
struct filled_leaf : leaf_type {
    filled_leaf(std::size_t first, std::size_t how_many) {
        for (std::size_t i = 0; i < how_many; ++i)
            insert(i, record::make(key_of(first + i), "value", lsn{}));
    }
    ~filled_leaf() {
        for (std::size_t i = 0; i < count; ++i) record::destroy(entries[i]);
    }
};

void must_hold(const leaf_type& leaf, std::size_t first, std::size_t how_many) {
    REQUIRE(leaf.count == how_many);
    for (std::size_t i = 0; i < how_many; ++i) {
        CHECK(leaf.entries[i]->key() == key_of(first + i));
        const key_position place = leaf.search(key_of(first + i));
        CHECK(place.found);
        CHECK(place.at == i);
    }
}

// Children are told apart by their level: child number n has level n.
struct filled_inner : inner_type {
    filled_inner(std::size_t first, std::size_t how_many) : inner_type{1} {
        for (std::size_t i = 0; i < how_many; ++i) {
            owned.push_back(
                std::make_unique<node>(node{.level = static_cast<std::uint16_t>(first + i)}));
            if (i == 0) add_first(owned[0].get());
            else insert(i - 1, bytes{key_of(first + i)}, owned[i].get());
        }
    }
    std::vector<std::unique_ptr<node>> owned;
};

void must_hold(const inner_type& inner, std::size_t first, std::size_t how_many) {
    REQUIRE(inner.count == how_many);
    for (std::size_t i = 0; i < how_many; ++i) {
        CHECK(inner.children[i]->level == first + i);
        if (i != 0) CHECK(inner.separators[i - 1].view() == key_of(first + i));
        if (i != 0) CHECK(inner.child_of(key_of(first + i)) == i);
        CHECK(inner.child_of(key_of(first + i) + "+") == i);
    }
}

}  // namespace

TEST_CASE("a leaf keeps its entries in order through insert and erase") {
    filled_leaf leaf{0, 0};
    for (const std::size_t number : {3u, 1u, 2u, 0u}) {
        const key_position place = leaf.search(key_of(number));
        CHECK_FALSE(place.found);
        leaf.insert(place.at, record::make(key_of(number), "value", lsn{}));
    }
    must_hold(leaf, 0, 4);
    record::destroy(leaf.entries[0]);
    leaf.erase(0);
    must_hold(leaf, 1, 3);
}

TEST_CASE("a split leaf links its new neighbour, and merging undoes it") {
    leaf_type far;
    for (std::size_t at = 1; at <= capacity; ++at) {
        filled_leaf left{0, capacity};
        filled_leaf right{0, 0};
        left.next = &far;
        left.split(at, right);
        must_hold(left, 0, at);
        must_hold(right, at, capacity - at);
        CHECK(left.next == &right);
        CHECK(right.next == &far);
        left.merge(right);
        must_hold(left, 0, capacity);
        CHECK(right.count == 0);
        CHECK(left.next == &far);
    }
}

TEST_CASE("balanced leaves hold the same number, whichever was fuller") {
    for (std::size_t in_left = 0; in_left <= capacity; ++in_left) {
        for (std::size_t in_right = 0; in_right <= capacity; ++in_right) {
            if (in_left + in_right < 2) continue;
            filled_leaf left{0, in_left};
            filled_leaf right{in_left, in_right};
            left.balance(right);
            const std::size_t here = (in_left + in_right) / 2;
            must_hold(left, 0, here);
            must_hold(right, here, in_left + in_right - here);
        }
    }
}

TEST_CASE("an inner node leads each key to its child") {
    filled_inner inner{0, capacity};
    must_hold(inner, 0, capacity);
    CHECK(inner.child_of("") == 0);
    CHECK(inner.child_of("zzz") == capacity - 1);
    const bytes removed = inner.erase(2);
    CHECK(removed.view() == key_of(3));
    CHECK(inner.count == capacity - 1);
    CHECK(inner.child_of(key_of(3)) == 2);
    CHECK(inner.child_of(key_of(4)) == 3);
    CHECK(inner.children[3]->level == 4);
}

TEST_CASE(
    "a split inner node gives up the separator between the halves, and merging takes it back") {
    for (std::size_t at = 1; at < capacity; ++at) {
        filled_inner left{0, capacity};
        inner_type right{1};
        bytes separator = left.split(at, right);
        CHECK(separator.view() == key_of(at));
        must_hold(left, 0, at);
        must_hold(right, at, capacity - at);
        left.merge(std::move(separator), right);
        must_hold(left, 0, capacity);
        CHECK(right.count == 0);
    }
}

TEST_CASE("balanced inner nodes hold the same number, and the separator is the one between them") {
    for (std::size_t in_left = 1; in_left <= capacity; ++in_left) {
        for (std::size_t in_right = 1; in_right <= capacity; ++in_right) {
            filled_inner left{0, in_left};
            filled_inner right{in_left, in_right};
            const std::size_t here = (in_left + in_right) / 2;
            const bytes separator = left.balance(bytes{key_of(in_left)}, right);
            CHECK(separator.view() == key_of(here));
            must_hold(left, 0, here);
            must_hold(right, here, in_left + in_right - here);
        }
    }
}

TEST_CASE(
    "the shortest separator is above the left key, not above the right, and no byte longer than it "
    "must be") {
    CHECK(shortest_separator("apple", "banana").view() == "b");
    CHECK(shortest_separator("abc", "abd").view() == "abd");
    CHECK(shortest_separator("ab", "abc").view() == "abc");
    CHECK(shortest_separator("", "x").view() == "x");
    CHECK(shortest_separator("key-1999", "key-2000").view() == "key-2");
}
