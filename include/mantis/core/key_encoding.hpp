// SPDX-License-Identifier: BSL-1.0
//
// Values as key bytes that sort, byte by byte, as the values do; composite keys by writing one
// value after another.
//
//   key_writer key;
//   key.add_bytes("berlin").add_int64(-3);         // sorts by city, then by number
//
//   value    bytes                                           order
//   uint64   8, big-endian                                   numeric
//   int64    8, big-endian, sign bit flipped                 numeric
//   double   8, big-endian; negative: all bits flipped,      NaN, -infinity, ..., +infinity
//            else the sign bit flipped; NaN: eight zeros
//   bool     1: 00 or 01                                     false, true
//   tag      1: as given                                     numeric; tells types apart
//   bytes    the bytes, each 00 as 00 FF, then 00 00         lexicographic, a prefix first
//
// Invariants:
//   1. a < b  =>  encoded(a) < encoded(b), for values of one type
//   2. no encoding is a prefix of another of its type  =>  composites sort by the first value that
//      differs
//   3. one value, one encoding: readers refuse any other bytes, so equal keys are equal bytes
//
// -0.0 is written as 0.0, because they are equal; every NaN is written as one NaN, which equals
// itself and sorts first, so that a key always has its place.
//
// Threads: like an int: any number of readers of a const one, or one caller.
#pragma once

#include "bytes.hpp"
#include "endian.hpp"

namespace mantis {

namespace detail {

inline constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

// How a floating-point number of 32 or 64 bits lies in memory.
template <class T>
struct float_layout;
template <>
struct float_layout<float> {
    using bits = std::uint32_t;
    static constexpr bits sign = bits{1} << 31;
    static constexpr bits infinity = bits{0xff} << 23;
    static constexpr bits quiet = bits{1} << 22;
};
template <>
struct float_layout<double> {
    using bits = std::uint64_t;
    static constexpr bits sign = sign_bit;
    static constexpr bits infinity = bits{0x7ff} << 52;
    static constexpr bits quiet = bits{1} << 51;
};

template <class T>
[[nodiscard]] inline typename float_layout<T>::bits ordered_bits(T value) noexcept {
    using layout = float_layout<T>;
    auto raw = std::bit_cast<typename layout::bits>(value);
    if ((raw & ~layout::sign) > layout::infinity) return 0;  // NaN
    if (raw == layout::sign) raw = 0;                        // -0.0
    return (raw & layout::sign) != 0 ? ~raw : raw ^ layout::sign;
}

//   Returns     false when ordered_bits gives these bits for no number
template <class T>
[[nodiscard]] inline bool number_of(typename float_layout<T>::bits ordered, T& value) noexcept {
    using layout = float_layout<T>;
    auto raw = (ordered & layout::sign) != 0 ? ordered ^ layout::sign : ~ordered;
    if (ordered == 0) raw = layout::infinity | layout::quiet;  // the quiet NaN
    else if ((raw & ~layout::sign) > layout::infinity || raw == layout::sign) return false;
    value = std::bit_cast<T>(raw);
    return true;
}

}  // namespace detail

class key_writer {
public:
    key_writer& add_uint64(std::uint64_t value) {
        std::byte encoded[8];
        store_be(encoded, value);
        key_.append({encoded, sizeof encoded});
        return *this;
    }
    key_writer& add_int64(std::int64_t value) {
        return add_uint64(static_cast<std::uint64_t>(value) ^ detail::sign_bit);
    }
    key_writer& add_double(double value) { return add_uint64(detail::ordered_bits(value)); }
    key_writer& add_bool(bool value) { return add_tag(value ? 1 : 0); }
    key_writer& add_tag(std::uint8_t value) {
        key_.push_back(static_cast<std::byte>(value));
        return *this;
    }
    //   Requires    `value` does not point into this writer
    key_writer& add_bytes(bytes_view value) {
        while (!value.empty()) {
            const void* const zero = std::memchr(value.data(), 0, value.size());
            if (zero == nullptr) break;
            const std::size_t run =
                static_cast<std::size_t>(static_cast<const std::byte*>(zero) - value.data()) + 1;
            key_.append(value.first(run));
            key_.push_back(std::byte{0xff});
            value = value.from(run);
        }
        key_.append(value);
        key_.append(2, std::byte{0});
        return *this;
    }

    [[nodiscard]] bytes_view key() const noexcept { return key_; }
    //   Effects     leaves the writer empty
    [[nodiscard]] bytes take() noexcept { return std::move(key_); }
    void clear() noexcept { key_.clear(); }

private:
    bytes key_;
};

// Reads back what a key_writer wrote, in the same order of types. A read that cannot changes
// neither the reader nor its argument, whatever the bytes are.
class key_reader {
public:
    explicit key_reader(bytes_view key) noexcept : rest_{key} {}

    [[nodiscard]] bool read_uint64(std::uint64_t& value) noexcept {
        if (rest_.size() < sizeof value) return false;
        value = load_be<std::uint64_t>(rest_.data());
        rest_ = rest_.from(sizeof value);
        return true;
    }
    [[nodiscard]] bool read_int64(std::int64_t& value) noexcept {
        std::uint64_t encoded = 0;
        if (!read_uint64(encoded)) return false;
        value = static_cast<std::int64_t>(encoded ^ detail::sign_bit);
        return true;
    }
    //   Returns     false also for the bits of a second zero or a second NaN, which no writer makes
    [[nodiscard]] bool read_double(double& value) noexcept {
        if (rest_.size() < sizeof value) return false;
        if (!detail::number_of(load_be<std::uint64_t>(rest_.data()), value)) return false;
        rest_ = rest_.from(sizeof value);
        return true;
    }
    //   Returns     false also for a byte over 1
    [[nodiscard]] bool read_bool(bool& value) noexcept {
        if (rest_.empty() || std::to_integer<int>(rest_[0]) > 1) return false;
        std::uint8_t tag = 0;
        if (!read_tag(tag)) return false;
        value = tag == 1;
        return true;
    }
    [[nodiscard]] bool read_tag(std::uint8_t& value) noexcept {
        if (rest_.empty()) return false;
        value = std::to_integer<std::uint8_t>(rest_[0]);
        rest_ = rest_.from(1);
        return true;
    }
    //   Returns     false when there is no terminator, or a 00 before it is followed by something
    //               else than FF
    [[nodiscard]] bool read_bytes(bytes& value) {
        bytes decoded;
        for (bytes_view left = rest_; !left.empty();) {
            const void* const zero = std::memchr(left.data(), 0, left.size());
            if (zero == nullptr) return false;
            const std::size_t run =
                static_cast<std::size_t>(static_cast<const std::byte*>(zero) - left.data());
            if (left.size() - run < 2) return false;
            const std::byte after = left[run + 1];
            if (after == std::byte{0xff}) {
                decoded.append(left.first(run + 1));
                left = left.from(run + 2);
                continue;
            }
            if (after != std::byte{0}) return false;
            decoded.append(left.first(run));
            rest_ = left.from(run + 2);
            value = std::move(decoded);
            return true;
        }
        return false;
    }

    [[nodiscard]] bytes_view rest() const noexcept { return rest_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

private:
    bytes_view rest_;
};

}  // namespace mantis
