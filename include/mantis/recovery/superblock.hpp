// SPDX-License-Identifier: BSL-1.0
//
// The first thing read of a database: whose it is, how it was built, and how far its log reached.
// Two small files hold it, each replaced as a whole (superblock_pair.hpp).
//
// Whether the last opening ended in a crash is not kept: it did if the log goes on behind
// `log reaches` or has a torn tail, and if it does neither, nothing was lost or left.
//
//   offset  bytes  field
//        0      8  magic           "MANTISSB"
//        8      4  version         4; 3 where no table is in pages; 2 where there is no second
//                                  file either, 1 where no record of the log has a stamp
//       12      4  checksum        format_id of the checksum policy
//       16     16  database        id, high half first
//       32      8  log reaches     at the last open or close every record before this lsn was
//                                  durable; a log that ends earlier has lost something
//       40      8  checkpoint lsn  0: there is none
//       48      8  generation      counts replacements; the larger of the two files is the newer
//       56      8  pages sequence  of the checkpoint in the manifest that was the last one when
//                                  this was written, so that an older manifest is told; 0: none
//       64      8  file checksum   crc32c of all bytes before it, in every version
//
// Version 3 has 64 bytes: the file checksum follows `generation`. Versions 1 and 2 have 48: it
// follows `log reaches`.
#pragma once

#include "../core/checksum.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"

namespace mantis {

inline constexpr const char* superblock_name = "superblock";
inline constexpr std::size_t superblock_bytes = 72;
inline constexpr std::size_t superblock_bytes_of_3 = 64;
inline constexpr std::size_t superblock_bytes_before_3 = 48;
inline constexpr std::uint32_t superblock_version = 4;

struct superblock {
    std::uint32_t version = superblock_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    lsn log_reaches;
    lsn checkpoint = {};
    std::uint64_t generation = 0;
    std::uint64_t pages_sequence = 0;
};

[[nodiscard]] constexpr std::size_t superblock_bytes_of(std::uint32_t version) noexcept {
    if (version < 3) return superblock_bytes_before_3;
    return version == 3 ? superblock_bytes_of_3 : superblock_bytes;
}

[[nodiscard]] inline bytes encode_superblock(const superblock& block) {
    const std::size_t size = superblock_bytes_of(block.version);
    bytes raw = bytes::zeros(size);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISSB", 8);
    store_le(at + 8, block.version);
    store_le(at + 12, block.checksum_format);
    store_le(at + 16, block.database.high);
    store_le(at + 24, block.database.low);
    store_le(at + 32, block.log_reaches.value);
    if (block.version >= 3) {
        store_le(at + 40, block.checkpoint.value);
        store_le(at + 48, block.generation);
    }
    if (block.version >= 4) store_le(at + 56, block.pages_sequence);
    store_le(at + size - 8, crc32c::of({at, size - 8}));
    return raw;
}

//   Requires    `file` is what the file is called, for messages
//   Errors      corrupt (wrong size, magic or checksum), mismatch (a newer version)
[[nodiscard]] inline result<superblock> decode_superblock(bytes_view raw,
                                                          bytes_view file = superblock_name) {
    const auto corrupt = [&](const char* name, std::uint64_t value) {
        return error{error_code::corrupt, "reading the superblock"}.about(file).with(name, value);
    };
    if (raw.size() < superblock_bytes_before_3) return corrupt("bytes", raw.size());
    if (!raw.starts_with({"MANTISSB", 8})) return corrupt("offset", 0);
    const std::byte* const at = raw.data();
    const std::size_t covered = raw.size() - 8;
    if (load_le<std::uint64_t>(at + covered) != crc32c::of({at, covered}))
        return corrupt("offset", covered);
    superblock block;
    block.version = load_le<std::uint32_t>(at + 8);
    if (block.version == 0 || block.version > superblock_version)
        return error{error_code::mismatch, "reading the superblock"}
            .about(file)
            .with("version", block.version)
            .with("supported", superblock_version);
    if (raw.size() != superblock_bytes_of(block.version)) return corrupt("bytes", raw.size());
    block.checksum_format = load_le<std::uint32_t>(at + 12);
    block.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    block.log_reaches = {load_le<std::uint64_t>(at + 32)};
    if (block.version >= 3) {
        block.checkpoint = {load_le<std::uint64_t>(at + 40)};
        block.generation = load_le<std::uint64_t>(at + 48);
    }
    if (block.version >= 4) block.pages_sequence = load_le<std::uint64_t>(at + 56);
    return block;
}

}  // namespace mantis
