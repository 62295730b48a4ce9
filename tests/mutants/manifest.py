# SPDX-License-Identifier: BSL-1.0
"""Bugs in the manifest: appending, rewriting, opening, reading."""

from mutant import mutant

APPENDING = (
    mutant(
        "manifest-group-not-synced",
        "recovery/manifest.hpp",
        "        if (auto synced = file_->sync(); !synced) {\n            read_only_ = true;",
        "        if (auto synced = result<void>{}; !synced) {\n            read_only_ = true;",
        "recovery/manifest_faults.cpp",
        "A power failure takes a group that was acknowledged.",
    ),
    mutant(
        "manifest-goes-on-after-failed-sync",
        "recovery/manifest.hpp",
        "        if (auto synced = file_->sync(); !synced) {\n            read_only_ = true;",
        "        if (auto synced = file_->sync(); !synced) {\n            read_only_ = false;",
        "recovery/manifest_faults.cpp",
        "Groups follow one that the system may have forgotten.",
    ),
    mutant(
        "manifest-refused-group-stays",
        "recovery/manifest.hpp",
        "        if (to.ended()) {",
        "        if (to.ended() && end == 0) {",
        "recovery/manifest_faults.cpp",
        "A group that was refused is there after a power failure.",
    ),
    mutant(
        "manifest-part-of-a-block-not-zeroed",
        "recovery/manifest.hpp",
        "        if (*size <= begin) return success();",
        "        if (*size < begin + manifest_block_bytes) return success();",
        "recovery/manifest_faults.cpp",
        "Zeros behind the part of a frame that was cut off make it whole.",
        "refused never appears",
    ),
    mutant(
        "manifest-zeros-not-synced",
        "recovery/manifest.hpp",
        "!zeroed) return zeroed;\n        return file_->sync();",
        "!zeroed) return zeroed;\n        return success();",
        "recovery/manifest_faults.cpp",
        "A group that was refused is there after a power failure.",
        "refused never appears",
    ),
    mutant(
        "manifest-torn-group-cut-only",
        "recovery/manifest.hpp",
        "            if (auto gone = make_torn(state_.bytes); !gone) return gone;\n",
        "",
        "recovery/manifest_faults.cpp",
        "A torn group that an opening did not tell is there at the next one.",
        "cut never appears",
    ),
    mutant(
        "manifest-error-of-an-edit-forgotten",
        "recovery/detail/manifest_group_writer.hpp",
        "    result<void> end() {\n        if (failed_) return *failed_;",
        "    result<void> end() {",
        "recovery/manifest.cpp",
        "A group without one of its edits is acknowledged.",
    ),
    mutant(
        "manifest-attempt-not-drawn",
        "recovery/detail/manifest_place.hpp",
        "            return frame.attempt == group_.attempt && frame.sequence",
        "            return frame.sequence",
        "recovery/manifest_reader.cpp",
        "Frames of two attempts make a group that nobody appended.",
    ),
)

REWRITING = (
    mutant(
        "manifest-snapshot-not-synced",
        "recovery/manifest.hpp",
        "        if (auto synced = made->sync(); !synced) return synced;\n",
        "",
        "recovery/manifest_faults.cpp",
        "The only generation is one that a power failure has emptied.",
    ),
    mutant(
        "manifest-removed-before-new-name",
        "recovery/manifest.hpp",
        "        if (auto synced = directory_->sync(); !synced) return synced;\n"
        "        auto opened = directory_->open(name, file_mode::write);\n",
        "        auto opened = directory_->open(name, file_mode::write);\n",
        "recovery/manifest_faults.cpp",
        "A power failure leaves no generation at all.",
    ),
    mutant(
        "manifest-removal-not-synced",
        "recovery/manifest.hpp",
        "return removed;\n        return directory_->sync();",
        "return removed;\n        return success();",
        "recovery/manifest_faults.cpp",
        "The generation before comes back beside one that went on, and serves in its place.",
    ),
    mutant(
        "manifest-half-rewritten-goes-on",
        "recovery/manifest.hpp",
        "        if (!turned) read_only_ = true;",
        "        if (!turned) read_only_ = false;",
        "recovery/manifest_faults.cpp",
        "Groups are appended while two generations are there.",
    ),
    mutant(
        "manifest-unfinished-snapshot-left",
        "recovery/manifest.hpp",
        "        if (!written) (void)directory_->remove(name);\n",
        "",
        "recovery/manifest.cpp",
        "A rewriting that the disk had no room for keeps what it took.",
    ),
    mutant(
        "manifest-snapshot-takes-a-sequence",
        "recovery/manifest.hpp",
        "        group.sequence = state_.sequence;\n",
        "        group.sequence = state_.sequence + 1;\n",
        "recovery/manifest.cpp",
        "The sequence that a caller keeps is not that of the manifest.",
    ),
)

