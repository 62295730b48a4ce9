# SPDX-License-Identifier: BSL-1.0
"""import: what it takes, what it refuses and how it says so, and what it leaves behind."""

import gzip
import json
import os
import pty
import re
import subprocess
import time

from tool import (
    BAD_INPUT,
    FAILED,
    LOCKED,
    NOT_FOUND,
    SAMPLE,
    TOOL,
    case,
    documents_of,
    environment,
    mantis,
    start,
    wait_until,
)


def refused(folder, text, where, before, *options):
    """Imports `text` into a database that has one document, and judges the message and what is
    there afterwards.
    """
    database = folder / "db"
    mantis("import", database, "c", "-", "--replace", text='{"_id":"first"}')
    there = mantis("find", database, "c").lines
    file = folder / "bad.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    outcome = mantis("import", database, "c", file, *options, expect=BAD_INPUT)
    first = outcome.err.splitlines()[0]
    assert re.match(
        rf"{re.escape(str(file))}:{where}: \S", first
    ), f"{first!r} is not about {where}"
    assert (
        str(len(before)) in first.rsplit("(", 1)[-1]
    ), f"{first!r} does not count {len(before)} documents"
    assert outcome.out == "", outcome.out
    found = mantis("find", database, "c").lines
    assert [each for each in found if each not in there] == before, found
    mantis("check", database)


@case
def a_file_comes_back_as_it_was(folder):
    """Every document of the sample is found again, field by field, in the order of its ids."""
    database = folder / "db"
    answer = mantis("import", database, "trees", SAMPLE).lines[-1]
    expected = documents_of(SAMPLE)
    assert answer["collection"] == "trees" and answer["documents"] == len(expected), answer
    assert (
        answer["seconds"] > 0 and answer["documents_per_s"] > 0 and answer["mb_per_s"] > 0
    ), answer
    assert mantis("find", database, "trees").lines == expected


@case
def the_sample_is_what_its_script_makes(_):
    """examples/data/trees.json is the output of make_trees.py, has at least 1,000 documents and
    at most 400 kB.
    """
    made = subprocess.run([SAMPLE.parent / "make_trees.py"], capture_output=True, check=True).stdout
    assert made == SAMPLE.read_bytes()
    assert made.count(b"\n") >= 1000 and len(made) < 400_000


@case
def every_form_of_input_is_taken(folder):
    """An array, lines, one document after another, one document, gzip of several members,
    standard input.
    """
    documents = [
        {"_id": number, "text": "\u00e9\u4e2d\U0001f333" * number} for number in range(1, 40)
    ]
    text = json.dumps(documents)
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in documents)
    half = len(lines) // 2
    members = gzip.compress(lines[:half].encode()) + gzip.compress(lines[half:].encode())
    forms = {
        "array.json": text.encode(),
        "indented.json": json.dumps(documents, indent=2).encode(),
        "lines.json": lines.encode(),
        "ended.json": (lines + "\n").encode(),
        "dos.json": lines.replace("\n", "\r\n").encode(),
        "joined.json": lines.replace("\n", "").encode(),
        "marked.json": b"\xef\xbb\xbf" + lines.encode(),
        "array.json.gz": gzip.compress(text.encode()),
        "members.gz": members,
        "gzip-without-a-name": members,
    }
    for name, raw in forms.items():
        (folder / name).write_bytes(raw)
        mantis("import", folder / "db", name, folder / name, "--batch", 7)
        assert mantis("find", folder / "db", name).lines == documents, name
    mantis("import", folder / "db", "stdin", "-", text=text)
    assert mantis("find", folder / "db", "stdin").lines == documents
    mantis("import", folder / "db", "one", "-", text='{"_id":1}')
    assert mantis("count", folder / "db", "one").out == "1\n"
    for empty in ("", "[]", " \n"):
        assert mantis("import", folder / "db", "none", "-", text=empty).lines[-1]["documents"] == 0


