// SPDX-License-Identifier: BSL-1.0
//
// Codecs: how values of one type are written as bytes, and read back from bytes that may be wrong.
//
//   expression            returns         meaning
//   C::bytes_of(value)    std::size_t     how many bytes store() writes, one at least
//   C::store(into, value) std::byte*      writes them, and answers where they end
//   C::load(from, value)  const char*     takes an encoding off the front of `from`, a bytes_view;
//                                         nullptr, or what is wrong with the bytes, a literal
//
// and, where there is something to say:
//
//   C::fixed_bytes        std::size_t     every value takes that many; 0: they differ (the default)
//   C::keeps_order        bool            a < b => encoded(a) < encoded(b), and no encoding is a
//                                         prefix of another: what a codec of keys must be
//   C::at_end             a codec         of the same values where nothing follows, so that it need
//                                         not say where it ends; the default is C
//   C::argument           a type          what bytes_of() and store() take; the default is const T&
//   C::view_of(argument)  bytes_view      the encoding, where it lies in memory as it is
//
// load() trusts nothing: whatever the bytes are, it reads none behind them, and takes only what
// store() would write. It overwrites all of `value`, which may hold anything, and leaves nothing
// in it that points into the bytes; where it fails, `value` is any value.
//
// key_codec<T> and value_codec<T> are the codecs of types that mantis knows. A type of your own has
// both if it names its members, or where you specialize them:
//
//   struct order {
//       std::uint64_t customer;
//       std::string item;
//       using stored = mantis::members<&order::customer, &order::item>;
//   };
//
// Threads: codecs are static functions without a state.
#pragma once

#include "bytes.hpp"

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace mantis {

template <class Codec, class T>
concept codec_of = requires(const T& value, std::byte* into, bytes_view& from, T& loaded) {
    { Codec::bytes_of(value) } -> std::same_as<std::size_t>;
    { Codec::store(into, value) } -> std::same_as<std::byte*>;
    { Codec::load(from, loaded) } -> std::same_as<const char*>;
};

template <class Codec, class T>
concept key_codec_of = codec_of<Codec, T> && requires {
    requires Codec::keeps_order;
};

// Those of types that mantis knows are in key_codec.hpp and value_codec.hpp; these have none.
template <class T>
struct key_codec {};
template <class T>
struct value_codec {};

// The members of a struct that are stored, in that order.
template <auto... Member>
struct members {};

// Of a struct that cannot name its members itself:
//
//   template <>
//   struct mantis::stored_members<point> {
//       using type = mantis::members<&point::x, &point::y>;
//   };
template <class T>
struct stored_members {};
template <class T>
requires requires { typename T::stored; }
struct stored_members<T> {
    using type = typename T::stored;
};

namespace detail {

template <class Codec>
inline constexpr std::size_t fixed_bytes_of = 0;
template <class Codec>
requires requires { Codec::fixed_bytes; }
inline constexpr std::size_t fixed_bytes_of<Codec> = Codec::fixed_bytes;

template <class Codec>
inline constexpr bool keeps_order_of = false;
template <class Codec>
requires requires { Codec::keeps_order; }
inline constexpr bool keeps_order_of<Codec> = Codec::keeps_order;

template <class Codec>
struct end_codec {
    using type = Codec;
};
template <class Codec>
requires requires { typename Codec::at_end; }
struct end_codec<Codec> {
    using type = typename Codec::at_end;
};

template <class Codec, class T>
struct codec_argument {
    using type = const T&;
};
template <class Codec, class T>
requires requires { typename Codec::argument; }
struct codec_argument<Codec, T> {
    using type = typename Codec::argument;
};

}  // namespace detail

template <class Codec>
using at_end = typename detail::end_codec<Codec>::type;

//   Returns     nullptr if `all` is the encoding of a value, by at_end<Codec>, which is then in
//               `value`; otherwise what is wrong
template <class Codec, class T>
[[nodiscard]] inline const char* decode(bytes_view all, T& value) {
    constexpr std::size_t fixed = detail::fixed_bytes_of<at_end<Codec>>;
    if constexpr (fixed != 0) {
        if (all.size() != fixed) [[unlikely]]
            return all.size() < fixed ? "fewer bytes than its type takes" : "bytes behind its end";
        all = {all.data(), fixed};  // what load() looks at is known to be there
    }
    const char* const wrong = at_end<Codec>::load(all, value);
    if (wrong != nullptr) [[unlikely]]
        return wrong;
    return all.empty() ? nullptr : "bytes behind its end";
}

}  // namespace mantis
