# SPDX-License-Identifier: BSL-1.0
"""Bugs in the two files of the superblock and in scrubbing."""

from mutant import mutant

MUTANTS = (
    mutant(
        "copy-never-replaced",
        "recovery/superblock_pair.hpp",
        "    return atomic_replace(in, superblock_copy_name, raw);\n",
        "    return success();\n",
        "recovery/superblock_pair.cpp",
        "The copy is as old as the database, or missing, when it is needed.",
    ),
    mutant(
        "copy-replaced-first",
        "recovery/superblock_pair.hpp",
        "    if (auto done = atomic_replace(in, superblock_name, raw); !done) return done;\n"
        "    return atomic_replace(in, superblock_copy_name, raw);\n",
        "    if (auto done = atomic_replace(in, superblock_copy_name, raw); !done) return done;\n"
        "    return atomic_replace(in, superblock_name, raw);\n",
        "recovery/superblock_pair.cpp",
        "What a crash leaves is taken for damage.",
    ),
    mutant(
        "older-superblock-wins",
        "recovery/superblock_pair.hpp",
        "if (copy.generation > first.generation)",
        "if (copy.generation < first.generation)",
        "recovery/superblock_pair.cpp",
        "After a crash between the two replacements the older one counts.",
    ),
    mutant(
        "superblock-read-once",
        "recovery/superblock_pair.hpp",
        "    if (block || block.error().code() != error_code::corrupt) return block;\n"
        "    return read_one_superblock(in, name);\n",
        "    return block;\n",
        "recovery/superblock_pair.cpp",
        "Bytes read wrong once are told as damage.",
    ),
    mutant(
        "superblock-not-repaired",
        "store/detail/store_superblock.hpp",
        "if (!needed && found_.complete()) return success();",
        "if (!needed) return success();",
        "store/superblock_repair.cpp",
        "The second file is never made again, and the next damage is the end.",
    ),
    mutant(
        "reader-repairs",
        "store/detail/store_superblock.hpp",
        "        if (read_only) return success();\n        const superblock block",
        "        const superblock block",
        "store/superblock_repair.cpp",
        "An opening that may not write writes.",
    ),
    mutant(
        "scrub-believes-the-first-read",
        "store/log_scrub.hpp",
        "            window_->forget(offset_of(position_));\n            size = fitting",
        "            size = fitting",
        "store/log_scrub.cpp",
        "Bytes read wrong once are told as damage of the log.",
    ),
    mutant(
        "scrub-reads-beyond-durable",
        "store/core.hpp",
        "own.log_->durable(), all};",
        "own.log_->end(), all};",
        "store/scrub_life.cpp",
        "What is being written is told as damage.",
        "beside a scrubber",
    ),
    mutant(
        "scrub-stops-at-the-first-damage",
        "store/log_scrub.hpp",
        "        position_ = end_of_records_ = next;\n        return success();\n",
        "        position_ = end_of_records_ = next;\n        ended_ = true;\n"
        "        return success();\n",
        "store/log_scrub.cpp",
        "The second damaged range of a segment is not told.",
    ),
    mutant(
        "scrub-takes-any-chain",
        "store/log_scrub.hpp",
        "if (chain_.known && chain_.checksum != header->previous_checksum) add_lost_end();",
        "",
        "store/log_scrub.cpp",
        "Records gone from the end of a segment are not missed.",
    ),
    mutant(
        "scrub-passes-over-holes",
        "store/log_scrub.hpp",
        "            if (expected.value != 0 && first > expected) {",
        "            if (expected.value != 0 && first < expected) {",
        "store/log_scrub.cpp",
        "A missing first segment is not missed.",
    ),
    mutant(
        "scrub-judges-the-rest-of-a-crash",
        "store/log_scrub.hpp",
        "return at_ragged_end() ? pass_ragged_end() : skip_damage();",
        "return skip_damage();",
        "store/log_scrub.cpp",
        "What a power failure brought back behind the last record of a segment is called damage.",
    ),
    mutant(
        "scrub-has-no-pace",
        "store/scrubber.hpp",
        "        return wait_until(pass.due_);\n",
        "        return !stop_;\n",
        "store/scrubber.cpp",
        "A round takes the whole disk.",
    ),
    mutant(
        "scrub-saves-up-what-was-not-used",
        "store/scrubber.hpp",
        "        if (pass.due_ < now) pass.due_ = now;\n",
        "",
        "store/scrubber.cpp",
        "After a slow read the rate is passed.",
    ),
    mutant(
        "scrub-deaf-to-stop",
        "store/scrubber.hpp",
        "for (nanoseconds now = platform_.now(); !stop_ && now < due; now = platform_.now())",
        "for (nanoseconds now = platform_.now(); now < due; now = platform_.now())",
        "store/scrubber.cpp",
        "Closing waits for a round.",
    ),
    mutant(
        "scrub-tells-each-round-again",
        "store/scrubber.hpp",
        "if (is_known(what)) return;",
        "",
        "store/scrubber.cpp",
        "The same damage is an event again and again.",
    ),
    mutant(
        "scrub-repairs-nothing",
        "store/detail/store_superblock.hpp",
        "        const auto repaired = write(block_.log_reaches, block_.checkpoint, "
        "block_.pages_sequence);\n",
        "        const result<void> repaired = success();\n",
        "store/superblock_scrub.cpp",
        "A repair is told and not done.",
    ),
)
