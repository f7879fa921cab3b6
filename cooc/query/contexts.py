"""What stands around a phrase of any length, within any window?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.around import Around, Gatherer
from cooc.query.compare import PRIOR
from cooc.query.counts import known
from cooc.query.elsewhere import elsewhere
from cooc.query.hits import find_hits
from cooc.query.interval import poisson_limits
from cooc.query.margins import Margins, margins_of
from cooc.query.measures import MEASURES, evaluate
from cooc.query.neighbors import DIFFERENCES, joined, ranked_differences
from cooc.query.rank import COUNT, Tables, best, check_ranking, in_pairs, ranked
from cooc.query.results import Column, Provenance, Result
from cooc.query.slices import Slice, slices_of
from cooc.query.window import AnyWindow, asked_window

Array = NDArray[Any]

MOST = 1_000_000
"""Occurrences of a phrase that are looked at, if not said otherwise."""


@dataclass(frozen=True, eq=False, repr=False)
class Contexts(Result):
    """The terms around phrases, ranked by a measure. `phrases` has a row for each phrase:

    occurrences, documents (that hold it; None for a sample), `sampled` (the occurrences looked at), `contexts` (R1)
    and a note.
    """

    phrases: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def notes(self) -> list[str]:
        """What a reader must know: slices, samples, unknown words."""
        said = [f"{row['phrase']}: {row['note']}" for row in self.phrases if row["note"]]
        return [*self.provenance.notes, *said]

    def to_dict(self) -> dict[str, Any]:
        """Rows, phrases and provenance, ready for JSON."""
        return {**super().to_dict(), "phrases": [dict(row) for row in self.phrases]}

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *self.notes])


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


def contexts(
    index: Index,
    phrases: str | Iterable[str],
    *,
    window: int | str | None = None,
    direction: str | None = None,
    weighting: str | None = None,
    measure: str | None = None,
    top: int = 20,
    min_count: float = 5,
    where: str | None = None,
    against: str | None = None,
    most: int | None = MOST,
    seed: int = 0,
    prior: float | None = None,
    **parameters: float,
) -> Contexts:
    """The terms in the window of each phrase, the `top` by a measure, with distinct documents and every measure.

    Phrases are words or phrases of any length, listed with --terms or not. `window` is any number of tokens or
    "document", whatever the index has counted; the first of the index, with its direction and weighting, if not
    given. Every term is a context, also one that has no row of pairs. Counts, marginals and N are exact and follow
    the rules of indexes/FORMAT.md; where the index has a pair matrix of this window, they are its numbers. `measure`,
    `min_count`, `where`, `against` and further parameters are as in `cooc.neighbors`.

    Of a phrase that occurs more than `most` times, a uniform sample of so many occurrences is looked at (`seed`),
    from all over the corpus: `count` is then an unbiased estimate, `low` and `high` its limits at `confidence`
    (`sample_limits`), `sampled` the occurrences looked at, and `documents` null. Measures are those of the estimate,
    `pmi_low` and `pmi_high` its limits by the count that was seen; `min_count` is of the sample. None looks at all.
    """
    if not isinstance(index, Index):
        return elsewhere(
            "contexts", index, phrases, window=window, direction=direction, weighting=weighting, measure=measure,
            top=top, min_count=min_count, where=where, against=against, most=most, seed=seed, prior=prior, **parameters,
        )  # fmt: skip
    asked = (phrases,) if isinstance(phrases, str) else tuple(phrases)
    measure = _checked(asked, measure, top, against, prior)
    chosen, parts = asked_window(index, window, direction, weighting), slices_of(index, where, against)
    evaluate(list(MEASURES), 0, 0, 0, 1, **{"smoothed_total": 1.0, **parameters})  # refuses what no measure takes
    found = [known(index, phrase) for phrase in asked]
    ids = [terms for terms, _ in found]
    rows = [gathered(index, ids, chosen, most=most, seed=seed, where=part) for part in parts or (None,)]
    margins = [margins_of(index, chosen, part) for part in parts or (None,)]
    options: dict[str, Any] = {
        "window": chosen.name, "direction": chosen.direction, "weighting": chosen.weighting, "min_count": min_count,
        **parameters, **({"most": most, "seed": seed} if any(row.is_sample for row in rows[0]) else {}),
    }  # fmt: skip
    if against is None:
        tables = _rankings(index, asked, rows[0], margins[0], measure, top, min_count, parameters)
    else:
        options["prior"] = PRIOR if prior is None else prior
        tables = [
            _differences(index, phrase, pair, margins, measure, top, min_count, float(options["prior"]))
            for phrase, pair in zip(asked, zip(*rows, strict=True), strict=True)
        ]
    columns: dict[str, Column] = {name: joined([table[name] for table in tables]) for name in tables[0]}
    slices = tuple(part.to_dict() for part in parts)
    source = Provenance("contexts", index.name, index.digest, asked, measure, options, slices)
    return Contexts(columns, source, tuple(
        _summary(phrase, row, note, chosen) for phrase, row, (_, note) in zip(asked, rows[0], found, strict=True)
    ))  # fmt: skip


def _checked(
    asked: tuple[str, ...], measure: str | None, top: int, against: str | None, prior: float | None
) -> str:
    """What to rank by; raises `UsageError` for a question that makes no sense."""
    if not asked:
        raise UsageError("contexts of no phrase: name at least one.")
    if prior is not None and against is None:
        raise UsageError("prior is for comparing two slices: give against.")
    measure = measure or ("npmi" if against is None else "z")
    check_ranking(COUNT if against is not None and measure in DIFFERENCES else measure, top)
    return measure


def gathered(
    index: Index, phrases: list[list[int]], window: AnyWindow, *, most: int | None, seed: int, where: Slice | None
) -> list[Row]:
    """The contexts of phrases of term ids; a phrase without ids has none."""
    hits = find_hits(index, phrases, most=most, seed=seed, where=where)
    gatherer = Gatherer(index, window)
    rows = []
    for k, phrase in enumerate(phrases):
        places, total = hits.of(k), int(hits.totals[k])
        around = gatherer.around(phrase, places, int(hits.lengths[k]), squares=len(places) < total)
        rows.append(Row(around, len(places), total, gatherer.documents))
    return rows


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


def _rankings(
    index: Index, phrases: tuple[str, ...], rows: list[Row], margins: Margins, measure: str, top: int,
    min_count: float, parameters: dict[str, float],
) -> list[dict[str, Column]]:  # fmt: skip
    """The first rows of each phrase."""
    complete, confidence = margins.with_smoothed_total(parameters), parameters.get("confidence", 0.95)
    tables = [
        _ranking(index, phrase, row, margins, measure, top, min_count, confidence, complete)
        for phrase, row in zip(phrases, rows, strict=True)
    ]
    _with_samples(tables, rows)
    return tables


def _ranking(
    index: Index, phrase: str, row: Row, margins: Margins, measure: str, top: int, min_count: float,
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
        "of": [phrase] * len(places), "term": index.vocabulary.terms(terms[places]), "count": columns.pop("count"),
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


def _with_samples(tables: list[dict[str, Column]], rows: list[Row]) -> None:
    """Give all tables the columns of a sample, if there is one."""
    if not any(row.is_sample for row in rows):
        return
    for table, row in zip(tables, rows, strict=True):
        size = len(table["term"])
        exact = {"low": table["count"], "high": table["count"]}
        kept = {name: table.pop(name) for name in list(table) if name not in ("of", "term", "count", "documents")}
        table["sampled"] = np.full(size, row.held, np.int64)
        table |= {name: kept.pop(name, exact[name]) for name in exact} | kept


def _differences(
    index: Index, phrase: str, rows: tuple[Row, ...], margins: list[Margins], measure: str, top: int,
    min_count: float, prior: float,
) -> dict[str, Column]:  # fmt: skip
    """The first rows of one phrase by the difference of two slices."""
    if any(row.is_sample for row in rows):
        most = max(row.occurrences for row in rows)
        raise UsageError(f'"{phrase}" occurs {most:,} times: slices are compared by all of them. Give most=None.')
    terms = np.union1d(rows[0].around.terms, rows[1].around.terms)
    tables = []
    for row, margin in zip(rows, margins, strict=True):
        counts = np.zeros(len(terms), np.int64)
        counts[np.searchsorted(terms, row.around.terms)] = row.around.counts
        tables.append(Tables(
            in_pairs(counts, margin.unit), in_pairs(np.int64(row.around.total), margin.unit),
            in_pairs(margin.columns[terms], margin.unit), in_pairs(margin.total, margin.unit),
        ))  # fmt: skip
    places, columns = ranked_differences(tables, measure, top=top, min_count=min_count, prior=prior)
    return {"of": [phrase] * len(places), "term": index.vocabulary.terms(terms[places]), **columns}


def _summary(phrase: str, row: Row, note: str | None, window: AnyWindow) -> dict[str, Any]:
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
