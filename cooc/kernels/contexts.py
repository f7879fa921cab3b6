"""What stands around the occurrences of one phrase, gathered from the token store by their places.

Codes are those of the token store: `codes[0]` is a separator, and a term takes two codes from `singles` on (see
codes.py). An occurrence is `size` codes from its place on; its own tokens are no context of it. Places ascend.
A table has a row for each term: its contexts, the distinct documents, and the last of them, counted from 1.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled

COUNT, DOCUMENTS, LAST = 0, 1, 2
COLUMNS = 3
NO_TERM = -1


@compiled
def count_contexts(codes, singles, places, documents, size, left, right, weights, table, touched):
    """Count the terms up to `left` tokens before and `right` after each occurrence, inside its document.

    One at distance d adds `weights[d]`, farther than these reach the last of them. `documents[k]` is that of
    occurrence k. Writes the terms met to `touched`, in any order, and returns how many; or -1 where codes are no
    terms. The rows of `table` are zero before.
    """
    n = np.int64(0)
    terms, last = np.int64(table.shape[0]), np.int64(weights.size - 1)
    for k in range(places.size):
        stamp = documents[k] + 1
        at = places[k] + size
        distance = np.int64(1)
        while distance <= right and at < codes.size and codes[at] != SEPARATOR:
            term = np.int64(codes[at])
            at += 1
            if term >= singles:
                if at == codes.size or codes[at] < FIRST_TRAIL:
                    return np.int64(-1)
                term = SINGLES + (term - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                at += 1
            if term >= terms:
                return np.int64(-1)
            if table[term, LAST] != stamp:
                if table[term, LAST] == 0:
                    touched[n] = term
                    n += 1
                table[term, LAST] = stamp
                table[term, DOCUMENTS] += 1
            table[term, COUNT] += weights[min(distance, last)]
            distance += 1
        at = places[k] - 1
        distance = np.int64(1)
        while distance <= left and codes[at] != SEPARATOR:
            term = np.int64(codes[at])
            at -= 1
            if term >= singles:
                if term < FIRST_TRAIL or codes[at] < SINGLES or codes[at] >= FIRST_TRAIL:
                    return np.int64(-1)
                term = SINGLES + (np.int64(codes[at]) - SINGLES) * TRAILS + term - FIRST_TRAIL
                at -= 1
            if term >= terms:
                return np.int64(-1)
            if table[term, LAST] != stamp:
                if table[term, LAST] == 0:
                    touched[n] = term
                    n += 1
                table[term, LAST] = stamp
                table[term, DOCUMENTS] += 1
            table[term, COUNT] += weights[min(distance, last)]
            distance += 1
    return n


@compiled
def count_document_contexts(codes, singles, begins, ends, times, phrase, table, touched):
    """As `count_contexts` with the whole document as window: `times[d]` occurrences lie in `codes[begins[d]:ends[d]]`.

    Each occurrence has all else in its document as context. `phrase` are the term ids of the phrase, `begins` the
    separators.
    """
    n = np.int64(0)
    terms = np.int64(table.shape[0])
    for d in range(begins.size):
        stamp = np.int64(d + 1)
        at = begins[d] + 1
        while at < ends[d]:
            term = np.int64(codes[at])
            at += 1
            if term >= singles:
                if at == ends[d] or codes[at] < FIRST_TRAIL:
                    return np.int64(-1)
                term = SINGLES + (term - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                at += 1
            if term >= terms:
                return np.int64(-1)
            if table[term, LAST] != stamp:
                if table[term, LAST] == 0:
                    touched[n] = term
                    n += 1
                table[term, LAST] = stamp
                table[term, DOCUMENTS] += 1
            table[term, COUNT] += times[d]
        # the tokens of the phrase itself are taken off; a document in which it has no other is none of theirs
        for k in range(phrase.size):
            table[phrase[k], COUNT] -= times[d]
        for k in range(phrase.size):
            term = phrase[k]
            mine = np.int64(0)
            first = True
            for j in range(phrase.size):
                mine += np.int64(phrase[j] == term)
                first = first and (j >= k or phrase[j] != term)
            if first:
                found = np.int64(0)
                at = begins[d] + 1
                while at < ends[d] and found <= mine:
                    other = np.int64(codes[at])
                    at += 1
                    if other >= singles:
                        other = SINGLES + (other - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                        at += 1
                    found += np.int64(other == term)
                table[term, DOCUMENTS] -= np.int64(found <= mine)
    return n


@compiled
def add_squares(codes, singles, places, size, left, right, weights, table, squares):
    """Add to `squares[term]` the square of what each occurrence adds to the term's count, for `count_contexts`.

    `table` (terms, 2), zero before, is scratch: what the present occurrence has added, and its number from 1.
    """
    last = np.int64(weights.size - 1)
    for k in range(places.size):
        for side in range(2):
            reach = left if side == 0 else right
            at = places[k] - 1 if side == 0 else places[k] + size
            step = -1 if side == 0 else 1
            distance = np.int64(1)
            while distance <= reach and at < codes.size and codes[at] != SEPARATOR:
                term = np.int64(codes[at])
                if term >= singles:
                    other = np.int64(codes[at + step])
                    lead, trail = (other, term) if side == 0 else (term, other)
                    term = SINGLES + (lead - SINGLES) * TRAILS + trail - FIRST_TRAIL
                    at += step
                at += step
                if table[term, 1] != k + 1:
                    table[term, 0] = 0
                    table[term, 1] = k + 1
                before = table[term, 0]
                table[term, 0] += weights[min(distance, last)]
                squares[term] += table[term, 0] * table[term, 0] - before * before
                distance += 1


@compiled
def read_sides(codes, singles, places, size, terms, sides):
    """Write the term ids next to each occurrence, in reading order: before it to the end of the row `sides[0, k]`,
    behind it from the beginning of `sides[1, k]`; what lies beyond the document stays as it is.

    Returns True where codes are no terms.
    """
    width = sides.shape[2]
    for k in range(places.size):
        at = places[k] + size
        for place in range(width):
            if at >= codes.size or codes[at] == SEPARATOR:
                break
            term = np.int64(codes[at])
            at += 1
            if term >= singles:
                if at == codes.size or codes[at] < FIRST_TRAIL:
                    return True
                term = SINGLES + (term - SINGLES) * TRAILS + np.int64(codes[at]) - FIRST_TRAIL
                at += 1
            if term >= terms:
                return True
            sides[1, k, place] = term
        at = places[k] - 1
        for place in range(width - 1, -1, -1):
            if codes[at] == SEPARATOR:
                break
            term = np.int64(codes[at])
            at -= 1
            if term >= singles:
                if term < FIRST_TRAIL or codes[at] < SINGLES or codes[at] >= FIRST_TRAIL:
                    return True
                term = SINGLES + (np.int64(codes[at]) - SINGLES) * TRAILS + term - FIRST_TRAIL
                at -= 1
            if term >= terms:
                return True
            sides[0, k, place] = term
    return False
