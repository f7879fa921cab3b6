"""How terms and n-grams are spread over documents: counted in one pass, with the sums their variance is made of.

Documents are decoded ids, each behind a `SEPARATION`; a token that is not counted is `NOTHING`.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

NOTHING = -1
SEPARATION = -2

COUNT, DOCUMENTS, SQUARES, CROSSED, LARGEST = range(5)
"""Rows of `sums`: Σc, the documents with c > 0, Σc², Σc·L and the largest c; c of a document of L tokens."""


@compiled
def extend_ngrams(ids, numbers, starts, last, longer):
    """Write to `longer[i]` the number of the n-gram of tokens that ends at i, or `NOTHING`.

    `numbers[i]` is the number of the (n-1)-gram that ends at i; the n-grams that extend number r by the term
    `last[k]`, ascending, are k in `starts[r]:starts[r + 1]`. Separations stay what they are.
    """
    for place in range(ids.size):
        token = ids[place]
        if token < 0:
            longer[place] = token
            continue
        found = np.int64(NOTHING)
        before = numbers[place - 1] if place > 0 else np.int64(SEPARATION)
        if before >= 0:
            low, high = np.int64(starts[before]), np.int64(starts[before + 1])
            end = high
            while low < high:
                middle = (low + high) // 2
                if last[middle] < token:
                    low = middle + 1
                else:
                    high = middle
            if low < end and last[low] == token:
                found = low
        longer[place] = found


@compiled
def add_spread(ids, sums, tally, touched):
    """Add what the documents of `ids` hold to `sums`, a row for each of the five sums and a column for each id.

    L counts every token, those that are `NOTHING` too. `tally` (0 for every id, and 0 again at the end) and
    `touched` (as long as `ids`) are scratch.
    """
    place = 0
    while place < ids.size:
        if ids[place] == SEPARATION:
            place += 1
            continue
        begin = place
        kinds = 0
        while place < ids.size and ids[place] != SEPARATION:
            number = ids[place]
            if number >= 0:
                if tally[number] == 0:
                    touched[kinds] = number
                    kinds += 1
                tally[number] += 1
            place += 1
        length = np.int64(place - begin)
        for k in range(kinds):
            number = touched[k]
            count = tally[number]
            tally[number] = 0
            sums[COUNT, number] += count
            sums[DOCUMENTS, number] += 1
            sums[SQUARES, number] += count * count
            sums[CROSSED, number] += count * length
            sums[LARGEST, number] = max(sums[LARGEST, number], count)
