// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/recovery/detail/manifest_figures.hpp>
#include <mantis/recovery/manifest_format.hpp>

using namespace mantis;

namespace {

const manifest_frame some{.offset = 4096,
                          .salt = 7,
                          .attempt = 8,
                          .sequence = 9,
                          .epoch = 10,
                          .checkpoint = {11},
                          .previous_checksum = 12,
                          .edits = 1,
                          .number = 2,
                          .last = true,
                          .snapshot = false};

bytes sealed(const manifest_frame& frame, bytes_view edit, std::uint16_t kind = 3) {
    bytes raw = bytes::zeros(manifest_frame_header_bytes);
    append_manifest_edit(raw, manifest_edit_kind{kind}, edit);
    (void)seal_manifest_frame<crc32c>(raw, frame);
    return raw;
}
void seal_again(bytes& raw) { store_le(raw.data(), crc32c::of(raw.view().from(8))); }

}  // namespace

TEST_CASE("figures are eight bytes, and nothing else is") {
    const bytes raw = detail::encode_manifest_figures({0x0102030405060708});
    CHECK(raw.view() == bytes_view{"\x08\x07\x06\x05\x04\x03\x02\x01"});
    CHECK(detail::decode_manifest_figures(raw).value().bytes_written == 0x0102030405060708);
    CHECK(detail::decode_manifest_figures(raw.view().first(7)).error().code() ==
          error_code::corrupt);
    CHECK(detail::decode_manifest_figures("123456789").error().code() == error_code::corrupt);
}

TEST_CASE("the bytes of a manifest's header are those of the table") {
    const bytes raw = encode_manifest_header({1, 2, {3, 4}, 5, 6});
    REQUIRE(raw.size() == 4096);
    const auto number = [&](std::size_t at) { return load_le<std::uint64_t>(raw.data() + at); };
    CHECK(raw.view().first(8) == bytes_view{"MANTISMF"});
    CHECK(number(8) == (std::uint64_t{2} << 32 | 1));
    CHECK(number(16) == 3);
    CHECK(number(24) == 4);
    CHECK(number(32) == 5);
    CHECK(number(40) == 6);
    for (std::size_t at = 48; at < 4088; at += 8) REQUIRE(number(at) == 0);
    CHECK(number(4088) == crc32c::of(raw.view().first(4088)));
    const auto read = decode_manifest_header(raw).value();
    CHECK(read.checksum_format == 2);
    CHECK(read.database == database_id{3, 4});
    CHECK(read.generation == 5);
    CHECK(read.salt == 6);
    CHECK(read.header_checksum == number(4088));
}

TEST_CASE(
    "every damaged bit and every shorter end of a header is refused, a newer one told apart") {
    bytes raw = encode_manifest_header({1, 2, {3, 4}, 5, 6});
    for (std::size_t at = 0; at < raw.size(); ++at) {
        raw[at] ^= std::byte{0x40};
        REQUIRE(decode_manifest_header(raw).error().code() == error_code::corrupt);
        raw[at] ^= std::byte{0x40};
    }
    for (std::size_t size = 0; size < raw.size(); ++size)
        REQUIRE(decode_manifest_header(raw.view().first(size)).error().code() ==
                error_code::corrupt);
    for (const std::uint32_t version : {0u, 2u, 9u}) {
        const auto other = decode_manifest_header(encode_manifest_header({version, 2, {}, 5, 6}));
        CHECK(other.error().code() == error_code::mismatch);
        CHECK(*other.error().number("version") == version);
    }
}

TEST_CASE("the bytes of a frame and of an edit are those of the table") {
    const bytes raw = sealed(some, "edit");
    REQUIRE(raw.size() == 4096);
    const auto number = [&](std::size_t at) { return load_le<std::uint64_t>(raw.data() + at); };
    CHECK(number(0) == crc32c::of(raw.view().from(8)));
    CHECK(number(8) == 4096);
    CHECK(number(16) == 7);
    CHECK(number(24) == 8);
    CHECK(number(32) == 9);
    CHECK(number(40) == 10);
    CHECK(number(48) == 11);
    CHECK(number(56) == 12);
    CHECK(number(64) == (std::uint64_t{1} << 32 | 8));
    CHECK(number(72) == (std::uint64_t{1} << 32 | 2));
    CHECK(raw.view().part(80, 4) == bytes_view{"\3\0\4\0", 4});
    CHECK(raw.view().part(84, 4) == bytes_view{"edit"});
    CHECK(raw.view().from(88) == bytes::zeros(4096 - 88).view());
    const auto read = decode_manifest_frame<crc32c>(raw).value();
    CHECK(read.sequence == 9);
    CHECK(read.epoch == 10);
    CHECK(read.checkpoint == lsn{11});
    CHECK(read.previous_checksum == 12);
    CHECK(read.edits == 1);
    CHECK(read.number == 2);
    CHECK(read.last);
    CHECK_FALSE(read.snapshot);
    CHECK(read.payload.size() == 8);
    CHECK(read.end() == 8192);
}

