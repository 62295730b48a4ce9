// SPDX-License-Identifier: BSL-1.0
//
// Reading BSON in place: a document (`bson_view`), its elements, and their values (`bson_value`).
// Nothing is copied.
//
//   for (const bson_element& field : document) use(field.name, field.value);
//   if (bson_value age = document["age"]; age.is_number()) ...
//
// Safe on any bytes: an element that does not fit ends the iteration. Meaningful on bytes that
// validate_bson accepted, as everything that a collection returns is.
//
// Lifetime: all three point into the bytes they were made from.
// Threads: like an int: any number of readers, or one writer.
#pragma once

#include "../core/check.hpp"
#include "bson_type.hpp"

namespace mantis {

// Milliseconds since 1970-01-01T00:00:00Z, negative before.
struct date_time {
    std::int64_t milliseconds = 0;
    [[nodiscard]] friend constexpr auto operator<=>(date_time, date_time) noexcept = default;
};

// Bytes with BSON's number for what they mean (0: plain bytes).
struct binary_view {
    bytes_view data;
    std::uint8_t subtype = 0;
};

class bson_view;

// One value: its type and its payload. A default one is `missing`, which is false.
class bson_value {
public:
    bson_value() noexcept = default;
    //   Requires    `payload` is exactly the payload of a `type`
    bson_value(bson_type type, bytes_view payload) noexcept : payload_{payload}, type_{type} {}

    [[nodiscard]] bson_type type() const noexcept { return type_; }
    [[nodiscard]] bytes_view payload() const noexcept { return payload_; }
    [[nodiscard]] explicit operator bool() const noexcept { return type_ != bson_type::missing; }

    [[nodiscard]] bool is_integer() const noexcept {
        return type_ == bson_type::int32 || type_ == bson_type::int64;
    }
    [[nodiscard]] bool is_number() const noexcept {
        return is_integer() || type_ == bson_type::float64;
    }
    [[nodiscard]] bool is_nested() const noexcept {
        return type_ == bson_type::document || type_ == bson_type::array;
    }

    //   Requires    is_integer()
    [[nodiscard]] std::int64_t as_integer() const noexcept {
        check(is_integer(), "bson_value::as_integer() of a value that is not an integer");
        if (type_ == bson_type::int32)
            return static_cast<std::int32_t>(load_le<std::uint32_t>(payload_.data()));
        return static_cast<std::int64_t>(load_le<std::uint64_t>(payload_.data()));
    }
    //   Requires    type() == float64
    [[nodiscard]] double as_float64() const noexcept {
        require(bson_type::float64, "bson_value::as_float64() of a value that is not a double");
        return std::bit_cast<double>(load_le<std::uint64_t>(payload_.data()));
    }
    //   Requires    is_number()
    //   Returns     the nearest double
    [[nodiscard]] double as_number() const noexcept {
        return is_integer() ? static_cast<double>(as_integer()) : as_float64();
    }
    //   Requires    type() == text
    [[nodiscard]] bytes_view as_text() const noexcept {
        require(bson_type::text, "bson_value::as_text() of a value that is not a string");
        return payload_.part(4, payload_.size() - 5);
    }
    //   Requires    type() == boolean
    [[nodiscard]] bool as_boolean() const noexcept {
        require(bson_type::boolean, "bson_value::as_boolean() of a value that is not a bool");
        return payload_[0] != std::byte{0};
    }
    //   Requires    type() == date_time
    [[nodiscard]] date_time as_date_time() const noexcept {
        require(bson_type::date_time, "bson_value::as_date_time() of a value that is not a date");
        return {static_cast<std::int64_t>(load_le<std::uint64_t>(payload_.data()))};
    }
    //   Requires    type() == binary
    [[nodiscard]] binary_view as_binary() const noexcept {
        require(bson_type::binary, "bson_value::as_binary() of a value that is not binary");
        return {payload_.from(5), std::to_integer<std::uint8_t>(payload_[4])};
    }
    //   Requires    is_nested(); the elements of an array are named "0", "1", ...
    [[nodiscard]] bson_view as_document() const noexcept;

private:
    void require(bson_type type, const char* sentence) const noexcept {
        check(type_ == type, sentence);
    }

    bytes_view payload_;
    bson_type type_ = bson_type::missing;
};

struct bson_element {
    bytes_view name;  // in stored form, see bson_name.hpp
    bson_value value;
};

class bson_view {
public:
    class iterator;
    struct sentinel {};

    // The empty document.
    bson_view() noexcept = default;
    // Bytes that cannot be a document have no elements.
    explicit bson_view(bytes_view document) noexcept : document_{document} {}

    // The bytes that were given, whatever they are: what validate_bson is to judge.
    [[nodiscard]] bytes_view document() const noexcept { return document_; }
    [[nodiscard]] bool empty() const noexcept;
    //   Complexity  linear in the elements
    [[nodiscard]] std::size_t count() const noexcept;
    // The first field of that name, or a missing value.
    //   Complexity  linear in the fields before it
    [[nodiscard]] bson_value operator[](bytes_view name) const noexcept;

    [[nodiscard]] iterator begin() const noexcept;
    [[nodiscard]] static sentinel end() noexcept { return {}; }

private:
    bytes_view document_{"\x05\0\0\0", empty_document_bytes};
};

class bson_view::iterator {
public:
    iterator() noexcept = default;
    explicit iterator(bytes_view elements) noexcept : rest_{elements} { advance(); }

    [[nodiscard]] const bson_element& operator*() const noexcept { return element_; }
    [[nodiscard]] const bson_element* operator->() const noexcept { return &element_; }
    iterator& operator++() noexcept {
        advance();
        return *this;
    }
    [[nodiscard]] friend bool operator==(const iterator& at, sentinel) noexcept {
        return !at.element_.value;
    }

private:
    void advance() noexcept {
        element_.value = {};
        if (rest_.size() < 2 || rest_[0] == std::byte{0}) return;
        const void* const zero = std::memchr(rest_.data() + 1, 0, rest_.size() - 1);
        if (zero == nullptr) return;
        const auto name_end =
            static_cast<std::size_t>(static_cast<const std::byte*>(zero) - rest_.data());
        const auto type = static_cast<bson_type>(rest_[0]);
        const bytes_view after = rest_.from(name_end + 1);
        std::size_t size = 0;
        if (!detail::payload_size(type, after, size)) return;
        element_.name = rest_.part(1, name_end - 1);
        element_.value = {type, after.first(size)};
        rest_ = after.from(size);
    }

    bytes_view rest_;
    bson_element element_;
};

inline bson_view::iterator bson_view::begin() const noexcept {
    std::size_t size = 0;
    if (!detail::payload_size(bson_type::document, document_, size)) return iterator{};
    return iterator{document_.part(4, size - empty_document_bytes)};
}

inline bool bson_view::empty() const noexcept { return begin() == end(); }

inline std::size_t bson_view::count() const noexcept {
    std::size_t total = 0;
    for (iterator at = begin(); at != end(); ++at) ++total;
    return total;
}

inline bson_value bson_view::operator[](bytes_view name) const noexcept {
    for (const bson_element& field : *this)
        if (field.name == name) return field.value;
    return {};
}

inline bson_view bson_value::as_document() const noexcept {
    check(is_nested(),
          "bson_value::as_document() of a value that is neither a document nor an array");
    return bson_view{payload_};
}

}  // namespace mantis