@case
def bad_json_is_told_by_line_and_column(folder):
    """The message names file, line and column; the documents before the bad one are in, it and
    the later ones are not.
    """
    refused(folder, '{"_id":1}\n{"_id":2,}\n{"_id":3}\n', "2:10", [{"_id": 1}])
    refused(
        folder,
        '[{"_id":4},\n {"_id":5},\n {"_id":6} {"_id":7}]',
        "3:12",
        [{"_id": 4}, {"_id": 5}, {"_id": 6}],
    )
    refused(folder, '{"_id":8}\n{"_id":9', r"2:\d+", [{"_id": 8}])
    refused(folder, '[{"_id":10},', r"1:\d+", [{"_id": 10}])
    refused(folder, '{"_id":11}\n[1]', r"2:1", [{"_id": 11}])
    refused(folder, '{"_id":12}\n{"a":"\x01"}', r"2:\d+", [{"_id": 12}])
    refused(folder, b'{"_id":13}\n{"a":"\xff"}', r"2:\d+", [{"_id": 13}])
    refused(folder, '{"_id":14}\n' + '{"a":' * 101 + "1" + "}" * 101, r"2:\d+", [{"_id": 14}])
    refused(folder, "tru", r"1:\d+", [])


@case
def bad_json_late_in_a_large_file_keeps_all_before(folder):
    """With thousands of documents and several commits before it, exactly those before the bad
    one are there.
    """
    documents = [{"_id": number, "pad": "x" * 90} for number in range(5000)]
    lines = [json.dumps(each) for each in documents]
    lines[4321] = '{"_id":4321,"pad":tru}'
    refused(folder, "\n".join(lines), r"4322:\d+", documents[:4321], "--batch", "100")


@case
def a_document_that_cannot_be_stored_is_told_by_line(folder):
    """A second document of an _id, and an _id that is none, name file and line; what was before
    them is in.
    """
    refused(
        folder, '{"_id":1}\n\n{"_id":2}\n{"_id":1,"b":1}\n{"_id":3}', "4", [{"_id": 1}, {"_id": 2}]
    )
    refused(folder, '{"_id":4}\n{"_id":null}', "2", [{"_id": 4}])
    refused(folder, '{"_id":5}\n{"_id":"' + "x" * 600 + '"}', "2", [{"_id": 5}])
    refused(folder, '{"_id":6}\n{"_id":4}\n', "2", [{"_id": 6}], "--batch=1")


@case
def replace_takes_the_newer_document(folder):
    """--replace overwrites documents of the same _id and adds the others."""
    database = folder / "db"
    mantis("import", database, "c", "-", text='{"_id":1,"a":1,"b":1}\n{"_id":2}')
    done = mantis(
        "import", database, "c", "-", "--replace", text='{"_id":1,"a":2}\n{"_id":3}'
    ).lines[-1]
    assert done["documents"] == 2 and done["replaced"] == 1, done
    assert mantis("find", database, "c").lines == [{"_id": 1, "a": 2}, {"_id": 2}, {"_id": 3}]


@case
def a_field_can_be_the_id(folder):
    """--id PATH stores the value at the path as _id, in place of one the document has; its
    absence is refused.
    """
    text = '{"_id":0,"code":"a","x":{"n":"7"}}\n{"code":"b","x":{"n":"8"}}'
    mantis("import", folder / "db", "flat", "-", "--id", "code", text=text)
    assert mantis("get", folder / "db", "flat", "a").lines == [
        {"_id": "a", "code": "a", "x": {"n": "7"}}
    ]
    mantis("import", folder / "db", "deep", "-", "--id", "x.n", "--numbers", "x.n", text=text)
    assert mantis("get", folder / "db", "deep", "8").lines == [
        {"_id": 8, "code": "b", "x": {"n": 8}}
    ]
    refused(folder, '{"code":1}\n{"kode":2}', "2", [{"_id": 1, "code": 1}], "--id", "code")


