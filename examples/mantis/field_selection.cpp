// SPDX-License-Identifier: BSL-1.0
#include "field_selection.hpp"

namespace tool {

using mantis::bson_element;
using mantis::bson_type;
using mantis::bson_view;

field_path split_path(std::string_view path) {
    field_path names;
    while (true) {
        const std::size_t dot = path.find('.');
        names.push_back(path.substr(0, dot));
        if (dot == std::string_view::npos) return names;
        path.remove_prefix(dot + 1);
    }
}

field_selection::field_selection(const std::vector<std::string_view>& paths) {
    for (const std::string_view each : paths) paths_.push_back(split_path(each));
}

mantis::bytes field_selection::of(bson_view document) {
    active_paths active;
    for (const field_path& each : paths_) active.push_back(&each);
    copy_fields(document, active, 0);
    return writer_.finish();
}

void field_selection::copy_fields(bson_view from, const active_paths& active, std::size_t depth) {
    for (const bson_element& field : from) {
        active_paths matching;
        bool whole = false;
        for (const field_path* each : active) {
            if (mantis::bytes_view{(*each)[depth]} != field.name) continue;
            whole = whole || each->size() == depth + 1;
            matching.push_back(each);
        }
        if (whole) {
            writer_.add(field.name, field.value);
        } else if (!matching.empty() && field.value.type() == bson_type::document) {
            writer_.begin_document(field.name);
            copy_fields(field.value.as_document(), matching, depth + 1);
            writer_.end();
        } else if (!matching.empty() && field.value.type() == bson_type::array) {
            writer_.begin_array(field.name);
            copy_elements(field.value.as_document(), matching, depth + 1);
            writer_.end();
        }
    }
}

void field_selection::copy_elements(bson_view from, const active_paths& active, std::size_t depth) {
    for (const bson_element& element : from) {
        if (element.value.type() != bson_type::document) continue;
        writer_.push_document();
        copy_fields(element.value.as_document(), active, depth);
        writer_.end();
    }
}

}  // namespace tool
