"""One pass over the codes of the token store: where phrases occur, and where two of them meet.

A phrase is a sequence of codes. It holds no separator, so no match crosses a document's end; codes are
self-synchronising, so no match begins or ends inside a word.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import SEPARATOR
from cooc.kernels.compile import compiled
from cooc.kernels.rows import read_row


@compiled
def count_phrases(codes, marks, by_first, first_starts, phrase_starts, phrase_codes, occurrences, documents, seen):
    """Add the occurrences of each phrase, overlapping ones too, and the distinct documents that hold it.

    `by_first[first_starts[code]:first_starts[code + 1]]` are the phrases that begin with `code`; phrase k is
    `phrase_codes[phrase_starts[k]:phrase_starts[k + 1]]`. `marks[code]` is 1 for the codes that begin a
    phrase and for the separator, else 0: a table so small that it stays near. `codes` begins at a separator.
    `seen[k]`, -1 at first, is scratch: the last document that held phrase k.
    """
    document = np.int64(-1)
    for place in range(codes.size):
        code = codes[place]
        if not marks[code]:
            continue
        if code == SEPARATOR:
            document += 1
            continue
        for candidate in range(first_starts[code], first_starts[code + 1]):
            phrase = by_first[candidate]
            start, size = phrase_starts[phrase], phrase_starts[phrase + 1] - phrase_starts[phrase]
            if place + size > codes.size:
                continue
            k = 1
            while k < size and codes[place + k] == phrase_codes[start + k]:
                k += 1
            if k == size:
                occurrences[phrase] += 1
                documents[phrase] += seen[phrase] != document
                seen[phrase] = document


@compiled
def is_within(codes, last, place, reach, first_trail):
    """Whether the token at `place` is at most `reach` tokens behind the one whose last code is at `last`."""
    if last < 0 or place - last > 2 * reach:
        return False
    if place - last <= reach:
        return True
    tokens = 0
    for k in range(last + 1, place + 1):
        tokens += codes[k] < first_trail
    return tokens <= reach


@compiled
def pair_documents(codes, marks, first_trail, a, b, left, right, open_a, open_b):
    """The number of documents in which b stands at least once in the window of a.

    `a` and `b` are codes. b stands in the window if it begins at most `right` tokens behind a's last, or ends
    at most `left` tokens before a's first; where they overlap it does not. `marks[code]` is 1 for the first
    code of a and of b and for the separator, else 0. `codes` begins at a separator; codes from `first_trail`
    on go on with a token. `open_a` and `open_b`, as long as a and b, are scratch: rings of the places where
    an occurrence has begun that does not lie whole before the present place.
    """
    found = np.int64(0)
    met = True
    a_last, b_last = np.int64(-1), np.int64(-1)  # last code of the latest occurrence that lies whole before
    a_out, a_in, b_out, b_in = 0, 0, 0, 0
    for place in range(codes.size):
        code = codes[place]
        if not marks[code]:
            continue
        if code == SEPARATOR:
            met = False
            a_last, b_last = np.int64(-1), np.int64(-1)
            a_out, a_in, b_out, b_in = 0, 0, 0, 0
            continue
        if met:
            continue
        while a_out < a_in and open_a[a_out % a.size] + a.size <= place:
            a_last = open_a[a_out % a.size] + a.size - 1
            a_out += 1
        while b_out < b_in and open_b[b_out % b.size] + b.size <= place:
            b_last = open_b[b_out % b.size] + b.size - 1
            b_out += 1
        if code == a[0] and place + a.size <= codes.size:
            k = 1
            while k < a.size and codes[place + k] == a[k]:
                k += 1
            if k == a.size:
                met = is_within(codes, b_last, place, left, first_trail)
                open_a[a_in % a.size] = place
                a_in += 1
        if code == b[0] and place + b.size <= codes.size:
            k = 1
            while k < b.size and codes[place + k] == b[k]:
                k += 1
            if k == b.size:
                met = met or is_within(codes, a_last, place, right, first_trail)
                open_b[b_in % b.size] = place
                b_in += 1
        found += np.int64(met)
    return found


@compiled
def read_rows(data, starts, rows, columns, counts):
    """Decode several rows, of which row r is `data[starts[r]:starts[r + 1]]`.

    Writes the row, column and count of each cell; returns the number of cells, or -1 if the bytes are no rows.
    The arrays need as many places as there are bytes, at most.
    """
    cells = 0
    for row in range(starts.size - 1):
        found = read_row(data[starts[row] : starts[row + 1]], columns[cells:], counts[cells:])
        if found < 0:
            return -1
        rows[cells : cells + found] = row
        cells += found
    return cells
