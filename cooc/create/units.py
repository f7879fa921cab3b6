"""Units: the terms that have rows and columns in the pair matrices, words first, then phrases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Cut, Store, load_block
from cooc.create.tokens import VOCABULARY_FILES, read_array
from cooc.create.work import Work
from cooc.index.files import write_array
from cooc.index.layout import TOKENS, UNITS, VOCABULARY
from cooc.kernels.phrases import find_phrases
from cooc.tokens import Tokenizer

Array = NDArray[Any]


class Units(NamedTuple):
    """Unit u < len(words) is the term `words[u]`; unit len(words) + k is the phrase
    `phrase_terms[phrase_starts[k]:phrase_starts[k + 1]]` (term ids). `listed` are those of `--terms`."""

    words: Array
    phrase_starts: Array
    phrase_terms: Array
    listed: Array

    @property
    def total(self) -> int:
        return len(self.words) + len(self.phrase_starts) - 1

    @property
    def phrases(self) -> int:
        return len(self.phrase_starts) - 1

    def of_terms(self, terms: int) -> Array:
        """The unit of each term id, `total` for a term without a row."""
        units = np.full(terms, self.total, np.uint32)
        units[self.words] = np.arange(len(self.words), dtype=np.uint32)
        return units


def choose_units(
    work: Work, tokenizer: Tokenizer, names: Sequence[str], *, terms: int, most: int | None
) -> tuple[Units, list[str]]:
    """The units of an index, and the names that the corpus does not have.

    The words are the `most` frequent terms (all without a limit) and every word of a listed name: a phrase
    counts from its outer words, and its table is sound only if those have rows.
    """
    chosen = set(frequency_order(work)[:most].tolist()) if most is not None and most < terms else None
    listed, phrases, absent = _listed(work, tokenizer, names)
    if chosen is None:
        words = np.arange(terms, dtype=np.uint32)
    else:
        words = np.array(sorted(chosen.union(*listed, *phrases)), np.uint32)
    unit = {int(term): place for place, term in enumerate(words)} if listed and chosen is not None else None
    singles = sorted(int(term[0]) if unit is None else unit[int(term[0])] for term in listed)
    rows = singles + [len(words) + k for k in range(len(phrases))]
    starts = np.cumsum([0, *(len(phrase) for phrase in phrases)])
    flat = np.array([term for phrase in phrases for term in phrase], np.uint32)
    return Units(words, starts.astype(np.int64), flat, np.array(rows, np.uint32)), absent


def frequency_order(work: Work) -> Array:
    """Term ids by falling occurrences, ties by bytes; the identity unless the tokenizer fixed the ids."""
    folder = work.index / VOCABULARY
    occurrences = read_array(folder / VOCABULARY_FILES["occurrences"])
    by_bytes = read_array(folder / VOCABULARY_FILES["sorted"], "<u4")
    return by_bytes[np.argsort(-occurrences[by_bytes], kind="stable")]


def _listed(
    work: Work, tokenizer: Tokenizer, names: Sequence[str]
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], list[str]]:
    wanted = [(name, tokenizer.words(name)) for name in names]
    ids = term_ids(work, {word for _, words in wanted for word in words})
    listed, phrases, absent = set(), set(), []
    for name, words in wanted:
        sequence = tuple(ids.get(word, -1) for word in words)
        if not sequence or -1 in sequence:
            absent.append(name)
        elif len(sequence) == 1:
            listed.add(sequence)
        else:
            phrases.add(sequence)
    return sorted(listed), sorted(phrases), absent


def term_ids(work: Work, wanted: set[bytes]) -> dict[bytes, int]:
    """The ids of those terms that occur."""
    if not wanted:
        return {}
    folder = work.index / VOCABULARY
    terms = memoryview(read_array(folder / VOCABULARY_FILES["terms"], "<u1").tobytes())
    offsets = read_array(folder / VOCABULARY_FILES["offsets"])
    occurrences = read_array(folder / VOCABULARY_FILES["occurrences"])
    lengths = {len(word) for word in wanted}
    found = {}
    for number in np.flatnonzero(np.isin(np.diff(offsets), list(lengths)) & (occurrences > 0)):
        word = bytes(terms[offsets[number] : offsets[number + 1]])
        if word in wanted:
            found[word] = int(number)
    return found


def write_units(work: Work, units: Units, store: Store, cuts: list[Cut], *, terms: int) -> None:
    """Write `units/`: the words, the phrases with their occurrences and distinct documents, the listed."""
    counts = np.zeros((2, units.phrases), np.int64)
    if units.phrases:
        rows = [(units, store, cut, number, terms) for number, cut in enumerate(cuts)]
        work.tasks("phrases", count_phrases, rows)
        found = [np.fromfile(phrases_path(work, number), np.int64).reshape(-1, 3) for number in range(len(cuts))]
        table = np.concatenate([np.zeros((0, 3), np.int64), *found])
        np.add.at(counts[0], table[:, 0], table[:, 2])
        # a document cut in two gives its phrases twice
        distinct = np.unique(table[:, :2], axis=0)
        counts[1] = np.bincount(distinct[:, 0], minlength=units.phrases)
    folder = work.index / UNITS
    write_array(folder / "words.u32", units.words)
    write_array(folder / "phrase_starts.i64", units.phrase_starts)
    write_array(folder / "phrase_terms.u32", units.phrase_terms)
    write_array(folder / "phrase_occurrences.i64", counts[0])
    write_array(folder / "phrase_documents.i64", counts[1])
    write_array(folder / "listed.u32", units.listed)


def phrases_path(work: Work, number: int) -> Path:
    return work.path(f"phrases/{number}.i64")


def count_phrases(work: Work, units: Units, store: Store, cut: Cut, number: int, terms: int) -> None:
    """Write rows (phrase, document, occurrences) of the phrases that begin in a cut."""
    longest = int(np.diff(units.phrase_starts).max())
    block = load_block(store, cut, units.of_terms(terms), units=units.total, margin=longest)
    positions, phrases = occurrences_in(block.ids, block.start, block.stop, units, terms)
    offsets = np.fromfile(work.index / TOKENS / "offset.0", "<u8") // 2
    document = int(np.searchsorted(offsets, cut.start, side="left")) - 1
    separators = np.flatnonzero(block.ids[block.start : block.stop] == units.total + 1) + block.start
    documents = document + np.searchsorted(separators, positions, side="right")
    keys, times = np.unique(np.stack([phrases.astype(np.int64), documents]), axis=1, return_counts=True)
    write_array(phrases_path(work, number), np.column_stack([keys.T, times]))


def occurrences_in(ids: Array, start: int, stop: int, units: Units, terms: int) -> tuple[Array, Array]:
    """Positions and phrases of all occurrences that begin in `ids[start:stop]`, by position."""
    unit_of = units.of_terms(terms)
    phrase_units = unit_of[units.phrase_terms]
    firsts = phrase_units[units.phrase_starts[:-1]]
    by_first = np.argsort(firsts, kind="stable").astype(np.int64)
    first_starts = np.searchsorted(firsts[by_first], np.arange(units.total + 3)).astype(np.int64)
    room = 1 << 12
    while True:
        positions, phrases = np.empty(room, np.int64), np.empty(room, np.int64)
        found = find_phrases(
            ids, start, stop, by_first, first_starts, units.phrase_starts, phrase_units, positions, phrases
        )
        if found <= room:
            return positions[:found], phrases[:found]
        room = int(found)
