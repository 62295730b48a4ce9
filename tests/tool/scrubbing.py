# SPDX-License-Identifier: BSL-1.0
"""scrub and check: damage is named with file, offset and LSN, by really damaging files."""

import time

from tool import DAMAGED, NOT_FOUND, USAGE, case, mantis


def contents(database):
    return {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}


def database_of(folder, commits=6):
    database = folder / "db"
    for number in range(commits):
        mantis("insert", database, "c", '{"_id":%d,"a":"needle-%d"}' % (number, number))
    return database


def segments(database):
    return sorted(database.glob("*.log"))


def change(path, at, new):
    raw = bytearray(path.read_bytes())
    raw[at : at + len(new)] = new
    path.write_bytes(raw)


def answer(*words, expect=0):
    """Returns the one object of a command that changes nothing, and what it said besides."""
    before = contents(words[-1])
    outcome = mantis(*words, expect=expect)
    assert contents(words[-1]) == before, "a file was changed"
    (line,) = outcome.lines
    return line, outcome.err


def needle(database, number):
    """The segment that holds a needle, and where it lies."""
    word = b"needle-%d" % number
    path = next(path for path in segments(database) if word in path.read_bytes())
    return path, path.read_bytes().index(word)


@case
def a_sound_database_is_scrubbed(folder):
    """scrub counts files, bytes and records, finds nothing, and keeps to its rate."""
    database = database_of(folder)
    line, said = answer("scrub", database)
    assert line["sound"] and line["findings"] == 0 and line["found"] == [] and said == "", line
    assert line["records"] == len(mantis("log", "dump", database).lines), line
    pages = list(database.glob("manifest-*")) + list(database.glob("data-0*"))
    assert line["files"] == 2 + len(segments(database)) + len(pages), line
    size = line["bytes"]
    began = time.monotonic()
    answer("scrub", "--rate", size, database)
    assert time.monotonic() - began > 0.5, "a rate of its size a second takes about a second"
    mantis("scrub", folder / "none", expect=NOT_FOUND)
    mantis("scrub", database, "--rate", "fast", expect=USAGE)


@case
def scrub_tells_every_damaged_place(folder):
    """Two records and a superblock damaged: all are told, and the command ends with 6."""
    database = database_of(folder)
    records = mantis("log", "dump", database).lines
    places = []
    for number in (1, 3):
        path, at = needle(database, number)
        change(path, at, b"NEEDLE")
        places.append((path.name, at))
    change(database / "superblock.copy", 20, b"wrong")
    line, said = answer("scrub", database, expect=DAMAGED)
    assert not line["sound"] and line["findings"] == 3, line
    assert line["records"] == len(records) - 2, line
    assert line["found"][0]["file"] == "superblock.copy", line
    for found, (name, at) in zip(line["found"][1:], places):
        assert found["kind"] == "damaged" and found["file"] == name, (found, name)
        assert found["offset"] <= at and found["end_lsn"] > found["lsn"], found
        assert name in said and f"lsn={found['lsn']}" in said, said


@case
def a_quick_check_looks_at_the_structure_and_says_what_it_left_out(folder):
    """check --quick finds damaged superblocks and headers, missing segments and a log that ends too
    early; a damaged record it does not see, and says that it did not look.
    """
    database = database_of(folder)
    whole = contents(database)

    def restore():
        for path in database.iterdir():
            if path.name != "LOCK":
                path.unlink()
        for name, raw in whole.items():
            (database / name).write_bytes(raw)

    line, said = answer("check", "--quick", database)
    assert line["sound"] and line["superblock"] == line["superblock_copy"] == "sound", line
    assert line["segments"] == len(segments(database)) and said == "", line
    assert line["not_checked"] == ["log records", "tables", "documents"], line
    path, at = needle(database, 2)
    change(path, at, b"NEEDLE")
    assert answer("check", "--quick", database)[0]["sound"]
    mantis("check", database, "--full", expect=DAMAGED)
    restore()
    for word, name in (("superblock", "superblock"), ("superblock_copy", "superblock.copy")):
        change(database / name, 20, b"wrong")
        line, said = answer("check", "--quick", database, expect=DAMAGED)
        assert line[word] == "damaged" and name in said and not line["sound"], (line, said)
        assert not answer("check", "--full", database, expect=DAMAGED)[0]["sound"]
        (database / name).unlink()
        assert answer("check", "--quick", database, expect=DAMAGED)[0][word] == "missing"
        restore()
    change(segments(database)[2], 20, b"wrong")
    said = answer("check", "--quick", database, expect=DAMAGED)[1]
    assert segments(database)[2].name in said and "lsn=" in said, said
    for gone in (0, 2, -1):
        restore()
        segments(database)[gone].unlink()
        answer("check", "--quick", database, expect=DAMAGED)
    restore()
    mantis("check", database, "--quick", "--full", expect=USAGE)
    mantis("check", "--quick", folder / "none", expect=NOT_FOUND)


@case
def opening_repairs_a_superblock_and_says_so(folder):
    """A command that may write makes a lost superblock again; one that reads leaves it."""
    database = database_of(folder)
    for name in ("superblock", "superblock.copy"):
        whole = (database / name).read_bytes()
        (database / name).unlink()
        assert len(mantis("find", database, "c").lines) == 6
        assert not (database / name).exists()
        assert len(mantis("log", "dump", database).lines) > 0
        outcome = mantis("insert", database, "c", '{"other":"%s"}' % name)
        assert f"repaired: {name}" in outcome.err, outcome.err
        assert len((database / name).read_bytes()) == len(whole)
        mantis("check", database)
        mantis("delete", database, "c", '{"other":"%s"}' % name)
