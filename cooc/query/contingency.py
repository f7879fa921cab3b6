"""The 2×2 table of a pair, in Evert's notation, and the arithmetic all measures share.

                 b        not b
        a       O11       O12   │ R1            E11 = R1·C1/N      E12 = R1·C2/N
        not a   O21       O22   │ R2            E21 = R2·C1/N      E22 = R2·C2/N
                ──────────────────
                C1        C2      N

S. Evert (2005), *The Statistics of Word Cooccurrences*, and (2008), "Corpora and collocations".
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Observed and expected counts of many pairs at once; all arrays have one shape.

    A table that can't be (a negative cell, no trials at all, a count that is NaN) is NaN in every field.
    """

    o11: Array
    o12: Array
    o21: Array
    o22: Array
    r1: Array
    r2: Array
    c1: Array
    c2: Array
    n: Array
    e11: Array
    e12: Array
    e21: Array
    e22: Array
    delta: Array
    """O11 − E11, which is also E12 − O12, E21 − O21 and O22 − E22."""


def contingency(o11: npt.ArrayLike, r1: npt.ArrayLike, c1: npt.ArrayLike, n: npt.ArrayLike) -> Table:
    """The tables of pairs counted `o11` times, whose marginals are `r1` and `c1` of `n` trials.

    Integers up to 2**62 make exact cells: the differences are taken before the step to float64.
    """
    counts = [np.asarray(count) for count in (o11, r1, c1, n)]
    if all(np.issubdtype(count.dtype, np.integer) for count in counts):
        observed = _integer_cells(*np.broadcast_arrays(*(count.astype(np.int64) for count in counts)))
    else:
        observed = _float_cells(*np.broadcast_arrays(*(count.astype(np.float64) for count in counts)))
    n_float = observed[-1]
    possible = np.logical_and.reduce([n_float > 0, n_float < np.inf, *(cell >= 0 for cell in observed)])
    return _with_expected(*(np.where(possible, count, np.nan) for count in observed))


def _integer_cells(o11: npt.NDArray[np.int64], r1: npt.NDArray[np.int64],
                   c1: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> list[Array]:
    r2, c2, o12, o21 = n - r1, n - c1, r1 - o11, c1 - o11
    exact = (o11, o12, o21, r2 - o21, r1, r2, c1, c2, n)
    return [count.astype(np.float64) for count in exact]


def _float_cells(o11: Array, r1: Array, c1: Array, n: Array) -> list[Array]:
    """The same for counts in fractions, where a difference that should be 0 may miss it by rounding."""
    r2, c2, o12, o21 = n - r1, n - c1, r1 - o11, c1 - o11
    o22 = r2 - o21
    rounding = 8 * np.finfo(np.float64).eps
    cells = [np.where(abs(cell) <= rounding * whole, 0.0, cell)
             for cell, whole in ((o12, r1), (o21, c1), (o22, n), (r2, n), (c2, n))]
    return [o11, *cells[:3], r1, cells[3], c1, cells[4], n]


def _with_expected(o11: Array, o12: Array, o21: Array, o22: Array,
                   r1: Array, r2: Array, c1: Array, c2: Array, n: Array) -> Table:
    return Table(
        o11, o12, o21, o22, r1, r2, c1, c2, n,
        r1 * c1 / n, r1 * c2 / n, r2 * c1 / n, r2 * c2 / n,
        # not O11 − R1·C1/N: this form errs by no more than an ulp of the smaller cells
        o11 / n * o22 - o12 / n * o21,
    )


def flat(table: Table) -> Table:
    """The same tables in one dimension, for code that picks some of them."""
    return Table(*(np.ravel(getattr(table, field.name)) for field in fields(table)))


def log2(ratio: Array) -> Array:
    """The binary logarithm; NaN, not −∞, where there is none."""
    return np.log2(np.where(ratio > 0, ratio, np.nan))


def share(part: Array, whole: Array) -> Array:
    """part / whole; NaN where the whole is nothing."""
    return part / np.where(whole > 0, whole, np.nan)
