// SPDX-License-Identifier: BSL-1.0
//
// The inner node of a btree_map whose keys are not bytes: separators are copies of keys. What can
// be done to it is what can be done to inner_node in node.hpp, whose separators are bytes.
//
// Invariants:
//   1. separators [0, count - 1) are keys, the rest are raw memory
#pragma once

#include "../node.hpp"
#include "relocate.hpp"

namespace mantis::detail {

template <class Key, std::size_t Capacity>
struct map_inner : node {
    static constexpr std::size_t capacity = Capacity;
    using fill = node_fill<Capacity>;

    explicit map_inner(std::size_t at_level) noexcept
        : node{.level = static_cast<std::uint16_t>(at_level)} {}
    ~map_inner() {
        for (std::size_t at = 0; at < separator_count(); ++at) separators[at].~Key();
    }
    map_inner(const map_inner&) = delete;
    map_inner& operator=(const map_inner&) = delete;

    [[nodiscard]] std::size_t separator_count() const noexcept {
        return count == 0 ? 0 : count - std::size_t{1};
    }

    // Where the entry of `key` would be.
    template <class K, class Compare>
    [[nodiscard]] std::size_t child_of(const K& key, const Compare& less) const {
        std::size_t base = 0;
        for (std::size_t left = separator_count(); left > 0;) {
            const std::size_t half = (left + 1) / 2;
            base += less(key, separators[base + half - 1]) ? 0 : half;
            left -= half;
        }
        return base;
    }

    //   Requires    count == 0
    void add_first(node* child) noexcept {
        children[0] = child;
        count = 1;
    }
    // Puts `child` behind child `at`, told apart from it by `separator`.
    //   Requires    0 < count < capacity
    void insert(std::size_t at, Key separator, node* child) noexcept {
        relocate(separators + at, separators + at + 1, separator_count() - at);
        place(at, std::move(separator));
        relocate(children + at + 1, children + at + 2, count - at - 1);
        children[at + 1] = child;
        ++count;
    }
    // Removes the child behind child `at`, and their separator.
    //   Returns     the separator
    Key erase(std::size_t at) noexcept {
        Key gone = take(at);
        relocate(separators + at + 1, separators + at, separator_count() - at - 1);
        relocate(children + at + 2, children + at + 1, count - at - 2);
        --count;
        return gone;
    }
    void replace_separator(std::size_t at, Key separator) noexcept {
        separators[at].~Key();
        place(at, std::move(separator));
    }

    // Moves the children from `at` on into `right`, an empty node.
    //   Requires    0 < at < count
    //   Returns     the separator of the two nodes
    Key split(std::size_t at, map_inner& right) noexcept {
        relocate(separators + at, right.separators, separator_count() - at);
        relocate(children + at, right.children, count - at);
        right.count = static_cast<std::uint16_t>(count - at);
        count = static_cast<std::uint16_t>(at);
        return take(at - 1);
    }

    //   Requires    the children of both fit
    void merge(Key separator, map_inner& right) noexcept {
        place(count - std::size_t{1}, std::move(separator));
        relocate(right.separators, separators + count, right.separator_count());
        relocate(right.children, children + count, right.count);
        count = static_cast<std::uint16_t>(count + right.count);
        right.count = 0;
    }
    // Gives both the same number of children.
    //   Returns     the new separator of the two nodes
    Key balance(Key separator, map_inner& right) noexcept {
        const std::size_t here = (std::size_t{count} + right.count) / 2;
        if (count == here) return separator;
        return count < here ? take_front(std::move(separator), right, here - count)
                            : give_back(std::move(separator), right, count - here);
    }

    union {
        Key separators[Capacity - 1];
    };
    node* children[Capacity];

private:
    void place(std::size_t at, Key&& separator) noexcept {
        ::new (static_cast<void*>(separators + at)) Key(std::move(separator));
    }
    // Leaves raw memory behind.
    Key take(std::size_t at) noexcept {
        Key taken = std::move(separators[at]);
        separators[at].~Key();
        return taken;
    }

    // The first `moved` children of `right` to the end of this node.
    Key take_front(Key separator, map_inner& right, std::size_t moved) noexcept {
        place(count - std::size_t{1}, std::move(separator));
        relocate(right.separators, separators + count, moved - 1);
        Key between = right.take(moved - 1);
        relocate(right.separators + moved, right.separators, right.separator_count() - moved);
        relocate(right.children, children + count, moved);
        relocate(right.children + moved, right.children, right.count - moved);
        count = static_cast<std::uint16_t>(count + moved);
        right.count = static_cast<std::uint16_t>(right.count - moved);
        return between;
    }
    // The last `moved` children of this node to the front of `right`.
    Key give_back(Key separator, map_inner& right, std::size_t moved) noexcept {
        const std::size_t first = count - moved;
        relocate(right.separators, right.separators + moved, right.separator_count());
        right.place(moved - 1, std::move(separator));
        relocate(separators + first, right.separators, moved - 1);
        Key between = take(first - 1);
        relocate(right.children, right.children + moved, right.count);
        relocate(children + first, right.children, moved);
        count = static_cast<std::uint16_t>(first);
        right.count = static_cast<std::uint16_t>(right.count + moved);
        return between;
    }
};

}  // namespace mantis::detail
