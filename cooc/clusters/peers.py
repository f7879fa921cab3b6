"""Sets of units as frequent as given ones, to compare a cluster with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.graph import Graph

Array = NDArray[Any]

NEAREST = 200
"""A unit is matched with one of so many of its frequency, at least."""

FACTOR = 1.25
"""Units up to so many times as frequent or as rare are of one frequency."""

ROUNDS = 20


class Peers:
    """The units of a graph by their frequency, the contexts they have; those without any are no peers."""

    def __init__(self, graph: Graph) -> None:
        counts = graph.sums
        self._order = np.argsort(counts, kind="stable")
        self._order = self._order[counts[self._order] > 0]
        self._sorted, self._counts = counts[self._order], counts

    def sets(self, members: Array, sets: int, random: np.random.Generator) -> list[Array]:
        """So many sets of units, each with one of about the frequency of each member, and no member.

        A unit is in a set once; where a frequency has too few units for that, the set is smaller.
        """
        low = np.searchsorted(self._sorted, self._counts[members] / FACTOR)
        high = np.searchsorted(self._sorted, self._counts[members] * FACTOR, side="right")
        short = np.maximum(NEAREST - (high - low), 0)
        low = np.maximum(low - (short + 1) // 2, 0)
        high = np.minimum(np.maximum(high + short // 2, low + 1), len(self._order))
        return [self._one(members, low, high, random) for _ in range(sets)]

    def _one(self, members: Array, low: Array, high: Array, random: np.random.Generator) -> Array:
        drawn = np.full(len(members), -1, np.int64)
        bad = np.ones(len(members), bool)
        for _ in range(ROUNDS):
            drawn[bad] = self._order[random.integers(low[bad], high[bad])]
            bad = np.isin(drawn, members)
            first = np.zeros(len(drawn), bool)
            first[np.unique(drawn, return_index=True)[1]] = True
            bad |= ~first
            if not bad.any():
                break
        return np.sort(drawn[~bad])
