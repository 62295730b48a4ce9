// SPDX-License-Identifier: BSL-1.0
//
// Dense leaves as nodes: what they take and what becomes of them, how they are searched, and that
// damage of one is noticed.
#include "../../sanitized.hpp"
#include "slotted_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

using namespace mantis;
using namespace slotted_tests;

namespace {

std::string id_key(std::uint64_t number, std::string stem = std::string(6, '\1')) {
    stem.push_back(static_cast<char>(number >> 8 & 0xff));
    stem.push_back(static_cast<char>(number & 0xff));
    return stem;
}

// A dense leaf of these numbers, between the first one and `upper`.
struct dense : page {
    explicit dense(const std::vector<std::uint64_t>& numbers, std::size_t size = 4096,
                   const std::string& upper = "\2")
        : page{size, 3} {
        const std::string lower = numbers.empty() ? id_key(0) : id_key(numbers.front());
        detail::node_header like;
        detail::set_dense_key_bytes(like, 8);
        like.table = table.value;
        like.page = 3;
        detail::slotted_build made{size, like, {lower, upper}};
        for (const std::uint64_t number : numbers)
            made.append_entry({id_key(number), {}}, {"a value of 16 b."}, lsn{number});
        std::memcpy(data(), made.finish(), size);
        REQUIRE(damage() == "");
        REQUIRE(view().is_dense());
    }
    template <class T>
    void set(std::size_t offset, T value) {
        store_le(data() + offset, value);
    }
    void must_be_found(const char* what) const {
        const auto sound = verify_node(view(), owner());
        REQUIRE_FALSE(sound);
        CHECK(sound.error().subject().as<std::string>() == what);
    }
};

std::vector<std::uint64_t> ids(std::uint64_t from, std::uint64_t count, std::uint64_t step = 1) {
    std::vector<std::uint64_t> made;
    for (std::uint64_t i = 0; i < count; ++i) made.push_back(from + i * step);
    return made;
}
std::vector<std::string> keys_of(slotted_view<> view) {
    std::vector<std::string> keys;
    for (std::size_t at = 0; at < view.count(); ++at) {
        leaf_entry entry;
        REQUIRE(view.read_leaf_entry(at, entry));
        keys.push_back(joined(entry.key));
    }
    return keys;
}

// Offsets from docs/formats.md and not from the code.
constexpr std::size_t kind_at = 1, level_at = 2, heap_at = 6, holes_at = 8, prefix_at = 10,
                      key_bytes_at = 20, zero_at = 22, slots_at = 48;

}  // namespace

TEST_CASE("a dense leaf lies as docs/formats.md says") {
    const dense leaf{ids(0x102, 3), 512};
    const std::byte* const raw = leaf.data();
    CHECK(raw[kind_at] == std::byte{4});
    CHECK(load_le<std::uint16_t>(raw + level_at) == 0);
    CHECK(load_le<std::uint16_t>(raw + 4) == 3);
    CHECK(load_le<std::uint16_t>(raw + prefix_at) == 6);
    CHECK(load_le<std::uint16_t>(raw + key_bytes_at) == 8);
    CHECK(load_le<std::uint16_t>(raw + zero_at) == 0);
    for (std::size_t at = 0; at < 3; ++at) {
        const std::byte* const slot = raw + slots_at + 4 * at;
        const std::size_t offset = load_le<std::uint16_t>(slot);
        CHECK(slot[2] == std::byte{1});
        CHECK(slot[3] == std::byte(2 + at));
        CHECK(load_le<std::uint16_t>(raw + offset) == 16);
        CHECK(load_le<std::uint64_t>(raw + offset + 2) == 0x102 + at);
        CHECK(bytes_view{raw + offset + 10, 16} == bytes_view{"a value of 16 b."});
    }
    CHECK(leaf.view().bytes_used() == 48 + 3 * 30 + 8 + 1);
}

