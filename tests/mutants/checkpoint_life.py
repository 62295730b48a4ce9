# SPDX-License-Identifier: BSL-1.0
"""Bugs of checkpoints that show only in the life of a whole store: crashes in a row, full disks."""

from mutant import mutant

MUTANTS = (
    mutant(
        "log-dropped-before-the-superblock",
        "store/checkpointer.hpp",
        "        if (auto replaced = host_.replace_superblock(host_.context, made); !replaced)\n",
        "        (void)host_.drop_log(host_.context, made);\n"
        "        if (auto replaced = host_.replace_superblock(host_.context, made); !replaced)\n",
        "store/recovery_crashes.cpp",
        "A crash between the two leaves an old image and a log that begins behind it.",
        "ten crashes",
    ),
    mutant(
        "old-images-kept",
        "store/checkpointer.hpp",
        "        (void)remove_other_images(*directory_, made.redo_from);\n",
        "",
        "store/resources.cpp",
        "Each checkpoint takes space for good, until there is none left for the next.",
        "full disk with checkpoints",
    ),
    mutant(
        "second-reading-not-compared",
        "store/image_loader.hpp",
        "        if (same_gaps(reader->gaps(), gaps)) return loaded;\n",
        "        if (true) return loaded;\n",
        "store/image_loader.cpp",
        "Safe mode shows a table as whole of which the second reading has lost rows.",
    ),
    mutant(
        "pause-outlives-the-store",
        "store/checkpoint_thread.hpp",
        "return stop_ || failures_ == 0;",
        "return failures_ == 0;",
        "store/checkpoint_thread.cpp",
        "Closing waits for up to half a minute.",
    ),
    mutant(
        "pause-outlives-a-checkpoint",
        "store/core.hpp",
        "        background_->made();\n",
        "",
        "store/checkpoint_thread.cpp",
        "After a checkpoint by hand none that is due is made for up to half a minute.",
    ),
)
