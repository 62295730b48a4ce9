// SPDX-License-Identifier: BSL-1.0
//
// What a page store is given and what it tells.
//
// Threads: plain values.
#pragma once

#include "../page_delta.hpp"
#include "../page_map.hpp"

#include "../../core/ids.hpp"
#include "../../core/units.hpp"

#include <vector>

namespace mantis {

struct page_store_options {
    database_id database;
    std::uint32_t segment_bytes = 16 * MiB;  // of new ones, at most: a power of two, 64 KiB to
                                             // 64 MiB
    // So many files stay open for reading, and those that are written besides. More cost
    // descriptors, fewer cost an open() for reads of segments that nobody has read for a while.
    std::size_t most_open_files = 256;
    // The reserve: the space of so many segments is kept for commits and cleaning on a full disk.
    std::uint32_t spares = 1;
    // Nothing on the disk is changed, and every change answers read_only.
    bool read_only = false;
    // Of the first segments, if that is less: a power of two, 64 KiB at least.
    std::uint32_t least_segment_bytes = 256 * KiB;
    // Besides, the reserve has room for an image of each page that grow() has granted, and for a
    // few more, but for no more than so many; and for what a delta takes, twice.
    std::uint64_t most_unwritten = 0;
};

struct page_store_stats {
    std::uint64_t segments = 0;
    std::uint64_t disk_bytes = 0;     // of the segments and the spares
    std::uint64_t live_bytes = 0;     // images that some state refers to
    std::uint64_t newest_bytes = 0;   // those of the newest one
    bool spare = false;               // the reserve is whole
    std::uint32_t spares = 0;         // that are there
    std::uint64_t spare_bytes = 0;    // of them
    std::uint64_t segment_bytes = 0;  // of the next new segment
    std::uint64_t memory_bytes = 0;   // of the page map and what is known of the segments
    // Since opened().
    std::uint64_t images_written = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t failed_writes = 0;
    std::uint64_t images_moved = 0;  // by a cleaner; they count as written, too
    std::uint64_t bytes_moved = 0;
    std::uint64_t segments_removed = 0;
};

// A part of the committed state, or of what has changed since.
struct page_delta_part {
    page_delta part;
    page_id next;  // where the next one begins; 0: it was the last
};

// Images that some state refers to, the committed one or a later one.
struct live_images {
    std::vector<page_change> images;  // ascending by page; a page may be there several times
    page_id next;                     // where the next ones begin; 0: there are none
};

}  // namespace mantis
