// SPDX-License-Identifier: BSL-1.0
//
// How a component touches the bytes of a page, as a policy: with ordinary loads and stores, where
// nobody changes the page meanwhile or the caller has latched it; or word by word through
// optimistic_access.hpp, where readers look while a writer writes.
//
//   load<T>(from)                a little-endian integer
//   load_word(from)              one of 64 bits, at an address that is a multiple of eight
//   compare(from, own, size)     as memcmp: bytes of the page with the caller's own
//   copy(into, from, size)       bytes of the page to the caller's own
//   copy_words(into, from, size) the same, with up to seven bytes before and behind: `into` has
//                                room for size + 14. Returns how many are before
//   copy_around(into, from, size)
//                                the same, where `into` has room for seven bytes before it and as
//                                many behind, and begins with the first of `from`
//   store(into, value)           a little-endian integer
//   write(into, own, size)       the caller's own bytes into the page
//   move(into, from, size)       within pages, as memmove
#pragma once

#include "../../../core/endian.hpp"

namespace mantis::detail {

struct plain_access {
    template <std::unsigned_integral T>
    [[nodiscard]] static T load(const std::byte* from) noexcept {
        return load_le<T>(from);
    }
    [[nodiscard]] static std::uint64_t load_word(const std::byte* from) noexcept {
        return load_le<std::uint64_t>(from);
    }
    [[nodiscard]] static int compare(const std::byte* from, const std::byte* own,
                                     std::size_t size) noexcept {
        return size == 0 ? 0 : std::memcmp(from, own, size);
    }
    static void copy(std::byte* into, const std::byte* from, std::size_t size) noexcept {
        if (size != 0) std::memcpy(into, from, size);
    }
    static std::size_t copy_words(std::byte* into, const std::byte* from,
                                  std::size_t size) noexcept {
        copy(into, from, size);
        return 0;
    }
    static void copy_around(std::byte* into, const std::byte* from, std::size_t size) noexcept {
        copy(into, from, size);
    }
    template <std::unsigned_integral T>
    static void store(std::byte* into, T value) noexcept {
        store_le<T>(into, value);
    }
    static void write(std::byte* into, const std::byte* own, std::size_t size) noexcept {
        if (size != 0) std::memcpy(into, own, size);
    }
    static void move(std::byte* into, const std::byte* from, std::size_t size) noexcept {
        if (size != 0) std::memmove(into, from, size);
    }
};

}  // namespace mantis::detail
