# SPDX-License-Identifier: BSL-1.0
"""SIGKILL in the middle of an import: every acknowledged document is there, none is partial, the
database opens.
"""

import json
import os
import random
import signal
import subprocess
import time

from tool import SAMPLE, case, documents_of, mantis, start

DOCUMENTS = 5000
KILLS = int(os.environ.get("MANTIS_KILLS", "30"))


def acknowledged_in(path):
    """The ids in whole lines; the kill may have cut the last one."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def line_count(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def kill_at_some_time(process, acks, chance):
    """Early, while it opens or makes its files; or after a random number of acknowledgements."""
    if chance.random() < 0.25:
        target, pause = 0, chance.uniform(0.001, 0.03)
    else:
        target, pause = chance.randrange(1, DOCUMENTS * 3 // 4), chance.uniform(0, 0.002)
    while process.poll() is None and line_count(acks) < target:
        pass
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def kill_once(folder, number, source, expected, chance):
    """One import, killed. Returns how many documents were acknowledged, and how many found."""
    database, acks = folder / f"db{number}", folder / f"acks{number}"
    durability = chance.choice(["group_commit", "group_commit", "periodic", "buffered"])
    batch = chance.choice([1, 1, 2, 5, 10] if durability == "group_commit" else [1, 2])
    # Another collection is there before, and must not be hurt.
    mantis("import", database, "base", SAMPLE)
    words = ["import", database, "c", source, "--batch", batch, "--durability", durability]
    kill_at_some_time(start(*words, "--acknowledge", acks), acks, chance)
    what = f"run {number}, batch {batch}, {durability}"
    acknowledged = acknowledged_in(acks)
    assert acknowledged == [
        each["_id"] for each in expected[: len(acknowledged)]
    ], f"{what}: acknowledged out of order"
    sound = mantis("check", database).lines[0]
    assert sound["sound"] is True, what
    assert mantis("find", database, "base").lines == documents_of(
        SAMPLE
    ), f"{what}: another collection was hurt"
    if "c" not in [line["name"] for line in mantis("collections", database).lines]:
        assert not acknowledged, f"{what}: {len(acknowledged)} acknowledged and no collection"
        return 0, 0
    found = mantis("find", database, "c").lines
    assert len(found) >= len(
        acknowledged
    ), f"{what}: {len(acknowledged)} acknowledged, {len(found)} found"
    assert found == expected[: len(found)], f"{what}: a document is missing, partial or foreign"
    assert len(found) % batch == 0 or len(found) == len(
        expected
    ), f"{what}: half a commit: {len(found)} documents"
    # The killed database takes the rest.
    mantis("import", database, "c", source, "--replace")
    assert mantis("find", database, "c").lines == expected, f"{what}: importing again"
    return len(acknowledged), len(found)


@case
def killed_imports_keep_what_they_acknowledged(folder):
    """Every acknowledged document survives SIGKILL, whatever the moment; none is partial;
    commits are all or nothing.
    """
    source = folder / "trees.json"
    with open(source, "wb") as file:
        subprocess.run(
            [SAMPLE.parent / "make_trees.py", str(DOCUMENTS), "K"], stdout=file, check=True
        )
    expected = documents_of(source)
    chance = random.Random(int(os.environ.get("MANTIS_SEED", "20261121")))
    acknowledged = found = midway = 0
    for number in range(KILLS):
        some, all_of_them = kill_once(folder, number, source, expected, chance)
        acknowledged += some
        found += all_of_them
        midway += 0 < all_of_them < len(expected)
    print(
        f"note: {KILLS} imports killed, {midway} of them midway: "
        f"{acknowledged} documents acknowledged, {found} found, 0 missing, 0 partial"
    )
    assert midway >= KILLS // 3, f"only {midway} of {KILLS} kills fell into the middle of an import"
