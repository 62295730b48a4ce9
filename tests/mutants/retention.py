# SPDX-License-Identifier: BSL-1.0
"""Bugs in what happens to complete segments: archived, kept, removed, brought back, cut off."""

from mutant import mutant

KEEPER = (
    mutant(
        "removed-before-it-is-archived",
        "wal/retention.hpp",
        "        if (options_.archive && next > archived_) return kept_by::not_archived;\n",
        "",
        "wal/retention.cpp",
        "Log that the archive never took is gone.",
    ),
    mutant(
        "removed-beyond-the-checkpoint",
        "wal/retention.hpp",
        "        if (next > checkpoint) return kept_by::checkpoint;\n",
        "        if (first > checkpoint) return kept_by::checkpoint;\n",
        "wal/retention.cpp",
        "The segment in which a checkpoint lies is gone, and recovery cannot begin there.",
    ),
    mutant(
        "hold-protects-its-own-segment-only-from-the-next",
        "wal/log_hold.hpp",
        "            if (each.info.from < end) return false;\n",
        "            if (end.value > each.info.from.value + 8192) return false;\n",
        "wal/log_hold.cpp",
        "What a replica stands in is removed.",
    ),
    mutant(
        "hold-of-what-is-going",
        "wal/log_hold.hpp",
        "        if (end > given_up_) given_up_ = end;\n",
        "",
        "wal/log_hold.cpp",
        "A hold is given while the segment is being removed.",
    ),
    mutant(
        "hold-of-what-is-gone",
        "wal/retention.hpp",
        "if (segments->empty() || segments->front() <= from) return made;",
        "if (segments->size() != 1) return made;",
        "wal/retention.cpp",
        "A replica is promised a log that an earlier process removed.",
    ),
    mutant(
        "sealed-before-it-is-durable",
        "wal/retention.hpp",
        "round_up(durable.value, log_block_bytes) >= segments[at + 1].value;",
        "(durable.value == 0 || durable.value != 0);",
        "wal/retention.cpp",
        "A segment is archived that a power failure may still change.",
    ),
    mutant(
        "keep-bytes-ignored",
        "wal/retention.hpp",
        "            return kept_by::keep_bytes;\n",
        "            return std::nullopt;\n",
        "wal/retention.cpp",
        "A replica that is a little behind has to begin anew.",
    ),
    mutant(
        "keep-for-ignored",
        "wal/retention.hpp",
        "if (options_.keep_for.count > 0 &&",
        "if (options_.keep_for.count > 0 && first.value == 0 &&",
        "wal/retention.cpp",
        "A point in time that was promised can no longer be gone back to.",
    ),
    mutant(
        "age-by-the-first-look",
        "wal/retention.hpp",
        "stamped ? extent->last_stamp : platform_.wall_time()",
        "platform_.wall_time()",
        "wal/retention.cpp",
        "Every restart makes the log young again, and it only grows.",
    ),
    mutant(
        "removal-goes-on-after-a-failed-sync",
        "wal/retention.hpp",
        "failed_ = removed.answer.error().with(\"names_unsynced\", 1);",
        ";",
        "wal/retention.cpp",
        "A power failure brings back an old segment and not the one behind it.",
    ),
    mutant(
        "several-removed-before-a-sync",
        "wal/detail/segment_removal.hpp",
        "    if (auto synced = in.sync(); !synced) return {segment_removal::unknown, synced};\n",
        "",
        "wal/retention_programs.cpp",
        "A power failure leaves a hole in the log.",
    ),
    mutant(
        "mark-before-the-archive",
        "wal/retention.hpp",
        "        if (auto taken = options_.archive(sealed_segment{*file, name, *extent}); !taken)\n"
        "            return taken;\n",
        "        (void)options_.archive(sealed_segment{*file, name, *extent});\n",
        "wal/retention.cpp",
        "A segment that the archive refused is remembered as archived.",
    ),
    mutant(
        "mark-of-another-log-believed",
        "wal/retention.hpp",
        "                header->previous_checksum == mark->previous_checksum)",
        "                true)",
        "wal/retention.cpp",
        "After the log was cut and went on, segments are taken for archived that are not.",
    ),
    mutant(
        "hold-told-each-time",
        "wal/retention.hpp",
        "            if (!known)\n",
        "            if (!known || known)\n",
        "wal/retention.cpp",
        "The listener hears the same of a replica with every segment.",
    ),
    mutant(
        "keeper-sleeps-after-a-failure",
        "wal/keeper_thread.hpp",
        "return !archived || *archived ? again_",
        "return archived && *archived ? again_",
        "wal/keeper_thread.cpp",
        "What the archive refused is offered again only when the next segment is complete.",
    ),
)

