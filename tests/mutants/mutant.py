# SPDX-License-Identifier: BSL-1.0
"""A deliberate bug: what it replaces in one header, and which test must see it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # below include/mantis
    edits: tuple  # (old, new), ...; each old is there exactly once
    test: str  # below tests
    breaks: str  # what can then happen, in one sentence
    cases: str = ""  # only test cases with these words, where the others cannot see it


def mutant(name, file, old, new, test, breaks, cases=""):
    """A bug in one place."""
    return Mutant(name, file, ((old, new),), test, breaks, cases)
