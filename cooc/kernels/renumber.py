"""Token stores by other ids: codes to ids, ids to ids, ids to codes."""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import FIRST_TRAIL, NO_TERM, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled


@compiled
def decode(codes, singles, terms, ids):
    """The ids of codes that begin and end with whole tokens, `NO_TERM` for separators; returns how many there are.

    Returns -1 for codes that no store holds: a lead without its trail, a trail without its lead, an id from
    `terms` on.
    """
    o = np.uint64(0)
    i = np.uint64(0)
    size = np.uint64(codes.size)
    while i < size:
        code = np.uint32(codes[i])
        i += np.uint64(1)
        if code == SEPARATOR:
            ids[o] = NO_TERM
        else:
            if code >= singles:
                if code >= FIRST_TRAIL or i == size or codes[i] < FIRST_TRAIL or codes[i] == SEPARATOR:
                    return -1
                rest = (code - np.uint32(SINGLES)) * np.uint32(TRAILS)
                code = np.uint32(SINGLES) + rest + np.uint32(codes[i]) - np.uint32(FIRST_TRAIL)
                i += np.uint64(1)
            if code >= terms:
                return -1
            ids[o] = code
        o += np.uint64(1)
    return np.int64(o)


@compiled
def rank_ids(ids, first, ranks, out):
    """Write the ranks of the ids from `first` on that `ranks` tells of, and leave the other places as they are."""
    begin, end = np.int64(first), np.int64(first) + ranks.size
    for i in range(ids.size):
        number = np.int64(ids[i])
        if begin <= number < end:
            out[i] = ranks[number - begin]


@compiled
def count_codes(ids, singles):
    """The codes that ids take, `NO_TERM` being a separator, and the number of separators."""
    codes = np.int64(ids.size)
    separators = np.int64(0)
    for i in range(ids.size):
        separators += ids[i] == NO_TERM
        codes += singles <= ids[i] < NO_TERM
    return codes, separators


@compiled
def encode(ids, singles, codes, starts):
    """Write ids as codes, a separator for `NO_TERM`, and to `starts` where each separator stands.

    There is as much room as `count_codes` says.
    """
    o = np.uint64(0)
    d = np.uint64(0)
    for i in range(ids.size):
        number = ids[i]
        if number == NO_TERM:
            starts[d] = o
            d += np.uint64(1)
            codes[o] = SEPARATOR
        elif number < singles:
            codes[o] = number
        else:
            rest = number - np.uint32(singles)
            codes[o] = SINGLES + rest // np.uint32(TRAILS)
            o += np.uint64(1)
            codes[o] = FIRST_TRAIL + rest % np.uint32(TRAILS)
        o += np.uint64(1)
