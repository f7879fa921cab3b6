"""Reading an index: opened by its manifest, mapped when asked, checked where touched."""

from __future__ import annotations

import os
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UnknownTerm, UsageError
from cooc.index.files import CheckedArray
from cooc.index.layout import BLOCKS, NGRAMS, PAIRS, TOKENS, UNITS, VOCABULARY
from cooc.index.manifest import (
    MANIFEST,
    WORK,
    FileRecord,
    Manifest,
    NgramRecord,
    WindowRecord,
    names_outside,
    read_manifest,
)
from cooc.tokens import Tokenizer, tokenizer_of

Array = NDArray[Any]

NEAR_TERMS = 2_000_000
"""Near misses are looked for among so many of the most frequent terms."""


NARROW = 128
"""Terms among which a bisection reads the files; above that it keeps the terms it has met, one in so many at most."""


class Index:
    """An index on disk. Holds its path and manifest only; arrays are mapped when first asked for.

    It travels to other processes by its path. Raises an `IndexFault` if the directory is no index.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.manifest: Manifest = read_manifest(self.path)
        for name in names_outside(self.manifest):
            raise DamagedIndex(f"{self.path / MANIFEST}: names {name}, which is not inside the index.")
        self._files = {record.name: record for record in self.manifest.files}
        self._pairs: dict[str, PairMatrix] = {}
        self._ngrams: dict[int, NgramLevel] = {}

    def __reduce__(self) -> tuple[type[Index], tuple[Path]]:
        return type(self), (self.path,)

    def __repr__(self) -> str:
        held = self.manifest
        windows = ", ".join(window.name for window in held.windows)
        return (
            f"<cooc index {self.name}: {held.documents:,} documents, {held.tokens:,} tokens, {held.terms:,} terms, "
            f"windows {windows}, n-grams to {max([1, *(level.n for level in held.ngrams)])}>"
        )

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def digest(self) -> str:
        """The digest of the manifest, which holds the digests of all else: it names this very index."""
        return self.manifest.digest

    def array(self, name: str) -> CheckedArray:
        """A file of the index by its name in the manifest."""
        record = self._files.get(name)
        if record is None:
            raise DamagedIndex(f"{self.path / MANIFEST}: names no file {name}.")
        return CheckedArray(self.path / name, record.bytes, self._block_digests(record))

    @cached_property
    def _blocks(self) -> Array:
        record = self._files.get(BLOCKS)
        if record is None:
            raise DamagedIndex(f"{self.path / MANIFEST}: names no file {BLOCKS}.")
        path = self.path / BLOCKS
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}.") from error
        if (self.path / WORK).is_dir():
            data = data[: record.bytes]  # a suffix array is being added, whose digests come last
        if xxhash.xxh3_128_hexdigest(data) != record.digest:
            raise DamagedIndex(f"{path}: differs from its digest. Restore it or build again.")
        return np.frombuffer(data, "<u8")

    def _block_digests(self, record: FileRecord) -> Array:
        count = -(-record.bytes // (1 << 20))
        digests = self._blocks[record.first_block : record.first_block + count]
        if len(digests) != count or record.first_block < 0:
            raise DamagedIndex(f"{self.path / MANIFEST}: the digests of {record.name} lie outside {BLOCKS}.")
        return digests

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer the index was built with: a query is cut into terms as the corpus was."""
        return tokenizer_of(self.manifest.tokenizer, self.path)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self)

    @cached_property
    def units(self) -> Units:
        return Units(self)

    @property
    def windows(self) -> list[str]:
        """Names of the pair matrices, the default first."""
        return [record.name for record in self.manifest.windows]

    def pairs(self, window: int | str | None = None) -> PairMatrix:
        """The pair matrix of a window (the first one if not named)."""
        for record in self.manifest.windows:
            if window is None or record.name == str(window):
                if record.name not in self._pairs:
                    self._pairs[record.name] = PairMatrix(self, record)
                return self._pairs[record.name]
        raise UsageError(f"{self.name} has no window {window}; it has {', '.join(self.windows)}.")

    def ngrams(self, n: int) -> NgramLevel:
        """The n-grams of an order from 2 up."""
        for record in self.manifest.ngrams:
            if record.n == n:
                if n not in self._ngrams:
                    self._ngrams[n] = NgramLevel(self, record)
                return self._ngrams[n]
        counted = max([1, *(record.n for record in self.manifest.ngrams)])
        raise UsageError(f"{self.name} has no {n}-grams; it was built with --ngrams {counted}.")

    @cached_property
    def tokens(self) -> TokenStore:
        return TokenStore(self)


