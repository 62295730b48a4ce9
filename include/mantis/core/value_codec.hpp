// SPDX-License-Identifier: BSL-1.0
//
// value_codec<T>: values as bytes, the same on every machine; they do not sort.
//
//   T                        bytes
//   integers                 as many as T has, little-endian
//   bool                     00 or 01
//   enum with a fixed type   as the integer it is
//   float, double            the 4 or 8 of IEC 60559, little-endian: each NaN and zero as it was
//   std::string, bytes       at the end as it is, else its length as a varint, then it
//   std::optional<T>         00, or 01 and the T
//   std::vector<T>, ...      how many as a varint, then each
//   pair, tuple, array,      the fields, one after the other
//   members<...>
//
// raw_codec.hpp has one for a struct as it lies in memory.
#pragma once

#include "detail/field_codec.hpp"
#include "detail/list_codec.hpp"
#include "detail/optional_codec.hpp"
#include "detail/scalar_codec.hpp"
#include "detail/text_codec.hpp"
#include "endian.hpp"

namespace mantis {

namespace detail {

// A number as the unsigned integer of its bits.
template <class T, class Bits>
struct value_bits_codec {
    static constexpr std::size_t fixed_bytes = sizeof(T);

    [[nodiscard]] static constexpr std::size_t bytes_of(const T&) noexcept { return sizeof(T); }
    static std::byte* store(std::byte* into, const T& value) noexcept {
        store_le(into, std::bit_cast<Bits>(value));
        return into + sizeof(T);
    }
    [[nodiscard]] static const char* load(bytes_view& from, T& value) noexcept {
        if (from.size() < sizeof(T)) return fewer_than_its_type;
        value = std::bit_cast<T>(load_le<Bits>(from.data()));
        from = from.from(sizeof(T));
        return nullptr;
    }
};

}  // namespace detail

template <detail::stored_integer T>
struct value_codec<T> : detail::value_bits_codec<T, std::make_unsigned_t<T>> {};
template <>
struct value_codec<float> : detail::value_bits_codec<float, std::uint32_t> {};
template <>
struct value_codec<double> : detail::value_bits_codec<double, std::uint64_t> {};
template <>
struct value_codec<bool> : detail::bool_codec {};
template <detail::stored_enum T>
struct value_codec<T> : detail::enum_codec<T, value_codec<std::underlying_type_t<T>>> {};
template <detail::owned_text T>
struct value_codec<T> : detail::value_text_codec {};

template <class T>
requires codec_of<value_codec<T>, T>
struct value_codec<std::optional<T>> : detail::optional_codec<T, value_codec<T>> {
};
template <detail::growing_list T>
requires codec_of < value_codec<typename T::value_type>,
typename T::value_type > struct value_codec<T>
    : detail::list_codec<T, value_codec<typename T::value_type>> {};
template <class T, std::size_t N>
requires codec_of<value_codec<T>, T>
struct value_codec<std::array<T, N>> : detail::array_codec<T, N, false, value_codec<T>> {
};
template <class A, class B>
requires(
    codec_of<value_codec<A>, A>&& codec_of<value_codec<B>, B>) struct value_codec<std::pair<A, B>>
    : detail::field_codec<detail::tuple_fields, false, value_codec<A>, value_codec<B>> {
};
template <class... T>
requires(sizeof...(T) > 0 &&
         (codec_of<value_codec<T>, T> && ...)) struct value_codec<std::tuple<T...>>
    : detail::field_codec<detail::tuple_fields, false, value_codec<T>...> {
};

// Of some members of T, in that order: for a struct that cannot say `using stored = members<...>`.
template <class T, class Members = typename stored_members<T>::type>
struct members_value_codec;
template <class T, auto... Member>
struct members_value_codec<T, members<Member...>>
    : detail::field_codec<detail::member_fields<Member...>, false,
                          value_codec<detail::member_type<T, Member>>...> {};

template <class T>
requires requires { typename stored_members<T>::type; }
struct value_codec<T> : members_value_codec<T> {};

}  // namespace mantis
