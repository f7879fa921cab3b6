"""What density adds out of sample: predict the outcomes of a group that was left out, with rivals and with density."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cooc.evidence.correlate import standard
from cooc.evidence.mixed import fit, logistic
from cooc.evidence.permute import Array

FEWEST = 4
"""With fewer groups, leaving one out leaves nothing to learn from."""


class Increment(NamedTuple):
    """Skill is 1 - squared error / squared error of the training mean, over groups left out one by one."""

    groups: int
    skill_rivals: float | None
    skill: float | None
    better: int
    predicted: Array
    """Of each unit, from the fit without its group, with density."""

    @property
    def value(self) -> float | None:
        """The skill that density adds to the rivals."""
        if self.skill is None or self.skill_rivals is None:
            return None
        return self.skill - self.skill_rivals


def increment(
    density: Array, outcome: Array, left: Array, *, rivals: Array | None = None, proportion: bool = True
) -> Increment:
    """Leave out each level of `left` (units), fit the others, predict it; a logistic mean for proportions."""
    levels = np.unique(left)
    rest = np.zeros((len(outcome), 0)) if rivals is None else standard(rivals)
    columns = np.column_stack([np.ones(len(outcome)), rest, standard(density[:, None])])
    if len(levels) < FEWEST or len(outcome) - columns.shape[1] < 2:
        return Increment(len(levels), None, None, 0, np.full(len(outcome), np.nan))
    parts = (columns[:, :1], columns[:, :-1], columns)
    base, small, full = (_left_out(part, outcome, left, proportion) for part in parts)
    errors = [(outcome - each) ** 2 for each in (base, small, full)]
    total = errors[0].sum()
    if total <= 0:
        return Increment(len(levels), None, None, 0, full)
    better = sum(bool(errors[2][left == level].sum() < errors[1][left == level].sum()) for level in levels)
    return Increment(len(levels), float(1 - errors[1].sum() / total), float(1 - errors[2].sum() / total), better, full)


def _left_out(columns: Array, outcome: Array, left: Array, proportion: bool) -> Array:
    predicted = np.empty(len(outcome))
    for level in np.unique(left):
        out = left == level
        predicted[out] = _predict(columns[~out], outcome[~out], columns[out], proportion)
    return predicted


def _predict(columns: Array, outcome: Array, new: Array, proportion: bool) -> Array:
    beta = fit(columns, outcome) if proportion else None
    if beta is not None:
        return logistic(new @ beta)
    beta = np.linalg.lstsq(columns, outcome, rcond=None)[0]
    predicted = np.asarray(new @ beta)
    return np.clip(predicted, 0, 1) if proportion else predicted
