// SPDX-License-Identifier: BSL-1.0
//
// One JSON value, read from pieces of text of any size through Boost.JSON's SAX parser.
//
// Boost checks grammar, UTF-8, escapes and depth, and calls json_builder for each part; it recurses
// once a level, at most max_json_depth deep. Its own numbers are not used: they may be off in
// the last digit, so the text is read again.
//
// Links with boost_json.
#pragma once

#include "../../core/result.hpp"
#include "json_builder.hpp"

#include <boost/json/basic_parser_impl.hpp>

namespace mantis::detail {

// Where in the text: lines and bytes from 1.
class text_position {
public:
    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
    [[nodiscard]] std::uint64_t column() const noexcept { return column_; }

    void advance(bytes_view passed) noexcept {
        while (!passed.empty()) {
            const void* const end = std::memchr(passed.data(), '\n', passed.size());
            if (end == nullptr) {
                column_ += passed.size();
                return;
            }
            ++line_;
            column_ = 1;
            passed = passed.from(
                static_cast<std::size_t>(static_cast<const std::byte*>(end) - passed.data()) + 1);
        }
    }

    [[nodiscard]] error fail(error_code code, const char* sentence) const {
        return error{code, sentence}.with("line", line_).with("column", column_);
    }

private:
    std::uint64_t line_ = 1;
    std::uint64_t column_ = 1;
};

// What Boost.JSON calls.
class json_events {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    using text = boost::json::string_view;
    using code = boost::json::error_code;

    explicit json_events(std::size_t max_bytes) : builder{max_bytes} {}

    bool on_document_begin(code&) { return true; }
    bool on_document_end(code&) { return true; }
    bool on_object_begin(code& ec) { return done(builder.begin_nested(bson_type::document), ec); }
    bool on_object_end(std::size_t, code& ec) { return done(builder.end_nested(), ec); }
    bool on_array_begin(code& ec) { return done(builder.begin_nested(bson_type::array), ec); }
    bool on_array_end(std::size_t, code& ec) { return done(builder.end_nested(), ec); }
    bool on_key_part(text part, std::size_t, code& ec) {
        return done(builder.key_part(view(part)), ec);
    }
    bool on_key(text part, std::size_t, code& ec) { return done(builder.key_part(view(part)), ec); }
    bool on_string_part(text part, std::size_t, code& ec) {
        return done(builder.text_part(view(part)), ec);
    }
    bool on_string(text part, std::size_t, code& ec) {
        return done(builder.end_text(view(part)), ec);
    }
    bool on_number_part(text part, code& ec) { return done(builder.number_part(view(part)), ec); }
    bool on_int64(std::int64_t, text part, code& ec) {
        return done(builder.end_number(view(part)), ec);
    }
    bool on_uint64(std::uint64_t, text part, code& ec) {
        return done(builder.end_number(view(part)), ec);
    }
    bool on_double(double, text part, code& ec) { return done(builder.end_number(view(part)), ec); }
    bool on_bool(bool value, code& ec) { return done(builder.scalar(value), ec); }
    bool on_null(code& ec) { return done(builder.scalar(nullptr), ec); }
    bool on_comment_part(text, code&) { return true; }
    bool on_comment(text, code&) { return true; }

    json_builder builder;

private:
    [[nodiscard]] static bytes_view view(text part) noexcept { return {part.data(), part.size()}; }
    static bool done(bool built, code& ec) {
        if (!built) ec = boost::json::error::syntax;  // any error: the builder has the sentence
        return built;
    }
};

class json_parser {
public:
    explicit json_parser(std::size_t max_bytes) : parser_{options(), max_bytes} {}

    void reset() {
        parser_.reset();
        parser_.handler().builder.reset();
    }

    // Reads from the front of `text` until the value is complete or `text` is used up; `at` moves
    // along. A number is complete only when something follows it or finish() is called.
    //   Returns     how many bytes were taken; done() says whether the value is complete
    //   Errors      parse, too_large; `at` is then the place
    [[nodiscard]] result<std::size_t> feed(bytes_view text, text_position& at) {
        return step(true, text, at);
    }
    // Says that no more text comes.
    //   Errors      parse: the text ends inside the value
    [[nodiscard]] result<void> finish(text_position& at) {
        if (done()) return {};
        if (auto stepped = step(false, "", at); !stepped) return stepped.error();
        return {};
    }

    [[nodiscard]] bool done() const noexcept { return parser_.done(); }
    // A document of one nameless field, the value; valid until reset.
    //   Requires    done()
    [[nodiscard]] bytes_view wrapper() { return parser_.handler().builder.finish(); }

private:
    [[nodiscard]] static boost::json::parse_options options() noexcept {
        boost::json::parse_options made;
        made.max_depth = max_json_depth;
        return made;
    }
    [[nodiscard]] result<std::size_t> step(bool more, bytes_view text, text_position& at) {
        boost::json::error_code failed;
        const std::size_t taken = parser_.write_some(more, text.chars(), text.size(), failed);
        at.advance(text.first(taken));
        if (!failed) return taken;
        const json_builder& builder = parser_.handler().builder;
        const error_code code = builder.too_large() ? error_code::too_large : error_code::parse;
        if (builder.failed() != nullptr) return at.fail(code, builder.failed());
        return at.fail(error_code::parse, sentence_of(failed));
    }
    [[nodiscard]] static const char* sentence_of(const boost::json::error_code& failed) noexcept {
        switch (static_cast<boost::json::error>(failed.value())) {
            case boost::json::error::incomplete:
                return "reading JSON: the text ends inside a value";
            case boost::json::error::exponent_overflow:
                return "reading JSON: a number's exponent is out of range";
            case boost::json::error::too_deep: return too_deep;
            case boost::json::error::illegal_leading_surrogate:
            case boost::json::error::illegal_trailing_surrogate:
                return "reading JSON: half of a surrogate pair in a \\u escape";
            case boost::json::error::expected_hex_digit:
                return "reading JSON: a \\u escape needs four hexadecimal digits";
            default: return "reading JSON: this character cannot stand here";
        }
    }

    boost::json::basic_parser<json_events> parser_;
};

}  // namespace mantis::detail
