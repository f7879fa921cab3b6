"""What stands around a phrase of any length, within any window?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.around import Gatherer
from cooc.query.compare import PRIOR
from cooc.query.counts import known, why_unknown
from cooc.query.elsewhere import elsewhere
from cooc.query.hits import find_hits
from cooc.query.margins import Margins, margins_of
from cooc.query.measures import MEASURES, evaluate
from cooc.query.neighbors import DIFFERENCES, joined, ranked_differences
from cooc.query.rank import COUNT, Tables, check_ranking, in_pairs
from cooc.query.results import Column, Provenance, Result
from cooc.query.slices import Slice, slices_of
from cooc.query.surroundings import Row, ranking, summary, with_samples
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
    ids = [known(index, phrase) for phrase in asked]
    notes = why_unknown(index, [None if terms else phrase for terms, phrase in zip(ids, asked, strict=True)])
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
        summary(phrase, row, note, chosen) for phrase, row, note in zip(asked, rows[0], notes, strict=True)
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


def _rankings(
    index: Index, phrases: tuple[str, ...], rows: list[Row], margins: Margins, measure: str, top: int,
    min_count: float, parameters: dict[str, float],
) -> list[dict[str, Column]]:  # fmt: skip
    """The first rows of each phrase."""
    complete, confidence = margins.with_smoothed_total(parameters), parameters.get("confidence", 0.95)
    tables = [
        ranking(
            index.vocabulary, phrase, row, margins=margins, measure=measure, top=top, min_count=min_count,
            confidence=confidence, parameters=complete,
        )
        for phrase, row in zip(phrases, rows, strict=True)
    ]
    with_samples(tables, rows)
    return tables


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
