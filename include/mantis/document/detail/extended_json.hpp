// SPDX-License-Identifier: BSL-1.0
//
// The objects that stand for a value JSON has no form for, as MongoDB's Extended JSON writes them:
//
//   {"$date": "2026-01-02T03:04:05Z"}      {"$date": {"$numberLong": "1767323045000"}}
//   {"$binary": {"base64": "AAEC", "subType": "00"}}
//   {"$numberLong": "9007199254740993"}    {"$numberDouble": "NaN"}, "-Infinity", "1.5"
//
// An object is one of these when its first key is; anything else about it being different is an
// error rather than a document with an odd field name. $numberLong becomes a plain integer, stored
// by size like every other.
#pragma once

#include "../bson_writer.hpp"
#include "base64.hpp"
#include "date_text.hpp"
#include "json_number.hpp"

namespace mantis::detail {

[[nodiscard]] inline const char* extended_date(bson_value operand, bytes& payload,
                                               bson_type& type) {
    date_time date;
    if (operand.is_integer()) date = {operand.as_integer()};
    else if (operand.type() != bson_type::text || !read_date(operand.as_text(), date))
        return "reading JSON: $date needs an ISO 8601 date or a $numberLong";
    type = append_payload(payload, date);
    return nullptr;
}

[[nodiscard]] inline const char* extended_binary(bson_value operand, bytes& payload,
                                                 bson_type& type) {
    constexpr const char* sentence =
        "reading JSON: $binary needs base64 and a hexadecimal subType of one or two digits";
    if (operand.type() != bson_type::document) return sentence;
    const bson_view parts = operand.as_document();
    const bson_value base64 = parts["base64"];
    const bson_value subtype = parts["subType"];
    if (base64.type() != bson_type::text || subtype.type() != bson_type::text || parts.count() != 2)
        return sentence;
    const bytes_view hex = subtype.as_text();
    std::uint8_t number = 0;
    const auto read = std::from_chars(hex.chars(), hex.chars() + hex.size(), number, 16);
    if (hex.empty() || hex.size() > 2 || read.ptr != hex.chars() + hex.size()) return sentence;
    bytes data;
    if (!append_from_base64(data, base64.as_text())) return sentence;
    type = append_payload(payload, binary_view{data.view(), number});
    return nullptr;
}

[[nodiscard]] inline const char* extended_long(bson_value operand, bytes& payload,
                                               bson_type& type) {
    constexpr const char* sentence = "reading JSON: $numberLong needs a 64-bit integer as a string";
    if (operand.type() != bson_type::text) return sentence;
    const bytes_view text = operand.as_text();
    const char* const end = text.chars() + text.size();
    std::int64_t number = 0;
    const auto read = std::from_chars(text.chars(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) return sentence;
    type = append_payload(payload, number);
    return nullptr;
}

[[nodiscard]] inline const char* extended_double(bson_value operand, bytes& payload,
                                                 bson_type& type) {
    constexpr const char* sentence =
        "reading JSON: $numberDouble needs a string: a decimal number in the range of a double, "
        "NaN, Infinity or -Infinity";
    if (operand.type() != bson_type::text) return sentence;
    const bytes_view text = operand.as_text();
    double number = 0;
    if (text == "NaN") number = std::bit_cast<double>(0x7ff8'0000'0000'0000u);
    else if (text == "Infinity") number = std::bit_cast<double>(0x7ff0'0000'0000'0000u);
    else if (text == "-Infinity") number = std::bit_cast<double>(0xfff0'0000'0000'0000u);
    else if (!read_decimal(text, number)) return sentence;
    type = append_payload(payload, number);
    return nullptr;
}

// Replaces the document that ends `out`, if it is one of the forms above, by the value it stands
// for.
//   Requires    the document's element (type byte, name) begins at `element`, its payload at
//               `start`
//   Returns     nullptr, or the sentence that says what is wrong with it
[[nodiscard]] inline const char* replace_extended(bytes& out, std::size_t element,
                                                  std::size_t start) {
    if (out.size() < start + 6 || out[start + 5] != std::byte{'$'}) return nullptr;
    const bson_view document{out.view().from(start)};
    const bson_view::iterator first = document.begin();
    const char* (*read)(bson_value, bytes&, bson_type&) = nullptr;
    if (first->name == "$date") read = extended_date;
    else if (first->name == "$binary") read = extended_binary;
    else if (first->name == "$numberLong") read = extended_long;
    else if (first->name == "$numberDouble") read = extended_double;
    else return nullptr;
    if (document.count() != 1)
        return "reading JSON: a field beside $date, $binary, $numberLong or $numberDouble";
    bytes payload;
    bson_type type = bson_type::missing;
    if (const char* const wrong = read(first->value, payload, type)) return wrong;
    out.resize(start);
    out.append(payload.view());
    out[element] = static_cast<std::byte>(type);
    return nullptr;
}

}  // namespace mantis::detail
