# SPDX-License-Identifier: BSL-1.0
"""Bugs in opening and closing: small files as a whole, recovery, superblock."""

from mutant import Mutant, mutant

REPLACING = (
    mutant(
        "temporary-not-synced",
        "platform/atomic_replace.hpp",
        "        return file->sync();\n",
        "        return success();\n",
        "platform/atomic_replace.cpp",
        "The new name stands for contents that are lost.",
    ),
    Mutant(
        "renamed-before-sync",
        "platform/atomic_replace.hpp",
        (
            (
                "        return file->sync();\n",
                "        if (auto early = entries.rename(temporary, name); !early) return early;\n"
                "        return file->sync();\n",
            ),
            (
                "    if (auto renamed = entries.rename(temporary, name); !renamed)"
                " return renamed;\n",
                "",
            ),
        ),
        "platform/atomic_replace.cpp",
        "A power failure between rename and sync leaves neither the old contents nor the new.",
    ),
    mutant(
        "rename-not-synced",
        "platform/atomic_replace.hpp",
        "    return entries.sync();",
        "    return success();",
        "platform/atomic_replace.cpp",
        "What was told to be replaced is the old again after a power failure.",
    ),
    mutant(
        "temporary-not-emptied",
        "platform/atomic_replace.hpp",
        "        if (auto cut = file->resize(0); !cut) return cut;\n",
        "",
        "platform/atomic_replace.cpp",
        "A longer temporary file of an earlier crash shines through.",
    ),
)

RECOVERY = (
    mutant(
        "read-and-not-synced",
        "recovery/engine.hpp",
        "return last->sync();",
        "return success();",
        "store/crash.cpp",
        "What an opening answered is only in the memory of the system and is lost after.",
    ),
    mutant(
        "doubtful-tail-not-written-again",
        "recovery/engine.hpp",
        "if (!doubtful.empty())",
        "if (!doubtful.empty() && end.end.value == 0)",
        "store/crash.cpp",
        "After a sync that failed and forgot, the next one has nothing to write.",
        "syncs that fail",
    ),
    mutant(
        "torn-tail-not-cut",
        "recovery/engine.hpp",
        "        if (*size > keep)\n"
        "            if (auto resized = last->resize(keep); !resized) return resized;\n",
        "",
        "recovery/engine.cpp",
        "The next writer leaves a torn tail in the middle of the log.",
    ),
    mutant(
        "unfinished-segment-not-removed",
        "recovery/engine.hpp",
        "if (auto removed = directory_->remove(end.unfinished_segment); !removed) return removed;",
        "",
        "recovery/engine.cpp",
        "Segments without a header stay, and nobody uses or removes them.",
    ),
    mutant(
        "part-without-commit-applied",
        "recovery/engine.hpp",
        "if (record.kind == record_kind::part) parts.emplace_back(record.payload);",
        "if (record.kind != record_kind::part && record.position.value == 0) parts.clear();",
        "recovery/engine.cpp",
        "Half of a transaction is there after a crash.",
    ),
    mutant(
        "parts-of-two-transactions-joined",
        "recovery/engine.hpp",
        "if (!*more || record.transaction != open) {",
        "if (!*more) {",
        "recovery/engine.cpp",
        "The parts of a transaction that failed become those of the next one.",
    ),
    mutant(
        "transaction-id-used-after-restart",
        "recovery/engine.hpp",
        "            if (record.transaction > summary.last_transaction)\n",
        "            if (record.kind == record_kind::commit &&\n"
        "                record.transaction > summary.last_transaction)\n",
        "recovery/engine.cpp",
        "The parts that a crash left in the log are taken for those of the next transaction.",
    ),
    mutant(
        "shorter-log-accepted",
        "recovery/engine.hpp",
        "        if (end.end < chosen.log_reaches)\n",
        "        if (end.end.value == 0)\n",
        "store/core.cpp",
        "A log that lost its end opens as if nothing were missing.",
    ),
)

STORE = (
    mutant(
        "superblock-believed-before-its-directory-is-synced",
        "store/core.hpp",
        "        if (!options_.read_only)\n"
        "            if (auto synced = directory_->sync(); !synced) return synced;\n"
        "        auto raw",
        "        auto raw",
        "store/crash.cpp",
        "A power failure takes the superblock of a database that has a log.",
    ),
    mutant(
        "superblock-before-the-log",
        "store/core.hpp",
        "        auto done = log_->close();\n        const lsn end = log_->end();\n",
        "        const lsn end = log_->end();\n"
        "        if (!options_.read_only) (void)write_superblock(end);\n"
        "        auto done = log_->close();\n",
        "store/crash.cpp",
        "The superblock promises records that were never synced, and the database refuses to open.",
        "periodic and buffered",
    ),
    mutant(
        "superblock-before-the-cut",
        "store/core.hpp",
        "        auto done = recovery.run(*this, chosen);\n",
        "        if (!options_.read_only) {\n"
        "            auto early = log_reader<Platform, Checksum>::open(*directory_,\n"
        "                                                              superblock_.database);\n"
        "            if (!early) return early.error();\n"
        "            log_record each;\n"
        "            auto more = early->next(each);\n"
        "            while (more && *more) more = early->next(each);\n"
        "            if (!more) return more.error();\n"
        "            if (early->end().end > superblock_.log_reaches)\n"
        "                if (auto done = write_superblock(early->end().end); !done) return done;\n"
        "        }\n"
        "        auto done = recovery.run(*this, chosen);\n",
        "store/crash.cpp",
        "The superblock promises records that were read and not yet synced.",
    ),
    mutant(
        "superblock-not-moved-at-open",
        "store/core.hpp",
        "if (recovery_.end > superblock_.log_reaches && !options_.read_only)",
        "if (recovery_.end < superblock_.log_reaches && !options_.read_only)",
        "store/core.cpp",
        "What an opening answered may be missing at the next one, and nobody sees it.",
    ),
    mutant(
        "superblock-not-moved-at-close",
        "store/core.hpp",
        "if (done && end > superblock_.log_reaches && !options_.read_only)",
        "if (done && end < superblock_.log_reaches && !options_.read_only)",
        "store/core.cpp",
        "A closed database that lost its last record opens as if nothing were missing.",
    ),
)

MUTANTS = REPLACING + RECOVERY + STORE
