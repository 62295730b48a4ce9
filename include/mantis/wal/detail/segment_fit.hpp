// SPDX-License-Identifier: BSL-1.0
//
// Whether a segment is the one that a reader expects at a place of the log, and what it is
// otherwise.
//
// Threads: any number; no state.
#pragma once

#include "../log_finding.hpp"
#include "../segment.hpp"

#include <optional>

namespace mantis::detail {

struct segment_place {
    bytes_view name;
    lsn first;                            // as the name says
    std::optional<database_id> database;  // none: any
    bool follows = false;                 // the two below are known
    lsn expected;                         // where the segment before ends, at the next block
    std::uint32_t previous_checksum = 0;  // of the last record before
};

inline error misfit(const segment_place& at, error_code code, const char* doing) {
    return error{code, doing}.about(at.name).with("lsn", at.first.value);
}

//   Effects     `found` says what is wrong with the segment
//   Errors      corrupt, mismatch
template <checksum_policy Checksum>
result<void> fits_place(const segment_header& header, const segment_place& at, log_finding& found) {
    found = log_finding::foreign_segment;
    if (at.database && header.database != *at.database)
        return misfit(at, error_code::mismatch,
                      "opening a log segment: it belongs to another database");
    found = log_finding::wrong_checksum_policy;
    if (header.checksum_format != Checksum::format_id)
        return misfit(at, error_code::mismatch,
                      "opening a log segment: with::checksum differs from the one it was written "
                      "with")
            .with("file_format_id", header.checksum_format)
            .with("store_format_id", Checksum::format_id);
    found = log_finding::misplaced_segment;
    if (header.first != at.first)
        return misfit(at, error_code::corrupt,
                      "opening a log segment: its name is not that of its first record")
            .with("offset", 32)
            .with("header_lsn", header.first.value);
    if (header.first < first_lsn_of_log || header.first.value % log_block_bytes != 0)
        return misfit(at, error_code::corrupt,
                      "opening a log segment: no segment begins at its first lsn")
            .with("offset", 32);
    if (at.follows && at.first > at.expected) {
        found = log_finding::missing_segment;
        return misfit(at, error_code::corrupt,
                      "opening a log segment: the log has a hole before it")
            .with("expected_lsn", at.expected.value);
    }
    if (at.follows && at.first < at.expected)
        return misfit(at, error_code::corrupt,
                      "opening a log segment: it begins before the one before it ends")
            .with("expected_lsn", at.expected.value);
    if (at.follows && header.previous_checksum != at.previous_checksum)
        return misfit(at, error_code::corrupt,
                      "opening a log segment: it does not continue the one before")
            .with("offset", 44);
    found = log_finding::sound;
    return success();
}

//   Effects     `found` says what is wrong with the segment
//   Errors      corrupt (no header, or a damaged one), mismatch
template <checksum_policy Checksum>
result<segment_header> read_place(bytes_view raw, const segment_place& at, log_finding& found) {
    auto header = decode_segment_header(raw);
    if (!header) {
        found = header.error().code() == error_code::mismatch ? log_finding::version_too_new
                                                              : log_finding::damage_in_the_middle;
        return header.error().about(at.name).with("lsn", at.first.value);
    }
    if (auto fits = fits_place<Checksum>(*header, at, found); !fits) return fits.error();
    return header;
}

}  // namespace mantis::detail
