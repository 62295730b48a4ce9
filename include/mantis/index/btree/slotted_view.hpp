// SPDX-License-Identifier: BSL-1.0
//
// Reads one B+tree node in a page (detail/slotted_layout.hpp), whatever its bytes are.
//
// Every function stays inside the page and says `malformed` where the bytes make no sense: a page
// may be damaged, or be changed by a writer while an optimistic reader looks. Each number is loaded
// once, checked, and then used; the header is loaded when the view is made, so a view is good for
// one look. That the answer is right, too, follows from verify_node() or from the latch.
//
// Views of bytes (prefix, suffix, payload) point into the page. With an Access other than the plain
// one they say where the bytes are, which have to be copied through that Access.
//
// A slot of a dense leaf is computed: that of a key is as far from the first one as their numbers
// are, less the numbers that are not there. Where some are missing, it is looked for in between.
//
// A search in others looks at the hints, 16 numbers, for the part of the slots that can matter;
// then at the heads in the slots; and at suffixes in the heap only where heads are equal.
//
// Threads: with plain_access any number of readers and no writer.
#pragma once

#include "detail/page_access.hpp"
#include "detail/slotted_layout.hpp"
#include "key_heads.hpp"

namespace mantis {

// A key of its own: no node has a longer one.
class node_key {
public:
    void assign(bytes_view front, bytes_view back = {}) noexcept {
        check(front.size() + back.size() <= sizeof bytes_, "node_key: longer than a key may be");
        if (!front.empty()) std::memcpy(bytes_, front.data(), front.size());
        if (!back.empty()) std::memcpy(bytes_ + front.size(), back.data(), back.size());
        size_ = front.size() + back.size();
    }
    [[nodiscard]] bytes_view view() const noexcept { return {bytes_, size_}; }

private:
    std::size_t size_ = 0;
    std::byte bytes_[node_limits::max_key_bytes];
};

enum class node_answer : std::uint8_t { absent, found, malformed };

struct node_place {
    std::size_t at = 0;  // of the first key that is not less
    node_answer answer = node_answer::absent;
};

// A key in two parts; both point into the page.
struct node_key_parts {
    bytes_view prefix;
    bytes_view suffix;
    [[nodiscard]] std::size_t size() const noexcept { return prefix.size() + suffix.size(); }
    //   Requires    nobody changes the page
    [[nodiscard]] bool starts_with(bytes_view start) const noexcept {
        if (start.size() <= prefix.size()) return prefix.starts_with(start);
        return start.starts_with(prefix) && suffix.starts_with(start.from(prefix.size()));
    }
};

// What a leaf holds for a key.
struct node_payload {
    bytes_view value;
    bool is_reference = false;  // to an extent that holds the value
};

struct leaf_entry {
    node_key_parts key;
    node_payload payload;
    lsn version;
};

// Where an entry of a leaf lies, for who takes it as a whole: from `offset` on payload bytes and
// version, then the suffix, then the payload.
struct leaf_span {
    std::size_t offset = 0;
    std::size_t suffix_bytes = 0;  // there: none in a dense leaf
    std::size_t payload_bytes = 0;
    bool is_reference = false;
    std::uint32_t head = 0;
    [[nodiscard]] std::size_t size() const noexcept {
        return detail::leaf_entry_fixed_bytes + suffix_bytes + payload_bytes;
    }
};

template <class Access = detail::plain_access>
class slotted_view {
public:
    //   Requires    `page_bytes` is a page size, and as many bytes can be read at `page`
    [[gnu::always_inline]] slotted_view(const std::byte* page, std::size_t page_bytes)
        : page_{page},
          page_bytes_{page_bytes},
          header_{detail::node_header_words::load<Access>(page)},
          sound_{header_fits()} {}

    //   Returns     whether the header makes no sense; then there is nothing in the node
    [[nodiscard]] bool malformed() const noexcept { return !sound_; }

