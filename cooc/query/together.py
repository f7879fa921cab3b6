"""Two phrases together, exactly: pairs by distance, the occurrences in a pair, and the documents with one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.index.reader import Index
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR
from cooc.kernels.hits import find_documents
from cooc.kernels.together import meet_in_documents, meet_in_window, token_positions
from cooc.phrases.search import guarded_codes, suffix_array
from cooc.query.hits import documents_of
from cooc.query.scan import codes_of, occurrences_in, over_chunks, wanted
from cooc.query.slices import Slice
from cooc.query.window import AnyWindow

Array = NDArray[Any]

MOST_SHARE = 16
"""Phrases that are more than one in so many tokens are counted by reading all of the store rather than by places."""


class Together(NamedTuple):
    """Pairs of occurrences of a and b that do not overlap, in a window.

    `after[j]` are the pairs in which b comes after a, at a distance above `edges[j - 1]` (0 for the first) and up to
    `edges[j]`; `before[j]` those in which it comes before. `a_anchors` are the occurrences of a with at least one b
    in the window, and the reverse; `documents` those with a pair.
    """

    edges: Array
    before: Array
    after: Array
    a_anchors: int
    b_anchors: int
    documents: int

    @property
    def distances(self) -> list[dict[str, int]]:
        """The histogram as rows, from the farthest b before a to the farthest behind: from, to, count."""
        lows = np.append(0, self.edges[:-1]) + 1
        left = [
            {"from": -int(high), "to": -int(low), "count": int(count)}
            for low, high, count in zip(lows, self.edges, self.before, strict=True) if count
        ]  # fmt: skip
        right = [
            {"from": int(low), "to": int(high), "count": int(count)}
            for low, high, count in zip(lows, self.edges, self.after, strict=True) if count
        ]  # fmt: skip
        return left[::-1] + right

    def count(self, window: AnyWindow) -> int:
        """The pairs, in units of the window."""
        weights = np.append(0, np.diff(window.sums(len(self.edges))))[1:] if window.size else np.ones(1, np.int64)
        return int(((self.before + self.after) * weights).sum())


def together(
    index: Index, a: list[int], b: list[int], window: AnyWindow, where: Slice | None = None
) -> Together:
    """The pairs of two phrases of term ids, b in the window of a; in a slice, or everywhere.

    By the suffix array, or by one reading of the store where there is none or the phrases are too frequent.
    """
    coded = [codes_of(index, phrase) for phrase in (a, b)]
    lengths = len(a), len(b)
    array = suffix_array(index)
    if array is not None:
        ranges = array.ranges(coded)
        if (ranges[:, 1] - ranges[:, 0]).sum() <= len(index.tokens.codes) // (2 * MOST_SHARE):
            starts, places = array.places(ranges)
            pair = places[: starts[1]], places[starts[1] :]
            return _by_places(index, pair, lengths, window, where)
    return _by_reading(index, coded, lengths, window, where)


def _by_places(
    index: Index, pair: tuple[Array, Array], lengths: tuple[int, int], window: AnyWindow, where: Slice | None
) -> Together:
    """From all occurrences, of which those matter that share a document with one of the other."""
    documents = [documents_of(index, places) for places in pair]
    shared = np.intersect1d(documents[0], documents[1])
    if where is not None:
        shared = shared[where.mask[shared]]
    kept = [np.isin(numbers, shared) for numbers in documents]
    places = [each[those] for each, those in zip(pair, kept, strict=True)]
    numbers = [each[those] for each, those in zip(documents, kept, strict=True)]
    guarded = guarded_codes(index)
    codes = guarded.data.view("<u2")
    every, order = np.unique(np.concatenate(places), return_index=True)
    same = np.diff(np.concatenate(numbers)[order]) == 0
    near = np.flatnonzero(same & (np.diff(every) <= _far(window, lengths)))
    guarded.touch(2 * every[near], 2 * every[near + 1])
    return _met(codes, _first_trail(index), places, numbers, lengths, window)


def _by_reading(
    index: Index, coded: list[Array], lengths: tuple[int, int], window: AnyWindow, where: Slice | None
) -> Together:
    sought, first_trail = wanted(coded), _first_trail(index)

    def part(codes: Array) -> Together:
        places, of = occurrences_in(codes, 0, sought)
        starts = np.flatnonzero(codes == SEPARATOR)
        pair = [places[of == k] for k in (0, 1)]
        numbers = [np.empty(len(each), np.int64) for each in pair]
        for each, found in zip(pair, numbers, strict=True):
            find_documents(starts, each, found)
        return _met(codes, first_trail, pair, numbers, lengths, window)

    parts = list(over_chunks(index, lambda _, codes: part(codes))) if where is None else where.mapped(part)
    empty = np.zeros(0, np.int64)
    nothing = _met(np.zeros(0, np.uint16), first_trail, [empty] * 2, [empty] * 2, lengths, window)
    edges = max((each.edges for each in parts), key=len, default=nothing.edges)
    sides = np.zeros((2, len(edges)), np.int64)
    for each in parts:
        sides[:, : len(each.edges)] += each.before, each.after
    return Together(
        edges, sides[0], sides[1], sum(each.a_anchors for each in parts), sum(each.b_anchors for each in parts),
        sum(each.documents for each in parts),
    )  # fmt: skip


def _met(
    codes: Array, first_trail: Any, places: list[Array], documents: list[Array], lengths: tuple[int, int],
    window: AnyWindow,
) -> Together:  # fmt: skip
    every, inverse = np.unique(np.concatenate(places), return_inverse=True)
    numbers = np.empty(len(every), np.int64)
    numbers[inverse] = np.concatenate(documents)
    positions = np.empty(len(every), np.int64)
    far = _far(window, lengths)
    jump = 1 if window.size is None else far + 1
    token_positions(codes, first_trail, every, numbers, np.int64(far), np.int64(jump), positions)
    a, b = positions[inverse[: len(places[0])]], positions[inverse[len(places[0]) :]]
    met = np.zeros(len(a), np.bool_), np.zeros(len(b), np.bool_)
    if window.size is None:
        firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
        spans = positions - np.repeat(positions[firsts], np.diff(np.append(firsts, len(positions))))
        edges = np.int64(1) << np.arange(int(spans.max(initial=1)).bit_length() + 1)
        distances = np.zeros((2, len(edges)), np.int64)
        found = meet_in_documents(a, lengths[0], documents[0], b, lengths[1], documents[1], edges, distances, *met)
        before, after = distances[0], distances[1]
    else:
        edges = np.arange(1, window.size + 1)
        line = np.zeros(window.left + window.right + 1, np.int64)
        found = meet_in_window(
            a, lengths[0], b, lengths[1], documents[0], np.int64(window.left), np.int64(window.right), line, *met
        )
        before, after = np.zeros(window.size, np.int64), np.zeros(window.size, np.int64)
        before[: window.left], after[: window.right] = line[: window.left][::-1], line[window.left + 1 :]
    a_anchors, b_anchors = (int(np.count_nonzero(each)) for each in met)
    return Together(edges, before, after, a_anchors, b_anchors, int(found))


def _far(window: AnyWindow, lengths: tuple[int, int]) -> int:
    """Codes between two places beyond which a phrase can't be in the other's window: a token takes two at most."""
    return 1 << 60 if window.size is None else 2 * (window.size + max(lengths) + 1)


def _first_trail(index: Index) -> Any:
    return np.uint16(SEPARATOR if index.tokens.singles == SEPARATOR else FIRST_TRAIL)

