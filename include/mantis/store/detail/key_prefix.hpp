// SPDX-License-Identifier: BSL-1.0
//
// The leading fields of a key as the bytes that all keys with them begin with.
#pragma once

#include "../../core/detail/field_codec.hpp"
#include "../../core/detail/text_codec.hpp"
#include "../../core/encoded.hpp"

namespace mantis::detail {

// What takes text takes whatever is text.
template <class Codec, class Field, class Given>
inline constexpr bool is_field =
    std::is_same_v<Field, Given> ||
    (std::is_same_v<typename codec_argument<Codec, Field>::type, bytes_view> &&
     std::is_convertible_v<const Given&, bytes_view>);

template <class Codec, class Key, class Which, class... Given>
inline constexpr bool are_fields = false;
template <class Codec, class Key, std::size_t... I, class... Given>
inline constexpr bool are_fields<Codec, Key, std::index_sequence<I...>, Given...> =
    (is_field<typename Codec::template inner_codec<I>, typename Codec::template field<I, Key>,
              Given> &&
     ...);

template <class Codec, class Key, class... Leading>
struct key_prefix {
    static constexpr bool fits = false;
};
template <class Codec, class Key, class... Leading>
requires(sizeof...(Leading) > 0 && sizeof...(Leading) < Codec::field_count &&
         are_fields<Codec, Key, std::index_sequence_for<Leading...>,
                    Leading...>) struct key_prefix<Codec, Key, Leading...> {
    static constexpr bool fits = true;
    using fields = std::tuple<const Leading&...>;
    using type = encoded<leading_codec_of<Codec, sizeof...(Leading)>, fields>;
};
template <class Codec, owned_text Key, class Text>
requires(std::is_base_of_v<key_text_codec, Codec>&&
             std::is_convertible_v<const Text&, bytes_view>) struct key_prefix<Codec, Key, Text> {
    static constexpr bool fits = true;
    using fields = bytes_view;
    using type = encoded<Codec, Key>;
};

//   Returns     the least bytes behind all that begin with the prefix; empty: there are none
[[nodiscard]] inline bytes behind_prefix(bytes_view prefix) {
    while (!prefix.empty() && prefix[prefix.size() - 1] == std::byte{0xff})
        prefix = prefix.first(prefix.size() - 1);
    bytes behind{prefix};
    if (!prefix.empty()) {
        std::byte& last = behind[prefix.size() - 1];
        last = static_cast<std::byte>(std::to_integer<unsigned>(last) + 1);
    }
    return behind;
}

}  // namespace mantis::detail
