// SPDX-License-Identifier: BSL-1.0
//
// A latch of four bytes: mutual exclusion for sections of a few dozen instructions.
//
// For the small parts of a larger structure, each of which has one: a bucket, a shard, a queue. It
// makes no promise about order: who comes while it is free gets it, also before those that sleep.
//
// State (one 32-bit word), from "free":
//   free    --lock-->              taken
//   taken   --a second lock-->     contended    that thread sleeps until the word changes
//   taken   --unlock-->            free
//   contended --unlock-->          free         and one sleeper is woken; it takes it as contended,
//                                               for others may sleep still
//
// Threads: any number. lock() without contention is one compare-exchange, unlock() one exchange.
#pragma once

#include "../platform/guard.hpp"
#include "../platform/platform.hpp"

namespace mantis {

template <class Platform>
class word_latch {
public:
    word_latch() noexcept = default;
    word_latch(const word_latch&) = delete;
    word_latch& operator=(const word_latch&) = delete;

    [[gnu::always_inline]] void lock() {
        std::uint32_t seen = free;
        if (!state_.compare_exchange_strong(seen, taken)) wait();
    }
    [[nodiscard]] bool try_lock() {
        std::uint32_t seen = free;
        return state_.compare_exchange_strong(seen, taken);
    }
    //   Requires    held by this thread
    [[gnu::always_inline]] void unlock() {
        if (state_.exchange(free) == contended) parking::wake(state_, 1);
    }

private:
    using parking = typename Platform::parking;
    enum : std::uint32_t { free, taken, contended };

    void wait() {
        for (unsigned i = 0; i < parking::spins; ++i) {
            parking::relax();
            if (state_.load() == free && try_lock()) return;
        }
        while (state_.exchange(contended) != free)
            (void)parking::wait(state_, contended, parking::never);
    }

    typename parking::word state_{free};
};

}  // namespace mantis
