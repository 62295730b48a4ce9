// SPDX-License-Identifier: BSL-1.0
//
// The two kinds of B+tree node and what can be done to one, or to two neighbours, without knowing
// the tree.
//
//   inner   children c0 ... cn and separators s1 ... sn:   keys of c(i-1)  <  s(i)  <=  keys of
//                                                                                       c(i)
//   leaf    entries in key order, and a link to the leaf with the next greater keys
//
// A separator is the shortest bytes that tell its two neighbours apart, not necessarily a key. It
// stays when entries go.
#pragma once

#include "key_heads.hpp"
#include "record.hpp"

namespace mantis::detail {

// How full nodes are. A node that falls below `least` is filled from a neighbour or merged with it;
// they are merged only when the result has room left, so that the next insert does not split it
// again.
template <std::size_t Capacity>
struct node_fill {
    static_assert(Capacity >= 4 && Capacity <= 4096, "mantis: btree: nodes of 4 to 4096");
    static constexpr std::size_t least = (Capacity * 3 + 7) / 8;
    static constexpr std::size_t merged_at_most = Capacity - Capacity / 8;
    static_assert((merged_at_most + 1) / 2 >= least && Capacity / 2 >= least);
};

struct node {
    std::uint16_t level;      // 0 in a leaf
    std::uint16_t count = 0;  // entries of a leaf, children of an inner node
};

template <std::size_t Capacity>
struct leaf_node : node {
    static constexpr std::size_t capacity = Capacity;
    using fill = node_fill<Capacity>;

    leaf_node() noexcept : node{.level = 0} {}

    [[nodiscard]] auto keys() const noexcept {
        return [this](std::size_t at) { return entries[at]->key(); };
    }
    [[nodiscard]] key_position search(bytes_view key) const noexcept {
        return heads.search(key, count, keys());
    }

    //   Requires    count < capacity
    void insert(std::size_t at, record* entry) noexcept {
        heads.insert(at, count, entry->key());
        std::memmove(entries + at + 1, entries + at, (count - at) * sizeof *entries);
        entries[at] = entry;
        ++count;
    }
    void erase(std::size_t at) noexcept {
        heads.erase(at, count);
        std::memmove(entries + at, entries + at + 1, (count - at - 1) * sizeof *entries);
        --count;
    }

    // Moves the entries from `at` on into `right`, an empty leaf, and links it behind this one.
    void split(std::size_t at, leaf_node& right) noexcept {
        right.heads.assign(heads, at, count);
        std::memcpy(right.entries, entries + at, (count - at) * sizeof *entries);
        right.count = static_cast<std::uint16_t>(count - at);
        count = static_cast<std::uint16_t>(at);
        right.next = next;
        next = &right;
        heads.grow_prefix(count, keys());
        right.heads.grow_prefix(right.count, right.keys());
    }

    //   Requires    `right` is the next leaf; the entries of both fit
    void merge(leaf_node& right) noexcept {
        std::memcpy(entries + count, right.entries, right.count * sizeof *entries);
        count = static_cast<std::uint16_t>(count + right.count);
        right.count = 0;
        next = right.next;
        heads.rebuild(count, keys());
    }
    // Gives both the same number of entries.
    void balance(leaf_node& right) noexcept {
        const std::size_t total = std::size_t{count} + right.count;
        const std::size_t here = total / 2;
        if (count < here) {
            const std::size_t moved = here - count;
            std::memcpy(entries + count, right.entries, moved * sizeof *entries);
            std::memmove(right.entries, right.entries + moved,
                         (right.count - moved) * sizeof *entries);
        } else {
            const std::size_t moved = count - here;
            std::memmove(right.entries + moved, right.entries, right.count * sizeof *entries);
            std::memcpy(right.entries, entries + here, moved * sizeof *entries);
        }
        count = static_cast<std::uint16_t>(here);
        right.count = static_cast<std::uint16_t>(total - here);
        heads.rebuild(count, keys());
        right.heads.rebuild(right.count, right.keys());
    }

    key_heads<Capacity> heads;
    record* entries[Capacity];
    leaf_node* next = nullptr;
};

template <std::size_t Capacity>
struct inner_node : node {
    static constexpr std::size_t capacity = Capacity;
    using fill = node_fill<Capacity>;

    explicit inner_node(std::size_t at_level) noexcept
        : node{.level = static_cast<std::uint16_t>(at_level)} {}

    [[nodiscard]] std::size_t separator_count() const noexcept {
        return count == 0 ? 0 : count - std::size_t{1};
    }
    [[nodiscard]] auto keys() const noexcept {
        return [this](std::size_t at) { return separators[at].view(); };
    }

