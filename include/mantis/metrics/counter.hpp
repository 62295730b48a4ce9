// SPDX-License-Identifier: BSL-1.0
//
// A number that only grows: requests served, bytes written, conflicts.
//
// For counts on hot paths of many threads. It is spread over cache lines by the number of the
// thread, so that threads do not take one line from each other; adding costs one relaxed
// fetch_add, reading sums all lines. A number that can fall is a gauge.
//
// Invariants:
//   1. nothing is lost: several threads may share a line, and each adds by one atomic step
//   2. value() never falls between two calls of which one happens after the other
//
// Memory: 16 lines of 64 bytes, 1 KiB.
//
// Threads: any number.
#pragma once

#include "../platform/platform.hpp"

namespace mantis {

template <class Platform>
class counter {
public:
    static constexpr std::size_t shards = 16;
    static_assert((shards & (shards - 1)) == 0, "the line of a thread is found by a mask");

    counter() noexcept = default;
    counter(const counter&) = delete;
    counter& operator=(const counter&) = delete;

    void add(std::uint64_t by = 1) {
        lines_[Platform::parking::thread_number() & (shards - 1)].count.fetch_add(
            by, Platform::memory_order::relaxed);
    }
    //   Returns     what was added before this call, and perhaps some of what is added meanwhile;
    //               modulo 2^64
    [[nodiscard]] std::uint64_t value() const {
        std::uint64_t sum = 0;
        for (const line& each : lines_) sum += each.count.load(Platform::memory_order::relaxed);
        return sum;
    }

private:
    struct alignas(64) line {
        typename Platform::template atomic<std::uint64_t> count{0};
    };

    line lines_[shards];
};

}  // namespace mantis
