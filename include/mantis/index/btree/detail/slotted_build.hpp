// SPDX-License-Identifier: BSL-1.0
//
// Writes a node from nothing into memory of its own: fences first, then entries in ascending order,
// without holes. Compacting, splitting and merging build what they want and put it into the page
// as a whole.
//
// Stack: a page of the largest size.
#pragma once

#include "../slotted_view.hpp"

namespace mantis::detail {

// How long the keys of a dense leaf are that takes slots [from, to), with this lower fence.
//   Returns     0: there is no such leaf, or nothing to tell it by
[[nodiscard]] inline std::size_t dense_key_bytes(const slotted_view<plain_access>& leaf,
                                                 std::size_t from, std::size_t to,
                                                 bytes_view lower) noexcept {
    node_key_parts first;
    node_key_parts last;
    if (from == to || !leaf.is_leaf() || !leaf.read_key(from, first) ||
        !leaf.read_key(to - 1, last))
        return 0;
    const std::size_t size = first.size();
    if (size < dense_suffix_bytes || size - dense_suffix_bytes > lower.size()) return 0;
    const bytes_view stem = lower.first(size - dense_suffix_bytes);
    // What the first and the last begin with, those between do.
    if (!first.starts_with(stem) || !last.starts_with(stem)) return 0;
    for (std::size_t at = from; !leaf.is_dense() && at < to; ++at)
        if (leaf.slot(at).suffix_bytes != first.suffix.size()) return 0;
    return size;
}
// The same of an ordinary leaf that is to have `key`, too.
[[nodiscard]] inline std::size_t dense_key_bytes_with(const slotted_view<plain_access>& leaf,
                                                      bytes_view key) noexcept {
    const bytes_view lower = leaf.fences().lower;
    if (leaf.is_dense() || dense_key_bytes(leaf, 0, leaf.count(), lower) != key.size()) return 0;
    return key.starts_with(lower.first(key.size() - dense_suffix_bytes)) ? key.size() : 0;
}
// Header fields of a dense leaf with keys of that length; of an ordinary leaf where it is 0.
inline void set_dense_key_bytes(node_header& of, std::size_t size) noexcept {
    of.kind = static_cast<std::uint8_t>(size == 0 ? node_kind::leaf : node_kind::dense_leaf);
    of.dense_key_bytes = static_cast<std::uint16_t>(size);
}

// How long the common prefix of all keys between two fences is.
[[nodiscard]] inline std::size_t shared_by_fences(fence_keys fences) noexcept {
    return fences.upper.empty() ? 0 : common_prefix_bytes(fences.lower, fences.upper);
}

// Whether the prefix is as long as it has to be; of a dense leaf the view knows it.
template <class Access>
[[nodiscard]] bool has_right_prefix(const slotted_view<Access>& node, fence_keys fences) noexcept {
    return node.is_dense() || node.prefix().size() == shared_by_fences(fences);
}

// What slots and entries of a sound node take in one with that prefix, not longer than an ordinary
// one has; or in a dense leaf with keys of `dense_key_bytes`, which they have.
[[nodiscard]] inline std::size_t entries_bytes(const slotted_view<plain_access>& own,
                                               std::size_t prefix,
                                               std::size_t dense_key_bytes) noexcept {
    const fence_keys fences = own.fences();
    const std::size_t count = own.count();
    const std::size_t used =
        own.bytes_used() - own.slots_begin() - fences.lower.size() - fences.upper.size();
    const std::size_t key_bytes = own.is_dense() ? own.header().dense_key_bytes : dense_key_bytes;
    if (key_bytes == 0 || count == 0) return used + count * (own.prefix().size() - prefix);
    const std::size_t each = dense_key_bytes == 0
                                 ? node_limits::leaf_entry_bytes(key_bytes - prefix, 0)
                                 : node_limits::dense_entry_bytes(0);
    return used - count * own.leaf_entry_bytes(key_bytes, 0) + count * each;
}

class slotted_build {
public:
    //   Requires    `fences` and what is appended do not point into this; the lower fence of a
    //               dense leaf has its prefix
    slotted_build(std::size_t page_bytes, const node_header& like, fence_keys fences) noexcept
        : page_bytes_{page_bytes} {
        header_.kind = like.kind;
        header_.level = like.level;
        header_.dense_key_bytes = like.dense_key_bytes;
        header_.table = like.table;
        header_.page = like.page;
        header_.heap_begin = static_cast<std::uint16_t>(page_bytes);
        std::memset(raw_, 0, node_slots_offset);
        header_.lower_offset = put_fence(fences.lower);
        header_.lower_bytes = static_cast<std::uint16_t>(fences.lower.size());
        header_.upper_offset = put_fence(fences.upper);
        header_.upper_bytes = static_cast<std::uint16_t>(fences.upper.size());
        const std::size_t prefix =
            is_dense() ? like.dense_key_bytes - dense_suffix_bytes : shared_by_fences(fences);
        check(prefix <= fences.lower.size(), "slotted_node: a prefix longer than the fence");
        header_.prefix_bytes = static_cast<std::uint16_t>(prefix);
    }

    void set_page(std::uint64_t page) noexcept { header_.page = page; }
    void set_rightmost_child(std::uint64_t child) noexcept { header_.rightmost_child = child; }