class Vocabulary:
    """The terms of an index by id, most frequent first (a fixed tokenizer's ids are its own)."""

    def __init__(self, index: Index) -> None:
        self._index, self.size = index, index.manifest.terms
        self._terms = index.array(f"{VOCABULARY}/terms.u8")
        self._offsets = index.array(f"{VOCABULARY}/offsets.i64")
        self.occurrences = index.array(f"{VOCABULARY}/occurrences.i64")
        self.documents = index.array(f"{VOCABULARY}/documents.i64")
        self._sorted = index.array(f"{VOCABULARY}/sorted.u32")
        self._pivots: dict[int, bytes] = {}  # terms at which every bisection begins

    def __len__(self) -> int:
        return self.size

    def bytes_of(self, term: int) -> bytes:
        """The UTF-8 bytes of a term."""
        start, stop = self._offsets.slice(term, term + 2).tolist()
        return self._terms.slice(start, stop).tobytes()

    def term(self, term: int) -> str:
        """A term as text; bytes that are no UTF-8 (of the `bytes` tokenizer) as \\xNN."""
        return self.bytes_of(term).decode("utf-8", "backslashreplace")

    def terms(self, ids: Array | list[int]) -> list[str]:
        return [self.term(int(term)) for term in ids]

    def all_terms(self) -> list[str]:
        """Every term as text, at once."""
        data, offsets = self._terms.all().tobytes(), self._offsets.all().tolist()
        return [data[a:b].decode("utf-8", "backslashreplace") for a, b in pairwise(offsets)]

    def id(self, word: bytes) -> int | None:
        """The id of a term by its bytes, or None."""
        low, high = 0, len(self._sorted)
        while low < high:
            middle = (low + high) // 2
            found = self._pivots.get(middle)
            if found is None:
                found = self.bytes_of(self._sorted[middle])
                if high - low >= NARROW:
                    self._pivots[middle] = found
            if found < word:
                low = middle + 1
            else:
                high = middle
        if low < len(self._sorted):
            term = self._sorted[low]
            if self.bytes_of(term) == word:
                return term
        return None

    def ids(self, phrase: str, *, near: bool = True) -> list[int]:
        """The term ids of a phrase, cut as the corpus was. Raises `UnknownTerm`, with near misses if asked to look."""
        words = self._index.tokenizer.words(phrase)
        if not words:
            raise UnknownTerm(f'"{phrase}" holds no term: the index keeps letters and digits.')
        found = []
        for word in words:
            term = self._occurring(word)
            if term is None:
                raise UnknownTerm(self._unknown(word, near=near))
            found.append(term)
        return found

    def known_ids(self, phrase: str) -> list[int]:
        """The term ids of a phrase, none where a word of it does not occur: for lists, as near misses take long."""
        ids = [self._occurring(word) for word in self._index.tokenizer.words(phrase)]
        return [] if None in ids else [term for term in ids if term is not None]

    def _occurring(self, word: bytes) -> int | None:
        term = self.id(word)
        return None if term is None or self.occurrences[term] == 0 else term

    def near(self, word: bytes, *, most: int = 3) -> list[tuple[str, int]]:
        """The frequent terms nearest in spelling, with their occurrences."""
        from cooc.kernels.terms import edit_distances  # numba takes a third of a second, and most answers do without

        size = min(self.size, NEAR_TERMS)
        if size == 0:
            return []
        limit = 1 if len(word) < 5 else 2
        offsets = self._offsets.slice(0, size + 1)
        distances = np.empty(size, np.int64)
        edit_distances(self._terms.slice(0, int(offsets[-1])), offsets, np.frombuffer(word, np.uint8), limit, distances)
        occurrences = self.occurrences.slice(0, size)
        near = np.flatnonzero((distances <= limit) & (occurrences > 0))
        order = near[np.lexsort((-occurrences[near].astype(np.int64), distances[near]))][:most]
        return [(self.term(int(term)), int(occurrences[term])) for term in order]

    def _unknown(self, word: bytes, *, near: bool) -> str:
        text = word.decode("utf-8", "backslashreplace")
        found = ", ".join(f"{term} ({count:,})" for term, count in self.near(word)) if near else ""
        return f'"{text}" is not in the vocabulary of {self._index.name}.' + (f" Nearest: {found}." if found else "")


