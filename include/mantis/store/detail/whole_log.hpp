// SPDX-License-Identifier: BSL-1.0
//
// Reads the log once from a place to where it is durable, for its checksums.
//
// Threads: any, beside a writer.
#pragma once

#include "../../wal/reader.hpp"

namespace mantis {

struct store_verification {
    std::size_t tables = 0;
    std::size_t entries = 0;
    std::uint64_t log_records = 0;
    std::uint64_t log_bytes = 0;
};

}  // namespace mantis

namespace mantis::detail {

struct log_read {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
};

//   Requires    the log is durable up to `until`: beyond, it may be turning to its next segment
//   Errors      corrupt (what and where), io
template <platform Platform, checksum_policy Checksum>
[[nodiscard]] result<log_read> read_whole_log(typename Platform::directory& in,
                                              database_id database, lsn from, lsn until) {
    auto reader = log_reader<Platform, Checksum>::open(in, database, from);
    if (!reader) return reader.error();
    log_read sum;
    log_record record;
    while (reader->end().end < until) {
        auto more = reader->next(record);
        if (!more) return more.error();
        if (!*more) break;
        ++sum.records;
    }
    sum.bytes = reader->bytes_read();
    if (reader->end().end >= until) return sum;
    return error{error_code::corrupt, "verifying the log: it ends before what is durable"}
        .about(reader->end().segment)
        .with("lsn", reader->end().end.value)
        .with("durable_lsn", until.value);
}

}  // namespace mantis::detail
