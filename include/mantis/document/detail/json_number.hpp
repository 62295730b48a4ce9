// SPDX-License-Identifier: BSL-1.0
//
// A JSON number's text as the BSON number it is: an integer where it is one and fits 64 bits, else
// the nearest double.
//
// "-0" is the double -0.0, for no integer is. A number too small for a double is a zero; one too
// large is refused, and so is an exponent over max_exponent, for Boost's parser gives up a little
// further on.
#pragma once

#include "../../core/bytes.hpp"

#include <charconv>

namespace mantis::detail {

struct json_number {
    bool is_integer = false;
    std::int64_t integer = 0;
    double real = 0;
};

inline constexpr std::int64_t max_exponent = 999'999'999;

// A decimal number as a power of ten: what a double's range is compared with.
struct decimal_scale {
    bool zero = true;            // no digit but zeros
    std::int64_t exponent = 0;   // as written, at most max_exponent + 1 from zero
    std::int64_t magnitude = 0;  // the power of ten of the first digit that is not zero, plus one
};

[[nodiscard]] inline decimal_scale scale_of(bytes_view text) noexcept {
    decimal_scale scale;
    bool after_point = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text.chars()[at];
        if (c == 'e' || c == 'E') break;
        if (c == '.') after_point = true;
        if (c < '0' || c > '9') continue;
        if (c != '0') scale.zero = false;
        if (scale.zero && after_point) --scale.magnitude;
        if (!scale.zero && !after_point) ++scale.magnitude;
    }
    const bool negative = at + 1 < text.size() && text.chars()[at + 1] == '-';
    for (++at; at < text.size(); ++at) {
        const char c = text.chars()[at];
        if (c < '0' || c > '9') continue;
        scale.exponent = scale.exponent * 10 + (c - '0');
        if (scale.exponent > max_exponent) scale.exponent = max_exponent + 1;
    }
    if (negative) scale.exponent = -scale.exponent;
    scale.magnitude += scale.exponent;
    return scale;
}

//   Returns     false when `text` is no decimal number, or not in the range of one that is read;
//               `into` is then of no use
[[nodiscard]] inline bool read_decimal(bytes_view text, double& into) noexcept {
    const auto digit_at = [&](std::size_t at) {
        return at < text.size() && text.chars()[at] >= '0' && text.chars()[at] <= '9';
    };
    const bool negative = !text.empty() && text[0] == std::byte{'-'};
    if (!digit_at(negative ? 1 : 0) || !digit_at(text.size() - 1)) return false;
    const char* const end = text.chars() + text.size();
    const auto read = std::from_chars(text.chars(), end, into);
    if (read.ptr != end) return false;
    if (read.ec == std::errc{} && into != 0) return true;
    const decimal_scale scale = scale_of(text);
    if (scale.exponent > max_exponent || scale.exponent < -max_exponent) return false;
    if (!scale.zero && scale.magnitude > 0) return false;
    into = negative ? -0.0 : 0.0;
    return true;
}

//   Requires    `text` has the form of a JSON number
//   Returns     false when it is larger than every double, or its exponent than max_exponent
[[nodiscard]] inline bool read_json_number(bytes_view text, json_number& into) noexcept {
    const char* const begin = text.chars();
    const char* const end = begin + text.size();
    const auto whole = std::from_chars(begin, end, into.integer);
    into.is_integer =
        whole.ec == std::errc{} && whole.ptr == end && !(into.integer == 0 && *begin == '-');
    return into.is_integer || read_decimal(text, into.real);
}

}  // namespace mantis::detail
