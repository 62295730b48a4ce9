// SPDX-License-Identifier: BSL-1.0
//
// JSON text into BSON, without a tree in between: one value (`parse_json_value`), one document
// (`parse_json`), or a stream of documents in pieces of any size (`json_reader`).
//
// Strict RFC 8259. Beyond it: nesting is limited to max_document_depth; of equal keys in an object
// the last one stays; an integer that fits 64 bits is one, any other number is the nearest double,
// and one larger than every double, or with an exponent of more than nine digits, is refused;
// {"$date": ...}, {"$binary": ...}, {"$numberLong": ...} and {"$numberDouble": ...} are the values
// they stand for.
//
// Errors are `parse` with the `line` and `column` (bytes, both from 1) where reading stopped, or
// `too_large`.
//
// This header costs most of what mantis costs to include, for it contains Boost.JSON's parser;
// nothing else includes it. Links with boost_json.
#pragma once

#include "detail/json_parser.hpp"
#include "owned_value.hpp"

namespace mantis {

struct json_options {
    // The largest document, in bytes of BSON; the reader's memory is a small multiple of the
    // largest one it met.
    std::size_t max_document_bytes = mantis::max_document_bytes;
};

namespace detail {

inline constexpr std::size_t largest_document_bytes = std::size_t{1} << 30;

// Also of an object that stands for another value: {"$date": 5}.
inline constexpr char not_an_object[] = "reading JSON: a document is an object";

[[nodiscard]] inline std::size_t checked_limit(json_options options) noexcept {
    check(options.max_document_bytes <= largest_document_bytes,
          "json_options: max_document_bytes is over 1 GiB");
    return options.max_document_bytes;
}

// Space, tab, line feed, carriage return: what RFC 8259 allows between tokens.
[[nodiscard]] inline std::size_t count_space(bytes_view text) noexcept {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text.chars()[at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') break;
    }
    return at;
}

}  // namespace detail

// Any JSON value: a filter's operand, an id, a whole document.
//   Errors      parse (also when something follows the value), too_large
[[nodiscard]] inline result<owned_value> parse_json_value(bytes_view text,
                                                          json_options options = {}) {
    detail::text_position at;
    detail::json_parser parser{detail::checked_limit(options)};
    auto taken = parser.feed(text, at);
    if (!taken) return taken.error();
    const bytes_view rest = text.from(*taken);
    const std::size_t space = detail::count_space(rest);
    at.advance(rest.first(space));
    if (space != rest.size())
        return at.fail(error_code::parse, "reading JSON: text after the end of the value");
    if (auto finished = parser.finish(at); !finished) return finished.error();
    return owned_value::from_wrapper(bytes{parser.wrapper()});
}

// One document.
//   Errors      as parse_json_value; parse when the value is not an object
[[nodiscard]] inline result<bytes> parse_json(bytes_view text, json_options options = {}) {
    auto value = parse_json_value(text, options);
    if (!value) return value.error();
    if (value->view().type() != bson_type::document)
        return detail::text_position{}.fail(error_code::parse, detail::not_an_object);
    return bytes{value->view().payload()};
}

// A stream of documents: one array of them, or one after another, with or without lines between.
//
//   json_reader reader;
//   while (more text) if (auto fed = reader.feed(text, insert); !fed) return fed.error();
//   return reader.finish();
//
// `insert` is called as insert(document, line) -> result<void> for each document as soon as its
// last byte is there: a bson_view that is valid during the call, and the line it begins on. An
// error it returns ends the reading.
//
// States: between (documents may begin) -> inside (one is being read) -> between; an opening
// bracket at the beginning makes it a list, which ends at its closing bracket; `failed` is final
// and remembered.
//
// Threads: one caller at a time.
class json_reader {
public:
    explicit json_reader(json_options options = {}) : parser_{detail::checked_limit(options)} {}

    //   Errors      parse, too_large, or what `insert` answered; the same one again after the first
    template <class Insert>
    [[nodiscard]] result<void> feed(bytes_view text, Insert&& insert) {
        while (!failed_ && !text.empty()) {
            auto taken = inside_ ? continue_document(text, insert) : next_token(text);
            if (!taken) return keep(taken.error());
            text = text.from(*taken);
        }
        if (failed_) return kept_;
        return {};
    }