    [[nodiscard]] std::size_t count() const noexcept { return sound_ ? header_.slot_count() : 0u; }
    [[nodiscard]] bool is_leaf() const noexcept {
        return header_.kind() != static_cast<std::uint8_t>(node_kind::inner);
    }
    [[nodiscard]] bool is_dense() const noexcept {
        return header_.kind() == static_cast<std::uint8_t>(node_kind::dense_leaf);
    }
    [[nodiscard]] std::size_t level() const noexcept { return header_.level(); }
    [[nodiscard]] node_owner owner() const noexcept {
        return {table_id{header_.table()}, header_.page()};
    }
    [[nodiscard]] bytes_view prefix() const noexcept {
        return sound_ ? bytes_view{page_ + header_.lower_offset(), header_.prefix_bytes()}
                      : bytes_view{};
    }
    [[nodiscard]] fence_keys fences() const noexcept {
        if (!sound_) return {};
        return {{page_ + header_.lower_offset(), header_.lower_bytes()},
                {page_ + header_.upper_offset(), header_.upper_bytes()}};
    }

    // Header, slots, fences and entries; the rest of the page is free.
    [[nodiscard]] std::size_t bytes_used() const noexcept {
        return sound_ ? page_bytes_ - free_bytes() : 0;
    }
    [[nodiscard]] std::size_t free_bytes() const noexcept {
        return sound_ ? gap_bytes() + header_.hole_bytes() : 0;
    }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }
    [[nodiscard]] std::size_t fill_percent() const noexcept {
        return bytes_used() * 100 / page_bytes_;
    }

    // Who is about to add an entry: it goes below the begin of the heap, where nobody has looked.
    void fetch_gap() const noexcept {
        if (!sound_ || gap_bytes() < 128) return;
        __builtin_prefetch(page_ + header_.heap_begin() - 64, 1);
        __builtin_prefetch(page_ + header_.heap_begin() - 128, 1);
    }
    // Finds the place of `key` in the order.
    [[nodiscard]] node_place lower_bound(bytes_view key) const {
        if (!sound_) return {0, node_answer::malformed};
        const std::size_t shared = header_.prefix_bytes();
        const std::size_t common = key.size() < shared ? key.size() : shared;
        const int order =
            common == 0 ? 0 : Access::compare(page_ + header_.lower_offset(), key.data(), common);
        if (order != 0) return {order < 0 ? count() : 0, node_answer::absent};
        if (common < shared) return {0, node_answer::absent};
        return is_dense() ? search_dense(key.from(shared)) : search(key.from(shared));
    }

    // Which child leads to `key`: 0 ... count().
    [[nodiscard]] node_place child_of(bytes_view key) const {
        node_place place = lower_bound(key);
        if (place.answer == node_answer::found) ++place.at;  // keys from the separator on
        return place;
    }

