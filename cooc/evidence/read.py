"""Rows of a table in a file, each with the place it stands at: jsonl, json, csv, parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.errors import SourceError, UsageError

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")

Row = dict[str, Any]
Placed = tuple[str, Row]
"""Where a row stands ("outcomes.jsonl:7"), and the row."""


def read_rows(path: str | PathLike[str]) -> list[Placed]:
    """The rows of a file, with file and line (file and row in parquet); a blank field is None.

    A .json file is a list of objects, or an object whose `rows` or `items` are one, as --json prints them.

    Raises UsageError where there is no such file or it has another suffix, SourceError where it can't be read.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: rows are read from {', '.join(SUFFIXES)} files, and this is none of them")
    if not file.is_file():
        raise UsageError(f"{path}: there is no such file")
    if suffix == ".parquet":
        return _from_parquet(file)
    text = _text(file)
    return list({".jsonl": _from_jsonl, ".json": _from_json, ".csv": _from_csv}[suffix](file.name, text))


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise SourceError(f"{file.name}:{line}: not UTF-8; save the file as UTF-8") from None


def _from_jsonl(name: str, text: str) -> Iterator[Placed]:
    import json

    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as fault:
            raise SourceError(f"{where}: not JSON: {fault.msg}") from None
        yield where, _object(where, value)


def _from_json(name: str, text: str) -> Iterator[Placed]:
    import json

    try:
        value = json.loads(text)
    except json.JSONDecodeError as fault:
        raise SourceError(f"{name}:{fault.lineno}: not JSON: {fault.msg}") from None
    documents = value if isinstance(value, list) else [value]
    rows = [row for each in documents for row in _rows_of(each)]
    for number, row in enumerate(rows, start=1):
        where = f"{name}, row {number}"
        yield where, _object(where, row)


def _rows_of(value: Any) -> list[Any]:
    """The rows of one document: of an object those under `rows`, else under `items`, else itself."""
    if isinstance(value, Mapping):
        for key in ("rows", "items"):
            if isinstance(value.get(key), list):
                return list(value[key])
    return [value]


def _from_csv(name: str, text: str) -> Iterator[Placed]:
    import csv
    import io

    lines = csv.reader(io.StringIO(text, newline=""))
    head = next(lines, [])
    if not head or len(set(head)) < len(head):
        raise SourceError(f"{name}:1: expected a line of distinct column names, found {head!r}")
    for cells in lines:
        where = f"{name}:{lines.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(head):
            raise SourceError(f"{where}: {len(cells)} fields where the first line names {len(head)}")
        yield where, {key: cell.strip() or None for key, cell in zip(head, cells, strict=True)}


def _from_parquet(file: Path) -> list[Placed]:
    import polars as pl

    try:
        table = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise SourceError(f"{file.name}: can't be read as parquet: {str(fault).splitlines()[0]}") from None
    return [(f"{file.name}, row {number}", row) for number, row in enumerate(table.iter_rows(named=True), start=1)]


def _object(where: str, value: Any) -> Row:
    if not isinstance(value, Mapping):
        raise SourceError(f"{where}: expected an object, found {type(value).__name__}")
    return dict(value)
