// SPDX-License-Identifier: BSL-1.0
//
// A B+tree node in a page, byte by byte; docs/formats.md has the same tables.
//
//   header | slots, ascending by key -> |   gap   | <- heap: fences and entries, with holes |
//   0        112                                                                    page bytes
//
//   offset  bytes  header
//        0      1  version             1
//        1      1  kind                1 leaf, 2 inner, 4 dense leaf
//        2      2  level               0 in a leaf
//        4      2  slot count
//        6      2  heap begin          offset of the heap's first byte
//        8      2  hole bytes          bytes of the heap that are neither fence nor entry
//       10      2  prefix bytes        of the lower fence, that no key is stored with: as many as
//                                      the fences share; in a dense leaf, all but two of its keys'
//       12      2  lower fence offset  0 where the fence is empty
//       14      2  lower fence bytes
//       16      2  upper fence offset  0 where the fence is empty, which means: there is none
//       18      2  upper fence bytes
//       20      2  dense key bytes     of each key of a dense leaf; 0 in other nodes
//       22      2  zero
//       24      8  table               whose node it is
//       32      8  page                its logical id: a misdirected page is noticed
//       40      8  rightmost child     logical id; 0 in a leaf
//       48     64  hints               heads of 16 evenly spaced slots; 0 with fewer than 17 slots;
//                                      a dense leaf has none, and its slots begin here
//
//   offset  bytes  slot
//        0      2  entry offset
//        2      2  suffix bytes        of the key, without the prefix
//        4      4  head                the first four bytes of the suffix as a big-endian number,
//                                      padded with zeros
//
//   offset  bytes  slot of a dense leaf
//        0      2  entry offset
//        2      2  end of the key      its last two bytes, as they are in it: the suffix
//
//   offset  bytes  leaf entry
//        0      2  payload bytes       bit 15: the payload is a reference to an extent, 16 bytes
//        2      8  version             LSN of the commit that wrote it
//       10         suffix, payload; in a dense leaf the payload alone
//
//   offset  bytes  inner entry
//        0      8  child               logical id of the page with the keys below the separator
//        8         suffix
//
// A dense leaf is for keys of one length that share all but their last two bytes, as big-endian
// numbers do that are near each other. Its slots take half, and its entries have no suffix.
//
// All integers are little-endian. The bytes of the gap and of holes mean nothing. There is no
// checksum in the page: it is kept with the pointer to it.
#pragma once

#include "../../../core/bytes.hpp"
#include "../../../core/endian.hpp"
#include "../../../core/ids.hpp"

namespace mantis {

enum class node_kind : std::uint8_t { leaf = 1, inner = 2, dense_leaf = 4 };  // 3: an extent

// Which page it is.
struct node_owner {
    table_id table;
    std::uint64_t page = 0;  // logical id, from 1 on
    [[nodiscard]] friend constexpr bool operator==(node_owner, node_owner) noexcept = default;
};

// The keys of a node:  lower <= key < upper  in a leaf,  lower < separator < upper  in an inner
// node. An empty upper one is none.
struct fence_keys {
    bytes_view lower;
    bytes_view upper;
};

namespace detail {

struct node_header {
    static constexpr std::uint8_t current_version = 1;

