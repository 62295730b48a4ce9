// SPDX-License-Identifier: BSL-1.0
//
// A data segment: a file with images of pages. One that a manifest knows is never overwritten. It
// keeps its size; others may have another.
//
//   offset  bytes  field
//        0      8  magic              "MANTISDT"
//        8      4  version            1
//       12      4  checksum           format_id of the checksum policy of the images
//       16     16  database           id, high half first
//       32      4  segment            its number, from 1 on, as in its name; never used twice
//       36      4  segment bytes      of the whole file: a power of two, 64 KiB to 64 MiB
//       40      8  header checksum    crc32c of bytes 0 to 39
//       48   4048  zero
//     4096         images             each at a multiple of 512 and a multiple of 512 long
//
// Nothing in the file says whose an image is, where it ends, or whether it counts: the page map
// does, and it has the checksum. Between images and behind the last one anything may lie.
//
// A place in 64 bits, as it is in memory and in a page delta:
//
//   bits 32-63  segment   0: no place at all, and all other bits are 0
//   bits 8-31   block     offset / 512
//   bits 0-7    blocks    length / 512, 1 to 128
#pragma once

#include "../core/crc32c.hpp"
#include "../core/endian.hpp"
#include "../core/ids.hpp"
#include "../core/result.hpp"
#include "../core/units.hpp"

namespace mantis {

inline constexpr std::size_t data_header_bytes = 4096;
inline constexpr std::uint32_t data_segment_version = 1;
inline constexpr std::size_t data_block_bytes = 512;
inline constexpr std::size_t most_image_bytes = 64 * KiB;
inline constexpr std::uint32_t least_data_segment_bytes = 64 * KiB;
inline constexpr std::uint32_t most_data_segment_bytes = 64 * MiB;

// What a segment can be made of on a full disk; holds nothing. The others have "-1", "-2" and so on
// behind it.
inline constexpr const char* spare_data_name = "data-spare";

struct data_segment_header {
    std::uint32_t version = data_segment_version;
    std::uint32_t checksum_format = 0;
    database_id database;
    std::uint32_t number = 0;
    std::uint32_t segment_bytes = 0;
};

// Where an image is.
class page_place {
public:
    constexpr page_place() noexcept = default;  // none
    constexpr page_place(std::uint32_t segment, std::uint32_t block, std::uint32_t blocks) noexcept
        : bits_{std::uint64_t{segment} << 32 | std::uint64_t{block} << 8 | blocks} {}
    [[nodiscard]] static constexpr page_place of_bits(std::uint64_t bits) noexcept {
        page_place made;
        made.bits_ = bits;
        return made;
    }

    [[nodiscard]] constexpr bool is_none() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr std::uint32_t segment() const noexcept {
        return static_cast<std::uint32_t>(bits_ >> 32);
    }
    [[nodiscard]] constexpr std::uint32_t block() const noexcept {
        return static_cast<std::uint32_t>(bits_ >> 8) & 0xff'ffff;
    }
    [[nodiscard]] constexpr std::uint32_t blocks() const noexcept {
        return static_cast<std::uint32_t>(bits_) & 0xff;
    }
    [[nodiscard]] constexpr std::uint64_t offset() const noexcept {
        return std::uint64_t{block()} * data_block_bytes;
    }
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        return std::size_t{blocks()} * data_block_bytes;
    }
    [[nodiscard]] constexpr std::uint64_t end() const noexcept { return offset() + size(); }
    // None, or a place that the largest segment has.
    [[nodiscard]] constexpr bool plausible() const noexcept {
        if (is_none()) return true;
        return segment() != 0 && blocks() != 0 && size() <= most_image_bytes &&
               offset() >= data_header_bytes && end() <= most_data_segment_bytes;
    }
    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] friend constexpr bool operator==(page_place, page_place) noexcept = default;

