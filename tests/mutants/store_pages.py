# SPDX-License-Identifier: BSL-1.0
"""Bugs of a store whose tables are in pages."""

from mutant import mutant

STORAGE = "store/detail/paged_storage.hpp"
TEST = "store/paged_btree.cpp"
CRASH = "store/paged_btree_crash.cpp"
RESTARTPOINTS = "store/paged_btree_restartpoints.cpp"
SPACING = "store/paged_btree_restartpoint_spacing.cpp"
ORDER = "store/paged_btree_linearizability.cpp"

MUTANTS = (
    mutant(
        "image-before-the-pages",
        "store/checkpointer.hpp",
        "        auto done = write_storage(made);\n"
        "        if (done) done = write(from, live, made);\n",
        "        auto done = write(from, live, made);\n"
        "        if (done) done = write_storage(made);\n",
        CRASH,
        "The log that the pages still need is removed before they have what it says.",
    ),
    mutant(
        "rows-in-pages-in-the-image-too",
        "store/checkpointer.hpp",
        "            if (!each->is_stored())\n",
        "",
        TEST,
        "Each checkpoint writes all rows of tables that are larger than memory.",
        "redoes only",
    ),
    mutant(
        "pages-prefetched-by-nobody",
        "txn/engine.hpp",
        "                if (auto there = into->prefetch(made.key, at); "
        "!there && !into->dropped())\n"
        "                    return std::move(there.error());\n",
        "",
        TEST,
        "A key that no page takes is logged, and the store can only be read from then on.",
        "no page takes",
    ),
    mutant(
        "dropped-pages-kept",
        STORAGE,
        "        take_back(*tables);\n",
        "",
        TEST,
        "The pages of dropped tables are never free again.",
        "given back",
    ),
    mutant(
        "pages-taken-for-an-earlier-moment",
        "store/store_recovery.hpp",
        "        if (persisted <= found.stops_at || !any_stored()) return success();\n",
        "        if (persisted.value != 0 || !any_stored()) return success();\n",
        TEST,
        "An earlier moment shows rows of a later one.",
        "earlier moment",
    ),
    mutant(
        "lost-pages-not-told-in-safe-mode",
        "txn/table.hpp",
        "            if (storage.damage() != nullptr) damaged(*storage.damage());\n",
        "",
        TEST,
        "A table whose pages are lost is shown as empty.",
        "safe mode",
    ),
    mutant(
        "files-of-pages-never-shrink",
        STORAGE,
        "        if (wants_space(quiet) && !making_.load()) want_checkpoint();\n",
        "        (void)quiet;\n",
        TEST,
        "Files keep the size that they once needed.",
        "files shrink",
    ),
    mutant(
        "read-only-writes-pages",
        STORAGE,
        "        options.read_only = settings_.read_only;\n",
        "",
        TEST,
        "Opening a database to look at it changes it.",
        "changes no file",
    ),
    mutant(
        "no-restartpoints",
        "recovery/engine.hpp",
        "pass.rests && any_wants_restartpoint()",
        "pass.rests && any_wants_restartpoint() && false",
        RESTARTPOINTS,
        "A long log over little memory needs forty times the disk that its rows take.",
        "three times the data",
    ),
    mutant(
        "restartpoints-follow-each-other",
        STORAGE,
        "redoing_ ? has_little_room(left) : changed_.load() == changed_before;",
        "changed_.load() == changed_before;",
        SPACING,
        "The more data a store has, the more restartpoints a recovery of the same log makes.",
        "half of the data",
    ),
    mutant(
        "restartpoints-too-late-for-the-disk",
        STORAGE,
        "        return free && *free < now.newest_bytes;\n",
        "        return free && false;\n",
        SPACING,
        "A store is not opened any more for want of space that a restartpoint would give back.",
        "less room",
    ),
    mutant(
        "pages-durable-before-their-log",
        "recovery/engine.hpp",
        "        if (auto durable = repair(found); !durable) return durable;\n",
        "",
        RESTARTPOINTS,
        "A power failure leaves pages that are ahead of the log, and nothing opens any more.",
        "power failure",
    ),
    mutant(
        "reads-that-changed-are-no-conflict",
        "txn/detail/reads_hold.hpp",
        "if (version != read.version) return false;",
        "",
        ORDER,
        "Two transactions write by what both have read, and one of the writes is lost.",
        "one order explains",
    ),
    mutant(
        "reads-do-not-wait-for-what-they-tell",
        "txn/engine.hpp",
        "        if (auto seen = wait_told(found.told, reader); !seen) return seen.error();\n",
        "        (void)reader;\n",
        ORDER,
        "A reader is told of a commit that a power failure takes back.",
        "one order explains",
    ),
    mutant(
        "redo-into-pages-waits-for-one-page-at-a-time",
        "store/store_recovery.hpp",
        "options.page_memory_bytes >= 4 * MiB ? 8 : 1;",
        "options.page_memory_bytes > 4 * MiB ? 8 : 1;",
        RESTARTPOINTS,
        "A store that was left with a long log opens four times as slowly.",
        "eight threads",
    ),
    mutant(
        "restartpoints-counted-that-were-not-made",
        "recovery/engine.hpp",
        "        if (*made) ++found.restartpoints;\n",
        "        ++found.restartpoints;\n",
        "recovery/restartpoints.cpp",
        "Who reads how a recovery went is told of restartpoints that are not there.",
    ),
    mutant(
        "part-of-a-delta-with-a-later-epoch",
        "page/detail/page_store_impl.hpp",
        "map_.for_each_change(closed_, from, each)",
        "map_.for_each_change(UINT32_MAX - 1, from, each)",
        "page/page_store_epochs.cpp",
        "A checkpoint has pages of a later moment, whose images were never synced.",
    ),
    mutant(
        "part-of-a-delta-without-its-last-page",
        "page/detail/page_store_impl.hpp",
        "            made.next = page;",
        "            made.next = {page.value + 1};",
        "page/page_store_epochs.cpp",
        "A checkpoint lacks a page of every 2,686 that have changed.",
    ),
    mutant(
        "reserve-gone-at-rest",
        "page/detail/page_reserve_impl.hpp",
        "    return spare_images(granted_blocks_) >= whole_images(granted_blocks_) + last &&\n",
        "    return (is_resting() ||\n"
        "            spare_images(granted_blocks_) >= whole_images(granted_blocks_) + last) &&\n",
        "page/page_reserve.cpp",
        "A store at rest whose disk others fill can never erase anything again.",
    ),
    mutant(
        "reserve-short-while-exchanged",
        "page/detail/page_reserve_impl.hpp",
        "        exchanging_ = !is_tight();\n",
        "        exchanging_ = false;\n",
        "page/page_reserve.cpp",
        "A commit that the log has is refused by a page, beside a checkpoint: the store stops.",
    ),
    mutant(
        "leaf-shifted-under-its-old-separator",
        "index/btree/detail/tree_pack.hpp",
        "        check(tree_.node(parent).insert_child(at, separator, right.page().value),\n",
        "        node_key kept;\n        kept.assign(other.fences().upper);\n"
        "        check(kept.view().empty() || tree_.node(parent).insert_child(at, kept.view(), "
        "right.page().value),\n",
        "index/btree/page_tree_pack.cpp",
        "Rows that moved to the leaf before are looked for in the one behind it.",
    ),
)
