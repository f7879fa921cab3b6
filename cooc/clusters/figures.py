"""Figures that several results of the cluster module draw; outside pyplot's global state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cooc.query.results import blank_figure, literal

Numbers = Sequence[Any]


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure and its axes, as `subplots` gives them."""
    figure = blank_figure(width, height)
    return figure, figure.subplots(rows, columns, **options)


def dots_with_intervals(
    names: Sequence[str], values: Numbers, low: Numbers, high: Numbers, *, what: str, title: str, zero: float = 0.0
) -> Any:
    """A row for each name: a dot, its interval, and a line where there is no difference."""
    figure, axes = new_figure(7, 1.2 + 0.25 * max(1, len(names)))
    draw_intervals(axes, names, values, low, high, zero=zero)
    axes.set_xlabel(what)
    axes.set_title(literal(title), fontsize="medium", loc="left", wrap=True)
    return figure


def draw_intervals(
    axes: Any, names: Sequence[str], values: Numbers, low: Numbers, high: Numbers, *, zero: float = 0.0
) -> None:
    """Dots with intervals, the first name on top."""
    places = list(range(len(names)))
    dots, lows, highs = (_numbers(column) for column in (values, low, high))
    axes.hlines(places, lows, highs, color="tab:blue", alpha=0.5)
    axes.plot(dots, places, "o", color="tab:blue", markersize=4)
    axes.axvline(zero, color="0.5", linewidth=0.8)
    axes.set_yticks(places, [literal(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _numbers(values: Numbers) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]
