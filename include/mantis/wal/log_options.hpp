// SPDX-License-Identifier: BSL-1.0
//
// What may differ from one run of a log's writer to the next, and what it counts.
#pragma once

#include "../core/event.hpp"
#include "../core/units.hpp"

namespace mantis {

struct log_options {
    std::uint64_t segment_bytes = 16 * 1024 * 1024;  // a new file after so many; at least 8 KiB
    // Blocks are zeroed so far ahead of small syncs: overwriting written blocks syncs about half
    // again as fast as filling new ones. 0: never.
    std::uint64_t zero_ahead_bytes = 1024 * 1024;
    // Records wait in memory for their write, at most so many bytes in each of four units, and a
    // larger record in a unit of its own. Larger: fewer writes when nobody waits for them.
    std::uint64_t buffer_bytes = 1024 * 1024;
    // The next segment's file is made by a thread of the log while the current one is filled; it
    // takes the space of a segment. false: by who appends, who waits for it then.
    bool spare_segment = true;
    // Records that somebody waits for to be written, and not to be durable, go into a mapping of
    // the segment, where the platform has such: a store where a call of the system would be. false:
    // by a call, always.
    bool map_writes = true;
    // A segment in which records lie for longer is ended, after twice as long at the latest, for
    // those who take whole segments away. 0: only by size.
    nanoseconds segment_period = {};
    event_sink events = {};  // segment_begun, read_only; noted with the mutex held
};

struct log_stats {
    std::uint64_t records = 0;  // written, or about to be
    std::uint64_t syncs = 0;
    std::uint64_t writes = 0;
    std::uint64_t mapped_writes = 0;  // of those, without a call of the system
    std::uint64_t segments = 0;       // begun by this writer
    std::uint64_t spares = 0;         // of those, made before they were needed
};

}  // namespace mantis