    // Where the entry of `key` would be.
    [[nodiscard]] std::size_t child_of(bytes_view key) const noexcept {
        const key_position place = heads.search(key, separator_count(), keys());
        return place.found ? place.at + 1 : place.at;
    }

    //   Requires    count == 0
    void add_first(node* child) noexcept {
        children[0] = child;
        count = 1;
    }
    // Puts `child` behind child `at`, told apart from it by `separator`.
    //   Requires    0 < count < capacity
    void insert(std::size_t at, bytes separator, node* child) noexcept {
        heads.insert(at, separator_count(), separator);
        for (std::size_t i = separator_count(); i > at; --i)
            separators[i] = std::move(separators[i - 1]);
        for (std::size_t i = count; i > at + 1; --i) children[i] = children[i - 1];
        separators[at] = std::move(separator);
        children[at + 1] = child;
        ++count;
    }
    // Removes the child behind child `at`, and their separator.
    //   Returns     the separator
    bytes erase(std::size_t at) noexcept {
        bytes separator = std::move(separators[at]);
        heads.erase(at, separator_count());
        for (std::size_t i = at; i + 1 < separator_count(); ++i)
            separators[i] = std::move(separators[i + 1]);
        for (std::size_t i = at + 1; i + 1 < count; ++i) children[i] = children[i + 1];
        --count;
        return separator;
    }
    //   Returns     the separator that was there
    bytes replace_separator(std::size_t at, bytes separator) noexcept {
        separators[at].swap(separator);
        heads.rebuild(separator_count(), keys());
        return separator;
    }

    // Moves the children from `at` on into `right`, an empty node.
    //   Requires    0 < at < count
    //   Returns     the separator of the two nodes
    bytes split(std::size_t at, inner_node& right) noexcept {
        right.heads.assign(heads, at, separator_count());
        for (std::size_t i = at; i < separator_count(); ++i)
            right.separators[i - at] = std::move(separators[i]);
        for (std::size_t i = at; i < count; ++i) right.children[i - at] = children[i];
        right.count = static_cast<std::uint16_t>(count - at);
        count = static_cast<std::uint16_t>(at);
        bytes separator = std::move(separators[at - 1]);
        heads.grow_prefix(separator_count(), keys());
        right.heads.grow_prefix(right.separator_count(), right.keys());
        return separator;
    }

    //   Requires    the children of both fit
    void merge(bytes separator, inner_node& right) noexcept {
        take_front(std::move(separator), right, right.count);
        heads.rebuild(separator_count(), keys());
    }
    // Gives both the same number of children.
    //   Returns     the new separator of the two nodes
    bytes balance(bytes separator, inner_node& right) noexcept {
        const std::size_t here = (std::size_t{count} + right.count) / 2;
        if (count < here) separator = take_front(std::move(separator), right, here - count);
        else separator = give_back(std::move(separator), right, count - here);
        heads.rebuild(separator_count(), keys());
        right.heads.rebuild(right.separator_count(), right.keys());
        return separator;
    }

    key_heads<Capacity> heads;
    bytes separators[Capacity - 1];
    node* children[Capacity];

private:
    // The first `moved` children of `right` to the end of this node.
    bytes take_front(bytes separator, inner_node& right, std::size_t moved) noexcept {
        const std::size_t left_over = right.count - moved;
        for (std::size_t i = 0; i < moved; ++i) {
            separators[count - 1] = std::move(separator);
            children[count++] = right.children[i];
            if (i + 1 < right.count) separator = std::move(right.separators[i]);
        }
        for (std::size_t i = 0; i < left_over; ++i) {
            right.children[i] = right.children[i + moved];
            if (i + 1 < left_over) right.separators[i] = std::move(right.separators[i + moved]);
        }
        right.count = static_cast<std::uint16_t>(left_over);
        return separator;
    }
    // The last `moved` children of this node to the front of `right`.
    bytes give_back(bytes separator, inner_node& right, std::size_t moved) noexcept {
        for (std::size_t i = right.count; i-- > 0;) {
            right.children[i + moved] = right.children[i];
            if (i != 0) right.separators[i - 1 + moved] = std::move(right.separators[i - 1]);
        }
        for (std::size_t i = moved; i-- > 0;) {
            right.separators[i] = std::move(separator);
            right.children[i] = children[--count];
            separator = std::move(separators[count - 1]);
        }
        right.count = static_cast<std::uint16_t>(right.count + moved);
        return separator;
    }
};

// The shortest bytes s with  left < s <= right.
//   Requires    left < right
[[nodiscard]] inline bytes shortest_separator(bytes_view left, bytes_view right) {
    return bytes{right.first(common_prefix_bytes(left, right) + 1)};
}

}  // namespace mantis::detail
