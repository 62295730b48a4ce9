# SPDX-License-Identifier: BSL-1.0
"""What the gates share: reading the tree, running compilers, and proving that a gate can fail.

A gate is a function check(root) that returns {case: [problem, ...]}; a case without problems
passed. Each gate brings bad samples, small trees in which it must find a stated problem, and good
ones in which it must find none; they are tried on every run and counted like the cases.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORES = os.cpu_count() or 1
WARNINGS = (
    "-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wundef "
    "-Wnon-virtual-dtor -Werror"
).split()
# A floor-0 file has no folder; the other floors are folders of include/mantis.
FLOORS = {
    "config": 0,
    "version": 0,
    "fwd": 0,
    "core": 1,
    "platform": 2,
    "compress": 2,
    "metrics": 3,
    "sync": 3,
    "cache": 4,
    "wal": 4,
    "lock": 4,
    "page": 5,
    "index": 6,
    "txn": 7,
    "recovery": 7,
    "store": 8,
    "document": 9,
    "ext": 10,
    "mantis": 10,
}
# Headers of packages that only ext/ wants, and tests/setup installs where it can.
OPTIONAL = {"liburing.h"}
SYSTEM_INCLUDES = ("/usr/include", "/usr/local/include")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def headers(root):
    """Every header, as the path below include/."""
    return sorted(
        str(path.relative_to(root / "include")) for path in (root / "include").rglob("*.hpp")
    )


def compilable(root):
    """Every header but those that need a package which is not installed."""

    def lacks_a_package(header):
        return any(
            name in OPTIONAL and not any(Path(place, name).exists() for place in SYSTEM_INCLUDES)
            for reached in reachable(root, header)
            for _, _, name, _ in includes(root, reached)
        )

    return [header for header in headers(root) if not lacks_a_package(header)]


def floor_name(header):
    """mantis/core/bytes.hpp -> core; mantis/fwd.hpp -> fwd."""
    parts = Path(header).with_suffix("").parts
    return parts[1]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(root, header):
    """Yields (line, bracket, name, header path or None) for each #include of a header."""
    text = (root / "include" / header).read_text(errors="replace")
    for found in INCLUDE.finditer(text):
        bracket, name = found[1], found[2]
        inside = None
        if bracket == '"':
            inside = os.path.normpath(str(Path(header).parent / name))
        elif name.startswith("mantis/"):
            inside = os.path.normpath(name)
        yield line_of(text, found.start()), bracket, name, inside


def reachable(root, header):
    """The header and every header of mantis that it includes, directly or not."""
    seen, waiting = set(), [header]
    while waiting:
        current = waiting.pop()
        if current in seen or not (root / "include" / current).exists():
            continue
        seen.add(current)
        waiting += [inside for _, _, _, inside in includes(root, current) if inside]
    return seen


def without_comments(text, keep_strings=False):
    """The text with comments, and string and character literals, blanked; every line break stays
    where it was."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'",
        re.DOTALL,
    )

    def blank(found):
        literal = found[0]
        if literal[0] != "/" and keep_strings:
            return literal
        blanked = re.sub(r"[^\n]", " ", literal)
        return blanked if literal[0] == "/" else '"' + blanked[1:-1] + '"'

    return pattern.sub(blank, text)


def tree(root):
    """Every file of the project, as paths below root; what git ignores is left out."""
    if (root / ".git").exists():
        listed = subprocess.run(
            [
                "git",
                "-C",
                str(root),
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
    else:
        listed = [
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and path.relative_to(root).parts[0] != "build"
        ]
    return sorted({name for name in listed if name and (root / name).is_file()})


def parallel(work, items):
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(work, items))


def command(arguments, **more):
    """Runs a program. Returns its exit status and everything it said."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **more,
    )
    return done.returncode, done.stdout


def tail(text, lines=40):
    return "\n    ".join(text.strip().splitlines()[-lines:])


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def try_sample(check, files, expected):
    """Returns what is wrong with the gate, judged by one sample; expected is None for a good
    one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_tree(root, files)
        problems = [problem for found in check(root).values() for problem in found]
    if expected is None:
        return [f"a good sample was refused: {problem}" for problem in problems]
    if not any(expected in problem for problem in problems):
        return [f"a bad sample was not refused with '{expected}' but with {problems}"]
    return []


def main(check, bad, good=()):
    """Tries the samples, checks the project, prints the problems and the counts, and ends the
    program."""
    cases = {}
    for title, files, expected in bad:
        cases[f"self-test: {title}"] = try_sample(check, files, expected)
    for title, files in good:
        cases[f"self-test: {title}"] = try_sample(check, files, None)
    cases.update(check(ROOT))
    failed = {case: problems for case, problems in cases.items() if problems}
    for case, problems in failed.items():
        print(f"{case}:")
        for problem in problems:
            print(f"    {problem}")
    print(f"{len(cases) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)
