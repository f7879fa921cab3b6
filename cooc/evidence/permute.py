"""Permutations that keep what is not exchangeable: within blocks, and along a circle where units are in order.

A unit is what has a density of its own: a term set, a year, an item. Rows that share a density are one unit.
"""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_EXACT = 50_000
"""All arrangements are enumerated where there are at most so many."""

DRAWS = 9_999
CLOSE = 1e-9
"""Statistics nearer than this are equal: sums in another order differ in their last digits."""


class Scheme(NamedTuple):
    """Which units may change places."""

    blocks: Array
    """Of each unit its block; units change places within a block."""
    circular: bool = False
    """The units of a block are neighbours in time, in their order: they are shifted along, not shuffled."""

    def size(self) -> int:
        """The number of arrangements."""
        one = (lambda n: n) if self.circular else math.factorial
        return math.prod(one(int(n)) for n in np.unique(self.blocks, return_counts=True)[1])


class Arrangements(NamedTuple):
    """Rows of positions; the first is the data as they are."""

    orders: Array
    exact: bool
    """All there are; else a random sample, to which the data are added (Phipson & Smyth 2010)."""


def arrangements(scheme: Scheme, *, draws: int = DRAWS, seed: int = 0) -> Arrangements:
    """All arrangements where they are few, else `draws` random ones after the data's own.

    >>> arrangements(Scheme(np.zeros(3, int), circular=True)).orders.tolist()
    [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    """
    places = [np.flatnonzero(scheme.blocks == block) for block in np.unique(scheme.blocks)]
    if scheme.size() <= MOST_EXACT:
        return Arrangements(_all(places, scheme), True)
    rng = np.random.default_rng(seed)
    orders = np.empty((draws + 1, len(scheme.blocks)), np.int64)
    orders[0] = np.arange(len(scheme.blocks))
    for inside in places:
        orders[1:, inside] = _random(inside, draws, scheme.circular, rng)
    return Arrangements(orders, False)


def _random(inside: Array, draws: int, circular: bool, rng: np.random.Generator) -> Array:
    n = len(inside)
    if circular:
        return np.asarray(inside[(np.arange(n) + rng.integers(n, size=(draws, 1))) % n])
    return np.asarray(inside[rng.permuted(np.broadcast_to(np.arange(n), (draws, n)), axis=1)])


def _all(places: list[Array], scheme: Scheme) -> Array:
    """Every choice of an order for each block, the last block's changing fastest."""
    orders = np.empty((1, len(scheme.blocks)), np.int64)
    for inside in places:
        n = len(inside)
        own = (np.arange(n) + np.arange(n)[:, None]) % n if scheme.circular else np.array(list(permutations(range(n))))
        orders = np.repeat(orders, len(own), axis=0)
        orders[:, inside] = np.tile(inside[own], (len(orders) // len(own), 1))
    return orders


def p_value(statistics: Array, sides: int = 2) -> float:
    """The share of arrangements at least as far out as the data, which are the first of them."""
    values = np.abs(statistics) if sides == 2 else statistics
    return float(np.mean(values >= values[0] - CLOSE))


def least_p(statistics: Array, exact: bool, scheme: Scheme, sides: int = 2) -> float:
    """The smallest p that these numbers could have given in any order.

    Of a sample of arrangements only a bound is known: one in all there are, or one in the sample if that is more.
    """
    if not exact:
        return max(1 / len(statistics), 1 / scheme.size())
    values = np.abs(statistics) if sides == 2 else statistics
    return float(np.mean(values >= values.max() - CLOSE))
