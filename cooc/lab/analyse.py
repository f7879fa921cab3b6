"""What the outcomes of an experiment say, from its tables of figures alone: held to what was registered before."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.bridge import Bridge, bridge
from cooc.evidence.outcomes import Outcomes, outcomes
from cooc.evidence.read import Row, read_rows
from cooc.evidence.register import read_registration

STATISTIC = "generation"
"""The outcome that decides: what the model says in texts of its own. The other is told beside it."""
GROUP = ("pool", "target")
RIVALS = ("log_frequency", "words", "characters", "spelling", "base_logp")
ALL_RIVALS = (*RIVALS, "similarity", "in_context")
"""With what the base model itself knows of set and target, which may be how density works rather than its rival."""
BESIDE = 999
"""Permutations for questions that were not registered."""
REGISTERED, ALSO = "registration.json", "registration_model.json"
TABLES = ("outcomes.jsonl", "densities.jsonl", "failures.jsonl", REGISTERED, ALSO, "learned.json")
"""The files that an analysis needs; none holds a word of a corpus."""


class Analysis(NamedTuple):
    """Everything that is reported about an experiment."""

    name: str
    decided: Bridge
    """Density and movement over the corpus' rivals, as registered."""
    also: Bridge
    """The same over the model's rivals too, as registered."""
    others: list[Row]
    """Not registered, and told as such: the other metric, single targets, every set towards every target."""
    doses: list[Row]
    """Of each target and dose (or arm): sets, mean movement and its interval."""
    noise: list[Row]
    """Of each metric: deviation between training seeds of one set, between sets of one block, and reliability."""
    moved: list[Row]
    """Of each target: mean movement of the sets made for it, and of all others."""
    learned: Row
    """Held-out loss of the base model, and of counts."""
    failed: list[Row]
    """Runs that gave no outcome."""
    runs: int

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self._asdict(), "decided": self.decided.to_dict(), "also": self.also.to_dict()}


def analyse_lab(folder: Path, *, draws: int = 9_999) -> Analysis:
    """Analyse the tables in a directory, as registered there.

    Raises UsageError where one is missing, and SourceError where one was edited or can't be read.
    """
    for name in TABLES:
        if not (folder / name).is_file():
            raise UsageError(f"{folder}: no {name}; an experiment's tables are {', '.join(TABLES)}")
    rows = [row for _, row in read_rows(folder / "outcomes.jsonl")]
    densities = [row for _, row in read_rows(folder / "densities.jsonl")]
    failed = [] if not (folder / "failures.jsonl").stat().st_size else [
        row for _, row in read_rows(folder / "failures.jsonl")
    ]  # fmt: skip
    name = read_registration(folder / REGISTERED)["experiments"][0]
    own = [row for row in rows if row["designed"] and row["metric"] == STATISTIC]
    made = [row for row in densities if row["designed"]]
    decided, also = (_registered(own, made, folder / each, draws) for each in (REGISTERED, ALSO))
    return Analysis(
        name, decided, also, _others(rows, densities, draws), _doses(own), _noise(rows), _moved(rows),
        json.loads((folder / "learned.json").read_text("utf-8")), failed,
        len({(row["seeds"], row["seed"]) for row in rows}),
    )  # fmt: skip


def _registered(rows: Sequence[Row], densities: Sequence[Row], registration: Path, draws: int) -> Bridge:
    """The bridge with the parameters that were registered."""
    held = read_registration(registration)
    return bridge(
        outcomes(rows), list(densities), rivals=held["rivals"], group=held["group"], experiments=held["experiments"],
        statistic=held["statistic"], alpha=held["alpha"], effect=held["effect"], seed=held["seed"], draws=draws,
        registration=registration,
    )  # fmt: skip


def _others(rows: Sequence[Row], densities: Sequence[Row], draws: int) -> list[Row]:
    """Further questions; each keeps the corpus' rivals."""
    found = []
    for metric in ("generation", "probability"):
        some = [row for row in rows if row["metric"] == metric]
        if metric != STATISTIC:
            found.append(_asked(f"{metric}, sets towards what they were made for", some, densities, draws, made=True))
        for target in dict.fromkeys(row["target"] for row in densities):
            of = [row for row in some if row["target"] == target]
            found.append(_asked(f"{metric}, sets made for {target}", of, densities, draws, made=True))
        found.append(_asked(f"{metric}, every set towards every target", some, densities, draws, made=False))
    if any(row.get("dose") is not None for row in densities):
        own = [row for row in rows if row["metric"] == STATISTIC]
        found.append(_asked("dose planted", own, densities, draws, made=True, density="dose"))
    return [row for row in found if row]


