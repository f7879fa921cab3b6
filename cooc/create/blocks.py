"""The token store in blocks: arrays of unit ids with whatever stands just outside them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, read_codes

Array = NDArray[Any]


class Cut(msgspec.Struct, frozen=True):
    """Codes [start, stop) of a store, cut between tokens."""

    start: int
    stop: int


class Block(NamedTuple):
    """Units of a cut with a margin: the cut itself is `ids[start:stop]`, separators included.

    Where a margin runs to the end of the store it is a separator, so no walk leaves the array.
    """

    ids: Array
    start: int
    stop: int


class Store(NamedTuple):
    """A token store and how its ids become units; travels to tasks by value."""

    folder: str
    codes: int
    singles: int

    def open(self) -> Array:
        if self.codes == 0:
            return np.zeros(0, np.uint16)
        return np.memmap(Path(self.folder) / "tokenized.0", np.uint16, "r", shape=(self.codes,))

    def is_trail(self, code: int) -> bool:
        return self.singles == SINGLES and FIRST_TRAIL <= code < SEPARATOR


def cut_store(store: Store, size: int) -> list[Cut]:
    """Cuts of about `size` codes that together are the store; they depend on the store and the size alone."""
    codes, places = store.open(), [0]
    while places[-1] + size < store.codes:
        place = places[-1] + size
        places.append(place - 1 if store.is_trail(int(codes[place])) else place)
    return [Cut(a, b) for a, b in zip(places, [*places[1:], store.codes], strict=True) if a < b]


def load_block(store: Store, cut: Cut, unit_of: Array, *, units: int, margin: int) -> Block:
    """Decode a cut, and at least `margin` tokens to either side of it.

    `unit_of[id]` is the unit of a term, or `units` for one without a row; separators become `units + 1`.
    """
    codes = store.open()
    before, after = max(0, cut.start - 2 * margin), min(store.codes, cut.stop + 2 * margin)
    if before and store.is_trail(int(codes[before])):
        before -= 1
    if after < store.codes and store.is_trail(int(codes[after])):
        after += 1
    separator = np.uint32(units + 1)
    ids = np.empty(after - before + 2, np.uint32)
    ids[0], place = separator, 1
    edges = []
    for start, stop in ((before, cut.start), (cut.start, cut.stop), (cut.stop, after)):
        place += int(read_codes(codes[start:stop], np.uint32(store.singles), unit_of, separator, ids[place:]))
        edges.append(place)
    ids[place] = separator
    return Block(ids[: place + 1], edges[0], edges[1])


def shared_block(store: Store, cut: Cut, unit_of: Callable[[], Array], *, words: int, units: int, margin: int) -> Block:
    """`load_block`, once for all tasks that ask for the same block in turn.

    `words` and `units` stand for the map from terms to units: a build has one map of its own, and if that
    gives every term a row it is the identity, as for n-grams.
    """

    def load() -> Block:
        return load_block(store, cut, unit_of(), units=units, margin=margin)

    return shared.get((store, cut, words, units, margin), load)  # type: ignore[no-any-return]


class Shared:
    """One thing made last, shared by the threads that ask for it in turn; another key lets go of it."""

    def __init__(self) -> None:
        self._lock, self._key, self._made = threading.Lock(), None, None

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make()` gave for this key, made now unless it was the last."""
        with self._lock:
            if self._key != key:
                self._key, self._made = None, None
                self._made, self._key = make(), key
            return self._made

    def forget(self) -> None:
        with self._lock:
            self._key, self._made = None, None


shared = Shared()
