"""Vocabulary lists: the terms of a piece of a corpus sorted by their bytes, and the merging of many into one.

A list is a folder. `terms.u8` is the text of its terms, one after another; `entries.i64` has rows of four: where
a term ends in the text, its occurrences, its documents, and its local id with the edges it touches. Row 0 is the
head: 0, the flags, the number of local ids, 0. A list is read in slices, so none has to fit the memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.index.files import items_of, read_slice, write_array
from cooc.kernels.terms import (
    BEFORE,
    BEGIN,
    DOCUMENTS,
    EDGES,
    END,
    FULL,
    HEAPED,
    HELD,
    LABEL,
    OCCURRENCES,
    REFILLED,
    STOP,
    TEXT,
    TEXT_BEFORE,
    eight_bytes,
    fill_heap,
    gather_terms,
    merge_terms,
)
from cooc.tokens import LocalVocabulary

Array = NDArray[Any]

ENTRIES, TERMS, UP, REGIONS = "entries.i64", "terms.u8", "up.u32", "regions.i64"
ROW = 32
BEGINS_INSIDE, ENDS_INSIDE, ONE_DOCUMENT = 1, 2, 4

LONGEST = 1 << 14
"""Bytes of text there is room for at least: no term is longer."""

MOST_ROWS = 1 << 16
"""Rows of a list that are read at a time; more would not be faster."""


def write_list(
    folder: Path,
    vocabulary: LocalVocabulary,
    *,
    first_document_terms: int = 0,
    last_document: NDArray[np.bool_] | None = None,
    begins_inside: bool = False,
    ends_inside: bool = False,
) -> None:
    """Write the vocabulary of a segment of the corpus as a list; terms that do not occur are left out.

    A document may be cut by the ends of segments, over two or many of them, and `documents` of the vocabulary
    count each piece as a document: `Merging` takes back what was counted twice. `begins_inside`: the segment goes
    on with a document of the one before, and the terms of that piece are the first `first_document_terms` by local
    id. `ends_inside`: its last document goes on in the next segment, and the mask `last_document`, by local id,
    tells the terms of that piece. Raises `ValueError` for a piece without any term between others: nothing in
    the list would tell whether it belongs to one document.
    """
    rows, text = sorted_rows(vocabulary)
    size, ids = len(vocabulary.occurrences), rows[1:, LABEL]
    edges = np.zeros(len(ids), np.int64)
    if begins_inside:
        edges[ids < first_document_terms] |= BEGIN
    if ends_inside and last_document is not None:
        edges[last_document[ids]] |= STOP
    if begins_inside and ends_inside and not len(ids):
        raise ValueError(f"{folder}: a segment of the inside of documents must have a term")
    # two documents that both have every term would have counted each twice
    one = begins_inside and ends_inside and bool(((edges == BEGIN | STOP) & (rows[1:, DOCUMENTS] == 1)).all())
    ids |= edges << EDGES
    rows[0] = 0, BEGINS_INSIDE * begins_inside | ENDS_INSIDE * ends_inside | ONE_DOCUMENT * one, size, 0
    write_array(folder / ENTRIES, rows)
    write_array(folder / TERMS, text)


def sorted_rows(vocabulary: LocalVocabulary) -> tuple[Array, Array]:
    """The rows of a list, still without head and edges, and its text."""
    terms, offsets = vocabulary.terms, vocabulary.offsets
    ids = np.flatnonzero(vocabulary.occurrences)
    if len(ids) < len(offsets) - 1:
        terms, offsets = gathered(terms, offsets, ids)
    order = byte_order(terms, offsets)
    text, ends = gathered(terms, offsets, order)
    ids = ids[order]
    rows = np.zeros((len(ids) + 1, 4), np.int64)
    rows[:, END], rows[1:, LABEL] = ends, ids
    rows[1:, OCCURRENCES], rows[1:, DOCUMENTS] = vocabulary.occurrences[ids], vocabulary.documents[ids]
    return rows, text


def gathered(terms: Array, offsets: Array, order: Array) -> tuple[Array, Array]:
    """Terms in another order, or some of them."""
    starts = np.asarray(offsets, np.int64)
    text = np.empty(int((starts[order + 1] - starts[order]).sum()), np.uint8)
    ends = np.empty(len(order) + 1, np.int64)
    gather_terms(np.asarray(terms), starts, order, text, ends)
    return text, ends


def byte_order(terms: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of strings by their bytes, a string before its continuations and equal ones as they come.

    Eight bytes at a time: at each level only strings that are equal so far are looked at again.
    """
    keys = np.empty(len(offsets) - 1, np.uint64)
    eight_bytes(terms, offsets, np.arange(len(offsets) - 1), 0, keys)
    order = np.argsort(keys, kind="stable")
    lengths = np.diff(offsets)
    equal = keys[order][1:] == keys[order][:-1]
    for level in range(1, int(lengths.max(initial=0)) // 8 + 2):
        tied = np.flatnonzero(np.append(equal, False) | np.insert(equal, 0, False))
        if not len(tied):
            break
        group = np.cumsum(np.insert(~equal, 0, False))[tied]
        members = order[tied]
        keys = np.empty(len(tied), np.uint64)
        eight_bytes(terms, offsets, members, level, keys)
        # a string that ended within the last level comes before one that went on with zero bytes
        left = np.minimum(np.maximum(lengths[members] - 8 * (level - 1), 0), 8)
        within = np.lexsort((keys, left, group))
        order[tied] = members[within]
        group, keys, left = group[within], keys[within], left[within]
        same = (group[1:] == group[:-1]) & (keys[1:] == keys[:-1]) & (left[1:] == left[:-1])
        equal = np.zeros(len(order) - 1, bool)
        equal[tied[:-1][same]] = True
    return order


class TermList:
    """A list on disk: its head, and slices of its rows and of its text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = items_of(folder / ENTRIES) // 4 - 1
        _, self.flags, self.locals, _ = read_slice(folder / ENTRIES, 0, 4).tolist()

    def rows(self, start: int, stop: int) -> Array:
        """Rows of the terms [start, stop), after the row before them, from which the first one's text begins."""
        return read_slice(self.folder / ENTRIES, 4 * start, 4 * (stop + 1)).reshape(-1, 4)

    def read(self, start: int, stop: int, most_bytes: int) -> tuple[Array, Array]:
        """Rows as `rows` gives them and their text: as many terms of [start, stop) as the bytes allow."""
        rows = self.rows(start, stop)
        first = int(rows[0, END])
        fits = int(np.searchsorted(rows[1:, END], first + most_bytes, side="right"))
        if fits == 0 and stop > start:
            raise BuildError(f"{self.folder}: a term has {int(rows[1, END]) - first:,} bytes; {most_bytes:,} fit.")
        return rows[: fits + 1], read_slice(self.folder / TERMS, first, int(rows[fits, END]))

    def blocks(self, most_rows: int, most_bytes: int) -> Iterator[tuple[int, Array, Array]]:
        """The whole list, a piece at a time: the number of the first term, rows, text."""
        start = 0
        while start < self.size:
            rows, text = self.read(start, min(self.size, start + most_rows), most_bytes)
            yield start, rows, text
            start += len(rows) - 1

    def place(self, word: bytes) -> int:
        """How many terms come before a word."""
        with self.reader() as term:
            low, high = 0, self.size
            while low < high:
                middle = (low + high) // 2
                if term(middle) < word:
                    low = middle + 1
                else:
                    high = middle
        return low

    @contextmanager
    def reader(self) -> Iterator[Any]:
        """A function that gives single terms."""
        with open(self.folder / ENTRIES, "rb") as entries, open(self.folder / TERMS, "rb") as terms:
            rows, text = entries.fileno(), terms.fileno()

            def term(number: int) -> bytes:
                pair = os.pread(rows, 2 * ROW, number * ROW)
                start, stop = (int.from_bytes(pair[k : k + 8], "little") for k in (0, ROW))
                return os.pread(text, stop - start, start)

            yield term


class Documents(NamedTuple):
    """The first and the last document of each list by number, alike where lists hold pieces of the same."""

    opened: Array
    left_open: Array

    @property
    def one(self) -> bool:
        """Whether all of it is a single document."""
        return bool(self.opened[0] == self.left_open[-1])


def number_documents(flags: Sequence[int]) -> Documents:
    """Numbers for the documents at the edges of lists that follow each other."""
    opened, left_open = np.empty(len(flags), np.int64), np.empty(len(flags), np.int64)
    number = 0
    for k, held in enumerate(flags):
        goes_on = k > 0 and flags[k - 1] & ENDS_INSIDE and held & BEGINS_INSIDE
        number += not goes_on
        opened[k] = number
        number += not held & ONE_DOCUMENT
        left_open[k] = number
    return Documents(opened, left_open)


def flags_of(flags: Sequence[int]) -> int:
    """The flags of the list that others merge to."""
    one = ONE_DOCUMENT if number_documents(flags).one else 0
    return flags[0] & BEGINS_INSIDE | flags[-1] & ENDS_INSIDE | one


class Merging:
    """The merging of slices of lists, all terms from `low` on and below `high`.

    `regions[k]` is where list k's slice begins in the list, and where the numbers of its terms begin and end among
    those of all slices, list by list.
    """

    def __init__(self, lists: Sequence[TermList], low: bytes | None, high: bytes | None, *, memory: int) -> None:
        count = len(lists)
        self.lists = lists
        self.starts = np.array([held.place(low) if low is not None else 0 for held in lists], np.int64)
        self.stops = np.array([held.place(high) if high is not None else held.size for held in lists], np.int64)
        sizes = self.stops - self.starts
        ends = np.cumsum(sizes)
        self.regions = np.column_stack([self.starts, ends - sizes, ends])
        self.documents = number_documents([held.flags for held in lists])
        longest = max(1, int(sizes.max()))
        most = max(16, min(MOST_ROWS, longest, memory // 2 // (64 * count)))
        self.room = max(LONGEST, 16 * most)
        self.rows = np.empty((count, most + 1, 4), np.int64)
        self.text = np.empty((count, self.room), np.uint8)
        self.up = np.empty((count, most), np.uint32)
        self.heap, self.keys = np.zeros(count, np.int64), np.zeros(count, np.uint64)
        self.origin, self.at, self.loaded = (np.zeros(count, np.int64) for _ in range(3))
        self.state = np.zeros(8, np.int64)
        held = max(16, min(2 * MOST_ROWS, int(ends[-1]), memory // 2 // 64))
        self.out = np.empty((held, 4), np.int64)
        self.out_text = np.empty(max(LONGEST, 16 * held), np.uint8)

    def batches(self, tell: Callable[[int, Array], None]) -> Iterator[tuple[Array, Array]]:
        """Merged rows (without a row before them, ends counted from the first of all) and their text.

        `tell(place, numbers)` is called with the numbers of the merged terms for the terms of the slices.
        """
        told = self.regions[:, 1].copy()
        for slot in range(len(self.lists)):
            self.fill(slot)
        state = self.state
        state[HEAPED] = fill_heap(
            self.heap, self.keys, self.rows, self.text, self.origin, self.at, self.loaded)  # fmt: skip
        while True:
            found = int(merge_terms(
                self.heap, self.keys, self.rows, self.text, self.origin, self.at, self.loaded, *self.documents,
                self.up, self.out, self.out_text, state,
            ))  # fmt: skip
            if found >= 0:
                count = int(self.loaded[found])
                tell(int(told[found]), self.up[found, :count])
                told[found] += count
                self.fill(found)
                state[REFILLED] = 1
                continue
            held, used = int(state[HELD]), int(state[TEXT])
            yield self.out[:held], self.out_text[:used]
            state[BEFORE] += held
            state[TEXT_BEFORE] += used
            state[HELD] = state[TEXT] = 0
            if found != FULL:
                break

    def fill(self, slot: int) -> None:
        """Read the next rows of a list."""
        start, stop = int(self.starts[slot]), int(self.stops[slot])
        rows, text = self.lists[slot].read(start, min(stop, start + self.up.shape[1]), self.room)
        count = len(rows) - 1
        self.rows[slot, : count + 1], self.text[slot, : len(text)] = rows, text
        self.origin[slot], self.at[slot], self.loaded[slot] = rows[0, END], 1, count
        self.starts[slot] += count


def numbers_of(folder: Path, place: int, base: int) -> Iterator[tuple[int, Array]]:
    """The merged numbers of list number `place` of a merging, a piece at a time: first term, numbers + base."""
    first, start, stop = read_slice(folder / REGIONS, 3 * place, 3 * place + 3).tolist()
    for begin in range(start, stop, MOST_ROWS):
        numbers = read_slice(folder / UP, begin, min(stop, begin + MOST_ROWS))
        yield first + begin - start, numbers.astype(np.int64) + base