private:
    std::uint64_t bits_ = 0;
};
static_assert(sizeof(page_place) == 8);
static_assert(most_data_segment_bytes / data_block_bytes <= 0xff'ffff);
static_assert(most_image_bytes / data_block_bytes <= 0xff);

[[nodiscard]] constexpr bool is_data_segment_size(std::uint64_t size) noexcept {
    return size >= least_data_segment_bytes && size <= most_data_segment_bytes &&
           (size & (size - 1)) == 0;
}

// "data-" and the number: eight digits at least, so that names sort as numbers do until there are
// more.
[[nodiscard]] inline bytes data_segment_name(std::uint32_t number) {
    char digits[10];
    std::size_t at = sizeof digits;
    for (std::uint32_t left = number; left != 0 || at > sizeof digits - 8; left /= 10)
        digits[--at] = static_cast<char>('0' + left % 10);
    bytes name{bytes_view{"data-"}};
    name.append({digits + at, sizeof digits - at});
    return name;
}

//   Returns     whether `name` is a segment's, and then its number
[[nodiscard]] inline bool parse_data_segment_name(bytes_view name, std::uint32_t& number) {
    if (!name.starts_with("data-") || name.size() < 13 || name.size() > 15) return false;
    std::uint64_t value = 0;
    for (const std::byte each : name.from(5)) {
        const char digit = static_cast<char>(each);
        if (digit < '0' || digit > '9') return false;
        value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    if (value == 0 || value > UINT32_MAX) return false;
    if (data_segment_name(static_cast<std::uint32_t>(value)).view() != name) return false;
    number = static_cast<std::uint32_t>(value);
    return true;
}

[[nodiscard]] inline bytes encode_data_header(const data_segment_header& header) {
    bytes raw = bytes::zeros(data_header_bytes);
    std::byte* const at = raw.data();
    std::memcpy(at, "MANTISDT", 8);
    store_le(at + 8, header.version);
    store_le(at + 12, header.checksum_format);
    store_le(at + 16, header.database.high);
    store_le(at + 24, header.database.low);
    store_le(at + 32, header.number);
    store_le(at + 36, header.segment_bytes);
    store_le(at + 40, crc32c::of({at, 40}));
    return raw;
}

//   Errors      corrupt (short, not a segment, header damaged), mismatch (a newer version)
[[nodiscard]] inline result<data_segment_header> decode_data_header(bytes_view raw) {
    constexpr const char* doing = "reading a data segment's header";
    if (raw.size() < data_header_bytes)
        return error{error_code::corrupt, doing}.with("bytes", raw.size());
    const std::byte* const at = raw.data();
    if (!raw.starts_with({"MANTISDT", 8}))
        return error{error_code::corrupt, doing}.with("offset", 0);
    if (load_le<std::uint64_t>(at + 40) != crc32c::of({at, 40}))
        return error{error_code::corrupt, doing}.with("offset", 40);
    data_segment_header header;
    header.version = load_le<std::uint32_t>(at + 8);
    header.checksum_format = load_le<std::uint32_t>(at + 12);
    header.database = {load_le<std::uint64_t>(at + 16), load_le<std::uint64_t>(at + 24)};
    header.number = load_le<std::uint32_t>(at + 32);
    header.segment_bytes = load_le<std::uint32_t>(at + 36);
    if (header.version != data_segment_version)
        return error{error_code::mismatch, doing}
            .with("version", header.version)
            .with("supported", data_segment_version);
    if (header.number == 0 || !is_data_segment_size(header.segment_bytes))
        return error{error_code::corrupt, doing}.with("offset", 32);
    return header;
}

// What is kept with the place of an image: it is of these bytes, this page and this database.
template <class Checksum>
[[nodiscard]] std::uint64_t image_checksum(database_id database, page_id page, bytes_view image) {
    std::byte whose[24];
    store_le(whose, database.high);
    store_le(whose + 8, database.low);
    store_le(whose + 16, page.value);
    return Checksum::of(image, Checksum::of({whose, sizeof whose}));
}

}  // namespace mantis
