// SPDX-License-Identifier: BSL-1.0
#include <doctest/doctest.h>

#include <mantis/wal/record.hpp>

using namespace mantis;

namespace {

void append_record(bytes& to, const log_record_header& header, bytes_view payload) {
    const std::size_t at = to.size();
    to.append(static_cast<std::size_t>(record_bytes(payload.size())), std::byte{0xEE});
    write_unsealed_record(to.data() + at, header, payload);
}

bytes encoded(bytes_view payload) {
    log_record_header header;
    header.lsn = 4096;
    header.transaction = 7;
    header.salt = 0xabcd;
    header.kind = static_cast<std::uint8_t>(record_kind::commit);
    bytes raw;
    append_record(raw, header, payload);
    (void)seal_records<crc32c>(raw.data(), raw.size(), lsn{4000}, 0x1234);
    return raw;
}

}  // namespace

TEST_CASE("a record's bytes lie where the format says") {
    const bytes raw = encoded("hello");
    REQUIRE(raw.size() == 56);
    CHECK(load_le<std::uint64_t>(raw.data() + 8) == 4096);
    CHECK(load_le<std::uint64_t>(raw.data() + 16) == 7);
    CHECK(load_le<std::uint64_t>(raw.data() + 24) == 4000);
    CHECK(load_le<std::uint32_t>(raw.data() + 32) == 5);
    CHECK(load_le<std::uint32_t>(raw.data() + 36) == 0xabcd);
    CHECK(load_le<std::uint32_t>(raw.data() + 40) == 0x1234);
    CHECK(load_le<std::uint32_t>(raw.data() + 44) == 2);
    CHECK(raw.view().part(48, 5) == bytes_view{"hello"});
    CHECK(load_le<std::uint64_t>(raw.data()) == crc32c::of(raw.view().part(8, 45)));
}

TEST_CASE("records are sealed in a chain, each on the checksum of the one before") {
    bytes raw;
    std::uint64_t at[3] = {};
    for (std::size_t i = 0; i < 3; ++i) {
        at[i] = raw.size();
        log_record_header header;
        header.lsn = 4096 + raw.size();
        header.kind = static_cast<std::uint8_t>(record_kind::part);
        append_record(raw, header, bytes::zeros(i * 7));
    }
    const log_seal sealed = seal_records<xxh3>(raw.data(), raw.size(), lsn{96}, 5);
    std::uint32_t expected = 5;
    for (std::size_t i = 0; i < 3; ++i) {
        const bytes_view record = raw.view().from(static_cast<std::size_t>(at[i]));
        CHECK(examine_record<xxh3>(record, lsn{4096 + at[i]}, 0) == record_verdict::valid);
        const log_record_header header = decode_record_header(record);
        CHECK(header.durable == 96);
        CHECK(header.previous_checksum == expected);
        expected = static_cast<std::uint32_t>(header.checksum);
    }
    CHECK(sealed.chain == expected);
    CHECK(sealed.records == 3);
    CHECK(seal_records<xxh3>(nullptr, 0, lsn{96}, 5).chain == 5);
}

TEST_CASE("every single-bit error in a record is seen") {
    bytes raw = encoded("some payload");
    REQUIRE(examine_record<crc32c>(raw, lsn{4096}, 0xabcd) == record_verdict::valid);
    for (std::size_t bit = 0; bit < (48 + 12) * 8; ++bit) {
        raw[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        CHECK(examine_record<crc32c>(raw, lsn{4096}, 0xabcd) != record_verdict::valid);
        raw[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    }
}

TEST_CASE("a record counts only at its own position and in its own segment") {
    const bytes raw = encoded("x");
    CHECK(examine_record<crc32c>(raw, lsn{8192}, 0xabcd) == record_verdict::damaged);
    CHECK(examine_record<crc32c>(raw, lsn{4096}, 0xabce) == record_verdict::damaged);
    CHECK(examine_record<xxh3>(raw, lsn{4096}, 0xabcd) == record_verdict::damaged);
}

TEST_CASE("a cut record is damaged at every length, and zeros are padding") {
    const bytes raw = encoded("payload");
    for (std::size_t size = 48; size < raw.size(); ++size)
        CHECK(examine_record<crc32c>(raw.view().first(size), lsn{4096}, 0xabcd) ==
              record_verdict::damaged);
    CHECK(examine_record<crc32c>(bytes::zeros(4096), lsn{4096}, 0xabcd) == record_verdict::padding);
    CHECK(examine_record<crc32c>({}, lsn{4096}, 0xabcd) == record_verdict::padding);
}
