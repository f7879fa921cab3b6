"""The seeds of a scan: the terms as they were given, what they are as tokens, and the trie that finds them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.kernels.seeds import EMPTY, MARK_BITS, make_trie
from cooc.terms import TermSet, is_table, read_term_sets, sets_of_table
from cooc.tokens import Tokenizer

Array = NDArray[Any]
Terms = TermSet | str | os.PathLike[str] | Iterable[TermSet | str | os.PathLike[str]]


class Seeds(NamedTuple):
    """Distinct seeds in the order of their names: `names[k]` is the tokens `words[k]` joined by spaces.

    `given[k]` are the spellings that are this seed, as they were given. One that holds no token is a seed of no
    words under its own spelling, which occurs nowhere.
    """

    names: list[str]
    given: list[list[str]]
    words: list[tuple[bytes, ...]]

    def __len__(self) -> int:
        return len(self.names)

    def digest(self) -> str:
        """Names the list of seeds: two scans can be merged if theirs are the same."""
        return xxhash.xxh3_128_hexdigest("\n".join(self.names).encode())


def seeds_of(terms: Iterable[str], tokenizer: Tokenizer) -> Seeds:
    """The seeds of terms as a user writes them; terms that are the same tokens are one seed."""
    found: dict[tuple[str, tuple[bytes, ...]], list[str]] = {}
    for term in dict.fromkeys(terms):
        words = tuple(tokenizer.words(term))
        name = " ".join(word.decode("utf-8", "backslashreplace") for word in words) or term
        found.setdefault((name, words), []).append(term)
    if not found:
        raise UsageError("no terms to scan for: give --terms FILE.")
    order = sorted(found, key=lambda seed: (seed[0].encode(), seed[1]))
    return Seeds([name for name, _ in order], [found[seed] for seed in order], [words for _, words in order])


def spellings(terms: Terms) -> list[str]:
    """The words and phrases of sets, files, lists, and tables of polars or pandas."""
    if is_table(terms):
        terms = sets_of_table(terms)
    if isinstance(terms, TermSet):
        return list(terms)
    if isinstance(terms, str | os.PathLike):
        return [term for each in read_term_sets(terms) for term in each]
    found: list[str] = []
    for item in terms:
        found += [item] if isinstance(item, str) else spellings(item)
    return found


class Trie(NamedTuple):
    """The seeds by their ids, as `make_trie` writes them."""

    phrase_starts: Array
    phrase_ids: Array
    keys: Array
    nodes: Array
    seed_of: Array
    marks: Array
    starters: Array


def trie_of(sequences: Sequence[Sequence[int]]) -> Trie:
    """The trie of sequences of ids; an empty sequence is found nowhere."""
    starts = np.cumsum([0, *map(len, sequences)]).astype(np.int64)
    ids = np.array([token for sequence in sequences for token in sequence], np.uint32)
    slots = 1 << max(4, (2 * len(ids)).bit_length())
    keys, nodes = np.full(slots, EMPTY), np.zeros(slots, np.uint32)
    seed_of, marks = np.full(len(ids) + 1, -1, np.int64), np.zeros(1 << MARK_BITS, np.uint8)
    # 32 bits a seed: so few of two tokens that begin none pass for such that do
    starters = np.zeros(max(1 << 15, 4 << len(sequences).bit_length()), np.uint8)
    make_trie(starts, ids, keys, nodes, seed_of, marks, starters)
    return Trie(starts, ids, keys, nodes, seed_of, marks, starters)


def ids_by(look_up: Callable[[bytes], int | None], seeds: Seeds) -> list[list[int]]:
    """The ids of each seed; none for a seed that holds a word without one, which so occurs nowhere."""
    known = {word: look_up(word) for word in {word for words in seeds.words for word in words}}
    sequences = []
    for words in seeds.words:
        ids = [known[word] for word in words]
        sequences.append([] if None in ids else [number for number in ids if number is not None])
    return sequences
