"""Docstrings as Markdown: names that stand in a column before what they mean become a list."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROW = re.compile(r"^(\w[\w, ]*?) {2,}(\S.*)$")


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
    lines = text.split("\n")
    if not all(ROW.match(line) or line.startswith("   ") for line in lines) or not ROW.match(lines[0]):
        return text
    rows: list[str] = []
    for line in lines:
        row = ROW.match(line)
        if row:
            rows.append(f"- `{row[1]}`: {row[2]}")
        else:
            rows[-1] += f" {line.strip()}"
    return "\n".join(rows)
