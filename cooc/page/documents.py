"""Results as plain documents: what a page is made of, whether the result is at hand or was saved as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cooc.errors import SourceError, UsageError
from cooc.query.results import Result

Row = dict[str, Any]

ITSELF = "itself"
"""The target of a density row that is of the seeds among themselves."""

LARGEST = 1 << 28
"""Bytes of a saved result, at most."""


@dataclass(frozen=True)
class Document:
    """A result: the verb and the provenance that made it, its rows, and its further parts by name."""

    verb: str
    source: Mapping[str, Any]
    rows: list[Row]
    more: Mapping[str, Any]

    @property
    def index(self) -> str:
        """The name of the index."""
        return str(self.source["index"])

    @property
    def parameters(self) -> Mapping[str, Any]:
        return dict(self.source.get("parameters") or {})

    def part(self, name: str) -> list[Row]:
        """The rows of a further table, none where there is no such table."""
        found = self.more.get(name) or []
        return [dict(row) for row in found] if isinstance(found, Sequence) and not isinstance(found, str) else []


def documents_of(results: Any) -> list[Document]:
    """Every result as a document; raises UsageError for what is no result."""
    given = [results] if isinstance(results, Result | str | PathLike | Mapping) else list(results)
    if not given:
        raise UsageError("a report of no result: give at least one.")
    return [_document(each) for each in given]


def _document(given: Any) -> Document:
    if isinstance(given, Result):
        more = {name: value for name, value in given.to_dict().items() if name not in ("provenance", "rows")}
        if "nulls" in more:  # of a density at hand every matched set is known, not only the quantiles
            for told, held in zip(more["nulls"], given.nulls, strict=True):  # type: ignore[attr-defined]
                told["densities"] = [float(v) for v in np.asarray(held["densities"]) if math.isfinite(v)]
        source = given.provenance.to_dict()
        return Document(str(source["verb"]), source, [dict(row) for row in given.rows()], more)
    if isinstance(given, str | PathLike):
        return _saved(Path(given))
    if isinstance(given, Mapping):
        return _from_json(given, "a result")
    raise UsageError(f"a report is made of results of cooc or files of them; found {type(given).__name__}.")


def _saved(path: Path) -> Document:
    try:
        if path.stat().st_size > LARGEST:
            raise SourceError(f"{path}: larger than {LARGEST >> 20} MiB; save fewer rows.")
        held = json.loads(path.read_bytes(), parse_constant=_no_number)
    except OSError as error:
        raise SourceError(f"{path}: can't be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: is no JSON document: {error}. Save one with --json.") from error
    return _from_json(held, str(path))


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _from_json(held: Any, where: str) -> Document:
    """A document from what --json prints; a pair's one row stands there without a list."""
    source = held.get("provenance") if isinstance(held, Mapping) else None
    if not isinstance(source, Mapping) or not {"verb", "index", "digest"} <= set(source):
        raise SourceError(f"{where}: is no result of cooc: it has no provenance. Save one with --json.")
    rest = {name: value for name, value in held.items() if name not in ("provenance", "rows")}
    rows = held.get("rows")
    if rows is None:
        rows = [{name: value for name, value in rest.items() if not isinstance(value, list | dict)}]
    if not _are_rows(rows):
        raise SourceError(f"{where}: its rows are no list of objects. Save it again with --json.")
    return Document(str(source["verb"]), source, [dict(row) for row in rows], rest)


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)


def several(rows: Iterable[Row], name: str) -> list[Any]:
    """The different values of a column, in their order."""
    return list(dict.fromkeys(row.get(name) for row in rows))