    // Says that the text is over.
    //   Errors      parse: inside a document or a list
    [[nodiscard]] result<void> finish() {
        if (failed_) return kept_;
        if (inside_)
            return keep(
                at_.fail(error_code::parse, "reading JSON: the text ends inside a document"));
        if (mark_seen_ != 0 && mark_seen_ < sizeof byte_order_mark) return keep(unexpected());
        if (list_ == list::open)
            return keep(at_.fail(error_code::parse, "reading JSON: the text ends inside an array"));
        return {};
    }

    // How many documents were handed out.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t line() const noexcept { return at_.line(); }

private:
    // U+FEFF, with which some editors begin a file; it counts for no column.
    static constexpr char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};

    enum class list : std::uint8_t { undecided, none, open, closed };
    enum class expected : std::uint8_t { document, document_or_end, comma_or_end };

    // Passes white space, punctuation of the list, or stops in front of a document.
    [[nodiscard]] result<std::size_t> next_token(bytes_view text) {
        if (mark_seen_ < sizeof byte_order_mark) {
            if (text.chars()[0] == byte_order_mark[mark_seen_]) {
                ++mark_seen_;
                return std::size_t{1};
            }
            if (mark_seen_ != 0) return unexpected();
            mark_seen_ = sizeof byte_order_mark;
        }
        if (const std::size_t space = detail::count_space(text); space != 0)
            return pass(text, space);
        const char c = text.chars()[0];
        if (list_ == list::undecided && c == '[') {
            list_ = list::open;
            expected_ = expected::document_or_end;
            return pass(text, 1);
        }
        if (list_ == list::undecided) list_ = list::none;
        if (list_ == list::closed)
            return at_.fail(error_code::parse, "reading JSON: text after the end of the array");
        if (list_ == list::open) {
            if (c == ']' && expected_ != expected::document) {
                list_ = list::closed;
                return pass(text, 1);
            }
            if (c == ',' && expected_ == expected::comma_or_end) {
                expected_ = expected::document;
                return pass(text, 1);
            }
            if (expected_ == expected::comma_or_end)
                return at_.fail(error_code::parse,
                                "reading JSON: between documents of an array stands a comma");
        }
        if (c != '{') return unexpected();
        inside_ = true;
        first_line_ = at_.line();
        return std::size_t{0};
    }

    template <class Insert>
    [[nodiscard]] result<std::size_t> continue_document(bytes_view text, Insert& insert) {
        auto taken = parser_.feed(text, at_);
        if (!taken || !parser_.done()) return taken;
        const bson_value value = bson_view{parser_.wrapper()}.begin()->value;
        if (value.type() != bson_type::document)
            return at_.fail(error_code::parse, detail::not_an_object);
        if (result<void> inserted = insert(value.as_document(), first_line_); !inserted)
            return inserted.error();
        ++count_;
        inside_ = false;
        expected_ = expected::comma_or_end;
        parser_.reset();
        return taken;
    }

    [[nodiscard]] error unexpected() const {
        const bool in_list = list_ == list::open;
        return at_.fail(error_code::parse,
                        in_list ? "reading JSON: an element of the array is not a document"
                                : "reading JSON: not a document, nor an array of documents");
    }
    [[nodiscard]] std::size_t pass(bytes_view text, std::size_t count) noexcept {
        at_.advance(text.first(count));
        return count;
    }
    [[nodiscard]] error keep(error failed) {
        failed_ = true;
        kept_ = failed;
        return failed;
    }

    detail::json_parser parser_;
    detail::text_position at_;
    std::uint64_t first_line_ = 1;
    std::uint64_t count_ = 0;
    std::size_t mark_seen_ = 0;  // bytes of the byte order mark; all of them once none can come
    bool inside_ = false;
    bool failed_ = false;
    list list_ = list::undecided;
    expected expected_ = expected::document;
    error kept_{error_code::parse, ""};
};

}  // namespace mantis
