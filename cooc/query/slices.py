"""Counts in some documents only: what an index of those documents alone would say, from one reading of the store.

The documents are chosen by an expression (where.py). A reading passes over what lies between them; documents are
read some at a time, on several threads, and what each thread counts is added up.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.files import BLOCK
from cooc.index.reader import Index, PairMatrix
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR
from cooc.kernels.scan import count_phrases, pair_documents
from cooc.kernels.slices import (
    add_sides,
    count_row,
    count_row_in_documents,
    count_tokens,
    decode_units,
    find_holding,
    find_phrases_of,
    gather_documents,
    sum_sides,
)
from cooc.query.rank import ALPHA, in_pairs, smoothed_total
from cooc.query.scan import ENDLESS, codes_of, marked
from cooc.query.where import Matches, matches_of

Array = NDArray[Any]
S = TypeVar("S")

CHUNK = 4 << 20
"""Codes that one thread reads at a time, or one document: decoded with their contexts they take 22 bytes each."""

SUMS = 1 << 28
"""Bytes of the sums of all threads: a large vocabulary is counted on fewer."""

REST = "rest"
"""As the expression to compare with: all documents that the other one does not match."""


class Slice:
    """The documents of an index that an expression matches.

    `documents_missing` are those of which it says nothing, since a field it asks for is missing or has no order
    to the value; they are not in the slice, and in its `rest` they are.
    """

    def __init__(self, index: Index, where: str, matches: Matches) -> None:
        self.index, self.where = index, where
        self.mask, self.documents_missing = matches
        self.documents = int(np.count_nonzero(self.mask))
        self._matrices: dict[str, SliceMatrix] = {}

    @cached_property
    def rest(self) -> Slice:
        """The documents that are not in the slice."""
        return Slice(self.index, f"not in {self.where}", Matches(~self.mask, self.documents_missing))

    @cached_property
    def tokens(self) -> int:
        """The tokens of these documents."""
        codes = int((self._ends - self._begins).sum())
        if self.index.tokens.singles == SEPARATOR or self.index.manifest.terms <= self.index.tokens.singles:
            return codes - self.documents
        first_trail = np.uint16(FIRST_TRAIL)
        return sum(self.mapped(lambda codes: int(count_tokens(codes, first_trail))))

    @property
    def share(self) -> float:
        """Of the tokens of the corpus."""
        return self.tokens / self.index.manifest.tokens if self.index.manifest.tokens else 0.0

    def pairs(self, window: int | str | None = None) -> SliceMatrix:
        """What the index has of a window, for these documents."""
        matrix = self.index.pairs(window)
        return self._matrices.setdefault(matrix.record.name, SliceMatrix(self, matrix))

    def to_dict(self) -> dict[str, Any]:
        """What the slice is, for a result."""
        return {
            "where": self.where, "documents": self.documents, "tokens": self.tokens, "share": self.share,
            "documents_missing": self.documents_missing,
        }  # fmt: skip

    @cached_property
    def _edges(self) -> tuple[Array, Array]:
        store = self.index.tokens
        starts, codes = store.document_starts(), len(store.codes) // 2
        edges = np.append(starts, codes)
        if len(starts) != len(self.mask) or (len(starts) and starts[0] != 0) or (edges[1:] <= edges[:-1]).any():
            raise DamagedIndex(f"{store.offsets.path}: its documents do not follow each other.")
        return edges[:-1][self.mask], edges[1:][self.mask]

    @property
    def _begins(self) -> Array:
        return self._edges[0]

    @property
    def _ends(self) -> Array:
        return self._edges[1]

    @cached_property
    def _groups(self) -> list[tuple[int, int]]:
        """Numbers among the chosen documents, from and to, of those that are read together."""
        sizes = np.cumsum(self._ends - self._begins)
        apart = self._begins[1:] - self._ends[:-1] > BLOCK // 2
        cuts = np.flatnonzero(apart | (np.diff((sizes - 1) // CHUNK) > 0)) + 1
        edges = [0, *cuts.tolist(), self.documents]
        return [(a, b) for a, b in pairwise(edges) if a < b]

    def _codes(self, group: tuple[int, int]) -> Array:
        """The codes of a group's documents, one behind the other."""
        begins, ends = self._begins[slice(*group)], self._ends[slice(*group)]
        store, base = self.index.tokens.codes, int(begins[0])
        span: Array = store.slice(2 * base, 2 * int(ends[-1])).view("<u2")
        codes = np.empty(int((ends - begins).sum()), np.uint16)
        if not gather_documents(span, begins - base, ends - base, codes):
            raise DamagedIndex(f"{self.index.tokens.offsets.path}: a document does not begin with a separator.")
        return codes

    def folded(self, begin: Callable[[], S], step: Callable[[S, Array], None], *, most: int = 1 << 10) -> list[S]:
        """What `step` made of `begin()` in each thread, over the codes of all chosen documents.

        Codes come in groups of whole documents, each group once. At most `most` threads.
        """
        groups, lock = iter(self._groups), threading.Lock()

        def run() -> S:
            state = begin()
            while True:
                with lock:
                    group = next(groups, None)
                if group is None:
                    return state
                step(state, self._codes(group))

        threads = max(1, min(len(self._groups), os.cpu_count() or 1, most))
        if threads == 1:
            return [run()]
        with ThreadPoolExecutor(threads) as pool:
            return [task.result() for task in [pool.submit(run) for _ in range(threads)]]

    def mapped(self, function: Callable[[Array], S]) -> list[S]:
        """The function of the codes of each group, in no order."""
        found = self.folded(list[S], lambda results, codes: results.append(function(codes)))
        return [result for part in found for result in part]


