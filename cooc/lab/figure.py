"""The figure of an experiment: movement by arm or dose, and movement against density, set by set."""

from __future__ import annotations

from typing import Any

import numpy as np

from cooc.evidence.read import Row
from cooc.lab.analyse import STATISTIC, Analysis


def plot_lab(found: Analysis) -> Any:
    """A matplotlib figure: means of arms with their intervals, and sets as points, each pool and target centred."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _arms(left, found.doses)
    _sets(right, found)
    figure.suptitle(f"{found.name}: movement towards the target ({STATISTIC})")
    return figure


def _arms(axes: Any, doses: list[Row]) -> None:
    targets = list(dict.fromkeys(row["target"] for row in doses))
    for k, target in enumerate(targets):
        rows = [row for row in doses if row["target"] == target]
        places = np.arange(len(rows)) + 0.08 * (k - (len(targets) - 1) / 2)
        means = [row["mean"] for row in rows]
        axes.errorbar(places, means, [row["high"] - row["mean"] for row in rows], fmt="o-", capsize=3, label=target)
        axes.set_xticks(range(len(rows)), [row["arm"] for row in rows])
    axes.axhline(0, color="0.7", lw=0.8)
    axes.set_xlabel("arm")
    axes.set_ylabel("bits against control words")
    axes.legend(fontsize=8)


def _sets(axes: Any, found: Analysis) -> None:
    points = found.decided.points
    for block in dict.fromkeys(row["block"] for row in points):
        some = [row for row in points if row["block"] == block]
        x, y = (np.array([row[key] for row in some]) for key in ("density", "outcome"))
        axes.plot(x - x.mean(), y - y.mean(), "o", ms=3.5, alpha=0.7)
    row = found.decided.rows()[0]
    axes.set_title(f"{row['verdict']}: rank correlation {row['value']:+.2f}, over rivals {row['partial']:+.2f}", size=9)
    axes.set_xlabel("density of a set, less its pool's mean (bits)")
    axes.set_ylabel("movement, less its pool's mean")
