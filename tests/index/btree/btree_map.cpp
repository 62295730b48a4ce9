// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/btree_map.hpp>

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using mantis::btree_map;

namespace {

struct tiny {
    static constexpr std::size_t leaf_bytes = 1;
    static constexpr std::size_t least_leaf_entries = 4;
    static constexpr std::size_t inner_children = 4;
};
struct odd {
    static constexpr std::size_t leaf_bytes = 1;
    static constexpr std::size_t least_leaf_entries = 7;
    static constexpr std::size_t inner_children = 5;
};
using stock = mantis::btree_map_config;

// A key or value that owns memory and counts itself, so that what is lost or destroyed twice shows.
class counted {
public:
    counted(int number) : number_{new int{number}} { ++alive; }
    counted(const counted& other) : counted{*other.number_} {}
    counted(counted&& other) noexcept : number_{other.number_} {
        other.number_ = new int{-1};
        ++alive;
    }
    counted& operator=(counted other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~counted() {
        delete number_;
        --alive;
    }
    [[nodiscard]] int number() const { return *number_; }
    friend bool operator<(const counted& a, const counted& b) { return a.number() < b.number(); }
    friend bool operator==(const counted& a, const counted& b) { return a.number() == b.number(); }

    static inline int alive = 0;

private:
    int* number_;
};

struct descending {
    bool operator()(int a, int b) const noexcept { return a > b; }
};

template <class Key>
Key make_key(std::uint64_t number) {
    return static_cast<Key>(number);
}
template <>
counted make_key<counted>(std::uint64_t number) {
    return {static_cast<int>(number)};
}
// Some with a long common beginning, some short, some that begin others.
template <>
std::string make_key<std::string>(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    switch (number % 4) {
        case 0: return "a common beginning of several words/" + digits;
        case 1: return digits;
        case 2: return std::string(number % 23, 'x');
        default: return "user" + digits + std::string(1, '\0');
    }
}

template <class Map>
void must_verify(const Map& map) {
    const auto sound = map.verify();
    REQUIRE_MESSAGE(sound, (sound ? ""
                                  : std::string{sound.error().message().chars(),
                                                sound.error().message().size()}));
}

template <class Map, class Model>
void must_equal(Map& map, const Model& model) {
    REQUIRE(map.size() == model.size());
    auto each = map.begin();
    for (const auto& [key, value] : model) {
        REQUIRE(each != map.end());
        REQUIRE(each->first == key);
        REQUIRE(each->second == value);
        ++each;
    }
    REQUIRE(each == map.end());
    for (auto back = model.rbegin(); back != model.rend(); ++back)
        REQUIRE((--each)->first == back->first);
    REQUIRE(each == map.begin());
}

// One step of a random program, done to the map and to the model.
template <class Map, class Model>
void step(Map& map, Model& model, std::mt19937_64& random, std::uint64_t keys, int value) {
    using key_type = typename Map::key_type;
    const key_type key = make_key<key_type>(random() % keys);
    switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
            const auto [at, made] = map.try_emplace(key, value);
            const auto expected = model.try_emplace(key, value);
            REQUIRE(made == expected.second);
            REQUIRE(at->second == expected.first->second);
            break;
        }
        case 3:
            map.insert_or_assign(key, value);
            model.insert_or_assign(key, value);
            break;
        case 4:
        case 5: REQUIRE(map.erase(key) == model.erase(key)); break;
        case 6: {
            const auto at = map.lower_bound(key);
            const auto expected = model.lower_bound(key);
            REQUIRE((at == map.end()) == (expected == model.end()));
            if (expected == model.end()) break;
            REQUIRE(at->first == expected->first);
            const auto next = map.erase(at);
            const auto after = model.erase(expected);
            REQUIRE((next == map.end()) == (after == model.end()));
            if (after != model.end()) REQUIRE(next->first == after->first);
            break;
        }
        default: {
            const auto at = map.upper_bound(key);
            const auto expected = model.upper_bound(key);
            REQUIRE((at == map.end()) == (expected == model.end()));
            if (expected != model.end()) REQUIRE(at->first == expected->first);
            REQUIRE(map.contains(key) == (model.count(key) == 1));
        }
    }
}

template <class Key, class Value, class Config>
void random_programs(std::uint64_t steps) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random{seed};
        const std::uint64_t keys = std::uint64_t{4} << (2 * (seed % 6));
        btree_map<Key, Value, mantis::less, Config> map;
        std::map<Key, Value> model;
        for (std::uint64_t i = 0; i < steps; ++i) {
            step(map, model, random, keys, static_cast<int>(i));
            if (i % (steps / 16) == 0) must_verify(map);
        }
        must_verify(map);
        must_equal(map, model);
    }
}

}  // namespace

TEST_CASE("a map of typed keys does what std::map does, whatever the keys and the nodes") {
    SUBCASE("numbers, tiny nodes") { random_programs<std::uint64_t, int, tiny>(4000); }
    SUBCASE("numbers, odd nodes") { random_programs<int, int, odd>(4000); }
    SUBCASE("numbers") { random_programs<std::uint32_t, int, stock>(8000); }
    SUBCASE("strings, tiny nodes") { random_programs<std::string, int, tiny>(4000); }
    SUBCASE("strings") { random_programs<std::string, int, stock>(4000); }
    SUBCASE("objects, tiny nodes") { random_programs<counted, counted, tiny>(3000); }
    SUBCASE("objects") { random_programs<counted, counted, stock>(4000); }
}

