"""What stands around the occurrences of a phrase: every term, with its count and its documents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex
from cooc.index.reader import Index
from cooc.kernels.codes import SEPARATOR
from cooc.kernels.contexts import COLUMNS, COUNT, DOCUMENTS, add_squares, count_contexts, count_document_contexts
from cooc.phrases.guard import Guarded
from cooc.phrases.search import guarded_codes
from cooc.query.hits import document_starts, documents_of
from cooc.query.window import AnyWindow

Array = NDArray[Any]


class Around(NamedTuple):
    """The contexts of one phrase, by ascending term id, in units of the window.

    `documents` are distinct ones. `squares` are sums over the occurrences of the square of what each adds to a
    count; empty unless asked for.
    """

    terms: Array
    counts: Array
    documents: Array
    squares: Array

    @property
    def total(self) -> int:
        """R1: all contexts."""
        return int(self.counts.sum())


class Gatherer:
    """Gathers contexts for one phrase after the other, with one table for all of them."""

    def __init__(self, index: Index, window: AnyWindow) -> None:
        self.index, self.window = index, window
        self._codes = guarded_codes(index)
        self._values = codes_behind(self._codes)
        terms = index.manifest.terms
        self.documents = 0
        """Those that hold the last phrase."""
        self._table, self._touched = np.zeros((terms, COLUMNS), np.int64), np.empty(terms, np.int64)

    def around(self, phrase: list[int], places: Array, size: int, *, squares: bool = False) -> Around:
        """The contexts of occurrences of a phrase of term ids, `size` codes long, at ascending places."""
        documents = documents_of(self.index, places)
        self.documents = int(np.count_nonzero(np.diff(documents, prepend=-1)))
        if self.window.size is None:
            found = self._in_documents(phrase, documents)
        else:
            found = self._in_window(places, documents, size)
        if found < 0:
            raise DamagedIndex(f"{self._codes.path}: holds codes that are no terms.")
        terms = np.sort(self._touched[:found])
        counts, holding = self._table[terms, COUNT], self._table[terms, DOCUMENTS]
        self._table[terms] = 0
        met = counts > 0  # of its own document a phrase of one token may be taken off entirely
        terms, counts, holding = terms[met], counts[met], holding[met]
        added = self._squares(places, size)[terms] if squares else np.zeros(0, np.int64)
        return Around(terms, counts, holding, added)

    def _in_window(self, places: Array, documents: Array, size: int) -> int:
        window = self.window
        # a token takes two codes at most, and the code behind the last one is looked at
        self._codes.touch(2 * (places - 2 * window.left - 2), 2 * (places + size + 2 * window.right + 2))
        return int(count_contexts(
            self._values, np.int64(self.index.tokens.singles), places, documents, np.int64(size),
            np.int64(window.left), np.int64(window.right), window.weights, self._table, self._touched,
        ))  # fmt: skip

    def _in_documents(self, phrase: list[int], documents: Array) -> int:
        held, times = np.unique(documents, return_counts=True)
        starts = document_starts(self.index)
        edges = np.append(starts[1:], len(self._values))
        begins, ends = starts[held], edges[held]
        self._codes.touch(2 * begins, 2 * ends)
        return int(count_document_contexts(
            self._values, np.int64(self.index.tokens.singles), begins, ends, times.astype(np.int64),
            np.array(phrase, np.int64), self._table, self._touched,
        ))  # fmt: skip

    def _squares(self, places: Array, size: int) -> Array:
        terms, window = len(self._table), self.window
        squares = np.zeros(terms, np.int64)
        add_squares(
            self._values, np.int64(self.index.tokens.singles), places, np.int64(size), np.int64(window.left),
            np.int64(window.right), window.weights, np.zeros((terms, 2), np.int64), squares,
        )  # fmt: skip
        return squares


def codes_behind(guarded: Guarded) -> Array:
    """The codes of a token store, whose first is a separator, so that no walk to the left leaves it."""
    codes: Array = guarded.data.view("<u2")
    if len(codes):
        guarded.touch(np.array([0]), np.array([2]))
        if codes[0] != SEPARATOR:
            raise DamagedIndex(f"{guarded.path}: does not begin with a separator.")
    return codes