    std::uint8_t version = current_version;
    std::uint8_t kind = 0;
    std::uint16_t level = 0;
    std::uint16_t slot_count = 0;
    std::uint16_t heap_begin = 0;
    std::uint16_t hole_bytes = 0;
    std::uint16_t prefix_bytes = 0;
    std::uint16_t lower_offset = 0;
    std::uint16_t lower_bytes = 0;
    std::uint16_t upper_offset = 0;
    std::uint16_t upper_bytes = 0;
    std::uint16_t dense_key_bytes = 0;
    std::uint16_t zero = 0;
    std::uint64_t table = 0;
    std::uint64_t page = 0;
    std::uint64_t rightmost_child = 0;
};
static_assert(sizeof(node_header) == 48);
static_assert(offsetof(node_header, kind) == 1);
static_assert(offsetof(node_header, level) == 2);
static_assert(offsetof(node_header, slot_count) == 4);
static_assert(offsetof(node_header, heap_begin) == 6);
static_assert(offsetof(node_header, hole_bytes) == 8);
static_assert(offsetof(node_header, prefix_bytes) == 10);
static_assert(offsetof(node_header, lower_offset) == 12);
static_assert(offsetof(node_header, lower_bytes) == 14);
static_assert(offsetof(node_header, upper_offset) == 16);
static_assert(offsetof(node_header, upper_bytes) == 18);
static_assert(offsetof(node_header, dense_key_bytes) == 20);
static_assert(offsetof(node_header, zero) == 22);
static_assert(offsetof(node_header, table) == 24);
static_assert(offsetof(node_header, page) == 32);
static_assert(offsetof(node_header, rightmost_child) == 40);

inline constexpr std::size_t node_hint_count = 16;
inline constexpr std::size_t node_hints_offset = sizeof(node_header);
inline constexpr std::size_t node_slots_offset = node_hints_offset + 4 * node_hint_count;
static_assert(node_slots_offset == 112 && node_slots_offset % 8 == 0);
inline constexpr std::size_t dense_slots_offset = node_hints_offset;
inline constexpr std::size_t dense_slot_bytes = 4;
inline constexpr std::size_t dense_suffix_bytes = 2;
static_assert(dense_slots_offset == 48 && dense_slots_offset % 8 == 0);

struct node_slot {
    std::uint16_t offset = 0;
    std::uint16_t suffix_bytes = 0;  // in the entry: none in a dense leaf
    std::uint32_t head = 0;
};
static_assert(sizeof(node_slot) == 8);
static_assert(offsetof(node_slot, suffix_bytes) == 2);
static_assert(offsetof(node_slot, head) == 4);

inline constexpr std::size_t leaf_entry_fixed_bytes = 10;  // payload bytes, version
inline constexpr std::size_t inner_entry_fixed_bytes = 8;  // child
inline constexpr std::size_t extent_reference_bytes = 16;
inline constexpr std::uint16_t payload_is_reference = 0x8000;

// A slot is read in one access, so that its parts are of one state.
template <class Access>
[[nodiscard]] node_slot load_slot(const std::byte* page, std::size_t at) {
    const std::uint64_t word = Access::load_word(page + node_slots_offset + 8 * at);
    return {static_cast<std::uint16_t>(word), static_cast<std::uint16_t>(word >> 16),
            static_cast<std::uint32_t>(word >> 32)};
}
template <class Access>
void store_slot(std::byte* page, std::size_t at, node_slot slot) {
    const std::uint64_t word =
        slot.offset | std::uint64_t{slot.suffix_bytes} << 16 | std::uint64_t{slot.head} << 32;
    Access::store(page + node_slots_offset + 8 * at, word);
}

// The same of a dense leaf: its head is that of the suffix, which is not in the entry.
template <class Access>
[[nodiscard]] node_slot load_dense_slot(const std::byte* page, std::size_t at) {
    const auto word =
        Access::template load<std::uint32_t>(page + dense_slots_offset + dense_slot_bytes * at);
    const auto end = static_cast<std::uint16_t>(word >> 16);
    return {static_cast<std::uint16_t>(word), 0,
            std::uint32_t{static_cast<std::uint8_t>(end)} << 24 | std::uint32_t{end} >> 8 << 16};
}
template <class Access>
void store_dense_slot(std::byte* page, std::size_t at, std::size_t offset, bytes_view end) {
    std::byte raw[dense_slot_bytes];
    store_le(raw, static_cast<std::uint16_t>(offset));
    raw[2] = end[0];
    raw[3] = end[1];
    Access::write(page + dense_slots_offset + dense_slot_bytes * at, raw, sizeof raw);
}

// A header as it is in the page: six words, of which that is taken which is asked for.
struct node_header_words {
    template <class Access>
    [[nodiscard]] static node_header_words load(const std::byte* page) {
        return {Access::load_word(page),      Access::load_word(page + 8),
                Access::load_word(page + 16), Access::load_word(page + 24),
                Access::load_word(page + 32), Access::load_word(page + 40)};
    }
    [[nodiscard]] std::uint8_t version() const noexcept { return at<std::uint8_t, 0>(); }
    [[nodiscard]] std::uint8_t kind() const noexcept { return at<std::uint8_t, 1>(); }
    [[nodiscard]] std::uint16_t level() const noexcept { return at<std::uint16_t, 2>(); }
    [[nodiscard]] std::uint16_t slot_count() const noexcept { return at<std::uint16_t, 4>(); }
    [[nodiscard]] std::uint16_t heap_begin() const noexcept { return at<std::uint16_t, 6>(); }
    [[nodiscard]] std::uint16_t hole_bytes() const noexcept { return at<std::uint16_t, 8>(); }
    [[nodiscard]] std::uint16_t prefix_bytes() const noexcept { return at<std::uint16_t, 10>(); }
    [[nodiscard]] std::uint16_t lower_offset() const noexcept { return at<std::uint16_t, 12>(); }
    [[nodiscard]] std::uint16_t lower_bytes() const noexcept { return at<std::uint16_t, 14>(); }
    [[nodiscard]] std::uint16_t upper_offset() const noexcept { return at<std::uint16_t, 16>(); }
    [[nodiscard]] std::uint16_t upper_bytes() const noexcept { return at<std::uint16_t, 18>(); }
    [[nodiscard]] std::uint16_t dense_key_bytes() const noexcept { return at<std::uint16_t, 20>(); }
    [[nodiscard]] std::uint64_t table() const noexcept { return words[3]; }
    [[nodiscard]] std::uint64_t page() const noexcept { return words[4]; }
    [[nodiscard]] std::uint64_t rightmost_child() const noexcept { return words[5]; }
    [[nodiscard]] node_header all() const noexcept {
        return {version(),
                kind(),
                level(),
                slot_count(),
                heap_begin(),
                hole_bytes(),
                prefix_bytes(),
                lower_offset(),
                lower_bytes(),
                upper_offset(),
                upper_bytes(),
                dense_key_bytes(),
                at<std::uint16_t, 22>(),
                table(),
                page(),
                rightmost_child()};
    }

