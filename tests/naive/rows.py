"""Rows as dictionaries: what the kernels and streams that write and merge them must equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Row = Mapping[int, int]
Rows = Mapping[int, Row]


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first, the high bit on all bytes but the last."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def encode(row: Row) -> bytes:
    """The bytes of a row, as section 7 of the format says."""
    out, after = b"", 0
    for column in sorted(row):
        count = row[column]
        out += varint(2 * (column - after) + (count > 1)) + (varint(count - 2) if count > 1 else b"")
        after = column + 1
    return out


def decode(data: bytes) -> dict[int, int]:
    """The row that `encode` made these bytes of."""
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    row, after = {}, 0
    numbers.reverse()
    while numbers:
        head = numbers.pop()
        after += head >> 1
        row[after] = numbers.pop() + 2 if head & 1 else 1
        after += 1
    return row


def merged(runs: Sequence[Rows], minimum: int) -> dict[int, dict[int, int]]:
    """The sum of several matrices, with every row that one of them has, and no cell below `minimum`."""
    rows: dict[int, Counter[int]] = {}
    for run in runs:
        for name, row in run.items():
            rows.setdefault(name, Counter()).update(row)
    return {name: {c: n for c, n in rows[name].items() if n >= minimum} for name in sorted(rows)}


def transposed(rows: Rows) -> dict[int, dict[int, int]]:
    """Cell (a, b) as (b, a); rows without a cell are gone."""
    turned: dict[int, dict[int, int]] = {}
    for name, row in rows.items():
        for column, count in row.items():
            turned.setdefault(column, {})[name] = count
    return dict(sorted(turned.items()))
