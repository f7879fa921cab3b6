"""Term strings: one number for each distinct string, exactly; and their order."""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled


@compiled
def hash_terms(terms, offsets, hashes):
    """A 64-bit hash of each string, never 0."""
    for i in range(offsets.size - 1):
        value = np.uint64(14695981039346656037)
        for k in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(terms[k])) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
        hashes[i] = value | np.uint64(1)


@compiled
def intern_terms(terms, offsets, hashes, slots, known_hashes, arena, arena_offsets, known, found):
    """Write the number of each string to `found`, new numbers in order of appearance; returns their count.

    `slots` (a power of two, at least twice the strings there can be) holds numbers + 1, or 0. Equal hashes are
    told apart by the strings themselves, in `arena`. The caller provides room for all strings being new.
    """
    mask = np.uint64(slots.size - 1)
    for i in range(offsets.size - 1):
        start, size = offsets[i], offsets[i + 1] - offsets[i]
        slot = (hashes[i] >> np.uint64(8)) & mask
        while True:
            number = slots[slot] - 1
            if number < 0:
                slots[slot] = known + 1
                known_hashes[known] = hashes[i]
                end = arena_offsets[known]
                for k in range(size):
                    arena[end + k] = terms[start + k]
                arena_offsets[known + 1] = end + size
                found[i] = known
                known += 1
                break
            if known_hashes[number] == hashes[i]:
                place = arena_offsets[number]
                same = arena_offsets[number + 1] - place == size
                k = 0
                while same and k < size:
                    same = arena[place + k] == terms[start + k]
                    k += 1
                if same:
                    found[i] = number
                    break
            slot = (slot + np.uint64(1)) & mask
    return known


@compiled
def fill_slots(known_hashes, known, slots):
    """Put the numbers below `known` into empty slots."""
    mask = np.uint64(slots.size - 1)
    for number in range(known):
        slot = (known_hashes[number] >> np.uint64(8)) & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number + 1


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
