// SPDX-License-Identifier: BSL-1.0
//
// The field names that make a JSON object stand for a value of another type, where they come first
// (extended_json.hpp).
//
// BSON can hold a document that begins with one. Its text would read back as that other value, so
// whatever becomes a stored document is asked here.
#pragma once

#include "../../core/result.hpp"
#include "../bson_view.hpp"

namespace mantis::detail {

[[nodiscard]] inline bool is_extended_name(bytes_view name) noexcept {
    return name == "$date" || name == "$binary" || name == "$numberLong" || name == "$numberDouble";
}

//   Returns     the name that the document, or the first of those inside it, begins with; empty
//               where none does
[[nodiscard]] inline bytes_view leading_extended_name(bson_view document) noexcept {
    bool first = true;
    for (const bson_element& field : document) {
        if (first && is_extended_name(field.name)) return field.name;
        first = false;
        if (!field.value.is_nested()) continue;
        const bytes_view inside = leading_extended_name(field.value.as_document());
        if (!inside.empty()) return inside;
    }
    return {};
}

//   Requires    `document` is validated: the recursion is as deep as it is
//   Errors      invalid_argument: the name that it, or a document inside it, begins with
//   Complexity  linear in the bytes; one memchr where no byte is a '$'
[[nodiscard]] inline result<void> check_leading_names(bson_view document) {
    const bytes_view all = document.document();
    if (std::memchr(all.data(), '$', all.size()) == nullptr) return {};
    const bytes_view name = leading_extended_name(document);
    if (name.empty()) return {};
    return error{error_code::invalid_argument,
                 "a document cannot begin with a field that JSON keeps for another type"}
        .about(name);
}

}  // namespace mantis::detail
