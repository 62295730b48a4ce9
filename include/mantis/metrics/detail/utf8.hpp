// SPDX-License-Identifier: BSL-1.0
//
// Where a character of UTF-8 ends.
//
//   Source      The Unicode Standard, table 3-7: well-formed byte sequences
#pragma once

#include "../../core/bytes.hpp"

namespace mantis::detail {

//   Requires    !text.empty()
//   Returns     the bytes of the first character, or 0 when it is none
[[nodiscard]] inline std::size_t utf8_length(bytes_view text) noexcept {
    const auto at = [text](std::size_t i) { return std::to_integer<unsigned>(text[i]); };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (text.size() < length) return 0;
    const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at(1) < low || at(1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (at(i) < 0x80 || at(i) > 0xbf) return 0;
    return length;
}

}  // namespace mantis::detail
