// SPDX-License-Identifier: BSL-1.0
//
// A log segment: a file named after the LSN of its first byte, one header block, then records.
//
//   offset  bytes  field
//        0      8  magic              "MANTISWL"
//        8      4  version            2; 1 ends at offset 56
//       12      4  checksum           format_id of the checksum policy of the records
//       16     16  database           id, high half first
//       32      8  first lsn          lsn of the byte at offset 4096
//       40      4  salt               drawn at random when the segment is begun
//       44      4  previous checksum  low half of the checksum of the last record before this
//                                     segment
//       48      8  header checksum    crc32c of bytes 0 to 47, and of 56 to 71 from version 2 on
//       56      8  durable            lsn before which the log was durable when this was written:
//                                     in version 1 all before the first lsn. Written anew before
//                                     anything in the segment is durable
//       64      8  before             first lsn of the segment before, where all before that one is
//                                     durable; 0: not told
//       72   4024  zero
//
// An LSN counts record bytes only, so file offset = 4096 + lsn - first lsn, and both are multiples
// of the block together.
#pragma once

#include "record.hpp"

#include "../core/result.hpp"

namespace mantis {

inline constexpr std::uint64_t segment_header_bytes = log_block_bytes;
inline constexpr std::uint32_t segment_version = 2;
inline constexpr lsn first_lsn_of_log{log_block_bytes};  // 0 stands for "no record"

// What the next segment will be made of (detail/spare_segment.hpp); holds nothing.
inline constexpr const char* spare_segment_name = "spare.log";

struct segment_header {
    std::uint32_t version = segment_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    lsn first;
    std::uint32_t salt = 0;
    std::uint32_t previous_checksum = 0;
    lsn durable = {};
    lsn before = {};
};

// Sixteen hexadecimal digits and ".log": names sort as positions do.
[[nodiscard]] inline bytes segment_name(lsn first) {
    bytes name;
    for (int shift = 60; shift >= 0; shift -= 4)
        name.push_back("0123456789abcdef"[(first.value >> shift) & 15]);
    name.append(".log");
    return name;
}

//   Returns     whether `name` is a segment's, and then its first lsn
[[nodiscard]] inline bool parse_segment_name(bytes_view name, lsn& first) noexcept {
    if (name.size() != 20 || name.from(16) != bytes_view{".log"}) return false;
    std::uint64_t value = 0;
    for (const std::byte digit : name.first(16)) {
        const char c = static_cast<char>(digit);
        if (c >= '0' && c <= '9') value = value << 4 | static_cast<std::uint64_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | static_cast<std::uint64_t>(c - 'a' + 10);
        else return false;
    }
    first = {value};
    return true;
}

[[nodiscard]] inline std::uint64_t segment_header_checksum(const std::byte* at) noexcept {
    const std::uint64_t first = crc32c::of({at, 48});
    return load_le<std::uint32_t>(at + 8) == 1 ? first : crc32c::of({at + 56, 16}, first);
}

[[nodiscard]] inline bytes encode_segment_header(const segment_header& header) {
    bytes raw = bytes::zeros(segment_header_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISWL", 8);
    store_le(at + 8, header.version);
    store_le(at + 12, header.checksum_format);
    store_le(at + 16, header.database.high);
    store_le(at + 24, header.database.low);
    store_le(at + 32, header.first.value);
    store_le(at + 40, header.salt);
    store_le(at + 44, header.previous_checksum);
    if (header.version > 1) {
        store_le(at + 56, header.durable.value);
        store_le(at + 64, header.before.value);
    }
    store_le(at + 48, segment_header_checksum(at));
    return raw;
}

//   Errors      corrupt (short, not a segment, header damaged), mismatch (a newer version)
[[nodiscard]] inline result<segment_header> decode_segment_header(bytes_view raw) {
    constexpr const char* doing = "reading a log segment's header";
    if (raw.size() < segment_header_bytes)
        return error{error_code::corrupt, doing}.with("bytes", raw.size());
    if (!raw.starts_with({"MANTISWL", 8}))
        return error{error_code::corrupt, doing}.with("offset", 0);
    const std::byte* const at = raw.data();
    if (load_le<std::uint64_t>(at + 48) != segment_header_checksum(at))
        return error{error_code::corrupt, doing}.with("offset", 48);
    segment_header header;
    header.version = load_le<std::uint32_t>(at + 8);
    header.checksum_format = load_le<std::uint32_t>(at + 12);
    header.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    header.first = {load_le<std::uint64_t>(at + 32)};
    header.salt = load_le<std::uint32_t>(at + 40);
    header.previous_checksum = load_le<std::uint32_t>(at + 44);
    const bool told = header.version > 1;
    header.durable = told ? lsn{load_le<std::uint64_t>(at + 56)} : header.first;
    header.before = {told ? load_le<std::uint64_t>(at + 64) : 0};
    if (header.version == 0 || header.version > segment_version)
        return error{error_code::mismatch, doing}
            .with("version", header.version)
            .with("supported", segment_version);
    return header;
}

}  // namespace mantis
