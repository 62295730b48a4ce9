# SPDX-License-Identifier: BSL-1.0
"""Bugs in what lives in memory: the reader-writer lock and the B+tree."""

from mutant import mutant

RWLOCK = (
    mutant(
        "unlock-does-not-look",
        "sync/rwlock.hpp",
        "            (before & bits::waking) == 0)\n            look();\n",
        "            (before & bits::waking) == 0)\n            return;\n",
        "sync/rwlock_programs.cpp",
        "Who sleeps while a writer is inside sleeps for ever.",
    ),
    mutant(
        "last-reader-does-not-look",
        "sync/rwlock.hpp",
        "calls_for_a_look(before - bits::reader))\n            look();\n",
        "calls_for_a_look(before - bits::reader))\n            return;\n",
        "sync/rwlock_programs.cpp",
        "A writer that waits for readers waits for ever.",
    ),
    mutant(
        "waking-never-ends",
        "sync/rwlock.hpp",
        "            if (woken) next &= ~bits::waking;\n",
        "",
        "sync/rwlock_programs.cpp",
        "A writer that parks again still counts as on its way, so that nobody is woken.",
    ),
    mutant(
        "writer-does-not-announce-itself",
        "sync/rwlock.hpp",
        " | bits::writers_parked | bits::announced;",
        " | bits::writers_parked;",
        "sync/rwlock_programs.cpp",
        "Readers that keep coming starve a writer.",
    ),
    mutant(
        "upgrade-that-gave-up-stays",
        "sync/rwlock.hpp",
        "            state_.fetch_and(~bits::upgrader);\n",
        "",
        "sync/rwlock_programs.cpp",
        "Readers stay out for an upgrade that nobody waits for any more.",
    ),
    mutant(
        "handover-counts-nobody-in",
        "sync/rwlock.hpp",
        "+ count * bits::reader",
        "+ 0 * count",
        "sync/rwlock_bound.cpp",
        "Readers that were handed the lock are beside a writer.",
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
        "index/btree/byte_map.cpp",
        "The last entry of a leaf is gone when the leaf is split.",
    ),
    mutant(
        "split-leaf-not-linked",
        "index/btree/node.hpp",
        "        right.next = next;\n        next = &right;\n",
        "        right.next = next;\n",
        "index/btree/byte_map.cpp",
        "A scan leaps over half a leaf that get() finds.",
    ),
    mutant(
        "separator-too-short",
        "index/btree/node.hpp",
        "common_prefix_bytes(left, right) + 1)",
        "common_prefix_bytes(left, right))",
        "index/btree/byte_map.cpp",
        "Keys left of a separator are looked for on its right.",
    ),
    mutant(
        "key-equal-to-a-separator-goes-left",
        "index/btree/node.hpp",
        "return place.found ? place.at + 1 : place.at;",
        "return place.at;",
        "index/btree/byte_map.cpp",
        "A key that equals a separator is not found.",
    ),
    mutant(
        "erase-forgets-refill",
        "index/btree/byte_map.hpp",
        "        --count_;\n        refill(way);\n",
        "        --count_;\n",
        "index/btree/byte_map.cpp",
        "Erasing leaves a tree of nearly empty leaves.",
    ),
    mutant(
        "heads-stale-after-balance",
        "index/btree/byte_map.hpp",
        "        parent.heads.rebuild(parent.separator_count(), parent.keys());\n",
        "",
        "index/btree/byte_map.cpp",
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
