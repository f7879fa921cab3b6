# mypy: allow-untyped-defs
"""What can be checked on the arrays of an index without counting again; no kernel trusts what it reads.

Each returns where the first fault is, or -1, and never reads or writes outside its arrays whatever they
hold. The caller makes sure of their lengths, and that offsets into them ascend and stay inside.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled

SOUND, NOT_CELLS, COLUMN, BELOW, SUM, ODD, NOT_ASCENDING, NO_SUFFIX = range(8)
"""What may be wrong with a row."""

CELLS, UPPER, LOWER = range(3)
"""Places of `check_rows`' sums."""

FIRST_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
SECOND_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)
THIRD_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)


@compiled
def first_disorder(terms, offsets, order):
    """The first place of `order` whose string is not below the next one's, byte by byte, or -1.

    Empty strings may be equal: they stand for ids that a fixed vocabulary leaves unused.
    """
    for place in range(order.size - 1):
        i, stop = offsets[order[place]], offsets[order[place] + 1]
        k, end = offsets[order[place + 1]], offsets[order[place + 1] + 1]
        while i < stop and k < end and terms[i] == terms[k]:
            i += 1
            k += 1
        both_empty = i == stop and offsets[order[place]] == stop and offsets[order[place + 1]] == end
        if (k == end and not both_empty) or (k < end and i < stop and terms[i] > terms[k]):
            return place
    return -1


@compiled
def count_codes(codes, offsets, first, stop, singles, counts, documents, last_seen, lengths):
    """Count the terms of documents [first, stop), and the documents of each; `lengths` gets their tokens.

    `offsets` are the bytes at which documents begin, `counts`, `documents` and `last_seen` (zero) have a
    place for each term. Returns the place of the first code that can't stand where it does, or -1.
    """
    position = np.int64(offsets[first]) >> 1
    end = np.int64(offsets[stop]) >> 1 if stop < offsets.size else np.int64(codes.size)
    terms = np.uint64(counts.size)
    document = np.int64(first) - 1
    mark = np.uint32(0)
    while position < end:
        code = np.uint32(codes[position])
        if code == SEPARATOR:
            document += 1
            mark += np.uint32(1)
            if document >= stop or np.int64(offsets[document]) != 2 * position:
                return position
            position += 1
            continue
        term = np.uint64(code)
        if code >= singles:
            if code >= FIRST_TRAIL or position + 1 >= end:
                return position
            trail = np.uint32(codes[position + 1])
            if trail < FIRST_TRAIL or trail == SEPARATOR:
                return position
            term = np.uint64(SINGLES + (code - SINGLES) * TRAILS + (trail - FIRST_TRAIL))
            position += 1
        if term >= terms or document < first:
            return position
        position += 1
        counts[term] += 1
        documents[term] += last_seen[term] != mark
        last_seen[term] = mark
        lengths[document] += 1
    return np.int64(-1) if document == stop - 1 else end


@compiled
def fingerprint(a, b, count):
    """64 bits that differ, as good as surely, where any of the three differ."""
    value = ((a << np.uint64(32)) | b) * FIRST_MULTIPLIER + count * SECOND_MULTIPLIER
    value = (value ^ (value >> np.uint64(32))) * THIRD_MULTIPLIER
    return value ^ (value >> np.uint64(29))


