"""How often do two terms stand together, and how much more often than by chance?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cooc.index.reader import Index, PairMatrix
from cooc.query import results
from cooc.query.elsewhere import elsewhere
from cooc.query.layout import Value
from cooc.query.measures import MEASURES, evaluate
from cooc.query.phrase_rows import checked_ids, sum_of
from cooc.query.rank import in_pairs, with_smoothed_total
from cooc.query.results import Provenance
from cooc.query.together import Together, together
from cooc.query.window import window_of

if TYPE_CHECKING:
    from cooc.query.slices import Slice, SliceMatrix


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

    def text(self) -> str:
        """The row for a terminal, and the pairs by distance where they are few rows."""
        if self.distances_against is not None or not 0 < len(self.distances) <= MOST_SHOWN:
            return super().text()
        names = [str(row["to"]) if row["from"] == row["to"] else f"{row['from']}…{row['to']}" for row in self.distances]
        counts = [f"{row['count']:,}" for row in self.distances]
        widths = [max(len(name), len(count)) for name, count in zip(names, counts, strict=True)]
        lines = [
            "  ".join([f"{head:8}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])
            for head, cells in (("distance", names), ("pairs", counts))
        ]
        return "\n".join([super().text(), *lines])

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
    the first if not given. `documents` are those with at least one counted pair; `a_anchors` the occurrences of a
    with at least one b in the window, `b_anchors` the reverse; `before` and `after` the pairs in which b comes
    before and after a, and the result's `distances` tells them by distance. `status` is "counted", or "never seen"
    (count 0), or "below threshold" for a pair that `--min-pair-count` left out of the index: then `count` and the
    measures are null, as everywhere for what was pruned. Counts of a harmonic window are sums of 1/distance.
    Parameters of measures (`k`, `alpha`, `confidence`, `discount`) are passed on.

    Phrases are found by the suffix array, or by one reading of the token store where there is none or they are more
    than one in sixteen tokens.

    With `where` (see cooc/query/where.py), all of these are those of an index of the matching documents alone, and
    no pair is below a threshold. With `against` too, another expression or "rest", the same columns of the other
    slice follow with `_against` behind their names, and `pmi_difference` with its limits
    (`compare.log_ratio_limits` at `confidence`, the expected counts held fixed as in `pmi_low`).
    """
    if not isinstance(index, Index):
        return elsewhere("pair", index, a, b, window=window, where=where, against=against, **parameters)
    matrix, names = index.pairs(window), (a, b)
    ids = checked_ids(index, a), checked_ids(index, b)
    options: dict[str, Any] = {"window": matrix.record.name, **parameters}
    if where is not None or against is not None:
        return _in_slices(index, names, ids, window, (where, against), options, parameters)
    met = together(index, *ids, window_of(matrix.record))
    complete = with_smoothed_total(index, matrix, parameters)
    table = _table(index, matrix, ids, _status(index, matrix, ids, met), met, complete)
    row_of_table = {"a": a, "b": b, **table}
    source = Provenance("pair", index.name, index.digest, names, None, options)
    return Pair({name: [value] for name, value in row_of_table.items()}, source, tuple(met.distances))


def _status(index: Index, matrix: PairMatrix, ids: tuple[list[int], list[int]], met: Together) -> str:
    """Whether the pair is in the index, or could be: "below threshold" is one that the index would have pruned."""
    if not met.documents:
        return "never seen"
    row, column = (index.units.find(terms) for terms in ids)
    if row is None or column is None:
        return "counted"
    if not matrix.has_row(row) and matrix.record.direction == "symmetric":
        row, column = column, row
    if not matrix.has_row(row) or matrix.cell(row, column):
        return "counted"
    return f"below threshold (min_pair_count {matrix.record.min_pair_count})"


def _table(
    index: Index, matrix: PairMatrix | SliceMatrix, ids: tuple[list[int], list[int]], status: str, met: Together,
    parameters: dict[str, float],
) -> dict[str, Value]:  # fmt: skip
    """Count, expected count, marginals, documents, anchors, sides and every measure."""
    window = window_of(matrix.record)
    part = None if isinstance(matrix, PairMatrix) else matrix.part
    units = [index.units.find(terms) for terms in ids]
    sums = [
        one_sum[unit] if unit is not None else sum_of(index, terms, around, part)
        for terms, unit, one_sum, around in zip(
            ids, units, (matrix.row_sums, matrix.column_sums), (window, window.mirrored), strict=True
        )
    ]
    r1, c1, n = (in_pairs(value, matrix.unit) for value in (*sums, matrix.total))
    count = in_pairs(met.count(window), matrix.unit) if status in ("counted", "never seen") else None
    measures = evaluate(list(MEASURES), math.nan if count is None else count, r1, c1, n, **parameters)
    values = {name: float(value) for name, value in measures.items() if name != "expected"}
    return {
        "count": count, "expected": r1 * c1 / n if n else math.nan, "r1": r1, "c1": c1, "n": n,
        "documents": met.documents, "status": status, "a_anchors": met.a_anchors, "b_anchors": met.b_anchors,
        "before": int(met.before.sum()), "after": int(met.after.sum()), **values,
    }  # fmt: skip


def _in_slices(
    index: Index, terms: tuple[str, str], ids: tuple[list[int], list[int]], window: int | str | None,
    asked: tuple[str | None, str | None], options: dict[str, Any], parameters: dict[str, float],
) -> Pair:  # fmt: skip
    """The pair in one slice, or in two and how they differ."""
    from cooc.query.compare import log_ratio, log_ratio_limits
    from cooc.query.slices import slices_of

    parts: tuple[Slice, ...] = slices_of(index, *asked)
    tables: list[dict[str, Any]] = []
    found: list[tuple[Mapping[str, int], ...]] = []
    for part in parts:
        matrix = part.pairs(window)
        met = together(index, *ids, window_of(matrix.record), part)
        complete, status = matrix.with_smoothed_total(parameters), "counted" if met.documents else "never seen"
        tables.append(_table(index, matrix, ids, status, met, complete))
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
