# SPDX-License-Identifier: BSL-1.0
"""Every benchmark builds, runs its quick form, and prints measurements of mantis and of each peer.
What it measures is not judged: these machines are noisy."""

import json
import subprocess

import gate

KEYS = {"bench", "case", "durability", "threads", "subject", "metric", "value"}


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
        if set(measured) != KEYS or measured["bench"] != name or not measured["value"] > 0:
            problems.append(f"{name}: not a measurement: {line}")
        subjects.add(measured.get("subject"))
    if "mantis" not in subjects or len(subjects) < 2:
        problems.append(f"{name}: compares {sorted(map(str, subjects))}")
    return problems


def check(root):
    cases = {}
    for source in sorted((root / "benchmarks").glob("*.cpp")):
        done = subprocess.run(
            [root / "benchmarks" / "run", source.stem, "--quick", "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        said = [gate.tail(done.stderr)] if done.returncode != 0 else []
        cases[f"benchmark {source.stem}"] = said + problems_of(source.stem, done.stdout)
    line = {key: "x" for key in KEYS} | {"bench": "b", "value": 1}
    good = json.dumps(line | {"subject": "mantis"}) + "\n" + json.dumps(line)
    for title, output, refused in (
        ("a peer beside mantis", good, False),
        ("mantis alone", json.dumps(line | {"subject": "mantis"}), True),
        ("a value of nothing", good.replace('"value": 1', '"value": 0'), True),
        ("a line that is no JSON", good + "\nmedian 5", True),
    ):
        seen = bool(problems_of("b", output))
        cases[f"self-test: {title}"] = [] if seen == refused else ["was judged wrongly"]
    return cases


if __name__ == "__main__":
    gate.main(check, ())
