"""A logistic model of proportions with grouped effects: density, rivals, and an effect of each model and question.

The mean is modelled as logistic whatever the spread (fractional logit, Papke & Wooldridge 1996), so that shares with
and without counts serve. Rows of one unit move together: the standard errors are the jackknife's over units (CR3,
which holds with few of them: MacKinnon, Nielsen & Webb 2023), the quantile is Student's. p-values come from
permutation and not from here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cooc.evidence.permute import Array

STEPS = 60
FAR = 12.0
"""A linear predictor beyond this is a share of 0 or 1: the data are separated and the slope is endless."""


class Slope(NamedTuple):
    """The log odds ratio of one standard deviation of density, and its interval; None where it is endless."""

    value: float | None
    low: float | None
    high: float | None
    rows: int
    units: int
    note: str = ""


def fit(columns: Array, shares: Array, weights: Array | None = None) -> Array | None:
    """The coefficients of a logistic mean by iteratively reweighted least squares; None where it doesn't settle."""
    weights = np.ones(len(shares)) if weights is None else weights
    beta: Array = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        mean = logistic(columns @ beta)
        tilted = columns * (weights * np.maximum(mean * (1 - mean), 1e-10))[:, None]
        step = np.linalg.lstsq(tilted.T @ columns, columns.T @ (weights * (shares - mean)), rcond=1e-12)[0]
        beta = beta + step * min(1.0, 4.0 / max(np.abs(columns @ step).max(), 1e-12))
        if np.abs(step).max() < 1e-8:
            return np.asarray(beta)
        if np.abs(columns @ beta).max() > 3 * FAR:
            return None
    return None


def logistic(values: Array) -> Array:
    """1 / (1 + exp(-v)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))


def sandwich(columns: Array, shares: Array, beta: Array, units: Array, weights: Array | None = None) -> Array:
    """The cluster-robust covariance (CR1: times G/(G-1)·(n-1)/(n-k), as Stata and statsmodels have it)."""
    weights = np.ones(len(shares)) if weights is None else weights
    mean = logistic(columns @ beta)
    bread = np.linalg.pinv((columns * (weights * mean * (1 - mean))[:, None]).T @ columns)
    scores = columns * (weights * (shares - mean))[:, None]
    sums = np.array([scores[units == unit].sum(axis=0) for unit in np.unique(units)])
    n, k, g = len(shares), columns.shape[1], len(sums)
    return np.asarray(bread @ (sums.T @ sums) @ bread * (g / (g - 1) * (n - 1) / (n - k)))


def slope(
    density: Array, shares: Array, units: Array, *, rivals: Array | None = None, groups: Array | None = None,
    weights: Array | None = None, level: float = 0.95,
) -> Slope:  # fmt: skip
    """The effect of density on the log odds, over rivals (rows × k), with an effect of each level of groups (rows × g).

    Rows are outcomes; `units` says which share a density. Density and rivals count in standard deviations over rows.
    """
    from scipy.stats import t

    count = len(np.unique(units))
    columns = design_matrix(density, rivals, groups)
    free = count - 1 - (0 if rivals is None else rivals.shape[1])
    if free < 2:
        return Slope(None, None, None, len(shares), count, "too few units for a model")
    beta = fit(columns, shares, weights)
    if beta is None or _separated(columns, beta):
        return Slope(None, None, None, len(shares), count, "outcomes are separated: the slope has no end")
    left = []
    for unit in np.unique(units):
        keep = units != unit
        part = fit(columns[keep], shares[keep], None if weights is None else weights[keep])
        if part is None:
            return Slope(float(beta[1]), None, None, len(shares), count, "no interval: one unit decides the slope")
        left.append(part[1])
    error = np.sqrt((count - 1) / count * np.sum((np.array(left) - beta[1]) ** 2))
    reach = float(t.ppf((1 + level) / 2, free)) * error
    return Slope(float(beta[1]), float(beta[1] - reach), float(beta[1] + reach), len(shares), count)


def design_matrix(density: Array, rivals: Array | None, groups: Array | None) -> Array:
    """Intercept, density, rivals, and for each group its levels but the first."""
    from cooc.evidence.correlate import standard

    columns = [np.ones(len(density)), standard(density[:, None])[:, 0]]
    if rivals is not None:
        columns += list(standard(rivals).T)
    if groups is not None:
        for group in groups.T:
            columns += [(group == level).astype(float) for level in np.unique(group)[1:]]
    return np.column_stack(columns)


def _separated(columns: Array, beta: Array) -> bool:
    spread = float(columns[:, 1].max() - columns[:, 1].min())
    return bool(abs(beta[1]) * spread > 2 * FAR)
