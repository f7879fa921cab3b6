# mypy: allow-untyped-defs
"""The exact vocabulary that a tokenizer grows: an open-addressing table of words.

A word is kept in `arena` as 8-byte units, zero-padded (no word holds a NUL byte); those of term i begin at
`places[i]`. An entry of `table` is (key, units << 32 | id + 1, occurrences, documents << 32 | last document)
and empty where the second is 0. The key of a word of one unit is the unit itself, that of a longer word is a
hash, and then the units in the arena decide. Documents are numbered from 1.
"""

import numpy as np
from numba import njit

from cooc.kernels.bits import prefetch
from cooc.kernels.compile import compiled

ROOM = 64  # new terms that a step of the tokenizer may need to store, and more
ROOM_UNITS = 256  # units of `arena`, likewise
SIZE, USED = 0, 1  # fields of `state`: terms so far, units of `arena` so far
KEY, LABEL, OCCURRENCES, DOCUMENTS = range(4)  # columns of `table`

U0, U1, U2, U32 = (np.uint64(i) for i in (0, 1, 2, 32))
LOW_HALF = np.uint64(0xFFFFFFFF)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

# No function here makes an array, so none needs Numba's reference counts: they cost more than all the rest.
kernel = njit(nogil=True, _nrt=False)
inlined = njit(nogil=True, _nrt=False, forceinline=True)


@inlined
def _slot(key, multiplier, slots):
    """Where the search for a key begins in a table of that many slots, a power of two below 2**32."""
    return ((((key ^ (key >> U32)) * multiplier) >> U32) * slots) >> U32


@inlined
def ask_for(key, table, multiplier):
    """Ask for the entry where the search for a key will begin: the table outgrows the near caches."""
    prefetch(table, _slot(key, multiplier, np.uint64(table.shape[0])) << U2)


@inlined
def _same(arena, start, words, first, units):
    difference = U0
    for i in range(units):
        difference |= arena[start + np.uint64(i)] ^ words[first + np.uint64(i)]
    return difference == U0


@inlined
def mixed(key, unit, multiplier):
    """The hash of a word that goes on by one more unit."""
    key = (key ^ unit) * multiplier
    return key ^ (key >> U32)


@inlined
def hash_of(word, units, multiplier):
    """The key of a word of several units."""
    key = U0
    for i in range(units):
        key = mixed(key, word[np.uint64(i)], multiplier)
    return key


@inlined
def count_word(key, units, words, first, table, places, arena, state, document, multiplier):
    """Count a word, new or known, and give its id.

    One unit: the word is `key`; more: `key` is their hash, and they stand in `words` from `first` on.
    """
    last = np.uint64(table.shape[0] - 1)
    slot = _slot(key, multiplier, last + U1)
    while table[slot, LABEL] != U0:
        label = table[slot, LABEL]
        if (
            table[slot, KEY] == key
            and label >> U32 == units
            and (units == U1 or _same(arena, np.uint64(places[(label & LOW_HALF) - U1]), words, first, units))
        ):
            seen = table[slot, DOCUMENTS]
            table[slot, OCCURRENCES] += U1
            table[slot, DOCUMENTS] = seen if seen & LOW_HALF == document else _one_more(seen, document)
            return np.uint32((label & LOW_HALF) - U1)
        slot = (slot + U1) & last
    term, start = np.uint64(state[SIZE]), np.uint64(state[USED])
    table[slot, KEY] = key
    table[slot, LABEL] = units << U32 | (term + U1)
    table[slot, OCCURRENCES] = U1
    table[slot, DOCUMENTS] = _one_more(U0, document)
    places[term] = np.int64(start)
    arena[start] = key
    if units != U1:
        for i in range(units):
            arena[start + np.uint64(i)] = words[first + np.uint64(i)]
    state[SIZE] = np.int64(term + U1)
    state[USED] = np.int64(start + units)
    return np.uint32(term)


@inlined
def _one_more(seen, document):
    return ((seen >> U32) + U1) << U32 | document


@inlined
def is_full(places, arena, state):
    """Whether the next step might find no room for its new terms."""
    return places.size - state[SIZE] < ROOM or arena.size - state[USED] < ROOM_UNITS


@compiled
def rehash(old, new, multiplier):
    """Put the entries of a table into an empty larger one."""
    last = np.uint64(new.shape[0] - 1)
    for i in range(old.shape[0]):
        if old[i, LABEL] != U0:
            slot = _slot(old[i, KEY], multiplier, last + U1)
            while new[slot, LABEL] != U0:
                slot = (slot + U1) & last
            for column in range(4):
                new[slot, column] = old[i, column]


@compiled
def count_ids(ids, offsets, unfinished, document, counts):
    """Add known ids to `counts` (occurrences, documents, last document); gives the next document."""
    for piece in range(offsets.size - 1):
        for i in range(offsets[piece], offsets[piece + 1]):
            term = np.intp(ids[i])
            counts[term, 0] += 1
            counts[term, 1] += counts[term, 2] != document
            counts[term, 2] = document
        if not (unfinished and piece == offsets.size - 2):
            document += 1
    return document
