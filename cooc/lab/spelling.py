"""How odd a word is spelled: bits a letter, by the letters of the corpus' own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from cooc.index.reader import Index

LEAST = 5
"""Words rarer than this may be misread, and tell nothing of spelling."""
ADDED = 0.5


class Spelling:
    """A trigram model of letters over the distinct words of an index, each counted once; pairs of letters fill in."""

    def __init__(self, words: Iterable[str]) -> None:
        self.threes: Counter[str] = Counter()
        self.twos: Counter[str] = Counter()
        for word in words:
            marked = f"^^{word}$"
            self.threes.update(marked[k:k + 3] for k in range(len(marked) - 2))
            self.twos.update(marked[k:k + 2] for k in range(len(marked) - 2))
        self.letters = len({letter for three in self.threes for letter in three}) + 1

    def bits(self, term: str) -> float:
        """Mean surprisal of a letter, over all words of a term and the end of each."""
        found = []
        for word in term.casefold().replace("-", " ").split():
            marked = f"^^{word}$"
            for k in range(len(marked) - 2):
                three, two = self.threes[marked[k:k + 3]], self.twos[marked[k:k + 2]]
                found.append(-np.log2((three + ADDED) / (two + ADDED * self.letters)))
        return float(np.mean(found))


def spelling_of(index: Index) -> Spelling:
    """The spelling of an index' words of letters."""
    frequent = np.asarray(index.vocabulary.occurrences.all()) >= LEAST
    terms = index.vocabulary.all_terms()
    return Spelling(term for term, some in zip(terms, frequent.tolist(), strict=True) if some and term.isalpha())
