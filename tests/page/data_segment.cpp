// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/core/checksum.hpp>
#include <mantis/page/data_segment.hpp>

#include <string>

using namespace mantis;

namespace {

constexpr data_segment_header header{1, 2, {0x0102030405060708, 0x1112131415161718}, 7, 64 * KiB};

// As it was written by version 1 of the format, on any machine.
constexpr unsigned char first_bytes[48] = {
    'M',  'A',  'N',  'T',  'I',  'S',  'D',  'T',  1,    0,    0,    0,    2,    0,    0,    0,
    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
    7,    0,    0,    0,    0,    0,    1,    0,    0x9e, 0x6d, 0xf7, 0x55, 0,    0,    0,    0};

}  // namespace

TEST_CASE("a data segment's header is written as it always was, and read back") {
    const bytes raw = encode_data_header(header);
    REQUIRE(raw.size() == data_header_bytes);
    for (std::size_t at = 0; at < sizeof first_bytes; ++at) {
        CAPTURE(at);
        CHECK(std::to_integer<int>(raw[at]) == first_bytes[at]);
    }
    for (std::size_t at = sizeof first_bytes; at < raw.size(); ++at)
        if (raw[at] != std::byte{0}) FAIL("something behind the fields");
    const auto back = decode_data_header(raw).value();
    CHECK(back.version == 1);
    CHECK(back.checksum_format == 2);
    CHECK(back.database == header.database);
    CHECK(back.number == 7);
    CHECK(back.segment_bytes == 64 * KiB);
}

TEST_CASE("a header with any bit turned, or cut short, is refused") {
    const bytes raw = encode_data_header(header);
    for (std::size_t bit = 0; bit < 48 * 8; ++bit) {
        bytes wrong = raw;
        wrong[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto read = decode_data_header(wrong);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == error_code::corrupt);
    }
    CHECK_FALSE(decode_data_header(raw.view().first(data_header_bytes - 1)));
    CHECK_FALSE(decode_data_header({}));
}

TEST_CASE("a header that is whole and cannot be is refused, a newer one as such") {
    data_segment_header newer = header;
    newer.version = 2;
    CHECK(decode_data_header(encode_data_header(newer)).error().code() == error_code::mismatch);
    data_segment_header odd = header;
    odd.segment_bytes = 96 * KiB;
    CHECK(decode_data_header(encode_data_header(odd)).error().code() == error_code::corrupt);
    odd = header;
    odd.number = 0;
    CHECK(decode_data_header(encode_data_header(odd)).error().code() == error_code::corrupt);
}

TEST_CASE("names of segments are numbers, and nothing else is one") {
    CHECK(data_segment_name(7).as<std::string>() == "data-00000007");
    CHECK(data_segment_name(UINT32_MAX).as<std::string>() == "data-4294967295");
    for (const std::uint32_t number : {1u, 9u, 10u, 99'999'999u, 100'000'000u, UINT32_MAX}) {
        std::uint32_t back = 0;
        CHECK(parse_data_segment_name(data_segment_name(number), back));
        CHECK(back == number);
    }
    std::uint32_t none = 0;
    for (const char* const name :
         {"data-", "data-0000007", "data-000000007", "data-00000000", "data-4294967296",
          "data-0000000x", "data-00000007.tmp", "date-00000007", "data-spare", ""})
        CHECK_FALSE(parse_data_segment_name(name, none));
}

TEST_CASE("a place is in 64 bits, and knows what cannot be one") {
    const page_place at{0x01020304, 0x1f000, 128};
    CHECK(at.bits() == 0x01020304'01f00080);
    CHECK(at.segment() == 0x01020304);
    CHECK(at.block() == 0x1f000);
    CHECK(at.offset() == 0x1f000 * 512);
    CHECK(at.size() == 64 * KiB);
    CHECK(at.plausible());
    CHECK(page_place{}.is_none());
    CHECK(page_place{}.plausible());
    CHECK(page_place{1, 8, 1}.plausible());
    CHECK_FALSE(page_place{0, 8, 1}.plausible());
    CHECK_FALSE(page_place{1, 7, 1}.plausible());    // in the header
    CHECK_FALSE(page_place{1, 8, 0}.plausible());    // nothing
    CHECK_FALSE(page_place{1, 8, 129}.plausible());  // longer than an image may be
    CHECK(page_place{1, 131'071, 1}.plausible());
    CHECK_FALSE(page_place{1, 131'071, 2}.plausible());  // behind the end of the largest
}

TEST_CASE("the checksum of an image is of its bytes, its page and its database") {
    const bytes image = bytes::zeros(512);
    const auto of = image_checksum<xxh3>(header.database, {1}, image);
    CHECK(of == image_checksum<xxh3>(header.database, {1}, image));
    CHECK(of != image_checksum<xxh3>(header.database, {2}, image));
    CHECK(of != image_checksum<xxh3>({header.database.high, 1}, {1}, image));
    CHECK(of != image_checksum<xxh3>({1, header.database.low}, {1}, image));
    CHECK(of != image_checksum<xxh3>(header.database, {1}, bytes::zeros(1024)));
    CHECK(image_checksum<crc32c>(header.database, {1}, image) !=
          image_checksum<crc32c>(header.database, {2}, image));
}
