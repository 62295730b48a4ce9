# SPDX-License-Identifier: BSL-1.0
"""Bugs in the recovery engine: what is kept, what is redone, by whom, and what is promised."""

from mutant import mutant

ANALYSIS = (
    mutant(
        "part-without-commit-applied",
        "recovery/engine.hpp",
        "            if (record.kind == record_kind::part) {",
        "            if (record.kind == record_kind::part && record.position.value == 0) {",
        "recovery/engine.cpp",
        "Half of a transaction is there after a crash.",
    ),
    mutant(
        "open-transaction-dropped-by-the-next",
        "recovery/detail/by_transaction.hpp",
        "        if (at == entries_.size() || entries_[at].id != id)\n            entries_.insert",
        "        if (!entries_.empty() && entries_.back().id != id) entries_.clear();\n"
        "        if (entries_.empty())\n            entries_.insert",
        "recovery/engine.cpp",
        "Of two large transactions that were written at once one is lost.",
    ),
    mutant(
        "parts-outlive-their-commit",
        "recovery/detail/by_transaction.hpp",
        "        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));\n",
        "",
        "recovery/engine.cpp",
        "A committed transaction is counted as dropped, and its memory is kept.",
    ),
    mutant(
        "transaction-id-used-after-restart",
        "recovery/detail/log_analysis.hpp",
        "        if (record.transaction > plan_.last_transaction)",
        "        if (record.kind == record_kind::commit &&\n"
        "            record.transaction > plan_.last_transaction)",
        "recovery/engine.cpp",
        "The parts that a crash left in the log are taken for those of the next transaction.",
    ),
    mutant(
        "stop-one-commit-late",
        "recovery/detail/log_analysis.hpp",
        "end > stop_at_)",
        "plan_.stops_at > stop_at_)",
        "recovery/engine.cpp",
        "What is to be undone is still there.",
    ),
    mutant(
        "stop-by-the-stamp-before",
        "recovery/detail/log_analysis.hpp",
        "inside.time > stop_at_time_)",
        "plan_.last_time > stop_at_time_)",
        "recovery/engine.cpp",
        "A point in time shows a commit that is later.",
    ),
    mutant(
        "in-doubt-though-synced",
        "recovery/detail/log_analysis.hpp",
        "        if (reaches_ > plan_.proven) plan_.proven = reaches_;\n",
        "",
        "recovery/engine.cpp",
        "After a clean close commits are told to be in doubt.",
    ),
)

REDO = (
    mutant(
        "persisted-prefix-redone",
        "recovery/engine.hpp",
        "if (persisted_[at] < end) mask",
        "if (persisted_[at] <= end) mask",
        "recovery/engine.cpp",
        "A target is told again what it has.",
    ),
    mutant(
        "redo-of-part-of-a-damaged-log",
        "recovery/engine.hpp",
        "        if (!chosen.up_to_damage && !behind) return read.error();\n",
        "        if (read.error().code() != error_code::corrupt) return read.error();\n",
        "recovery/engine.cpp",
        "A damaged database opens as if nothing had been there.",
    ),
    mutant(
        "disk-touched-when-stopped-early",
        "recovery/engine.hpp",
        "!chosen.stops_early() && ",
        "",
        "recovery/engine.cpp",
        "Looking at an earlier moment changes the log.",
    ),
    mutant(
        "cut-before-verified",
        "recovery/engine.hpp",
        "        if (auto sound = verify(chosen); !sound) return sound.error();\n",
        "        if (touches_disk(found->records, chosen))\n"
        "            (void)cut(*found->log);\n"
        "        if (auto sound = verify(chosen); !sound) return sound.error();\n",
        "recovery/engine.cpp",
        "A recovery that fails has changed the log.",
    ),
    mutant(
        "lane-by-round-robin",
        "recovery/engine.hpp",
        "crc32c::of(op.key, op.table.value) % count",
        "(op.key.size() + op.value.size()) % count",
        "recovery/parallel.cpp",
        "Two threads redo one key, and the older value may stay.",
    ),
    mutant(
        "table-changed-beside-its-rows",
        "recovery/engine.hpp",
        "            if (!lanes.settle()) return false;\n",
        "",
        "recovery/parallel.cpp",
        "A row is put into a table that is dropped at the same moment.",
    ),
    mutant(
        "serial-target-in-any-lane",
        "recovery/engine.hpp",
        "lanes.give(0, targets & ~apart, at, op)",
        "lanes.give(lane_of(op, lanes.count()), targets & ~apart, at, op)",
        "recovery/parallel.cpp",
        "Two threads are in a target that is made for one.",
    ),
    mutant(
        "any-failure-instead-of-the-first",
        "recovery/detail/redo_lanes.hpp",
        "(!first || failed->at.position < first->at.position)",
        "!first",
        "recovery/parallel.cpp",
        "What is said to be damaged depends on who ran faster.",
    ),
    mutant(
        "lane-goes-on-after-its-failure",
        "recovery/detail/redo_lanes.hpp",
        "                const bool sound = !failed_;\n",
        "                const bool sound = true;\n",
        "recovery/parallel.cpp",
        "What follows the damage is redone, and the last failure is told for the first.",
    ),
)

