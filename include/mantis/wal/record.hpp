// SPDX-License-Identifier: BSL-1.0
//
// A log record, byte by byte. docs/formats.md has the same table and a drawing.
//
//   offset  bytes  field
//        0      8  checksum           of bytes 8 to the end of the payload, by the store's checksum
//                                     policy
//        8      8  lsn                position of this record's first byte; never 0
//       16      8  transaction        whose work it is
//       24      8  durable            end of the last record known to be synced when this one was
//                                     written
//       32      4  payload bytes
//       36      4  salt               of the segment: bytes of an older or foreign file never
//                                     pass for this segment's
//       40      4  previous checksum  low half of the checksum of the record before, over segment
//                                     boundaries
//       44      1  kind
//       45      3  zero
//       48         payload, then zeros up to a multiple of 8
//
// All integers are little-endian. `durable` is what tells a torn tail from damage: when bytes are
// unreadable at p and a later record says that the log was synced beyond p, then data that was safe
// is gone.
#pragma once

#include "../core/checksum.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"

#include <cstddef>

namespace mantis {

// Flush units begin at multiples of this, so that a block holding synced records is never written
// again.
inline constexpr std::uint64_t log_block_bytes = 4096;
inline constexpr std::uint64_t log_record_alignment = 8;

enum class record_kind : std::uint8_t {
    part = 1,    // some operations of a transaction; more follow
    commit = 2,  // the last operations of a transaction, which is thereby committed
};

struct log_record_header {
    std::uint64_t checksum = 0;
    std::uint64_t lsn = 0;
    std::uint64_t transaction = 0;
    std::uint64_t durable = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t salt = 0;
    std::uint32_t previous_checksum = 0;
    std::uint8_t kind = 0;
    std::uint8_t zero[3] = {};
};
static_assert(sizeof(log_record_header) == 48);
static_assert(offsetof(log_record_header, lsn) == 8);
static_assert(offsetof(log_record_header, transaction) == 16);
static_assert(offsetof(log_record_header, durable) == 24);
static_assert(offsetof(log_record_header, payload_bytes) == 32);
static_assert(offsetof(log_record_header, salt) == 36);
static_assert(offsetof(log_record_header, previous_checksum) == 40);
static_assert(offsetof(log_record_header, kind) == 44);

// A record as a reader sees it; the payload points into the reader's buffer.
struct log_record {
    lsn position;
    lsn end;
    transaction_id transaction;
    lsn durable;
    record_kind kind = record_kind::commit;
    bytes_view payload;
};

// A record as a writer is given it.
struct pending_record {
    record_kind kind = record_kind::commit;
    bytes_view payload;
};

struct log_range {
    lsn position;  // of the first record
    lsn end;       // after the last
};

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value,
                                               std::uint64_t multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
}

// Bytes that a record of so much payload takes in the log.
[[nodiscard]] constexpr std::uint64_t record_bytes(std::uint64_t payload_bytes) noexcept {
    return round_up(sizeof(log_record_header) + payload_bytes, log_record_alignment);
}

// Puts a record at `raw`, whole but for what seal_records adds: durable, previous checksum and
// checksum.
//   Requires    room for record_bytes(payload.size())
inline void write_unsealed_record(std::byte* raw, const log_record_header& header,
                                  bytes_view payload) noexcept {
    std::memset(raw, 0, sizeof header);
    store_le(raw + 8, header.lsn);
    store_le(raw + 16, header.transaction);
    store_le(raw + 32, static_cast<std::uint32_t>(payload.size()));
    store_le(raw + 36, header.salt);
    raw[44] = static_cast<std::byte>(header.kind);
    std::byte* const body = raw + sizeof header;
    if (!payload.empty()) std::memcpy(body, payload.data(), payload.size());
    const std::size_t whole = static_cast<std::size_t>(record_bytes(payload.size()));
    std::memset(body + payload.size(), 0, whole - sizeof header - payload.size());
}

struct log_seal {
    std::uint32_t chain = 0;  // low half of the checksum of the last record
    std::uint64_t records = 0;
};

//   Requires    `records` is `size` bytes of one unsealed record after another
//   Returns     how many there are, and the chain after the last, `previous` if there is none
template <checksum_policy Checksum>
log_seal seal_records(std::byte* records, std::size_t size, lsn durable, std::uint32_t previous) {
    log_seal sealed{previous, 0};
    for (std::size_t at = 0; at < size; ++sealed.records) {
        std::byte* const raw = records + at;
        const std::size_t payload_bytes = load_le<std::uint32_t>(raw + 32);
        store_le(raw + 24, durable.value);
        store_le(raw + 40, sealed.chain);
        const std::uint64_t checksum =
            Checksum::of({raw + 8, sizeof(log_record_header) - 8 + payload_bytes});
        store_le(raw, checksum);
        sealed.chain = static_cast<std::uint32_t>(checksum);
        at += static_cast<std::size_t>(record_bytes(payload_bytes));
    }
    return sealed;
}

//   Requires    raw.size() >= sizeof(log_record_header)
[[nodiscard]] inline log_record_header decode_record_header(bytes_view raw) noexcept {
    log_record_header header;
    header.checksum = load_le<std::uint64_t>(raw.data());
    header.lsn = load_le<std::uint64_t>(raw.data() + 8);
    header.transaction = load_le<std::uint64_t>(raw.data() + 16);
    header.durable = load_le<std::uint64_t>(raw.data() + 24);
    header.payload_bytes = load_le<std::uint32_t>(raw.data() + 32);
    header.salt = load_le<std::uint32_t>(raw.data() + 36);
    header.previous_checksum = load_le<std::uint32_t>(raw.data() + 40);
    header.kind = load_le<std::uint8_t>(raw.data() + 44);
    for (std::size_t i = 0; i < 3; ++i) header.zero[i] = load_le<std::uint8_t>(raw.data() + 45 + i);
    return header;
}

enum class record_verdict : std::uint8_t { valid, padding, damaged };

//   Requires    raw begins at the record and reaches to the end of what is readable
//   Returns     padding where the lsn is zero, as in bytes never written; damaged where anything
//               does not fit
template <checksum_policy Checksum>
[[nodiscard]] record_verdict examine_record(bytes_view raw, lsn position,
                                            std::uint32_t salt) noexcept {
    if (raw.size() < sizeof(log_record_header)) return record_verdict::padding;
    const log_record_header header = decode_record_header(raw);
    if (header.lsn == 0) return record_verdict::padding;
    const bool fits = header.lsn == position.value && header.salt == salt &&
                      header.durable <= header.lsn &&
                      record_bytes(header.payload_bytes) <= raw.size() &&
                      (header.zero[0] | header.zero[1] | header.zero[2]) == 0 &&
                      (header.kind == static_cast<std::uint8_t>(record_kind::part) ||
                       header.kind == static_cast<std::uint8_t>(record_kind::commit));
    if (!fits) return record_verdict::damaged;
    const bytes_view covered = raw.part(8, sizeof header - 8 + header.payload_bytes);
    return Checksum::of(covered) == header.checksum ? record_verdict::valid
                                                    : record_verdict::damaged;
}

}  // namespace mantis
