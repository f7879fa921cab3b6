"""Phrases in a block of tokens: where they occur, and what stands around them."""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled
from cooc.kernels.rows import emit_touched, most_bytes


@compiled
def find_phrases(ids, start, stop, by_first, first_starts, phrase_starts, phrase_ids, positions, phrases):
    """Write each occurrence (position of its first token, phrase) that begins in [start, stop), by position.

    `by_first[first_starts[id]:first_starts[id + 1]]` are the phrases whose first token is `id`; the tokens
    of phrase k are `phrase_ids[phrase_starts[k]:phrase_starts[k + 1]]`. `first_starts` covers every value in
    `ids`. No phrase holds a separator, so none crosses a document's end. Returns the number of occurrences,
    which may exceed the room in `positions`: then only those that fit are written.
    """
    n = 0
    for position in range(start, stop):
        token = ids[position]
        for candidate in range(first_starts[token], first_starts[token + 1]):
            phrase = by_first[candidate]
            low, high = phrase_starts[phrase], phrase_starts[phrase + 1]
            offset = 1
            while low + offset < high and ids[position + offset] == phrase_ids[low + offset]:
                offset += 1
            if low + offset == high:
                if n < positions.size:
                    positions[n] = position
                    phrases[n] = phrase
                n += 1
    return n


@compiled
def list_phrase_cells(
    ids, separator, words, lengths, starts, occurrences, by_position, by_position_phrase, longest,
    left, right, weights, counts, touched, first, cell_columns, cell_counts, ends,
):  # fmt: skip
    """Count the contexts of each phrase's occurrences and list the cells, those of a phrase in any order.

    Phrase k begins at `occurrences[starts[k]:starts[k + 1]]` and has `lengths[k]` tokens, none of which is
    its own context: distances run from its first token to the left and from its last to the right. Columns
    below `words` are units of one token; column `words + k` is phrase k, met where it lies whole outside
    the row's phrase with its nearer end inside the window; id `words` is a token without a row, and counts
    for nothing. `by_position` and `by_position_phrase` list the occurrences of all phrases, ascending.

    Begins at phrase `first`; `ends[k]` gets the end of phrase k's cells. Returns the phrase it stopped at,
    for want of room for its cells. `counts` (words + phrases) is zero before and after; `touched` has one place
    more.
    """
    phrases = starts.size - 1
    size = np.int64(0)
    for phrase in range(first, phrases):
        n = np.int64(0)
        for k in range(starts[phrase], starts[phrase + 1]):
            begin = np.int64(occurrences[k])
            end = begin + lengths[phrase] - 1
            reach_right = 0
            while reach_right < right and ids[end + reach_right + 1] != separator:
                reach_right += 1
                column = np.int64(ids[end + reach_right])
                if column != words:
                    touched[n] = column
                    n += np.int64(counts[column] == 0)
                    counts[column] += np.int64(weights[reach_right])
            reach_left = 0
            while reach_left < left and ids[begin - reach_left - 1] != separator:
                reach_left += 1
                column = np.int64(ids[begin - reach_left])
                if column != words:
                    touched[n] = column
                    n += np.int64(counts[column] == 0)
                    counts[column] += np.int64(weights[reach_left])
            other = np.searchsorted(by_position, begin - left - longest)
            while other < by_position.size and by_position[other] <= end + reach_right:
                met = by_position_phrase[other]
                other_begin = np.int64(by_position[other])
                other_end = other_begin + lengths[met] - 1
                distance = 0
                if other_begin > end:
                    distance = other_begin - end
                elif other_end < begin and begin - other_end <= reach_left:
                    distance = begin - other_end
                if distance > 0:
                    column = words + met
                    touched[n] = column
                    n += np.int64(counts[column] == 0)
                    counts[column] += np.int64(weights[distance])
                other += 1
        fits = size + n <= cell_columns.size
        for k in range(n):
            column = touched[k]
            if fits:
                cell_columns[size + k] = column
                cell_counts[size + k] = counts[column]
            counts[column] = 0
        if not fits:
            return phrase
        size += n
        ends[phrase] = size
    return phrases


@compiled
def turn_cells(cell_columns, cell_counts, starts, words, cursor, turned_rows, turned_counts):
    """List the cells in columns below `words` by column, those of a column by row.

    Row r has the cells `starts[r]:starts[r + 1]`, in any order. Column c's go to `cursor[c]` on; afterwards
    `cursor[c]` is where they end.
    """
    for row in range(starts.size - 1):
        for k in range(starts[row], starts[row + 1]):
            column = cell_columns[k]
            if column < words:
                place = cursor[column]
                turned_rows[place] = row
                turned_counts[place] = cell_counts[k]
                cursor[column] = place + 1


@compiled
def write_listed(
    cell_columns, cell_counts, starts, names, marginal_columns, counts, touched, bits, first, out, ends, sums
):  # fmt: skip
    """Write rows whose cells are listed: `cell_columns[starts[r]:starts[r + 1]]`, each column once, in any order.

    Column c is unit `names[c]`. `counts` (a place a column) and `bits` are zero before and after. Results as
    those of `pairs.count_rows`.
    """
    rows = starts.size - 1
    columns = np.int64(names.size)
    units = np.int64(names[-1]) + 1 if names.size else np.int64(0)
    o = np.uint64(0)
    cells = np.int64(0)
    for row in range(first, rows):
        n = np.uint64(0)
        total = np.int64(0)
        for k in range(starts[row], starts[row + 1]):
            touched[n] = cell_columns[k]
            counts[cell_columns[k]] = cell_counts[k]
            total += cell_counts[k]
            n += np.uint64(1)
        if np.uint64(out.size) - o < np.uint64(most_bytes(np.int64(n), units, total)):
            for k in range(starts[row], starts[row + 1]):
                counts[cell_columns[k]] = 0
            return row, o, cells
        o, more, sums[row] = emit_touched(counts, columns, names, marginal_columns, 1, touched, n, bits, out, o)
        cells += more
        ends[row] = o
    return rows, o, cells
