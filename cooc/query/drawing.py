"""Figures outside pyplot's global state: they show in a notebook, and are saved ready for print."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.figure import Figure

EMBEDDED: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "cooc"}
"""Fonts as TrueType in PDF (journals refuse Type 3), text as text in SVG, and the same bytes for the same figure."""

UNDATED = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


OPEN: Any = {"axes.spines.top": False, "axes.spines.right": False}


class Drawing(Figure):
    """A matplotlib figure with the defaults of print; `savefig` takes .png, .svg and .pdf."""

    def add_subplot(self, *args: Any, **options: Any) -> Any:
        """Axes as of matplotlib, without a frame above and to the right."""
        with matplotlib.rc_context(OPEN):
            return super().add_subplot(*args, **options)

    def savefig(self, fname: Any, *, width: float | None = None, **options: Any) -> None:
        """As of matplotlib, with fonts embedded and without a date; `width` in inches, such as 3.4 for a column of two.

        A narrower figure keeps its height, and the sizes of its letters.
        """
        kind = str(options.get("format") or str(fname).rpartition(".")[2]).lower()
        options.setdefault("metadata", UNDATED.get(kind))
        size = self.get_size_inches()
        try:
            self.set_size_inches(width or size[0], size[1])
            with matplotlib.rc_context(EMBEDDED):
                super().savefig(fname, **options)
        finally:
            self.set_size_inches(*size)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()


def drawing(width: float, height: float) -> Drawing:
    """An empty figure of so many inches, its parts kept apart by matplotlib."""
    return Drawing(figsize=(width, height), layout="constrained")
