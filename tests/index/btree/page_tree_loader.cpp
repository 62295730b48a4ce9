// SPDX-License-Identifier: BSL-1.0
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/index/btree/page_tree_loader.hpp>
#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;
using loader = page_tree_loader<tree_of_posix::pool, tree_of_posix::numbers_type>;

constexpr std::size_t all_page_sizes[] = {512, 1024, 2048, 4096, 8192, 16384, 32768};

std::string load(tree_of_posix& all, const model& entries, page_tree_load_options options = {}) {
    auto into = loader::begin(all.tree, options);
    if (!into) return into.error().message().as<std::string>();
    for (const auto& [key, dated] : entries)
        if (auto in = into->append(key, dated.value, lsn{dated.version}); !in)
            return in.error().message().as<std::string>();
    const auto done = into->finish();
    if (!done) return done.error().message().as<std::string>();
    return *done == entries.size() ? "" : "another count";
}
std::string difference_after_load(tree_of_posix& all, const model& entries) {
    if (const std::string failed = load(all, entries); !failed.empty()) return failed;
    if (const std::string wrong = all.damage(); !wrong.empty()) return wrong;
    if (all.pages.stats().pinned != 0) return "a page is held";
    return difference(all.tree, entries);
}
// How many nodes but the root are less than two fifths full.
std::size_t underfull_nodes(tree_of_posix& all) {
    std::size_t found = 0;
    const auto seen = all.tree.verify([&](page_id page) -> result<void> {
        auto held = all.pages.pin(page);
        if (!held) return std::move(held).error();
        const slotted_view<> node{held->data(), all.pages.page_bytes()};
        const bool is_node = held->data()[1] != std::byte{detail::extent_kind};
        if (is_node && page != all.tree.root() && detail::is_underfull(node)) ++found;
        return success();
    });
    return seen ? found : ~std::size_t{0};
}
model counted(std::uint64_t count, std::size_t value_bytes) {
    model made;
    for (std::uint64_t i = 0; i < count; ++i)
        made[big_endian(i * 3)] = {std::string(value_bytes, static_cast<char>('a' + i % 26)), i};
    return made;
}
model drawn(std::mt19937_64& random, std::size_t page_bytes, std::size_t count, bool extents) {
    model made;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t size = extents && random() % 8 == 0
                                     ? drawn_size(random, page_bytes) % 100'000
                                 : random() % 3 == 0 ? random() % (page_bytes / 2)
                                                     : random() % 20;
        made[random_key(random, page_bytes / 8)] = {patterned(size, i), i};
    }
    return made;
}

}  // namespace

TEST_CASE("a loaded tree holds what a sorted map holds, in pages of every size, and goes on so") {
    for (const std::size_t page_bytes : all_page_sizes)
        for (const std::size_t frames : {3u, 2000u})
            for (std::uint64_t seed = 0; seed < 8; seed += one_in) {
                CAPTURE(page_bytes);
                CAPTURE(frames);
                CAPTURE(seed);
                std::mt19937_64 random{seed * 31 + page_bytes + frames};
                tree_of_posix all{page_bytes, frames};
                model expected = drawn(random, page_bytes, 1 + random() % 1500, seed % 2 == 0);
                REQUIRE(difference_after_load(all, expected) == "");
                for (std::uint64_t step = 0; step < 1000 / one_in; ++step) {
                    const std::string key = random_key(random, page_bytes / 8);
                    const auto near = expected.lower_bound(key);
                    if (random() % 2 == 0 && near != expected.end()) {
                        REQUIRE(all.tree.erase(near->first).value());
                        expected.erase(near);
                    } else {
                        const std::string value = patterned(random() % page_bytes, step);
                        REQUIRE(all.tree.put(key, value, lsn{step}));
                        expected[key] = {value, step};
                    }
                }
                REQUIRE(all.damage() == "");
                REQUIRE(difference(all.tree, expected) == "");
                REQUIRE(all.tree.erase_range({}, {}).value() == expected.size());
                REQUIRE(all.damage() == "");
                REQUIRE(all.tree.verify()->entries == 0);
            }
}

TEST_CASE("whatever the number of entries, the last nodes are not nearly empty either") {
    for (const std::size_t page_bytes : {512u, 1024u, 4096u})
        for (std::uint64_t count = 0; count < 2500; count += count < 100 ? 1 : 7 * one_in) {
            CAPTURE(page_bytes);
            CAPTURE(count);
            tree_of_posix all{page_bytes, 600};
            const model entries = counted(count, 8);
            REQUIRE(difference_after_load(all, entries) == "");
            REQUIRE(all.tree.verify()->entries == count);
            REQUIRE(underfull_nodes(all) == 0);
        }
}

TEST_CASE("keys that share much, and then suddenly nothing, are loaded into nodes that fit") {
    for (const std::size_t page_bytes : all_page_sizes)
        for (std::uint64_t seed = 0; seed < 60; seed += one_in) {
            CAPTURE(page_bytes);
            CAPTURE(seed);
            std::mt19937_64 random{seed * 7 + page_bytes};
            const std::size_t longest = page_bytes / 8;
            model entries;
            for (char group = 'a'; group < 'a' + 6; ++group) {
                // Groups with a prefix almost as long as a key may be.
                const std::string prefix(longest - 1 - random() % 4, group);
                for (std::uint64_t i = random() % 200; i-- != 0;) {
                    const std::string key = prefix + big_endian(i * 300).substr(6);
                    entries[key.substr(0, longest)] = {std::string(random() % 9, 'v'), i};
                }
                entries[std::string(1 + random() % longest, group)] = {"", 1};
            }
            tree_of_posix all{page_bytes, 700};
            REQUIRE(difference_after_load(all, entries) == "");
        }
}

