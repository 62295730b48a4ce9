// SPDX-License-Identifier: BSL-1.0
#include "../../sanitized.hpp"
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;

// Random operations on a tree and on a sorted map.
class life {
public:
    life(std::size_t page_bytes, std::size_t frames, std::uint64_t seed)
        : all_{page_bytes, frames}, random_{seed}, limits_{page_bytes} {}

    void run(std::size_t steps) {
        std::size_t puts_of_ten = 7;
        for (std::size_t step = 0; step < steps; ++step) {
            if (step % (steps / 6) == 0) puts_of_ten = puts_of_ten == 7 ? 3 : 7;
            if (random_() % 10 < puts_of_ten) put(step);
            else erase();
            if (step % 37 == 0) {
                const std::string key = random_key(random_, limits_.key_bytes());
                REQUIRE(has(all_.tree, model_, key));
            }
            if (step % (steps / 12) == 0) must_be_right();
        }
        must_be_right();
        while (!model_.empty()) {
            auto at = model_.lower_bound(random_key(random_, limits_.key_bytes()));
            if (at == model_.end()) at = model_.begin();
            REQUIRE(all_.tree.erase(at->first).value());
            model_.erase(at);
        }
        must_be_right();
        REQUIRE(all_.numbers.used_count() == 1);
        REQUIRE(all_.tree.verify()->height == 1);
    }

private:
    void put(std::uint64_t step) {
        const std::string key = random_key(random_, limits_.key_bytes());
        std::size_t most = limits_.page_bytes / 4;
        while (!limits_.takes(key.size(), most)) --most;
        const std::size_t size = random_() % 4 == 0 ? random_() % (most + 1) : random_() % 20;
        const std::string value(size < most ? size : most, static_cast<char>('a' + step % 26));
        // Half of them where they were found, or at a place of long ago.
        place& at = places_[random_() % places_.size()];
        if (at.key != key && random_() % 2 == 0) at = {key, {}};
        if (at.key == key && random_() % 3 == 0) REQUIRE(all_.tree.prefetch(key, at.at));
        if (at.key == key && random_() % 3 == 0)
            REQUIRE(all_.tree.find(
                key, [](bytes_view, lsn) {}, at.at));
        auto is_new = at.key == key ? all_.tree.put(key, value, lsn{step}, at.at)
                                    : all_.tree.put(key, value, lsn{step});
        REQUIRE(is_new.value() == (model_.count(key) == 0));
        model_[key] = {value, step};
        REQUIRE(has(all_.tree, model_, key));
    }
    void erase() {
        std::string key = random_key(random_, limits_.key_bytes());
        const auto near = model_.lower_bound(key);
        if (random_() % 8 != 0 && near != model_.end()) key = near->first;
        const auto erased = all_.tree.erase(key);
        REQUIRE(erased);
        REQUIRE(*erased == (model_.erase(key) != 0));
        REQUIRE(has(all_.tree, model_, key));
    }
    void must_be_right() {
        REQUIRE(all_.damage() == "");
        REQUIRE(difference(all_.tree, model_) == "");
        REQUIRE(all_.tree.verify()->entries == model_.size());
        REQUIRE(all_.pages.stats().pinned == 0);
    }

    tree_of_posix all_;
    std::mt19937_64 random_;
    node_limits limits_;
    model model_;
    struct place {
        std::string key;
        tree_of_posix::tree_type::place_type at;
    };
    std::vector<place> places_{8};
};

}  // namespace

TEST_CASE("a tree holds what a sorted map holds, in pages of every size and pools of every size") {
    for (const std::size_t page_bytes : {512u, 1024u, 4096u, 16384u, 32768u})
        for (const std::size_t frames : {3u, 4u, 7u, 1000u}) {
            if (page_bytes > 4096 && frames == 4) continue;
            CAPTURE(page_bytes);
            CAPTURE(frames);
            life{page_bytes, frames, page_bytes + frames}.run(6000 / one_in);
        }
}

TEST_CASE("an empty tree is one leaf, in which nothing is found") {
    tree_of_posix all{512, 3};
    CHECK_FALSE(all.tree.find("a", [](bytes_view, lsn) { FAIL("found"); }).value());
    CHECK_FALSE(all.tree.find({}, [](bytes_view, lsn) { FAIL("found"); }).value());
    CHECK_FALSE(all.tree.erase("a").value());
    CHECK(difference(all.tree, {}) == "");
    const auto seen = all.tree.verify().value();
    CHECK(seen.leaves == 1);
    CHECK(seen.height == 1);
    CHECK(seen.inner_nodes == 0);
    CHECK(seen.entries == 0);
    CHECK(seen.used_bytes == 112);
    CHECK(seen.page_bytes == 512);
    CHECK(all.tree.max_key_bytes() == 64);
}

