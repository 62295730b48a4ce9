# SPDX-License-Identifier: BSL-1.0
"""Bugs in durability classes: what a commit or a read waits for, what is told of it, and what the
periodic class keeps inside its window.
"""

from mutant import mutant

MUTANTS = (
    mutant(
        "class-of-the-commit-ignored",
        "txn/engine.hpp",
        "        return finish(*appended, how);\n",
        "        return finish(*appended);\n",
        "store/durability_classes.cpp",
        "A synchronous commit of a buffered store is answered before it is durable.",
    ),
    mutant(
        "state-told-by-the-class",
        "txn/engine.hpp",
        "        const bool durable = log_->durable() >= commit.position;\n",
        "        const bool durable = how != durability_class::buffered;\n",
        "store/durability_crash.cpp",
        "A periodic commit is told as durable before it is.",
    ),
    mutant(
        "reader-by-the-class-of-the-writer",
        "txn/engine.hpp",
        "        const bool synced = to == durability_class::synchronous;\n"
        "        if ((synced",
        "        const bool synced =\n"
        "            to == durability_class::synchronous && version == log_->end();\n"
        "        if ((synced",
        "store/durability_crash.cpp",
        "Waiting for a commit that is not the last one waits for no sync.",
    ),
    mutant(
        "scan-by-the-policy-only",
        "txn/engine.hpp",
        "        if (auto seen = wait_told(newest, reader); !seen) return seen.error();\n",
        "        if (auto seen = wait_visible(newest); !seen) return seen.error();\n",
        "store/durability_classes.cpp",
        "A scan does not ask for the class of its transaction.",
    ),
    mutant(
        "read-only-commit-forgets-what-it-was-told",
        "txn/transaction.hpp",
        "        if (found->told > told_) told_ = found->told;\n",
        "",
        "store/durability_crash.cpp",
        "A synchronous commit without writes answers durable, and what it has read is lost.",
    ),
    mutant(
        "scan-forgets-what-it-was-told",
        "txn/engine.hpp",
        "        if (newest > told) told = newest;\n",
        "",
        "store/durability_classes.cpp",
        "A commit that has only scanned answers durable, and what it has read is not.",
    ),
    mutant(
        "another-opening-believed",
        "txn/engine.hpp",
        "        if (done.opening != opening_)\n",
        "        if (done.opening == 0)\n",
        "store/durability_classes.cpp",
        "A commit that was lost is called durable after the store was opened again.",
    ),
    mutant(
        "barrier-waits-for-the-system-only",
        "txn/engine.hpp",
        "        return wait_visible(done.position, durability_class::synchronous);\n",
        "        return wait_visible(done.position, durability_class::buffered);\n",
        "store/durability_failures.cpp",
        "The barrier answers before its commit is durable.",
    ),
    mutant(
        "periodic-commit-not-noted",
        "txn/engine.hpp",
        "how == durability_class::periodic || Durability::syncs_periodically);",
        "Durability::syncs_periodically);",
        "store/durability_classes.cpp",
        "A periodic commit in a store of another policy is never synced.",
    ),
    mutant(
        "period-begins-with-the-newest",
        "wal/detail/unsynced_marks.hpp",
        "        if (younger.due < due) due = younger.due;\n",
        "        due = younger.due;\n",
        "wal/periodic_sync.cpp",
        "Under steady commits the period begins again and again.",
    ),
    mutant(
        "sync-at-the-end-of-the-period",
        "wal/periodic_sync.hpp",
        "promised_.period.count / 2} - now",
        "promised_.period.count} - now",
        "wal/periodic_sync.cpp",
        "Each periodic commit is durable too late by the length of a sync.",
    ),
    mutant(
        "mark-not-sealed",
        "wal/periodic_sync.hpp",
        "            marks_.seal();\n",
        "",
        "wal/periodic_sync.cpp",
        "What comes during a sync is taken for what came before it, and told as late.",
    ),
    mutant(
        "hurry-told-once",
        "wal/periodic_sync.hpp",
        "                hurried_ = false;\n",
        "",
        "wal/periodic_sync.cpp",
        "The bytes are bounded by the first sync, and by no later one.",
    ),
    mutant(
        "idle-thread-not-woken",
        "wal/periodic_sync.hpp",
        "        if (idle_ || hurry) changed_.notify_all();\n",
        "        if (hurry) changed_.notify_all();\n",
        "wal/periodic_sync.cpp",
        "After a time without commits the periodic class is never synced again.",
    ),
    mutant(
        "excess-hidden",
        "wal/periodic_sync.hpp",
        "        if (took > so_far_.longest) so_far_.longest = took;\n",
        "",
        "store/durability_crash.cpp",
        "More is lost than the store tells.",
    ),
)
