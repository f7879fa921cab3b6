"""What commands print: tables and JSON on standard output, notes on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cooc.query.results import Result

BESIDE = ("npmi", "pmi_low", "g2", "log_dice", "delta_p_ba")
"""Measures shown next to the one that ranks; --json has them all."""


def say(line: str) -> None:
    """A line for the person at the terminal."""
    print(line, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """What was asked for; flushed, so that a closed pipe shows here and not when Python ends."""
    print(text, flush=True)


def print_json(document: Any) -> None:
    """One JSON document and nothing else."""
    put(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def print_table(columns: Mapping[str, Sequence[Any]]) -> None:
    """All rows, aligned."""
    from cooc.query.layout import text_table

    rows = max((len(column) for column in columns.values()), default=0)
    put(text_table(columns, rows=rows))


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
