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

#include <bit>
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

    // By their segments: behind a path come the paths it leads to, before any other.
    [[nodiscard]] static bool in_order(const document_path& a, const document_path& b) noexcept {
        for (std::size_t at = 0; at < a.count() && at < b.count(); ++at)
            if (a[at].name != b[at].name) return a[at].name < b[at].name;
        return a.count() < b.count();
    }
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

// Some of a path's segments, by number, and the path's end, whose number is count().
class segment_set {
public:
    segment_set() noexcept = default;
    explicit segment_set(std::size_t only) noexcept { add(only); }

    void add(std::size_t at) noexcept { words_[at / 64] |= bit(at); }
    void remove(std::size_t at) noexcept { words_[at / 64] &= ~bit(at); }
    [[nodiscard]] bool contains(std::size_t at) const noexcept {
        return (words_[at / 64] & bit(at)) != 0;
    }
    [[nodiscard]] bool empty() const noexcept { return (words_[0] | words_[1]) == 0; }
    //   Requires    !empty()
    [[nodiscard]] std::size_t last() const noexcept {
        const std::size_t high = words_[1] != 0 ? 1 : 0;
        return high * 64 + static_cast<std::size_t>(std::bit_width(words_[high])) - 1;
    }

private:
    static_assert(max_document_depth < 128);
    static std::uint64_t bit(std::size_t at) noexcept { return std::uint64_t{1} << at % 64; }

    std::uint64_t words_[2] = {};
};

// Visits what a path reaches below a document of an array, where an index and a name both lead on:
// each value is walked once for all the segments that lead on from it, for one walk for each would
// double at every level.
template <class Visit>
class many_ways {
public:
    many_ways(const document_path& path, Visit& visit) noexcept : path_{path}, visit_{visit} {}

    bool in_value(bson_value value, segment_set next) {
        if (next.contains(path_.count())) {
            if (!visit_(value)) return false;
            next.remove(path_.count());
        }
        if (next.empty()) return true;
        if (value.type() == bson_type::document) return in_document(value.as_document(), next);
        if (value.type() == bson_type::array) return in_array(value.as_document(), next);
        return visit_(bson_value{});
    }

private:
    bool in_document(bson_view document, segment_set next) {
        while (!next.empty()) {
            const std::size_t last = next.last();
            next.remove(last);
            segment_set reached{last + 1};
            for (segment_set others = next; !others.empty();) {
                const std::size_t at = others.last();
                others.remove(at);
                if (path_[at].name != path_[last].name) continue;
                next.remove(at);
                reached.add(at + 1);
            }
            if (!in_value(document[path_[last].name], reached)) return false;
        }
        return true;
    }

    bool in_array(bson_view array, segment_set next) {
        std::uint32_t index = 0;
        for (const bson_element& element : array) {
            const bool document = element.value.type() == bson_type::document;
            segment_set reached = document ? next : segment_set{};
            for (segment_set left = next; !left.empty();) {
                const std::size_t at = left.last();
                left.remove(at);
                if (path_[at].index == index) reached.add(at + 1);
            }
            ++index;
            if (!reached.empty() && !in_value(element.value, reached)) return false;
        }
        return true;
    }

    const document_path& path_;
    Visit& visit_;
};

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
        const bool here = index++ == next.index;
        const bool document = element.value.type() == bson_type::document;
        if (here && document) {
            segment_set both{at};
            both.add(at + 1);
            if (!many_ways<Visit>{path, visit}.in_value(element.value, both)) return false;
        } else if (here) {
            if (!visit_value(element.value, path, at + 1, visit)) return false;
        } else if (document) {
            if (!visit_from(element.value.as_document(), path, at, visit)) return false;
        }
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
// missing. A value that is reached in several ways is visited once.
//   Requires    `document` is validated
//   Returns     false when `visit` did
//   Complexity  linear in the values below the path's first segment, for each of its segments
template <class Visit>
bool for_each_value(bson_view document, const document_path& path, Visit visit) {
    return detail::visit_from(document, path, 0, visit);
}

}  // namespace mantis