class Units:
    """The units that have rows and columns in the pair matrices: words, then phrases of `--terms`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.words, self.phrases = index.manifest.unit_words, index.manifest.unit_phrases
        self._words = index.array(f"{UNITS}/words.u32")
        self._phrase_starts = index.array(f"{UNITS}/phrase_starts.i64")
        self._phrase_terms = index.array(f"{UNITS}/phrase_terms.u32")
        self.phrase_occurrences = index.array(f"{UNITS}/phrase_occurrences.i64")
        self.phrase_documents = index.array(f"{UNITS}/phrase_documents.i64")
        self._listed = index.array(f"{UNITS}/listed.u32")

    def __len__(self) -> int:
        return self.words + self.phrases

    @property
    def listed(self) -> Array:
        """The units of `--terms`, ascending."""
        return self._listed.all()

    @property
    def word_terms(self) -> Array:
        """The term id of each word unit, ascending."""
        return self._words.all()

    def term_ids(self, unit: int) -> list[int]:
        """The term ids a unit consists of."""
        if unit < self.words:
            return [self._words[unit]]
        start, stop = self._phrase_starts.slice(unit - self.words, unit - self.words + 2).tolist()
        return [int(term) for term in self._phrase_terms.slice(start, stop)]

    def name(self, unit: int) -> str:
        """A unit as text, words joined by spaces."""
        return " ".join(self._index.vocabulary.terms(self.term_ids(unit)))

    def names(self, units: Array | list[int]) -> list[str]:
        return [self.name(int(unit)) for unit in units]

    def find(self, terms: list[int]) -> int | None:
        """The unit of a sequence of term ids, or None if it has no row."""
        if len(terms) == 1:
            if self.words == self._index.manifest.terms:
                return terms[0]
            ids = self.word_terms
            place = int(np.searchsorted(ids, terms[0]))
            return place if place < len(ids) and ids[place] == terms[0] else None
        return self._by_terms.get(tuple(terms))

    @cached_property
    def _by_terms(self) -> dict[tuple[int, ...], int]:
        """The units of phrases by their term ids."""
        units = range(self.words, self.words + self.phrases)
        return {tuple(self.term_ids(unit)): unit for unit in units}

    def unit(self, phrase: str) -> int:
        """The unit of a phrase as a user writes it. Raises `UnknownTerm` if it does not occur or has no row."""
        found = self.find(self._index.vocabulary.ids(phrase))
        if found is None:
            held = self._index.manifest.parameters
            why = "is a phrase" if len(self._index.vocabulary.ids(phrase)) > 1 else (
                f"is not among the {held.max_terms:,} terms of --max-terms" if held.max_terms else "has no row"
            )  # fmt: skip
            raise UnknownTerm(
                f'"{phrase}" has no row in {self._index.name}: it {why}. Build with --terms FILE naming it.'
            )
        return found

    def occurrences(self, unit: int) -> int:
        if unit < self.words:
            return self._index.vocabulary.occurrences[self._words[unit]]
        return self.phrase_occurrences[unit - self.words]


class PairMatrix:
    """The pair counts of one window. Row a, column b: the pairs in which b stands in a's window.

    `total` is N; counts, marginals and N are in units of 1/`unit`. `cells[starts[r]:starts[r + 1]]` is row r.
    """

    def __init__(self, index: Index, record: WindowRecord) -> None:
        self.record, self.total, self.unit = record, record.total, record.unit
        self.rows = index.manifest.unit_words + index.manifest.unit_phrases
        folder = f"{PAIRS}/{record.name}"
        self.cells = index.array(f"{folder}/cells.u8")
        self.starts = index.array(f"{folder}/starts.i64")
        self.row_sums = index.array(f"{folder}/row_sums.i64")
        one_sum = record.direction == "symmetric"
        self.column_sums = self.row_sums if one_sum else index.array(f"{folder}/column_sums.i64")
        self._only = set(index.units.listed.tolist()) if record.window is None else None

    def has_row(self, unit: int) -> bool:
        """Whether the unit's row is stored; in the document window only those of `--terms` are."""
        return self._only is None or unit in self._only

    def row(self, unit: int) -> tuple[Array, Array]:
        """The columns (units, ascending) of a row and their counts."""
        from cooc.kernels.rows import read_row

        start, stop = self.starts.slice(unit, unit + 2).tolist()
        data = self.cells.slice(start, stop)
        columns, counts = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
        found = read_row(data, columns, counts)
        if found < 0 or (found and columns[found - 1] >= self.rows):
            raise DamagedIndex(f"{self.cells.path}: the row of unit {unit} is no row.")
        return columns[:found].copy(), counts[:found].copy()

    def cell(self, a: int, b: int) -> int:
        """The count of one cell; 0 where none is stored."""
        columns, counts = self.row(a)
        place = int(np.searchsorted(columns, b))
        return int(counts[place]) if place < len(columns) and columns[place] == b else 0


