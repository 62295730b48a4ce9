// SPDX-License-Identifier: BSL-1.0
//
// The codec of std::optional: 00, or 01 and what it holds.
#pragma once

#include "scalar_codec.hpp"

#include <optional>

namespace mantis::detail {

template <class T, class Codec>
struct optional_codec {
    using at_end = optional_codec<T, mantis::at_end<Codec>>;
    static constexpr bool keeps_order = keeps_order_of<Codec>;

    [[nodiscard]] static std::size_t bytes_of(const std::optional<T>& value) {
        return 1 + (value ? Codec::bytes_of(*value) : 0);
    }
    static std::byte* store(std::byte* into, const std::optional<T>& value) {
        into = bool_codec::store(into, value.has_value());
        return value ? Codec::store(into, *value) : into;
    }
    [[nodiscard]] static const char* load(bytes_view& from, std::optional<T>& value) {
        bool there = false;
        if (const char* const wrong = bool_codec::load(from, there)) return wrong;
        if (!there) {
            value.reset();
            return nullptr;
        }
        if (!value) value.emplace();
        return Codec::load(from, *value);
    }
};

}  // namespace mantis::detail
