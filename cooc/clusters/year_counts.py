"""Which years stand around terms: counted by term, document and bin, from the places where the terms occur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.years import list_around, list_inside
from cooc.phrases.search import guarded_codes
from cooc.query.around import codes_behind
from cooc.query.hits import document_starts, documents_of, find_hits

if TYPE_CHECKING:
    from cooc.query.slices import Slice

Array = NDArray[Any]


class Bins(NamedTuple):
    """Years as terms: `ids` their term ids, and the bin of each; `starts` the first year of each bin."""

    ids: Array
    of: Array
    starts: Array
    step: int


class YearCounts(NamedTuple):
    """How often a year of a bin stands in the contexts of a term in a document; each (term, document, bin) once."""

    term: Array
    document: Array
    bin: Array
    counts: Array
    occurrences: Array
    """Of each term, those inside a longer term left out."""


def bins_of(index: Index, first: int, last: int, step: int) -> Bins:
    """The years that the index knows, by bins of `step` years. Raises `UsageError` where a year is no term of it."""
    if not 1000 <= first <= last <= 9999:
        raise UsageError(f"years from {first} to {last}: expected four digits, the first not after the last.")
    starts = np.arange(first // step, last // step + 1) * step
    found = [(index.vocabulary.id(str(year).encode()), year) for year in range(first, last + 1)]
    known = [(term, year) for term, year in found if term is not None]
    if not known:
        words = [word.decode("utf-8", "replace") for word in index.tokenizer.words(str(last))]
        cut = f"; its tokenizer cuts {last} into {' '.join(words)}" if len(words) != 1 else ""
        raise UsageError(f"no year from {first} to {last} is a term of {index.name}{cut}.")
    ids, years = (np.array(column, np.int64) for column in zip(*known, strict=True))
    return Bins(ids, years // step - first // step, starts, step)


def corpus_counts(index: Index, bins: Bins, where: Slice | None) -> Array:
    """How often years of each bin stand in the corpus, or in a slice."""
    if where is None:
        counts = np.asarray(index.vocabulary.occurrences.all())[bins.ids].astype(np.int64)
    else:
        from cooc.query.slices import phrase_counts_in

        counts = phrase_counts_in(where, [[term] for term in bins.ids.tolist()])[0]
    total = np.zeros(len(bins.starts), np.int64)
    np.add.at(total, bins.of, counts)
    return total


def count_years(
    index: Index, phrases: Sequence[Sequence[int]], bins: Bins, *, window: int | None, where: Slice | None = None
) -> YearCounts:
    """The years of the contexts of phrases of term ids, each phrase once.

    Counted as everywhere: all occurrences, up to `window` tokens to either side inside the document (None: all of
    it), a phrase's own tokens left out. An occurrence inside a longer one of another phrase ("Auk" in "Great Auk")
    is not counted.
    """
    hits = find_hits(index, phrases, where=where)
    of = np.repeat(np.arange(len(phrases)), np.diff(hits.starts))
    places, of = _outermost(hits.places, of, hits.lengths[of])
    documents = documents_of(index, places)
    bin_of = np.full(index.manifest.terms, -1, np.int64)
    bin_of[bins.ids] = bins.of
    if window is None:
        rows = _in_documents(index, bin_of, phrases, of, documents)
    else:
        at, met = _around(index, bin_of, places, hits.lengths[of], window)
        rows = of[at], documents[at], met, np.ones(len(at), np.int64)
    return YearCounts(*_added(*rows), np.bincount(of, minlength=len(phrases)))


def _outermost(places: Array, of: Array, sizes: Array) -> tuple[Array, Array]:
    """Occurrences by place, without those that lie inside another."""
    order = np.lexsort((-sizes, places))
    ends = (places + sizes)[order]
    before = np.maximum.accumulate(np.append(0, ends[:-1])) if len(ends) else ends
    kept = order[ends > before]
    return places[kept], of[kept]


def _around(index: Index, bin_of: Array, places: Array, sizes: Array, window: int) -> tuple[Array, Array]:
    """(occurrence, bin) of every year in a window."""
    codes = guarded_codes(index)
    values = codes_behind(codes)
    codes.touch(2 * (places - 2 * window - 2), 2 * (places + sizes + 2 * window + 2))

    def fill(rows: Array, bins: Array) -> int:
        singles = np.int64(index.tokens.singles)
        return int(list_around(values, singles, bin_of, places, sizes, np.int64(window), rows, bins))

    return _filled(fill, str(codes.path))


def _in_documents(
    index: Index, bin_of: Array, phrases: Sequence[Sequence[int]], of: Array, documents: Array
) -> tuple[Array, Array, Array, Array]:
    """(term, document, bin, count) where the context is the document: all else in it, for each occurrence."""
    codes, starts = guarded_codes(index), document_starts(index)
    values = codes_behind(codes)
    held, number = np.unique(documents, return_inverse=True)
    begins, ends = starts[held], np.append(starts[1:], len(values))[held]
    codes.touch(2 * begins, 2 * ends)
    singles = np.int64(index.tokens.singles)
    at, met = _filled(
        lambda rows, bins: int(list_inside(values, singles, bin_of, begins, ends, rows, bins)), str(codes.path)
    )
    # by document (ascending) its years, and by (term, document) its occurrences; then every pair of the two
    pairs, times = np.unique(np.stack([of, number]), axis=1, return_counts=True)
    edges = np.searchsorted(at, np.arange(len(held) + 1))
    sizes = np.diff(edges)[pairs[1]]
    row = np.repeat(np.arange(len(times)), sizes)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + edges[pairs[1]][row]
    own = [(k, int(bin_of[term])) for k, phrase in enumerate(phrases) for term in phrase if bin_of[term] >= 0]
    less = [(pairs[:, k], bin, -times[k]) for term, bin in own for k in np.flatnonzero(pairs[0] == term)]
    terms = np.append(pairs[0][row], [pair[0] for pair, _, _ in less]).astype(np.int64)
    places = np.append(pairs[1][row], [pair[1] for pair, _, _ in less]).astype(np.int64)
    bins = np.append(met[inside], [bin for _, bin, _ in less]).astype(np.int64)
    return terms, held[places], bins, np.append(times[row], [count for _, _, count in less]).astype(np.int64)


def _filled(fill: Any, path: str) -> tuple[Array, Array]:
    """What a kernel writes, in as much room as it turns out to need."""
    room = 1 << 14
    while True:
        rows, bins = np.empty(room, np.int64), np.empty(room, np.int64)
        found = fill(rows, bins)
        if found < 0:
            raise DamagedIndex(f"{path}: holds codes that are no terms.")
        if found <= room:
            return rows[:found], bins[:found]
        room = found


def _added(term: Array, document: Array, bin: Array, count: Array) -> tuple[Array, Array, Array, Array]:
    """Equal rows as one, those of nothing left out."""
    order = np.lexsort((bin, document, term))
    term, document, bin = term[order], document[order], bin[order]
    new = np.ones(len(term), bool)
    new[1:] = (np.diff(term) != 0) | (np.diff(document) != 0) | (np.diff(bin) != 0)
    firsts = np.flatnonzero(new)
    sums = np.add.reduceat(count[order], firsts) if len(firsts) else np.zeros(0, np.int64)
    met = sums > 0
    firsts = firsts[met]
    return term[firsts], document[firsts], bin[firsts], sums[met]
