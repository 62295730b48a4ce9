// SPDX-License-Identifier: BSL-1.0
//
// Values that have pages of their own: what a sorted map does, for values of up to 100 pages.
#include "../../sanitized.hpp"
#include "extent_rig.hpp"

#include <mantis/platform/posix.hpp>

#include <functional>

using namespace tree_tests;

namespace {

using tree_of_posix = rig<posix>;

// Somebody does something whenever a page is loaded.
class meddling_source : public memory_source<posix> {
public:
    std::function<void()> meddle;

    result<void> read(page_id page, std::byte* into, std::size_t size) {
        if (meddle) meddle();
        return memory_source<posix>::read(page, into, size);
    }
};

// What a cursor sees in either direction.
template <class Tree>
std::string cursor_difference(const Tree& tree, const model& expected) {
    page_tree_cursor cursor{tree};
    const auto is = [&](const auto& at) {
        return cursor.key() == bytes_view{at->first} &&
               cursor.value() == bytes_view{at->second.value} &&
               cursor.version().value == at->second.version;
    };
    auto on = cursor.seek_first();
    for (auto at = expected.begin(); at != expected.end(); ++at, on = cursor.next())
        if (!on || !*on || !is(at)) return "another entry forwards";
    if (!on || *on) return "more entries forwards";
    on = cursor.seek_last();
    for (auto at = expected.rbegin(); at != expected.rend(); ++at, on = cursor.previous())
        if (!on || !*on || !is(at)) return "another entry backwards";
    return on && !*on ? "" : "more entries backwards";
}

class life {
public:
    life(std::size_t page_bytes, std::size_t frames, std::uint64_t seed)
        : all_{page_bytes, frames}, random_{seed} {}

    void run(std::size_t steps) {
        for (std::size_t step = 0; step < steps; ++step) {
            const std::uint64_t what = random_() % 10;
            if (what < 6) put(step);
            else if (what < 9 || model_.size() < 20) erase();
            else erase_range();
            if (step % (steps / 8) == 0) must_be_right();
        }
        must_be_right();
        const auto gone = all_.tree.erase_range({}, {});
        REQUIRE(gone);
        CHECK(*gone == model_.size());
        model_.clear();
        must_be_right();
        CHECK(all_.numbers.used_count() == 1);
        // What was freed has left its frame.
        CHECK(all_.pages.stats().frames - all_.pages.stats().free <= 1);
    }

private:
    std::string any_key() { return "key-" + std::string(random_() % 3, 'k') + number(); }
    std::string number() { return std::to_string(random_() % 30); }
    void put(std::uint64_t step) {
        const std::string key = any_key();
        const std::string value = patterned(drawn_size(random_, all_.pages.page_bytes()), step);
        REQUIRE(all_.tree.put(key, value, lsn{step}).value() == (model_.count(key) == 0));
        model_[key] = {value, step};
        REQUIRE(has(all_.tree, model_, key));
    }
    void erase() {
        const std::string key = any_key();
        const auto erased = all_.tree.erase(key);
        REQUIRE(erased);
        REQUIRE(*erased == (model_.erase(key) != 0));
        REQUIRE(has(all_.tree, model_, key));
    }
    void erase_range() {
        std::string from = any_key();
        std::string to = any_key();
        if (to < from) from.swap(to);
        const auto begin = model_.lower_bound(from);
        const auto end = model_.lower_bound(to);
        const auto count = static_cast<std::uint64_t>(std::distance(begin, end));
        const auto erased = all_.tree.erase_range(from, to);
        REQUIRE(erased);
        REQUIRE(*erased == count);
        model_.erase(begin, end);
    }
    void must_be_right() {
        REQUIRE(all_.damage() == "");
        REQUIRE(difference(all_.tree, model_) == "");
        REQUIRE(cursor_difference(all_.tree, model_) == "");
        std::uint64_t bytes_in_extents = 0;
        std::uint64_t extents = 0;
        const node_limits limits{all_.pages.page_bytes()};
        for (const auto& [key, entry] : model_) {
            if (limits.takes(key.size(), entry.value.size())) continue;
            ++extents;
            bytes_in_extents += entry.value.size();
        }
        const auto seen = all_.tree.verify().value();
        REQUIRE(seen.entries == model_.size());
        REQUIRE(seen.extents == extents);
        REQUIRE(seen.extent_bytes == bytes_in_extents);
        REQUIRE(all_.pages.stats().pinned == 0);
    }