TEST_CASE("a place is good until its leaf changes or leaves its frame, and does no harm then") {
    tree_of_posix all{512, 3};
    const auto nothing = [](bytes_view, lsn) {};
    const auto reads = [&] { return all.pages.stats().hits + all.pages.stats().misses; };
    tree_of_posix::tree_type::place_type at;
    CHECK_FALSE(at.is_there());
    REQUIRE_FALSE(all.tree.find("b", nothing, at).value());
    CHECK(at.is_there());
    auto before = reads();
    REQUIRE(all.tree.prefetch("b", at));
    CHECK(reads() == before);  // nothing was looked for
    CHECK(all.tree.put("b", "1", lsn{1}, at).value());
    CHECK_FALSE(at.is_there());
    CHECK_FALSE(all.tree.put("b", "22", lsn{2}, at).value());  // as if there were none
    REQUIRE(all.tree.prefetch("b", at));
    CHECK(at.is_there());
    SUBCASE("another entry of the leaf") { REQUIRE(all.tree.put("a", "1", lsn{3})); }
    SUBCASE("the leaf is split, and split again") {
        for (std::uint64_t i = 0; i < 300; ++i) REQUIRE(all.tree.put(big_endian(i), "1", lsn{3}));
    }
    SUBCASE("the entry has gone") { REQUIRE(all.tree.erase("b").value()); }
    SUBCASE("its value has pages of its own") {
        REQUIRE(all.tree.put("b", std::string(3000, 'x'), lsn{3}));
        CHECK_FALSE(at.is_there());
        REQUIRE(all.tree.prefetch("b", at));
        REQUIRE(all.tree.find("b", nothing, at).value());
    }
    SUBCASE("the page is in another frame") {
        for (std::uint64_t page = 900; page < 906; ++page) REQUIRE(all.pages.make({page}));
    }
    CHECK_FALSE(at.is_there());
    const bool was_there = all.tree.find("b", nothing).value();
    CHECK(all.tree.put("b", "333", lsn{4}, at).value() == !was_there);
    CHECK(all.tree
              .find("b",
                    [](bytes_view value, lsn version) {
                        CHECK(value == bytes_view{"333"});
                        CHECK(version == lsn{4});
                    })
              .value());
    CHECK(all.damage() == "");
}

