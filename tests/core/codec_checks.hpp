// SPDX-License-Identifier: BSL-1.0
//
// What is asked of every codec: its bytes are read as the value they were written from, and no
// others are.
#pragma once

#include <doctest/doctest.h>

#include <mantis/core/encoded.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace codec_checks {

using mantis::bytes;
using mantis::bytes_view;

template <class Codec, class T>
[[nodiscard]] bytes encoding_of(const T& value) {
    const mantis::encoded<Codec, T> made{value};
    return bytes{made.view()};
}
// Where something follows.
template <class Codec, class T>
[[nodiscard]] bytes inner_encoding_of(const T& value) {
    bytes made = bytes::zeros(Codec::bytes_of(value));
    CHECK(Codec::store(made.data(), value) == made.data() + made.size());
    return made;
}

[[nodiscard]] inline bytes raw(std::initializer_list<int> values) {
    bytes made;
    for (const int each : values) made.push_back(static_cast<std::byte>(each));
    return made;
}

[[nodiscard]] inline int sign(std::strong_ordering order) {
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

//   Returns     what is wrong with the bytes, or ""
template <class Codec, class T>
[[nodiscard]] std::string wrong_with(bytes_view from) {
    T value{};
    const char* const wrong = mantis::decode<Codec>(from, value);
    return wrong == nullptr ? "" : wrong;
}

// Whatever the bytes are: what is read from them is written as them.
template <class Codec, class T>
[[nodiscard]] bool reads_only_what_it_writes(bytes_view from) {
    T value{};
    if (mantis::decode<Codec>(from, value) != nullptr) return true;
    return encoding_of<Codec, T>(value).view() == from;
}

// Neither the beginning of an encoding nor one with something behind it is read; for types whose
// encoding says where it ends.
template <class Codec, class T>
[[nodiscard]] bool refuses_other_lengths(const T& value) {
    bytes all = inner_encoding_of<Codec, T>(value);
    for (std::size_t size = 0; size < all.size(); ++size) {
        // A copy of its own, so that a sanitizer sees who reads behind the end.
        const bytes cut{all.view().first(size)};
        bytes_view from{cut};
        T loaded{};
        if (Codec::load(from, loaded) == nullptr) return false;
    }
    all.push_back(std::byte{0});
    bytes_view from{all};
    T loaded{};
    return Codec::load(from, loaded) == nullptr && from.size() == 1;
}

template <class Codec, class T>
[[nodiscard]] bool round_trips(const T& value) {
    T loaded{};
    const bytes whole = encoding_of<Codec, T>(value);
    if (mantis::decode<Codec>(whole, loaded) != nullptr || !(loaded == value)) return false;
    const bytes inner = inner_encoding_of<Codec, T>(value);
    bytes_view from{inner};
    return Codec::load(from, loaded) == nullptr && from.empty() && loaded == value;
}

}  // namespace codec_checks
