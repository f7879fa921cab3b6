"""What stands around the occurrences of a phrase, in plain Python: documents and phrases are lists of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

Numbers = Sequence[Sequence[int]]


def places(document: Sequence[int], phrase: Sequence[int]) -> list[int]:
    """Where a phrase begins in a document, overlapping occurrences included."""
    size = len(phrase)
    return [k for k in range(len(document) - size + 1) if size and list(document[k : k + size]) == list(phrase)]


def contexts(
    documents: Numbers, phrase: Sequence[int], left: float, right: float, *, weights: Sequence[int] | None = None
) -> tuple[Counter[int], Counter[int], Counter[int]]:
    """By term: its contexts, the distinct documents, and the sum of the squares of what each occurrence adds."""
    counts: Counter[int] = Counter()
    holding: Counter[int] = Counter()
    squares: Counter[int] = Counter()
    for document in documents:
        met: set[int] = set()
        for begin in places(document, phrase):
            end = begin + len(phrase) - 1
            mine: Counter[int] = Counter()
            for at, term in enumerate(document):
                distance = max(at - end, begin - at)
                if 1 <= at - end <= right or 1 <= begin - at <= left:
                    mine[term] += 1 if weights is None else weights[distance]
            counts += mine
            met |= set(mine)
            squares.update({term: added**2 for term, added in mine.items()})
        holding.update(met)
    return counts, holding, squares


def found(documents: Numbers, phrase: Sequence[int]) -> list[int]:
    """Where a phrase begins in the token store of these documents, as codes."""
    from tests.naive.scan import codes

    all_places, before = [], 0
    for document in documents:
        offsets = [before + len(codes([document[:at]])) for at in range(len(document))]
        all_places += [offsets[at] for at in places(document, phrase)]
        before += len(codes([document]))
    return all_places
