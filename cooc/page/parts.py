"""What a page consists of: sections of prose, figures and tables."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cooc.page.documents import Row
from cooc.query.layout import formatted

SHOWN = 100
"""Rows of a table that the page shows; its file has all."""

LARGE = 250_000
"""Characters of a table's file from which on it is compressed."""


@dataclass(frozen=True)
class Again:
    """What makes something again: a command line, and code."""

    command: str
    python: str


@dataclass(frozen=True)
class Control:
    """What a reader can set: the parameter of a figure, as a choice, a number or a text."""

    parameter: str
    label: str
    options: Sequence[tuple[str, str]] = ()
    """Value and name of each choice; none for a field to write into."""
    value: str = ""
    kind: str = "select"
    """"select", "number" or "search"."""


@dataclass(frozen=True)
class Figure:
    """A Vega-Lite specification, what it shows in words, and what can be set."""

    name: str
    title: str
    text: str
    spec: Mapping[str, Any]
    again: Again
    controls: Sequence[Control] = ()
    template: str = ""
    """A template of its own that goes around the drawing."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What the page's script needs beside the drawing."""


@dataclass(frozen=True)
class Table:
    """Rows, of which a page shows some columns."""

    name: str
    title: str
    rows: Sequence[Row]
    columns: Sequence[str] = ()
    """Those shown, in their order; all if none are named."""
    folded: bool = False
    """Shown only when it is opened."""
    key: str = ""
    """The column that names a row, where it is not the first: a concordance's term in the middle."""

    @property
    def first(self) -> int:
        """The place of the column that names a row."""
        return self.heads.index(self.key) if self.key else 0

    @property
    def heads(self) -> list[str]:
        every = list(dict.fromkeys(name for row in self.rows for name in row))
        return [name for name in self.columns if name in every] or every

    @property
    def cells(self) -> list[list[str]]:
        """The rows shown, each cell as text."""
        columns = [[_plain(row.get(name)) for row in self.rows[:SHOWN]] for name in self.heads]
        return [list(cells) for cells in zip(*map(formatted, columns), strict=True)]

    @property
    def numeric(self) -> list[bool]:
        """Of each column shown whether it holds numbers."""
        return [any(_is_number(row.get(name)) for row in self.rows[:SHOWN]) for name in self.heads]

    @property
    def hidden(self) -> int:
        """Rows that are not shown."""
        return max(0, len(self.rows) - SHOWN)

    @property
    def file(self) -> tuple[str, str]:
        """Name and address of its file: all rows and columns as CSV, compressed where it is large."""
        return csv_file(self.name, self.rows)


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading."""

    name: str
    title: str
    lead: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    again: Again | None = None
    files: Sequence[tuple[str, str, str]] = ()
    """Files that the reader can take along: what it is, its name, its address."""


def number(value: float) -> str:
    """A number in a sentence.

    >>> number(-0.6349), number(0.00482), number(137.31)
    ('−0.63', '0.0048', '137.3')
    """
    size = abs(value)
    told = f"{size:.1f}" if size >= 10 else f"{size:.2f}" if size >= 0.1 or not size else f"{size:.2g}"
    return f"−{told}" if value < 0 else told


def csv_file(name: str, rows: Sequence[Row]) -> tuple[str, str]:
    """Name and data address of rows as CSV (RFC 4180); what is not known is an empty field."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _field(value) for key, value in row.items()} for row in rows)
    text = out.getvalue()
    if len(text) < LARGE:
        return f"{name}.csv", address("text/csv", text.encode())
    return f"{name}.csv.gz", address("application/gzip", gzip.compress(text.encode(), 9, mtime=0))


def text_file(name: str, lines: Sequence[str]) -> tuple[str, str]:
    """Name and data address of lines."""
    return f"{name}.txt", address("text/plain", "".join(f"{line}\n" for line in lines).encode())


def address(kind: str, data: bytes) -> str:
    """Bytes as a data address, which a browser saves without asking anybody."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def slug(*parts: object) -> str:
    """A name for files and anchors.

    >>> slug("density", "19th century")
    'density-19th-century'
    """
    return "-".join(re.sub(r"[^a-z0-9_]+", "-", str(part).lower()).strip("-") or "x" for part in parts)[:80]


def _field(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    return "" if value is None else value


def _plain(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