class NgramLevel:
    """The n-grams of one order that reach the threshold, in the order of their ids.

    n-gram k extends row r, the (n-1)-gram number r, by the term `last[k]`, for k in
    `starts[r]:starts[r + 1]`; row r of order 2 is term r. `prefix_sums[r]` and `column_sums[term]` are the
    occurrences of all n-grams that begin so and end so, and `total` of all.
    """

    def __init__(self, index: Index, record: NgramRecord) -> None:
        self.n, self.minimum, self.kept, self.total = record.n, record.minimum, record.kept, record.total
        self.index = index
        folder = f"{NGRAMS}/{record.n}"
        self.starts = index.array(f"{folder}/starts.i64")
        self.last = index.array(f"{folder}/last.u32")
        self.counts = index.array(f"{folder}/counts.i64")
        self.prefix_sums = index.array(f"{folder}/prefix_sums.i64")
        self.column_sums = index.array(f"{folder}/column_sums.i64")

    def row_of(self, prefix: list[int]) -> int | None:
        """The number of an (n-1)-gram of term ids, or None if it is below the threshold."""
        row = prefix[0]
        for order, term in enumerate(prefix[1:], start=2):
            level = self if order == self.n else self.index.ngrams(order)
            start, stop = level.starts.slice(row, row + 2).tolist()
            last = level.last.slice(start, stop)
            place = int(np.searchsorted(last, term))
            if place == len(last) or last[place] != term:
                return None
            row = start + place
        return row

    def count(self, ids: list[int]) -> int | None:
        """The occurrences of an n-gram of term ids, or None below the threshold."""
        number = self.row_of(ids)
        return None if number is None else self.counts[number]


class TokenStore:
    """The corpus as codes: an infini-gram directory."""

    def __init__(self, index: Index) -> None:
        self.path = index.path / TOKENS
        self.codes = index.array(f"{TOKENS}/tokenized.0")
        self.offsets = index.array(f"{TOKENS}/offset.0")
        self.metadata = index.array(f"{TOKENS}/metadata.0")
        self.metadata_offsets = index.array(f"{TOKENS}/metaoff.0")
        self.singles = 65_535 if index.manifest.codes == "plain" else 49_152
        self.documents = index.manifest.documents
        phrases = index.manifest.phrases
        self.pointer_width = 0 if phrases is None else phrases.width
        self.table = None if phrases is None else index.array(f"{TOKENS}/table.0")
        """The suffix array: pointers of `pointer_width` bytes, little-endian byte offsets into `codes`, in the order of
        the bytes there; None for an index without one."""

    def all_codes(self) -> Array:
        """The codes of the whole store, checked."""
        return self.codes.all().view("<u2")

    def document_starts(self) -> Array:
        """Where each document's separator stands, in codes."""
        return self.offsets.all().view("<u8").astype(np.int64) // 2
