# SPDX-License-Identifier: BSL-1.0
"""check --full: a sound database is sound; a byte changed in any file is named; nothing is ever
changed by it.
"""

import json
import os
import signal
import time

from forging import forge
from scrubbing import answer, change, contents, needle, segments
from tool import DAMAGED, LOCKED, NOT_FOUND, case, mantis, start

ROWS = 3000
PAGE = 4096
LEAF, INNER, EXTENT = 1, 2, 3


def filled(folder, rows=ROWS):
    """A database with leaves, inner pages, large values, an image and a log behind it."""
    database = folder / "db"
    text = "".join(json.dumps({"_id": row, "text": "v" * 100}) + "\n" for row in range(rows))
    text += json.dumps({"_id": "large", "text": "needle-large" * 2000}) + "\n"
    (folder / "rows.json").write_text(text, encoding="ascii")
    mantis("import", database, "rows", folder / "rows.json")
    mantis("checkpoint", database)
    for number in range(3):
        mantis("insert", database, "later", '{"_id":%d,"a":"needle-%d"}' % (number, number))
    return database


def full(database, expect=0):
    return answer("check", "--full", database, expect=expect)


def pages_of(database, kind):
    """Where pages of a kind lie in the data segments, whether they are in use or not."""
    for path in sorted(database.glob("data-0*")):
        raw = path.read_bytes()
        for at in range(PAGE, len(raw) - PAGE + 1, PAGE):
            if raw[at] == 1 and raw[at + 1] == kind:
                yield path, at


def flip(path, at):
    change(path, at, bytes([path.read_bytes()[at] ^ 0x40]))


