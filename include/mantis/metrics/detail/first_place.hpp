// SPDX-License-Identifier: BSL-1.0
//
// Binary search by index; <algorithm> costs more to include than all that it would be used for.
#pragma once

#include <cstddef>

namespace mantis::detail {

//   Requires    the places for which `before` holds are the first ones of [0, count)
//   Returns     the first for which before(place) does not hold, or count
template <class Before>
[[nodiscard]] std::size_t first_place(std::size_t count, Before&& before) {
    std::size_t low = 0;
    while (low < count) {
        const std::size_t middle = low + (count - low) / 2;
        if (before(middle)) low = middle + 1;
        else count = middle;
    }
    return low;
}

}  // namespace mantis::detail
