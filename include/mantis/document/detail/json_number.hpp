// SPDX-License-Identifier: BSL-1.0
//
// A JSON number's text as the BSON number it is: an integer where it is one and fits 64 bits, else
// the nearest double.
//
// "-0" is the double -0.0, for no integer is. A number too small for a double is a zero; one too
// large is refused.
#pragma once

#include "../../core/bytes.hpp"

#include <charconv>

namespace mantis::detail {

struct json_number {
    bool is_integer = false;
    std::int64_t integer = 0;
    double real = 0;
};

// The power of ten of the first digit that is not zero, clamped; tells too large from too small.
[[nodiscard]] inline std::int64_t decimal_magnitude(bytes_view text) noexcept {
    constexpr std::int64_t limit = 1'000'000'000'000;
    std::int64_t whole_digits = 0;   // significant ones before the point
    std::int64_t leading_zeros = 0;  // after the point, before the first significant digit
    bool after_point = false;
    bool significant = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text.chars()[at];
        if (c == '-') continue;
        if (c == 'e' || c == 'E') break;
        if (c == '.') {
            after_point = true;
            continue;
        }
        significant = significant || c != '0';
        if (significant && !after_point) ++whole_digits;
        if (!significant && after_point) ++leading_zeros;
    }
    std::int64_t exponent = 0;
    const bool negative = at + 1 < text.size() && text.chars()[at + 1] == '-';
    for (++at; at < text.size(); ++at) {
        const char c = text.chars()[at];
        if (c >= '0' && c <= '9' && exponent < limit) exponent = exponent * 10 + (c - '0');
    }
    return (negative ? -exponent : exponent) + whole_digits - leading_zeros;
}

//   Requires    `text` has the form of a JSON number
//   Returns     false when it is larger than every double
[[nodiscard]] inline bool read_json_number(bytes_view text, json_number& into) noexcept {
    const char* const begin = text.chars();
    const char* const end = begin + text.size();
    const auto whole = std::from_chars(begin, end, into.integer);
    into.is_integer =
        whole.ec == std::errc{} && whole.ptr == end && !(into.integer == 0 && *begin == '-');
    if (into.is_integer) return true;
    const auto read = std::from_chars(begin, end, into.real);
    if (read.ec == std::errc{}) return read.ptr == end;
    if (decimal_magnitude(text) > 0) return false;
    into.real = *begin == '-' ? -0.0 : 0.0;
    return true;
}

}  // namespace mantis::detail
