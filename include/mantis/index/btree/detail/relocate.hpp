// SPDX-License-Identifier: BSL-1.0
//
// Moves objects from one place of raw memory to another: afterwards they live there, and what they
// left is raw memory again. The two places may overlap.
#pragma once

#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace mantis::detail {

template <class T>
void relocate_one(T* from, T* to) noexcept {
    static_assert(std::is_nothrow_move_constructible_v<T>, "mantis: moving must not fail");
    ::new (static_cast<void*>(to)) T(std::move(*from));
    from->~T();
}

//   Requires    `count` objects at `from`; what of `to` does not overlap them is raw
template <class T>
void relocate(T* from, T* to, std::size_t count) noexcept {
    if constexpr (std::is_trivially_copyable_v<T>) {
        if (count != 0) std::memmove(static_cast<void*>(to), from, count * sizeof(T));
    } else if (to < from) {
        for (std::size_t i = 0; i < count; ++i) relocate_one(from + i, to + i);
    } else {
        for (std::size_t i = count; i-- > 0;) relocate_one(from + i, to + i);
    }
}

// One entry of a map: its key is const for whoever iterates, and not for the node that moves it.
template <class Key, class Value>
union map_slot {
    using entry_type = std::pair<const Key, Value>;
    using movable_type = std::pair<Key, Value>;
    static_assert(sizeof(entry_type) == sizeof(movable_type));

    map_slot() noexcept {}
    ~map_slot() {}
    map_slot(const map_slot&) = delete;
    map_slot& operator=(const map_slot&) = delete;

    entry_type entry;
    movable_type movable;
};

template <class Key, class Value>
void relocate_one(map_slot<Key, Value>* from, map_slot<Key, Value>* to) noexcept {
    relocate_one(&from->movable, &to->movable);
}
template <class Key, class Value>
void relocate(map_slot<Key, Value>* from, map_slot<Key, Value>* to, std::size_t count) noexcept {
    if constexpr (std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>) {
        if (count != 0) std::memmove(static_cast<void*>(to), from, count * sizeof(*from));
    } else if (to < from) {
        for (std::size_t i = 0; i < count; ++i) relocate_one(from + i, to + i);
    } else {
        for (std::size_t i = count; i-- > 0;) relocate_one(from + i, to + i);
    }
}

}  // namespace mantis::detail
