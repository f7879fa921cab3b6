"""What stands around a term more often than by chance?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index, PairMatrix
from cooc.query.measures import MEASURES, evaluate
from cooc.query.rank import COUNT, Tables, best, check_ranking, in_pairs, ranked, with_smoothed_total
from cooc.query.results import Column, Neighbors, Provenance

if TYPE_CHECKING:
    from cooc.query.slices import Slice, SliceMatrix

Array = NDArray[Any]

DIFFERENCES = ("z", "log_odds")
"""What two slices are ranked by, beside the count of both."""


def neighbors(
    index: Index,
    terms: str | Iterable[str],
    *,
    measure: str | None = None,
    top: int = 20,
    min_count: float = 5,
    window: int | str | None = None,
    where: str | None = None,
    against: str | None = None,
    prior: float | None = None,
    **parameters: float,
) -> Neighbors:
    """The terms in the window of each of `terms`, the `top` by a measure, with every measure.

    A term is a word or a phrase of any length: of one that was not listed with --terms, the row is counted where it
    occurs. Several terms give one ranking each; the column `of` says whose. `measure` is one of `MEASURES` or
    "count", npmi if not given. Pairs with a count below `min_count` are left out, and so are pairs below the
    index's --min-pair-count; ties go to the larger count, then to the more frequent term. `window` is one of
    `index.windows`, the first if not given. Parameters of measures (`k`, `alpha`, `confidence`, `discount`)
    are passed on.

    With `where` (see cooc/query/where.py), the counts and every measure are those of an index of the matching
    documents alone. With `against` too, another expression or "rest", the rows compare the two slices: counts,
    expected counts and PMI in both, and `log_odds`, its `standard_error` and `z` (`compare.log_odds`, which takes
    `prior`), above 0 for what stands more by the term in the first. `measure` then is z, if not given, or
    log_odds, either way ranked by size whatever the sign, or count; `min_count` is of both together.
    """
    if not isinstance(index, Index):
        from cooc.query.elsewhere import elsewhere

        answer: Neighbors = elsewhere(
            "contexts", index, terms, measure=measure, top=top, min_count=min_count, window=window, where=where,
            against=against, prior=prior, **parameters,
        )  # fmt: skip
        return answer
    asked = (terms,) if isinstance(terms, str) else tuple(terms)
    if not asked:
        raise UsageError("neighbors of no term: name at least one.")
    measure = measure or ("npmi" if against is None else "z")
    if against is not None and measure in DIFFERENCES:
        check_ranking(COUNT, top)
    else:
        check_ranking(measure, top)
    if prior is not None and against is None:
        raise UsageError("prior is for comparing two slices: give against.")
    matrix = index.pairs(window)
    parts = _slices(index, where, against)
    sides = [part.pairs(window) for part in parts]
    options: dict[str, Any] = {"window": matrix.record.name, "min_count": min_count, **parameters}
    if against is not None:
        from cooc.query.compare import PRIOR

        weight = options["prior"] = PRIOR if prior is None else prior
        tables = [
            _differences(index, sides, term, measure, top=top, min_count=min_count, prior=weight, **parameters)
            for term in asked
        ]
    else:
        place = sides[0] if sides else matrix
        complete = sides[0].with_smoothed_total(parameters) if sides else with_smoothed_total(index, matrix, parameters)
        tables = [_around(index, place, term, measure, top=top, min_count=min_count, **complete) for term in asked]
    columns: dict[str, Column] = {name: joined([table[name] for table in tables]) for name in tables[0]}
    slices = tuple(part.to_dict() for part in parts)
    return Neighbors(columns, Provenance("neighbors", index.name, index.digest, asked, measure, options, slices))


def _slices(index: Index, where: str | None, against: str | None) -> tuple[Slice, ...]:
    if where is None and against is None:
        return ()  # without loading the compiler
    from cooc.query.slices import slices_of

    return slices_of(index, where, against)


def _differences(
    index: Index, sides: list[SliceMatrix], term: str, measure: str, *, top: int, min_count: float, prior: float,
    **parameters: float,
) -> dict[str, Column]:  # fmt: skip
    """The first rows of one term's ranking by the difference of two slices."""
    evaluate(list(MEASURES), 0, 0, 0, 1, **{"smoothed_total": 1.0, **parameters})  # refuses what no measure takes
    rows = [_row(index, side, term) for side in sides]
    units = np.union1d(rows[0][0], rows[1][0])
    tables = []
    for side, (columns, stored, r1) in zip(sides, rows, strict=True):
        counts = np.zeros(len(units), np.int64)
        counts[np.searchsorted(units, columns)] = stored
        tables.append(Tables(
            in_pairs(counts, side.unit), in_pairs(r1, side.unit),
            in_pairs(side.column_sums.all()[units], side.unit), in_pairs(side.total, side.unit),
        ))  # fmt: skip
    places, shown = ranked_differences(tables, measure, top=top, min_count=min_count, prior=prior)
    return {"of": [term] * len(places), "term": index.units.names(units[places]), **shown}


