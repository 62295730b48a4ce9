// SPDX-License-Identifier: BSL-1.0
//
// A document's _id as the key of its row: keys sort as the ids do (value_order.hpp), and equal ids
// are equal keys.
//
//   kind      tag  behind it
//   number    20   the greatest double that is not above it (8), what is missing to it (2)
//   string    30   the text, each 00 as 00 FF, then 00 00
//   binary    60   length (8), subtype (1), the bytes as a string's
//   bool      70   00 or 01
//   date      80   milliseconds (8)
//
// So 1, 1.0 and int64 1 are one id, and 2^53 + 1 is another than 2^53. null, documents and arrays
// are no ids. The tags leave room; a change of this table is a change of the format on disk.
// An integer of 64 bits is at most 1023 above the double below it, so two bytes hold what is
// missing.
#pragma once

#include "../core/key_encoding.hpp"
#include "../core/result.hpp"
#include "bson_view.hpp"

namespace mantis {

// The longest key of a row, hence of an id: a string without zero bytes may have 509 bytes.
inline constexpr std::size_t max_document_key_bytes = 512;

namespace detail {

enum class key_tag : std::uint8_t {
    number = 0x20,
    text = 0x30,
    binary = 0x60,
    boolean = 0x70,
    date_time = 0x80
};

//   Returns     0 for what is no id
[[nodiscard]] constexpr std::uint8_t key_tag_of(bson_type type) noexcept {
    switch (type) {
        case bson_type::int32:
        case bson_type::int64:
        case bson_type::float64: return static_cast<std::uint8_t>(key_tag::number);
        case bson_type::text: return static_cast<std::uint8_t>(key_tag::text);
        case bson_type::binary: return static_cast<std::uint8_t>(key_tag::binary);
        case bson_type::boolean: return static_cast<std::uint8_t>(key_tag::boolean);
        case bson_type::date_time: return static_cast<std::uint8_t>(key_tag::date_time);
        case bson_type::missing:
        case bson_type::null:
        case bson_type::document:
        case bson_type::array: return 0;
    }
    return 0;
}

struct split_integer {
    double below = 0;           // the greatest double <= the integer
    std::uint64_t missing = 0;  // the integer - below
};

[[nodiscard]] inline split_integer split(std::int64_t value) noexcept {
    constexpr double past_int64 = 9223372036854775808.0;  // 2^63
    double below = static_cast<double>(value);
    // The nearest double is one step too high, or not an int64 at all: the one before it is not.
    if (below >= past_int64 || static_cast<std::int64_t>(below) > value) {
        const auto bits = std::bit_cast<std::uint64_t>(below);
        below = std::bit_cast<double>(below > 0 ? bits - 1 : bits + 1);
    }
    const auto floor = static_cast<std::uint64_t>(static_cast<std::int64_t>(below));
    return {below, static_cast<std::uint64_t>(value) - floor};
}

}  // namespace detail

//   Returns     the key of the document with that id
//   Errors      invalid_argument: not a type an id can have; too_large: the key is over
//               max_document_key_bytes
[[nodiscard]] inline result<bytes> document_key(bson_value id) {
    const std::uint8_t tag = detail::key_tag_of(id.type());
    if (tag == 0)
        return error{error_code::invalid_argument,
                     "an _id is a string, a number, a date, binary or a bool, but not"}
            .about(name_of(id.type()));
    key_writer key;
    key.add_tag(tag);
    if (id.is_integer()) {
        const detail::split_integer parts = detail::split(id.as_integer());
        key.add_double(parts.below);
        key.add_tag(static_cast<std::uint8_t>(parts.missing >> 8))
            .add_tag(static_cast<std::uint8_t>(parts.missing));
    } else if (id.type() == bson_type::float64) {
        key.add_double(id.as_float64()).add_tag(0).add_tag(0);
    } else if (id.type() == bson_type::text) {
        key.add_bytes(id.as_text());
    } else if (id.type() == bson_type::binary) {
        const binary_view data = id.as_binary();
        key.add_uint64(data.data.size()).add_tag(data.subtype).add_bytes(data.data);
    } else if (id.type() == bson_type::boolean) {
        key.add_bool(id.as_boolean());
    } else {
        key.add_int64(id.as_date_time().milliseconds);
    }
    bytes made = key.take();
    if (made.size() > max_document_key_bytes)
        return error{error_code::too_large, "an _id is too long"}
            .with("key_bytes", made.size())
            .with("limit", max_document_key_bytes);
    return made;
}

}  // namespace mantis
