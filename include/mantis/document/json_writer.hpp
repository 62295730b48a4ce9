// SPDX-License-Identifier: BSL-1.0
//
// BSON as JSON text, compact or indented, that reads back as the same values. Not so a document
// with two fields of one name, for the last one stays, and one that begins with a name kept for
// another type (detail/extended_name.hpp), which a collection refuses.
//
//   double      the fewest digits that give the same double; one of an integer's value keeps its
//               ".0" or its exponent, and NaN and the infinities are {"$numberDouble":"NaN"}
//   date        {"$date":"2026-01-02T03:04:05.678Z"}, or {"$date":{"$numberLong":"..."}} outside
//               the years 0 to 9999
//   binary      {"$binary":{"base64":"...","subType":"00"}}
//   integers    plain digits: int32 and int64 are told apart by size when read
//
// Text is written as UTF-8; only what JSON demands is escaped.
//
//   Requires    validated documents: the recursion is as deep as the document
#pragma once

#include "bson_name.hpp"
#include "bson_view.hpp"
#include "detail/base64.hpp"
#include "detail/date_text.hpp"

#include <charconv>

namespace mantis {

// How JSON text is laid out.
struct json_format {
    std::size_t indent = 0;  // spaces a level; 0 writes one line without any space
};

namespace detail {

class json_appender {
public:
    json_appender(bytes& to, json_format format) noexcept : to_{to}, format_{format} {}

    void value(bson_value value) {
        switch (value.type()) {
            case bson_type::missing:
            case bson_type::null: return to_.append("null");
            case bson_type::boolean: return to_.append(value.as_boolean() ? "true" : "false");
            case bson_type::int32:
            case bson_type::int64: return integer(value.as_integer());
            case bson_type::float64: return real(value.as_float64());
            case bson_type::text: return text(value.as_text());
            case bson_type::date_time: return date(value.as_date_time());
            case bson_type::binary: return binary(value.as_binary());
            case bson_type::document: return nested(value.as_document(), false);
            case bson_type::array: return nested(value.as_document(), true);
        }
    }

    void nested(bson_view document, bool array) {
        to_.push_back(array ? '[' : '{');
        ++depth_;
        bool first = true;
        for (const bson_element& element : document) {
            if (!first) to_.push_back(',');
            first = false;
            new_line();
            if (!array) name(element.name);
            value(element.value);
        }
        --depth_;
        if (!first) new_line();
        to_.push_back(array ? ']' : '}');
    }

private:
    void new_line() {
        if (format_.indent == 0) return;
        to_.push_back('\n');
        to_.append(format_.indent * depth_, std::byte{' '});
    }
    void name(bytes_view stored) {
        if (stored.size() != 0 && std::memchr(stored.data(), 0xc0, stored.size()) != nullptr) {
            bytes plain;
            append_name_text(plain, stored);
            text(plain.view());
        } else {
            text(stored);
        }
        to_.append(format_.indent == 0 ? ":" : ": ");
    }
    void integer(std::int64_t value) {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        to_.append({digits, static_cast<std::size_t>(end - digits)});
    }
    void real(double value) {
        if (value - value != 0) return not_finite(value);
        const double size = value < 0 ? -value : value;
        char digits[64];
        const bool plain = size == 0 || (size >= 1e-5 && size < 1e17);
        const auto end =
            plain
                ? std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed).ptr
                : std::to_chars(digits, digits + sizeof digits, value).ptr;
        const bytes_view written{digits, static_cast<std::size_t>(end - digits)};
        to_.append(written);
        if (plain && std::memchr(digits, '.', written.size()) == nullptr) to_.append(".0");
        if (!plain && std::memchr(digits, 'e', written.size()) == nullptr &&
            std::memchr(digits, '.', written.size()) == nullptr)
            to_.append(".0");
    }
    void not_finite(double value) {
        to_.append("{\"$numberDouble\":\"");
        to_.append(value != value ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        to_.append("\"}");
    }
    void date(date_time value) {
        to_.append("{\"$date\":");
        const std::size_t start = to_.size();
        to_.push_back('"');
        if (append_date(to_, value)) {
            to_.push_back('"');
        } else {
            to_.resize(start);
            to_.append("{\"$numberLong\":\"");
            integer(value.milliseconds);
            to_.append("\"}");
        }
        to_.push_back('}');
    }
    void binary(binary_view value) {
        constexpr char hex[] = "0123456789abcdef";
        to_.append("{\"$binary\":{\"base64\":\"");
        append_base64(to_, value.data);
        to_.append("\",\"subType\":\"");
        to_.push_back(hex[value.subtype >> 4]);
        to_.push_back(hex[value.subtype & 15]);
        to_.append("\"}}");
    }
    void text(bytes_view value) {
        to_.push_back('"');
        std::size_t plain = 0;
        for (std::size_t at = 0; at < value.size(); ++at) {
            const auto c = std::to_integer<unsigned char>(value[at]);
            if (c >= 0x20 && c != '"' && c != '\\') continue;
            to_.append(value.part(plain, at - plain));
            escape(c);
            plain = at + 1;
        }
        to_.append(value.from(plain));
        to_.push_back('"');
    }
    void escape(unsigned char c) {
        constexpr char hex[] = "0123456789abcdef";
        to_.push_back('\\');
        switch (c) {
            case '"':
            case '\\': return to_.push_back(static_cast<char>(c));
            case '\b': return to_.push_back('b');
            case '\f': return to_.push_back('f');
            case '\n': return to_.push_back('n');
            case '\r': return to_.push_back('r');
            case '\t': return to_.push_back('t');
            default: break;
        }
        to_.append("u00");
        to_.push_back(hex[c >> 4]);
        to_.push_back(hex[c & 15]);
    }

    bytes& to_;
    json_format format_;
    std::size_t depth_ = 0;
};

}  // namespace detail

inline void append_json(bytes& to, bson_view document, json_format format = {}) {
    detail::json_appender{to, format}.nested(document, false);
}
// A missing value is written as null.
inline void append_json(bytes& to, bson_value value, json_format format = {}) {
    detail::json_appender{to, format}.value(value);
}

[[nodiscard]] inline bytes to_json(bson_view document, json_format format = {}) {
    bytes text;
    append_json(text, document, format);
    return text;
}
[[nodiscard]] inline bytes to_json(bson_value value, json_format format = {}) {
    bytes text;
    append_json(text, value, format);
    return text;
}

}  // namespace mantis
