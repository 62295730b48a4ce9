# SPDX-License-Identifier: BSL-1.0
"""What a header costs to include, in multiples of <vector>, stays under the cap of its floor.

A cost is the processor time of `g++ -fsyntax-only` on the header alone over that on <vector>,
measured in alternation. One measurement is enough for a header far from its cap; one near it gets
up to three tries of five. Nobody includes a header of detail/ but the headers that are measured.
"""

import os
import statistics
import subprocess

import gate

CAPS = {0: 0.3, 1: 1.2, 2: 4, 3: 4, 4: 4, 5: 5, 6: 5, 7: 5, 8: 8, 9: 12, 10: 10}
# No floor: what a program pays that includes all of them. It grows with each floor that is built.
EVERYTHING = {"mantis/mantis.hpp": 18}
NEAR = 0.9
vector_seconds = []


class Refused(Exception):
    """The compiler refused a header, so what it costs is not known."""


def cap_of(header):
    return EVERYTHING.get(header, CAPS[gate.FLOORS.get(gate.floor_name(header), 10)])


def processor_seconds(root, included):
    """User and system time of the compiler and its children."""
    process = subprocess.Popen(
        ["g++", "-std=c++20", "-fsyntax-only", "-Iinclude", "-x", "c++", "-"],
        cwd=root,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.write(f"#include <{included}>\n")
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Refused(included)
    return used.ru_utime + used.ru_stime


def quick_cost(root, header):
    """One run over the median of every run of <vector> so far: only the run itself can be
    disturbed, and upwards."""
    vector_seconds.append(processor_seconds(root, "vector"))
    return processor_seconds(root, header) / statistics.median(vector_seconds)


def careful_cost(root, header):
    return statistics.median(
        processor_seconds(root, header) / processor_seconds(root, "vector") for _ in range(5)
    )


def lowest_cost(root, header):
    """Returns the cost, or None when the header does not compile."""
    cap = cap_of(header)
    try:
        found = quick_cost(root, header)
        for _ in range(3):
            if found <= NEAR * cap:
                break
            found = careful_cost(root, header)
            if found <= cap:
                break
        return found
    except Refused:
        return None


def judge(header, found):
    if found is None:
        return ["does not compile"]
    if found > cap_of(header):
        return [f"costs {found:.2f} times <vector>, and its floor may cost {cap_of(header)}"]
    return []


def check(root):
    headers = [header for header in gate.compilable(root) if "/detail/" not in header]
    vector_seconds.extend(processor_seconds(root, "vector") for _ in range(3))
    costs = dict(zip(headers, gate.parallel(lambda header: lowest_cost(root, header), headers)))
    if root == gate.ROOT:
        report({header: found for header, found in costs.items() if found is not None})
    return {f"cost of {header}": judge(header, found) for header, found in costs.items()}


def report(costs):
    """Writes all costs to build/gates/include_cost.txt and prints the one nearest to its cap."""
    folder = gate.ROOT / "build" / "gates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "include_cost.txt").write_text(
        "".join(f"{found:6.2f} of {cap_of(header):4} {header}\n" for header, found in costs.items())
    )
    nearest = max(costs, key=lambda header: costs[header] / cap_of(header))
    print(
        f"note: nearest to its cap is {nearest}: "
        f"{costs[nearest]:.2f} of {cap_of(nearest)} times <vector>"
    )


BAD = (
    (
        "a heavy header in core",
        {"include/mantis/core/a.hpp": "#include <regex>\n"},
        "its floor may cost 1.2",
    ),
    (
        "a standard header in fwd",
        {"include/mantis/fwd.hpp": "#include <vector>\n"},
        "its floor may cost 0.3",
    ),
    ("a header that does not compile", {"include/mantis/core/a.hpp": "what\n"}, "does not compile"),
)
GOOD = (
    (
        "light headers",
        {
            "include/mantis/fwd.hpp": "#include <cstdint>\n",
            "include/mantis/wal/a.hpp": "#include <vector>\n",
        },
    ),
)

if __name__ == "__main__":
    gate.main(check, BAD, GOOD)
