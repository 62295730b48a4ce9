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

[[nodiscard, gnu::cold, gnu::noinline]] inline error undecodable_key(bytes_view table,
                                                                     bytes_view key,
                                                                     const char* wrong) {
    return error{error_code::corrupt, wrong}
        .within("reading the key of a row as its type")
        .about(named_row(table, key))
        .with("bytes", key.size());
}
[[nodiscard, gnu::cold, gnu::noinline]] inline error undecodable_value(bytes_view table,
                                                                       bytes_view key,
                                                                       const char* wrong,
                                                                       bytes_view value) {
    return error{error_code::corrupt, wrong}
        .within("reading the value of a row as its type")
        .about(named_row(table, key))
        .with("bytes", value.size());
}

}  // namespace mantis::detail
