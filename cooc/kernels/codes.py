"""Word ids as self-synchronising 16-bit codes, the way UTF-16 writes characters.

The first `SINGLES` ids take one code. Every other id takes a lead and a trail from ranges that nothing
else uses, so no code sequence can be found starting in the middle of a word. 65535 separates documents.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

SEPARATOR = 65_535
SINGLES = 49_152
LEADS = 8_192
TRAILS = 8_191
FIRST_TRAIL = SINGLES + LEADS
MOST_IDS = SINGLES + LEADS * TRAILS

NO_TERM = np.uint32(0xFFFFFFFF)


@compiled
def write_codes(ids, lengths, rank, singles, inside, codes, starts):
    """Write documents as codes, a separator before each; `starts[d]` gets the code index of document d.

    With `inside` the first of them goes on with a document begun before: it gets no separator and no start.
    `rank` maps the provisional ids to final ones. `codes` must have room for every code. Returns the
    number of codes written.
    """
    o = np.uint64(0)
    position = np.uint64(0)
    begun = np.intp(inside)
    for document in range(lengths.size):
        if document >= begun:
            starts[document - begun] = o
            codes[o] = SEPARATOR
            o += np.uint64(1)
        for _ in range(lengths[document]):
            identity = rank[ids[position]]
            position += np.uint64(1)
            if identity < singles:
                codes[o] = identity
            else:
                rest = identity - np.uint32(singles)
                codes[o] = SINGLES + rest // np.uint32(TRAILS)
                o += np.uint64(1)
                codes[o] = FIRST_TRAIL + rest % np.uint32(TRAILS)
            o += np.uint64(1)
    return o


@compiled
def read_codes(codes, singles, unit_of, separator, ids):
    """Decode codes into `ids`, each id replaced by `unit_of[id]`, each separator by `separator`.

    `codes` must begin at the first code of a token. Returns the number of ids written.
    """
    o = np.uint64(0)
    i = np.uint64(0)
    size = np.uint64(codes.size)
    while i < size:
        code = np.uint32(codes[i])
        i += np.uint64(1)
        if code < singles:
            ids[o] = unit_of[code]
        elif code == SEPARATOR:
            ids[o] = separator
        else:
            rest = (code - np.uint32(SINGLES)) * np.uint32(TRAILS)
            ids[o] = unit_of[np.uint32(SINGLES) + rest + np.uint32(codes[i]) - np.uint32(FIRST_TRAIL)]
            i += np.uint64(1)
        o += np.uint64(1)
    return o
