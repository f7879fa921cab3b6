"""What the verbs of cooc give back: frozen tables that know where they come from."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from cooc.errors import UsageError
from cooc.query.layout import WIDTH, Value, aligned, cut, formatted, html_table, places, text_grid, text_table

if TYPE_CHECKING:
    import polars as pl

SHOWN = 30
"""Rows of a table on a terminal."""

Column = npt.NDArray[Any] | Sequence[Value]


@dataclass(frozen=True)
class Provenance:
    """What a result was made from, and how."""

    verb: str
    index: str
    digest: str
    terms: tuple[str, ...] = ()
    measure: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    slices: tuple[Mapping[str, Any], ...] = ()
    """The slice that was asked, and the one it was compared with: where, documents, tokens, share of the corpus'
    tokens, documents_missing (of which the expression says nothing)."""

    def to_dict(self) -> dict[str, Any]:
        slices = {"slices": [dict(each) for each in self.slices]} if self.slices else {}
        return {
            "verb": self.verb, "index": self.index, "digest": self.digest,
            "terms": list(self.terms), "measure": self.measure, "parameters": dict(self.parameters), **slices,
        }

    @property
    def notes(self) -> list[str]:
        """A line for each slice.

        >>> part = {"where": "year < 1900", "documents": 3, "tokens": 33, "share": 0.6, "documents_missing": 1}
        >>> Provenance("count", "birds", "5ab0…", slices=(part,)).notes
        ['year < 1900: 3 documents, 33 tokens, 60.0 % of the corpus; of 1 document it says nothing.']
        """
        lines = []
        for part in self.slices:
            missing = part["documents_missing"]
            some = f"; of {missing:,} document{'s' * (missing != 1)} it says nothing" if missing else ""
            lines.append(
                f"{part['where']}: {part['documents']:,} documents, {part['tokens']:,} tokens, "
                f"{part['share']:.1%} of the corpus{some}.".replace("%", " %")
            )
        return lines

    def caption(self) -> str:
        """One line for a person.

        >>> Provenance("neighbors", "pile-val", "5ab0…", ("auk",), "npmi", {"min_count": 5}).caption()
        'neighbors of auk in pile-val, by npmi (min_count=5)'
        """
        more = f" and {len(self.terms) - 5} more" if len(self.terms) > 5 else ""
        terms = ", ".join(self.terms[:5]) + more
        options = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        where = " against ".join(str(part["where"]) for part in self.slices)
        return (self.verb + (f" of {terms}" if terms else "") + f" in {self.index}"
                + (f" where {where}" if where else "")
                + (f", by {self.measure}" if self.measure else "") + (f" ({options})" if options else ""))


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Columns of equal length, and their provenance. Nothing edits a result."""

    columns: Mapping[str, Column]
    provenance: Provenance

    label: ClassVar[str] = "term"
    """The column that names a row."""

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of a result differ in length: {lengths}")
        object.__setattr__(self, "columns", {name: _frozen(column) for name, column in self.columns.items()})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @cached_property
    def table(self) -> "pl.DataFrame":
        """All columns as a polars table; what isn't defined is null."""
        return columns_to_table(self.columns)

    def to_pandas(self) -> Any:
        """All columns as a pandas table. UsageError where pandas is not installed."""
        try:
            import_module("pandas")
        except ImportError:
            raise UsageError("a pandas table needs pandas: pip install pandas") from None
        return self.table.to_pandas()

    def rows(self) -> list[dict[str, Value]]:
        """All rows as plain dictionaries; what isn't defined is None."""
        columns = self._plain()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Rows and provenance, ready for JSON."""
        return {"provenance": self.provenance.to_dict(), "rows": self.rows()}

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: a bar for each of the first `top` rows. UsageError where no column is of numbers."""
        columns, what = self._plain(), self._plotted()
        if not len(self):
            return bars([], [], what, self.provenance.caption())
        label = self.label if self.label in columns else next(iter(columns), "")
        numbers = [name for name in columns if name != label and is_numbers(columns[name])]
        if not numbers:
            raise UsageError(f"there is nothing to draw: no column is of numbers; there are {', '.join(columns)}.")
        chosen = what if what in numbers else numbers[0]
        shown = {name: column[:top] for name, column in columns.items()}
        return bars(told_apart(shown, label), shown[chosen], chosen, self.provenance.caption())

    def __repr__(self) -> str:
        return f"{cut(self.provenance.caption(), WIDTH)}\n{text_table(self._shown())}"

    def _repr_html_(self) -> str:
        return html_table(self._shown(), self._html_caption())

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        """The table as rich shows it: as many columns as there is room for."""
        from rich.text import Text

        yield Text(self.provenance.caption(), style="bold")
        yield from self._rich_body(options.max_width)

    def _rich_body(self, width: int) -> Iterator[Any]:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        cells: list[list[Any]] = []
        taken = -2
        for name, values in self._shown().items():
            block = aligned(name, values[:SHOWN])
            taken += 2 + places(block[0])
            if cells and taken > width:
                break
            left = any(isinstance(value, str) for value in values)
            table.add_column(Text(name), justify="left" if left else "right", no_wrap=True)
            cells.append([Text(cell.strip()) for cell in block[1:]])
        for row in zip(*cells, strict=True):
            table.add_row(*row)
        yield table
        if len(self) > SHOWN:
            yield Text(f"… {len(self) - SHOWN:,} more rows", style="dim")

    def _html_caption(self) -> str:
        return f"{self.provenance.caption()} · index {self.provenance.digest[:16]}"

    def _plain(self) -> dict[str, list[Value]]:
        return {name: _plain(column) for name, column in self.columns.items()}

    def _shown(self) -> dict[str, list[Value]]:
        """The columns with the ranking measure before the other measures, so that no cut loses it."""
        columns, measure = self._plain(), self.provenance.measure
        if measure not in columns:
            return columns
        several = ["of"] if len(set(columns.get("of", ()))) > 1 else []
        first = [*several, *(n for n in (self.label, "count", "expected", measure) if n in columns)]
        return {name: columns[name] for name in (*first, *(n for n in columns if n not in first))}

    def _plotted(self) -> str:
        measure = self.provenance.measure
        return measure if measure is not None and measure in self.columns else "count"


