"""Exact tail sums: Fisher's test in log space, and Poisson limits of a count.

SciPy has both, but its hypergeometric tail sums every term of the support (minutes for a frequent pair),
a p-value below 1e-308 underflows, and importing it takes longer than a whole query. Here a tail is its first
term, in log space, times a sum of products that falls off geometrically.
"""

import math
from collections.abc import Callable

import numpy as np

from cooc.query.contingency import Array, Table, flat

LN_10 = math.log(10)
LONG_SUM = 2.0**20  # terms; above this the sum is an integral to six digits, see _integral
BLOCK = 1 << 20     # ratios held at a time

Picked = np.ndarray[tuple[int], np.dtype[np.intp]]
Ratios = Callable[[Picked, Array], Array]
"""Which of the sums, numbers of the terms → term / term before, a row for each sum."""


def minus_log10_p(table: Table) -> Array:
    """−log10 P(X ≥ O11), X hypergeometric with the table's marginals; NaN where a count isn't whole."""
    shape, table = table.o11.shape, flat(table)
    result = np.full(table.o11.shape, np.nan)
    cells = np.stack([table.o11, table.o12, table.o21, table.o22])
    whole = (cells == np.floor(cells)).all(axis=0)
    upward = whole & (table.delta > 0)
    downward = whole & (table.delta <= 0)
    result[downward] = 0.0
    # P = 1 − P(X < O11) below the mean: where O11 − 1 can't be, P is 1
    downward &= (table.o11 >= 1) & (table.o22 >= 1)
    if upward.any():
        o11, o12, o21, o22 = cells[:, upward]
        log_tail = log_hypergeometric(o11, o12, o21, o22) + np.log(_falling(o12, o21, o11 + 1, o22 + 1))
        result[upward] = np.maximum(-log_tail / LN_10, 0.0)
    if downward.any():
        o11, o12, o21, o22 = cells[:, downward] + np.array([[-1.0], [1.0], [1.0], [-1.0]])
        log_tail = log_hypergeometric(o11, o12, o21, o22) + np.log(_falling(o11, o22, o12 + 1, o21 + 1))
        result[downward] = -np.log1p(-np.exp(np.minimum(log_tail, -1e-12))) / LN_10
    return result.reshape(shape)


def log_hypergeometric(o11: Array, o12: Array, o21: Array, o22: Array) -> Array:
    """ln of R1!·R2!·C1!·C2! / (N!·O11!·O12!·O21!·O22!), the chance of these cells given the marginals.

    The n·ln n of Stirling's formula add up to −G²/2, which is small where they are huge (the idea of Loader
    2000, *Fast and Accurate Computation of Binomial Probabilities*); the rest of each factorial is small.
    """
    r1, r2, c1, c2 = o11 + o12, o21 + o22, o11 + o21, o12 + o22
    n = r1 + r2
    delta = o11 / n * o22 - o12 / n * o21
    half_g2 = log_likelihood(delta, (r1 * c1 / n, r1 * c2 / n, r2 * c1 / n, r2 * c2 / n)) / 2
    rest = log_factorial_rest
    margins = rest(r1) + rest(r2) + rest(c1) + rest(c2) - rest(n)
    return margins - rest(o11) - rest(o12) - rest(o21) - rest(o22) - half_g2


def log_likelihood(delta: Array, expected: tuple[Array, Array, Array, Array]) -> Array:
    """2·Σ O·ln(O/E), as 2·Σ E·((1 + u)·ln(1 + u) − u), u = (O − E)/E: nothing cancels near independence."""
    total = np.zeros_like(delta)
    for sign, e in zip((1, -1, -1, 1), expected, strict=True):
        u = np.maximum(sign * delta / np.where(e > 0, e, np.inf), -1.0)
        direct = (1 + u) * np.log(np.where(u > -1, 1 + u, 1.0)) - u  # 0·ln 0 = 0: an empty cell
        series = 1 / 12 - u * (1 / 20 - u * (1 / 30 - u * (1 / 42 - u / 56)))
        series = u * u * (1 / 2 - u * (1 / 6 - u * series))
        total += e * np.where(abs(u) < 0.01, series, direct)
    return 2 * total


def log_factorial_rest(x: Array) -> Array:
    """ln Γ(x + 1) − x·ln x + x for x ≥ 0: what Stirling's formula leaves."""
    rest = _stirling(np.maximum(x, 16.0))
    small = x < 16
    if small.any():
        # ln Γ(x + 1) = ln Γ(x + 17) − Σ ln(x + i), i = 1…16
        few = np.asarray(x)[small]
        far = few + 16
        steps = few[:, None] + np.arange(1, 17)
        log_gamma = far * np.log(far) - far + _stirling(far) - np.log(steps).sum(axis=1)
        rest[small] = log_gamma - few * np.log(np.where(few > 0, few, 1.0)) + few
    return rest


def _stirling(x: Array) -> Array:
    """The rest for x ≥ 16, to 14 digits."""
    square = 1 / (x * x)
    series = 1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))
    return np.asarray(0.5 * np.log(2 * np.pi * x) + series / x)


def _falling(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Σ over j ≥ 0 of the product over i < j of (a − i)(b − i) / ((c + i)(d + i)): a hypergeometric tail."""

    def ratios(picked: Picked, j: Array) -> Array:
        up = np.maximum(a[picked, None] - j, 0) / (c[picked, None] + j)
        return up * (np.maximum(b[picked, None] - j, 0) / (d[picked, None] + j))

    slope = np.log(c) + np.log(d) - np.log(np.maximum(a, 0.5)) - np.log(np.maximum(b, 0.5))
    curve = 1 / np.maximum(a, 0.5) + 1 / np.maximum(b, 0.5) + 1 / c + 1 / d
    long = np.minimum(40 / np.maximum(slope, 1e-300), 9 / np.sqrt(curve)) > LONG_SUM
    sums = np.empty_like(a)
    short = np.flatnonzero(~long)
    sums[short] = sum_of_products(lambda picked, j: ratios(short[picked], j), short.size)
    for i in np.flatnonzero(long):
        sums[i] = _integral(float(slope[i]), float(curve[i]))
    return sums


def _integral(slope: float, curve: float) -> float:
    """The same sum where it has millions of terms: ∫ exp(−slope·t − curve·t²/2) dt from t = −1/2."""
    x = slope / math.sqrt(2 * curve)
    scaled_erfc = math.exp(x * x) * math.erfc(x) if x < 20 else 1 / (x * math.sqrt(math.pi))
    return math.sqrt(math.pi / (2 * curve)) * scaled_erfc + 0.5


def sum_of_products(ratios: Ratios, n: int) -> Array:
    """1 + r0 + r0·r1 + … for `n` sums at once, to the last digit; a sum's ratios must fall, to below 1."""
    sums = np.ones(n)
    for begin in range(0, n, 4096):
        active = np.arange(begin, min(begin + 4096, n))
        last = np.ones(active.size)
        done, width = 0, 16
        while active.size:
            j = np.arange(done, done + width, dtype=np.float64)[None, :]
            block = ratios(active, j)
            terms = last[:, None] * np.cumprod(block, axis=1)
            sums[active] += terms.sum(axis=1)
            # as ratios fall, all that is left is less than a geometric series
            last, ratio = terms[:, -1], block[:, -1]
            go_on = (ratio >= 1) | (last * ratio > 1e-17 * sums[active] * (1 - ratio))
            active, last, done = active[go_on], last[go_on], done + width
            width = max(16, min(2 * width, BLOCK // max(active.size, 1)))
    return sums
