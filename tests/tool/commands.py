# SPDX-License-Identifier: BSL-1.0
"""Every command once, what it answers, and how it ends when it cannot."""

import json
import os
import re
import subprocess

from tool import (
    BAD_INPUT,
    DAMAGED,
    FAILED,
    LOCKED,
    NO_MATCH,
    NOT_FOUND,
    SAMPLE,
    TOOL,
    USAGE,
    case,
    documents_of,
    mantis,
    start,
    wait_until,
)

SMALL = [
    {
        "_id": 1,
        "name": "Ada",
        "born": 1815,
        "place": {"city": "London", "zip": "W1"},
        "tags": ["math", "loom"],
    },
    {"_id": 2, "name": "Grace", "born": 1906, "place": {"city": "New York", "zip": "10001"}},
    {
        "_id": 3,
        "name": "Edsger",
        "born": 1930,
        "place": {"city": "Rotterdam", "zip": "3011"},
        "tags": ["graphs"],
    },
    {"_id": 4, "name": "Barbara", "born": 1939, "place": {"city": "Los Angeles", "zip": "90001"}},
]


def people(folder):
    """A database with the four of SMALL in the collection `people`."""
    database = folder / "db"
    mantis("import", database, "people", "-", text=json.dumps(SMALL))
    return database


def names(outcome):
    return [line["name"] for line in outcome.lines]


@case
def help_lists_every_command(_):
    """help names each command and each exit code, and knows more about each."""
    said = mantis("help").out
    listed = re.findall(r"^  ([a-z]+) ", said.split("exit codes")[0], re.MULTILINE)
    expected = (
        "import find get count insert update delete collections drop stats check checkpoint "
        "compact log recover salvage scrub version help"
    ).split()
    assert sorted(listed) == sorted(expected), listed
    assert all(re.search(rf"^  {code}  ", said, re.MULTILINE) for code in range(8)), said
    for command in listed:
        more = mantis("help", command).out
        assert more.startswith(f"mantis {command}"), more
        assert mantis(command, "--help").out == more
    assert re.fullmatch(r"mantis \d+\.\d+\.\d+\n", mantis("version").out)
    assert mantis("--version").out == mantis("version").out


@case
def reading_commands_make_nothing(folder):
    """What only reads creates no database, no collection, no file; the answer is 4."""
    for words in (
        ["find", "DB", "c"],
        ["get", "DB", "c", "1"],
        ["count", "DB", "c"],
        ["collections", "DB"],
        ["stats", "DB"],
        ["check", "DB"],
        ["log", "dump", "DB"],
        ["log", "verify", "DB"],
        ["recover", "DB", "--dry-run"],
        ["salvage", "DB", folder / "new"],
        ["drop", "DB", "c"],
        ["update", "DB", "c", "{}", '{"$set":{"a":1}}'],
        ["delete", "DB", "c", "{}"],
    ):
        mantis(*[folder / "db" if word == "DB" else word for word in words], expect=NOT_FOUND)
        mantis(*[folder if word == "DB" else word for word in words], expect=NOT_FOUND)
    assert list(folder.iterdir()) == []
    database = people(folder)
    before = {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}
    for words in (
        ["find", "c"],
        ["count", "c"],
        ["get", "c", "1"],
        ["drop", "c"],
        ["delete", "c", "{}"],
        ["update", "c", "{}", '{"$set":{"a":1}}'],
    ):
        outcome = mantis(words[0], database, *words[1:], expect=NOT_FOUND)
        assert "[c]" in outcome.err or " c" in outcome.err, outcome.err
    mantis("find", database, "people")
    mantis("count", database, "people")
    mantis("check", database)
    after = {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}
    assert before == after, "a reading command changed a file"
    assert [line["name"] for line in mantis("collections", database).lines] == ["people"]


@case
def find_filters_sorts_and_cuts(folder):
    """find takes a filter on nested paths, a sort of several keys, limit, offset and fields."""
    database = people(folder)
    assert mantis("find", database, "people").lines == SMALL
    assert names(mantis("find", database, "people", '{"place.city":"London"}')) == ["Ada"]
    assert names(mantis("find", database, "people", '{"born":{"$gte":1906,"$lt":1939}}')) == [
        "Grace",
        "Edsger",
    ]
    assert names(mantis("find", database, "people", '{"tags":"graphs"}')) == ["Edsger"]
    assert names(mantis("find", database, "people", "--sort", "-born")) == [
        "Barbara",
        "Edsger",
        "Grace",
        "Ada",
    ]
    assert names(mantis("find", database, "people", "--sort=name", "--offset=1", "--limit=2")) == [
        "Barbara",
        "Edsger",
    ]
    assert names(mantis("find", database, "people", "--limit", "0")) == []
    assert mantis("find", database, "people", '{"born":1}').out == ""
    some = mantis(
        "find", database, "people", '{"_id":1}', "--fields", "name,place.city,tags,absent"
    ).lines
    assert some == [{"name": "Ada", "place": {"city": "London"}, "tags": ["math", "loom"]}], some


