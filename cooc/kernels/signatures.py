# mypy: allow-untyped-defs
"""MinHash signatures of documents, the keys of their bands, and which documents of a bucket are alike.

The permutations are datasketch's scheme "affine32": a 32-bit hash is mixed once by MurmurHash3's finalizer, and
permutation j makes a[j] * hash + b[j] of it, modulo 2**32. The words are those of the word tokenizer with case
folded; its rules stand in `words._scan_characters`, and here again, where words need hashes but no ids.
"""

import numpy as np

from cooc.kernels.classes import APOSTROPHE, JOINER, LETTER, MARK, SEPARATOR, SOFT_HYPHEN
from cooc.kernels.compile import compiled
from cooc.kernels.vocabulary import MULTIPLIER, U0, inlined, kernel, mixed
from cooc.kernels.words import LONGEST, _decode, _load_up_to

WORDS_A_SHINGLE = 5
PERMUTATIONS = 128
WAITING_SHINGLES = 512
"""Hashes that are permuted together: each permutation's minimum then stays in a register."""

# fields of `state`, which carries one call to the next
LENGTH, JOINABLE, PENDING, WORDS, WAITING, DOCUMENT = range(6)
STATE_FIELDS = 6

# places in `ring`, after the hashes of the last words: of the open word, and of the last words together
LAST_WORDS = 8  # a power of two that holds a shingle
OPEN, SHINGLE = LAST_WORDS, LAST_WORDS + 1
RING = LAST_WORDS + 2

FNV_BASIS = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
U8, U16, U32, QUOTE = (np.uint64(i) for i in (8, 16, 32, 0x27))
BYTE = np.uint64(0xFF)
EMPTY = np.uint32(0xFFFFFFFF)
GONE = np.uint64(pow(int(MULTIPLIER), WORDS_A_SHINGLE, 1 << 64))


@inlined
def _premixed(shingle):
    """The 32-bit hash of a shingle, as datasketch mixes it before the permutations."""
    hash_ = np.uint32(((shingle ^ (shingle >> U32)) * MULTIPLIER) >> U32)
    hash_ = np.uint32(hash_ ^ (hash_ >> np.uint32(16)))
    hash_ = np.uint32(np.uint64(hash_) * np.uint64(0x85EBCA6B))
    hash_ = np.uint32(hash_ ^ (hash_ >> np.uint32(13)))
    hash_ = np.uint32(np.uint64(hash_) * np.uint64(0xC2B2AE35))
    return np.uint32(hash_ ^ (hash_ >> np.uint32(16)))


@kernel
def _permute(waiting, count, permutations, current):
    """Lower `current` to the least value that each permutation gives the waiting hashes."""
    for j in range(PERMUTATIONS):
        a, b, least = permutations[0, j], permutations[1, j], current[j]
        for i in range(count):
            least = min(least, np.uint32(a * waiting[i] + b))
        current[j] = least


@inlined
def _add_shingle(ring, state, waiting, permutations, current):
    """The shingle that has just ended waits to be permuted."""
    count = state[WAITING]
    waiting[count] = _premixed(ring[SHINGLE])
    state[WAITING] = count + 1
    if count + 1 == WAITING_SHINGLES:
        _permute(waiting, count + 1, permutations, current)
        state[WAITING] = 0


@inlined
def _end_word(spelled, ring, state, waiting, permutations, current):
    """A word more: it ends a shingle once there are enough of them.

    The hash of the last words is a polynomial of theirs, so that a word comes in and another goes out.
    """
    words = state[WORDS]
    gone = ring[(words - WORDS_A_SHINGLE) & (LAST_WORDS - 1)]
    ring[SHINGLE] = ring[SHINGLE] * MULTIPLIER + spelled - gone * GONE
    ring[words & (LAST_WORDS - 1)] = spelled
    state[WORDS] = words + 1
    if words + 1 >= WORDS_A_SHINGLE:
        _add_shingle(ring, state, waiting, permutations, current)


