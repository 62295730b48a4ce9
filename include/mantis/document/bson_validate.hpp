// SPDX-License-Identifier: BSL-1.0
//
// Decides whether bytes are a BSON document that mantis stores; the gate for every document from
// outside.
//
// Accepted is exactly: lengths that agree with each other, types of bson_type.hpp, text and names
// in UTF-8 (U+0000 in a name as C0 80), bools of 0 or 1, arrays named "0", "1", ... in order,
// nesting within the limit. Field names are not compared with each other.
//
// The walk keeps one small entry for each open level and does not recurse.
#pragma once

#include "../core/result.hpp"
#include "bson_view.hpp"
#include "detail/utf8.hpp"

namespace mantis {

namespace detail {

class bson_validator {
public:
    bson_validator(bytes_view document, std::size_t max_depth) noexcept
        : document_{document}, max_depth_{max_depth} {}

    [[nodiscard]] result<void> run() {
        std::size_t size = 0;
        if (!payload_size(bson_type::document, document_, size) || size != document_.size())
            return corrupt("reading BSON: the document's length is not the length it states", 0);
        if (auto opened = open(0, size, false); !opened) return opened;
        while (open_count_ != 0)
            if (auto checked = next_element(); !checked) return checked;
        return {};
    }

private:
    struct level {
        std::size_t end;  // of the document, its zero byte included
        std::uint32_t next_index;
        bool array;
    };

    [[nodiscard]] error corrupt(const char* sentence, std::size_t offset) const {
        return error{error_code::corrupt, sentence}.with("offset", offset);
    }

    [[nodiscard]] result<void> open(std::size_t begin, std::size_t end, bool array) {
        if (open_count_ == max_depth_)
            return error{error_code::too_large, "reading BSON: nested deeper than the limit"}
                .with("offset", begin)
                .with("limit", max_depth_);
        if (document_[end - 1] != std::byte{0})
            return corrupt("reading BSON: a document does not end with a zero byte", end - 1);
        levels_[open_count_++] = {end, 0, array};
        at_ = begin + 4;
        return {};
    }

    [[nodiscard]] result<void> next_element() {
        level& in = levels_[open_count_ - 1];
        if (at_ == in.end - 1) {
            at_ = in.end;
            --open_count_;
            return {};
        }
        const std::size_t start = at_;
        const bytes_view left = document_.part(start, in.end - 1 - start);
        const void* const zero = std::memchr(left.data() + 1, 0, left.size() - 1);
        if (zero == nullptr) return corrupt("reading BSON: a field name has no end", start);
        const auto name_end =
            static_cast<std::size_t>(static_cast<const std::byte*>(zero) - left.data());
        const bytes_view name = left.part(1, name_end - 1);
        const auto code = std::to_integer<std::uint8_t>(left[0]);
        if (!stored_type(code))
            return error{error_code::unsupported,
                         "reading BSON: a value of a type that is not stored"}
                .about(name)
                .with("offset", start)
                .with("type", code);
        if (in.array ? !is_index(name, in.next_index++) : !valid_stored_name(name))
            return corrupt(in.array ? "reading BSON: array elements are not numbered in order"
                                    : "reading BSON: a field name is not UTF-8",
                           start);
        const auto type = static_cast<bson_type>(code);
        const bytes_view after = left.from(name_end + 1);
        std::size_t size = 0;
        if (!payload_size(type, after, size))
            return corrupt("reading BSON: a value runs past its document", start);
        at_ = start + name_end + 1 + size;
        return value(type, start + name_end + 1, after.first(size));
    }

    [[nodiscard]] result<void> value(bson_type type, std::size_t offset, bytes_view payload) {
        switch (type) {
            case bson_type::boolean:
                if (std::to_integer<unsigned>(payload[0]) > 1)
                    return corrupt("reading BSON: a bool is neither 0 nor 1", offset);
                return {};
            case bson_type::text:
                if (payload[payload.size() - 1] != std::byte{0})
                    return corrupt("reading BSON: a string does not end with a zero byte", offset);
                if (!valid_utf8(payload.part(4, payload.size() - 5)))
                    return corrupt("reading BSON: a string is not UTF-8", offset);
                return {};
            case bson_type::document:
            case bson_type::array:
                return open(offset, offset + payload.size(), type == bson_type::array);
            case bson_type::missing:
            case bson_type::float64:
            case bson_type::binary:
            case bson_type::date_time:
            case bson_type::null:
            case bson_type::int32:
            case bson_type::int64: return {};
        }
        return {};
    }

    // Is `name` the decimal form of `index`?
    [[nodiscard]] static bool is_index(bytes_view name, std::uint32_t index) noexcept {
        for (std::size_t at = name.size(); at-- > 0; index /= 10) {
            if (std::to_integer<unsigned>(name[at]) != '0' + index % 10) return false;
            if (index < 10) return at == 0;
        }
        return false;
    }

    bytes_view document_;
    std::size_t max_depth_;
    std::size_t at_ = 0;
    std::size_t open_count_ = 0;
    level levels_[max_document_depth];  // the first open_count_ of them
};

}  // namespace detail

//   Requires    max_depth <= max_document_depth
//   Errors      corrupt (`offset` says where), unsupported (a `type` that is not stored), too_large
//               (nested deeper)
//   Complexity  linear in the bytes; memory and stack constant
[[nodiscard]] inline result<void> validate_bson(bytes_view document,
                                                std::size_t max_depth = max_document_depth) {
    check(max_depth <= max_document_depth, "validate_bson: max_depth is over max_document_depth");
    return detail::bson_validator{document, max_depth}.run();
}

}  // namespace mantis
