// SPDX-License-Identifier: BSL-1.0
//
// Entries that are found where they were found before (page/detail/known_places.hpp).
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>

#include <unordered_map>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;

std::string row(std::size_t number) { return "row-" + std::to_string(1000 + number); }

// 200 rows, in nodes of three levels or more; row 77 is known.
struct known_row {
    tree_of_posix all{512, 200};
    std::string key = row(77);
    std::string value = "first";
    std::uint64_t version = 1;

    known_row() {
        for (std::size_t i = 0; i < 200; ++i)
            REQUIRE(all.tree.put(row(i), value + std::string(30, 'v'), lsn{1}));
        REQUIRE(all.tree.height().value() >= 3);
        put(all, "first", 1);
        find();
    }
    void put(tree_of_posix& in, const std::string& now, std::uint64_t at) {
        REQUIRE(in.tree.put(key, now, lsn{at}));
        value = now;
        version = at;
    }
    void find() {
        std::string seen;
        std::uint64_t of = 0;
        REQUIRE(all.tree
                    .find(key,
                          [&](bytes_view found, lsn at) {
                              seen = found.as<std::string>();
                              of = at.value;
                          })
                    .value());
        CHECK(seen == value);
        CHECK(of == version);
    }
    // How many pages a find takes.
    std::uint64_t pages_of_find() {
        const std::uint64_t before = all.pages.stats().hits;
        find();
        return all.pages.stats().hits - before;
    }
};

}  // namespace

TEST_CASE("an entry that was found is found again without a way down") {
    known_row one;
    CHECK(one.pages_of_find() == 1);
    SUBCASE("by who puts it, and it stays known") {
        tree_of_posix::tree_type::place_type at;
        const std::uint64_t before = one.all.pages.stats().hits;
        REQUIRE(one.all.tree.prefetch(one.key, at));
        CHECK(one.all.pages.stats().hits - before == 1);
        CHECK_FALSE(one.all.tree.put(one.key, "fresh", lsn{2}, at).value());
        one.value = "fresh";
        one.version = 2;
        CHECK(one.pages_of_find() == 1);
    }
}

TEST_CASE("what is known of an entry does no harm once its leaf has changed") {
    known_row one;
    auto& tree = one.all.tree;
    SUBCASE("another value") { one.put(one.all, "second", 2); }
    SUBCASE("a value in pages of its own") { one.put(one.all, std::string(3000, 'x'), 2); }
    SUBCASE("entries before it, and splits") {
        for (std::size_t i = 0; i < 50; ++i)
            REQUIRE(tree.put(row(76) + std::to_string(i), std::string(60, 'w'), lsn{3}));
    }
    SUBCASE("merges") {
        for (std::size_t i = 0; i < 200; ++i)
            if (i != 77) REQUIRE(tree.erase(row(i)).value());
        REQUIRE(tree.height().value() == 1);
    }
    SUBCASE("its page in another frame") {
        for (std::uint64_t page = 5000; page < 5300; ++page) REQUIRE(one.all.pages.make({page}));
    }
    if (tree.height().value() != 1) CHECK(one.pages_of_find() != 1);
    one.find();
    REQUIRE(tree.erase(one.key).value());
    CHECK_FALSE(tree.find(one.key, [](bytes_view, lsn) {}).value());
    REQUIRE(tree.put(one.key, "again", lsn{9}).value());
    one.value = "again";
    one.version = 9;
    one.find();
    one.find();
}

TEST_CASE("keys that are known by one name are told apart") {
    constexpr std::size_t frames = 30;
    tree_of_posix all{512, frames};
    const detail::tree_descent<tree_of_posix::pool, tree_of_posix::numbers_type> way{
        {&all.pages, &all.numbers, table, all.tree.root()}};
    std::unordered_map<std::uint64_t, std::string> by_name;
    std::size_t pairs = 0;
    for (std::uint64_t i = 0; i < 300'000 && pairs < 5; ++i) {
        const std::string key = std::to_string(1'000'000 + i);
        const place_name name = way.name_of(bytes_view{key});
        const std::uint64_t bucket = ((name.hash >> 32) * frames) >> 32;
        const auto [at, is_new] = by_name.emplace(bucket << 24 | (name.hash & 0xff'ffff), key);
        if (is_new) continue;
        ++pairs;
        const std::string& other = at->second;
        REQUIRE(all.tree.put(key, "new", lsn{1}));
        REQUIRE(all.tree.put(other, "old", lsn{2}));
        for (int round = 0; round < 200; ++round)
            for (const auto& [wanted, value] : {std::pair{key, "new"}, std::pair{other, "old"}})
                CHECK(all.tree.find(wanted, [&](bytes_view found, lsn) { CHECK(found == value); })
                          .value());
    }
    CHECK(pairs == 5);
}

TEST_CASE(
    "an id of a dense leaf is known, and told from the others there, whatever is put and erased") {
    tree_of_posix all{512, 200};
    std::map<std::uint64_t, std::uint64_t> model;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        REQUIRE(all.tree.put(big_endian(i), std::to_string(i), lsn{1}));
        model[i] = i;
    }
    std::uint64_t drawn = 1;
    std::uint64_t pages = 0;
    std::uint64_t finds = 0;
    for (int turn = 0; turn < 40'000; ++turn) {
        drawn = drawn * 6364136223846793005 + 1442695040888963407;
        const std::uint64_t number =
            (drawn >> 33) % 8 == 0 ? (drawn >> 40) % 2000 : (drawn >> 40) % 16;
        const std::string key = big_endian(number);
        if ((drawn >> 36) % 64 == 0) {
            CHECK(all.tree.erase(key).value() == (model.erase(number) == 1));
        } else if ((drawn >> 36) % 64 == 1) {
            CHECK(all.tree.put(key, std::to_string(drawn), lsn{2}).value() ==
                  !model.contains(number));
            model[number] = drawn;
        }
        const std::uint64_t before = all.pages.stats().hits;
        const bool there =
            all.tree
                .find(key,
                      [&](bytes_view found, lsn) {
                          CHECK(found.as<std::string>() == std::to_string(model.at(number)));
                      })
                .value();
        CHECK(there == model.contains(number));
        pages += all.pages.stats().hits - before;
        ++finds;
    }
    CHECK(all.tree.height().value() >= 2);
    CHECK(pages < finds * 2);  // a way down is three
}
