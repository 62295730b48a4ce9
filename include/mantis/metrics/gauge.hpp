// SPDX-License-Identifier: BSL-1.0
//
// A number that rises and falls: open transactions, bytes in use, the length of a queue.
//
// One word, not spread over cache lines: what is set cannot be summed. Where many threads add and
// subtract all the time, keep two counters and subtract them when somebody asks.
//
// Threads: any number; each call is one relaxed atomic step.
#pragma once

#include "../platform/platform.hpp"

namespace mantis {

template <class Platform>
class gauge {
public:
    gauge() noexcept = default;
    gauge(const gauge&) = delete;
    gauge& operator=(const gauge&) = delete;

    void set(std::int64_t level) { level_.store(level, Platform::memory_order::relaxed); }
    void add(std::int64_t by = 1) { level_.fetch_add(by, Platform::memory_order::relaxed); }
    void subtract(std::int64_t by = 1) { level_.fetch_sub(by, Platform::memory_order::relaxed); }
    [[nodiscard]] std::int64_t value() const {
        return level_.load(Platform::memory_order::relaxed);
    }

private:
    typename Platform::template atomic<std::int64_t> level_{0};
};

}  // namespace mantis
