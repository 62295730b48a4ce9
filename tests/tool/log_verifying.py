# SPDX-License-Identifier: BSL-1.0
"""log verify: one diagnosis for each way in which a log can be wrong, made by really damaging
one.
"""

import shutil

from tool import DAMAGED, FAILED, NOT_FOUND, USAGE, case, mantis

BLOCK = 4096


def database_of(folder, commits=6):
    database = folder / "db"
    for number in range(commits):
        mantis("insert", database, "c", '{"_id":%d,"a":"needle-%d"}' % (number, number))
    return database


def segments(database):
    return sorted(path for path in database.iterdir() if path.suffix == ".log")


def contents(database):
    return {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}


def verify(database, expect=0):
    """Returns the diagnosis; verifying changes nothing."""
    before = contents(database)
    outcome = mantis("log", "verify", database, expect=expect)
    assert contents(database) == before, "log verify changed a file"
    (line,) = outcome.lines
    return line, outcome.err


def change(path, at, new):
    raw = bytearray(path.read_bytes())
    raw[at : at + len(new)] = new
    path.write_bytes(raw)


@case
def a_sound_log_is_verified(folder):
    """log verify counts segments, records, transactions and bytes, and ends with 0."""
    database = database_of(folder)
    line, said = verify(database)
    assert said == "" and line["log"] == "sound" and line["superblock"] == "sound", line
    assert line["segments"] == len(segments(database)), line
    assert line["records"] == line["transactions"] == len(mantis("log", "dump", database).lines)
    assert line["transactions_unfinished"] == 0 and "lsn" not in line, line
    mantis("log", "verify", folder / "none", expect=NOT_FOUND)
    mantis("log", "verify", folder, expect=NOT_FOUND)


@case
def a_torn_tail_is_no_damage(folder):
    """log verify ends with 0 at a torn tail, says how long it is, and cuts nothing."""
    database = database_of(folder)
    last = segments(database)[-1]
    size = last.stat().st_size
    with open(last, "ab") as file:
        file.write(b"\0" * (-size % BLOCK) + b"torn" * 100)
    line, said = verify(database)
    assert line["log"] == "torn_tail" and line["segment"] == last.name, line
    assert line["torn_bytes"] > 400 and "torn tail" in said, (line, said)
    assert line["offset"] == size, (line, size)


@case
def damage_is_said_with_the_range_that_is_lost(folder):
    """log verify names segment, offset and LSN, the range lost and how many records lie behind;
    it ends with 6.
    """
    database = database_of(folder)
    records = mantis("log", "dump", database).lines
    path = next(path for path in segments(database) if b"needle-2" in path.read_bytes())
    change(path, path.read_bytes().index(b"needle-2"), b"NEEDLE")
    line, said = verify(database, expect=DAMAGED)
    lost = next(i for i, each in enumerate(records) if "needle-2" in str(each))
    assert line["log"] in ("damage_in_the_middle", "missing_segment"), line
    assert line["segment"] in said and f"lsn={line['lsn']}" in said, (line, said)
    assert line["records"] == lost and line["records_behind"] == len(records) - lost - 1, line
    assert line["lost"] == {"begin": records[lost - 1]["end"], "end": records[lost + 1]["lsn"]}


@case
def segments_that_are_gone_or_foreign_are_named(folder):
    """A missing segment, one of another database, a log that ends too early, and a newer version
    are different things.
    """
    database = database_of(folder)
    copy = folder / "copy"
    assert len(segments(database)) > 3

    def damaged(wreck):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(database, copy)
        wreck(segments(copy))

    damaged(lambda files: files[1].unlink())
    assert verify(copy, expect=DAMAGED)[0]["log"] == "missing_segment"
    damaged(lambda files: files[-1].unlink())
    assert verify(copy, expect=DAMAGED)[0]["log"] == "ends_too_early"
    (folder / "other").mkdir()
    other = database_of(folder / "other", 2)
    damaged(lambda files: files[0].write_bytes(segments(other)[0].read_bytes()))
    line = verify(copy, expect=DAMAGED)[0]
    assert line["log"] == "foreign_segment" and line["segment"] == segments(copy)[0].name, line
    damaged(lambda files: files[2].rename(files[1]))
    assert verify(copy, expect=DAMAGED)[0]["log"] == "misplaced_segment"


@case
def a_newer_version_is_no_damage(folder):
    """A segment of a newer version ends log verify with 7."""
    from forging import crc32c

    database = database_of(folder)
    path = segments(database)[1]
    header = bytearray(path.read_bytes()[:72])
    header[8] = 3
    header[48:56] = crc32c(header[:48] + header[56:]).to_bytes(8, "little")
    change(path, 0, header)
    line = verify(database, expect=FAILED)[0]
    assert line["log"] == "version_too_new" and line["segment"] == path.name, line


@case
def a_log_is_verified_without_its_superblock(folder):
    """log verify works where the superblock is damaged or gone, and says so."""
    database = database_of(folder)
    records = len(mantis("log", "dump", database).lines)
    change(database / "superblock", 20, b"wrong")
    line, said = verify(database, expect=DAMAGED)
    assert line["superblock"] == "damaged" and "superblock" in said, (line, said)
    assert line["log"] == "sound" and line["records"] == records, line
    assert line["superblock_copy"] == "sound", line
    change(database / "superblock.copy", 20, b"wrong")
    line, said = verify(database, expect=DAMAGED)
    assert line["superblock"] == line["superblock_copy"] == "damaged", (line, said)
    assert line["log"] == "sound" and line["records"] == records, line
    (database / "superblock").unlink()
    (database / "superblock.copy").unlink()
    line, said = verify(database, expect=DAMAGED)
    assert line["superblock"] == "missing" and line["records"] == records, line


@case
def a_log_that_begins_later_is_read_from_there(folder):
    """log verify and log dump take a log whose beginning was removed, from where it begins."""
    database = database_of(folder)
    whole = [line["lsn"] for line in mantis("log", "dump", database).lines]
    segments(database)[0].unlink()
    line, said = verify(database, expect=DAMAGED)
    assert line["log"] == "missing_segment" and "begins later" in said, (line, said)
    mantis("log", "dump", database, expect=DAMAGED)
    rest = [line["lsn"] for line in mantis("log", "dump", database, "--from", "first").lines]
    assert rest and rest == whole[-len(rest) :] and len(rest) < len(whole), rest
    (line,) = mantis("log", "verify", database, "--from", "first").lines
    assert line["log"] == "sound" and line["records"] == len(rest), line
    middle = rest[len(rest) // 2]
    (line,) = mantis("log", "verify", database, "--from", middle).lines
    assert line["records"] == len(rest) - len(rest) // 2, line
    mantis("log", "verify", database, "--from", "4096", expect=DAMAGED)
    mantis("log", "dump", database, "--from", "4096", expect=NOT_FOUND)
    mantis("log", "verify", database, "--from", "yesterday", expect=USAGE)
