// SPDX-License-Identifier: BSL-1.0
//
// The error of a row whose bytes are no key or no value of its table's types.
#pragma once

#include "../../core/error.hpp"

namespace mantis::detail {

//   Returns     the table's name and the key in hexadecimal
[[nodiscard]] inline bytes named_row(bytes_view table, bytes_view key) {
    bytes named{table};
    named.append(" key ");
    for (const std::byte each : key) {
        const unsigned number = std::to_integer<unsigned>(each);
        named.push_back("0123456789abcdef"[number >> 4]);
        named.push_back("0123456789abcdef"[number & 15]);
    }
    return named;
}

// `left` is how many bytes behind the offending ones were not looked at.
[[nodiscard]] inline error undecodable_key(bytes_view table, bytes_view key, const char* wrong,
                                           std::size_t left) {
    return error{error_code::corrupt, wrong}
        .within("reading the key of a row as its type")
        .about(named_row(table, key))
        .with("offset", key.size() - left)
        .with("bytes", key.size());
}
[[nodiscard]] inline error undecodable_value(bytes_view table, bytes_view key, const char* wrong,
                                             std::size_t left, std::size_t size) {
    return error{error_code::corrupt, wrong}
        .within("reading the value of a row as its type")
        .about(named_row(table, key))
        .with("offset", size - left)
        .with("bytes", size);
}

}  // namespace mantis::detail
