"""Which years stand around terms: a histogram against the corpus' own, and the shares of the centuries.

A year is a token of exactly four digits; so is many a quantity ("1000 copies", "1600 metres"), in the contexts as in
the corpus, which is why only the lift speaks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.clusters.keyness import Array, Side
from cooc.clusters.sets import Named, named_sets
from cooc.errors import UsageError
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result

if TYPE_CHECKING:
    from cooc.clusters.year_counts import Bins, YearCounts
    from cooc.index.reader import Index
    from cooc.query.slices import Slice
    from cooc.terms import TermSet

STEPS = {"year": 1, "decade": 10, "century": 100}
SPANS = (1700, 1800, 1900, 2000)
"""Centuries of the summary, by their first year."""

REPLICATES = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Years(Result):
    """The years around term sets and their terms; `summary` has the shares of the centuries."""

    summary: Result

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "summary": self.summary.rows()}

    @property
    def by(self) -> str:
        """What a row is: year, decade or century."""
        return str(self.provenance.parameters["by"])

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: of each set the shares beside those of the corpus, and the lifts with intervals."""
        from cooc.clusters.figures import new_figure

        rows = [row for row in self.rows() if row["level"] == "set"]
        names = list(dict.fromkeys(str(row["set"]) for row in rows))
        figure, axes = new_figure(9, 1 + 2.6 * len(names), len(names), 2, squeeze=False, sharex=True)
        for line, name in zip(axes, names, strict=True):
            _draw((line[0], line[1]), [row for row in rows if row["set"] == name], self.by, name)
        figure.suptitle(self.provenance.caption(), fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure


def years(
    index: Index,
    terms: Named | Sequence[Named],
    *,
    window: int | str | None = 10,
    by: str = "decade",
    where: str | None = None,
    first: int = 1000,
    last: int = 2099,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Years:
    """The four-digit years from `first` to `last` around term sets, against those of the corpus or of `where`.

    `window` counts tokens to either side, or is "document". A set's row is the sum over its terms: terms that are the
    same words count once, and an occurrence inside a longer term ("Auk" in "Great Auk") counts for that one alone.
    `lift` is log2 of the share among the years in contexts over that in the corpus, ½ added to each count; its
    interval takes documents as units (keyness.py) and the corpus as known. `summary` has for each set and term the
    share of each century, its interval by drawing documents with replacement, and the corpus' share. Rows of terms
    are those that were counted. Raises `UsageError` where no year is a term of the index.
    """
    index = as_index(index)
    from cooc.clusters.year_counts import bins_of, corpus_counts
    from cooc.query.slices import slices_of
    from cooc.query.window import asked_window

    if by not in STEPS:
        raise UsageError(f'years are counted by {", ".join(STEPS)}, not by "{by}".')
    if not 0 < confidence < 1 or replicates < 1:
        raise UsageError(f"confidence {confidence}, replicates {replicates}: expected 0 to 1, and at least 1.")
    asked = named_sets(terms)
    part = next(iter(slices_of(index, where, None)), None)
    size = asked_window(index, window).size
    bins = bins_of(index, first, last, STEPS[by])
    corpus = corpus_counts(index, bins, part)
    tables, summaries = [], []
    for number, each in enumerate(asked):
        counted = _Counted(index, each, bins, corpus, size, part)
        tables.append(counted.rows(by, confidence))
        summaries.append(counted.summary(confidence, replicates, seed + number))
    options = {
        "window": "document" if size is None else size, "by": by, "first": first, "last": last,
        "confidence": confidence, "replicates": replicates, "seed": seed,
    }  # fmt: skip
    slices = () if part is None else (part.to_dict(),)
    source = Provenance("years", index.name, index.digest, tuple(s.name for s in asked), "lift", options, slices)
    return Years(_joined(tables), source, Result(_joined(summaries), source))


class _Counted:
    """The contexts of one set."""

    def __init__(
        self, index: Index, asked: TermSet, bins: Bins, corpus: Array, window: int | None, where: Slice | None
    ) -> None:
        from cooc.clusters.year_counts import count_years
        from cooc.query.hits import term_ids

        self.name, self.bins, self.corpus = asked.name, bins, corpus
        names: dict[tuple[int, ...], str] = {}
        for term in asked:
            if ids := term_ids(index, term):
                names.setdefault(tuple(ids), term)
        self.terms = list(names.values())
        self.found = count_years(index, list(names), bins, window=window, where=where)
        edges = np.searchsorted(self.found.term, np.arange(len(self.terms) + 1)).tolist()
        self.parts = [_part(self.found, k, slice(*edges[k : k + 2])) for k in range(len(self.terms))]

    def rows(self, by: str, confidence: float) -> dict[str, Column]:
        """A row for each bin that the corpus has, of the set; of each term for each that it has."""
        lines = [("set", self.name, self.found, np.flatnonzero(self.corpus))]
        lines += [
            ("term", term, own, np.unique(own.bin))
            for term, own in zip(self.terms, self.parts, strict=True) if len(own.term)
        ]  # fmt: skip
        return _joined([
            {"set": [self.name] * len(held), "level": [level] * len(held), "term": [term] * len(held),
             by: self.bins.starts[held], **_histogram(own, self.bins, self.corpus, held, confidence)}
            for level, term, own, held in lines
        ])  # fmt: skip

    def summary(self, confidence: float, replicates: int, seed: int) -> dict[str, Column]:
        """A row for each century of the set, and for each of each term that occurs."""
        lines = [("set", self.name, self.found)]
        lines += [("term", t, own) for t, own in zip(self.terms, self.parts, strict=True) if own.occurrences.sum()]
        return _joined([
            {"set": [self.name] * len(SPANS), "level": [level] * len(SPANS), "term": [term] * len(SPANS),
             **_shares(own, self.bins, self.corpus, confidence, replicates, seed)}
            for level, term, own in lines
        ])  # fmt: skip


def _part(found: YearCounts, term: int, rows: slice) -> YearCounts:
    return found._replace(
        term=found.term[rows], document=found.document[rows], bin=found.bin[rows], counts=found.counts[rows],
        occurrences=found.occurrences[term : term + 1],
    )  # fmt: skip


def _joined(tables: Sequence[dict[str, Column]]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in tables[0]:
        parts = [table[name] for table in tables]
        arrays = [part for part in parts if isinstance(part, np.ndarray)]
        columns[name] = np.concatenate(arrays) if len(arrays) == len(parts) else [v for part in parts for v in part]
    return columns


def _histogram(found: YearCounts, bins: Bins, corpus: Array, held: Array, confidence: float) -> dict[str, Column]:
    """The rows of some bins."""
    side = _side(found, len(bins.starts))
    total, rate = int(corpus.sum()), (corpus + 0.5) / (corpus.sum() + 1)
    count = side.counts[held]
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.log2(side.rate / rate)[held]
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(side.variance[held]) / math.log(2)
    nothing = side.tokens == 0
    return {
        "count": count, "expected": side.tokens * corpus[held] / max(1, total),
        "lift": np.where(nothing, np.nan, lift), "low": np.where(nothing, np.nan, lift - reach),
        "high": np.where(nothing, np.nan, lift + reach), "documents": side.documents[held], "corpus": corpus[held],
    }  # fmt: skip


def _side(found: YearCounts, bins: int) -> Side:
    """The sums of a ratio estimator: c the years of a bin in a document, L all its years."""
    document, place = np.unique(found.document, return_inverse=True)
    lengths = np.bincount(place, weights=found.counts, minlength=len(document)).astype(np.int64)
    # the terms of a set meet in a document: their counts of one bin are one count
    cells, cell = np.unique(place * bins + found.bin, return_inverse=True)
    counts = np.bincount(cell, weights=found.counts, minlength=len(cells)).astype(np.int64)
    column, row = cells % bins, cells // bins
    sums = np.zeros((5, bins), np.int64)
    for line, values in enumerate((counts, np.ones_like(counts), counts**2, counts * lengths[row])):
        np.add.at(sums[line], column, values)
    np.maximum.at(sums[4], column, counts)
    return Side(sums, int(lengths.sum()), len(document), sum(int(length) ** 2 for length in lengths.tolist()))


def _shares(
    found: YearCounts, bins: Bins, corpus: Array, confidence: float, replicates: int, seed: int
) -> dict[str, Column]:  # fmt: skip
    """The share of each century, with its interval."""
    document, place = np.unique(found.document, return_inverse=True)
    centuries = bins.starts // 100 * 100
    counts = np.zeros((len(document), len(SPANS) + 1))
    column = np.where(np.isin(centuries, SPANS), np.searchsorted(SPANS, centuries), len(SPANS))
    np.add.at(counts, (place, column[found.bin]), found.counts)
    known = np.bincount(column, weights=corpus, minlength=len(SPANS) + 1)[:-1] / max(1, int(corpus.sum()))
    low, high = _drawn(counts, confidence, replicates, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts.sum(axis=0)[:-1] / counts.sum()
        lift = np.log2(share / known)
    rows = len(SPANS)
    return {
        "century": [f"{start // 100}xx" for start in SPANS], "share": share, "low": low, "high": high,
        "corpus_share": known, "lift": np.where(np.isfinite(lift), lift, np.nan),
        "years": np.full(rows, int(counts.sum())), "documents": np.full(rows, len(document)),
        "occurrences": np.full(rows, int(found.occurrences.sum())),
    }  # fmt: skip


def _drawn(counts: Array, confidence: float, replicates: int, seed: int) -> tuple[Array, Array]:
    """The limits of the shares of all columns but the last, over documents drawn with replacement.

    NaN for fewer than two documents, which say nothing of others.
    """
    documents, columns = len(counts), counts.shape[1] - 1
    if documents < 2:
        return np.full(columns, np.nan), np.full(columns, np.nan)
    random, shares = np.random.default_rng([seed, 3]), []
    block = max(1, (1 << 22) // documents)
    for begin in range(0, replicates, block):
        size = min(block, replicates - begin)
        sums = random.multinomial(documents, np.full(documents, 1 / documents), size) @ counts
        shares.append(sums[:, :-1] / sums.sum(axis=1)[:, None])
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(shares), [tail, 1 - tail], axis=0)
    return low, high


def _draw(axes: tuple[Any, Any], rows: list[dict[str, Any]], by: str, name: str) -> None:
    """Shares and lifts of one set; bins from the first to the last that hold a thousandth of the years."""
    left, right = axes
    total, corpus = (max(1, sum(row[key] for row in rows)) for key in ("count", "corpus"))
    shown = [k for k, row in enumerate(rows) if max(row["count"] / total, row["corpus"] / corpus) >= 0.001]
    rows = rows[shown[0] : shown[-1] + 1] if shown else rows
    at, width = [row[by] for row in rows], STEPS[by]
    left.bar(at, [row["count"] / total for row in rows], width=0.9 * width, align="edge", label="contexts")
    left.step(at, [row["corpus"] / corpus for row in rows], where="post", color="0.3", label="corpus")
    left.set_title(name, fontsize="medium", loc="left")
    left.set_ylabel("share of the years")
    left.legend(fontsize="small")
    middles, lifts = [start + width / 2 for start in at], [_number(row["lift"]) for row in rows]
    right.vlines(middles, [_number(row["low"]) for row in rows], [_number(row["high"]) for row in rows], alpha=0.4)
    right.plot(middles, lifts, "o", markersize=3)
    right.axhline(0, color="0.5", linewidth=0.8)
    right.set_ylabel("lift (bits)")
    right.set_xlabel(by)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
