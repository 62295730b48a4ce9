# SPDX-License-Identifier: BSL-1.0
"""Bugs in tables in pages: what a checkpoint has, what becomes of page numbers, and failures."""

from mutant import mutant

IMPL = "recovery/detail/paged_tables_impl.hpp"
NUMBERS = "recovery/detail/stored_page_numbers.hpp"

MUTANTS = (
    mutant(
        "paged-tables-store-not-told-of-freed-pages",
        NUMBERS,
        "const auto erased = store_->erase(page, epoch());",
        "const result<void> erased = success();",
        "recovery/paged_tables_crash.cpp",
        "Pages that no tree has are there after the next opening.",
    ),
    mutant(
        "paged-tables-page-freed-in-the-next-epoch",
        NUMBERS,
        "store_->erase(page, epoch())",
        "store_->erase(page, epoch() + 1)",
        "recovery/paged_tables_crash.cpp",
        "A number that is used again loses its page with the next checkpoint.",
    ),
    mutant(
        "paged-tables-dropped-pages-stay-in-memory",
        IMPL,
        "for (const page_id page : list.pages()) free_page(page);",
        "for (const page_id page : list.pages()) numbers_.give_back(page);",
        "recovery/paged_tables_crash.cpp",
        "Pages of dropped tables are written after they are gone.",
    ),
    mutant(
        "paged-tables-dropped-beside-an-unwritten-epoch",
        IMPL,
        "auto written = pool_.write_epoch(numbers_.epoch() - 1); !written",
        "auto written = success(); !written",
        "recovery/paged_tables_crash.cpp",
        "The checkpoint that is being made lacks pages of the table.",
    ),
    mutant(
        "paged-tables-committed-before-the-manifest",
        IMPL,
        "    const std::uint64_t epoch = manifest_->state().epoch + 1;",
        "    disk_.committed(at.epoch);\n    disk_.prepare(at.epoch).value();\n"
        "    const std::uint64_t epoch = manifest_->state().epoch + 1;",
        "recovery/paged_tables_crash.cpp",
        "Segments are removed that the last checkpoint needs.",
    ),
    mutant(
        "paged-tables-roots-of-a-later-moment",
        IMPL,
        "        return at.roots.for_each_change(",
        "        return roots_.for_each_change(",
        "recovery/paged_tables_crash.cpp",
        "A checkpoint names a table whose pages it does not have.",
    ),
    mutant(
        "paged-tables-goes-on-after-unknown-outcome",
        IMPL,
        "        if (manifest_->read_only()) pool_.stop();\n        return appended;",
        "        return appended;",
        "recovery/paged_tables_faults.cpp",
        "Pages change that no checkpoint can have any more.",
    ),
    mutant(
        "paged-tables-goes-on-after-failed-sync",
        IMPL,
        "    if (!delta) pool_.stop();\n",
        "",
        "recovery/paged_tables_faults.cpp",
        "Pages change that no checkpoint can have any more.",
    ),
    mutant(
        "paged-tables-full-disk-without-the-spare",
        IMPL,
        "    disk_.begin_commit(at.epoch);\n",
        "",
        "recovery/paged_tables_full_disk.cpp",
        "A full disk keeps the checkpoint from being made that would free some of it.",
    ),
    mutant(
        "paged-tables-made-where-pages-are",
        IMPL,
        "        if (std::uint32_t number; parse_data_segment_name(name, number))",
        "        if (std::uint32_t number; parse_data_segment_name(name, number) && number == 0)",
        "recovery/paged_tables.cpp",
        "A database that lost its manifest is opened empty, and its pages are removed.",
    ),
    mutant(
        "paged-tables-full-disk-lets-all-change",
        "recovery/detail/stoppable_pool.hpp",
        "        if (!source_->is_tight()) return success();\n",
        "        return success();\n",
        "recovery/paged_tables_full_disk.cpp",
        "More gets dirty than a checkpoint finds room for.",
    ),
    mutant(
        "paged-tables-full-disk-grows-into-the-reserve",
        "recovery/detail/stored_page_numbers.hpp",
        "        if (wanted > granted_.load(Platform::memory_order::acquire)) {",
        "        if (wanted > granted_.load(Platform::memory_order::acquire) && wanted == 0) {",
        "recovery/paged_tables_full_disk.cpp",
        "What rows have filled no cleaning gives back, and erasing has no room.",
    ),
    mutant(
        "paged-table-counts-replaced-entries",
        "recovery/paged_table.hpp",
        "if (*is_new) about_",
        "about_",
        "recovery/paged_table.cpp",
        "A table has more entries by its count than there are.",
    ),
    mutant(
        "paged-table-half-erased-range-not-counted",
        "recovery/paged_table.hpp",
        "less(*some)",
        "(void)*some",
        "recovery/paged_table.cpp",
        "A range that is erased half way leaves a count of what is gone.",
    ),
    mutant(
        "paged-tables-count-not-committed-alone",
        "recovery/detail/table_roots.hpp",
        "if (was != nullptr && *was == now) continue;",
        "if (was != nullptr && was->root == now.root) continue;",
        "recovery/paged_table.cpp",
        "A checkpoint has the rows of a table, and the count of an earlier one.",
    ),
    mutant(
        "paged-tables-failed-barrier-is-none",
        IMPL,
        "    if (!passed) return std::move(passed).error();\n",
        "",
        "recovery/paged_tables_hostile.cpp",
        "A checkpoint is ahead of a log that could not become durable.",
    ),
)
