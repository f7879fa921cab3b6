"""Rival targets on one scale: how much denser the same seeds are towards one than towards another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def z_and_p(value: float, null: Array) -> tuple[float, float, float, float]:
    """Mean and deviation of a null, the value's z, and P(null ≥ value) as (1 + those that are) / (1 + all)."""
    null = null[np.isfinite(null)]
    if not len(null) or not np.isfinite(value):
        return (float("nan"),) * 4
    mean, deviation = float(null.mean()), float(null.std(ddof=1)) if len(null) > 1 else float("nan")
    z = (value - mean) / deviation if deviation > 0 else float("nan")
    return mean, deviation, z, (1 + int((null >= value).sum())) / (1 + len(null))


def differences(names: Sequence[str], measured: Sequence[Any], confidence: float) -> list[dict[str, Any]]:
    """A row for each pair of targets: the difference of their densities in bits, and its interval.

    Both densities of a draw come from the same documents, and both of a null set from the same terms, so the
    differences are paired. p is two-sided: matched sets whose difference lies as far from the sets' mean difference.
    """
    tail = (1 - confidence) / 2
    rows = []
    for (a, one), (b, other) in combinations(zip(names, measured, strict=True), 2):
        difference = one.density - other.density
        low, high = np.quantile(one.draws - other.draws, [tail, 1 - tail]).tolist()
        null = one.null - other.null if len(one.null) == len(other.null) else np.zeros(0)
        mean, deviation, z, _ = z_and_p(difference, null)
        far = int((np.abs(null - mean) >= abs(difference - mean)).sum())
        known = len(null) and np.isfinite(mean) and np.isfinite(difference)
        rows.append({
            "target": a, "rival": b, "difference": difference, "low": low, "high": high,
            "null_mean": mean, "null_sd": deviation, "z": z,
            "p": (1 + far) / (1 + len(null)) if known else float("nan"),
        })  # fmt: skip
    return rows
