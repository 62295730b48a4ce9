// SPDX-License-Identifier: BSL-1.0
//
// The format of a manifest: groups of edits, each of which is there as a whole or not at all.
//
//   manifest | header | snapshot          | group   | group             | ...
//   frames            | f0 | f1 | f2 last | f0 last | f0 | f1 last      |
//   offset     0        4096      each frame a multiple of 4096, the next one right behind
//
// Header, 4096 bytes:
//   offset  bytes  field
//        0      8  magic            "MANTISMF"
//        8      4  version          1
//       12      4  checksum         format_id of the checksum policy of the frames
//       16     16  database         id, high half first
//       32      8  generation       that of the file's name
//       40      8  salt             drawn at random for each file; repeated in each frame
//       48   4040  zero
//     4088      8  header checksum  crc32c of bytes 0 to 4087, in every version
//
// Frame, 80 bytes and a payload, padded with zeros to a multiple of 4096, at most 65,536 in all:
//        0      8  checksum           of bytes 8 to the end of the padding
//        8      8  offset             of this frame in the file
//       16      8  salt               of the file
//       24      8  attempt            drawn at random for each group
//       32      8  sequence           of the group; counts over generations
//       40      8  epoch
//       48      8  checkpoint         lsn
//       56      8  previous checksum  of the frame before; the header's for the first one
//       64      4  payload bytes
//       68      4  edits              in the payload
//       72      4  number             of the frame in its group, from 0 on
//       76      1  last               1 in the last frame of the group, else 0
//       77      1  snapshot           1 in the first group of the file, else 0
//       78      2  zero
//
// Edit: kind (2 bytes), length (2 bytes), bytes. It lies in one frame.
//
// A snapshot stands for all groups up to its sequence; each other group has the sequence after that
// of the group before. A frame is checked by itself, so that its edits may be handed out without
// reading the rest of the group again; the group counts if all its frames are there.
//
// The attempt keeps apart what two attempts to append one group wrote to one place: without it the
// first frames of one and the last ones of the other might go together.
#pragma once

#include "../core/byte_reader.hpp"
#include "../core/checksum.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../core/units.hpp"

#include <optional>

namespace mantis {

inline constexpr std::size_t manifest_header_bytes = 4096;
// Frames begin at multiples of it, so that a block of a durable group is never written again.
inline constexpr std::size_t manifest_block_bytes = 4096;
inline constexpr std::size_t manifest_frame_header_bytes = 80;
inline constexpr std::size_t manifest_max_frame_bytes = 64 * KiB;
inline constexpr std::size_t manifest_max_payload_bytes =
    manifest_max_frame_bytes - manifest_frame_header_bytes;
inline constexpr std::size_t manifest_edit_header_bytes = 4;
inline constexpr std::size_t manifest_max_edit_bytes = 63 * KiB;
inline constexpr std::uint32_t manifest_version = 1;
static_assert(manifest_frame_header_bytes == 8 * 8 + 3 * 4 + 2 * 1 + 2);
static_assert(manifest_edit_header_bytes + manifest_max_edit_bytes <= manifest_max_payload_bytes);
static_assert(manifest_max_edit_bytes < (1 << 16));
static_assert(manifest_max_frame_bytes % manifest_block_bytes == 0);
static_assert(manifest_header_bytes % manifest_block_bytes == 0);

// All kinds of edits there are, so that no number is used twice. The manifest hands out others too.
enum class manifest_edit_kind : std::uint16_t {
    page_map = 1,  // where some pages lie from now on
    table = 2,     // a table was made or dropped
    root = 3,      // the root of a table's index
    figures = 4,   // what was done since the database was made
};

struct manifest_header {
    std::uint32_t version = manifest_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    std::uint64_t generation = 0;
    std::uint64_t salt = 0;
    std::uint64_t header_checksum = 0;  // set by decoding
};

[[nodiscard]] constexpr std::uint64_t manifest_frame_bytes(std::uint64_t payload_bytes) noexcept {
    constexpr std::uint64_t block = manifest_block_bytes;
    return (manifest_frame_header_bytes + payload_bytes + block - 1) / block * block;
}
static_assert(manifest_frame_bytes(manifest_max_payload_bytes) == manifest_max_frame_bytes);

struct manifest_frame {
    std::uint64_t checksum = 0;  // set by decoding
    std::uint64_t offset = 0;
    std::uint64_t salt = 0;
    std::uint64_t attempt = 0;
    std::uint64_t sequence = 0;
    std::uint64_t epoch = 0;
    lsn checkpoint = {};
    std::uint64_t previous_checksum = 0;
    std::uint32_t edits = 0;
    std::uint32_t number = 0;
    bool last = false;
    bool snapshot = false;
    bytes_view payload = {};  // set by decoding

