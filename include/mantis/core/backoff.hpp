// SPDX-License-Identifier: BSL-1.0
//
// How long to wait before the next attempt at something that failed for a passing reason: pauses
// that grow by a factor, each drawn from a seed so that those who failed together do not come back
// together.
//
//   backoff pauses{options, seed};
//   auto done = attempt();
//   while (!done && pauses.left()) {
//       world.sleep(pauses.next());
//       done = attempt();
//   }
//
// It is only the sequence: no clock, no sleep, and the same options and seed give the same pauses.
//
// Invariants, for the pause before attempt n + 1, n from 1:
//   1. it is at most min(first * factor^(n - 1), most), and at least half of that, but for the last
//      one, which `total` may cut short
//   2. there are at most attempts - 1 pauses, and together they are at most `total`
//
// Threads: one at a time.
#pragma once

#include "check.hpp"
#include "detail/splitmix.hpp"
#include "units.hpp"

namespace mantis {

struct backoff_options {
    // The first pause at most. 0: no pauses, the attempts follow each other at once.
    nanoseconds first = milliseconds(1);
    // How much longer each pause may be than the one before. 1: all the same.
    std::uint32_t factor = 4;
    // The longest of the pauses.
    nanoseconds most = milliseconds(100);
    // All attempts, the first one included. 1: nothing is done twice.
    std::uint32_t attempts = 5;
    // All pauses together: what a failure that does not pass costs at most in waiting.
    nanoseconds total = milliseconds(500);
};

class backoff {
public:
    backoff(const backoff_options& options, std::uint64_t seed) noexcept
        : options_{options},
          ceiling_{options.first < options.most ? options.first : options.most},
          waiting_left_{options.total},
          attempts_left_{options.attempts},
          seed_{seed} {
        if (attempts_left_ > 0) --attempts_left_;  // the one that failed
    }

    // There is a pause, and an attempt after it.
    [[nodiscard]] bool left() const noexcept {
        return attempts_left_ > 0 && (waiting_left_.count > 0 || ceiling_.count <= 0);
    }
    //   Requires    left()
    [[nodiscard]] nanoseconds next() noexcept {
        check(left(), "backoff::next() without another attempt");
        --attempts_left_;
        if (ceiling_.count <= 0) return {};
        nanoseconds pause = drawn_below(ceiling_);
        if (pause > waiting_left_) pause = waiting_left_;
        waiting_left_ = waiting_left_ - pause;
        grow();
        return pause;
    }

private:
    [[nodiscard]] nanoseconds drawn_below(nanoseconds ceiling) noexcept {
        const auto whole = static_cast<std::uint64_t>(ceiling.count);
        const std::uint64_t half = whole / 2;
        return {static_cast<std::int64_t>(whole - detail::splitmix64(seed_) % (half + 1))};
    }
    // The limit first: the product may be no number of nanoseconds any more.
    void grow() noexcept {
        const std::int64_t factor = options_.factor > 1 ? options_.factor : 1;
        ceiling_ = ceiling_.count > options_.most.count / factor
                       ? options_.most
                       : nanoseconds{ceiling_.count * factor};
    }

    backoff_options options_;
    nanoseconds ceiling_;  // of the next pause
    nanoseconds waiting_left_;
    std::uint32_t attempts_left_;
    std::uint64_t seed_;
};

}  // namespace mantis
