// SPDX-License-Identifier: BSL-1.0
//
// Sizes and times with their units in the name. Times are nanoseconds in one strong type: <chrono>
// costs three times <vector> to include, and a policy's clock needs no more than this.
#pragma once

#include "../config.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>

namespace mantis {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;
inline constexpr std::size_t GiB = 1024 * MiB;

// A length of time, or a time since the clock's own zero.
struct nanoseconds {
    std::int64_t count = 0;

    [[nodiscard]] constexpr double seconds() const noexcept {
        return static_cast<double>(count) * 1e-9;
    }

    [[nodiscard]] friend constexpr auto operator<=>(nanoseconds, nanoseconds) noexcept = default;
    [[nodiscard]] friend constexpr nanoseconds operator+(nanoseconds a, nanoseconds b) noexcept {
        return {a.count + b.count};
    }
    [[nodiscard]] friend constexpr nanoseconds operator-(nanoseconds a, nanoseconds b) noexcept {
        return {a.count - b.count};
    }
};

[[nodiscard]] constexpr nanoseconds microseconds(std::int64_t count) noexcept {
    return {count * 1'000};
}
[[nodiscard]] constexpr nanoseconds milliseconds(std::int64_t count) noexcept {
    return {count * 1'000'000};
}
[[nodiscard]] constexpr nanoseconds seconds(std::int64_t count) noexcept {
    return {count * 1'000'000'000};
}

}  // namespace mantis
