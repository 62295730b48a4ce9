# SPDX-License-Identifier: BSL-1.0
"""Bugs in the writer of the log: its places, its units, its syncs, its segments."""

from mutant import mutant

MAPPING = (
    mutant(
        "mapping-page-not-asked-again",
        "platform/posix/mapping.hpp",
        "if (inside && now == asked_at_) return true;",
        "if (inside) return true;",
        "platform/posix/mapping.cpp",
        "The system has taken the page back, and the process dies of a store into it.",
    ),
    mutant(
        "mapping-page-not-asked",
        "platform/posix/mapping.hpp",
        "        asked_at_ = now;\n        return ask(offset);",
        "        asked_at_ = now;\n        return true;",
        "platform/posix/mapping.cpp",
        "The file has no such page, and the process dies of a store into it.",
    ),
    mutant(
        "mapping-goes-on",
        "platform/posix/mapping.hpp",
        "                size_ = 0;\n                return false;",
        "                return false;",
        "platform/posix/mapping.cpp",
        "What could not be written this way is tried this way again, on a disk that is going.",
    ),
    mutant(
        "mapping-beyond-its-end",
        "platform/posix/mapping.hpp",
        "if (offset > size_ || from.size() > size_ - offset) return false;",
        "if (from.size() > size_ - offset) return false;",
        "platform/platform.cpp",
        "A record behind the end of the file is answered as written.",
    ),
    mutant(
        "mapping-unwanted",
        "wal/detail/log_flusher.hpp",
        "const bool done = options_.map_writes && segments_",
        "const bool done = segments_",
        "wal/writer_mapped.cpp",
        "Who wants an error and not a signal gets the signal.",
    ),
)

SEGMENTS = (
    mutant(
        "segment-not-synced",
        "wal/detail/segment_maker.hpp",
        "        return made.opened.sync();\n    }\n\n    Platform platform_;",
        "        return success();\n    }\n\n    Platform platform_;",
        "store/crash.cpp",
        "A power failure leaves records in a segment without its header.",
    ),
    mutant(
        "segment-name-not-synced",
        "wal/detail/segment_maker.hpp",
        "        auto named = directory_->sync();\n",
        "        result<void> named = success();\n",
        "store/crash.cpp",
        "Synced records lie in a file whose name is lost.",
    ),
    mutant(
        "segment-without-header",
        "wal/detail/segment_maker.hpp",
        "made.opened.write(0, encode_segment_header(header))",
        "made.opened.write(0, bytes::zeros(segment_header_bytes))",
        "wal/writer.cpp",
        "Nobody can tell whose records these are.",
    ),
    mutant(
        "left-over-name-kept",
        "wal/detail/log_segments.hpp",
        "const bool free = maker_.remove(first);",
        "const bool free = true;",
        "store/crash.cpp",
        "The name of a segment that could not be made says that the log ended there.",
        "failing I/O",
    ),
    mutant(
        "left-over-name-not-synced",
        "wal/detail/segment_maker.hpp",
        "        return directory_->sync().has_value();",
        "        return true;",
        "store/crash.cpp",
        "A power failure brings back the name of a segment that could not be made.",
        "failing I/O",
    ),
    mutant(
        "left-over-name-forgiven",
        "wal/detail/log_segments.hpp",
        "(!last_ || free) && !maker_.sync_failed()",
        "!maker_.sync_failed()",
        "store/crash.cpp",
        "The log goes on behind a name that says it ended.",
        "failing I/O",
    ),
    mutant(
        "segment-begun-before-the-old-is-synced",
        "wal/detail/log_flusher.hpp",
        "        if (durable().value < closed.end) sync_written(hold, closed.end);\n",
        "",
        "store/crash.cpp",
        "The name of a segment says that everything before it is durable, and it is not.",
        "periodic and buffered",
    ),
    mutant(
        "segment-begun-while-a-sync-runs",
        "wal/detail/log_flusher.hpp",
        "        while (syncing_) pause(hold);\n",
        "",
        "wal/writer_programs.cpp",
        "A thread syncs the old segment while it is exchanged.",
    ),
    mutant(
        "full-disk-noticed-too-late",
        "wal/detail/segment_maker.hpp",
        "        if (auto reserved = made.opened.preallocate(segment_header_bytes + made.room);"
        " !reserved)\n            return reserved;\n",
        "",
        "txn/engine.cpp",
        "A full disk is met while writing what was already applied.",
    ),
)

