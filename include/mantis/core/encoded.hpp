// SPDX-License-Identifier: BSL-1.0
//
// The bytes of one value, for as long as a call needs them: on the stack, or the value's own where
// it lies in memory as it is encoded.
//
//   const encoded<key_codec<std::uint64_t>, std::uint64_t> key{17};
//   use(key.view());
//
// Only what takes more than encoded_room_bytes allocates. It is encoded by at_end<Codec>.
//
// Threads: like an int.
#pragma once

#include "codec.hpp"

namespace mantis {

// As long as a key may be.
inline constexpr std::size_t encoded_room_bytes = 512;

namespace detail {

template <class Codec, class T>
concept encodes_in_place = requires(typename codec_argument<Codec, T>::type value) {
    { Codec::view_of(value) } -> std::same_as<bytes_view>;
};

inline void check_stored(const std::byte* end, const std::byte* expected) noexcept {
    check(end == expected, "a codec that stores more or fewer bytes than it said");
}

}  // namespace detail

template <class Codec, class T>
class encoded {
    using codec = at_end<Codec>;
    using argument = typename detail::codec_argument<codec, T>::type;

public:
    explicit encoded(argument value) : size_{codec::bytes_of(value)} {
        std::byte* into = room_;
        if (size_ > sizeof room_) {
            longer_ = bytes::zeros(size_);
            into = longer_.data();
        }
        detail::check_stored(codec::store(into, value), into + size_);
    }
    encoded(const encoded&) = delete;
    encoded& operator=(const encoded&) = delete;

    [[nodiscard]] bytes_view view() const noexcept {
        return {size_ > sizeof room_ ? longer_.data() : room_, size_};
    }

private:
    std::size_t size_;
    bytes longer_;
    std::byte room_[encoded_room_bytes];
};

template <class Codec, class T>
requires(!detail::encodes_in_place<at_end<Codec>, T> &&
         detail::fixed_bytes_of<at_end<Codec>> != 0 &&
         detail::fixed_bytes_of<at_end<Codec>> <= encoded_room_bytes) class encoded<Codec, T> {
    using codec = at_end<Codec>;
    using argument = typename detail::codec_argument<codec, T>::type;

public:
    explicit encoded(argument value) {
        detail::check_stored(codec::store(room_, value), room_ + sizeof room_);
    }
    encoded(const encoded&) = delete;
    encoded& operator=(const encoded&) = delete;

    [[nodiscard]] bytes_view view() const noexcept { return {room_, sizeof room_}; }

private:
    std::byte room_[codec::fixed_bytes];
};

template <class Codec, class T>
requires detail::encodes_in_place<at_end<Codec>, T>
class encoded<Codec, T> {
    using codec = at_end<Codec>;
    using argument = typename detail::codec_argument<codec, T>::type;

public:
    //   Requires    `value` outlives this
    explicit encoded(argument value) : view_{codec::view_of(value)} {}

    [[nodiscard]] bytes_view view() const noexcept { return view_; }

private:
    bytes_view view_;
};

}  // namespace mantis
