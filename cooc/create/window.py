"""A window: how far contexts reach to either side, and what a pair at each distance adds."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.plan import harmonic_unit
from cooc.errors import BuildError
from cooc.index.manifest import Direction, Weighting

Array = NDArray[Any]

MOST = (1 << 63) - 1

TURNED: dict[Direction, Direction] = {"symmetric": "symmetric", "left": "right", "right": "left"}


class Window(msgspec.Struct, frozen=True):
    """The window of a size in tokens; travels to tasks by value."""

    size: int
    direction: Direction
    weighting: Weighting

    @property
    def name(self) -> str:
        return str(self.size)

    @property
    def left(self) -> int:
        return self.size if self.direction != "right" else 0

    @property
    def right(self) -> int:
        return self.size if self.direction != "left" else 0

    @property
    def symmetric(self) -> bool:
        return self.direction == "symmetric"

    @property
    def turned(self) -> Window:
        """The window with its sides exchanged, which counts the transpose."""
        return Window(self.size, TURNED[self.direction], self.weighting)

    @property
    def unit(self) -> int:
        """Counts are in units of 1/`unit`, so that they are whole numbers."""
        return harmonic_unit(self.size) if self.weighting == "harmonic" else 1

    @property
    def weights(self) -> Array:
        """What a pair at each distance adds (int64), from distance 0, which adds nothing."""
        weights = np.ones(self.size + 1, np.int64)
        if self.weighting == "harmonic":
            weights[1:] = self.unit // np.arange(1, self.size + 1)
        weights[0] = 0
        return weights

    @property
    def most_per_token(self) -> int:
        """What the contexts of one token add up to at most."""
        return int(self.weights.sum()) * ((self.left > 0) + (self.right > 0))


def check_total(window: Window, tokens: int) -> None:
    """Raise `BuildError` if the sum of all cells might not fit a signed 64-bit number."""
    if tokens * window.most_per_token > MOST:
        raise BuildError(
            f"--window {window.name} --weighting {window.weighting}: over {tokens:,} tokens the sum of the counts "
            "could exceed 2^63. Choose a smaller window."
        )