TEST_CASE("ascending keys leave full leaves behind, and come back in order") {
    tree_of_posix all{4096, 500};
    for (std::uint64_t i = 0; i < 20'000; ++i)
        REQUIRE(all.tree.put(big_endian(i), std::string(100, 'v') + big_endian(~i), lsn{i}));
    CHECK(all.damage() == "");
    const auto seen = all.tree.verify().value();
    CHECK(seen.entries == 20'000);
    CHECK(seen.height == 3);
    CHECK(seen.used_bytes * 100 / seen.page_bytes > 90);
    std::uint64_t next = 777;
    REQUIRE(all.tree.scan(big_endian(777), [&](bytes_view key, bytes_view value, lsn version) {
        CHECK(key == bytes_view{big_endian(next)});
        CHECK(value.from(100) == bytes_view{big_endian(~next)});
        CHECK(version.value == next);
        return ++next < 1777;
    }));
    CHECK(next == 1777);
}

TEST_CASE("keys put in ascending or descending order and erased in the other leave one leaf") {
    for (const bool down : {false, true})
        for (const std::size_t frames : {3u, 300u}) {
            tree_of_posix all{512, frames};
            const std::uint64_t count = 2000 / one_in;
            for (std::uint64_t i = 0; i < count; ++i)
                REQUIRE(all.tree.put(big_endian(down ? count - 1 - i : i), "value", lsn{i}));
            REQUIRE(all.damage() == "");
            REQUIRE(all.tree.verify()->entries == count);
            for (std::uint64_t i = 0; i < count; ++i)
                REQUIRE(all.tree.erase(big_endian(down ? i : count - 1 - i)).value());
            CHECK(all.damage() == "");
            CHECK(all.numbers.used_count() == 1);
            CHECK(all.tree.verify()->height == 1);
            // What was merged away has left its frame.
            CHECK(all.pages.stats().frames - all.pages.stats().free == 1);
        }
}

TEST_CASE("the root keeps its number while the tree grows and shrinks, and names it for opening") {
    tree_of_posix all{512, 10};
    const page_id root = all.tree.root();
    for (std::uint64_t i = 0; i < 500; ++i) REQUIRE(all.tree.put(big_endian(i), "value", lsn{i}));
    REQUIRE(all.pages.flush());
    tree_of_posix::pool again{all.disk, room_for<tree_of_posix::pool>(5, 512)};
    tree_of_posix::numbers_type numbers{page_id{10'000}};
    auto opened = tree_of_posix::tree_type::open(again, numbers, table, root);
    REQUIRE(opened);
    const auto seen = opened->verify([&](page_id page) { return numbers.note_used(page); });
    REQUIRE(seen);
    CHECK(seen->entries == 500);
    CHECK(numbers.used_count() == all.numbers.used_count());
    for (std::uint64_t i = 0; i < 500; ++i) REQUIRE(opened->erase(big_endian(i)).value());
    CHECK(numbers.used_count() == 1);
    CHECK(opened->root() == root);
}

TEST_CASE("who is called by find or scan may use the tree") {
    tree_of_posix all{512, 3};
    for (std::uint64_t i = 0; i < 200; ++i) REQUIRE(all.tree.put(big_endian(i), "1", lsn{i}));
    std::uint64_t seen = 0;
    REQUIRE(all.tree.scan({}, [&](bytes_view key, bytes_view, lsn) {
        REQUIRE(all.tree.put(key, "another value", lsn{1000}));
        if (seen++ % 2 == 0) REQUIRE(all.tree.erase(key).value());
        return true;
    }));
    CHECK(seen == 200);
    REQUIRE(all.tree.find(big_endian(1), [&](bytes_view value, lsn) {
        CHECK(value == bytes_view{"another value"});
        REQUIRE(all.tree.erase(big_endian(1)).value());
        CHECK(value == bytes_view{"another value"});
    }));
    CHECK(all.tree.verify()->entries == 99);
}

TEST_CASE("keys and values that are too large are refused, with numbers") {
    tree_of_posix all{512, 3};
    const auto long_key = all.tree.put(std::string(65, 'k'), {}, lsn{1});
    REQUIRE_FALSE(long_key);
    CHECK(long_key.error().code() == error_code::too_large);
    CHECK(*long_key.error().number("key_bytes") == 65);
    const std::byte small{};
    const bytes_view huge{&small, tree_of_posix::tree_type::max_value_bytes + 1};  // never read
    CHECK(all.tree.put("k", huge, lsn{1}).error().code() == error_code::too_large);
    CHECK_FALSE(all.tree.takes("k", huge));
    CHECK(all.tree.takes("k", huge.first(huge.size() - 1)));
    REQUIRE(all.tree.put(std::string(64, 'k'), {}, lsn{1}));
    CHECK_FALSE(all.tree.find(std::string(65, 'k'), [](bytes_view, lsn) {}).value());
    CHECK_FALSE(all.tree.erase(std::string(500, 'k')).value());
    CHECK(all.tree.verify()->entries == 1);
}

TEST_CASE("no number, no split: nothing has changed, and it goes on when there is one") {
    tree_of_posix all{512, 20};
    std::vector<page_id> taken;
    for (auto page = all.numbers.take(); page; page = all.numbers.take()) taken.push_back(*page);
    std::uint64_t next = 0;
    model expected;
    for (;; ++next) {
        const auto put = all.tree.put(big_endian(next), "value", lsn{next});
        if (!put) {
            CHECK(put.error().code() == error_code::no_space);
            break;
        }
        expected[big_endian(next)] = {"value", next};
    }
    CHECK(next > 5);
    CHECK(difference(all.tree, expected) == "");
    all.numbers.give_back(taken.back());
    taken.pop_back();
    CHECK_FALSE(all.tree.put(big_endian(next), "value", lsn{next}));  // a root wants two
    CHECK(difference(all.tree, expected) == "");
    for (const page_id page : taken) all.numbers.give_back(page);
    CHECK(all.damage() == "");
    CHECK(all.tree.put(big_endian(next), "value", lsn{next}));
    CHECK(all.damage() == "");
}
