"""What a scan counts, and what its file says of itself."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError, UsageError
from cooc.index.manifest import DOCUMENT, Direction, Weighting
from cooc.tokens import TokenizerSpec

Array = NDArray[Any]

MOST_WINDOW = 100_000
MOST_WINDOWS = 64


class ScanWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One window: `window` in tokens or null for the document; `total` is N; counts are in units of 1/`unit`."""

    name: str
    window: int | None
    direction: Direction
    weighting: Weighting
    unit: int
    total: int


class ScanSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A corpus file whose documents were counted, and the index they were read from, if any.

    `documents` and `tokens` of an index's source are those of the whole source, before any filter.
    """

    url: str
    documents: int
    tokens: int | None = None
    skipped: dict[str, int] = {}
    index: str | None = None


class ScanRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of a scan's parquet file, under the key `cooc.scan`.

    `documents` and `tokens` are those counted; `companions` has the xxh3_128 of the two files beside it.
    """

    format: Literal["cooc-scan"] = "cooc-scan"
    version: int = 1
    tokenizer: TokenizerSpec
    windows: list[ScanWindow]
    where: str | None
    documents: int
    tokens: int
    terms: int
    words: int
    cells: int
    terms_digest: str
    sources: list[ScanSource]
    companions: dict[str, str]


class Shape(NamedTuple):
    """How contexts are counted: the token windows from the smallest, whether documents are one too.

    A pair at distance d adds `weights[d]`, in units of the largest window's; ring `ring_of[d]` is the smallest
    window that holds d. `left` and `right` are the reach of the largest.
    """

    sizes: tuple[int, ...]
    document: bool
    direction: Direction
    weighting: Weighting
    left: int
    right: int
    weights: Array
    ring_of: Array

    @property
    def windows(self) -> int:
        return len(self.sizes) + self.document

    @property
    def names(self) -> list[str]:
        """Names of the windows, in the order in which they are counted."""
        return [*map(str, self.sizes), *([DOCUMENT] if self.document else [])]

    def unit(self, name: str) -> int:
        """Counts of a window are in units of one part in so many."""
        return 1 if name == DOCUMENT or self.weighting == "uniform" else harmonic_unit(int(name))

    def divisors(self) -> list[int]:
        """What takes the counts of each window from the units of the largest to its own."""
        largest = self.unit(str(self.sizes[-1])) if self.sizes else 1
        return [1 if name == DOCUMENT else largest // self.unit(name) for name in self.names]

    def sums_of(self, size: int) -> Array:
        """The sum of the weights up to each distance in the window of a size, in its own units."""
        unit = self.unit(str(size))
        weights = [unit // distance if self.weighting == "harmonic" else 1 for distance in range(1, size + 1)]
        return np.cumsum([0, *weights]).astype(np.int64)

    def reach(self, size: int) -> tuple[int, int]:
        """How far the window of a size reaches to the left and to the right."""
        return (0 if self.direction == "right" else size), (0 if self.direction == "left" else size)


def make_shape(sizes: Sequence[int], *, document: bool, direction: Direction, weighting: Weighting) -> Shape:
    """The shape of what was asked; raises `UsageError` naming the option that makes no sense."""
    for option, choice, choices in (
        ("--direction", direction, ("symmetric", "right", "left")),
        ("--weighting", weighting, ("uniform", "harmonic")),
    ):
        if choice not in choices:
            raise UsageError(f'{option} "{choice}": expected {" or ".join(choices)}.')
    for size in sizes:
        if not 1 <= size <= MOST_WINDOW:
            raise UsageError(f"--window {size}: expected 1 to {MOST_WINDOW:,} tokens.")
        if weighting == "harmonic" and harmonic_unit(size) >= 1 << 31:
            raise UsageError(f"--weighting harmonic --window {size}: the largest window of exact counts is 22.")
    if len(set(sizes)) < len(sizes) or len(sizes) > MOST_WINDOWS:
        raise UsageError(f"--window: the same window is given twice, or more than {MOST_WINDOWS} are.")
    if not sizes and not document:
        raise UsageError("nothing to count: give --window N or --document.")
    ordered = tuple(sorted(sizes))
    largest = ordered[-1] if ordered else 0
    distances = np.arange(largest + 1)
    weights = np.ones(largest + 1, np.int64)
    if weighting == "harmonic" and largest:
        weights[1:] = harmonic_unit(largest) // distances[1:]
    return Shape(
        ordered, document, direction, weighting,
        0 if direction == "right" else largest, 0 if direction == "left" else largest,
        weights, np.searchsorted(ordered, distances).astype(np.int64),
    )  # fmt: skip


def harmonic_unit(window: int) -> int:
    """lcm(1..window): 1/d is a whole number of units for every distance d in the window."""
    return math.lcm(*range(1, window + 1))


def parse_memory(text: str | int) -> int:
    """Bytes from "8GB", "512MB", "2GiB" or a number of bytes."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not match:
        raise UsageError(f'--memory "{text}": expected a size such as 8GB or 512MB.')
    size = int(float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2] or " "))
    if size < 64_000_000:
        raise UsageError(f"--memory {text}: expected at least 64MB.")
    return size


def check_total(name: str, total: float) -> None:
    """Raise `BuildError` if the sum of all contexts of a window might not fit a signed 64-bit number."""
    if total >= 2.0**63:
        raise BuildError(f"window {name}: the counts of so many tokens could exceed 2^63. Choose a smaller window.")