@case
def strings_become_numbers_on_demand(folder):
    """--numbers turns whole JSON numbers at its paths, also in arrays, and leaves everything
    else as it was.
    """
    document = {
        "_id": "1",
        "a": "12",
        "b": "-0.50",
        "c": "1e3",
        "d": "007",
        "e": " 1",
        "f": "1.",
        "g": "0x1",
        "h": "",
        "i": "9223372036854775807",
        "j": ["1", "x", {"k": "2"}],
        "n": {"m": "3", "o": "4"},
        "p": "5",
        "r": ["99999999999999999999", "-9223372036854775808", "-9223372036854775809", "1e400"],
    }
    mantis(
        "import",
        folder / "db",
        "c",
        "-",
        "--numbers",
        "a,b,c,d,e,f,g,h,i,j,j.k,n.m,q,r",
        text=json.dumps(document),
    )
    expected = {
        **document,
        "a": 12,
        "b": -0.5,
        "c": 1000.0,
        "i": 9223372036854775807,
        "j": [1, "x", {"k": 2}],
        "n": {"m": 3, "o": "4"},
        "r": [1e20, -9223372036854775808, -9223372036854775808.0, "1e400"],
    }
    assert mantis("find", folder / "db", "c").lines == [expected]


@case
def acknowledgements_are_whole_and_true(folder):
    """--acknowledge writes each _id, one a line, into a file or to standard output, and no id
    that is not stored.
    """
    database, acknowledged = folder / "db", folder / "ids"
    mantis("import", database, "a", SAMPLE, "--batch", 10, "--acknowledge", acknowledged)
    expected = [each["_id"] for each in documents_of(SAMPLE)]
    assert documents_of(acknowledged) == expected
    assert mantis("import", database, "b", SAMPLE, "--acknowledge", "-").lines[:-1] == expected
    mantis(
        "import",
        database,
        "c",
        "-",
        "--acknowledge",
        acknowledged,
        "--batch",
        2,
        expect=BAD_INPUT,
        text='{"_id":1}{"_id":2}{"_id":3}{"_id":3}',
    )
    assert documents_of(acknowledged) == [1, 2, 3]
    mantis("import", database, "d", SAMPLE, "--acknowledge", "/dev/full", expect=FAILED)
    mantis("import", database, "e", SAMPLE, "--acknowledge", folder / "no/ids", expect=FAILED)


@case
def acknowledgements_outlive_an_import_that_is_locked_out(folder):
    """An import that does not get the database does not empty an earlier one's file of
    acknowledgements.
    """
    database, acknowledged = folder / "db", folder / "ids"
    acknowledged.write_text("1\n", encoding="utf-8")
    with start("import", database, "c", "-", stdin=subprocess.PIPE) as holder:
        wait_until(lambda: (database / "LOCK").exists() and (database / "LOCK").read_text())
        mantis("import", database, "c", SAMPLE, "--acknowledge", acknowledged, expect=LOCKED)
        holder.communicate()
    assert documents_of(acknowledged) == [1]


@case
def a_failed_import_ends_at_once(folder):
    """An import that failed does not wait for the producer of its standard input, and lets go of
    the database.
    """
    words = ["import", folder / "db", "c", "-", "--batch", "1"]
    with start(*words, stdin=subprocess.PIPE) as process:
        process.stdin.write(b'{"_id":1}\n{"_id":1}\n')
        process.stdin.flush()
        assert process.wait(timeout=30) == BAD_INPUT
        assert b"standard input:2: " in process.stderr.read()
    assert mantis("count", folder / "db", "c").out == "1\n"


@case
def every_durability_imports(folder):
    """group_commit, periodic and buffered give the same collection."""
    for durability in ("group_commit", "periodic", "buffered"):
        mantis("import", folder / durability, "trees", SAMPLE, "--durability", durability)
        assert mantis("find", folder / durability, "trees").lines == documents_of(SAMPLE)


@case
def a_missing_or_broken_file_makes_no_database(folder):
    """A file that is not there ends with 4, a cut or damaged gzip with 3; no database is made
    for a missing file.
    """
    mantis("import", folder / "db", "c", folder / "absent.json", expect=NOT_FOUND)
    mantis("import", folder / "db", "c", folder, expect=FAILED)
    assert not (folder / "db").exists()
    raw = gzip.compress(SAMPLE.read_bytes())
    for broken in (raw[:-4], raw[:1000], raw[:500] + bytes(50) + raw[550:]):
        (folder / "broken.json.gz").write_bytes(broken)
        said = mantis(
            "import", folder / "db", "c", folder / "broken.json.gz", "--replace", expect=BAD_INPUT
        ).err
        assert "gzip" in said or re.search(r":\d+:\d+: ", said), said


