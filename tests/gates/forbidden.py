# SPDX-License-Identifier: BSL-1.0
"""Headers of mantis do not throw, define no macro but MANTIS_VERSION, and include none of the
costly headers."""

import re

import gate

NOWHERE = {
    "iostream",
    "regex",
    "filesystem",
    "functional",
    "ranges",
    "random",
    "cassert",
    "assert.h",
    "boost/intrusive/unordered_set.hpp",
    "boost/container/flat_map.hpp",
}
NOT_IN_CORE = {"memory", "chrono", "string", "mutex", "thread"}
# Set before the headers of a package are included, to choose how they work.
PACKAGE_MACROS = {"XXH_INLINE_ALL"}


def judge_includes(root, header):
    banned = NOWHERE | (NOT_IN_CORE if gate.floor_name(header) == "core" else set())
    return [
        f"include/{header}:{line}: <{name}> costs too much to include here"
        for line, _, name, _ in gate.includes(root, header)
        if name in banned
    ]


def judge_text(root, header):
    text = gate.without_comments((root / "include" / header).read_text(errors="replace"))
    problems = []
    for found in re.finditer(r"\b(throw|try|catch)\b|\busing\s+namespace\b|\bassert\s*\(", text):
        line = gate.line_of(text, found.start())
        if not re.search(r"static_$", text[: found.start()]):
            problems.append(
                f"include/{header}:{line}: '{found[0]}' has no place in a header of mantis"
            )
    for found in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.MULTILINE):
        allowed = found[1] in PACKAGE_MACROS or (
            header == "mantis/version.hpp" and found[1] == "MANTIS_VERSION"
        )
        if not allowed:
            problems.append(
                f"include/{header}:{gate.line_of(text, found.start(1))}: "
                f"defines the macro {found[1]}"
            )
    if "#pragma once" not in text:
        problems.append(f"include/{header}:1: no #pragma once")
    return problems


def check(root):
    return {
        f"forbidden in {header}": judge_includes(root, header) + judge_text(root, header)
        for header in gate.headers(root)
    }


BAD = tuple(
    (
        what,
        {f"include/mantis/{folder}/a.hpp": f"#pragma once\n{line}\n"},
        f"include/mantis/{folder}/a.hpp:2: {said}",
    )
    for what, folder, line, said in (
        ("<iostream>", "store", "#include <iostream>", "<iostream> costs"),
        ("<cassert>", "document", "#include <cassert>", "<cassert> costs"),
        ("<memory> in core", "core", "#include <memory>", "<memory> costs"),
        ("a throw", "wal", "inline void f() { throw 1; }", "'throw'"),
        ("a try", "wal", "inline void f() { try { } catch (...) { } }", "'try'"),
        ("a using namespace", "wal", "using namespace std;", "'using namespace'"),
        ("a macro", "core", "#define MANTIS_FAST 1", "defines the macro MANTIS_FAST"),
        ("an assert", "core", "inline void f() { assert(1); }", "'assert('"),
    )
) + (("a header without #pragma once", {"include/mantis/core/a.hpp": "\n"}, "no #pragma once"),)
GOOD = (
    (
        "words in comments and names",
        {
            "include/mantis/version.hpp": "#pragma once\n#define MANTIS_VERSION 1\n",
            "include/mantis/wal/a.hpp": "// throw, try\n#pragma once\n#include <memory>\n"
            "int try_lock();\n"
            "static_assert(true);\n",
        },
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