    tree_of_posix all_;
    std::mt19937_64 random_;
    model model_;
};

}  // namespace

TEST_CASE("a tree holds values of up to 100 pages as a sorted map does, in pools of every size") {
    for (const std::size_t page_bytes : {512u, 1024u, 4096u, 16384u})
        for (const std::size_t frames : {3u, 9u, 500u}) {
            CAPTURE(page_bytes);
            CAPTURE(frames);
            life{page_bytes, frames, page_bytes + frames}.run(400 / one_in);
        }
}

TEST_CASE("an extent has just the pages that its value needs, and a value that fits has none") {
    for (const std::size_t page_bytes : {512u, 32768u}) {
        tree_of_posix all{page_bytes, 300};
        const std::string key = "key";
        const node_limits limits{page_bytes};
        std::size_t most = page_bytes / 4;
        while (!limits.takes(key.size(), most)) --most;
        const std::size_t room = page_bytes - 56;
        const auto pages_of = [&](std::size_t size) {
            const std::string value = patterned(size, size);
            REQUIRE(all.tree.put(key, value, lsn{size}));
            REQUIRE(has(all.tree, {{key, {value, size}}}, key));
            REQUIRE(all.damage() == "");
            const auto seen = all.tree.verify().value();
            CHECK(seen.extents == (seen.extent_pages == 0 ? 0 : 1));
            CHECK(seen.extent_bytes == (seen.extent_pages == 0 ? 0 : size));
            return seen.extent_pages;
        };
        CHECK(pages_of(0) == 0);
        CHECK(pages_of(most) == 0);
        CHECK(pages_of(most + 1) == 1);
        CHECK(pages_of(room) == 1);
        CHECK(pages_of(room + 1) == 2);
        CHECK(pages_of(2 * room) == 2);
        CHECK(pages_of(100 * room) == 100);
        CHECK(pages_of(room - 1) == 1);
        CHECK(pages_of(1) == 0);
        CHECK(all.numbers.used_count() == 1);
    }
}

TEST_CASE("the pages of an extent are what the format says") {
    tree_of_posix all{512, 30};
    const std::string value = patterned(1000, 7);
    REQUIRE(all.tree.put("a-key", value, lsn{9}));
    REQUIRE(all.pages.flush());
    std::vector<page_id> pages;
    REQUIRE(all.tree.verify([&](page_id page) {
        pages.push_back(page);
        return success();
    }));
    REQUIRE(pages.size() == 4);  // the root, and three with 456, 456 and 88 bytes
    const std::uint64_t checksum = crc32c::of(bytes_view{"a-key" + value});
    const bytes leaf = all.disk.image(pages[0]);
    const std::byte* const entry = leaf.data() + load_le<std::uint16_t>(leaf.data() + 112);
    CHECK(load_le<std::uint16_t>(entry) == (0x8000 | 16));
    const std::byte* const reference = entry + 10 + 5;
    CHECK(load_le<std::uint64_t>(reference) == pages[1].value);
    CHECK(load_le<std::uint32_t>(reference + 8) == 1000);
    CHECK(load_le<std::uint32_t>(reference + 12) == checksum);
    for (std::size_t i = 0; i < 3; ++i) {
        const bytes image = all.disk.image(pages[i + 1]);
        const std::byte* const raw = image.data();
        const std::size_t size = i < 2 ? 456 : 88;
        CHECK(raw[0] == std::byte{1});
        CHECK(raw[1] == std::byte{3});
        CHECK(load_le<std::uint16_t>(raw + 2) == 0);
        CHECK(load_le<std::uint32_t>(raw + 4) == i);
        CHECK(load_le<std::uint32_t>(raw + 8) == 1000);
        CHECK(load_le<std::uint32_t>(raw + 12) == checksum);
        CHECK(load_le<std::uint32_t>(raw + 16) == size);
        CHECK(load_le<std::uint32_t>(raw + 20) == 0);
        CHECK(load_le<std::uint64_t>(raw + 24) == table.value);
        CHECK(load_le<std::uint64_t>(raw + 32) == pages[i + 1].value);
        CHECK(load_le<std::uint64_t>(raw + 40) == pages[1].value);
        CHECK(load_le<std::uint64_t>(raw + 48) == (i < 2 ? pages[i + 2].value : 0));
        CHECK(image.view().part(56, size) == bytes_view{value}.part(456 * i, size));
    }
}