ARCHIVE = (
    mutant(
        "copy-not-synced",
        "wal/archive.hpp",
        "            if (auto synced = to->sync(); !synced) return synced;\n",
        "",
        "wal/retention_programs.cpp",
        "A power failure empties what the log no longer has.",
    ),
    mutant(
        "archive-directory-not-synced",
        "wal/archive.hpp",
        "        if (auto renamed = into_->rename(temporary, segment.name()); !renamed) "
        "return renamed;\n"
        "        return into_->sync();\n",
        "        return into_->rename(temporary, segment.name());\n",
        "wal/retention_programs.cpp",
        "A power failure takes back the name of what the log no longer has.",
    ),
    mutant(
        "copy-not-read-back",
        "wal/archive.hpp",
        "        if (found->end == segment.end() && found->previous_checksum == "
        "segment.previous_checksum())\n",
        "        if (found->end <= segment.end())\n",
        "wal/archive.cpp",
        "A write that was lost on the archive's disk is found when it is needed.",
    ),
    mutant(
        "another-segment-overwritten",
        "wal/archive.hpp",
        "            if (auto same = same_as_there(segment); !same) return same;\n",
        "            (void)same_as_there(segment);\n",
        "wal/archive.cpp",
        "Two databases that archive to one directory destroy each other's segments.",
    ),
    mutant(
        "reserve-archived-too",
        "wal/archive.hpp",
        "        return segment_header_bytes + extent_.end.value - extent_.header.first.value;\n",
        "        return segment_header_bytes + 4096 + extent_.end.value -\n"
        "               extent_.header.first.value;\n",
        "wal/archive.cpp",
        "Copies differ by what lies behind the last record.",
    ),
    mutant(
        "packed-and-not-compared",
        "wal/packed_archive.hpp",
        "        if (packed) packed = check_packed(temporary, segment);\n",
        "",
        "wal/packed_archive.cpp",
        "What a codec packed wrong is found when it is needed.",
    ),
    mutant(
        "packed-pieces-unchecked",
        "wal/packed_archive.hpp",
        "if (piece->size() != size || crc32c::of(*piece) != "
        "load_le<std::uint64_t>(head->data() + 8))\n",
        "if (piece->size() != size)\n",
        "wal/packed_archive.cpp",
        "A turned bit of a packed segment's checksum is not told.",
    ),
    mutant(
        "restored-from-the-front",
        "wal/archive_restore.hpp",
        "            const lsn first = (*archived)[at];\n",
        "            const lsn first = (*archived)[archived->size() - 1 - at];\n",
        "wal/archive_restore.cpp",
        "A crash while restoring leaves a log with a hole.",
    ),
    mutant(
        "restored-without-its-successor",
        "wal/archive_restore.hpp",
        "        if (behind != next)\n",
        "        if (behind > next)\n",
        "wal/archive_restore.cpp",
        "A segment that is missing in the archive is found by the next recovery.",
    ),
)

TRUNCATION = (
    mutant(
        "truncated-first-segment-first",
        "wal/truncation.hpp",
        "    for (std::size_t at = segments.size(); at-- > from;)\n",
        "    for (std::size_t at = from; at < segments.size(); ++at)\n",
        "wal/truncation.cpp",
        "A crash while truncating leaves a log with a hole.",
    ),
    mutant(
        "truncated-inside-a-record",
        "wal/truncation.hpp",
        "    if (walk->end() != end)\n",
        "    if (walk->end() < end)\n",
        "wal/truncation.cpp",
        "The log ends in half a record.",
    ),
    mutant(
        "truncated-below-the-floor",
        "wal/truncation.hpp",
        "    if (end < floor)\n",
        "    if (end.value + 1 < floor.value && floor.value == 0)\n",
        "wal/truncation.cpp",
        "The log ends before what a checkpoint covers.",
    ),
    mutant(
        "truncated-tail-left",
        "wal/truncation.hpp",
        "in, name, walk->offset_of(end), walk->doubtful_offset()",
        "in, name, ~std::uint64_t{0}, walk->doubtful_offset()",
        "wal/truncation.cpp",
        "The records that were to go are still there.",
    ),
    mutant(
        "truncated-and-doubtful",
        "wal/detail/segment_walk.hpp",
        "        if (record.durable > durable_) durable_ = record.durable;\n",
        "        durable_ = record.end;\n",
        "wal/truncation.cpp",
        "After a sync that forgot, the end of the log is only in memory.",
    ),
)

MUTANTS = KEEPER + ARCHIVE + TRUNCATION
