// SPDX-License-Identifier: BSL-1.0
//
// Unsigned integers to and from bytes of a stated order, at any address.
//
// Little-endian is the order of every mantis file; big-endian is the order in which keys sort as
// numbers do. Each call is one move (and a byte swap at most).
#pragma once

#include "../config.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mantis {

namespace detail {

template <std::unsigned_integral T>
[[nodiscard]] constexpr T swap_bytes(T value) noexcept {
    static_assert(sizeof(T) <= 8, "mantis: integers of at most 64 bits");
    if constexpr (sizeof(T) == 1) return value;
    else if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
    else if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
    else return static_cast<T>(__builtin_bswap64(value));
}

template <std::endian Order, std::unsigned_integral T>
[[nodiscard]] constexpr T in_order(T value) noexcept {
    return Order == std::endian::native ? value : swap_bytes(value);
}

template <std::endian Order, std::unsigned_integral T>
[[nodiscard]] inline T load(const std::byte* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return in_order<Order>(value);
}

template <std::endian Order, std::unsigned_integral T>
inline void store(std::byte* into, T value) noexcept {
    value = in_order<Order>(value);
    std::memcpy(into, &value, sizeof value);
}

}  // namespace detail

//   Requires    sizeof(T) readable bytes at `from`, of any alignment
template <std::unsigned_integral T>
[[nodiscard]] inline T load_le(const std::byte* from) noexcept {
    return detail::load<std::endian::little, T>(from);
}
template <std::unsigned_integral T>
[[nodiscard]] inline T load_be(const std::byte* from) noexcept {
    return detail::load<std::endian::big, T>(from);
}

//   Requires    sizeof(T) writable bytes at `into`, of any alignment
template <std::unsigned_integral T>
inline void store_le(std::byte* into, T value) noexcept {
    detail::store<std::endian::little>(into, value);
}
template <std::unsigned_integral T>
inline void store_be(std::byte* into, T value) noexcept {
    detail::store<std::endian::big>(into, value);
}

}  // namespace mantis
