// SPDX-License-Identifier: BSL-1.0
//
// The leaf of a btree_map: entries in key order, and links to both neighbours.
//
// Invariants:
//   1. slots [0, count) hold an entry each, the rest are raw memory
//   2. keys ascend
#pragma once

#include "../node.hpp"
#include "relocate.hpp"

namespace mantis::detail {

template <class Key, class Value, std::size_t Capacity>
struct map_leaf : node {
    static constexpr std::size_t capacity = Capacity;
    using fill = node_fill<Capacity>;
    using slot_type = map_slot<Key, Value>;

    map_leaf() noexcept : node{.level = 0} {}
    ~map_leaf() {
        for (std::size_t at = 0; at < count; ++at) slots[at].movable.~pair();
    }
    map_leaf(const map_leaf&) = delete;
    map_leaf& operator=(const map_leaf&) = delete;

    [[nodiscard]] const Key& key(std::size_t at) const noexcept { return slots[at].entry.first; }

    //   Returns     the place of the first key that is not less. Branch-free: which half is taken
    //               is as random as the keys
    template <class K, class Compare>
    [[nodiscard]] std::size_t first_not_less(const K& sought, const Compare& less) const {
        std::size_t base = 0;
        for (std::size_t left = count; left > 0;) {
            const std::size_t half = (left + 1) / 2;
            base += less(key(base + half - 1), sought) ? half : 0;
            left -= half;
        }
        return base;
    }

    //   Requires    count < capacity
    //   Effects     slot `at` is raw and counted: it is to be filled at once
    [[nodiscard]] void* open(std::size_t at) noexcept {
        relocate(slots + at, slots + at + 1, count - at);
        ++count;
        return &slots[at];
    }
    void erase(std::size_t at) noexcept {
        slots[at].movable.~pair();
        relocate(slots + at + 1, slots + at, count - at - 1);
        --count;
    }

    //   Requires    `right` has room
    void give_back(map_leaf& right, std::size_t moved) noexcept {
        relocate(right.slots, right.slots + moved, right.count);
        relocate(slots + count - moved, right.slots, moved);
        count = static_cast<std::uint16_t>(count - moved);
        right.count = static_cast<std::uint16_t>(right.count + moved);
    }
    //   Requires    `right` is the next leaf; this one has room
    void take_front(map_leaf& right, std::size_t moved) noexcept {
        relocate(right.slots, slots + count, moved);
        relocate(right.slots + moved, right.slots, right.count - moved);
        count = static_cast<std::uint16_t>(count + moved);
        right.count = static_cast<std::uint16_t>(right.count - moved);
    }
    void link_behind(map_leaf& left) noexcept {
        previous = &left;
        next = left.next;
        left.next = this;
        if (next != nullptr) next->previous = this;
    }
    void unlink() noexcept {
        if (previous != nullptr) previous->next = next;
        if (next != nullptr) next->previous = previous;
    }

    map_leaf* previous = nullptr;
    map_leaf* next = nullptr;
    slot_type slots[Capacity];
};

}  // namespace mantis::detail
