"""Arms matched in everything but density: terms are exchanged until means agree and densities are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cooc.evidence.correlate import TINY, standard
from cooc.evidence.permute import Array
from cooc.evidence.read import Row

TRIES = 60_000
EACH = 300
"""Exchanges tried: so many for each place, and no more than TRIES."""
AIM = 0.04
"""Means further apart than this (in standard deviations of the pool) are paid for."""
PRICE = 400.0
ORDER = 2.0
"""What an arm pays for a mean that is not on the line between its neighbours."""


def matched_arms(
    density: Array, columns: Array, *, arms: int, size: int, seed: int = 0, tries: int | None = None
) -> Array:
    """Of each item its arm (0: least density) or -1: arms of `size`, apart in density and equal in the columns' means.

    Starts from the items whose density is least, midway and largest for their columns (residuals of a linear fit),
    which already are equal on average, and accepts each random exchange that lowers the cost: the spread of density
    with a minus, plus a price for differences of means beyond AIM.
    """
    table = np.column_stack([standard(density[:, None]), standard(columns)])
    arm = _start(table, arms, size)
    sums = np.array([table[arm == k].sum(axis=0) for k in range(arms)])
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(density), size=(min(TRIES, EACH * arms * size) if tries is None else tries, 2))
    cost = _cost(sums / size)
    for one, other in picks.tolist():
        a, b = int(arm[one]), int(arm[other])
        if a == b:
            continue
        moved, change = sums.copy(), table[other] - table[one]
        if a >= 0:
            moved[a] += change
        if b >= 0:
            moved[b] -= change
        new = _cost(moved / size)
        if new < cost:
            arm[one], arm[other], sums, cost = b, a, moved, new
    return arm


def _start(table: Array, arms: int, size: int) -> Array:
    rest = np.column_stack([np.ones(len(table)), table[:, 1:]])
    residual = table[:, 0] - rest @ np.linalg.lstsq(rest, table[:, 0], rcond=None)[0]
    order = np.argsort(residual, kind="stable")
    arm = np.full(len(table), -1)
    for k, begin in enumerate(np.round(np.linspace(0, len(table) - size, arms)).astype(int).tolist()):
        arm[order[begin:begin + size]] = k
    return arm


def _cost(means: Array) -> float:
    """Of the arms' means (arms × density and columns)."""
    density, others = means[:, 0], means[:, 1:]
    line = np.linspace(density[0], density[-1], len(density))
    apart = others.max(axis=0) - others.min(axis=0) if others.size else np.zeros(1)
    over = np.maximum(apart - AIM, 0)
    return float(density[0] - density[-1] + ORDER * ((density - line) ** 2).sum() + PRICE * (over * over).sum())


def balance(table: Array, arm: Array, names: Sequence[str], arms: Sequence[str]) -> tuple[Row, ...]:
    """A row for each column: its mean in each arm, and the largest standardised difference between two arms.

    A difference of means is divided by the root of the mean of the two variances (Austin 2011).
    """
    rows = []
    for j, name in enumerate(names):
        values = [table[arm == k, j] for k in range(len(arms))]
        largest = max(_smd(a, b) for k, a in enumerate(values) for b in values[k + 1:])
        rows.append({"column": name, **{each: float(v.mean()) for each, v in zip(arms, values, strict=True)},
                     "largest_smd": largest})  # fmt: skip
    return tuple(rows)


def _smd(a: Array, b: Array) -> float:
    """Endless where two arms differ and neither varies; then as far apart as floats go."""
    difference, spread = abs(float(a.mean() - b.mean())), float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))
    return difference / spread if spread > TINY else (0.0 if difference < TINY else float(np.finfo(float).max))
