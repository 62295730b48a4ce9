# SPDX-License-Identifier: BSL-1.0
"""The body of tests/run: builds and runs the tests and the gates, and counts."""

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from build import CORES, ROOT, Build, Tally, run_test

# In this order: first what only reads text and fails within seconds.
TEXT_GATES = (
    "floor_plan",
    "outside_world",
    "forbidden",
    "tidy",
    "umbrella",
    "documents",
    "harness",
)
COMPILED_GATES = ("headers", "compile_fail", "include_cost", "consumers", "benchmarks")

# Little is inlined: that compiles in two thirds of the time, and runs as fast, for what takes the
# time under a sanitizer is the sanitizer.
SANITIZED = [
    "-Doptimization=1",
    "-Dcpp_args=['-gline-tables-only', '-mllvm', '-inline-threshold=25']",
    "-Db_lundef=false",
]
# The suites of each: an example does nothing that a test does not do, and the programs that are
# scripts run one thread at a time, in the simulator or because there is only one.
EVERYTHING = ("unit", "script", "program", "example")
MATRIX = (
    ("gcc-12", "g++-12", [], EVERYTHING),
    (
        "asan+ubsan",
        "clang++-16",
        SANITIZED + ["-Db_sanitize=address,undefined"],
        ("unit", "script", "program"),
    ),
    ("tsan", "clang++-19", SANITIZED + ["-Db_sanitize=thread"], ("unit",)),
)
# An entry of the matrix that is the default compiler was run without --matrix.
DEFAULT_COMPILER = os.path.realpath(shutil.which(os.environ.get("CXX", "c++")) or "")
# They compile every test above, with the same warnings; and every header alone.
MORE_COMPILERS = ("clang++-16", "clang++-19")
FUZZER = "clang++-19"
FUZZ_OPTIONS = (
    "-std=c++20 -g1 -O1 -Wall -Wextra -Werror -Iinclude "
    "-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
).split()
FUZZ_SECONDS, LONG_FUZZ_SECONDS = 15, 300
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def run_gate(tally, name, *options):
    label = " ".join(["gate", name, *(option for option in options if not option.startswith("-"))])
    run_script(tally, label, ROOT / "tests/gates" / f"{name}.py", *options)


def run_script(tally, label, script, *options):
    """Runs a script that ends with its counts."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-B", str(script), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    counts = re.search(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    passed, failed = (int(counts[1]), int(counts[2])) if counts else (0, 0)
    if done.returncode != 0 and failed == 0:
        failed = 1
    tally.add(label, passed, failed, time.monotonic() - started, output)


def run_default(tally, only, environment):
    for gate in TEXT_GATES:
        if only in "gate " + gate:
            run_gate(tally, gate)
    Build("build").run(tally, "", only, environment, EVERYTHING)
    for gate in COMPILED_GATES:
        if only in "gate " + gate:
            run_gate(tally, gate)
    if "MANTIS_LONG" in environment and only in "mutants":
        run_script(tally, "mutants", ROOT / "tests/mutants/run.py")


def run_matrix(tally, only, environment):
    for name, compiler, options, suites in MATRIX:
        if not shutil.which(compiler):
            tally.add(f"{name}/compiler", 0, 1, 0.0, f"{compiler} is not installed")
            continue
        if not options and os.path.realpath(shutil.which(compiler)) == DEFAULT_COMPILER:
            continue
        Build(f"build/matrix/{name}", compiler, options).run(
            tally, f"{name}/", only, {**SANITIZER_OPTIONS, **environment}, suites
        )
    for compiler in MORE_COMPILERS:
        for gate in ("headers", "compile_fail"):
            if only in f"gate {gate} {compiler}":
                run_gate(tally, gate, "--compiler", compiler)
    run_fuzz(tally, only, environment)


def run_fuzz(tally, only, environment):
    """Each file of tests/fuzz is a target: it must get through some seconds of inputs, and through
    those kept in the folder of its name in tests/fuzz/corpus."""
    seconds = LONG_FUZZ_SECONDS if "MANTIS_LONG" in environment else FUZZ_SECONDS
    folder = ROOT / "build" / "matrix" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    targets = [
        path for path in sorted((ROOT / "tests/fuzz").glob("*.cpp")) if only in f"fuzz/{path.stem}"
    ]
    with ThreadPoolExecutor(CORES) as pool:
        outcomes = pool.map(lambda path: fuzz(path, folder, seconds), targets)
        for path, outcome in zip(targets, outcomes):
            tally.add(f"fuzz/{path.stem}", *outcome)


def fuzz(path, folder, seconds):
    """Returns passed, failed, seconds, output."""
    started = time.monotonic()
    program = folder / path.stem
    compiled = subprocess.run(
        [FUZZER, *FUZZ_OPTIONS, str(path), "-lboost_json", "-o", str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode != 0:
        return 0, 1, time.monotonic() - started, compiled.stderr
    # What is found goes to the build folder; what is kept in the tree is only read.
    kept = ROOT / "tests/fuzz/corpus" / path.stem
    found = folder / f"{path.stem}.corpus"
    found.mkdir(exist_ok=True)
    corpus = [str(found), str(kept)] if kept.is_dir() else []
    test = {
        "cmd": [str(program), f"-max_total_time={seconds}", "-print_final_stats=1", *corpus],
        "env": {},
        "timeout": seconds + 120,
        "suite": ["fuzz"],
    }
    passed, failed, _, output = run_test(test, SANITIZER_OPTIONS)
    return passed, failed, time.monotonic() - started, output


def alone():
    """Waits for another run in this tree; two would build over each other.
    Returns what keeps others waiting while it is open.
    """
    (ROOT / "build").mkdir(exist_ok=True)
    lock = open(ROOT / "build" / "running", "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another tests/run in this tree", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def main():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="", metavar="NAME")
    chosen = parser.parse_args()
    environment = {"MANTIS_LONG": "1"} if chosen.long else {}
    os.environ.setdefault("CCACHE_SLOPPINESS", "include_file_mtime,include_file_ctime")
    running = alone()
    tally = Tally()
    (run_matrix if chosen.matrix else run_default)(tally, chosen.only, environment)
    if tally.passed + tally.failed == 0:
        print(f"nothing has {chosen.only} in its name")
        tally.failed = 1
    running.close()
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
