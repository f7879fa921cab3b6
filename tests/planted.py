"""Synthetic corpora of which the truth is known: what stands around each seed was planted there.

A corpus is documents of `length` tokens. Most tokens are filler words, the k-th with a chance of 1/(k + 3). Any token
is a word of the target with the chance `share` times its document's own level, Gamma-distributed with mean 1 and the
squared coefficient of variation `clumping`: documents differ, and contexts of one document are alike. Seeds stand in
the middle of slots of 2·REACH + 1 tokens, at most one in a slot, so that no window meets another's or a document's end.
Around seed i the chance of the target is 2^lifts[i] times what it would be.

The truth that a density should find is `Planted.density`: the mean of the lifts, less log2 of how much more of the
target the whole corpus has through the planting.

Filler words have lift 0 and every frequency: matched sets are drawn from them. `plain_seeds` makes seeds of such words,
for the case that nothing was planted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters import doses
from cooc.clusters.matched import Pool
from cooc.clusters.measure import Measured, Question, drawn_of, measured
from cooc.kernels.doses import add_documents, add_doses

Array = NDArray[np.int64]
REACH = 10
SLOT = 2 * REACH + 1
TARGETS = 8


class Plan(NamedTuple):
    """What is planted."""

    seeds: int = 20
    level: float = 1.5
    """Mean lift of the seeds, in bits."""
    spread: float = 1.0
    """Standard deviation of the lifts."""
    share: float = 0.02
    clumping: float = 0.5
    occurrences: float = 20
    """Median of the seeds' occurrences, which are log-normal with a deviation of `unequal` (natural logarithm)."""
    unequal: float = 1.0
    together: int = 2
    """Occurrences of a seed in a document that has it, on average."""
    documents: int = 200
    length: int = 30 * SLOT
    filler: int = 400


class Planted(NamedTuple):
    """Documents as numbers: target words first, then seeds, then filler."""

    ids: NDArray[np.uint32]
    starts: Array
    plan: Plan
    lifts: NDArray[np.float64]
    """Of each seed, over the corpus; those that occur."""
    density: float

    @property
    def targets(self) -> list[list[int]]:
        return [[word] for word in range(TARGETS)]

    @property
    def seeds(self) -> list[list[int]]:
        return [[TARGETS + seed] for seed in range(self.plan.seeds)]

    @property
    def filler(self) -> list[tuple[int, ...]]:
        first = TARGETS + self.plan.seeds
        return [(first + word,) for word in range(self.plan.filler)]

    def documents(self) -> list[list[str]]:
        """The same as words, for an index: t0 …, s0 …, f0 …"""
        names = [*(f"t{k}" for k in range(TARGETS)), *(f"s{k}" for k in range(self.plan.seeds)),
                 *(f"f{k}" for k in range(self.plan.filler))]  # fmt: skip
        words = [names[k] for k in self.ids.tolist()]
        return [words[a:b] for a, b in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)]


USUAL = Plan()


def plant(seed: int, plan: Plan = USUAL) -> Planted:
    """A corpus; the same for the same seed and plan."""
    random = np.random.default_rng(seed)
    shape = plan.documents, plan.length // SLOT
    of = _placed(random, plan, shape)
    raw = random.normal(plan.level, plan.spread, plan.seeds)
    factor = np.where(of >= 0, 2.0 ** raw[np.maximum(of, 0)], 1.0)
    level = random.gamma(1 / plan.clumping, plan.clumping, plan.documents) if plan.clumping else np.ones(shape[0])
    chance = np.minimum(plan.share * factor * level[:, None], 1.0)
    tokens = (*shape, SLOT)
    is_target = random.random(tokens) < chance[..., None]
    zipf = 1 / (3 + np.arange(plan.filler))
    words = TARGETS + plan.seeds + random.choice(plan.filler, tokens, p=zipf / zipf.sum())
    ids = np.where(is_target, random.integers(0, TARGETS, tokens), words)
    ids[..., REACH] = np.where(of >= 0, TARGETS + of, ids[..., REACH])
    occurring = np.unique(of[of >= 0])
    # of the text without the seeds, as if all documents had the level 1: what the densities are over
    weights = np.where(of >= 0, SLOT - 1, SLOT)
    more = float((factor * weights).sum() / weights.sum())
    lifts = raw[occurring] - np.log2(more)
    starts = np.arange(plan.documents + 1, dtype=np.int64) * (shape[1] * SLOT)
    return Planted(ids.reshape(-1).astype(np.uint32), starts, plan, lifts, float(lifts.mean()))


def _placed(random: np.random.Generator, plan: Plan, shape: tuple[int, int]) -> Array:
    """Which seed stands in each slot, -1 for none."""
    of = np.full(shape, -1, np.int64)
    wanted = np.exp(random.normal(np.log(plan.occurrences), plan.unequal, plan.seeds)).round().astype(int)
    for seed, occurrences in enumerate(np.maximum(wanted, 1).tolist()):
        documents = random.integers(0, shape[0], max(1, round(occurrences / plan.together)))
        for document in random.choice(documents, occurrences).tolist():
            free = np.flatnonzero(of[document] < 0)
            if len(free):
                of[document, random.choice(free)] = seed
    return of


def plain_seeds(seed: int, planted: Planted, count: int) -> list[list[int]]:
    """Seeds of the filler, about which nothing was planted, of all frequencies."""
    chosen = np.random.default_rng([seed, 9]).choice(planted.plan.filler, count, replace=False)
    return [[TARGETS + planted.plan.seeds + int(word)] for word in chosen]


class Corpus:
    """As much of an index as the measure asks for."""

    def __init__(self, documents: int) -> None:
        self.manifest = self
        self.documents = documents


def density_of(
    planted: Planted, *, seeds: Sequence[Sequence[int]] | None = None, null: int = 0, seed: int = 0, draws: int = 300
) -> Measured:
    """The density of the seeds towards the target, by the same code as an index is asked, without one on disk."""
    asked_seeds = planted.seeds if seeds is None else [list(each) for each in seeds]
    out = {tuple(each) for each in asked_seeds}
    pool = [phrase for phrase in planted.filler if phrase not in out]
    asked = Question(asked_seeds, [planted.targets], null, seed, draws, 0.9)
    reading = _reading(planted, [*asked_seeds, *pool], asked)
    drawn = drawn_of(asked, Pool(pool, np.ones(len(pool), np.int64)), reading)
    return measured(Corpus(planted.plan.documents), asked, drawn, reading)[0]  # type: ignore[arg-type]


def _reading(planted: Planted, terms: Sequence[Sequence[int]], asked: Question) -> doses.Reading:
    parts, place_of = doses.parts_of(terms, [planted.targets], asked.seeds)
    rows, sums, _ = doses._rows(planted.ids, planted.starts, parts, REACH, 0)
    corpus = np.zeros((planted.plan.documents, 2), np.int64)
    add_documents(planted.starts, sums, np.arange(planted.plan.documents), corpus)
    totals = np.zeros((parts.terms, 3), np.int64), np.zeros((parts.terms, 2), np.int64), np.zeros((parts.terms, 2))
    add_doses(rows[0], rows[2], rows[3], *totals)
    own = rows[0] < len(asked.seeds)
    kept = tuple(column[own] for column in rows)
    by_term = doses._doses([kept], parts, place_of[: len(asked.seeds)])
    return doses.Reading(by_term, doses._sums(totals, place_of), corpus)
