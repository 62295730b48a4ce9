# SPDX-License-Identifier: BSL-1.0
"""Lines, files and functions are short, text is ASCII, each file says its license, each header has
a test of its name.

tests/tidy/ratchet.txt holds how many lines, files, functions and headers may still break each rule.
A number may only fall: more is refused, fewer must be written down, and so is a number raised above
one that git remembers.
"""

import re
import subprocess
from pathlib import Path

import functions
import gate

COLUMNS, FILE_LINES, FUNCTION_LINES = 100, 500, 60
RATCHET = "tests/tidy/ratchet.txt"
CODE = (".hpp", ".cpp", ".h", ".py", ".sh", ".build")
SCRIPTS = ("tests/run", "tests/setup", "examples/run", "benchmarks/run", ".ci/run")
NO_TWIN = {"mantis/fwd.hpp", "mantis/config.hpp", "mantis/version.hpp", "mantis/mantis.hpp"}
UNFINISHED = re.compile(
    r"TO"
    r"DO|FIX"
    r"ME|\bXX"
    r"X\b|not imple"
    r"mented|unimple"
    r"mented|place"
    r"holder|\bfor no"
    r"w\b"
)
EMPTY_TEST = re.compile(
    r"(CHECK|REQUIRE)\(true\)|doctest::skip|doctest::may_fail|doctest::should_fail|SUC" r"CEED\("
)


def is_code(name):
    return name.endswith(CODE) or name in SCRIPTS


def over_columns(name, text):
    return [
        f"{name}:{number}: {len(line)} columns"
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > COLUMNS
    ]


def over_file_lines(name, text):
    count = len(text.splitlines())
    return [f"{name}: {count} lines"] if count > FILE_LINES else []


def over_function_lines(name, text):
    if not name.endswith((".hpp", ".cpp")):
        return []
    return [
        f"{name}:{first}: {function} has {count} lines"
        for function, first, count in functions.functions(text)
        if count > FUNCTION_LINES
    ]


def without_twin(name, names):
    path = Path(name)
    if path.parts[0] != "include" or path.suffix != ".hpp" or "detail" in path.parts:
        return []
    header = path.relative_to("include")
    twin = str(Path("tests", *header.parts[1:]).with_suffix(".cpp"))
    return [f"{name}: no test {twin}"] if str(header) not in NO_TWIN and twin not in names else []


def plain_faults(name, text):
    """What no file may ever do."""
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.isascii():
            problems.append(f"{name}:{number}: not ASCII")
        if line != line.rstrip() or "\t" in line:
            problems.append(f"{name}:{number}: a tab, or blanks at the end")
        if UNFINISHED.search(line):
            problems.append(f"{name}:{number}: says that something is unfinished: {line.strip()}")
        if name.endswith(".cpp") and EMPTY_TEST.search(line):
            problems.append(
                f"{name}:{number}: a test that cannot fail or does not run: {line.strip()}"
            )
    if "SPDX-License-Identifier: BSL-1.0" not in "\n".join(text.splitlines()[:2]):
        problems.append(f"{name}:1: no SPDX line")
    return problems


def numbers(text):
    return {
        name: int(count)
        for name, count in (
            line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")
        )
    }


def remembered(root):
    """The lowest number of each rule in the history of the ratchet."""
    lowest = {}
    if not (root / ".git").exists():
        return lowest
    done = subprocess.run(
        ["git", "-C", str(root), "log", "--format=%H", "--", RATCHET],
        capture_output=True,
        text=True,
        check=False,
    )
    for commit in done.stdout.split():
        old = subprocess.run(
            ["git", "-C", str(root), "show", f"{commit}:{RATCHET}"],
            capture_output=True,
            text=True,
            check=False,
        )
        for name, count in numbers(old.stdout).items() if old.returncode == 0 else ():
            lowest[name] = min(count, lowest.get(name, count))
    return lowest


