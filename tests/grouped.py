# SPDX-License-Identifier: BSL-1.0
"""Writes one source for every few test files of a folder, and prints the sources to compile.

A test file costs little; the store or the log that it instantiates costs most of a minute, and is
the same in all of them. Each file stays what it is, and its lines keep their numbers: it is
included inside a namespace of its own, behind everything that the files of the group include. What
has to stand alone does: files that define something for the whole program, or include under a
condition.

    grouped.py FOLDER TO COUNT [PATTERN]     only the files in which the pattern is found
"""

import re
import sys
from pathlib import Path

ALONE = re.compile(
    r"^\s*#\s*(define|if|undef)|operator new|^namespace (?!\{|[a-z_]+ = )|^template <>",
    re.MULTILINE,
)
INCLUDE = re.compile(r'^#include (<[^>]+>|"([^"]+)")', re.MULTILINE)


def includes(path, text):
    """The include lines of a file, with full paths where they are relative to it."""
    for line, relative in INCLUDE.findall(text):
        yield f'#include "{path.parent / relative}"' if relative else f"#include {line}"


def namespace_of(path, folder):
    return "_".join(path.relative_to(folder).with_suffix("").parts) + "_tests"


def grouped(files, folder):
    lines = ["// Generated: see tests/grouped.py."]
    for path, text in files:
        lines += [line for line in includes(path, text) if line not in lines]
    for path, _ in files:
        lines += [f"namespace {namespace_of(path, folder)} {{", f'#include "{path}"', "}"]
    return "\n".join(lines) + "\n"


def main(folder, target, count, pattern=""):
    folder = Path(folder).resolve()
    together = []
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        if not re.search(pattern, text):
            continue
        if ALONE.search(text):
            print(path)
        else:
            together.append((path, text))
    for start in range(0, len(together), int(count)):
        written = Path(target) / f"{folder.name}_{start // int(count)}.cpp"
        contents = grouped(together[start : start + int(count)], folder)
        if not written.exists() or written.read_text(encoding="utf-8") != contents:
            written.write_text(contents, encoding="utf-8")
        print(written)


if __name__ == "__main__":
    main(*sys.argv[1:])
