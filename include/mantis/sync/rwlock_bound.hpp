// SPDX-License-Identifier: BSL-1.0
//
// How far a reader-writer lock goes in preferring writers, and running threads before sleeping
// ones: a policy of rwlock.
//
// Readers that come while a writer is inside or announced stay out, and a running thread may take a
// free lock before one that was woken for it. Both are good for throughput and starve somebody, so
// both have a bound. In exclusive entries, where an upgrade does not count as passing a writer:
//
//   writers_in_a_row       a reader is passed by at most so many while it is parked, all its sleeps
//                          in one wait together; then all readers parked at that moment are let in
//                          at once, before any writer
//   longest_reader_wait    or, sooner, once the oldest of them has waited so long: when a writer
//                          that passed it leaves and no woken writer is on its way
//   writers_past_a_writer  of so many in a row, since one that waits was handed the lock last, the
//                          next is by the writer that has waited longest, whatever its priority.
//                          The k-th oldest is passed by at most k * (writers_past_a_writer + 1) - 1
//
// Low bounds cost throughput: a lock that is handed to a sleeping thread lies idle until that
// thread runs, and others that find it so fall asleep as well.
#pragma once

#include "../core/units.hpp"

#include <concepts>

namespace mantis {

// The bounds of a lock.
//   member                           type         meaning
//   Bound::writers_in_a_row          unsigned     1 to 4095; see above
//   Bound::longest_reader_wait       nanoseconds  see above
//   Bound::writers_past_a_writer     unsigned     1 to 4095; see above
template <class B>
concept rwlock_bound = requires {
    { B::writers_in_a_row } -> std::convertible_to<unsigned>;
    { B::longest_reader_wait } -> std::convertible_to<nanoseconds>;
    { B::writers_past_a_writer } -> std::convertible_to<unsigned>;
}
&&B::writers_in_a_row > 0 && B::writers_in_a_row<4096 && B::writers_past_a_writer> 0 &&
    B::writers_past_a_writer < 4096;

template <unsigned WritersInARow = 4095, nanoseconds LongestReaderWait = milliseconds(1),
          unsigned WritersPastAWriter = 4095>
struct writer_preference {
    static constexpr unsigned writers_in_a_row = WritersInARow;
    static constexpr nanoseconds longest_reader_wait = LongestReaderWait;
    static constexpr unsigned writers_past_a_writer = WritersPastAWriter;
};

}  // namespace mantis
