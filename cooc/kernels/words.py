# mypy: allow-untyped-defs
"""The word tokenizer: bytes of UTF-8 in, term ids out, and the vocabulary grown on the way.

Two scanners share one vocabulary. `_scan_characters` is the rules themselves, a machine over characters
that can stop anywhere and go on later; it reads everything outside ASCII. `_count_block` looks at 64 bytes
at a time and finds the words of plain ASCII in bit masks, one bit a byte; what it can't decide it leaves
to the machine. Neither reads or writes outside its arrays, whatever the bytes are.
"""

import numpy as np

from cooc.kernels.bits import trailing_zeros
from cooc.kernels.classes import APOSTROPHE, JOINER, LETTER, MARK, SEPARATOR, SOFT_HYPHEN
from cooc.kernels.compile import compiled
from cooc.kernels.vocabulary import U0, U1, ask_for, count_word, hash_of, inlined, is_full, kernel, mixed

LONGEST = 255  # bytes of a folded word; a longer one is cut
UNITS = 32  # 8-byte units that hold the longest word

# fields of `state`, which carries one call to the next; the vocabulary has the first two
PIECE, POSITION, WRITTEN, FIRST, DOCUMENT, LENGTH, JOINABLE, PENDING = range(2, 10)
STATE_FIELDS = 10

U3, U7, U8, U63, U64 = (np.uint64(i) for i in (3, 7, 8, 63, 64))
BYTE = np.uint64(0xFF)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
HIGH = np.uint64(0x8080808080808080)
LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
LOWER = np.uint64(0x2020202020202020)
FROM_A, PAST_Z = np.uint64(0x1F1F1F1F1F1F1F1F), np.uint64(0x0505050505050505)  # 0x80 - "a", 0x80 - "{"
FROM_0, PAST_9 = np.uint64(0x5050505050505050), np.uint64(0x4646464646464646)  # 0x80 - "0", 0x80 - ":"
QUOTES = np.uint64(0x2727272727272727)
GATHER = np.uint64(0x0102040810204080)  # collects the lowest bit of each byte into the top byte


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


