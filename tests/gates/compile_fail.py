# SPDX-License-Identifier: BSL-1.0
"""Each file of tests/compile_fail is one mistake: it does not compile, and the compiler says the
sentence that the file expects, once, in at most 30 lines.

The first line of a case is `// expect: SENTENCE`.

    --compiler NAME    only this compiler; otherwise g++ and the newest clang that is installed
"""

import re
import shutil
import sys

import gate

LINES = 30
CLANGS = ("clang++-19", "clang++-16", "clang++")


def compilers():
    if "--compiler" in sys.argv:
        return [sys.argv[sys.argv.index("--compiler") + 1]]
    return ["g++", *[clang for clang in CLANGS if shutil.which(clang)][:1]]


def words(text):
    return re.sub(r"\s+", " ", text)


def judge(root, source, compiler):
    expected = re.search(r"^// expect: (.+)$", source.read_text(), re.MULTILINE)
    if not expected:
        return ["has no line '// expect: SENTENCE'"]
    failed, said = gate.command(
        [
            compiler,
            "-std=c++20",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Iinclude",
            "-fsyntax-only",
            source,
        ],
        cwd=root,
    )
    if not failed:
        return ["compiles, though it should not"]
    problems = []
    lines = said.strip().splitlines()
    errors = [line for line in lines if re.search(r"\berror: ", line)]
    if words(expected[1]) not in words(said):
        problems.append(f"does not say: {expected[1]}")
    if len(lines) > LINES:
        problems.append(f"takes {len(lines)} lines to say it, {LINES} at most")
    if len(errors) != 1:
        problems.append(f"is {len(errors)} errors instead of one")
    if problems:
        problems.append(gate.tail("\n".join(lines[:60]), 60))
    return problems


def check(root):
    sources = sorted((root / "tests" / "compile_fail").glob("*.cpp"))
    todo = [(source, compiler) for source in sources for compiler in compilers()]
    found = gate.parallel(lambda work: judge(root, *work), todo)
    return {f"{source.name} ({compiler})": said for (source, compiler), said in zip(todo, found)}


def sample(text):
    return {"tests/compile_fail/a.cpp": text}


BAD = (
    ("a mistake that compiles", sample("// expect: no\nint main() {}\n"), "compiles, though"),
    (
        "another sentence",
        sample('// expect: wanted\nstatic_assert(false, "other");\n'),
        "does not say: wanted",
    ),
    ("no expected sentence", sample("static_assert(false);\n"), "has no line"),
    (
        "two errors for one mistake",
        sample('// expect: one\nstatic_assert(false, "one");\nstatic_assert(false, "two");\n'),
        "is 2 errors",
    ),
    (
        "a long explanation",
        sample(
            "// expect: deep\ntemplate <int N> struct a : a<N - 1> {};\ntemplate <> struct a<0> {\n"
            '    static_assert(sizeof(int) == 0, "deep");\n};\n'
            + "".join(f"#warning {number}\n" for number in range(40))
        ),
        "takes",
    ),
)
GOOD = (
    (
        "one sentence",
        sample(
            '// expect: mantis: this cannot be\nstatic_assert(false, "mantis: this cannot be");\n'
        ),
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
