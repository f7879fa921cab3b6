"""All that is measured about one study: correlations, partial effect, model, left-out prediction, power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cooc.evidence.bootstrap import interval, worth
from cooc.evidence.correlate import associate, associate_kendall, controls, kendall, residuals
from cooc.evidence.increment import Increment, increment
from cooc.evidence.mixed import slope
from cooc.evidence.permute import Array
from cooc.evidence.power import detectable, needed_units, power
from cooc.evidence.read import Row
from cooc.evidence.study import Study

SCALES = {"spearman": "ranks", "pearson": "values"}
STATISTICS = ("spearman", "pearson", "kendall")
MOST_KENDALL = 400


@dataclass(frozen=True)
class Plan:
    """What is fixed before the data are looked at; a registration holds it."""

    statistic: str = "spearman"
    alpha: float = 0.05
    effect: float = 0.5
    """The correlation that power is computed for."""
    least: float = 0.3
    """A correlation below this is no support, however certain."""
    wanted: float = 0.8
    """The power wanted."""
    draws: int = 9_999
    seed: int = 0


def analyse(study: Study, plan: Plan) -> tuple[Row, Increment]:
    """A row of findings (columns in docs/bridge.md), and the predictions of units left out."""
    rank = plan.statistic != "pearson"
    free = _worth(study) - study.rivals.shape[1]
    needed = needed_units(plan.effect, plan.alpha, plan.wanted, rank)
    added = _increment(study)
    found: Row = {
        **_sizes(study), **_correlations(study, plan), **_partial(study, plan),
        **_model(study), "skill_rivals": added.skill_rivals, "skill": added.skill, "increment": added.value,
        "better": added.better, "left_out": added.groups,
        "power": round(power(free, plan.effect, plan.alpha, rank), 6), "power_for": plan.effect,
        "detectable": detectable(free, plan.alpha, plan.wanted, rank),
        "worth": free,
        "needed_units": None if needed is None else round(needed + len(study.names) - free),
    }  # fmt: skip
    return found, added


def _worth(study: Study) -> float:
    """Independent units: less one for each block beyond the first; of a series the share that Bartlett leaves."""
    if not study.scheme.circular:
        return float(study.free)
    basis = controls(study.scheme.blocks)
    return study.free * worth(residuals(study.density, basis), residuals(study.outcome, basis))


def _sizes(study: Study) -> Row:
    return {
        "units": len(study.names), "rows": len(study.shares), "blocks": len(study.block_names),
        "groups": ", ".join(study.crossed), "blocked_by": ", ".join(study.nested), "series": study.scheme.circular,
        "notes": "; ".join(study.notes),
    }  # fmt: skip


def _correlations(study: Study, plan: Plan) -> Row:
    """Spearman, Pearson and Kendall; p, its least value and the interval are those of the statistic planned."""
    x, y, scheme = study.density, study.outcome, study.scheme
    found: Row = {}
    for name in ("spearman", "pearson"):
        given = associate(x, y, scheme, scale=SCALES[name], draws=plan.draws, seed=plan.seed)
        found |= {name: given.value, f"{name}_p": given.p}
        if name == plan.statistic:
            found |= {"value": given.value, "p": given.p, "least_p": given.least_p, "exact": given.exact}
    some = len(x) <= MOST_KENDALL and len(study.block_names) == 1
    found["kendall"] = kendall(x, y) if some else None
    if plan.statistic == "kendall":
        given = associate_kendall(x, y, scheme, draws=min(999, plan.draws), seed=plan.seed)
        found |= {"value": given.value, "p": given.p, "least_p": given.least_p, "exact": given.exact}
    scale = SCALES.get(plan.statistic, "ranks")
    ends = interval(x, y, scheme.blocks, scale=scale, length=_length(study), seed=plan.seed)
    return {**found, **_ends("", ends)}


def _partial(study: Study, plan: Plan) -> Row:
    """The correlation that is left over the rivals: of values for Pearson's, else of normal scores of ranks."""
    scale = "values" if plan.statistic == "pearson" else "scores"
    found: Row = {"rivals": ", ".join(study.rival_names)}
    empty = {"partial": None, "partial_p": None, "partial_least_p": None, **_ends("partial_", None)}
    if not study.rival_names:
        return {**found, **empty}
    x, y, rivals = study.density, study.outcome, study.rivals
    given = associate(x, y, study.scheme, rivals=rivals, scale=scale, draws=plan.draws, seed=plan.seed)
    ends = interval(x, y, study.scheme.blocks, rivals=rivals, scale=scale, length=_length(study), seed=plan.seed)
    return {
        **found, "partial": given.value, "partial_p": given.p, "partial_least_p": given.least_p,
        **_ends("partial_", ends),
    }  # fmt: skip


