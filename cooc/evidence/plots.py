"""Figures of a bridge: dose and response, effects over rivals, power, left-out predictions against what was seen."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.power import power
from cooc.query.results import blank_figure

if TYPE_CHECKING:
    from cooc.evidence.bridge import Bridge

KINDS = ("dose", "forest", "power", "calibration")


COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by every eye (Okabe & Ito 2008)."""

FEWEST = 4
"""A correlation of fewer points is no number to show."""

LABELED = 12
DOTS: dict[str, Any] = {"fmt": "o", "ms": 5, "mec": "white", "mew": 0.5, "elinewidth": 0.7}


def plot_bridge(result: Bridge, *, kind: str = "dose", question: str | None = None, top: int = 30) -> Any:
    """A matplotlib figure of one kind; dose and calibration show one question, the first where none is named."""
    if kind not in KINDS:
        raise UsageError(f'plot "{kind}": expected {", ".join(KINDS)}')
    if kind == "power" or not result.points:
        return _power(result, top)
    if kind == "forest":
        return _forest(result, top)
    names = list(dict.fromkeys(row["question"] for row in result.points))
    chosen = next((name for name in names if question in (None, name)), None)
    if chosen is None:
        raise UsageError(f'no question is called "{question}"; there are: {"; ".join(names)}')
    figure = blank_figure(7, 4.5)
    axes = figure.subplots()
    (_dose if kind == "dose" else _calibration)(axes, [row for row in result.points if row["question"] == chosen])
    _titled(axes, chosen, next((row for row in result.rows() if _full_name(row) == chosen), {}))
    return figure


def _titled(axes: Any, question: str, row: dict[str, Any]) -> None:
    """The question, and below it what the picture is worth."""
    axes.set_title("\n".join(wrap(question, 80)[:2]), fontsize="medium", loc="left", pad=22)
    p = row.get("deciding_p")
    worth = "" if p is None else f", p = {p:.2g}"
    words = f"{row['verdict']}: {row['units']} units{worth}, least p {row['least_p'] or 1:.2g}" if row else ""
    axes.text(0, 1.02, words, transform=axes.transAxes, fontsize="small", color="0.35", va="bottom")


def _full_name(row: dict[str, Any]) -> str:
    target = f" → {row['target']}" if row.get("target") else ""
    return f"{row['question']}{target}" + (f" ({row['density']})" if row.get("density") != "density" else "")


def _dose(axes: Any, points: list[dict[str, Any]]) -> None:
    """Outcome against density with intervals of both, a colour for each block."""
    blocks = list(dict.fromkeys(row["block"] for row in points))
    for k, block in enumerate(blocks):
        some = [row for row in points if row["block"] == block]
        x, y = (np.array([row[key] for row in some], float) for key in ("density", "outcome"))
        axes.errorbar(x, y, xerr=_bars(some, "density"), yerr=_bars(some, "outcome"), **DOTS,
                      color=COLORS[k % len(COLORS)], label=block or None)  # fmt: skip
    for row in _worth_a_name(points):
        axes.annotate(row["unit"].split(" → ")[0], (row["density"], row["outcome"]), fontsize="x-small", xytext=(5, 4),
                      textcoords="offset points")  # fmt: skip
    axes.set_xlabel("density")
    axes.set_ylabel("outcome")
    axes.margins(x=0.12)
    if len(blocks) > 1 and len(blocks) <= len(COLORS):
        axes.legend(fontsize="x-small")


