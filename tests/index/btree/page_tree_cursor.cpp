// SPDX-License-Identifier: BSL-1.0
#include "../../sanitized.hpp"
#include "tree_rig.hpp"

#include <mantis/index/btree/page_tree_cursor.hpp>
#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;

// Whether a cursor is where an iterator of the model is.
template <class Cursor>
bool is_on(const Cursor& cursor, const model& expected, model::const_iterator at) {
    if (at == expected.end()) return !cursor.is_on_entry();
    return cursor.is_on_entry() && cursor.key() == bytes_view{at->first} &&
           cursor.value() == bytes_view{at->second.value} &&
           cursor.version().value == at->second.version;
}

model filled(tree_of_posix& all, std::mt19937_64& random, std::size_t count) {
    model made;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string key = random_key(random, all.tree.max_key_bytes());
        REQUIRE(all.tree.put(key, std::to_string(i), lsn{i}));
        made[key] = {std::to_string(i), i};
    }
    return made;
}

}  // namespace

TEST_CASE("a cursor goes where an iterator of a sorted map goes, while both change") {
    for (const std::size_t page_bytes : {512u, 4096u}) {
        tree_of_posix all{page_bytes, page_bytes == 512 ? 4u : 50u};
        std::mt19937_64 random{page_bytes};
        model expected = filled(all, random, 300);
        page_tree_cursor cursor{all.tree};
        std::string here;
        bool on = false;
        for (std::uint64_t step = 0; step < 6000 / one_in; ++step) {
            const std::string key = random_key(random, all.tree.max_key_bytes());
            auto at = expected.end();
            switch (random() % 8) {
                case 0:
                    at = expected.lower_bound(key);
                    REQUIRE(cursor.seek(key).value() == (at != expected.end()));
                    break;
                case 1:
                    at = expected.lower_bound(key);
                    at = at == expected.begin() ? expected.end() : std::prev(at);
                    REQUIRE(cursor.seek_below(key).value() == (at != expected.end()));
                    break;
                case 2:
                case 3:
                    if (!on) continue;
                    at = expected.upper_bound(here);
                    REQUIRE(cursor.next().value() == (at != expected.end()));
                    break;
                case 4:
                case 5:
                    if (!on) continue;
                    at = expected.lower_bound(here);
                    at = at == expected.begin() ? expected.end() : std::prev(at);
                    REQUIRE(cursor.previous().value() == (at != expected.end()));
                    break;
                case 6:
                    REQUIRE(all.tree.put(key, "new", lsn{step}));
                    expected[key] = {"new", step};
                    continue;
                default:
                    at = expected.lower_bound(random() % 2 == 0 && on ? here : key);
                    if (at == expected.end()) continue;
                    REQUIRE(all.tree.erase(at->first).value());
                    expected.erase(at);
                    continue;
            }
            REQUIRE(is_on(cursor, expected, at));
            on = at != expected.end();
            if (on) here = at->first;
        }
    }
}

TEST_CASE("a cursor that went past an end comes back from there") {
    tree_of_posix all{512, 5};
    page_tree_cursor cursor{all.tree};
    CHECK_FALSE(cursor.next().value());
    CHECK_FALSE(cursor.seek_last().value());
    CHECK_FALSE(cursor.seek_first().value());
    for (std::uint64_t i = 0; i < 100; ++i) REQUIRE(all.tree.put(big_endian(i), "v", lsn{i}));
    REQUIRE(cursor.seek_last().value());
    CHECK(cursor.key() == bytes_view{big_endian(99)});
    CHECK_FALSE(cursor.next().value());
    CHECK_FALSE(cursor.next().value());
    CHECK_FALSE(cursor.is_on_entry());
    REQUIRE(cursor.previous().value());
    CHECK(cursor.key() == bytes_view{big_endian(99)});
    std::uint64_t seen = 1;
    while (cursor.previous().value()) ++seen;
    CHECK(seen == 100);
    CHECK_FALSE(cursor.previous().value());
    REQUIRE(cursor.next().value());
    CHECK(cursor.key() == bytes_view{big_endian(0)});
    CHECK(cursor.version() == lsn{0});
}

TEST_CASE("a cursor keeps what it came to, also when that is erased; steps in one leaf are cheap") {
    tree_of_posix all{4096, 20};
    for (std::uint64_t i = 0; i < 100; ++i) REQUIRE(all.tree.put(big_endian(i), "v", lsn{i}));
    page_tree_cursor cursor{all.tree};
    REQUIRE(cursor.seek(big_endian(3)).value());
    const auto before = all.pages.stats().hits;
    for (std::uint64_t i = 4; i < 50; ++i) {
        REQUIRE(cursor.next().value());
        CHECK(cursor.key() == bytes_view{big_endian(i)});
    }
    CHECK(all.pages.stats().hits == before);
    REQUIRE(all.tree.erase(big_endian(49)).value());
    CHECK(cursor.key() == bytes_view{big_endian(49)});
    CHECK(cursor.value() == bytes_view{"v"});
    REQUIRE(cursor.next().value());
    CHECK(cursor.key() == bytes_view{big_endian(50)});
    CHECK(all.pages.stats().hits > before);
    REQUIRE(cursor.previous().value());
    CHECK(cursor.key() == bytes_view{big_endian(48)});
}

