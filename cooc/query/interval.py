"""Confidence limits of a count, for the interval of PMI."""

import math
from statistics import NormalDist

import numpy as np

from cooc.query.contingency import Array
from cooc.query.exact import Picked, Ratios, log_factorial_rest, sum_of_products

LARGE = 1000.0  # from here on Wilson and Hilferty's cube agrees with the exact quantile to six digits


def poisson_limits(count: Array, confidence: float) -> tuple[Array, Array]:
    """The limits of a Poisson mean of which `count` was observed (Garwood 1936); 0 < confidence < 1.

    They are quantiles of Gamma(count) and Gamma(count + 1), so a count in fractions has limits too. The mean
    lies below the lower limit with a chance of at most (1 − confidence)/2, and so above the upper one.
    """
    tail = (1 - confidence) / 2
    distinct, place = np.unique(count, return_inverse=True)  # a row of counts repeats a few small ones
    low, high = gamma_quantile(distinct, tail), gamma_quantile(distinct + 1, 1 - tail)
    return low[place].reshape(count.shape), high[place].reshape(count.shape)


def gamma_quantile(shape: Array, p: float) -> Array:
    """x where a Gamma variable of this shape lies below x with chance p; NaN for a shape not above 0."""
    k = np.ravel(np.where(shape > 0, shape, np.nan))
    cube = 1 - 1 / (9 * k) + NormalDist().inv_cdf(p) / (3 * np.sqrt(k))
    quantile = k * cube**3
    small = np.flatnonzero(k < LARGE)
    if small.size:
        quantile[small] = _solve(k[small], p, quantile[small])
    return np.asarray(quantile.reshape(shape.shape))


def _solve(k: Array, p: float, guess: Array) -> Array:
    """Newton's method for ln P(k, x) = ln p over ln x.

    The function is concave and rises, so every step after the first comes from below and can't overshoot.
    """
    log_gamma = log_factorial_rest(k) + k * np.log(k) - k  # ln Γ(k + 1)
    # P(k, x) ≤ x^k/Γ(k + 1), so this start is never above the quantile
    log_x = np.maximum((math.log(p) + log_gamma) / k, np.log(np.where(guess > 0, guess, 1e-300)))
    going = np.ones(k.size, bool)
    for _ in range(50):
        x = np.exp(log_x)
        series = sum_of_products(_poisson_ratios(k, x), k.size)
        log_p = k * log_x - x - log_gamma + np.log(series)
        step = (math.log(p) - log_p) * series / k  # d ln P / d ln x = k / series
        # one that has arrived stays: a limit must not depend on which others are asked for with it
        log_x = log_x + np.where(going, step, 0.0)
        going &= ~(abs(step) < 1e-12)
        if not going.any():
            break
    return np.asarray(np.exp(log_x))


def _poisson_ratios(k: Array, x: Array) -> Ratios:
    def ratios(picked: Picked, j: Array) -> Array:
        return np.asarray(x[picked, None] / (k[picked, None] + 1 + j))

    return ratios
