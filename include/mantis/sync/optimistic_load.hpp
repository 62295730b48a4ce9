// SPDX-License-Identifier: BSL-1.0
//
// How data is read while somebody may change it, and changed while somebody may read it: what an
// optimistic_latch protects goes through these.
//
//   in a reader, between begin() and validate()   optimistic_load, optimistic_copy
//   in a writer, which holds the latch            optimistic_store, optimistic_write,
//                                                 optimistic_move; its own reads are ordinary ones
//   under the latch in shared mode                ordinary reads
//   before others know of the data                ordinary reads and writes
//
// What was read before validate() said yes may be of two states at once: a count that is too
// large, a pointer to what is no node any more. Check bounds before use, and follow no pointer
// before validate(), or with the memory kept by an epoch only.
//
// Order. Every load acquires and every store releases. That is all a validation needs, and no
// fence, which ThreadSanitizer does not know: a reader that saw one word of a writer also sees, in
// a later load, that this writer has taken the latch. On x86 it is the same instruction as a
// relaxed one; on others it costs less than a fence and a validation that writes.
//
// An access that forgets these is a data race, and ThreadSanitizer says so. In the simulator each
// word is a step of its own.
//
// Threads: any number of readers, one writer.
#pragma once

#include "../platform/platform.hpp"

#include <cstring>
#include <type_traits>

namespace mantis {

// What one access can take: at most 8 bytes that never lie across two words.
template <class T>
concept optimistic_word = std::is_trivially_copyable_v<T> && sizeof(T) <= 8 &&
                          (sizeof(T) & (sizeof(T) - 1)) == 0 && alignof(T) >= sizeof(T);

namespace detail {

using optimistic_unit = std::uint64_t;
inline constexpr std::size_t unit_bytes = sizeof(optimistic_unit);

// How many of `size` bytes at `at` are accessed one by one before whole units are.
[[nodiscard]] inline std::size_t bytes_before_unit(const std::byte* at, std::size_t size) noexcept {
    const std::size_t before = (0 - reinterpret_cast<std::uintptr_t>(at)) % unit_bytes;
    return before < size ? before : size;
}

// How many bytes of protected data one access takes at `at`, where `left` are wanted.
[[nodiscard]] inline std::size_t optimistic_step(const std::byte* at, std::size_t left) noexcept {
    constexpr std::size_t unit = sizeof(optimistic_unit);
    return left >= unit && reinterpret_cast<std::uintptr_t>(at) % unit == 0 ? unit : 1;
}
// The last access of protected data that ends at `end`.
[[nodiscard]] inline std::size_t optimistic_step_back(const std::byte* end,
                                                      std::size_t left) noexcept {
    return optimistic_step(end, left);  // the unit before an aligned end is aligned too
}

template <class Platform, class Word>
void optimistic_load_bytes(std::byte* into, const std::byte* from) {
    // The place may be declared const here; it is not where it was made, for others write it.
    auto* const place = reinterpret_cast<Word*>(const_cast<std::byte*>(from));
    const Word word =
        typename Platform::template atomic_ref<Word>{*place}.load(Platform::memory_order::acquire);
    std::memcpy(into, &word, sizeof word);
}
template <class Platform, class Word>
void optimistic_store_bytes(std::byte* into, const std::byte* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    typename Platform::template atomic_ref<Word>{*reinterpret_cast<Word*>(into)}.store(
        word, Platform::memory_order::release);
}
template <class Platform>
void optimistic_store_step(std::byte* into, const std::byte* from, std::size_t step) {
    if (step == 1) optimistic_store_bytes<Platform, std::uint8_t>(into, from);
    else optimistic_store_bytes<Platform, optimistic_unit>(into, from);
}

}  // namespace detail

//   Returns     a value that `from` had; the right one if the reader's validate() says so
template <class Platform, optimistic_word T>
[[nodiscard]] T optimistic_load(const T& from) {
    return typename Platform::template atomic_ref<T>{const_cast<T&>(from)}.load(
        Platform::memory_order::acquire);
}

//   Requires    the caller holds the latch
template <class Platform, optimistic_word T>
void optimistic_store(T& into, std::type_identity_t<T> value) {
    typename Platform::template atomic_ref<T>{into}.store(value, Platform::memory_order::release);
}

//   Effects     copies protected bytes at `from` into the reader's own at `into`
//   Complexity  one load for 8 bytes where `from` is aligned, and for each byte before and after
template <class Platform>
void optimistic_copy(void* into, const void* from, std::size_t size) {
    auto* to = static_cast<std::byte*>(into);
    const auto* at = static_cast<const std::byte*>(from);
    std::size_t bytes = detail::bytes_before_unit(at, size);
    for (;;) {
        for (size -= bytes; bytes != 0; --bytes)
            detail::optimistic_load_bytes<Platform, std::uint8_t>(to++, at++);
        if (size == 0) return;
        for (; size >= detail::unit_bytes; size -= detail::unit_bytes) {
            detail::optimistic_load_bytes<Platform, detail::optimistic_unit>(to, at);
            to += detail::unit_bytes;
            at += detail::unit_bytes;
        }
        bytes = size;
    }
}

//   Requires    the caller holds the latch; the places do not overlap
//   Effects     copies the writer's own bytes at `from` into protected ones at `into`
template <class Platform>
void optimistic_write(void* into, const void* from, std::size_t size) {
    auto* to = static_cast<std::byte*>(into);
    const auto* at = static_cast<const std::byte*>(from);
    std::size_t bytes = detail::bytes_before_unit(to, size);
    for (;;) {
        for (size -= bytes; bytes != 0; --bytes)
            detail::optimistic_store_bytes<Platform, std::uint8_t>(to++, at++);
        if (size == 0) return;
        for (; size >= detail::unit_bytes; size -= detail::unit_bytes) {
            detail::optimistic_store_bytes<Platform, detail::optimistic_unit>(to, at);
            to += detail::unit_bytes;
            at += detail::unit_bytes;
        }
        bytes = size;
    }
}

//   Requires    the caller holds the latch of both
//   Effects     moves protected bytes, as memmove does: the places may overlap
template <class Platform>
void optimistic_move(void* into, const void* from, std::size_t size) {
    auto* const first = static_cast<std::byte*>(into);
    const auto* const source = static_cast<const std::byte*>(from);
    if (reinterpret_cast<std::uintptr_t>(first) <= reinterpret_cast<std::uintptr_t>(source))
        return optimistic_write<Platform>(into, from, size);  // reads ahead of what it writes
    while (size != 0) {
        const std::size_t step = detail::optimistic_step_back(first + size, size);
        size -= step;
        detail::optimistic_store_step<Platform>(first + size, source + size, step);
    }
}

}  // namespace mantis
