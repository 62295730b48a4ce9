// SPDX-License-Identifier: BSL-1.0
//
// A number as text, for messages.
#pragma once

#include "../../core/bytes.hpp"

namespace mantis::detail {

inline void append_decimal(bytes& text, std::uint64_t number) {
    char digits[20];
    std::size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    text.append({digits + at, sizeof digits - at});
}

}  // namespace mantis::detail
