// SPDX-License-Identifier: BSL-1.0
//
// Pages whose bytes changed on the way, pages in the place of others, pages that are gone.
#include "../../sanitized.hpp"
#include "tree_rig.hpp"

#include <mantis/index/btree/page_tree_walk.hpp>
#include <mantis/platform/posix.hpp>

using namespace tree_tests;

namespace {

using sound_tree = rig<posix>;
using pool = sound_tree::pool;
using tree_type = sound_tree::tree_type;

struct images {
    sound_tree all{512, 60};
    const page_id root = all.tree.root();
    std::vector<page_id> pages;  // all, the root first
    std::vector<std::string> keys;

    explicit images(std::uint64_t seed) {
        std::mt19937_64 random{seed};
        for (std::uint64_t i = 0; i < 260; ++i) {
            const std::string key =
                i % 3 == 0 ? random_key(random, 40) : "user-" + std::to_string(random() % 10'000);
            const std::size_t size = i % 10 == 0 ? 100 + random() % 1000 : random() % 30;
            REQUIRE(all.tree.put(key, std::string(size, 'v'), lsn{i}));
            if (random() % 3 == 0) REQUIRE(all.tree.erase(key).value());
            else keys.push_back(key);
        }
        REQUIRE(all.tree
                    .verify([&](page_id page) {
                        pages.push_back(page);
                        return success();
                    })
                    ->height >= 3);
        REQUIRE(all.pages.flush());
    }
    bytes image(page_id page) { return all.disk.image(page); }
    void put_back(page_id page, const bytes& image) { REQUIRE(all.disk.write(page, 1, image)); }
};

bool known(const error& failed) {
    // A child's number that is damaged may be beyond what a pool translates.
    return failed.code() == error_code::corrupt ||
           (failed.code() == error_code::out_of_memory && failed.number("limit") != nullptr);
}
template <class T>
bool right_or_known(const result<T>& done) {
    return done || known(done.error());
}

// Rows of a walk ascend between the two, whatever the size of its batches.
void walk_between(const tree_type& tree, std::mt19937_64& random, const std::string& from,
                  const std::string& to) {
    page_tree_walk walk{tree};
    row_batch rows;
    bytes next{from};
    for (bool ended = false; !ended;) {
        rows.clear();
        const auto read = walk.read(next, to, 1 + random() % 900, rows);
        CHECK(right_or_known(read));
        if (!read) return;
        ended = *read;
        for (; !rows.done(); rows.advance()) {
            const bytes_view key = rows.row().key;
            CHECK(next.view() <= key);
            CHECK((to.empty() || key < bytes_view{to}));
            next.assign(key);
            next.push_back('\0');
        }
    }
}

// Everything that can be asked is answered, or refused as corrupt; and whatever was changed then,
// what can be read ascends.
void use(images& of, std::mt19937_64& random) {
    pool pages{of.all.disk, room_for<pool>(200, 512)};
    sound_tree::numbers_type numbers{page_id{5000}};
    for (const page_id page : of.pages) REQUIRE(numbers.note_used(page));
    auto tree = tree_type::open(pages, numbers, table, of.root);
    if (!tree) {
        CHECK(tree.error().code() == error_code::corrupt);
        return;
    }
    CHECK(right_or_known(tree->verify()));
    const auto scan = [&] {
        bytes last;
        bool first = true;
        CHECK(right_or_known(tree->scan({}, [&](bytes_view key, bytes_view, lsn) {
            if (!first) CHECK(last.view() < key);
            first = false;
            last.assign(key);
            return true;
        })));
    };
    // From a place inside a leaf, in both directions.
    const auto scan_at = [&](const std::string& key) {
        bytes last{key};
        bool first = true;
        CHECK(right_or_known(tree->scan(key, [&](bytes_view at, bytes_view, lsn) {
            CHECK((first ? last.view() <= at : last.view() < at));
            first = false;
            last.assign(at);
            return true;
        })));
        last.assign(key);
        CHECK(right_or_known(tree->scan_back(key, [&](bytes_view at, bytes_view, lsn) {
            CHECK(at < last.view());
            last.assign(at);
            return true;
        })));
    };
    scan();
    for (int i = 0; i < 3; ++i)
        walk_between(*tree, random, of.keys[random() % of.keys.size()],
                     of.keys[random() % of.keys.size()]);
    for (int i = 0; i < 3; ++i) scan_at(of.keys[random() % of.keys.size()]);
    for (const std::string& key : of.keys) {
        CHECK(right_or_known(tree->find(key, [](bytes_view, lsn) {})));
        switch (random() % 4) {
            case 0:
                CHECK(right_or_known(tree->put(key, std::string(random() % 200, 'w'), lsn{1})));
                break;
            case 1: CHECK(right_or_known(tree->put(key + "x", "new", lsn{1}))); break;
            default: CHECK(right_or_known(tree->erase(key))); break;
        }
    }
    scan();
    CHECK(right_or_known(tree->erase_range(of.keys.front(), {})));
    CHECK(pages.stats().pinned == 0);
}

}  // namespace

TEST_CASE("bytes that changed anywhere are refused or harmless, in every call") {
    images of{1};
    std::mt19937_64 random{2};
    for (std::size_t round = 0; round < 6000 / one_in; ++round) {
        const page_id page = of.pages[random() % 4 == 0 ? 0 : random() % of.pages.size()];
        const bytes before = of.image(page);
        bytes changed = before;
        const std::size_t most = round % 2 == 0 ? 48 : 512;
        for (std::size_t i = 0; i < 1 + round % 3; ++i)
            changed[random() % most] = static_cast<std::byte>(random() % 3 == 0 ? 0 : random());
        CAPTURE(round);
        of.put_back(page, changed);
        use(of, random);
        of.put_back(page, before);
    }
}

TEST_CASE("a page in the place of another is corrupt, and so is one that is not there") {
    images of{3};
    for (const page_id page : of.pages) {
        const page_id other = page == of.root ? of.pages.back() : of.root;
        const bytes before = of.image(page);
        for (const bool zeros : {false, true}) {
            CAPTURE(page.value);
            of.put_back(page, zeros ? bytes::zeros(512) : of.image(other));
            pool pages{of.all.disk, room_for<pool>(200, 512)};
            sound_tree::numbers_type numbers{page_id{5000}};
            auto tree = tree_type::open(pages, numbers, table, of.root);
            if (page == of.root) {
                REQUIRE_FALSE(tree);
                CHECK(tree.error().code() == error_code::corrupt);
            } else {
                REQUIRE(tree);
                const auto seen = tree->verify();
                REQUIRE_FALSE(seen);
                CHECK(seen.error().code() == error_code::corrupt);
                CHECK(*seen.error().number("table") == table.value);
                CHECK(*seen.error().number("page") == page.value);
                const auto scanned =
                    tree->scan({}, [](bytes_view, bytes_view, lsn) { return true; });
                REQUIRE_FALSE(scanned);
                CHECK(scanned.error().code() == error_code::corrupt);
                CHECK(*scanned.error().number("page") == page.value);
            }
            of.put_back(page, before);
        }
    }
    CHECK(tree_type::open(of.all.pages, of.all.numbers, table_id{8}, of.root).error().code() ==
          error_code::corrupt);
    CHECK(tree_type::open(of.all.pages, of.all.numbers, table, of.pages[1]).error().code() ==
          error_code::corrupt);
}

TEST_CASE("a node that says it is another page, or another table's, is not believed") {
    images of{4};
    for (const page_id page : of.pages)
        for (const std::size_t field : {24u, 32u}) {
            const bytes before = of.image(page);
            bytes changed = before;
            changed[field] ^= std::byte{0x40};
            of.put_back(page, changed);
            pool pages{of.all.disk, room_for<pool>(200, 512)};
            sound_tree::numbers_type numbers{page_id{5000}};
            const auto tree = tree_type::open(pages, numbers, table, of.root);
            const auto scanned =
                tree ? tree->scan({}, [](bytes_view, bytes_view, lsn) { return true; })
                     : result<void>{tree.error()};
            REQUIRE_FALSE(scanned);
            CHECK(scanned.error().code() == error_code::corrupt);
            CHECK(*scanned.error().number("page") == page.value);
            of.put_back(page, before);
        }
}

TEST_CASE("an old image of a leaf that was split since is found by verifying") {
    sound_tree all{512, 60};
    std::uint64_t next = 0;
    while (all.tree.verify()->leaves < 4)
        REQUIRE(all.tree.put(big_endian(next += 16), "some value", lsn{1}));
    REQUIRE(all.pages.flush());
    std::vector<page_id> pages_of_tree;
    REQUIRE(all.tree.verify([&](page_id page) {
        pages_of_tree.push_back(page);
        return success();
    }));
    const page_id first = pages_of_tree[1];  // behind the root
    const bytes old = all.disk.image(first);
    const auto before = all.tree.verify()->leaves;
    for (std::uint64_t i = 1; all.tree.verify()->leaves == before; ++i)
        REQUIRE(all.tree.put(big_endian(16 + i), "some value", lsn{2}));
    REQUIRE(all.pages.flush());
    REQUIRE(all.disk.write(first, 1, old));
    pool pages{all.disk, room_for<pool>(60, 512)};
    auto tree = tree_type::open(pages, all.numbers, table, all.tree.root());
    REQUIRE(tree);
    const auto seen = tree->verify();
    REQUIRE_FALSE(seen);
    CHECK(seen.error().code() == error_code::corrupt);
    CHECK(*seen.error().number("page") == first.value);
}

TEST_CASE("a key behind the upper fence of its leaf is damage, and no row of a walk") {
    images of{4};
    std::size_t tried = 0;
    for (const page_id page : of.pages) {
        const bytes before = of.image(page);
        const slotted_view<> leaf{before.data(), 512};
        if (!leaf.is_leaf() || leaf.fences().upper.empty() || leaf.count() == 0) continue;
        const detail::node_slot last = leaf.slot(leaf.count() - 1);
        if (last.suffix_bytes < 4) continue;
        bytes changed = before;
        const std::size_t slot = leaf.slots_end(leaf.count() - 1);
        for (std::size_t i = 0; i < 4; ++i)
            changed[slot + 4 + i] = changed[last.offset + 10u + i] = std::byte{0xff};
        node_key forged;
        REQUIRE(slotted_view<>{changed.data(), 512}.copy_key(leaf.count() - 1, forged));
        if (forged.view() < leaf.fences().upper) continue;
        of.put_back(page, changed);
        pool pages{of.all.disk, room_for<pool>(200, 512)};
        sound_tree::numbers_type numbers{page_id{5000}};
        auto tree = tree_type::open(pages, numbers, table, of.root).value();
        page_tree_walk walk{tree};
        row_batch rows;
        const auto read = walk.read({}, {}, 1 * MiB, rows);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::corrupt);
        // Asked again, it does not go on where the damage is.
        const std::size_t held = rows.held_bytes();
        rows.clear();
        CHECK_FALSE(walk.read({}, {}, 1 * MiB, rows));
        CHECK(rows.held_bytes() == held);
        bytes above;
        for (; !rows.done(); rows.advance()) {
            CHECK(above.view() <= rows.row().key);
            above.assign(rows.row().key);
        }
        of.put_back(page, before);
        ++tried;
    }
    CHECK(tried > 5);
}
