# SPDX-License-Identifier: BSL-1.0
"""Bugs in transactions: what is validated, what is answered when, what is applied."""

from mutant import Mutant, mutant

MUTANTS = (
    mutant(
        "no-wait-for-durability",
        "txn/engine.hpp",
        "        if (auto done = wait_visible(commit.position, how); !done) return done.error();\n"
        "        const bool durable = log_->durable() >= commit.position;\n",
        "        const bool durable = how == durability_class::synchronous;\n",
        "store/crash.cpp",
        "A commit is answered while it is in a buffer.",
    ),
    mutant(
        "applied-before-appended",
        "txn/engine.hpp",
        "        auto appended = append(payloads, growth);\n"
        "        if (!appended) return appended.error();\n"
        "        if (auto done = apply(writes, places, appended->position, growth); !done)\n"
        "            return done.error();\n",
        "        if (auto done = apply(writes, places, log_->durable(), growth); !done)\n"
        "            return done.error();\n"
        "        auto appended = append(payloads, growth);\n"
        "        if (!appended) return appended.error();\n",
        "txn/engine.cpp",
        "A commit that was refused is seen by readers.",
    ),
    mutant(
        "dirty-rows-visible",
        "txn/engine.hpp",
        "        if (auto seen = wait_told(found.told, reader); !seen) return seen.error();\n",
        "",
        "txn/engine.cpp",
        "A reader is told of a commit that a power failure takes back.",
    ),
    mutant(
        "absent-rows-visible-too-early",
        "txn/engine.hpp",
        "found.told = found.value ? found.version : from.erased();",
        "found.told = found.value ? found.version : lsn{};",
        "txn/engine.cpp",
        "A reader is told of an erasure that a power failure takes back.",
    ),
    mutant(
        "keys-not-validated",
        "txn/detail/reads_hold.hpp",
        "if (version != read.version) return false;",
        "",
        "txn/isolation.cpp",
        "Two transactions each read what the other writes, and both commit.",
    ),
    mutant(
        "scans-not-validated",
        "txn/detail/reads_hold.hpp",
        "read.scanned ? result<bool>{false} : unchanged(now, read.keys);",
        "unchanged(now, read.keys);",
        "txn/isolation.cpp",
        "A row appears in a range that a committed transaction has read.",
    ),
    mutant(
        "validated-outside-the-mutex",
        "txn/engine.hpp",
        "        unique_lock<mutex> hold{commit_mutex_};\n"
        "        if (auto valid = validate(reads, writes, how); !valid) return valid.error();\n",
        "        if (auto valid = validate(reads, writes, how); !valid) return valid.error();\n"
        "        unique_lock<mutex> hold{commit_mutex_};\n",
        "txn/isolation.cpp",
        "Another commit comes between the validation of a commit and its writes.",
        "overwritten unread",
    ),
    mutant(
        "applied-taken-from-changed",
        "txn/transaction.hpp",
        "return from.inner().applied();",
        "return from.inner().changed();",
        "txn/isolation.cpp",
        "Half of a commit is read, and validation does not see it.",
    ),
    Mutant(
        "transaction-id-reused",
        "txn/engine.hpp",
        (
            (
                "        last_id_ = id;  // used even if this fails:"
                " part of it may be in the log\n",
                "",
            ),
            (
                "        if (range) return appended_commit{id, range->end};",
                "        if (range) last_id_ = id;\n"
                "        if (range) return appended_commit{id, range->end};",
            ),
        ),
        "txn/engine.cpp",
        "The parts of a transaction that failed are taken for those of the next one.",
    ),
    mutant(
        "commit-record-before-the-parts",
        "txn/detail/commit_payloads.hpp",
        "        records.back().kind = record_kind::commit;\n",
        "        records.front().kind = record_kind::commit;\n",
        "store/store.cpp",
        "The first part of a large transaction commits alone.",
    ),
    mutant(
        "second-put-forgotten",
        "txn/write_set.hpp",
        "        assign(made, value);\n    }\n    void erase",
        "        if (made.room == nullptr) assign(made, value);\n    }\n    void erase",
        "txn/write_set.cpp",
        "Of two puts to one key the first one counts.",
    ),
    mutant(
        "put-after-erase-forgotten",
        "txn/write_set.hpp",
        "        made.erases = false;\n",
        "",
        "txn/write_set.cpp",
        "A key that was erased and put again in one transaction is gone.",
    ),
    mutant(
        "own-erasure-not-seen",
        "txn/cursor.hpp",
        "            if (any_committed && committed.key == mine->key) rows_.advance();\n",
        "",
        "txn/cursor.cpp",
        "A scan shows a row that its transaction has erased or changed.",
    ),
    mutant(
        "scan-ends-with-its-batch",
        "txn/cursor.hpp",
        "        ended_ = *ended;\n",
        "        ended_ = true;\n",
        "txn/cursor.cpp",
        "A scan of more than fits into one batch leaves out the rest.",
    ),
    mutant(
        "redo-without-erase",
        "store/tables_target.hpp",
        "        return into->redo_erase(op.key);\n",
        "        return success();\n",
        "store/store.cpp",
        "An erased row is back after a restart.",
    ),
)
