"""The token store in blocks: arrays of the units of a cut, with whatever stands just outside it.

A block numbers the units it holds from 0, in their order, so that whatever is counted in it needs memory for
the block and not for the vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW
from cooc.kernels.blocks import list_seen, number_units, read_units
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES

Array = NDArray[Any]

CODES_READ = 1 << 20
"""At a time, on their way to a block."""


class Cut(msgspec.Struct, frozen=True):
    """Codes [start, stop) of a store, cut between tokens."""

    start: int
    stop: int


class Block(NamedTuple):
    """The tokens of a cut with a margin: the cut itself is `ids[start:stop]`, separators included.

    `ids` (uint32) are numbers within the block: number n is the unit `names[n]`, `names` (uint32) ascending;
    `none` is a token without a row and `separator` stands between documents. At the ends of the array there
    is a separator, so no walk leaves it.
    """

    ids: Array
    start: int
    stop: int
    names: Array

    @property
    def none(self) -> int:
        return len(self.names)

    @property
    def separator(self) -> np.uint32:
        return np.uint32(len(self.names) + 1)


class Store(msgspec.Struct, frozen=True):
    """A token store: its folder, its codes, and how many ids take a single code."""

    folder: str
    codes: int
    singles: int

    def read(self, start: int, stop: int) -> Array:
        """Codes [start, stop), from the disk."""
        path = Path(self.folder) / "tokenized.0"
        codes = np.fromfile(path, "<u2", stop - start, offset=2 * start) if stop > start else np.zeros(0, np.uint16)
        if len(codes) != stop - start:
            raise BuildError(f"{path}: has no codes {start:,} to {stop:,}; it has been cut off. {BEGIN_ANEW}")
        return codes

    def token_start(self, place: int) -> int:
        """The first code of the token that has a code at `place`."""
        paired = self.singles == SINGLES and 0 < place < self.codes
        return place - 1 if paired and FIRST_TRAIL <= self.read(place, place + 1)[0] < SEPARATOR else place


class Rows(Protocol):
    """Which terms have rows: those below `first`, and `more`, ascending."""

    @property
    def first(self) -> int: ...
    @property
    def more(self) -> Array: ...


class Corpus(NamedTuple):
    """What is counted: the store in cuts of about `size` codes, its terms and tokens, and how often the most
    frequent term occurs."""

    store: Store
    cuts: list[Cut]
    terms: int
    tokens: int
    most: int
    size: int


class EveryTerm(NamedTuple):
    """Rows for all terms, as n-grams have them."""

    first: int
    more: Array


def every_term(terms: int) -> EveryTerm:
    return EveryTerm(terms, np.zeros(0, np.uint32))


def cut_store(store: Store, size: int) -> list[Cut]:
    """Cuts of equal size, of at most `size` codes or one token, that together are the store."""
    count = -(-store.codes // max(size, 2))
    places = [store.token_start(store.codes * number // count) for number in range(count)]
    return [Cut(a, b) for a, b in zip(places, [*places[1:], store.codes], strict=True) if a < b]


def load_block(store: Store, cut: Cut, rows: Rows, *, margin: int) -> Block:
    """Decode a cut, and at least `margin` tokens to either side of it; 4 bytes a token and 4 a unit met."""
    before = store.token_start(max(0, cut.start - 2 * margin))
    after = min(store.codes, cut.stop + 2 * margin)
    after += store.token_start(after) < after
    units = len(rows.more) + rows.first
    seen = np.zeros((units + 63) // 64 + 1, np.uint64)
    ids, place = np.empty(after - before + 2, np.uint32), 1
    edges = []
    for start, stop in ((before, cut.start), (cut.start, cut.stop), (cut.stop, after)):
        place = _decode(store, start, stop, rows, ids, place, seen)
        edges.append(place)
    ids = ids[: place + 1]
    ids[0] = ids[place] = 0xFFFFFFFF
    names = np.empty(int(np.bitwise_count(seen).sum()), np.uint32)
    below = np.empty(len(seen), np.uint32)
    list_seen(seen, below, names)
    number_units(ids, seen, below, len(names))
    return Block(ids, edges[0], edges[1], names)


def _decode(store: Store, start: int, stop: int, rows: Rows, ids: Array, place: int, seen: Array) -> int:
    """Units of the codes [start, stop), from `ids[place]` on; returns where they end."""
    while start < stop:
        end = stop if stop - start <= CODES_READ else store.token_start(start + CODES_READ)
        codes = store.read(start, end)
        place += int(read_units(codes, np.uint32(store.singles), np.uint32(rows.first), rows.more, ids[place:], seen))
        start = end
    return place


def same_block(store: Store, cut: Cut, rows: Rows, *, margin: int, what: str) -> Block:
    """`load_block`, kept for the next task of this process that asks for the same; `what` names the rows."""
    global _kept
    key = (store, cut, margin, what)
    if _kept is None or _kept[0] != key:
        _kept = None  # not two blocks at a time
        _kept = key, load_block(store, cut, rows, margin=margin)
    return _kept[1]


def forget_block() -> None:
    """Let go of the block that `same_block` keeps."""
    global _kept
    _kept = None


_kept: tuple[Any, Block] | None = None

