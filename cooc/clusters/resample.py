"""Intervals by resampling documents.

A draw gives each document a random weight of mean 1 (exponential: Rubin's Bayesian bootstrap, 1981), adds up weighted
contexts and hits by term, and adds hits and contexts of a prior drawn from the set's level, so that a term without
hits has a lift too, of which little is known. All terms and targets see the same weights: what documents they share
moves them together, and differences of targets are paired. Where documents are many they are weighted in groups.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 100
"""Draws made at a time: groups × draws weights are held."""


class Rows(NamedTuple):
    """Counts by term and group of documents."""

    term: Array
    group: Array
    contexts: Array
    hits: Array
    """(rows, targets)."""


class Prior(NamedTuple):
    """For one target: what a draw adds to each term, and what a context weighs."""

    weights: Array
    """(terms): effective contexts over contexts."""
    shape: Array
    """(draws)."""
    rate: Array
    """(draws)."""


def grouped(rows: Rows, groups: int) -> Rows:
    """Rows of equal term and group added up."""
    key = rows.term * groups + rows.group
    distinct, place = np.unique(key, return_inverse=True)
    contexts = np.bincount(place, rows.contexts, len(distinct))
    hits = np.zeros((len(distinct), rows.hits.shape[1]))
    np.add.at(hits, place, rows.hits)
    return Rows(distinct // groups, distinct % groups, contexts, hits)


def draw_lifts(rows: Rows, corpus: Array, priors: list[Prior], terms: int, *, draws: int, seed: int) -> Array:
    """The mean lift over `terms` terms in each draw, (targets, draws).

    `corpus` (groups, 1 + targets) has the tokens of each group, in the text and in each target.
    """
    from scipy.sparse import csr_array

    random, noise = np.random.default_rng([seed, 3]), np.random.default_rng([seed, 4])
    rows = grouped(rows, len(corpus))
    used = np.flatnonzero(corpus[:, 0])
    place = np.searchsorted(used, rows.group)
    shape = terms, len(used)
    contexts = csr_array((rows.contexts, (rows.term, place)), shape)
    hits = [csr_array((column, (rows.term, place)), shape) for column in rows.hits.T]
    found = np.empty((len(priors), draws))
    for first in range(0, draws, BLOCK):
        last = min(first + BLOCK, draws)
        drawn = random.standard_exponential((len(used), last - first))
        seen, base = contexts @ drawn, corpus[used].T @ drawn
        for target, prior in enumerate(priors):
            shapes = np.broadcast_to(prior.shape[first:last], seen.shape)
            added = noise.standard_gamma(shapes)
            weight = prior.weights[:, None]
            shares = (weight * (hits[target] @ drawn) + added) / (weight * seen + prior.rate[first:last])
            lifts = np.log2(np.maximum(shares, 1e-300)) - np.log2(base[1 + target] / base[0])
            found[target, first:last] = lifts.mean(axis=0)
    return found
