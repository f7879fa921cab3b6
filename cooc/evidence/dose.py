"""Dose and response within one experiment: lists in the order of their outcomes, and facts taken away.

Three lists give an ordering and no more: whether the outcomes follow density can't be tested with three. What can be
is whether the lists differ in density in that order at all, over their items; if they don't, density is no
explanation of the order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.correlate import associate
from cooc.evidence.densities import FREQUENCY, item_rows
from cooc.evidence.outcomes import Outcomes
from cooc.evidence.permute import CLOSE, Array, Scheme
from cooc.evidence.read import Row
from cooc.evidence.shape import UNTRAINED

SUPPORTED, CONTRADICTED, UNDECIDABLE = "supported", "contradicted", "undecidable"


def ordering(
    items: Any, order: Sequence[str], *, column: str = "density", rivals: Sequence[str] = (), alpha: float = 0.05,
    draws: int = 9_999, seed: int = 0,
) -> Row:  # fmt: skip
    """Are lists ordered in density as they are in outcome? Items change places between lists.

    items   rows {"seeds": list, "term", `column`, and rivals}; log_frequency is a rival where they have it
    order   the lists, from the least outcome to the largest

    The statistic is the rank correlation of an item's density with the place of its list; p is exact where the
    arrangements are few, else from `draws` of them. Terms in more than one list tell nothing of the difference and are
    left out, as are those without a density. Gives one row: lists, means, shared, value, p, partial, partial_p,
    verdict, because.
    """
    rows = [row for row in item_rows(items, column) if row["seeds"] in order]
    lists = Counter(row["term"] for row in rows)
    alone = [row for row in rows if lists[row["term"]] == 1 and row.get(column) is not None]
    held = Counter(row["seeds"] for row in alone)
    if len(held) < 2:
        raise UsageError(f"items of at least two of the lists {', '.join(order)} need a density; found {dict(held)}")
    names = [name for name in order if held[name]]
    used = list(dict.fromkeys([*([FREQUENCY] if any(FREQUENCY in row for row in alone) else []), *rivals]))
    complete = [row for row in alone if all(row.get(name) is not None for name in used)]
    found: Row = {
        "question": "items of lists, in the order of outcomes", "lists": names, "items": [held[name] for name in names],
        "means": [float(np.mean([row[column] for row in alone if row["seeds"] == name])) for name in names],
        "shared": sum(count > 1 for count in lists.values()), "rivals": used, "alpha": alpha,
        **_places(alone, names, column, [], "value", "p", draws, seed),
        **_places(complete if used else [], names, column, used, "partial", "partial_p", draws, seed),
    }  # fmt: skip
    return {**found, **_ordered(found)}


def _places(
    rows: Sequence[Row], names: Sequence[str], column: str, rivals: Sequence[str], value: str, p: str, draws: int,
    seed: int,
) -> Row:  # fmt: skip
    if len(rows) < 3:
        return {value: None, p: None}
    places = np.array([names.index(row["seeds"]) for row in rows], float)
    densities = np.array([row[column] for row in rows], float)
    others = np.array([[row[name] for name in rivals] for row in rows], float)
    scheme = Scheme(np.zeros(len(rows), int))
    scale = "scores" if rivals else "ranks"
    given = associate(places, densities, scheme, rivals=others if rivals else None, scale=scale, draws=draws, seed=seed)
    return {value: given.value, p: given.p}


def _ordered(found: Row) -> Row:
    over = "partial" if found["rivals"] else "value"
    value, p = found[over], found[f"{over}_p" if found["rivals"] else "p"]
    means = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(found["lists"], found["means"], strict=True))
    beyond = f" over {', '.join(found['rivals'])}" if found["rivals"] else ""
    if value is None:
        return {"verdict": UNDECIDABLE, "because": f"{means}: too few items, or no variation{beyond}"}
    says = f"{means}; correlation of an item's density with the place of its list{beyond} {value:+.2f}, p = {p:.2g}"
    monotone = all(a < b for a, b in zip(found["means"], found["means"][1:], strict=False))
    if p <= found["alpha"] and value > 0 and monotone:
        return {"verdict": SUPPORTED, "because": f"{says}. This is an ordering of lists and no dose-response: "
                f"{len(found['lists'])} lists are {len(found['lists'])} points"}  # fmt: skip
    if p <= found["alpha"] and value < 0:
        return {"verdict": CONTRADICTED, "because": f"{says}: the order is the other way"}
    if p <= found["alpha"]:
        return {"verdict": UNDECIDABLE, "because": f"{says}, but the means are not in the order of the outcomes"}
    return {"verdict": UNDECIDABLE, "because": says}


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