SYNCS = (
    mutant(
        "records-not-synced",
        "wal/detail/log_flusher.hpp",
        "            const auto done = synced.sync();\n",
        "            (void)synced;\n            const result<void> done = success();\n",
        "store/crash.cpp",
        "A commit is told durable and is in the memory of the system only.",
    ),
    mutant(
        "acknowledged-before-sync",
        "wal/detail/log_flusher.hpp",
        "            hold.unlock();\n            const nanoseconds begun = parking::now();\n",
        "            durable_.store(end, orders::release);\n            announce();\n"
        "            hold.unlock();\n            const nanoseconds begun = parking::now();\n",
        "store/crash.cpp",
        "Who waits with the one that syncs is answered before it has synced.",
    ),
    mutant(
        "failed-sync-retried",
        "wal/detail/log_flusher.hpp",
        "            if (!done) return fail(done.error());\n            group_",
        "            if (!done) return;\n            group_",
        "txn/engine.cpp",
        "A sync that failed is tried again, and succeeds without having written.",
    ),
    mutant(
        "failed-write-forgotten",
        "wal/detail/log_flusher.hpp",
        "        if (!done) fail(done.error());\n",
        "",
        "wal/writer_programs.cpp",
        "A write that failed is counted as one that is done.",
    ),
    mutant(
        "synced-before-written",
        "wal/detail/log_flusher.hpp",
        "        while (!failed_.load(orders::relaxed) && written().value < end) pause(hold);\n",
        "",
        "wal/writer_programs.cpp",
        "A sync begins while another thread still writes an older unit.",
    ),
    mutant(
        "written-over-a-hole",
        "wal/detail/log_units.hpp",
        "in_flight_ > 0 && done_[oldest_]) {",
        "in_flight_ > 0) {",
        "wal/writer_programs.cpp",
        "A unit is told written, and an older one is not.",
    ),
    mutant(
        "block-written-twice",
        "wal/detail/log_flusher.hpp",
        "        closed_unit closed = close_unit(align::block);\n"
        "        (void)write_closed(hold, closed, align::block);\n"
        "        sync_written(hold, closed.end);",
        "        closed_unit closed = close_unit(align::none);\n"
        "        (void)write_closed(hold, closed, align::none);\n"
        "        sync_written(hold, closed.end);",
        "wal/writer.cpp",
        "A block with synced records is written again, and may be torn.",
    ),
    mutant(
        "no-proof-of-durability",
        "wal/detail/log_flusher.hpp",
        "seal_records<Checksum>(raw, closed.size(), durable(), ",
        "seal_records<Checksum>(raw, closed.size(), lsn{}, ",
        "wal/writer.cpp",
        "Damage of synced records looks like a torn tail and is cut.",
    ),
)

UNITS = (
    mutant(
        "sealed-before-copied",
        "wal/detail/log_flusher.hpp",
        "        closed.of->wait_for_copies(closed.size());\n",
        "",
        "wal/writer_programs.cpp",
        "A record is written that its thread has not copied yet.",
    ),
    mutant(
        "copies-not-told",
        "wal/detail/log_unit.hpp",
        "        if ((before & somebody_waits) != 0) parking::wake(copied_, 1);\n",
        "",
        "wal/writer_programs.cpp",
        "Who waits for a copy waits for ever.",
    ),
    mutant(
        "sealed-in-any-order",
        "wal/detail/log_flusher.hpp",
        "        closing_ = true;\n        return *units_.close",
        "        return *units_.close",
        "wal/writer_programs.cpp",
        "Two threads seal at once, and the chain does not follow the log.",
    ),
    mutant(
        "units-used-twice",
        "wal/detail/log_units.hpp",
        "return in_flight_ + 1 < count;",
        "return in_flight_ < count;",
        "wal/writer_programs.cpp",
        "A unit is filled again before it is written.",
    ),
    mutant(
        "place-beyond-the-segment",
        "wal/detail/log_units.hpp",
        "        return limit < room.end ? limit : room.end;",
        "        return limit;",
        "wal/writer_programs.cpp",
        "Records lie behind the end of their segment.",
    ),
    mutant(
        "room-while-the-segment-turns",
        "wal/detail/log_flusher.hpp",
        "        if (!segments_.any() || turning_) return {};\n",
        "        if (!segments_.any()) return {};\n",
        "wal/writer_programs.cpp",
        "A record gets a place in a segment that is being left.",
    ),
    mutant(
        "followers-not-woken",
        "wal/detail/change_bell.hpp",
        "        if (sleepers_.load() != 0) parking::wake(changes_, UINT32_MAX);\n",
        "",
        "wal/writer.cpp",
        "Who waits for the sync of another waits for ever.",
        "lie together",
    ),
    mutant(
        "appenders-not-woken",
        "wal/detail/log_flusher.hpp",
        "room(), mine);\n        release_closing();",
        "room(), mine);\n        closing_ = false;",
        "wal/writer_programs.cpp",
        "Who waits for a new segment waits for ever.",
    ),
)

ANSWERS = (
    mutant(
        "placed-record-refused",
        "wal/writer.hpp",
        "return flusher_.unknown(header.lsn);",
        "return error{error_code::read_only, \"appending to the log\"};",
        "wal/writer_programs.cpp",
        "An append says that nothing was appended, and the record is there.",
        "what an append refused",
    ),
    mutant(
        "shut-unit-with-places",
        "wal/detail/log_units.hpp",
        "(room.end == 0 ? shut : 0);",
        "0;",
        "wal/writer.cpp",
        "A thread that was stopped for long gets a place in a unit without room.",
        "gives no place",
    ),
)

MUTANTS = (*ANSWERS, *MAPPING, *SEGMENTS, *SYNCS, *UNITS)
