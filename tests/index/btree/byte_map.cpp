// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/byte_map.hpp>
#include <mantis/index/btree/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <malloc.h>

using mantis::byte_map;
using mantis::bytes_view;
using mantis::lsn;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_A_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_A_SANITIZER 1
#endif
#endif

namespace {

// Sanitizers slow each operation down up to twenty-fold.
#if defined(UNDER_A_SANITIZER)
constexpr std::size_t slower = 8;
#else
constexpr std::size_t slower = 1;
#endif

struct tiny {
    static constexpr std::size_t leaf_entries = 4;
    static constexpr std::size_t inner_children = 4;
};
struct odd {
    static constexpr std::size_t leaf_entries = 7;
    static constexpr std::size_t inner_children = 5;
};
using stock = mantis::btree_config;

struct by_bytes {
    bool operator()(const std::string& a, const std::string& b) const {
        return bytes_view{a} < bytes_view{b};
    }
};
struct entry {
    std::string value;
    lsn version;
    bool operator==(const entry&) const = default;
};

// A key from a family; families differ in what they ask of heads and prefixes.
enum class keys { numbers, shared_prefix, long_prefix, awkward };

std::string make_key(keys family, std::uint64_t number, std::mt19937_64& random) {
    switch (family) {
        case keys::numbers: {
            std::string key(8, '\0');
            for (std::size_t i = 8; i-- > 0; number >>= 8) key[i] = static_cast<char>(number);
            return key;
        }
        case keys::shared_prefix: return "accounts/2026/" + std::to_string(number);
        case keys::long_prefix: return std::string(60, 'p') + std::to_string(number % 5000);
        case keys::awkward: break;
    }
    constexpr char alphabet[] = {'\0', '\1', 'a', '\xfe', '\xff'};
    std::string key;
    for (std::size_t left = random() % 10; left > 0; --left) key.push_back(alphabet[random() % 5]);
    return key;
}

// A tree and a std::map that must always agree.
template <class Config>
struct twins {
    byte_map<Config> tree;
    std::map<std::string, entry, by_bytes> model;
    std::mt19937_64 random;
    keys family;
    std::uint64_t key_range;
    std::uint64_t operations = 0;

    std::string any_key() { return make_key(family, random() % key_range, random); }

