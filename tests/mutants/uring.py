# SPDX-License-Identifier: BSL-1.0
"""Bugs in the platform over io_uring: rings, requests and their answers. None where liburing is not
installed, for then its tests are skipped."""

from pathlib import Path

from mutant import mutant

TEST = "ext/uring.cpp"


def ours(name, old, new, breaks):
    return mutant(name, "ext/uring.hpp", old, new, TEST, breaks)


ALL = (
    ours(
        "uring-sync-asked-again",
        "return answer ? *answer : told(",
        "return answer && *answer >= 0 ? *answer : told(",
        "A sync that failed is asked again, and the second answer is believed.",
    ),
    ours(
        "uring-sync-failure-ignored",
        "if (answer >= 0) return success();",
        "if (answer >= -EINVAL) return success();",
        "What is not on the disk is acknowledged as durable.",
    ),
    ours(
        "uring-short-write-taken-for-whole",
        "if (moved > 0) done += static_cast<std::size_t>(moved);\n"
        "            else if (moved != -EINTR)  //",
        "if (moved > 0) done = from.size();\n            else if (moved != -EINTR)  //",
        "The end of a record is not written, and nobody is told.",
    ),
    ours(
        "uring-own-position-for-an-offset",
        "return offset >> 63 == 0;",
        "return offset != 1;",
        "A write at an impossible offset goes to the beginning of the file.",
    ),
    ours(
        "uring-of-the-parent",
        "[] { own_.ready_ = false; }",
        "[] {}",
        "A child of fork takes requests and answers out of its parent's ring.",
    ),
    ours(
        "uring-outlives-its-thread",
        "~keeper() { own_.end(); }",
        "~keeper() {}",
        "Each thread that ends leaves a descriptor.",
    ),
    ours(
        "uring-request-kept-by-a-dead-ring",
        "        end();\n        return std::nullopt;",
        "        return std::nullopt;",
        "A request that was given up is run later, with memory that is somebody else's.",
    ),
    ours(
        "uring-refusal-not-told",
        "const int number = refusal(); number != 0",
        "const int number = refusal(); number > 1000",
        "A program that asked for io_uring has none, and is not told.",
    ),
)
MUTANTS = ALL if Path("/usr/include/liburing.h").exists() else ()
