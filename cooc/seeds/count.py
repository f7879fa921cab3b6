"""Blocks of whole documents → cells: what one worker does, whichever road the documents came by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.kernels.seeds import DONE, FIRST_SUM, TABLE_FULL, count_seed_rows, find_seeds, group_hits, make_bags
from cooc.seeds.cells import Cells
from cooc.seeds.model import Shape
from cooc.seeds.terms import Trie

Array = NDArray[Any]

MOST_BLOCK = 4 << 20
"""Tokens counted at a time: more would not fit the caches better, and fewer give more cells to merge."""

TABLE_BITS = 10
MOST_TABLE_BITS = 31


def block_tokens(share: int) -> int:
    """Tokens of a block for a worker with so many bytes: all that is kept for a block takes at most half of them."""
    return min(MOST_BLOCK, max(1 << 12, share // 256))


class Counter:
    """Counts blocks into cells. `totals[seed]` are occurrences, documents, and the sum of the row by window."""

    def __init__(self, trie: Trie, shape: Shape, cells: Cells) -> None:
        self.trie, self.shape, self.cells = trie, shape, cells
        self.totals = np.zeros((len(trie.phrase_starts) - 1, 2 + shape.windows), np.int64)
        self.documents = self.tokens = 0
        self._hits = np.empty((3, 1 << 12), np.uint32)
        self._table_bits = 0
        self._widen(TABLE_BITS)
        room = min(4 << 20, max(1 << 10, cells.room()))
        self._keys, self._values = np.empty(room, np.uint64), np.empty((room, cells.columns), np.int64)
        self._histogram = np.zeros(256, np.int64)

    def add(self, ids: Array, starts: Array) -> None:
        """Count whole documents: document d is `ids[starts[d]:starts[d + 1]]`."""
        if len(ids) >= 1 << 32:
            raise BuildError(f"a document of {len(ids):,} tokens is too long to be scanned; split it.")
        self.documents += len(starts) - 1
        self.tokens += len(ids)
        found = self._find(ids, starts)
        if found == 0:
            return
        positions, documents, seeds = self._hits[:, :found]
        hit_starts = np.zeros(len(self.totals) + 1, np.int64)
        hit_starts[1:] = np.cumsum(np.bincount(seeds, minlength=len(self.totals)))
        grouped = np.empty((2, found), np.uint32)
        group_hits(positions, documents, seeds, found, hit_starts[:-1].copy(), grouped[0], grouped[1])
        bags = self._bags(ids, starts, documents) if self.shape.document else NO_BAGS
        self._rows(ids, starts, hit_starts, grouped, bags)

    def _find(self, ids: Array, starts: Array) -> int:
        """Fill `_hits` with all occurrences, growing it where it is too small."""
        trie = self.trie
        while True:
            found = int(find_seeds(ids, starts, *trie[2:], *self._hits))
            if found <= self._hits.shape[1]:
                return found
            self._hits = np.empty((3, found + found // 4), np.uint32)

    def _bags(self, ids: Array, starts: Array, documents: Array) -> tuple[Array, Array, Array]:
        """The bags of the documents that hold a seed."""
        wanted = np.zeros(len(starts) - 1, np.uint8)
        wanted[documents] = 1
        lengths = np.diff(starts)
        slots = 1 << int(2 * lengths.max()).bit_length()
        room = int(lengths[wanted > 0].sum())
        bags = np.zeros(len(starts), np.int64), np.empty(room, np.uint32), np.empty(room, np.uint32)
        make_bags(ids, starts, wanted, np.empty(slots, np.uint32), np.zeros(slots, np.uint64), *bags)
        return bags

    def _rows(self, ids: Array, starts: Array, hit_starts: Array, hits: Array, bags: tuple[Array, ...]) -> None:
        """Count the rows of all seeds, taking the cells out and making room as the kernel asks."""
        shape, trie, first = self.shape, self.trie, 0
        id_bits = np.uint64(int(ids.max(initial=1)).bit_length())
        while True:
            first, size, reason = count_seed_rows(
                ids, starts, hit_starts, hits[0], hits[1], trie.phrase_starts, trie.phrase_ids,
                shape.left, shape.right, shape.weights, shape.ring_of, len(shape.sizes), *bags,
                self._table, np.uint64(self._table_bits), id_bits, self._touched, self._spare, self._histogram,
                first, self._keys, self._values, self.totals,
            )  # fmt: skip
            self.cells.add(self._keys[:size], self._values[:size])
            if reason == DONE:
                return
            if reason == TABLE_FULL:
                self._widen(self._table_bits + 1)
            elif size == 0:
                room = 2 * len(self._keys)
                self._keys, self._values = np.empty(room, np.uint64), np.empty((room, self.cells.columns), np.int64)

    def _widen(self, bits: int) -> None:
        """A table of 2**bits entries."""
        if bits > MOST_TABLE_BITS:
            raise BuildError("a document has too many distinct terms to be scanned; split it.")
        self._table_bits = bits
        self._table = np.zeros((FIRST_SUM + 2 * self.shape.windows + self.shape.document) << bits, np.int64)
        self._touched, self._spare = np.empty((2, (1 << (bits - 1)) + 1), np.uint64)


NO_BAGS = np.zeros(1, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint32)
