"""The shards of a foreign index: ranges of their suffix arrays, places in them, the documents of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.foreign import narrow, read_pointers
from cooc.phrases.validate import ShardArrays
from cooc.phrases.variants import Ranges, Variant

Array = NDArray[Any]


class Shards:
    """The arrays of all shards, and what is read from them."""

    def __init__(self, arrays: Sequence[ShardArrays], *, backwards: bool) -> None:
        self.arrays, self.backwards = list(arrays), backwards
        self.first_documents = np.cumsum([0, *(len(each.offsets) for each in arrays)]).astype(np.int64)
        self.first_tokens = np.cumsum([0, *(len(each.tokens) for each in arrays)]).astype(np.int64)

    @property
    def everything(self) -> Ranges:
        return tuple((number, 0, len(each.tokens)) for number, each in enumerate(self.arrays))

    def narrow(self, ranges: Ranges, depth: int, tokens: Array) -> list[Ranges]:
        """For each token, the part of each range in which it stands at a depth."""
        found: list[list[tuple[int, int, int]]] = [[] for _ in range(len(tokens))]
        for number, low, high in ranges:
            each = self.arrays[number]
            width = each.files.token_width
            within = np.empty((len(tokens), 2), np.int64)
            narrow(each.table, each.files.pointer_width, each.tokens, width, low, high, depth, keys_of(tokens, width),
                   within)  # fmt: skip
            for place in np.flatnonzero(within[:, 1] > within[:, 0]).tolist():
                found[place].append((number, *within[place].tolist()))
        return [tuple(each) for each in found]

    def next_tokens(self, ranges: Ranges, depth: int) -> Array:
        """The distinct tokens at a depth of some suffixes."""
        found = []
        for number, low, high in ranges:
            tokens, places = self.arrays[number].tokens, self.places(number, np.arange(low, high)) + depth
            found.append(np.asarray(tokens[places[places < len(tokens)]]).astype(np.int64))
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)

    def places(self, number: int, ranks: Array) -> Array:
        """Where the suffixes of some ranks of a shard begin, in tokens."""
        each = self.arrays[number]
        found = np.empty(len(ranks), np.int64)
        read_pointers(each.table, each.files.pointer_width, ranks.astype(np.int64), each.files.token_width, found)
        return found

    def document_bounds(self, number: int, tokens: Array) -> tuple[Array, Array, Array]:
        """(document in the shard, its first token, the place behind its last) of each place."""
        each = self.arrays[number]
        width = each.files.token_width
        documents = np.searchsorted(each.offsets, tokens * width, side="right") - 1
        starts = np.asarray(each.offsets[documents]) // width + 1
        last = np.minimum(documents + 1, len(each.offsets) - 1)
        ends = np.where(documents + 1 < len(each.offsets), np.asarray(each.offsets[last]) // width, len(each.tokens))
        return documents, starts, ends


def keys_of(tokens: Array, width: int) -> Array:
    """Tokens as the numbers they are sorted by: the bytes of the suffixes are, and the low one comes first."""
    return tokens.astype(f"<u{width}").view(f">u{width}").astype(np.int64)


class Chosen(NamedTuple):
    """Places to be read of each shard, with the variant of each."""

    shard: int
    tokens: Array
    variant: Array


def chosen(variants: Sequence[Variant], shards: Shards, most: int | None, random: np.random.Generator) -> list[Chosen]:
    """The places of variants, or a uniform sample of them without replacement."""
    pieces = [(number, low, high, k) for k, each in enumerate(variants) for number, low, high in each.ranges]
    sizes = np.array([high - low for _, low, high, _ in pieces], np.int64)
    starts = np.append(0, np.cumsum(sizes))
    total = int(starts[-1])
    if most is not None and total > most:
        numbers = distinct_below(total, most, random)
    else:
        numbers = np.arange(total)
    edges = np.searchsorted(numbers, starts)
    found: dict[int, list[tuple[Array, Array]]] = {}
    for (number, low, _, k), start, a, b in zip(pieces, starts, edges[:-1], edges[1:], strict=False):
        places = shards.places(number, numbers[a:b] - start + low)
        found.setdefault(number, []).append((places, np.full(len(places), k)))
    chosen = []
    for number, parts in sorted(found.items()):
        tokens, variant = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(tokens, kind="stable")
        chosen.append(Chosen(number, tokens[order], variant[order]))
    return chosen


def distinct_below(total: int, size: int, random: np.random.Generator) -> Array:
    """`size` different numbers below `total`, each set of them as likely, ascending; memory for `size` alone."""
    found = np.unique(random.integers(0, total, size))
    while len(found) < size:
        more = np.unique(random.integers(0, total, 2 * (size - len(found)) + 8))
        new = random.permutation(np.setdiff1d(more, found, assume_unique=True))
        found = np.union1d(found, new[: size - len(found)])
    return found
