# SPDX-License-Identifier: BSL-1.0
"""Bugs in what keeps a store from filling its disk and its memory, and in what tells of it."""

from mutant import mutant

SPACE = (
    mutant(
        "erases-refused-on-full-disk",
        "txn/detail/commit_payloads.hpp",
        "    if (!writes.any_puts()) return {};\n",
        "",
        "store/resources.cpp",
        "On a full disk nothing can be deleted.",
    ),
    mutant(
        "space-not-looked-at-again",
        "platform/space_watch.hpp",
        "            disk_refused_ = false;\n            allowed_ = 0;\n",
        "            disk_refused_ = false;\n",
        "platform/space_watch.cpp",
        "A new segment took the reserve, and nobody noticed.",
    ),
    mutant(
        "refuses-without-looking",
        "platform/space_watch.hpp",
        "        const bool known = ask();\n        if (known) judge();\n",
        "        const bool known = looks_.load() != 0 || ask();\n        if (known) judge();\n",
        "store/resources.cpp",
        "Space is back and puts are refused until the store is opened again.",
    ),
    mutant(
        "look-for-every-commit",
        "platform/space_watch.hpp",
        "        if (bytes <= allowed_) {",
        "        if (bytes > ~std::uint64_t{1}) {",
        "store/watches.cpp",
        "A system call for each commit.",
    ),
    mutant(
        "failed-look-refuses",
        "platform/space_watch.hpp",
        "if (!known || limits_.hard_bytes == 0",
        "if (limits_.hard_bytes == 0",
        "platform/space_watch.cpp",
        "Where a system cannot say what is free, nothing can be written.",
    ),
    mutant(
        "segments-not-told-to-the-watch",
        "store/watches.hpp",
        "watches.space_->space_changed();",
        "(void)watches;",
        "store/resources.cpp",
        "A disk that refused a file is called full for ever.",
    ),
)

MEMORY = (
    mutant(
        "refused-commit-keeps-its-memory",
        "txn/resources.hpp",
        "        applied(growth, 0);\n",
        "        (void)growth;\n",
        "txn/resources.cpp",
        "Each commit that fails takes memory for good, until all are refused.",
    ),
    mutant(
        "guess-counted-as-well",
        "txn/resources.hpp",
        "grown - static_cast<std::ptrdiff_t>(growth.memory_bytes);",
        "grown;",
        "store/watches.cpp",
        "What a commit guessed to need is counted besides what it took.",
    ),
    mutant(
        "dropped-table-still-counted",
        "txn/engine.hpp",
        "        if (resources().counts_memory()) resources().applied({}, dropped.grown());\n",
        "",
        "store/resources.cpp",
        "Dropping a table gives no memory back.",
    ),
    mutant(
        "limit-may-be-passed-together",
        "platform/memory_budget.hpp",
        "        } while (!used_.compare_exchange_weak(used, used + bytes));\n",
        "            used_.fetch_add(bytes);\n        } while (false);\n",
        "platform/memory_budget.cpp",
        "Two that reserve at once both fit, and together do not.",
    ),
    mutant(
        "state-left-behind",
        "platform/memory_budget.hpp",
        "        leave_if_low();  // who",
        "        // who",
        "platform/memory_budget.cpp",
        "Memory is free again, and the budget calls itself full until the next release.",
    ),
    mutant(
        "detach-does-not-wait",
        "platform/memory_budget.hpp",
        "        while (shedding_) changed_.wait(latch_);\n",
        "",
        "platform/memory_budget.cpp",
        "A cache that is gone is asked to shed.",
    ),
    mutant(
        "no-shedding",
        "txn/engine.hpp",
        "        resources().make_room(growth);\n",
        "",
        "store/watches.cpp",
        "Commits fail while caches hold what they need.",
    ),
)

EVENTS = (
    mutant(
        "told-with-the-latch",
        "platform/event_queue.hpp",
        "            hold.unlock();\n            for (noted& each : told_)",
        "            for (noted& each : told_)",
        "platform/event_queue.cpp",
        "A listener that notes something waits for itself.",
    ),
    mutant(
        "two-tell-at-once",
        "platform/event_queue.hpp",
        "        if (telling_) return;\n",
        "",
        "platform/event_queue.cpp",
        "Events are told at once, and out of order.",
    ),
    mutant(
        "told-under-the-commit-mutex",
        "txn/engine.hpp",
        "        if (auto done = apply(writes, places, appended->position, growth); !done)\n"
        "            return done.error();\n",
        "        if (auto done = apply(writes, places, appended->position, growth); !done)\n"
        "            return done.error();\n"
        "        { const auto too_early = resources().tell_at_end(); }\n",
        "store/watches.cpp",
        "Whoever waits for the store in a listener waits for ever.",
    ),
    mutant(
        "lost-space-not-given-back",
        "platform/memory.hpp",
        "        if (size < before) space->give_back(before - size);\n",
        "",
        "platform/memory.cpp",
        "A disk in memory stays full whatever is cut.",
    ),
)

MUTANTS = SPACE + MEMORY + EVENTS
