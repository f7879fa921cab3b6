"""Windows of any size, whether an index has counted them or not."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.manifest import DOCUMENT, WindowRecord
from cooc.index.reader import Index
from cooc.query.scan import ENDLESS

Array = NDArray[Any]

MOST = 100_000
MOST_HARMONIC = 22
"""The largest window of exact harmonic counts: lcm(1, …, 22) is the last below 2^31."""


class AnyWindow(NamedTuple):
    """Up to `left` tokens before an occurrence and `right` after; a pair at distance d adds `weights[d]`, farther than
    these reach the last of them. Counts are in units of 1/`unit`; `size` is None for the document."""

    size: int | None
    direction: str
    weighting: str
    unit: int
    left: int
    right: int
    weights: Array

    @property
    def name(self) -> str:
        return DOCUMENT if self.size is None else str(self.size)

    @property
    def mirrored(self) -> AnyWindow:
        """The window in which a column sees its rows."""
        direction = {"right": "left", "left": "right"}.get(self.direction, self.direction)
        return self._replace(direction=direction, left=self.right, right=self.left)

    def sums(self, reach: int) -> Array:
        """The sum of the weights up to each distance from 0 to `reach`."""
        weights = np.full(reach + 1, self.weights[-1])
        weights[: len(self.weights)] = self.weights[: reach + 1]
        return np.cumsum(weights)


def window_of(record: WindowRecord) -> AnyWindow:
    """The window of a pair matrix."""
    return any_window(record.window, record.direction, record.weighting)


def any_window(size: int | None, direction: str = "symmetric", weighting: str = "uniform") -> AnyWindow:
    """A window of so many tokens, or of the document for None, which is symmetric and uniform."""
    if direction not in ("symmetric", "right", "left"):
        raise UsageError(f'--direction "{direction}": expected symmetric, right or left.')
    if weighting not in ("uniform", "harmonic"):
        raise UsageError(f'--weighting "{weighting}": expected uniform or harmonic.')
    if size is None:
        return AnyWindow(None, "symmetric", "uniform", 1, ENDLESS, ENDLESS, np.array([0, 1], np.int64))
    if not 1 <= size <= MOST:
        raise UsageError(f"--window {size}: expected 1 to {MOST:,} tokens, or {DOCUMENT}.")
    unit, weights = 1, np.array([0, 1], np.int64)
    if weighting == "harmonic":
        if size > MOST_HARMONIC:
            raise UsageError(f"--weighting harmonic --window {size}: the largest window of exact counts is 22.")
        unit = math.lcm(*range(1, size + 1))
        weights = np.array([0, *(unit // distance for distance in range(1, size + 1))], np.int64)
    left, right = (0 if direction == "right" else size), (0 if direction == "left" else size)
    return AnyWindow(size, direction, weighting, unit, left, right, weights)


def asked_window(
    index: Index, window: int | str | None, direction: str | None = None, weighting: str | None = None
) -> AnyWindow:
    """The window that a user names: a number of tokens, "document", or None for the first of the index.

    Direction and weighting are those the index was built with, if not given.
    """
    built = index.manifest.parameters
    if window is None:
        record = index.manifest.windows[0]
        size = record.window
    elif str(window) == DOCUMENT:
        size = None
    else:
        try:
            size = int(window)
        except ValueError:
            raise UsageError(f'--window "{window}": expected a number of tokens, or {DOCUMENT}.') from None
    return any_window(size, direction or built.direction, weighting or built.weighting)
