# SPDX-License-Identifier: BSL-1.0
"""Bugs in how threads meet: latch, epoch, parking lot, pool. The reader-writer lock: memory.py."""

from mutant import mutant

LATCH = (
    mutant(
        "valid-while-a-writer-is-inside",
        "sync/optimistic_latch.hpp",
        "return (look() & ~(holders | waiters)) == seen.bits;",
        "return (look() & ~(holders | waiters | exclusive)) == seen.bits;",
        "sync/optimistic_latch.cpp",
        "A reader takes for one state what a writer is about to change.",
        "never torn",
    ),
    mutant(
        "upgrade-of-an-old-version",
        "sync/optimistic_latch.hpp",
        "        std::uint64_t seen = since.bits;  // a free word has no other bits\n"
        "        return enter",
        "        std::uint64_t seen = look();\n"
        "        return (since == since) && is_free(seen) && enter",
        "sync/optimistic_latch.cpp",
        "Who upgrades writes on the ground of what another has changed meanwhile.",
        "an upgrade loses",
    ),
    mutant(
        "last-reader-leaves-the-waiters-bit",
        "sync/optimistic_latch.hpp",
        "            if ((next & holders) == 0) next &= ~waiters;\n",
        "",
        "sync/optimistic_latch.cpp",
        "A free latch says that somebody sleeps, and whoever sleeps is not woken.",
        "left behind",
    ),
    mutant(
        "unlock-overlooks-a-new-waiter",
        "sync/optimistic_latch.hpp",
        "        if ((state_.exchange(next, Platform::memory_order::release)"
        " & waiters) != 0) ring();",
        "        state_.store(next, Platform::memory_order::release);\n"
        "        if ((seen & waiters) != 0) ring();",
        "sync/optimistic_latch.cpp",
        "Who sets its bit between a look and a store sleeps for ever.",
        "left behind",
    ),
    mutant(
        "bell-looked-at-too-late",
        "sync/optimistic_latch.hpp",
        "(void)parking::wait(rung, heard, parking::never);",
        "(void)parking::wait(rung, rung.load() + 0 * heard, parking::never);",
        "sync/optimistic_latch.cpp",
        "Who looks at the bell after it has rung sleeps for ever.",
        "left behind",
    ),
)

EPOCH = (
    mutant(
        "freed-an-epoch-early",
        "sync/epoch.hpp",
        "old->stamp + 2 > now_.load()",
        "old->stamp + 1 > now_.load()",
        "sync/epoch.cpp",
        "A reader that pinned before an advance sees an object after it is freed.",
    ),
    mutant(
        "epoch-advanced-past-a-reader",
        "sync/epoch.hpp",
        "free = pinned == 0 || pinned == now;",
        "free = pinned == 0 || pinned <= now;",
        "sync/epoch.cpp",
        "A reader that stays does not hold back what it sees.",
    ),
    mutant(
        "inner-guard-unpins",
        "sync/epoch.hpp",
        "if (--own.depth == 0) own.pinned.store",
        "--own.depth;\n        own.pinned.store",
        "sync/epoch.cpp",
        "The outer guard of a thread protects nothing once an inner one is gone.",
        "outermost of several",
    ),
    mutant(
        "later-threads-not-looked-at",
        "sync/epoch.hpp",
        "while (seen <= own.number && !slots_used_",
        "while (seen == 0 && !slots_used_",
        "sync/epoch.cpp",
        "Whoever frees does not see the readers that came after the first.",
    ),
    mutant(
        "spare-batch-not-emptied",
        "sync/epoch.hpp",
        "                used->count = 0;\n",
        "",
        "sync/epoch.cpp",
        "What a batch held before is freed a second time.",
    ),
)

PARKING = (
    mutant(
        "late-though-taken",
        "sync/parking_lot.hpp",
        "            if (late) return park_result::timed_out;",
        "            return park_result::timed_out;",
        "sync/parking_lot.cpp",
        "What was handed to a waiter at its deadline belongs to nobody.",
    ),
    mutant(
        "waiters-of-another-key-taken",
        "sync/parking_lot.hpp",
        "while (from != nullptr && (from->key_ != key_ || from->kind_ != kind))",
        "while (from != nullptr && from->kind_ != kind)",
        "sync/parking_lot.cpp",
        "A lock lets in who waits for another one of the same bucket.",
    ),
    mutant(
        "taken-and-not-woken",
        "sync/parking_lot.hpp",
        "                if (sleeps) parking::wake(signal, 1);\n                at = next;",
        "                if (sleeps) parking::wake(signal, 1);\n                at = nullptr;",
        "sync/rwlock_programs.cpp",
        "Of several who were taken at once the first alone is told.",
    ),
)

POOL = (
    mutant(
        "submit-wakes-nobody",
        "sync/worker_pool.hpp",
        "        if (idle_ != 0) work_.notify_one();\n",
        "",
        "sync/worker_pool.cpp",
        "A task waits until a worker happens to look.",
        "idle pool",
    ),
    mutant(
        "room-not-told",
        "sync/worker_pool.hpp",
        "        if (submitters_ != 0) room_.notify_one();\n",
        "",
        "sync/worker_pool.cpp",
        "Who waits for room sleeps on while there is some.",
        "gets it",
    ),
    mutant(
        "wake-up-taken-for-a-task",
        "sync/worker_pool.hpp",
        "        while (first_ == nullptr) {\n            if (stopping_) return nullptr;",
        "        if (first_ == nullptr) {\n            if (stopping_) return nullptr;",
        "sync/worker_pool.cpp",
        "A worker that was woken for nothing runs a task that is not there.",
        "every schedule",
    ),
    mutant(
        "last-task-does-not-tell-the-stop",
        "sync/worker_pool.hpp",
        "        if (stopping_ && counts_.queued + counts_.running == 0) done_.notify_all();\n",
        "",
        "sync/worker_pool.cpp",
        "A stop waits until its deadline, or for ever, for tasks that have ended.",
        "every schedule",
    ),
    mutant(
        "stop-drops-before-its-deadline",
        "sync/worker_pool.hpp",
        "if (now >= deadline) break;",
        "break;",
        "sync/worker_pool.cpp",
        "Tasks for which there was time are lost.",
    ),
)

MUTANTS = LATCH + EPOCH + PARKING + POOL
