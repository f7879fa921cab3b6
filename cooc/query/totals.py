"""How often phrases occur and in how many documents, by the suffix array or by one reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.index.reader import Index
from cooc.kernels.hits import count_documents
from cooc.phrases.search import SuffixArray, suffix_array
from cooc.query.hits import document_starts, documents_of, find_hits
from cooc.query.scan import codes_of, phrase_counts
from cooc.query.slices import Slice, phrase_counts_in

Array = NDArray[Any]

AT_ONCE = 1 << 22
"""Occurrences looked up at a time."""

MOST_SHARE = 16
"""Phrases that are more than one in so many tokens are counted by reading: every place would be looked up."""


def totals_of(index: Index, phrases: Sequence[list[int]], part: Slice | None) -> list[tuple[int, int]]:
    """Occurrences and distinct documents of phrases of term ids, in a slice or everywhere."""
    array = suffix_array(index)
    if array is not None and part is None and len(phrases) == 1:
        occurrences, documents = array.count(codes_of(index, phrases[0]), document_starts(index))
        if documents >= 0:
            return [(occurrences, documents)]
    totals = np.zeros((2, len(phrases)), np.int64)
    found = np.flatnonzero([len(phrase) > 0 for phrase in phrases])
    coded = [codes_of(index, phrase) for phrase in phrases if phrase]
    if array is not None and len(found):
        ranges = array.ranges(coded)
        sizes = ranges[:, 1] - ranges[:, 0]
        often = sizes > len(index.tokens.codes) // (2 * MOST_SHARE)
        seldom = np.flatnonzero(~often)
        totals[:, found[seldom]] = _by_places(index, array, ranges[seldom], part)
        found = found[often]
    if len(found):
        wanted = [phrases[int(place)] for place in found]
        totals[:, found] = phrase_counts(index, wanted) if part is None else phrase_counts_in(part, wanted)
    return list(zip(*totals.tolist(), strict=True))


def _by_places(index: Index, array: SuffixArray, ranges: Array, part: Slice | None) -> Array:
    """Occurrences and documents (2, phrases) of ranges of the suffix array, some at a time."""
    counts = np.zeros((2, len(ranges)), np.int64)
    ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
    mask = np.zeros(0, np.bool_) if part is None else part.mask
    first = 0
    while first < len(ranges):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + AT_ONCE, side="right")))
        starts, places = array.places(ranges[first:last])
        count_documents(document_starts(index), starts, places, mask, counts[0, first:last], counts[1, first:last])
        first = last
    return counts


def documents_of_any(index: Index, phrases: Sequence[list[int]], part: Slice | None) -> int:
    """The distinct documents that hold at least one of some phrases."""
    held = np.zeros(index.manifest.documents, np.bool_)
    hits = find_hits(index, phrases, where=part)
    for k in range(len(phrases)):
        held[documents_of(index, hits.of(k))] = True
    return int(np.count_nonzero(held))
