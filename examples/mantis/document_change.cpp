// SPDX-License-Identifier: BSL-1.0
#include "document_change.hpp"

#include <mantis/document/detail/json_number.hpp>

#include <algorithm>

namespace tool {

using mantis::bson_element;
using mantis::bson_type;
using mantis::bson_value;
using mantis::bson_view;

namespace {

std::size_t digits(std::string_view text, std::size_t at) noexcept {
    std::size_t count = 0;
    while (at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '9') ++count;
    return count;
}

// RFC 8259: no plus sign, no leading zero, no space, digits on both sides of the point.
bool has_number_form(std::string_view text) noexcept {
    std::size_t at = text.starts_with('-') ? 1 : 0;
    const std::size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
    at += whole;
    if (at < text.size() && text[at] == '.') {
        const std::size_t fraction = digits(text, ++at);
        if (fraction == 0) return false;
        at += fraction;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        const std::size_t exponent = digits(text, at);
        if (exponent == 0) return false;
        at += exponent;
    }
    return at == text.size();
}

// The value at a path without arrays, or a missing one.
bson_value value_at(bson_view document, const field_path& path) {
    bson_value found;
    for (const std::string_view name : path) {
        found = document[name];
        document = found.type() == bson_type::document ? found.as_document() : bson_view{};
    }
    return found;
}

}  // namespace

document_change::document_change(const std::vector<std::string_view>& numbers,
                                 std::string_view id) {
    for (const std::string_view each : numbers) numbers_.push_back(split_path(each));
    if (!id.empty()) id_ = split_path(id);
}

mantis::result<mantis::bytes> document_change::apply(bson_view document) {
    paths active;
    for (const field_path& each : numbers_) active.push_back(&each);
    if (!id_.empty()) {
        const bson_value id = value_at(document, id_);
        if (!id)
            return mantis::error{mantis::error_code::invalid_argument,
                                 "the document has nothing at the path of --id"};
        paths below;
        for (const field_path& each : numbers_)
            if (each.size() >= id_.size() && std::equal(id_.begin(), id_.end(), each.begin()))
                below.push_back(&each);
        copy_value({"_id", id}, below, id_.size(), false);
    }
    copy_fields(document, active, 0, false);
    return writer_.finish();
}

void document_change::copy_fields(bson_view from, const paths& active, std::size_t depth,
                                  bool array) {
    for (const bson_element& field : from) {
        if (depth == 0 && !id_.empty() && field.name == mantis::bytes_view{"_id"}) continue;
        if (array) {
            copy_value(field, active, depth, true);
            continue;
        }
        paths matching;
        for (const field_path* each : active)
            if (each->size() > depth && mantis::bytes_view{(*each)[depth]} == field.name)
                matching.push_back(each);
        copy_value(field, matching, depth + 1, false);
    }
}

// `active` are the paths that reach this value; those of size `depth` end here.
void document_change::copy_value(const bson_element& field, const paths& active, std::size_t depth,
                                 bool array) {
    const auto add = [&](const auto& value) {
        if (array) writer_.push(value);
        else writer_.add(field.name, value);
    };
    const bson_type type = field.value.type();
    if (active.empty()) return add(field.value);
    if (type == bson_type::document || type == bson_type::array) {
        const bool list = type == bson_type::array;
        if (array) list ? writer_.push_array() : writer_.push_document();
        else list ? writer_.begin_array(field.name) : writer_.begin_document(field.name);
        copy_fields(field.value.as_document(), active, depth, list);
        writer_.end();
        return;
    }
    bool ends_here = false;
    for (const field_path* each : active) ends_here = ends_here || each->size() == depth;
    if (!ends_here || type != bson_type::text) return add(field.value);
    const mantis::bytes_view text = field.value.as_text();
    mantis::detail::json_number read;
    if (!has_number_form(text.as<std::string_view>()) ||
        !mantis::detail::read_json_number(text, read))
        return add(field.value);
    if (read.is_integer) return add(read.integer);
    add(read.real);
}

}  // namespace tool