class Counts(Result):
    """Occurrences and documents of phrases."""

    label = "phrase"

    def _plotted(self) -> str:
        return "occurrences"


class Neighbors(Result):
    """The terms beside a term, ranked by a measure."""


class Ngrams(Result):
    """n-grams, ranked by a measure or by count."""

    label = "ngram"


class Pair(Result):
    """One pair, with every measure: a result of one row."""

    label = "a"

    def to_dict(self) -> dict[str, Any]:
        return {**self.rows()[0], "provenance": self.provenance.to_dict()}

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: the count beside the count that chance would give."""
        row = self.rows()[0]
        names = [name for name in ("count", "expected", "count_against", "expected_against") if name in row]
        return bars(names, [row[name] for name in names], "count", self.provenance.caption())

    def text(self, width: int = WIDTH) -> str:
        """The row for a terminal: as a grid, or two slices side by side and their difference."""
        row, other = self.rows()[0], "_against"
        if f"count{other}" not in row:
            return fitting_grid(row, width)
        names = [name for name in row if f"{name}{other}" in row]
        columns = [["", *names]]
        for part, ending in zip(self.provenance.slices, ("", other), strict=True):
            # a column of its own for each value, so that whole numbers stay whole beside fractions
            values = [formatted([row[name + ending]])[0] for name in names]
            columns.append([cut(str(part["where"])), *values])
        widths = [max(map(len, column)) for column in columns]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in zip(*columns, strict=True)]
        rest = {name: value for name, value in row.items() if name.startswith("pmi_difference")}
        return "\n".join([*lines, fitting_grid(rest, width)])

    def _rich_body(self, width: int) -> Iterator[Any]:
        from rich.text import Text

        yield Text(self.text(width))

    def __repr__(self) -> str:
        return f"{cut(self.provenance.caption(), WIDTH)}\n{self.text()}"

    def _repr_html_(self) -> str:
        row = self.rows()[0]
        shown: list[Value] = [formatted([value])[0] for value in row.values()]
        return html_table({"": list(row), "value": shown}, self._html_caption())


def fitting_grid(row: Mapping[str, Value], width: int) -> str:
    """One row as a grid of as many columns as fit into the width, three at most."""
    grids = (text_grid(row, across) for across in (3, 2, 1))
    return next((grid for grid in grids if max(map(places, grid.split("\n"))) <= width), text_grid(row, 1))


def columns_to_table(columns: Mapping[str, Column]) -> "pl.DataFrame":
    """A polars table of columns; NaN becomes null."""
    import polars as pl  # a third of a second: only for those who ask for a table

    return pl.DataFrame([
        pl.Series(name, column, nan_to_null=True) if isinstance(column, np.ndarray)
        else pl.Series(name, _plain(column))
        for name, column in columns.items()
    ])


def _frozen(column: Column) -> Column:
    if not isinstance(column, np.ndarray):
        return tuple(column)
    view = column.view()
    view.flags.writeable = False
    return view


def _plain(column: Column) -> list[Value]:
    if isinstance(column, np.ndarray):
        values = column.tolist()
    else:
        values = [value.item() if isinstance(value, np.generic) else value for value in column]
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


def blank_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure of so many inches. UsageError where matplotlib is not installed."""
    try:
        import_module("matplotlib.figure")
    except ImportError:
        raise UsageError('plots need matplotlib: pip install "cooc[plot]"') from None
    from cooc.query.drawing import drawing

    return drawing(width, height)


def is_numbers(values: Sequence[Value]) -> bool:
    """Whether a column holds numbers, and nothing but these and what is missing."""
    there = [value for value in values if value is not None]
    return bool(there) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)


def told_apart(columns: Mapping[str, Sequence[Value]], label: str) -> list[str]:
    """The names of rows: their labels, and where these are not enough what else is text and tells rows apart.

    >>> told_apart({"term": ["auk", "auk"], "by": ["sea", "sea"], "of": ["then", "now"]}, "term")
    ['auk, then', 'auk, now']
    """
    names = [str(name) for name in columns[label]]
    for name, column in columns.items():
        varies = len(set(column)) > 1 if all(isinstance(value, str | None) for value in column) else False
        if len(set(names)) < len(names) and name != label and varies:
            names = [f"{one}, {other}" if other else one for one, other in zip(names, column, strict=True)]
    return [cut(name, 60) for name in names]


def literal(text: str) -> str:
    """A text as matplotlib shows it letter by letter: between two dollars it would read a formula."""
    return text.replace("$", r"\$")


def bars(names: Sequence[str], values: Sequence[Any], what: str, title: str) -> Any:
    """A bar for each name, the first on top."""
    figure = blank_figure(7, 1.2 + 0.25 * len(names))
    axes = figure.subplots()
    rows = range(len(names))
    axes.barh(rows, [math.nan if value is None else value for value in values])
    axes.set_yticks(rows, [literal(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(what)
    axes.set_title(literal(title), fontsize="medium", loc="left", wrap=True)
    return figure