TEST_CASE("a frame is one only with each of its bits, and at its place in its file") {
    bytes raw = sealed(some, "edit");
    for (std::size_t at = 0; at < raw.size(); ++at) {
        raw[at] ^= std::byte{1};
        REQUIRE_FALSE(decode_manifest_frame<crc32c>(raw));
        raw[at] ^= std::byte{1};
    }
    CHECK_FALSE(decode_manifest_frame<crc32c>(raw.view().first(4095)));
    CHECK(manifest_frame_here(raw, 4096, 7) == 4096);
    CHECK(manifest_frame_here(raw, 8192, 7) == 0);
    CHECK(manifest_frame_here(raw, 4096, 8) == 0);
}

TEST_CASE("a frame whose checksum fits and whose contents do not is none") {
    const auto forged = [](std::size_t at, unsigned byte) {
        bytes raw = sealed(some, "edit");
        raw[at] = static_cast<std::byte>(byte);
        seal_again(raw);
        return decode_manifest_frame<crc32c>(raw).has_value();
    };
    CHECK(forged(84, 'E'));
    CHECK_FALSE(forged(76, 2));   // last
    CHECK_FALSE(forged(77, 2));   // snapshot
    CHECK_FALSE(forged(78, 1));   // zero
    CHECK_FALSE(forged(79, 1));   // zero
    CHECK_FALSE(forged(68, 2));   // one more edit
    CHECK_FALSE(forged(68, 0));   // one less
    CHECK_FALSE(forged(82, 5));   // an edit longer than the payload
    CHECK_FALSE(forged(82, 3));   // or shorter
    CHECK_FALSE(forged(64, 9));   // payload
    CHECK_FALSE(forged(65, 16));  // payload longer than the frame
    bytes raw = sealed(some, "edit");
    store_le(raw.data() + 64, std::uint32_t{0xffff'fff0});
    CHECK(manifest_frame_here(raw, 4096, 7) == 0);
}

TEST_CASE("the largest edit fits in a frame, and frames fill whole blocks") {
    const bytes edit = bytes::zeros(manifest_max_edit_bytes);
    const bytes raw = sealed(some, edit);
    CHECK(raw.size() <= manifest_max_frame_bytes);
    CHECK(decode_manifest_frame<crc32c>(raw)->payload.size() == edit.size() + 4);
    CHECK(manifest_frame_bytes(0) == 4096);
    CHECK(manifest_frame_bytes(4016) == 4096);
    CHECK(manifest_frame_bytes(4017) == 8192);
    bytes longer = bytes::zeros(manifest_frame_header_bytes);
    append_manifest_edit(longer, manifest_edit_kind::root,
                         bytes::zeros(manifest_max_edit_bytes + 1));
    (void)seal_manifest_frame<crc32c>(longer, some);
    CHECK_FALSE(decode_manifest_frame<crc32c>(longer));
}

TEST_CASE("only the names of manifests are their names") {
    CHECK(manifest_name(0x1a2b) == bytes{bytes_view{"manifest-00001a2b"}});
    CHECK(parse_manifest_name(manifest_name(0xffff'ffff)) == manifest_max_generation);
    CHECK(is_manifest_passing_name(manifest_passing_name(7)));
    for (const char* const other :
         {"manifest-00000000", "manifest-0000001", "manifest-000000001", "manifest-0000000G",
          "manifest-0000000A", "Manifest-00000001", "manifest-00000001.tmp", "manifest_00000001",
          "", "superblock", "checkpoint-0000000000001000.image"}) {
        CAPTURE(other);
        CHECK(parse_manifest_name(other) == 0);
    }
    for (const char* const other :
         {"manifest-00000001", "manifest-00000000.tmp", "manifest-00000001.bak",
          "manifest-00000001.tmp.tmp", "manifest-0000000x.tmp", "superblock.tmp"}) {
        CAPTURE(other);
        CHECK_FALSE(is_manifest_passing_name(other));
    }
}
