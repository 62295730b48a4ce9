// SPDX-License-Identifier: BSL-1.0
//
// Which segments a directory has, and which of them hold the log from a position on.
//
// Threads: any number; no state.
#pragma once

#include "../segment.hpp"

#include "../../platform/platform.hpp"

#include <vector>

namespace mantis::detail {

//   Returns     the first lsn of each segment, in order
template <class Directory>
result<std::vector<lsn>> list_segments(Directory& in) {
    auto names = in.list();
    if (!names) return names.error();
    std::vector<lsn> found;
    for (const bytes& name : *names)
        if (lsn first; parse_segment_name(name, first)) found.push_back(first);
    return found;
}

//   Errors      corrupt
inline result<std::vector<lsn>> whole_log(std::vector<lsn> segments) {
    if (!segments.empty() && segments.front() != first_lsn_of_log)
        return error{error_code::corrupt,
                     "opening the log: it begins later than a log begins, and nobody said from "
                     "where to read it"}
            .about(segment_name(segments.front()))
            .with("expected_lsn", first_lsn_of_log.value)
            .with("lsn", segments.front().value);
    return segments;
}

//   Returns     the segment that holds `begin`, and those behind it
//   Errors      not_found
inline result<std::vector<lsn>> segments_from(std::vector<lsn> segments, lsn begin) {
    // A little before the first segment may be the end of the last record of the one before, or a
    // record that is gone: nobody can tell any more.
    const bool in_log = !segments.empty() && segments.front() <= begin;
    if (!in_log && (!segments.empty() || begin > first_lsn_of_log))
        return error{error_code::not_found, "opening the log: it begins behind what was asked for"}
            .with("lsn", begin.value)
            .with("first_lsn", segments.empty() ? 0 : segments.front().value);
    std::size_t from = 0;
    while (from + 1 < segments.size() && segments[from + 1] <= begin) ++from;
    segments.erase(segments.begin(),
                   segments.begin() + static_cast<std::vector<lsn>::difference_type>(from));
    return segments;
}

//   Errors      io
template <class Directory>
result<bool> has_header(Directory& in, lsn first) {
    auto file = in.open(segment_name(first), file_mode::read);
    if (!file) return file.error();
    bytes raw = bytes::zeros(segment_header_bytes);
    auto got = file->read(0, raw.data(), raw.size());
    if (!got) return got.error();
    for (const std::byte each : raw.view().first(*got))
        if (each != std::byte{0}) return true;
    return false;
}

//   Returns     the segments to read for the log from `begin` on; 0: for all of it
//   Errors      io, corrupt, not_found
template <class Directory>
result<std::vector<lsn>> segments_to_read(Directory& in, lsn begin) {
    auto all = list_segments(in);
    if (!all) return all;
    if (begin.value == 0) return whole_log(*std::move(all));
    auto chosen = segments_from(*all, begin);
    if (!chosen || chosen->size() != 1 || all->size() == 1 || chosen->front() != begin)
        return chosen;
    // Where the last one begins, the one before it ends: that is the log's last one if the other
    // never got its header.
    auto headed = has_header(in, begin);
    if (!headed) return headed.error();
    if (!*headed) chosen->insert(chosen->begin(), (*all)[all->size() - 2]);
    return chosen;
}

}  // namespace mantis::detail
