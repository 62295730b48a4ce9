# SPDX-License-Identifier: BSL-1.0
"""Bugs in the B+tree over pages: where a descent arrives, what a split or a merge leaves, and whose
the pages of a large value are."""

from mutant import mutant

TREE = "index/btree/page_tree.hpp"
DESCENT = "index/btree/detail/tree_descent.hpp"
SPLIT = "index/btree/detail/tree_split.hpp"
SCHEDULES = "index/btree/page_tree_schedules.cpp"
FAULTS = "index/btree/page_tree_faults.cpp"
DAMAGE = "index/btree/page_tree_damage.cpp"
READER = "index/btree/detail/extent_reader.hpp"
WRITER = "index/btree/detail/extent_writer.hpp"
FIND = "index/btree/detail/tree_find.hpp"
RETIRED = "index/btree/detail/retired_extents.hpp"
PAGE_LIST = "recovery/detail/tree_page_list.hpp"
EXTENTS = "index/btree/page_tree_extents.cpp"
EXTENT_DAMAGE = "index/btree/page_tree_extent_damage.cpp"
EXTENT_FAULTS = "index/btree/page_tree_extent_faults.cpp"
EXTENT_SCHEDULES = "index/btree/page_tree_extent_schedules.cpp"
EPOCHS = "index/btree/page_tree_epochs.cpp"
TABLES = "recovery/paged_tables.cpp"
LOADER = "index/btree/page_tree_loader.hpp"
LOAD = "index/btree/detail/tree_load.hpp"
LOAD_RUN = "index/btree/detail/load_run.hpp"
LOADED = "index/btree/page_tree_loader.cpp"
LOAD_FAULTS = "index/btree/page_tree_loader_faults.cpp"
HISTORIES = "index/btree/page_tree_linearizability.cpp"

