#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Tests the mantis tool as its users meet it: commands, messages, exit codes, and SIGKILL.

    tests/tool/run.py               every case; ends with "N passed, N failed"
    tests/tool/run.py --only WORD   the cases with WORD in their names
    MANTIS_TOOL=FILE                the tool; build/examples/mantis otherwise
    MANTIS_KILLS=N                  how many imports to kill; 30 otherwise
    MANTIS_SHARED=DIR               the folder of real data; ../shared/data otherwise
"""

import argparse
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import tool  # noqa: E402 (after the line above, as are the next ten)
import commands  # noqa: E402,F401 (registers its cases)
import forging  # noqa: E402,F401
import full_checking  # noqa: E402,F401
import importing  # noqa: E402,F401
import in_pages  # noqa: E402,F401
import killing  # noqa: E402,F401
import log_verifying  # noqa: E402,F401
import mistakes  # noqa: E402,F401
import real_data  # noqa: E402,F401
import recovering  # noqa: E402,F401
import scrubbing  # noqa: E402,F401


def main():
    parser = argparse.ArgumentParser(prog="tests/tool/run.py")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--times", action="store_true", help="print the seconds of each case")
    chosen = parser.parse_args()
    if not tool.TOOL.exists():
        print(f"there is no {tool.TOOL}: build it, or name it in MANTIS_TOOL")
        print("0 passed, 1 failed")
        return 1
    counts = {"passed": 0, "skipped": 0, "failed": 0}
    for function in tool.CASES:
        if chosen.only not in function.__name__:
            continue
        started = time.monotonic()
        kind, text = tool.try_case(function)
        counts[kind] += 1
        if kind == "failed":
            print(
                f"FAILED {function.__name__}: {' '.join(function.__doc__.split())}\n    {text}",
                flush=True,
            )
        elif kind == "skipped":
            print(f"skipped {function.__name__}: {text}", flush=True)
        elif text or chosen.times:
            print(f"{time.monotonic() - started:6.2f} s {function.__name__} {text}", flush=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
