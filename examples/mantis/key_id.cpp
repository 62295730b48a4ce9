// SPDX-License-Identifier: BSL-1.0
#include "key_id.hpp"

#include <mantis/document/document_key.hpp>

#include <limits>

namespace tool {

namespace {

using mantis::owned_value;

std::optional<owned_value> number(mantis::key_reader& key) {
    double below = 0;
    std::uint8_t high = 0;
    std::uint8_t low = 0;
    if (!key.read_double(below) || !key.read_tag(high) || !key.read_tag(low)) return std::nullopt;
    constexpr double past_int64 = 9223372036854775808.0;  // 2^63
    // Said so that NaN, which is less than nothing, is a double too.
    if (!(below >= -past_int64 && below < past_int64)) return owned_value{below};
    const auto whole = static_cast<std::int64_t>(below);
    if (static_cast<double>(whole) != below) return owned_value{below};
    const std::int64_t missing = std::int64_t{high} << 8 | low;
    if (whole > std::numeric_limits<std::int64_t>::max() - missing) return std::nullopt;
    return owned_value{whole + missing};
}

std::optional<owned_value> binary(mantis::key_reader& key) {
    std::uint64_t size = 0;
    std::uint8_t subtype = 0;
    mantis::bytes data;
    if (!key.read_uint64(size) || !key.read_tag(subtype) || !key.read_bytes(data))
        return std::nullopt;
    return owned_value{mantis::binary_view{data.view(), subtype}};
}

std::optional<owned_value> value(std::uint8_t tag, mantis::key_reader& key) {
    mantis::bytes text;
    bool truth = false;
    std::int64_t milliseconds = 0;
    using mantis::detail::key_tag;
    switch (static_cast<key_tag>(tag)) {
        case key_tag::number: return number(key);
        case key_tag::text:
            return key.read_bytes(text) ? std::optional{owned_value{text.view()}} : std::nullopt;
        case key_tag::binary: return binary(key);
        case key_tag::boolean:
            return key.read_bool(truth) ? std::optional{owned_value{truth}} : std::nullopt;
        case key_tag::date_time:
            if (!key.read_int64(milliseconds)) return std::nullopt;
            return owned_value{mantis::date_time{milliseconds}};
    }
    return std::nullopt;
}

}  // namespace

std::optional<owned_value> id_of_key(mantis::bytes_view key) {
    mantis::key_reader reader{key};
    std::uint8_t tag = 0;
    if (!reader.read_tag(tag)) return std::nullopt;
    auto id = value(tag, reader);
    if (!id || !reader.empty()) return std::nullopt;
    // Only what writes the same key again is the id: other tables have keys of other forms.
    const auto again = mantis::document_key(id->view());
    if (!again || again->view() != key) return std::nullopt;
    return id;
}

}  // namespace tool
