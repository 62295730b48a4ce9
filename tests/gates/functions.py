# SPDX-License-Identifier: BSL-1.0
"""Finds the functions of a C++ file and how many lines each takes, without a compiler."""

import re

import gate


def blank_directives(text):
    return re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
        lambda found: re.sub(r"[^\n]", " ", found[0]),
        text,
        flags=re.MULTILINE,
    )


def without_groups(head, opening, closing):
    """The head with everything between a pair of brackets, however deep, taken out."""
    pattern = re.compile(rf"\{opening}[^\{opening}\{closing}]*\{closing}")
    while pattern.search(head):
        head = pattern.sub(" ", head)
    return head


def opens_scope(head):
    """Whether the brace after `head` opens a namespace or a type, whose members are looked at one
    by one."""
    had_parentheses = re.sub(r"\b(requires|alignas|decltype)\s*\(", "(", head)
    plain = without_groups(without_groups(had_parentheses, "(", ")"), "<", ">")
    found = re.search(r"\b(namespace|class|struct|union|enum|extern)\b(.*)", plain, re.DOTALL)
    if not found or "=" in found[2]:
        return False
    # `struct x f() {` has parentheses after the name of its type and no base; `struct x : y<f()> {`
    # has a base.
    after = without_groups(head, "<", ">").rpartition(found[1])[2]
    return (
        "(" not in after or ":" in after.replace("::", "").partition("(")[0] or "alignas" in after
    )


def functions(text):
    """Yields (name, first line, count of lines) of each outermost body; a lambda belongs to its
    function."""
    text = blank_directives(gate.without_comments(text))
    head_start = parentheses = depth = 0
    head = ""
    for at, char in enumerate(text):
        if depth > 0:
            depth += {"{": 1, "}": -1}.get(char, 0)
            # `x{1}, y{2} {` is still the head of its constructor.
            if depth == 0 and text[at + 1 :].lstrip()[:1] not in (",", "{"):
                if "(" in head:
                    first = gate.line_of(text, head_start + len(head) - len(head.lstrip()))
                    yield name_in(head), first, gate.line_of(text, at) - first + 1
                head_start = at + 1
        elif char in "()":
            parentheses += 1 if char == "(" else -1
        elif parentheses > 0:
            continue
        elif char in ";}":
            head_start = at + 1
        elif char == "{":
            head = text[head_start:at]
            if opens_scope(head):
                head_start = at + 1
            else:
                depth = 1


def name_in(head):
    head = without_groups(
        re.sub(r"\b(requires|noexcept|alignas|decltype)\s*\(", "(", head), "<", ">"
    )
    found = re.search(r"(operator\s*[^\s(]+|~?\w+)\s*\(", head)
    return found[1] if found else "?"
