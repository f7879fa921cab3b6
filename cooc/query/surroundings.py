"""The rows of an answer about contexts: what was counted around a phrase, or estimated from a sample, and ranked.

`cooc.contexts` ranks by these what it finds in an index of cooc's, and in one of infini-gram.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cooc.query.around import Around
from cooc.query.interval import poisson_limits
from cooc.query.margins import Margins
from cooc.query.measures import evaluate
from cooc.query.rank import Tables, best, in_pairs, ranked
from cooc.query.results import Column
from cooc.query.window import AnyWindow

Array = NDArray[Any]


class Names(Protocol):
    """Gives the names of terms."""

    def terms(self, ids: Any) -> list[str]:
        """The terms of ids as text."""
        ...


class Row(NamedTuple):
    """One phrase in one slice: its contexts, as counted or as a sample tells, and where they come from."""

    around: Around
    held: int
    occurrences: int
    documents: int

    @property
    def scale(self) -> float:
        """What takes counts of the sample to all occurrences."""
        return self.occurrences / self.held if self.held else 1.0

    @property
    def is_sample(self) -> bool:
        return self.held < self.occurrences


def sample_limits(counts: Array, squares: Array, held: int, of: int, confidence: float = 0.95) -> tuple[Array, Array]:
    """The limits of counts among `of` occurrences, of which a sample of `held` has `counts`.

    An occurrence adds 0 or 1 to most counts, so that a count of the sample is close to Poisson, which errs on the
    wide side; where one adds more, the variance is φ = Σ added² / Σ added times as large. The limits are those of
    Garwood (1936) for count/φ, times φ, drawn nearer to the estimate by √(1 − held/of), as the sample is without
    replacement (Cochran 1977, section 2.6). No count is below that of the sample.
    """
    spread = np.where(counts > 0, squares / np.maximum(counts, 1e-9), 1.0)
    low, high = poisson_limits(counts / spread, confidence)
    shrink, scale = math.sqrt(1 - held / of), of / held
    low, high = (counts + (limit * spread - counts) * shrink for limit in (low, high))
    return np.maximum(low * scale, counts), high * scale


def ranking(
    names: Names, phrase: str, row: Row, *, margins: Margins, measure: str, top: int, min_count: float,
    confidence: float, parameters: dict[str, float],
) -> dict[str, Column]:  # fmt: skip
    """The first rows of one phrase."""
    counts = in_pairs(row.around.counts, margins.unit)
    enough = np.flatnonzero(counts >= max(min_count, 1e-9))
    terms, held = row.around.terms[enough], counts[enough]
    scale = row.scale if row.is_sample else 1
    table = Tables(
        held * scale, in_pairs(row.around.total, margins.unit) * scale,
        in_pairs(margins.columns[terms], margins.unit), in_pairs(margins.total, margins.unit),
    )  # fmt: skip
    bounds = _pmi_limits(row, margins, enough, table, confidence) if row.is_sample else {}
    values = bounds[measure] if measure in bounds else ranked(measure, table, parameters)
    places = best(values, table.o11, top)
    columns = {**table.at(places).columns(parameters), **{name: each[places] for name, each in bounds.items()}}
    shown: dict[str, Column] = {
        "of": [phrase] * len(places), "term": names.terms(terms[places]), "count": columns.pop("count"),
        "documents": np.full(len(places), math.nan) if row.is_sample else row.around.documents[enough][places],
    }  # fmt: skip
    if row.is_sample:
        squares = in_pairs(row.around.squares[enough][places], margins.unit**2)
        shown["low"], shown["high"] = sample_limits(held[places], squares, row.held, row.occurrences, confidence)
    return {**shown, **columns}


def _pmi_limits(row: Row, margins: Margins, kept: Array, table: Tables, confidence: float) -> dict[str, Array]:
    """`pmi_low` and `pmi_high` of a sample: of the count that was seen, for no other occurrence has been looked at."""
    counts = in_pairs(row.around.counts[kept], margins.unit)
    spread = np.where(counts > 0, in_pairs(row.around.squares[kept], margins.unit**2) / np.maximum(counts, 1e-9), 1.0)
    expected = evaluate(["expected"], *table)["expected"]
    with np.errstate(all="ignore"):
        limits = poisson_limits(counts / spread, confidence)
        low, high = (np.log2(limit * spread * row.scale / expected) for limit in limits)
    return {"pmi_low": np.where(np.isfinite(low), low, np.nan), "pmi_high": np.where(np.isfinite(high), high, np.nan)}


def with_samples(tables: Sequence[dict[str, Column]], rows: Sequence[Row]) -> None:
    """Give all tables the columns of a sample, if there is one."""
    if not any(row.is_sample for row in rows):
        return
    for table, row in zip(tables, rows, strict=True):
        size = len(table["term"])
        exact = {"low": table["count"], "high": table["count"]}
        kept = {name: table.pop(name) for name in list(table) if name not in ("of", "term", "count", "documents")}
        table["sampled"] = np.full(size, row.held, np.int64)
        table |= {name: kept.pop(name, exact[name]) for name in exact} | kept


def summary(phrase: str, row: Row, note: str | None, window: AnyWindow) -> dict[str, Any]:
    """The row of a phrase; says where counts are estimates."""
    r1 = in_pairs(row.around.total, window.unit) * (row.scale if row.is_sample else 1)
    if row.is_sample:
        note = (
            f"occurs {row.occurrences:,} times; counts are estimates from a uniform sample of {row.held:,} of them, "
            "low and high their limits. The measures are those of the estimates."
        )
    return {
        "phrase": phrase, "occurrences": row.occurrences, "documents": None if row.is_sample else row.documents,
        "sampled": row.held, "contexts": r1, "note": note,
    }  # fmt: skip
