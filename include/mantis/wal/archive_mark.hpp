// SPDX-License-Identifier: BSL-1.0
//
// What was archived of a log: one small file beside its segments, replaced as a whole.
//
//   offset  bytes  field
//        0      8  magic              "MANTISAR"
//        8      4  version            1
//       12      4  previous checksum  low half of the checksum of the last record archived
//       16     16  database           id, high half first
//       32      8  archived lsn       every segment that begins before it is archived
//       40      8  file checksum      crc32c of bytes 0 to 39
//
// It only saves work: without it, or where it does not fit the log, everything that is still there
// is handed to the archive again, which has it already. So what cannot be read counts as nothing.
//
// It fits while the segment that begins at `archived lsn` is there and continues that very record.
// Segments behind it are never removed before they are archived, so it fits until the log is
// replaced or loses its end.
//
// Threads: plain values.
#pragma once

#include "../core/crc32c.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"

namespace mantis {

inline constexpr const char* archive_mark_name = "archived";
inline constexpr std::size_t archive_mark_bytes = 48;
inline constexpr std::uint32_t archive_mark_version = 1;

struct archive_mark {
    database_id database;
    lsn archived;
    std::uint32_t previous_checksum = 0;
};

[[nodiscard]] inline bytes encode_archive_mark(const archive_mark& mark) {
    bytes raw = bytes::zeros(archive_mark_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISAR", 8);
    store_le(at + 8, archive_mark_version);
    store_le(at + 12, mark.previous_checksum);
    store_le(at + 16, mark.database.high);
    store_le(at + 24, mark.database.low);
    store_le(at + 32, mark.archived.value);
    store_le(at + 40, crc32c::of({at, 40}));
    return raw;
}

//   Errors      corrupt, mismatch (a newer version)
[[nodiscard]] inline result<archive_mark> decode_archive_mark(bytes_view raw) {
    constexpr const char* doing = "reading what was archived of a log";
    if (raw.size() != archive_mark_bytes || !raw.starts_with({"MANTISAR", 8}))
        return error{error_code::corrupt, doing}.with("bytes", raw.size());
    const std::byte* const at = raw.data();
    if (load_le<std::uint64_t>(at + 40) != crc32c::of({at, 40}))
        return error{error_code::corrupt, doing}.with("offset", 40);
    if (const auto version = load_le<std::uint32_t>(at + 8); version != archive_mark_version)
        return error{error_code::mismatch, doing}
            .with("version", version)
            .with("supported", archive_mark_version);
    return archive_mark{{load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)},
                        {load_le<std::uint64_t>(at + 32)},
                        load_le<std::uint32_t>(at + 12)};
}

}  // namespace mantis
