"""A block of tokens: codes to units, and units to the small numbers that they have within the block."""

from __future__ import annotations

import numpy as np

from cooc.kernels.bits import set_bits, trailing_zeros
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled

NO_UNIT = np.uint32(0xFFFFFFFE)
DOCUMENT = np.uint32(0xFFFFFFFF)


@compiled
def read_units(codes, singles, first, more, units, seen):
    """Decode codes into units, and set bit u of `seen` for each unit u met.

    A term below `first` is the unit of the same number; the term `more[k]` is unit `first + k`; other terms
    become NO_UNIT and a separator DOCUMENT. `codes` must begin at the first code of a token. Returns the
    number of units written.
    """
    o = np.uint64(0)
    i = np.uint64(0)
    size = np.uint64(codes.size)
    while i < size:
        term = np.uint32(codes[i])
        i += np.uint64(1)
        if term == SEPARATOR:
            units[o] = DOCUMENT
            o += np.uint64(1)
            continue
        if term >= singles:
            rest = (term - np.uint32(SINGLES)) * np.uint32(TRAILS)
            term = np.uint32(SINGLES) + rest + np.uint32(codes[i]) - np.uint32(FIRST_TRAIL)
            i += np.uint64(1)
        if term >= first:
            low, high = 0, more.size
            while low < high:
                middle = (low + high) >> 1
                if more[middle] < term:
                    low = middle + 1
                else:
                    high = middle
            if low < more.size and more[low] == term:
                term = np.uint32(first + low)
            else:
                units[o] = NO_UNIT
                o += np.uint64(1)
                continue
        units[o] = term
        seen[term >> np.uint32(6)] |= np.uint64(1) << np.uint64(term & np.uint32(63))
        o += np.uint64(1)
    return o


@compiled
def list_seen(seen, before, names):
    """The numbers of the set bits of `seen`, ascending; `before[w]` gets how many lie before word w."""
    n = np.uint64(0)
    for word in range(seen.size):
        before[word] = n
        bits = seen[word]
        while bits:
            names[n] = np.uint32(np.uint64(word) * np.uint64(64) + trailing_zeros(bits))
            bits &= bits - np.uint64(1)
            n += np.uint64(1)
    return n


@compiled
def number_units(units, seen, before, count):
    """Replace each unit by its place among the set bits of `seen`, NO_UNIT by `count`, DOCUMENT by `count + 1`."""
    none, document = np.uint32(count), np.uint32(count + 1)
    for i in range(units.size):
        unit = units[i]
        if unit >= NO_UNIT:
            units[i] = document if unit == DOCUMENT else none
        else:
            word = np.uint64(unit >> np.uint32(6))
            below = seen[word] & ((np.uint64(1) << np.uint64(unit & np.uint32(63))) - np.uint64(1))
            units[i] = before[word] + np.uint32(set_bits(below))
