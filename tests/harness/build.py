# SPDX-License-Identifier: BSL-1.0
"""One build directory: configures it, builds the test programs, runs them and counts the cases."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORES = os.cpu_count() or 1
SCRATCH = ROOT / "build" / "scratch"
# The suites whose programs print a summary: doctest's, or "N passed, N failed".
COUNTED = ("unit", "script")
SUMMARY = re.compile(
    r"(?:test cases:\s*\d+ \|\s*|^)(\d+) passed(?: \||,)\s*(\d+) failed", re.MULTILINE
)


class Tally:
    """Counts, and prints one line for each thing that ran; the output of what failed follows its
    line."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, name, passed, failed, seconds, output):
        self.passed += passed
        self.failed += failed
        verdict = "FAILED" if failed else "ok"
        counts = f"{passed} passed" + (f", {failed} failed" if failed else "")
        print(f"{verdict:6} {name:34} {seconds:6.1f} s  {counts}", flush=True)
        if failed:
            said = what_failed(output).strip().splitlines()
            print("\n".join("       | " + line for line in said), flush=True)
        else:
            for line in output.splitlines():
                if re.search(r"\bskipp(ed|ing)\b|^note: ", line) and "test cases:" not in line:
                    print(f"       {line.strip()}", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


class Build:
    """A Meson build directory with its compiler and options."""

    def __init__(self, directory, compiler=None, options=()):
        self.directory = ROOT / directory
        self.environment = dict(os.environ)
        self.options = list(options)
        if compiler:
            self.environment["CXX"] = f"ccache {compiler}"

    def configure(self):
        """Configures when there is no build yet, and again when a source came or went. Returns what
        went wrong."""
        listed = "\n".join(
            sorted(
                str(path.relative_to(ROOT))
                for folder in ("include", "tests", "examples")
                for path in (ROOT / folder).rglob("*.[ch]pp")
            )
        )
        record = self.directory / "configured-for.txt"
        fresh = not (self.directory / "build.ninja").exists()
        if not fresh and record.exists() and record.read_text() == listed:
            return ""
        command = ["meson", "setup", *self.options, str(self.directory), str(ROOT)]
        if not fresh:
            command.insert(2, "--reconfigure")
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            return done.stdout + done.stderr
        record.write_text(listed)
        return ""

    def introspect(self, what):
        return json.loads(
            subprocess.run(
                ["meson", "introspect", what, str(self.directory)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )

    def make(self, tests):
        """Builds as much as can be built. Returns the compiler's words about what could not."""
        wanted = {name for test in tests for name in test["depends"]}
        targets = [
            os.path.relpath(target["filename"][0], self.directory)
            for target in self.introspect("--targets")
            if target["id"] in wanted
        ]
        done = subprocess.run(
            ["ninja", "-k", "0", f"-j{CORES}", "-C", str(self.directory), *sorted(targets)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if done.returncode == 0 else failures_of_ninja(done.stdout + done.stderr)

    def run(self, tally, label, only, environment, suites):
        """Builds and runs every test of these suites whose name has `only` in it."""
        started = time.monotonic()
        trouble = self.configure()
        if trouble:
            tally.add(label + "configure", 0, 1, time.monotonic() - started, trouble)
            return
        tests = [
            test
            for test in self.introspect("--tests")
            if only in label + test["name"] and any(name.endswith(suites) for name in test["suite"])
        ]
        if not tests:
            return
        trouble = self.make(tests)
        tally.add(
            label + "build",
            0 if trouble else 1,
            1 if trouble else 0,
            time.monotonic() - started,
            trouble,
        )
        with ThreadPoolExecutor(CORES) as pool:
            for name, outcome in pool.map(
                lambda test: (test["name"], run_test(test, environment)), tests
            ):
                tally.add(label + name, *outcome)


def what_failed(output):
    """The cases of doctest's output that failed, and how it ended, without the words of the cases
    that passed; all of it when no case says that it failed."""
    head, *cases = re.split(r"^={79}$\n", output, flags=re.MULTILINE)
    failed = [case for case in cases[:-1] if re.search(r"\bERROR\b|runtime error", case)]
    return "".join([head, *failed, cases[-1]]) if failed else output


def failures_of_ninja(output):
    """The part of ninja's output that says what failed."""
    kept = [
        line for line in output.splitlines() if not re.match(r"\[\d+/\d+\] |ninja: Entering", line)
    ]
    return "\n".join(kept)


def run_test(test, environment):
    """Runs one program. Returns passed, failed, seconds, output."""
    program = Path(test["cmd"][0])
    if not program.exists():
        return 0, 1, 0.0, "was not built"
    started = time.monotonic()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        output, trouble = run_program(
            test["cmd"], {**test["env"], **environment}, folder, test["timeout"]
        )
    seconds = time.monotonic() - started
    counted = any(suite.endswith(COUNTED) for suite in test["suite"])
    passed, failed, more = count_cases(output, trouble, counted)
    return passed, failed, seconds, output + more


def run_program(command, environment, folder, timeout):
    """Returns what it said, and how it ended when that was not well."""
    # A session of its own, so that a time-out also ends what the program started.
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=folder,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
        return output, "" if process.returncode == 0 else f"ended with {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return output, f"was stopped after {timeout} s"


def count_cases(output, trouble, counted):
    """Returns passed, failed and a line about what is wrong beside failed cases. A program that
    does not count its cases is one case."""
    if not counted:
        return (0, 1, trouble) if trouble else (1, 0, "")
    summary = SUMMARY.search(output)
    if summary is None:
        return 0, 1, f"{trouble or 'ended with 0'} before its last test case"
    passed, failed = (int(number) for number in summary.groups())
    if trouble and failed == 0:
        return passed, 1, trouble
    if passed + failed == 0:
        return 0, 1, "has no test case"
    return passed, failed, ""