def judge(rule, found, allowed, lowest):
    """One rule against its number."""
    if allowed is None:
        return [f"{RATCHET} has no number for {rule}"]
    if allowed > lowest:
        return [f"{RATCHET}: {rule} was {lowest} before and may only fall, but is {allowed}"]
    if len(found) > allowed:
        return [f"{len(found)} where {allowed} may be:", *found]
    if len(found) < allowed:
        return [f"{RATCHET}: {rule} is {allowed}, and {len(found)} are left; lower the number"]
    return []


def check(root):
    names = gate.tree(root)
    found = {"columns": [], "file_lines": [], "function_lines": [], "headers_without_test": []}
    faults = []
    for name in filter(is_code, names):
        text = (root / name).read_text(errors="replace")
        found["columns"] += over_columns(name, text)
        found["file_lines"] += over_file_lines(name, text)
        found["function_lines"] += over_function_lines(name, text)
        found["headers_without_test"] += without_twin(name, names)
        faults += plain_faults(name, text)
    ratchet = root / RATCHET
    allowed = numbers(ratchet.read_text()) if ratchet.exists() else {}
    lowest = remembered(root)
    cases = {
        f"tidy {rule}": judge(
            rule, places, allowed.get(rule), lowest.get(rule, allowed.get(rule, 0))
        )
        for rule, places in found.items()
    }
    cases["tidy text"] = faults
    return cases


SPDX = "// SPDX-License-Identifier: BSL-1.0\n"
NONE_LEFT = "columns 0\nfile_lines 0\nfunction_lines 0\nheaders_without_test 0\n"
LONG_BODY = "{\n" + "    work();\n" * 60 + "}\n"


def sample(text, name="examples/a.cpp", ratchet=NONE_LEFT):
    return {name: SPDX + text, RATCHET: ratchet}


BAD = (
    ("a long line", sample("int " + "a" * 97 + ";\n"), "examples/a.cpp:2: 102 columns"),
    ("a long file", sample("\n" * 500), "examples/a.cpp: 501 lines"),
    ("a long function", sample("void f() " + LONG_BODY), "examples/a.cpp:2: f has 62 lines"),
    (
        "a long member in a class in a namespace",
        sample(
            "namespace a {\ntemplate <class T>\nclass b : c<d()> {\n    int x{1};\n"
            "    b() : x{1}, y{2} " + LONG_BODY + "};\n}\n"
        ),
        "examples/a.cpp:6: b has 62 lines",
    ),
    (
        "a long lambda in a variable's function",
        sample("struct a {\n    auto f() const -> int " + LONG_BODY + "};\n"),
        "f has 62 lines",
    ),
    ("a long test case", sample('TEST_CASE("text {") ' + LONG_BODY), "TEST_CASE has 62 lines"),
    ("a letter outside ASCII", sample("// na\u00efve\n"), "examples/a.cpp:2: not ASCII"),
    ("a blank at the end", sample("int a; \n"), "examples/a.cpp:2: a tab, or blanks"),
    (
        "a missing license",
        {"examples/a.cpp": "int a;\n", RATCHET: NONE_LEFT},
        "examples/a.cpp:1: no SPDX line",
    ),
    ("an unfinished thing", sample("// TO" "DO\n"), "unfinished"),
    ("a test that cannot fail", sample("CHECK" "(true);\n"), "cannot fail"),
    (
        "a header without a test",
        sample("\n", "include/mantis/core/a.hpp"),
        "no test tests/core/a.cpp",
    ),
    (
        "a number that could be lower",
        sample("\n", ratchet=NONE_LEFT.replace("lines 0", "lines 1")),
        "lower the number",
    ),
    ("a number that is missing", sample("\n", ratchet=""), "has no number for columns"),
)
GOOD = (
    (
        "short files",
        {
            **sample(
                "namespace a {\nclass b {\n"
                + "    void f() {\n        work();\n    }\n" * 40
                + "};\n}\n"
            ),
            "include/mantis/core/detail/x.hpp": SPDX,
            "include/mantis/fwd.hpp": SPDX,
            "include/mantis/core/a.hpp": SPDX,
            "tests/core/a.cpp": SPDX,
        },
    ),
    (
        "as many as the ratchet allows",
        sample(
            "void f() " + LONG_BODY,
            ratchet=NONE_LEFT.replace("function_lines 0", "function_lines 1"),
        ),
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
