"""The word tokenizer: bytes of UTF-8 in, term ids out, and the vocabulary grown on the way.

Two scanners share one vocabulary. `_scan_characters` is the rules themselves, a machine over characters that can stop
anywhere and go on later; it is what reads everything outside ASCII. `count_words` looks at 64 bytes at a time and
finds the words of plain ASCII from bit masks, one bit a byte; whatever it can't decide there it leaves to the machine.
Both are safe on any bytes: what is no UTF-8 separates.

The vocabulary is exact. A word is kept as 8-byte units, zero-padded (no word holds a NUL byte), in `arena`. An entry of
the open-addressing `table` is (key, units << 32 | id + 1), empty where the second is 0; the key of a word of one unit
is the unit itself, that of a longer word is a hash, and then the units in the arena decide.
A row of `terms` is (occurrences, documents, last document, first unit), by id in order of first appearance.
"""

import numpy as np
from numba import njit

from cooc.kernels.classes import APOSTROPHE, JOINER, LETTER, MARK, SEPARATOR, SOFT_HYPHEN

LONGEST = 255  # bytes of a folded word; a longer one is cut
UNITS = 32  # 8-byte units that hold the longest word
ROOM = 64  # free rows of `terms` that a step of the kernel may need, and more
ROOM_UNITS = 256  # free units of `arena`, likewise

# fields of `state`, which carries a call to the next one
PIECE, POSITION, WRITTEN, FIRST, SIZE, ARENA, DOCUMENT, LENGTH, JOINABLE, PENDING = range(10)
STATE_FIELDS = 10
OCCURRENCES, DOCUMENTS, LAST, START = range(4)  # columns of `terms`

U0, U1, U3, U7, U8, U32, U63, U64 = (np.uint64(i) for i in (0, 1, 3, 7, 8, 32, 63, 64))
BYTE = np.uint64(0xFF)
ID = np.uint64(0xFFFFFFFF)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
HIGH = np.uint64(0x8080808080808080)
LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
LOWER = np.uint64(0x2020202020202020)
FROM_A, PAST_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)  # 0x80 - "a", 0x80 - "{"
FROM_0, PAST_9 = np.uint64(0x5050505050505050), np.uint64(0x4646464646464646)  # 0x80 - "0", 0x80 - ":"
QUOTES = np.uint64(0x2727272727272727)
GATHER = np.uint64(0x0102040810204080)  # collects the lowest bit of each byte into the top byte
DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


# no function here makes an array, so none needs Numba's reference counts, which cost more than the work between them
kernel = njit(nogil=True, cache=True, _nrt=False)
inlined = njit(nogil=True, cache=True, _nrt=False, forceinline=True)


def _bit_positions() -> np.ndarray:
    positions = np.zeros(64, dtype=np.uint64)
    for bit in range(64):
        positions[((int(DE_BRUIJN) << bit) & (2**64 - 1)) >> 58] = bit
    return positions


BIT = _bit_positions()


@inlined
def _lowest(bits):
    """The position of the lowest bit that is set."""
    return BIT[((bits & (~bits + U1)) * DE_BRUIJN) >> np.uint64(58)]


@inlined
def _load(data, at):
    """Eight bytes as one integer, the first lowest; the compiler makes one load of it."""
    unit = np.uint64(data[at])
    unit |= np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
    unit |= np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
    unit |= np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
    unit |= np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
    unit |= np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
    unit |= np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
    unit |= np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    return unit


@inlined
def _load_up_to(data, at, length):
    """The first `length` bytes, at most eight, as `_load` gives them, zero-padded."""
    if at + U8 <= np.uint64(data.size):
        return _load(data, at) & (ALL >> ((U8 - length) << U3))
    unit = U0
    for i in range(np.intp(length)):
        unit |= np.uint64(data[at + np.uint64(i)]) << np.uint64(8 * i)
    return unit


@inlined
def _slot(key, multiplier, slots):
    """Where the search for a key begins in a table of that many slots, a power of two below 2**32."""
    return ((((key ^ (key >> U32)) * multiplier) >> U32) * slots) >> U32


