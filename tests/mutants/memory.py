# SPDX-License-Identifier: BSL-1.0
"""Bugs in what lives in memory: the reader-writer lock and the B+tree."""

from mutant import mutant

RWLOCK = (
    mutant(
        "readers-not-woken",
        "sync/rwlock.hpp",
        "        if (waiting_ > 0) writers_.notify_one();\n        else readers_.notify_all();\n",
        "        if (waiting_ > 0) writers_.notify_one();\n",
        "sync/rwlock.cpp",
        "Readers that wait for a writer wait for ever.",
    ),
    mutant(
        "one-reader-woken",
        "sync/rwlock.hpp",
        "readers_.notify_all();",
        "readers_.notify_one();",
        "sync/rwlock.cpp",
        "Of several readers that wait for a writer one goes on.",
    ),
    mutant(
        "writer-woken-without-the-mutex",
        "sync/rwlock.hpp",
        "        lock_guard<mutex> hold{mutex_};\n        writers_.notify_one();\n",
        "        writers_.notify_one();\n",
        "sync/rwlock.cpp",
        "A writer between its check and its wait misses the wake-up.",
    ),
    mutant(
        "reader-beside-a-writer",
        "sync/rwlock.hpp",
        "        while ((seen & (writer_inside | writer_waiting)) == 0)\n",
        "        while ((seen & writer_waiting) == 0)\n",
        "sync/rwlock.cpp",
        "A reader goes in while a writer is inside.",
    ),
    mutant(
        "reader-before-a-waiting-writer",
        "sync/rwlock.hpp",
        "        while ((seen & (writer_inside | writer_waiting)) == 0)\n",
        "        while ((seen & writer_inside) == 0)\n",
        "sync/rwlock.cpp",
        "Readers that keep coming starve a writer.",
    ),
    mutant(
        "writer-goes-in-without-looking-again",
        "sync/rwlock.hpp",
        "        while (!enter()) writers_.wait(mutex_);\n",
        "        if (enter()) return;\n        writers_.wait(mutex_);\n"
        "        state_.fetch_or(writer_inside);\n        --waiting_;\n",
        "sync/rwlock.cpp",
        "A writer that was woken goes in beside another who was faster.",
    ),
)

BTREE = (
    mutant(
        "split-loses-an-entry",
        "index/btree/node.hpp",
        "        right.count = static_cast<std::uint16_t>(count - at);\n"
        "        count = static_cast<std::uint16_t>(at);\n        right.next",
        "        right.count = static_cast<std::uint16_t>(count > at ? count - at - 1 : 0);\n"
        "        count = static_cast<std::uint16_t>(at);\n        right.next",
        "index/btree/btree_map.cpp",
        "The last entry of a leaf is gone when the leaf is split.",
    ),
    mutant(
        "split-leaf-not-linked",
        "index/btree/node.hpp",
        "        right.next = next;\n        next = &right;\n",
        "        right.next = next;\n",
        "index/btree/btree_map.cpp",
        "A scan leaps over half a leaf that get() finds.",
    ),
    mutant(
        "separator-too-short",
        "index/btree/node.hpp",
        "common_prefix_bytes(left, right) + 1)",
        "common_prefix_bytes(left, right))",
        "index/btree/btree_map.cpp",
        "Keys left of a separator are looked for on its right.",
    ),
    mutant(
        "key-equal-to-a-separator-goes-left",
        "index/btree/node.hpp",
        "return place.found ? place.at + 1 : place.at;",
        "return place.at;",
        "index/btree/btree_map.cpp",
        "A key that equals a separator is not found.",
    ),
    mutant(
        "erase-forgets-refill",
        "index/btree/btree_map.hpp",
        "        --count_;\n        refill(way);\n",
        "        --count_;\n",
        "index/btree/btree_map.cpp",
        "Erasing leaves a tree of nearly empty leaves.",
    ),
    mutant(
        "heads-stale-after-balance",
        "index/btree/btree_map.hpp",
        "        parent.heads.rebuild(parent.separator_count(), parent.keys());\n",
        "",
        "index/btree/btree_map.cpp",
        "A search goes by a separator that is no longer there.",
    ),
    mutant(
        "overwrite-keeps-the-version",
        "index/btree/record.hpp",
        "        version_ = version;\n",
        "",
        "index/btree/record.cpp",
        "A changed value of the same size passes for an unchanged one.",
    ),
)

MUTANTS = RWLOCK + BTREE
