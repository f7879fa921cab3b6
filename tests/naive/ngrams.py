"""Runs of n-grams in plain Python: what the kernels of `cooc.kernels.ngrams` and `ngram_runs` must equal.

An n-gram is a tuple of codes, term + 1 or 0 where the document has ended; a run is a list of pairs (n-gram,
count), distinct and ascending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

Ngram = tuple[int, ...]
Run = list[tuple[Ngram, int]]
Kept = list[list[tuple[int, int, int, int]]]


def shared(run: Run) -> list[int]:
    """How many codes each n-gram shares with the one before."""
    before, found = None, []
    for ngram, _ in run:
        same = 0
        while before is not None and before[same] == ngram[same]:
            same += 1
        found.append(same)
        before = ngram
    return found


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def packed(run: Run, orders: int) -> list[bytes]:
    """The bytes of each n-gram."""
    bits, before, out = (orders - 1).bit_length(), (0,) * orders, []
    for (ngram, count), same in zip(run, shared(run), strict=True):
        gap = ngram[same] - before[same] - 1
        data = varint((gap << bits | same) << 1 | (count > 1))
        for code in ngram[same + 1 :]:
            data += varint(code)
            if code == 0:
                break
        out.append(data + (varint(count - 2) if count > 1 else b""))
        before = ngram
    return out


def merged(runs: Iterable[Run]) -> Run:
    """All runs in one, equal n-grams added up."""
    total: Counter[Ngram] = Counter()
    for run in runs:
        for ngram, count in run:
            total[ngram] += count
    return sorted(total.items())


def kept(run: Run, orders: int, minimum: int) -> Kept:
    """For each order the n-grams that occur `minimum` times, ascending: (last term, occurrences, kept n-grams of
    the next order that begin with it, document ends after it); of order 1 those that begin a kept one."""
    counts: list[Counter[Ngram]] = [Counter() for _ in range(orders + 1)]
    ends: Counter[Ngram] = Counter()
    for ngram, count in run:
        words = ngram[: ngram.index(0)] if 0 in ngram else ngram
        for k in range(1, len(words) + 1):
            counts[k][words[:k]] += count
        if len(words) < orders:
            ends[words] += count
    levels: Kept = []
    for k in range(1, orders + 1):
        longer = [gram for gram, count in counts[k + 1].items() if count >= minimum] if k < orders else []
        children = Counter(gram[:-1] for gram in longer)
        grams = [gram for gram, count in counts[k].items() if count >= minimum or (k == 1 and children[gram])]
        levels.append([(gram[-1] - 1, counts[k][gram], children[gram], ends[gram])
                       for gram in sorted(grams) if k > 1 or children[gram]])  # fmt: skip
    return levels


def run_of(documents: Sequence[Sequence[int]], orders: int, gathered: set[int]) -> Run:
    """The n-grams of documents of terms that begin with a gathered term."""
    found: Counter[Ngram] = Counter()
    for document in documents:
        for start, term in enumerate(document):
            if term in gathered:
                codes = [word + 1 for word in document[start : start + orders]]
                found[*codes, *[0] * (orders - len(codes))] += 1
    return sorted(found.items())
