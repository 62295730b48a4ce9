// SPDX-License-Identifier: BSL-1.0
//
// Copies a document with one field set, removed or incremented.
//
// In each document along the path, what lies before the field and what lies behind it are copied
// whole.
#pragma once

#include "../bson_writer.hpp"
#include "../path.hpp"

#include <charconv>

namespace mantis::detail {

enum class field_op : std::uint8_t { set, unset, increment };

struct field_change {
    field_op op = field_op::set;
    document_path path;
    bson_value operand;
};

class field_rewriter {
public:
    // How far behind an array's end $set may write; the gap is filled with nulls.
    static constexpr std::uint32_t max_array_gap = 1000;

    field_rewriter(const field_change& change, bytes& into) : change_{change}, into_{into} {}

    //   Requires    `document` is validated
    //   Errors      invalid_argument, too_large; `into` is then of no use
    [[nodiscard]] result<void> run(bson_view document) { return nested(document, 0, false); }

private:
    // Writes `source` changed at segment `at` of the path.
    [[nodiscard]] result<void> nested(bson_view source, std::size_t at, bool array) {
        const std::size_t start = into_.size();
        append_u32(into_, 0);
        const document_path::segment wanted = change_.path[at];
        const std::byte* rest = source.document().data() + 4;
        std::uint32_t index = 0;
        bool found = false;
        for (const bson_element& element : source) {
            found = array ? index == wanted.index : element.name == wanted.name;
            ++index;
            if (!found) continue;
            copy(rest, element.name.data() - 1);
            rest = element.value.payload().end();
            if (auto done = reached(element, at, array); !done) return done;
            break;
        }
        copy(rest, source.document().end() - 1);
        if (!found && change_.op != field_op::unset)
            if (auto added = append(wanted, at, array, index); !added) return added;
        into_.push_back(std::byte{0});
        store_le(into_.data() + start, static_cast<std::uint32_t>(into_.size() - start));
        return {};
    }

    // Writes the element that segment `at` names.
    [[nodiscard]] result<void> reached(const bson_element& element, std::size_t at, bool in_array) {
        const bool last = at + 1 == change_.path.count();
        if (!last && element.value.is_nested()) {
            header(element.name, element.value.type());
            const bool array = element.value.type() == bson_type::array;
            if (array && change_.path[at + 1].index == document_path::no_index &&
                change_.op != field_op::unset)
                return wrong("updating a document: an array's element is named by its index");
            return nested(element.value.as_document(), at + 1, array);
        }
        if (!last && change_.op != field_op::unset)
            return wrong("updating a document: the path leads through a value that has no fields");
        if (!last) return element_of(element.name, element.value), success();
        switch (change_.op) {
            case field_op::set: element_of(element.name, change_.operand); break;
            case field_op::unset:
                if (in_array) header(element.name, bson_type::null);
                break;
            case field_op::increment: return increment(element);
        }
        return {};
    }

    // Writes what was not there: the field, and the documents on the way to it.
    [[nodiscard]] result<void> append(document_path::segment wanted, std::size_t at, bool array,
                                      std::uint32_t count) {
        if (array) {
            if (wanted.index == document_path::no_index)
                return wrong("updating a document: an array's element is named by its index");
            if (wanted.index - count > max_array_gap)
                return error{error_code::too_large,
                             "updating a document: an index too far behind the array's end"}
                    .about(change_.path.text())
                    .with("limit", max_array_gap);
            for (; count < wanted.index; ++count) header_of_index(count, bson_type::null);
        }
        const bool last = at + 1 == change_.path.count();
        header(wanted.name, last ? change_.operand.type() : bson_type::document);
        if (!last) return nested(bson_view{}, at + 1, false);
        into_.append(change_.operand.payload());
        return {};
    }

    [[nodiscard]] result<void> increment(const bson_element& element) {
        const bson_value before = element.value;
        if (!before.is_number())
            return wrong("updating a document: $inc of a value that is not a number");
        const std::size_t start = into_.size();
        header(element.name, bson_type::null);
        if (!before.is_integer() || !change_.operand.is_integer()) {
            const double sum = before.as_number() + change_.operand.as_number();
            into_[start] = static_cast<std::byte>(append_payload(into_, sum));
            return {};
        }
        std::int64_t sum = 0;
        if (__builtin_add_overflow(before.as_integer(), change_.operand.as_integer(), &sum))
            return wrong("updating a document: the sum does not fit 64 bits");
        into_[start] = static_cast<std::byte>(append_payload(into_, sum));
        return {};
    }

    void copy(const std::byte* from, const std::byte* to) {
        into_.append({from, static_cast<std::size_t>(to - from)});
    }
    void header(bytes_view stored_name, bson_type type) {
        into_.push_back(static_cast<std::byte>(type));
        into_.append(stored_name);
        into_.push_back(std::byte{0});
    }
    void header_of_index(std::uint32_t index, bson_type type) {
        char digits[10];
        const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
        header({digits, static_cast<std::size_t>(end - digits)}, type);
    }
    void element_of(bytes_view stored_name, bson_value value) {
        header(stored_name, value.type());
        into_.append(value.payload());
    }
    [[nodiscard]] error wrong(const char* sentence) const {
        return error{error_code::invalid_argument, sentence}.about(change_.path.text());
    }

    const field_change& change_;
    bytes& into_;
};

}  // namespace mantis::detail
