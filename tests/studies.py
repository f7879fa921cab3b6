"""Studies with a known truth: outcomes and densities as files would hold them, drawn from a stated model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Row = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """How a study came to be: logit(outcome) = effect·density + frequency·log_frequency + groups + noise."""

    units: int = 30
    effect: float = 0.0
    """Of one standard deviation of density, on the logit."""
    frequency: float = 0.0
    """Of one standard deviation of log frequency, on the logit."""
    confound: float = 0.0
    """Correlation of density and log frequency."""
    unit_noise: float = 1.0
    questions: int = 1
    question_noise: float = 1.0
    models: int = 1
    model_noise: float = 1.0
    row_noise: float = 0.5
    lists: int = 1
    """Blocks of units, that differ in density and in outcome for reasons of their own."""
    list_noise: float = 0.0


def study(truth: Truth, seed: int) -> tuple[list[Row], list[Row]]:
    """Outcome rows and density rows: a term set a unit, several questions and models each, lists as experiments."""
    rng = np.random.default_rng(seed)
    of_list = np.arange(truth.units) % truth.lists
    frequency = rng.normal(size=truth.units)
    rest = np.sqrt(1 - truth.confound**2)
    density = truth.confound * frequency + rest * rng.normal(size=truth.units)
    level = (truth.effect * density + truth.frequency * frequency + truth.unit_noise * rng.normal(size=truth.units)
             + truth.list_noise * rng.normal(size=truth.lists)[of_list])  # fmt: skip
    density = density + truth.list_noise * rng.normal(size=truth.lists)[of_list]
    asked = truth.question_noise * rng.normal(size=truth.questions)
    model = truth.model_noise * rng.normal(size=truth.models)
    outcomes = [
        {"experiment": f"list {of_list[u]}", "seeds": f"set {u}", "model": f"model {m}", "unit": "question",
         "key": f"question {q}",
         "value": float(1 / (1 + np.exp(-(level[u] + asked[q] + model[m] + truth.row_noise * rng.normal()))))}
        for u in range(truth.units) for q in range(truth.questions) for m in range(truth.models)
    ]  # fmt: skip
    densities = [
        {"seeds": f"set {u}", "target": "target", "density": float(density[u]), "log_frequency": float(frequency[u])}
        for u in range(truth.units)
    ]
    return outcomes, densities


def smooth(n: int, memory: float, rng: np.random.Generator) -> Any:
    """A series in which each value keeps so much of the one before (autoregressive, stationary)."""
    values = np.empty(n)
    values[0] = rng.normal()
    for k in range(1, n):
        values[k] = memory * values[k - 1] + np.sqrt(1 - memory**2) * rng.normal()
    return values


def years(n: int, memory: float, seed: int, *, effect: float = 0.0, kernel: float = 0.0) -> tuple[list[Row], list[Row]]:
    """Outcomes and densities of years 1981, …: both smooth, and both with a part of the distance from 1984."""
    rng = np.random.default_rng(seed)
    near = np.exp(-np.abs(np.arange(n) - 3) / 4)
    near = (near - near.mean()) / near.std()
    density = smooth(n, memory, rng) + kernel * near
    level = smooth(n, memory, rng) + kernel * near + effect * density
    outcomes = [
        {"experiment": "years", "seeds": "films", "unit": "eval_year", "key": 1981 + k,
         "value": float(1 / (1 + np.exp(-level[k])))}
        for k in range(n)
    ]  # fmt: skip
    return outcomes, [{"term": 1981 + k, "density": float(density[k])} for k in range(n)]


def item_lists(
    seed: int, *, step: float = 0.0, shift: float = 1.0, lean: float = 0.0, size: int = 60, share: float = 0.002
) -> list[Row]:
    """Items of the lists a, b, c, with contexts and hits: from list to list rarer by `shift` octaves and with a share
    larger by `step`, shares varying between items (exponential), and falling with frequency by `lean` / 2 an octave.

    `density` is the lift of the hits shrunk to the corpus' share of ten times the lists', as towards a foreign target.
    """
    rng, rows = np.random.default_rng(seed), []
    for place in range(3):
        logs = np.maximum(rng.normal(9 - shift * place, 2, size=size), 1)
        contexts = np.round(2**logs).astype(int)
        means = contexts * share * 2 ** (step * place - lean * (logs - 9) / 2) * rng.exponential(size=size)
        for k, (n, hits) in enumerate(zip(contexts.tolist(), rng.poisson(means).tolist(), strict=True)):
            lift = float(np.log2((1 + hits) / (1 / (10 * share) + n) / (10 * share)))
            rows.append({"seeds": "abc"[place], "term": f"{place} {k}", "contexts": n, "hits": hits, "density": lift})
    return rows