def ranked_differences(
    tables: list[Tables], measure: str, *, top: int, min_count: float, prior: float
) -> tuple[Array, dict[str, Column]]:
    """The first places of a ranking by the difference of two slices, and their columns."""
    from cooc.query.compare import log_odds

    if measure != COUNT and measure not in DIFFERENCES:
        raise UsageError(f'two slices are ranked by {", ".join(DIFFERENCES)} or {COUNT}, not by "{measure}".')
    both = tables[0].o11 + tables[1].o11
    enough = np.flatnonzero(both >= min_count)
    here, there = (table.at(enough) for table in tables)
    difference, error = log_odds(here.o11, there.o11, float(here.r1), float(there.r1), prior)
    by = {"z": abs(difference / error), "log_odds": abs(difference), COUNT: both[enough].astype(np.float64)}
    places = best(by[measure], both[enough], top)
    here, there, difference, error = here.at(places), there.at(places), difference[places], error[places]
    mine, theirs = (evaluate(["expected", "pmi"], *table) for table in (here, there))
    return enough[places], {
        "count": here.o11, "count_against": there.o11,
        "expected": mine["expected"], "expected_against": theirs["expected"],
        "pmi": mine["pmi"], "pmi_against": theirs["pmi"],
        "log_odds": difference, "standard_error": error, "z": difference / error,
    }  # fmt: skip


def _row(index: Index, matrix: PairMatrix | SliceMatrix, term: str) -> tuple[Array, Array, int]:
    """The columns (units) and counts of a term's row, stored or counted now, and their sum over words."""
    unit = index.units.find(index.vocabulary.ids(term))
    if unit is not None and (not isinstance(matrix, PairMatrix) or matrix.has_row(unit)):
        return *matrix.row(unit), int(matrix.row_sums[unit])
    from cooc.query.phrase_rows import checked_ids, row_of

    where = None if isinstance(matrix, PairMatrix) else matrix.part
    columns, counts = row_of(index, checked_ids(index, term), matrix.record, where)
    return columns, counts, int(counts[columns < index.units.words].sum())


def _around(
    index: Index,
    matrix: PairMatrix | SliceMatrix,
    term: str,
    measure: str,
    *,
    top: int,
    min_count: float,
    **parameters: float,
) -> dict[str, Column]:
    """The first rows of one term's ranking."""
    units, stored, r1 = _row(index, matrix, term)
    counts = in_pairs(stored, matrix.unit)
    enough = counts >= min_count
    units, counts = units[enough], counts[enough]
    tables = Tables(
        counts,
        in_pairs(r1, matrix.unit),
        in_pairs(matrix.column_sums.all()[units], matrix.unit),
        in_pairs(matrix.total, matrix.unit),
    )
    places = best(ranked(measure, tables, parameters), counts, top)
    names = index.units.names(units[places])
    return {"of": [term] * len(places), "term": names, **tables.at(places).columns(parameters)}


def joined(parts: list[Column]) -> Column:
    """The columns of several tables as one."""
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    return [value for part in parts for value in part]
