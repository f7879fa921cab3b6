"""The vocabulary of documents in plain Python, and what a worker finds of it in each segment of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from cooc.tokens.vocabulary import LocalVocabulary, vocabulary_of

Documents = Sequence[Sequence[bytes]]
Row = tuple[bytes, int, int]


def vocabulary(documents: Documents) -> list[Row]:
    """Each word with its occurrences and the documents it occurs in, most frequent first and then by bytes."""
    occurrences = Counter(word for document in documents for word in document)
    held = Counter(word for document in documents for word in set(document))
    return sorted(((word, count, held[word]) for word, count in occurrences.items()), key=lambda row: (-row[1], row[0]))


class Segment(NamedTuple):
    """What `write_list` is called with."""

    vocabulary: LocalVocabulary
    first_document_terms: int
    last_document: np.ndarray
    begins_inside: bool
    ends_inside: bool


def segments(documents: Documents, cuts: Iterable[int]) -> list[Segment]:
    """The segments of documents that are cut before the tokens `cuts`, numbered over all documents."""
    tokens = [(number, word) for number, document in enumerate(documents) for word in document]
    bounds = sorted({0, len(tokens), *(cut for cut in cuts if cut < len(tokens))})
    pairs = list(pairwise(bounds)) or [(0, 0)]
    return [segment(tokens, start, stop) for start, stop in pairs]


def segment(tokens: Sequence[tuple[int, bytes]], start: int, stop: int) -> Segment:
    """One of them: its own vocabulary in order of first appearance, each piece of a document counted as one."""
    pieces = [[word for _, word in piece] for _, piece in groupby(tokens[start:stop], key=lambda token: token[0])]
    words = list(dict.fromkeys(word for piece in pieces for word in piece))
    counts = {word: (occurrences, documents) for word, occurrences, documents in vocabulary(pieces)}
    begins = 0 < start < len(tokens) and tokens[start - 1][0] == tokens[start][0]
    ends = 0 < stop < len(tokens) and tokens[stop - 1][0] == tokens[stop][0]
    held = vocabulary_of(words)._replace(
        occurrences=np.array([counts[word][0] for word in words], np.int64),
        documents=np.array([counts[word][1] for word in words], np.int64),
    )
    last = np.array([ends and word in pieces[-1] for word in words], bool)
    return Segment(held, len(set(pieces[0])) if begins else 0, last, begins, ends)
