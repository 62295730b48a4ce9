# SPDX-License-Identifier: BSL-1.0
"""Proves that the tests see what they are for: each deliberate bug of tests/mutants is put into a
copy of include/, and the test program that it names must fail.

    tests/mutants/run.py [NAME ...]     only the mutants with one of these in their names

One line for each mutant: killed or SURVIVED, by which test case, after how many seeds, seconds. A
test that hangs, or that the simulator stops, is a kill too, and is said to be one. First the same
programs must pass without a bug. The table is also left in build/mutants/report.txt.
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checkpoint
import checkpoint_life
import durability
import failing_io
import index_errors
import lock
import lock_manager
import log
import log_writer
import log_reading
import manifest
import memory
import metrics
import opening
import page_tree
import paged_tables
import pages
import properties
import resources
import recovery
import retention
import scrub
import segments
import slotted
import store_pages
import sync
import transactions
import typed_tables
import uring

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutants"
MUTANTS = (
    *log.MUTANTS,
    *log_writer.MUTANTS,
    *log_reading.MUTANTS,
    *segments.MUTANTS,
    *opening.MUTANTS,
    *checkpoint.MUTANTS,
    *checkpoint_life.MUTANTS,
    *recovery.MUTANTS,
    *manifest.MUTANTS,
    *retention.MUTANTS,
    *scrub.MUTANTS,
    *failing_io.MUTANTS,
    *transactions.MUTANTS,
    *typed_tables.MUTANTS,
    *index_errors.MUTANTS,
    *durability.MUTANTS,
    *memory.MUTANTS,
    *resources.MUTANTS,
    *sync.MUTANTS,
    *page_tree.MUTANTS,
    *paged_tables.MUTANTS,
    *pages.MUTANTS,
    *metrics.MUTANTS,
    *lock.MUTANTS,
    *lock_manager.MUTANTS,
    *properties.MUTANTS,
    *slotted.MUTANTS,
    *store_pages.MUTANTS,
    *uring.MUTANTS,
)
JOBS = min(2, os.cpu_count() or 1)
LIMIT_SECONDS = 120
# Without optimization: most mutants die early, so compiling is most of the work.
OPTIONS = "-std=c++20 -O0 -pthread".split()
COMPILER = (["ccache"] if shutil.which("ccache") else []) + ["g++"]

# Tests count their seeds from the first of a block, which begins at a multiple of this ...
SEED_BLOCK = 100_000
# ... and the first block at 1, but in these at 0.
SEEDS_FROM_ZERO = ("sync/", "page/", "metrics/", "lock/fairness.cpp", "platform/atomic_replace.cpp")
# Tests that go through all schedules do so with one seed.
ALL_SCHEDULES = "every schedule"

# How a test program ended; `said` is why it failed, empty when it passed.
Ending = namedtuple("Ending", "said case seed")


class Broken(Exception):
    """A mutant that is none: it does not fit the source, or does not compile."""


def compiled(source, include, program):
    """Compiles one test file against a tree of headers."""
    program.parent.mkdir(parents=True, exist_ok=True)
    unit = program.with_suffix(".o")
    package = ["-luring"] if uring.MUTANTS and "ext" in Path(source).parts else []
    for command in (
        [*COMPILER, *OPTIONS, f"-I{include}", "-c", source, "-o", unit],
        ["g++", "-pthread", unit, WORK / "main.o", "-lrapidcheck", "-lz", *package, "-o", program],
    ):
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Broken("does not compile:\n" + done.stderr[:3000])
    return program


def ending_of(command):
    """Runs a test program up to its first failure."""
    folder = Path(command[0]).parent / "scratch"
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        # Lines come as they are written, so that the first failure is the last thing waited for.
        [*(["stdbuf", "-oL"] if shutil.which("stdbuf") else []), *map(str, command)],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "MANTIS_LONG"},
            "MANTIS_FIXTURES": str(ROOT / "tests" / "fixtures"),
            "TMPDIR": str(folder),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, hangs = read_until_failure(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return judged(said, hangs, process.returncode)


def read_until_failure(process):
    """Returns the output and whether the time limit ended it."""
    until = time.monotonic() + LIMIT_SECONDS
    said = b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < until:
            if not ready.select(timeout=1.0):
                continue
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                process.wait(timeout=LIMIT_SECONDS)
                return said.decode(errors="replace"), False
            said += piece
            # A failure is told in one paragraph.
            if re.search(rb" (FATAL )?ERROR: .*?\n\n", said, re.DOTALL):
                return said.decode(errors="replace"), False
    return said.decode(errors="replace"), True


def judged(said, hangs, status):
    case = re.search(r"^TEST CASE:\s+(.+(?:\n  .+)*)", said, re.MULTILINE)
    case = re.sub(r"\s+", " ", case[1]) if case else ""
    stopped = re.search(r"simulation of seed (\d+): (dead-lock|no end)", said)
    if stopped:
        return Ending(stopped[2], case, int(stopped[1]))
    failure = re.search(r" (?:FATAL )?ERROR: (.*?)\n(.*?)(?:\n\n|\Z)", said, re.DOTALL)
    if failure:
        seed = re.search(r"\bseed := (\d+)", failure[2])
        return Ending(failure[1], case, int(seed[1]) if seed else None)
    if hangs:
        return Ending("limit", case, None)
    passed = re.search(r"test cases:\s*(\d+) \|\s*(\d+) passed \| 0 failed", said)
    if passed and int(passed[1]) > 0 and status == 0:
        return Ending("", "", None)
    if passed and int(passed[1]) == 0:
        raise Broken("no test case has the name that it gives")
    return Ending(f"ended with {status}", case, None)


def command_of(program, cases):
    return [program, "--no-intro=true", *([f"--test-case=*{cases}*"] if cases else [])]


def words_for_seeds(test, ending):
    """How many seeds the test tried, the failing one included; nothing where it has none."""
    if ending.seed is None or ending.case.startswith(ALL_SCHEDULES):
        return ""
    from_one = ending.seed < SEED_BLOCK and not test.startswith(SEEDS_FROM_ZERO)
    return f"{ending.seed % SEED_BLOCK + (0 if from_one else 1):4} seeds"


def shortened(case):
    return case if len(case) < 80 else case[:77] + "..."


def patched(mutant, headers):
    """A copy of the headers with the bug. Fails loudly when the source has moved on."""
    folder = WORK / mutant.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(headers, folder / "include")
    target = folder / "include" / "mantis" / mutant.file
    text = target.read_text()
    for old, new in mutant.edits:
        found = text.count(old)
        if found != 1:
            raise Broken(f"include/mantis/{mutant.file} has {found} times, not once:\n{old}")
        text = text.replace(old, new)
    target.write_text(text)
    return folder / "include"


def try_mutant(mutant, headers):
    """Returns whether it was killed, and a line about it."""
    started = time.monotonic()
    try:
        include = patched(mutant, headers)
        program = compiled(ROOT / "tests" / mutant.test, include, WORK / mutant.name / "test")
        ending = ending_of(command_of(program, mutant.cases))
        shutil.rmtree(WORK / mutant.name)
    except Broken as why:
        return False, f"BROKEN    {mutant.name}: {why}"
    seconds = time.monotonic() - started
    if not ending.said:
        return False, (
            f"SURVIVED  {mutant.name:34} {mutant.test}  {seconds:.1f} s\n"
            f"          {mutant.file}: {mutant.breaks}"
        )
    return True, (
        f"killed    {mutant.name:34} {words_for_seeds(mutant.test, ending):10} "
        f'{seconds:5.1f} s  {mutant.test}: "{shortened(ending.case)}"'
        + (f" [{ending.said}]" if ending.said in ("dead-lock", "no end", "limit") else "")
    )


def try_unmutated(test, headers):
    started = time.monotonic()
    try:
        program = compiled(ROOT / "tests" / test, headers, WORK / "none" / Path(test).stem / "test")
        ending = ending_of(command_of(program, ""))
    except Broken as why:
        return False, f"BROKEN    {test} without a bug: {why}"
    seconds = time.monotonic() - started
    if ending.said:
        return False, f'FAILED    {test} without a bug, in "{ending.case}": {ending.said}'
    return True, f"passes    {test:34} {'':10} {seconds:5.1f} s"


def chosen(words):
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)), "two mutants have one name"
    return [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]


def work_through(pool, mutants, headers, report):
    """Returns how many were killed and how many not."""

    def tell(outcomes):
        good = bad = 0
        for well, line in outcomes:
            print(line, flush=True)
            report.write(line + "\n")
            good, bad = good + well, bad + (not well)
        return good, bad

    tests = sorted({mutant.test for mutant in mutants})
    _, failing = tell(pool.map(lambda test: try_unmutated(test, headers), tests))
    if failing:
        print("nothing can be said of the mutants: their tests fail without them")
        return 0, failing
    return tell(pool.map(lambda mutant: try_mutant(mutant, headers), mutants))


def main():
    mutants = chosen(sys.argv[1:])
    started = time.monotonic()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    # One state of the tree for all, whoever edits it meanwhile.
    headers = WORK / "include"
    shutil.copytree(ROOT / "include", headers)
    subprocess.run(
        [*COMPILER, *OPTIONS, "-c", str(ROOT / "tests/main.cpp"), "-o", str(WORK / "main.o")],
        check=True,
    )
    with ThreadPoolExecutor(JOBS) as pool:
        with open(WORK / "report.txt", "w", encoding="utf-8") as report:
            killed, left = work_through(pool, mutants, headers, report)
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    print(f"note: {minutes} min {seconds} s; the table is build/mutants/report.txt")
    print(f"{killed} passed, {left} failed")
    return 1 if left or not killed else 0


if __name__ == "__main__":
    sys.exit(main())
