// SPDX-License-Identifier: BSL-1.0
//
// Items in ascending order that become nodes of one level of a page_tree, in memory of their own:
// entries of leaves, or children and the keys below which theirs are (of the last one none).
//
// Where a node may end. Its upper fence is known only with the key that comes behind it, and with
// that how long the prefix is which its keys are stored without. So items are collected, and each
// place between two of them is looked at when it is known: the last one where the node is as full
// as it should be is the cut. No later place can be, once even with the prefix that the last key
// still shares with the lower fence too much would be in the node: then the run is full.
//
//   leaf    a b c | d      the upper fence is the shortest key above c and not above d
//   inner   a b c | d      the upper fence is c, and its child the rightmost one
//
// Entries of which a dense leaf can be made become one.
//
// Invariants:
//   1. no more bytes are kept than the node has that was aimed at, and one item; a run of the last
//      items of a level twice that
//   2. a node of the fewest items, 1 or 2, fits into a page whatever they are: see node_limits
//
// Threads: like an int.
#pragma once

#include "slotted_build.hpp"

#include <vector>

namespace mantis::detail {

struct load_item {
    std::uint64_t number = 0;         // the version, or the child
    std::uint32_t bytes_at = 0;       // of the suffix, and the payload behind it
    std::uint32_t end = 0;            // what this and all before take in a node without a prefix
    std::uint16_t shared = 0;         // bytes that the key begins with as the lower fence does
    std::uint16_t shared_before = 0;  // the same, of the key before it
    std::uint16_t suffix_bytes = 0;   // of the key, without `shared`
    std::uint16_t payload_bytes = 0;
    bool is_reference = false;
};
static_assert(sizeof(load_item) == 32);

class load_run {
public:
    load_run(std::size_t most_bytes, bool of_leaves) noexcept
        : most_bytes_{most_bytes}, of_leaves_{of_leaves} {}

    //   Effects     it is empty
    void begin(bytes_view lower) {
        lower_.assign(lower.begin(), lower.end());
        items_.clear();
        bytes_.clear();
        dense_ = 0;
        cut_ = 0;
        is_full_ = false;
    }
    //   Requires    the key, of which `shared_before` bytes are as in the last one, is above it, or
    //               empty: the last child's; nothing points into this
    void push(bytes_view key, std::size_t shared_before, node_payload payload,
              std::uint64_t number) {
        load_item made;
        made.number = number;
        made.bytes_at = static_cast<std::uint32_t>(bytes_.size());
        made.shared = static_cast<std::uint16_t>(shared_with_lower(key, shared_before));
        made.shared_before = static_cast<std::uint16_t>(shared_before);
        made.suffix_bytes = static_cast<std::uint16_t>(key.size() - made.shared);
        made.payload_bytes = static_cast<std::uint16_t>(payload.value.size());
        made.is_reference = payload.is_reference;
        made.end = static_cast<std::uint32_t>(end_of(items_.size()) + fixed_bytes() + key.size() +
                                              payload.value.size());
        bytes_.insert(bytes_.end(), key.begin() + made.shared, key.end());
        bytes_.insert(bytes_.end(), payload.value.begin(), payload.value.end());
        items_.push_back(made);
        if (dense_ + 1 == items_.size() && can_be_dense(made)) ++dense_;
        look_at_cut();
    }
    // Pushes the items of another one from `from` on.
    void push_all(const load_run& other, std::size_t from) {
        node_key key;
        for (std::size_t at = from; at < other.count(); ++at) {
            const node_key_parts parts = other.key(at);
            key.assign(parts.prefix, parts.suffix);
            const load_item& item = other.items_[at];
            push(key.view(), item.shared_before, other.payload(at), item.number);
        }
    }
    void keep_first(std::size_t count) {
        if (count == items_.size()) return;
        bytes_.resize(items_[count].bytes_at);
        items_.resize(count);
        if (dense_ > count) dense_ = count;
    }

    [[nodiscard]] std::size_t count() const noexcept { return items_.size(); }
    [[nodiscard]] bytes_view lower() const noexcept { return {lower_.data(), lower_.size()}; }
    // Whether there has to be a cut, and how many items are before it.
    [[nodiscard]] bool is_full() const noexcept { return is_full_; }
    [[nodiscard]] std::size_t cut() const noexcept { return cut_; }

    //   Requires    at < count(); so the next
    [[nodiscard]] node_key_parts key(std::size_t at) const noexcept {
        const load_item& item = items_[at];
        return {{lower_.data(), item.shared}, {bytes_.data() + item.bytes_at, item.suffix_bytes}};
    }
    [[nodiscard]] node_payload payload(std::size_t at) const noexcept {
        const load_item& item = items_[at];
        return {{bytes_.data() + item.bytes_at + item.suffix_bytes, item.payload_bytes},
                item.is_reference};
    }
    [[nodiscard]] std::uint64_t number(std::size_t at) const noexcept { return items_[at].number; }

