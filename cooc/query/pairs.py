"""How often do two terms stand together, and how much more often than by chance?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cooc.index.reader import Index, PairMatrix
from cooc.query import results
from cooc.query.compare import log_ratio, log_ratio_limits
from cooc.query.elsewhere import elsewhere
from cooc.query.layout import WIDTH, Value
from cooc.query.margins import margins_of
from cooc.query.measures import MEASURES, evaluate
from cooc.query.phrase_rows import checked_ids, sum_of
from cooc.query.rank import in_pairs, with_smoothed_total
from cooc.query.results import Provenance
from cooc.query.slices import Slice, SliceMatrix, slices_of
from cooc.query.together import Together, together
from cooc.query.window import AnyWindow, asked_window, window_of

MOST_SHOWN = 20
"""Distances that are printed; `distances` has all."""


@dataclass(frozen=True, eq=False, repr=False)
class Pair(results.Pair):
    """One pair, with every measure. `distances` are its pairs by distance, from the farthest b before a to the last:

    rows {from, to, count}, negative where b comes first; in the window of documents in bins of powers of two.
    `distances_against` are those of the other slice.
    """

    distances: tuple[Mapping[str, int], ...] = field(default=())
    distances_against: tuple[Mapping[str, int], ...] | None = None

    def text(self, width: int = WIDTH) -> str:
        """The row for a terminal, and the pairs by distance where they are few rows."""
        if self.distances_against is not None or not 0 < len(self.distances) <= MOST_SHOWN:
            return super().text(width)
        names = [str(row["to"]) if row["from"] == row["to"] else f"{row['from']}…{row['to']}" for row in self.distances]
        counts = [f"{row['count']:,}" for row in self.distances]
        widths = [max(len(name), len(count)) for name, count in zip(names, counts, strict=True)]
        lines = [
            "  ".join([f"{head:8}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])
            for head, cells in (("distance", names), ("pairs", counts))
        ]
        return "\n".join([super().text(width), *lines])

    def to_dict(self) -> dict[str, Any]:
        against = self.distances_against
        more = {} if against is None else {"distances_against": [dict(row) for row in against]}
        return {**super().to_dict(), "distances": [dict(row) for row in self.distances], **more}


def pair(
    index: Index,
    a: str,
    b: str,
    *,
    window: int | str | None = None,
    where: str | None = None,
    against: str | None = None,
    **parameters: float,
) -> Pair:
    """One pair: its count in the window of `a`, what chance would give, the marginals, and every measure.

    `a` and `b` are words or phrases of any length, listed with --terms or not. `window` is one of `index.windows`,
    the first if not given, or any other number of tokens, or "document": there every word counts, with a row or not,
    and the marginals take one reading of the token store, kept with the index. `documents` are those with at least
    one counted pair; `a_anchors` the occurrences of a with at least one b in the window, `b_anchors` the reverse;
    `before` and `after` the pairs in which b comes before and after a, and the result's `distances` tells them by
    distance. `status` is "counted", or "never seen" (count 0), or "below threshold" for a pair that
    `--min-pair-count` left out of the index: then `count` and the measures are null, as everywhere for what was
    pruned. Counts of a harmonic window are sums of 1/distance. Parameters of measures (`k`, `alpha`, `confidence`,
    `discount`) are passed on.

    Phrases are found by the suffix array, or by one reading of the token store where there is none or they are more
    than one in sixteen tokens.

    With `where` (see cooc/query/where.py), all of these are those of an index of the matching documents alone, and
    no pair is below a threshold. With `against` too, another expression or "rest", the same columns of the other
    slice follow with `_against` behind their names, and `pmi_difference` with its limits
    (`compare.log_ratio_limits` at `confidence`, the expected counts held fixed as in `pmi_low`).
    """
    if not isinstance(index, Index):
        return elsewhere("pair", index, a, b, window=window, where=where, against=against, **parameters)
    names, parts = (a, b), slices_of(index, where, against)
    ids, margins = _asked(index, names, window, parts[0] if parts else None, parameters)
    options: dict[str, Any] = {"window": margins.window.name, **parameters}
    if parts:
        return _in_slices(index, names, ids, window, parts, options, parameters)
    met = together(index, *ids, margins.window)
    table = _table(margins, _status(index, margins.matrix, ids, met), met)
    row_of_table = {"a": a, "b": b, **table}
    source = Provenance("pair", index.name, index.digest, names, None, options)
    return Pair({name: [value] for name, value in row_of_table.items()}, source, tuple(met.distances))


class PairMargins(NamedTuple):
    """R1, C1 and N of a pair in a window, in units of 1/`unit`, the parameters of the measures, and the matrix they are
    of, if the index has this window and no slice was asked for."""

    window: AnyWindow
    r1: int
    c1: int
    n: int
    unit: int
    parameters: dict[str, float]
    matrix: PairMatrix | None


def _asked(
    index: Index, names: tuple[str, str], window: int | str | None, part: Slice | None, parameters: dict[str, float]
) -> tuple[tuple[list[int], list[int]], PairMargins]:
    """The term ids of two phrases, and their marginals."""
    if window is not None and str(window) not in index.windows:
        ids = index.vocabulary.ids(names[0]), index.vocabulary.ids(names[1])
        return ids, _in_any_window(index, ids, asked_window(index, window), part, parameters)
    ids = checked_ids(index, names[0]), checked_ids(index, names[1])
    return ids, _in_matrix(index, ids, window, part, parameters)


def _in_matrix(
    index: Index, ids: tuple[list[int], list[int]], window: int | str | None, part: Slice | None,
    parameters: dict[str, float],
) -> PairMargins:  # fmt: skip
    """The marginals of the pair matrix of a window, over the words that have rows."""
    whole = index.pairs(window)
    matrix = whole if part is None else part.pairs(window)
    around = window_of(whole.record)
    row, column = (index.units.find(terms) for terms in ids)
    r1 = sum_of(index, ids[0], around, part) if row is None else matrix.row_sums[row]
    c1 = sum_of(index, ids[1], around.mirrored, part) if column is None else matrix.column_sums[column]
    complete = (
        matrix.with_smoothed_total(parameters) if isinstance(matrix, SliceMatrix)
        else with_smoothed_total(index, matrix, parameters)
    )  # fmt: skip
    kept = whole if part is None else None
    return PairMargins(around, int(r1), int(c1), matrix.total, matrix.unit, complete, kept)


def _in_any_window(
    index: Index, ids: tuple[list[int], list[int]], window: AnyWindow, part: Slice | None, parameters: dict[str, float]
) -> PairMargins:
    """The marginals in a window that the index has not counted, over all words."""
    margins = margins_of(index, window, part)
    sums = []
    for terms, seen, around in zip(ids, (window.mirrored, window), (window, window.mirrored), strict=True):
        # what stands in a word's window is as much as sees it in the mirrored one
        known = margins_of(index, seen, part).columns[terms[0]] if len(terms) == 1 else None
        sums.append(sum_of(index, terms, around, part, every=True) if known is None else int(known))
    r1, c1 = sums
    return PairMargins(window, r1, c1, margins.total, margins.unit, margins.with_smoothed_total(parameters), None)


def _status(index: Index, matrix: PairMatrix | None, ids: tuple[list[int], list[int]], met: Together) -> str:
    """Whether the pair is in the index, or could be: "below threshold" is one that the index would have pruned."""
    if not met.documents:
        return "never seen"
    row, column = (index.units.find(terms) for terms in ids)
    if row is None or column is None or matrix is None:
        return "counted"
    if not matrix.has_row(row) and matrix.record.direction == "symmetric":
        row, column = column, row
    if not matrix.has_row(row) or matrix.cell(row, column):
        return "counted"
    return f"below threshold (min_pair_count {matrix.record.min_pair_count})"


def _table(margins: PairMargins, status: str, met: Together) -> dict[str, Value]:
    """Count, expected count, marginals, documents, anchors, sides and every measure."""
    r1, c1, n = (in_pairs(value, margins.unit) for value in (margins.r1, margins.c1, margins.n))
    pairs = in_pairs(met.count(margins.window), margins.unit)
    count = pairs if status in ("counted", "never seen") else None
    measures = evaluate(list(MEASURES), math.nan if count is None else count, r1, c1, n, **margins.parameters)
    values = {name: float(value) for name, value in measures.items() if name != "expected"}
    return {
        "count": count, "expected": r1 * c1 / n if n else math.nan, "r1": r1, "c1": c1, "n": n,
        "documents": met.documents, "status": status, "a_anchors": met.a_anchors, "b_anchors": met.b_anchors,
        "before": int(met.before.sum()), "after": int(met.after.sum()), **values,
    }  # fmt: skip


def _in_slices(
    index: Index, terms: tuple[str, str], ids: tuple[list[int], list[int]], window: int | str | None,
    parts: tuple[Slice, ...], options: dict[str, Any], parameters: dict[str, float],
) -> Pair:  # fmt: skip
    """The pair in one slice, or in two and how they differ."""
    tables: list[dict[str, Any]] = []
    found: list[tuple[Mapping[str, int], ...]] = []
    for part in parts:
        margins = _asked(index, terms, window, part, parameters)[1]
        met = together(index, *ids, margins.window, part)
        tables.append(_table(margins, "counted" if met.documents else "never seen", met))
        found.append(tuple(met.distances))
    values: dict[str, Value] = {"a": terms[0], "b": terms[1], **tables[0]}
    if len(tables) == 2:
        values |= {f"{name}_against": value for name, value in tables[1].items()}
        first, second = tables
        counts = first["count"], second["count"], first["expected"], second["expected"]
        low, high = log_ratio_limits(*counts, parameters.get("confidence", 0.95))
        values |= {"pmi_difference": log_ratio(*counts), "pmi_difference_low": low, "pmi_difference_high": high}
    slices = tuple(part.to_dict() for part in parts)
    source = Provenance("pair", index.name, index.digest, terms, None, options, slices)
    return Pair({name: [value] for name, value in values.items()}, source, *found)
