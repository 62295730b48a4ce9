// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/superblock.hpp>

using namespace mantis;

TEST_CASE("a superblock comes back as it was written") {
    const auto read =
        decode_superblock(encode_superblock({4, 2, {3, 4}, lsn{4096}, lsn{8192}, 77, 88}));
    REQUIRE(read);
    CHECK(read->version == 4);
    CHECK(read->checksum_format == 2);
    CHECK(read->database == database_id{3, 4});
    CHECK(read->log_reaches == lsn{4096});
    CHECK(read->checkpoint == lsn{8192});
    CHECK(read->generation == 77);
    CHECK(read->pages_sequence == 88);
}

TEST_CASE("the bytes of a superblock are those of the table") {
    const bytes raw = encode_superblock({4, 2, {3, 4}, lsn{5}, lsn{6}, 7, 8});
    REQUIRE(raw.size() == 72);
    const auto number = [&](std::size_t at) { return load_le<std::uint64_t>(raw.data() + at); };
    CHECK(raw.view().first(8) == bytes_view{"MANTISSB"});
    CHECK(number(8) == (std::uint64_t{2} << 32 | 4));
    CHECK(number(16) == 3);
    CHECK(number(24) == 4);
    CHECK(number(32) == 5);
    CHECK(number(40) == 6);
    CHECK(number(48) == 7);
    CHECK(number(56) == 8);
    CHECK(number(64) == crc32c::of(raw.view().first(64)));
}

TEST_CASE("every damaged byte and every other size of a superblock is refused") {
    for (const std::uint32_t version : {1u, 2u, 3u, 4u}) {
        bytes raw = encode_superblock({version, 1, {3, 4}, lsn{4096}, {}, 0, 0});
        REQUIRE(raw.size() == (version < 3 ? 48 : version == 3 ? 64 : 72));
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
}

TEST_CASE("a superblock of the size of another version is damaged") {
    bytes raw = encode_superblock({2, 1, {3, 4}, lsn{4096}, {}, 0, 0});
    store_le(raw.data() + 8, std::uint32_t{3});
    store_le(raw.data() + 40, crc32c::of(raw.view().first(40)));
    CHECK(decode_superblock(raw).error().code() == error_code::corrupt);
}

TEST_CASE("a superblock of version 3 is read, and knows of no pages") {
    const auto old =
        decode_superblock(encode_superblock({3, 1, {3, 4}, lsn{4096}, lsn{9}, 9, 9})).value();
    CHECK(old.version == 3);
    CHECK(old.checkpoint == lsn{9});
    CHECK(old.generation == 9);
    CHECK(old.pages_sequence == 0);
}

TEST_CASE("a superblock of version 1 or 2 is read, and says what it is") {
    for (const std::uint32_t version : {1u, 2u}) {
        const auto old =
            decode_superblock(encode_superblock({version, 1, {3, 4}, lsn{4096}, lsn{9}, 9, 9}))
                .value();
        CHECK(old.version == version);
        CHECK(old.log_reaches == lsn{4096});
        CHECK(old.checkpoint == lsn{});
        CHECK(old.generation == 0);
    }
    const bytes nameless = encode_superblock({0, 1, {3, 4}, lsn{4096}, {}, 0, 0});
    CHECK(decode_superblock(nameless).error().code() == error_code::mismatch);
    CHECK(superblock{}.version == 4);
}

TEST_CASE("a superblock of a newer version is told from a damaged one") {
    for (const std::size_t size : {48u, 64u, 72u, 4096u}) {
        bytes raw = bytes::zeros(size);
        std::memcpy(raw.data(), "MANTISSB", 8);
        store_le(raw.data() + 8, std::uint32_t{9});
        store_le(raw.data() + size - 8, crc32c::of(raw.view().first(size - 8)));
        const auto newer = decode_superblock(raw);
        CHECK(newer.error().code() == error_code::mismatch);
        CHECK(*newer.error().number("version") == 9);
    }
}
