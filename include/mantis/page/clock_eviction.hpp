// SPDX-License-Identifier: BSL-1.0
//
// The clock: a hand goes round the frames and takes the first that was not used since it last came
// by.
//
// State of a frame (one byte):
//   unused --noted()-->  used
//   used   --victim()--> unused    the hand passes
//   unused --victim()--> named
//
// Threads: see eviction.hpp. A hit is one load, and a store for the first after the hand came by.
#pragma once

#include "eviction.hpp"

#include "../platform/platform.hpp"

#include <vector>

namespace mantis {

template <class Platform>
class clock_eviction {
    using mark = typename Platform::template atomic<std::uint8_t>;

public:
    static constexpr std::size_t bytes_per_frame = sizeof(mark);

    explicit clock_eviction(std::uint32_t frames) : used_(frames) {
        check(frames != 0, "a clock without frames");
    }

    void noted(std::uint32_t frame) {
        mark& used = used_[frame];
        if (used.load(Platform::memory_order::relaxed) == 0)
            used.store(1, Platform::memory_order::relaxed);
    }
    [[nodiscard]] std::uint32_t victim() {
        // Readers may mark frames faster than the hand goes: after one round it takes any.
        for (std::size_t passed = 0;; ++passed) {
            const std::uint32_t at = hand_;
            hand_ = at + 1 == used_.size() ? 0 : at + 1;
            const bool used = used_[at].load(Platform::memory_order::relaxed) != 0;
            if (!used || passed == used_.size()) return at;
            used_[at].store(0, Platform::memory_order::relaxed);
        }
    }

private:
    std::vector<mark> used_;
    std::uint32_t hand_ = 0;
};

}  // namespace mantis
