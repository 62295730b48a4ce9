// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/archive_mark.hpp>

using namespace mantis;

TEST_CASE("a mark reads back, byte by byte as documented") {
    const archive_mark mark{{0x1122334455667788, 0x99aabbccddeeff00}, {0x123000}, 0xdeadbeef};
    const bytes raw = encode_archive_mark(mark);
    REQUIRE(raw.size() == archive_mark_bytes);
    CHECK(raw.view().starts_with({"MANTISAR", 8}));
    CHECK(load_le<std::uint32_t>(raw.data() + 8) == 1);
    CHECK(load_le<std::uint32_t>(raw.data() + 12) == 0xdeadbeef);
    CHECK(load_le<std::uint64_t>(raw.data() + 32) == 0x123000);
    const auto back = decode_archive_mark(raw);
    REQUIRE(back);
    CHECK(back->database == mark.database);
    CHECK(back->archived == mark.archived);
    CHECK(back->previous_checksum == mark.previous_checksum);
}

TEST_CASE("a mark with any bit turned, or cut, is corrupt; a newer one is a mismatch") {
    const bytes raw = encode_archive_mark({{1, 2}, {8192}, 3});
    for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
        bytes turned = raw;
        turned[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto read = decode_archive_mark(turned);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::corrupt);
    }
    CHECK_FALSE(decode_archive_mark(raw.view().first(47)));
    CHECK_FALSE(decode_archive_mark({}));
    bytes newer = raw;
    store_le(newer.data() + 8, std::uint32_t{2});
    store_le(newer.data() + 40, crc32c::of({newer.data(), 40}));
    CHECK(decode_archive_mark(newer).error().code() == error_code::mismatch);
}
