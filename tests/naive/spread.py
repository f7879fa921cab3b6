"""What kernels/spread.py counts, said plainly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Words = Sequence[str]


def ngrams_of(document: Words, n: int) -> list[tuple[str, ...]]:
    return [tuple(document[k : k + n]) for k in range(len(document) - n + 1)]


def spread(documents: Sequence[Words], n: int, kept: set[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Of each n-gram kept: Σc, documents, Σc², Σc·L, the largest c."""
    found: dict[tuple[str, ...], tuple[int, ...]] = {}
    for document in documents:
        for ngram, c in Counter(ngrams_of(document, n)).items():
            if ngram in kept:
                total, holding, squares, crossed, largest = found.get(ngram, (0, 0, 0, 0, 0))
                found[ngram] = (
                    total + c, holding + 1, squares + c * c, crossed + c * len(document), max(largest, c),
                )  # fmt: skip
    return found