    //   Returns     false when malformed
    [[nodiscard]] bool read_key(std::size_t at, node_key_parts& into) const {
        if (at >= count()) return false;
        return read_key_of(at, slot(at), into);
    }
    //   Effects     copies the whole key
    //   Returns     false when malformed
    [[nodiscard]] bool copy_key(std::size_t at, node_key& into) const {
        node_key_parts parts;
        if (!read_key(at, parts) || parts.size() > node_limits::max_key_bytes) return false;
        std::byte own[node_limits::max_key_bytes];
        Access::copy(own, parts.prefix.data(), parts.prefix.size());
        Access::copy(own + parts.prefix.size(), parts.suffix.data(), parts.suffix.size());
        into.assign({own, parts.size()});
        return true;
    }
    //   Effects     copies the upper fence
    //   Returns     false when malformed
    [[nodiscard]] bool copy_upper_fence(node_key& into) const {
        const bytes_view upper = fences().upper;
        if (!sound_ || upper.size() > node_limits::max_key_bytes) return false;
        std::byte own[node_limits::max_key_bytes];
        Access::copy(own, upper.data(), upper.size());
        into.assign({own, upper.size()});
        return true;
    }
    //   Returns     false when malformed, or in an inner node
    [[nodiscard]] bool read_leaf_entry(std::size_t at, leaf_entry& into) const {
        if (at >= count() || !is_leaf()) return false;
        const detail::node_slot slot = this->slot(at);
        if (!read_key_of(at, slot, into.key)) return false;
        const std::byte* const raw = page_ + slot.offset;
        const auto word = Access::template load<std::uint16_t>(raw);
        const std::size_t size = word & ~unsigned{detail::payload_is_reference};
        const std::size_t front =
            slot.offset + detail::leaf_entry_fixed_bytes + std::size_t{slot.suffix_bytes};
        if (size > page_bytes_ - front) return false;
        into.payload.value = {page_ + front, size};
        into.payload.is_reference = (word & detail::payload_is_reference) != 0;
        into.version = lsn{Access::template load<std::uint64_t>(raw + 2)};
        return true;
    }
    //   Requires    at < count(), in a leaf
    //   Returns     false when malformed; else all of it lies in the page
    [[nodiscard]] bool read_leaf_span(std::size_t at, leaf_span& into) const {
        return read_leaf_span(slot(at), into);
    }
    [[nodiscard]] bool read_leaf_span(detail::node_slot slot, leaf_span& into) const {
        constexpr std::size_t fixed = detail::leaf_entry_fixed_bytes;
        if (slot.offset < header_.heap_begin() || slot.offset + fixed > page_bytes_) return false;
        const auto word = Access::template load<std::uint16_t>(page_ + slot.offset);
        into = {slot.offset, slot.suffix_bytes, word & ~unsigned{detail::payload_is_reference},
                (word & detail::payload_is_reference) != 0, slot.head};
        return into.offset + into.size() <= page_bytes_;
    }
    // Who is about to read an entry: its lines of the cache are on their way.
    //   Requires    at < count()
    void fetch_entry(std::size_t at) const {
        const std::byte* const entry = page_ + slot(at).offset;
        __builtin_prefetch(entry);
        __builtin_prefetch(entry + 64);
        __builtin_prefetch(entry + 128);
    }
    // The child with the keys below separator `at`, and the last one at count().
    //   Returns     false when malformed, or in a leaf
    [[nodiscard]] bool read_child(std::size_t at, std::uint64_t& page) const {
        if (!sound_ || is_leaf() || at > count()) return false;
        if (at == count()) {
            page = header_.rightmost_child();
            return true;
        }
        const detail::node_slot slot = detail::load_slot<Access>(page_, at);
        if (!fits(slot)) return false;
        page = Access::template load<std::uint64_t>(page_ + slot.offset);
        return true;
    }

