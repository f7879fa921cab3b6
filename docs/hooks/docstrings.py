"""Docstrings as Markdown: names before what they mean become a list, and examples a block of code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROW = re.compile(r"^(?:(\w[\w, ]*?) {2,}|`(\w+)`: )(\S.*)$")


class Aligned(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = listed(obj.docstring.value)


def listed(docstring: str) -> str:
    """A docstring with its aligned rows as a list.

    >>> print(listed("What is given.\\n\\nrivals   columns to\\n         go beyond\\ncenter   a year"))
    What is given.
    <BLANKLINE>
    - `rivals`: columns to go beyond
    - `center`: a year
    """
    return "\n\n".join(map(_paragraph, docstring.split("\n\n")))


def _paragraph(text: str) -> str:
    if text.startswith(">>> "):
        return f"```pycon\n{text}\n```"
    lines = text.split("\n")
    quoted = text.startswith("`")  # their rows go on without an indent
    if not ROW.match(lines[0]) or not all(ROW.match(line) or quoted or line.startswith("   ") for line in lines):
        return text
    rows: list[str] = []
    for line in lines:
        row = ROW.match(line)
        if row:
            rows.append(f"- `{row[1] or row[2]}`: {row[3]}")
        else:
            rows[-1] += f" {line.strip()}"
    return "\n".join(rows)
