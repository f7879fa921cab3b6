"""A bridge for a terminal: the verdict on each question first, then the numbers it stands on."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from cooc.query.layout import WIDTH, text_table

if TYPE_CHECKING:
    from cooc.evidence.bridge import Bridge

SHOWN = ("units", "value", "low", "high", "p", "partial", "partial_p", "p_holm", "increment", "power")
"""Columns beside the number of the question; .table has all of them."""


def bridge_text(result: Bridge) -> str:
    """The verdicts, the table, and the names without partner."""
    rows = result.rows()
    parts = [result.provenance.caption()]
    parts += [f"{number}. {_verdict(row)}" for number, row in enumerate(rows, start=1)]
    columns: dict[str, list[Any]] = {"": [f"{number}." for number in range(1, len(rows) + 1)]}
    columns |= {name: [row[name] for row in rows] for name in SHOWN if any(row.get(name) is not None for row in rows)}
    parts.append(text_table(columns, rows=len(rows)))
    parts += [_ordering(row) for row in result.ordered]
    if result.removed:
        text = f"{result.removed['question']}: {result.removed['verdict'].upper()}. {result.removed['because']}."
        text += f" What would decide: {result.removed['would_decide']}."
        parts.append("\n".join(wrap(text, WIDTH, subsequent_indent="   ")))
    parts += _lonely(result) + _registration(result)
    return "\n".join(parts)


def _verdict(row: dict[str, Any]) -> str:
    target = f" → {row['target']}" if row.get("target") else ""
    variant = f" ({row['density']})" if row.get("density") not in (None, "density") else ""
    text = f"{row['question']}{target}{variant}: {str(row['verdict']).upper()}. {row['because']}."
    if row["would_decide"]:
        text += f" What would decide: {row['would_decide']}."
    return "\n".join(wrap(text, WIDTH, subsequent_indent="   "))


def _ordering(row: dict[str, Any]) -> str:
    target = f" → {row['target']}" if row["target"] else ""
    text = f"items of the lists of {row['experiment']}{target}: {row['verdict'].upper()}. {row['because']}."
    return "\n".join(wrap(text, WIDTH, subsequent_indent="   "))


def _lonely(result: Bridge) -> list[str]:
    lines = []
    for side in ("outcome", "density"):
        some = [row for row in result.unmatched if row["side"] == side]
        if some:
            lines.append(f"without partner, {side} rows: {sum(row['rows'] for row in some)}")
            lines += [f"  {_names(row)}" for row in some[:12]]
            lines += [f"  … {len(some) - 12} more in .unmatched"] if len(some) > 12 else []
    return lines


def _names(row: dict[str, Any]) -> str:
    names = " → ".join(str(row[key]) for key in ("seeds", "target") if row[key])
    term = f" {row['term']}" if row["term"] else ""
    return f"{names}{term} ({row['rows']})" + (f" {row['hint']}" if row["hint"] else "")


def _registration(result: Bridge) -> list[str]:
    held = result.registration
    if not held:
        return []
    if not held["deviations"]:
        return [f"as registered ({held['digest'][:16]}): {held['hypothesis']}"]
    return [f"NOT as registered ({held['digest'][:16]}):", *(f"  {each}" for each in held["deviations"])]
