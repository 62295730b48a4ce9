// SPDX-License-Identifier: BSL-1.0
//
// Codecs of values that are made of fields: one field after the other, the last as at the end where
// the whole is at the end.
#pragma once

#include "../codec.hpp"

#include <array>
#include <tuple>

namespace mantis::detail {

// Where the fields of a value are.
struct tuple_fields {
    template <std::size_t I, class T>
    static decltype(auto) get(T& value) noexcept {
        return std::get<I>(value);
    }
};
template <auto... Member>
struct member_fields {
    static constexpr std::tuple<decltype(Member)...> members{Member...};
    template <std::size_t I, class T>
    static decltype(auto) get(T& value) noexcept {
        return (value.*std::get<I>(members));
    }
};

template <class T, auto Member>
using member_type = std::remove_cvref_t<decltype(std::declval<T&>().*Member)>;

template <class Fields, bool AtEnd, class... Codec>
struct field_codec {
    static_assert(sizeof...(Codec) > 0, "mantis: a type without fields has no codec");
    static constexpr std::size_t field_count = sizeof...(Codec);
    template <std::size_t I>
    using inner_codec = std::tuple_element_t<I, std::tuple<Codec...>>;
    template <std::size_t I>
    using codec_at = std::conditional_t<AtEnd && I + 1 == field_count,
                                        mantis::at_end<inner_codec<I>>, inner_codec<I>>;

private:
    template <std::size_t... I>
    static constexpr bool all_fixed(std::index_sequence<I...>) noexcept {
        return ((fixed_bytes_of<codec_at<I>> != 0) && ...);
    }
    template <std::size_t... I>
    static constexpr std::size_t fixed_sum(std::index_sequence<I...>) noexcept {
        return (fixed_bytes_of<codec_at<I>> + ...);
    }
    static constexpr std::make_index_sequence<field_count> all{};

public:
    using at_end = field_codec<Fields, true, Codec...>;
    template <std::size_t I, class T>
    using field = std::remove_cvref_t<decltype(Fields::template get<I>(std::declval<T&>()))>;
    static constexpr std::size_t fixed_bytes = all_fixed(all) ? fixed_sum(all) : 0;
    static constexpr bool keeps_order = (keeps_order_of<Codec> && ...);

    template <class T>
    [[nodiscard]] static constexpr std::size_t bytes_of(const T& value) {
        if constexpr (fixed_bytes != 0) return fixed_bytes;
        else return bytes_of_all(value, all);
    }
    template <class T>
    static std::byte* store(std::byte* into, const T& value) {
        return store_all(into, value, all);
    }
    template <class T>
    [[nodiscard]] static const char* load(bytes_view& from, T& value) {
        return load_all(from, value, all);
    }

private:
    template <class T, std::size_t... I>
    static std::size_t bytes_of_all(const T& value, std::index_sequence<I...>) {
        return (codec_at<I>::bytes_of(Fields::template get<I>(value)) + ...);
    }
    template <class T, std::size_t... I>
    static std::byte* store_all(std::byte* into, const T& value, std::index_sequence<I...>) {
        ((into = codec_at<I>::store(into, Fields::template get<I>(value))), ...);
        return into;
    }
    template <class T, std::size_t... I>
    static const char* load_all(bytes_view& from, T& value, std::index_sequence<I...>) {
        const char* wrong = nullptr;
        (void)(((wrong = codec_at<I>::load(from, Fields::template get<I>(value))) == nullptr) &&
               ...);
        return wrong;
    }
};

// Where something follows, whatever the codec is.
template <class Codec>
struct never_at_end : Codec {
    using at_end = never_at_end;
};

template <class Codec, class Which>
struct leading_codec;
template <class Codec, std::size_t... I>
struct leading_codec<Codec, std::index_sequence<I...>> {
    using type =
        never_at_end<field_codec<tuple_fields, false, typename Codec::template inner_codec<I>...>>;
};
// Of the first N fields, as a tuple.
template <class Codec, std::size_t N>
using leading_codec_of = typename leading_codec<Codec, std::make_index_sequence<N>>::type;

// Bytes are written as they are, in keys and in values.
template <class T>
inline constexpr bool is_byte = std::is_same_v<T, std::byte> || std::is_same_v<T, unsigned char>;

// N of one type.
template <class T, std::size_t N, bool AtEnd, class Codec>
struct array_codec {
    static_assert(N > 0, "mantis: an array without elements has no codec");
    static constexpr std::size_t field_count = N;
    template <std::size_t>
    using inner_codec = Codec;
    template <std::size_t, class>
    using field = T;
    using last_codec = std::conditional_t<AtEnd, mantis::at_end<Codec>, Codec>;
    using at_end = array_codec<T, N, true, Codec>;
    static constexpr bool all_fixed = fixed_bytes_of<Codec> != 0 && fixed_bytes_of<last_codec> != 0;
    static constexpr std::size_t fixed_bytes =
        all_fixed ? (N - 1) * fixed_bytes_of<Codec> + fixed_bytes_of<last_codec> : 0;
    static constexpr bool keeps_order = keeps_order_of<Codec>;

    [[nodiscard]] static constexpr std::size_t bytes_of(const std::array<T, N>& value) {
        if constexpr (fixed_bytes != 0) return fixed_bytes;
        std::size_t sum = last_codec::bytes_of(value[N - 1]);
        for (std::size_t i = 0; i + 1 < N; ++i) sum += Codec::bytes_of(value[i]);
        return sum;
    }
    static std::byte* store(std::byte* into, const std::array<T, N>& value) {
        if constexpr (is_byte<T>) {
            std::memcpy(into, value.data(), N);
            return into + N;
        }
        for (std::size_t i = 0; i + 1 < N; ++i) into = Codec::store(into, value[i]);
        return last_codec::store(into, value[N - 1]);
    }
    [[nodiscard]] static const char* load(bytes_view& from, std::array<T, N>& value) {
        if constexpr (is_byte<T>) {
            if (from.size() < N) return "fewer bytes than its type takes";
            std::memcpy(value.data(), from.data(), N);
            from = from.from(N);
            return nullptr;
        }
        for (std::size_t i = 0; i + 1 < N; ++i)
            if (const char* const wrong = Codec::load(from, value[i])) return wrong;
        return last_codec::load(from, value[N - 1]);
    }
};

}  // namespace mantis::detail
