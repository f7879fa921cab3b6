"""What all figures share: Vega-Lite specifications written by altair, drawn in the page by Vega.

Colours are the page's own (custom properties of assets/page.css), so that a figure follows light, dark and print.
Nothing is told by colour alone: what differs in colour differs in shape, dash or place too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from cooc.errors import UsageError
from cooc.page.documents import Row

STEP = 22
"""Height of a row of a figure, in pixels."""

COLORS = tuple(f"var(--c{number})" for number in range(1, 9))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [10, 4])
INK, FAINT, ACCENT, OTHER = "var(--ink)", "var(--faint)", "var(--c1)", "var(--c2)"


@cache
def altair() -> ModuleType:
    """altair, which writes and checks specifications."""
    try:
        return import_module("altair")
    except ImportError:
        raise UsageError('the page needs altair: pip install "cooc[report]"') from None


@cache
def library() -> str:
    """The JavaScript of Vega, Vega-Lite and vega-embed, for the page to hold."""
    try:
        converter = import_module("vl_convert")
    except ImportError:
        raise UsageError('the page needs vl-convert: pip install "cooc[report]"') from None
    version = ".".join(altair().SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return str(converter.javascript_bundle(vl_version=version))


def spec(chart: Any, data: Mapping[str, Sequence[Row]], *, height: Any) -> dict[str, Any]:
    """A chart as a specification as wide as the page, with its data."""
    size = "fit-x" if isinstance(height, altair().Step) else "fit"
    fitted = altair().AutoSizeParams(type=size, contains="padding")
    found: dict[str, Any] = chart.properties(width="container", height=height, autosize=fitted).to_dict()
    found.pop("config", None)
    found["datasets"] = {name: [short(row) for row in rows] for name, rows in data.items()}
    return found


def short(row: Mapping[str, Any]) -> Row:
    """A row for a drawing: six digits are more than a screen shows; what is not finite is not known."""
    return {name: _short(value) for name, value in row.items()}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def tips(row: Mapping[str, Any], *names: str) -> list[Any]:
    """Tooltips of some columns, numbers with few digits."""
    alt = altair()
    return [
        alt.Tooltip(f"{name}:Q", format=",.3~f" if isinstance(row[name], float) else ",d")
        if isinstance(row.get(name), int | float) else alt.Tooltip(f"{name}:N")
        for name in names if name in row
    ]  # fmt: skip


def intervals(
    name: str, y: Any, x: tuple[str, str, str], title: str, tooltip: Sequence[Any], *, zero: float = 0
) -> Any:
    """A dot and its interval for each row, and a line where there is no difference; x: value, low and high."""
    alt = altair()
    base = alt.Chart().encode(y=y)
    value, low, high = x
    line = alt.Chart().mark_rule(color=FAINT, aria=False).encode(x=alt.datum(zero))
    span = base.mark_rule(color=ACCENT, strokeWidth=2, aria=False).encode(x=alt.X(f"{low}:Q"), x2=f"{high}:Q")
    dots = base.mark_point(filled=True, size=60, color=ACCENT, stroke=INK, strokeWidth=0.7).encode(
        x=alt.X(f"{value}:Q").title(title), tooltip=list(tooltip)
    )
    return alt.layer(line, span, dots, data=alt.NamedData(name))


def rows_axis(field: str, title: str | None = None) -> Any:
    """A vertical axis of names, in the order of the rows."""
    alt = altair()
    return alt.Y(f"{field}:N").sort(None).title(title)
