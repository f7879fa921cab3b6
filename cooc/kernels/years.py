"""Tokens of some few kinds around occurrences: which of them stand in each window, or in each document.

Codes are those of the token store, `codes[0]` a separator. `bin_of[term]` is the bin of a term, or -1.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled

BROKEN = -1
"""Returned for codes that are no terms."""


@compiled
def list_around(codes, singles, bin_of, places, size, reach, rows, bins):
    """Write (occurrence, bin) for each token with a bin at most `reach` tokens before or behind an occurrence.

    Occurrence k is `size[k]` codes from `places[k]` on; windows end with the document. Returns how many there are,
    or `BROKEN`; only as many as there is room for in `rows` are written.
    """
    found = np.int64(0)
    for k in range(places.size):
        at = places[k] + size[k]
        distance = np.int64(0)
        while distance < reach and at < codes.size and codes[at] != SEPARATOR:
            term = np.int64(codes[at])
            at += 1
            if term >= singles:
                if at == codes.size or codes[at] < FIRST_TRAIL:
                    return np.int64(BROKEN)
                term = SINGLES + (term - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                at += 1
            if term >= bin_of.size:
                return np.int64(BROKEN)
            if bin_of[term] >= 0:
                if found < rows.size:
                    rows[found] = k
                    bins[found] = bin_of[term]
                found += 1
            distance += 1
        at = places[k] - 1
        distance = np.int64(0)
        while distance < reach and codes[at] != SEPARATOR:
            term = np.int64(codes[at])
            at -= 1
            if term >= singles:
                if term < FIRST_TRAIL or codes[at] < SINGLES or codes[at] >= FIRST_TRAIL:
                    return np.int64(BROKEN)
                term = SINGLES + (np.int64(codes[at]) - SINGLES) * TRAILS + term - FIRST_TRAIL
                at -= 1
            if term >= bin_of.size:
                return np.int64(BROKEN)
            if bin_of[term] >= 0:
                if found < rows.size:
                    rows[found] = k
                    bins[found] = bin_of[term]
                found += 1
            distance += 1
    return found


@compiled
def list_inside(codes, singles, bin_of, begins, ends, rows, bins):
    """Write (document, bin) for each token with a bin in the documents `codes[begins[d]:ends[d]]`, as `list_around`.

    `begins` are the separators.
    """
    found = np.int64(0)
    for d in range(begins.size):
        at = begins[d] + 1
        while at < ends[d]:
            term = np.int64(codes[at])
            at += 1
            if term >= singles:
                if at == ends[d] or codes[at] < FIRST_TRAIL:
                    return np.int64(BROKEN)
                term = SINGLES + (term - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                at += 1
            if term >= bin_of.size:
                return np.int64(BROKEN)
            if bin_of[term] >= 0:
                if found < rows.size:
                    rows[found] = d
                    bins[found] = bin_of[term]
                found += 1
    return found
