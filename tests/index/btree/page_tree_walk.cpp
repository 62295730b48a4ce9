// SPDX-License-Identifier: BSL-1.0
#include "../../sanitized.hpp"
#include "extent_rig.hpp"
#include "tree_threads.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;
using walk_of_posix = page_tree_walk<tree_of_posix::pool, tree_of_posix::numbers_type>;

std::string behind(bytes_view key) { return key.as<std::string>() + std::string(1, '\0'); }

// What is wrong with a batch that should have what the model has from `from` on; `from` is then
// what comes behind it.
std::string difference(row_batch& rows, const model& expected, std::string& from,
                       const std::string& to, bool ended) {
    auto at = expected.lower_bound(from);
    for (; !rows.done(); rows.advance(), ++at) {
        if (at == expected.end() || (!to.empty() && at->first >= to)) return "a row too many";
        const batch_row row = rows.row();
        if (row.key != bytes_view{at->first}) return "another key";
        if (row.value != bytes_view{at->second.value}) return "another value";
        if (row.version.value != at->second.version) return "another version";
        from = behind(row.key);
    }
    const bool at_end = at == expected.end() || (!to.empty() && at->first >= to);
    // Who is full with the last row may say so first.
    if (ended && !at_end) return "rows are missing";
    return ended || rows.count() != 0 ? "" : "nothing was read, and yet there is more";
}

// Changes of a tree and its model: of single entries, and of many that lie together.
struct changed {
    tree_of_posix& all;
    std::mt19937_64& random;
    model expected = {};
    std::uint64_t next = 0;
    std::size_t most_value_bytes = 60;

    std::string drawn_key() {
        // Few first bytes, so that prefixes of all lengths come about.
        static const std::string starts[] = {"", "k", "the-same", "a-start-of-13",
                                             "a-start-of-21-bytes-"};
        std::string key = starts[random() % 5];
        for (std::size_t i = 0, size = random() % 12; i < size; ++i)
            key += static_cast<char>(random() % 3 == 0 ? random() : 'a' + random() % 3);
        return key;
    }
    void put(std::string key) {
        key.resize(std::min(key.size(), all.tree.max_key_bytes()));
        const std::string value = patterned(random() % most_value_bytes, ++next);
        REQUIRE(all.tree.put(key, value, lsn{next}));
        expected[key] = {value, next};
    }
    void erase(model::iterator at) {
        REQUIRE(all.tree.erase(at->first).value());
        expected.erase(at);
    }
    void fill(std::size_t count) {
        while (expected.size() < count) put(drawn_key());
    }
    // A run of entries near `key` goes, or comes: leaves are merged, freed, split and made again.
    void change_many(const std::string& key) {
        const bool comes = expected.size() < 100 || (expected.size() < 600 && random() % 2 == 0);
        for (std::size_t i = 0, most = random() % 60; i < most; ++i) {
            if (comes) {
                put(key.substr(0, random() % (key.size() + 1)) + drawn_key());
                continue;
            }
            auto at = expected.lower_bound(key);
            if (random() % 2 == 0 && at != expected.begin()) --at;
            if (at == expected.end()) return;
            erase(at);
        }
    }
    void change(const std::string& near) {
        switch (random() % 6) {
            case 0: put(near); break;
            case 1: put(drawn_key()); break;
            case 2:
                if (!expected.empty()) {
                    auto at = expected.lower_bound(near);
                    erase(at == expected.end() ? expected.begin() : at);
                }
                break;
            case 3: change_many(near); break;
            case 4: change_many(drawn_key()); break;
            default: break;
        }
    }
};

void walk_and_change(std::size_t page_bytes, std::size_t frames, std::size_t most_value_bytes,
                     std::uint64_t seed) {
    tree_of_posix all{page_bytes, frames};
    std::mt19937_64 random{seed};
    changed both{all, random};
    both.most_value_bytes = most_value_bytes;
    both.fill(300);
    row_batch rows;
    for (std::size_t round = 0; round < 400 / one_in; ++round) {
        CAPTURE(round);
        walk_of_posix walk{all.tree};
        std::string from = random() % 3 == 0 ? "" : both.drawn_key();
        std::string to = random() % 2 == 0 ? "" : both.drawn_key();
        const bool quiet = random() % 3 == 0;
        for (bool ended = false; !ended;) {
            rows.clear();
            const auto read = walk.read(from, to, 1 + random() % 900, rows);
            REQUIRE(read);
            ended = *read;
            REQUIRE(difference(rows, both.expected, from, to, ended) == "");
            for (std::size_t i = 0; !quiet && i < random() % 3; ++i) both.change(from);
        }
    }
    CHECK(all.damage() == "");
    CHECK(all.pages.stats().pinned == 0);
}

}  // namespace

TEST_CASE("a walk has what a sorted map has, while both change between its batches") {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        CAPTURE(seed);
        walk_and_change(512, 300, 60, seed);
        walk_and_change(4096, 300, 400, seed);
    }
}

TEST_CASE("the same where leaves and their parents leave memory meanwhile") {
    for (const std::uint64_t seed : {4u, 5u}) {
        CAPTURE(seed);
        walk_and_change(512, 4, 60, seed);
        walk_and_change(512, 12, 60, seed);
    }
}