// Every second id from 0 on, behind "000000"; made with inserts into an empty leaf.
TEST_CASE("a dense leaf of version 1 is sound and holds what it held") {
    const char* const folder = std::getenv("MANTIS_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "MANTIS_FIXTURES names the folder tests/fixtures");
    page leaf{512, 1};
    std::ifstream file{std::string{folder} + "/node-v1/dense-leaf", std::ios::binary};
    REQUIRE(file.read(reinterpret_cast<char*>(leaf.data()), 512));
    const slotted_view<> view = leaf.view();
    REQUIRE(verify_node(view, {table_id{1}, 1}));
    CHECK(view.is_dense());
    REQUIRE(view.count() == 24);
    for (std::size_t at = 0; at < view.count(); ++at) {
        leaf_entry entry;
        REQUIRE(view.read_leaf_entry(at, entry));
        CHECK(joined(entry.key) == id_key(2 * at, "000000"));
        CHECK(entry.payload.value == bytes_view{"value"});
        CHECK(entry.version == lsn{7});
        CHECK(view.lower_bound(id_key(2 * at, "000000")).answer == node_answer::found);
        CHECK(view.lower_bound(id_key(2 * at + 1, "000000")).answer == node_answer::absent);
    }
}

TEST_CASE("a dense leaf finds the place of any key as an ordered list does, with ids missing") {
    std::mt19937_64 random{7};
    for (const std::uint64_t one_of : {1u, 2u, 5u, 900u}) {
        std::vector<std::uint64_t> numbers;
        for (std::uint64_t number = 0x1f0; numbers.size() < 60; ++number)
            if (random() % one_of == 0 && number < 0x10000) numbers.push_back(number);
        const dense leaf{numbers};
        const std::vector<std::string> keys = keys_of(leaf.view());
        const auto right = [&](const std::string& key) {
            const auto expected = std::lower_bound(
                keys.begin(), keys.end(), key,
                [](const std::string& a, const std::string& b) { return bytes_view{a} < b; });
            const node_place place = leaf.view().lower_bound(key);
            const bool there = expected != keys.end() && *expected == key;
            return place.at == static_cast<std::size_t>(expected - keys.begin()) &&
                   place.answer == (there ? node_answer::found : node_answer::absent);
        };
        for (std::uint64_t number = 0; number < 0x10000; ++number) REQUIRE(right(id_key(number)));
        for (const std::uint64_t number : numbers) {
            REQUIRE(right(id_key(number) + std::string(1, '\0')));
            REQUIRE(right(id_key(number) + "longer"));
            REQUIRE(right(id_key(number).substr(0, 7)));
        }
        for (const char* const other : {"", "\1", "\1\1\1\1\1\1", "\1\1\1\1\1\2\0\0", "\0", "b"})
            REQUIRE(right(other));
    }
}

TEST_CASE("a full leaf becomes dense where its keys allow it, and takes a third more of them") {
    for (const std::size_t size : page_sizes) {
        CAPTURE(size);
        page leaf{size, 3};
        leaf.node().init_leaf(leaf.owner(), {id_key(0), id_key(0xffff)});
        std::uint64_t count = 0;
        std::uint64_t ordinary = 0;
        while (leaf.node().insert(count, id_key(count), {""}, lsn{count})) {
            ++count;
            if (!leaf.view().is_dense()) ordinary = count;
        }
        CHECK(leaf.damage() == "");
        CHECK(leaf.view().is_dense());
        CHECK(count >= ordinary * 4 / 3);
        CHECK(leaf.view().free_bytes() < 14);
    }
    // Not where one key is longer, or has another beginning.
    for (const std::string& other : {id_key(3) + "x", id_key(3, std::string(5, '\1') + "\2")}) {
        page leaf{512, 3};
        leaf.node().init_leaf(leaf.owner(), {id_key(0), "\2"});
        const auto put = [&](const std::string& key) {
            return leaf.node().insert(leaf.view().lower_bound(key).at, key, {"value"}, lsn{1});
        };
        REQUIRE(put(other));
        for (std::uint64_t i = 0; put(id_key(i)); ++i) {}
        CHECK_FALSE(leaf.view().is_dense());
        CHECK(leaf.damage() == "");
    }
}

TEST_CASE("a key that a dense leaf does not take makes it an ordinary one, where that fits") {
    for (const std::string& other :
         {id_key(5) + "x", std::string(6, '\1'), std::string("\1\1\1\1\1\3"),
          id_key(5, std::string(6, '\1') + "mm")}) {
        dense leaf{ids(0, 60)};
        std::vector<std::string> expected = keys_of(leaf.view());
        const node_place place = leaf.view().lower_bound(other);
        if (bytes_view{other} < leaf.view().fences().lower) continue;
        REQUIRE(leaf.node().insert(place.at, other, {"v"}, lsn{9}));
        expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(place.at), other);
        CHECK(leaf.damage() == "");
        CHECK_FALSE(leaf.view().is_dense());
        CHECK(keys_of(leaf.view()) == expected);
    }
    dense full{ids(0, 130)};
    const std::vector<std::string> before = keys_of(full.view());
    CHECK_FALSE(full.node().insert(6, id_key(5) + "x", {"v"}, lsn{9}));
    CHECK(full.damage() == "");
    CHECK(full.view().is_dense());
    CHECK(keys_of(full.view()) == before);
}