@case
def an_invalid_filter_is_bad_input(folder):
    """A filter that is not JSON, or has an unknown operator, ends with 3 and says where or what."""
    database = people(folder)
    assert re.search(
        r"filter:1:\d+: ", mantis("find", database, "people", '{"a":', expect=BAD_INPUT).err
    )
    assert "$near" in mantis("count", database, "people", '{"a":{"$near":1}}', expect=BAD_INPUT).err
    assert (
        "$frob"
        in mantis("update", database, "people", "{}", '{"$frob":{"a":1}}', expect=BAD_INPUT).err
    )
    mantis("find", database, "people", "[]", expect=BAD_INPUT)


@case
def find_explains_itself(folder):
    """--explain says how the answer was found, and how much was looked at."""
    database = people(folder)
    plan = mantis("find", database, "people", '{"born":{"$gt":1900}}', "--explain").lines
    assert len(plan) == 1 and plan[0]["examined"] == 4 and plan[0]["returned"] == 3, plan
    plan = mantis("find", database, "people", '{"_id":2}', "--explain").lines
    assert plan[0]["examined"] <= 1 and plan[0]["returned"] == 1, plan


@case
def get_answers_one_document_or_1(folder):
    """get prints the document of that _id, given as JSON or as plain text; 1 where there is
    none.
    """
    database = people(folder)
    assert mantis("get", database, "people", "2").lines == [SMALL[1]]
    mantis("insert", database, "people", '{"_id":"T-7","a":1}')
    assert mantis("get", database, "people", "T-7").lines == [{"_id": "T-7", "a": 1}]
    assert mantis("get", database, "people", '"T-7"').lines == [{"_id": "T-7", "a": 1}]
    assert mantis("get", database, "people", "99", expect=NO_MATCH).out == ""


@case
def count_counts(folder):
    """count prints one number."""
    database = people(folder)
    assert mantis("count", database, "people").out == "4\n"
    assert mantis("count", database, "people", '{"tags":{"$exists":true}}').out == "2\n"
    assert mantis("count", database, "people", '{"born":0}').out == "0\n"


@case
def insert_makes_ids_and_refuses_twins(folder):
    """insert answers the _id, generated where none is given; a second of the same _id is
    refused, all or nothing.
    """
    database = folder / "db"
    made = mantis("insert", database, "c", '{"a":1}').lines
    assert list(made[0]) == ["_id"]
    assert mantis("find", database, "c").lines == [{"_id": made[0]["_id"], "a": 1}]
    mantis("insert", database, "c", '{"_id":5}')
    mantis("insert", database, "c", '{"_id":6} {"_id":5}', expect=BAD_INPUT)
    assert mantis("count", database, "c").out == "2\n"
    assert len(mantis("insert", database, "c", "-", text='[{"b":1},{"b":2}]').lines) == 2
    said = mantis("insert", database, "c", '{"b":3}\n{"_id":5}', expect=BAD_INPUT).err
    assert said.startswith("document:2: "), said
    assert re.search(
        r"document:1:\d+: ", mantis("insert", database, "c", '{"a":}', expect=BAD_INPUT).err
    )
    assert mantis("count", database, "c").out == "4\n"


@case
def update_changes_what_matches(folder):
    """update answers how many matched and how many changed, and leaves the others alone."""
    database = people(folder)
    done = mantis(
        "update",
        database,
        "people",
        '{"born":{"$lt":1910}}',
        '{"$set":{"early":true},"$inc":{"born":1}}',
    )
    assert done.lines == [{"matched": 2, "modified": 2}], done.out
    assert names(mantis("find", database, "people", '{"early":true}')) == ["Ada", "Grace"]
    assert mantis("get", database, "people", "1").lines[0]["born"] == 1816
    assert mantis("get", database, "people", "3").lines == [SMALL[2]]
    done = mantis("update", database, "people", '{"_id":1}', '{"$set":{"early":true}}')
    assert done.lines == [{"matched": 1, "modified": 0}], done.out
    mantis("update", database, "people", '{"_id":1}', '{"$set":{"_id":9}}', expect=BAD_INPUT)


@case
def delete_removes_what_matches(folder):
    """delete answers how many went; the others stay, also after opening again."""
    database = people(folder)
    assert mantis("delete", database, "people", '{"born":{"$gte":1930}}').lines == [{"deleted": 2}]
    assert names(mantis("find", database, "people")) == ["Ada", "Grace"]
    assert mantis("delete", database, "people", '{"born":0}').lines == [{"deleted": 0}]


