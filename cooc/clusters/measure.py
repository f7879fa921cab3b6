"""From counts to densities: the numbers of one window and one slice, for all targets at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.doses import Phrases, Reading, group_of, read_doses
from cooc.clusters.matched import Pool, draw_sets, pool_of
from cooc.clusters.pooled import Level, draw_priors, levels_of, table_of
from cooc.clusters.resample import Prior, Rows, draw_lifts
from cooc.clusters.shrink import Beta, Shrunk, clumping, fit_beta, shrink, weights
from cooc.index.reader import Index
from cooc.query.slices import Slice

Array = NDArray[Any]
Progress = Callable[[str, int, int], None]

ROUND = 0.5
"""Bits: a set's level is rounded so when it is asked how alike the contexts of one document are."""


class Question(NamedTuple):
    """What is asked of an index; phrases are term ids, none for a phrase with an unknown word."""

    seeds: Phrases
    targets: Sequence[Phrases]
    null: int
    seed: int
    draws: int
    confidence: float


class Drawn(NamedTuple):
    """The candidates of a question in one slice, and the sets drawn from them."""

    pool: Pool
    found: Array
    """Seeds that occur, ascending."""
    sets: Array
    """int64 (null, found seeds): candidates."""
    gap: float
    """|log2| of a candidate's occurrences over its seed's, on average."""


class Measured(NamedTuple):
    """One target in one window."""

    share: float
    """Of the target among the tokens of the text."""
    density: float
    low: float
    high: float
    draws: Array
    """(draws): the density in each, about the density."""
    null: Array
    """(null): the densities of matched sets."""
    terms: Shrunk
    """Of every seed, shrunk to the corpus."""
    effective: Array
    """Effective contexts of every seed."""
    prior: Beta
    clumping: float


def candidates_of(index: Index, asked: Question, where: Slice | None) -> tuple[Pool, Array]:
    """Candidates to match the seeds with, and how often each seed occurs by itself."""
    counted = read_doses(index, asked.seeds, [], window=0, where=where, mask=asked.seeds, rows_of=0)
    occurrences = counted.sums.occurrences
    exclude = [*asked.seeds, *(phrase for target in asked.targets for phrase in target)]
    found = np.flatnonzero(occurrences > 0)
    pool = pool_of(
        index, [asked.seeds[k] for k in found.tolist()], occurrences[found], seed=asked.seed, exclude=exclude,
        where=where,
    )  # fmt: skip
    return pool, occurrences


def read_all(
    index: Index, asked: Question, pool: Pool, *, window: int | None, where: Slice | None, progress: Progress | None
) -> Reading:
    """The doses of seeds and candidates: rows of the seeds, sums of all, the seeds taken out of the text."""
    return read_doses(
        index, [*asked.seeds, *pool.phrases], asked.targets, window=window, where=where, mask=asked.seeds,
        rows_of=len(asked.seeds), progress=progress,
    )  # fmt: skip


def drawn_of(asked: Question, pool: Pool, reading: Reading) -> Drawn:
    """The matched sets, drawn by the occurrences that were counted."""
    seeds, occurrences = len(asked.seeds), reading.sums.occurrences
    found = np.flatnonzero(occurrences[:seeds] > 0)
    lengths = np.array([len(asked.seeds[k]) for k in found.tolist()], np.int64)
    sets, gaps = draw_sets(
        (lengths, occurrences[found]), (pool.words, occurrences[seeds:]), sets=asked.null, seed=asked.seed
    )
    return Drawn(pool, found, sets, float(np.nanmean(gaps)) if np.isfinite(gaps).any() else float("nan"))


def measured(index: Index, asked: Question, drawn: Drawn, reading: Reading) -> list[Measured]:
    """Each target's numbers. All NaN where no seed occurs or the target never does."""
    corpus = reading.corpus.sum(axis=0)
    shares = corpus[1:] / max(int(corpus[0]), 1)
    parts = [_levels(reading, target, drawn, share) for target, share in enumerate(shares.tolist())]
    usable = [target for target, part in enumerate(parts) if part is not None]
    lifts = np.full((len(parts), asked.draws), np.nan)
    if usable:
        lifts[usable] = _resampled(index, asked, drawn, reading, [(target, parts[target]) for target in usable])
    return [_measured(asked, reading, target, part, lifts[target]) for target, part in enumerate(parts)]


