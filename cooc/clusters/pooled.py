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

Array = NDArray[Any]

LIFTS = np.arange(-8, 13.001, 0.125)
LEVELS = np.arange(-5, 10.001, 0.5)
SPREADS = np.array([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
LEVEL_PRIOR, SPREAD_PRIOR = 3.0, 1.0
FINER = 10
"""Levels are looked at in so many steps between two of `LEVELS`."""

MANY = 30.0
"""Effective hits from which on a term's likelihood is a normal one in its lift, narrower than the steps of `LIFTS`."""

HELD = 2_048
"""Terms whose tables are made together: their likelihoods take a few MB."""


class Table(NamedTuple):
    """Of each term and each (level, spread): its log marginal likelihood, and its expected lift."""

    evidence: Array
    lifts: Array


class Level(NamedTuple):
    """What is known of sets."""

    density: Array
    """float64 (sets)."""
    weights: Array
    """float64 (sets, finer levels × spreads): the posterior of level and spread."""


def table_of(hits: Array, contexts: Array, share: float) -> Table:
    """The table of terms by their effective counts; one without contexts says nothing about its set."""
    shape = len(hits), len(LEVELS) * len(SPREADS)
    table = Table(np.empty(shape), np.empty(shape))
    many = hits >= MANY
    for rows in np.split(np.flatnonzero(~many), np.arange(HELD, int((~many).sum()), HELD)):
        table.evidence[rows], table.lifts[rows] = _few(hits[rows], contexts[rows] * share)
    table.evidence[many], table.lifts[many] = _many(hits[many], contexts[many] * share)
    return table


def _few(hits: Array, expected: Array) -> tuple[Array, Array]:
    """By sums over a grid of lifts."""
    log = hits[:, None] * (LIFTS * np.log(2)) - expected[:, None] * 2.0**LIFTS
    best = log.max(axis=1, keepdims=True)
    likelihood = np.exp(log - best)
    prior = _prior()
    marginal = np.maximum(likelihood @ prior, 1e-300)
    return np.log(marginal) + best, (likelihood @ (LIFTS[:, None] * prior)) / marginal


def _many(hits: Array, expected: Array) -> tuple[Array, Array]:
    """By the normal law of ln θ, θ ~ Gamma(hits): mean ψ(hits), variance ψ′(hits)."""
    from scipy.special import gammaln, polygamma, psi

    place = ((psi(hits) - np.log(expected)) / np.log(2))[:, None]
    variance = (polygamma(1, hits) / np.log(2) ** 2)[:, None]
    level, spread = (each.ravel()[None, :] for each in np.meshgrid(LEVELS, SPREADS, indexing="ij"))
    total = variance + spread**2
    # the integral of the likelihood over all lifts, so that both kinds of terms are on one scale
    whole = (gammaln(hits) - hits * np.log(expected))[:, None] - np.log(np.log(2))
    evidence = whole - 0.5 * ((place - level) ** 2 / total + np.log(2 * np.pi * total))
    return evidence, (place * spread**2 + level * variance) / total


@cache
def _prior() -> Array:
    """The chance of each lift by level and spread, (lifts, levels × spreads)."""
    chances = np.exp(-0.5 * ((LIFTS[:, None, None] - LEVELS[None, :, None]) / SPREADS) ** 2)
    return np.asarray((chances / chances.sum(axis=0)).reshape(len(LIFTS), -1))


@cache
def _finer() -> tuple[Array, Array]:
    """The finer levels, and the cubic spline that takes values at `LEVELS` there, (finer, levels)."""
    from scipy.interpolate import CubicSpline

    levels = np.linspace(LEVELS[0], LEVELS[-1], (len(LEVELS) - 1) * FINER + 1)
    return levels, np.asarray(CubicSpline(LEVELS, np.eye(len(LEVELS)))(levels))


def levels_of(table: Table, drawn: Array) -> Level:
    """The density of sets: row s of `drawn` has the places of its terms in the table, -1 for none."""
    sums = [np.zeros((len(drawn), table.evidence.shape[1])) for _ in range(2)]
    for term in drawn.T:
        here = term >= 0
        for total, part in zip(sums, table, strict=True):
            total[here] += part[term[here]]
    levels, spline = _finer()
    shape = len(drawn), len(LEVELS), len(SPREADS)
    evidence, lifts = (np.einsum("fl,slt->sft", spline, total.reshape(shape)) for total in sums)
    log = evidence - 0.5 * (levels[:, None] / LEVEL_PRIOR) ** 2 - 0.5 * (np.log2(SPREADS) / SPREAD_PRIOR) ** 2
    log -= log.max(axis=(1, 2), keepdims=True)
    weights = np.exp(log)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    terms = (drawn >= 0).sum(axis=1)
    density = np.where(terms > 0, (weights * lifts).sum(axis=(1, 2)) / np.maximum(terms, 1), np.nan)
    return Level(density, weights.reshape(len(drawn), -1))


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
