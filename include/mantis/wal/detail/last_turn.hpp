// SPDX-License-Identifier: BSL-1.0
//
// Whether the last segment of a log belongs to it, for whoever looks at each segment by itself.
//
// Threads: any number; no state.
#pragma once

#include "../reader.hpp"

namespace mantis::detail {

//   Requires    nobody writes; `segments` are all of the log; it was once durable up to `promised`
//   Returns     how many bytes a crash has left behind the log's end, if all of the last segment is
//               of them; none also where that cannot be told
template <platform Platform, checksum_policy Checksum>
std::optional<std::uint64_t> crashs_work_with_last(typename Platform::directory& in,
                                                   database_id database,
                                                   const std::vector<lsn>& segments, lsn promised) {
    if (segments.size() < 2) return std::nullopt;
    auto reader = log_reader<Platform, Checksum>::open(in, database, segments[segments.size() - 2]);
    if (!reader) return std::nullopt;
    log_record record;
    auto more = reader->next(record);
    while (more && *more) more = reader->next(record);
    if (!more || reader->end().unfinished_segment.empty()) return std::nullopt;
    if (reader->end().end < promised) return std::nullopt;
    return reader->end().cut_bytes;
}

}  // namespace mantis::detail
