// SPDX-License-Identifier: BSL-1.0
//
// How full leaves are when keys come in order, or nearly so, as from several threads that count
// upwards together.
#include "tree_rig.hpp"

#include <mantis/platform/posix.hpp>

#include <algorithm>
#include <random>

using namespace tree_tests;

namespace {

// 1 ... count, each at most `window` places from where it would be.
std::vector<std::uint64_t> nearly_ascending(std::size_t count, std::size_t window) {
    std::vector<std::uint64_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = i + 1;
    std::mt19937_64 random{window};
    for (std::size_t i = 0; i < count; i += window) {
        const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(i);
        const std::size_t end = std::min(i + window, count);
        std::shuffle(begin, numbers.begin() + static_cast<std::ptrdiff_t>(end), random);
    }
    return numbers;
}
std::string key_of(std::uint64_t number, bool dense) {
    return dense ? big_endian(number) : "row-" + big_endian(number) + "-x";
}

}  // namespace

TEST_CASE("keys that come up to eight places late fill leaves nearly as well as those in order") {
    for (const std::size_t page_bytes : {2048U, 4096U, 16'384U}) {
        for (const bool dense : {true, false}) {
            std::uint64_t in_order = 0;
            for (const std::size_t window : {1U, 2U, 4U, 8U}) {
                CAPTURE(page_bytes);
                CAPTURE(dense);
                CAPTURE(window);
                rig<posix> one{page_bytes, 6'000'000 / page_bytes};
                std::uint64_t version = 0;
                for (const std::uint64_t number : nearly_ascending(20'000, window)) {
                    const std::string key = key_of(number, dense);
                    REQUIRE(one.tree.put(bytes_view{key}, bytes_view{std::string(50, 'v')},
                                         {++version}));
                }
                CHECK(one.damage() == "");
                // What is cut off is stored without the prefix that it shares from then on.
                const std::uint64_t fill = one.tree.shape().value().fill_percent;
                if (window == 1) in_order = fill;
                CHECK(in_order >= (dense ? 95 : 80));
                CHECK(fill >= in_order * 5 / 6);
            }
        }
    }
}

TEST_CASE(
    "a last leaf that is cut because of late keys has an eighth of its page free, fences "
    "included") {
    for (const std::size_t page_bytes : slotted_tests::page_sizes) {
        for (const std::size_t shared : {std::size_t{0}, page_bytes / 16, page_bytes / 8 - 9}) {
            CAPTURE(page_bytes);
            CAPTURE(shared);
            slotted_tests::row leaves{page_bytes, 0};
            std::uint64_t version = 0;
            for (std::uint64_t number = 1; leaves.size() == 1; ++number) {
                // Each second one comes after the one that follows it.
                const std::uint64_t late = number % 2 == 0 ? number - 1 : number + 1;
                const std::string key = std::string(shared, 'k') + big_endian(late);
                REQUIRE(leaves.put(bytes_view{key}, {std::string(9, 'v')}, lsn{++version}) < 2);
            }
            CHECK(leaves[0].damage() == "");
            CHECK(leaves[0].view().bytes_used() <= page_bytes / 8 * 7);
            CHECK(leaves[0].view().bytes_used() >= page_bytes / 2);
            CHECK(leaves[1].view().bytes_used() <= page_bytes / 8 * 7);
        }
    }
}

TEST_CASE("entries of any size that are late by a few behave like a sorted map") {
    for (const std::size_t page_bytes : {512U, 1024U, 4096U}) {
        for (std::uint64_t seed = 1; seed <= 6; ++seed) {
            CAPTURE(page_bytes);
            CAPTURE(seed);
            rig<posix> one{page_bytes, 12'000'000 / page_bytes};
            model expected;
            std::mt19937_64 random{seed};
            std::uint64_t version = 0;
            for (const std::uint64_t number : nearly_ascending(3'000, 2 + seed)) {
                std::string key = key_of(number, false);
                // Some in no order, so that leaves have other sizes and kinds; as many are long.
                if (random() % 9 == 0) key = big_endian(random() % 4'000);
                if (random() % 7 == 0) key += std::string(random() % (page_bytes / 8 - 16), 'k');
                const std::size_t size = random() % (random() % 5 == 0 ? page_bytes / 4 : 40);
                const dated row{std::string(size, static_cast<char>('a' + number % 26)), ++version};
                REQUIRE(one.tree.put(bytes_view{key}, bytes_view{row.value}, {row.version}));
                expected[key] = row;
                if (random() % 11 == 0) {
                    REQUIRE(one.tree.erase(bytes_view{expected.begin()->first}));
                    expected.erase(expected.begin());
                }
                if (version % 500 == 0) REQUIRE(one.damage() == "");
            }
            CHECK(one.damage() == "");
            CHECK(difference(one.tree, expected) == "");
        }
    }
}
