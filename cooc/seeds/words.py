"""The words of what was scanned: their names, how often they occur, and their marginals in every window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.seeds import add_edges, add_whole
from cooc.seeds.model import Shape, check_total

Array = NDArray[Any]


class Words(NamedTuple):
    """`names` is an Arrow array of strings; `sums[w]` is C1 of each word in window w, in the window's own units."""

    names: Any
    occurrences: Array
    documents: Array
    sums: Array

    def at(self, places: Array) -> Words:
        import pyarrow as pa

        return Words(
            self.names.take(pa.array(places)), self.occurrences[places], self.documents[places], self.sums[:, places]
        )

    def order(self) -> Array:
        """The places of the words by the bytes of their names."""
        import pyarrow.compute as pc

        return np.asarray(pc.sort_indices(self.names)).astype(np.int64)


def names_of(terms: Array, offsets: Array) -> Any:
    """An Arrow array of terms, of which number i is `terms[offsets[i]:offsets[i + 1]]`.

    Bytes that are no UTF-8, as those of the tokenizer `bytes`, are shown as \\xNN.
    """
    import pyarrow as pa

    data = np.ascontiguousarray(terms)
    array = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(np.ascontiguousarray(offsets, np.int64)), pa.py_buffer(data)
    )
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        text = data.tobytes()
        names = [text[a:b].decode("utf-8", "backslashreplace") for a, b in pairwise(offsets.tolist())]
        return pa.array(names, pa.large_string())
    return array


class Margins:
    """Adds up the marginals of words over blocks of documents, all windows at once; `grow` makes room for ids.

    What a token lacks at its document's ends is taken off from what it would have in an endless one.
    """

    def __init__(self, shape: Shape, terms: int) -> None:
        self._shape = shape
        self._missing = np.zeros((shape.windows, terms), np.int64)
        self._most = 0.0

    def add(self, ids: Array, starts: Array) -> None:
        terms = int(ids.max(initial=0)) + 1
        if terms > self._missing.shape[1]:
            grown = np.zeros((len(self._missing), terms + terms // 2), np.int64)
            grown[:, : self._missing.shape[1]] = self._missing
            self._missing = grown
        for number, size in enumerate(self._shape.sizes):
            # a column counts the rows that see it, on the window's other side
            right, left = self._shape.reach(size)
            add_edges(ids, starts, left, right, self._shape.sums_of(size), self._missing[number])
        if self._shape.document:
            self._most += float((np.diff(starts).astype(np.float64) ** 2).sum())
            check_total("document", self._most)
            add_whole(ids, starts, self._missing[-1])

    def sums(self, occurrences: Array) -> Array:
        """C1 by window and id, of ids that occur so often."""
        terms = len(occurrences)
        sums = np.zeros((self._shape.windows, terms), np.int64)
        held = min(terms, self._missing.shape[1])
        sums[:, :held] = self._missing[:, :held]
        for number, size in enumerate(self._shape.sizes):
            whole = int(self._shape.sums_of(size)[list(self._shape.reach(size))].sum())
            check_total(str(size), float(occurrences.sum()) * whole)
            sums[number] = occurrences * whole - sums[number]
        return sums


def join_words(parts: Sequence[Words]) -> tuple[Words, list[Array | None]]:
    """All words in the order of their names, and for each part the number of each of its words among them.

    None stands for the identity: a single part in order keeps its numbers.
    """
    import pyarrow as pa

    if len(parts) == 1:
        order = parts[0].order()
        if (order == np.arange(len(order))).all():
            return parts[0], [None]
    encoded = pa.concat_arrays([part.names for part in parts]).dictionary_encode()
    distinct = Words(encoded.dictionary, *(np.zeros(0, np.int64),) * 3)
    order = distinct.order()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    codes = rank[np.asarray(encoded.indices)]
    edges = np.cumsum([0, *(len(part.names) for part in parts)])
    maps = [codes[a:b] for a, b in pairwise(edges.tolist())]
    windows = parts[0].sums.shape[0]
    whole = Words(
        distinct.names.take(pa.array(order)), np.zeros(len(order), np.int64), np.zeros(len(order), np.int64),
        np.zeros((windows, len(order)), np.int64),
    )  # fmt: skip
    for part, places in zip(parts, maps, strict=True):
        # an id that a fixed tokenizer has not given is an empty word, of which there may be several: none occurs
        np.add.at(whole.occurrences, places, part.occurrences)
        np.add.at(whole.documents, places, part.documents)
        for window in range(windows):
            np.add.at(whole.sums[window], places, part.sums[window])
    return whole, list(maps)
