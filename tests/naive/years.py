"""Years around terms, said plainly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Words = Sequence[str]


def is_year(word: str, first: int, last: int) -> bool:
    return len(word) == 4 and word.isascii() and word.isdigit() and first <= int(word) <= last


def occurrences(document: Words, terms: Sequence[Words]) -> list[tuple[int, int, int]]:
    """(term, begin, end) of each, less those inside a longer one of another term."""
    found = [
        (number, begin, begin + len(term))
        for number, term in enumerate(terms)
        for begin in range(len(document) - len(term) + 1)
        if tuple(document[begin : begin + len(term)]) == tuple(term)
    ]
    return [
        (number, begin, end)
        for number, begin, end in found
        if not any(a <= begin and end <= b and b - a > end - begin for _, a, b in found)
    ]


def years_around(
    documents: Sequence[Words], terms: Sequence[Words], window: int | None, first: int = 1000, last: int = 2099
) -> Counter[tuple[int, int, int]]:
    """How often each (term, document, year) meets."""
    counts: Counter[tuple[int, int, int]] = Counter()
    for number, document in enumerate(documents):
        for term, begin, end in occurrences(document, terms):
            reach = len(document) if window is None else window
            around = [*document[max(0, begin - reach) : begin], *document[end : end + reach]]
            counts.update((term, number, int(word)) for word in around if is_year(word, first, last))
    return counts
