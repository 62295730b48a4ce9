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
        "    auto synced = entries.sync();",
        "    auto synced = result<void>{success()};",
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
        "wal/detail/segment_removal.hpp",
        "return to.sync();",
        "return success();",
        "store/crash.cpp",
        "What an opening answered is only in the memory of the system and is lost after.",
    ),
    mutant(
        "doubtful-tail-not-written-again",
        "wal/detail/segment_removal.hpp",
        "if (!doubtful.empty())",
        "if (doubtful.empty())",
        "store/crash.cpp",
        "After a sync that failed and forgot, the next one has nothing to write.",
        "syncs that fail",
    ),
    mutant(
        "torn-tail-not-cut",
        "wal/detail/segment_removal.hpp",
        "    if (*size > keep_bytes)\n"
        "        if (auto resized = file->resize(keep_bytes); !resized) return resized;\n",
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
        "shorter-log-accepted",
        "recovery/engine.hpp",
        "if (end.end >= chosen.log_reaches) return success();",
        "if (end.end.value != 0) return success();",
        "store/core.cpp",
        "A log that lost its end opens as if nothing were missing.",
    ),
)

STORE = (
    mutant(
        "superblock-believed-before-its-directory-is-synced",
        "store/detail/store_superblock.hpp",
        "        if (!read_only)\n"
        "            if (auto synced = directory_->sync(); !synced) return synced;\n"
        "        block_ =",
        "        block_ =",
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
        "        auto done =\n"
        "            recovery_type{platform_, *directory_, block, tables_, options_, "
        "{ask, this}}.run();\n",
        "        if (!options_.read_only) {\n"
        "            auto early = log_reader<Platform, Checksum>::open(*directory_,\n"
        "                                                              block.database);\n"
        "            if (!early) return early.error();\n"
        "            log_record each;\n"
        "            auto more = early->next(each);\n"
        "            while (more && *more) more = early->next(each);\n"
        "            if (!more) return more.error();\n"
        "            if (early->end().end > block.log_reaches)\n"
        "                if (auto moved = superblock_->replace(early->end().end, {}); !moved)\n"
        "                    return moved.error();\n"
        "        }\n"
        "        auto done =\n"
        "            recovery_type{platform_, *directory_, block, tables_, options_, "
        "{ask, this}}.run();\n",
        "store/crash.cpp",
        "The superblock promises records that were read and not yet synced.",
    ),
    mutant(
        "superblock-not-moved-at-open",
        "store/detail/store_superblock.hpp",
        "said.end > block.log_reaches;",
        "said.end < block.log_reaches;",
        "store/core.cpp",
        "What an opening answered may be missing at the next one, and nobody sees it.",
    ),
    mutant(
        "superblock-not-moved-at-close",
        "store/core.hpp",
        "if (done && end > block.log_reaches && !options_.read_only)",
        "if (done && end < block.log_reaches && !options_.read_only)",
        "store/core.cpp",
        "A closed database that lost its last record opens as if nothing were missing.",
    ),
)

MUTANTS = REPLACING + RECOVERY + STORE
