// SPDX-License-Identifier: BSL-1.0
//
// Numbers from a seed: the same seed, the same numbers, on every machine and with every compiler.
//
//   Threads   one at a time
#pragma once

#include "../../config.hpp"
#include "../../core/detail/splitmix.hpp"

#include <cstdint>

namespace mantis {

class seeded_random {
public:
    explicit seeded_random(std::uint64_t seed) noexcept : state_{seed} {}

    [[nodiscard]] std::uint64_t next() noexcept { return detail::splitmix64(state_); }
    //   Requires    0 < bound < 2^32
    //   Returns     a number in [0, bound)
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
        return ((next() >> 32) * bound) >> 32;
    }
    //   Requires    low <= high, and their difference below 2^32 - 1
    //   Returns     a number in [low, high]
    [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
    }
    // True once in `count` times, on average.
    [[nodiscard]] bool one_in(std::uint64_t count) noexcept { return below(count) == 0; }
    // A generator whose numbers have nothing to do with those that follow here.
    [[nodiscard]] seeded_random split() noexcept { return seeded_random{next()}; }

private:
    std::uint64_t state_;
};

}  // namespace mantis
