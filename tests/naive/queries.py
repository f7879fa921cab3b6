"""The questions in plain Python, asked of the documents themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tests.naive.counting import Documents, marginals, ngram_counts, occurrences, windowed_pairs


class Window(NamedTuple):
    """How an index counted pairs; `size` is infinite for whole documents."""

    size: float
    direction: str = "symmetric"
    harmonic: bool = False

    @property
    def unit(self) -> int:
        return math.lcm(*range(1, int(self.size) + 1)) if self.harmonic else 1


def count(documents: Documents, phrase: str) -> tuple[int, int]:
    """Occurrences of a phrase and the documents that hold it."""
    found = [len(occurrences(document, phrase)) for document in documents]
    return sum(found), sum(each > 0 for each in found)


def tables(documents: Documents, units: Iterable[str], window: Window) -> dict[tuple[str, str], tuple[float, ...]]:
    """Count, R1, C1 and N of every pair of units, as counts of pairs."""
    words = {word for document in documents for word in document}
    every = sorted({*words, *units})
    cells = windowed_pairs(documents, every, window.size, direction=window.direction, harmonic=window.harmonic)
    rows, columns, total = marginals(cells, words)
    one = window.unit
    return {
        (a, b): tuple(value if one == 1 else value / one for value in (cells[a, b], rows[a], columns[b], total))
        for a in every
        for b in every
    }


def documents_together(documents: Documents, a: str, b: str, window: Window) -> int:
    """The documents in which at least one pair is counted."""
    together = 0
    for document in documents:
        cells = windowed_pairs([document], {a, b}, window.size, direction=window.direction, harmonic=False)
        together += cells[a, b] > 0
    return together


def ranked(
    rows: Iterable[tuple[str, float, float]], top: int, order: Callable[[str], int]
) -> list[tuple[str, float, float]]:
    """The first of rows (name, count, value): by value, then count, then the order of the names."""
    kept = [row for row in rows if not math.isnan(row[2])]
    return sorted(kept, key=lambda row: (-row[2], -row[1], order(row[0])))[:top]


def ngram_tables(documents: Documents, n: int, minimum: int) -> dict[tuple[str, ...], tuple[int, int, int, int]]:
    """Count, R1 (n-grams that begin so), C1 (that end so) and N of every n-gram that reaches the minimum."""
    counts = ngram_counts(documents, n)
    total = sum(counts.values())

    def sum_of(fits: Callable[[tuple[str, ...]], bool]) -> int:
        return sum(count for ngram, count in counts.items() if fits(ngram))

    return {
        ngram: (
            count,
            sum_of(lambda other, head=ngram[:-1]: other[:-1] == head),
            sum_of(lambda other, last=ngram[-1]: other[-1] == last),
            total,
        )
        for ngram, count in counts.items()
        if count >= minimum
    }


def sequence_counts(documents: Sequence[Sequence[int]], phrase: Sequence[int]) -> tuple[int, int]:
    """`count` for documents of numbers."""
    found = [
        sum(list(document[k : k + len(phrase)]) == list(phrase) for k in range(len(document))) for document in documents
    ]
    return sum(found), sum(each > 0 for each in found)
