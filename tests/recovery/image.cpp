// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/image.hpp>

using namespace mantis;

namespace {

const image_header written{image_version, 1, {3, 4}, {4096}, 77, {9}, {1234}, 2};

}  // namespace

TEST_CASE("a header of an image comes back as it was written, and no damaged one does") {
    bytes raw = encode_image_header(written);
    REQUIRE(raw.size() == image_header_bytes);
    const auto read = decode_image_header(raw);
    REQUIRE(read);
    CHECK(read->database == database_id{3, 4});
    CHECK(read->redo_from == lsn{4096});
    CHECK(read->salt == 77);
    CHECK(read->last_transaction == transaction_id{9});
    CHECK(read->last_time == nanoseconds{1234});
    CHECK(read->tables == 2);
    for (std::size_t at = 0; at < raw.size(); ++at) {
        raw[at] ^= std::byte{1};
        CHECK(decode_image_header(raw).error().code() == error_code::corrupt);
        raw[at] ^= std::byte{1};
    }
    CHECK(decode_image_header(raw.view().first(79)).error().code() == error_code::corrupt);
    store_le(raw.data() + 8, std::uint32_t{2});
    store_le(raw.data() + 72, crc32c::of(raw.view().first(72)));
    CHECK(decode_image_header(raw).error().code() == error_code::mismatch);
}

TEST_CASE("names of images and of those that were never finished are told from others") {
    CHECK(image_name({0x1abc}).view() == bytes_view{"checkpoint-0000000000001abc.image"});
    CHECK(is_image_name("checkpoint-0000000000001abc.image"));
    CHECK(is_image_name("checkpoint-0000000000001abc.image.tmp"));
    for (const char* const other :
         {"checkpoint-0000000000001abC.image", "checkpoint-0000000000001abc.imag",
          "checkpoint-0000000000001abc.image2", "0000000000001000.log", "superblock", ""})
        CHECK_FALSE(is_image_name(other));
}

TEST_CASE("the bytes of a block are those of the page on formats") {
    bytes raw = bytes::zeros(image_block_header_bytes);
    append_image_row(raw, {"k", "v!", {300}});
    seal_image_block<crc32c>(raw, {80, 77, {2}, 0, 1, image_block_kind::rows});
    REQUIRE(raw.size() == 56);
    CHECK(load_le<std::uint64_t>(raw.data()) == crc32c::of(raw.view().from(8)));
    CHECK(load_le<std::uint64_t>(raw.data() + 8) == 80);
    CHECK(load_le<std::uint64_t>(raw.data() + 16) == 77);
    CHECK(load_le<std::uint64_t>(raw.data() + 24) == 2);
    CHECK(load_le<std::uint32_t>(raw.data() + 32) == 7);
    CHECK(load_le<std::uint32_t>(raw.data() + 36) == 1);
    CHECK(raw[40] == std::byte{2});
    CHECK(raw.view().from(48) == bytes_view{"\1k\2v!\xac\2\0", 8});
}

TEST_CASE("lists of tables and footers come back, and shortened ones do not") {
    const image_footer footer{
        {5000},
        {77},
        3,
        400,
        {{{1}, bytes{bytes_view{"a"}}, bytes{bytes_view{"btree"}}, false}, {{2}, {}, {}, true}}};
    bytes raw;
    append_image_footer(raw, footer);
    image_footer read;
    REQUIRE(read_image_footer(raw, 2, read));
    CHECK(read.log_needed == lsn{5000});
    CHECK(read.last_time == nanoseconds{77});
    CHECK(read.blocks == 3);
    CHECK(read.rows == 400);
    REQUIRE(read.tables.size() == 2);
    CHECK(read.tables[0].name.view() == bytes_view{"a"});
    CHECK(read.tables[0].index.view() == bytes_view{"btree"});
    CHECK(read.tables[1].dropped);
    CHECK(read.tables[1].id == table_id{2});
    for (std::size_t size = 0; size < raw.size(); ++size)
        CHECK_FALSE(read_image_footer(raw.view().first(size), 2, read));
    CHECK_FALSE(read_image_footer(raw, 1, read));
    CHECK_FALSE(read_image_footer(raw, 3, read));
}
