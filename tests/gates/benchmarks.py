# SPDX-License-Identifier: BSL-1.0
"""Every benchmark builds, runs its quick form, and prints measurements of mantis and of each peer.
What it measures is not judged: these machines are noisy. Those that can check what they compare do
it."""

import json
import subprocess

import gate

KEYS = {"bench", "case", "threads", "subject", "metric", "value"}
MORE_KEYS = {"dist", "durability"}
CHECKED = ("store",)


def names(sources):
    """The benchmarks: `a_b.cpp` beside `a.cpp` is a part of `a`."""
    stems = {source.stem for source in sources}
    return sorted(stem for stem in stems if not any(stem.startswith(f"{a}_") for a in stems))


def problems_of(name, output):
    """What is wrong with the lines that a benchmark printed."""
    subjects = set()
    problems = []
    for line in output.splitlines():
        try:
            measured = json.loads(line)
        except ValueError:
            problems.append(f"{name}: not JSON: {line}")
            continue
        known = KEYS <= set(measured) <= KEYS | MORE_KEYS
        if not known or measured["bench"] != name or not measured["value"] > 0:
            problems.append(f"{name}: not a measurement: {line}")
        subjects.add(str(measured.get("subject")))
    ours = {subject for subject in subjects if subject.split("-")[0] == "mantis"}
    if not ours or ours == subjects:
        problems.append(f"{name}: compares {sorted(subjects)}")
    return problems


def check(root):
    cases = {}
    for name in names((root / "benchmarks").glob("*.cpp")):
        done = subprocess.run(
            [root / "benchmarks" / "run", name, "--quick", "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        said = [gate.tail(done.stderr)] if done.returncode != 0 else []
        cases[f"benchmark {name}"] = said + problems_of(name, done.stdout)
    for name in CHECKED:
        done = subprocess.run(
            [root / "benchmarks" / "run", name, "--check"],
            capture_output=True,
            text=True,
            check=False,
        )
        said = [gate.tail(done.stdout + done.stderr)] if done.returncode != 0 else []
        cases[f"benchmark {name} --check"] = said
    line = {key: "x" for key in KEYS} | {"bench": "b", "value": 1}
    good = json.dumps(line | {"subject": "mantis"}) + "\n" + json.dumps(line)
    for title, output, refused in (
        ("a peer beside mantis", good, False),
        ("mantis alone", json.dumps(line | {"subject": "mantis"}), True),
        ("two of mantis alone", good.replace('"subject": "x"', '"subject": "mantis-b"'), True),
        ("a key that nobody knows", good + "\n" + json.dumps(line | {"more": 1}), True),
        ("a key too few", good + "\n" + json.dumps({"bench": "b", "value": 1}), True),
        ("a value of nothing", good.replace('"value": 1', '"value": 0'), True),
        ("a line that is no JSON", good + "\nmedian 5", True),
    ):
        seen = bool(problems_of("b", output))
        cases[f"self-test: {title}"] = [] if seen == refused else ["was judged wrongly"]
    return cases


if __name__ == "__main__":
    gate.main(check, ())