TEST_CASE("a value that replaces or follows a large one splits full leaves as any does") {
    for (const std::size_t frames : {3u, 100u}) {
        tree_of_posix all{512, frames};
        model expected;
        for (std::uint64_t i = 0; i < 200; ++i) {
            const std::string value = patterned(i % 2 == 0 ? 600 : 20, i);
            REQUIRE(all.tree.put(big_endian(i), value, lsn{i}));
            expected[big_endian(i)] = {value, i};
        }
        REQUIRE(all.damage() == "");
        for (std::uint64_t i = 0; i < 200; ++i) {  // longer in the leaf than a reference
            const std::string value = patterned(i % 2 == 0 ? 110 : 600, i);
            REQUIRE(all.tree.put(big_endian(i), value, lsn{i + 1000}));
            expected[big_endian(i)] = {value, i + 1000};
        }
        CHECK(all.damage() == "");
        CHECK(difference(all.tree, expected) == "");
        CHECK(all.tree.verify()->extents == 100);
    }
}

TEST_CASE("without numbers for all pages of a value none is taken, and nothing has changed") {
    tree_of_posix all{512, 20};
    model expected;
    REQUIRE(all.tree.put("large", patterned(2000, 1), lsn{1}));
    expected["large"] = {patterned(2000, 1), 1};
    std::vector<page_id> taken;
    for (auto page = all.numbers.take(); page; page = all.numbers.take()) taken.push_back(*page);
    for (std::size_t spare = 0; spare < 8; ++spare) {
        const auto put = all.tree.put("large", patterned(456 * 8, 2), lsn{2});
        REQUIRE_FALSE(put);
        CHECK(put.error().code() == error_code::no_space);
        CHECK(difference(all.tree, expected) == "");
        all.numbers.give_back(taken.back());
        taken.pop_back();
    }
    REQUIRE(all.tree.put("large", patterned(456 * 8, 2), lsn{2}));
    for (const page_id page : taken) all.numbers.give_back(page);
    CHECK(all.damage() == "");
    CHECK(difference(all.tree, {{"large", {patterned(456 * 8, 2), 2}}}) == "");
}

TEST_CASE("a value larger than the pool is read once, and replaced with two looks at it") {
    tree_of_posix all{512, 12};
    for (std::uint64_t i = 0; i < 3; ++i) {
        const std::string value = patterned(100 * 456, i);
        const std::uint64_t before = all.disk.reads();
        const std::uint64_t written = all.disk.writes();
        REQUIRE(all.tree.put("key", value, lsn{i}));
        CHECK(all.disk.reads() - before < (i == 0 ? 3 : 130));
        CHECK(all.disk.writes() - written < 115);
        const std::uint64_t then = all.disk.reads();
        REQUIRE(has(all.tree, {{"key", {value, i}}}, "key"));
        CHECK(all.disk.reads() - then < 115);
        CHECK(all.damage() == "");
    }
    const std::uint64_t before = all.disk.reads();
    CHECK(all.tree.erase("key").value());
    CHECK(all.disk.reads() - before < 130);
}