TEST_CASE("the same with values in pages of their own") {
    walk_and_change(512, 300, 1500, 6);
    walk_and_change(512, 6, 1500, 7);
}

TEST_CASE("a walk in small batches looks at each leaf once, and seldom for one from the root") {
    tree_of_posix all{512, 2000};
    for (std::uint64_t i = 0; i < 3000; ++i) REQUIRE(all.tree.put(big_endian(i), "value", lsn{i}));
    const auto shape = all.tree.verify();
    REQUIRE(shape->height >= 3);
    const std::uint64_t before = all.pages.stats().hits;
    walk_of_posix walk{all.tree};
    row_batch rows;
    std::uint64_t count = 0;
    std::string from;
    for (bool ended = false; !ended;) {
        rows.clear();
        ended = walk.read(from, {}, 100, rows).value();
        for (; !rows.done(); rows.advance()) {
            REQUIRE(rows.row().key == bytes_view{big_endian(count)});
            REQUIRE(rows.row().version == lsn{count++});
            from = behind(rows.row().key);
        }
    }
    CHECK(count == 3000);
    // A leaf for each, and a descent for each inner node.
    const std::uint64_t pages = shape->leaves + shape->inner_nodes * shape->height;
    CHECK(all.pages.stats().hits - before <= pages);
}

TEST_CASE("the limit of a batch is kept, and a range that has no keys ends at once") {
    tree_of_posix all{512, 60};
    for (std::uint64_t i = 0; i < 100; ++i)
        REQUIRE(all.tree.put(big_endian(i), std::string(20, 'v'), lsn{i}));
    walk_of_posix walk{all.tree};
    row_batch rows;
    CHECK_FALSE(walk.read({}, {}, 1, rows).value());
    CHECK(rows.count() == 1);
    const std::size_t one = rows.held_bytes();
    CHECK_FALSE(walk.read(behind(big_endian(0)), {}, 5 * one, rows).value());
    CHECK(rows.count() == 5);
    // It is full already.
    CHECK_FALSE(walk.read(behind(big_endian(4)), {}, 5 * one, rows).value());
    CHECK(rows.count() == 5);
    for (const auto& [from, to] : {std::pair{50, 50}, std::pair{51, 50}}) {
        rows.clear();
        CHECK(walk_of_posix{all.tree}
                  .read(big_endian(static_cast<std::uint64_t>(from)),
                        big_endian(static_cast<std::uint64_t>(to)), 1000, rows)
                  .value());
        CHECK(rows.count() == 0);
    }
    tree_of_posix empty{512, 60};
    CHECK(walk_of_posix{empty.tree}.read({}, {}, 1000, rows).value());
    CHECK(rows.count() == 0);
}

TEST_CASE("after an error a walk may be asked again, from wherever") {
    using failing = rig<posix, page_test::history_source<posix>>;
    failing all{512, 4};
    model expected;
    for (std::uint64_t i = 0; i < 200; ++i) {
        REQUIRE(all.tree.put(big_endian(i), std::string(30, 'v'), lsn{i}));
        expected[big_endian(i)] = {std::string(30, 'v'), i};
    }
    page_tree_walk walk{all.tree};
    row_batch rows;
    std::string from;
    std::size_t failed = 0;
    for (std::size_t round = 0;; ++round) {
        all.disk.fail_reads_one_in = round % 2 == 0 ? 3 : 0;
        all.disk.salt = round;
        rows.clear();
        const auto read = walk.read(from, {}, 200, rows);
        if (!read) {
            CHECK(read.error().code() == error_code::io);
            ++failed;
            continue;
        }
        REQUIRE(difference(rows, expected, from, {}, *read) == "");
        if (*read) break;
    }
    CHECK(failed != 0);
}

TEST_CASE("300 seeds: walks beside writers see each key as its writer leaves it") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{20 + seed % 5 * 4, 2 + seed % 2, 60};
            threads.walk_bytes = 1 + seed % 4 * 150;
            threads.run(1 + seed % 3, 20, seed);
            CHECK(threads.damage() == "");
            CHECK(threads.refused.load() == 0);
        });
    }
}

TEST_CASE("300 seeds: the same while pages leave and come back") {
    for (std::uint64_t seed = 0; seed < 300; seed += one_in) {
        CAPTURE(seed);
        simulation world{seed, {.scheduling = drawn_schedule(seed)}};
        world.run([&] {
            tree_of_threads<simulated> threads{40, 2, 5 + seed % 6, seed % 2 == 0 ? 90u : 900u};
            threads.may_refuse = true;
            threads.walk_bytes = 1 + seed % 4 * 150;
            threads.run(2, 20, seed);
            CHECK(threads.damage() == "");
        });
    }
}

TEST_CASE("real threads walk, with ample frames and with a few") {
    for (const std::size_t frames : {200u, 16u}) {
        tree_of_threads<posix> threads{120, 2, frames};
        threads.may_refuse = frames < 100;
        threads.walk_bytes = 300;
        threads.run(2, 20'000 / one_in, frames);
        CHECK(threads.damage() == "");
    }
}
