// SPDX-License-Identifier: BSL-1.0
//
// Lengths and times as the callers of a lock have them: nanoseconds, or those of <chrono>, which
// are known by their members, for to include it costs three times <vector>.
//
// A time of <chrono> becomes a length from its clock's now, once, when the wait begins: a clock
// that is set meanwhile does not move the deadline.
#pragma once

#include "../../core/units.hpp"

#include <concepts>

namespace mantis {

// As std::chrono::duration.
template <class D>
concept chrono_length = requires(const D& length) {
    typename D::rep;
    D::period::num;
    D::period::den;
    { length.count() } -> std::convertible_to<typename D::rep>;
};

// As std::chrono::time_point.
template <class T>
concept chrono_time = chrono_length<typename T::duration> && requires(const T& time) {
    { T::clock::now() } -> std::convertible_to<T>;
    time - time;
};

namespace detail {

[[nodiscard]] constexpr nanoseconds as_length(nanoseconds length) noexcept { return length; }
// What is beyond the range of nanoseconds, 292 years, ends there.
template <chrono_length D>
[[nodiscard]] constexpr nanoseconds as_length(const D& length) noexcept {
    const long double count = static_cast<long double>(length.count()) *
                              static_cast<long double>(D::period::num) * 1e9L /
                              static_cast<long double>(D::period::den);
    if (count >= 9.2e18L) return {INT64_MAX};
    if (count <= -9.2e18L) return {INT64_MIN};
    return {static_cast<std::int64_t>(count)};
}

// The time `length` from now by the clock of deadlines.
template <class Parking>
[[nodiscard]] nanoseconds deadline_after(nanoseconds length) {
    const nanoseconds now = Parking::now();
    if (length.count <= 0) return now;
    return length.count < Parking::never.count - now.count ? now + length : Parking::never;
}

template <class Parking>
[[nodiscard]] nanoseconds deadline_of(nanoseconds time) noexcept {
    return time;
}
template <class Parking, chrono_time T>
[[nodiscard]] nanoseconds deadline_of(const T& time) {
    return deadline_after<Parking>(as_length(time - T::clock::now()));
}

}  // namespace detail

// What the _for functions of a lock take, and the _until functions.
template <class L>
concept lock_length = std::same_as<L, nanoseconds> || chrono_length<L>;
template <class T>
concept lock_time = std::same_as<T, nanoseconds> || chrono_time<T>;

}  // namespace mantis
