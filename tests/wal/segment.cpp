// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/segment.hpp>

#include <string>

using namespace mantis;

namespace {

bytes header() {
    return encode_segment_header(
        {segment_version, crc32c::format_id, {1, 2}, lsn{4096}, 77, 88, lsn{4096}, lsn{}});
}

}  // namespace

TEST_CASE("a segment is named after its first lsn, and names sort as positions do") {
    CHECK(segment_name(lsn{0x1000}).as<std::string>() == "0000000000001000.log");
    CHECK(segment_name(lsn{0xffff}) < segment_name(lsn{0x10000}));
    lsn first;
    CHECK(parse_segment_name("00000000deadbeef.log", first));
    CHECK(first.value == 0xdeadbeef);
}

TEST_CASE("no other name passes for a segment's") {
    lsn first;
    for (const char* name :
         {"", "superblock", "000000000000100.log", "0000000000001000.lag", "000000000000100G.log",
          "000000000000100A.log", "0000000000001000.log.tmp"})
        CHECK_FALSE(parse_segment_name(name, first));
}

TEST_CASE("a segment header comes back as it was written") {
    const auto read = decode_segment_header(header());
    REQUIRE(read);
    CHECK(read->checksum_format == crc32c::format_id);
    CHECK(read->database == database_id{1, 2});
    CHECK(read->first == lsn{4096});
    CHECK(read->salt == 77);
    CHECK(read->previous_checksum == 88);
}

TEST_CASE("a damaged, short or newer segment header is refused, and why is said") {
    bytes raw = header();
    for (std::size_t at = 0; at < 72; ++at) {
        raw[at] ^= std::byte{1};
        CHECK(decode_segment_header(raw).error().code() == error_code::corrupt);
        raw[at] ^= std::byte{1};
    }
    CHECK(decode_segment_header(raw.view().first(100)).error().code() == error_code::corrupt);
    store_le(raw.data() + 8, std::uint32_t{3});
    store_le(raw.data() + 48, segment_header_checksum(raw.data()));
    const auto newer = decode_segment_header(raw);
    CHECK(newer.error().code() == error_code::mismatch);
    REQUIRE(newer.error().number("version"));
    CHECK(*newer.error().number("version") == 3);
}

TEST_CASE("a header of version 1 says that all before the segment was durable") {
    bytes raw = header();
    store_le(raw.data() + 8, std::uint32_t{1});
    std::memset(raw.data() + 56, 0, 16);
    store_le(raw.data() + 48, crc32c::of(raw.view().first(48)));
    const auto read = decode_segment_header(raw);
    REQUIRE(read);
    CHECK(read->durable == read->first);
    CHECK(read->before == lsn{});
    CHECK(encode_segment_header(*read) == raw);
}