    // The fence between item `at` and the one before it.
    //   Requires    at < count(), or at == count() in inner nodes
    void fence(std::size_t at, node_key& into) const noexcept {
        if (at == 0) return into.assign(lower());
        const node_key_parts of = key(of_leaves_ ? at : at - 1);
        if (!of_leaves_) return into.assign(of.prefix, of.suffix);
        const std::size_t size = items_[at].shared_before + std::size_t{1};
        const std::size_t front = size < of.prefix.size() ? size : of.prefix.size();
        into.assign(of.prefix.first(front), of.suffix.first(size - front));
    }
    // How long the keys of a leaf of items [from, to) are, if it is a dense one; else 0.
    [[nodiscard]] std::size_t dense_key_bytes(std::size_t from, std::size_t to) const noexcept {
        return from < to && to <= dense_ ? key_bytes(items_.front()) : 0;
    }
    // What a node of items [from, to) takes.
    [[nodiscard]] std::size_t bytes_of(std::size_t from, std::size_t to,
                                       fence_keys fences) const noexcept {
        const std::size_t entries = of_leaves_ ? to : to - 1;
        return fences.lower.size() + fences.upper.size() +
               bytes_without_fences(from, entries, shared_by_fences(fences));
    }
    // How few a node may have.
    [[nodiscard]] std::size_t fewest() const noexcept { return of_leaves_ ? 1 : 2; }

private:
    [[nodiscard]] std::size_t fixed_bytes() const noexcept {
        return of_leaves_ ? node_limits::leaf_entry_bytes(0, 0) : node_limits::inner_entry_bytes(0);
    }
    [[nodiscard]] std::size_t end_of(std::size_t count) const noexcept {
        return count == 0 ? 0 : items_[count - 1].end;
    }
    [[nodiscard]] static std::size_t key_bytes(const load_item& item) noexcept {
        return std::size_t{item.shared} + item.suffix_bytes;
    }
    [[nodiscard]] bool can_be_dense(const load_item& item) const noexcept {
        const std::size_t size = key_bytes(item);
        return of_leaves_ && size >= dense_suffix_bytes &&
               item.suffix_bytes <= dense_suffix_bytes && size == key_bytes(items_.front());
    }
    [[nodiscard]] std::size_t bytes_without_fences(std::size_t from, std::size_t to,
                                                   std::size_t prefix) const noexcept {
        const std::size_t entries = to - from;
        const std::size_t bytes = end_of(to) - end_of(from);
        const std::size_t size = dense_key_bytes(from, to);
        if (size == 0) return node_slots_offset + bytes - entries * prefix;
        return dense_slots_offset + bytes -
               entries *
                   (node_limits::leaf_entry_bytes(size, 0) - node_limits::dense_entry_bytes(0));
    }
    // What a key shares with the one before it, and that with the fence, it shares with the fence.
    [[nodiscard]] std::size_t shared_with_lower(bytes_view key,
                                                std::size_t shared_before) const noexcept {
        if (items_.empty()) return common_prefix_bytes(lower(), key);
        const std::size_t before = items_.back().shared;
        return before < shared_before ? before : shared_before;
    }
    void look_at_cut() noexcept {
        const std::size_t count = items_.size();
        const load_item& last = items_.back();
        const std::size_t at = of_leaves_ ? count - 1 : count;
        if (at >= fewest()) {
            const std::size_t entries = count - 1;
            const std::size_t upper = of_leaves_ ? last.shared_before + std::size_t{1}
                                                 : std::size_t{last.shared} + last.suffix_bytes;
            const std::size_t prefix = last.shared < upper ? last.shared : upper;
            const std::size_t bytes =
                lower_.size() + upper + bytes_without_fences(0, entries, prefix);
            if (at == fewest() || bytes <= most_bytes_) cut_ = at;
        }
        const std::size_t least = lower_.size() + 1 + bytes_without_fences(0, count, last.shared);
        is_full_ = cut_ != 0 && least > most_bytes_;
    }

    std::size_t most_bytes_;
    bool of_leaves_;
    bool is_full_ = false;
    std::size_t dense_ = 0;  // so many items, from the first on, a dense leaf takes
    std::size_t cut_ = 0;
    std::vector<std::byte> lower_;
    std::vector<load_item> items_;
    std::vector<std::byte> bytes_;
};

}  // namespace mantis::detail
