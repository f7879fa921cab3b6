"""Where phrases occur: by the suffix array where an index has one, else by one reading of the token store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.kernels.hits import find_documents
from cooc.phrases.search import SuffixArray, suffix_array
from cooc.query.scan import codes_of, recorded

if TYPE_CHECKING:
    from cooc.query.slices import Slice

Array = NDArray[Any]


class Hits(NamedTuple):
    """The occurrences of phrases, overlapping ones too.

    `places[starts[k]:starts[k + 1]]` are those of phrase k: where its first code lies in the token store, in codes,
    ascending. `totals[k]` is how often it occurs; more than are held where `most` has made them a sample.
    `lengths[k]` are its codes.
    """

    starts: Array
    places: Array
    totals: Array
    lengths: Array

    def of(self, phrase: int) -> Array:
        """The places of one phrase."""
        return self.places[self.starts[phrase] : self.starts[phrase + 1]]


def find_hits(
    index: Index,
    phrases: Sequence[Sequence[int]],
    *,
    most: int | None = None,
    seed: int = 0,
    where: Slice | None = None,
) -> Hits:
    """The occurrences of phrases of term ids; a phrase without ids (of an unknown word) has none.

    Of a phrase with more than `most` occurrences so many are held: a uniform sample without replacement of all,
    wherever in the corpus they are. `where` keeps those in the documents of a slice, before anything is sampled.
    """
    if most is not None and most < 1:
        raise UsageError(f"most is {most}; expected at least 1 occurrence.")
    coded = [codes_of(index, phrase) for phrase in phrases]
    lengths = np.array([len(codes) for codes in coded], np.int64)
    random = np.random.default_rng(seed)
    array = suffix_array(index)
    if array is None:
        return _scanned(index, coded, Sample(len(coded), most, random), where).hits(lengths)
    ranges = array.ranges(coded)
    totals = ranges[:, 1] - ranges[:, 0]
    if where is None and (most is None or (totals <= most).all()):
        return Hits(*array.places(ranges), totals, lengths)
    return _some(index, array, ranges, most, random, where)._replace(lengths=lengths)


def _scanned(index: Index, coded: Sequence[Array], held: Sample, where: Slice | None) -> Sample:
    for places, of in recorded(index, coded):
        if where is not None and len(places):
            kept = where.mask[documents_of(index, places)]
            places, of = places[kept], of[kept]
        held.add(places, of)
    return held


def _some(
    index: Index, array: SuffixArray, ranges: Array, most: int | None, random: np.random.Generator, where: Slice | None
) -> Hits:
    """A sample of each range, or what lies in a slice."""
    parts, totals = [], np.zeros(len(ranges), np.int64)
    for k, (low, high) in enumerate(ranges.tolist()):
        if where is None:
            totals[k] = high - low
            if most is not None and high - low > most:
                parts.append(array.places_of(low + drawn(random, high - low, most)))
            else:
                parts.append(array.places(ranges[k : k + 1])[1])
            continue
        places = array.places(ranges[k : k + 1])[1]
        places = places[where.mask[documents_of(index, places)]]
        totals[k] = len(places)
        if most is not None and len(places) > most:
            places = places[np.sort(drawn(random, len(places), most))]
        parts.append(places)
    starts = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    return Hits(starts, np.concatenate([np.zeros(0, np.int64), *parts]), totals, totals)


def drawn(random: np.random.Generator, of: int, most: int) -> Array:
    """So many different numbers below `of`, each set of them as likely."""
    return np.asarray(random.choice(of, most, replace=False, shuffle=False), np.int64)


def term_ids(index: Index, phrase: str) -> list[int]:
    """The term ids of a phrase; none where the index lacks a word of it."""
    return index.vocabulary.known_ids(phrase)


def document_starts(index: Index) -> Array:
    """Where each document's separator stands, in codes; kept with the index."""
    held: Array | None = vars(index).get("_document_starts")
    if held is None:
        held = vars(index)["_document_starts"] = index.tokens.document_starts()
    return held


def documents_of(index: Index, places: Array) -> Array:
    """The document in which each of some ascending places lies."""
    documents = np.empty(len(places), np.int64)
    find_documents(document_starts(index), places, documents)
    return documents


class Sample:
    """Occurrences added in parts, of which at most `most` of each phrase are kept: those with the smallest of
    random keys, so that each set of so many is as likely."""

    def __init__(self, phrases: int, most: int | None, random: np.random.Generator) -> None:
        self.most, self.random = most, random
        self.totals = np.zeros(phrases, np.int64)
        self._parts: list[tuple[Array, Array, Array]] = []
        self._held = 0

    def add(self, places: Array, of: Array) -> None:
        self.totals += np.bincount(of, minlength=len(self.totals))
        keys = np.zeros(0) if self.most is None else self.random.random(len(places))
        self._parts.append((places, of, keys))
        self._held += len(places)
        if self.most is not None and self._held > 2 * self.most * max(1, len(self.totals)):
            self._parts = [self._thinned()]
            self._held = len(self._parts[0][0])

    def hits(self, lengths: Array) -> Hits:
        """All that is held, by phrase and place."""
        places, of, _ = self._thinned()
        order = np.lexsort((places, of))
        starts = np.append(0, np.cumsum(np.bincount(of, minlength=len(self.totals)))).astype(np.int64)
        return Hits(starts, places[order], self.totals, lengths)

    def _thinned(self) -> tuple[Array, Array, Array]:
        columns = list(zip(*self._parts, strict=True)) or [(), (), ()]
        places = np.concatenate([np.zeros(0, np.int64), *columns[0]])
        of = np.concatenate([np.zeros(0, np.int64), *columns[1]])
        keys = np.concatenate([np.zeros(0), *columns[2]])
        if self.most is None or (np.bincount(of, minlength=1) <= self.most).all():
            return places, of, keys
        order = np.lexsort((keys, of))
        firsts = np.append(0, np.cumsum(np.bincount(of, minlength=len(self.totals))))
        kept = order[np.arange(len(of)) - firsts[of[order]] < self.most]
        return places[kept], of[kept], keys[kept]
