// SPDX-License-Identifier: BSL-1.0
//
// One step of SplitMix64: a counter, then two rounds of multiply and shift.
//
//   Source    Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014)
#pragma once

#include <cstdint>

namespace mantis::detail {

[[nodiscard]] inline std::uint64_t splitmix64(std::uint64_t& state) noexcept {
    std::uint64_t mixed = (state += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

}  // namespace mantis::detail
