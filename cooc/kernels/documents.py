"""Pairs within whole documents, for the rows of a few units: bags of units, then one row at a time."""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled
from cooc.kernels.rows import MOST_CELL_BYTES, emit_touched


@compiled
def bag_documents(
    ids, separator, units, words, begins, phrase_at, phrase_of, counts, touched,
    bag_starts, bag_units, bag_counts, column_sums,
):  # fmt: skip
    """Write the bag (unit, count) of each document, and add up the marginals.

    Document d begins at `ids[begins[d]]` and ends before the next separator. `phrase_at` and `phrase_of`
    are the occurrences of phrases, ascending. A unit's marginal is the sum over its occurrences of the
    tokens with a row in its document, less one; for a phrase the caller takes off its further tokens. Returns
    the size of the bags; what exceeds the room in `bag_units` is not written.
    """
    size = np.int64(0)
    phrase = np.int64(0)
    for document in range(begins.size):
        n = np.int64(0)
        inside = np.int64(0)
        position = np.int64(begins[document])
        while ids[position] != separator:
            unit = ids[position]
            if unit != units:
                inside += 1
                touched[n] = unit
                n += np.int64(counts[unit] == 0)
                counts[unit] += 1
            position += 1
        while phrase < phrase_at.size and phrase_at[phrase] < position:
            unit = np.uint32(words + phrase_of[phrase])
            touched[n] = unit
            n += np.int64(counts[unit] == 0)
            counts[unit] += 1
            phrase += 1
        for k in range(n):
            unit = touched[k]
            if size + k < bag_units.size:
                bag_units[size + k] = unit
                bag_counts[size + k] = counts[unit]
            column_sums[unit] += counts[unit] * (inside - 1)
            counts[unit] = 0
        size += n
        bag_starts[document + 1] = size
    return size


@compiled
def count_document_rows(
    units, words, row_starts, row_documents, row_counts, bag_starts, bag_units, bag_counts,
    less_starts, less_units, less_counts, counts, touched, bits, first, out, ends, sums,
):  # fmt: skip
    """Write one row a unit: the sum over its documents of (its count) x (the document's bag).

    Row r stands `row_counts[k]` times in document `row_documents[k]`, for k in
    `row_starts[r]:row_starts[r + 1]`; what of that is an occurrence with itself or with a token of its own is
    listed in `less_units`, `less_counts` and taken off. Results as in `rows.merge_rows`.
    """
    rows = row_starts.size - 1
    o = np.uint64(0)
    cells = np.int64(0)
    for row in range(first, rows):
        if np.uint64(out.size) - o < np.uint64(MOST_CELL_BYTES * units + 1):
            return row, o, cells
        n = np.uint64(0)
        for k in range(row_starts[row], row_starts[row + 1]):
            document, times = row_documents[k], row_counts[k]
            for cell in range(bag_starts[document], bag_starts[document + 1]):
                unit = bag_units[cell]
                touched[n] = unit
                n += np.uint64(counts[unit] == 0)
                counts[unit] += times * bag_counts[cell]
        for k in range(less_starts[row], less_starts[row + 1]):
            counts[less_units[k]] -= less_counts[k]
        o, more, sums[row] = emit_touched(counts, units, words, 1, touched, n, bits, out, o)
        cells += more
        ends[row] = o
    return rows, o, cells