TEST_CASE("backwards, a scan sees what it sees forwards") {
    for (const std::size_t frames : {3u, 100u}) {
        tree_of_posix all{512, frames};
        std::mt19937_64 random{5};
        const model expected = filled(all, random, 400);
        auto at = expected.end();
        REQUIRE(all.tree.scan_back([&](bytes_view key, bytes_view value, lsn) {
            --at;
            REQUIRE(key == bytes_view{at->first});
            REQUIRE(value == bytes_view{at->second.value});
            return true;
        }));
        CHECK(at == expected.begin());
        for (int i = 0; i < 100; ++i) {
            const std::string below = random_key(random, 64);
            at = expected.lower_bound(below);
            int left = 10;
            REQUIRE(all.tree.scan_back(below, [&](bytes_view key, bytes_view, lsn) {
                --at;
                REQUIRE(key == bytes_view{at->first});
                return --left != 0;
            }));
            CHECK((left == 0 || at == expected.begin()));
        }
    }
}

TEST_CASE("a range is erased, no more and no less, and its pages are given back") {
    std::mt19937_64 random{6};
    for (std::size_t round = 0; round < 60 / one_in + 2; ++round) {
        tree_of_posix all{512, round % 2 == 0 ? 3u : 100u};
        model expected = filled(all, random, 300);
        for (int i = 0; i < 3; ++i) {
            std::string from = random_key(random, 64);
            std::string to = random_key(random, 64);
            if (to < from && !to.empty() && random() % 4 != 0) std::swap(from, to);
            std::uint64_t count = 0;
            if (to.empty() || from < to)
                for (auto at = expected.lower_bound(from);
                     at != expected.end() && (to.empty() || at->first < to); ++count)
                    at = expected.erase(at);
            REQUIRE(all.tree.erase_range(from, to).value() == count);
            REQUIRE(all.damage() == "");
            REQUIRE(difference(all.tree, expected) == "");
        }
        REQUIRE(all.tree.erase_range({}, {}).value() == expected.size());
        CHECK(all.damage() == "");
        CHECK(all.tree.verify()->entries == 0);
        CHECK(all.numbers.used_count() == 1);
    }
}

TEST_CASE("an estimate is exact in one leaf, and near in a tree of even nodes") {
    tree_of_posix all{512, 100};
    CHECK(all.tree.estimate({}, {}).value() == 0);
    for (std::uint64_t i = 0; i < 4; ++i) REQUIRE(all.tree.put(big_endian(i), "v", lsn{i}));
    CHECK(all.tree.estimate({}, {}).value() == 4);
    CHECK(all.tree.estimate(big_endian(1), big_endian(3)).value() == 2);
    CHECK(all.tree.estimate(big_endian(3), big_endian(1)).value() == 0);
    for (std::uint64_t i = 4; i < 5000; ++i) REQUIRE(all.tree.put(big_endian(i), "v", lsn{i}));
    for (std::uint64_t from = 0; from < 4000; from += 500)
        for (std::uint64_t to = from + 200; to < 5000; to += 700) {
            const std::uint64_t about = all.tree.estimate(big_endian(from), big_endian(to)).value();
            CAPTURE(about);
            CHECK(about * 10 > (to - from) * 7);
            CHECK(about * 10 < (to - from) * 14);
        }
}

TEST_CASE("a cursor over steady keys sees each once in order, while others come and go") {
    for (std::uint64_t seed = 0; seed < 100; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            rig<simulated> all{512, 5 + seed % 20};
            for (std::uint64_t i = 0; i < 40; i += 4)
                REQUIRE(all.tree.put(big_endian(i), "steady", lsn{i}));
            simulated::thread writer{[&] {
                std::mt19937_64 random{seed};
                for (int i = 0; i < 40; ++i) {
                    const std::string key = big_endian(random() % 10 * 4 + 1 + random() % 3);
                    if (random() % 3 != 0) (void)all.tree.put(key, std::string(50, 'x'), lsn{1});
                    else (void)all.tree.erase(key);
                }
            }};
            page_tree_cursor cursor{all.tree};
            bool right = true;
            for (const bool down : {false, true}) {
                std::uint64_t steady = 0;
                bytes last;
                auto on = down ? cursor.seek_last() : cursor.seek_first();
                for (; on && *on; on = down ? cursor.previous() : cursor.next()) {
                    if (!last.empty() && (down ? cursor.key() >= last : cursor.key() <= last))
                        right = false;
                    last.assign(cursor.key());
                    if (cursor.value() == bytes_view{"steady"}) ++steady;
                }
                if (on && steady != 10) right = false;
                if (!on && on.error().code() != error_code::out_of_memory) right = false;
            }
            writer.join();
            CHECK(right);
            CHECK(all.damage() == "");
        });
    }
}