class _Part(NamedTuple):
    share: float
    clumping: float
    weights: Array
    level: Level
    """Of the seeds."""
    null: Array


def _levels(reading: Reading, target: int, drawn: Drawn, share: float) -> _Part | None:
    """The densities of the seeds and of the drawn sets."""
    if share == 0 or not len(drawn.found):
        return None
    sums, seeds = reading.sums, len(reading.sums.contexts) - len(drawn.pool.phrases)
    hits, contexts, squared = sums.hits[:, target], sums.contexts, sums.contexts_squared
    background = (contexts[seeds:], hits[seeds:], squared[seeds:], sums.hits_squared[seeds:, target])
    v = clumping(background)
    sets = np.concatenate([drawn.found[None, :], np.where(drawn.sets >= 0, drawn.sets + seeds, -1)])

    def at(level: float, rows: Array) -> Level:
        """The sets of these rows, with the effective counts of contexts with such a lift."""
        used, place = np.unique(sets[rows], return_inverse=True)
        weight = weights(contexts[used], squared[used], v, share * 2**level)
        table = table_of(hits[used] * weight, contexts[used] * weight, share)
        return levels_of(table, np.where(sets[rows] >= 0, place.reshape(len(rows), -1), -1))

    first = at(0.0, np.arange(len(sets)))
    rounded = np.round(first.density / ROUND) * ROUND
    density, own = first.density.copy(), Level(first.density[:1], first.weights[:1])
    for level in sorted(set(rounded[np.isfinite(rounded)].tolist()) - {0.0}):
        rows = np.flatnonzero(rounded == level)
        found = at(level, rows)
        density[rows] = found.density
        own = Level(found.density[:1], found.weights[:1]) if rows[0] == 0 else own
    weight = weights(contexts, squared, v, share * 2 ** float(rounded[0]))
    return _Part(share, v, weight, own, density[1:])


def _resampled(
    index: Index, asked: Question, drawn: Drawn, reading: Reading, parts: list[tuple[int, Any]]
) -> Array:
    """The mean lift of the seeds in each draw of documents, about the density, for the targets in `parts`."""
    doses, targets = reading.doses, [target for target, _ in parts]
    groups = group_of(doses.document, index.manifest.documents)
    place = np.searchsorted(drawn.found, doses.term)
    rows = Rows(place, groups, doses.contexts, doses.hits[:, targets])
    priors = []
    for target, part in parts:
        random = np.random.default_rng([asked.seed, 5, target])
        priors.append(Prior(part.weights[drawn.found], *draw_priors(part.level, part.share, asked.draws, random)))
    corpus = reading.corpus[:, [0, *(1 + target for target in targets)]]
    lifts = draw_lifts(rows, corpus, priors, len(drawn.found), draws=asked.draws, seed=asked.seed)
    centres = np.array([part.level.density[0] for _, part in parts])
    return np.asarray(lifts - lifts.mean(axis=1, keepdims=True) + centres[:, None])


def _measured(asked: Question, reading: Reading, target: int, part: _Part | None, lifts: Array) -> Measured:
    nan = float("nan")
    seeds = len(asked.seeds)
    if part is None:
        none = np.full(seeds, nan)
        return Measured(
            0.0, nan, nan, nan, lifts, np.zeros(0), Shrunk(none, none, none), none, Beta(nan, nan), nan
        )  # fmt: skip
    hits, contexts = reading.sums.hits[:, target], reading.sums.contexts
    flat = weights(contexts[seeds:], reading.sums.contexts_squared[seeds:], part.clumping, part.share)
    prior = fit_beta(hits[seeds:] * flat, contexts[seeds:] * flat, part.share)
    weight = part.weights[:seeds]
    terms = shrink(
        hits[:seeds] * weight, contexts[:seeds] * weight, prior, share=part.share, confidence=asked.confidence
    )
    tail = (1 - asked.confidence) / 2
    low, high = np.quantile(lifts, [tail, 1 - tail]).tolist()
    density = float(part.level.density[0])
    return Measured(
        part.share, density, low, high, lifts, part.null, terms, contexts[:seeds] * weight, prior, part.clumping
    )  # fmt: skip