    // The header as it was when the view was made, for verify_node() and slotted_node.
    [[nodiscard]] detail::node_header header() const noexcept { return header_.all(); }
    [[nodiscard]] const std::byte* page() const noexcept { return page_; }
    //   Requires    at < count(), here and for head
    [[nodiscard]] detail::node_slot slot(std::size_t at) const {
        return is_dense() ? detail::load_dense_slot<Access>(page_, at)
                          : detail::load_slot<Access>(page_, at);
    }
    [[nodiscard]] std::uint32_t head(std::size_t at) const { return slot(at).head; }
    [[nodiscard]] std::uint32_t hint(std::size_t at) const {
        const std::size_t offset = detail::node_hints_offset + 4 * at;
        return static_cast<std::uint32_t>(Access::load_word(page_ + offset / 8 * 8) >>
                                          8 * (offset % 8));
    }
    // What hint `at` has to be; a dense leaf has none.
    [[nodiscard]] std::uint32_t hint_of_slots(std::size_t at) const {
        const std::size_t distance = hint_distance(count());
        return distance == 0 ? 0 : ordinary_head((at + 1) * distance);
    }
    // How many slots lie between two that are hinted at; 0: there are no hints.
    [[nodiscard]] static constexpr std::size_t hint_distance(std::size_t count) noexcept {
        return count / (detail::node_hint_count + 1);
    }
    [[nodiscard]] std::size_t gap_bytes() const noexcept {
        return header_.heap_begin() - slots_end(header_.slot_count());
    }
    [[nodiscard]] std::size_t entry_fixed_bytes() const noexcept {
        return is_leaf() ? detail::leaf_entry_fixed_bytes : detail::inner_entry_fixed_bytes;
    }
    [[nodiscard]] std::size_t slots_begin() const noexcept {
        return is_dense() ? detail::dense_slots_offset : detail::node_slots_offset;
    }
    [[nodiscard]] std::size_t slots_end(std::size_t count) const noexcept {
        return is_dense() ? detail::dense_slots_offset + detail::dense_slot_bytes * count
                          : ordinary_slots_end(count);
    }
    // What an entry takes, with its slot.
    //   Requires    a leaf; the key begins with the prefix, and belongs here
    [[nodiscard]] std::size_t leaf_entry_bytes(std::size_t key_bytes,
                                               std::size_t payload_bytes) const noexcept {
        return is_dense()
                   ? node_limits::dense_entry_bytes(payload_bytes)
                   : node_limits::leaf_entry_bytes(key_bytes - prefix().size(), payload_bytes);
    }
    // Whether a key between the fences can be put without the leaf becoming another kind.
    //   Requires    nobody changes the page
    [[nodiscard]] bool is_of_kind(bytes_view key) const noexcept {
        return !is_dense() ||
               (key.size() == header_.dense_key_bytes() && key.starts_with(prefix()));
    }

private:
    [[nodiscard, gnu::always_inline]] bool header_fits() const noexcept {
        const detail::node_header_words& own = header_;
        const bool ordinary = own.kind() == static_cast<std::uint8_t>(node_kind::leaf) ||
                              own.kind() == static_cast<std::uint8_t>(node_kind::inner);
        const bool known = own.version() == detail::node_header::current_version &&
                           (ordinary || dense_header_fits());
        return known && own.heap_begin() <= page_bytes_ &&
               (!ordinary || ordinary_slots_end(own.slot_count()) <= own.heap_begin()) &&
               own.hole_bytes() <= page_bytes_ - own.heap_begin() &&
               in_heap(own.lower_offset(), own.lower_bytes()) &&
               in_heap(own.upper_offset(), own.upper_bytes()) &&
               own.prefix_bytes() <= own.lower_bytes();
    }
    // Of its own, so that the rest is short.
    [[nodiscard, gnu::noinline]] bool dense_header_fits() const noexcept {
        return is_dense() &&
               header_.dense_key_bytes() == header_.prefix_bytes() + detail::dense_suffix_bytes &&
               slots_end(header_.slot_count()) <= header_.heap_begin();
    }
    [[nodiscard]] static constexpr std::size_t ordinary_slots_end(std::size_t count) noexcept {
        return detail::node_slots_offset + sizeof(detail::node_slot) * count;
    }
    [[nodiscard]] bool in_heap(std::size_t offset, std::size_t size) const noexcept {
        if (size == 0) return offset == 0;
        return offset >= header_.heap_begin() && offset + size <= page_bytes_;
    }
    [[nodiscard]] bool fits(detail::node_slot slot) const noexcept {
        return slot.offset >= header_.heap_begin() &&
               slot.offset + entry_fixed_bytes() + slot.suffix_bytes <= page_bytes_;
    }
    [[nodiscard]] bool read_key_of(std::size_t at, detail::node_slot slot,
                                   node_key_parts& into) const noexcept {
        if (!fits(slot)) return false;
        into.prefix = prefix();
        if (is_dense()) into.suffix = dense_suffix(at);
        else into.suffix = {page_ + slot.offset + entry_fixed_bytes(), slot.suffix_bytes};
        return true;
    }
    [[nodiscard]] bytes_view dense_suffix(std::size_t at) const noexcept {
        return {page_ + slots_end(at) + 2, detail::dense_suffix_bytes};
    }

    //   Requires    a sound header, of a dense leaf
    [[nodiscard]] node_place search_dense(bytes_view suffix) const {
        const std::size_t count = this->count();
        if (count == 0) return {0, node_answer::absent};
        const std::size_t wanted = detail::head_of(suffix) >> 48;
        const std::size_t first = dense_number(0);
        const std::size_t last = dense_number(count - 1);
        if (wanted > last) return {count, node_answer::absent};
        std::size_t at = 0;
        if (wanted > first) {
            // Numbers ascend; in a page that changes they may do anything.
            const std::size_t missing = last - first >= count ? last - first - (count - 1) : 0;
            std::size_t end = wanted - first < count ? wanted - first : count - 1;
            at = wanted - first > missing ? wanted - first - missing : 0;
            while (at < end) {
                const std::size_t middle = at + (end - at) / 2;
                if (dense_number(middle) < wanted) at = middle + 1;
                else end = middle;
            }
            at = end;
        }
        if (dense_number(at) != wanted || suffix.size() < detail::dense_suffix_bytes)
            return {at, node_answer::absent};
        if (suffix.size() > detail::dense_suffix_bytes) return {at + 1, node_answer::absent};
        return {at, node_answer::found};
    }
    [[nodiscard]] std::size_t dense_number(std::size_t at) const {
        return detail::load_dense_slot<Access>(page_, at).head >> 16;
    }

