"""What counting alone says of held-out text: unigrams, bigrams and trigrams of the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cooc.index.reader import Index
from cooc.lab.words import SPECIAL, UNKNOWN, Words

DISCOUNT = 0.75
"""Taken from every count and given to the shorter context (Ney, Essen & Kneser 1994); 0.75 suits counts of text."""


def baselines(index: Index, words: Words, texts: Sequence[str]) -> dict[str, float]:
    """Bits a held-out word that the model knows, by the index's counts: {"unigram", "bigram", "trigram"}.

    Absolute discounting, interpolated: p(w | u v) = max(c(u v w) - D, 0) / c(u v) + (the rest) · p(w | v), and so down
    to p(w), the share of w in the corpus. Over the model's words and all others as one, so that the sum is one; the
    context is known whole, which the model, that reads rare words as unknown, has not.
    """
    term_of = {word: k for k, word in enumerate(index.vocabulary.all_terms())}
    share = words.counts[1:] / words.counts[1:].sum()
    levels = [_Level(index, level.n) for level in index.manifest.ngrams if level.n <= 3]
    bits = np.zeros(3)
    asked = 0
    for text in texts:
        ids = [term_of.get(word.decode(), -1) for word in index.tokenizer.words(text)]
        for k, term in enumerate(ids):
            word = UNKNOWN if term < 0 else int(words.of_term[term])
            if word < SPECIAL:
                continue
            asked += 1
            p = float(share[word - 1])
            bits[0] -= np.log2(p)
            for order, level in enumerate(levels, start=1):
                if k >= order:
                    p = level.mixed(ids[k - order:k], term, p)
                bits[order] -= np.log2(p)
    names = ("unigram", "bigram", "trigram")[: len(levels) + 1]
    return dict(zip(names, (bits / max(asked, 1)).tolist(), strict=False))


class _Level:
    """n-grams of one order, with what each context leaves to the shorter one."""

    def __init__(self, index: Index, n: int) -> None:
        self._level = index.ngrams(n)
        self._seen: dict[tuple[int, ...], _Context | None] = {}

    def mixed(self, context: Sequence[int], term: int, shorter: float) -> float:
        """p(term | context), interpolated with that of the shorter context."""
        key = tuple(context)
        if key not in self._seen:
            self._seen[key] = self._read(key)
        found = self._seen[key]
        return shorter if found is None else found.said.get(term, 0.0) + found.rest * shorter

    def _read(self, context: tuple[int, ...]) -> _Context | None:
        row = None if min(context) < 0 else self._level.row_of(list(context))
        total = 0 if row is None else int(self._level.prefix_sums[row])
        if row is None or not total:
            return None
        start, stop = self._level.starts.slice(row, row + 2).tolist()
        shares = (np.maximum(self._level.counts.slice(start, stop) - DISCOUNT, 0) / total).tolist()
        return _Context(dict(zip(self._level.last.slice(start, stop).tolist(), shares, strict=True)), 1 - sum(shares))


class _Context(NamedTuple):
    """What comes after a context: p of each next term by its count, and what is left for the shorter context."""

    said: dict[int, float]
    rest: float
