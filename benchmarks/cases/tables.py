"""Answers as tables of markdown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases.asked import Answer
from benchmarks.cases.steps import Places, Step, Table

LONGEST = 12
"""Words of a command that are shown: `count` takes whole lists."""


def markdown(step: Step, found: Answer, at: Places) -> str:
    """The command, then its tables, or why there are none."""
    parts = [f"## {step.name}\n", f"    {shown(step.command, at)}\n"]
    if "error" in found:
        return "\n".join([*parts, f"No answer: {found['error']}\n"])
    if step.command[0] == "count":
        parts.append(_total(found["rows"]) + "\n")
    return "\n".join([*parts, *(table_of(found.get(each.key) or [], each) for each in step.tables)])


def shown(command: Sequence[str], at: Places) -> str:
    """As a person would type it: no folders."""
    words = [Path(word).name if str(at.terms) in word or word.startswith("/") else word for word in command]
    words[1] = "INDEX"
    if len(words) > 2 * LONGEST and command[0] == "count":
        where = words.index("--where")
        words = [*words[:4], "…", *words[where:]]
    return shlex.join(["cooc", *words]).replace("'…'", "…")


def table_of(rows: Sequence[Mapping[str, Any]], asked: Table) -> str:
    """Rows as markdown, those asked for."""
    chosen = [row for row in rows if all(str(row.get(key)) in set(map(str, values)) for key, values in asked.only)]
    if asked.by:
        sign, column = (1, asked.by[1:]) if asked.by[0] == "-" else (-1, asked.by)
        chosen = sorted(chosen, key=lambda row: _order(row.get(column), sign))
    columns = [column for column in asked.columns if any(column in row for row in chosen)]
    if not chosen:
        return "(no rows)\n"
    groups = _by_target(chosen, asked)
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(column)) for column in columns) + " |" for row in groups]
    return "\n".join(lines) + "\n"


def _by_target(rows: Sequence[Mapping[str, Any]], asked: Table) -> list[Mapping[str, Any]]:
    """The first rows of each target, of all where there is but one."""
    if asked.top is None:
        return list(rows)
    targets = dict.fromkeys(row.get("target") for row in rows)
    return [row for target in targets for row in [r for r in rows if r.get("target") == target][: asked.top]]


def _order(value: Any, sign: int) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, sign * value, "")
    return (1, 0.0, str(value))


def cell(value: Any) -> str:
    """A number with three digits that count, a list by its words."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = str(value).replace("|", "/").replace("\n", " ")
    return text if len(text) <= 90 else text[:89] + "…"


def _total(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = [int(row["occurrences"] or 0) for row in rows]
    found = sum(count > 0 for count in counts)
    rate = sum(float(row["per_million"] or 0.0) for row in rows)
    return f"{found} of {len(rows)} names occur, {sum(counts):,} times, {rate:.1f} in a million words."
