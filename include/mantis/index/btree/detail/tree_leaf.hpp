// SPDX-License-Identifier: BSL-1.0
//
// Entries of a page_tree's leaf: found in one that is read, put into and taken from one that is
// held exclusively.
//
// Whatever the bytes of the page are, they are answered as `corrupt` before slotted_node relies on
// them: what it looks at for a change without building the node anew is checked here, and
// everything else by verify_node() before it does build.
//
// Threads: as the page is held.
#pragma once

#include "extent_layout.hpp"
#include "tree_pages.hpp"

namespace mantis::detail {

// A value of a leaf that was copied out of it, and of the extent that it refers to.
struct leaf_value {
    static constexpr std::size_t max_near_bytes = node_limits::max_page_bytes / 4;

    node_answer answer = node_answer::absent;
    std::size_t at = 0;      // in the order of the leaf
    std::size_t offset = 0;  // of the value, in the page
    bool is_reference = false;
    lsn version;
    std::size_t size = 0;     // in the leaf
    std::size_t near_at = 0;  // where in near_bytes
    std::byte near_bytes[max_near_bytes + 14];
    bytes far_bytes;  // of the extent

    [[nodiscard]] bytes_view view() const noexcept {
        return is_reference ? far_bytes.view() : bytes_view{near_bytes + near_at, size};
    }
    //   Requires    is_reference
    [[nodiscard]] extent_reference reference() const noexcept {
        return load_extent_reference(near_bytes + near_at);
    }
};

template <class Access>
void copy_value(const slotted_view<Access>& leaf, bytes_view key, leaf_value& into) {
    const node_place place = leaf.lower_bound(key);
    into.answer = place.answer;
    into.at = place.at;
    if (place.answer != node_answer::found) return;
    into.answer = node_answer::malformed;
    leaf_entry entry;
    if (!leaf.read_leaf_entry(place.at, entry)) return;
    const std::size_t size = entry.payload.value.size();
    if (size > leaf_value::max_near_bytes ||
        (entry.payload.is_reference && size != extent_reference_bytes))
        return;
    into.near_at = Access::copy_words(into.near_bytes, entry.payload.value.data(), size);
    into.answer = node_answer::found;
    into.is_reference = entry.payload.is_reference;
    into.version = entry.version;
    into.size = size;
    into.offset = static_cast<std::size_t>(entry.payload.value.data() - leaf.page());
}

// Whether slot `at` of the leaf has the entry of `key`, with its value in the leaf.
template <class Access>
[[nodiscard]] bool read_known_entry(const slotted_view<Access>& leaf, std::size_t at,
                                    bytes_view key, leaf_entry& into) {
    if (!leaf.read_leaf_entry(at, into) || into.payload.is_reference) return false;
    const auto& [prefix, suffix] = into.key;
    return prefix.size() + suffix.size() == key.size() &&
           Access::compare(suffix.data(), key.data() + prefix.size(), suffix.size()) == 0 &&
           (prefix.empty() || Access::compare(prefix.data(), key.data(), prefix.size()) == 0);
}
// The same, and copies the value.
template <class Access>
[[nodiscard]] bool copy_known_value(const slotted_view<Access>& leaf, std::size_t at,
                                    bytes_view key, leaf_value& into) {
    leaf_entry entry;
    if (!read_known_entry(leaf, at, key, entry)) return false;
    const std::size_t size = entry.payload.value.size();
    if (size > leaf_value::max_near_bytes) return false;
    into.near_at = Access::copy_words(into.near_bytes, entry.payload.value.data(), size);
    into.answer = node_answer::found;
    into.at = at;
    into.offset = static_cast<std::size_t>(entry.payload.value.data() - leaf.page());
    into.is_reference = false;
    into.version = entry.version;
    into.size = size;
    return true;
}

// Whether slot `at` can be taken away without looking at the other entries.
[[nodiscard]] inline bool can_drop(const slotted_view<>& leaf, std::size_t at,
                                   const leaf_entry& entry) noexcept {
    const node_header& own = leaf.header();
    const node_slot slot = leaf.slot(at);
    const std::size_t size =
        leaf_entry_fixed_bytes + slot.suffix_bytes + entry.payload.value.size();
    if (slot.offset != own.heap_begin)
        return own.hole_bytes + size <= leaf.page_bytes() - own.heap_begin;
    const std::size_t begin = own.heap_begin + size;
    return own.hole_bytes <= leaf.page_bytes() - begin &&
           (own.lower_bytes == 0 || own.lower_offset >= begin) &&
           (own.upper_bytes == 0 || own.upper_offset >= begin);
}

template <class Tree>
[[nodiscard]] result<void> check_prefix(const Tree& tree, const typename Tree::exclusive& held) {
    const slotted_view<> leaf = tree.view(held);
    const std::size_t longest = tree.limits().key_bytes();
    const fence_keys fences = leaf.fences();
    if (fences.lower.size() > longest || fences.upper.size() > longest ||
        !has_right_prefix(leaf, fences))
        return tree.corrupt(held.page(), "a prefix that is not what the fences share");
    return success();
}
template <class Tree>
[[nodiscard]] result<void> check_leaf(const Tree& tree, const typename Tree::exclusive& held,
                                      bytes_view key) {
    if (auto right = tree.check_node(held, {key}, 0); !right) return right;
    return check_prefix(tree, held);
}

enum class leaf_put : std::uint8_t { no_room, inserted, replaced };

//   Requires    node_limits::takes(key, payload); `place` is that of the key in this leaf, which
//               check_leaf() has found right
//   Returns     no_room: nothing has changed
template <class Tree>
[[nodiscard]] result<leaf_put> put_at(const Tree& tree, typename Tree::exclusive& held,
                                      node_place place, bytes_view key, node_payload payload,
                                      lsn version) {
    const slotted_view<> leaf = tree.view(held);
    leaf_entry old;
    if (place.answer == node_answer::malformed ||
        (place.answer == node_answer::found && !leaf.read_leaf_entry(place.at, old)))
        return tree.corrupt(held.page(), "an entry that makes no sense");
    const bool is_there = place.answer == node_answer::found;
    const std::size_t had = is_there ? old.payload.value.size() : 0;
    const std::size_t size = payload.value.size();
    const bool grows = !is_there || size > had;
    const bool is_of_kind = is_there || leaf.is_of_kind(key);
    const std::size_t more = is_there     ? size - had
                             : is_of_kind ? leaf.leaf_entry_bytes(key.size(), size)
                                          : 0;
    if (grows && more > leaf.free_bytes() && (is_there || dense_key_bytes_with(leaf, key) == 0))
        return leaf_put::no_room;
    const bool in_place =
        is_there ? !grows && can_drop(leaf, place.at, old) : is_of_kind && more <= leaf.gap_bytes();
    if (!in_place)
        if (auto sound = tree.verify_held(held); !sound) return std::move(sound).error();
    auto node = tree.node(held);
    const bool in = is_there ? node.replace(place.at, key, payload, version)
                             : node.insert(place.at, key, payload, version);
    if (!in) return leaf_put::no_room;
    return is_there ? leaf_put::replaced : leaf_put::inserted;
}
//   Requires    node_limits::takes(key, payload)
//   Returns     no_room: nothing has changed
template <class Tree>
[[nodiscard]] result<leaf_put> put_into_leaf(const Tree& tree, typename Tree::exclusive& held,
                                             bytes_view key, node_payload payload, lsn version) {
    if (auto right = check_leaf(tree, held, key); !right) return std::move(right).error();
    return put_at(tree, held, tree.view(held).lower_bound(key), key, payload, version);
}

//   Returns     whether it was there
template <class Tree>
[[nodiscard]] result<bool> erase_from_leaf(const Tree& tree, typename Tree::exclusive& held,
                                           bytes_view key) {
    if (auto right = check_leaf(tree, held, key); !right) return std::move(right).error();
    const slotted_view<> leaf = tree.view(held);
    const node_place place = leaf.lower_bound(key);
    if (place.answer == node_answer::absent) return false;
    leaf_entry old;
    if (place.answer == node_answer::malformed || !leaf.read_leaf_entry(place.at, old))
        return tree.corrupt(held.page(), "an entry that makes no sense");
    if (!can_drop(leaf, place.at, old))
        if (auto sound = tree.verify_held(held); !sound) return std::move(sound).error();
    tree.node(held).erase(place.at);
    return true;
}

}  // namespace mantis::detail
