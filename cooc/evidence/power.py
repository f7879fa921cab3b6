"""What a study of this size could find: the least p, the correlation needed, power, and the size that decides."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from cooc.evidence.permute import Array, Scheme, arrangements

EXACT = 8
"""Up to so many units the null distribution of a rank correlation is enumerated."""

MOST = 100_000


@cache
def critical_correlation(n: int, alpha: float = 0.05, rank: bool = True) -> float | None:
    """The least |ρ| over n units with two-sided p ≤ alpha; None where no correlation reaches it.

    Exact for ranks up to 8 units, else by Student's t.

    >>> round(critical_correlation(6), 3)
    0.886
    >>> critical_correlation(4) is None
    True
    """
    if n < 3:
        return None
    if rank and n <= EXACT:
        values, p = _null(n)
        reached = values[p <= alpha + 1e-12]
        return float(reached.min()) if len(reached) else None
    from scipy.stats import t

    quantile = float(t.ppf(1 - alpha / 2, n - 2))
    return quantile / math.sqrt(n - 2 + quantile * quantile)


@cache
def _null(n: int) -> tuple[Array, Array]:
    """Each |ρ| that n ranks can have, and the two-sided p of it."""
    orders, _ = arrangements(Scheme(np.zeros(n, int)))
    centered = np.arange(n) - (n - 1) / 2
    found = np.round(np.abs(centered[orders] @ centered / (centered @ centered)), 9)
    values, counts = np.unique(found, return_counts=True)
    return values, counts[::-1].cumsum()[::-1] / len(orders)


@cache
def power(n: float, rho: float, alpha: float = 0.05, rank: bool = True) -> float:
    """The chance that n units with true correlation rho give two-sided p ≤ alpha, by Fisher's z.

    The variance of a rank correlation's z is 1.06 / (n - 3) (Fieller, Hartley & Pearson 1957).

    >>> round(power(29, 0.5, rank=False), 2)
    0.81
    """
    from scipy.stats import norm

    bar = critical_correlation(math.floor(n), alpha, rank)
    if bar is None or n <= 3:
        return 0.0
    true = 6 / math.pi * math.asin(rho / 2) if rank else rho
    spread = math.sqrt((1.06 if rank else 1.0) / (n - 3))
    mean = math.atanh(true) + true / (2 * (n - 1))  # z of a sample leans outwards (Hotelling 1953)
    ends = [(math.atanh(min(bar, 0.9999999)) - sign * mean) / spread for sign in (1, -1)]
    return float(norm.sf(ends[0]) + norm.sf(ends[1]))


@cache
def needed_units(rho: float, alpha: float = 0.05, wanted: float = 0.8, rank: bool = True) -> int | None:
    """The least number of units that finds a correlation rho with the wanted power.

    >>> needed_units(0.5, rank=False)
    29
    """
    if not 0 < abs(rho) < 1:
        return None
    low, high = 3, 4
    while power(high, rho, alpha, rank) < wanted:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, rho, alpha, rank) >= wanted else (middle, high)
    return high


@cache
def detectable(n: float, alpha: float = 0.05, wanted: float = 0.8, rank: bool = True) -> float | None:
    """The least correlation that n units find with the wanted power; None where none is."""
    if power(n, 0.9999, alpha, rank) < wanted:
        return None
    low, high = 0.0, 0.9999
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if power(n, middle, alpha, rank) >= wanted else (middle, high)
    return high


def power_of_difference(seeds: int, effect: float, noise: float, alpha: float = 0.05) -> float:
    """The chance that two arms of so many training seeds each show a difference of means, by Student's t.

    `effect` is the difference, `noise` the standard deviation between seeds of one arm, in the same units.
    """
    from scipy.stats import nct, t

    if seeds < 2:
        return 0.0
    free, away = 2 * seeds - 2, abs(effect) / noise * math.sqrt(seeds / 2)
    bar = float(t.ppf(1 - alpha / 2, free))
    upper, lower = float(nct.sf(bar, free, away)), float(nct.cdf(-bar, free, away))
    return (upper if math.isfinite(upper) else 1.0) + (lower if math.isfinite(lower) else 0.0)


def needed_seeds(effect: float, noise: float, alpha: float = 0.05, wanted: float = 0.8) -> int:
    """The training seeds an arm needs for a difference between two arms.

    >>> needed_seeds(0.12, 0.12)
    17
    """
    seeds = 2
    while power_of_difference(seeds, effect, noise, alpha) < wanted:
        seeds += 1 + seeds // 50
        if seeds > MOST:
            break
    return seeds
