"""How often do two terms stand together, and how much more often than by chance?"""

from __future__ import annotations

import math

from cooc.index.reader import Index, PairMatrix
from cooc.query.measures import MEASURES, evaluate
from cooc.query.rank import in_pairs, no_row, with_smoothed_total
from cooc.query.results import Pair, Provenance
from cooc.query.scan import ENDLESS, documents_together


def pair(index: Index, a: str, b: str, *, window: int | str | None = None, **parameters: float) -> Pair:
    """One pair: its count in the window of `a`, what chance would give, the marginals, and every measure.

    `a` and `b` are words, or phrases that the index was built with (`--terms`). `window` is one of
    `index.windows`, the first if not given. `documents` are those with at least one counted pair, found by
    one scan of the token store. `status` is "counted", or "never seen" (count 0), or "below threshold" for a
    pair that `--min-pair-count` left out of the index: then `count` and the measures are null, for it is not
    0. Counts of a harmonic window are sums of 1/distance. Parameters of measures (`k`, `alpha`,
    `confidence`, `discount`) are passed on.
    """
    matrix, units = index.pairs(window), index.units
    row, column = units.unit(a), units.unit(b)
    counted = _cell(index, matrix, row, column, (a, b))
    documents = documents_together(index, units.term_ids(row), units.term_ids(column), reach(matrix))
    count: float | None = in_pairs(counted, matrix.unit)
    status = "counted"
    if counted == 0:
        least = matrix.record.min_pair_count
        # a window that pruned its pairs says nothing of those it lacks; the scan does
        status = f"below threshold (min_pair_count {least})" if documents else "never seen"
        count = None if documents else count
    r1 = in_pairs(matrix.row_sums[row], matrix.unit)
    c1 = in_pairs(matrix.column_sums[column], matrix.unit)
    n = in_pairs(matrix.total, matrix.unit)
    measures = evaluate(
        list(MEASURES), math.nan if count is None else count, r1, c1, n,
        **with_smoothed_total(index, matrix, parameters),
    )  # fmt: skip
    values = {name: float(value) for name, value in measures.items() if name != "expected"}
    expected = r1 * c1 / n if n else math.nan
    row_of_table = {
        "a": a, "b": b, "count": count, "expected": expected, "r1": r1, "c1": c1, "n": n,
        "documents": documents, "status": status, **values,
    }  # fmt: skip
    source = Provenance("pair", index.name, index.digest, (a, b), None, {"window": matrix.record.name, **parameters})
    return Pair({name: [value] for name, value in row_of_table.items()}, source)


def _cell(index: Index, matrix: PairMatrix, row: int, column: int, names: tuple[str, str]) -> int:
    """The stored count of a pair, from whichever of its two rows there is."""
    if matrix.has_row(row):
        return matrix.cell(row, column)
    if matrix.has_row(column) and matrix.record.direction == "symmetric":
        return matrix.cell(column, row)
    raise no_row(index, matrix, *names)


def reach(matrix: PairMatrix) -> tuple[int, int]:
    """How many tokens the window reaches to the left and to the right."""
    size = matrix.record.window or ENDLESS
    direction = matrix.record.direction
    return (0 if direction == "right" else size), (0 if direction == "left" else size)
