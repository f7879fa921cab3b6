"""Seeded scans in plain Python: of documents of words, and the kernels' parts of documents of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.naive.counting import Documents, marginals, occurrences, windowed_pairs

Numbers = Sequence[Sequence[int]]


class Scanned(NamedTuple):
    """Of one window: (count, documents) of each (term, context), R1 of each term, C1 of each word, N."""

    cells: dict[tuple[str, str], tuple[int, int]]
    rows: Counter[str]
    columns: Counter[str]
    total: int


def scan(documents: Documents, terms: Sequence[str], window: float, *, direction: str, harmonic: bool) -> Scanned:
    """The rows of terms over the words, by the rules of counting."""
    words = {word for document in documents for word in document}
    units = sorted({*words, *terms})
    counts: Counter[tuple[str, str]] = Counter()
    holding: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for document in documents:
        cells = windowed_pairs([document], units, window, direction=direction, harmonic=harmonic)
        every += cells
        for (a, b), count in cells.items():
            if a in terms and b in words:
                counts[a, b] += count
                holding[a, b] += 1
    rows, columns, total = marginals(every, words)
    return Scanned({cell: (counts[cell], holding[cell]) for cell in counts}, rows, columns, total)


def totals(documents: Documents, term: str) -> tuple[int, int]:
    """Occurrences of a term, and the documents that hold it."""
    found = [len(occurrences(document, term)) for document in documents]
    return sum(found), sum(each > 0 for each in found)


def codes(documents: Numbers) -> list[int]:
    """Documents as the token store has them, by section 5 of the format."""
    found = []
    for document in documents:
        found.append(65_535)
        for term in document:
            if term < 49_152:
                found.append(term)
            else:
                found += [49_152 + (term - 49_152) // 8_191, 57_344 + (term - 49_152) % 8_191]
    return found


def hits(documents: Numbers, seeds: Numbers) -> list[tuple[int, int, int]]:
    """(position among all tokens, document, seed) of every occurrence; of one position the shorter seed first."""
    found, before = [], 0
    for number, document in enumerate(documents):
        for at in range(len(document)):
            for seed in sorted(range(len(seeds)), key=lambda k: len(seeds[k])):
                size = len(seeds[seed])
                if size and list(document[at : at + size]) == list(seeds[seed]):
                    found.append((before + at, number, seed))
        before += len(document)
    return found


def edges(documents: Numbers, left: int, right: int, weights: Sequence[int]) -> Counter[int]:
    """What the tokens of each id lack of a whole window, as `weights[d]` for each distance d."""
    missing: Counter[int] = Counter()
    for document in documents:
        for at, token in enumerate(document):
            missing[token] += sum(weights[d] for d in range(1, left + 1) if at - d < 0)
            missing[token] += sum(weights[d] for d in range(1, right + 1) if at + d >= len(document))
    return +missing


def added(*parts: dict[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """Cells by key, the values of equal keys added, in order."""
    found: dict[int, tuple[int, ...]] = {}
    for part in parts:
        for key, values in part.items():
            found[key] = tuple(a + b for a, b in zip(found.get(key, (0,) * len(values)), values, strict=True))
    return dict(sorted(found.items()))
