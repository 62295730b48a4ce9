// SPDX-License-Identifier: BSL-1.0
//
// One total order over all values, the order of sorting and of ids:
//
//   missing and null < numbers < text < documents < arrays < binary < bools < dates
//
// Within a kind: numbers by value whatever their type (NaN before all others and equal to itself;
// -0.0 equal to 0), text and names by byte, documents field by field (kind, then name, then value),
// arrays element by element, a prefix first; binary by length, subtype, bytes; false before true;
// dates by time.
//
// An integer and a double are compared exactly: no integer is rounded on the way.
//
//   Requires    validated values: the recursion is as deep as the documents
#pragma once

#include "bson_view.hpp"

namespace mantis {

namespace detail {

// Values of equal rank are comparable with each other; ranks follow the order above.
[[nodiscard]] constexpr int rank_of(bson_type type) noexcept {
    switch (type) {
        case bson_type::missing:
        case bson_type::null: return 1;
        case bson_type::int32:
        case bson_type::int64:
        case bson_type::float64: return 2;
        case bson_type::text: return 3;
        case bson_type::document: return 4;
        case bson_type::array: return 5;
        case bson_type::binary: return 6;
        case bson_type::boolean: return 7;
        case bson_type::date_time: return 8;
    }
    return 0;
}

[[nodiscard]] inline std::weak_ordering compare_floats(double a, double b) noexcept {
    if (a < b) return std::weak_ordering::less;
    if (a > b) return std::weak_ordering::greater;
    if (a == b) return std::weak_ordering::equivalent;
    const bool a_is_nan = a != a;
    const bool b_is_nan = b != b;
    if (a_is_nan && b_is_nan) return std::weak_ordering::equivalent;
    return a_is_nan ? std::weak_ordering::less : std::weak_ordering::greater;
}

[[nodiscard]] inline std::weak_ordering compare_integer_to_float(std::int64_t integer,
                                                                 double real) noexcept {
    constexpr double past_int64 = 9223372036854775808.0;  // 2^63
    if (real != real || real < -past_int64) return std::weak_ordering::greater;
    if (real >= past_int64) return std::weak_ordering::less;
    const auto whole = static_cast<std::int64_t>(real);  // towards zero
    if (integer != whole)
        return integer < whole ? std::weak_ordering::less : std::weak_ordering::greater;
    return compare_floats(0.0, real - static_cast<double>(whole));
}

[[nodiscard]] inline std::weak_ordering reversed(std::weak_ordering order) noexcept {
    return 0 <=> order;
}

[[nodiscard]] inline std::weak_ordering compare_numbers(bson_value a, bson_value b) noexcept {
    if (a.is_integer() && b.is_integer()) return a.as_integer() <=> b.as_integer();
    if (a.is_integer()) return compare_integer_to_float(a.as_integer(), b.as_float64());
    if (b.is_integer()) return reversed(compare_integer_to_float(b.as_integer(), a.as_float64()));
    return compare_floats(a.as_float64(), b.as_float64());
}

[[nodiscard]] inline std::weak_ordering compare_binaries(binary_view a, binary_view b) noexcept {
    if (a.data.size() != b.data.size()) return a.data.size() <=> b.data.size();
    if (a.subtype != b.subtype) return a.subtype <=> b.subtype;
    return a.data <=> b.data;
}

}  // namespace detail

// Are both of the same kind, so that < and > between them mean something?
[[nodiscard]] constexpr bool same_kind(bson_type a, bson_type b) noexcept {
    return detail::rank_of(a) == detail::rank_of(b);
}

[[nodiscard]] inline std::weak_ordering compare_values(bson_value a, bson_value b) noexcept;

[[nodiscard]] inline std::weak_ordering compare_documents(bson_view a, bson_view b) noexcept {
    auto left = a.begin();
    auto right = b.begin();
    for (; left != a.end() && right != b.end(); ++left, ++right) {
        const int left_rank = detail::rank_of(left->value.type());
        const int right_rank = detail::rank_of(right->value.type());
        if (left_rank != right_rank) return left_rank <=> right_rank;
        if (const auto names = left->name <=> right->name; names != 0) return names;
        if (const auto values = compare_values(left->value, right->value); values != 0)
            return values;
    }
    return (left != a.end()) <=> (right != b.end());
}

inline std::weak_ordering compare_values(bson_value a, bson_value b) noexcept {
    const int rank = detail::rank_of(a.type());
    if (const auto kinds = rank <=> detail::rank_of(b.type()); kinds != 0) return kinds;
    switch (a.type()) {
        case bson_type::int32:
        case bson_type::int64:
        case bson_type::float64: return detail::compare_numbers(a, b);
        case bson_type::text: return a.as_text() <=> b.as_text();
        case bson_type::document:
        case bson_type::array: return compare_documents(a.as_document(), b.as_document());
        case bson_type::binary: return detail::compare_binaries(a.as_binary(), b.as_binary());
        case bson_type::boolean: return a.as_boolean() <=> b.as_boolean();
        case bson_type::date_time: return a.as_date_time() <=> b.as_date_time();
        case bson_type::missing:
        case bson_type::null: break;
    }
    return std::weak_ordering::equivalent;
}

}  // namespace mantis
