# SPDX-License-Identifier: BSL-1.0
"""What was not meant so: wrong and empty words, files for directories, documents that cannot be
stored, closed descriptors.
"""

import re
import subprocess

from commands import SMALL, people
from tool import BAD_INPUT, FAILED, NOT_FOUND, SAMPLE, TOOL, USAGE, case, mantis


@case
def a_wrong_command_line_is_usage(folder):
    """Unknown commands, options and too few or too many words end with 2 and change nothing."""
    for words in (
        [],
        ["frobnicate"],
        ["find", folder / "db"],
        ["find", folder / "db", "c", "{}", "more"],
        ["find", folder / "db", "c", "--nonsense"],
        ["import", folder / "db", "c", "f", "--batch"],
        ["import", folder / "db", "c", "f", "--batch", "x"],
        ["import", folder / "db", "c", "f", "--batch=0"],
        ["import", folder / "db", "c", "f", "--durability", "maybe"],
        ["log", "dmup", folder / "db"],
        ["find", folder / "db", "c", "--limit", "-1"],
        ["help", "frobnicate"],
        ["get", folder / "db", "c", "-x"],
        ["insert", folder / "db", "c", ""],
        ["import", folder / "db", "c", SAMPLE, "--id="],
        ["import", folder / "db", "c", SAMPLE, "--acknowledge="],
        ["import", folder / "db", "c", SAMPLE, "--numbers", ""],
        ["find", folder / "db", "c", "--fields", ""],
        ["find", folder / "db", "c", "--sort="],
    ):
        outcome = mantis(*words, expect=USAGE)
        assert outcome.out == "", outcome.out
    assert list(folder.iterdir()) == []


@case
def an_empty_word_is_never_everything(folder):
    """An empty filter, update or document, as an unset variable of a shell gives, is refused by
    name and changes nothing.
    """
    database = people(folder)
    for words, name in (
        (["delete", ""], "FILTER"),
        (["update", "", '{"$set":{"a":1}}'], "FILTER"),
        (["update", "{}", ""], "UPDATE"),
        (["find", ""], "FILTER"),
        (["count", ""], "FILTER"),
        (["get", ""], "ID"),
        (["insert", ""], "JSON"),
    ):
        said = mantis(words[0], database, "people", *words[1:], expect=USAGE).err
        assert f"{name} is empty" in said, said
    mantis("delete", database, "people", " ", expect=BAD_INPUT)
    mantis("insert", database, "more", " ", expect=BAD_INPUT)
    mantis("collections", "", expect=USAGE)
    assert mantis("find", database, "people").lines == SMALL
    assert [line["name"] for line in mantis("collections", database).lines] == ["people"]


@case
def a_word_may_begin_with_a_dash(folder):
    """A negative number is a word, and so is everything after --."""
    database = folder / "db"
    mantis("insert", database, "c", '{"_id":-5} {"_id":"-x"} {"_id":"--explain"}')
    assert mantis("get", database, "c", "-5").lines == [{"_id": -5}]
    assert mantis("get", database, "c", "--", "-x").lines == [{"_id": "-x"}]
    assert mantis("get", "--", database, "c", "--explain").lines == [{"_id": "--explain"}]
    assert "'--'" in mantis("get", database, "c", "-x", expect=USAGE).err
    assert "'--'" in mantis("help").out


@case
def a_file_is_no_database(folder):
    """A DIR that is a file, or below one, ends with 4."""
    file = folder / "file"
    file.write_text("{}", encoding="utf-8")
    for place in (file, file / "below"):
        for words in (
            ["find", place, "c"],
            ["stats", place],
            ["log", "dump", place],
            ["log", "verify", place],
            ["insert", place, "c", "{}"],
            ["import", place, "c", SAMPLE],
        ):
            assert "Not a directory" in mantis(*words, expect=NOT_FOUND).err


@case
def a_refused_insert_makes_nothing(folder):
    """A document that cannot be stored, or a name that no collection can have, leaves no database
    behind.
    """
    for name, text in (
        ("c", '{"_id":1} {"_id":null}'),
        ("c", '{"_id":"' + "x" * 600 + '"}'),
        ("c", '{"_id":1'),
        ("$bad", '{"_id":1}'),
        ("x" * 121, '{"_id":1}'),
    ):
        mantis("insert", folder / "db", name, text, expect=BAD_INPUT)
    assert list(folder.iterdir()) == []


@case
def closed_descriptors_are_no_files(folder):
    """With standard input, output and error closed, nothing is printed into the files of the
    database, and reading or writing fails.
    """
    database = people(folder)
    before = {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}
    for words in (
        ["find", database, "people"],
        ["import", database, "people", "-"],
        ["help"],
    ):
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", TOOL, *map(str, words)], check=False
        )
        assert done.returncode == FAILED, (words, done)
        assert re.fullmatch(r"\d+\s*", (database / "LOCK").read_text()), words
    after = {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}
    assert before == after, "a command without descriptors changed a file"
