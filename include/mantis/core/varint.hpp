// SPDX-License-Identifier: BSL-1.0
//
// Unsigned integers in one to ten bytes: seven bits a byte, low bits first, the top bit says that
// more follow (LEB128).
//
// A value has exactly one encoding: reading refuses over-long forms (`80 00` for zero) and more
// than 64 bits, so that equal records are equal bytes.
#pragma once

#include "bytes.hpp"

namespace mantis {

inline constexpr std::size_t max_varint_bytes = 10;

//   Returns     how many bytes `value` takes, 1 to max_varint_bytes
[[nodiscard]] constexpr std::size_t varint_bytes(std::uint64_t value) noexcept {
    const int significant = 64 - __builtin_clzll(value | 1);
    return static_cast<std::size_t>(significant + 6) / 7;
}

//   Requires    varint_bytes(value) writable bytes at `into`
//   Returns     how many were written
inline std::size_t store_varint(std::byte* into, std::uint64_t value) noexcept {
    std::size_t at = 0;
    for (; value >= 0x80; value >>= 7) into[at++] = static_cast<std::byte>(value | 0x80);
    into[at++] = static_cast<std::byte>(value);
    return at;
}

inline void append_varint(bytes& to, std::uint64_t value) {
    std::byte encoded[max_varint_bytes];
    to.append({encoded, store_varint(encoded, value)});
}

//   Effects     sets `value` when there is a canonical varint at the beginning of `from`, else
//               leaves it
//   Returns     how many bytes it took; 0 when it is cut short, over-long or over 64 bits
[[nodiscard]] inline std::size_t load_varint(bytes_view from, std::uint64_t& value) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < from.size() && at < max_varint_bytes; ++at) {
        const std::uint64_t byte = std::to_integer<std::uint64_t>(from[at]);
        if (at == max_varint_bytes - 1 && byte > 1) return 0;  // bit 64 and above
        sum |= (byte & 0x7f) << (7 * at);
        if (byte >= 0x80) continue;
        if (byte == 0 && at != 0) return 0;  // a shorter form exists
        value = sum;
        return at + 1;
    }
    return 0;
}

}  // namespace mantis
