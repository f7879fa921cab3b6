"""The mean lift of a set of terms, where many of them are so rare that no lift of theirs can be told.

The plain mean of lifts that were each shrunk towards the corpus would be drawn to zero by every rare term: a set of
two hundred names seen twice each would never be dense, whatever stands around them. So a set's mean is estimated with
the set's own level: lifts λ of its terms ~ Normal(μ, τ), the hits of term i ~ Poisson(contexts · share · 2^λ), with
contexts and hits in effective numbers (shrink.py); μ and τ are integrated out over a grid, μ with a wide prior about 0
(3 bits), log2 τ about 0 (1 octave). The density is the posterior mean of the λ, averaged over the terms: rare terms
stand for what their set shows, not for what the corpus does, and where nothing can be told at all it is 0.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.levels import FIRST, STEP, STEP_ROOT, add_terms, look_up

Array = NDArray[Any]

LEVELS = np.arange(-5, 10.001, 0.5)
SPREADS = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
LEVEL_PRIOR, SPREAD_PRIOR = 3.0, 1.0
FINER = 10
"""Levels are looked at in so many steps between two of `LEVELS`."""

MANY = 30.0
"""Effective hits from which on a term's likelihood is a normal one in its lift."""

EXPECTED = 2.0**-28, 2.0**22
"""Fewer expected hits are as good as none, more as good as so many where next to none were seen."""

BEYOND = 33.0
"""Bits that the grid's integrals reach beyond its places."""

SETS = 128
"""Sets whose posteriors are made together."""


class Level(NamedTuple):
    """What is known of sets."""

    density: Array
    """float64 (sets)."""
    weights: Array
    """float64 (sets, finer levels × spreads): the posterior of level and spread."""


def table_of(hits: Array, contexts: Array, share: float) -> Array:
    """What terms say by their effective counts, float32 (terms, levels, 2, spreads).

    For each level and spread: the logarithm of the term's marginal likelihood, but for a constant of the term, and its
    expected lift. A term without contexts says nothing about its set.
    """
    table = np.empty((len(hits), len(LEVELS), 2 * len(SPREADS)), np.float32)
    few, many = np.flatnonzero(hits < MANY), np.flatnonzero(hits >= MANY)
    _fill_few(few, hits[few], contexts[few] * share, table)
    if len(many):
        table[many] = _many(hits[many], contexts[many] * share)
    return table.reshape(len(hits), len(LEVELS), 2, len(SPREADS))


def _fill_few(terms: Array, hits: Array, expected: Array, table: Array) -> None:
    """By integrals over all lifts, which were made once for a grid of counts.

    With e = log2(expected), hits·λ − expected·2^λ is a function of hits and λ + e alone, but for a constant: so the
    integral over λ ~ Normal(μ, τ) is one over λ + e ~ Normal(μ + e, τ), whatever the expectation.
    """
    log = np.log2(np.clip(expected, *EXPECTED))
    look_up(terms, hits.astype(np.float64), LEVELS[0] + log, _grid(), table)
    table[terms, :, len(SPREADS) :] -= log.astype(np.float32)[:, None, None]


@cache
def _grid() -> Array:
    """The log integral and the mean of λ of x·λ·ln 2 − 2^λ, λ ~ Normal(place, spread): (√x, place, 2 · spread)."""
    roots = np.arange(0, np.sqrt(MANY) + 3 * STEP_ROOT, STEP_ROOT)
    places = np.arange(FIRST, -FIRST, STEP)
    beyond = round(BEYOND / STEP)
    lifts = np.arange(FIRST - BEYOND, -FIRST + BEYOND, STEP)
    log = roots[:, None] ** 2 * (lifts * np.log(2)) - 2.0**lifts
    found = np.empty((len(roots), len(places), 2, len(SPREADS)))
    for spread, deviation in enumerate(SPREADS.tolist()):
        stride = 1 if deviation < 1 else 2  # of 30 hits the likelihood is 0.26 bits wide
        reach = round(8 * deviation / STEP / stride)
        steps = stride * np.arange(-reach, reach + 1)
        bell = np.exp(-0.5 * (steps * STEP / deviation) ** 2)
        near = np.arange(len(places))[:, None] + steps + beyond
        for row, values in enumerate(log):
            here = values[near]
            best = here.max(axis=1, keepdims=True)  # of so many hits it rises without limit with the lift
            weights = np.exp(here - best) * (bell / bell.sum())
            whole = weights.sum(axis=1)
            found[row, :, 0, spread] = np.log(np.maximum(whole, 1e-300)) + best[:, 0]
            found[row, :, 1, spread] = (weights * lifts[near]).sum(axis=1) / whole
    return found.reshape(len(roots), len(places), -1)