def slice_of(index: Index, where: str) -> Slice:
    """The slice of an expression, kept with the index for the next who asks."""
    known: dict[str, Slice] = vars(index).setdefault("_slices", {})
    if where not in known:
        while len(known) >= 8:  # each may hold marginals, 16 bytes a unit and window
            known.pop(next(iter(known)))
        known[where] = Slice(index, where, matches_of(index, where))
    return known[where]


def slices_of(index: Index, where: str | None, against: str | None) -> tuple[Slice, ...]:
    """The slice asked for, and the one to compare it with; none where none is asked for."""
    if where is None:
        if against is not None:
            raise UsageError("--against compares with the slice of --where, which is not given.")
        return ()
    first = slice_of(index, where)
    if against is None:
        return (first,)
    return first, first.rest if against.strip().lower() == REST else slice_of(index, against)


class Phrases(NamedTuple):
    """The phrases that have rows, by their units, for `find_phrases_of`."""

    starts: Array
    units: Array
    lengths: Array
    firsts: Array
    first_starts: Array
    marks: Array

    @property
    def longest(self) -> int:
        return int(self.lengths.max(initial=1))


class Coding(NamedTuple):
    """How codes become units: `unit_of[term]`, and numbers for a token without a row and a separator."""

    unit_of: Array
    words: int
    units: int
    singles: int
    phrases: Phrases

    @property
    def none(self) -> np.uint32:
        return np.uint32(self.units)

    @property
    def separator(self) -> np.uint32:
        return np.uint32(self.units + 1)


def coding_of(index: Index) -> Coding:
    """The coding of an index, kept with it."""
    held: Coding | None = vars(index).get("_coding")
    if held is None:
        held = vars(index)["_coding"] = _coding(index)
    return held


def _coding(index: Index) -> Coding:
    units, terms = len(index.units), index.manifest.terms
    word_terms = index.units.word_terms
    if (word_terms >= terms).any() or len(word_terms) != index.units.words:
        raise DamagedIndex(f"{index.path}: units/words.u32 names terms that there are not. Build again.")
    unit_of = np.full(terms, units, np.uint32)
    unit_of[word_terms] = np.arange(len(word_terms), dtype=np.uint32)
    ids = [index.units.term_ids(unit) for unit in range(index.units.words, units)]
    lengths = np.array([len(phrase) for phrase in ids], np.int64)
    flat = np.array([term for phrase in ids for term in phrase], np.int64)
    if (flat >= terms).any() or (lengths < 2).any():
        raise DamagedIndex(f"{index.path}: units/phrase_terms.u32 names terms that there are not. Build again.")
    starts = np.append(0, np.cumsum(lengths)).astype(np.int64)
    of_phrases = unit_of[flat]
    firsts, first_starts = np.unique(of_phrases[starts[:-1]], return_index=True)
    marks = np.zeros(units + 2, np.uint8)
    marks[firsts] = 1
    phrases = Phrases(starts, of_phrases, lengths, firsts, np.append(first_starts, len(ids)).astype(np.int64), marks)
    return Coding(unit_of, index.units.words, units, index.tokens.singles, phrases)