    void put() {
        const std::string key = any_key();
        const entry written{std::string(random() % 24, static_cast<char>('a' + random() % 26)),
                            lsn{++operations}};
        tree.put(key, written.value, written.version);
        model.insert_or_assign(key, written);
    }
    void erase() {
        ++operations;
        const std::string key = any_key();
        if (tree.erase(key) != (model.erase(key) == 1)) FAIL("erase disagrees");
    }
    void find() {
        ++operations;
        const std::string key = any_key();
        const auto expected = model.find(key);
        entry got;
        const bool found = tree.find(key, [&](bytes_view value, lsn version) {
            got = {value.as<std::string>(), version};
        });
        if (found != (expected != model.end())) FAIL("find disagrees");
        if (found && got != expected->second) FAIL("find gives another value");
    }
    void scan() {
        ++operations;
        const std::string from = any_key();
        auto expected = model.lower_bound(from);
        std::size_t left = random() % 20 + 1;
        tree.scan(from, [&](bytes_view key, bytes_view value, lsn version) {
            if (expected == model.end() || key != expected->first) FAIL("scan gives another key");
            if (value != expected->second.value || version != expected->second.version)
                FAIL("scan gives another value");
            ++expected;
            return --left != 0;
        });
        if (left != 0 && expected != model.end()) FAIL("scan ends early");
    }
    void run(std::size_t how_many, unsigned puts_percent, unsigned erases_percent) {
        for (std::size_t i = 0; i < how_many; ++i) {
            const unsigned draw = static_cast<unsigned>(random() % 100);
            if (draw < puts_percent) put();
            else if (draw < puts_percent + erases_percent) erase();
            else if (draw < 98) find();
            else scan();
        }
        must_agree();
    }
    void must_agree() const {
        const auto sound = verify(tree);
        if (!sound) FAIL(sound.error().message().template as<std::string>());
        REQUIRE(tree.count() == model.size());
        auto expected = model.begin();
        tree.scan("", [&](bytes_view key, bytes_view value, lsn) {
            if (key != expected->first || value != expected->second.value)
                FAIL("a full scan disagrees");
            ++expected;
            return true;
        });
        REQUIRE(expected == model.end());
    }
    void drain() {
        std::vector<std::string> left;
        for (const auto& [key, value] : model) left.push_back(key);
        std::shuffle(left.begin(), left.end(), random);
        for (const std::string& key : left) {
            if (!tree.erase(key)) FAIL("an entry is lost");
            model.erase(key);
            if (model.size() % 512 == 0) must_agree();
        }
        REQUIRE(tree.memory_bytes() == 0);
        REQUIRE(tree.height() == 0);
    }
};

template <class Config>
void must_behave_like_a_map(std::size_t scale) {
    scale /= slower;
    std::uint64_t seed = 0;
    for (const keys family :
         {keys::numbers, keys::shared_prefix, keys::long_prefix, keys::awkward}) {
        CAPTURE(static_cast<int>(family));
        twins<Config> both{.tree = {},
                           .model = {},
                           .random = std::mt19937_64{++seed},
                           .family = family,
                           .key_range = 20'000 / slower};
        both.run(scale, 70, 10);
        both.run(scale, 40, 40);
        both.run(scale, 10, 60);
        both.run(scale, 60, 10);
        both.drain();
        both.run(scale / 10, 90, 5);
    }
}

std::string numbered(std::size_t number) {
    std::string digits = std::to_string(number);
    return "key-" + std::string(8 - digits.size(), '0') + digits;
}

template <class Config>
void must_verify(const byte_map<Config>& tree) {
    const auto sound = verify(tree);
    REQUIRE_MESSAGE(sound, sound.error().message().template as<std::string>());
}

}  // namespace

TEST_CASE(
    "with nodes of four it behaves like a sorted map through half a million random operations") {
    must_behave_like_a_map<tiny>(30'000);
}
TEST_CASE("with nodes of odd sizes it behaves like a sorted map") {
    must_behave_like_a_map<odd>(15'000);
}
TEST_CASE("with the stock nodes it behaves like a sorted map") {
    must_behave_like_a_map<stock>(25'000);
}

TEST_CASE_TEMPLATE(
    "ascending, descending and both-ends order give the same sound tree, and any order empties it",
    Config, tiny, odd, stock) {
    constexpr std::size_t count = 3000;
    std::vector<std::size_t> up(count);
    for (std::size_t i = 0; i < count; ++i) up[i] = i;
    std::vector<std::size_t> down{up.rbegin(), up.rend()};
    std::vector<std::size_t> inwards;
    for (std::size_t i = 0; i < count / 2; ++i) inwards.insert(inwards.end(), {i, count - 1 - i});
    std::vector<std::size_t> outwards{inwards.rbegin(), inwards.rend()};
    for (const auto& puts : {up, down, inwards, outwards}) {
        for (const auto& erases : {up, down, inwards, outwards}) {
            byte_map<Config> tree;
            for (const std::size_t number : puts) tree.put(numbered(number), "v", lsn{number});
            must_verify(tree);
            REQUIRE(tree.count() == count);
            std::size_t left = count;
            for (const std::size_t number : erases) {
                REQUIRE(tree.erase(numbered(number)));
                if (--left % 250 == 0) must_verify(tree);
            }
            REQUIRE(tree.memory_bytes() == 0);
        }
    }
}

TEST_CASE("a queue that grows at one end and shrinks at the other stays sound and small") {
    byte_map<tiny> tree;
    for (std::size_t i = 0; i < 20'000; ++i) {
        tree.put(numbered(i), "value", lsn{i});
        if (i >= 100) REQUIRE(tree.erase(numbered(i - 100)));
        if (i % 1000 == 0) must_verify(tree);
    }
    CHECK(tree.count() == 100);
    CHECK(tree.height() <= 5);
}

TEST_CASE("ascending puts fill their leaves") {
    byte_map<stock> tree;
    constexpr std::size_t count = 64'000;
    for (std::size_t i = 0; i < count; ++i) tree.put(numbered(i), "v", lsn{});
    const std::size_t full_leaves = count / stock::leaf_entries * byte_map<stock>::leaf_bytes;
    CHECK(tree.memory_bytes() <
          count * mantis::detail::allocated_bytes(16 + 12 + 1) + full_leaves * 11 / 10);
    must_verify(tree);
}

TEST_CASE_TEMPLATE("entries between two keys are counted as a sorted map counts them", Config, tiny,
                   odd, mantis::btree_config) {
    byte_map<Config> counted;
    std::map<std::string, int> model;
    std::mt19937_64 random{7};
    const auto key = [&] { return std::to_string(random() % 700); };
    for (int step = 0; step < 3'000; ++step) {
        const std::string changed = key();
        if (random() % 3 == 0) counted.erase(changed), model.erase(changed);
        else counted.put(changed, "value", lsn{1}), model[changed] = 1;
        std::string from = random() % 8 == 0 ? "" : key();
        std::string to = random() % 8 == 0 ? "" : key();
        if (!to.empty() && to < from) std::swap(from, to);
        const auto end = to.empty() ? model.end() : model.lower_bound(to);
        const auto right = std::distance(model.lower_bound(from), end);
        REQUIRE(counted.count_between(from, to) == static_cast<std::size_t>(right));
    }
}

TEST_CASE("an empty key and an empty value are a key and a value") {
    byte_map<stock> tree;
    tree.put("", "", lsn{1});
    tree.put(mantis::bytes_view{"\0", 1}, "zero", lsn{2});
    bool empty = false;
    CHECK(tree.find(
        "", [&](bytes_view value, lsn version) { empty = value.empty() && version == lsn{1}; }));
    CHECK(empty);
    CHECK(tree.count() == 2);
    CHECK(tree.erase(""));
    CHECK_FALSE(tree.erase(""));
    CHECK(tree.count() == 1);
}

TEST_CASE("put replaces value and version, shorter, longer and the same length") {
    byte_map<stock> tree;
    std::uint64_t version = 9;  // an older version replaces a newer one too
    for (const char* value : {"first", "other", "a much longer value than before", "x", ""}) {
        tree.put("key", value, lsn{--version});
        CHECK(tree.find("key", [&](bytes_view got, lsn at) {
            CHECK(got == value);
            CHECK(at == lsn{version});
        }));
        must_verify(tree);
    }
    CHECK(tree.count() == 1);
}

TEST_CASE("an empty tree finds nothing, scans nothing and holds nothing") {
    const byte_map<stock> tree;
    CHECK_FALSE(tree.find("key", [](bytes_view, lsn) { FAIL("called"); }));
    tree.scan("", [](bytes_view, bytes_view, lsn) -> bool {
        FAIL("called");
        return true;
    });
    CHECK(tree.memory_bytes() == 0);
    must_verify(tree);
}

TEST_CASE("moving a tree moves its entries, and the one moved from is empty and usable") {
    byte_map<tiny> first;
    for (std::size_t i = 0; i < 100; ++i) first.put(numbered(i), "v", lsn{});
    byte_map<tiny> second{std::move(first)};
    CHECK(second.count() == 100);
    CHECK(first.count() == 0);  // NOLINT(bugprone-use-after-move)
    first.put("key", "v", lsn{});
    first = std::move(second);
    CHECK(first.count() == 100);
    must_verify(first);
}

#if defined(__GLIBC__) && !defined(UNDER_A_SANITIZER)
TEST_CASE("memory_bytes is what the allocator gave, within five percent") {
    const auto allocated = [] {
        const auto info = mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    const std::size_t before = allocated();
    byte_map<stock> tree;
    std::mt19937_64 random{11};
    for (int i = 0; i < 50'000; ++i)
        tree.put(std::to_string(random() % 40'000), std::string(random() % 200, 'v'), lsn{});
    for (int i = 0; i < 30'000; ++i) tree.erase(std::to_string(random() % 40'000));
    const double really = static_cast<double>(allocated() - before);
    CHECK(static_cast<double>(tree.memory_bytes()) == doctest::Approx(really).epsilon(0.05));
}
#endif
