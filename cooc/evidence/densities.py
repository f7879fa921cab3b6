"""Rows of densities, from wherever they come: results of cooc, polars tables, dictionaries, files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.errors import SourceError, UsageError
from cooc.evidence.doses import document_of, term_rows, with_frequency
from cooc.evidence.read import Placed, Row, read_rows

VARIANTS = ("index", "corpus", "where", "window", "direction", "measure", "statistic")
"""Columns that tell several densities of one seed set and target apart; each is one more density tried."""

FREQUENCY = "log_frequency"
NAMES = ("seeds", "dataset", "target", "term", "item")
"""Columns that are names, though they may look like numbers (1984, 1e5)."""

MEASURED = "@measured"
"""Names the densities that come with cooc: of the paper's lists, in a small corpus (docs/bridge.md says which)."""

COUNTS = ("frequency", "occurrences", "count")
"""Columns whose base-2 logarithm is the log frequency where none is given."""


def shipped(given: Any, file: str) -> Any:
    """The file that comes with cooc where it is asked for by name."""
    if isinstance(given, list | tuple):
        return [shipped(each, file) for each in given]
    return Path(__file__).parent / "published" / file if isinstance(given, str) and given == MEASURED else given


def density_rows(given: Any, column: str = "density") -> list[Row]:
    """Density rows with seeds, target and term as text or None, `column` a number; those without it are left out.

    A row of one term alone (`term`, or `item`) is the density of that term; of a row without `seeds` the term alone
    says where it belongs. Raises SourceError where a row has neither seeds nor term, or none of them has the column.
    """
    rows = [_checked(where, row, column) for where, row in _placed(shipped(given, "densities.csv"))]
    if not rows:
        raise UsageError("there is no density row")
    if all(row.get(column) is None for row in rows):
        named = ", ".join(sorted({key for row in rows for key in row if isinstance(row[key], int | float)}))
        raise UsageError(f'no density row has a number in "{column}"; columns with numbers are {named}')
    return rows


def item_rows(given: Any, column: str = "density") -> list[Row]:
    """Rows of single terms: as density rows, or the terms of density results, whose lift is their density."""
    rows = density_rows(_items(shipped(given, "items.csv")), column)
    if all(row["term"] is None for row in rows):
        raise UsageError("items are densities of single terms, and none of these rows has a term")
    return rows


def _items(given: Any) -> Any:
    part = document_of(given)
    if isinstance(part, list | tuple):
        return [_items(each) for each in part]
    return term_rows(part) if isinstance(part, Mapping) and "terms" in part else part


def _placed(given: Any) -> list[Placed]:
    given = document_of(given)
    if isinstance(given, Mapping) and "terms" in given and "rows" in given:
        given = with_frequency(given["rows"], given["terms"])
    if isinstance(given, str | PathLike):
        return read_rows(given)
    if isinstance(given, Mapping):
        rows = given.get("rows")
        return _placed(rows) if isinstance(rows, list) else [("a density row", dict(given))]
    if hasattr(given, "to_dicts"):
        return [(f"density row {k}", row) for k, row in enumerate(given.to_dicts(), start=1)]
    if hasattr(given, "rows") and callable(given.rows):
        return [(f"density row {k}", row) for k, row in enumerate(given.rows(), start=1)]
    if isinstance(given, Iterable):
        return [placed for each in given for placed in _placed(each)]
    raise UsageError(f"densities come as rows, tables, results or files, not as {type(given).__name__}")


def _checked(where: str, given: Mapping[str, Any], column: str) -> Row:
    row = {key: value if key in NAMES else _value(value) for key, value in given.items()}
    row["seeds"] = _name(row.get("seeds", row.pop("dataset", None)))
    row["target"] = _name(row.get("target"))
    row["term"] = _name(next((row[key] for key in ("term", "item") if row.get(key) is not None), None))
    if row["seeds"] is None and row["term"] is None:
        raise SourceError(f"{where}: a density row needs seeds (or term); it has {', '.join(map(str, given))}")
    if isinstance(row.get(column), str):
        raise SourceError(f"{where}: {column} is {row[column]!r}; expected a number")
    if row.get(FREQUENCY) is None:
        count = next((row[key] for key in COUNTS if isinstance(row.get(key), int | float)), None)
        if count is not None:
            row[FREQUENCY] = math.log2(max(float(count), 0.5))
    return row


def _name(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:g}"
    return str(value)


def _value(value: Any) -> Any:
    """Text that is a number as a number; NaN as None."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def variant_of(row: Row, varying: Sequence[str]) -> str:
    """What tells this density from others of the same seeds and target, in words."""
    return ", ".join(f"{key}={_name(row.get(key))}" for key in varying)


def varying_columns(rows: Sequence[Row]) -> list[str]:
    """The columns of VARIANTS that have more than one value."""
    return [key for key in VARIANTS if len({repr(row.get(key)) for row in rows}) > 1]