class Restored:
    """The files of a database as they were, after each try."""

    def __init__(self, database):
        self.database = database
        self.whole = contents(database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path in self.database.iterdir():
            if path.name != "LOCK":
                path.unlink()
        for name, raw in self.whole.items():
            (self.database / name).write_bytes(raw)


@case
def a_full_check_reads_all_of_a_sound_database(folder):
    """check --full counts what there is, finds nothing, and says nothing besides."""
    database = filled(folder)
    line, said = full(database)
    assert line["sound"] and line["findings"] == line["harmless"] == 0, line
    assert line["found"] == [] and line["not_checked"] == [] and said == "", (line, said)
    assert line["collections"] == line["tables"] == 2, line
    assert line["documents_checked"] == ROWS + 1 + 3, line
    records = mantis("log", "dump", database).lines
    assert line["log_records"] == len(records), line
    checked = line["checked"]
    assert checked["pages_as_of_lsn"] == checked["image_as_of_lsn"] == line["checkpoint_lsn"], line
    assert checked["log_to_lsn"] == records[-1]["end"] > line["checkpoint_lsn"] > 0, line
    pages = line["pages"]
    assert pages["rows"] == ROWS + 1 and pages["large_values"] == 1, pages
    nodes = pages["leaves"] + pages["inner_nodes"]
    assert pages["count"] == nodes + pages["large_value_pages"], pages
    assert pages["inner_nodes"] >= 1 and pages["height"] >= 2 and pages["leaked"] == 0, pages
    assert 50 <= pages["fill_percent"] <= 100, pages
    mantis("delete", database, "rows", '{"_id": {"$lt": 1000}}')
    mantis("drop", database, "later")
    assert full(database)[0]["sound"]
    mantis("compact", database)
    line, _ = full(database)
    assert line["sound"] and line["pages"]["rows"] == ROWS - 999, line
    mantis("check", "--full", folder / "none", expect=NOT_FOUND)


@case
def a_full_check_names_the_file_that_was_changed(folder):
    """A byte changed in a superblock, a segment, the image, the manifest or a data segment's
    header, and a file that is gone, are told by name.
    """
    database = filled(folder)
    (image,) = database.glob("checkpoint-*.image")
    (manifest,) = database.glob("manifest-*")
    data = min(path for path, _ in pages_of(database, LEAF))
    record, at = needle(database, 1)
    places = [
        (database / "superblock", 20),
        (database / "superblock.copy", 20),
        (image, 20),
        (image, 100),
        (image, image.stat().st_size - 20),
        (manifest, 20),
        (manifest, 4096 + 50),
        (data, 20),
        (segments(database)[-1], 20),
        (record, at),
    ]
    for path, offset in places:
        with Restored(database):
            flip(path, offset)
            line, said = full(database, expect=DAMAGED)
            assert not line["sound"] and line["findings"] >= 1, (path.name, offset, line)
            named = [each for each in line["found"] if each.get("file") == path.name]
            assert named and path.name in said, (path.name, offset, line, said)
    for path in {path for path, _ in places}:
        with Restored(database):
            path.unlink()
            line, said = full(database, expect=DAMAGED)
            if path.suffix == ".log":  # told where the one before ends, or as what it is
                assert any(each.get("end_lsn", 0) > each["lsn"] for each in line["found"]), line
            else:
                gone = path.name if path != manifest else "manifest"
                assert gone in said, (path.name, line, said)
    with Restored(database):
        flip(record, at)
        found = full(database, expect=DAMAGED)[0]["found"]
        assert found[0]["lsn"] < found[0]["end_lsn"] and found[0]["offset"] <= at, found
        checked = full(database, expect=DAMAGED)[0]["checked"]
        reached = checked["log_to_lsn"]  # where the record before it ends
        assert checked["image_as_of_lsn"] < reached <= found[0]["lsn"], (checked, found)
    assert full(database)[0]["sound"]


@case
def a_full_check_names_each_page_that_was_changed(folder):
    """A byte changed in leaves, in inner pages and in pages of a large value: each that is in use
    is told with file, offset, page and table, and all that can be reached is still checked.
    """
    database = filled(folder)
    sound = full(database)[0]["pages"]
    for kind in (LEAF, INNER, EXTENT):
        with Restored(database):
            places = list(pages_of(database, kind))
            for path, at in places:
                flip(path, at + PAGE // 2)
            line, said = full(database, expect=DAMAGED)
            in_use = {
                LEAF: sound["leaves"],
                INNER: sound["inner_nodes"],
                EXTENT: sound["large_value_pages"],
            }[kind]
            assert line["findings"] == in_use > 0, (kind, in_use, line)
            for found in line["found"]:
                assert found["kind"] == "damaged" and found["page"] > 0, found
                assert any(
                    path.name == found["file"] and at == found["offset"] for path, at in places
                ), found
                assert found["table"] > 0, found
                assert f"page={found['page']}" in said, said
            assert line["pages"]["count"] == sound["count"] - in_use, line
    with Restored(database):
        path, at = next(pages_of(database, LEAF))
        for path, at in pages_of(database, LEAF):
            flip(path, at + PAGE // 2)
            line = answer_any("check", "--full", database)
            if line["findings"] == 1:
                break
        assert line["findings"] == 1 and line["documents_checked"] > ROWS - 60, line


def answer_any(*words):
    """The same for a command that may find damage or not."""
    before = contents(words[-1])
    process = start(*words)
    out, _ = process.communicate(timeout=60)
    assert contents(words[-1]) == before, "a file was changed"
    return json.loads(out)


@case
def a_full_check_names_documents_that_no_collection_writes(folder):
    """A document under another key, and bytes that are no document, are told with collection and
    _id: as long as they are in the log, and then in pages, and until they are replaced.
    """
    database = folder / "db"
    for name, old, new in (
        ("key", b"_id\0\x01", b"_id\0\x02"),
        ("bson", b"\x02a\0\x02\0\0\0b", b"\x02a\0\x09\0\0\0b"),
    ):
        mantis("insert", database, name, '{"_id":1,"a":"b"}')
        forge(database, old, new)
    for place in ("lsn", "page"):
        line, said = full(database, expect=DAMAGED)
        assert line["findings"] == 2, line
        for found, name in zip(line["found"], ("key", "bson")):
            assert found["kind"] == "document" and found["name"] == f"collection/{name}", line
            assert found["key"] == 1 and found[place] > 0, found
        assert "[collection/bson]" in said, said
        mantis("checkpoint", database)
    (folder / "right.json").write_text('{"_id":1,"a":"c"}', encoding="ascii")
    mantis("import", database, "bson", folder / "right.json", "--replace")
    line, _ = full(database, expect=DAMAGED)
    assert [each["name"] for each in line["found"]] == ["collection/key"], line
    mantis("drop", database, "key")
    assert full(database)[0]["sound"]


@case
def a_full_check_tells_damage_beside_many_bytes_that_nobody_reads(folder):
    """Bytes that nobody reads are no damage, however many there are, and damage behind more of
    them than are kept is told and ends with 6.
    """
    database = folder / "db"
    for number in range(120):
        text = "needle-%d" % number + "x" * (number % 3)
        mantis("insert", database, "c", '{"_id":%d,"a":"%s"}' % (number, text))
    odd = 0
    for record in mantis("log", "dump", database).lines:
        path = database / record["segment"]
        begin = 4096 + record["lsn"] - int(path.stem, 16)
        end = begin + 48 + int.from_bytes(path.read_bytes()[begin + 32 : begin + 36], "little")
        if end % 8 != 0:  # up to there nobody reads
            change(path, end, b"!")
            odd += 1
    assert odd > 64, odd
    line, said = full(database)
    assert line["sound"] and line["findings"] == 0 and line["harmless"] == odd, line
    assert said == "", said
    path, at = needle(database, 100)
    flip(path, at)
    line, said = full(database, expect=DAMAGED)
    assert not line["sound"] and line["findings"] == 1 and line["harmless"] >= odd - 1, line
    assert any(each["kind"] == "damaged" for each in line["found"]), line
    assert path.name in said, said


@case
def a_full_check_of_what_cannot_be_opened_goes_on(folder):
    """With both superblocks, the manifest and a record damaged, all of it is told."""
    database = filled(folder)
    (manifest,) = database.glob("manifest-*")
    path, at = needle(database, 0)
    flip(path, at)
    flip(manifest, 4096 + 50)
    for name in ("superblock", "superblock.copy"):
        flip(database / name, 20)
    mantis("check", database, expect=DAMAGED)
    line, said = full(database, expect=DAMAGED)
    for name in ("superblock", "superblock.copy", path.name, manifest.name):
        assert any(each.get("file") == name for each in line["found"]), (name, line)
        assert name in said, (name, said)
    assert line["not_checked"] == ["pages"], line


@case
def a_full_check_that_is_interrupted_changes_nothing(folder):
    """Killed at any moment a check leaves every file as it was; while the database is open in
    another process it ends with 5.
    """
    database = filled(folder, 20_000)
    before = contents(database)
    whole = time.monotonic()
    full(database)
    whole = time.monotonic() - whole
    killed = 0
    for part in range(8):
        process = start("check", "--full", database)
        time.sleep(whole * part / 8)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        killed += process.returncode == -signal.SIGKILL
        assert contents(database) == before, "a file was changed"
    assert killed > 0
    assert full(database)[0]["sound"]
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        process = start("import", database, "rows", "-", stdin=pipe)
    try:
        deadline = time.monotonic() + 30
        while not (database / "LOCK").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        mantis("check", "--full", database, expect=LOCKED)
    finally:
        os.close(writing)
        process.communicate(timeout=60)
