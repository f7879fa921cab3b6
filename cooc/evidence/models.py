"""Outcomes across models: the part they share, which a corpus could explain, and the part that is a model's own.

A cell is a behaviour (experiment, seeds, unit, key, metric) of a model. Value = behaviour + model + own + noise; the
behaviours' part is shared by all models, `own` is a model's for a behaviour. Without repeats own and noise are one;
repeats (training seeds, or intervals and counts) tell them apart and set the ceiling for any prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.correlate import ranks
from cooc.evidence.permute import CLOSE, Array, Scheme, arrangements
from cooc.evidence.read import Row
from cooc.evidence.shape import UNTRAINED
from cooc.query.results import Provenance, Result

SUPPORTED, CONTRADICTED, UNDECIDABLE = "supported", "contradicted", "undecidable"
FEWEST = 4
"""Over fewer behaviours a correlation of two models is no number to show."""
TASK = ("experiment", "condition", "seeds", "target", "unit", "key", "metric")


@dataclass(frozen=True, eq=False, repr=False)
class Models(Result):
    """A row for each model left out: cells, r (of its outcomes with the others' mean), skill of that prediction."""

    shared: Row
    """Shares of the variance between cells (shared, own, noise, own_and_noise), ceiling, p, verdict, because."""

    label = "model"

    def _plotted(self) -> str:
        return "r"

    def text(self) -> str:
        """The verdict in words, and the models left out."""
        from cooc.query.layout import text_table

        held = self.shared
        words = f"what {held['models']} models share of {held['behaviours']} behaviours: {held['verdict'].upper()}."
        decide = f" What would decide: {held['would_decide']}." if held["would_decide"] else ""
        columns = {name: [row[name] for row in self.rows()] for name in self.columns}
        return f"{words} {held['because']}.{decide}\n{text_table(columns)}"

    def __repr__(self) -> str:
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """Rows, the shared part and provenance, ready for JSON."""
        return {**super().to_dict(), "shared": dict(self.shared)}


def across_models(
    outcomes: Any, *, task: Sequence[str] = TASK, noise: float | None = None, alpha: float = 0.05, draws: int = 9_999,
    seed: int = 0,
) -> Models:  # fmt: skip
    """How much of the outcomes do models share, and is a left-out model predicted by the others?

    task    columns that say what is one behaviour; models are compared over those that every one of them has
    noise   the standard deviation of one outcome between training seeds; None: from repeats, intervals or counts

    p: behaviours change places within each model, all models but one. Raises UsageError with fewer than two models or
    two behaviours in common.
    """
    from cooc.evidence.bridge import given_outcomes

    observed = given_outcomes(outcomes)
    trained = [row for row in observed.rows() if str(row["seeds"]).lower() not in UNTRAINED]
    models, tasks, table, error = _table(trained, task)
    error = noise * noise if noise is not None else error
    found = _shares(table, error)
    found |= _agreement(table, draws, seed)
    found |= {"models": len(models), "behaviours": len(tasks), **_verdict(found, alpha)}
    rows = [_left_out(table, k) for k in range(len(models))]
    columns = {"model": models, **{name: [row[name] for row in rows] for name in rows[0]}}
    parameters = {"task": list(task), "noise": noise, "alpha": alpha, "seed": seed}
    source = observed.provenance
    return Models(columns, Provenance("across_models", source.index, source.digest, parameters=parameters), found)


def _table(rows: Sequence[Row], task: Sequence[str]) -> tuple[list[str], list[tuple[Any, ...]], Array, float | None]:
    """Models, behaviours that all have, the mean outcome of each (behaviours × models), and a cell mean's variance."""
    cells: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cells[tuple(row.get(name) for name in task)][str(row["model"])].append(row)
    models = sorted({model for cell in cells.values() for model in cell})
    tasks = [name for name, cell in cells.items() if len(cell) == len(models)]
    if len(models) < 2 or len(tasks) < 2:
        raise UsageError(
            f"{len(models)} models have {len(tasks)} behaviours in common; expected two of each. Behaviours are equal "
            f"in {', '.join(task)}: fewer columns make more of them equal, and so does one experiment alone"
        )
    table = np.array([[np.mean([row["value"] for row in cells[name][m]]) for m in models] for name in tasks])
    errors = [_variance(cells[name][m]) for name in tasks for m in models]
    known = [each for each in errors if each is not None]
    return models, tasks, table, float(np.mean(known)) if len(known) == len(errors) else None


def _variance(rows: Sequence[Row]) -> float | None:
    """Of a cell's mean: from repeats, else from its interval, else from its counts."""
    if len(rows) > 1:
        return float(np.var([row["value"] for row in rows], ddof=1) / len(rows))
    row = rows[0]
    if row["low"] is not None and row["high"] is not None:
        return float(((row["high"] - row["low"]) / 3.92) ** 2)
    if row["n"]:
        return float(row["value"] * (1 - row["value"]) / row["n"])
    return None


def _shares(table: Array, error: float | None) -> Row:
    """Variance components of two ways with one value a cell (Searle, Casella & McCulloch 1992), less than 0 as 0."""
    tasks, models = table.shape
    means, grand = table.mean(axis=1), table.mean()
    rest = table - means[:, None] - table.mean(axis=0)[None, :] + grand
    within = float((rest**2).sum() / ((tasks - 1) * (models - 1)))
    between = max(0.0, float(((means - grand) ** 2).sum() / (tasks - 1)) - within / models)
    total = between + within
    if total <= 0:
        return dict.fromkeys(("shared", "own_and_noise", "own", "noise", "ceiling"))
    noise = None if error is None else min(error, within) / total
    return {
        "shared": between / total, "own_and_noise": within / total,
        "own": None if noise is None else within / total - noise, "noise": noise,
        "ceiling": None if noise is None else 1 - noise,
    }  # fmt: skip


def _agreement(table: Array, draws: int, seed: int) -> Row:
    """Kendall's W as the sum of squares of the behaviours' rank sums, with its permutation p."""
    ranked = ranks(table.T).T
    tasks, models = ranked.shape
    scheme = Scheme(np.repeat(np.arange(models - 1), tasks))
    orders, exact = arrangements(scheme, draws=draws, seed=seed)
    moved = ranked[:, 1:].T.ravel()[orders].reshape(len(orders), models - 1, tasks).sum(axis=1) + ranked[:, 0]
    spread = moved.var(axis=1)
    full = (models * np.arange(1, tasks + 1)).var()
    p = float(np.mean(spread >= spread[0] - CLOSE))
    least = float(np.mean(spread >= spread.max() - CLOSE)) if exact else 1 / scheme.size()
    return {"w": float(spread[0] / full), "p": p, "least_p": max(least, 1 / len(orders))}


def _left_out(table: Array, k: int) -> Row:
    """The model against the mean of the others; skill is against predicting its own mean."""
    others, own = np.delete(table, k, axis=1).mean(axis=1), table[:, k]
    some = len(own) >= FEWEST and others.std() > 0 and own.std() > 0
    error = ((own - others) ** 2).sum()
    return {
        "behaviours": len(own), "r": float(np.corrcoef(others, own)[0, 1]) if some else None,
        "skill": float(1 - error / ((own - own.mean()) ** 2).sum()) if own.std() > 0 else None,
        "mean": float(own.mean()), "mean_others": float(others.mean()),
    }  # fmt: skip


def _verdict(found: Row, alpha: float) -> Row:
    shared = found["shared"]
    if shared is None:
        return {"verdict": UNDECIDABLE, "because": "outcomes do not vary", "would_decide": "outcomes that do"}
    ceiling = "" if found["ceiling"] is None else f", of at most {found['ceiling']:.0%} that seeds leave to explain"
    says = f"models share {shared:.0%} of the variance of behaviours{ceiling}"
    says = f"{says}; W = {found['w']:.2f}, p = {found['p']:.2g}".replace("%", " %")
    more = "more behaviours measured in every model, with several training seeds each"
    if found["least_p"] > alpha:
        return {"verdict": UNDECIDABLE, "because": f"{says}; the least p attainable is {found['least_p']:.2g}",
                "would_decide": more}  # fmt: skip
    if found["p"] <= alpha:
        return {"verdict": SUPPORTED, "because": f"associations transfer: {says}", "would_decide": ""}
    return {"verdict": UNDECIDABLE, "because": says, "would_decide": more}
