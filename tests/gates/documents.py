# SPDX-License-Identifier: BSL-1.0
"""README.md tells the truth: it names the two commands, shows the second example whole, and what
README.md and docs/ link to exists. docs/errors.md lists every code with its class and strategy,
and every event with its level.
The top level holds what the plan says and nothing else."""

import re
from pathlib import Path

import gate

TOP_LEVEL = {
    "meson.build",
    "include",
    "examples",
    "tests",
    "benchmarks",
    "docs",
    "LICENSE",
    "README.md",
}
COMMANDS = ("examples/run", "tests/run")
FIRST_SCREEN = 40


def shown_whole(root, readme):
    """The second example, its license line aside, is one of the code blocks."""
    examples = sorted((root / "examples").glob("02_*.cpp"))
    if not examples:
        return ["examples/02_*.cpp does not exist"]
    code = examples[0].read_text().strip()
    without_license = re.sub(r"\A// SPDX-License-Identifier: [^\n]+\n(//\n)?", "", code).strip()
    blocks = [block.strip() for block in re.findall(r"```cpp\n(.*?)```", readme, re.DOTALL)]
    name = examples[0].relative_to(root)
    return (
        []
        if code in blocks or without_license in blocks
        else [f"README.md does not show {name} as it is"]
    )


def first_screen(readme):
    start = "\n".join(readme.splitlines()[:FIRST_SCREEN])
    return [
        f"README.md does not name {command} in its first {FIRST_SCREEN} lines"
        for command in COMMANDS
        if command not in start
    ]


def links(root, name):
    """Links to files of the project, and anchors in them."""
    problems = []
    text = re.sub(r"```.*?```", "", (root / name).read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (root / name).parent / path if path else root / name
        if not linked.exists():
            problems.append(f"{name}: links to {target}, which does not exist")
        elif anchor and linked.suffix == ".md" and anchor not in anchors(linked.read_text()):
            problems.append(f"{name}: links to {target}, and there is no such heading")
    return problems


def repeated(root, name):
    """Sections that a page has twice, which nobody wrote twice."""
    text = re.sub(r"```.*?```", "", (root / name).read_text(), flags=re.DOTALL)
    headings = re.findall(r"^## +(.+?)\s*$", text, re.MULTILINE)
    twice = sorted({each for each in headings if headings.count(each) > 1})
    return [f"{name}: the section '{each}' is there twice" for each in twice]


def anchors(text):
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    } | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def named_in_code(root):
    """The pages and headings that error sentences send a reader to."""
    problems = []
    for header in gate.headers(root):
        text = (root / "include" / header).read_text(errors="replace")
        for found in re.finditer(r"\b(docs/\w+\.md)(?:#([\w-]+))?", text):
            page = root / found[1]
            place = f"include/{header}:{gate.line_of(text, found.start())}"
            if not page.exists():
                problems.append(f"{place}: {found[1]} does not exist")
            elif found[2] and found[2] not in anchors(page.read_text()):
                problems.append(f"{place}: {found[1]} has no heading '{found[2]}'")
    return problems


def answers(code, function, answer, asked="error_code"):
    """What a switch over the codes returns for each: {code: answer}."""
    found, waiting = {}, []
    body = re.search(rf"\b{function}\({asked} code\).*?\n}}", code, re.DOTALL)
    for part in re.finditer(
        rf"case {asked}::(\w+):|return {answer}::(\w+);", body[0] if body else ""
    ):
        if part[1]:
            waiting.append(part[1])
        else:
            found.update(dict.fromkeys(waiting, part[2]))
            waiting = []
    return found


def error_codes(root):
    """The table of docs/errors.md says what core/error.hpp answers."""
    header, page = root / "include/mantis/core/error.hpp", root / "docs/errors.md"
    if not header.exists():
        return []
    code = header.read_text()
    classes = answers(code, "class_of", "error_class")
    strategies = answers(code, "strategy_of", "error_strategy")
    table = page.read_text() if page.exists() else ""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \|", table, re.MULTILINE)
    told = {name: (kind, strategy) for name, kind, strategy in rows}
    return [
        f"docs/errors.md says of {name} {told.get(name)}, and core/error.hpp {right}"
        for name in sorted(classes.keys() | strategies.keys() | told.keys())
        if (right := (classes.get(name), strategies.get(name))) != told.get(name)
    ]


def event_codes(root):
    """The other table of docs/errors.md says what core/event.hpp answers."""
    header, page = root / "include/mantis/core/event.hpp", root / "docs/errors.md"
    if not header.exists():
        return []
    levels = answers(header.read_text(), "level_of", "event_level", "event_code")
    table = page.read_text() if page.exists() else ""
    told = dict(
        re.findall(r"^\| `(\w+)` \| (debug|info|warning|error) \|", table, re.MULTILINE)
    )
    return [
        f"docs/errors.md says of the event {name} {told.get(name)}, and core/event.hpp "
        f"{levels.get(name)}"
        for name in sorted(levels.keys() | told.keys())
        if levels.get(name) != told.get(name)
    ]