OPENING = (
    mutant(
        "manifest-doubtful-not-written-again",
        "recovery/manifest.hpp",
        "if (state_.sequence > at_least && !chosen",
        "if (state_.sequence < at_least && !chosen",
        "recovery/manifest_faults.cpp",
        "What an opening told is gone after a power failure, for a sync had forgotten it.",
    ),
    mutant(
        "manifest-at-least-not-compared",
        "recovery/detail/manifest_choice.hpp",
        "    if (found.sequence < at_least)\n",
        "    if (found.sequence + 1 < at_least)\n",
        "recovery/manifest.cpp",
        "A damaged last group, known to have been durable, is cut as a torn one.",
    ),
    mutant(
        "manifest-old-generation-serves",
        "recovery/detail/manifest_choice.hpp",
        "!before || before->state().sequence < begun)",
        "!before)",
        "recovery/manifest.cpp",
        "An old state serves in the place of one that went on.",
    ),
    mutant(
        "manifest-damage-of-any-kind-falls-back",
        "recovery/detail/manifest_choice.hpp",
        "    if (!reader && snapshot_lost) {",
        "    if (!reader) {",
        "recovery/manifest.cpp",
        "A newer version's manifest is taken for a damaged one, and removed.",
    ),
    mutant(
        "manifest-leftovers-stay",
        "recovery/manifest.hpp",
        "            if (auto removed = directory_->remove(each); !removed) return removed;\n"
        "        return chosen",
        "            if (auto kept = result<void>{}; !kept) return kept;\n        return chosen",
        "recovery/manifest.cpp",
        "The generation before is still there when a group is appended to the next.",
    ),
    mutant(
        "manifest-leftovers-removed-for-now",
        "recovery/manifest.hpp",
        "        return chosen.leftovers.empty() ? success() : directory_->sync();",
        "        return success();",
        "recovery/manifest_faults.cpp",
        "A power failure brings the generation before back beside one that went on.",
    ),
)

READING = (
    mutant(
        "manifest-damage-in-the-middle-is-torn",
        "recovery/manifest_reader.hpp",
        "            if (proves_more(**frame)) found.proves_more = true;\n",
        "",
        "recovery/manifest_reader.cpp",
        "Groups behind a damaged one are cut.",
    ),
    mutant(
        "manifest-stale-last-group-believed",
        "recovery/manifest_reader.hpp",
        "        return frame.sequence > next ||\n",
        "        if (frame.sequence == next) return false;\n"
        "        return frame.sequence > next ||\n",
        "recovery/manifest_reader.cpp",
        "A group of an earlier attempt is told in place of what was acknowledged.",
    ),
    mutant(
        "manifest-read-once",
        "recovery/manifest_reader.hpp",
        "for (int reads = 0; reads < 2; ++reads)",
        "for (int reads = 0; reads < 1; ++reads)",
        "recovery/manifest_reader.cpp",
        "One wrong reading refuses to open.",
    ),
    mutant(
        "manifest-cut-for-a-wrong-reading",
        "recovery/manifest_reader.hpp",
        "        if (first->digest != second->digest || first->goes_on || second->goes_on)\n",
        "        if (first->digest == 1)\n",
        "recovery/manifest_reader.cpp",
        "A group that was read wrong twice is cut.",
    ),
    mutant(
        "manifest-file-without-snapshot-is-torn",
        "recovery/manifest_reader.hpp",
        "        if (first->proves_more || !has_snapshot())",
        "        if (first->proves_more)",
        "recovery/manifest_reader.cpp",
        "A damaged snapshot is an empty manifest.",
    ),
    mutant(
        "manifest-edits-not-counted",
        "recovery/manifest_format.hpp",
        "kind, value)) return false;\n    return from.empty();",
        "kind, value)) return false;\n    return true;",
        "recovery/manifest_format.cpp",
        "A frame that says less edits than it has is whole.",
    ),
    mutant(
        "manifest-half-a-group-handed-out",
        "recovery/manifest_reader.hpp",
        "if ((*frame)->last) note_group(**frame, at);",
        "note_group(**frame, at);",
        "recovery/manifest_reader.cpp",
        "The first frames of a torn group count.",
    ),
)

MUTANTS = APPENDING + REWRITING + OPENING + READING
