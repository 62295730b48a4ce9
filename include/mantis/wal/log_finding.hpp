// SPDX-License-Identifier: BSL-1.0
//
// What a log was found to be by whoever read it: one word for each way in which it can end or be
// wrong.
//
//   finding                what was met                                               error code
//   sound                  records up to bytes never written                          none
//   torn_tail              bytes behind the last record, the work of a crash          none
//   damage_in_the_middle   bytes that are no record, and proof that there was one     corrupt
//   missing_segment        a segment ends, the next one begins further on             corrupt
//   misplaced_segment      a segment of this database that does not belong here:      corrupt
//                          renamed, or from another copy of its log
//   foreign_segment        a segment of another database                              mismatch
//   version_too_new        a segment of a later version                               mismatch
//   wrong_checksum_policy  a segment by another checksum policy                       mismatch
//   ends_too_early         sound to its end, but it was durable beyond                corrupt
//   no_such_position       sound, but it has no record where one was asked for        not_found,
//                                                                        invalid_argument
//   unreadable             the system refused a file operation, or reads differ       io
//
// Threads: plain values.
#pragma once

#include <cstdint>

namespace mantis {

enum class log_finding : std::uint8_t {
    sound,
    torn_tail,
    damage_in_the_middle,
    missing_segment,
    misplaced_segment,
    foreign_segment,
    version_too_new,
    wrong_checksum_policy,
    ends_too_early,
    no_such_position,
    unreadable,
};

[[nodiscard]] constexpr const char* name_of(log_finding found) noexcept {
    switch (found) {
        case log_finding::sound: return "sound";
        case log_finding::torn_tail: return "torn_tail";
        case log_finding::damage_in_the_middle: return "damage_in_the_middle";
        case log_finding::missing_segment: return "missing_segment";
        case log_finding::misplaced_segment: return "misplaced_segment";
        case log_finding::foreign_segment: return "foreign_segment";
        case log_finding::version_too_new: return "version_too_new";
        case log_finding::wrong_checksum_policy: return "wrong_checksum_policy";
        case log_finding::ends_too_early: return "ends_too_early";
        case log_finding::no_such_position: return "no_such_position";
        case log_finding::unreadable: return "unreadable";
    }
    return "unknown";
}

// Nothing is missing that was ever promised.
[[nodiscard]] constexpr bool is_whole(log_finding found) noexcept {
    return found == log_finding::sound || found == log_finding::torn_tail;
}

}  // namespace mantis
