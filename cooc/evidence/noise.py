"""Noise between training seeds: what one finetuning run's outcome is worth."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from cooc.evidence.outcomes import Outcomes, published_outcomes
from cooc.evidence.read import Row

FEWEST = 5
"""Seeds without which a deviation says nothing."""


TAILS = (0.975, 0.025)


def seed_noise(observed: Outcomes) -> list[Row]:
    """A row for each model and seed set with outcomes of several training seeds: seeds, mean, sd, low, high (of sd).

    The interval of the deviation is that of normal outcomes (chi-square).
    """
    from scipy.stats import chi2

    held: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in observed.rows():
        if row["unit"] in ("seed", "replicate", "run"):
            held[row["experiment"], row["model"], row["seeds"], row["metric"]].append(float(str(row["value"])))
    rows = []
    for (experiment, model, name, metric), values in held.items():
        n, sd = len(values), float(np.std(values, ddof=1)) if len(values) > 1 else None
        low, high = (None, None) if sd is None else (float(sd * np.sqrt((n - 1) / chi2.ppf(q, n - 1))) for q in TAILS)
        rows.append({"experiment": experiment, "model": model, "seeds": name, "metric": metric, "n": n,
                     "mean": float(np.mean(values)), "sd": sd, "low": low, "high": high})  # fmt: skip
    return rows


def published_seed_noise() -> float:
    """The deviation between training seeds of the published case with the most of them."""
    rows = [row for row in seed_noise(published_outcomes()) if row["n"] >= FEWEST]
    return float(max(rows, key=lambda row: row["n"])["sd"])
