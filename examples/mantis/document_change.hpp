// SPDX-License-Identifier: BSL-1.0
//
// What `import` may change about a document on its way in: strings that are numbers, and the field
// that is the _id.
//
// Paths are field names joined by dots; they pass through arrays, into each element.
#pragma once

#include "field_selection.hpp"

#include <mantis/core/result.hpp>

namespace tool {

class document_change {
public:
    // `numbers`: paths whose strings become numbers where the whole string is a JSON number that is
    // not larger than every double, and stay where it is not. `id`: the path of the value to store
    // as _id; empty for none.
    document_change(const std::vector<std::string_view>& numbers, std::string_view id);

    [[nodiscard]] bool any() const noexcept { return !numbers_.empty() || !id_.empty(); }
    //   Requires    `document` is valid
    //   Errors      invalid_argument: it has nothing at the id's path
    [[nodiscard]] mantis::result<mantis::bytes> apply(mantis::bson_view document);

private:
    using paths = std::vector<const field_path*>;

    void copy_fields(mantis::bson_view from, const paths& active, std::size_t depth, bool array);
    void copy_value(const mantis::bson_element& field, const paths& active, std::size_t depth,
                    bool array);

    std::vector<field_path> numbers_;
    field_path id_;
    mantis::bson_writer writer_;
};

}  // namespace tool
