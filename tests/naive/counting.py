"""The rules of counting in plain Python: what the kernels must equal, cell by cell.

A document is a list of words. Units are words and phrases; a phrase is named by its words, joined by spaces.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product

Documents = Sequence[Sequence[str]]
Cells = Counter[tuple[str, str]]


def occurrences(document: Sequence[str], unit: str) -> list[tuple[int, int]]:
    """First and last position of each occurrence of a unit, overlapping ones included."""
    words = unit.split(" ")
    return [
        (start, start + len(words) - 1)
        for start in range(len(document) - len(words) + 1)
        if list(document[start : start + len(words)]) == words
    ]


def windowed_pairs(
    documents: Documents, units: Iterable[str], window: float, *, direction: str, harmonic: bool
) -> Cells:
    """Every pair of occurrences that do not overlap and whose nearer ends are at most `window` apart."""
    cells: Cells = Counter()
    unit_weight = math.lcm(*range(1, int(window) + 1)) if harmonic else 1
    for document in documents:
        places = [(unit, *place) for unit in units for place in occurrences(document, unit)]
        for (a, a_start, a_stop), (b, b_start, b_stop) in product(places, places):
            right, left = b_start - a_stop, a_start - b_stop
            distance = max(right, left)
            seen = {"symmetric": True, "right": right > 0, "left": left > 0}[direction]
            if 1 <= distance <= window and seen:
                cells[a, b] += unit_weight // distance if harmonic else 1
    return cells


def marginals(cells: Cells, words: set[str]) -> tuple[Counter[str], Counter[str], int]:
    """Row sums over word columns, column sums over word rows, and N over words alone."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    total = 0
    for (a, b), count in cells.items():
        if b in words:
            rows[a] += count
        if a in words:
            columns[b] += count
        if a in words and b in words:
            total += count
    return rows, columns, total


def ngram_counts(documents: Documents, n: int) -> Counter[tuple[str, ...]]:
    """Occurrences of every n-gram."""
    return Counter(
        tuple(document[start : start + n]) for document in documents for start in range(len(document) - n + 1)
    )


def vocabulary(documents: Documents) -> list[tuple[str, int, int]]:
    """(word, occurrences, distinct documents) by falling occurrences, then by bytes."""
    words = Counter(word for document in documents for word in document)
    distinct = Counter(word for document in documents for word in set(document))
    return sorted(((word, count, distinct[word]) for word, count in words.items()),
                  key=lambda row: (-row[1], row[0].encode()))  # fmt: skip