@kernel
def _end_word(state, word, table, places, arena, ids, multiplier):
    """Count the open word and open none."""
    units = (state[LENGTH] + 7) >> 3
    key = word[0] if units == 1 else hash_of(word, units, multiplier)
    document = np.uint64(state[DOCUMENT])
    term = count_word(key, np.uint64(units), word, U0, table, places, arena, state, document, multiplier)
    ids[state[WRITTEN]] = term
    state[WRITTEN] += 1
    word[:units] = 0
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
        high = (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6
        return high | (np.int64(data[at + 2]) & 0x3F), 3
    if 0xF0 <= first < 0xF5 and at + 4 <= stop:
        high = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        return high | (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F), 4
    return np.int64(0xFFFF), 1


@kernel
def _append(characters, state, word, table, places, arena, ids, multiplier):
    """Add characters (UTF-8 in one integer) to the open word, cutting it where it would grow too long."""
    while characters != U0:
        first = np.int64(characters & BYTE)
        size = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        bits = np.uint64(8 * size)
        if state[LENGTH] + size > LONGEST:
            _end_word(state, word, table, places, arena, ids, multiplier)
        character = characters & ((U1 << bits) - U1)
        length = state[LENGTH]
        unit, shift = length >> 3, np.uint64(length & 7) << U3
        word[unit] |= character << shift
        if shift + bits > U64:
            word[unit + 1] |= character >> (U64 - shift)
        state[LENGTH] = length + size
        characters >>= bits


@kernel
def _scan_characters(
    data, begin, end, state, word, pages, records, folds, table, places, arena, ids, keep, multiplier
):
    """The rules, character by character, until an ASCII separator is passed, or `end`, or room is short.

    Gives the position behind the last character read. The open word stands in `word` and `state`: its LENGTH
    (0: no word is open), whether an apostrophe may follow (JOINABLE), and whether one is PENDING, to be kept
    if the word goes on.
    """
    at, stop = np.intp(begin), np.intp(end)
    while at < stop and not is_full(places, arena, state):
        code, size = _decode(data, at, stop)
        record = np.int64(SEPARATOR)
        if code >> 7 < pages.size:
            record = np.int64(records[np.int64(pages[code >> 7]) << 7 | (code & 0x7F)])
        kind = record & 7
        is_open = state[LENGTH] > 0
        if kind == LETTER or (is_open and kind in (MARK, JOINER) and state[PENDING] == 0):
            if state[PENDING]:
                state[PENDING] = 0
                _append(np.uint64(0x27), state, word, table, places, arena, ids, multiplier)
            characters = folds[record >> 3]
            if keep or characters == U0:
                characters = _load_up_to(data, np.uint64(at), np.uint64(size))
            _append(characters, state, word, table, places, arena, ids, multiplier)
            state[JOINABLE] = kind != JOINER
        elif kind == APOSTROPHE and is_open and state[JOINABLE] and state[PENDING] == 0:
            state[PENDING] = 1
        elif kind != SOFT_HYPHEN and is_open:
            _end_word(state, word, table, places, arena, ids, multiplier)
        at += size
        if code < 0x80 and kind == SEPARATOR:
            break
    return np.uint64(at)


@inlined
def _gather(unit):
    """The high bits of eight bytes as eight bits."""
    return (((unit & HIGH) >> U7) * GATHER) >> np.uint64(56)


@inlined
def _equal(ascii, wanted):
    """Sets the high bit of each byte that is the wanted one; all bytes must be below 0x80."""
    return ~((ascii ^ wanted) + LOW)


@inlined
def _masks(data, at, limit, records):
    """The next `limit` bytes, at most 64, as masks: ASCII letters and digits, apostrophes, outside ASCII."""
    letters, quotes, others, rare = U0, U0, U0, U0
    if at + U64 <= np.uint64(data.size):
        for i in range(8):
            unit = _load(data, at + np.uint64(8 * i))
            ascii = unit & LOW
            lower = ascii | LOWER
            word = ((lower + FROM_A) & ~(lower + PAST_Z)) | ((ascii + FROM_0) & ~(ascii + PAST_9))
            letters |= _gather(word & ~unit) << np.uint64(8 * i)
            rare |= unit | _equal(ascii, QUOTES)
        if rare & HIGH != U0:
            for i in range(8):
                unit = _load(data, at + np.uint64(8 * i))
                quotes |= _gather(_equal(unit & LOW, QUOTES) & ~unit) << np.uint64(8 * i)
                others |= _gather(unit) << np.uint64(8 * i)
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
def _plain_key(data, at, length, lower, words, first, multiplier):
    """The key of a word of plain ASCII, at most 64 bytes; a longer one than a unit is written to `words`."""
    key, is_long = U0, length > U8
    while length > U8:
        words[first] = _load(data, at) | lower
        key = mixed(key, words[first], multiplier)
        at, first, length = at + U8, first + U1, length - U8
    unit = _load_up_to(data, at, length) | (lower & (ALL >> ((U8 - length) << U3)))
    words[first] = unit
    return mixed(key, unit, multiplier) if is_long else unit


@inlined
def _count_block(
    data, at, stop, unfinished, state, scratch, pages, records, folds,
    table, places, arena, ids, keep, multiplier,
):  # fmt: skip
    """Count the words of the next 64 bytes; gives the position to go on from.

    A run of word bytes that touches the end of what may be looked at is undecided: it is left for the next
    block, or for the machine of characters when there is nothing more to see.
    """
    lower = U0 if keep else LOWER  # the bit that makes a letter small; digits and apostrophes have it already
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
    if words == ALL:
        hard, ends = U1, U1 << U63  # no end in sight: whatever it is, the machine may go on with it
    base, document = at, np.uint64(state[DOCUMENT])
    keys, units, spelled = scratch[1], scratch[2], scratch[3]
    while starts != U0:
        found, used = U0, U0
        while starts != U0 and ends != U0:
            end = trailing_zeros(ends)
            if hard & ((U1 << end) - U1) != U0:
                break
            start = trailing_zeros(starts)
            length = end - start
            key = _plain_key(data, base + start, length, lower, spelled, used, multiplier)
            keys[found] = key
            units[found] = (length + U7) >> U3
            ask_for(key, table, multiplier)
            used += units[found]
            found += U1
            starts &= starts - U1
            ends &= ends - U1
        used, written = U0, np.uint64(state[WRITTEN])
        for i in range(found):
            ids[written + np.uint64(i)] = count_word(
                keys[np.uint64(i)],
                units[np.uint64(i)],
                spelled,
                used,
                table,
                places,
                arena,
                state,
                document,
                multiplier,
            )
            used += units[np.uint64(i)]
        state[WRITTEN] = np.int64(written + found)
        if starts == U0:
            break
        at = base + trailing_zeros(starts)
        if ends == U0:
            return at
        at = _scan_characters(
            data, at, stop, state, scratch[0], pages, records, folds,
            table, places, arena, ids, keep, multiplier,
        )  # fmt: skip
        if state[LENGTH] != 0 or at >= base + limit or is_full(places, arena, state):
            return at
        rest = ALL << (at - base)
        starts, ends, hard = starts & rest, ends & rest, hard & rest
    return base + limit


@compiled
def count_words(
    data, offsets, unfinished, state, scratch, pages, records, folds,
    table, places, arena, ids, counts, keep, multiplier,
):  # fmt: skip
    """Tokenise the pieces from where `state` says; 0 when all are done, 1 if the vocabulary must grow first.

    `unfinished`: the last piece is not the end of its document. Invariant at each turn of the inner loop:
    every word that ended before `at` is counted, and the open one, if any, is in `scratch[0]` and `state`.
    """
    pieces = offsets.size - 1
    while state[PIECE] < pieces:
        piece = state[PIECE]
        is_open = unfinished and piece == pieces - 1
        at, stop = np.uint64(state[POSITION]), np.uint64(offsets[piece + 1])
        while True:
            if is_full(places, arena, state):
                state[POSITION] = np.int64(at)
                return 1
            if at >= stop:
                break
            if state[LENGTH] != 0:
                at = _scan_characters(
                    data, at, stop, state, scratch[0], pages, records, folds,
                    table, places, arena, ids, keep, multiplier,
                )  # fmt: skip
            else:
                at = _count_block(
                    data, at, stop, is_open, state, scratch, pages, records, folds,
                    table, places, arena, ids, keep, multiplier,
                )  # fmt: skip
        if state[LENGTH] != 0 and not is_open:
            _end_word(state, scratch[0], table, places, arena, ids, multiplier)
        counts[piece] = state[WRITTEN] - state[FIRST]
        state[FIRST] = state[WRITTEN]
        state[PIECE] += 1
        state[POSITION] = np.int64(stop)
        if not is_open:
            state[DOCUMENT] += 1
    return 0
