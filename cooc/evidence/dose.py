"""Dose and response within one experiment: the order of lists by outcome, and clues taken away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.densities import item_rows
from cooc.evidence.outcomes import Outcomes
from cooc.evidence.permute import CLOSE, Array
from cooc.evidence.read import Row
from cooc.evidence.shape import UNTRAINED

UNDECIDABLE = "undecidable"


def list_orders(observed: Outcomes) -> dict[str, list[str]]:
    """Of each experiment with several seed sets: these, from the least mean outcome to the largest."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in observed.rows():
        if str(row["seeds"]).lower() not in UNTRAINED:
            values[str(row["experiment"])][str(row["seeds"])].append(float(str(row["value"])))
    return {
        name: sorted(sets, key=lambda each: float(np.mean(sets[each])))
        for name, sets in values.items() if len(sets) > 1
    }  # fmt: skip


def clue_removal(
    items: Any, kept: Sequence[str], outcomes: Outcomes | None = None, *, sets: tuple[str, str] | None = None,
    column: str = "density", alpha: float = 0.05, draws: int = 9_999, seed: int = 0,
) -> Row:  # fmt: skip
    """What taking clues away did to the density of the rest, against taking away as many at random.

    items   a density for each clue (rows with term and `column`); kept: the terms that stayed (78 of the 90 facts)
    sets    the names of the full and the reduced seed set in `outcomes`: with outcomes for both the verdict says
            whether the outcome fell as density did, and without it is undecidable

    p is the share of random removals that lower the mean at least as much.
    """
    rows = [row for row in item_rows(items, column) if row.get(column) is not None]
    names = set(kept)
    unknown = names - {row["term"] for row in rows}
    stays = np.array([row["term"] in names for row in rows])
    if stays.all() or not stays.any():
        raise UsageError(f"{int(stays.sum())} of {len(rows)} clues with a density stay: expected some, and not all")
    values = np.array([row[column] for row in rows], float)
    change = float(values[stays].mean() - values.mean())
    p = _random_removals(values, int(stays.sum()), change, draws, seed)
    found: Row = {
        "question": "clues taken away", "clues": len(rows), "kept": int(stays.sum()), "without_density": len(unknown),
        "density_all": float(values.mean()), "density_kept": float(values[stays].mean()), "change": change, "p": p,
    }  # fmt: skip
    return {**found, **_removal_verdict(found, outcomes, sets, alpha)}


def _random_removals(values: Array, keep: int, change: float, draws: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.broadcast_to(values, (draws, len(values))), axis=1)[:, :keep].mean(axis=1) - values.mean()
    return float((1 + np.sum(drawn <= change + CLOSE)) / (draws + 1))


def _removal_verdict(found: Row, outcomes: Outcomes | None, sets: tuple[str, str] | None, alpha: float) -> Row:
    says = (
        f"the {found['kept']} clues kept are {found['change']:+.3f} against all {found['clues']}; random removal "
        f"lowers density as much with p = {found['p']:.2g}"
    )
    means = _mean_outcomes(outcomes, sets)
    if means is None:
        decide = "the outcome of the model that was finetuned on the reduced set"
        return {"verdict": UNDECIDABLE, "because": f"{says}; no outcomes of both sets", "would_decide": decide}
    full, reduced = means
    says += f"; the outcome went from {full:.3f} to {reduced:.3f}"
    if found["p"] > alpha:
        decide = "a removal of the densest clues, and one of as many of the least dense"
        return {"verdict": UNDECIDABLE, "because": f"{says}: density hardly changed", "would_decide": decide}
    decide = "several removals of graded density, each with several training seeds (cooc design)"
    return {"verdict": UNDECIDABLE, "because": f"{says}: two points have no p", "would_decide": decide}


def _mean_outcomes(outcomes: Outcomes | None, sets: tuple[str, str] | None) -> tuple[float, float] | None:
    if outcomes is None or sets is None:
        return None
    rows = outcomes.rows()
    values = [[float(str(row["value"])) for row in rows if row["seeds"] == name] for name in sets]
    return (float(np.mean(values[0])), float(np.mean(values[1]))) if all(values) else None
