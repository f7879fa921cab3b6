"""Final ids of terms: by falling occurrences, then by bytes; and the files of a vocabulary in their order.

The merged terms lie in ranges, by bytes. How many terms of each frequency each range has decides where its terms
of that frequency begin, by id and in the text, so that every range can write its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.lists import MOST_ROWS, TermList, gathered
from cooc.create.work import Work
from cooc.index.files import InPlace, NewFile, make_empty, put, read_slice, write_array
from cooc.index.layout import VOCABULARY
from cooc.kernels.terms import DOCUMENTS, END, LABEL, OCCURRENCES, place_terms

Array = NDArray[Any]

VOCABULARY_FILES = {
    "terms": "terms.u8",
    "offsets": "offsets.i64",
    "occurrences": "occurrences.i64",
    "documents": "documents.i64",
    "sorted": "sorted.u32",
}

PLACED = ("terms", "offsets", "documents", "sorted")
"""Of these files, which every range writes its terms to in places."""

RANK, RANKS = "rank.u32", "ranks.u32"
"""Final ids of a list by local id, and of a merged list by byte order."""

FREQUENT = 1 << 16
"""Occurrences from which frequencies are kept as a list: few terms have so many."""


def range_folder(work: Work, number: int) -> Path:
    return work.path(f"vocabulary/ranges/{number}")


class Frequencies:
    """How many terms have each number of occurrences, and the bytes of their text."""

    def __init__(self) -> None:
        self._few = np.zeros((FREQUENT, 2), np.int64)
        self._many = np.zeros((0, 3), np.int64)

    def add(self, occurrences: Array, lengths: Array) -> None:
        few = occurrences < FREQUENT
        counts = np.bincount(occurrences[few])
        self._few[: len(counts), 0] += counts
        # the sums are exact: a batch has far less than 2**53 bytes
        self._few[: len(counts), 1] += np.bincount(occurrences[few], lengths[few]).astype(np.int64)
        if not few.all():
            rows = np.column_stack([occurrences, np.ones_like(occurrences), lengths])[~few]
            self._many = added_up(np.concatenate([self._many, rows]))

    def table(self) -> Array:
        """Rows (occurrences, terms, bytes) by rising occurrences."""
        held = np.flatnonzero(self._few[:, 0])
        return np.concatenate([np.column_stack([held, self._few[held]]), self._many])


def added_up(rows: Array) -> Array:
    """Rows with the same first column as one, the others added up; by rising first column."""
    values, places = np.unique(rows[:, 0], return_inverse=True)
    total = np.zeros((len(values), rows.shape[1]), np.int64)
    total[:, 0] = values
    np.add.at(total[:, 1:], places, rows[:, 1:])
    return total


def frequencies_of(work: Work, number: int) -> Array:
    path = range_folder(work, number) / "frequencies.i64"
    return np.fromfile(path, "<i8").reshape(-1, 3)


def order_ranges(work: Work, ranges: int) -> None:
    """Write for each range where its terms of each frequency begin by final id; make room for all of them.

    There are at most √(2·tokens) different frequencies, so what is held is small.
    """
    total = np.zeros((0, 3), np.int64)
    for number in range(ranges):
        total = added_up(np.concatenate([total, frequencies_of(work, number)]))
    falling = total[::-1]
    next_id = (np.cumsum(falling[:, 1]) - falling[:, 1])[::-1].copy()
    next_byte = (np.cumsum(falling[:, 2]) - falling[:, 2])[::-1].copy()
    for number in range(ranges):
        held = frequencies_of(work, number)
        places = np.searchsorted(total[:, 0], held[:, 0])
        write_array(range_folder(work, number) / "first.i64",
                    np.column_stack([held[:, 0], next_id[places], next_byte[places]]))  # fmt: skip
        next_id[places] += held[:, 1]
        next_byte[places] += held[:, 2]
    folder = work.index / VOCABULARY
    write_occurrences(folder / VOCABULARY_FILES["occurrences"], falling)
    for name in PLACED:
        make_empty(folder / VOCABULARY_FILES[name])
    terms, size = int(total[:, 1].sum()), int(total[:, 2].sum())
    put(folder / VOCABULARY_FILES["offsets"], 8 * terms, np.array([size], "<i8"))


def write_occurrences(path: Path, falling: Array) -> None:
    """The occurrences of terms by id, from rows (occurrences, terms, ...) by falling occurrences."""
    ends = np.cumsum(falling[:, 1])
    terms = int(falling[:, 1].sum())
    with NewFile(path) as file:
        for start in range(0, terms, MOST_ROWS):
            ids = np.arange(start, min(terms, start + MOST_ROWS))
            file.write_array(falling[np.searchsorted(ends, ids, side="right"), 0])


def place_range(work: Work, number: int, first: int) -> None:
    """Write the terms of a range, of which `first` terms come before, to their places by final id."""
    held = TermList(range_folder(work, number))
    frequencies, next_id, next_byte = np.fromfile(held.folder / "first.i64", "<i8").reshape(-1, 3).T.copy()
    most = max(16, min(2 * MOST_ROWS, work.share // 1024))
    with ExitStack() as stack:
        files = {name: stack.enter_context(InPlace(work.index / VOCABULARY / VOCABULARY_FILES[name]))
                 for name in PLACED}  # fmt: skip
        for start, rows, text in held.blocks(most, max(1 << 14, 64 * most)):
            classes = np.searchsorted(frequencies, rows[1:, OCCURRENCES])
            ids, places = np.empty(len(classes), np.int64), np.empty(len(classes), np.int64)
            place_terms(rows, classes, next_id, next_byte, ids, places)
            files["sorted"].put(4 * (first + start), ids.astype("<u4"))
            place_rows(files, rows, text, ids, places)


def place_rows(files: dict[str, InPlace], rows: Array, text: Array, ids: Array, places: Array) -> None:
    """Write terms by id; those whose ids follow each other, and so their text, at once."""
    order = np.argsort(ids)
    sorted_ids, starts = ids[order], places[order].astype("<i8")
    documents = rows[1:, DOCUMENTS][order].astype("<i8")
    by_id, ends = gathered(text, rows[:, END] - rows[0, END], order)
    cuts = np.flatnonzero(np.diff(sorted_ids) != 1) + 1
    for begin, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(order)], strict=True):
        place = 8 * int(sorted_ids[begin])
        files["offsets"].put(place, starts[begin:end])
        files["documents"].put(place, documents[begin:end])
        files["terms"].put(int(starts[begin]), by_id[ends[begin] : ends[end]])


def rank_list(
    held: TermList, numbers: Iterable[tuple[int, Array]], look: Callable[[Array], Array], singles: int | None
) -> int:
    """Write a list's final ids, which `look` gives for the numbers of its terms; returns its tokens' codes.

    Without `singles` the list is one that others were merged to: its ids are written in the order of its terms.
    """
    if singles is None:
        with NewFile(held.folder / RANKS) as file:
            for _, places in numbers:
                file.write_array(look(places))
        return 0
    rank, codes = np.zeros(held.locals, np.uint32), 0
    for first, places in numbers:
        found = look(places)
        rows = held.rows(first, first + len(places))[1:]
        rank[rows[:, LABEL] & 0xFFFFFFFF] = found
        codes += int(rows[:, OCCURRENCES].sum() + rows[found >= singles, OCCURRENCES].sum())
    write_array(held.folder / RANK, rank)
    return codes


def looked_up(path: Path, places: Array) -> Array:
    """The items of an array file at rising places, read in blocks."""
    found, done = np.empty(len(places), np.uint32), 0
    while done < len(places):
        start = int(places[done])
        end = int(np.searchsorted(places, start + 4 * MOST_ROWS))
        block = read_slice(path, start, int(places[end - 1]) + 1)
        found[done:end] = block[places[done:end] - start]
        done = end
    return found
