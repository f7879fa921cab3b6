"""The graph of what stands together: the units of an index, joined by shrunken positive PMI.

The weight of two units is log2((O + k) / (E + k)) in bits, where that is above `floor`: the binary logarithm of the
mean lift that is left of O pairs seen and E expected under a Gamma(k, k) prior. With k = 0 it is PPMI, which prefers
pairs seen once; with k = 5 a pair seen once at E = 0.01 has 0.26 bits instead of 6.6, one seen a hundred times at
E = 1 has 4.1 instead of 6.6. Unlike PPMI with a smoothed context distribution (`ppmi_cds`) it is symmetric, as
conductance needs it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.graph import BROKEN, add_degrees, hold_row, push, sweep_cuts, weights_inside

Array = NDArray[Any]

SHRINK, FLOOR, MIN_COUNT = 5.0, 1.0, 3
"""k, the least weight in bits, and the least count of an edge."""

ROWS = 1 << 24
"""Bytes of rows that one thread reads at a time."""

ARENA = 1 << 24
"""Edges that a walker keeps in memory at most, at 12 bytes each."""


class Weights(NamedTuple):
    """What makes an edge: `shrink` is k, `floor` in bits, `min_count` in pairs."""

    shrink: float = SHRINK
    floor: float = FLOOR
    min_count: float = MIN_COUNT

    def check(self) -> None:
        """Raise `UsageError` for weights that make no graph."""
        for name, value in self._asdict().items():
            if not (np.isfinite(value) and value >= 0):
                raise UsageError(f"{name} is {value}; expected a number from 0 up.")


class Graph:
    """The graph of one symmetric window. Reads every row once, for the degrees; after that the rows it is asked for.

    Raises `UsageError` for a window that is not symmetric, or that holds the rows of --terms only.
    """

    def __init__(self, index: Index, window: int | str | None = None, weights: Weights | None = None) -> None:
        self.index, self.matrix, self.weights = index, index.pairs(window), weights or Weights()
        record = self.matrix.record
        self.weights.check()
        if record.direction != "symmetric":
            raise UsageError(
                f"the window {record.name} of {index.name} looks to the {record.direction} only; a graph needs a "
                "symmetric one. Build with --direction symmetric."
            )
        if record.window is None:
            raise UsageError(
                f"the window {record.name} of {index.name} holds the rows of --terms only; a graph needs all."
            )
        self.units = self.matrix.rows
        unit = self.matrix.unit
        self.sums: Array = self.matrix.row_sums.all()
        norm = float(self.matrix.total) * unit
        self.law = (
            self.sums, norm if norm > 0 else 1.0, float(unit), float(self.weights.shrink),
            float(self.weights.min_count * unit), float(self.weights.floor),
        )  # fmt: skip

    @property
    def degrees(self) -> Array:
        """The weight of the edges of each unit (float64)."""
        return self._degrees[0]

    @property
    def edges(self) -> Array:
        """The number of edges of each unit."""
        return self._degrees[1]

    @cached_property
    def volume(self) -> float:
        """The degrees of all units."""
        return float(self.degrees.sum())

    @cached_property
    def _degrees(self) -> tuple[Array, Array]:
        known = _DEGREES.setdefault(self.index, {})
        key = (self.matrix.record.name, self.weights)
        if key not in known:
            known[key] = self._add_degrees()
        return known[key]

    def _add_degrees(self) -> tuple[Array, Array]:
        """By one pass; a sum is of one row, so how rows are shared out among threads does not alter it."""
        starts = self.matrix.starts.all()
        wanted = np.arange(0, int(starts[-1]) + ROWS, ROWS)
        cuts = np.unique(np.append(np.searchsorted(starts, wanted).clip(max=self.units), self.units))
        degrees, edges = np.zeros(self.units), np.zeros(self.units, np.int64)

        def add(first: int, last: int) -> int:
            base = int(starts[first])
            cells = self.matrix.cells.slice(base, int(starts[last]))
            return int(add_degrees(
                cells, base, starts[first : last + 1], self.law, first, degrees[first:last], edges[first:last]
            ))  # fmt: skip

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for broken in pool.map(add, cuts[:-1].tolist(), cuts[1:].tolist()):
                if broken != BROKEN:
                    raise DamagedIndex(f"{self.matrix.cells.path}: the row of unit {broken} is no row.")
        return degrees, edges


_DEGREES: WeakKeyDictionary[Index, dict[tuple[str, Weights], tuple[Array, Array]]] = WeakKeyDictionary()


class Cuts(NamedTuple):
    """Of the sets of the first 1, 2, 3, … units of an order."""

    conductance: Array
    """Weight of the edges that leave the set by the smaller volume of the set and the rest; 1 where that is 0."""
    volume: Array
    density: Array
    """Weight inside by the number of pairs, in bits: pairs without an edge count 0. 0 for one unit."""


class Walker:
    """What one thread needs to walk a graph: it keeps the rows it has decoded, up to `ARENA` edges."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        size = graph.units
        self._degrees = graph.degrees
        self._cells, self._starts = graph.matrix.cells.all(), graph.matrix.starts.all()
        longest = int(np.diff(self._starts).max(initial=0))
        room = min(ARENA, len(self._cells))
        state = np.array([0, room], np.int64)
        columns, weights = np.empty(room + longest, np.uint32), np.empty(room + longest, np.float64)
        self._arena = (np.full((size, 2), -1, np.int64), columns, weights, state)
        self._estimate, self._residual = np.zeros(size), np.zeros(size)
        self._queue, self._queued = np.zeros(size, np.uint32), np.zeros(size, np.uint8)
        self._marks = np.full(size, -1, np.int64)

    def neighbors(self, unit: int) -> tuple[Array, Array]:
        """The units that a unit has an edge to, ascending, and the weights."""
        begin, end = hold_row(self._cells, self._starts, unit, self.graph.law, self._arena)
        return self._arena[1][begin:end].astype(np.int64), self._arena[2][begin:end].copy()

    def pagerank(self, start: Start, *, teleport: float, epsilon: float) -> tuple[Array, Array]:
        """The units that the walk from `start` reaches and the estimates of their PageRank, by unit.

        Each is too small by `epsilon` times the unit's degree at most. Source: Andersen, Chung and Lang, Local graph
        partitioning using PageRank vectors (FOCS 2006).
        """
        self._residual[start.units] = start.masses
        active = start.units[start.masses > epsilon * self._degrees[start.units]]
        self._queue[: len(active)], self._queued[active] = active, 1
        push(
            self._cells, self._starts, self.graph.law, self._degrees, teleport, epsilon,
            self._estimate, self._residual, self._queue, self._queued, len(active), self._arena,
        )  # fmt: skip
        units = np.flatnonzero(self._estimate)
        found = units, self._estimate[units].copy()
        self._estimate[:], self._residual[:] = 0.0, 0.0
        return found

    def cuts(self, order: Array) -> Cuts:
        """The sets of the first 1, 2, 3, … units of an order, in which each unit is once."""
        size = len(order)
        cut, volume, within = np.empty(size), np.empty(size), np.empty(size)
        sweep_cuts(
            self._cells, self._starts, self.graph.law, self._degrees, order.astype(np.int64), self._marks,
            self._arena, cut, volume, within,
        )  # fmt: skip
        smaller = np.minimum(volume, self.graph.volume - volume)
        members = np.arange(1, size + 1)
        # what sums of many weights leave of 0 is no volume
        conductance = np.where(smaller > 1e-9 * max(self.graph.volume, 1.0), cut / np.maximum(smaller, 1e-300), 1.0)
        return Cuts(conductance.clip(0, 1), volume, within / np.maximum(members * (members - 1) / 2, 1))

    def densities(self, sets: list[Array]) -> Array:
        """The mean weight of all pairs of each set, 0 where it has no pair; in each set a unit is once."""
        sizes = np.array([len(each) for each in sets], np.int64)
        totals = np.zeros(len(sets))
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        members = np.concatenate([*sets, np.zeros(0, np.int64)]).astype(np.int64)
        weights_inside(self._cells, self._starts, self.graph.law, members, starts, self._marks, self._arena, totals)
        return totals / np.maximum(sizes * (sizes - 1) / 2, 1)


class Start(NamedTuple):
    """Where a walk begins, and teleports to: units, ascending, and their shares, which add up to 1."""

    units: Array
    masses: Array
