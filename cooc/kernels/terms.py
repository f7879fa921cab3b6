"""Term strings: their order, the merging of sorted lists of them, and their distances."""

from __future__ import annotations

import numpy as np
from numba import njit

from cooc.kernels.compile import compiled

END, OCCURRENCES, DOCUMENTS, LABEL = range(4)
"""Columns of the rows of a list: where the term ends in the list's text, its counts, and its local id with
the edges of the list that it touches in the high half."""

EDGES = 32
"""Where the edges begin in a label."""

BEGIN, STOP = 1, 2
"""Edges: the term occurs in the list's first document, which began before the list; in its last, which goes on."""

HEAPED, HELD, TEXT, BEFORE, TEXT_BEFORE, COUNTED, REFILLED = range(7)
"""Fields of the state of `merge_terms`: slots in the heap, terms and bytes in the output, those flushed before,
the open document that the last term was counted for, and whether the first slot has been filled again."""

FULL, DONE = -1, -2

inlined = njit(nogil=True, _nrt=False, forceinline=True)


@compiled
def eight_bytes(terms, offsets, which, level, keys):
    """Bytes 8·level to 8·level + 7 of each string in `which` as a big-endian number, zero past its end."""
    for i in range(which.size):
        start, stop = offsets[which[i]] + 8 * level, offsets[which[i] + 1]
        key = np.uint64(0)
        for k in range(8):
            key <<= np.uint64(8)
            if start + k < stop:
                key |= np.uint64(terms[start + k])
        keys[i] = key


@compiled
def gather_terms(terms, offsets, order, out, out_offsets):
    """Write the strings in another order."""
    end = 0
    for i in range(order.size):
        out_offsets[i] = end
        for k in range(offsets[order[i]], offsets[order[i] + 1]):
            out[end] = terms[k]
            end += 1
    out_offsets[order.size] = end


@inlined
def _key(slot, rows, text, origin, at):
    """The first eight bytes of the term at the head of a slot as a big-endian number."""
    start = rows[slot, at[slot] - 1, END] - origin[slot]
    stop = rows[slot, at[slot], END] - origin[slot]
    key = np.uint64(0)
    for k in range(8):
        key <<= np.uint64(8)
        if start + k < stop:
            key |= np.uint64(text[slot, start + k])
    return key


@inlined
def _before(a, b, keys, rows, text, origin, at):
    """Whether the head of slot a comes before that of slot b; equal terms go by slot."""
    if keys[a] != keys[b]:
        return keys[a] < keys[b]
    start_a = rows[a, at[a] - 1, END] - origin[a]
    start_b = rows[b, at[b] - 1, END] - origin[b]
    size_a = rows[a, at[a], END] - origin[a] - start_a
    size_b = rows[b, at[b], END] - origin[b] - start_b
    for k in range(8, min(size_a, size_b)):
        if text[a, start_a + k] != text[b, start_b + k]:
            return text[a, start_a + k] < text[b, start_b + k]
    return size_a < size_b or (size_a == size_b and a < b)


