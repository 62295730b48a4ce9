# SPDX-License-Identifier: BSL-1.0
"""Bugs in the change from one segment of the log to the next, and in the spare."""

from mutant import mutant

SPARE = (
    mutant(
        "spare-named-while-it-is-renamed",
        "wal/detail/spare_segment.hpp",
        "        state_ = state::taken;\n",
        "        state_ = state::none;\n",
        "wal/writer_turn.cpp",
        "Another spare is made under the name before the first one has lost it.",
    ),
    mutant(
        "spare-for-what-is-larger",
        "wal/detail/segment_maker.hpp",
        "        if (segment_header_bytes + size > spare.file_bytes()) return std::nullopt;\n",
        "",
        "wal/writer_spare.cpp",
        "A record lies behind the end of its segment.",
    ),
    mutant(
        "spare-left-when-it-does-not-fit-the-disk",
        "wal/detail/spare_segment.hpp",
        "        // It would take space where there is none.\n"
        "        (void)directory_->remove(spare_segment_name);\n",
        "",
        "wal/writer_spare.cpp",
        "A file that is of no use stays on a full disk.",
    ),
    mutant(
        "old-segment-never-ended",
        "wal/detail/log_idle.hpp",
        "        if (left.count > 0) return left;\n",
        "        if (left.count > 0) return {};\n",
        "wal/writer_spare.cpp",
        "A segment with records waits for more of them, however long.",
    ),
)

TURN = (
    mutant(
        "durable-before-the-segment-before",
        "wal/detail/log_flusher.hpp",
        "            if (segments_.behind()) {\n",
        "            if (false) {\n",
        "wal/writer_turn.cpp",
        "Records in the new segment are told durable, and the old one is not synced.",
    ),
    mutant(
        "turned-twice-without-a-sync",
        "wal/detail/log_flusher.hpp",
        "        if (finish_turn(hold)) {\n",
        "        if (!failed_.load(orders::relaxed)) {\n",
        "wal/writer_turn.cpp",
        "Two segments before the last one are not synced.",
    ),
    mutant(
        "name-not-synced-after-the-turn",
        "wal/detail/log_segments.hpp",
        "        return maker_.sync_names();\n",
        "        return success();\n",
        "wal/writer_turn.cpp",
        "Durable records lie in a file whose name is lost.",
    ),
    mutant(
        "header-not-synced-after-the-turn",
        "wal/detail/log_flusher.hpp",
        "        if (durable().value < end) durable_.store(end, orders::release);\n",
        "        durable_.store(written().value, orders::release);\n",
        "wal/writer_turn.cpp",
        "What is written in the new segment is told durable once the old one is.",
    ),
    mutant(
        "header-not-told-of-the-sync",
        "wal/detail/log_segments.hpp",
        "        last_->header.durable = {behind_end_};\n",
        "",
        "wal/writer_turn.cpp",
        "Damage in the segment before is cut, with durable records behind it.",
    ),
    mutant(
        "header-says-too-much",
        "wal/detail/log_flusher.hpp",
        "        const lsn synced = durable();\n",
        "        const lsn synced{closed.end};\n",
        "wal/writer_turn.cpp",
        "A torn tail is taken for damage, and the log does not open.",
    ),
    mutant(
        "header-says-nothing",
        "wal/detail/torn_turn.hpp",
        "header.durable > log_end_ ||",
        "false &&",
        "wal/writer_turn.cpp",
        "Synced records that are damaged are cut as a torn tail.",
    ),
    mutant(
        "proof-in-the-last-segment-not-sought",
        "wal/detail/torn_turn.hpp",
        "        if (!proven || *proven) return refused(proven, found);\n"
        "        found.torn = true;\n",
        "        found.torn = true;\n",
        "wal/writer_turn.cpp",
        "Synced records that are damaged are cut as a torn tail.",
    ),
    mutant(
        "proof-in-the-segment-before-not-sought",
        "wal/detail/torn_turn.hpp",
        "        if (!proven || *proven) return refused(proven, found);\n        auto header",
        "        if (!proven) return refused(proven, found);\n        auto header",
        "wal/writer_turn.cpp",
        "Synced records that are damaged are cut as a torn tail.",
    ),
    mutant(
        "missing-segment-taken-for-a-torn-tail",
        "wal/detail/torn_turn.hpp",
        "header.before == before_->first;",
        "true;",
        "wal/writer_turn.cpp",
        "A segment that is lost is not missed.",
    ),
    mutant(
        "damaged-header-taken-for-none",
        "wal/detail/torn_turn.hpp",
        "fits(*header, last) : all_zero(*raw);",
        "fits(*header, last) : true;",
        "wal/writer_turn.cpp",
        "A segment whose header is damaged is removed.",
    ),
    mutant(
        "earlier-segments-torn-too",
        "wal/reader.hpp",
        "        if (one_of_last_two()) {\n",
        "        {\n",
        "wal/writer_turn.cpp",
        "Damage that later segments prove is cut.",
        "a segment that is missing",
    ),
    mutant(
        "segment-behind-the-cut-kept",
        "recovery/engine.hpp",
        "        if (!end.unfinished_segment.empty())\n"
        "            if (auto removed = directory_->remove(end.unfinished_segment); !removed)"
        " return removed;\n",
        "",
        "wal/writer_turn.cpp",
        "The log goes on in front of a segment that does not continue it.",
    ),
)

READERS = (
    mutant(
        "segment-removed-before-the-next-is-durable",
        "wal/retention.hpp",
        "        if (next >= durable) return kept_by::being_written;\n",
        "",
        "wal/turn_readers.cpp",
        "The only segment that survives a power failure is removed.",
    ),
    mutant(
        "segment-before-the-cut-not-settled",
        "wal/truncation.hpp",
        "        if (!walk_) return success();\n",
        "        if (!walk_ || walk_) return success();\n",
        "wal/turn_readers.cpp",
        "A power failure tears the log before the place at which it was ended.",
    ),
    mutant(
        "promise-not-asked-about-the-last-segment",
        "wal/detail/last_turn.hpp",
        "reader->end().end < promised",
        "false",
        "wal/turn_readers.cpp",
        "What the superblock promises is called a crash's leaving.",
    ),
    mutant(
        "headerless-last-segment-read-alone",
        "wal/detail/segment_list.hpp",
        "if (!*headed) chosen->insert",
        "if (false) chosen->insert",
        "wal/writer_turn.cpp",
        "A checkpoint that ends with a segment makes a crash in the turn look like damage.",
        "where the last segment does",
    ),
    mutant(
        "complete-segment-before-taken-for-torn",
        "wal/detail/torn_turn.hpp",
        "round_up(header.durable.value, log_block_bytes) >= header.first.value;",
        "false;",
        "wal/writer_turn.cpp",
        "A segment of another history is removed.",
        "tells of no turn",
    ),
)

MUTANTS = (*SPARE, *TURN, *READERS)
