"""Rows of a sparse matrix of counts as bytes, and the dense accumulator they are made from.

A row is its cells in ascending column order. A cell is the varint of `2 * gap + (count > 1)`, where gap is
the number of absent columns since the previous cell (since column 0 for the first), followed, if the count
is above 1, by the varint of `count - 2`. A varint is little-endian base 128, the high bit set on all bytes
but the last. Most cells of a corpus have count 1 and take one or two bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cooc.kernels.bits import set_bits, store_word, trailing_zeros
from cooc.kernels.compile import compiled

MOST_CELL_BYTES = 15
"""A gap below 2**32 with its flag takes at most 5 bytes, a count below 2**63 at most 9; one to spare."""

SHORT = np.uint64(1 << 21)

inlined = njit(nogil=True, _nrt=False, forceinline=True)


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
def most_bytes(cells, units, total):
    """A bound on the bytes of a row of `cells` cells in columns below `units` whose counts add up to `total` at most.

    Each cell has a byte for its gap and at most one for its count, and what these are too large for: a gap's
    e-th further byte needs a gap of 64 * 128**(e - 1) >= 64 * e at least, so gaps have units / 64 further bytes,
    and no more than 4 each. A count's further bytes after the k-th, for any k, need a count of
    128**(k + 1) times their number, so counts have k * cells + total / 128**(k + 1); the loop finds a k for
    which that is small. Eight bytes more, for `store_word` writes eight at a time.
    """
    further = np.int64(0)
    rest = np.int64(total) >> 7
    while rest > cells:
        rest >>= 7
        further += np.int64(cells)
    return 2 * np.int64(cells) + min(np.int64(units) >> 6, 4 * np.int64(cells)) + further + rest + 8


@inlined
def put_varint(out, o, value):
    """Write a varint and return the new end."""
    while value >= np.uint64(128):
        out[o] = np.uint8(value & np.uint64(127)) | np.uint8(128)
        o += np.uint64(1)
        value >>= np.uint64(7)
    out[o] = np.uint8(value)
    return o + np.uint64(1)


@inlined
def put_cell(out, o, gap, count, kept):
    """Write the cell if `kept` is 1, else at most eight bytes that count for nothing; returns the new end."""
    one = np.uint64(1)
    more = np.uint64(count > one)
    head, rest = (gap << one) | more, count - (more << one)
    # shifted both ways: neither high bits of `rest` may be lost, nor more than 14 of them pass
    if (head | (rest << np.uint64(7)) | (rest >> np.uint64(7))) < SHORT:
        word, size = pack_cell(head, rest, more)
        store_word(out, o, word)
        o += kept * size
    elif kept:
        o = put_varint(out, o, head)
        if more:
            o = put_varint(out, o, rest)
    return o


@compiled
def emit_scan(counts, columns, names, marginal_columns, minimum, out, o):
    """Write the row held in `counts[:columns]` by looking at every column, and clear it.

    Column c is written as unit `names[c]`; names ascend. Returns the new end of `out`, the number of cells
    written, and the sum of the counts in the first `marginal_columns` columns before those below `minimum`
    were dropped.
    """
    after = np.uint64(0)
    cells = np.uint64(0)
    total = np.uint64(0)
    for column in range(np.uint64(columns)):
        if counts[column]:
            count = np.uint64(counts[column])
            counts[column] = 0
            unit = np.uint64(names[column])
            total += count * np.uint64(column < np.uint64(marginal_columns))
            kept = np.uint64(count >= np.uint64(minimum))
            o = put_cell(out, o, unit - after, count, kept)
            after = unit + np.uint64(1) if kept else after
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
def emit_touched(counts, columns, names, marginal_columns, minimum, touched, n, bits, out, o):
    """As `emit_scan`, for a row whose columns are listed in `touched[:n]`, in any order, each once."""
    sort_columns(touched, n, columns, bits)
    after = np.uint64(0)
    cells = np.uint64(0)
    total = np.uint64(0)
    for i in range(n):
        column = np.uint64(touched[i])
        count = np.uint64(counts[column])
        counts[column] = 0
        unit = np.uint64(names[column])
        total += count * np.uint64(column < np.uint64(marginal_columns))
        kept = np.uint64(count >= np.uint64(minimum))
        o = put_cell(out, o, unit - after, count, kept)
        after = unit + np.uint64(1) if kept else after
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


DONE, FULL = -1, -2
"""What `merge_entries` returns where it does not want bytes of a run: all rows merged; no room in `out`."""

ROW, ENTRY, BASE, NEXT, TOUCHED, EMITTED, AFTER, CELLS, OUT, WRITTEN = range(10)
"""Fields of the `state` of `merge_entries`."""

NO_COLUMN = np.int64(1 << 62)


@compiled
def merge_entries(
    data, at, filled, left, after, row_starts, runs, sizes, width, minimum, counts, touched, bits, state, out, ends
):  # fmt: skip
    """Add up rows that several runs hold, and write them again as rows; stops where it lacks bytes or room.

    Row r consists of the entries `row_starts[r]:row_starts[r + 1]`; an entry is `sizes[e]` bytes of run
    `runs[e]`. Of run k, `data[at[k]:filled[k]]` are the bytes at hand, which go on with its next entry;
    `left[k]` counts the bytes of its present entry still to come, `after[k]` is one past its last column.
    A row is added up in tiles of `width` columns, the next beginning at the least column not yet added, so
    that scratch (`counts` of width, `touched` of width + 8, `bits`) needs no more room than a tile.

    Returns a run that wants its bytes moved up and more behind them, FULL if `out` is to be emptied (up to
    `state[OUT]`, which the caller sets to 0, adding to `state[WRITTEN]`), or DONE. The next call goes on with
    the same arguments: `state` holds where. `ends[r]` gets the end of row r, counted from the first byte ever
    written. A buffer must hold MOST_CELL_BYTES, and so must `out`.
    """
    row, entry, base, upper = state[ROW], state[ENTRY], state[BASE], state[NEXT]
    n, emitted, last = np.uint64(state[TOUCHED]), state[EMITTED], np.uint64(state[AFTER])
    cells, o = state[CELLS], np.uint64(state[OUT])
    room = np.uint64(out.size - MOST_CELL_BYTES)
    rows = np.int64(row_starts.size - 1)
    signal = np.int64(DONE)
    while row < rows:
        first, stop = row_starts[row], row_starts[row + 1]
        if entry < 0:
            for e in range(first, stop):
                left[runs[e]] = sizes[e]
                after[runs[e]] = 0
            entry, base, upper = first, np.int64(0), NO_COLUMN
            n, emitted, last = np.uint64(0), np.int64(-1), np.uint64(0)
        if stop - first == 1 and minimum <= 1:
            # nothing to add: its cells are copied
            run = runs[first]
            i, end = at[run], at[run] + left[run]
            whole = end if end <= filled[run] else filled[run] - (MOST_CELL_BYTES - 1)
            while i < whole and o <= room:
                more = data[i] & np.uint8(1)
                while data[i] >= 128:
                    out[o] = data[i]
                    o += np.uint64(1)
                    i += 1
                out[o] = data[i]
                o += np.uint64(1)
                i += 1
                if more:
                    while data[i] >= 128:
                        out[o] = data[i]
                        o += np.uint64(1)
                        i += 1
                    out[o] = data[i]
                    o += np.uint64(1)
                    i += 1
                cells += 1
            at[run], left[run] = i, end - i
            if i < end:
                signal = FULL if i < whole else run
                break
            ends[row] = state[WRITTEN] + np.int64(o)
            row += 1
            entry = -1
            continue
        if emitted < 0:
            limit = base + width
            while entry < stop:
                run = runs[entry]
                i, end = at[run], at[run] + left[run]
                whole = end if end <= filled[run] else filled[run] - (MOST_CELL_BYTES - 1)
                before = after[run]
                beyond = False
                while i < whole:
                    j = i
                    value = np.uint64(0)
                    shift = np.uint64(0)
                    while data[j] >= 128:
                        value |= np.uint64(data[j] & np.uint8(127)) << shift
                        shift += np.uint64(7)
                        j += 1
                    value |= np.uint64(data[j]) << shift
                    j += 1
                    column = before + np.int64(value >> np.uint64(1))
                    if column >= limit:
                        upper = min(upper, column)
                        beyond = True
                        break
                    count = np.int64(1)
                    if value & np.uint64(1):
                        value = np.uint64(0)
                        shift = np.uint64(0)
                        while data[j] >= 128:
                            value |= np.uint64(data[j] & np.uint8(127)) << shift
                            shift += np.uint64(7)
                            j += 1
                        count = np.int64(value | (np.uint64(data[j]) << shift)) + 2
                        j += 1
                    i = j
                    before = column + 1
                    place = column - base
                    touched[n] = place
                    n += np.uint64(counts[place] == 0)
                    counts[place] += count
                at[run], left[run], after[run] = i, end - i, before
                if i < end and not beyond:
                    break
                entry += 1
            if entry < stop:
                signal = runs[entry]
                break
            sort_columns(touched, n, width, bits)
            emitted = np.int64(0)
        while emitted < np.int64(n) and o <= room:
            fitting = min(np.int64(n), emitted + 1 + np.int64(room - o) // MOST_CELL_BYTES)
            for k in range(emitted, fitting):
                place = np.int64(touched[k])
                count = np.uint64(counts[place])
                counts[place] = 0
                column = np.uint64(base + place)
                kept = np.uint64(count >= np.uint64(minimum))
                o = put_cell(out, o, column - last, count, kept)
                last = column + np.uint64(1) if kept else last
                cells += np.int64(kept)
            emitted = fitting
        if emitted < np.int64(n):
            signal = FULL
            break
        n, emitted = np.uint64(0), np.int64(-1)
        if upper < NO_COLUMN:
            entry, base, upper = first, upper, NO_COLUMN
        else:
            ends[row] = state[WRITTEN] + np.int64(o)
            row += 1
            entry = -1
    state[ROW], state[ENTRY], state[BASE], state[NEXT] = row, entry, base, upper
    state[TOUCHED], state[EMITTED], state[AFTER] = n, emitted, last
    state[CELLS], state[OUT] = cells, o
    return signal