TEST_CASE("nodes are as full as was asked for") {
    for (const std::size_t page_bytes : {1024u, 4096u, 16384u})
        for (const unsigned fill : {50u, 70u, 90u, 100u}) {
            tree_of_posix all{page_bytes, 2000};
            REQUIRE(load(all, counted(20'000, 20), {.fill_percent = fill}) == "");
            const auto seen = all.tree.verify().value();
            const std::uint64_t percent = seen.used_bytes * 100 / seen.page_bytes;
            CHECK(percent <= fill);
            CHECK(percent + 7 >= fill);
        }
}

TEST_CASE(
    "an entry that is not above the last one, or too large, is refused by name; others are "
    "not") {
    tree_of_posix all{512, 3};
    auto into = loader::begin(all.tree).value();
    REQUIRE(into.append("", "of nothing", lsn{1}));
    REQUIRE_FALSE(into.append("", "again", lsn{2}));
    REQUIRE(into.append("ab", "1", lsn{3}));
    for (const char* key : {"ab", "a", "aa", "aab", ""}) {
        const auto refused = into.append(key, "2", lsn{4});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == error_code::invalid_argument);
        const std::string named = *key == '\0' ? "" : " [" + std::string{key} + "]";
        CHECK(refused.error().message().as<std::string>().find("order" + named + " table") !=
              std::string::npos);
    }
    CHECK(into.append(std::string(65, 'k'), "", lsn{4}).error().code() == error_code::too_large);
    REQUIRE(into.append("ab\x01", "3", lsn{5}));
    REQUIRE(into.append("b", "4", lsn{6}));
    CHECK(all.tree.verify()->entries == 0);
    CHECK(into.finish().value() == 4);
    CHECK(all.damage() == "");
    const model left{
        {"", {"of nothing", 1}}, {"ab", {"1", 3}}, {"ab\x01", {"3", 5}}, {"b", {"4", 6}}};
    CHECK(difference(all.tree, left) == "");
}

TEST_CASE("what is given up leaves an empty tree, and no page") {
    for (const std::size_t frames : {3u, 300u})
        for (const std::uint64_t count : {0u, 1u, 10u, 2000u}) {
            tree_of_posix all{512, frames};
            {
                auto into = loader::begin(all.tree).value();
                for (const auto& [key, dated] : counted(count, 20))
                    REQUIRE(into.append(key, dated.value, lsn{dated.version}));
                if (count == 2000) {
                    REQUIRE(into.append("\xff", patterned(20'000, 1), lsn{1}));
                    REQUIRE(all.numbers.used_count() > 100);
                }
                auto moved = std::move(into);
            }
            CHECK(all.damage() == "");
            CHECK(all.numbers.used_count() == 1);
            CHECK(all.pages.stats().frames - all.pages.stats().free == 1);
            CHECK(load(all, counted(100, 3)) == "");
            CHECK(all.tree.verify()->entries == 100);
        }
}

TEST_CASE("only an empty tree is loaded") {
    tree_of_posix all{512, 30};
    auto late = loader::begin(all.tree).value();
    for (const auto& [key, dated] : counted(300, 20)) REQUIRE(late.append(key, "v", lsn{1}));
    REQUIRE(all.tree.put("key", "value", lsn{7}));
    CHECK(loader::begin(all.tree).error().code() == error_code::already_exists);
    const auto done = late.finish();
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == error_code::already_exists);
    CHECK(difference(all.tree, {{"key", {"value", 7}}}) == "");
    CHECK(all.damage() == "");
    // One that is empty again is empty.
    for (std::uint64_t i = 0; i < 200; ++i) REQUIRE(all.tree.put(big_endian(i), "v", lsn{i}));
    REQUIRE(all.tree.erase_range({}, {}));
    CHECK(difference_after_load(all, counted(300, 20)) == "");
}

TEST_CASE("a source of sorted entries is loaded as a whole or not at all") {
    tree_of_posix all{4096, 20};
    std::uint64_t handed_out = 0;
    std::string key;
    const auto source_of = [&](std::uint64_t failing_at) {
        handed_out = 0;
        return [&, failing_at](sorted_entry& entry) -> result<bool> {
            if (handed_out == failing_at) return error{error_code::io, "reading a row"};
            if (handed_out == 5000) return false;
            key = big_endian(handed_out++);
            entry = {key, "value", lsn{9}};
            return true;
        };
    };
    const auto failed = load_sorted(all.tree, source_of(4000));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == error_code::io);
    CHECK(all.numbers.used_count() == 1);
    CHECK(load_sorted(all.tree, source_of(6000), {.fill_percent = 100}).value() == 5000);
    CHECK(all.damage() == "");
    CHECK(all.tree.verify()->entries == 5000);
    CHECK(load_sorted(all.tree, source_of(0)).error().code() == error_code::already_exists);
}

TEST_CASE("what was loaded is there after it was written and opened again") {
    tree_of_posix all{1024, 4};
    std::mt19937_64 random{5};
    const model entries = drawn(random, 1024, 2000, true);
    REQUIRE(load(all, entries) == "");
    REQUIRE(all.pages.flush());
    tree_of_posix::pool again{all.disk, room_for<tree_of_posix::pool>(5, 1024)};
    auto opened = tree_of_posix::tree_type::open(again, all.numbers, table, all.tree.root());
    REQUIRE(opened);
    CHECK(difference(*opened, entries) == "");
}