class Decoded(NamedTuple):
    """Some documents as units between separators, with the occurrences of the phrases that have rows."""

    ids: Array
    at: Array
    of: Array


def decoded(index: Index, codes: Array) -> Decoded:
    coding = coding_of(index)
    ids = np.empty(len(codes) + 1, np.uint32)
    size = decode_units(codes, np.uint64(coding.singles), coding.unit_of, coding.separator, ids)
    if size < 0:
        raise DamagedIndex(f"{index.tokens.codes.path}: holds codes that are no terms.")
    ids[size] = coding.separator
    return Decoded(ids[: size + 1], *_occurrences(coding.phrases, ids[: size + 1]))


def _occurrences(phrases: Phrases, ids: Array) -> tuple[Array, Array]:
    room = 1 << 12 if len(phrases.lengths) else 0
    while True:
        at, of = np.empty(room, np.int64), np.empty(room, np.int64)
        if not len(phrases.lengths):
            return at, of
        found = find_phrases_of(
            ids, phrases.marks, phrases.firsts, phrases.first_starts, phrases.starts, phrases.units, room, at, of
        )
        if found <= room:
            return at[:found], of[:found]
        room = int(found)


class Sums(NamedTuple):
    """Marginals by unit, read like those of an index."""

    values: Array

    def __getitem__(self, unit: Any) -> Any:
        return self.values[unit]

    def all(self) -> Array:
        return self.values


