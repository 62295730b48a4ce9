# SPDX-License-Identifier: BSL-1.0
"""Bugs in the log: its reader, its records."""

from mutant import mutant

READER = (
    mutant(
        "checksum-ignored",
        "wal/record.hpp",
        "    return Checksum::of(covered) == header.checksum ? record_verdict::valid\n"
        "                                                    : record_verdict::damaged;",
        "    (void)covered;\n    return record_verdict::valid;",
        "wal/reader.cpp",
        "Half a record passes for a whole one.",
    ),
    mutant(
        "salt-ignored",
        "wal/record.hpp",
        "header.lsn == position.value && header.salt == salt &&",
        "header.lsn == position.value && (salt == salt) &&",
        "wal/record.cpp",
        "A record that an older segment of the same place left passes for one of this segment.",
    ),
    mutant(
        "position-ignored",
        "wal/record.hpp",
        "header.lsn == position.value && header.salt == salt &&",
        "header.salt == salt &&",
        "wal/record.cpp",
        "A record that was written to another place is read at this one.",
    ),
    mutant(
        "chain-ignored",
        "wal/reader.hpp",
        "if (verdict == record_verdict::valid && chained(rest)) {",
        "if (verdict == record_verdict::valid) {",
        "wal/reader.cpp",
        "A record is handed out where the one before it is lost.",
    ),
)

MUTANTS = READER
