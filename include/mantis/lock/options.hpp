// SPDX-License-Identifier: BSL-1.0
//
// What a lock manager is told when it is made, and what a call of lock() may say besides path and
// mode.
#pragma once

#include "../core/units.hpp"

#include <cstddef>
#include <cstdint>

namespace mantis {

// When a call that waits for a lock gives up.
class lock_deadline {
public:
    // Not before it has the lock, or gives way to end a dead-lock.
    [[nodiscard]] static constexpr lock_deadline never() noexcept { return {kind::at, INT64_MAX}; }
    // Without waiting.
    [[nodiscard]] static constexpr lock_deadline at_once() noexcept { return {kind::at_once, 0}; }
    [[nodiscard]] static constexpr lock_deadline within(nanoseconds length) noexcept {
        if (length.count <= 0) return at_once();
        return {kind::within, length.count};
    }
    // On the clock of the platform's now().
    [[nodiscard]] static constexpr lock_deadline at(nanoseconds time) noexcept {
        return {kind::at, time.count};
    }
    // After as long as the waits of late make likely that this one is lost; see adaptive_timeout.
    [[nodiscard]] static constexpr lock_deadline adaptive() noexcept { return {kind::adaptive, 0}; }

    [[nodiscard]] constexpr bool is_at_once() const noexcept { return kind_ == kind::at_once; }
    [[nodiscard]] constexpr bool is_adaptive() const noexcept { return kind_ == kind::adaptive; }
    //   Requires    neither at_once() nor adaptive()
    [[nodiscard]] constexpr nanoseconds after(nanoseconds now) const noexcept {
        if (kind_ == kind::at) return {count_};
        return {count_ < INT64_MAX - now.count ? now.count + count_ : INT64_MAX};
    }

private:
    enum class kind : std::uint8_t { at, within, at_once, adaptive };
    constexpr lock_deadline(kind what, std::int64_t count) noexcept : kind_{what}, count_{count} {}

    kind kind_;
    std::int64_t count_;
};

struct lock_options {
    lock_deadline until = lock_deadline::never();
    // Among newcomers to a queue a larger one goes first; victim policies may look at it, too.
    std::uint8_t priority = 0;
    // Who asks, for the profile of waits; a literal.
    const char* site = "";
};

struct lock_manager_options {
    // Parts of the table, each with a latch; a power of two. 1 costs scaling, more costs memory: a
    // few hundred bytes each.
    std::size_t shard_count = 64;
    // How many newcomers may take a free lock before those that wait for it, until one of them is
    // handed it. 0: strict order of arrival, at the cost of a thread switch for every lock that is
    // waited for. Policies that prevent dead-locks always use 0.
    std::uint32_t bypass_bound = 64;
    // Whether a strong lock on the store or a table may be waited for while the owner holds locks
    // below it: two that do so wait for each other. Else the call is refused as invalid_argument;
    // lock_deadline::at_once() is always allowed.
    bool allow_upward_waits = false;
    // Locks of one owner in one table after which it tries to get the table instead; 0: never.
    std::uint32_t escalate_at = 0;
    // Keys remembered below an escalated lock, so that it can be given up again when others wait.
    std::uint32_t deescalate_keys = 65'536;
    // Bounds of lock_deadline::adaptive().
    nanoseconds least_adaptive_wait = milliseconds(1);
    nanoseconds most_adaptive_wait = seconds(10);
    // How many of the last dead-locks are kept to be looked at.
    std::size_t kept_deadlocks = 16;
    // Of how many waits one is attributed to its path and call site; 1: each.
    std::uint32_t profile_one_in = 1;
};

}  // namespace mantis