    [[nodiscard]] std::uint64_t end() const noexcept {
        return offset + manifest_frame_bytes(payload.size());
    }
};

inline constexpr std::uint64_t manifest_max_generation = 0xffff'ffff;

// "manifest-" and eight hexadecimal digits: names sort as generations do.
[[nodiscard]] inline bytes manifest_name(std::uint64_t generation) {
    bytes name{bytes_view{"manifest-"}};
    for (int shift = 28; shift >= 0; shift -= 4)
        name.push_back("0123456789abcdef"[(generation >> shift) & 15]);
    return name;
}
// What a manifest is called while it is being made.
[[nodiscard]] inline bytes manifest_passing_name(std::uint64_t generation) {
    bytes name = manifest_name(generation);
    name.append(".tmp");
    return name;
}

//   Returns     the generation of the manifest that has this name; 0: it is no manifest's
[[nodiscard]] inline std::uint64_t parse_manifest_name(bytes_view name) noexcept {
    if (name.size() != 17 || !name.starts_with("manifest-")) return 0;
    std::uint64_t value = 0;
    for (const std::byte digit : name.from(9)) {
        const char c = static_cast<char>(digit);
        const bool letter = c >= 'a' && c <= 'f';
        if (!letter && (c < '0' || c > '9')) return 0;
        value = value << 4 | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    return value;
}
//   Returns     whether it is the name of a manifest that was never finished
[[nodiscard]] inline bool is_manifest_passing_name(bytes_view name) noexcept {
    return name.size() == 21 && name.from(17) == bytes_view{".tmp"} &&
           parse_manifest_name(name.first(17)) != 0;
}

[[nodiscard]] inline bytes encode_manifest_header(const manifest_header& header) {
    bytes raw = bytes::zeros(manifest_header_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISMF", 8);
    store_le(at + 8, header.version);
    store_le(at + 12, header.checksum_format);
    store_le(at + 16, header.database.high);
    store_le(at + 24, header.database.low);
    store_le(at + 32, header.generation);
    store_le(at + 40, header.salt);
    store_le(at + 4088, crc32c::of({at, 4088}));
    return raw;
}

//   Errors      corrupt (short, not a manifest, header damaged), mismatch (a newer version)
[[nodiscard]] inline result<manifest_header> decode_manifest_header(bytes_view raw) {
    constexpr const char* doing = "reading the header of a manifest";
    if (raw.size() < manifest_header_bytes)
        return error{error_code::corrupt, doing}.with("bytes", raw.size());
    if (!raw.starts_with({"MANTISMF", 8}))
        return error{error_code::corrupt, doing}.with("offset", 0);
    const std::byte* const at = raw.data();
    manifest_header header;
    header.header_checksum = load_le<std::uint64_t>(at + 4088);
    if (header.header_checksum != crc32c::of({at, 4088}))
        return error{error_code::corrupt, doing}.with("offset", 4088);
    header.version = load_le<std::uint32_t>(at + 8);
    if (header.version != manifest_version)
        return error{error_code::mismatch, doing}
            .with("version", header.version)
            .with("supported", manifest_version);
    header.checksum_format = load_le<std::uint32_t>(at + 12);
    header.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    header.generation = load_le<std::uint64_t>(at + 32);
    header.salt = load_le<std::uint64_t>(at + 40);
    return header;
}

//   Requires    bytes.size() <= manifest_max_edit_bytes
inline void append_manifest_edit(bytes& to, manifest_edit_kind kind, bytes_view from) {
    std::byte head[manifest_edit_header_bytes];
    store_le(head, static_cast<std::uint16_t>(kind));
    store_le(head + 2, static_cast<std::uint16_t>(from.size()));
    to.append({head, sizeof head});
    to.append(from);
}

//   Returns     false: this is no edit
[[nodiscard]] inline bool read_manifest_edit(byte_reader& from, manifest_edit_kind& kind,
                                             bytes_view& value) noexcept {
    std::uint16_t number = 0;
    std::uint16_t size = 0;
    if (!from.read_le(number) || !from.read_le(size) || !from.read_bytes(size, value)) return false;
    kind = static_cast<manifest_edit_kind>(number);
    return size <= manifest_max_edit_bytes;
}

// Makes a frame out of `raw`, which begins with manifest_frame_header_bytes of room and goes on
// with the payload.
//   Requires    raw.size() <= manifest_max_frame_bytes
//   Returns     its checksum
template <checksum_policy Checksum>
std::uint64_t seal_manifest_frame(bytes& raw, const manifest_frame& frame) {
    const std::size_t payload_bytes = raw.size() - manifest_frame_header_bytes;
    raw.append(static_cast<std::size_t>(manifest_frame_bytes(payload_bytes)) - raw.size(),
               std::byte{0});
    std::byte* const at = raw.data();
    store_le(at + 8, frame.offset);
    store_le(at + 16, frame.salt);
    store_le(at + 24, frame.attempt);
    store_le(at + 32, frame.sequence);
    store_le(at + 40, frame.epoch);
    store_le(at + 48, frame.checkpoint.value);
    store_le(at + 56, frame.previous_checksum);
    store_le(at + 64, static_cast<std::uint32_t>(payload_bytes));
    store_le(at + 68, frame.edits);
    store_le(at + 72, frame.number);
    at[76] = std::byte{frame.last};
    at[77] = std::byte{frame.snapshot};
    at[78] = at[79] = std::byte{0};
    const std::uint64_t checksum = Checksum::of(raw.view().from(8));
    store_le(at, checksum);
    return checksum;
}

//   Requires    raw.size() >= manifest_frame_header_bytes
//   Returns     how long the frame is that may begin here; 0: none does
[[nodiscard]] inline std::uint64_t manifest_frame_here(bytes_view raw, std::uint64_t offset,
                                                       std::uint64_t salt) noexcept {
    const std::byte* const at = raw.data();
    const std::uint32_t payload_bytes = load_le<std::uint32_t>(at + 64);
    if (load_le<std::uint64_t>(at + 8) != offset || load_le<std::uint64_t>(at + 16) != salt ||
        payload_bytes > manifest_max_payload_bytes)
        return 0;
    return manifest_frame_bytes(payload_bytes);
}

[[nodiscard]] inline bool holds_manifest_edits(bytes_view payload, std::uint32_t edits) noexcept {
    byte_reader from{payload};
    manifest_edit_kind kind;
    bytes_view value;
    for (std::uint32_t left = edits; left > 0; --left)
        if (!read_manifest_edit(from, kind, value)) return false;
    return from.empty();
}

//   Requires    raw is as long as manifest_frame_here() says, or shorter where the file ends
//   Returns     the frame, if these are the bytes of one; its payload points into `raw`
template <checksum_policy Checksum>
[[nodiscard]] std::optional<manifest_frame> decode_manifest_frame(bytes_view raw) noexcept {
    if (raw.size() < manifest_block_bytes) return {};
    const std::byte* const at = raw.data();
    const std::uint32_t payload_bytes = load_le<std::uint32_t>(at + 64);
    if (raw.size() != manifest_frame_bytes(payload_bytes)) return {};
    manifest_frame frame;
    frame.checksum = load_le<std::uint64_t>(at);
    if (frame.checksum != Checksum::of(raw.from(8))) return {};
    frame.offset = load_le<std::uint64_t>(at + 8);
    frame.salt = load_le<std::uint64_t>(at + 16);
    frame.attempt = load_le<std::uint64_t>(at + 24);
    frame.sequence = load_le<std::uint64_t>(at + 32);
    frame.epoch = load_le<std::uint64_t>(at + 40);
    frame.checkpoint = {load_le<std::uint64_t>(at + 48)};
    frame.previous_checksum = load_le<std::uint64_t>(at + 56);
    frame.edits = load_le<std::uint32_t>(at + 68);
    frame.number = load_le<std::uint32_t>(at + 72);
    frame.last = at[76] != std::byte{0};
    frame.snapshot = at[77] != std::byte{0};
    frame.payload = raw.part(manifest_frame_header_bytes, payload_bytes);
    const bool flags = at[76] <= std::byte{1} && at[77] <= std::byte{1} && at[78] == std::byte{0} &&
                       at[79] == std::byte{0};
    if (!flags || !holds_manifest_edits(frame.payload, frame.edits)) return {};
    return frame;
}

}  // namespace mantis
