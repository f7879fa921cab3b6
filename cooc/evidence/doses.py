"""What a density result says of its single terms: their log frequency, and rows of their own."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.terms import table_rows

Row = dict[str, Any]


def document_of(given: Any) -> Any:
    """A density result or its JSON file as the object (or list of objects) that --json prints; else as it is."""
    if isinstance(given, str | PathLike) and Path(given).suffix.lower() == ".json" and Path(given).is_file():
        try:
            value = json.loads(Path(given).read_text(encoding="utf-8-sig"))
        except ValueError:
            return given  # the reader of rows says what is wrong with it, and where
        several = value if isinstance(value, list) else [value]
        return value if any(isinstance(each, Mapping) and "terms" in each for each in several) else given
    if hasattr(given, "rows") and hasattr(given, "terms"):
        return {"rows": plain(given), "terms": plain(given.terms)}
    return given if hasattr(given, "to_dicts") else table_rows(given)  # those of polars are numbered later


def plain(given: Any) -> list[Row]:
    """Rows of a result, a table or a list."""
    if hasattr(given, "to_dicts"):
        return list(given.to_dicts())
    return [dict(row) for row in (given.rows() if callable(getattr(given, "rows", None)) else given)]


def with_frequency(rows: Sequence[Mapping[str, Any]], terms: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Density rows with the mean log2 frequency of those of their terms that occur, as the density is their mean."""
    held: dict[tuple[Any, Any], list[float]] = defaultdict(list)
    for term in terms:
        if isinstance(count := term.get("occurrences"), int | float) and count > 0:
            held[term.get("target"), term.get("window")].append(math.log2(count))
    made = []
    for row in rows:
        logs = held.get((row.get("target"), row.get("window")))
        known = row.get("log_frequency") is not None or not logs
        made.append(dict(row) if known or logs is None else {**row, "log_frequency": sum(logs) / len(logs)})
    return made


def term_rows(document: Mapping[str, Any]) -> list[Row]:
    """A row for each term that occurs: seeds as in the density rows, density its lift."""
    name = next((row.get("seeds") for row in document.get("rows", ())), None)
    return [
        {"seeds": name, **term, "density": term.get("density", term.get("lift"))}
        for term in document["terms"] if term.get("occurrences") != 0
    ]  # fmt: skip
