# SPDX-License-Identifier: BSL-1.0
"""Bugs in the B+tree over pages: where a descent arrives, what a split or a merge leaves."""

from mutant import mutant

TREE = "index/btree/page_tree.hpp"
DESCENT = "index/btree/detail/tree_descent.hpp"
SPLIT = "index/btree/detail/tree_split.hpp"
SCHEDULES = "index/btree/page_tree_schedules.cpp"
FAULTS = "index/btree/page_tree_faults.cpp"
DAMAGE = "index/btree/page_tree_damage.cpp"

MUTANTS = (
    mutant(
        "child-followed-though-its-parent-has-changed",
        DESCENT,
        "            auto next = pool->begin(child);\n"
        "            if (!at.validate()) return std::optional<seen_node>{};\n",
        "            auto next = pool->begin(child);\n",
        SCHEDULES,
        "A reader finds nothing in a leaf that was split or dropped meanwhile.",
    ),
    mutant(
        "value-of-two-states",
        TREE,
        "            if ((*leaf)->page.validate()) return answer_of",
        "            return answer_of",
        SCHEDULES,
        "A reader is given half of one value and half of another.",
    ),
    mutant(
        "leaf-locked-that-has-changed",
        DESCENT,
        "            auto held = pool->upgrade((*seen)->page);",
        "            auto held = pool->change((*seen)->page.page());",
        SCHEDULES,
        "An entry is put into a leaf that is another's by now.",
    ),
    mutant(
        "scan-of-two-states",
        "index/btree/detail/tree_leaf_copy.hpp",
        "            if (!page.validate()) continue;\n",
        "",
        SCHEDULES,
        "A scan hands out what was never in the tree.",
    ),
    mutant(
        "number-lost-with-a-page-that-could-not-be-made",
        SPLIT,
        "    if (!made) tree.numbers->give_back(*number);\n",
        "",
        FAULTS,
        "A number is never used again.",
    ),
    mutant(
        "half-a-root-lost",
        SPLIT,
        "            drop_page(tree_, std::move(*left));\n",
        "",
        FAULTS,
        "A page that nothing leads to stays.",
    ),
    mutant(
        "damaged-leaf-built-anew",
        "index/btree/detail/tree_leaf.hpp",
        "    if (!in_place)\n",
        "    if (false)\n",
        DAMAGE,
        "The program stops, where it should answer corrupt.",
    ),
    mutant(
        "node-of-another-page-believed",
        "index/btree/detail/tree_pages.hpp",
        "        if (seen.owner() != owner(page)) return",
        "        if (seen.owner().table != table) return",
        DAMAGE,
        "A page in the place of another is read as it.",
    ),
    mutant(
        "merged-page-kept-in-its-frame",
        SPLIT,
        "    tree.pool->drop(std::move(held));\n",
        "    held.release();\n",
        "index/btree/page_tree.cpp",
        "A page that nothing leads to is written, and may be read as it was.",
    ),
)
