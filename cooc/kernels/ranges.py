"""Phrases in a suffix array: a range of ranks by bisection, and the places they point to.

`table` holds a little-endian pointer of `width` bytes for each suffix: the byte of `codes` it begins at. Suffixes
ascend by their *bytes*, so of a code the lower byte counts first. Files are checked by blocks of 2 ** `BLOCK_BITS`
bytes when first touched, which is the caller's work: a kernel that comes upon a block that is not yet `known` stops
and names it.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

BLOCK_BITS = 20
DONE, TABLE, CODES, BAD = 0, 1, 2, 3
"""Why a search has stopped: at its end, for a block of the table or of the codes, at a pointer that leads nowhere."""


@compiled
def find_ranges(table, width, codes, table_known, codes_known, phrase_starts, phrase_codes, first, ranges):
    """Write for each phrase the ranks [low, high) of the suffixes that begin with it, from phrase `first` on.

    Phrase k is `phrase_codes[phrase_starts[k]:phrase_starts[k + 1]]`; one without codes has the range [0, 0).
    Returns the phrase it stopped at, why, and the number of the block or the rank of the bad pointer.
    """
    suffixes = table.size // width
    for phrase in range(first, phrase_starts.size - 1):
        begin, size = phrase_starts[phrase], phrase_starts[phrase + 1] - phrase_starts[phrase]
        ranges[phrase, 0] = 0
        ranges[phrase, 1] = 0
        if size == 0:
            continue
        # low: the first suffix not before the phrase; then high: the first after it, sought in growing steps
        floor, ceiling = np.int64(-1), np.int64(suffixes)
        step = np.int64(0)
        for side in range(2):
            if side == 1:
                floor, ceiling = ranges[phrase, 0] - 1, np.int64(suffixes)
                step = np.int64(1)
            while ceiling - floor > 1:
                rank = (floor + ceiling) // 2
                if step > 0 and floor + step < ceiling:
                    rank = floor + step
                at = rank * width
                if not table_known[at >> BLOCK_BITS]:
                    return np.int64(phrase), TABLE, np.int64(at >> BLOCK_BITS)
                if not table_known[(at + width - 1) >> BLOCK_BITS]:
                    return np.int64(phrase), TABLE, np.int64((at + width - 1) >> BLOCK_BITS)
                pointer = np.int64(0)
                for k in range(width):
                    pointer |= np.int64(table[at + k]) << (8 * k)
                if pointer & 1 or pointer >= 2 * codes.size:
                    return np.int64(phrase), BAD, rank
                place = pointer >> 1
                # order: -1 where the suffix lies before the phrase, 0 where it begins with it, 1 behind
                order = 0
                for k in range(size):
                    if place + k >= codes.size:
                        order = -1
                        break
                    block = (2 * (place + k)) >> BLOCK_BITS
                    if not codes_known[block]:
                        return np.int64(phrase), CODES, np.int64(block)
                    mine, other = np.int64(codes[place + k]), np.int64(phrase_codes[begin + k])
                    if mine != other:
                        mine = (mine & 255) << 8 | mine >> 8
                        other = (other & 255) << 8 | other >> 8
                        order = -1 if mine < other else 1
                        break
                if order < side:
                    floor = rank
                    step *= 2
                else:
                    ceiling = rank
                    step = np.int64(0)
            ranges[phrase, side] = ceiling
    return np.int64(phrase_starts.size - 1), DONE, np.int64(0)


@compiled
def read_places(table, width, codes, ranks, places):
    """Write the place in codes that each rank's pointer leads to; returns -1, or a rank whose pointer leads nowhere."""
    for k in range(ranks.size):
        at = ranks[k] * width
        pointer = np.int64(0)
        for byte in range(width):
            pointer |= np.int64(table[at + byte]) << (8 * byte)
        if pointer & 1 or pointer >= 2 * codes:
            return np.int64(ranks[k])
        places[k] = pointer >> 1
    return np.int64(-1)


@compiled
def read_ranges(table, width, codes, ranges, starts, longest_sorted, places):
    """Write the places of the ranks `ranges[k]` to `places[starts[k]:starts[k + 1]]`, for each k.

    Sorts them where there are at most `longest_sorted`. Returns as `read_places`.
    """
    for k in range(ranges.shape[0]):
        at = np.uint64(ranges[k, 0]) * np.uint64(width)
        for place in range(starts[k], starts[k + 1]):
            pointer = np.uint64(0)
            for byte in range(width):
                pointer |= np.uint64(table[at]) << np.uint64(8 * byte)
                at += np.uint64(1)
            if pointer & np.uint64(1) or pointer >= np.uint64(2 * codes):
                return np.int64(ranges[k, 0]) + place - starts[k]
            places[place] = np.int64(pointer >> np.uint64(1))
        if starts[k + 1] - starts[k] <= longest_sorted:
            places[starts[k] : starts[k + 1]].sort()
    return np.int64(-1)


@compiled
def count_phrase(table, width, codes, table_known, codes_known, bounds, phrase, ranges, starts, room):
    """Occurrences and distinct documents of one phrase, all in one call: what a single question waits for is the calls.

    `bounds` is [0, phrase.size], `ranges` (1, 2) and `room` are scratch, `starts` of the documents ascend. Returns why
    it stopped, the number of the block or the bad rank, and the documents, or -1 where there are more occurrences than
    `room` for them; `ranges` has how many.
    """
    _, why, place = find_ranges(table, width, codes, table_known, codes_known, bounds, phrase, np.int64(0), ranges)
    low, high = ranges[0, 0], ranges[0, 1]
    if why != DONE or high - low > room.size:
        return why, place, np.int64(-1)
    for block in range((low * width) >> BLOCK_BITS, ((high * width - 1) >> BLOCK_BITS) + 1):
        if high > low and not table_known[block]:
            return TABLE, np.int64(block), np.int64(-1)
    n = high - low
    for k in range(n):
        at = (low + k) * width
        pointer = np.int64(0)
        for byte in range(width):
            pointer |= np.int64(table[at + byte]) << (8 * byte)
        if pointer & 1 or pointer >= 2 * codes.size:
            return BAD, low + k, np.int64(-1)
        room[k] = pointer >> 1
    room[:n].sort()
    documents, end = np.int64(0), np.int64(-1)
    for k in range(n):
        if room[k] >= end:
            # the first document that begins behind this place ends this one
            place = np.searchsorted(starts, room[k], side="right")
            end = starts[place] if place < starts.size else np.int64(codes.size)
            documents += 1
    return DONE, np.int64(0), documents
