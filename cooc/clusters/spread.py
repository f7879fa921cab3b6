"""Counts of all terms and n-grams over the documents of a slice, with what their variance between documents takes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cooc.clusters.keyness import Array, Side
from cooc.errors import DamagedIndex
from cooc.index.reader import Index
from cooc.kernels.slices import decode_units
from cooc.kernels.spread import LARGEST, SEPARATION, add_spread, extend_ngrams
from cooc.query.slices import SUMS, Slice

EXACT = 1 << 63
"""Σc·L and Σc² are at most ΣL²: below this they are integers, from here on rounded."""


def spread_of(part: Slice, longest: int = 1) -> list[Side]:
    """The terms of a slice, its 2-grams, and so on: a side for each order, by term id and n-gram number."""
    index, lengths = part.index, _lengths(part)
    squares = sum(int(length) ** 2 for length in lengths.tolist())
    kind = np.int64 if squares < EXACT else np.float64
    sizes = [index.manifest.terms, *(index.ngrams(n).kept for n in range(2, longest + 1))]
    unit_of = np.arange(index.manifest.terms, dtype=np.int64)
    levels = [index.ngrams(n) for n in range(2, longest + 1)]
    tables = [(level.starts.all(), level.last.all()) for level in levels]

    def begin() -> list[tuple[Array, Array]]:
        return [(np.zeros((5, size), kind), np.zeros(size, np.int64)) for size in sizes]

    def step(state: list[tuple[Array, Array]], codes: Array) -> None:
        ids = _decoded(index, codes, unit_of)
        numbers, touched = ids, np.empty(len(ids), np.int64)
        for order, (sums, tally) in enumerate(state):
            if order:
                longer = np.empty(len(ids), np.int64)
                extend_ngrams(ids, numbers, *tables[order - 1], longer)
                numbers = longer
            add_spread(numbers, sums, tally, touched)

    parts = part.folded(begin, step, most=max(1, SUMS // (48 * sum(sizes) + 1)))
    return [
        Side(_added([state[order][0] for state in parts]), int(lengths.sum()), part.documents, squares)
        for order in range(longest)
    ]


def _decoded(index: Index, codes: Array, unit_of: Array) -> Array:
    ids = np.empty(len(codes), np.int64)
    size = decode_units(codes, np.uint64(index.tokens.singles), unit_of, np.int64(SEPARATION), ids)
    if size < 0:
        raise DamagedIndex(f"{index.tokens.codes.path}: holds codes that are no terms.")
    return ids[:size]


def _lengths(part: Slice) -> Array:
    """The tokens of each document."""
    unit_of = np.zeros(part.index.manifest.terms, np.int64)

    def lengths(codes: Array) -> Array:
        ids = _decoded(part.index, codes, unit_of)
        edges = [*np.flatnonzero(ids == SEPARATION).tolist(), len(ids)]
        return np.array([b - a - 1 for a, b in pairwise(edges)], np.int64)

    return np.concatenate([np.zeros(0, np.int64), *part.mapped(lengths)])


def _added(parts: list[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        largest = np.maximum(total[LARGEST], part[LARGEST])
        total += part
        total[LARGEST] = largest
    return total
