"""Counting n-grams level by level: an (n+1)-gram is the n-gram that ends here and the next token.

`nodes[p]` is the id of the n-gram whose last token stands at p, or `NO_NODE` where it is below the
threshold or would cross a document's start. Counting level n+1 is `pairs.count_rows` with a window of one
to the right, rows grouped by node; these kernels are what stands around it.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

NO_NODE = np.uint32(0xFFFFFFFF)


@compiled
def mask_followers(ids, nodes, outside, separator, followers):
    """Copy `ids`, with `outside` for each token that ends no n-gram of the level, so that it can't
    extend one either; separators stay."""
    for position in range(ids.size):
        token = ids[position]
        if nodes[position] == NO_NODE and token != separator:
            token = outside
        followers[position] = token


@compiled
def extend_nodes(followers, positions, starts, level_starts, level_last, found, grown):
    """Give each position that ends a kept (n+1)-gram the number of its n+1-gram, in `grown`.

    Row r has the n-gram ends `positions[starts[r]:starts[r + 1]]`, and its kept extensions are
    `level_last[level_starts[r]:level_starts[r + 1]]`. `found` is scratch, zero before and after, one place
    for each id, "outside" and separator.
    """
    for row in range(starts.size - 1):
        low, high = level_starts[row], level_starts[row + 1]
        if low == high:
            continue
        for k in range(low, high):
            found[level_last[k]] = np.uint32(k + 1)
        for k in range(starts[row], starts[row + 1]):
            after = np.uint64(positions[k]) + np.uint64(1)
            node = found[followers[after]]
            if node:
                grown[after] = node - np.uint32(1)
        for k in range(low, high):
            found[level_last[k]] = np.uint32(0)


@compiled
def count_ends(ids, nodes, separator, start, stop, ends):
    """Add 1 to `ends[node]` for each node in [start, stop) that stands last in its document."""
    for position in range(start, stop):
        node = nodes[position]
        if node != NO_NODE and ids[position + 1] == separator:
            ends[node] += 1


@compiled
def count_heads(ids, separator, start, stop, depth, heads):
    """Add 1 to `heads[k, id]` for each token in [start, stop) that is its document's (k+1)-th, k < depth."""
    for position in range(start, stop):
        if ids[position] == separator:
            continue
        back = 1
        while back <= depth and ids[position - back] != separator:
            back += 1
        if back <= depth:
            heads[back - 1, ids[position]] += 1


@compiled
def split_cells(data, starts, minimum, level_starts, last, counts):
    """Decode rows into the columns and counts of a level; `level_starts[row + 1]` gets each row's end."""
    n = np.int64(0)
    level_starts[0] = 0
    for row in range(starts.size - 1):
        i, stop = starts[row], starts[row + 1]
        column = np.int64(-1)
        while i < stop:
            value, shift = np.uint64(0), np.uint64(0)
            while data[i] >= 128:
                value |= np.uint64(data[i] & np.uint8(127)) << shift
                shift += np.uint64(7)
                i += 1
            value |= np.uint64(data[i]) << shift
            i += 1
            column += np.int64(value >> np.uint64(1)) + 1
            count = np.int64(1)
            if value & np.uint64(1):
                value, shift = np.uint64(0), np.uint64(0)
                while data[i] >= 128:
                    value |= np.uint64(data[i] & np.uint8(127)) << shift
                    shift += np.uint64(7)
                    i += 1
                count = np.int64(value | (np.uint64(data[i]) << shift)) + 2
                i += 1
            if count >= minimum:
                last[n] = column
                counts[n] = count
                n += 1
        level_starts[row + 1] = n
    return n
