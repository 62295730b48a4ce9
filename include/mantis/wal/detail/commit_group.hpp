// SPDX-License-Identifier: BSL-1.0
//
// How many threads commit together, so that one sync serves them all.
//
// Those whom a sync served come back with their next commits while others, who came during the
// sync, wait already. A sync that begins at once splits them into two groups that take turns: each
// sync serves half of the threads, and each commit waits for two. So who is about to sync looks a
// moment for those whom the last sync served. One thread alone waits for nobody, and nobody is
// waited for longer than a sync takes.
//
// Threads: arrive() and leave() any number at once; gather() and synced() one at a time.
#pragma once

#include "../../core/units.hpp"
#include "../../platform/platform.hpp"

namespace mantis::detail {

template <class Platform>
class commit_group {
public:
    // A thread begins to wait for a sync.
    void arrive() { here_.fetch_add(1, orders::relaxed); }
    void leave() { here_.fetch_sub(1, orders::relaxed); }

    // A sync has ended, and took so long.
    void synced(nanoseconds length) {
        expected_ = here_.load(orders::relaxed);
        length_ = length;
    }

    [[nodiscard]] bool is_whole() const { return here_.load(orders::relaxed) >= expected_; }
    // Waits until as many are here as were at the end of the last sync, nobody came for an eighth
    // of its time, or all of its time is over.
    void gather() const {
        const nanoseconds begun = parking::now();
        nanoseconds last = begun;
        std::uint32_t seen = 0;
        for (unsigned idle = 0; idle < most_idle_looks; ++idle) {
            const std::uint32_t here = here_.load(orders::relaxed);
            const nanoseconds now = parking::now();
            if (here >= expected_ || now - begun > length_) return;
            if (here > seen) {
                idle = 0;
                last = now;
            }
            seen = here;
            if (now - last > nanoseconds{length_.count / 8}) return;
            parking::yield();
        }
    }

private:
    using parking = typename Platform::parking;
    using orders = typename Platform::memory_order;

    static constexpr unsigned most_idle_looks = 200;

    typename parking::word here_{0};
    std::uint32_t expected_ = 0;
    nanoseconds length_;
};

}  // namespace mantis::detail
