// SPDX-License-Identifier: BSL-1.0
#include <mantis/index/btree/key_heads.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using mantis::bytes_view;
using mantis::detail::key_heads;
using namespace std::string_literals;

namespace {

// Keys with their heads, the way a node keeps them.
struct searched {
    std::vector<std::string> keys;
    key_heads<64> heads;

    auto key_at() const {
        return [this](std::size_t at) { return bytes_view{keys[at]}; };
    }
    mantis::detail::key_position search(bytes_view key) const {
        return heads.search(key, keys.size(), key_at());
    }
    void insert(const std::string& key) {
        const auto place = search(key);
        if (place.found) return;
        heads.insert(place.at, keys.size(), key);
        keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(place.at), key);
    }
    void erase(std::size_t at) {
        heads.erase(at, keys.size());
        keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(at));
    }
    void must_agree_with_the_keys() const {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            REQUIRE(bytes_view{keys[i]}.starts_with(heads.prefix()));
            REQUIRE(heads[i] ==
                    mantis::detail::head_of(bytes_view{keys[i]}.from(heads.prefix().size())));
        }
    }
    void must_find(const std::string& key) const {
        const auto less = [](const std::string& a, const std::string& b) {
            return bytes_view{a} < bytes_view{b};
        };
        const auto expected = std::lower_bound(keys.begin(), keys.end(), key, less);
        const auto place = search(key);
        REQUIRE(place.at == static_cast<std::size_t>(expected - keys.begin()));
        REQUIRE(place.found == (expected != keys.end() && *expected == key));
    }
};

std::string random_key(std::mt19937_64& random) {
    const std::string starts[] = {"", "common", "common prefix of all", std::string(60, 'p'),
                                  "\xff\xff\xff\xff\xff\xff\xff\xff"};
    std::string key = starts[random() % 5].substr(0, random() % 8 == 0 ? random() % 20 : 60);
    const std::string alphabet = "\0\1ab\xff"s;
    for (std::size_t left = random() % 12; left > 0; --left)
        key.push_back(alphabet[random() % alphabet.size()]);
    return key;
}

}  // namespace

TEST_CASE("a head is the first eight bytes as a number, padded with zeros") {
    using mantis::detail::head_of;
    CHECK(head_of("") == 0);
    CHECK(head_of("a") == 0x6100'0000'0000'0000);
    CHECK(head_of("abcdefgh") == 0x6162'6364'6566'6768);
    CHECK(head_of("abcdefghi") == head_of("abcdefgh"));
    CHECK(head_of("a\0"s) == head_of("a"));
}

TEST_CASE("keys that differ only after their heads, or by trailing zeros, are told apart") {
    searched node;
    for (const std::string& key :
         {"abcdefgh"s, "abcdefgh\0"s, "abcdefghi"s, "abcdefgh\0\0"s, "a"s, "a\0"s, ""s, "\0"s})
        node.insert(key);
    CHECK(node.keys.size() == 8);
    CHECK(std::is_sorted(
        node.keys.begin(), node.keys.end(),
        [](const std::string& a, const std::string& b) { return bytes_view{a} < bytes_view{b}; }));
    for (const std::string& key : node.keys) CHECK(node.search(key).found);
    CHECK_FALSE(node.search("abcdefg").found);
    CHECK_FALSE(node.search("abcdefgh\0\0\0"s).found);
}

TEST_CASE("heads of all ones are searched like any other") {
    searched node;
    for (std::size_t size = 6; size < 14; ++size) node.insert(std::string(size, '\xff'));
    for (std::size_t size = 0; size < 20; ++size) node.must_find(std::string(size, '\xff'));
}

TEST_CASE(
    "the prefix grows when that frees enough of the heads, and shrinks for a key without it") {
    searched node;
    node.insert("user-0001");
    node.insert("user-0002");
    CHECK(node.heads.prefix().empty());
    node.heads.grow_prefix(node.keys.size(), node.key_at());
    CHECK(node.heads.prefix() == "user-000");
    node.insert("user-0100");
    CHECK(node.heads.prefix() == "user-0");
    node.must_agree_with_the_keys();
    node.heads.grow_prefix(node.keys.size(), node.key_at());
    CHECK(node.heads.prefix() == "user-0");
    node.insert("v");
    CHECK(node.heads.prefix().empty());
    node.must_agree_with_the_keys();
    for (const char* key : {"", "t", "user", "user-0001", "user-00011", "user-0100", "v", "w"})
        node.must_find(key);
}

TEST_CASE(
    "whatever is inserted, erased, grown or rebuilt, a search finds the place that the keys say") {
    std::mt19937_64 random{9};
    for (int round = 0; round < 300; ++round) {
        searched node;
        for (int step = 0; step < 120; ++step) {
            const std::string key = random_key(random);
            const auto place = node.search(key);
            if (place.found && random() % 2 == 0) node.erase(place.at);
            else if (node.keys.size() < 64) node.insert(key);
            else node.erase(random() % 64);
            if (random() % 16 == 0) node.heads.grow_prefix(node.keys.size(), node.key_at());
            if (random() % 64 == 0) node.heads.rebuild(node.keys.size(), node.key_at());
            node.must_find(random_key(random));
            if (!node.keys.empty()) node.must_find(node.keys[random() % node.keys.size()]);
        }
        node.must_agree_with_the_keys();
    }
}
