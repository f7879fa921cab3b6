"""What stands around a term more often than by chance?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cooc.errors import UsageError
from cooc.index.reader import Index, PairMatrix
from cooc.query.rank import Tables, best, check_ranking, in_pairs, no_row, ranked, with_smoothed_total
from cooc.query.results import Column, Neighbors, Provenance


def neighbors(
    index: Index,
    terms: str | Iterable[str],
    *,
    measure: str = "npmi",
    top: int = 20,
    min_count: float = 5,
    window: int | str | None = None,
    **parameters: float,
) -> Neighbors:
    """The terms in the window of each of `terms`, the `top` by a measure, with every measure.

    Several terms give one ranking each; the column `of` says whose. `measure` is one of `MEASURES` or
    "count". Pairs with a count below `min_count` are left out, and so are pairs below the index's
    --min-pair-count; ties go to the larger count, then to the more frequent term. `window` is one of
    `index.windows`, the first if not given. Parameters of measures (`k`, `alpha`, `confidence`, `discount`)
    are passed on.
    """
    check_ranking(measure, top)
    asked = (terms,) if isinstance(terms, str) else tuple(terms)
    if not asked:
        raise UsageError("neighbors of no term: name at least one.")
    matrix = index.pairs(window)
    complete = with_smoothed_total(index, matrix, parameters)
    parts = [_around(index, matrix, term, measure, top=top, min_count=min_count, **complete) for term in asked]
    columns: dict[str, Column] = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    options = {"window": matrix.record.name, "min_count": min_count, **parameters}
    return Neighbors(columns, Provenance("neighbors", index.name, index.digest, asked, measure, options))


def _around(
    index: Index,
    matrix: PairMatrix,
    term: str,
    measure: str,
    *,
    top: int,
    min_count: float,
    **parameters: float,
) -> dict[str, Column]:
    """The first rows of one term's ranking."""
    unit = index.units.unit(term)
    if not matrix.has_row(unit):
        raise no_row(index, matrix, term)
    units, stored = matrix.row(unit)
    counts = in_pairs(stored, matrix.unit)
    enough = counts >= min_count
    units, counts = units[enough], counts[enough]
    tables = Tables(
        counts,
        in_pairs(matrix.row_sums[unit], matrix.unit),
        in_pairs(matrix.column_sums.all()[units], matrix.unit),
        in_pairs(matrix.total, matrix.unit),
    )
    places = best(ranked(measure, tables, parameters), counts, top)
    names = index.units.names(units[places])
    return {"of": [term] * len(places), "term": names, **tables.at(places).columns(parameters)}


def _joined(parts: list[Column]) -> Column:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    return [value for part in parts for value in part]