namespace {

// Puts, erases and merges in one level of leaves; the model says what there is.
class dense_life {
public:
    dense_life(std::size_t page_bytes, std::uint64_t seed)
        : leaves_{page_bytes, 0}, limits_{page_bytes}, random_{seed} {}

    void run(std::size_t steps) {
        for (std::size_t step = 0; step < steps; ++step) {
            if (random_() % 5 < (step / limits_.page_bytes % 2 == 0 ? 4u : 2u)) put(step);
            else erase();
            if (step % 97 == 0) must_be_right();
        }
        must_be_right();
        CHECK(seen_dense_ > 20);
        CHECK(seen_ordinary_ > 20);
    }

private:
    std::string key() {
        const std::uint64_t number =
            0xfe00 + random_() % (limits_.page_bytes + 100);  // over the end of a stem, too
        std::string made(5, '\1');
        made.push_back(static_cast<char>(number >> 16));
        made = id_key(number, made);
        switch (random_() % limits_.page_bytes) {
            case 0: return made + "x";
            case 1: return made.substr(0, 7);
            case 2: return "\1";
            case 3: return made + std::string(random_() % (limits_.key_bytes() - 8), 'y');
            default: return made;
        }
    }
    void put(std::size_t step) {
        const std::string name = key();
        std::string value(random_() % 8 == 0 ? random_() % 60 : random_() % 6, 'v');
        if (!limits_.takes(name.size(), value.size())) value.clear();
        const std::size_t at = leaves_.put(name, {value}, lsn{step});
        REQUIRE(at < leaves_.size());
        REQUIRE(leaves_[at].damage() == "");
        model_[name] = {value, step};
    }
    void erase() {
        const std::string name = key();
        const std::size_t at = leaves_.index_of(name);
        const node_place place = leaves_[at].view().lower_bound(name);
        REQUIRE((place.answer == node_answer::found) == (model_.erase(name) == 1));
        if (place.answer != node_answer::found) return;
        leaves_[at].node().erase(place.at);
        REQUIRE(leaves_[at].damage() == "");
        if (leaves_[at].view().fill_percent() < 40 && leaves_.merge(at))
            REQUIRE(leaves_[at].damage() == "");
    }
    void must_be_right() {
        auto expected = model_.begin();
        for (std::size_t i = 0; i < leaves_.size(); ++i) {
            const slotted_view<> view = leaves_[i].view();
            REQUIRE(leaves_[i].damage() == "");
            ++(view.is_dense() ? seen_dense_ : seen_ordinary_);
            for (std::size_t at = 0; at < view.count(); ++at, ++expected) {
                leaf_entry entry;
                REQUIRE(view.read_leaf_entry(at, entry));
                REQUIRE(expected != model_.end());
                REQUIRE(joined(entry.key) == expected->first);
                REQUIRE(entry.payload.value == bytes_view{expected->second.first});
                REQUIRE(entry.version.value == expected->second.second);
            }
        }
        REQUIRE(expected == model_.end());
    }

    row leaves_;
    node_limits limits_;
    std::mt19937_64 random_;
    std::map<std::string, std::pair<std::string, std::uint64_t>> model_;
    std::size_t seen_dense_ = 0;
    std::size_t seen_ordinary_ = 0;
};

}  // namespace

TEST_CASE("leaves that become dense and ordinary again hold what a sorted map does") {
    for (const std::size_t size : {512u, 1024u, 4096u})
        for (std::uint64_t seed = 0; seed < 3; seed += one_in) {
            CAPTURE(size);
            CAPTURE(seed);
            dense_life{size, seed}.run(size * 8);
        }
}

TEST_CASE("dense leaves that are merged stay dense where their keys still allow it") {
    for (const bool same_stem : {true, false}) {
        const std::string middle = same_stem ? id_key(20) : id_key(0, std::string(5, '\1') + "\2");
        dense left{ids(0, 20), 4096, middle};
        page right{4096, 4};
        right.node().init_leaf(right.owner(), {middle, "\3"});
        REQUIRE(right.node().insert(0, middle, {"v"}, lsn{1}));
        const std::size_t bytes = left.node().bytes_merged(right.node());
        left.node().merge(right.node());
        CHECK(left.damage() == "");
        CHECK(left.view().bytes_used() == bytes);
        CHECK(left.view().is_dense() == same_stem);
        CHECK(left.view().count() == 21);
    }
}

