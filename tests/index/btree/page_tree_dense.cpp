// SPDX-License-Identifier: BSL-1.0
//
// Trees of integer ids, whose leaves become dense: all that a tree does, beside a sorted map.
#include "../../sanitized.hpp"
#include "tree_rig.hpp"

#include <mantis/index/btree/page_tree_cursor.hpp>
#include <mantis/index/btree/page_tree_loader.hpp>
#include <mantis/index/btree/page_tree_walk.hpp>
#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;
using tree_type = tree_of_posix::tree_type;
using pool = tree_of_posix::pool;

struct leaf_count {
    std::size_t dense = 0;
    std::size_t ordinary = 0;

    [[nodiscard]] std::size_t all() const { return dense + ordinary; }
};
leaf_count leaves_of(tree_of_posix& all) {
    leaf_count found;
    const auto seen = all.tree.verify([&](page_id page) -> result<void> {
        return all.pages.read(page, [&](const auto& seen_page) {
            std::vector<std::uint64_t> words(all.pages.page_bytes() / 8);
            seen_page.copy(words.data(), 0, all.pages.page_bytes());
            const slotted_view<> view{reinterpret_cast<const std::byte*>(words.data()),
                                      all.pages.page_bytes()};
            if (view.malformed() || !view.is_leaf()) return;  // of an extent, or an inner node
            ++(view.is_dense() ? found.dense : found.ordinary);
        });
    });
    REQUIRE(seen);
    return found;
}

// Ids around the end of a stem, with other keys between them, are put and erased.
class life {
public:
    life(std::size_t page_bytes, std::uint64_t seed)
        : all_{page_bytes, 60}, random_{seed}, limits_{page_bytes}, ids_{page_bytes * 3} {}

    void run() {
        for (std::uint64_t id = 0; id < ids_; ++id)
            if (random_() % 4 != 0) put(big_endian(first + id), id);
        must_be_right();
        most_dense_ = leaves_of(all_).dense;
        for (std::size_t step = 0; step < 3 * ids_; ++step) {
            if (random_() % 10 < (step / ids_ == 1 ? 3u : 6u)) put(any_key(), step);
            else erase(any_key());
            if (step % ids_ == 0) must_be_right();
            if (step % (ids_ / 2) == 1) erase_range(step);
        }
        must_be_right();
        CHECK(most_dense_ > 3);
        CHECK(leaves_of(all_).ordinary > 0);
        while (!model_.empty()) {
            const std::string key = model_.begin()->first;
            auto at = model_.lower_bound(any_key());
            erase(at == model_.end() ? key : at->first);
        }
        CHECK(all_.damage() == "");
        CHECK(all_.numbers.used_count() == 1);
    }

private:
    static constexpr std::uint64_t first = 0x1f800;

