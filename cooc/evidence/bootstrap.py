"""Bootstrap intervals of a correlation that respect blocks: units are drawn again within each block.

Percentiles cover too little with few units. So the correlation's scale is Fisher's z, its standard error comes from
the bootstrap, but is never less than the normal theory's 1/√(free units - 1), and the quantile is Student's.
"""

from __future__ import annotations

import numpy as np

from cooc.evidence.correlate import CELLS, controls, correlation, residuals, scaled, scaled_rivals, standard
from cooc.evidence.permute import Array

DRAWS = 1_000
FEWEST = 5
"""With fewer free units there is no interval that means anything."""


def interval(
    x: Array, y: Array, blocks: Array, *, rivals: Array | None = None, scale: str = "values",
    length: int = 1, level: float = 0.95, draws: int = DRAWS, seed: int = 0,
) -> tuple[float, float] | None:  # fmt: skip
    """The interval of the (partial) correlation of x and y over units; None with too few.

    `length` above 1 draws runs of so many neighbours, for units in order (moving blocks, Künsch 1989), and the
    free units are those that two autoregressive series of this length are worth (Bartlett 1946).
    """
    from scipy.stats import t

    x, y = (scaled(each, blocks, scale) for each in (x, y))
    rivals = scaled_rivals(rivals, blocks, scale, length > 1)
    basis = controls(blocks, rivals)
    value, free = correlation(x, y, basis), float(len(x) - basis.shape[1] + 1)
    if length > 1:
        free *= worth(residuals(x, basis), residuals(y, basis))
    if value is None or free < FEWEST:
        return None
    most = largest(len(x))
    value = float(np.clip(value, -most, most))
    drawn = _correlations(x, y, blocks, rivals, _draws(blocks, length, draws, np.random.default_rng(seed)))
    z, spread = np.arctanh(value), float(np.nanstd(np.arctanh(np.clip(drawn, -most, most))))
    spread = max(spread, 1 / np.sqrt(max(1.0, free - 3)))
    reach = float(t.ppf((1 + level) / 2, free - 2)) * spread
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))


def largest(n: int) -> float:
    """What a correlation of 1 counts as: it has no end on Fisher's scale. Half a step of rank correlations below 1.

    >>> round(largest(6), 3)
    0.971
    """
    return 1 - 6 / (n**3 - n)


def worth(x: Array, y: Array) -> float:
    """The share of their units that two series are worth, by their lag-1 autocorrelations; at most 1."""
    lags = [float(each[1:] @ each[:-1] / max(each @ each, 1e-300)) for each in (x - x.mean(), y - y.mean())]
    both = max(0.0, lags[0] * lags[1])
    return (1 - both) / (1 + both)


def _draws(blocks: Array, length: int, draws: int, rng: np.random.Generator) -> Array:
    orders = np.empty((draws, len(blocks)), np.int64)
    for block in np.unique(blocks):
        inside = np.flatnonzero(blocks == block)
        n = len(inside)
        if length == 1:
            orders[:, inside] = inside[rng.integers(n, size=(draws, n))]
            continue
        begins = rng.integers(n, size=(draws, -(-n // length)))
        runs = (begins[:, :, None] + np.arange(length)) % n
        orders[:, inside] = inside[runs.reshape(draws, -1)[:, :n]]
    return orders


def _correlations(x: Array, y: Array, blocks: Array, rivals: Array | None, orders: Array) -> Array:
    """The partial correlation in each draw, from its table of products."""
    names = np.unique(blocks)
    dummies = (blocks[:, None] == names[None, :]).astype(float)
    columns = [dummies] if rivals is None or rivals.size == 0 else [dummies, standard(rivals)]
    table = np.column_stack([*columns, x - x.mean(), y - y.mean()])
    k, out = table.shape[1] - 2, np.empty(len(orders))
    step = max(1, CELLS // table.size)
    for begin in range(0, len(orders), step):
        drawn = table[orders[begin:begin + step]]
        products = np.swapaxes(drawn, 1, 2) @ drawn
        inner, across = products[:, :k, :k], products[:, :k, k:]
        rest = products[:, k:, k:] - np.swapaxes(across, 1, 2) @ np.linalg.pinv(inner, hermitian=True) @ across
        sizes = np.sqrt(np.maximum(rest[:, 0, 0] * rest[:, 1, 1], 0))
        some = sizes > 1e-9 * np.abs(products[:, -1, -1]).max()  # a draw may hold one unit many times and no other
        out[begin:begin + step] = np.divide(rest[:, 0, 1], sizes, out=np.full(len(drawn), np.nan), where=some)
    return out
