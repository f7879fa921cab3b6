"""Where a walk from seed terms begins.

A seed with edges, a word or a phrase of --terms, is a unit of the graph, and the walk begins on it. For any other
phrase the walk begins one step later: its contexts are gathered from its occurrences and weighed as rows are, and it
begins on them in proportion to these weights. That is where a walk from the phrase would be if it were a unit; only
the way back to it is missing. Rare phrases have few contexts, and these need only point the way, so they are weighed
with `SHRINK` and `MIN_COUNT` where the graph asks for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.doses import trie_of
from cooc.clusters.graph import Graph, Start
from cooc.index.reader import Index
from cooc.kernels.codes import SEPARATOR
from cooc.kernels.seeds import find_seeds, read_documents
from cooc.query.scan import over_chunks

Array = NDArray[Any]

ROW, CONTEXTS, ALONE, UNKNOWN = "row", "contexts", "no edges", "unknown"
"""How a seed enters: by its row, by its contexts, or not at all: known but without an edge, or never seen."""

SHRINK, MIN_COUNT = 1.0, 2.0

LOW_HALF = np.int64((1 << 32) - 1)

HITS = 1 << 17
"""Occurrences whose contexts are gathered at a time."""


class Entry(NamedTuple):
    """How one seed enters the graph."""

    how: str
    unit: int
    """Its unit, -1 where it has no row."""
    units: Array
    masses: Array
    """Where a walk from it begins, in shares that add up to 1; none where it does not enter."""


NOWHERE = np.zeros(0, np.int64), np.zeros(0)


def ids_of(index: Index, phrase: str) -> list[int]:
    """The term ids of a phrase, none where the index lacks a word of it; it does not look for near misses."""
    ids = [index.vocabulary.id(word) for word in index.tokenizer.words(phrase)]
    known = [term for term in ids if term is not None and index.vocabulary.occurrences[term]]
    return known if len(known) == len(ids) else []


def entries(graph: Graph, phrases: Sequence[Sequence[int]]) -> list[Entry]:
    """How phrases of term ids enter; one without ids is unknown."""
    found = [_by_row(graph, list(phrase)) for phrase in phrases]
    missing = [k for k, entry in enumerate(found) if entry is None]
    gathered = _by_contexts(graph, [phrases[k] for k in missing]) if missing else []
    by_place = dict(zip(missing, gathered, strict=True))
    return [entry if entry is not None else by_place[k] for k, entry in enumerate(found)]


def start_of(found: Sequence[Entry]) -> Start | None:
    """The beginning of a walk from all seeds that enter, each with the same share; None where none does."""
    inside = [entry for entry in found if len(entry.units)]
    if not inside:
        return None
    units, places = np.unique(np.concatenate([entry.units for entry in inside]), return_inverse=True)
    masses = np.bincount(places, np.concatenate([entry.masses for entry in inside]) / len(inside))
    return Start(units, masses)


def _by_row(graph: Graph, phrase: list[int]) -> Entry | None:
    if not phrase:
        return Entry(UNKNOWN, -1, *NOWHERE)
    unit = graph.index.units.find(phrase)
    if unit is None:
        return None
    if graph.degrees[unit] <= 0:
        return None
    return Entry(ROW, unit, np.array([unit], np.int64), np.ones(1))


def _by_contexts(graph: Graph, phrases: Sequence[Sequence[int]]) -> list[Entry]:
    index = graph.index
    keys, counts, occurrences = contexts_of(graph, phrases)
    unit_of = np.full(index.manifest.terms, -1, np.int64)
    unit_of[index.units.word_terms] = np.arange(index.units.words)
    edges = np.searchsorted(keys, np.arange(len(phrases) + 1, dtype=np.int64) << 32)
    found = []
    for k, phrase in enumerate(phrases):
        units, mine = unit_of[keys[edges[k] : edges[k + 1]] & LOW_HALF], counts[edges[k] : edges[k + 1]]
        linked = (units >= 0) & (graph.degrees[units] > 0)
        begin = _weighed(graph, int(mine.sum()), units[linked], mine[linked])
        own = index.units.find(list(phrase))
        how = CONTEXTS if len(begin[0]) else ALONE if occurrences[k] else UNKNOWN
        found.append(Entry(how, -1 if own is None else own, *begin))
    return found


def contexts_of(graph: Graph, phrases: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """What stands around phrases, by one reading of the token store, in the window and the units of the graph.

    Returns keys, ascending, of phrase << 32 | term; their counts; and the occurrences of each phrase.
    """
    index, reach = graph.index, int(graph.matrix.record.window or 0)
    numbers: dict[tuple[int, ...], int] = {}
    place_of = np.array([numbers.setdefault(tuple(phrase), len(numbers)) for phrase in phrases], np.int64)
    trie, lengths = trie_of(list(numbers)), np.array(list(map(len, numbers)), np.int64)
    identity, steps = np.arange(index.manifest.terms, dtype=np.uint32), _steps(graph, reach)

    def count(base: int, codes: Array) -> tuple[Array, ...]:
        starts = np.empty(int(np.count_nonzero(codes == SEPARATOR)) + 1, np.int64)
        ids = np.empty(len(codes), np.uint32)
        _, tokens = read_documents(
            codes, np.uint32(index.tokens.singles), identity, np.zeros(0, np.bool_), np.int64(0), ids, starts
        )
        return _around(ids[:tokens], starts, trie, lengths, steps)

    parts: list[tuple[Array, ...]] = [(*np.zeros((2, 0), np.int64), np.zeros(len(lengths), np.int64))]
    parts += over_chunks(index, count)
    keys, places = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = _summed(places, np.concatenate([part[1] for part in parts]), len(keys))
    occurrences = np.sum([part[2] for part in parts], axis=0)
    rows, values = _as_asked(keys, counts, place_of)
    return rows, values, occurrences[place_of]


def _around(ids: Array, starts: Array, trie: tuple[Array, ...], lengths: Array, steps: Array) -> tuple[Array, ...]:
    """Keys, counts and occurrences of the documents of one chunk."""
    room = max(1 << 14, len(ids) // 16)
    while True:
        hits = np.empty((3, room), np.uint32)
        found = int(find_seeds(ids, starts, *trie, *hits))
        if found <= room:
            break
        room = found
    positions, documents, seeds = (row[:found].astype(np.int64) for row in hits)
    reach = len(steps) - 1
    offsets = np.concatenate([np.arange(-reach, 0), np.arange(reach)])
    weights = np.concatenate([steps[:0:-1], steps[1:]])
    every, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for first in range(0, found, HITS):
        part = slice(first, first + HITS)
        after = np.where(offsets >= 0, lengths[seeds[part], None], 0)
        places = positions[part, None] + offsets + after
        inside = (places >= starts[documents[part], None]) & (places < starts[documents[part] + 1, None])
        keys = (seeds[part, None] << 32 | ids[np.where(inside, places, 0)])[inside]
        met, where = np.unique(keys, return_inverse=True)
        every.append(met)
        counts.append(_summed(where, np.broadcast_to(weights, inside.shape)[inside], len(met)))
    return np.concatenate(every), np.concatenate(counts), np.bincount(seeds, minlength=len(lengths))


def _summed(places: Array, values: Array, size: int) -> Array:
    """Integer values by place; exact below 2**53."""
    return np.bincount(places, values, minlength=size).astype(np.int64)


def _as_asked(keys: Array, counts: Array, place_of: Array) -> tuple[Array, Array]:
    """Rows of distinct phrases as rows of the phrases asked for, of which some may be equal."""
    edges = np.searchsorted(keys, np.arange(place_of.max(initial=-1) + 2, dtype=np.int64) << 32)
    sizes = np.diff(edges)[place_of]
    of = np.repeat(np.arange(len(place_of)), sizes)
    rows = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes - edges[place_of], sizes)
    return of << 32 | (keys[rows] & LOW_HALF), counts[rows]


def _weighed(graph: Graph, around: int, units: Array, counts: Array) -> tuple[Array, Array]:
    """The beginning of a walk from a phrase with these contexts, of `around` in all."""
    sums, norm, scale, shrink, minimum, floor = graph.law
    shrink, minimum = min(shrink, SHRINK), min(minimum, MIN_COUNT * scale)
    expected = float(around) * sums[units] / norm
    lift = (counts / scale + shrink) / np.maximum(expected + shrink, 1e-300)
    kept = (counts >= minimum) & (lift > 2.0**floor)
    if not kept.any():
        return NOWHERE
    weights = np.log2(lift[kept])
    order = np.argsort(units[kept], kind="stable")
    return units[kept][order], weights[order] / weights.sum()


def _steps(graph: Graph, reach: int) -> Array:
    """What a context at each distance counts, in the units of the matrix."""
    if graph.matrix.record.weighting == "harmonic":
        return np.array([0, *(graph.matrix.unit // d for d in range(1, reach + 1))], np.int64)
    return np.array([0, *[1] * reach], np.int64)
