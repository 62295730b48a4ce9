// SPDX-License-Identifier: BSL-1.0
//
// What codecs of keys and of values have in common: which types are numbers, and those that are
// written the same in both.
#pragma once

#include "../codec.hpp"

namespace mantis::detail {

template <class T>
concept stored_integer = std::integral<T> && !std::same_as<T, bool> && sizeof(T) <= 8;
template <class T>
concept stored_float = std::same_as<T, float> || std::same_as<T, double>;
// Of an enum without a type of its own not every number is a value.
template <class T>
concept stored_enum = std::is_enum_v<T> && requires {
    T{std::underlying_type_t<T>{}};
};

inline constexpr const char* fewer_than_its_type = "fewer bytes than its type takes";

struct bool_codec {
    static constexpr std::size_t fixed_bytes = 1;
    static constexpr bool keeps_order = true;

    [[nodiscard]] static constexpr std::size_t bytes_of(bool) noexcept { return 1; }
    static std::byte* store(std::byte* into, bool value) noexcept {
        *into = static_cast<std::byte>(value ? 1 : 0);
        return into + 1;
    }
    [[nodiscard]] static const char* load(bytes_view& from, bool& value) noexcept {
        if (from.empty()) return fewer_than_its_type;
        if (std::to_integer<int>(from[0]) > 1) return "a bool that is neither 0 nor 1";
        value = from[0] == std::byte{1};
        from = from.from(1);
        return nullptr;
    }
};

// As the integer it is.
template <class Enum, class Codec>
struct enum_codec {
    using number = std::underlying_type_t<Enum>;
    static constexpr std::size_t fixed_bytes = fixed_bytes_of<Codec>;
    static constexpr bool keeps_order = keeps_order_of<Codec>;

    [[nodiscard]] static constexpr std::size_t bytes_of(const Enum&) noexcept {
        return fixed_bytes;
    }
    static std::byte* store(std::byte* into, const Enum& value) noexcept {
        return Codec::store(into, static_cast<number>(value));
    }
    [[nodiscard]] static const char* load(bytes_view& from, Enum& value) noexcept {
        number loaded{};
        if (const char* const wrong = Codec::load(from, loaded)) return wrong;
        value = static_cast<Enum>(loaded);
        return nullptr;
    }
};

}  // namespace mantis::detail