@compiled
def check_rows(
    cells, starts, first, stop, words, stored, symmetric, minimum, exact, row_sums, column_sums, sums
):  # fmt: skip
    """Decode rows [first, stop) of a pair matrix and hold them to their marginals.

    Where `symmetric`, the fingerprints of the cells (a, b) above the diagonal are added up in `sums[UPPER]`,
    those of the cells (b, a) below it in `sums[LOWER]`; only for columns whose row is `stored`, where that
    cell must be met again. Else the columns of word rows are added up in `column_sums`. `exact`: nothing was
    pruned, so that sums are the marginals and not only at most them. Returns (row, what is wrong).
    """
    units, one = np.uint64(starts.size - 1), np.uint64(1)
    low = np.uint64(127)
    written = np.int64(0)
    upper, lower = np.uint64(0), np.uint64(0)
    for row in range(first, stop):
        i, end = np.uint64(starts[row]), np.uint64(starts[row + 1])
        this = np.uint64(row)
        column, total = np.uint64(0), np.int64(0)
        while i < end:
            head = np.uint64(cells[i])
            i += one
            if head > low:
                head &= low
                shift = np.uint64(7)
                while i < end and cells[i] > 127 and shift < np.uint64(56):
                    head |= (np.uint64(cells[i]) & low) << shift
                    shift += np.uint64(7)
                    i += one
                if i >= end or cells[i] > 127:
                    return row, NOT_CELLS
                head |= np.uint64(cells[i]) << shift
                i += one
            count = one
            if head & one:
                if i >= end:
                    return row, NOT_CELLS
                count = np.uint64(cells[i])
                i += one
                if count > low:
                    count &= low
                    shift = np.uint64(7)
                    while i < end and cells[i] > 127 and shift < np.uint64(56):
                        count |= (np.uint64(cells[i]) & low) << shift
                        shift += np.uint64(7)
                        i += one
                    if i >= end or cells[i] > 127:
                        return row, NOT_CELLS
                    count |= np.uint64(cells[i]) << shift
                    i += one
                count += np.uint64(2)
            column += head >> one
            if column >= units:
                return row, COLUMN
            if np.int64(count) < minimum:
                return row, BELOW
            written += 1
            if column < np.uint64(words):
                total += np.int64(count)
            if not symmetric:
                if row < words:
                    column_sums[column] += np.int64(count)
            elif column > this:
                if stored[column]:
                    upper += fingerprint(this, column, count)
            elif column < this:
                if stored[column]:
                    lower += fingerprint(column, this, count)
            elif count & one:
                return row, ODD
            column += one
        if total > row_sums[row] or (exact and stored[row] and total != row_sums[row]):
            return row, SUM
    sums[CELLS] += np.uint64(written)
    sums[UPPER] += upper
    sums[LOWER] += lower
    return -1, SOUND


@compiled
def check_level(
    starts, last, counts, first, stop, minimum, exact, prefix_sums, column_sums,
    below_counts, below_starts, below_last, below_suffixes, suffixes,
):  # fmt: skip
    """Hold rows [first, stop) of an order of n-grams to those of the order below.

    Row r is the (n-1)-gram r, which occurs `below_counts[r]` times and whose own suffix is the (n-2)-gram
    `below_suffixes[r]`; `suffixes[k]` gets the (n-1)-gram that n-gram k ends with. Bigrams have an empty
    `below_last`, and their suffix is their last term. Occurrences are added up in `column_sums` by their last
    term. Returns (row, what is wrong).
    """
    terms = np.uint64(column_sums.size)
    for row in range(first, stop):
        total = np.int64(0)
        before = np.int64(-1)
        low, high = np.int64(0), np.int64(0)
        if below_last.size:
            low, high = below_starts[below_suffixes[row]], below_starts[np.int64(below_suffixes[row]) + 1]
        for k in range(starts[row], starts[row + 1]):
            term, count = np.int64(last[k]), counts[k]
            if np.uint64(term) >= terms:
                return row, COLUMN
            if term <= before:
                return row, NOT_ASCENDING
            before = term
            if count < minimum:
                return row, BELOW
            suffix = term
            if below_last.size:
                middle_high = high
                while low < middle_high:
                    middle = (low + middle_high) >> 1
                    if np.int64(below_last[middle]) < term:
                        low = middle + 1
                    else:
                        middle_high = middle
                if low >= high or np.int64(below_last[low]) != term:
                    return row, NO_SUFFIX
                suffix = low
            if count > below_counts[suffix]:
                return row, NO_SUFFIX
            suffixes[k] = np.uint32(suffix)
            column_sums[term] += count
            total += count
            if total > prefix_sums[row]:
                return row, SUM
        if prefix_sums[row] > below_counts[row] or (exact and total != prefix_sums[row]):
            return row, SUM
    return -1, SOUND
