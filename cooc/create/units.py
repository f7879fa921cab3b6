"""Units: the terms that have rows and columns in the pair matrices, words first, then phrases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Corpus, Cut, Store, load_block
from cooc.create.vocabulary import VOCABULARY_FILES
from cooc.create.work import Work
from cooc.index.files import NewFile, items_of, read_sealed, read_slice, write_array, write_sealed
from cooc.index.layout import UNITS, VOCABULARY
from cooc.kernels.phrases import find_phrases
from cooc.tokens import Tokenizer

Array = NDArray[Any]

TERMS_READ = 1 << 18
"""Terms looked through at a time."""


class Units(NamedTuple):
    """Term t < `first` is unit t; the term `more[k]` is unit `first + k`; phrase k is unit `words + k` and
    consists of the units `phrase_units[phrase_starts[k]:phrase_starts[k + 1]]`. `listed` are the units of
    `--terms`, ascending. `terms` is the number of terms in the store."""

    terms: int
    first: int
    more: Array
    phrase_starts: Array
    phrase_units: Array
    listed: Array

    @property
    def words(self) -> int:
        return self.first + len(self.more)

    @property
    def phrases(self) -> int:
        return len(self.phrase_starts) - 1

    @property
    def total(self) -> int:
        return self.words + self.phrases

    @property
    def longest(self) -> int:
        """Words in the longest phrase; 0 without phrases."""
        return int(np.diff(self.phrase_starts).max(initial=0))

    def unit_of(self, term: int) -> int:
        """The unit of a term that has one."""
        return term if term < self.first else self.first + int(np.searchsorted(self.more, term))

    def terms_of(self, start: int, stop: int) -> Array:
        """The terms of the word units [start, stop)."""
        plain = np.arange(start, min(stop, self.first), dtype=np.uint32)
        return np.concatenate([plain, self.more[max(0, start - self.first) : max(0, stop - self.first)]])


def choose_units(
    work: Work, tokenizer: Tokenizer, names: Sequence[str], *, terms: int, most: int | None
) -> tuple[Units, list[str]]:
    """The units of an index, kept for the tasks, and the names that the corpus does not have.

    The words are the `most` frequent terms (all without a limit) and every word of a listed name: a phrase
    counts from its outer words, and its table is sound only if those have rows.
    """
    listed, phrases, absent = _listed(work, tokenizer, names)
    named = {term for sequence in (*listed, *phrases) for term in sequence}
    first, more = terms, np.zeros(0, np.uint32)
    if most is not None and most < terms:
        first, frequent = (most, []) if tokenizer.fixed is None else (0, frequent_terms(work, most))
        more = np.array(sorted({*frequent, *(term for term in named if term >= first)}), np.uint32)
    plain = Units(terms, first, more, np.zeros(1, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    starts = np.cumsum([0, *(len(phrase) for phrase in phrases)]).astype(np.int64)
    flat = np.array([plain.unit_of(term) for phrase in phrases for term in phrase], np.uint32)
    rows = sorted(plain.unit_of(term) for (term,) in listed) + [plain.words + k for k in range(len(phrases))]
    units = plain._replace(phrase_starts=starts, phrase_units=flat, listed=np.array(rows, np.uint32))
    keep_units(work, units)
    return units, absent


def keep_units(work: Work, units: Units) -> None:
    """Keep the units for `load_units`."""
    folder = work.path("units")
    for name in ("more.u32", "phrase_starts.i64", "phrase_units.u32", "listed.u32"):
        write_array(folder / name, getattr(units, name.partition(".")[0]))
    write_sealed(folder / "units.json", msgspec.json.encode([units.terms, units.first]))


def load_units(work: Work) -> Units:
    """The units of the build; read once in a process."""
    return work.recall("units", _read_units)


def _read_units(work: Work) -> Units:
    folder = work.path("units")
    terms, first = msgspec.json.decode(read_sealed(folder / "units.json"))
    arrays = [read_slice(folder / name, 0, items_of(folder / name))
              for name in ("more.u32", "phrase_starts.i64", "phrase_units.u32", "listed.u32")]  # fmt: skip
    return Units(terms, first, *arrays)


def frequent_terms(work: Work, most: int) -> list[int]:
    """The `most` frequent terms of a tokenizer that fixed the ids, ties by bytes."""
    folder = work.index / VOCABULARY
    occurrences, by_bytes = (
        read_slice(folder / name, 0, items_of(folder / name))
        for name in (VOCABULARY_FILES["occurrences"], VOCABULARY_FILES["sorted"])
    )
    order: list[int] = by_bytes[np.argsort(-occurrences[by_bytes], kind="stable")][:most].tolist()
    return order


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
    folder = work.index / VOCABULARY
    lengths, found = sorted({len(word) for word in wanted}), {}
    terms = items_of(folder / VOCABULARY_FILES["occurrences"]) if wanted else 0
    for start in range(0, terms, TERMS_READ):
        stop = min(terms, start + TERMS_READ)
        offsets = read_slice(folder / VOCABULARY_FILES["offsets"], start, stop + 1)
        occurrences = read_slice(folder / VOCABULARY_FILES["occurrences"], start, stop)
        data = read_slice(folder / VOCABULARY_FILES["terms"], int(offsets[0]), int(offsets[-1])).tobytes()
        offsets -= offsets[0]
        for number in np.flatnonzero(np.isin(np.diff(offsets), lengths) & (occurrences > 0)).tolist():
            word = data[offsets[number] : offsets[number + 1]]
            if word in wanted:
                found[word] = start + number
    return found


class InCut(msgspec.Struct, frozen=True):
    """What a cut says of the phrases' documents: whether its first document began before it and its last goes
    on after it, whether these are one, and the phrases found in either."""

    begins_inside: bool
    ends_inside: bool
    one_document: bool
    in_first: list[int]
    in_last: list[int]


def write_units(work: Work, units: Units, corpus: Corpus) -> None:
    """Write `units/`: the words, the phrases with their occurrences and distinct documents, the listed."""
    occurrences, documents = np.zeros(units.phrases, np.int64), np.zeros(units.phrases, np.int64)
    if units.phrases:
        found = work.tasks("phrases", count_phrases,
                           [(corpus.store, cut, number) for number, cut in enumerate(corpus.cuts)])  # fmt: skip
        begun = set[int]()
        for number, told in enumerate(found):
            cut = msgspec.convert(told, InCut)
            counts = read_slice(phrases_path(work, number), 0, 2 * units.phrases).reshape(2, -1)
            occurrences += counts[0]
            documents += counts[1]
            twice = begun.intersection(cut.in_first) if cut.begins_inside else set[int]()
            documents[sorted(twice)] -= 1  # counted already, in an earlier piece of the same document
            begun = {*cut.in_last, *(begun if cut.one_document and cut.begins_inside else ())}
            begun = begun if cut.ends_inside else set()
    folder = work.index / UNITS
    with NewFile(folder / "words.u32") as file:
        for start in range(0, units.words, TERMS_READ):
            file.write_array(units.terms_of(start, min(units.words, start + TERMS_READ)))
    phrase_terms = [units.terms_of(unit, unit + 1)[0] for unit in units.phrase_units.tolist()]
    write_array(folder / "phrase_starts.i64", units.phrase_starts)
    write_array(folder / "phrase_terms.u32", np.array(phrase_terms, np.uint32))
    write_array(folder / "phrase_occurrences.i64", occurrences)
    write_array(folder / "phrase_documents.i64", documents)
    write_array(folder / "listed.u32", units.listed)


def phrases_path(work: Work, number: int) -> Any:
    return work.path(f"phrases/{number}.i64")


def count_phrases(work: Work, store: Store, cut: Cut, number: int) -> InCut:
    """Write the occurrences and the distinct documents of each phrase in a cut, by where it begins."""
    units = load_units(work)
    block = load_block(store, cut, units, margin=units.longest)
    edges = np.flatnonzero(block.ids[block.start : block.stop] == block.separator) + block.start
    counts = np.zeros((2, units.phrases), np.int64)
    last_seen = np.full(units.phrases, -1, np.int64)
    in_first = np.zeros(units.phrases, bool)
    for positions, phrases in pieces_of_occurrences(block, units, work.share):
        document = np.searchsorted(edges, positions, side="right")
        counts[0] += np.bincount(phrases, minlength=units.phrases)
        in_first[phrases[document == 0]] = True
        new = np.ones(len(phrases), bool)
        order = np.lexsort((document, phrases))
        same = (phrases[order][1:] == phrases[order][:-1]) & (document[order][1:] == document[order][:-1])
        new[order[1:][same]] = False
        new &= last_seen[phrases] != document
        counts[1] += np.bincount(phrases[new], minlength=units.phrases)
        np.maximum.at(last_seen, phrases, document)
    write_array(phrases_path(work, number), counts)
    inside = block.ids[block.start - 1] != block.separator and block.ids[block.start] != block.separator
    goes_on = block.ids[block.stop - 1] != block.separator and block.ids[block.stop] != block.separator
    in_last = np.flatnonzero(last_seen == len(edges))
    return InCut(bool(inside), bool(goes_on), len(edges) == 0, np.flatnonzero(in_first).tolist(), in_last.tolist())


def pieces_of_occurrences(block: Block, units: Units, memory: int) -> Iterator[tuple[Array, Array]]:
    """The occurrences of a block's cut, some at a time."""
    step = max(1 << 12, memory // 128)
    for start in range(block.start, block.stop, step):
        yield find_occurrences(block, units, start, min(block.stop, start + step))


def find_occurrences(block: Block, units: Units, start: int, stop: int) -> tuple[Array, Array]:
    """Positions (int64) and phrases (int64) of all occurrences that begin in `block.ids[start:stop]`, by position.

    Those that begin at one position come in the order of their numbers.
    """
    places = np.minimum(np.searchsorted(block.names, units.phrase_units), max(0, len(block.names) - 1))
    here = block.names[places] == units.phrase_units if len(block.names) else np.zeros(len(places), bool)
    # a unit that the block lacks gets a number that no token has
    numbers = np.where(here, places, block.none + 2).astype(np.uint32)
    firsts = numbers[units.phrase_starts[:-1]]
    by_first = np.argsort(firsts, kind="stable").astype(np.int64)
    first_starts = np.searchsorted(firsts[by_first], np.arange(block.none + 3)).astype(np.int64)
    room = 1 << 12
    while True:
        positions, phrases = np.empty(room, np.int64), np.empty(room, np.int64)
        found = find_phrases(
            block.ids, start, stop, by_first, first_starts, units.phrase_starts, numbers, positions, phrases
        )
        if found <= room:
            return positions[:found], phrases[:found]
        room = int(found)