    std::string any_key() {
        const std::string key = big_endian(first + random_() % ids_);
        switch (random_() % 300) {
            case 0: return key + "x";
            case 1: return key.substr(0, 7);
            case 2: return "other" + key;
            case 3: return key + std::string(limits_.key_bytes() - 8, 'y');
            case 4: return key.substr(0, 5);
            default: return key;
        }
    }
    void put(const std::string& key, std::uint64_t version) {
        std::size_t size = random_() % 12;
        if (random_() % 500 == 0) size = limits_.page_bytes * (1 + random_() % 2);
        else if (random_() % 50 == 0) size = random_() % (limits_.page_bytes / 8);
        const std::string value(size, static_cast<char>('a' + version % 26));
        tree_type::place_type at;
        if (random_() % 2 == 0) REQUIRE(all_.tree.prefetch(key, at));
        const auto is_new = all_.tree.put(key, value, lsn{version}, at);
        REQUIRE(is_new);
        REQUIRE(*is_new == (model_.count(key) == 0));
        model_[key] = {value, version};
    }
    void erase(std::string key) {  // which may be that of the entry
        REQUIRE(all_.tree.erase(key).value() == (model_.erase(key) == 1));
    }
    void erase_range(std::size_t step) {
        std::string from = any_key();
        std::string to = any_key();
        if (to < from) std::swap(from, to);
        if (step % 3 == 0) to = from.substr(0, 7) + "\xff";
        if (to <= from) return;
        const auto begin = model_.lower_bound(from);
        const auto end = model_.lower_bound(to);
        const auto count = static_cast<std::uint64_t>(std::distance(begin, end));
        if (count > ids_ / 8) return;
        REQUIRE(all_.tree.erase_range(from, to).value() == count);
        model_.erase(begin, end);
    }
    void must_be_right() {
        REQUIRE(all_.damage() == "");
        REQUIRE(difference(all_.tree, model_) == "");
        for (int i = 0; i < 50; ++i) REQUIRE(has(all_.tree, model_, any_key()));
        walk_is_right();
        downwards_is_right();
    }
    void walk_is_right() {
        const std::string from = any_key();
        auto at = model_.lower_bound(from);
        page_tree_walk walk{all_.tree};
        std::string next = from;
        for (bool ended = false; !ended;) {
            row_batch rows;
            const auto read = walk.read(next, {}, 200 + random_() % 2000, rows);
            REQUIRE(read);
            ended = *read;
            for (; !rows.done(); rows.advance(), ++at) {
                REQUIRE(at != model_.end());
                REQUIRE(rows.row().key == bytes_view{at->first});
                REQUIRE(rows.row().value == bytes_view{at->second.value});
                REQUIRE(rows.row().version.value == at->second.version);
                next = at->first + std::string(1, '\0');
            }
        }
        REQUIRE(at == model_.end());
    }
    void downwards_is_right() {
        auto at = model_.rbegin();
        REQUIRE(all_.tree.scan_back([&](bytes_view key, bytes_view value, lsn) {
            REQUIRE(at != model_.rend());
            REQUIRE(key == bytes_view{at->first});
            REQUIRE(value == bytes_view{at->second.value});
            ++at;
            return true;
        }));
        REQUIRE(at == model_.rend());
        page_tree_cursor cursor{all_.tree};
        const std::string key = any_key();
        const auto expected = model_.lower_bound(key);
        REQUIRE(cursor.seek(key).value() == (expected != model_.end()));
        if (expected != model_.end()) REQUIRE(cursor.key() == bytes_view{expected->first});
        REQUIRE(cursor.seek_below(key).value() == (expected != model_.begin()));
        if (expected == model_.begin()) return;
        REQUIRE(cursor.key() == bytes_view{std::prev(expected)->first});
    }

    tree_of_posix all_;
    std::mt19937_64 random_;
    node_limits limits_;
    std::uint64_t ids_;
    model model_;
    std::size_t most_dense_ = 0;
};

double bytes_per_entry(const tree_type& tree) {
    const auto seen = tree.verify();
    REQUIRE(seen);
    return static_cast<double>(seen->page_bytes) / static_cast<double>(seen->entries);
}

}  // namespace

TEST_CASE("a tree of ids holds what a sorted map does, with gaps, erases and other keys between") {
    for (const std::size_t size : {512u, 1024u, 4096u, 16384u})
        for (std::uint64_t seed = 1; seed < (size > 4096 ? 2u : 4u); seed += one_in) {
            CAPTURE(size);
            CAPTURE(seed);
            life{size, seed}.run();
        }
}

TEST_CASE("ids without values take 15 bytes each in pages of 4 KiB, put or loaded in order") {
    constexpr std::uint64_t count = 50'000;
    tree_of_posix put{4096, 600};
    for (std::uint64_t id = 0; id < count; ++id) REQUIRE(put.tree.put(big_endian(id), "", lsn{id}));
    CHECK(put.damage() == "");
    CHECK(bytes_per_entry(put.tree) < 15);
    tree_of_posix loaded{4096, 600};
    std::uint64_t next = 0;
    const auto done = load_sorted(loaded.tree,
                                  [&](sorted_entry& entry) -> result<bool> {
                                      static std::string key;
                                      key = big_endian(next);
                                      entry = {key, "", lsn{next}};
                                      return next++ < count;
                                  },
                                  {100});
    REQUIRE(done);
    CHECK(loaded.damage() == "");
    CHECK(bytes_per_entry(loaded.tree) < 15);
    for (std::uint64_t id = 0; id < count; id += 7)
        REQUIRE(loaded.tree
                    .find(big_endian(id),
                          [&](bytes_view, lsn version) { REQUIRE(version.value == id); })
                    .value());
}

