// SPDX-License-Identifier: BSL-1.0
//
// One node of a compiled filter, and when a value satisfies it.
#pragma once

#include "../path.hpp"
#include "../value_order.hpp"

#include <algorithm>
#include <vector>

namespace mantis::detail {

enum class filter_op : std::uint8_t {
    all,   // of the children
    any,   // of the children
    none,  // of the children
    equal,
    greater,
    greater_or_equal,
    less,
    less_or_equal,
    in,
    exists,
};

struct filter_node {
    filter_op kind = filter_op::all;
    std::size_t end = 0;  // where the next node beside this one is
    document_path path;
    bson_value operand;
    std::vector<bson_value> members;  // of `in`, in order
};

// Is this operand a document of operators, rather than a document to compare with?
[[nodiscard]] inline bool has_operators(bson_value operand) noexcept {
    if (operand.type() != bson_type::document || operand.as_document().empty()) return false;
    const bytes_view first = operand.as_document().begin()->name;
    return !first.empty() && first[0] == std::byte{'$'};
}

[[nodiscard]] inline bool before(bson_value a, bson_value b) noexcept {
    return compare_values(a, b) < 0;
}

[[nodiscard]] inline std::vector<bson_value> sorted_values(bson_view array) {
    std::vector<bson_value> values;
    for (const bson_element& each : array) values.push_back(each.value);
    std::sort(values.begin(), values.end(), before);
    return values;
}

[[nodiscard]] inline bool is_nan(bson_value value) noexcept {
    return value.type() == bson_type::float64 && value.as_float64() != value.as_float64();
}

// Does this one value, an array not looked into, satisfy the node?
[[nodiscard]] inline bool satisfies_itself(const filter_node& node, bson_value value) noexcept {
    if (node.kind == filter_op::exists) return static_cast<bool>(value);
    if (node.kind == filter_op::in)
        return std::binary_search(node.members.begin(), node.members.end(), value, before);
    if (!same_kind(value.type(), node.operand.type())) return false;
    const auto order = compare_values(value, node.operand);
    const bool comparable = is_nan(value) == is_nan(node.operand);
    switch (node.kind) {
        case filter_op::equal: return order == 0;
        case filter_op::greater: return order > 0 && comparable;
        case filter_op::greater_or_equal: return order >= 0 && comparable;
        case filter_op::less: return order < 0 && comparable;
        case filter_op::less_or_equal: return order <= 0 && comparable;
        case filter_op::in:
        case filter_op::exists:
        case filter_op::all:
        case filter_op::any:
        case filter_op::none: break;
    }
    return false;
}

// Does a value at the end of the path satisfy the node: it, or an element of it?
[[nodiscard]] inline bool satisfies(const filter_node& node, bson_value value) noexcept {
    if (value.type() == bson_type::array && node.kind != filter_op::exists)
        for (const bson_element& element : value.as_document())
            if (satisfies_itself(node, element.value)) return true;
    return satisfies_itself(node, value);
}

}  // namespace mantis::detail
