# SPDX-License-Identifier: BSL-1.0
"""recover --dry-run: what opening would do."""

from tool import BAD_INPUT, DAMAGED, USAGE, case, mantis


def contents(database):
    return {path.name: path.read_bytes() for path in database.iterdir() if path.name != "LOCK"}


def three_inserts(folder):
    database = folder / "db"
    for number in (1, 2, 3):
        mantis("insert", database, "c", f'{{"_id":{number},"name":"number {number}"}}')
    return database


def planned(database, *options, expect=0):
    (plan,) = mantis("recover", database, "--dry-run", *options, expect=expect).lines
    return plan


@case
def a_dry_run_tells_the_plan_and_changes_nothing(folder):
    """recover --dry-run counts what the log holds, how it ends, and stops where it is told to."""
    database = three_inserts(folder)
    before = contents(database)
    plan = planned(database)
    assert plan["found"] == "clean" and "damage" not in plan, plan
    assert plan["transactions_kept"] == 4 and plan["table_changes"] == 1, plan
    assert plan["transactions_in_doubt"] == 0 and plan["operations"] == 4, plan
    assert plan["first_commit"]["$date"] <= plan["last_commit"]["$date"], plan
    records = mantis("log", "dump", database).lines
    assert plan["records"] == len(records) and plan["end_lsn"] == records[-1]["end"], plan
    assert records[-1]["committed"] == plan["last_commit"], records[-1]
    stopped = planned(database, "--stop-at", str(records[-2]["end"]))
    assert stopped["stops_at_lsn"] == records[-2]["end"], stopped
    assert stopped["transactions_after_stop"] == 1 and stopped["transactions_kept"] == 3, stopped
    mantis("recover", database, "--dry-run", "--stop-at", "soon", expect=USAGE)
    mantis("recover", database, expect=USAGE)
    assert contents(database) == before


@case
def a_torn_tail_is_told_and_left(folder):
    """recover --dry-run of a log that a crash tore: crashed, with the bytes that opening would
    cut.
    """
    database = three_inserts(folder)
    log = max(database.glob("*.log"))
    log.write_bytes(log.read_bytes() + b"torn")
    before = contents(database)
    plan = planned(database)
    assert plan["found"] == "crashed" and plan["torn_bytes"] == 4, plan
    assert contents(database) == before
    mantis("update", database, "c", '{"_id":1}', '{"$set":{"a":1}}')
    plan = planned(database)
    assert plan["found"] == "clean" and plan["torn_bytes"] == 0, plan


@case
def a_dry_run_works_where_opening_is_refused(folder):
    """Damage in the log, or a lost superblock: the plan is told, with the reason and how far the
    log can be read, and the command ends with 6.
    """
    database = three_inserts(folder)
    both = [database / "superblock", database / "superblock.copy"]
    kept = both[0].read_bytes()
    for lost in both:
        lost.unlink()
    plan = planned(database, expect=DAMAGED)
    assert plan["found"] == "damaged" and "superblock" in plan["damage"], plan
    assert plan["transactions_kept"] == 4, plan
    for lost in both:
        lost.write_bytes(kept)
    logs = sorted(database.glob("*.log"))
    raw = bytearray(logs[1].read_bytes())
    raw[raw.index(b"number")] ^= 1
    logs[1].write_bytes(raw)
    mantis("find", database, "c", expect=DAMAGED)
    before = contents(database)
    plan = planned(database, expect=DAMAGED)
    assert plan["found"] == "damaged" and logs[1].name in plan["damage"], plan
    assert 0 < plan["transactions_kept"] < 4, plan
    assert plan["stops_at_lsn"] == plan["end_lsn"] <= int(logs[1].stem, 16), plan
    assert contents(database) == before


@case
def salvage_saves_what_is_readable(folder):
    """salvage reads what is left of a damaged database into a new one, and names each lost range
    and each row that may be wrong because of it.
    """
    database = three_inserts(folder)
    logs = sorted(database.glob("*.log"))
    raw = bytearray(logs[1].read_bytes())
    raw[raw.index(b"number")] ^= 1
    logs[1].write_bytes(raw)
    before = contents(database)
    new = folder / "new"
    report, *doubtful = mantis("salvage", database, new).lines
    assert [lost["segment"] for lost in report["lost"]] == [logs[1].name], report
    assert report["doubtful"] == len(doubtful) == 2, doubtful
    assert [(row["key"], row["doubt"]) for row in doubtful] == [
        (1, "may_be_stale"),
        (3, "may_be_incomplete"),
    ], doubtful
    assert all(row["table"] == "collection/c" for row in doubtful), doubtful
    assert [row["_id"] for row in mantis("find", new, "c").lines] == [1, 3]
    mantis("check", new)
    assert contents(database) == before
    mantis("salvage", database, new, expect=BAD_INPUT)
