"""Counting pairs in a window: group the positions by term, then one dense row at a time.

A block of tokens is an array of local numbers in which every document lies between two separators
(`columns + 1`) and a token that has no row is `columns`, which keeps its position and counts for nothing.
Local numbers below `columns` stand for units, ascending; rows are written with the units' numbers.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.bits import prefetch
from cooc.kernels.compile import compiled
from cooc.kernels.rows import emit_scan, emit_touched, most_bytes

AHEAD = 12
"""How many occurrences ahead the tokens are asked for: the occurrences of a rare term lie far apart."""


@compiled
def count_keys(keys, first, stop, counts):
    """Count the keys in [first, stop) into `counts`."""
    width = np.uint32(stop - first)
    for position in range(keys.size):
        key = np.uint32(keys[position] - np.uint32(first))
        if key < width:
            counts[key] += 1


@compiled
def group_positions(keys, start, first, stop, cursor, positions):
    """Write the positions of each key in [first, stop), ascending; `cursor[k]` is where key k's begin.

    Positions are relative to the array that begins `start` places before `keys`. Afterwards `cursor[k]` is
    where key k's positions end.
    """
    width = np.uint32(stop - first)
    for position in range(keys.size):
        key = np.uint32(keys[position] - np.uint32(first))
        if key < width:
            positions[cursor[key]] = np.uint32(position + start)
            cursor[key] += 1


@compiled
def count_rows(
    ids, separator, columns, names, marginal_columns, positions, starts, left, right, weights, minimum,
    counts, touched, bits, first, out, ends, sums,
):  # fmt: skip
    """Count the contexts of each row's positions and write the rows.

    Row r has the positions `positions[starts[r]:starts[r + 1]]`. Its contexts are up to `left` tokens
    before and up to `right` after each position, inside the document; one at distance d adds
    `weights[d]`. Column c is unit `names[c]`. `counts` (columns + 1), `touched` (columns + 8) and `bits`
    are scratch, zero before and after; the dtype of `counts` must hold the largest cell.

    Begins at row `first`; `ends[row]` gets the end of the row in `out`, `sums[row]` its marginal before cells
    below `minimum` were dropped. Returns the row it stopped at, for want of room in `out`, the bytes written
    and the cells written.
    """
    rows = starts.size - 1
    reach = np.uint64(left + right)
    last = starts[rows] - 1
    o = np.uint64(0)
    cells = np.int64(0)
    one = np.uint64(1)
    units = np.int64(names[-1]) + 1 if names.size else np.int64(0)
    total = np.int64(0)  # what an occurrence adds to its row, at most
    for distance in range(1, max(left, right) + 1):
        total += np.int64(weights[distance]) * (np.int64(distance <= left) + np.int64(distance <= right))
    for row in range(first, rows):
        times = starts[row + 1] - starts[row]
        most = times * np.int64(reach)
        if np.uint64(out.size) - o < np.uint64(most_bytes(min(most, columns), units, times * total)):
            return row, o, cells
        if most > 2 * columns:
            # so many contexts that looking at every column costs less than keeping a list of those met
            for k in range(starts[row], starts[row + 1]):
                position = np.uint64(positions[k])
                prefetch(ids, np.uint64(positions[min(k + AHEAD, last)]))
                for distance in range(one, np.uint64(right) + one):
                    column = ids[position + distance]
                    if column == separator:
                        break
                    counts[column] += weights[distance]
                for distance in range(one, np.uint64(left) + one):
                    column = ids[position - distance]
                    if column == separator:
                        break
                    counts[column] += weights[distance]
            counts[columns] = 0
            o, more, sums[row] = emit_scan(counts, columns, names, marginal_columns, minimum, out, o)
        else:
            n = np.uint64(0)
            for k in range(starts[row], starts[row + 1]):
                position = np.uint64(positions[k])
                later = np.uint64(positions[min(k + AHEAD, last)])
                prefetch(ids, later - np.uint64(min(left, 16)))
                prefetch(ids, later + np.uint64(min(right, 16)))
                for distance in range(one, np.uint64(right) + one):
                    column = ids[position + distance]
                    if column == separator:
                        break
                    count = counts[column]
                    touched[n] = column
                    n += np.uint64((count == 0) & (column != columns))
                    counts[column] = count + weights[distance]
                for distance in range(one, np.uint64(left) + one):
                    column = ids[position - distance]
                    if column == separator:
                        break
                    count = counts[column]
                    touched[n] = column
                    n += np.uint64((count == 0) & (column != columns))
                    counts[column] = count + weights[distance]
            counts[columns] = 0
            o, more, sums[row] = emit_touched(
                counts, columns, names, marginal_columns, minimum, touched, n, bits, out, o
            )
        cells += more
        ends[row] = o
    return rows, o, cells


@compiled
def sum_contexts(ids, separator, units, start, stop, left, right, weights, sums):
    """Add to `sums[unit]` the weights of the contexts of each token in [start, stop) that has a row."""
    for position in range(start, stop):
        unit = ids[position]
        if unit >= units:
            continue
        total = np.int64(0)
        for distance in range(1, right + 1):
            other = ids[position + distance]
            if other == separator:
                break
            if other != units:
                total += np.int64(weights[distance])
        for distance in range(1, left + 1):
            other = ids[position - distance]
            if other == separator:
                break
            if other != units:
                total += np.int64(weights[distance])
        sums[unit] += total