TEST_CASE(
    "who reads a large value is not disturbed by others that change their entries beside it") {
    rig<posix, meddling_source> all{512, 200};
    const std::string value = patterned(50 * 456, 1);
    REQUIRE(all.tree.put("large", value, lsn{1}));
    REQUIRE(all.tree.put("small", "0", lsn{2}));
    REQUIRE(all.pages.flush());
    rig<posix, meddling_source>::pool pages{all.disk, room_for<decltype(all)::pool>(200, 512)};
    auto tree = decltype(all)::tree_type::open(pages, all.numbers, table, all.tree.root());
    REQUIRE(tree);
    std::uint64_t loads = 0;
    all.disk.meddle = [&] { REQUIRE(tree->put("small", std::to_string(++loads), lsn{3})); };
    const auto found = tree->find("large", [&](bytes_view seen, lsn version) {
        CHECK(seen == bytes_view{value});
        CHECK(version == lsn{1});
    });
    all.disk.meddle = {};
    REQUIRE(found);
    CHECK(*found);
    CHECK(loads == 50);
    CHECK(tree->find("small", [](bytes_view seen, lsn) { CHECK(seen == bytes_view{"50"}); }));
}

TEST_CASE("who is called by find or scan may replace the value it is given") {
    tree_of_posix all{512, 5};
    for (std::uint64_t i = 0; i < 40; ++i)
        REQUIRE(all.tree.put(big_endian(i), patterned(700, i), lsn{i}));
    std::uint64_t seen = 0;
    REQUIRE(all.tree.scan({}, [&](bytes_view key, bytes_view value, lsn version) {
        REQUIRE(version.value == seen);
        REQUIRE(all.tree.put(key, patterned(1500, 1), lsn{1000}));
        if (seen % 2 == 0) REQUIRE(all.tree.erase(key).value());
        // Of the same leaf, in the copy of which it still is: it is not handed out any more.
        if (seen % 8 == 3) REQUIRE(all.tree.erase(big_endian(seen + 1)).value());
        REQUIRE(value == bytes_view{patterned(700, seen)});
        seen += seen % 8 == 3 ? 2 : 1;
        return true;
    }));
    CHECK(seen == 40);
    CHECK(all.damage() == "");
    page_tree_cursor cursor{all.tree};
    REQUIRE(cursor.seek_first().value());
    const std::string first{cursor.key().as<std::string>()};
    REQUIRE(all.tree.erase(cursor.key()).value());
    CHECK(cursor.value() == bytes_view{patterned(1500, 1)});
    CHECK(cursor.key() == bytes_view{first});
    CHECK(cursor.next().value());
    CHECK_FALSE(cursor.previous().value());
}

TEST_CASE("an opened tree knows the pages of its values") {
    tree_of_posix all{512, 10};
    for (std::uint64_t i = 0; i < 50; ++i)
        REQUIRE(all.tree.put(big_endian(i), patterned(i * 50, i), lsn{i}));
    REQUIRE(all.pages.flush());
    tree_of_posix::pool again{all.disk, room_for<tree_of_posix::pool>(5, 512)};
    tree_of_posix::numbers_type numbers{page_id{10'000}};
    auto opened = tree_of_posix::tree_type::open(again, numbers, table, all.tree.root());
    REQUIRE(opened);
    const auto seen = opened->verify([&](page_id page) { return numbers.note_used(page); });
    REQUIRE(seen);
    CHECK(seen->pages() == numbers.used_count());
    CHECK(numbers.used_count() == all.numbers.used_count());
    CHECK(opened->erase_range({}, {}).value() == 50);
    CHECK(numbers.used_count() == 1);
}