@inlined
def _same(arena, start, word, units):
    for i in range(units):
        if arena[start + i] != word[i]:
            return False
    return True


@inlined
def _term(key, units, word, table, terms, arena, state, multiplier):
    """The id of a word, new or known. One unit: the word is `key`; more: `key` is their hash, and they stand in `word`."""
    slots = np.uint64(table.shape[0])
    slot = _slot(key, multiplier, slots)
    while True:
        entry = table[slot, 1]
        if entry == U0:
            break
        if table[slot, 0] == key and entry >> U32 == units:
            term = np.intp((entry & ID) - U1)
            if units == U1 or _same(arena, terms[term, START], word, np.intp(units)):
                return term
        slot = (slot + U1) & (slots - U1)
    term = np.intp(state[SIZE])
    table[slot, 0] = key
    table[slot, 1] = (units << U32) | np.uint64(term + 1)
    start = state[ARENA]
    terms[term, OCCURRENCES] = 0
    terms[term, DOCUMENTS] = 0
    terms[term, LAST] = -1
    terms[term, START] = start
    if units == U1:
        arena[start] = key
    else:
        for i in range(np.intp(units)):
            arena[start + i] = word[i]
    state[SIZE] += 1
    state[ARENA] += np.int64(units)
    return term


@inlined
def _hash(scratch, units, multiplier):
    key = U0
    for i in range(units):
        key = (key ^ scratch[i]) * multiplier
        key ^= key >> U32
    return key


@inlined
def _count(term, terms, document):
    terms[term, OCCURRENCES] += 1
    if terms[term, LAST] != document:
        terms[term, LAST] = document
        terms[term, DOCUMENTS] += 1


@kernel
def _end_word(state, scratch, table, terms, arena, ids, multiplier):
    """Count the open word and open none."""
    units = (state[LENGTH] + 7) >> 3
    key = scratch[0] if units == 1 else _hash(scratch, units, multiplier)
    term = _term(key, np.uint64(units), scratch, table, terms, arena, state, multiplier)
    _count(term, terms, state[DOCUMENT])
    ids[state[WRITTEN]] = term
    state[WRITTEN] += 1
    scratch[:units] = 0
    state[LENGTH] = 0
    state[PENDING] = 0


