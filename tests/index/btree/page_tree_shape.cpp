// SPDX-License-Identifier: BSL-1.0
//
// What a page_tree tells of its levels, nodes and fill without reading all of it.
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>
#include <mantis/platform/simulated.hpp>

#include <cstring>

using namespace tree_tests;

namespace {

std::string key_of(std::uint64_t number) { return big_endian(number * 7919 % 1'000'003) + "-key"; }
template <class Rig>
void put(Rig& one, std::uint64_t number, std::size_t value_bytes) {
    const std::string value(value_bytes, static_cast<char>('a' + number % 26));
    REQUIRE(one.tree.put(bytes_view{key_of(number)}, bytes_view{value}, {number + 1}));
}

}  // namespace

TEST_CASE("the shape of a tree is what a look at every page finds; its fill is nearly that") {
    for (const std::size_t page_bytes : {512U, 1024U, 4096U}) {
        for (const std::uint64_t rows : {0U, 1U, 40U, 700U, 9000U}) {
            CAPTURE(page_bytes);
            CAPTURE(rows);
            rig<posix> one{page_bytes, 3000};
            for (std::uint64_t number = 0; number < rows; ++number)
                put(one, number, 20 + number % 50);
            std::uint64_t used = 0;
            const auto add_leaf = [&](page_id page) -> result<void> {
                auto held = one.pages.pin(page);
                const slotted_view<> node{held->data(), page_bytes};
                used += node.is_leaf() ? node.bytes_used() : 0;
                return success();
            };
            const page_tree_stats all = one.tree.verify(add_leaf).value();
            const index_shape seen = one.tree.shape().value();
            CHECK(seen.page_bytes == page_bytes);
            CHECK(seen.height == all.height);
            CHECK(seen.leaves == all.leaves);
            CHECK(seen.inner_nodes == all.inner_nodes);
            CHECK(seen.value_pages == 0);
            CHECK(seen.bytes() == all.pages() * page_bytes);
            const std::uint64_t fill = used * 100 / (all.leaves * page_bytes);
            const std::uint64_t off = all.leaves <= 128 ? 0 : 3;
            CHECK(seen.fill_percent + off >= fill);
            CHECK(seen.fill_percent <= fill + off);
        }
    }
}

TEST_CASE("pages of large values are counted by the leaves that are read: few leaves, exactly") {
    rig<posix> one{1024, 4000};
    for (std::uint64_t number = 0; number < 300; ++number)
        put(one, number, number % 10 == 3 ? 5'000 : 60);
    const page_tree_stats few = one.tree.verify().value();
    REQUIRE(few.leaves < 128);
    CHECK(few.extent_pages == 30 * 6);
    CHECK(one.tree.shape().value().value_pages == few.extent_pages);

    for (std::uint64_t number = 300; number < 4'000; ++number)
        put(one, number, number % 10 == 3 ? 5'000 : 60);
    const page_tree_stats many = one.tree.verify().value();
    REQUIRE(many.leaves > 300);
    const std::uint64_t about = one.tree.shape().value().value_pages;
    CHECK(about > many.extent_pages * 3 / 4);
    CHECK(about < many.extent_pages * 5 / 4);
}

TEST_CASE("few pages are read for it, however many there are") {
    rig<posix> one{512, 60};
    for (std::uint64_t number = 0; number < 20'000; ++number) put(one, number, 30);
    const page_tree_stats all = one.tree.verify().value();
    const std::uint64_t before = one.pages.stats().misses;
    const index_shape seen = one.tree.shape().value();
    CHECK(seen.leaves == all.leaves);
    const std::uint64_t most = 3 * all.inner_nodes + 128;
    CHECK(one.pages.stats().misses - before < most);
    CHECK(all.leaves > 3 * most);
}

TEST_CASE("a leaf or an inner node that makes no sense is corrupt, and named") {
    for (const bool leaf : {true, false}) {
        CAPTURE(leaf);
        rig<posix> one{512, 400};
        for (std::uint64_t number = 0; number < 2'000; ++number) put(one, number, 30);
        page_id wrong;
        const auto pick = [&](page_id page) -> result<void> {
            auto held = one.pages.pin(page);
            const slotted_view<> node{held->data(), 512};
            if (wrong.value == 0 && node.is_leaf() == leaf && page != one.tree.root()) wrong = page;
            return success();
        };
        REQUIRE(one.tree.verify(pick));
        {
            auto held = one.pages.change(wrong);
            REQUIRE(held);
            held->data()[8] ^= std::byte{0xff};
            held->data()[9] ^= std::byte{0xff};
        }
        const auto seen = one.tree.shape();
        REQUIRE(!seen);
        CHECK(seen.error().code() == error_code::corrupt);
        CHECK(*seen.error().number("page") == wrong.value);
    }
}

TEST_CASE(
    "a fence longer than any key is damage, in a tree that is looked at and one that is packed") {
    constexpr std::size_t page_bytes = 32 * KiB;
    rig<posix> one{page_bytes, 400};
    for (std::uint64_t number = 0; number < 3'000; ++number) put(one, number, 100);
    REQUIRE(one.tree.verify()->height == 2);
    auto held = one.pages.change(one.tree.root());
    REQUIRE(held);
    store_le(held->data() + 16, std::uint16_t{20'000});
    store_le(held->data() + 18, std::uint16_t{node_limits::max_key_bytes + 1});
    std::memset(held->data() + 20'000, 0xff, node_limits::max_key_bytes + 1);
    *held = {};
    const auto seen = one.tree.shape();
    REQUIRE(!seen);
    CHECK(seen.error().code() == error_code::corrupt);
    bytes from;
    const auto pays = one.tree.is_sparse(from);
    REQUIRE(!pays);
    CHECK(pays.error().code() == error_code::corrupt);
}

TEST_CASE("beside changes a shape is that of a tree before, after, or in between") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        simulation world{seed};
        world.run([&] {
            rig<simulated> one{512, 200};
            for (std::uint64_t number = 0; number < 400; ++number) put(one, number, 60);
            const index_shape before = one.tree.shape().value();
            simulated::thread writer{[&] {
                for (std::uint64_t number = 400; number < 900; ++number) put(one, number, 60);
                REQUIRE(one.tree.erase_range({}, bytes_view{key_of(17)}));
            }};
            for (int look = 0; look < 8; ++look) {
                const auto seen = one.tree.shape();
                REQUIRE(seen);
                CHECK(seen->height >= before.height);
                CHECK(seen->height <= before.height + 2);
                CHECK(seen->leaves > 0);
                CHECK(seen->fill_percent > 20);
                CHECK(seen->fill_percent <= 100);
            }
            writer.join();
            const page_tree_stats all = one.tree.verify().value();
            const index_shape after = one.tree.shape().value();
            CHECK(after.leaves == all.leaves);
            CHECK(after.inner_nodes == all.inner_nodes);
        });
    }
}
