"""Rows of a sparse matrix of counts as bytes, and the dense accumulator they are made from.

A row is its cells in ascending column order. A cell is the varint of `2 * gap + (count > 1)`, where gap is
the number of absent columns since the previous cell (since column 0 for the first), followed, if the count
is above 1, by the varint of `count - 2`. A varint is little-endian base 128, the high bit set on all bytes
but the last. Most cells of a corpus have count 1 and take one or two bytes.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.bits import set_bits, store_word, trailing_zeros
from cooc.kernels.compile import compiled

MOST_CELL_BYTES = 15
"""A gap below 2**32 with its flag takes at most 5 bytes, a count below 2**63 at most 9; one to spare."""

SHORT = np.uint64(1 << 21)


@compiled
def pack_cell(head, rest, more):
    """The bytes of a cell with `head` below 2**21 and `rest` below 2**14, as a word, and their number.

    The lengths of neighbouring cells can't be foretold, so this takes no branch. It is given no array:
    a call that is would count references to it for every cell, at ten times the cost.
    """
    one, seven, low = np.uint64(1), np.uint64(7), np.uint64(127)
    second, third = np.uint64(head > low), np.uint64(head > np.uint64(16383))
    word = (head & low) | (second << seven)
    word |= (((head >> seven) & low) | (third << seven)) << np.uint64(8)
    word |= (head >> np.uint64(14)) << np.uint64(16)
    size = one + second + third
    second = np.uint64(rest > low)
    tail = (rest & low) | (second << seven) | ((rest >> seven) << np.uint64(8))
    return word | (tail << (size << np.uint64(3))), size + more * (one + second)


@compiled
def emit_scan(counts, columns, marginal_columns, minimum, out, o):
    """Write the row held in `counts[:columns]` by looking at every column, and clear it.

    Returns the new end of `out`, the number of cells written, and the sum of the counts in the first
    `marginal_columns` columns before those below `minimum` were dropped.
    """
    one, after = np.uint64(1), np.uint64(0)
    cells = np.uint64(0)
    total = np.uint64(0)
    for column in range(np.uint64(columns)):
        if counts[column]:
            count = np.uint64(counts[column])
            counts[column] = 0
            total += count * np.uint64(column < np.uint64(marginal_columns))
            kept = np.uint64(count >= np.uint64(minimum))
            more = np.uint64(count > one)
            head, rest = ((column - after) << one) | more, count - (more << one)
            if (head | (rest << np.uint64(7))) < SHORT:
                word, size = pack_cell(head, rest, more)
                store_word(out, o, word)
                o += kept * size
            elif kept:
                while head >= np.uint64(128):
                    out[o] = np.uint8(head & np.uint64(127)) | np.uint8(128)
                    o += one
                    head >>= np.uint64(7)
                out[o] = np.uint8(head)
                o += one
                if more:
                    while rest >= np.uint64(128):
                        out[o] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
                        o += one
                        rest >>= np.uint64(7)
                    out[o] = np.uint8(rest)
                    o += one
            after = column + np.uint64(1) if kept else after
            cells += kept
    return o, np.int64(cells), np.int64(total)


@compiled
def sort_columns(touched, n, columns, bits):
    """Sort `touched[:n]`, distinct columns below `columns`, in place, by a bitmap of two levels.

    Bit c of the first level stands for column c, bit w of the second, which begins at word `words`, for
    word w of the first. Both are zero before and after. `touched` needs four places to spare: as in
    simdjson's flatten_bits, four columns a word are written without asking how many there are.
    """
    one, six = np.uint64(1), np.uint64(6)
    words = np.uint64((columns + 63) >> 6)
    for i in range(n):
        column = np.uint64(touched[i])
        word = column >> six
        bits[word] |= one << (column & np.uint64(63))
        bits[words + (word >> six)] |= one << (word & np.uint64(63))
    end = np.uint64(0)
    for high in range((words + np.uint64(63)) >> six):
        upper = bits[words + high]
        if upper == np.uint64(0):
            continue
        bits[words + high] = np.uint64(0)
        while upper:
            word = (high << six) + trailing_zeros(upper)
            upper &= upper - one
            lower = bits[word]
            bits[word] = np.uint64(0)
            base = word << six
            stop = end + set_bits(lower)
            for k in range(np.uint64(4)):
                touched[end + k] = np.uint32(base + trailing_zeros(lower))
                lower &= lower - one
            end += np.uint64(4)
            while lower:
                touched[end] = np.uint32(base + trailing_zeros(lower))
                lower &= lower - one
                end += one
            end = stop


@compiled
def emit_touched(counts, columns, marginal_columns, minimum, touched, n, bits, out, o):
    """As `emit_scan`, for a row whose columns are listed in `touched[:n]`, in any order, each once."""
    sort_columns(touched, n, columns, bits)
    one, after = np.uint64(1), np.uint64(0)
    cells = np.uint64(0)
    total = np.uint64(0)
    for i in range(n):
        column = np.uint64(touched[i])
        count = np.uint64(counts[column])
        counts[column] = 0
        total += count * np.uint64(column < np.uint64(marginal_columns))
        kept = np.uint64(count >= np.uint64(minimum))
        more = np.uint64(count > one)
        head, rest = ((column - after) << one) | more, count - (more << one)
        if (head | (rest << np.uint64(7))) < SHORT:
            word, size = pack_cell(head, rest, more)
            store_word(out, o, word)
            o += kept * size
        elif kept:
            while head >= np.uint64(128):
                out[o] = np.uint8(head & np.uint64(127)) | np.uint8(128)
                o += one
                head >>= np.uint64(7)
            out[o] = np.uint8(head)
            o += one
            if more:
                while rest >= np.uint64(128):
                    out[o] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
                    o += one
                    rest >>= np.uint64(7)
                out[o] = np.uint8(rest)
                o += one
        after = column + np.uint64(1) if kept else after
        cells += kept
    return o, np.int64(cells), np.int64(total)


@compiled
def read_row(data, columns, counts):
    """Decode one row; returns its number of cells, or -1 if the bytes are no row.

    `columns` and `counts` (int64) need as many places as the row has bytes, at most.
    """
    n = 0
    i = np.int64(0)
    size = np.int64(data.size)
    column = np.int64(-1)
    while i < size:
        value = np.uint64(0)
        shift = np.uint64(0)
        while i < size and data[i] >= 128:
            value |= np.uint64(data[i] & np.uint8(127)) << shift
            shift += np.uint64(7)
            i += 1
        if i >= size:
            return -1
        value |= np.uint64(data[i]) << shift
        i += 1
        column += np.int64(value >> np.uint64(1)) + 1
        count = np.int64(1)
        if value & np.uint64(1):
            value = np.uint64(0)
            shift = np.uint64(0)
            while i < size and data[i] >= 128:
                value |= np.uint64(data[i] & np.uint8(127)) << shift
                shift += np.uint64(7)
                i += 1
            if i >= size:
                return -1
            count = np.int64(value | (np.uint64(data[i]) << shift)) + 2
            i += 1
        columns[n] = column
        counts[n] = count
        n += 1
    return n


@compiled
def merge_rows(data, starts, columns, marginal_columns, minimum, counts, touched, bits, first, out, ends, sums):
    """Add up the rows of several runs and write them again as rows.

    `starts[run, row]` to `starts[run, row + 1]` are the bytes of a row in `data`. Begins at row `first`;
    `ends[row]` gets the end of the row in `out`, `sums[row]` its marginal before pruning. Returns the row it
    stopped at, for want of room in `out`, the bytes written and the cells written.
    """
    runs, rows = starts.shape[0], starts.shape[1] - 1
    o = np.uint64(0)
    cells = np.int64(0)
    for row in range(first, rows):
        size = np.int64(0)
        for run in range(runs):
            size += starts[run, row + 1] - starts[run, row]
        if np.uint64(out.size) - o < np.uint64(MOST_CELL_BYTES * min(size, columns) + 1):
            return row, o, cells
        n = np.uint64(0)
        for run in range(runs):
            i = starts[run, row]
            stop = starts[run, row + 1]
            column = np.int64(-1)
            while i < stop:
                value = np.uint64(0)
                shift = np.uint64(0)
                while data[i] >= 128:
                    value |= np.uint64(data[i] & np.uint8(127)) << shift
                    shift += np.uint64(7)
                    i += 1
                value |= np.uint64(data[i]) << shift
                i += 1
                column += np.int64(value >> np.uint64(1)) + 1
                count = np.int64(1)
                if value & np.uint64(1):
                    value = np.uint64(0)
                    shift = np.uint64(0)
                    while data[i] >= 128:
                        value |= np.uint64(data[i] & np.uint8(127)) << shift
                        shift += np.uint64(7)
                        i += 1
                    count = np.int64(value | (np.uint64(data[i]) << shift)) + 2
                    i += 1
                touched[n] = column
                n += np.uint64(counts[column] == 0)
                counts[column] += count
        o, more, sums[row] = emit_touched(counts, columns, marginal_columns, minimum, touched, n, bits, out, o)
        cells += more
        ends[row] = o
    return rows, o, cells
