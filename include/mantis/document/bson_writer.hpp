// SPDX-License-Identifier: BSL-1.0
//
// Writes one BSON document, field by field, into one buffer.
//
//   bson_writer person;
//   person.add("name", "Ada").add("born", 1815);
//   person.begin_array("languages").push("English").push("French").end();
//   bytes document = person.finish();
//
// Integers are stored in the smaller of int32 and int64 that holds them, so that equal integers are
// equal bytes. Text is taken to be UTF-8; a collection refuses it where it is not. Field names are
// not compared with each other.
//
// Invariants:
//   1. open_[0] is the document itself, open_[i + 1] lies inside open_[i]
//   2. every byte before open_.back() belongs to finished elements, except the lengths of what is
//      open
//
// Threads: like an int.
#pragma once

#include "bson_name.hpp"
#include "bson_view.hpp"

namespace mantis {

namespace detail {

inline void append_u32(bytes& to, std::size_t value) {
    std::byte encoded[4];
    store_le(encoded, static_cast<std::uint32_t>(value));
    to.append({encoded, sizeof encoded});
}
inline void append_u64(bytes& to, std::uint64_t value) {
    std::byte encoded[8];
    store_le(encoded, value);
    to.append({encoded, sizeof encoded});
}
inline void append_text(bytes& to, bytes_view text) {
    append_u32(to, text.size() + 1);
    to.append(text);
    to.push_back(std::byte{0});
}

}  // namespace detail

// Appends a payload and answers its type: one overload for each C++ type that has a place in BSON.
inline bson_type append_payload(bytes&, std::nullptr_t) { return bson_type::null; }
inline bson_type append_payload(bytes& to, std::same_as<bool> auto value) {
    to.push_back(value ? std::byte{1} : std::byte{0});
    return bson_type::boolean;
}
template <std::integral Integer>
requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char> &&
         (std::signed_integral<Integer> || sizeof(Integer) < 8)) bson_type
    append_payload(bytes& to, Integer value) {
    const auto wide = static_cast<std::int64_t>(value);
    if (wide == static_cast<std::int32_t>(wide)) {
        detail::append_u32(to, static_cast<std::uint32_t>(static_cast<std::int32_t>(wide)));
        return bson_type::int32;
    }
    detail::append_u64(to, static_cast<std::uint64_t>(wide));
    return bson_type::int64;
}
inline bson_type append_payload(bytes& to, std::floating_point auto value) {
    detail::append_u64(to, std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    return bson_type::float64;
}
inline bson_type append_payload(bytes& to, bytes_view text) {
    detail::append_text(to, text);
    return bson_type::text;
}
inline bson_type append_payload(bytes& to, const char* text) {
    return append_payload(to, bytes_view{text});
}
template <byte_range Text>
bson_type append_payload(bytes& to, const Text& text) {
    return append_payload(to, bytes_view{text});
}
inline bson_type append_payload(bytes& to, date_time value) {
    detail::append_u64(to, static_cast<std::uint64_t>(value.milliseconds));
    return bson_type::date_time;
}
inline bson_type append_payload(bytes& to, binary_view value) {
    detail::append_u32(to, value.data.size());
    to.push_back(std::byte{value.subtype});
    to.append(value.data);
    return bson_type::binary;
}
//   Requires    the bytes of `value` are as long as they state: what comes from outside is
//               validated first
inline bson_type append_payload(bytes& to, bson_view value) {
    std::size_t size = 0;
    check(detail::payload_size(bson_type::document, value.document(), size) &&
              size == value.document().size(),
          "bson_writer: bytes that are no document cannot be written");
    to.append(value.document());
    return bson_type::document;
}
//   Requires    `value` is not missing
inline bson_type append_payload(bytes& to, bson_value value) {
    check(static_cast<bool>(value), "bson_writer: a missing value cannot be written");
    to.append(value.payload());
    return value.type();
}

template <class T>
concept bson_encodable = requires(bytes& to, const T& value) {
    { append_payload(to, value) } -> std::same_as<bson_type>;
};

class bson_writer {
public:
    bson_writer() { open(false); }

    // Adds a field to the innermost open document.
    //   Requires    a document is innermost, not an array
    template <bson_encodable Value>
    bson_writer& add(bytes_view name, const Value& value) {
        const std::size_t start = begin_field(name);
        out_[start] = static_cast<std::byte>(append_payload(out_, value));
        return *this;
    }
    // Adds an element to the innermost open array.
    //   Requires    an array is innermost
    template <bson_encodable Value>
    bson_writer& push(const Value& value) {
        const std::size_t start = begin_item();
        out_[start] = static_cast<std::byte>(append_payload(out_, value));
        return *this;
    }

    // Opens a document or an array inside the innermost one; what follows goes into it, until
    // end().
    //   Requires    nesting stays within max_document_depth
    bson_writer& begin_document(bytes_view name) { return nest(begin_field(name), false); }
    bson_writer& begin_array(bytes_view name) { return nest(begin_field(name), true); }
    bson_writer& push_document() { return nest(begin_item(), false); }
    bson_writer& push_array() { return nest(begin_item(), true); }
    //   Requires    something begun is open
    bson_writer& end() {
        check(depth_ > 1, "bson_writer::end(): nothing is open");
        close();
        return *this;
    }

    //   Requires    everything begun is ended
    //   Effects     the writer starts a new, empty document
    [[nodiscard]] bytes finish() {
        check(depth_ == 1, "bson_writer::finish(): a document or an array is still open");
        close();
        bytes done = std::move(out_);
        out_.clear();
        open(false);
        return done;
    }

    // The bytes so far; a document only after finish().
    [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }

private:
    struct level {
        std::size_t start;
        std::uint32_t next_index;
        bool array;
    };

    std::size_t begin_field(bytes_view name) {
        check(!open_[depth_ - 1].array, "bson_writer: an array element takes no name; use push");
        const std::size_t start = out_.size();
        out_.push_back(std::byte{0});
        append_stored_name(out_, name);
        out_.push_back(std::byte{0});
        return start;
    }
    std::size_t begin_item() {
        level& in = open_[depth_ - 1];
        check(in.array, "bson_writer: a field needs a name; use add");
        char digits[10];
        std::size_t at = sizeof digits;
        std::uint32_t left = in.next_index++;
        do digits[--at] = static_cast<char>('0' + left % 10);
        while ((left /= 10) != 0);
        const std::size_t start = out_.size();
        out_.push_back(std::byte{0});
        out_.append({digits + at, sizeof digits - at});
        out_.push_back(std::byte{0});
        return start;
    }
    bson_writer& nest(std::size_t start, bool array) {
        out_[start] = static_cast<std::byte>(array ? bson_type::array : bson_type::document);
        open(array);
        return *this;
    }
    void open(bool array) {
        check(depth_ < max_document_depth, "bson_writer: nested deeper than max_document_depth");
        open_[depth_++] = {out_.size(), 0, array};
        detail::append_u32(out_, 0);
    }
    void close() {
        out_.push_back(std::byte{0});
        const std::size_t start = open_[--depth_].start;
        store_le(out_.data() + start, static_cast<std::uint32_t>(out_.size() - start));
    }

    bytes out_;
    std::size_t depth_ = 0;
    level open_[max_document_depth];  // the first depth_ of them
};

}  // namespace mantis
