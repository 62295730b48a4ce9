// SPDX-License-Identifier: BSL-1.0
//
// The first thing read of a database: whose it is, how it was built, and how far its log reached.
// One small file, replaced as a whole.
//
//   offset  bytes  field
//        0      8  magic          "MANTISSB"
//        8      4  version        1
//       12      4  checksum       format_id of the checksum policy
//       16     16  database       id, high half first
//       32      8  log reaches    at the last open or close every record before this lsn was
//                                 durable; a log that ends earlier has lost something
//       40      8  file checksum  crc32c of bytes 0 to 39
#pragma once

#include "../core/checksum.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"

namespace mantis {

inline constexpr const char* superblock_name = "superblock";
inline constexpr std::size_t superblock_bytes = 48;
inline constexpr std::uint32_t superblock_version = 1;

struct superblock {
    std::uint32_t version = superblock_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    lsn log_reaches;
};

[[nodiscard]] inline bytes encode_superblock(const superblock& block) {
    bytes raw = bytes::zeros(superblock_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISSB", 8);
    store_le(at + 8, block.version);
    store_le(at + 12, block.checksum_format);
    store_le(at + 16, block.database.high);
    store_le(at + 24, block.database.low);
    store_le(at + 32, block.log_reaches.value);
    store_le(at + 40, crc32c::of({at, 40}));
    return raw;
}

//   Errors      corrupt (wrong size, magic or checksum), mismatch (a newer version)
[[nodiscard]] inline result<superblock> decode_superblock(bytes_view raw) {
    constexpr const char* doing = "reading the superblock";
    if (raw.size() != superblock_bytes)
        return error{error_code::corrupt, doing}.about(superblock_name).with("bytes", raw.size());
    if (!raw.starts_with({"MANTISSB", 8}))
        return error{error_code::corrupt, doing}.about(superblock_name).with("offset", 0);
    const std::byte* const at = raw.data();
    if (load_le<std::uint64_t>(at + 40) != crc32c::of({at, 40}))
        return error{error_code::corrupt, doing}.about(superblock_name).with("offset", 40);
    superblock block;
    block.version = load_le<std::uint32_t>(at + 8);
    block.checksum_format = load_le<std::uint32_t>(at + 12);
    block.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    block.log_reaches = {load_le<std::uint64_t>(at + 32)};
    if (block.version != superblock_version)
        return error{error_code::mismatch, doing}
            .about(superblock_name)
            .with("version", block.version)
            .with("supported", superblock_version);
    return block;
}

}  // namespace mantis
