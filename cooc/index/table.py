"""Whether a table is the suffix array of its store: by what can be seen in a few reads, or of all of a small one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PAIRS = 1000
"""Neighbours in the table whose order is looked at."""

PHRASES = 8
"""That are looked up in the table, and counted in the store."""

LONGEST = 5
"""Codes of them."""

MOST_COMPARED = 1 << 17
"""Codes: two suffixes that agree in so many are in order as far as this can tell."""

BYTES_A_POINTER = 64
"""Memory for the whole order of a table, a pointer."""

AT_ONCE = 1 << 18


def pointer_width(size: int) -> int:
    """Bytes of a pointer into `size` bytes: ceil(log2(size) / 8), as infini-gram reckons, and at least one."""
    return max(1, ((size - 1).bit_length() + 7) // 8)


class Table(NamedTuple):
    """A store and its table by what reads a stretch of them: codes (u2), and places of suffixes in codes (int64)."""

    size: int
    codes: Callable[[int, int], Array]
    places: Callable[[int, int], Array]

    def suffix(self, place: int, length: int) -> bytes:
        """The bytes of the first codes of a suffix."""
        return self.codes(place, min(self.size, place + length)).tobytes()


def decoded(pointers: Array, width: int) -> Array:
    """Places in codes, from the bytes of pointers; -1 for a pointer that is odd."""
    wide = np.zeros((len(pointers) // width, 8), np.uint8)
    wide[:, :width] = pointers.reshape(-1, width)
    offsets = wide.view("<i8").reshape(-1)
    return np.where(offsets & 1, -1, offsets >> 1)


def pointer_faults(table: Table, memory: int) -> Iterator[str]:
    """What is wrong with the pointers, which must be the place of each code once.

    There are as many pointers as codes; so it is enough that each is of a code, and none of the same. The table is read
    as often as bits for all codes don't fit the memory.
    """
    from cooc.kernels.suffixes import mark_places

    most = max(8, memory // 8) * 64
    for first in range(0, table.size, most):
        bits = np.zeros(-(-min(most, table.size - first) // 64), np.uint64)
        for start in range(0, table.size, AT_ONCE):
            places = table.places(start, min(table.size, start + AT_ONCE))
            places = np.where(places < table.size, places, -1)
            wrong = mark_places(places, first, bits)
            if wrong >= 0:
                what = "of no code" if places[wrong] < 0 else f"of code {places[wrong]:,}, as another is"
                yield f"pointer {start + wrong:,} is {what}"


def order_faults(table: Table, memory: int, seed: int) -> Iterator[str]:
    """What is wrong with the order: of all suffixes where they fit the memory, else of some that follow each other.

    The pointers must be sound.
    """
    if table.size * BYTES_A_POINTER <= memory:
        yield from whole_order(table.codes(0, table.size).byteswap(), table.places(0, table.size))
        return
    for first in np.random.default_rng(seed).integers(0, table.size - 1, PAIRS).tolist():
        one, other = table.places(first, first + 2).tolist()
        if not in_order(table, one, other):
            yield f"pointer {first + 1:,} is of a suffix that is before that of pointer {first:,}"


def whole_order(keys: Array, places: Array) -> Iterator[str]:
    """The suffixes are in order if their first codes are, and where these are equal, the suffixes behind them."""
    rank = np.full(len(places) + 1, -1, np.int64)  # what is behind the end is before all
    rank[places] = np.arange(len(places))
    one, other = places[:-1], places[1:]
    wrong = (keys[one] > keys[other]) | ((keys[one] == keys[other]) & (rank[one + 1] > rank[other + 1]))
    if wrong.any():
        first = int(wrong.argmax())
        yield f"pointer {first + 1:,} is of a suffix that is before that of pointer {first:,}"


def in_order(table: Table, one: int, other: int) -> bool:
    """Whether a suffix is before another, as far as they are compared."""
    done, length = 0, 64
    while done < MOST_COMPARED:
        a, b = (table.suffix(place + done, length) for place in (one, other))
        if a != b:
            return a < b
        done, length = done + length, 4 * length
    return True


def count_faults(table: Table, seed: int) -> Iterator[str]:
    """Phrases that the table finds more or less often than they are in the store."""
    chance = np.random.default_rng(seed)
    phrases = [table.suffix(place, 1 + number % LONGEST)
               for number, place in enumerate(chance.integers(0, table.size, PHRASES).tolist())]  # fmt: skip
    for phrase, counted in zip(phrases, counts_in_store(table, phrases), strict=True):
        found = bisected(table, phrase, after=True) - bisected(table, phrase, after=False)
        if found != counted:
            codes = " ".join(map(str, np.frombuffer(phrase, "<u2").tolist()))
            yield f"the codes {codes} are found {found:,} times, and are {counted:,} times in the store"


def counts_in_store(table: Table, phrases: list[bytes]) -> list[int]:
    """How often phrases are in the store, by reading all of it."""
    wanted, counts = [np.frombuffer(phrase, "<u2") for phrase in phrases], [0] * len(phrases)
    for start in range(0, table.size, AT_ONCE):
        codes = table.codes(start, min(table.size, start + AT_ONCE + LONGEST - 1))
        for number, phrase in enumerate(wanted):
            begins = np.flatnonzero(codes[: min(AT_ONCE, len(codes) - len(phrase) + 1)] == phrase[0])
            for k in range(1, len(phrase)):
                begins = begins[codes[begins + k] == phrase[k]]
            counts[number] += len(begins)
    return counts


def bisected(table: Table, phrase: bytes, *, after: bool) -> int:
    """How many suffixes are before those that begin with a phrase; with `after`, and these."""
    low, high, length = 0, table.size, len(phrase) // 2
    while low < high:
        middle = (low + high) // 2
        found = table.suffix(int(table.places(middle, middle + 1)[0]), length)
        if found < phrase or (after and found == phrase):
            low = middle + 1
        else:
            high = middle
    return low