    // Appends slots [from, to) of another node, of the same kind.
    void append(const slotted_view<plain_access>& other, std::size_t from,
                std::size_t to) noexcept {
        for (std::size_t at = from; at < to; ++at) append_one(other, at);
    }
    void append_child(bytes_view separator, std::uint64_t child) noexcept {
        append_child(node_key_parts{separator, {}}, child);
    }
    void append_child(const node_key_parts& separator, std::uint64_t child) noexcept {
        store_le(add(separator.prefix, separator.suffix, inner_entry_fixed_bytes, 0).entry, child);
    }
    //   Requires    node_limits::takes(key, payload)
    void append_entry(const node_key_parts& key, node_payload payload, lsn version) noexcept {
        const place into =
            add(key.prefix, key.suffix, leaf_entry_fixed_bytes, payload.value.size());
        const unsigned mark = payload.is_reference ? payload_is_reference : 0u;
        store_le(into.entry, static_cast<std::uint16_t>(payload.value.size() | mark));
        store_le(into.entry + 2, version.value);
        put(payload.value, into.payload);
    }

    //   Effects     writes hints and header, and clears the gap
    //   Returns     the page
    [[nodiscard]] const std::byte* finish() noexcept {
        const std::size_t end = slots_end(header_.slot_count);
        std::memset(raw_ + end, 0, header_.heap_begin - end);
        store_node_header<plain_access>(raw_, header_);
        const slotted_view<plain_access> made{raw_, page_bytes_};
        for (std::size_t i = 0; !is_dense() && i < node_hint_count; ++i)
            store_le(raw_ + node_hints_offset + 4 * i, made.hint_of_slots(i));
        return raw_;
    }

private:
    [[nodiscard]] bool is_dense() const noexcept { return header_.dense_key_bytes != 0; }
    [[nodiscard]] std::size_t slots_end(std::size_t count) const noexcept {
        return is_dense() ? dense_slots_offset + dense_slot_bytes * count
                          : node_slots_offset + sizeof(node_slot) * count;
    }
    [[nodiscard]] std::uint16_t put_fence(bytes_view fence) noexcept {
        if (fence.empty()) return 0;
        return static_cast<std::uint16_t>(put(fence, take(fence.size())) - raw_);
    }
    void append_one(const slotted_view<plain_access>& other, std::size_t at) noexcept {
        node_key_parts key;
        check(other.read_key(at, key), "slotted_node: the page is damaged");
        const std::size_t fixed = other.entry_fixed_bytes();
        leaf_entry from;
        const bytes_view payload =
            other.read_leaf_entry(at, from) ? from.payload.value : bytes_view{};
        const place into = add(key.prefix, key.suffix, fixed, payload.size());
        std::memcpy(into.entry, other.page() + other.slot(at).offset, fixed);
        put(payload, into.payload);
    }

    struct place {
        std::byte* entry;
        std::byte* payload;
    };
    // Adds a slot and the suffix of the key; the caller fills in what is before and behind it.
    [[nodiscard]] place add(bytes_view front, bytes_view back, std::size_t fixed,
                            std::size_t payload) noexcept {
        const std::size_t prefix = header_.prefix_bytes;
        check(front.size() + back.size() >= prefix, "slotted_node: a key without the prefix");
        const bytes_view first = front.from(prefix < front.size() ? prefix : front.size());
        const bytes_view second = back.from(prefix < front.size() ? 0 : prefix - front.size());
        const std::size_t suffix = first.size() + second.size();
        check(!is_dense() || suffix == dense_suffix_bytes, "slotted_node: a key of another length");
        const std::size_t there = is_dense() ? 0 : suffix;  // in the entry
        check(slots_end(header_.slot_count + std::size_t{1}) + fixed + there + payload <=
                  header_.heap_begin,
              "slotted_node: more entries than fit");
        std::byte* const entry = take(fixed + there + payload);
        if (is_dense()) {
            std::byte end[dense_suffix_bytes];
            put(second, put(first, end) + first.size());
            store_dense_slot<plain_access>(raw_, header_.slot_count++, header_.heap_begin,
                                           {end, sizeof end});
            return {entry, entry + fixed};
        }
        put(second, put(first, entry + fixed) + first.size());
        const node_slot slot{static_cast<std::uint16_t>(entry - raw_),
                             static_cast<std::uint16_t>(suffix),
                             static_cast<std::uint32_t>(head_of({entry + fixed, suffix}) >> 32)};
        store_slot<plain_access>(raw_, header_.slot_count++, slot);
        return {entry, entry + fixed + suffix};
    }
    [[nodiscard]] std::byte* take(std::size_t size) noexcept {
        header_.heap_begin = static_cast<std::uint16_t>(header_.heap_begin - size);
        return raw_ + header_.heap_begin;
    }
    static std::byte* put(bytes_view from, std::byte* into) noexcept {
        if (!from.empty()) std::memcpy(into, from.data(), from.size());
        return into;
    }

    std::size_t page_bytes_;
    node_header header_;
    alignas(8) std::byte raw_[node_limits::max_page_bytes];
};

}  // namespace mantis::detail
