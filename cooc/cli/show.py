"""What commands print: tables, CSV and JSON on standard output, notes on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cooc.query.results import Result

BESIDE = ("npmi", "pmi_low", "g2", "log_dice", "delta_p_ba")
"""Measures shown next to the one that ranks; --json has them all."""

FIGURES = (".png", ".svg", ".pdf")
PIPE_WIDTH = 100
"""Places of a line where no terminal says how many it has."""

BOLD, RED = "1", "31"


def say(line: str) -> None:
    """A line for the person at the terminal."""
    print(styled(line, RED, sys.stderr) if line.startswith("cooc: ") else line, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """What was asked for; flushed, so that a closed pipe shows here and not when Python ends."""
    print(text, flush=True)


def styled(text: str, style: str, stream: Any) -> str:
    """The text in colour, on a terminal that has colours and unless NO_COLOR is set (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return text if plain else f"\x1b[{style}m{text}\x1b[0m"


def print_json(document: Any) -> None:
    """One JSON document and nothing else."""
    put(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def print_csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str] = ()) -> None:
    """Rows as CSV: a heading, full numbers, nothing where a value isn't defined, lists as JSON."""
    import csv
    import io

    held = list(rows)
    heading = list(dict.fromkeys([*names, *(name for row in held for name in row)]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([_cell(row.get(name)) for name in heading] for row in held)
    put(text.getvalue().rstrip("\n"))


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else value


def answered(
    result: Any, *, as_json: bool, as_csv: bool, plot: Path | None = None, kind: str | None = None
) -> bool:
    """Draw a result if a file is named, and print it as JSON or CSV if one is asked for; whether it was printed."""
    save_plot(result, plot, kind)
    return printed(as_json, as_csv, result.to_dict, result.rows, list(getattr(result, "columns", ())))


def printed(as_json: bool, as_csv: bool, document: Any, rows: Any, names: Sequence[str] = ()) -> bool:
    """Print what `document()` gives as JSON or what `rows()` gives as CSV; whether one of them was asked for."""
    if as_json:
        print_json(document())
    elif as_csv:
        print_csv(rows(), names)
    return as_json or as_csv


def check_figure(file: Path) -> None:
    """Refuse a figure that can't be written, before any work is done for it."""
    from cooc.errors import UsageError

    if file.suffix.lower() not in FIGURES:
        raise UsageError(f"{file}: figures are written as .png, .svg or .pdf.")
    if not file.parent.is_dir():
        raise UsageError(f"{file}: there is no folder {file.parent} to write into.")


def save_plot(result: Any, file: Path | None, kind: str | None = None) -> None:
    """Draw a result, if a file is named; `kind` where it can be drawn in several ways."""
    from cooc.errors import UsageError

    if file is None:
        return
    check_figure(file)
    try:
        (result.plot() if kind is None else result.plot(kind=kind)).savefig(file, dpi=150)
    except OSError as error:
        raise UsageError(f"{file}: can't be written: {error.strerror or error}.") from error
    say(f"drawn: {file}")


def print_table(columns: Mapping[str, Sequence[Any]]) -> None:
    """All rows, aligned, as many columns as the terminal is wide."""
    from cooc.query.layout import text_table

    rows = max((len(column) for column in columns.values()), default=0)
    table = text_table(columns, rows=rows, width=line_width(), elsewhere="by --json, --csv")
    heading, line_end, rest = table.partition("\n")
    put(styled(heading, BOLD, sys.stdout) + line_end + rest)


def line_width() -> int:
    """Places of a line of the terminal, or of COLUMNS; 100 in a pipe."""
    return max(20, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns) if sys.stdout.isatty() else _columns()


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    return max(20, int(given)) if given.isdigit() else PIPE_WIDTH


def print_ranking(result: Result) -> None:
    """A ranking with the measure that ranks it and a few others."""
    rows, measure = result.rows(), result.provenance.measure
    say(result.provenance.caption())
    if not rows:
        say("no rows: nothing reaches the counts asked for.")
        return
    first = ("of",) if len({row.get("of") for row in rows}) > 1 else ()
    wanted = dict.fromkeys((*first, result.label, "count", "expected", measure, *BESIDE))
    print_table({name: [row[name] for row in rows] for name in wanted if name in rows[0]})
