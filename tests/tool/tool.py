# SPDX-License-Identifier: BSL-1.0
"""What the cases share: running the tool, and what a case is."""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("MANTIS_TOOL", ROOT / "build/examples/mantis"))
SAMPLE = ROOT / "examples/data/trees.json"
SCRATCH = ROOT / "build"

DONE, NO_MATCH, USAGE, BAD_INPUT, NOT_FOUND, LOCKED, DAMAGED, FAILED = range(8)

CASES = []


class Skip(Exception):
    """Why a case cannot be tried here."""


def case(function):
    """Marks a function of one argument, an empty directory, as a case; its doc string is the
    guarantee.
    """
    CASES.append(function)
    return function


class Outcome:
    """What one run of the tool answered."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    @property
    def lines(self):
        """Standard output as the JSON objects it must consist of."""
        assert self.out == "" or self.out.endswith("\n"), f"half a line: {self.out[-80:]!r}"
        return [json.loads(line) for line in self.out.splitlines()]


def environment():
    return {**os.environ, "LC_ALL": "C"}


def mantis(*words, expect=DONE, text=None):
    """Runs the tool to its end; `text` is its standard input."""
    done = subprocess.run(
        [str(TOOL), *(str(word) for word in words)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment(),
        stdin=subprocess.DEVNULL if text is None else None,
    )
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    assert done.returncode == expect, (
        f"mantis {' '.join(str(word) for word in words)}: "
        f"ended with {done.returncode}, not {expect}\n"
        f"{done.stdout[-500:]}{done.stderr[-500:]}"
    )
    if expect != DONE:
        assert done.stderr.strip(), "a failure without a word"
    return outcome


def start(*words, **more):
    """Starts the tool and lets it run."""
    return subprocess.Popen(
        [str(TOOL), *(str(word) for word in words)],
        stdin=more.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        **more,
    )


def wait_until(holds, seconds=30):
    """Waits for a condition that another process brings about."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"waited {seconds} s in vain"
        time.sleep(0.002)


def documents_of(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def shared():
    """The folder of real data, or Skip."""
    for place in (os.environ.get("MANTIS_SHARED"), ROOT.parent / "shared/data"):
        if place and (Path(place) / "json/collections").is_dir():
            return Path(place)
    raise Skip("there is no shared data (MANTIS_SHARED)")


def try_case(function):
    """Returns None, the reason for a skip, or what went wrong; as a pair (kind, text)."""
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tool-", dir=SCRATCH) as folder:
        try:
            function(Path(folder))
        except Skip as reason:
            return "skipped", str(reason)
        except (
            AssertionError,
            OSError,
            ValueError,
            KeyError,
            IndexError,
            subprocess.SubprocessError,
        ) as wrong:
            return "failed", f"{type(wrong).__name__}: {wrong}"
    return "passed", ""
