# SPDX-License-Identifier: BSL-1.0
"""Every header compiles alone and twice, without exceptions and RTTI, and with min and max defined
as macros.

    --compiler NAME    another compiler than g++
"""

import sys
import tempfile
from pathlib import Path

import gate

COMPILER = sys.argv[sys.argv.index("--compiler") + 1] if "--compiler" in sys.argv else "g++"
# Has its own ways of being included, and undoes no macro.
NOT_FIRST = {"xxhash.h"}


def compile_text(root, name, text, options):
    """Compiles a file of that text. Returns the compiler's words when it refuses."""
    # The same place on every run of the project itself, so that the compiler's cache knows it
    # again.
    with tempfile.TemporaryDirectory() as temporary:
        folder = gate.ROOT / "build" / "gates" / "headers" if root == gate.ROOT else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / (name + ".cpp")
        if not source.exists() or source.read_text() != text:
            source.write_text(text)
        made = source.with_suffix("." + COMPILER.replace("+", "p") + ".o")
        failed, said = gate.command(
            [
                "ccache",
                COMPILER,
                "-std=c++20",
                *gate.WARNINGS,
                *options,
                "-Iinclude",
                "-c",
                source,
                "-o",
                made,
            ],
            cwd=root,
        )
    return [gate.tail(said)] if failed else []


def alone(root, header):
    text = f"#include <{header}>\n#include <{header}>\n"
    name = header.replace("/", "-").removesuffix(".hpp")
    return compile_text(root, name, text, ["-fno-exceptions", "-fno-rtti"])


def outside_headers(root):
    """What the headers of mantis include of others: included first, for some of it undefines min
    and max."""
    return sorted(
        {
            name
            for header in gate.compilable(root)
            for _, _, name, inside in gate.includes(root, header)
            if inside is None and name not in NOT_FIRST
        }
    )


def under_macros(root):
    lines = [f"#include <{name}>" for name in outside_headers(root)]
    lines += ["#define min(a, b) 0", "#define max(a, b) 0"]
    lines += [f"#include <{header}>" for header in gate.compilable(root)]
    return compile_text(root, "under-macros", "\n".join(lines) + "\n", [])


def check(root):
    headers = gate.compilable(root)
    found = gate.parallel(lambda header: alone(root, header), headers)
    cases = {f"{header} alone and twice ({COMPILER})": said for header, said in zip(headers, found)}
    cases[f"all headers with min and max as macros ({COMPILER})"] = under_macros(root)
    return cases


def sample(text):
    return {"include/mantis/core/a.hpp": text}


BAD = (
    (
        "a header that needs another before it",
        sample("#pragma once\ninline std::size_t a() { return 1; }\n"),
        "std",
    ),
    ("a header without a guard", sample("struct a {};\n"), "redefinition of"),
    (
        "a call of std::min",
        sample(
            "#pragma once\n#include <algorithm>\ninline int a(int b) { return std::min(b, 1); }\n"
        ),
        "error: ",
    ),
    ("an exception", sample("#pragma once\ninline void a() { throw 1; }\n"), "exception"),
    (
        "a typeid",
        sample(
            "#pragma once\n#include <typeinfo>\n"
            "inline bool a(int b) { return typeid(b) == typeid(int); }\n"
        ),
        "typeid",
    ),
    ("a lossy conversion", sample("#pragma once\ninline char a(int b) { return b; }\n"), "conver"),
    (
        "an old-style cast",
        sample("#pragma once\ninline char a(int b) { return (char)b; }\n"),
        "old-style",
    ),
)
GOOD = (
    (
        "a header with nothing wrong",
        sample(
            "#pragma once\n#include <algorithm>\ninline int a(int b) { return (std::min)(b, 1); }\n"
        ),
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
