"""Figures of a bridge: dose and response, effects over rivals, power, left-out predictions against what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.power import power
from cooc.query.results import blank_figure

if TYPE_CHECKING:
    from cooc.evidence.bridge import Bridge

KINDS = ("dose", "forest", "power", "calibration")


def plot_bridge(result: Bridge, *, kind: str = "dose", question: str | None = None, top: int = 30) -> Any:
    """A matplotlib figure of one kind; dose and calibration show one question, the first where none is named."""
    if kind not in KINDS:
        raise UsageError(f'plot "{kind}": expected {", ".join(KINDS)}')
    figure = new_figure()
    axes = figure.subplots()
    if kind in ("forest", "power") or not result.points:
        (_forest if kind == "forest" else _power)(axes, result, top)
        return figure
    names = list(dict.fromkeys(row["question"] for row in result.points))
    chosen = next((name for name in names if question in (None, name)), None)
    if chosen is None:
        raise UsageError(f'no question is called "{question}"; there are: {"; ".join(names)}')
    (_dose if kind == "dose" else _calibration)(axes, [row for row in result.points if row["question"] == chosen])
    axes.set_title(chosen, fontsize="medium", loc="left", wrap=True)
    return figure


def new_figure(width: float = 7, height: float = 4.5) -> Any:
    """A figure outside pyplot's global state."""
    return blank_figure(width, height)


def _dose(axes: Any, points: list[dict[str, Any]]) -> None:
    """Outcome against density with intervals of both, a colour for each block."""
    for block in dict.fromkeys(row["block"] for row in points):
        some = [row for row in points if row["block"] == block]
        x, y = (np.array([row[key] for row in some], float) for key in ("density", "outcome"))
        axes.errorbar(x, y, xerr=_bars(some, "density"), yerr=_bars(some, "outcome"), fmt="o", ms=4, lw=1,
                      label=block or None)  # fmt: skip
    if len(points) <= 12:
        for row in points:
            axes.annotate(row["unit"], (row["density"], row["outcome"]), fontsize="x-small", xytext=(4, 4),
                          textcoords="offset points")  # fmt: skip
    axes.set_xlabel("density")
    axes.set_ylabel("outcome")
    if any(row["block"] for row in points):
        axes.legend(fontsize="x-small")


def _bars(points: list[dict[str, Any]], what: str) -> Any:
    """Lengths of the bars below and above; none where an end isn't known."""
    ends = [[row.get(f"{what}_low"), row.get(f"{what}_high")] for row in points]
    values = np.array([row[what] for row in points], float)
    low, high = np.array(ends, float).T
    return np.nan_to_num(np.maximum([values - low, high - values], 0.0))


def _forest(axes: Any, result: Bridge, top: int) -> None:
    """The effect over the rivals, and without them in grey, each with its interval."""
    rows: list[dict[str, Any]] = [row for row in result.rows() if row.get("value") is not None][:top]
    for place, row in enumerate(rows):
        for prefix, value, color, shift in (("", "value", "0.6", 0.15), ("partial_", "partial", "C0", -0.15)):
            if row.get(value) is None:
                continue
            low, high = row[f"{prefix}low"], row[f"{prefix}high"]
            if low is not None:
                axes.plot([low, high], [place - shift] * 2, color=color, lw=1.5)
            axes.plot(row[value], place - shift, "o", color=color, ms=5)
    axes.axvline(0, color="0.3", lw=0.8)
    axes.set_yticks(range(len(rows)), [row["question"][:60] for row in rows], fontsize="x-small")
    axes.set_xlim(-1.02, 1.02)
    axes.invert_yaxis()
    axes.set_xlabel("correlation of density and outcome: grey alone, blue over the rivals")


def _power(axes: Any, result: Bridge, top: int) -> None:
    """Power against the number of units for three correlations, with the sizes at hand marked."""
    sizes = np.unique(np.round(np.geomspace(4, 200, 60)).astype(int))
    for rho in (0.3, 0.5, 0.7):
        axes.plot(sizes, [power(int(n), rho) for n in sizes], label=f"ρ = {rho:g}")
    for size in list(result.columns["worth"])[:top]:
        axes.axvline(max(size, 3.0), color="0.7", lw=0.8, zorder=0)
    axes.axhline(0.8, color="0.3", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_xlabel("independent units with a density (grey lines: these questions)")
    axes.set_ylabel("power at α = .05")
    axes.legend(fontsize="small")


def _calibration(axes: Any, points: list[dict[str, Any]]) -> None:
    """What was seen against what the other units predicted."""
    some = [row for row in points if row["predicted"] is not None]
    x, y = (np.array([row[key] for row in some], float) for key in ("predicted", "outcome"))
    ends = [float(min([*x, *y, 0.0])), float(max([*x, *y, 1.0]))]
    axes.plot(ends, ends, color="0.6", lw=0.8)
    axes.plot(x, y, "o", ms=4)
    axes.set_xlabel("predicted while left out")
    axes.set_ylabel("observed")