// 250 entries of a dense leaf would take dozens of ordinary ones.
TEST_CASE("a long key among a full leaf of ids of the same length goes in, wherever it belongs") {
    for (const std::size_t size : {512u, 4096u, 16384u})
        for (const std::uint64_t place : {0u, 1u, 100u, 220u, 100'000u}) {
            CAPTURE(size);
            CAPTURE(place);
            tree_of_posix all{size, 60};
            const std::string stem(size / 8 - 8, 's');
            model expected;
            const auto put = [&](const std::string& key) {
                REQUIRE(all.tree.put(key, "v", lsn{3}).value());
                expected[key] = {"v", 3};
            };
            for (std::uint64_t id = 1; id < 4000; ++id) put(stem + big_endian(id));
            REQUIRE(leaves_of(all).dense > 2);
            const std::string near = stem + big_endian(place);
            put(near.substr(0, near.size() - 1));
            put(stem.substr(0, stem.size() - 1) + "t" + big_endian(place).substr(3));
            if (place != 0) put(near.substr(0, near.size() - 2) + "\xff");
            CHECK(all.damage() == "");
            CHECK(difference(all.tree, expected) == "");
        }
}

TEST_CASE("between two ids in one dense leaf the estimate is exact") {
    tree_of_posix all{4096, 60};
    for (std::uint64_t id = 0; id < 3000; ++id)
        if (id % 3 != 0) REQUIRE(all.tree.put(big_endian(id), "", lsn{1}));
    REQUIRE(leaves_of(all).dense > 5);
    CHECK(all.tree.estimate(big_endian(0x800), big_endian(0x810)).value() == 11);
    CHECK(all.tree.estimate(big_endian(0x801), big_endian(0x801)).value() == 0);
}

// The first split of it is done when there is no page for the next one.
TEST_CASE(
    "a key that wants a full leaf of ids split again, and finds no page, has changed no entry") {
    std::size_t refused = 0;
    std::size_t split_before = 0;
    for (std::size_t spare = 0; spare < 8; ++spare) {
        CAPTURE(spare);
        tree_of_posix all{4096, 60};
        const std::string stem(4096 / 8 - 9, 's');
        model expected;
        for (std::uint64_t id = 1; id < 4000; ++id) {
            REQUIRE(all.tree.put(stem + big_endian(id), "v", lsn{3}).value());
            expected[stem + big_endian(id)] = {"v", 3};
        }
        std::vector<page_id> taken;
        for (auto page = all.numbers.take(); page; page = all.numbers.take())
            taken.push_back(*page);
        for (std::size_t i = 0; i < spare; ++i) {
            all.numbers.give_back(taken.back());
            taken.pop_back();
        }
        const std::size_t leaves = leaves_of(all).all();
        // In the last leaf: an ordinary one there stores whole keys.
        const std::string key = stem + big_endian(3'980) + "x";
        if (const auto put = all.tree.put(key, "v", lsn{4}); put) {
            expected[key] = {"v", 4};
        } else {
            ++refused;
            CHECK(put.error().code() == error_code::no_space);
            if (leaves_of(all).all() != leaves) ++split_before;
        }
        for (const page_id page : taken) all.numbers.give_back(page);
        CHECK(all.damage() == "");
        CHECK(difference(all.tree, expected) == "");
    }
    CHECK(refused > split_before);
    CHECK(split_before > 0);
    CHECK(refused < 8);
}
