// SPDX-License-Identifier: BSL-1.0
//
// What may differ from one buffer pool to the next, and what a pool counts.
#pragma once

#include "../core/event.hpp"
#include "../core/units.hpp"

namespace mantis {

struct buffer_pool_options {
    std::size_t page_bytes = 4096;  // a power of two, 512 bytes to 64 KiB
    std::size_t memory_bytes =
        64 * MiB;  // all that the pool takes: see buffer_pool::memory_bytes()
    // Of that, for the translation: four bytes for each page of the database, to the highest number
    // that was used. 0: a sixteenth. Pages beyond what fits here are refused.
    std::size_t translation_bytes = 0;
    // Of that, for copies of pages as they were at the end of an epoch that is not written yet.
    // 0: an eighth. Where it is full, who changes such a page has to write it first.
    std::size_t side_bytes = 0;
    // When a thread had to write a page to get its frame, a thread of the pool writes others until
    // so many percent of the frames are clean or free. 0: never. At most 100.
    unsigned clean_percent = 25;
    // So long is waited for a frame while others hold them all, before the call is refused.
    nanoseconds wait_for_frame = milliseconds(100);
    event_sink events = {};  // page_write_failed; noted with latches held
};

// What a thread that changes pages is about to wait for: 0 where an image is written at once, or
// cannot be, and 1 at the most.
struct buffer_pool_pressure {
    double frames = 0;       // that are dirty and should be clean
    double side_copies = 0;  // of the room for them
};

struct buffer_pool_stats {
    std::uint64_t hits = 0;    // nearly: threads that run at once may overwrite each other's count
    std::uint64_t misses = 0;  // pages that were not there when they were asked for
    std::uint64_t reads = 0;   // pages loaded
    std::uint64_t failed_reads = 0;
    std::uint64_t writes = 0;  // images, side copies too
    std::uint64_t failed_writes = 0;
    std::uint64_t writes_for_frames = 0;  // tried by threads that needed the frame
    std::uint64_t evictions = 0;
    std::uint64_t side_copies = 0;  // made
    std::uint64_t prefetches = 0;   // pages that the pool's thread was asked for, and took on
    // Now.
    std::uint32_t frames = 0;
    std::uint32_t free = 0;
    std::uint32_t dirty = 0;
    std::uint32_t pinned = 0;
    std::uint32_t side_copies_waiting = 0;
};

}  // namespace mantis
