# SPDX-License-Identifier: BSL-1.0
"""tests/run counts what fails, whatever the way it fails; tests/setup names what is missing where
it cannot install."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import gate

sys.path.insert(0, str(gate.ROOT / "tests" / "harness"))
import build  # noqa: E402

ALL_PASSED = "[doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped\n"
ONE_FAILED = "[doctest] test cases: 3 | 2 passed | 1 failed | 0 skipped\n"
NONE = "[doctest] test cases: 0 | 0 passed | 0 failed | 4 skipped\n"


def shell(script, suite, timeout=20):
    """What the harness makes of a program that runs this script."""
    test = {"cmd": ["/bin/sh", "-c", script], "env": {}, "timeout": timeout, "suite": [suite]}
    return build.run_test(test, {})[:2]


def expect(found, wanted):
    return [] if found == wanted else [f"counted {found} passed and failed instead of {wanted}"]


RULE = "=" * 79 + "\n"


def told():
    """What a person reads of three cases: the first and the last of them only talk."""
    talks = RULE + "TEST CASE: first\nMESSAGE: much\n"
    fails = RULE + "TEST CASE: second\nERROR: CHECK( 1 == 2 ) is NOT correct!\n"
    output = "[doctest] version\n" + talks + fails + talks + RULE + ONE_FAILED
    said = build.what_failed(output)
    silent = "[doctest] version\n" + talks + "was stopped after 3 s"
    return {
        "a case that failed is told, and the counts": []
        if "second" in said and ONE_FAILED in said
        else [said],
        "a case that passed is not told beside one that failed": [said] if "first" in said else [],
        "all is told when no case says that it failed": []
        if build.what_failed(silent) == silent
        else [build.what_failed(silent)],
    }


def counting():
    return {
        "all cases pass": expect(shell(f"echo '{ALL_PASSED}'", "unit"), (3, 0)),
        "one case fails": expect(shell(f"echo '{ONE_FAILED}'; exit 1", "unit"), (2, 1)),
        "a program dies before its summary": expect(shell("kill -SEGV $$", "unit"), (0, 1)),
        "a program dies after its summary": expect(
            shell(f"echo '{ALL_PASSED}'; exit 66", "unit"), (3, 1)
        ),
        "a program says nothing": expect(shell("exit 0", "unit"), (0, 1)),
        "a program has no case": expect(shell(f"echo '{NONE}'", "unit"), (0, 1)),
        "an example fails": expect(shell("exit 3", "example"), (0, 1)),
        "an example passes": expect(shell("exit 0", "example"), (1, 0)),
        "a program hangs, and what it started hangs": expect(
            shell("sleep 60 & wait", "example", 1), (0, 1)
        ),
    }


def setup_with(commands):
    """Runs tests/setup where only these commands exist and nobody may install."""
    with tempfile.TemporaryDirectory() as folder:
        for name in commands:
            os.symlink(shutil.which(name), Path(folder, name))
        Path(folder, "id").write_text("#!/bin/sh\necho 1000\n")
        Path(folder, "id").chmod(0o755)
        return gate.command(["/bin/sh", gate.ROOT / "tests" / "setup"], env={"PATH": folder})


def setup_says():
    tools = (
        "awk",
        "ls",
        "g++",
        "meson",
        "ninja",
        "ccache",
        "pkg-config",
        "cmake",
        "python3",
        "git",
    )
    quiet = setup_with(tools)
    missing = setup_with([tool for tool in tools if tool not in ("meson", "ninja")])
    return {
        "set-up is silent when nothing is missing": []
        if quiet == (0, "")
        else [f"ended with {quiet[0]}: {quiet[1]}"],
        "set-up names what it cannot install": []
        if missing[0] == 1 and "apt-get install meson ninja-build" in missing[1]
        else [f"ended with {missing[0]}: {missing[1]}"],
    }


def check(root):
    return {**counting(), **told(), **setup_says()} if root == gate.ROOT else {}


if __name__ == "__main__":
    gate.main(check, ())
