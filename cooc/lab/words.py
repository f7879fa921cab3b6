"""The words of the model: the most frequent of the index, and those that the experiment needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.index.reader import Index
from cooc.kernels.codes import read_codes

Array = NDArray[Any]

SEPARATOR, UNKNOWN = 0, 1
SPECIAL = 2


class Words(NamedTuple):
    """Model id 0 begins documents, 1 is every other word, 2 and on are words of the index by falling frequency."""

    terms: Array
    """Of each model id its term id in the index; -1 for the first two."""
    counts: Array
    """Occurrences of each in the corpus."""
    of_term: Array
    """Of each term id of the index its model id."""
    ids: dict[bytes, int]
    """Of each word that the model knows its model id."""

    def __len__(self) -> int:
        return len(self.terms)


def words_of(index: Index, most: int, needed: Iterable[str] = ()) -> Words:
    """The `most` frequent words and all needed ones that occur."""
    vocabulary = index.vocabulary
    extra = [vocabulary.id(word) for word in dict.fromkeys(word for text in needed for word in split(index, text))]
    kept = np.unique([*range(min(most, len(vocabulary))), *(term for term in extra if term is not None)])
    terms = np.concatenate([np.full(SPECIAL, -1), kept]).astype(np.int64)
    of_term = np.full(len(vocabulary), UNKNOWN, np.uint32)
    of_term[kept] = np.arange(SPECIAL, len(terms))
    frequencies = np.asarray(vocabulary.occurrences.all())
    counts = np.concatenate([[index.manifest.documents], [0], frequencies[kept]]).astype(np.int64)
    counts[UNKNOWN] = int(frequencies.sum()) - int(frequencies[kept].sum())
    ids = {vocabulary.bytes_of(term): k for k, term in enumerate(kept.tolist(), start=SPECIAL)}
    return Words(terms, counts, of_term, ids)


def split(index: Index, text: str) -> list[bytes]:
    """The words of a text as the index splits it."""
    return index.tokenizer.words(text)


def encoded(index: Index, words: Words, text: str) -> list[int]:
    """The model ids of a text."""
    return [words.ids.get(word, UNKNOWN) for word in split(index, text)]


def stream(index: Index, words: Words) -> Array:
    """The whole corpus as model ids, each document after a separator."""
    codes = np.ascontiguousarray(index.tokens.all_codes())
    ids = np.empty(len(codes), np.uint32)
    count = read_codes(codes, np.uint32(index.tokens.singles), words.of_term, np.uint32(SEPARATOR), ids)
    return ids[:count].astype(np.int32)


def stream_of(index: Index, words: Words, texts: Sequence[str]) -> Array:
    """Other texts as model ids, each after a separator."""
    return np.array([i for text in texts for i in (SEPARATOR, *encoded(index, words, text))], np.int32)


def shuffled(ids: Array, seed: int) -> Array:
    """The same tokens in random order; separators stay where they are, and so do lengths of documents."""
    mixed = ids.copy()
    inside = ids != SEPARATOR
    mixed[inside] = np.random.default_rng(seed).permutation(ids[inside])
    return mixed