class SliceMatrix:
    """The pair counts of one window in a slice; read like `PairMatrix`, and counted when asked for.

    Nothing is below a threshold, and the document window has all rows.
    """

    def __init__(self, part: Slice, matrix: PairMatrix) -> None:
        self.part, self.index, self.record, self.unit = part, part.index, matrix.record, matrix.unit
        self.rows = matrix.rows
        size = self.record.window
        self.size = ENDLESS if size is None else size
        self.left = 0 if self.record.direction == "right" else self.size
        self.right = 0 if self.record.direction == "left" else self.size

    @cached_property
    def _sums(self) -> tuple[Array, Array]:
        """The contexts of each unit after it and before it; their sum twice where the window is on both sides."""
        both, units = self.record.direction == "symmetric", self.rows
        coding = coding_of(self.index)
        weights = self._weights if self.record.weighting == "harmonic" else np.zeros(0, np.int64)

        def begin() -> tuple[Array, Array]:
            ahead = np.zeros(units, np.int64)
            return ahead, ahead if both else np.zeros(units, np.int64)

        def step(sums: tuple[Array, Array], codes: Array) -> None:
            ids, at, of = decoded(self.index, codes)
            ahead, behind = np.empty(len(ids), np.int64), np.empty(len(ids), np.int64)
            sum_sides(ids, coding.separator, coding.none, self.size, weights, ahead, behind)
            add_sides(ids, coding.words, at, of, coding.phrases.lengths, ahead, behind, *sums)

        parts = self.part.folded(begin, step, most=max(1, SUMS // (8 * units * (1 if both else 2) + 1)))
        ahead = added(part[0] for part in parts)
        return ahead, ahead if both else added(part[1] for part in parts)

    @property
    def row_sums(self) -> Sums:
        return Sums(self._sums[self.record.direction == "left"])

    @property
    def column_sums(self) -> Sums:
        return Sums(self._sums[self.record.direction != "left"])

    @cached_property
    def total(self) -> int:
        return int(self.row_sums.values[: self.index.units.words].sum())

    @property
    def _weights(self) -> Array:
        weights = np.zeros(self.size + 1, np.int64)
        weights[1:] = self.unit // np.arange(1, self.size + 1) if self.record.weighting == "harmonic" else 1
        return weights

    def row(self, unit: int) -> tuple[Array, Array]:
        """The columns (units, ascending) of a row and their counts."""
        counts = self._counts([unit], unit)[0]
        columns = np.flatnonzero(counts)
        return columns, counts[columns]

    def cell(self, a: int, b: int) -> tuple[int, int]:
        """The count of one cell, and the documents that hold a pair of it."""
        counts, documents = self._counts([a, b], a, together=b)
        return int(counts[b]), documents

    def _counts(self, held: list[int], unit: int, together: int | None = None) -> tuple[Array, int]:
        """A row of counts by unit, over the documents that hold all of some units."""
        coding, index, reach = coding_of(self.index), self.index, (self.left, self.right)
        phrases = [codes_of(index, index.units.term_ids(each)) for each in held]
        row = coding.unit_of[index.units.term_ids(unit)]
        other = None if together is None else codes_of(index, index.units.term_ids(together))
        weights = None if self.record.window is None else self._weights

        def step(state: tuple[Array, list[int]], codes: Array) -> None:
            for phrase in phrases:
                codes = holding(codes, phrase)
            if not len(codes):
                return
            ids, at, of = decoded(index, codes)
            around = coding.separator, row, coding.words, at, of, coding.phrases.lengths, coding.phrases.longest
            if weights is None:
                count_row_in_documents(ids, *around, state[0])
            else:
                count_row(ids, *around, *reach, weights, state[0])
            if other is not None:
                state[1].append(together_in(index, codes, phrases[0], other, reach))

        parts = self.part.folded(
            lambda: (np.zeros(coding.units + 2, np.int64), list[int]()), step, most=max(1, SUMS // (8 * coding.units))
        )
        counts = added(part[0] for part in parts)[: coding.units]
        return counts, sum(sum(part[1]) for part in parts)

    def with_smoothed_total(self, parameters: dict[str, float]) -> dict[str, float]:
        """The parameters and the Σ C1^α over all words of the slice that `ppmi_cds` needs."""
        words = in_pairs(self.column_sums.values[: self.index.units.words], self.unit)
        return {**parameters, "smoothed_total": smoothed_total(words, parameters.get("alpha", ALPHA))}


def added(parts: Iterable[Array]) -> Array:
    """The sum of arrays, in the first of them."""
    first, *others = parts
    for part in others:
        first += part
    return first


def holding(codes: Array, phrase: Array) -> Array:
    """The documents that hold a phrase of codes, one behind the other."""
    room = int(np.count_nonzero(codes == SEPARATOR))
    begins, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    found = int(find_holding(codes, phrase, begins, ends))
    begins, ends = begins[:found], ends[:found]
    kept = np.empty(int((ends - begins).sum()), np.uint16)
    gather_documents(codes, begins, ends, kept)
    return kept


def together_in(index: Index, codes: Array, a: Array, b: Array, reach: tuple[int, int]) -> int:
    """The documents among these codes in which b stands in the window of a."""
    first_trail = np.uint16(SEPARATOR if index.tokens.singles == SEPARATOR else FIRST_TRAIL)
    rings = np.zeros(len(a), np.int64), np.zeros(len(b), np.int64)
    return int(pair_documents(codes, marked(np.array([a[0], b[0]])), first_trail, a, b, *reach, *rings))


def phrase_counts_in(part: Slice, phrases: Sequence[Sequence[int]]) -> Array:
    """Occurrences and distinct documents (2, phrases) of phrases of term ids, all by one pass over a slice."""
    coded = [codes_of(part.index, phrase) for phrase in phrases]
    starts = np.cumsum([0, *map(len, coded)]).astype(np.int64)
    firsts = np.array([codes[0] for codes in coded], np.int64)
    by_first = np.argsort(firsts, kind="stable").astype(np.int64)
    first_starts = np.searchsorted(firsts[by_first], np.arange(SEPARATOR + 1)).astype(np.int64)
    flat = np.concatenate([*coded, np.zeros(0, np.uint16)])
    marks = marked(firsts)

    def step(counts: Array, codes: Array) -> None:
        seen = np.full(len(coded), -1, np.int64)
        count_phrases(codes, marks, by_first, first_starts, starts, flat, counts[0], counts[1], seen)

    parts = part.folded(lambda: np.zeros((2, len(coded)), np.int64), step)
    return added(parts)