MUTANTS = (
    mutant(
        "known-place-not-validated",
        FIND,
        "        leaf.emplace(known->page);\n        return leaf->validate();\n",
        "        leaf.emplace(known->page);\n        return true;\n",
        SCHEDULES,
        "A value is read of a leaf that changes meanwhile.",
    ),
    mutant(
        "known-place-of-another-key",
        "index/btree/detail/tree_leaf.hpp",
        "           Access::compare(suffix.data(), key.data() + prefix.size(), suffix.size()) "
        "== 0 &&\n",
        "",
        "index/btree/page_tree_known.cpp",
        "A key has the value of another one with the same hash.",
    ),
    mutant(
        "known-place-of-two-writers",
        "page/detail/known_places.hpp",
        "            return in.latch.validate(start.seen);\n",
        "            return true;\n",
        "page/known_places.cpp",
        "A frame comes with the version of another.",
    ),
    mutant(
        "child-followed-though-its-parent-has-changed",
        DESCENT,
        "            next = pool->try_begin(child);\n"
        "            if (!at.validate()) return false;\n",
        "            next = pool->try_begin(child);\n",
        SCHEDULES,
        "A reader finds nothing in a leaf that was split or dropped meanwhile.",
    ),
    mutant(
        "value-of-two-states",
        FIND,
        "        leaf.emplace(at->page);\n        return leaf->validate();\n",
        "        leaf.emplace(at->page);\n        return true;\n",
        SCHEDULES,
        "A reader is given half of one value and half of another.",
    ),
    mutant(
        "leaf-locked-that-has-changed",
        RETIRED,
        "            auto held = tree_.pool->upgrade(page);",
        "            auto held = tree_.pool->change(page.page());",
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
    mutant(
        "page-of-another-value-believed",
        READER,
        "        if (seen != expected || (seen.next_page == 0) != last)\n",
        "        if ((seen.next_page == 0) != last)\n",
        EXTENT_DAMAGE,
        "Pages of another value are freed, and damage is told of the wrong page.",
    ),
    mutant(
        "checksum-of-a-large-value-ignored",
        READER,
        "    if (extent_checksum(key, into.view()) == of.checksum) return true;\n",
        "    return true;\n",
        EXTENT_DAMAGE,
        "Changed bytes are handed out as a value.",
    ),
    mutant(
        "large-value-verified-without-its-bytes",
        "index/btree/detail/tree_verify.hpp",
        "        if (checksum != of.checksum)\n",
        "        if (false)\n",
        EXTENT_DAMAGE,
        "Damage that a reader would meet is called sound.",
    ),
    mutant(
        "large-value-without-its-key",
        "index/btree/detail/extent_layout.hpp",
        "crc32c::of(value, crc32c::of(key))",
        "crc32c::of(value)",
        EXTENTS,
        "A value may be found under another key.",
    ),
    mutant(
        "large-value-called-damaged-that-was-replaced",
        READER,
        "        if (!page) return leaf.unchanged() ? result<bool>{page.error()} : false;\n",
        "        if (!page) return page.error();\n",
        EXTENT_SCHEDULES,
        "A reader calls a value damaged that was replaced meanwhile.",
    ),
    mutant(
        "pages-listed-of-another-state",
        RETIRED,
        "            auto held = tree_.pool->upgrade(page);",
        "            auto held = tree_.pool->change(page.page());",
        EXTENT_SCHEDULES,
        "Pages are freed that are of another value by now.",
    ),
    mutant(
        "replaced-value-not-freed",
        TREE,
        "        replaced.free();\n",
        "",
        EXTENTS,
        "The pages of a replaced value are lost.",
    ),
    mutant(
        "erased-value-not-freed",
        TREE,
        "        retired.free();\n",
        "",
        EXTENTS,
        "The pages of an erased value are lost.",
    ),
    mutant(
        "values-of-a-range-not-freed",
        "index/btree/detail/tree_erase_range.hpp",
        "            retired_.free();\n",
        "",
        EXTENTS,
        "The pages of values in an erased range are lost.",
    ),
    mutant(
        "freed-page-kept-in-its-frame",
        RETIRED,
        "            tree_.pool->forget(page);\n",
        "",
        EXTENTS,
        "A page that nothing leads to is written.",
    ),
    mutant(
        "old-image-of-a-freed-page-lost",
        RETIRED,
        "            if (auto settled = tree_.pool->settle(page); !settled) return settled;\n",
        "            if (page.value == 0) return success();\n",
        EPOCHS,
        "A checkpoint lacks the page, or the program stops.",
    ),
    mutant(
        "damaged-value-cannot-be-replaced",
        RETIRED,
        "                if (!page && page.error().code() == error_code::corrupt) break;\n",
        "",
        EXTENT_DAMAGE,
        "A damaged value is there for ever.",
    ),
    mutant(
        "numbers-of-a-value-that-was-not-written-lost",
        WRITER,
        "            tree_.numbers->give_back(pages_[at]);\n",
        "",
        EXTENTS,
        "A put that fails loses page numbers.",
    ),
    mutant(
        "pages-of-a-value-that-was-not-written-kept",
        WRITER,
        "            if (at < made_) tree_.pool->forget(pages_[at]);\n",
        "",
        EXTENT_FAULTS,
        "A page that nothing leads to is written.",
    ),
    mutant(
        "erased-by-another-failure",
        RETIRED,
        "                if (!page) return page.error();\n",
        "                if (!page) break;\n",
        EXTENT_FAULTS,
        "Pages are lost where a read fails.",
    ),
    mutant(
        "gone-value-ends-a-scan",
        TREE,
        "        if (value.answer == node_answer::absent) return true;\n",
        "        if (value.answer == node_answer::absent) return false;\n",
        EXTENTS,
        "A scan ends where an entry has gone.",
    ),
    mutant(
        "large-values-of-a-dropped-table-kept",
        PAGE_LIST,
        "        if (seen) return add_extents(*seen);\n",
        "        if (seen) return success();\n",
        TABLES,
        "The pages of large values are lost with their table.",
    ),
    mutant(
        "clean-page-dirty-when-settled",
        "page/buffer_pool.hpp",
        "            const bool settled = !left && "
        "(at->dirty() == 0 || writer_.begin_change(*at));\n",
        "            const bool settled = !left && writer_.begin_change(*at);\n",
        "page/pool_epochs.cpp",
        "Pages that are about to be freed are written.",
    ),
    mutant(
        "large-value-begun-again-with-each-change",
        FIND,
        "return last.validate() || find.finds_it_again(key, last);",
        "return last.validate();",
        EXTENTS,
        "A value larger than the pool is read many times.",
    ),
    mutant(
        "pages-listed-again-and-again",
        RETIRED,
        "most_lists = 2;",
        "most_lists = 8;",
        EXTENTS,
        "A value larger than the pool is read many times before it is replaced.",
    ),
    mutant(
        "large-value-of-a-pinned-leaf-not-read",
        FIND,
        "        const auto whole = read(key, pinned_leaf{});\n",
        "        const auto whole = result<bool>{true};\n",
        EXTENT_SCHEDULES,
        "A reader whom others disturb all the time is given nothing, or half a value.",
    ),
    mutant(
        "pages-of-a-leaf-that-was-locked-first-not-listed",
        RETIRED,
        "        if (auto ready = prepare(*held, entries); !ready) "
        "return std::move(ready).error();\n",
        "",
        EXTENTS,
        "A value larger than the pool is replaced, and its pages are not those that are freed.",
    ),
    mutant(
        "erase-that-says-yes-whoever-did-it",
        TREE,
        "            if (!erased || !*erased) return erased;\n",
        "            if (!erased) return erased;\n",
        HISTORIES,
        "Two threads both hear that they have erased what was put once.",
    ),
    mutant(
        "value-that-may-be-of-two-states-in-a-history",
        FIND,
        "        leaf.emplace(at->page);\n        return leaf->validate();\n",
        "        leaf.emplace(at->page);\n        return true;\n",
        HISTORIES,
        "No order of the operations explains what a find has found.",
    ),
    mutant(
        "pages-of-a-load-that-nobody-noted",
        LOAD,
        "        pages_.add(held->page());\n",
        "",
        LOADED,
        "Who gives a load up loses its pages.",
    ),
    mutant(
        "load-over-entries-that-are-there",
        LOAD,
        "        if (auto empty = check_root(*root); !empty) return empty;\n",
        "",
        LOADED,
        "What a writer has put meanwhile is gone.",
    ),
    mutant(
        "load-given-up-without-the-epoch-before",
        LOAD,
        "            if (!tree_.pool->settle(page)) return;\n",
        "",
        LOAD_FAULTS,
        "An epoch that has ended needs the page that is forgotten.",
    ),
    mutant(
        "loaded-nodes-cut-too-late",
        LOAD_RUN,
        "            if (at == fewest() || bytes <= most_bytes_) cut_ = at;\n",
        "            cut_ = at;\n",
        LOADED,
        "Keys that share nothing suddenly make more entries than fit.",
    ),
    mutant(
        "key-loaded-twice",
        LOADER,
        "return key.size() > shared;",
        "return key.size() >= shared;",
        LOADED,
        "A key that is equal to the last one is taken.",
    ),
)