    template <class T, std::size_t Offset>
    [[nodiscard]] T at() const noexcept {
        return static_cast<T>(words[Offset / 8] >> 8 * (Offset % 8));
    }

    std::uint64_t words[sizeof(node_header) / 8];
};
template <class Access>
void store_node_header(std::byte* page, const node_header& from) {
    std::byte raw[sizeof(node_header)];
    raw[0] = std::byte{from.version};
    raw[1] = std::byte{from.kind};
    const std::uint16_t words[] = {from.level,           from.slot_count,   from.heap_begin,
                                   from.hole_bytes,      from.prefix_bytes, from.lower_offset,
                                   from.lower_bytes,     from.upper_offset, from.upper_bytes,
                                   from.dense_key_bytes, from.zero};
    for (std::size_t i = 0; i < sizeof words / 2; ++i) store_le(raw + 2 + 2 * i, words[i]);
    store_le(raw + 24, from.table);
    store_le(raw + 32, from.page);
    store_le(raw + 40, from.rightmost_child);
    Access::write(page, raw, sizeof raw);
}

}  // namespace detail

// What fits into a node.
//
// A split works because of what is left beside two fences as long as keys may be: room for two of
// the largest leaf entries, so that a leaf with one entry too many can always be cut into two that
// fit (slotted_node::split has the reason); and for three of the largest inner entries, four from
// 1024 bytes up, so that both halves of an inner node have separators.
struct node_limits {
    static constexpr std::size_t min_page_bytes = 512;
    static constexpr std::size_t max_page_bytes = 32768;
    static constexpr std::size_t max_key_bytes = max_page_bytes / 8;

    // A power of two from 512 to 32768.
    [[nodiscard]] static constexpr bool is_page_size(std::size_t page_bytes) noexcept {
        return page_bytes >= min_page_bytes && page_bytes <= max_page_bytes &&
               (page_bytes & (page_bytes - 1)) == 0;
    }
    [[nodiscard]] static constexpr std::size_t leaf_entry_bytes(std::size_t suffix,
                                                                std::size_t payload) noexcept {
        return sizeof(detail::node_slot) + detail::leaf_entry_fixed_bytes + suffix + payload;
    }
    [[nodiscard]] static constexpr std::size_t dense_entry_bytes(std::size_t payload) noexcept {
        return detail::dense_slot_bytes + detail::leaf_entry_fixed_bytes + payload;
    }
    [[nodiscard]] static constexpr std::size_t inner_entry_bytes(std::size_t suffix) noexcept {
        return sizeof(detail::node_slot) + detail::inner_entry_fixed_bytes + suffix;
    }

    std::size_t page_bytes;

    [[nodiscard]] constexpr std::size_t key_bytes() const noexcept { return page_bytes / 8; }
    // For entries, whatever the fences.
    [[nodiscard]] constexpr std::size_t entry_room() const noexcept {
        return page_bytes - detail::node_slots_offset - 2 * key_bytes();
    }
    // A leaf takes this payload with this key. The value of another goes into an extent, and a
    // reference to it into the leaf, which always takes that.
    [[nodiscard]] constexpr bool takes(std::size_t key, std::size_t payload) const noexcept {
        return key <= key_bytes() && payload <= page_bytes / 4 &&
               2 * leaf_entry_bytes(key, payload) <= entry_room();
    }

    [[nodiscard]] static constexpr bool hold_for_all_page_sizes() noexcept {
        for (std::size_t bytes = min_page_bytes; bytes <= max_page_bytes; bytes *= 2) {
            const node_limits limits{bytes};
            const std::size_t key = limits.key_bytes();
            const std::size_t fanout = bytes < 1024 ? 3 : 4;
            if (!limits.takes(key, detail::extent_reference_bytes)) return false;
            if (fanout * inner_entry_bytes(key) > limits.entry_room()) return false;
            if (bytes / 4 >= detail::payload_is_reference) return false;
        }
        return true;
    }
};
static_assert(node_limits::hold_for_all_page_sizes());

}  // namespace mantis
