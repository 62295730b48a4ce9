// SPDX-License-Identifier: BSL-1.0
//
// What writers owe because work was put off for them, as one figure, and for how long they wait
// because of it: arithmetic without a clock.
//
//   levels, each 0 at rest and 1 where writers would have to wait or a limit is passed
//     -> debt     0 as long as no level is above debt_begins, and then the greatest of what is left
//     -> price    of each byte, by the eighth power of the debt: nothing to speak of at first, so
//                 that a level that comes and goes costs nothing, and at 1 every commit pays all
//
// With a limit of 5 ms, writers of all threads together bring so much a second:
//   debt 0.2   5 GB      0.5   3.3 MB     0.9   30 KB
//        0.3   195 MB    0.7   220 KB     1.0   13 KB, or a commit in 5 ms by each thread
//
// Threads: plain values.
#pragma once

#include "../core/units.hpp"

namespace mantis {

// What is put off, as a share of what may be. Each is 0 where nobody is at work to make it less:
// waiting would be in vain.
struct write_levels {
    double log_turn = 0;     // of the log's last segment, while the one before it is not durable
    double log = 0;          // of the log since the last checkpoint
    double pages = 0;        // of the frames that are to be clean for others, those that are not
    double side_copies = 0;  // of the room for them
    double space = 0;        // of what files of pages may take besides what lives in them
};

// The background begins before that.
inline constexpr double debt_begins = 0.5;
// At a debt of 1 so many bytes cost the limit.
inline constexpr std::uint64_t dearest_bytes = 64;

//   Returns     0 to 1; it never falls where a level rises
[[nodiscard]] constexpr double debt_of(const write_levels& levels) noexcept {
    const double all[] = {levels.log_turn, levels.log, levels.pages, levels.side_copies,
                          levels.space};
    double most = 0;
    for (const double each : all)
        if (each > most) most = each;
    const double above = (most - debt_begins) / (1 - debt_begins);
    return above <= 0 ? 0 : above < 1 ? above : 1;
}

// What a commit of so many bytes pays.
//   Requires    0 <= debt <= 1
//   Returns     at most `limit`; it never falls where the debt or the bytes grow
[[nodiscard]] constexpr nanoseconds delay_of(double debt, std::uint64_t bytes,
                                             nanoseconds limit) noexcept {
    const double square = debt * debt;
    const double fourth = square * square;
    const double share =
        fourth * fourth * static_cast<double>(bytes) / static_cast<double>(dearest_bytes);
    if (share >= 1) return limit;
    return {static_cast<std::int64_t>(share * static_cast<double>(limit.count))};
}

}  // namespace mantis
