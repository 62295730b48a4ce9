# SPDX-License-Identifier: BSL-1.0
"""Bugs in the buffer pool: what a reader sees, what is written, what an epoch is."""

from mutant import mutant

MUTANTS = (
    mutant(
        "reader-takes-the-page-that-came-after",
        "page/buffer_pool.hpp",
        "                if (!start || !at->has(page)) continue;",
        "                if (!start) continue;",
        "page/pool_schedules.cpp",
        "A reader is given another page than it asked for.",
    ),
    mutant(
        "writer-changes-the-page-that-came-after",
        "page/buffer_pool.hpp",
        "            const bool there = at->has(page);",
        "            const bool there = true;",
        "page/pool_schedules.cpp",
        "A change goes into another page.",
    ),
    mutant(
        "page-changed-in-place-of-its-old-image",
        "page/detail/page_writer.hpp",
        "        if (was != 0 && !copy_aside(at, was)) return false;\n",
        "",
        "page/pool_epochs.cpp",
        "A checkpoint lacks pages, or has changes that came after it.",
    ),
    mutant(
        "dirty-page-dropped-by-eviction",
        "page/detail/frame_store.hpp",
        "            if (!take(at, hold, failed)) continue;",
        "            if (!at.latch.try_lock()) continue;",
        "page/buffer_pool.cpp",
        "A change is lost when its frame is needed.",
    ),
    mutant(
        "side-copy-after-a-later-image",
        "page/detail/page_writer.hpp",
        "        auto written = write_sides_of(page, hold);\n"
        "        if (written) written = write_image",
        "        result<void> written = write_image",
        "page/pool_epochs.cpp",
        "The source takes an old image for the last one.",
    ),
    mutant(
        "epoch-without-its-side-copies",
        "page/buffer_pool.hpp",
        "        return writer_.write_sides(epoch);",
        "        return success();",
        "page/pool_epochs.cpp",
        "A checkpoint lacks the pages that were changed since.",
    ),
    mutant(
        "clean-though-the-write-failed",
        "page/detail/page_writer.hpp",
        "        if (written) at.dirty_epoch.store(0, Platform::memory_order::release);\n"
        "        at.writing",
        "        at.dirty_epoch.store(0, Platform::memory_order::release);\n"
        "        at.writing",
        "page/buffer_pool.cpp",
        "A change is lost to a passing failure.",
    ),
    mutant(
        "each-thread-loads-for-itself",
        "page/detail/frame_store.hpp",
        "        if (arrival* const other = arriving_.find(page)) {",
        "        if (arrival* const other = arriving_.find({0})) {",
        "page/pool_schedules.cpp",
        "A page is in two frames.",
    ),
    mutant(
        "waiters-of-a-failed-load-load-again",
        "page/detail/arrivals.hpp",
        "            if (failed != nullptr) at->failed.emplace(*failed);\n",
        "            (void)failed;\n",
        "page/pool_schedules.cpp",
        "One bad page is read as often as it is asked for.",
        "is tried once for all",
    ),
    mutant(
        "failed-load-keeps-its-frame",
        "page/detail/frame_store.hpp",
        "            ++writer_->counts().failed_reads;\n            give_back(at);\n",
        "            ++writer_->counts().failed_reads;\n            at.latch.unlock();\n",
        "page/buffer_pool.cpp",
        "Every failed read costs a frame for good.",
    ),
    mutant(
        "waits-for-whoever-has-the-frame",
        "page/buffer_pool.hpp",
        "            if (!at->latch.lock_while([&] { return at->has(page); })) continue;\n"
        "            const bool there",
        "            at->latch.lock();\n"
        "            const bool there",
        "page/pool_schedules.cpp",
        "Threads that take pages in order wait for each other for ever.",
    ),
    mutant(
        "one-page-after-another-without-letting-go",
        "page/detail/frame_store.hpp",
        "            at.latch.unlock();\n            return relock(at, hold);\n",
        "            return &at;\n",
        "page/pool_schedules.cpp",
        "Who waited for the page before waits for the holder of the next.",
        "gives way does not wait",
    ),
    mutant(
        "nothing-is-cleaned-ahead",
        "page/detail/frame_store.hpp",
        "        if (options_->clean_percent != 0) helper_->clean_soon();\n",
        "",
        "page/pool_helper.cpp",
        "Every thread that needs a frame writes a page for it.",
    ),
    mutant(
        "helper-outlives-its-pool",
        "page/buffer_pool.hpp",
        "    ~buffer_pool() { helper_.stop(); }\n",
        "    ~buffer_pool() = default;\n",
        "page/pool_helper.cpp",
        "A thread works in memory that is gone.",
    ),
    mutant(
        "guard-over-an-epoch",
        "page/page_guard.hpp",
        "        check_epoch();\n        std::exchange",
        "        std::exchange",
        "page/buffer_pool.cpp",
        "What was changed in one epoch is written as of another.",
        "misuse",
    ),
    mutant(
        "translation-over-its-share",
        "page/detail/frame_store.hpp",
        "        if (translation_.memory_bytes() + more > options_->translation_bytes)",
        "        if (more > 64 * MiB)",
        "page/buffer_pool.cpp",
        "The pool takes more than its budget.",
    ),
)