STORE = (
    mutant(
        "stamps-go-back-with-the-clock",
        "txn/commit_clock.hpp",
        "        if (now > last_) last_ = now;\n",
        "        last_ = now;\n",
        "txn/commit_clock.cpp",
        "The state at a time is that of no commit.",
    ),
    mutant(
        "stamps-forget-the-log",
        "store/core.hpp",
        "commit_clock<Platform>{platform_, recovery_.last_time}",
        "commit_clock<Platform>{platform_, {}}",
        "store/recovery.cpp",
        "After a restart with a clock set back, a point in time hides later commits.",
        "clock jumps",
    ),
    mutant(
        "safe-mode-by-itself",
        "store/store_recovery.hpp",
        "        chosen_.up_to_damage = options.safe_mode;",
        "        chosen_.up_to_damage = true;",
        "store/recovery.cpp",
        "A damaged database opens though nobody asked for what is left.",
        "in safe mode",
    ),
    mutant(
        "safe-mode-that-writes",
        "store/core.hpp",
        "        if (recovery_.damage) options_.read_only = true;\n",
        "",
        "store/recovery.cpp",
        "Commits go behind the damage, where no opening finds them.",
        "in safe mode",
    ),
    mutant(
        "safe-mode-over-half-a-transaction",
        "store/store_recovery.hpp",
        "        if (auto again = empty_all(); !again) return again.error();\n"
        "        if (chosen_.start.begin != lsn{})\n",
        "        if (chosen_.start.begin != lsn{})\n",
        "store/recovery.cpp",
        "Safe mode shows half of the transaction that could not be redone.",
        "cannot be redone",
    ),
    mutant(
        "stamps-under-the-old-version",
        "store/detail/store_superblock.hpp",
        "block.version != superblock_version || said.end",
        "said.end",
        "store/recovery.cpp",
        "An older build calls a sound log damaged.",
        "version 1",
    ),
)

SALVAGE = (
    mutant(
        "salvage-trusts-what-is-older-than-a-gap",
        "recovery/salvage.hpp",
        "version <= report_.lost.back().to)",
        "version > report_.lost.back().to)",
        "recovery/salvage.cpp",
        "A row that was erased in the lost range is back, and nothing says so.",
    ),
    mutant(
        "salvage-takes-a-lost-end-for-a-torn-one",
        "recovery/salvage.hpp",
        "        if (of_.log_reaches > reached) reached = of_.log_reaches;\n",
        "",
        "recovery/salvage.cpp",
        "The last commits are lost, and the report says that nothing is.",
    ),
    mutant(
        "salvage-stops-at-the-first-gap",
        "recovery/detail/salvage_scanner.hpp",
        "            at += log_record_alignment;\n",
        "            at = raw_.size();\n",
        "recovery/salvage.cpp",
        "What lies behind the damage is not saved.",
    ),
)

MUTANTS = ANALYSIS + REDO + STORE + SALVAGE