@inlined
def _sink(place, heap, size, keys, rows, text, origin, at):
    """Move the slot at a place of the heap down to where it belongs."""
    slot = heap[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and _before(heap[child + 1], heap[child], keys, rows, text, origin, at):
            child += 1
        if not _before(heap[child], slot, keys, rows, text, origin, at):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = slot


@compiled
def fill_heap(heap, keys, rows, text, origin, at, loaded):
    """Order the slots that hold rows by the terms at their heads; returns how many there are."""
    size = 0
    for slot in range(loaded.size):
        if loaded[slot] > 0:
            keys[slot] = _key(slot, rows, text, origin, at)
            heap[size] = slot
            size += 1
    for place in range(size // 2 - 1, -1, -1):
        _sink(place, heap, size, keys, rows, text, origin, at)
    return size


@compiled
def merge_terms(heap, keys, rows, text, origin, at, loaded, opened, left_open, up, out, out_text, state):
    """Merge the sorted lists in the slots until one has no row left, or the output no room.

    Row `at[s]` of slot s is its next (row 0 is the one before its first); its term is
    `text[s, rows[s, at - 1, END] - origin[s] : rows[s, at, END] - origin[s]]`. `opened[s]` and `left_open[s]` number
    the first and the last document of the list in slot s, alike where lists hold pieces of the same. A term's
    documents are added up, less one for each list that goes on with a document it was counted for. `up` gets
    the number of the merged term for each row. Returns the slot to fill (the heap's first; the caller sets
    REFILLED), or FULL, when every row of the output is complete, or DONE.
    """
    size, held, used = state[HEAPED], state[HELD], state[TEXT]
    first, last = opened[0], left_open[left_open.size - 1]
    if state[REFILLED]:
        state[REFILLED] = 0
        slot = heap[0]
        if loaded[slot] == 0:
            size -= 1
            heap[0] = heap[size]
        else:
            keys[slot] = _key(slot, rows, text, origin, at)
        if size > 0:
            _sink(0, heap, size, keys, rows, text, origin, at)
    result = np.int64(DONE)
    while size > 0:
        slot = heap[0]
        row = at[slot]
        start = rows[slot, row - 1, END] - origin[slot]
        length = rows[slot, row, END] - origin[slot] - start
        same = held > 0
        if same:
            begin = (out[held - 2, END] if held > 1 else state[TEXT_BEFORE]) - state[TEXT_BEFORE]
            same = used - begin == length
            k = 0
            while same and k < length:
                same = out_text[begin + k] == text[slot, start + k]
                k += 1
        if not same:
            if held == out.shape[0] or used + length > out_text.size:
                result = np.int64(FULL)
                break
            for k in range(length):
                out_text[used + k] = text[slot, start + k]
            used += length
            out[held, END] = state[TEXT_BEFORE] + used
            out[held, OCCURRENCES] = 0
            out[held, DOCUMENTS] = 0
            out[held, LABEL] = 0
            held += 1
            state[COUNTED] = -1
        edges = rows[slot, row, LABEL] >> EDGES
        out[held - 1, OCCURRENCES] += rows[slot, row, OCCURRENCES]
        out[held - 1, DOCUMENTS] += rows[slot, row, DOCUMENTS]
        if edges & BEGIN:
            if state[COUNTED] == opened[slot]:
                out[held - 1, DOCUMENTS] -= 1
            if opened[slot] == first:
                out[held - 1, LABEL] |= BEGIN << EDGES
        if edges & STOP:
            state[COUNTED] = left_open[slot]
            if left_open[slot] == last:
                out[held - 1, LABEL] |= STOP << EDGES
        up[slot, row - 1] = state[BEFORE] + held - 1
        at[slot] = row + 1
        if row == loaded[slot]:
            result = np.int64(slot)
            break
        keys[slot] = _key(slot, rows, text, origin, at)
        _sink(0, heap, size, keys, rows, text, origin, at)
    state[HEAPED], state[HELD], state[TEXT] = size, held, used
    return result


@compiled
def place_terms(rows, classes, next_id, next_byte, ids, places):
    """The final id of each row, and where its term begins in the text by id.

    Row i of the columns of a list after its row 0 is one of class `classes[i]` (its frequency); the next term of
    that class gets `next_id` and lies at `next_byte`, which move on.
    """
    for i in range(classes.size):
        which = classes[i]
        ids[i] = next_id[which]
        next_id[which] += 1
        places[i] = next_byte[which]
        next_byte[which] += rows[i + 1, END] - rows[i, END]


@compiled
def edit_distances(terms, offsets, wanted, most, distances):
    """Optimal string alignment distance of `wanted` to each string, or `most + 1` where it is larger.

    Counts insertions, deletions, substitutions and swaps of neighbours, over bytes. Source: Damerau 1964;
    Ukkonen 1985 for giving up early.
    """
    n = wanted.size
    rows = np.zeros((3, n + 1), np.int64)
    for i in range(offsets.size - 1):
        start, size = offsets[i], offsets[i + 1] - offsets[i]
        distances[i] = most + 1
        if size - n > most or n - size > most:
            continue
        for k in range(n + 1):
            rows[0, k] = k
        best = 0
        for r in range(1, size + 1):
            row, before, earlier = rows[r % 3], rows[(r - 1) % 3], rows[(r - 2) % 3]
            row[0] = r
            best = r
            for k in range(1, n + 1):
                cost = 1 if terms[start + r - 1] != wanted[k - 1] else 0
                value = min(before[k] + 1, row[k - 1] + 1, before[k - 1] + cost)
                swapped = r > 1 and k > 1 and terms[start + r - 1] == wanted[k - 2]
                if swapped and terms[start + r - 2] == wanted[k - 1]:
                    value = min(value, earlier[k - 2] + 1)
                row[k] = value
                best = min(best, value)
            if best > most:
                break
        if best <= most:
            distances[i] = min(most + 1, rows[size % 3, n])
