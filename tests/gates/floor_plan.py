# SPDX-License-Identifier: BSL-1.0
"""A folder of include/mantis includes itself and folders of a lower floor, never a sibling of its
own floor."""

import gate


def judge(root, header):
    """What is wrong with the includes of one header."""
    own = gate.floor_name(header)
    if own not in gate.FLOORS:
        return [f"include/{header}: the folder '{own}' is not in the floor plan"]
    problems = []
    for line, bracket, name, inside in gate.includes(root, header):
        place = f"include/{header}:{line}"
        if inside is None:
            continue
        if bracket == "<":
            problems.append(
                f"{place}: <{name}> is our own; include it by its relative path in quotes"
            )
        if not (root / "include" / inside).exists():
            problems.append(f'{place}: "{name}" does not exist')
            continue
        other = gate.floor_name(inside)
        if other == own or own == "mantis":
            continue
        if other not in gate.FLOORS:
            problems.append(f"{place}: includes {other}/, which is not in the floor plan")
        elif gate.FLOORS[own] == 0 and gate.FLOORS[other] == 0:
            continue
        elif gate.FLOORS[other] >= gate.FLOORS[own]:
            relation = "a sibling on" if gate.FLOORS[other] == gate.FLOORS[own] else "above it, on"
            problems.append(
                f"{place}: {own} (floor {gate.FLOORS[own]}) includes {other}, "
                f"{relation} floor {gate.FLOORS[other]}"
            )
    return problems


def check(root):
    return {f"floor plan of {header}": judge(root, header) for header in gate.headers(root)}


BAD = (
    (
        "a floor that includes a higher one",
        {"include/mantis/core/a.hpp": '#include "../wal/b.hpp"\n', "include/mantis/wal/b.hpp": ""},
        "include/mantis/core/a.hpp:1: core (floor 1) includes wal, above it, on floor 4",
    ),
    (
        "a floor that includes its sibling",
        {
            "include/mantis/txn/a.hpp": '\n#include "../recovery/b.hpp"\n',
            "include/mantis/recovery/b.hpp": "",
        },
        "include/mantis/txn/a.hpp:2: txn (floor 7) includes recovery, a sibling on floor 7",
    ),
    (
        "a sub-folder that reaches up",
        {
            "include/mantis/index/btree/a.hpp": '# include "../../store/b.hpp"\n',
            "include/mantis/store/b.hpp": "",
        },
        "index (floor 6) includes store, above it",
    ),
    (
        "a folder that nobody planned",
        {"include/mantis/util/a.hpp": ""},
        "'util' is not in the floor plan",
    ),
    (
        "a header that is not there",
        {"include/mantis/core/a.hpp": '#include "b.hpp"\n'},
        "does not exist",
    ),
    (
        "a header of mantis in angle brackets",
        {
            "include/mantis/wal/a.hpp": "#include <mantis/core/b.hpp>\n",
            "include/mantis/core/b.hpp": "",
        },
        "include it by its relative path",
    ),
)
GOOD = (
    (
        "a floor that includes itself and lower ones",
        {
            "include/mantis/wal/a.hpp": '#include <vector>\n#include "b.hpp"\n'
            '#include "../core/c.hpp"\n',
            "include/mantis/wal/b.hpp": "",
            "include/mantis/core/c.hpp": '#include "../config.hpp"\n',
            "include/mantis/config.hpp": '#include "version.hpp"\n',
            "include/mantis/version.hpp": "",
        },
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