def _asked(
    question: str, rows: Sequence[Row], densities: Sequence[Row], draws: int, *, made: bool, density: str = "density"
) -> Row:
    names = {row["target"] for row in densities}
    rows = [row for row in rows if row["target"] in names and (row["designed"] or not made)]
    some = [row for row in densities if row["designed"] or not made]
    if len(rows) < 3:
        return {}
    result = bridge(outcomes(rows), some, rivals=RIVALS, group=GROUP, density=density, draws=min(draws, BESIDE))
    kept = ("units", "value", "low", "high", "p", "partial", "partial_low", "partial_high", "partial_p")
    row = result.rows()[0]
    return {"question": question, **{key: row[key] for key in kept}}


def _doses(rows: Sequence[Row]) -> list[Row]:
    """Mean movement of sets, by target and arm; the interval is Student's t over sets."""
    from scipy.stats import t

    sets: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        sets[row["target"], str(row["arm"])][row["seeds"]].append(float(row["value"]))
    found = []
    for (target, arm), held in sets.items():
        means = np.array([np.mean(values) for values in held.values()])
        n = len(means)
        reach = float(t.ppf(0.975, n - 1) * means.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        mean = float(means.mean())
        found.append({"target": target, "arm": arm, "sets": n, "mean": mean, "low": mean - reach, "high": mean + reach})
    return sorted(found, key=lambda row: (row["target"], _place(row["arm"])))


def _place(arm: str) -> tuple[float, str]:
    """Arms in order: doses as numbers, the names of `design` as it has them."""
    named = {"low": 0.0, "middle": 1.0, "high": 2.0}
    try:
        return named.get(arm) or float(0 if arm in named else arm), arm
    except ValueError:
        return 0.0, arm


def _noise(rows: Sequence[Row]) -> list[Row]:
    """Pooled deviations: between training seeds inside a set, and between sets inside a pool and target."""
    found = []
    for metric in dict.fromkeys(row["metric"] for row in rows):
        inside: dict[tuple[str, str], list[float]] = defaultdict(list)
        blocks: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for row in rows:
            if row["metric"] == metric and row["designed"]:
                inside[row["seeds"], row["target"]].append(float(row["value"]))
                blocks[row["pool"], row["target"]].setdefault(row["seeds"], float(row["value"]))
        seeds = _pooled([values for values in inside.values() if len(values) > 1])
        sets = _pooled([list(held.values()) for held in blocks.values() if len(held) > 1])
        reliability = None if not seeds or not sets else max(0.0, 1 - (seeds / sets) ** 2)
        found.append({"metric": metric, "repeated": sum(len(values) > 1 for values in inside.values()),
                      "between_seeds": seeds, "between_sets": sets, "reliability": reliability})  # fmt: skip
    return found


def _pooled(groups: Sequence[Sequence[float]]) -> float | None:
    """The root of the mean variance inside groups, weighted by degrees of freedom."""
    free = sum(len(values) - 1 for values in groups)
    return float(np.sqrt(sum(np.var(values) * len(values) for values in groups) / free)) if free else None


def _moved(rows: Sequence[Row]) -> list[Row]:
    """Mean movement towards each lexicon, of the sets made for it and of all others."""
    found = []
    for metric in dict.fromkeys(row["metric"] for row in rows):
        for target in dict.fromkeys(row["target"] for row in rows):
            some = [row for row in rows if (row["metric"], row["target"]) == (metric, target)]
            own, rest = ([row["value"] for row in some if row["designed"] is kept] for kept in (True, False))
            found.append({"metric": metric, "target": target, "made_for_it": _mean(own), "others": _mean(rest),
                          "deviation": float(np.std([row["value"] for row in some]))})  # fmt: skip
    return found


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def observed(folder: Path) -> Outcomes:
    """The outcomes of an experiment, of all metrics and targets, as `bridge` takes them."""
    return outcomes([row for _, row in read_rows(folder / "outcomes.jsonl")])