TEST_CASE("verify finds a leaf whose kind is wrong, either way") {
    dense as_leaf{ids(7, 30)};
    as_leaf.set<std::uint8_t>(kind_at, 1);
    as_leaf.must_be_found("a field that should be zero");
    dense as_inner{ids(7, 30)};
    as_inner.set<std::uint8_t>(kind_at, 2);
    CHECK(as_inner.damage() != "");
    page ordinary{4096, 3};
    ordinary.node().init_leaf(ordinary.owner(), {id_key(7), "\2"});
    for (std::uint64_t i = 0; i < 30; ++i)
        REQUIRE(ordinary.node().insert(i, id_key(7 + i), {"v"}, lsn{i}));
    store_le<std::uint8_t>(ordinary.data() + kind_at, 4);
    CHECK(ordinary.damage() != "");
    // With a length, too, that would be right.
    store_le<std::uint16_t>(ordinary.data() + key_bytes_at,
                            static_cast<std::uint16_t>(2 + ordinary.view().header().prefix_bytes));
    CHECK(ordinary.damage() != "");
}

TEST_CASE("verify finds any damage to the header and slots of a dense leaf") {
    dense length{ids(7, 30)};
    length.set<std::uint16_t>(key_bytes_at, 9);
    length.must_be_found("slots, heap or fences that do not fit");
    dense prefix{ids(7, 30)};
    prefix.set<std::uint16_t>(prefix_at, 5);
    prefix.must_be_found("slots, heap or fences that do not fit");
    dense zero{ids(7, 30)};
    zero.set<std::uint16_t>(zero_at, 1);
    zero.must_be_found("a field that should be zero");
    dense level{ids(7, 30)};
    level.set<std::uint16_t>(level_at, 1);
    level.must_be_found("a level that is not of its kind");
    dense holes{ids(7, 30)};
    holes.set<std::uint16_t>(holes_at, 4);
    holes.must_be_found("free space is counted wrong");
    dense count{ids(7, 30)};
    count.set<std::uint16_t>(4, 1013);  // slots of 4 bytes behind 48, and one more
    count.must_be_found("slots, heap or fences that do not fit");
    CHECK(count.view().count() == 0);
    for (const unsigned offset : {0u, 47u, 4090u, 65535u}) {
        dense outside{ids(7, 30)};
        outside.set(slots_at + 4 * 5, static_cast<std::uint16_t>(offset));
        outside.must_be_found("an entry outside the heap");
    }
    dense overlap{ids(7, 30)};
    overlap.set<std::uint16_t>(slots_at + 4 * 5,
                               load_le<std::uint16_t>(overlap.data() + slots_at + 4 * 6));
    overlap.must_be_found("fences or entries that overlap");
    dense twin{ids(7, 30)};
    twin.set<std::uint8_t>(slots_at + 4 * 5 + 3, 7 + 6);
    twin.must_be_found("keys out of order");
    dense below{ids(7, 30)};
    below.set<std::uint8_t>(slots_at + 3, 6);
    below.must_be_found("a key outside the fences");
    dense above{ids(7, 30), 4096, id_key(7 + 30)};
    above.set<std::uint8_t>(slots_at + 4 * 29 + 3, 7 + 30);
    above.must_be_found("a key outside the fences");
    dense heap{ids(7, 30)};
    heap.set<std::uint16_t>(heap_at, 100);
    CHECK(heap.damage() != "");
}

TEST_CASE("a dense leaf with any bytes changed is never read outside of its page") {
    std::mt19937_64 random{3};
    std::size_t damaged = 0;
    std::size_t sum = 0;
    for (std::size_t round = 0; round < 20'000 / one_in; ++round) {
        dense leaf{ids(random() % 300, 10, 1 + random() % 40), 512};
        const std::size_t changes = 1 + random() % 4;
        for (std::size_t i = 0; i < changes; ++i) {
            const std::size_t at = random() % (random() % 3 == 0 ? 512 : 96);
            if (at != kind_at) leaf.set(at, static_cast<std::uint8_t>(random() % 256));
        }
        damaged += leaf.damage() != "";
        const slotted_view<> view = leaf.view();
        for (std::size_t at = 0; at <= view.count(); ++at) {
            leaf_entry entry;
            node_key key;
            if (view.read_leaf_entry(at, entry))
                for (const std::byte each : entry.payload.value)
                    sum += std::to_integer<std::size_t>(each);
            if (view.copy_key(at, key)) sum += view.lower_bound(key.view()).at;
        }
        for (std::uint64_t number = 0; number < 700; number += 13) {
            const node_place place = view.lower_bound(id_key(number));
            CHECK(place.at <= view.count());
        }
    }
    CHECK(damaged > 10'000 / one_in);
    CHECK(sum != 0);
}