TEST_CASE("every key and value is destroyed once") {
    REQUIRE(counted::alive == 0);
    {
        btree_map<counted, counted, mantis::less, odd> map;
        for (int i = 0; i < 500; ++i) map.try_emplace(i * 7 % 500, i);
        CHECK(counted::alive >= 1000);
        auto copy = map;
        const auto moved = std::move(map);
        copy.clear();
        for (int i = 0; i < 250; ++i) copy.insert_or_assign(i, i);
        copy.erase(copy.begin(), copy.find(100));
        CHECK(copy.size() == 150);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("keys in ascending order fill leaves, in any order four fifths of them") {
    constexpr std::size_t count = 100'000;
    constexpr double entry = 16;
    btree_map<std::uint64_t, std::uint64_t> ascending;
    for (std::uint64_t i = 0; i < count; ++i) ascending[i] = i;
    must_verify(ascending);
    CHECK(static_cast<double>(ascending.memory_bytes()) < 1.2 * entry * count);

    btree_map<std::uint64_t, std::uint64_t> scattered;
    std::mt19937_64 random{1};
    while (scattered.size() < count) scattered[random()] = 1;
    must_verify(scattered);
    CHECK(static_cast<double>(scattered.memory_bytes()) < 1.45 * entry * count);
}

TEST_CASE("a range in order is appended, and any range is inserted once a key") {
    std::vector<std::pair<int, int>> entries;
    for (int i = 0; i < 1000; ++i) entries.emplace_back(i / 2, i);
    const btree_map<int, int, mantis::less, tiny> map(entries.begin(), entries.end());
    must_verify(map);
    REQUIRE(map.size() == 500);
    for (int i = 0; i < 500; ++i) REQUIRE(map.at(i) == 2 * i);

    std::vector<std::pair<int, int>> backwards(entries.rbegin(), entries.rend());
    const btree_map<int, int, mantis::less, tiny> other(backwards.begin(), backwards.end());
    must_verify(other);
    REQUIRE(other.size() == 500);
    for (int i = 0; i < 500; ++i) REQUIRE(other.at(i) == 2 * i + 1);
    CHECK_FALSE(map == other);
}

TEST_CASE("an order of one's own is the order of the map") {
    btree_map<int, char, descending, tiny> map{{1, 'a'}, {3, 'c'}, {2, 'b'}, {5, 'e'}, {4, 'd'}};
    must_verify(map);
    int expected = 5;
    for (const auto& [key, value] : map) {
        CHECK(key == expected--);
        CHECK(value == "?abcde"[key]);
    }
    CHECK(map.lower_bound(3)->first == 3);
    CHECK(map.upper_bound(3)->first == 2);
}

TEST_CASE("what can be compared with a key is looked for as it is") {
    btree_map<std::string, int> map{{"alice", 90}, {"bob", 10}};
    CHECK(map.find(std::string_view{"bob"})->second == 10);
    CHECK(map.contains("alice"));
    CHECK_FALSE(map.contains("alic"));
    CHECK(map.erase(std::string_view{"alice"}) == 1);
    CHECK(map.begin()->first == "bob");
}

TEST_CASE("arguments may lie in the map that is changed") {
    btree_map<int, std::string, mantis::less, tiny> map;
    map[0] = "long enough to lie outside of the string itself";
    for (int i = 1; i < 100; ++i) map.try_emplace(i, map.find(i - 1)->second);
    must_verify(map);
    for (const auto& [key, value] : map) REQUIRE(value == map.at(0));
}

TEST_CASE("copies are equal, moves leave nothing, swaps exchange") {
    btree_map<int, int> map;
    for (int i = 0; i < 1000; ++i) map[i * 17 % 1000] = i;
    auto copy = map;
    must_verify(copy);
    CHECK(copy == map);
    copy[5] = -1;
    CHECK_FALSE(copy == map);

    auto moved = std::move(map);
    CHECK(moved.size() == 1000);
    map.clear();
    CHECK(map.empty());
    CHECK(map.begin() == map.end());
    swap(map, moved);
    CHECK(map.size() == 1000);
    CHECK(moved.empty());
    moved = map;
    CHECK(moved == map);
    const auto [from, to] = map.equal_range(7);
    CHECK(from->first == 7);
    CHECK(to->first == 8);
    CHECK(map.count(7) == 1);
    CHECK(map.rbegin()->first == 999);
    CHECK((--map.rend())->first == 0);
}

TEST_CASE("ranges are erased, to the last entry") {
    for (const int from : {0, 1, 17, 255}) {
        for (const int to : {from, from + 1, 100, 255, 256}) {
            if (to < from) continue;
            btree_map<int, int, mantis::less, tiny> map;
            for (int i = 0; i < 256; ++i) map[i] = i;
            const auto behind = map.erase(map.lower_bound(from), map.lower_bound(to));
            must_verify(map);
            REQUIRE(map.size() == static_cast<std::size_t>(256 - (to - from)));
            REQUIRE((behind == map.end() || behind->first == to));
            for (int i = 0; i < 256; ++i) REQUIRE(map.contains(i) == (i < from || i >= to));
        }
    }
}

TEST_CASE("verify() tells a key out of order") {
    btree_map<int, int, mantis::less, tiny> map;
    for (int i = 0; i < 64; ++i) map[i] = i;
    must_verify(map);
    const_cast<int&>(map.find(30)->first) = 1000;
    CHECK_FALSE(map.verify());
}

static_assert(std::bidirectional_iterator<btree_map<int, int>::iterator>);
static_assert(std::bidirectional_iterator<btree_map<int, int>::const_iterator>);
static_assert(
    std::convertible_to<btree_map<int, int>::iterator, btree_map<int, int>::const_iterator>);