@kernel
def _decode(data, at, stop):
    """(code point, bytes); what is no whole character is one byte of U+FFFF, which separates."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if 0xC2 <= first < 0xE0 and at + 2 <= stop:
        return (first & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    if 0xE0 <= first < 0xF0 and at + 3 <= stop:
        return (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F), 3
    if 0xF0 <= first < 0xF5 and at + 4 <= stop:
        high = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        return high | (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F), 4
    return np.int64(0xFFFF), 1


@kernel
def _append(characters, state, scratch, table, terms, arena, ids, multiplier):
    """Add characters (UTF-8 in one integer) to the open word, cutting it where it would grow too long."""
    while characters != U0:
        first = characters & BYTE
        size = 1 if first < np.uint64(0x80) else 2 if first < np.uint64(0xE0) else 3 if first < np.uint64(0xF0) else 4
        bits = np.uint64(8 * size)
        if state[LENGTH] + size > LONGEST:
            _end_word(state, scratch, table, terms, arena, ids, multiplier)
        character = characters & ((U1 << bits) - U1)
        length = state[LENGTH]
        unit, shift = length >> 3, np.uint64(length & 7) << U3
        scratch[unit] |= character << shift
        if shift + bits > U64:
            scratch[unit + 1] |= character >> (U64 - shift)
        state[LENGTH] = length + size
        characters >>= bits


@kernel
def _scan_characters(data, at, stop, state, scratch, pages, records, folds, table, terms, arena, ids, keep, multiplier):
    """The rules, character by character, until an ASCII separator is passed, or `stop`, or room is short.

    Gives the position behind the last character read. The open word stands in `scratch` and `state`: its LENGTH (0:
    no word is open), whether an apostrophe may follow (JOINABLE), whether one is PENDING, to be kept if the word goes on.
    """
    while at < stop and terms.shape[0] - state[SIZE] >= ROOM and arena.size - state[ARENA] >= ROOM_UNITS:
        code, size = _decode(data, at, stop)
        record = np.int64(SEPARATOR)
        if code >> 7 < pages.size:
            record = np.int64(records[np.int64(pages[code >> 7]) << 7 | (code & 0x7F)])
        kind = record & 7
        is_open = state[LENGTH] > 0
        begin = at
        at += size
        if kind == LETTER or (is_open and (kind == MARK or kind == JOINER) and state[PENDING] == 0):
            if state[PENDING]:
                state[PENDING] = 0
                _append(np.uint64(0x27), state, scratch, table, terms, arena, ids, multiplier)
            fold = record >> 3
            if fold and not keep:
                characters = folds[fold]
            else:
                characters = _load_up_to(data, np.uint64(begin), np.uint64(size))
            _append(characters, state, scratch, table, terms, arena, ids, multiplier)
            state[JOINABLE] = kind != JOINER
        elif kind == APOSTROPHE and is_open and state[JOINABLE] and state[PENDING] == 0:
            state[PENDING] = 1
        elif kind != SOFT_HYPHEN:
            if is_open:
                _end_word(state, scratch, table, terms, arena, ids, multiplier)
            if code < 0x80 and kind == SEPARATOR:
                break
    return at


@inlined
def _masks(data, at, limit, records):
    """Which of the next `limit` bytes (at most 64) are ASCII letters or digits, apostrophes, outside ASCII: bit masks."""
    letters, quotes, others = U0, U0, U0
    if at + U64 <= np.uint64(data.size):
        for i in range(8):
            unit = _load(data, at + np.uint64(8 * i))
            ascii = unit & LOW
            lower = ascii | LOWER
            word = ((lower + FROM_A) & ~(lower + PAST_Z)) | ((ascii + FROM_0) & ~(ascii + PAST_9))
            # a byte is an apostrophe where the difference is zero, and then adding 0x7F sets no high bit
            quote = ~((ascii ^ QUOTES) + LOW)
            shift = np.uint64(8 * i)
            letters |= ((((word & ~unit & HIGH) >> U7) * GATHER) >> np.uint64(56)) << shift
            quotes |= ((((quote & ~unit & HIGH) >> U7) * GATHER) >> np.uint64(56)) << shift
            others |= ((((unit & HIGH) >> U7) * GATHER) >> np.uint64(56)) << shift
        within = ALL >> (U64 - limit)
        return letters & within, quotes & within, others & within
    for i in range(np.intp(limit)):
        byte = np.int64(data[at + np.uint64(i)])
        bit = U1 << np.uint64(i)
        if byte >= 0x80:
            others |= bit
        elif records[byte] & 7 == LETTER:
            letters |= bit
        elif byte == 0x27:
            quotes |= bit
    return letters, quotes, others


@inlined
def _plain_word(data, at, length, lower, word, state, table, terms, arena, ids, multiplier):
    """Count a word of plain ASCII, at most 64 bytes."""
    units = (length + U7) >> U3
    key = U0
    if length <= U8:
        key = _load_up_to(data, at, length) | (lower & (ALL >> ((U8 - length) << U3)))
    else:
        for i in range(np.intp(units)):
            size = min(length - np.uint64(8 * i), U8)
            word[i] = _load_up_to(data, at + np.uint64(8 * i), size) | (lower & (ALL >> ((U8 - size) << U3)))
        key = _hash(word, np.intp(units), multiplier)
    term = _term(key, units, word, table, terms, arena, state, multiplier)
    _count(term, terms, state[DOCUMENT])
    ids[state[WRITTEN]] = term
    state[WRITTEN] += 1


@inlined
def _block(
    data, at, stop, unfinished, state, scratch, pages, records, folds, table, terms, arena, ids, keep, multiplier
):
    """Count the words of the next 64 bytes; gives the position to go on from.

    A run of word bytes that touches the end of what may be looked at is undecided: it is left for the next block, or
    for the machine of characters when there is nothing more to see.
    """
    lower = U0 if keep else LOWER  # sets the bit that makes a letter small; digits and apostrophes have it already
    limit = min(stop - at, U64)
    letters, quotes, others = _masks(data, at, limit, records)
    beside = quotes & ((others << U1) | (others >> U1))
    after = quotes & (letters << U1)
    words = letters | others | beside | (after & (letters >> U1))
    hard = others | beside
    last = U1 << (limit - U1)
    if limit == U64 or unfinished:
        words |= after & last
    if limit < U64 and unfinished:
        hard |= words & last
    starts = words & ~(words << U1)
    ends = ~words & (words << U1)  # one behind the last
    base = at
    while starts != U0:
        start = _lowest(starts)
        at = base + start
        if ends == U0 and start != U0:
            return at
        end = _lowest(ends) if ends != U0 else U63
        if ends != U0 and hard & ((U1 << end) - U1) == U0:
            _plain_word(data, at, end - start, lower, scratch[1], state, table, terms, arena, ids, multiplier)
            starts &= starts - U1
            ends &= ends - U1
            continue
        at = np.uint64(
            _scan_characters(
                data, np.int64(at), np.int64(stop), state, scratch[0], pages, records, folds,
                table, terms, arena, ids, keep, multiplier,
            )
        )  # fmt: skip
        if state[LENGTH] != 0 or at >= base + limit:
            return at
        rest = ALL << (at - base)
        starts, ends, hard = starts & rest, ends & rest, hard & rest
    return base + limit


@kernel
def count_words(
    data, offsets, unfinished, state, scratch, pages, records, folds, table, terms, arena, ids, counts, keep, multiplier
):
    """Tokenise the pieces from where `state` says; 0 when all are done, 1 when `terms` or `arena` must grow first.

    `unfinished`: the last piece is not the end of its document. Invariant at each turn of the inner loop: every word
    that ended before `at` is counted, and the open one, if any, is in `scratch[0]` and `state`.
    """
    pieces = offsets.size - 1
    while state[PIECE] < pieces:
        piece = state[PIECE]
        is_open = unfinished and piece == pieces - 1
        at, stop = np.uint64(state[POSITION]), np.uint64(offsets[piece + 1])
        while True:
            if terms.shape[0] - state[SIZE] < ROOM or arena.size - state[ARENA] < ROOM_UNITS:
                state[POSITION] = np.int64(at)
                return 1
            if at >= stop:
                break
            if state[LENGTH] != 0:
                at = np.uint64(
                    _scan_characters(
                        data, np.int64(at), np.int64(stop), state, scratch[0], pages, records, folds,
                        table, terms, arena, ids, keep, multiplier,
                    )
                )  # fmt: skip
            else:
                at = _block(
                    data, at, stop, is_open, state, scratch, pages, records, folds,
                    table, terms, arena, ids, keep, multiplier,
                )  # fmt: skip
        if state[LENGTH] != 0 and not is_open:
            _end_word(state, scratch[0], table, terms, arena, ids, multiplier)
        counts[piece] = state[WRITTEN] - state[FIRST]
        state[FIRST] = state[WRITTEN]
        state[PIECE] += 1
        state[POSITION] = np.int64(stop)
        if not is_open:
            state[DOCUMENT] += 1
    return 0


@kernel
def rehash(old, new, multiplier):
    """Put the entries of a table into an empty larger one."""
    slots = np.uint64(new.shape[0])
    for i in range(old.shape[0]):
        if old[i, 1] != U0:
            slot = _slot(old[i, 0], multiplier, slots)
            while new[slot, 1] != U0:
                slot = (slot + U1) & (slots - U1)
            new[slot, 0] = old[i, 0]
            new[slot, 1] = old[i, 1]


@kernel
def count_ids(ids, offsets, unfinished, document, terms):
    """Add pieces of known ids to `terms` (occurrences, documents, last document); gives the next document's number."""
    for piece in range(offsets.size - 1):
        for i in range(offsets[piece], offsets[piece + 1]):
            _count(np.intp(ids[i]), terms, document)
        if not (unfinished and piece == offsets.size - 2):
            document += 1
    return document
