// SPDX-License-Identifier: BSL-1.0
//
// Whether the last segment of a log belongs to it, for whoever looks at each segment by itself.
//
// Threads: any number; no state.
#pragma once

#include "../reader.hpp"

namespace mantis::detail {

//   Requires    nobody writes; `segments` are all of the log; it was once durable up to `promised`
//   Returns     whether the last one is a crash's work, and what lies behind the log's end in the
//               one before it, too; false also where that cannot be told
template <platform Platform, checksum_policy Checksum>
bool last_is_crashs_work(typename Platform::directory& in, database_id database,
                         const std::vector<lsn>& segments, lsn promised) {
    if (segments.size() < 2) return false;
    auto reader = log_reader<Platform, Checksum>::open(in, database, segments[segments.size() - 2]);
    if (!reader) return false;
    log_record record;
    auto more = reader->next(record);
    while (more && *more) more = reader->next(record);
    return more && !reader->end().unfinished_segment.empty() && reader->end().end >= promised;
}

}  // namespace mantis::detail
