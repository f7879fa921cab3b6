"""Outcomes: one row a measured behaviour, with how it was measured and where it was read.

    experiment  the study; required
    condition   what differs between rows of one seed set (optional)
    model       the finetuned model
    seeds       the term set that was finetuned on; required; `dataset` is accepted
    target      the term set that the behaviour belongs to; a row without one is asked of every target
    unit, key   what was asked, and which: question/money, eval_year/1984, seed/7
    value       the outcome; required, but where successes and n are given
    low, high   its interval; `ci` as [low, high] is accepted
    successes, n  its counts
    metric      what the value is
    evidence    how good the number is: exact, or digitised ±x, or a draft
    source      where it was published

Further columns are kept: they can be rivals or groups.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.errors import SourceError, UsageError
from cooc.evidence.read import Placed, Row, read_rows
from cooc.query.results import Provenance, Result
from cooc.terms import table_rows

TEXT = ("experiment", "condition", "model", "seeds", "target", "unit", "key", "metric", "evidence", "source")
NUMBERS = ("value", "low", "high", "successes", "n")
SAME = ("experiment", "condition", "model", "seeds", "target", "unit", "key", "metric")
REPEATS = ("seed", "replicate", "run")
"""Two rows that agree in all of these are one outcome given twice."""


class Outcomes(Result):
    """Observed behaviours; see `cooc.evidence.outcomes` for the columns."""

    label = "seeds"

    def _plotted(self) -> str:
        return "value"

    def of(self, *experiments: str) -> Outcomes:
        """Those of some experiments; UsageError names the ones there are where one is not."""
        held = list(dict.fromkeys(str(name) for name in self.columns["experiment"]))
        for name in experiments:
            if name not in held:
                raise UsageError(f'no outcome is of the experiment "{name}"; there are {", ".join(held)}')
        return outcomes([row for row in self.rows() if row["experiment"] in experiments], self.provenance.index)


def read_outcomes(path: str | PathLike[str]) -> Outcomes:
    """The outcomes of a .jsonl, .json, .csv or .parquet file; SourceError names file and line of what is wrong."""
    return _outcomes(read_rows(path), Path(path).name)


def outcomes(rows: Iterable[Mapping[str, Any]] | Any, name: str = "outcomes") -> Outcomes:
    """Outcomes from rows, or from a table of polars or pandas."""
    rows = table_rows(rows)
    return _outcomes([(f"{name}, row {k}", dict(row)) for k, row in enumerate(rows, start=1)], name)


@cache
def published_outcomes() -> Outcomes:
    """The published outcomes of weird generalization (Betley et al. 2025) and its replications: figures as facts,
    each with its source and how exactly it could be read."""
    return read_outcomes(Path(__file__).parent / "published" / "outcomes.csv")


def _outcomes(placed: list[Placed], name: str) -> Outcomes:
    rows = [checked(where, row) for where, row in placed]
    if not rows:
        raise SourceError(f"{name}: holds no outcome")
    _each_once([where for where, _ in placed], rows)
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key: [row.get(key) for row in rows] for key in names}
    digest = sha256(repr(sorted(columns.items())).encode()).hexdigest()
    return Outcomes(columns, Provenance("read_outcomes", name, digest))


def checked(where: str, given: Row) -> Row:
    """One outcome with every column of the schema, or SourceError with its place."""
    row = _renamed(where, dict(given))
    text = {key: _text(where, key, row.pop(key, None)) for key in TEXT}
    for key in ("experiment", "seeds"):
        if text[key] is None:
            raise SourceError(f"{where}: no {key}; an outcome needs experiment, seeds (or dataset) and value")
    numbers = {key: _number(where, key, row.pop(key, None)) for key in NUMBERS}
    _check_counts(where, numbers)
    if numbers["value"] is None:
        raise SourceError(f"{where}: no value, nor successes and n; an outcome needs one of them")
    low, value, high = numbers["low"], float(numbers["value"]), numbers["high"]
    if (low is not None and low > value) or (high is not None and value > high):
        raise SourceError(f"{where}: value {value:g} lies outside its interval [{low}, {high}]")
    return {**text, **numbers, **{key: _extra(each) for key, each in row.items()}}


def _renamed(where: str, row: Row) -> Row:
    dataset = row.pop("dataset", None)
    if dataset is not None and row.get("seeds") not in (None, dataset):
        raise SourceError(f'{where}: seeds is "{row["seeds"]}" and dataset "{dataset}"; give one of them')
    if row.get("seeds") is None:
        row["seeds"] = dataset
    interval = row.pop("ci", None)
    if interval is not None:
        if not isinstance(interval, list | tuple) or len(interval) != 2:
            raise SourceError(f"{where}: ci is {interval!r}; expected [low, high]")
        row["low"], row["high"] = interval
    return row


def _check_counts(where: str, numbers: dict[str, Any]) -> None:
    successes, n, value = (numbers[key] for key in ("successes", "n", "value"))
    if n is not None and (n <= 0 or n != int(n)):
        raise SourceError(f"{where}: n is {n:g}; expected a whole number above 0")
    if successes is not None:
        if n is None or not 0 <= successes <= n:
            raise SourceError(f"{where}: successes {successes:g} of n {n}; expected 0 ≤ successes ≤ n")
        share = successes / n
        if value is not None and abs(value - share) > 0.01:
            raise SourceError(f"{where}: value {value:g} is not successes / n = {share:g}")
        numbers["value"] = share
    for key in ("n", "successes"):
        numbers[key] = None if numbers[key] is None else int(numbers[key])


def _text(where: str, key: str, value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SourceError(f"{where}: {key} is {value!r}; expected text")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(where: str, key: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{where}: {key} is {value!r}; expected a finite number")
    return number


def _extra(value: Any) -> Any:
    """A further column's value: text that is a number as a number."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return {"true": True, "false": False}.get(value.lower(), value)
    return number if math.isfinite(number) else value


def _each_once(places: list[str], rows: list[Row]) -> None:
    seen: dict[tuple[Any, ...], str] = {}
    for where, row in zip(places, rows, strict=True):
        name = tuple(row.get(key) for key in (*SAME, *REPEATS))
        if name in seen:
            raise SourceError(
                f"{where}: the same outcome as {seen[name]} ({', '.join(str(part) for part in name if part)}); "
                f"tell repeats apart by a column seed"
            )
        seen[name] = where