def top_level(root):
    names = {Path(name).parts[0] for name in gate.tree(root)}
    return [
        f"the top level holds {name}, which is not in the plan"
        for name in sorted(names)
        if name not in TOP_LEVEL and not name.startswith(".")
    ]


def check(root):
    readme = (root / "README.md").read_text() if (root / "README.md").exists() else ""
    pages = [name for name in gate.tree(root) if re.fullmatch(r"README\.md|docs/.*\.md", name)]
    return {
        "the two commands are on the first screen": first_screen(readme),
        "README.md shows the second example": shown_whole(root, readme),
        "links lead somewhere": [problem for page in pages for problem in links(root, page)],
        "no section is there twice": [each for page in pages for each in repeated(root, page)],
        "pages named in headers exist": named_in_code(root),
        "docs/errors.md lists the codes as they are": error_codes(root),
        "docs/errors.md lists the events as they are": event_codes(root),
        "the top level is as planned": top_level(root),
    }


PROGRAM = "// SPDX-License-Identifier: BSL-1.0\n//\n// A store.\nint main() {}\n"
README = (
    "examples/run tests/run\n```cpp\n// A store.\nint main() {}\n```\n[page](docs/a.md#a-word)\n"
)
WHOLE = {"README.md": README, "examples/02_a.cpp": PROGRAM, "docs/a.md": "# A word\n"}
CODES = {
    **WHOLE,
    "include/mantis/core/error.hpp": """
constexpr error_class class_of(error_code code) noexcept {
    switch (code) {
        case error_code::locked:
        case error_code::interrupted: return error_class::retryable;
        case error_code::corrupt: return error_class::corruption;
    }
}
constexpr error_strategy strategy_of(error_code code) noexcept {
    switch (code) {
        case error_code::locked:
        case error_code::interrupted: return error_strategy::retry;
        case error_code::corrupt: return error_strategy::stop;
    }
}
""",
    "include/mantis/core/event.hpp": """
constexpr event_level level_of(event_code code) noexcept {
    switch (code) {
        case event_code::opened: return event_level::info;
        case event_code::read_only: return event_level::error;
    }
}
""",
    "docs/errors.md": "| `opened` | info | . |\n| `read_only` | error | . |\n"
    "| code | class | strategy | when |\n"
    "| `locked` | retryable | retry | . |\n"
    "| `interrupted` | retryable | retry | . |\n"
    "| `corrupt` | corruption | stop | . |\n",
}


def with_table(old, new):
    return {**CODES, "docs/errors.md": CODES["docs/errors.md"].replace(old, new)}


BAD = (
    ("an example that changed", {**WHOLE, "examples/02_a.cpp": PROGRAM + "// more\n"}, "as it is"),
    (
        "a command that is not named",
        {**WHOLE, "README.md": README.replace("tests/run", "")},
        "name tests/run",
    ),
    (
        "a command below the first screen",
        {**WHOLE, "README.md": "\n" * 60 + README},
        "name examples/run",
    ),
    (
        "a link to nothing",
        {**WHOLE, "README.md": README + "[a](docs/b.md)"},
        "docs/b.md, which does not",
    ),
    (
        "a link to no heading",
        {**WHOLE, "README.md": README + "[a](docs/a.md#b)"},
        "no such heading",
    ),
    (
        "a section that is there twice",
        {**WHOLE, "docs/a.md": "# A word\n## B\n## C\n## B\n"},
        "section 'B' is there twice",
    ),
    (
        "a page that a header names",
        {**WHOLE, "include/mantis/core/a.hpp": "// see docs/a.md#other\n"},
        "has no heading 'other'",
    ),
    ("a folder that nobody planned", {**WHOLE, "util/a.cpp": ""}, "the top level holds util"),
    ("a strategy that changed", with_table("stop", "retry"), "says of corrupt"),
    ("a class that changed", with_table("retryable | retry", "usage | retry"), "says of locked"),
    ("a code that is not listed", with_table("| `interrupted`", "|"), "says of interrupted None"),
    ("a level that changed", with_table("| `opened` | info", "| `opened` | error"), "says of the"),
    ("an event that is not listed", with_table("| `read_only`", "|"), "event read_only None"),
    ("a code that is gone", with_table("`locked`", "`lost`"), "says of lost"),
)
GOOD = (
    ("a README that tells the truth", {**WHOLE, ".ci/run": ""}),
    ("a table of the codes as they are", CODES),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
