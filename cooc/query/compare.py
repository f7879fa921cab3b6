"""How two slices of a corpus differ: of one count, and of all contexts of a term at once. Logarithms are binary.

Counts are taken as Poisson or multinomial, which words in running text are not quite: they come in bursts, and
windows that overlap count a word twice. So intervals are rather too narrow, and a z of 3 is a hint where one of 10
is a finding.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError

Array = NDArray[Any]

PRIOR = 100.0
"""Contexts that the prior of `log_odds` weighs."""

LARGE = 1e5
"""Counts from which the logarithm of a ratio is normal to five digits."""


def log_odds(count: Array, other: Array, n: float, other_n: float, prior: float = PRIOR) -> tuple[Array, Array]:
    """log2 of the odds of each word among `n` words of one slice to its odds in another, and its standard error.

    With an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, "Fightin' Words", equations 16 to 20): what
    the two slices have in common, αw = prior · (yw + y'w)/(n + n'), is added to both, so that rare words need more
    evidence than frequent ones and a 0 is no infinity:

        δw = ln((yw + αw)/(n + α − yw − αw)) − ln((y'w + αw)/(n' + α − y'w − αw)),  σ²(δw) ≈ 1/(yw + αw) + 1/(y'w + αw)

    and z = δw/σ(δw). NaN where one of the slices has nothing.
    """
    if not 0 < prior < math.inf:
        raise UsageError(f"prior is {prior}; it must be above 0, like {PRIOR:g}.")
    with np.errstate(all="ignore"):
        alpha = prior * (count + other) / (n + other_n)
        mine, theirs = count + alpha, other + alpha
        delta = np.log2(mine / (n + prior - mine)) - np.log2(theirs / (other_n + prior - theirs))
        error = np.sqrt(1 / mine + 1 / theirs) / math.log(2)
    possible = np.isfinite(delta) & np.isfinite(error) & (n > 0) & (other_n > 0)
    return np.where(possible, delta, np.nan), np.where(possible, error, np.nan)


def log_ratio(count: float, other: float, chance: float, other_chance: float) -> float:
    """log2((count/chance) / (other/other_chance)); NaN where that is no number.

    >>> log_ratio(30, 10, 1000, 2000)
    2.584962500721156
    """
    possible = min(count, other, chance, other_chance) > 0
    return math.log2(count / other * (other_chance / chance)) if possible else math.nan


def log_ratio_limits(
    count: float, other: float, chance: float, other_chance: float, confidence: float = 0.95
) -> tuple[float, float]:
    """The limits of `log_ratio`, the chances held fixed; NaN where there is none, as below a count of 0.

    Given their sum, the one of two Poisson counts is binomial, and its share has exact limits: those of Przyborowski
    & Wilenski (1940), by Clopper & Pearson (1934).
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must lie between 0 and 1, like 0.95.")
    if not (min(chance, other_chance) > 0 and count >= 0 and other >= 0 and count + other > 0):
        return math.nan, math.nan
    tail, scale = (1 - confidence) / 2, math.log2(other_chance / chance)
    low = share_logit(count, other + 1, tail) / math.log(2) + scale if count > 0 else math.nan
    high = share_logit(count + 1, other, 1 - tail) / math.log(2) + scale if other > 0 else math.nan
    return low, high


def share_logit(a: float, b: float, p: float) -> float:
    """ln(x/(1 − x)) for the x below which a Beta(a, b) variable lies with chance p."""
    if min(a, b) > LARGE:
        return math.log(a / b) + NormalDist().inv_cdf(p) * math.sqrt(1 / a + 1 / b)
    low, high = -800.0, 800.0
    while high - low > 1e-12 * max(1.0, abs(low)):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if beta_below(a, b, middle) < p else (low, middle)
    return (low + high) / 2


def beta_below(a: float, b: float, logit: float) -> float:
    """The chance that a Beta(a, b) variable lies below x, given ln(x/(1 − x)).

    The incomplete beta function by its continued fraction (Abramowitz & Stegun 26.5.8, evaluated as in Lentz 1976),
    on the side where that converges fast.
    """
    if logit > math.log(a + 1) - math.log(b + 1):
        return 1 - beta_below(b, a, -logit)
    log_x, log_rest = -_log1p_exp(-logit), -_log1p_exp(logit)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * log_x + b * log_rest - math.log(a)
    if front < -745:
        return 0.0
    x, tiny = math.exp(log_x), 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    fraction = d
    for m in range(1, 20_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d or tiny)
            c = 1 + numerator / c or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return min(1.0, math.exp(front) * fraction)


def _log1p_exp(x: float) -> float:
    """ln(1 + e^x), for any x."""
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))
