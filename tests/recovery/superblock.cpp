// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/superblock.hpp>

using namespace mantis;

TEST_CASE("a superblock comes back as it was written") {
    const auto read = decode_superblock(encode_superblock({1, 2, {3, 4}, lsn{4096}}));
    REQUIRE(read);
    CHECK(read->checksum_format == 2);
    CHECK(read->database == database_id{3, 4});
    CHECK(read->log_reaches == lsn{4096});
}

TEST_CASE("every damaged byte and every other size of a superblock is refused") {
    bytes raw = encode_superblock({1, 1, {3, 4}, lsn{4096}});
    REQUIRE(raw.size() == 48);
    for (std::size_t at = 0; at < raw.size(); ++at) {
        raw[at] ^= std::byte{0x40};
        CHECK(decode_superblock(raw).error().code() == error_code::corrupt);
        raw[at] ^= std::byte{0x40};
    }
    for (std::size_t size = 0; size < raw.size(); ++size)
        CHECK(decode_superblock(raw.view().first(size)).error().code() == error_code::corrupt);
    raw.push_back('x');
    CHECK(decode_superblock(raw).error().code() == error_code::corrupt);
}

TEST_CASE("a superblock of a newer version is told from a damaged one") {
    bytes raw = encode_superblock({1, 1, {3, 4}, lsn{4096}});
    store_le(raw.data() + 8, std::uint32_t{9});
    store_le(raw.data() + 40, crc32c::of(raw.view().first(40)));
    const auto newer = decode_superblock(raw);
    CHECK(newer.error().code() == error_code::mismatch);
    CHECK(*newer.error().number("version") == 9);
}
