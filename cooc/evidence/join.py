"""Outcomes and densities joined: equal names of seeds and target; every row that found no partner is reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from cooc.errors import UsageError
from cooc.evidence.densities import variant_of, varying_columns
from cooc.evidence.read import Row


@dataclass(frozen=True)
class Joined:
    """Pairs of (outcome, density row) by variant of density, and what stayed alone."""

    pairs: Mapping[tuple[str, str], list[tuple[Row, int]]]
    """By (target where outcomes name none, other columns that vary): outcomes with the number of their density row."""
    densities: Sequence[Row]
    lonely_outcomes: list[Row] = field(default_factory=list)
    lonely_densities: list[Row] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def report(self) -> list[Row]:
        """A row for each name without partner: side, seeds, target, term, rows, hint."""
        counts: dict[tuple[str, str | None, str | None, str | None], int] = defaultdict(int)
        for row in self.lonely_outcomes:
            counts["outcome", row["seeds"], row["target"], None] += 1
        for row in self.lonely_densities:
            counts["density", row["seeds"], row["target"], row["term"]] += 1
        names = {row["seeds"] for row in self.densities} - {None}
        others = {row["seeds"] for row in self.lonely_outcomes}
        return [
            {"side": side, "seeds": seeds, "target": target, "term": term, "rows": count,
             "hint": _nearest(seeds, names if side == "outcome" else others)}
            for (side, seeds, target, term), count in counts.items()
        ]  # fmt: skip


def join(outcomes: Sequence[Row], densities: Sequence[Row], aliases: Mapping[str, str] | None = None) -> Joined:
    """Join where seeds and target are equal; a density of one term where the term is the outcome's key.

    An outcome without target goes with the densities towards every target, each a density of its own. `aliases` maps
    names of seeds or targets in the densities to those in the outcomes. UsageError where two densities fit one
    outcome and no column tells them apart.
    """
    densities = [_renamed(row, aliases or {}) for row in densities]
    varying, by_name = varying_columns(densities), defaultdict(list)
    for number, row in enumerate(densities):
        by_name[row["seeds"]].append(number)
    pairs: dict[tuple[str, str], list[tuple[Row, int]]] = defaultdict(list)
    taken, lonely = set(), []
    for outcome in outcomes:
        fits = [k for name in (outcome["seeds"], None) for k in by_name.get(name, ()) if _fit(outcome, densities[k])]
        _put(outcome, fits, densities, varying, pairs)
        taken |= set(fits)
        if not fits:
            lonely.append(outcome)
    return Joined(pairs, densities, lonely, [row for k, row in enumerate(densities) if k not in taken])


def _put(
    outcome: Row, fits: Sequence[int], densities: Sequence[Row], varying: Sequence[str],
    pairs: dict[tuple[str, str], list[tuple[Row, int]]],
) -> None:  # fmt: skip
    seen: dict[tuple[str, str], int] = {}
    for k in fits:
        row = densities[k]
        level = "of single terms" if row["term"] is not None else ""
        words = ", ".join(part for part in (level, variant_of(row, varying)) if part)
        name = ((row["target"] or "") if outcome["target"] is None else "", words)
        if name in seen:
            term = f", term {row['term']}," if row["term"] else ""
            raise UsageError(
                f'two densities fit the outcomes of "{outcome["seeds"]}" towards "{row["target"]}"{term}: keep one of '
                f"them, or tell them apart by a column window, measure, index or where"
            )
        seen[name] = k
        pairs[name].append((outcome, k))


def _fit(outcome: Row, density: Row) -> bool:
    if None not in (outcome["target"], density["target"]) and outcome["target"] != density["target"]:
        return False
    return density["term"] is None or density["term"] == outcome["key"]


def _renamed(row: Row, aliases: Mapping[str, str]) -> Row:
    return {**row, **{key: aliases.get(row[key], row[key]) for key in ("seeds", "target")}}


def _nearest(name: str | None, names: set[str]) -> str:
    """The name of the other side that has the same words, or is spelled nearly so, where none is the same."""
    if not name or name in names:
        return ""
    words = set(name.lower().replace("-", "_").split("_"))
    same = [each for each in sorted(names) if set(each.lower().replace("-", "_").split("_")) == words]
    close = same or get_close_matches(name, sorted(names), 1, 0.75)
    return f'"{close[0]}"? Say so with an alias.' if close else ""
