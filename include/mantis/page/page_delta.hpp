// SPDX-License-Identifier: BSL-1.0
//
// What a commit changes in the page map, as bytes that somebody makes durable: a few pages, and
// where their images are from now on. A snapshot of the map is a delta against an empty one.
//
//   offset  bytes  field
//        0      8  magic              "MANTISPM"
//        8      4  version            1
//       12      4  checksum           format_id of the checksum policy of the images
//       16     16  database           id, high half first
//       32      4  next segment       every data segment was made with a number below it
//       36      4  count              of the entries
//       40         entries            ascending by page
//                  8  page            from 1 on
//                  8  place           data_segment.hpp; 0: the page is gone
//                  8  checksum        of the image with its page and database; 0 if it is gone
//      end      8  delta checksum     crc32c of all bytes before it
//
// Threads: like an int.
#pragma once

#include "data_segment.hpp"

#include <vector>

namespace mantis {

inline constexpr std::uint32_t page_delta_version = 1;
inline constexpr std::size_t page_delta_header_bytes = 40;
inline constexpr std::size_t page_delta_entry_bytes = 24;
inline constexpr std::size_t page_delta_checksum_bytes = 8;
// No page of a page map is beyond it.
inline constexpr page_id last_mapped_page{UINT32_MAX};

// Where a page's image is, and what its bytes have to be.
struct page_entry {
    page_place place;
    std::uint64_t checksum = 0;

    [[nodiscard]] friend constexpr bool operator==(const page_entry&,
                                                   const page_entry&) noexcept = default;
};
static_assert(sizeof(page_entry) == 16);

struct page_change {
    page_id page;
    page_entry now;  // no place: gone

    [[nodiscard]] friend constexpr bool operator==(const page_change&,
                                                   const page_change&) noexcept = default;
};

struct page_delta {
    std::uint32_t checksum_format = 0;
    database_id database;
    std::uint32_t next_segment = 1;
    std::vector<page_change> changes;  // ascending by page

    //   Requires    fewer than 2^32 changes
    [[nodiscard]] bytes encode() const {
        bytes raw = bytes::zeros(page_delta_header_bytes + changes.size() * page_delta_entry_bytes +
                                 page_delta_checksum_bytes);
        check(changes.size() <= UINT32_MAX, "a page delta has too many changes");
        std::byte* at = raw.data();
        std::memcpy(at, "MANTISPM", 8);
        store_le(at + 8, page_delta_version);
        store_le(at + 12, checksum_format);
        store_le(at + 16, database.high);
        store_le(at + 24, database.low);
        store_le(at + 32, next_segment);
        store_le(at + 36, static_cast<std::uint32_t>(changes.size()));
        at += page_delta_header_bytes;
        for (const page_change& each : changes) {
            store_le(at, each.page.value);
            store_le(at + 8, each.now.place.bits());
            store_le(at + 16, each.now.checksum);
            at += page_delta_entry_bytes;
        }
        const auto before = static_cast<std::size_t>(at - raw.data());
        store_le(at, crc32c::of(raw.view().first(before)));
        return raw;
    }
};
static_assert(page_delta_entry_bytes == 8 + sizeof(page_entry));

namespace detail {

// Whether an entry of a delta can be one, behind the page `last`.
[[nodiscard]] inline bool is_page_change(const page_change& each, page_id last,
                                         std::uint32_t next_segment) noexcept {
    if (each.page <= last || each.page > last_mapped_page) return false;
    if (each.now.place.is_none()) return each.now.checksum == 0;
    return each.now.place.plausible() && each.now.place.segment() < next_segment;
}

}  // namespace detail

//   Errors      corrupt (anything but what encode() made; `offset` says where), mismatch (a newer
//               version)
//   Complexity  takes no more memory than the bytes do
[[nodiscard]] inline result<page_delta> decode_page_delta(bytes_view raw) {
    constexpr const char* doing = "reading a page delta";
    const auto wrong = [](std::size_t offset) {
        return error{error_code::corrupt, doing}.with("offset", offset);
    };
    constexpr std::size_t least = page_delta_header_bytes + page_delta_checksum_bytes;
    if (raw.size() < least) return wrong(raw.size());
    if (!raw.starts_with({"MANTISPM", 8})) return wrong(0);
    const std::size_t end = raw.size() - page_delta_checksum_bytes;
    if (load_le<std::uint64_t>(raw.data() + end) != crc32c::of(raw.first(end))) return wrong(end);
    const auto version = load_le<std::uint32_t>(raw.data() + 8);
    if (version != page_delta_version)
        return error{error_code::mismatch, doing}
            .with("version", version)
            .with("supported", page_delta_version);
    page_delta delta;
    delta.checksum_format = load_le<std::uint32_t>(raw.data() + 12);
    delta.database = {load_le<std::uint64_t>(raw.data() + 16),
                      load_le<std::uint64_t>(raw.data() + 24)};
    delta.next_segment = load_le<std::uint32_t>(raw.data() + 32);
    const auto count = load_le<std::uint32_t>(raw.data() + 36);
    if (delta.next_segment == 0) return wrong(32);
    if ((end - page_delta_header_bytes) / page_delta_entry_bytes != count ||
        (end - page_delta_header_bytes) % page_delta_entry_bytes != 0)
        return wrong(36);
    delta.changes.reserve(count);
    page_id last;
    for (std::size_t at = page_delta_header_bytes; at < end; at += page_delta_entry_bytes) {
        const std::byte* const from = raw.data() + at;
        const page_change each{{load_le<std::uint64_t>(from)},
                               {page_place::of_bits(load_le<std::uint64_t>(from + 8)),
                                load_le<std::uint64_t>(from + 16)}};
        if (!detail::is_page_change(each, last, delta.next_segment)) return wrong(at);
        delta.changes.push_back(each);
        last = each.page;
    }
    return delta;
}

}  // namespace mantis