@case
def collections_come_and_go(folder):
    """collections lists names and counts; drop removes one and leaves the other."""
    database = people(folder)
    mantis("import", database, "trees", SAMPLE)
    listed = {line["name"]: line["documents"] for line in mantis("collections", database).lines}
    assert listed == {"people": 4, "trees": len(documents_of(SAMPLE))}, listed
    assert mantis("drop", database, "people").lines == [{"dropped": "people", "documents": 4}]
    assert [line["name"] for line in mantis("collections", database).lines] == ["trees"]
    mantis("find", database, "people", expect=NOT_FOUND)


@case
def stats_and_check_describe_the_database(folder):
    """stats and check agree about how much there is."""
    database = people(folder)
    stats = mantis("stats", database).lines[0]
    assert stats["collections"] == 1 and stats["documents"] == 4 and stats["log_bytes"] > 0, stats
    sound = mantis("check", database).lines[0]
    assert sound["sound"] is True and sound["documents"] == 4 and sound["log_records"] >= 1, sound


@case
def the_log_is_shown_record_by_record(folder):
    """log dump prints each record with its operations, keys and documents as they were written,
    drops included.
    """
    database = people(folder)
    mantis("delete", database, "people", '{"_id":2}')
    mantis("drop", database, "people")
    records = mantis("log", "dump", database).lines
    assert all(
        {"lsn", "end", "transaction", "kind", "durable", "segment", "operations"} <= set(each)
        for each in records
    )
    assert [each["lsn"] for each in records] == sorted({each["lsn"] for each in records})
    operations = [each for record in records for each in record["operations"]]
    assert {
        "operation": "create_table",
        "table": 1,
        "name": "collection/people",
        "index": "paged_btree",
    } in operations, operations
    put = [
        each["value"]
        for each in operations
        if each["operation"] == "put" and each.get("name") == "collection/people"
    ]
    assert put == SMALL, put
    assert [each["key"] for each in operations if each["operation"] == "erase"] == [2], operations
    assert operations[-1] == {
        "operation": "drop_table",
        "table": 1,
        "name": "collection/people",
    }, operations[-1]


@case
def damage_is_told_and_never_data(folder):
    """A flipped byte in the middle of the log: opening ends with 6 and names file, offset and
    LSN; the file stays.
    """
    database = people(folder)
    mantis("insert", database, "people", '{"_id":7}')
    log = next(path for path in sorted(database.iterdir()) if path.suffix == ".log")
    raw = bytearray(log.read_bytes())
    at = raw.index(b"Rotterdam")
    raw[at] ^= 1
    log.write_bytes(raw)
    for command in (["find", database, "people"], ["check", database], ["stats", database]):
        said = mantis(*command, expect=DAMAGED).err
        assert log.name in said and "offset=" in said and "lsn=" in said, said
    assert "lsn=" in mantis("log", "dump", database, expect=DAMAGED).err
    assert log.read_bytes() == raw


@case
def a_torn_tail_is_cut_and_reported(folder):
    """Bytes that a crash tore off are dropped, and the summary on stderr says so; what was
    committed is there.
    """
    database = people(folder)
    log = sorted(path for path in database.iterdir() if path.suffix == ".log")[-1]
    with open(log, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.write(b"\0" * (-size % 4096) + b"torn" * 100)
    outcome = mantis("find", database, "people")
    assert outcome.lines == SMALL and "torn tail of" in outcome.err, outcome.err
    assert "torn tail of" in mantis("insert", database, "people", '{"_id":8}').err
    assert mantis("count", database, "people").err == ""


@case
def a_second_opener_is_told_the_pid(folder):
    """While one process has the database, another ends with 5 and names its pid."""
    database = people(folder)
    with start("import", database, "people", "-", stdin=subprocess.PIPE) as holder:
        try:
            wait_until(lambda: (database / "LOCK").read_text().strip() == str(holder.pid))
            said = mantis("count", database, "people", expect=LOCKED).err
            assert f"pid {holder.pid}" in said, said
            holder.stdin.write(b'{"_id":9}')
        finally:
            holder.communicate()
    assert holder.returncode == 0
    assert mantis("count", database, "people").out == "5\n"


@case
def a_full_output_is_an_error(folder):
    """What cannot be written to standard output ends with 7, not with 0."""
    database = people(folder)
    for words in (
        ["find", database, "people"],
        ["count", database, "people"],
        ["help"],
        ["log", "dump", database],
        ["log", "verify", database],
    ):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [TOOL, *map(str, words)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == FAILED and "No space left" in done.stderr, (words, done)


@case
def a_reader_that_leaves_is_no_error(folder):
    """find | head: the tool ends quietly with 0 when nobody reads on, and what it wrote are
    whole lines.
    """
    database = folder / "db"
    mantis("import", database, "trees", SAMPLE)
    with start("find", database, "trees") as process:
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 0 and said == b"", said
    assert json.loads(first)["_id"] == "T-00001"
