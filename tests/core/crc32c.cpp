// SPDX-License-Identifier: BSL-1.0
#include <mantis/core/crc32c.hpp>

#include <doctest/doctest.h>

#include <random>
#include <vector>

using mantis::bytes;
using mantis::bytes_view;
using mantis::crc32c;
namespace detail = mantis::detail;

namespace {

std::uint32_t both_paths(bytes_view from) {
    const std::uint32_t portable = ~detail::crc32c_portable(~std::uint32_t{0}, from);
    if (detail::crc32c_has_hardware())
        CHECK(portable == ~detail::crc32c_hardware(~std::uint32_t{0}, from));
    CHECK(portable == crc32c::of(from));
    return portable;
}

// One bit at a time, straight from the definition.
std::uint32_t bit_by_bit(bytes_view from) {
    std::uint32_t state = ~std::uint32_t{0};
    for (const std::byte byte : from) {
        state ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ (0x82f63b78u & (0u - (state & 1)));
    }
    return ~state;
}

bytes random_bytes(std::mt19937_64& random, std::size_t size) {
    bytes made = bytes::zeros(size);
    for (std::size_t at = 0; at < size; ++at) made[at] = static_cast<std::byte>(random());
    return made;
}

}  // namespace

TEST_CASE("crc32c gives the check values of RFC 3720 B.4") {
    bytes rising, falling;
    for (int i = 0; i < 32; ++i) {
        rising.push_back(static_cast<std::byte>(i));
        falling.push_back(static_cast<std::byte>(31 - i));
    }
    bytes ones;
    ones.append(32, std::byte{0xff});
    const std::uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0};
    CHECK(both_paths(bytes::zeros(32)) == 0x8a9136aa);
    CHECK(both_paths(ones) == 0x62a8ab43);
    CHECK(both_paths(rising) == 0x46dd794e);
    CHECK(both_paths(falling) == 0x113fdb5c);
    CHECK(both_paths({static_cast<const void*>(read_command), sizeof read_command}) == 0xd9963a56);
    CHECK(both_paths("123456789") == 0xe3069283);
    CHECK(both_paths("") == 0);
}

TEST_CASE("the instruction and the tables agree at every length to 300 and every alignment") {
    if (!detail::crc32c_has_hardware())
        MESSAGE("no CRC instruction here: only the tables are tested");
    std::mt19937_64 random{4};
    const bytes pool = random_bytes(random, 400);
    int differing = 0;
    for (std::size_t size = 0; size <= 300; ++size) {
        for (std::size_t offset = 0; offset < 64; ++offset) {
            const bytes_view part = pool.view().part(offset, size);
            const std::uint32_t portable = detail::crc32c_portable(0x12345678, part);
            differing += portable != detail::crc32c_hardware(0x12345678, part);
        }
        const bytes exact{
            pool.view().first(size)};  // exact size: a sanitizer sees a read past the end
        differing += both_paths(exact) != bit_by_bit(exact);
    }
    CHECK(differing == 0);
}

TEST_CASE("the instruction and the tables agree on long data around every lane boundary") {
    std::mt19937_64 random{5};
    const std::size_t round = 24 * detail::crc32c_max_lane_words;
    const bytes pool = random_bytes(random, 3 * round);
    int differing = 0;
    for (std::size_t size = round - 30; size < round + 230; ++size)
        differing += detail::crc32c_portable(1, pool.view().first(size)) !=
                     detail::crc32c_hardware(1, pool.view().first(size));
    for (int i = 0; i < 500; ++i) {
        const bytes_view part = pool.view().first(random() % pool.size());
        differing += detail::crc32c_portable(1, part) != detail::crc32c_hardware(1, part);
    }
    CHECK(differing == 0);
}

TEST_CASE(
    "the checksum of the parts, each seeded with the one before, is the checksum of the whole") {
    std::mt19937_64 random{6};
    const bytes whole = random_bytes(random, 1000);
    for (std::size_t cut = 0; cut <= whole.size(); cut += 7)
        CHECK(crc32c::of(whole.view().from(cut), crc32c::of(whole.view().first(cut))) ==
              crc32c::of(whole));
}

TEST_CASE("no bit of a seed is ignored") {
    const std::uint64_t plain = crc32c::of("record", 0);
    for (int bit = 0; bit < 64; ++bit)
        CHECK(crc32c::of("record", std::uint64_t{1} << bit) != plain);
}

TEST_CASE("one flipped bit anywhere changes the checksum") {
    std::mt19937_64 random{7};
    bytes record = random_bytes(random, 256);
    const std::uint64_t before = crc32c::of(record);
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
        record[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        CHECK(crc32c::of(record) != before);
        record[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    }
}

TEST_CASE("a batch gives what one by one gives, for any count and any mix of sizes") {
    std::mt19937_64 random{8};
    for (int round = 0; round < 300; ++round) {
        std::vector<bytes> owned(random() % 12);
        std::vector<bytes_view> views;
        for (bytes& one : owned) {
            one = random_bytes(random, random() % (random() % 8 == 0 ? 5000 : 60));
            views.emplace_back(one);
        }
        std::vector<std::uint64_t> sums(views.size() + 1, 77);
        crc32c::of_batch(views.data(), views.size(), sums.data());
        for (std::size_t i = 0; i < views.size(); ++i) REQUIRE(sums[i] == crc32c::of(views[i]));
        REQUIRE(sums.back() == 77);
    }
}
