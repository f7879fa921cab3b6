"""What the rankings share: a measure over the marginals of a table, and the first places of an order."""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index, PairMatrix
from cooc.query.measures import MEASURES, evaluate, measure, ranking_values
from cooc.query.results import Column

Array = NDArray[Any]

ALPHA: float = (MEASURES["ppmi_cds"].function.__kwdefaults__ or {})["alpha"]

COUNT = "count"
"""Ranks by the count itself, beside the measures."""


class Tables(NamedTuple):
    """The tables of many pairs: observed counts, marginals and the number of all pairs."""

    o11: Array
    r1: Any
    c1: Array
    n: float

    def at(self, places: Array) -> Tables:
        """The tables at some places."""
        r1 = self.r1[places] if np.ndim(self.r1) else self.r1
        return Tables(self.o11[places], r1, self.c1[places], self.n)

    def columns(self, parameters: dict[str, float]) -> dict[str, Column]:
        """Count, expected count and every other measure."""
        values = evaluate(list(MEASURES), self.o11, self.r1, self.c1, self.n, **parameters)
        return {"count": self.o11, "expected": values.pop("expected"), **values}


def check_ranking(name: str, top: int) -> None:
    """Raise `UsageError` for a ranking that can't be."""
    if name != COUNT:
        measure(name)
    if top < 1:
        raise UsageError(f"top is {top}; expected at least 1.")


def ranked(name: str, tables: Tables, parameters: dict[str, float]) -> Array:
    """The values to rank by, NaN for a pair that has no place in the ranking."""
    if name == COUNT:
        return np.asarray(tables.o11, np.float64)
    taken = {key: value for key, value in parameters.items() if key != "smoothed_total" or name == "ppmi_cds"}
    return ranking_values(name, tables.o11, tables.r1, tables.c1, tables.n, **taken)


def best(values: Array, counts: Array, top: int) -> Array:
    """The places of the `top` largest values, in order; ties by count, then by place; NaN has none."""
    kept = np.flatnonzero(~np.isnan(values))
    if len(kept) > top:
        least = np.partition(values[kept], len(kept) - top)[len(kept) - top]
        kept = kept[values[kept] >= least]
    return kept[np.lexsort((-counts[kept], -values[kept]))][:top]


def no_row(index: Index, matrix: PairMatrix, *terms: str) -> UsageError:
    """The error for terms without a row in the document window."""
    asked = " or ".join(f'"{term}"' for term in terms)
    others = ", ".join(name for name in index.windows if name != matrix.record.name)
    return UsageError(
        f"{index.name} has no row for {asked} in the window {matrix.record.name}, which holds the terms of "
        f"--terms only. Build with --terms FILE naming it, or ask another window: {others}."
    )


def in_pairs(counts: Any, unit: int) -> Any:
    """Counts in units of 1/`unit` as counts of pairs: whole numbers where the unit is a pair."""
    return counts if unit == 1 else counts / unit


_SMOOTHED: WeakKeyDictionary[Index, dict[tuple[str, float], float]] = WeakKeyDictionary()


def with_smoothed_total(index: Index, matrix: PairMatrix, parameters: dict[str, float]) -> dict[str, float]:
    """The parameters and the Σ C1^α over all words that `ppmi_cds` needs, computed once an index."""
    alpha = parameters.get("alpha", ALPHA)
    known, key = _SMOOTHED.setdefault(index, {}), (matrix.record.name, alpha)
    if key not in known:
        words = matrix.column_sums.slice(0, index.units.words)
        known[key] = smoothed_total(in_pairs(words, matrix.unit), alpha)
    return {**parameters, "smoothed_total": known[key]}


def smoothed_total(sums: Array, alpha: float) -> float:
    """Σ sums^α; 1 where there is nothing to add up, so that it divides.

    Rounded once, so that words which a slice lacks, or another order of them, change no digit of an answer.
    """
    return math.fsum(sums.astype(np.float64) ** alpha) or 1.0
