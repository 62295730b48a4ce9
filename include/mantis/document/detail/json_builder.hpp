// SPDX-License-Identifier: BSL-1.0
//
// Turns the events of a JSON parser into BSON, without a tree in between: the root value becomes
// the one nameless field of a wrapper document, and everything below it is appended behind.
//
// What it adds to a plain translation, each when an object ends:
//   - of equal keys the last one stays, at its own place (object_keys.hpp)
//   - {"$date": ...}, {"$binary": ...}, {"$numberLong": ...}, {"$numberDouble": ...} become the
//     value they stand for (extended_json.hpp); an object that begins with such a key and is not of
//     its form is refused
//
// Invariants:
//   1. open_[i].start is where the length of open document or array i goes; open_[i + 1].start is
//      behind it
//   2. out_.size() <= limit + one part of input: nothing grows with the input beyond the limit
//   3. what lies deeper than max_document_depth is part of an object that becomes a value when it
//      ends, or is refused when the level of that depth ends
//
// Errors: an event that answers false has set failed(), a sentence; the parser stops there, so its
// position is the place.
#pragma once

#include "../bson_writer.hpp"
#include "extended_json.hpp"
#include "json_number.hpp"
#include "object_keys.hpp"

#include <vector>

namespace mantis::detail {

// A date or binary inside the deepest document takes up to two objects more in JSON.
inline constexpr std::size_t max_json_depth = max_document_depth + 2;

inline constexpr char too_deep[] = "reading JSON: nested deeper than 100 levels";
static_assert(max_document_depth == 100);

class json_builder {
public:
    explicit json_builder(std::size_t max_bytes) : max_bytes_{max_bytes} { reset(); }

    void reset() {
        out_.clear();
        append_u32(out_, 0);
        depth_ = 0;
        keys_.clear();
        in_text_ = false;
        key_.clear();
        number_.clear();
        failed_ = nullptr;
        too_large_ = false;
    }

    //   Returns     the sentence of the first event that failed, or nullptr
    [[nodiscard]] const char* failed() const noexcept { return failed_; }
    [[nodiscard]] bool too_large() const noexcept { return too_large_; }

    // The wrapper document.
    //   Requires    the root value is complete
    [[nodiscard]] bytes_view finish() {
        out_.push_back(std::byte{0});
        store_le(out_.data(), static_cast<std::uint32_t>(out_.size()));
        return out_.view();
    }

    [[nodiscard]] bool begin_nested(bson_type type) {
        const bool array = type == bson_type::array;
        if (depth_ >= (array ? max_document_depth : max_json_depth)) return fail_unless(too_deep);
        const std::size_t element = out_.size();
        if (!begin_element(type)) return false;
        open_[depth_++] = {element, out_.size(), 0, array, false, keys_.open()};
        append_u32(out_, 0);
        return true;
    }
    [[nodiscard]] bool end_nested() {
        const level ended = open_[--depth_];
        if (!ended.array) keys_.close(ended.first_key, out_);
        out_.push_back(std::byte{0});
        store_le(out_.data() + ended.start, static_cast<std::uint32_t>(out_.size() - ended.start));
        if (!ended.array) {
            if (!fail_unless(replace_extended(out_, ended.element, ended.start))) return false;
            if (out_[ended.element] != static_cast<std::byte>(bson_type::document)) return true;
        }
        if (depth_ + 1 == max_document_depth && ended.holds_nested) return fail_unless(too_deep);
        if (depth_ != 0) open_[depth_ - 1].holds_nested = true;
        return true;
    }

    [[nodiscard]] bool key_part(bytes_view part) {
        append_stored_name(key_, part);
        return within_limit();
    }
    [[nodiscard]] bool text_part(bytes_view part) {
        if (!in_text_) {
            if (!begin_element(bson_type::text)) return false;
            in_text_ = true;
            text_start_ = out_.size();
            append_u32(out_, 0);
        }
        out_.append(part);
        return within_limit();
    }
    [[nodiscard]] bool end_text(bytes_view part) {
        if (!text_part(part)) return false;
        in_text_ = false;
        out_.push_back(std::byte{0});
        store_le(out_.data() + text_start_,
                 static_cast<std::uint32_t>(out_.size() - text_start_ - 4));
        return true;
    }
    [[nodiscard]] bool number_part(bytes_view part) {
        number_.append(part);
        return within_limit();
    }
    [[nodiscard]] bool end_number(bytes_view part) {
        if (!number_.empty()) {
            number_.append(part);
            part = number_.view();
        }
        if (part.size() > max_bytes_) return within_limit(part.size());
        json_number number;
        const bool fits = read_json_number(part, number);
        number_.clear();
        if (!fits)
            return fail_unless(
                "reading JSON: a number is larger than every double, or its exponent has "
                "more than nine digits");
        return number.is_integer ? scalar(number.integer) : scalar(number.real);
    }
    template <class Value>
    [[nodiscard]] bool scalar(const Value& value) {
        const std::size_t start = out_.size();
        if (!begin_element(bson_type::null)) return false;
        out_[start] = static_cast<std::byte>(append_payload(out_, value));
        return true;
    }

private:
    struct level {
        std::size_t element = 0;  // where the element's type byte is
        std::size_t start = 0;    // where its payload begins
        std::uint32_t next_index = 0;
        bool array = false;
        bool holds_nested = false;  // a document or an array that ended as one
        std::size_t first_key = 0;
    };

    [[nodiscard]] bool begin_element(bson_type type) {
        const std::size_t start = out_.size();
        out_.push_back(static_cast<std::byte>(type));
        if (depth_ != 0 && open_[depth_ - 1].array) {
            char digits[10];
            const auto end =
                std::to_chars(digits, digits + sizeof digits, open_[depth_ - 1].next_index++).ptr;
            out_.append({digits, static_cast<std::size_t>(end - digits)});
        } else if (depth_ != 0) {
            keys_.add(start, key_.view());
            out_.append(key_.view());
            key_.clear();
        }
        out_.push_back(std::byte{0});
        return within_limit();
    }
    [[nodiscard]] bool within_limit(std::size_t more = 0) noexcept {
        if (out_.size() + key_.size() + number_.size() + more <= max_bytes_) return true;
        too_large_ = true;
        return fail_unless("reading JSON: a document is larger than the limit");
    }
    bool fail_unless(const char* sentence) noexcept {
        if (sentence == nullptr) return true;
        failed_ = sentence;
        return false;
    }

    std::size_t max_bytes_;
    bytes out_;
    std::size_t depth_ = 0;
    level open_[max_json_depth];
    object_keys keys_;
    bytes key_;
    bytes number_;
    bool in_text_ = false;
    std::size_t text_start_ = 0;
    const char* failed_ = nullptr;
    bool too_large_ = false;
};

}  // namespace mantis::detail
