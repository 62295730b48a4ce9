// SPDX-License-Identifier: BSL-1.0
//
// A count that costs a load and a store of a line of one's own: for what is counted so often that
// an atomic addition would show. Where more threads run than there are lines, a few are lost.
//
// Threads: any number.
#pragma once

#include "../../platform/platform.hpp"

namespace mantis::detail {

template <class Platform>
class hit_count {
public:
    void add() {
        auto& count = lines_[Platform::parking::thread_number() % shards].count;
        count.store(count.load(Platform::memory_order::relaxed) + 1,
                    Platform::memory_order::relaxed);
    }
    [[nodiscard]] std::uint64_t value() const {
        std::uint64_t sum = 0;
        for (const line& each : lines_) sum += each.count.load(Platform::memory_order::relaxed);
        return sum;
    }

private:
    static constexpr std::size_t shards = 16;
    struct alignas(64) line {
        typename Platform::template atomic<std::uint64_t> count{0};
    };

    line lines_[shards];
};

}  // namespace mantis::detail
