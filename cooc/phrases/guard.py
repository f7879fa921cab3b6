"""Files of an index for kernels that read here and there: a block is checked before a kernel may touch it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.index.files import BLOCK, CheckedArray

Array = NDArray[Any]


class Guarded:
    """A file of bytes; `known[block]` says of each block of a MiB that it has been checked.

    Raises `DamagedIndex` when asked for a block that differs from its digest, or for places outside the file.
    """

    def __init__(self, file: CheckedArray) -> None:
        self.file, self.path = file, file.path
        self.data = file.unchecked()
        self.known = np.zeros(-(-len(file) // BLOCK), np.bool_)

    def check(self, block: int) -> None:
        """Check one block."""
        self.file.slice(block * BLOCK, min((block + 1) * BLOCK, len(self.file)))
        self.known[block] = True

    def touch(self, begins: Array, ends: Array) -> None:
        """Check all that lies in the bytes [begins[k], ends[k]), cut off at the ends of the file."""
        if len(begins) == 0 or self.known.all():
            return
        firsts = np.maximum(begins, 0) // BLOCK
        lasts = (np.minimum(ends, len(self.file)) - 1) // BLOCK
        # blocks of which more ranges have begun before than have ended
        edges = np.bincount(firsts, minlength=len(self.known) + 1)
        edges -= np.bincount(np.maximum(lasts, firsts) + 1, minlength=len(edges))[: len(edges)]
        for block in np.flatnonzero((np.cumsum(edges)[: len(self.known)] > 0) & ~self.known).tolist():
            self.check(block)
