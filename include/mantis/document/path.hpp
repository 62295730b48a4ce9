// SPDX-License-Identifier: BSL-1.0
//
// A dotted path into a document, "address.city" or "tags.0", and the values it reaches.
//
// Arrays are passed through as MongoDB does: a path reaches into every document of an array, and a
// segment that is a number also reaches the element of that index. So one path can reach several
// values in one document:
//
//   {"a": [{"b": 1}, {"b": 2}, 3]}     "a.b" reaches 1 and 2         "a.2" reaches 3
//
// A document that lacks the field gives a missing value, also where a segment that is a number is
// looked for as a name: "a.1.b" reaches 2, and missing twice. An array directly inside an array is
// passed by index only. A field name that contains a dot cannot be reached.
//
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "../core/result.hpp"
#include "bson_name.hpp"
#include "bson_view.hpp"

#include <vector>

namespace mantis {

class document_path {
public:
    // A segment that is no index of an array.
    static constexpr std::uint32_t no_index = 0xffff'ffff;

    struct segment {
        bytes_view name;  // in stored form
        std::uint32_t index = no_index;
    };

    //   Errors      invalid_argument: the path is empty, a segment is, or there are more than
    //               max_document_depth
    [[nodiscard]] static result<document_path> parse(bytes_view dotted) {
        document_path path;
        append_stored_name(path.text_, dotted);
        std::size_t start = 0;
        for (std::size_t at = 0; at <= path.text_.size(); ++at) {
            if (at != path.text_.size() && path.text_[at] != std::byte{'.'}) continue;
            if (at == start) return wrong("reading a path: an empty field name", dotted);
            path.parts_.push_back(
                {start, at - start, index_of(path.text_.view().part(start, at - start))});
            start = at + 1;
        }
        if (path.parts_.size() > max_document_depth)
            return wrong("reading a path: deeper than any document", dotted);
        return path;
    }

    [[nodiscard]] std::size_t count() const noexcept { return parts_.size(); }
    //   Requires    at < count()
    [[nodiscard]] segment operator[](std::size_t at) const noexcept {
        const part& found = parts_[at];
        return {text_.view().part(found.start, found.size), found.index};
    }
    [[nodiscard]] bytes_view text() const noexcept { return text_; }

    // Is this path the beginning of `other`, or the same?
    [[nodiscard]] bool leads_to(const document_path& other) const noexcept {
        return other.text().starts_with(text()) &&
               (other.text_.size() == text_.size() || other.text_[text_.size()] == std::byte{'.'});
    }

private:
    struct part {
        std::size_t start = 0;
        std::size_t size = 0;
        std::uint32_t index = no_index;
    };

    static error wrong(const char* sentence, bytes_view dotted) {
        return error{error_code::invalid_argument, sentence}.about(dotted);
    }
    [[nodiscard]] static std::uint32_t index_of(bytes_view name) noexcept {
        if (name.size() > 9 || (name.size() > 1 && name[0] == std::byte{'0'})) return no_index;
        std::uint32_t sum = 0;
        for (const std::byte each : name) {
            const unsigned digit = std::to_integer<unsigned>(each) - '0';
            if (digit > 9) return no_index;
            sum = sum * 10 + digit;
        }
        return sum;
    }

    bytes text_;
    std::vector<part> parts_;
};

namespace detail {

template <class Visit>
bool visit_from(bson_view document, const document_path& path, std::size_t at, Visit& visit);

// Goes on from a value that segment at - 1 reached.
template <class Visit>
bool visit_value(bson_value value, const document_path& path, std::size_t at, Visit& visit) {
    if (at == path.count()) return visit(value);
    if (value.type() == bson_type::document)
        return visit_from(value.as_document(), path, at, visit);
    if (value.type() != bson_type::array) return visit(bson_value{});
    const document_path::segment next = path[at];
    std::uint32_t index = 0;
    for (const bson_element& element : value.as_document()) {
        if (index++ == next.index && !visit_value(element.value, path, at + 1, visit)) return false;
        if (element.value.type() == bson_type::document &&
            !visit_from(element.value.as_document(), path, at, visit))
            return false;
    }
    return true;
}

template <class Visit>
bool visit_from(bson_view document, const document_path& path, std::size_t at, Visit& visit) {
    return visit_value(document[path[at].name], path, at + 1, visit);
}

}  // namespace detail

// Calls visit(bson_value) -> bool for each value that `path` reaches, until it answers false. An
// array at the end of the path is one value. Where a document lacks the field, the value is
// missing.
//   Requires    `document` is validated
//   Returns     false when `visit` did
template <class Visit>
bool for_each_value(bson_view document, const document_path& path, Visit visit) {
    return detail::visit_from(document, path, 0, visit);
}

// The one value at exactly this path: fields of documents by name, elements of arrays by index
// only; or missing.
[[nodiscard]] inline bson_value value_at(bson_view document, const document_path& path) noexcept {
    bson_value found = document[path[0].name];
    for (std::size_t at = 1; at < path.count(); ++at) {
        if (!found.is_nested()) return {};
        found = found.as_document()[path[at].name];
    }
    return found;
}

}  // namespace mantis
