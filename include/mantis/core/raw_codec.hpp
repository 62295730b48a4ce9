// SPDX-License-Identifier: BSL-1.0
//
// raw_codec<T>: a value as it lies in memory, for large structs of integers. The layout of T is
// then the format on disk: whoever changes the one changes the other.
//
//   struct sample { std::uint64_t at; std::uint32_t count[30]; };
//   typed_table<std::uint64_t, sample, key_codec<std::uint64_t>, raw_codec<sample>>
//
// or, for all uses of it: template <> struct mantis::value_codec<sample> : raw_codec<sample> {};
//
//   Requires    whatever bits there are, they are a T: so no bool and no pointer is in it
#pragma once

#include "codec.hpp"

#include <bit>

namespace mantis {

namespace detail {

// A base of the codec, so that the codec itself stays sound and one mistake is one error.
template <class T>
struct raw_codec_sentences {
    static_assert(std::is_trivially_copyable_v<T>,
                  "mantis: raw_codec<T>: T is not trivially copyable; name its members instead "
                  "(docs/typed_tables.md#structs)");
    static_assert(
        !std::is_trivially_copyable_v<T> || std::has_unique_object_representations_v<T>,
        "mantis: raw_codec<T>: T has padding, or a float, whose bytes say more than their "
        "value; name its members instead (docs/typed_tables.md#structs)");
    static_assert(!std::is_same_v<T, bool> && !std::is_pointer_v<T>,
                  "mantis: raw_codec<T>: not all bits are a bool or a pointer "
                  "(docs/typed_tables.md#structs)");
    static_assert(std::endian::native == std::endian::little,
                  "mantis: raw_codec<T>: files are little-endian, and this machine is not");
};

}  // namespace detail

template <class T>
struct raw_codec : private detail::raw_codec_sentences<T> {
    static constexpr std::size_t fixed_bytes = sizeof(T);

    [[nodiscard]] static constexpr std::size_t bytes_of(const T&) noexcept { return sizeof(T); }
    static std::byte* store(std::byte* into, const T& value) noexcept {
        std::memcpy(into, &value, sizeof(T));
        return into + sizeof(T);
    }
    [[nodiscard]] static bytes_view view_of(const T& value) noexcept {
        return {static_cast<const void*>(&value), sizeof(T)};
    }
    [[nodiscard]] static const char* load(bytes_view& from, T& value) noexcept {
        if (from.size() < sizeof(T)) return "fewer bytes than its type takes";
        std::memcpy(&value, from.data(), sizeof(T));
        from = from.from(sizeof(T));
        return nullptr;
    }
};

}  // namespace mantis
