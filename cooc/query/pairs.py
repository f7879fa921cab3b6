"""How often do two terms stand together, and how much more often than by chance?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cooc.index.reader import Index, PairMatrix
from cooc.query.layout import Value
from cooc.query.measures import MEASURES, evaluate
from cooc.query.rank import in_pairs, no_row, with_smoothed_total
from cooc.query.results import Pair, Provenance
from cooc.query.scan import ENDLESS, documents_together

if TYPE_CHECKING:
    from cooc.query.slices import SliceMatrix


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

    `a` and `b` are words, or phrases that the index was built with (`--terms`). `window` is one of
    `index.windows`, the first if not given. `documents` are those with at least one counted pair, found by
    one scan of the token store. `status` is "counted", or "never seen" (count 0), or "below threshold" for a
    pair that `--min-pair-count` left out of the index: then `count` and the measures are null, for it is not
    0. Counts of a harmonic window are sums of 1/distance. Parameters of measures (`k`, `alpha`,
    `confidence`, `discount`) are passed on.

    With `where` (see cooc/query/where.py), all of these are those of an index of the matching documents alone, and
    no pair is below a threshold. With `against` too, another expression or "rest", the same columns of the other
    slice follow with `_against` behind their names, and `pmi_difference` with its limits
    (`compare.log_ratio_limits` at `confidence`, the expected counts held fixed as in `pmi_low`).
    """
    matrix, units = index.pairs(window), index.units
    row, column = units.unit(a), units.unit(b)
    options: dict[str, Any] = {"window": matrix.record.name, **parameters}
    if where is not None or against is not None:
        return _in_slices(index, (a, b), (row, column), window, (where, against), options, parameters)
    counted = _cell(index, matrix, row, column, (a, b))
    documents = documents_together(index, units.term_ids(row), units.term_ids(column), reach(matrix))
    count: float | None = in_pairs(counted, matrix.unit)
    status = "counted"
    if counted == 0:
        least = matrix.record.min_pair_count
        # a window that pruned its pairs says nothing of those it lacks; the scan does
        status = f"below threshold (min_pair_count {least})" if documents else "never seen"
        count = None if documents else count
    table = _table(matrix, row, column, count, with_smoothed_total(index, matrix, parameters))
    row_of_table = {"a": a, "b": b, **_with_status(table, documents, status)}
    source = Provenance("pair", index.name, index.digest, (a, b), None, options)
    return Pair({name: [value] for name, value in row_of_table.items()}, source)


def _table(
    matrix: PairMatrix | SliceMatrix, row: int, column: int, count: float | None, parameters: dict[str, float]
) -> dict[str, Value]:
    """Count, expected count, marginals and every measure."""
    r1 = in_pairs(matrix.row_sums[row], matrix.unit)
    c1 = in_pairs(matrix.column_sums[column], matrix.unit)
    n = in_pairs(matrix.total, matrix.unit)
    measures = evaluate(list(MEASURES), math.nan if count is None else count, r1, c1, n, **parameters)
    values = {name: float(value) for name, value in measures.items() if name != "expected"}
    return {"count": count, "expected": r1 * c1 / n if n else math.nan, "r1": r1, "c1": c1, "n": n, **values}


def _with_status(table: dict[str, Value], documents: int, status: str) -> dict[str, Value]:
    """The table with its documents and status behind the counts."""
    counts = {name: table[name] for name in ("count", "expected", "r1", "c1", "n")}
    return {**counts, "documents": documents, "status": status, **table}


def _in_slices(
    index: Index, terms: tuple[str, str], units: tuple[int, int], window: int | str | None,
    asked: tuple[str | None, str | None], options: dict[str, Any], parameters: dict[str, float],
) -> Pair:  # fmt: skip
    """The pair in one slice, or in two and how they differ."""
    from cooc.query.compare import log_ratio, log_ratio_limits
    from cooc.query.slices import slices_of

    parts = slices_of(index, *asked)
    tables: list[dict[str, Any]] = []
    for part in parts:
        matrix = part.pairs(window)
        counted, documents = matrix.cell(*units)
        table = _table(matrix, *units, in_pairs(counted, matrix.unit), matrix.with_smoothed_total(parameters))
        tables.append(_with_status(table, documents, "counted" if counted else "never seen"))
    values: dict[str, Value] = {"a": terms[0], "b": terms[1], **tables[0]}
    if len(tables) == 2:
        values |= {f"{name}_against": value for name, value in tables[1].items()}
        first, second = tables
        counts = first["count"], second["count"], first["expected"], second["expected"]
        low, high = log_ratio_limits(*counts, parameters.get("confidence", 0.95))
        values |= {"pmi_difference": log_ratio(*counts), "pmi_difference_low": low, "pmi_difference_high": high}
    slices = tuple(part.to_dict() for part in parts)
    source = Provenance("pair", index.name, index.digest, terms, None, options, slices)
    return Pair({name: [value] for name, value in values.items()}, source)


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