@kernel
def _read_piece(data, begin, end, state, ring, waiting, plain, pages, records, folds, permutations, current):
    """The rules of words, character by character; an open word at the end stays open."""
    spelled = ring[OPEN]
    length, joinable, pending = state[LENGTH], state[JOINABLE], state[PENDING]
    at, stop = np.intp(begin), np.intp(end)
    while at < stop:
        if pending == 0:
            begun, most = at, min(stop, at + np.intp(LONGEST - length))
            while at < most:
                character = plain[data[at]]
                if character == U0:
                    break
                spelled = (spelled ^ character) * FNV_PRIME
                at += 1
            if at > begun:
                length += at - begun
                joinable = np.int64(1)
                if at == stop:
                    break
        byte = data[at]
        if byte < 0x80:
            at += 1
            characters = plain[byte]
            kind = np.int64(LETTER if characters != U0 else APOSTROPHE if byte == 0x27 else SEPARATOR)
        else:
            code, size = _decode(data, at, stop)
            record = np.int64(SEPARATOR)
            if code >> 7 < pages.size:
                record = np.int64(records[np.int64(pages[code >> 7]) << 7 | (code & 0x7F)])
            kind, characters = record & 7, folds[record >> 3]
            if characters == U0:
                characters = _load_up_to(data, np.uint64(at), np.uint64(size))
            at += size
        if kind == LETTER or (length > 0 and kind in (MARK, JOINER) and pending == 0):
            while characters != U0 or pending != 0:
                character = QUOTE if pending != 0 else characters
                first = character & BYTE
                size = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
                if length + size > LONGEST:
                    _end_word(spelled, ring, state, waiting, permutations, current)
                    spelled, length = FNV_BASIS, np.int64(0)
                for _ in range(size):
                    spelled = (spelled ^ (character & BYTE)) * FNV_PRIME
                    character >>= U8
                length += size
                characters = characters if pending != 0 else character
                pending = np.int64(0)
            joinable = np.int64(kind != JOINER)
        elif kind == APOSTROPHE and length > 0 and joinable != 0 and pending == 0:
            pending = np.int64(1)
        elif kind != SOFT_HYPHEN and length > 0:
            _end_word(spelled, ring, state, waiting, permutations, current)
            spelled, length, pending = FNV_BASIS, np.int64(0), np.int64(0)
    ring[OPEN] = spelled
    state[LENGTH], state[JOINABLE], state[PENDING] = length, joinable, pending


@kernel
def _end_document(state, ring, waiting, permutations, current):
    """End the open word, permute what waits, and begin anew; the number of words that the document had."""
    if state[LENGTH] > 0:
        _end_word(ring[OPEN], ring, state, waiting, permutations, current)
    words = state[WORDS]
    if 0 < words < WORDS_A_SHINGLE:
        _add_shingle(ring, state, waiting, permutations, current)
    _permute(waiting, state[WAITING], permutations, current)
    ring[:] = U0
    ring[OPEN] = FNV_BASIS
    state[LENGTH] = state[PENDING] = state[WORDS] = state[WAITING] = 0
    return words


@compiled
def sketch_pieces(
    data, offsets, unfinished, state, ring, waiting, plain, pages, records, folds,
    permutations, current, signatures, owners,
):  # fmt: skip
    """Write the signatures of the documents that end here and have words, and their numbers; returns how many.

    `unfinished`: the last piece is not the end of its document. What goes on from call to call: `state` (zeros at
    first), `ring` (hashes of words; at first FNV_BASIS at OPEN), `waiting` and `current`, the signature so far (all
    EMPTY at first).
    """
    written = np.int64(0)
    pieces = offsets.size - 1
    for piece in range(pieces):
        _read_piece(
            data, offsets[piece], offsets[piece + 1], state, ring, waiting, plain, pages, records, folds,
            permutations, current,
        )  # fmt: skip
        if unfinished and piece == pieces - 1:
            break
        if _end_document(state, ring, waiting, permutations, current) > 0:
            for j in range(PERMUTATIONS):
                signatures[written, j] = current[j]
                current[j] = EMPTY
            owners[written] = state[DOCUMENT]
            written += 1
        state[DOCUMENT] += 1
    return written


@compiled
def key_bands(signatures, rows, keys):
    """Write the key of band j of signature i, a hash of its `rows` values, to `keys[j, i]`."""
    for i in range(signatures.shape[0]):
        for j in range(keys.shape[0]):
            key = U0
            for k in range(j * rows, (j + 1) * rows):
                key = mixed(key, np.uint64(signatures[i, k]), MULTIPLIER)
            keys[j, i] = key


# fields of `bucket`
KEY, LEADERS = 0, 1

LEADS, ALONE = -1, -2


@inlined
def _agreeing(signatures, i, leaders, k):
    """The places in which two signatures have the same value."""
    same = np.uint32(0)
    for j in range(PERMUTATIONS):
        same += np.uint32(signatures[i, j] == leaders[k, j])
    return same


@compiled
def find_leaders(keys, numbers, signatures, least, bucket, leaders, leader_numbers, outcomes):
    """Write for each document its leader << 8 | places agreeing, or LEADS, or ALONE.

    `keys` ascend, and `numbers` within a key: a bucket is the documents of one key. A document that agrees with an
    earlier leader of its bucket in `least` places or more follows the first such; any other leads itself, or is
    alone where there is no room left in `leaders`. `bucket` (key, leaders so far; zeros at first) and the leaders go
    on from call to call, so a bucket may be cut anywhere.
    """
    for i in range(keys.size):
        if keys[i] != bucket[KEY]:
            bucket[KEY], bucket[LEADERS] = keys[i], U0
        count = np.int64(bucket[LEADERS])
        outcome = np.int64(LEADS)
        for k in range(count):
            same = _agreeing(signatures, i, leaders, k)
            if same >= least:
                outcome = leader_numbers[k] << 8 | np.int64(same)
                break
        if outcome == LEADS and count == leader_numbers.size:
            outcome = np.int64(ALONE)
        if outcome == LEADS:
            for j in range(PERMUTATIONS):
                leaders[count, j] = signatures[i, j]
            leader_numbers[count] = numbers[i]
            bucket[LEADERS] = np.uint64(count + 1)
        outcomes[i] = outcome
