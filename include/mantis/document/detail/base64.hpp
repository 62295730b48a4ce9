// SPDX-License-Identifier: BSL-1.0
//
// Bytes as base64 text: the standard alphabet, padded.
//
//   Source      RFC 4648, section 4
#pragma once

#include "../../core/bytes.hpp"

namespace mantis::detail {

inline constexpr char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline void append_base64(bytes& to, bytes_view data) {
    while (!data.empty()) {
        const std::size_t taken = data.size() < 3 ? data.size() : 3;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < taken ? std::to_integer<std::uint32_t>(data[i]) : 0);
        for (std::size_t i = 0; i < 4; ++i)
            to.push_back(i <= taken ? base64_alphabet[group >> (18 - 6 * i) & 63] : '=');
        data = data.from(taken);
    }
}

//   Returns     the digit's value, or 64 when it is none
[[nodiscard]] inline std::uint32_t base64_digit(std::byte digit) noexcept {
    const auto c = std::to_integer<unsigned char>(digit);
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26U;
    if (c >= '0' && c <= '9') return c - '0' + 52U;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

//   Returns     false when `text` is not padded base64, or has bits where padding should be zero;
//               `to` may then have grown
[[nodiscard]] inline bool append_from_base64(bytes& to, bytes_view text) {
    if (text.size() % 4 != 0) return false;
    for (std::size_t at = 0; at < text.size(); at += 4) {
        const bool last = at + 4 == text.size();
        const std::size_t padding =
            last && text[at + 3] == std::byte{'='} ? (text[at + 2] == std::byte{'='} ? 2 : 1) : 0;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::uint32_t digit = i < 4 - padding ? base64_digit(text[at + i]) : 0;
            if (digit == 64) return false;
            group = group << 6 | digit;
        }
        if ((group & ((1U << (8 * padding)) - 1)) != 0) return false;
        for (std::size_t i = 0; i < 3 - padding; ++i)
            to.push_back(static_cast<std::byte>(group >> (16 - 8 * i)));
    }
    return true;
}

}  // namespace mantis::detail
