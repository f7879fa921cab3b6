"""Columns of a result as plain text and as HTML."""

import html
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

WIDTH = 100
TERM_WIDTH = 40
NULL = "–"

Value = str | int | float | bool | None


def text_table(
    columns: Mapping[str, Sequence[Value]], rows: int = 30, *, width: int = WIDTH, elsewhere: str = "in .table"
) -> str:
    """An aligned table of at most `rows` rows and `width` places a line; says what it left out, and where that is.

    >>> print(text_table({"term": ["auk", "diver"], "count": [1200, 7], "npmi": [0.25, None]}))
    term   count   npmi
    auk    1,200  0.250
    diver      7      –
    """
    n = max((len(values) for values in columns.values()), default=0)
    blocks: list[list[str]] = []
    taken = -2
    for name, values in columns.items():
        block = aligned(name, values[:rows], most=max(8, min(TERM_WIDTH, width - 2)))
        if blocks and taken + 2 + places(block[0]) > width:
            break
        blocks.append(block)
        taken += 2 + places(block[0])
    lines = ["  ".join(parts).rstrip() for parts in zip(*blocks, strict=True)]
    if n > rows:
        lines.append(f"… {n - rows:,} more rows")
    if len(blocks) < len(columns):
        left_out = list(columns)[len(blocks):]
        lines.append(cut(f"… {len(left_out)} more columns {elsewhere}: {_listed(left_out)}", max(width, 40)))
    return "\n".join(lines)


def text_grid(row: Mapping[str, Value], across: int = 3) -> str:
    """One row as names and values, reading down, in `across` columns.

    >>> print(text_grid({"count": 30, "expected": 0.03, "pmi": 9.9658, "g2": 367.7}, across=2))
    count        30    pmi  9.966
    expected  0.030    g2   367.7
    """
    height = -(-len(row) // across)
    items = list(row.items())
    blocks = []
    for begin in range(0, len(items), height):
        part = items[begin:begin + height]
        names = [name for name, _ in part]
        cells = [cell for _, value in part for cell in formatted([value])]
        left, right = max(map(len, names)), max(map(len, cells))
        block = [f"{name:<{left}}  {cell:>{right}}" for name, cell in zip(names, cells, strict=True)]
        blocks.append(block + [" " * len(block[0])] * (height - len(block)))
    return "\n".join("    ".join(parts).rstrip() for parts in zip(*blocks, strict=True))


def html_table(columns: Mapping[str, Sequence[Value]], caption: str, rows: int = 50) -> str:
    """The same for a notebook, with all columns."""
    n = max((len(values) for values in columns.values()), default=0)
    cells = [formatted(values[:rows]) for values in columns.values()]
    sides = ["left" if _is_text(values) else "right" for values in columns.values()]
    head = "".join(f'<th style="text-align:{side}">{html.escape(name)}</th>'
                   for name, side in zip(columns, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:{side}">{html.escape(cell)}</td>'
                         for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in zip(*cells, strict=True)
    )
    more = f"<p>… {n - rows:,} more rows in <code>.table</code></p>" if n > rows else ""
    return (f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{more}")


def aligned(name: str, values: Sequence[Value], most: int = TERM_WIDTH) -> list[str]:
    """A heading and its cells, padded to one width: text to the left, numbers to the right."""
    cells = [name, *(cut(cell, most) for cell in formatted(values))]
    width = max(map(places, cells))
    left = _is_text(values)
    return [cell + " " * (width - places(cell)) if left else " " * (width - places(cell)) + cell for cell in cells]


def places(text: str) -> int:
    """How many places of a terminal a text takes: characters of East Asia two, marks set upon others none.

    >>> places("auk"), places("\u6d77\u9d28"), places("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def formatted(values: Sequence[Value]) -> list[str]:
    """Values as text: whole numbers whole, fractions of one column with the same decimals.

    >>> formatted([0.5, 12.3456, None, 0.0001234])
    ['0.50', '12.35', '–', '0.00012']
    """
    sizes = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v)]
    largest = max(sizes, default=0.0)
    decimals = 3 if largest < 10 else 2 if largest < 100 else 1 if largest < 1000 else 0
    return [_cell(value, decimals) for value in values]


def _cell(value: Value, decimals: int) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if 0 < abs(value) < (0.001 if decimals == 3 else 10.0 ** (1 - decimals)):
        return f"{value:.2g}"  # small beside the largest of its column: two digits rather than 0.0
    return f"{value:,.{decimals}f}"


def cut(cell: str, width: int = TERM_WIDTH) -> str:
    if places(cell) <= width:
        return cell
    kept = cell[: width - 1]
    while places(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


def _is_text(values: Iterable[Value]) -> bool:
    return any(isinstance(value, str) for value in values)


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
