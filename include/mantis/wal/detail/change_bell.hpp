// SPDX-License-Identifier: BSL-1.0
//
// Wakes all who wait for anything to change that a mutex protects; each then looks for itself.
//
// Invariants:
//   1. who looked with the mutex held, and sleeps since, is woken by the next ring
//
// Threads: any number; ring() and heard() with the mutex held.
#pragma once

#include "../../platform/guard.hpp"
#include "../../platform/platform.hpp"

namespace mantis::detail {

template <class Platform>
class change_bell {
public:
    using mutex = typename Platform::mutex;

    void ring() {
        changes_.fetch_add(1);
        if (sleepers_.load() != 0) parking::wake(changes_, UINT32_MAX);
    }
    // What sleep() is told of what was seen.
    [[nodiscard]] std::uint32_t heard() const { return changes_.load(); }
    // Until it was rung since `heard`.
    void sleep(std::uint32_t heard) {
        sleepers_.fetch_add(1);
        (void)parking::wait(changes_, heard, parking::never);
        sleepers_.fetch_sub(1);
    }
    // Waits for something to change, without the mutex.
    void pause(unique_lock<mutex>& hold) {
        const std::uint32_t seen = heard();
        hold.unlock();
        sleep(seen);
        hold.lock();
    }

private:
    using parking = typename Platform::parking;

    typename parking::word changes_{0};
    typename parking::word sleepers_{0};
};

}  // namespace mantis::detail
