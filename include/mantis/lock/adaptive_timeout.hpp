// SPDX-License-Identifier: BSL-1.0
//
// A time limit for waits that follows the load: long while waits are long, short when they are.
//
// A fixed limit is too short on a busy day, when it ends waits that were going well, and too long
// on a quiet one, when only a dead-lock takes that long. This one is
//
//   factor * (mean + 4 * deviation)      of the waits seen lately, between `least` and `most`
//
// A wait counts an eighth towards the mean and a quarter towards the deviation, so that a change of
// load has arrived after some twenty waits.
//
// Tell it the waits that were granted, and also those that ran out of time, with the time they
// took. Without the latter a load that makes every wait longer than the limit would never be seen.
//
// State (one 64-bit word), in units of 2^k ns, k the least for which 8 * `most` fits a half:
//   bits 32-63   8 * mean
//   bits 0-31    4 * deviation
//   all ones     nothing observed yet: the limit is `most`
//
// Invariants:
//   1. least <= current() <= most
//   2. mean and deviation never exceed `most`: longer waits count as `most`
//   3. the mean stays between the shortest and the longest wait observed, up to one unit
//   4. what one thread observed is undone by no other
//
//   Source    Jacobson, Karels: Congestion avoidance and control (SIGCOMM 1988), appendix A
//
// Threads: any number; wait-free. Of two that observe at the same moment one may be left out, which
// a mean does not mind.
#pragma once

#include "../core/check.hpp"
#include "../core/units.hpp"

namespace mantis {

struct adaptive_timeout_options {
    nanoseconds least = milliseconds(10);
    nanoseconds most = seconds(10);
    // How many times the wait to be expected is too long. More: a dead-lock that nobody detects
    // lasts longer. Less: more waits end that would have been granted.
    std::uint32_t factor = 4;
};

template <class Platform>
class adaptive_timeout {
public:
    //   Requires    0 <= least <= most, 0 < most, 0 < factor
    explicit adaptive_timeout(const adaptive_timeout_options& options = {}) noexcept
        : options_{options}, unit_bits_{bits_of_unit(options)} {}

    //   Effects     `wait` has its part in what follows; below zero it counts as zero
    void observe(nanoseconds wait) {
        const std::int64_t most = options_.most.count;
        const std::int64_t seen = wait.count < 0 ? 0 : wait.count < most ? wait.count : most;
        std::uint64_t before = state_.load(Platform::memory_order::relaxed);
        const std::uint64_t after = told(before, seen >> unit_bits_);
        state_.compare_exchange_strong(before, after, Platform::memory_order::relaxed);
    }

    [[nodiscard]] nanoseconds current() const {
        const std::uint64_t state = state_.load(Platform::memory_order::relaxed);
        if (state == nothing) return options_.most;
        // Both factors are below 2^32.
        const std::uint64_t expected = mean_of(state) + (state & half);
        const std::uint64_t units = expected * options_.factor;
        if (units > static_cast<std::uint64_t>(options_.most.count) >> unit_bits_)
            return options_.most;
        const nanoseconds limit{static_cast<std::int64_t>(units << unit_bits_)};
        return limit < options_.least ? options_.least : limit;
    }

    //   Returns     zero before anything was observed
    [[nodiscard]] nanoseconds mean() const {
        const std::uint64_t state = state_.load(Platform::memory_order::relaxed);
        return in_time(state == nothing ? 0 : mean_of(state));
    }
    [[nodiscard]] nanoseconds deviation() const {
        const std::uint64_t state = state_.load(Platform::memory_order::relaxed);
        return in_time(state == nothing ? 0 : (state & half) / 4);
    }

    [[nodiscard]] const adaptive_timeout_options& options() const noexcept { return options_; }

private:
    static constexpr std::uint64_t nothing = UINT64_MAX;
    static constexpr std::uint64_t half = UINT32_MAX;
    // 8 * most stays below a half of all ones, so that no state looks like `nothing`.
    static constexpr std::int64_t max_units = (std::int64_t{1} << 29) - 1;

    static unsigned bits_of_unit(const adaptive_timeout_options& options) noexcept {
        check(options.least.count >= 0 && options.least <= options.most && options.most.count > 0,
              "adaptive_timeout: 0 <= least <= most, and most is not 0");
        check(options.factor > 0, "adaptive_timeout: a factor of 0 leaves no time to wait");
        unsigned bits = 0;
        while (options.most.count >> bits > max_units) ++bits;
        return bits;
    }
    static std::uint64_t mean_of(std::uint64_t state) noexcept { return state >> 35U; }
    [[nodiscard]] nanoseconds in_time(std::uint64_t units) const noexcept {
        return {static_cast<std::int64_t>(units << unit_bits_)};
    }

    // The state after one more wait. Both parts are kept multiplied so that what a division cuts
    // off is not lost for ever: a steady wait is reached, and not only approached.
    static std::uint64_t told(std::uint64_t state, std::int64_t wait) noexcept {
        std::int64_t mean = 8 * wait;
        std::int64_t deviation = 2 * wait;  // half of it: the first wait may not be a typical one
        if (state != nothing) {
            mean = static_cast<std::int64_t>(state >> 32U);
            deviation = static_cast<std::int64_t>(state & half);
            const std::int64_t off = wait - mean / 8;
            mean += off;
            deviation += (off < 0 ? -off : off) - deviation / 4;
        }
        return static_cast<std::uint64_t>(mean) << 32U | static_cast<std::uint64_t>(deviation);
    }

    const adaptive_timeout_options options_;
    const unsigned unit_bits_;
    typename Platform::template atomic<std::uint64_t> state_{nothing};
};

}  // namespace mantis
