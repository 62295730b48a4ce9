// SPDX-License-Identifier: BSL-1.0
//
// Taking segments, and the ends of segments, out of a log for good.
//
// Invariants:
//   1. a segment is gone for certain before the next one is touched, so that a power failure brings
//      back a log without holes
//
// Threads: one at a time.
#pragma once

#include "../segment.hpp"

#include "../../platform/platform.hpp"

namespace mantis::detail {

// What became of a segment that was to be removed.
enum class segment_removal : std::uint8_t {
    done,     // a power failure does not bring it back
    refused,  // nothing happened, as far as anybody knows: the same may be tried again
    unknown,  // the directory could not be synced: what is there after a power failure nobody knows
};

struct removed_segment {
    segment_removal how = segment_removal::done;
    result<void> answer;
};

// The only place where a segment leaves a log.
template <class Directory>
removed_segment remove_segment(Directory& in, lsn first) {
    if (auto removed = in.remove(segment_name(first)); !removed)
        return {segment_removal::refused, removed};
    if (auto synced = in.sync(); !synced) return {segment_removal::unknown, synced};
    return {};
}

// Some systems forget after a failed sync that there is something to write, and still answer reads
// from memory; the next sync then succeeds and has written nothing. So what no sync is known to
// have reached is written again.
//   Requires    `doubtful` is what was read there
//   Effects     it is durable, and the rest of the file as far as the system remembers
template <class File>
result<void> write_again(File& to, std::uint64_t offset, bytes_view doubtful) {
    if (!doubtful.empty())
        if (auto written = to.write(offset, doubtful); !written) return written;
    return to.sync();
}
template <class Directory>
result<void> write_again(Directory& in, bytes_view name, std::uint64_t offset,
                         bytes_view doubtful) {
    auto file = in.open(name, file_mode::write);
    if (!file) return file.error();
    return write_again(*file, offset, doubtful);
}

// Ends the file of a segment at `keep_bytes`, for certain.
//   Requires    `doubtful` is what was read there, up to keep_bytes, and perhaps was never synced
//   Errors      io, no_space
template <class Directory>
result<void> cut_segment(Directory& in, bytes_view name, std::uint64_t keep_bytes,
                         std::uint64_t doubtful_offset, bytes_view doubtful) {
    auto file = in.open(name, file_mode::write);
    if (!file) return file.error();
    auto size = file->size();
    if (!size) return size.error();
    if (*size > keep_bytes)
        if (auto resized = file->resize(keep_bytes); !resized) return resized;
    // Also when nothing is cut: records that were read but never synced are answered from now on.
    return write_again(*file, doubtful_offset, doubtful);
}

}  // namespace mantis::detail
