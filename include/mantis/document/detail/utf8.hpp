// SPDX-License-Identifier: BSL-1.0
//
// Is this text valid UTF-8? No surrogates, nothing over-long, nothing above U+10FFFF.
//
//   Source      The Unicode Standard, table 3-7 (well-formed byte sequences)
#pragma once

#include "../../core/bytes.hpp"

namespace mantis::detail {

// The length of the well-formed sequence at the front of `text`.
//   Requires    !text.empty()
//   Returns     1 to 4; 0 when it is not well formed
[[nodiscard]] inline std::size_t utf8_sequence(bytes_view text) noexcept {
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(text[i]); };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && at(i) >= low && at(i) <= high;
    };
    const unsigned lead = at(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return within(1, 0x80, 0xbf) ? 2 : 0;
    if (lead < 0xf0) {
        const bool second = lead == 0xe0   ? within(1, 0xa0, 0xbf)
                            : lead == 0xed ? within(1, 0x80, 0x9f)
                                           : within(1, 0x80, 0xbf);
        return second && within(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead > 0xf4) return 0;
    const bool second = lead == 0xf0   ? within(1, 0x90, 0xbf)
                        : lead == 0xf4 ? within(1, 0x80, 0x8f)
                                       : within(1, 0x80, 0xbf);
    return second && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
}

//   Returns     how many bytes at the front are ASCII, at least up to the last multiple of eight
[[nodiscard]] inline std::size_t ascii_prefix(bytes_view text) noexcept {
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t eight;
        std::memcpy(&eight, text.data() + at, 8);
        if ((eight & 0x8080'8080'8080'8080u) != 0) break;
    }
    return at;
}

[[nodiscard]] inline bool valid_utf8(bytes_view text) noexcept {
    while (!text.empty()) {
        text = text.from(ascii_prefix(text));
        for (std::size_t i = 0; i < 8 && !text.empty(); ++i) {
            const std::size_t taken = utf8_sequence(text);
            if (taken == 0) return false;
            text = text.from(taken);
        }
    }
    return true;
}

// As valid_utf8, and the pair C0 80, which stands for U+0000 in a stored name.
[[nodiscard]] inline bool valid_stored_name(bytes_view name) noexcept {
    while (!name.empty()) {
        const bool pair =
            name.size() >= 2 && name[0] == std::byte{0xc0} && name[1] == std::byte{0x80};
        const std::size_t taken = pair ? 2 : utf8_sequence(name);
        if (taken == 0) return false;
        name = name.from(taken);
    }
    return true;
}

}  // namespace mantis::detail
