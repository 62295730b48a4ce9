// SPDX-License-Identifier: BSL-1.0
//
// The format of an image: the rows of all tables, as a checkpoint wrote them to a file of its own.
//
//   image   | header | tables | rows | rows | ... | footer |
//   offset    0        80       each block a multiple of 8, the next one right behind
//
// Header, 80 bytes:
//   offset  bytes  field
//        0      8  magic             "MANTISCK"
//        8      4  version           1
//       12      4  checksum          format_id of the checksum policy of the blocks
//       16     16  database          id, high half first
//       32      8  redo from         lsn: the log from here on is redone over the image
//       40      8  salt              drawn at random for each image; repeated in each block
//       48      8  last transaction  the largest id used before `redo from`
//       56      8  last time         of the last stamp before `redo from`, ns since 1970
//       64      8  tables            how many were ever made, dropped ones included
//       72      8  header checksum   crc32c of bytes 0 to 71
//
// Block, 48 bytes and a payload, padded with zeros to a multiple of 8:
//        0      8  checksum          of bytes 8 to the end of the padding
//        8      8  offset            of this block in the file
//       16      8  salt              of the image
//       24      8  table             of its rows; 0 in the other kinds
//       32      4  payload bytes
//       36      4  count             of rows or tables in the payload
//       40      1  kind              1 tables, 2 rows, 3 footer
//       41      7  zero
//
// Payloads:
//   tables   for each table ever made, by id from 1 on: 0 or, if it is dropped, 1; if it is not,
//            name bytes, name, index bytes, index name
//   rows     for each row, sorted by key: key bytes, key, value bytes, value, version
//   footer   log needed, last time, blocks before this one, rows in them, then the payload of the
//            tables block once more
// Numbers in payloads are varints. Rows of one table lie in one run of blocks, ascending over them;
// tables in the order of their ids.
//
// An image is fuzzy: it was written while commits went on, so a row in it may be newer than `redo
// from`. With the log redone from there to `log needed` or beyond it is what the whole log says; up
// to an earlier place it must not be used. `last time` in the footer is that of the last stamp
// before `log needed`.
//
// An image without its footer was never finished. A block carries its place and the salt, so one
// that was written elsewhere, or for another image, is told from the right one.
#pragma once

#include "../core/byte_reader.hpp"
#include "../core/checksum.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../core/units.hpp"

#include <vector>

