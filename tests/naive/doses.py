"""Doses in plain Python: of documents of words, term by term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Words = Sequence[str]


class Row(NamedTuple):
    """Of one term in one document that holds it."""

    term: int
    document: int
    contexts: int
    hits: tuple[int, ...]
    occurrences: int


def places(document: Words, phrase: Words) -> list[int]:
    """Where a phrase begins; an empty one nowhere."""
    size = len(phrase)
    return [k for k in range(len(document)) if size and list(document[k : k + size]) == list(phrase)]


def masked(document: Words, mask: Sequence[Words]) -> set[int]:
    """The places that belong to an occurrence of a masked phrase."""
    return {k + i for phrase in mask for k in places(document, phrase) for i in range(len(phrase))}


def covered(document: Words, target: Sequence[Words], out: set[int]) -> set[int]:
    """The places that belong to an occurrence of the target which needs no place of `out`."""
    found: set[int] = set()
    for phrase in target:
        for k in places(document, phrase):
            here = set(range(k, k + len(phrase)))
            if not here & out:
                found |= here
    return found


def is_nested(document: Words, begin: int, phrase: Words, mask: Sequence[Words]) -> bool:
    """Whether an occurrence lies in a longer one of a masked phrase."""
    end = begin + len(phrase)
    return any(
        k <= begin and end <= k + len(other) and len(other) > len(phrase)
        for other in mask
        for k in places(document, other)
    )


def doses(
    documents: Sequence[Words], terms: Sequence[Words], targets: Sequence[Sequence[Words]],
    window: int | None, mask: Sequence[Words] = (),
) -> list[Row]:  # fmt: skip
    """By term, then by document."""
    rows = []
    distinct_mask = {tuple(phrase) for phrase in mask}
    for term, phrase in enumerate(terms):
        for number, document in enumerate(documents):
            out = masked(document, mask)
            covers = [covered(document, target, out) for target in targets]
            occurrences, around = 0, []
            for begin in places(document, phrase):
                if tuple(phrase) in distinct_mask and is_nested(document, begin, phrase, mask):
                    continue
                occurrences += 1
                reach = len(document) if window is None else window
                end = begin + len(phrase)
                near = [*range(max(0, begin - reach), begin), *range(end, min(len(document), end + reach))]
                around += [place for place in near if place not in out]
            if occurrences:
                hits = tuple(sum(place in cover for place in around) for cover in covers)
                rows.append(Row(term, number, len(around), hits, occurrences))
    return rows


def shares(documents: Sequence[Words], targets: Sequence[Sequence[Words]]) -> list[float]:
    """The share of each target among all tokens."""
    tokens = sum(map(len, documents))
    found = [sum(len(covered(document, target, set())) for document in documents) for target in targets]
    return [each / max(tokens, 1) for each in found]


def pairs(
    documents: Sequence[Words], terms: Sequence[Words], window: int | None, mask: Sequence[Words] = ()
) -> list[tuple[int, int, int]]:
    """(a, b, document) for every pair of occurrences of different terms in each other's window, a < b; sorted."""
    found = []
    distinct_mask = {tuple(phrase) for phrase in mask}
    for number, document in enumerate(documents):
        reach = len(document) if window is None else window
        spans = [
            (begin, begin + len(phrase), term)
            for term, phrase in enumerate(terms)
            for begin in places(document, phrase)
            if tuple(phrase) not in distinct_mask or not is_nested(document, begin, phrase, mask)
        ]
        for _, end, a in spans:
            for other, _, b in spans:
                if a != b and other >= end and other - end < reach:
                    found.append((min(a, b), max(a, b), number))
    return sorted(found)


def term_hits(
    documents: Sequence[Words], terms: Sequence[Words], target: Sequence[Words], window: int, mask: Sequence[Words] = ()
) -> list[int]:
    """Of each phrase of a target: the tokens of its occurrences that are contexts of the terms."""
    found = [0] * len(target)
    for document in documents:
        out = masked(document, mask)
        for term in terms:
            for k in places(document, term):
                if tuple(term) in {tuple(phrase) for phrase in mask} and is_nested(document, k, term, mask):
                    continue
                around = {*range(max(0, k - window), k), *range(k + len(term), k + len(term) + window)}
                for number, phrase in enumerate(target):
                    for j in places(document, phrase):
                        here = set(range(j, j + len(phrase)))
                        found[number] += len(here & around) if not here & out else 0
    return found
