// SPDX-License-Identifier: BSL-1.0
//
// Some fields of a document, for `find --fields name,place.city`: what the paths reach, in the
// document's own order.
//
// Paths are field names joined by dots; they pass through arrays, into each document of one.
#pragma once

#include <mantis/core/bytes.hpp>
#include <mantis/document/bson_writer.hpp>

#include <string_view>
#include <vector>

namespace tool {

using field_path = std::vector<std::string_view>;

[[nodiscard]] field_path split_path(std::string_view path);

class field_selection {
public:
    // No path: every field.
    explicit field_selection(const std::vector<std::string_view>& paths);

    [[nodiscard]] bool everything() const noexcept { return paths_.empty(); }
    //   Requires    `document` is valid
    [[nodiscard]] mantis::bytes of(mantis::bson_view document);

private:
    using active_paths = std::vector<const field_path*>;

    void copy_fields(mantis::bson_view from, const active_paths& active, std::size_t depth);
    void copy_elements(mantis::bson_view from, const active_paths& active, std::size_t depth);

    std::vector<field_path> paths_;
    mantis::bson_writer writer_;
};

}  // namespace tool