namespace mantis {

inline constexpr std::size_t image_header_bytes = 80;
inline constexpr std::size_t image_block_header_bytes = 48;
inline constexpr std::uint64_t image_alignment = 8;
inline constexpr std::uint32_t image_version = 1;
// A block of rows is written once it has so many bytes; one row is never split.
inline constexpr std::size_t image_block_target_bytes = 64 * KiB;

struct image_header {
    std::uint32_t version = image_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    lsn redo_from;
    std::uint64_t salt = 0;
    transaction_id last_transaction;
    nanoseconds last_time;
    std::uint64_t tables = 0;
};

enum class image_block_kind : std::uint8_t { tables = 1, rows = 2, footer = 3 };

struct image_block_header {
    std::uint64_t offset = 0;
    std::uint64_t salt = 0;
    table_id table;
    std::uint32_t payload_bytes = 0;
    std::uint32_t count = 0;
    image_block_kind kind = image_block_kind::rows;
};
static_assert(image_header_bytes % image_alignment == 0);
static_assert(image_block_header_bytes == 8 + 8 + 8 + 8 + 4 + 4 + 1 + 7);

struct image_table {
    table_id id;
    bytes name;
    bytes index;
    bool dropped = false;
};

struct image_row {
    bytes_view key;
    bytes_view value;
    lsn version;
};

struct image_footer {
    lsn log_needed;
    nanoseconds last_time;
    std::uint64_t blocks = 0;
    std::uint64_t rows = 0;
    std::vector<image_table> tables;
};

// "checkpoint-", sixteen hexadecimal digits and ".image".
[[nodiscard]] inline bytes image_name(lsn redo_from) {
    bytes name{bytes_view{"checkpoint-"}};
    for (int shift = 60; shift >= 0; shift -= 4)
        name.push_back("0123456789abcdef"[(redo_from.value >> shift) & 15]);
    name.append(".image");
    return name;
}

//   Returns     whether `name` is that of a finished image, and then where its log is redone from
[[nodiscard]] inline bool parse_image_name(bytes_view name, lsn& redo_from) noexcept {
    if (name.size() != 33 || !name.starts_with("checkpoint-")) return false;
    std::uint64_t value = 0;
    for (const std::byte digit : name.part(11, 16)) {
        const char c = static_cast<char>(digit);
        const bool letter = c >= 'a' && c <= 'f';
        if (!letter && (c < '0' || c > '9')) return false;
        value = value << 4 | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    if (name.from(27) != bytes_view{".image"}) return false;
    redo_from = {value};
    return true;
}

//   Returns     whether it is the name of an image, or of one that was never finished
[[nodiscard]] inline bool is_image_name(bytes_view name) noexcept {
    constexpr std::size_t whole = 11 + 16 + 6;
    lsn redo_from;
    if (name.size() == whole + 4 && name.from(whole) == bytes_view{".tmp"})
        name = name.first(whole);
    return parse_image_name(name, redo_from);
}

[[nodiscard]] inline bytes encode_image_header(const image_header& header) {
    bytes raw = bytes::zeros(image_header_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISCK", 8);
    store_le(at + 8, header.version);
    store_le(at + 12, header.checksum_format);
    store_le(at + 16, header.database.high);
    store_le(at + 24, header.database.low);
    store_le(at + 32, header.redo_from.value);
    store_le(at + 40, header.salt);
    store_le(at + 48, header.last_transaction.value);
    store_le(at + 56, static_cast<std::uint64_t>(header.last_time.count));
    store_le(at + 64, header.tables);
    store_le(at + 72, crc32c::of({at, 72}));
    return raw;
}

//   Errors      corrupt (short, not an image, header damaged), mismatch (a newer version)
[[nodiscard]] inline result<image_header> decode_image_header(bytes_view raw) {
    constexpr const char* doing = "reading the header of a checkpoint's image";
    if (raw.size() < image_header_bytes)
        return error{error_code::corrupt, doing}.with("bytes", raw.size());
    if (!raw.starts_with({"MANTISCK", 8}))
        return error{error_code::corrupt, doing}.with("offset", 0);
    const std::byte* const at = raw.data();
    if (load_le<std::uint64_t>(at + 72) != crc32c::of({at, 72}))
        return error{error_code::corrupt, doing}.with("offset", 72);
    image_header header;
    header.version = load_le<std::uint32_t>(at + 8);
    header.checksum_format = load_le<std::uint32_t>(at + 12);
    header.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    header.redo_from = {load_le<std::uint64_t>(at + 32)};
    header.salt = load_le<std::uint64_t>(at + 40);
    header.last_transaction = {load_le<std::uint64_t>(at + 48)};
    header.last_time = {static_cast<std::int64_t>(load_le<std::uint64_t>(at + 56))};
    header.tables = load_le<std::uint64_t>(at + 64);
    if (header.version != image_version)
        return error{error_code::mismatch, doing}
            .with("version", header.version)
            .with("supported", image_version);
    return header;
}

[[nodiscard]] constexpr std::uint64_t image_block_bytes(std::uint64_t payload_bytes) noexcept {
    const std::uint64_t size = image_block_header_bytes + payload_bytes;
    return (size + image_alignment - 1) / image_alignment * image_alignment;
}

// Makes a block out of `raw`, which begins with image_block_header_bytes of room and goes on with
// the payload.
template <checksum_policy Checksum>
void seal_image_block(bytes& raw, image_block_header header) {
    header.payload_bytes = static_cast<std::uint32_t>(raw.size() - image_block_header_bytes);
    raw.resize(static_cast<std::size_t>(image_block_bytes(header.payload_bytes)));
    std::byte* const at = raw.data();
    std::memset(at, 0, image_block_header_bytes);
    store_le(at + 8, header.offset);
    store_le(at + 16, header.salt);
    store_le(at + 24, header.table.value);
    store_le(at + 32, header.payload_bytes);
    store_le(at + 36, header.count);
    at[40] = static_cast<std::byte>(header.kind);
    store_le(at, Checksum::of(raw.view().from(8)));
}

//   Requires    raw.size() >= image_block_header_bytes
[[nodiscard]] inline image_block_header decode_image_block(bytes_view raw) noexcept {
    const std::byte* const at = raw.data();
    return {load_le<std::uint64_t>(at + 8),    load_le<std::uint64_t>(at + 16),
            {load_le<std::uint64_t>(at + 24)}, load_le<std::uint32_t>(at + 32),
            load_le<std::uint32_t>(at + 36),   static_cast<image_block_kind>(at[40])};
}

inline void append_image_tables(bytes& to, const std::vector<image_table>& tables) {
    for (const image_table& each : tables) {
        append_varint(to, each.dropped ? 1 : 0);
        if (each.dropped) continue;
        append_sized(to, each.name);
        append_sized(to, each.index);
    }
}

//   Returns     false: these are not so many tables
[[nodiscard]] inline bool read_image_tables(byte_reader& from, std::uint64_t count,
                                            std::vector<image_table>& tables) {
    tables.clear();
    for (std::uint64_t id = 1; id <= count; ++id) {
        std::uint64_t dropped = 0;
        bytes_view name;
        bytes_view index;
        if (!from.read_varint(dropped) || dropped > 1) return false;
        if (dropped == 0 && (!from.read_sized(name) || !from.read_sized(index))) return false;
        tables.push_back({{id}, bytes{name}, bytes{index}, dropped == 1});
    }
    return from.empty();
}

inline void append_image_row(bytes& to, const image_row& row) {
    append_sized(to, row.key);
    append_sized(to, row.value);
    append_varint(to, row.version.value);
}

//   Returns     false: this is no row
[[nodiscard]] inline bool read_image_row(byte_reader& from, image_row& row) noexcept {
    return from.read_sized(row.key) && from.read_sized(row.value) &&
           from.read_varint(row.version.value);
}

inline void append_image_footer(bytes& to, const image_footer& footer) {
    append_varint(to, footer.log_needed.value);
    append_varint(to, static_cast<std::uint64_t>(footer.last_time.count));
    append_varint(to, footer.blocks);
    append_varint(to, footer.rows);
    append_image_tables(to, footer.tables);
}

//   Returns     false: this is no footer of an image of so many tables
[[nodiscard]] inline bool read_image_footer(bytes_view payload, std::uint64_t tables,
                                            image_footer& footer) {
    byte_reader from{payload};
    std::uint64_t time = 0;
    if (!from.read_varint(footer.log_needed.value) || !from.read_varint(time) ||
        !from.read_varint(footer.blocks) || !from.read_varint(footer.rows))
        return false;
    footer.last_time = {static_cast<std::int64_t>(time)};
    return read_image_tables(from, tables, footer.tables);
}

}  // namespace mantis
