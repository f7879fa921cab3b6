"""A bridge for a terminal: the verdict on each question first, then the numbers it stands on."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from cooc.query.layout import WIDTH, text_table

if TYPE_CHECKING:
    from cooc.evidence.bridge import Bridge

SHOWN = (
    "units", "value", "low", "high", "p", "least_p", "partial", "partial_p", "p_holm", "increment", "power"
)  # fmt: skip
"""Columns beside the number of the question; .table has all of them."""

ESTIMATES = ("value", "partial")
FEWEST = 4
"""A correlation of fewer points is no number to show: three lie on a line once in three times."""


def bridge_text(result: Bridge) -> str:
    """The verdicts, the table, and the names without partner."""
    rows: list[dict[str, Any]] = result.rows()
    parts = [_caption(result)]
    parts += _verdicts(rows)
    columns: dict[str, list[Any]] = {"": [f"{number}." for number in range(1, len(rows) + 1)]}
    shown = [row if row["units"] >= FEWEST else {**row, **dict.fromkeys(ESTIMATES)} for row in rows]
    columns |= {name: [row[name] for row in shown] for name in SHOWN if any(row.get(name) is not None for row in shown)}
    parts.append(text_table(columns, rows=len(rows)))
    parts += [_ordering(row) for row in result.ordered]
    if result.removed:
        text = f"{result.removed['question']}: {result.removed['verdict'].upper()}. {result.removed['because']}."
        text += f" What would decide: {result.removed['would_decide']}."
        parts.append("\n".join(wrap(text, WIDTH, subsequent_indent="   ")))
    parts += _lonely(result) + _registration(result)
    return "\n".join(parts)


def _caption(result: Bridge) -> str:
    """What was asked of what, without the options that nobody chose."""
    held = result.provenance.parameters
    given = {key: value for key, value in held.items() if key not in ("experiments", "toward")}
    words = [f"{key} {_listed(value)}" for key, value in given.items() if value not in (None, [], {}, ["density"])]
    return f"bridge of {result.provenance.index}: {', '.join(words)}"


def _listed(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """Each verdict with its number; those that say the same of several densities as one."""
    same: dict[tuple[Any, ...], list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(rows, start=1):
        key = tuple(row[name] for name in ("question", "verdict", "because", "would_decide"))
        same.setdefault(key, []).append((number, row))
    return [
        _verdict([row for _, row in some], ", ".join(f"{number}." for number, _ in some)) for some in same.values()
    ]


def _verdict(rows: list[dict[str, Any]], number: str) -> str:
    row = rows[0]
    names = ", ".join(dict.fromkeys(filter(None, map(_density_name, rows))))
    towards = f" → {names}" if row.get("target") else f" ({names})" if names else ""
    text = f"{number} {row['question']}{towards}: {str(row['verdict']).upper()}. {row['because']}."
    if row["would_decide"]:
        text += f" What would decide: {row['would_decide']}."
    return "\n".join(wrap(text, WIDTH, subsequent_indent="   "))


def _density_name(row: dict[str, Any]) -> str:
    variant = row.get("density") if row.get("density") not in (None, "density") else ""
    target = row.get("target") or ""
    return f"{target} ({variant})" if target and variant else target or variant or ""


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
