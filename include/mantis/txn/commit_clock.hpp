// SPDX-License-Identifier: BSL-1.0
//
// The time of commits, for their stamps: the wall clock, made to keep the order of the log.
//
// Invariants:
//   1. a stamp is never earlier than one before it in the same log. While the wall clock is behind
//      the last stamp, for it was set back, commits get that stamp again; so the state "at a time"
//      is always the state after some commit
//   2. a clock that was far ahead for a while has the stamps stand still until the time has come; a
//      point in time within is then not to be had, a position in the log always is
//
// Threads: one at a time.
#pragma once

#include "../core/units.hpp"

#include <utility>

namespace mantis {

template <class Platform>
class commit_clock {
public:
    //   Requires    `last` is the last stamp in the log, {} if there is none
    commit_clock(Platform world, nanoseconds last) noexcept
        : platform_{std::move(world)}, last_{last} {}

    //   Returns     since 1970
    [[nodiscard]] nanoseconds next() {
        const nanoseconds now = platform_.wall_time();
        if (now > last_) last_ = now;
        return last_;
    }

    // The last stamp that was given.
    [[nodiscard]] nanoseconds last() const noexcept { return last_; }

private:
    Platform platform_;
    nanoseconds last_;
};

}  // namespace mantis
