// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/page/page_delta.hpp>

using namespace mantis;

namespace {

page_delta sample() {
    page_delta delta;
    delta.checksum_format = 2;
    delta.database = {0x0102030405060708, 0x1112131415161718};
    delta.next_segment = 9;
    delta.changes = {{{1}, {page_place{3, 8, 8}, 0xa1a2a3a4a5a6a7a8}}, {{5}, {}}};
    return delta;
}

// As version 1 of the format was written, on any machine.
constexpr unsigned char sample_bytes[] = {
    'M',  'A',  'N',  'T',  'I',  'S',  'P',  'M',  1,    0,    0,    0,    2,    0,    0,    0,
    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
    9,    0,    0,    0,    2,    0,    0,    0,                                                  //
    1,    0,    0,    0,    0,    0,    0,    0,    8,    8,    0,    0,    3,    0,    0,    0,  //
    0xa8, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1,                                               //
    5,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,  //
    0,    0,    0,    0,    0,    0,    0,    0,    0xb0, 0x8f, 0xb3, 0xf9, 0,    0,    0,    0};

// With the right checksum over wrong bytes.
bytes sealed(bytes raw) {
    const std::size_t end = raw.size() - 8;
    store_le(raw.data() + end, crc32c::of(raw.view().first(end)));
    return raw;
}
error_code refusal(const bytes& raw) {
    const auto read = decode_page_delta(raw);
    REQUIRE_FALSE(read);
    return read.error().code();
}
bytes with(std::size_t at, std::uint64_t value) {
    bytes raw = sample().encode();
    store_le(raw.data() + at, value);
    return sealed(std::move(raw));
}

}  // namespace

TEST_CASE("a page delta is written as it always was, and read back") {
    const bytes raw = sample().encode();
    REQUIRE(raw.size() == sizeof sample_bytes);
    for (std::size_t at = 0; at < raw.size(); ++at) {
        CAPTURE(at);
        CHECK(std::to_integer<int>(raw[at]) == sample_bytes[at]);
    }
    const page_delta back = decode_page_delta(raw).value();
    CHECK(back.checksum_format == 2);
    CHECK(back.database == sample().database);
    CHECK(back.next_segment == 9);
    CHECK(back.changes == sample().changes);
    CHECK(decode_page_delta(page_delta{}.encode()).value().changes.empty());
}

TEST_CASE("a page delta with any bit turned, or cut anywhere, is corrupt") {
    const bytes raw = sample().encode();
    for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
        bytes wrong = raw;
        wrong[bit / 8] ^= std::byte{1} << (bit % 8);
        CHECK(refusal(wrong) == error_code::corrupt);
    }
    for (std::size_t size = 0; size < raw.size(); ++size)
        CHECK(refusal(bytes{raw.view().first(size)}) == error_code::corrupt);
    bytes longer = raw;
    longer.append(24, std::byte{0});
    CHECK(refusal(sealed(std::move(longer))) == error_code::corrupt);
}

TEST_CASE("entries that cannot be are refused though the checksum is right") {
    CHECK(decode_page_delta(with(40, 1)));
    CHECK(refusal(with(40, 0)) == error_code::corrupt);  // page 0
    CHECK(refusal(with(40, 5)) == error_code::corrupt);  // twice
    CHECK(refusal(with(40, 6)) == error_code::corrupt);  // not ascending
    CHECK(refusal(with(64, last_mapped_page.value + 1)) == error_code::corrupt);
    CHECK(refusal(with(48, page_place{9, 8, 8}.bits())) == error_code::corrupt);  // of no segment
    CHECK(refusal(with(48, page_place{3, 7, 8}.bits())) == error_code::corrupt);  // in the header
    CHECK(refusal(with(48, page_place{3, 8, 0}.bits())) == error_code::corrupt);
    CHECK(refusal(with(48, page_place{0, 8, 8}.bits())) == error_code::corrupt);
    CHECK(refusal(with(48, 0)) == error_code::corrupt);  // gone, with a checksum
    CHECK(refusal(with(80, 1)) == error_code::corrupt);  // the same
    CHECK(refusal(with(32, 9 | std::uint64_t{3} << 32)) == error_code::corrupt);  // three entries
    CHECK(refusal(with(32, 9 | std::uint64_t{0xffffffff} << 32)) == error_code::corrupt);
    CHECK(refusal(with(32, std::uint64_t{2} << 32)) == error_code::corrupt);      // no next segment
    CHECK(refusal(with(8, 2 | std::uint64_t{2} << 32)) == error_code::mismatch);  // version 2
}
