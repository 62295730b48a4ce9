# SPDX-License-Identifier: BSL-1.0
"""Bugs that break a property of the log: complete, once, in order, whole."""

from mutant import mutant

MUTANTS = (
    mutant(
        "version-is-where-the-commit-begins",
        "recovery/engine.hpp",
        "const place at{record.position, record.end};",
        "const place at{record.position, record.position};",
        "recovery/log_properties.cpp",
        "After a crash an entry is older than its commit, and readers do not wait for it.",
    ),
    mutant(
        "version-of-an-entry-one-behind",
        "txn/table.hpp",
        "index.put(key, value, version); }",
        "index.put(key, value, lsn{version.value - 1}); }",
        "store/versions.cpp",
        "A reader is told a position that is none, and waits for too little of the log.",
    ),
)
