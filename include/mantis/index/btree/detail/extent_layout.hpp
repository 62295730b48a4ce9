// SPDX-License-Identifier: BSL-1.0
//
// An extent, byte by byte: the pages of one value that is too large for its leaf;
// docs/formats.md has the same tables.
//
//   leaf: key, reference --> page 0 --> page 1 --> ... --> page n     each full but for the last
//
//   offset  bytes  reference, in the leaf
//        0      8  first page          logical id
//        8      4  value bytes
//       12      4  checksum            CRC-32C of the key and, behind it, the value
//
//   offset  bytes  page of an extent
//        0      1  version             1
//        1      1  kind                3: a node has 1 or 2 there
//        2      2  zero
//        4      4  index               of the page in its extent, from 0 on
//        8      4  value bytes         of all pages
//       12      4  checksum            as in the reference
//       16      4  bytes here          of the value, in this page
//       20      4  zero
//       24      8  table               whose value it is
//       32      8  page                its logical id
//       40      8  first page          of the extent
//       48      8  next page           0 in the last one
//       56         its part of the value; what is behind it means nothing
//
// All integers are little-endian. Every page says which one of which value it is, so a page of
// another value, or of the same at another place, is noticed by its header alone. The key is part
// of the checksum, so an extent is the value of one key: no other leads to it, too.
#pragma once

#include "../../../core/crc32c.hpp"
#include "../../../core/units.hpp"
#include "../slotted_view.hpp"

namespace mantis::detail {

// What a value may have at most.
inline constexpr std::size_t max_extent_bytes = GiB;
static_assert(max_extent_bytes <= UINT32_MAX);

inline constexpr std::uint8_t extent_kind = 3;
static_assert(extent_kind != static_cast<std::uint8_t>(node_kind::leaf) &&
              extent_kind != static_cast<std::uint8_t>(node_kind::inner));

struct extent_reference {
    std::uint64_t first_page = 0;
    std::uint32_t value_bytes = 0;
    std::uint32_t checksum = 0;

    [[nodiscard]] friend constexpr bool operator==(extent_reference,
                                                   extent_reference) noexcept = default;
    // Whether there can be such an extent.
    [[nodiscard]] constexpr bool makes_sense() const noexcept {
        return first_page != 0 && value_bytes != 0 && value_bytes <= max_extent_bytes;
    }
};
static_assert(sizeof(extent_reference) == extent_reference_bytes);
static_assert(offsetof(extent_reference, value_bytes) == 8);
static_assert(offsetof(extent_reference, checksum) == 12);

struct extent_header {
    static constexpr std::uint8_t current_version = 1;

    std::uint8_t version = current_version;
    std::uint8_t kind = extent_kind;
    std::uint16_t zero = 0;
    std::uint32_t index = 0;
    std::uint32_t value_bytes = 0;
    std::uint32_t checksum = 0;
    std::uint32_t bytes_here = 0;
    std::uint32_t zero_too = 0;
    std::uint64_t table = 0;
    std::uint64_t page = 0;
    std::uint64_t first_page = 0;
    std::uint64_t next_page = 0;

    [[nodiscard]] friend constexpr bool operator==(const extent_header&,
                                                   const extent_header&) noexcept = default;
};
static_assert(sizeof(extent_header) == 56);
static_assert(offsetof(extent_header, version) == offsetof(node_header, version));
static_assert(offsetof(extent_header, kind) == offsetof(node_header, kind));
static_assert(offsetof(extent_header, index) == 4);
static_assert(offsetof(extent_header, value_bytes) == 8);
static_assert(offsetof(extent_header, checksum) == 12);
static_assert(offsetof(extent_header, bytes_here) == 16);
static_assert(offsetof(extent_header, zero_too) == 20);
static_assert(offsetof(extent_header, table) == offsetof(node_header, table));
static_assert(offsetof(extent_header, page) == offsetof(node_header, page));
static_assert(offsetof(extent_header, first_page) == 40);
static_assert(offsetof(extent_header, next_page) == 48);

inline constexpr std::size_t extent_value_offset = sizeof(extent_header);

inline void store_extent_reference(std::byte* into, extent_reference from) noexcept {
    store_le(into, from.first_page);
    store_le(into + 8, from.value_bytes);
    store_le(into + 12, from.checksum);
}
[[nodiscard]] inline extent_reference load_extent_reference(const std::byte* from) noexcept {
    return {load_le<std::uint64_t>(from), load_le<std::uint32_t>(from + 8),
            load_le<std::uint32_t>(from + 12)};
}

inline void store_extent_header(std::byte* into, const extent_header& from) noexcept {
    into[0] = std::byte{from.version};
    into[1] = std::byte{from.kind};
    store_le(into + 2, from.zero);
    const std::uint32_t words[] = {from.index, from.value_bytes, from.checksum, from.bytes_here,
                                   from.zero_too};
    for (std::size_t i = 0; i < sizeof words / 4; ++i) store_le(into + 4 + 4 * i, words[i]);
    const std::uint64_t ids[] = {from.table, from.page, from.first_page, from.next_page};
    for (std::size_t i = 0; i < sizeof ids / 8; ++i) store_le(into + 24 + 8 * i, ids[i]);
}
[[nodiscard]] inline extent_header load_extent_header(const std::byte* from) noexcept {
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(from + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(from + at); };
    return {.version = std::to_integer<std::uint8_t>(from[0]),
            .kind = std::to_integer<std::uint8_t>(from[1]),
            .zero = load_le<std::uint16_t>(from + 2),
            .index = u32(4),
            .value_bytes = u32(8),
            .checksum = u32(12),
            .bytes_here = u32(16),
            .zero_too = u32(20),
            .table = u64(24),
            .page = u64(32),
            .first_page = u64(40),
            .next_page = u64(48)};
}

[[nodiscard]] inline std::uint32_t extent_checksum(bytes_view key, bytes_view value) noexcept {
    return static_cast<std::uint32_t>(crc32c::of(value, crc32c::of(key)));
}

// How a value lies in pages of one size.
struct extent_shape {
    std::size_t page_bytes;
    std::size_t value_bytes;

    [[nodiscard]] constexpr std::size_t room() const noexcept {
        return page_bytes - extent_value_offset;
    }
    [[nodiscard]] constexpr std::size_t page_count() const noexcept {
        return (value_bytes + room() - 1) / room();
    }
    //   Requires    index < page_count(); so the next
    [[nodiscard]] constexpr std::size_t bytes_before(std::size_t index) const noexcept {
        return index * room();
    }
    [[nodiscard]] constexpr std::size_t bytes_in(std::size_t index) const noexcept {
        const std::size_t left = value_bytes - bytes_before(index);
        return left < room() ? left : room();
    }
};

// What page `index` of an extent begins with, but for the number of the next one.
[[nodiscard]] inline extent_header header_of_extent(table_id table, extent_reference of,
                                                    extent_shape shape, std::size_t index,
                                                    page_id page) noexcept {
    extent_header made;
    made.index = static_cast<std::uint32_t>(index);
    made.value_bytes = of.value_bytes;
    made.checksum = of.checksum;
    made.bytes_here = static_cast<std::uint32_t>(shape.bytes_in(index));
    made.table = table.value;
    made.page = page.value;
    made.first_page = of.first_page;
    return made;
}

}  // namespace mantis::detail
