# SPDX-License-Identifier: BSL-1.0
"""Bugs in what reads a log: the reader, its windows, the follower, the diagnosis."""

from mutant import mutant

READER = (
    mutant(
        "misfit-taken-for-unused",
        "wal/reader.hpp",
        "if (!header && finding_ == log_finding::damage_in_the_middle && last_segment()) {",
        "if (!header && header.error().code() == error_code::corrupt && last_segment()) {",
        "wal/last_segment.cpp",
        "A last segment that does not continue the log is removed, and says nothing.",
    ),
    mutant(
        "rest-of-the-last-block-ignored",
        "wal/reader.hpp",
        "if (*padded) return leave_segment();",
        "return leave_segment();",
        "store/flushed_records.cpp",
        "A damaged record at the end of a segment is passed over.",
    ),
    mutant(
        "proof-only-where-blocks-begin",
        "wal/detail/segment_tail.hpp",
        "at < end && !wanted.into->synced; at += log_record_alignment) {",
        "at < end && !wanted.into->synced; at += log_block_bytes) {",
        "store/flushed_records.cpp",
        "Damage of flushed records is cut like a torn tail.",
    ),
    mutant(
        "durable-proof-ignored",
        "wal/reader.hpp",
        "        if (found->synced) {",
        "        if (found->synced && end_offset == 0) {",
        "wal/reader.cpp",
        "Damage in the middle is cut like a torn tail.",
    ),
    mutant(
        "end-of-full-segment-ignored",
        "wal/reader.hpp",
        "round_up(end_.end.value, log_block_bytes) == segments_[at_segment_ + 1].value;",
        "round_up(end_.end.value, log_block_bytes) <= segments_[at_segment_ + 1].value;",
        "wal/log_check.cpp",
        "Damage at the end of a segment that is not the last one is passed over.",
    ),
    mutant(
        "tail-believed-at-once",
        "wal/reader.hpp",
        "if (!found->reads_alike) return read_anew(end_offset);",
        "",
        "wal/reader.cpp",
        "A record that was read wrong once is cut off with all behind it.",
    ),
    mutant(
        "doubtful-records-dropped",
        "wal/reader.hpp",
        "keep_from(keeps_doubtful_ && one_of_last_two() ? end_.doubtful_offset() : offset);",
        "keep_from(offset);",
        "wal/reader_window.cpp",
        "Recovery writes again what is no longer in memory.",
    ),
    mutant(
        "length-believed",
        "wal/detail/record_shape.hpp",
        "           record_bytes(header.payload_bytes) <= left &&\n",
        "           (left == left) &&\n",
        "wal/reader_window.cpp",
        "A length that no file holds is believed.",
    ),
    mutant(
        "begin-not-checked",
        "wal/reader.hpp",
        "        if (!fits)\n",
        "        if (false)\n",
        "wal/reader_window.cpp",
        "Who asks for the middle of a record gets the next one, and misses that.",
    ),
    mutant(
        "beyond-the-end-is-the-end",
        "wal/reader.hpp",
        "        if (asked_.value != 0 && asked_ != end_.end && asked_ != next_block)\n",
        "        if (asked_.value == 1)\n",
        "wal/reader_window.cpp",
        "A log that lost its end looks read to its end.",
    ),
    mutant(
        "begin-in-a-removed-segment",
        "wal/detail/segment_list.hpp",
        "!segments.empty() && segments.front() <= begin;",
        "!segments.empty() && segments.front().value <= begin.value + log_block_bytes;",
        "wal/reader_window.cpp",
        "The last records of a segment that is gone are passed over.",
    ),
    mutant(
        "rest-of-the-tail-not-compared",
        "wal/detail/segment_tail.hpp",
        "*alike && second->fingerprint == first_.fingerprint;",
        "*alike;",
        "wal/reader_window.cpp",
        "A tail that reads differently each time is cut.",
    ),
    mutant(
        "rest-of-the-tail-proves-nothing",
        "wal/detail/segment_tail.hpp",
        "            if (wanted != nullptr)\n",
        "            if (false)\n",
        "wal/reader_window.cpp",
        "Damage is cut like a torn tail where its proof lies behind the window.",
    ),
)

FOLLOWER = (
    mutant(
        "follower-believes-the-moving-end",
        "wal/follower.hpp",
        "            if (window_ && end_ >= durable_) return false;\n",
        "",
        "wal/follower.cpp",
        "Records that a crash may take back are handed out.",
        "what is not",
    ),
    mutant(
        "follower-reads-ahead-of-durable",
        "wal/follower.hpp",
        "            window_->limit(offset_of(durable_));\n",
        "            window_->limit(~std::uint64_t{0});\n",
        "wal/follower.cpp",
        "Bytes that are still being written stay in the window.",
    ),
    mutant(
        "follower-ignores-the-chain-between-segments",
        "wal/follower.hpp",
        "        previous_checksum_ = header->previous_checksum;\n",
        "",
        "wal/follower.cpp",
        "A follower that begins behind the first segment finds nothing that continues.",
    ),
    mutant(
        "follower-forgets-to-read-twice",
        "wal/follower.hpp",
        "const bool alike = reads_ > 0 && fingerprint == fingerprint_;",
        "const bool alike = true;",
        "wal/follower.cpp",
        "What was read wrong once is called damage.",
    ),
)

DIAGNOSIS = (
    mutant(
        "promise-ignored",
        "wal/log_check.hpp",
        "if (found_.end < chosen_.reaches)",
        "if (found_.end.value == 0)",
        "wal/log_check.cpp",
        "A log that lost its last segment is called sound.",
    ),
    mutant(
        "scan-takes-foreign-records",
        "wal/log_check.hpp",
        "header->database != database_ ||",
        "false ||",
        "wal/log_check.cpp",
        "Records of another database are counted as readable.",
    ),
)

MUTANTS = READER + FOLLOWER + DIAGNOSIS
