# SPDX-License-Identifier: BSL-1.0
"""Bugs in the graph of who waits for whom: the search for cycles, what is told of them."""

from mutant import mutant

SEARCH = (
    mutant(
        "search-does-not-begin-again",
        "lock/wait_graph.hpp",
        "        first_unsettled_ = 0;\n        prepared_ = true;",
        "        prepared_ = true;",
        "lock/wait_graph.cpp",
        "A cycle that a later wait closes is missed.",
    ),
    mutant(
        "ring-taken-for-searched",
        "lock/wait_graph.hpp",
        "                for (const path_step& each : path_) states_[each.node] = state::fresh;\n",
        "",
        "lock/wait_graph.cpp",
        "A cycle is noticed, and then not found again to be told.",
    ),
    mutant(
        "path-of-an-earlier-search-kept",
        "lock/wait_graph.hpp",
        "        for (const std::uint32_t node : queue_) reached_by_[node] = none;\n",
        "",
        "lock/wait_graph.cpp",
        "The next search does not go where one went before, and misses a cycle.",
    ),
    mutant(
        "victim-still-waits",
        "lock/wait_graph.hpp",
        "            if (each != state::removed) each = state::fresh;",
        "            each = state::fresh;",
        "lock/wait_graph.cpp",
        "A cycle that a victim has left is found a second time.",
    ),
    mutant(
        "own-lock-in-the-way",
        "lock/wait_graph.hpp",
        "        if (edge.waiter == edge.blocker) return;\n",
        "",
        "lock/wait_graph.cpp",
        "An owner that converts its own lock is a dead-lock by itself.",
    ),
    mutant(
        "forgotten-owner-comes-back",
        "lock/detail/owner_places.hpp",
        "if (each.generation == generation_) entries_",
        "if (each.generation != 0) entries_",
        "lock/wait_graph.cpp",
        "An owner of an earlier snapshot is found where another is.",
    ),
)

TOLD = (
    mutant(
        "drawing-with-a-bare-backslash",
        "lock/dot.hpp",
        "                if (code == '\"' || code == '\\\\') text_.push_back('\\\\');\n",
        "                if (code == '\"') text_.push_back('\\\\');\n",
        "lock/dot.cpp",
        "A name that ends with a backslash makes the drawing unreadable.",
    ),
    mutant(
        "running-owner-drawn-twice",
        "lock/dot.hpp",
        "if (i == 0 || running[i] != running[i - 1]) text.running(running[i]);",
        "text.running(running[i]);",
        "lock/dot.cpp",
        "An owner for which two wait is drawn twice.",
    ),
)

MUTANTS = SEARCH + TOLD
