"""The window of whole documents in plain Python, and the twins of its kernels.

A document is a list of units; None is a token without a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product

Document = Sequence[int | None]
Place = tuple[int, int, int]


def places(document: Document, words: int, phrases: Sequence[Sequence[int]]) -> list[Place]:
    """(unit, first position, last position) of each occurrence of a word or phrase; phrase k is `words + k`."""
    found = [(unit, place, place) for place, unit in enumerate(document) if unit is not None]
    for number, phrase in enumerate(phrases):
        size = len(phrase)
        found += [
            (words + number, start, start + size - 1)
            for start in range(len(document) - size + 1)
            if list(document[start : start + size]) == list(phrase)
        ]
    return found


def overlap(a: Place, b: Place) -> bool:
    return a[1] <= b[2] and b[1] <= a[2]


def document_cells(
    documents: Sequence[Document], words: int, phrases: Sequence[Sequence[int]]
) -> Counter[tuple[int, int]]:
    """Cell (a, b) for all units: the pairs of an a and a b in one document that do not overlap."""
    cells: Counter[tuple[int, int]] = Counter()
    for document in documents:
        found = places(document, words, phrases)
        cells.update((a[0], b[0]) for a, b in product(found, found) if not overlap(a, b))
    return cells


def bag_documents(
    documents: Sequence[Document], words: int, phrases: Sequence[Sequence[int]]
) -> tuple[list[Counter[int]], Counter[int]]:
    """The bag of each document, and over all occurrences of a unit the other tokens with a row there."""
    bags = [Counter(unit for unit, _, _ in places(document, words, phrases)) for document in documents]
    sums: Counter[int] = Counter()
    for document, bag in zip(documents, bags, strict=True):
        inside = sum(unit is not None for unit in document)
        sums.update({unit: count * (inside - 1) for unit, count in bag.items()})
    return bags, sums


def find_postings(bags: Sequence[Counter[int]], row_of: Sequence[int]) -> list[list[tuple[int, int]]]:
    """(document, count) of each row, ascending."""
    rows: list[list[tuple[int, int]]] = [[] for _ in range(max(row_of, default=-1) + 1)]
    for document, bag in enumerate(bags):
        for column, count in bag.items():
            if row_of[column] >= 0:
                rows[row_of[column]].append((document, count))
    return rows


def list_overlaps(document: Document, phrases: Sequence[Sequence[int]]) -> Counter[tuple[int, int]]:
    """How often an occurrence of phrase p overlaps one of phrase q, itself included."""
    found = [(unit - 10**9, *span) for unit, *span in places(document, 10**9, phrases) if unit >= 10**9]
    return Counter((a[0], b[0]) for a, b in product(found, found) if overlap(a, b))
