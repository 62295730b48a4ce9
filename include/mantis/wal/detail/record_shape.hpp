// SPDX-License-Identifier: BSL-1.0
//
// Whether a record's header makes sense, before its payload is read: lengths that are not in the
// file are never believed.
//
// Threads: any number; no state.
#pragma once

#include "../record.hpp"

namespace mantis::detail {

inline constexpr std::uint64_t max_log_payload_bytes = 1024 * 1024 * 1024;

// The checksum of the whole may still not fit.
//   Requires    `left` is how much of the file there is from the record on
[[nodiscard]] inline bool may_be_record(const log_record_header& header, lsn position,
                                        std::uint32_t salt, std::uint64_t left) noexcept {
    return header.lsn == position.value && header.salt == salt && header.durable <= header.lsn &&
           header.payload_bytes <= max_log_payload_bytes &&
           record_bytes(header.payload_bytes) <= left &&
           (header.kind == static_cast<std::uint8_t>(record_kind::part) ||
            header.kind == static_cast<std::uint8_t>(record_kind::commit));
}

//   Requires    raw holds a record whole
[[nodiscard]] inline log_record record_of(bytes_view raw, lsn position) noexcept {
    const log_record_header header = decode_record_header(raw);
    log_record record;
    record.position = position;
    record.end = {position.value + record_bytes(header.payload_bytes)};
    record.transaction = {header.transaction};
    record.durable = {header.durable};
    record.kind = static_cast<record_kind>(header.kind);
    record.payload = raw.part(sizeof header, header.payload_bytes);
    return record;
}

}  // namespace mantis::detail
