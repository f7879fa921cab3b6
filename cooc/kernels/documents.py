"""Pairs within whole documents, for the rows of a few units: bags of units, then one row at a time.

Within a block, units are columns: column c below `words` is a word, column `words + k` the phrase number k of
those that the block has. A token without a row has the id `words`, a separator `words + 1`.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled
from cooc.kernels.rows import MOST_CELL_BYTES, emit_touched, most_bytes, sort_columns


@compiled
def bag_documents(
    ids, words, begins, phrase_at, phrase_of, counts, touched, bag_starts, bag_units, bag_counts, column_sums
):  # fmt: skip
    """Write the bag (unit, count) of each document, and add up the marginals.

    Document d begins at `ids[begins[d]]` and ends before the next separator. `phrase_at` and `phrase_of`
    are the occurrences of phrases, ascending. A unit's marginal is the sum over its occurrences of the
    tokens with a row in its document, less one; for a phrase the caller takes off its further tokens. Returns
    the size of the bags, at most a cell a token and an occurrence.
    """
    separator = np.uint32(words + 1)
    size = np.int64(0)
    phrase = np.int64(0)
    for document in range(begins.size):
        n = np.int64(0)
        inside = np.int64(0)
        position = np.int64(begins[document])
        while ids[position] != separator:
            unit = ids[position]
            if unit != words:
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
            bag_units[size + k] = unit
            bag_counts[size + k] = counts[unit]
            column_sums[unit] += counts[unit] * (inside - 1)
            counts[unit] = 0
        size += n
        bag_starts[document + 1] = size
    return size


@compiled
def find_postings(bag_starts, bag_units, bag_counts, row_of, starts, documents, counts):
    """Write for each row the documents that hold it and how often, and where each row's begin.

    `row_of[column]` is the row of a column, negative if it has none. `starts`, one longer than there are rows,
    begins as zeros. Called with room for nothing, it only gives the number of postings; else it expects room
    for all.
    """
    found = np.int64(0)
    for cell in range(bag_starts[-1]):
        found += np.int64(row_of[bag_units[cell]] >= 0)
    if documents.size == 0:
        return found
    for cell in range(bag_starts[-1]):
        row = np.int64(row_of[bag_units[cell]])
        if row >= 0:
            starts[row + 1] += 1
    for place in range(1, starts.size):
        starts[place] += starts[place - 1]
    for document in range(bag_starts.size - 1):
        for cell in range(bag_starts[document], bag_starts[document + 1]):
            row = np.int64(row_of[bag_units[cell]])
            if row >= 0:
                # each row's start moves on to the next row's, and all move back by one below
                documents[starts[row]] = document
                counts[starts[row]] = bag_counts[cell]
                starts[row] += 1
    for place in range(starts.size - 1, 0, -1):
        starts[place] = starts[place - 1]
    starts[0] = 0
    return found


@compiled
def add_overlaps(at, of, lengths, longest, mine, words, step, counts, touched, n):
    """Add `step` to the count of each phrase's column for every occurrence of it that overlaps one of `mine`.

    `at` and `of` are the occurrences of phrases, ascending; `mine` are places therein. An occurrence overlaps
    itself. Columns that were zero are listed in `touched` from `n` on; returns the new `n`. With a negative
    step no column may have been zero.
    """
    for k in mine:
        begin = at[k]
        end = begin + lengths[of[k]]
        other = np.int64(k)
        while other < at.size and at[other] < end:
            column = words + np.int64(of[other])
            touched[n] = column
            n += np.uint64((counts[column] == 0) & (step > 0))
            counts[column] += step
            other += 1
        other = np.int64(k) - 1
        while other >= 0 and at[other] > begin - longest:
            if at[other] + lengths[of[other]] > begin:
                column = words + np.int64(of[other])
                touched[n] = column
                n += np.uint64((counts[column] == 0) & (step > 0))
                counts[column] += step
            other -= 1
    return n


@compiled
def row_bytes(cells, units, most):
    """A bound on the bytes of a row of `cells` cells in columns below `units`, whose counts, each below 2**63, add up
    to `most` at most; a negative `most` is no bound."""
    return most_bytes(cells, units, most) if most >= 0 else MOST_CELL_BYTES * np.int64(cells) + 8


@compiled
def count_document_rows(
    words, names, row_starts, row_documents, row_counts, bag_starts, bag_units, bag_counts,
    less_starts, less_units, less_counts, at, of, lengths, longest, mine_starts, mine, most,
    counts, touched, bits, first, out, ends, sums,
):  # fmt: skip
    """Write one row a unit: the sum over its documents of (its count) x (the document's bag).

    Row r stands `row_counts[k]` times in document `row_documents[k]`, for k in
    `row_starts[r]:row_starts[r + 1]`. Of that is taken off what overlaps: the cells listed in `less_units`,
    `less_counts`, and one for each occurrence of a phrase that overlaps one of
    `mine[mine_starts[r]:mine_starts[r + 1]]`, see `add_overlaps`. `names` are the units of the columns, `most`
    bounds the sum of a row, see `row_bytes`. Begins at row `first`; `ends[r]` gets the end of the row in `out`,
    `sums[r]` the sum of its words. Returns the row it stopped at, for want of room in `out`, the bytes written
    and the cells.
    """
    rows = row_starts.size - 1
    columns = np.int64(names.size)
    o = np.uint64(0)
    cells = np.int64(0)
    for row in range(first, rows):
        n = np.uint64(0)
        wanted = np.int64(0)
        for k in range(row_starts[row], row_starts[row + 1]):
            document = row_documents[k]
            wanted += np.int64(bag_starts[document + 1]) - np.int64(bag_starts[document])
        if np.uint64(out.size) - o < np.uint64(row_bytes(min(wanted, columns), names[columns - 1] + 1, most)):
            return row, o, cells
        for k in range(row_starts[row], row_starts[row + 1]):
            document, times = row_documents[k], np.int64(row_counts[k])
            for cell in range(bag_starts[document], bag_starts[document + 1]):
                unit = bag_units[cell]
                touched[n] = unit
                n += np.uint64(counts[unit] == 0)
                counts[unit] += times * np.int64(bag_counts[cell])
        for k in range(less_starts[row], less_starts[row + 1]):
            counts[less_units[k]] -= less_counts[k]
        if mine_starts[row] < mine_starts[row + 1]:
            own = mine[mine_starts[row] : mine_starts[row + 1]]
            add_overlaps(at, of, lengths, longest, own, words, -1, counts, touched, n)
        o, more, sums[row] = emit_touched(counts, columns, names, words, 1, touched, n, bits, out, o)
        cells += more
        ends[row] = o
    return rows, o, cells


@compiled
def list_overlaps(
    at, of, lengths, longest, starts, mine, first, counts, touched, bits, pair_rows, pair_columns, pair_counts
):  # fmt: skip
    """Write the cells (phrase, phrase, count) of occurrences that overlap, in their order.

    Row r are the occurrences `mine[starts[r]:starts[r + 1]]`, all of one phrase, see `add_overlaps`. Begins
    at row `first`; returns the row it stopped at, for want of room, and the cells written.
    """
    phrases = starts.size - 1
    size = np.int64(0)
    for row in range(first, phrases):
        if pair_rows.size - size < phrases:
            return row, size
        own = mine[starts[row] : starts[row + 1]]
        n = np.int64(add_overlaps(at, of, lengths, longest, own, 0, 1, counts, touched, np.uint64(0)))
        sort_columns(touched, n, phrases, bits)
        for k in range(n):
            pair_rows[size] = row
            pair_columns[size] = touched[k]
            pair_counts[size] = counts[touched[k]]
            counts[touched[k]] = 0
            size += 1
    return phrases, size


@compiled
def count_columns(ids, counts):
    """Add one to `counts[id]` for each of `ids`."""
    for id_ in ids:
        counts[id_] += 1