@case
def a_failure_that_is_not_the_texts_does_not_blame_it(folder):
    """What the database or the system refuses is told with what it is about and the system's
    reason, not by file and line of the input.
    """
    large = folder / "large.json"
    large.write_text(
        "".join(json.dumps({"_id": number, "pad": "x" * 900}) + "\n" for number in range(4000))
    )
    done = subprocess.run(
        ["sh", "-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh"]
        + [str(word) for word in (TOOL, "import", folder / "db", "c", large)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == FAILED, done
    assert ".log]" in done.stderr and "File too large" in done.stderr, done.stderr
    assert "large.json" not in done.stderr, done.stderr
    assert re.search(r"\(\d+ documents imported\)", done.stderr), done.stderr
    said = mantis("import", folder / "db", "$bad", SAMPLE, expect=BAD_INPUT).err
    assert "[$bad]" in said and "trees.json" not in said, said
    cut = folder / "cut.json.gz"
    cut.write_bytes(gzip.compress(large.read_bytes())[:2000])
    said = mantis("import", folder / "db", "d", cut, expect=BAD_INPUT).err
    assert said.count("cut.json.gz") == 1 and "offset=2000" in said, said


@case
def a_refused_import_makes_no_collection(folder):
    """An import that stores nothing because its first document is bad makes no collection, one of
    no documents does; a name that no collection can have makes no database.
    """
    database = folder / "db"
    mantis("import", database, "$bad", SAMPLE, expect=BAD_INPUT)
    assert not database.exists()
    for text in ('{"_id":null}', '{"_id":1', "tru", '{"_id":[1]} {"_id":2}'):
        mantis("import", database, "c", "-", text=text, expect=BAD_INPUT)
    mantis("import", database, "c", "-", "--id", "absent", text='{"_id":1}', expect=BAD_INPUT)
    assert mantis("collections", database).lines == []
    mantis("import", database, "c", "-", text="[]")
    mantis("import", database, "d", "-", text='{"_id":1}{"_id":null}', expect=BAD_INPUT)
    assert mantis("collections", database).lines == [
        {"name": "c", "documents": 0},
        {"name": "d", "documents": 1},
    ]


@case
def zeros_after_gzip_are_passed_over(folder):
    """Zeros that fill a tape's or an archive's block are no damage; other bytes are."""
    raw = gzip.compress(SAMPLE.read_bytes())
    file = folder / "padded.json.gz"
    for number, padding in enumerate((b"\0", bytes(10240), bytes(600_000))):
        file.write_bytes(raw + padding)
        mantis("import", folder / "db", str(number), file)
        assert mantis("find", folder / "db", str(number)).lines == documents_of(SAMPLE)
    file.write_bytes(raw + bytes(512) + b"more")
    said = mantis("import", folder / "db", "c", file, expect=BAD_INPUT).err
    assert "damaged" in said and f"offset={len(raw) + 512}" in said, said


@case
def progress_is_for_terminals_only(folder):
    """Without a terminal nothing is drawn; on one the count is shown after half a second, and
    wiped at the end.
    """
    words = [TOOL, "import", folder / "db", "c", "-", "--batch", "1", "--replace"]
    for terminal in (False, True):
        ours, theirs = pty.openpty() if terminal else os.pipe()
        with subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=environment(),
        ) as process:
            os.close(theirs)
            for _ in range(8):
                process.stdin.write(b'{"a":1}\n' * 20)
                process.stdin.flush()
                time.sleep(0.1)
        assert process.returncode == 0
        drawn = drained(ours)
        assert not terminal or re.search(rb"importing  \d+ documents", drawn), drawn[:200]
        assert drawn.endswith(b"\r\x1b[K") if terminal else drawn == b"", drawn[-80:]


def drained(descriptor):
    """All that can be read, whose writers have left; a pseudo-terminal says that by an error."""
    read = b""
    try:
        while piece := os.read(descriptor, 65536):
            read += piece
    except OSError:
        pass
    os.close(descriptor)
    return read
