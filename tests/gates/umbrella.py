# SPDX-License-Identifier: BSL-1.0
"""<mantis/fwd.hpp> declares what exists; <mantis/mantis.hpp> brings every public header but the
ones a user includes on purpose: JSON text, ext/, and what only tests need."""

import re

import gate

UMBRELLA = "mantis/mantis.hpp"
FORWARD = "mantis/fwd.hpp"
# What needs a library to link, or a program to ask for it, or a test.
ON_PURPOSE = re.compile(
    r"mantis/(ext/.*|document/json\.hpp|document/json_reader\.hpp|platform/fault\.hpp"
    r"|platform/faulty\.hpp|platform/simulated\.hpp|platform/simulated/.*)|.*/detail/.*"
)


def brings_on_purpose(root, header):
    """Headers that a user includes on purpose, and whatever needs one of them."""
    return any(
        ON_PURPOSE.fullmatch(name) and "/detail/" not in name
        for name in gate.reachable(root, header)
    )


def check(root):
    if not (root / "include" / UMBRELLA).exists():
        return {"umbrella": [f"include/{UMBRELLA} does not exist"]}
    brought = gate.reachable(root, UMBRELLA)
    problems = [
        f"include/{UMBRELLA} does not bring {header}"
        for header in gate.headers(root)
        if header not in brought
        and "/detail/" not in header
        and not brings_on_purpose(root, header)
    ]
    problems += [
        f"include/{UMBRELLA} brings {header}, which a user includes on purpose"
        for header in sorted(brought)
        if ON_PURPOSE.fullmatch(header) and "/detail/" not in header
    ]
    return {"umbrella": problems, "forward declarations": declared_in_vain(root)}


def declared_in_vain(root):
    """Names of <mantis/fwd.hpp> that no header defines."""
    forward = root / "include" / FORWARD
    if not forward.exists():
        return []
    everything = "\n".join(
        gate.without_comments((root / "include" / header).read_text(errors="replace"))
        for header in gate.headers(root)
        if header != FORWARD
    )
    return [
        f"include/{FORWARD} declares {name}, which no header defines"
        for kind, name in re.findall(
            r"^(class|struct|enum class) (\w+)[^;{]*;", forward.read_text(), re.MULTILINE
        )
        if not re.search(rf"\b{kind} (\[\[\w+\]\] )?{name}\b[^;{{()]*{{", everything)
    ]


BAD = (
    (
        "a header that was forgotten",
        {
            "include/mantis/mantis.hpp": '#include "core/a.hpp"\n',
            "include/mantis/core/a.hpp": "",
            "include/mantis/core/b.hpp": "",
        },
        "does not bring mantis/core/b.hpp",
    ),
    (
        "a header that wants a library",
        {
            "include/mantis/mantis.hpp": '#include "document/json.hpp"\n',
            "include/mantis/document/json.hpp": "",
        },
        "brings mantis/document/json.hpp",
    ),
    (
        "a name that was changed",
        {
            "include/mantis/mantis.hpp": '#include "fwd.hpp"\n#include "core/a.hpp"\n',
            "include/mantis/fwd.hpp": "class old;\nenum class kind : int;\nstruct stays;\n",
            "include/mantis/core/a.hpp": "class a {};\nenum class kind : int {\n};\n"
            "struct stays : a {};\n",
        },
        "declares old, which no header defines",
    ),
)
GOOD = (
    (
        "every header, directly or not",
        {
            "include/mantis/mantis.hpp": '#include "core/a.hpp"\n',
            "include/mantis/core/a.hpp": '#include "b.hpp"\n',
            "include/mantis/core/b.hpp": "",
            "include/mantis/core/detail/c.hpp": "",
            "include/mantis/document/json.hpp": "",
        },
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