def _worth_a_name(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of few units, of many those whose outcome is far above the others'."""
    values = np.array([row["outcome"] for row in points], float)
    far = len(points) <= LABELED or values > values.mean() + 1.5 * values.std()
    return [row for row, some in zip(points, np.broadcast_to(far, values.shape), strict=True) if some]


def _bars(points: list[dict[str, Any]], what: str) -> Any:
    """Lengths of the bars below and above; none where an end isn't known. A share has none beyond 0 and 1."""
    ends = [[row.get(f"{what}_low"), row.get(f"{what}_high")] for row in points]
    values = np.array([row[what] for row in points], float)
    low, high = np.array(ends, float).T
    if what == "outcome" and ((values >= 0) & (values <= 1)).all():
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    return np.nan_to_num(np.maximum([values - low, high - values], 0.0))


def _forest(result: Bridge, top: int) -> Any:
    """The effect over the rivals, and without them in grey, each with its interval."""
    every: list[dict[str, Any]] = result.rows()
    rows = [row for row in every if row.get("value") is not None and row["units"] >= FEWEST][:top]
    short = [_full_name(row).replace(f": {row.get('metric')}", "") for row in rows]
    names = ["\n".join(wrap(name, 46)[:3]) + f"\n{row['units']} units" for name, row in zip(short, rows, strict=True)]
    lines = sum(name.count("\n") + 1.6 for name in names)
    figure = blank_figure(8, max(2.4, 1.2 + 0.16 * lines))
    axes = figure.subplots()
    kinds = (("", "value", "0.6", 0.13, "alone"), ("partial_", "partial", COLORS[0], -0.13, "over the rivals"))
    for place, row in enumerate(rows):
        for prefix, value, color, shift, _ in kinds:
            if row.get(value) is None:
                continue
            if row[f"{prefix}low"] is not None:
                axes.plot([row[f"{prefix}low"], row[f"{prefix}high"]], [place - shift] * 2, color=color, lw=1.5)
            axes.plot(row[value], place - shift, "o", color=color, ms=5)
    for _, _, color, _, name in kinds:
        axes.plot([], [], "o-", color=color, label=name)
    axes.axvline(0, color="0.3", lw=0.8)
    axes.set_yticks(range(len(rows)), names, fontsize="x-small")
    axes.set_xlim(-1.02, 1.02)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("correlation of density and outcome, 95 % interval")
    axes.legend(fontsize="x-small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    if not rows:
        axes.text(0, 0, f"no question has {FEWEST} units", ha="center")
    return figure


def _power(result: Bridge, top: int) -> Any:
    """Power against the number of units for three correlations, with the sizes at hand marked."""
    figure = blank_figure(7, 4.5)
    axes = figure.subplots()
    sizes = np.unique(np.round(np.geomspace(4, 200, 60)).astype(int))
    for rho, color in zip((0.3, 0.5, 0.7), COLORS, strict=False):
        axes.plot(sizes, [power(int(n), rho) for n in sizes], label=f"ρ = {rho:g}", color=color)
    at_hand = sorted({round(max(float(size), 1.0)) for size in list(result.columns["worth"])[:top]})
    for size in at_hand:
        axes.axvline(max(size, 3), color="0.75", lw=1, zorder=0)
    axes.axhline(0.8, color="0.3", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_xticks([3, 5, 10, 20, 50, 100, 200], ["≤ 3", "5", "10", "20", "50", "100", "200"])
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("independent units with a density")
    axes.set_ylabel("power at p ≤ .05")
    words = ", ".join(map(str, at_hand[:8])) + (", …" if len(at_hand) > 8 else "")
    axes.set_title(f"grey: what these questions are worth ({words} independent units)", fontsize="small", loc="left",
                   color="0.35")  # fmt: skip
    axes.legend(fontsize="small", loc="upper left")
    return figure


def _calibration(axes: Any, points: list[dict[str, Any]]) -> None:
    """What was seen against what the other units predicted."""
    some = [row for row in points if row["predicted"] is not None]
    axes.set_xlabel("predicted from the other units")
    axes.set_ylabel("observed")
    if not some:
        axes.text(0.5, 0.5, "too few units to leave any out", ha="center", transform=axes.transAxes)
        return
    x, y = (np.array([row[key] for row in some], float) for key in ("predicted", "outcome"))
    ends = [float(min([*x, *y])), float(max([*x, *y]))]
    axes.plot(ends, ends, color="0.6", lw=0.8)
    axes.errorbar(x, y, yerr=_bars(some, "outcome"), **DOTS, color=COLORS[0])
    for row in _worth_a_name(some):
        axes.annotate(row["unit"].split(" → ")[0], (row["predicted"], row["outcome"]), fontsize="x-small",
                      xytext=(5, -9), textcoords="offset points")  # fmt: skip