    //   Requires    a sound header, of no dense leaf
    [[nodiscard]] node_place search(bytes_view suffix) const {
        const auto head = static_cast<std::uint32_t>(detail::head_of(suffix) >> 32);
        std::size_t at = first_not_less(head);
        if (at == count()) return {at, node_answer::absent};
        const detail::node_slot first = detail::load_slot<Access>(page_, at);
        if (first.head != head) return {at, node_answer::absent};
        if (first.offset < page_bytes_) {  // what is read next, if there are no equal heads
            __builtin_prefetch(page_ + first.offset);
            __builtin_prefetch(page_ + first.offset + 64);
            __builtin_prefetch(page_ + first.offset + 128);
        }
        std::size_t end = at + 1;  // heads are seldom equal
        if (end < count() && ordinary_head(end) == head) end = end_of_equal_heads(head);
        while (at < end) {
            const std::size_t middle = at + (end - at) / 2;
            const detail::node_slot slot = detail::load_slot<Access>(page_, middle);
            if (!fits(slot)) return {middle, node_answer::malformed};
            const int order = order_of(slot, suffix);
            if (order == 0) return {middle, node_answer::found};
            if (order < 0) at = middle + 1;
            else end = middle;
        }
        return {at, node_answer::absent};
    }
    [[nodiscard]] std::uint32_t ordinary_head(std::size_t at) const {
        return detail::load_slot<Access>(page_, at).head;
    }
    // Of its own, so that the search is short.
    [[nodiscard, gnu::noinline]] std::size_t end_of_equal_heads(std::uint32_t head) const {
        return head == ~std::uint32_t{0} ? count() : first_not_less(head + 1);
    }
    [[nodiscard]] int order_of(detail::node_slot slot, bytes_view suffix) const {
        const std::size_t own = slot.suffix_bytes;
        const std::size_t common = own < suffix.size() ? own : suffix.size();
        const int order =
            Access::compare(page_ + slot.offset + entry_fixed_bytes(), suffix.data(), common);
        if (order != 0) return order;
        return own == suffix.size() ? 0 : own < suffix.size() ? -1 : 1;
    }
    // Looks at every fourth, and then at those between: few instructions, of which few wait for
    // others.
    [[nodiscard]] std::size_t hints_below(std::uint32_t wanted) const {
        static_assert(detail::node_hint_count == 16);
        const std::byte* const hints = page_ + detail::node_hints_offset;
        const auto low = [&](std::uint64_t two) {
            return static_cast<std::uint32_t>(two) < wanted ? std::size_t{1} : 0;
        };
        const auto high = [&](std::uint64_t two) { return low(two >> 32); };
        const std::size_t part = high(Access::load_word(hints + 8)) +
                                 high(Access::load_word(hints + 24)) +
                                 high(Access::load_word(hints + 40));
        const std::uint64_t first = Access::load_word(hints + 16 * part);
        const std::uint64_t second = Access::load_word(hints + 16 * part + 8);
        return 4 * part + low(first) + high(first) + low(second) + high(second);
    }
    // Branch-free: which way it goes is as random as the keys, and a wrong guess costs more than
    // the compare.
    [[nodiscard, gnu::always_inline]] std::size_t first_not_less(std::uint32_t wanted) const {
        std::size_t begin = 0;
        std::size_t left = count();
        if (left == 0) return 0;
        if (const std::size_t distance = hint_distance(left); distance != 0) {
            const std::size_t below = hints_below(wanted);
            begin = below * distance;
            left = below == detail::node_hint_count ? left - begin : distance;
        }
        while (left > 1) {
            const std::size_t half = left / 2;
            begin += ordinary_head(begin + half - 1) < wanted ? half : 0;
            left -= half;
        }
        return begin + (ordinary_head(begin) < wanted ? 1 : 0);
    }

    const std::byte* page_;
    std::size_t page_bytes_;
    detail::node_header_words header_;
    bool sound_;
};

}  // namespace mantis
