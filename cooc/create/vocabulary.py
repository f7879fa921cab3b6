"""One vocabulary from those of the parts: exact, ordered by frequency and then by bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.terms import eight_bytes, fill_slots, gather_terms, hash_terms, intern_terms
from cooc.tokens import LocalVocabulary


class TermTable:
    """Strings and their numbers, in order of first appearance; grows without limit."""

    def __init__(self) -> None:
        self.known = 0
        self._slots = np.zeros(1 << 10, np.int64)
        self._hashes = np.zeros(1 << 9, np.uint64)
        self._arena = np.zeros(1 << 12, np.uint8)
        self._offsets = np.zeros((1 << 9) + 1, np.int64)

    def add(self, terms: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each string `terms[offsets[i]:offsets[i + 1]]`."""
        new = len(offsets) - 1
        self._make_room(self.known + new, int(self._offsets[self.known] + offsets[-1] - offsets[0]))
        hashes, found = np.empty(new, np.uint64), np.empty(new, np.int64)
        hash_terms(terms, offsets, hashes)
        self.known = intern_terms(
            terms, offsets, hashes, self._slots, self._hashes, self._arena, self._offsets, self.known, found
        )
        return found

    def strings(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All strings, by number."""
        offsets = self._offsets[: self.known + 1]
        return self._arena[: offsets[-1]], offsets

    def _make_room(self, terms: int, size: int) -> None:
        if terms > len(self._hashes):
            room = 1 << terms.bit_length()
            self._hashes = np.concatenate([self._hashes, np.zeros(room - len(self._hashes), np.uint64)])
            self._offsets = np.concatenate([self._offsets, np.zeros(room + 1 - len(self._offsets), np.int64)])
            self._slots = np.zeros(2 * room, np.int64)
            fill_slots(self._hashes, self.known, self._slots)
        if size > len(self._arena):
            room = 1 << size.bit_length()
            self._arena = np.concatenate([self._arena, np.zeros(room - len(self._arena), np.uint8)])


def byte_order(terms: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of distinct strings by their bytes, a string before its continuations.

    Eight bytes at a time: at each level only strings that are equal so far are looked at again.
    """
    keys = np.empty(len(offsets) - 1, np.uint64)
    eight_bytes(terms, offsets, np.arange(len(offsets) - 1), 0, keys)
    order = np.argsort(keys, kind="stable")
    lengths = np.diff(offsets)
    equal = keys[order][1:] == keys[order][:-1]
    for level in range(1, int(lengths.max(initial=0)) // 8 + 2):
        tied = np.flatnonzero(np.append(equal, False) | np.insert(equal, 0, False))
        if not len(tied):
            break
        group = np.cumsum(np.insert(~equal, 0, False))[tied]
        members = order[tied]
        keys = np.empty(len(tied), np.uint64)
        eight_bytes(terms, offsets, members, level, keys)
        # a string that ended before this level comes before one that goes on with zero bytes
        left = np.minimum(np.maximum(lengths[members] - 8 * level, 0), 8)
        within = np.lexsort((left, keys, group))
        order[tied] = members[within]
        group, keys, left = group[within], keys[within], left[within]
        same = (group[1:] == group[:-1]) & (keys[1:] == keys[:-1]) & (left[1:] == left[:-1])
        equal = np.zeros(len(order) - 1, bool)
        equal[tied[:-1][same]] = True
    return order


class Vocabulary(NamedTuple):
    """The terms of a corpus by final id. `sorted` lists the ids in the order of their bytes."""

    terms: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    occurrences: NDArray[np.int64]
    documents: NDArray[np.int64]
    sorted: NDArray[np.int64]


def merge_vocabularies(
    parts: Iterable[LocalVocabulary], *, fixed: LocalVocabulary | None
) -> tuple[Vocabulary, list[NDArray[np.uint32]]]:
    """The vocabulary of all parts, and for each part its terms' final ids.

    Final ids go by falling occurrences, then by bytes, so they depend on the corpus alone. A `fixed`
    vocabulary keeps its own ids.
    """
    if fixed is not None:
        return fixed_vocabulary(parts, fixed)
    table, numbers = TermTable(), []
    occurrences, documents = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for part in parts:
        found = table.add(part.terms, part.offsets)
        if table.known > len(occurrences):
            more = np.zeros(max(table.known, 2 * len(occurrences)) - len(occurrences), np.int64)
            occurrences, documents = np.append(occurrences, more), np.append(documents, more)
        occurrences[found] += part.occurrences
        documents[found] += part.documents
        numbers.append(found)
    occurrences, documents = _padded(occurrences, table.known), _padded(documents, table.known)
    terms, offsets = table.strings()
    by_bytes = byte_order(terms, offsets)
    order = by_bytes[np.argsort(-occurrences[by_bytes], kind="stable")]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    out, out_offsets = np.empty(len(terms), np.uint8), np.empty(len(offsets), np.int64)
    gather_terms(terms, offsets, order, out, out_offsets)
    vocabulary = Vocabulary(out, out_offsets, occurrences[order], documents[order], rank[by_bytes])
    return vocabulary, [rank[found].astype(np.uint32) for found in numbers]


def fixed_vocabulary(
    parts: Iterable[LocalVocabulary], fixed: LocalVocabulary
) -> tuple[Vocabulary, list[NDArray[np.uint32]]]:
    """The counts of parts that all have the ids of `fixed`; ids without a token have empty terms, all alike."""
    held, ids = list(parts), np.arange(len(fixed.offsets) - 1)
    occurrences, documents = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    for part in held:
        occurrences += part.occurrences
        documents += part.documents
    by_bytes = byte_order(fixed.terms, fixed.offsets)
    vocabulary = Vocabulary(fixed.terms, fixed.offsets, occurrences, documents, by_bytes)
    return vocabulary, [ids.astype(np.uint32)] * len(held)


def _padded(array: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.append(array[:size], np.zeros(max(0, size - len(array)), np.int64))