def _model(study: Study) -> Row:
    names = ("odds_ratio", "odds_low", "odds_high", "model_note")
    if not study.proportion:
        return dict.fromkeys(names)
    rows = study.units
    groups = np.column_stack([study.groups, study.scheme.blocks[rows]])
    rivals = study.rivals[rows] if study.rival_names else None
    given = slope(study.density[rows], study.shares, rows, rivals=rivals, groups=groups, weights=study.weights)
    ends = [None if each is None else float(np.exp(min(each, 50.0))) for each in (given.value, given.low, given.high)]
    return dict(zip(names, [*ends, given.note or None], strict=True))


def _increment(study: Study) -> Increment:
    """Blocks are left out where there are enough, else units; a series in runs, as neighbours tell of each other."""
    blocks, n = study.scheme.blocks, len(study.names)
    left = blocks if len(study.block_names) >= 4 else np.arange(n)
    if study.scheme.circular:
        left = np.arange(n) // _length(study)
    rivals = study.rivals if study.rival_names else None
    return increment(study.density, study.outcome, left, rivals=rivals, proportion=study.proportion)


def _length(study: Study) -> int:
    """Neighbours that are drawn or left out together: about the cube root of a series, 1 where there is no order."""
    return max(2, round(2 * len(study.names) ** (1 / 3))) if study.scheme.circular else 1


def _ends(prefix: str, ends: tuple[float, float] | None) -> Row:
    low, high = ends or (None, None)
    return {f"{prefix}low": low, f"{prefix}high": high}


def holm(p: Sequence[float], tried: int) -> list[float]:
    """Holm's adjusted p of some of `tried` tests (1979): those not given count as ones with p = 1.

    >>> holm([0.01, 0.04], 2)
    [0.02, 0.04]
    """
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, k in enumerate(np.argsort(p, kind="stable").tolist()):
        highest = max(highest, min(1.0, (max(tried, len(p)) - rank) * p[k]))
        adjusted[k] = highest
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """The false discovery rate at which each would be found (Benjamini & Hochberg 1995).

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p, kind="stable")[::-1]
    adjusted: Array = np.empty(len(p))
    lowest = 1.0
    for k in order:
        lowest = min(lowest, p[k] * len(p) / (1 + int(np.sum(np.array(p) < p[k]))))
        adjusted[k] = lowest
    return [float(round(each, 12)) for each in adjusted]


def as_points(study: Study, added: Increment, question: str) -> list[dict[str, Any]]:
    """A row for each unit: question, unit, block, density, outcome, rivals, predicted while it was left out."""
    return [
        {"question": question, "unit": name, "block": study.block_names[study.scheme.blocks[k]],
         "density": float(study.density[k]), "outcome": float(study.outcome[k]), **study.ends[k],
         **{rival: float(study.rivals[k, j]) for j, rival in enumerate(study.rival_names)},
         "predicted": None if np.isnan(added.predicted[k]) else float(added.predicted[k])}
        for k, name in enumerate(study.names)
    ]  # fmt: skip
