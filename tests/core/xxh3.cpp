// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/xxh3.hpp>

#include <doctest/doctest.h>

#include <vector>

using mantis::bytes;
using mantis::bytes_view;
using mantis::xxh3;

namespace {

constexpr std::uint64_t prime = 0x9e3779b185ebca8d;

// The input of the published check values: the high bytes of successive multiples.
bytes check_input(std::size_t size) {
    bytes made;
    std::uint64_t state = 2654435761;
    for (std::size_t i = 0; i < size; ++i, state *= prime)
        made.push_back(static_cast<std::byte>(state >> 56));
    return made;
}

struct check_value {
    std::size_t size;
    std::uint64_t seed;
    std::uint64_t sum;
};

}  // namespace

TEST_CASE("xxh3 gives its published check values") {
    const bytes input = check_input(2400);
    const check_value expected[] = {
        {0, 0, 0x2d06800538d394c2},   {1, 0, 0xc44bdff4074eecdb},   {1, prime, 0x032be332dd766ef8},
        {6, 0, 0x27b56a84cd2d7325},   {12, 0, 0xa713daf0dfbb77e7},  {24, 0, 0xa3fe70bf9d3510eb},
        {48, 0, 0x397da259ecba1f11},  {80, 0, 0xbcdefbbb2c47c90a},  {195, 0, 0xcd94217ee362ec3a},
        {403, 0, 0xcdeb804d65c6dea4}, {512, 0, 0x617e49599013cb6b},
    };
    for (const check_value& check : expected) {
        CAPTURE(check.size);
        CHECK(xxh3::of(input.view().first(check.size), check.seed) == check.sum);
    }
}

TEST_CASE("xxh3 does not depend on where the bytes lie") {
    const bytes input = check_input(400);
    for (std::size_t size = 0; size <= 300; ++size) {
        bytes moved = bytes::zeros(400);
        const std::uint64_t expected = xxh3::of(input.view().first(size));
        for (std::size_t offset = 0; offset < 16; ++offset) {
            if (size != 0) std::memcpy(moved.data() + offset, input.data(), size);
            REQUIRE(xxh3::of(moved.view().part(offset, size)) == expected);
        }
    }
}

TEST_CASE("no bit of an xxh3 seed is ignored") {
    for (int bit = 0; bit < 64; ++bit)
        CHECK(xxh3::of("record", std::uint64_t{1} << bit) != xxh3::of("record"));
}

TEST_CASE("an xxh3 batch gives what one by one gives") {
    const bytes input = check_input(1000);
    std::vector<bytes_view> views;
    for (std::size_t size = 0; size < 40; ++size)
        views.push_back(input.view().part(size, size * size / 2));
    std::vector<std::uint64_t> sums(views.size() + 1, 77);
    xxh3::of_batch(views.data(), views.size(), sums.data());
    for (std::size_t i = 0; i < views.size(); ++i) CHECK(sums[i] == xxh3::of(views[i]));
    CHECK(sums.back() == 77);
}
