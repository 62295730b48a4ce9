// SPDX-License-Identifier: BSL-1.0
//
// key_codec<T>: values as key bytes that sort, byte by byte, as the values do.
//
//   T                        bytes                                     order
//   unsigned integers        as many as T has, big-endian              numeric
//   signed integers          the same, sign bit flipped                numeric
//   bool                     00 or 01                                  false, true
//   enum with a fixed type   as the integer it is                      as the integers
//   float, double            4 or 8, as in key_encoding.hpp            NaN, -infinity, ...
//   std::string, bytes       at the end as it is, else each 00 as      by unsigned byte, a prefix
//                            00 FF, then 00 00                         first
//   std::optional<T>         00, or 01 and the T                       none first
//   pair, tuple, array,      the fields, one after the other           by the first that differs
//   members<...>
//
// -0.0 is written as 0.0, because they are equal, and every NaN as one NaN, which equals itself in
// a key: they are read as those. Every other value is read as it was written.
//
// These are the bytes that a key_writer writes, but for integers of less than 64 bits, float,
// optional, and text at the end.
#pragma once

#include "detail/field_codec.hpp"
#include "detail/optional_codec.hpp"
#include "detail/scalar_codec.hpp"
#include "detail/text_codec.hpp"
#include "key_encoding.hpp"

namespace mantis {

template <detail::stored_integer T>
struct key_codec<T> {
    using bits = std::make_unsigned_t<T>;
    static constexpr bits flipped =
        std::is_signed_v<T> ? static_cast<bits>(bits{1} << (8 * sizeof(T) - 1)) : bits{0};
    static constexpr std::size_t fixed_bytes = sizeof(T);
    static constexpr bool keeps_order = true;

    [[nodiscard]] static constexpr std::size_t bytes_of(const T&) noexcept { return sizeof(T); }
    static std::byte* store(std::byte* into, const T& value) noexcept {
        store_be(into, static_cast<bits>(static_cast<bits>(value) ^ flipped));
        return into + sizeof(T);
    }
    [[nodiscard]] static const char* load(bytes_view& from, T& value) noexcept {
        if (from.size() < sizeof(T)) return detail::fewer_than_its_type;
        value = static_cast<T>(static_cast<bits>(load_be<bits>(from.data()) ^ flipped));
        from = from.from(sizeof(T));
        return nullptr;
    }
};

template <detail::stored_float T>
struct key_codec<T> {
    using bits = typename detail::float_layout<T>::bits;
    static constexpr std::size_t fixed_bytes = sizeof(T);
    static constexpr bool keeps_order = true;

    [[nodiscard]] static constexpr std::size_t bytes_of(const T&) noexcept { return sizeof(T); }
    static std::byte* store(std::byte* into, const T& value) noexcept {
        store_be(into, detail::ordered_bits(value));
        return into + sizeof(T);
    }
    [[nodiscard]] static const char* load(bytes_view& from, T& value) noexcept {
        if (from.size() < sizeof(T)) return detail::fewer_than_its_type;
        if (!detail::number_of(load_be<bits>(from.data()), value))
            return "a second zero, or a second NaN";
        from = from.from(sizeof(T));
        return nullptr;
    }
};

template <>
struct key_codec<bool> : detail::bool_codec {};
template <detail::stored_enum T>
struct key_codec<T> : detail::enum_codec<T, key_codec<std::underlying_type_t<T>>> {};
template <detail::owned_text T>
struct key_codec<T> : detail::key_text_codec {};

template <class T>
requires key_codec_of<key_codec<T>, T>
struct key_codec<std::optional<T>> : detail::optional_codec<T, key_codec<T>> {
};
template <class T, std::size_t N>
requires key_codec_of<key_codec<T>, T>
struct key_codec<std::array<T, N>> : detail::array_codec<T, N, false, key_codec<T>> {
};
template <class A, class B>
requires(
    key_codec_of<key_codec<A>, A>&& key_codec_of<key_codec<B>, B>) struct key_codec<std::pair<A, B>>
    : detail::field_codec<detail::tuple_fields, false, key_codec<A>, key_codec<B>> {
};
template <class... T>
requires(sizeof...(T) > 0 &&
         (key_codec_of<key_codec<T>, T> && ...)) struct key_codec<std::tuple<T...>>
    : detail::field_codec<detail::tuple_fields, false, key_codec<T>...> {
};

// Of some members of T, in that order: for a struct that cannot say `using stored = members<...>`.
template <class T, class Members = typename stored_members<T>::type>
struct members_key_codec;
template <class T, auto... Member>
struct members_key_codec<T, members<Member...>>
    : detail::field_codec<detail::member_fields<Member...>, false,
                          key_codec<detail::member_type<T, Member>>...> {};

template <class T>
requires requires { typename stored_members<T>::type; }
struct key_codec<T> : members_key_codec<T> {};

}  // namespace mantis
