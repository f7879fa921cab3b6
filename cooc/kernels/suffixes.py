"""Sorting suffixes: keys of their first codes, a stable sort, and the names of those that are equal so far."""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

KEY_CODES = 4
"""Codes in a key of 64 bits."""

UNIQUE = np.uint64(1 << 63)
"""Set in a rank that is final: no other suffix has as many first codes like these."""

DIGIT = 11
"""Bits that one pass of the sort looks at: its bins fit the fastest cache."""
BINS = 1 << DIGIT
PASSES = -(-64 // DIGIT)


@compiled
def first_keys(codes, keys):
    """keys[i]: the bytes of the `KEY_CODES` codes from i on as one number, the first the highest; 0 behind the end.

    `codes` goes on behind the last key, as far as the text does.
    """
    size = codes.size
    key = np.uint64(0)
    for i in range(min(KEY_CODES - 1, size)):
        key |= swapped(codes[i]) << np.uint64(16 * (KEY_CODES - 2 - i))
    for i in range(keys.size):
        key <<= np.uint64(16)
        if i + KEY_CODES - 1 < size:
            key |= swapped(codes[i + KEY_CODES - 1])
        keys[i] = key


@compiled
def swapped(code):
    """A code as the number that its two bytes are when the first counts most."""
    wide = np.uint64(code)
    return (wide >> np.uint64(8)) | ((wide & np.uint64(255)) << np.uint64(8))


@compiled
def sort_column(keys, carried, keys_room, carried_room):
    """Sort `keys` in place and move `carried` along; equal keys stay in their order. The rooms are as large.

    A radix sort from the lowest digit. Invariant: before a pass all is in order by the digits below.
    """
    size = keys.size
    counts = np.zeros((PASSES, BINS), np.int64)
    mask = np.uint64(BINS - 1)
    for i in range(size):
        key = keys[i]
        for digit in range(PASSES):
            counts[digit, (key >> np.uint64(digit * DIGIT)) & mask] += 1
    source, target, moved, room = keys, keys_room, carried, carried_room
    inside = True
    for digit in range(PASSES):
        shift = np.uint64(digit * DIGIT)
        if size == 0 or counts[digit, (source[0] >> shift) & mask] == size:
            continue  # all keys have this digit
        place = np.int64(0)
        for b in range(BINS):
            count = counts[digit, b]
            counts[digit, b] = place
            place += count
        for i in range(size):
            key = source[i]
            b = (key >> shift) & mask
            to = counts[digit, b]
            counts[digit, b] = to + 1
            target[to] = key
            room[to] = moved[i]
        source, target, moved, room = target, source, room, moved
        inside = not inside
    if not inside:
        keys[:] = source
        carried[:] = moved


@compiled
def name_groups(high, low, begin, high_begin, pair_begin, goes_on, ranked, ranks):
    """Rank suffixes that lie in the order of their keys (high, low), a slice of all, by the first with the same.

    The slice has the places from `begin` on; its first suffix is of a group with the same `high` that begins at
    place `high_begin`, and of one with the same two keys from `pair_begin` on; with `goes_on` the last group is not
    at its end. The rank is where the group begins. With `ranked` the places are among the suffixes not yet final,
    and `high` is the rank they had: the new one is as far behind it as the group behind the first of `high`.
    `UNIQUE` is set for groups of one. Returns how many are in larger groups.
    """
    size, several = high.size, np.int64(0)
    for i in range(size):
        place = begin + np.uint64(i)
        if i > 0:
            if high[i] != high[i - 1]:
                high_begin = place
                pair_begin = place
            elif low[i] != low[i - 1]:
                pair_begin = place
        rank = high[i] + (pair_begin - high_begin) if ranked else pair_begin
        alone = pair_begin == place
        if alone:
            alone = not goes_on if i + 1 == size else high[i + 1] != high[i] or low[i + 1] != low[i]
        if alone:
            rank |= UNIQUE
        else:
            several += 1
        ranks[i] = rank
    return several


@compiled
def mark_places(places, first, bits):
    """Set the bit place - first of `bits` for each of the places that has one.

    Returns the first number of a place that is negative, or whose bit was set already; -1 where there is none.
    """
    most = np.int64(bits.size) * 64
    for i in range(places.size):
        place = places[i]
        if place < 0:
            return i
        place -= first
        if 0 <= place < most:
            bit = np.uint64(1) << np.uint64(place & 63)
            if bits[place >> 6] & bit:
                return i
            bits[place >> 6] |= bit
    return -1


@compiled
def lower_bounds(high, low, places, key_high, key_low, key_places, bounds):
    """bounds[k]: how many of the sorted rows (high, low, place) are before the row k of the keys, which rise."""
    i = np.int64(0)
    size = high.size
    for k in range(key_high.size):
        while i < size and (
            high[i] < key_high[k]
            or (high[i] == key_high[k]
                and (low[i] < key_low[k] or (low[i] == key_low[k] and places[i] < key_places[k])))
        ):  # fmt: skip
            i += 1
        bounds[k] = i
