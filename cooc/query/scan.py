"""Questions that are answered by reading the whole token store once: where any phrase is, and how often."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.index.reader import Index
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.hits import record_phrases
from cooc.kernels.scan import count_phrases

Array = NDArray[Any]

CHUNK = 16 << 20
"""Codes that one thread reads at a time."""

ENDLESS = 1 << 61
"""Reach of a window that is the whole document."""


def codes_of(index: Index, ids: Sequence[int]) -> Array:
    """The codes of a sequence of term ids."""
    codes: list[int] = []
    for term in ids:
        if term < index.tokens.singles:
            codes.append(term)
        else:
            lead, trail = divmod(term - SINGLES, TRAILS)
            codes += [SINGLES + lead, FIRST_TRAIL + trail]
    return np.array(codes, np.uint16)


class Wanted(NamedTuple):
    """Phrases of codes as the kernels look for them: `by_first[first_starts[c]:first_starts[c + 1]]` begin with c."""

    marks: Array
    by_first: Array
    first_starts: Array
    starts: Array
    flat: Array


def wanted(coded: Sequence[Array]) -> Wanted:
    """Phrases to look for; one without codes is nowhere."""
    starts = np.cumsum([0, *map(len, coded)]).astype(np.int64)
    present = np.flatnonzero(np.diff(starts))
    firsts = np.array([codes[0] for codes in coded if len(codes)], np.int64)
    order = np.argsort(firsts, kind="stable")
    first_starts = np.searchsorted(firsts[order], np.arange(SEPARATOR + 1)).astype(np.int64)
    flat = np.concatenate([*coded, np.zeros(0, np.uint16)])
    return Wanted(marked(firsts), present[order].astype(np.int64), first_starts, starts, flat)


def phrase_counts(index: Index, phrases: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Occurrences and distinct documents of phrases of term ids, all by one pass."""
    coded = [codes_of(index, phrase) for phrase in phrases]
    sought = wanted(coded)

    def count(codes: Array) -> Array:
        counts = np.zeros((2, len(coded)), np.int64)
        seen = np.full(len(coded), -1, np.int64)
        count_phrases(codes, *sought, counts[0], counts[1], seen)
        return counts

    occurrences, documents = sum(over_documents(index, count), np.zeros((2, len(coded)), np.int64))
    return occurrences, documents


def recorded(index: Index, coded: Sequence[Array]) -> Iterator[tuple[Array, Array]]:
    """Where phrases of codes occur, some at a time: places in the store, ascending, and which phrase each is of."""
    sought = wanted(coded)
    if len(sought.by_first):
        yield from over_chunks(index, lambda base, codes: occurrences_in(codes, base, sought))


def occurrences_in(codes: Array, base: int, sought: Wanted) -> tuple[Array, Array]:
    """Places, as offsets of `base`, and phrases of all occurrences."""
    room = 1 << 12
    while True:
        places, of = np.empty((2, room), np.int64)
        found = int(record_phrases(codes, *sought, base, places, of))
        if found <= room:
            return places[:found].copy(), of[:found].copy()
        room = found


def marked(firsts: Array) -> Array:
    """1 for the codes at which a scan has to look closer, those and the separator; 0 for all others."""
    marks = np.zeros(SEPARATOR + 1, np.uint8)
    marks[firsts] = 1
    marks[SEPARATOR] = 1
    return marks


def over_documents(index: Index, function: Callable[[Array], Any]) -> Iterator[Any]:
    """The function of the codes of all documents, some at a time, on as many threads as there are cores."""
    return over_chunks(index, lambda _, codes: function(codes))


def over_chunks(index: Index, function: Callable[[int, Array], Any]) -> Iterator[Any]:
    """As `over_documents`, for a function of where the codes begin, too; its answers come in order."""
    store, edges = index.tokens, chunk_edges(index.tokens.document_starts(), len(index.tokens.codes) // 2)

    def part(number: int) -> Any:
        start, stop = edges[number], edges[number + 1]
        return function(start, store.codes.slice(2 * start, 2 * stop).view("<u2"))

    if len(edges) == 2:
        yield part(0)
    elif len(edges) > 2:
        with ThreadPoolExecutor(min(len(edges) - 1, os.cpu_count() or 1)) as pool:
            yield from pool.map(part, range(len(edges) - 1))


def chunk_edges(starts: Array, codes: int) -> list[int]:
    """Places that cut the store before documents, about `CHUNK` codes apart."""
    places = np.searchsorted(starts, np.arange(CHUNK, max(codes, 1), CHUNK))
    inner = starts[np.unique(places[places < len(starts)])]
    return sorted({0, *inner.tolist(), codes})