def _many(hits: Array, expected: Array) -> Array:
    """By the normal law of ln θ, θ ~ Gamma(hits): mean ψ(hits), variance ψ′(hits)."""
    from scipy.special import polygamma, psi

    place = ((psi(hits) - np.log(expected)) / np.log(2))[:, None, None]
    variance = (polygamma(1, hits) / np.log(2) ** 2)[:, None, None]
    level, total = LEVELS[:, None], variance + SPREADS**2
    evidence = -0.5 * ((place - level) ** 2 / total + np.log(total))
    return np.concatenate([evidence, (place * SPREADS**2 + level * variance) / total], axis=2)


@cache
def _finer() -> tuple[Array, Array]:
    """The finer levels, and the cubic spline that takes values at `LEVELS` there, (finer, levels)."""
    from scipy.interpolate import CubicSpline

    levels = np.linspace(LEVELS[0], LEVELS[-1], (len(LEVELS) - 1) * FINER + 1)
    return levels, np.asarray(CubicSpline(LEVELS, np.eye(len(LEVELS)))(levels))


def levels_of(table: Array, drawn: Array) -> Level:
    """The density of sets: row s of `drawn` has the places of its terms in the table, -1 for none."""
    blocks = np.split(drawn, range(SETS, len(drawn), SETS))
    density, weights = zip(*(_levels_of(table, rows) for rows in blocks), strict=True)
    return Level(np.concatenate(density), np.concatenate(weights))


def _levels_of(table: Array, drawn: Array) -> tuple[Array, Array]:
    """Density and posterior of some sets."""
    levels, spline = _finer()
    sums = np.empty((len(drawn), table[0].size))
    add_terms(drawn, table.reshape(len(table), -1), sums)
    found = spline @ sums.reshape(len(drawn), len(LEVELS), -1)
    evidence, lifts = found[:, :, : len(SPREADS)], found[:, :, len(SPREADS) :]
    evidence -= 0.5 * (levels[:, None] / LEVEL_PRIOR) ** 2 + 0.5 * (np.log2(SPREADS) / SPREAD_PRIOR) ** 2
    weights = np.exp(evidence - evidence.max(axis=(1, 2), keepdims=True))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    terms = (drawn >= 0).sum(axis=1)
    density = np.where(terms > 0, (weights * lifts).sum(axis=(1, 2)) / np.maximum(terms, 1), np.nan)
    return density, weights.reshape(len(drawn), -1)


def draw_priors(level: Level, share: float, draws: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Gamma priors (shape, rate) of a term's share, as many as draws, from the posterior of the first set's level.

    A Gamma prior has the mean and spread of its logarithm that the drawn level and spread say; its shape counts as
    hits seen before.
    """
    from scipy.special import psi

    levels, _ = _finer()
    chosen = random.choice(level.weights.shape[1], draws, p=level.weights[0])
    place, spread = np.divmod(chosen, len(SPREADS))
    shape = _shapes()[spread]
    return shape, np.exp(psi(shape) - np.log(share) - levels[place] * np.log(2))


@cache
def _shapes() -> Array:
    """The shape of the Gamma law whose log2 has each of `SPREADS` as standard deviation."""
    from scipy.special import polygamma

    shapes = 2.0 ** np.arange(-6, 12, 0.01)
    spreads = np.sqrt(polygamma(1, shapes)) / np.log(2)
    return np.asarray(np.interp(-SPREADS, -spreads, shapes))
