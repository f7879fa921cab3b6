"""Sorted n-grams with counts: as bytes, merged from many runs, and cut at a threshold level by level.

An n-gram of the highest order N is N codes: 0 where its document has ended, term + 1 otherwise. Runs and
batches hold distinct n-grams, ascending by their codes. A batch is three arrays: how many codes an n-gram
shares with the one before it, its codes, its count.

In a run an n-gram is the varint of `(gap << bits | shared) << 1 | (count > 1)`, the varints of the codes after
the first that differs, up to the first 0, and if the count is above 1 the varint of `count - 2`. `gap` is by how
much the first code that differs exceeds the one before it, less 1; before the first n-gram stand zeros. `bits`
are enough for N - 1.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

MOST_NGRAM_BYTES = 48
"""A head below 2**37, four codes below 2**32 and a count below 2**63 take 6 + 4 * 5 + 9."""

BETWEEN_MARKS = 1 << 14
"""Bytes of a run from one mark to the next, at least."""

END = np.uint64(0xFFFFFFFFFFFFFFFF)
FULL, DONE = -1, -2


@compiled
def pack_ngrams(shared, codes, counts, n, bits, before, out, place, marks):
    """Write the first `n` n-grams of a batch to `out` as bytes of a run.

    `before` holds the codes of the n-gram before and then of the last. `place[0]` is where in the run `out`
    begins, `place[1]` the place of the last mark; both move along. A mark is made of the first n-gram of a
    term where `BETWEEN_MARKS` have gone by: (the term's code, the code of the term before, where it begins).
    Returns the bytes written and the marks.
    """
    one, seven = np.uint64(1), np.uint64(7)
    orders = np.uint64(codes.shape[1])
    o, made = np.uint64(0), np.uint64(0)
    for i in range(np.uint64(n)):
        same = np.uint64(shared[i])
        if same == np.uint64(0) and place[0] + np.int64(o) - place[1] >= BETWEEN_MARKS:
            place[1] = place[0] + np.int64(o)
            marks[made, 0], marks[made, 1], marks[made, 2] = codes[i, 0], before[0], place[1]
            made += one
        gap = np.uint64(codes[i, same]) - np.uint64(before[same]) - one
        more = np.uint64(counts[i] > 1)
        value = ((gap << np.uint64(bits) | same) << one) | more
        while value >= np.uint64(128):
            out[o] = np.uint8(value & np.uint64(127)) | np.uint8(128)
            o += one
            value >>= seven
        out[o] = np.uint8(value)
        o += one
        before[same] = codes[i, same]
        ended = False
        for k in range(same + one, orders):
            before[k] = codes[i, k]
            if not ended:
                value = np.uint64(codes[i, k])
                ended = value == np.uint64(0)
                while value >= np.uint64(128):
                    out[o] = np.uint8(value & np.uint64(127)) | np.uint8(128)
                    o += one
                    value >>= seven
                out[o] = np.uint8(value)
                o += one
        if more:
            value = np.uint64(counts[i]) - np.uint64(2)
            while value >= np.uint64(128):
                out[o] = np.uint8(value & np.uint64(127)) | np.uint8(128)
                o += one
                value >>= seven
            out[o] = np.uint8(value)
            o += one
    place[0] += np.int64(o)
    return np.int64(o), np.int64(made)


@compiled
def merge_ngrams(
    data, at, stop, whole, bits, first, last, heads, head_counts, keys, tree, state, shared, codes, counts
):  # fmt: skip
    """Merge runs into a batch, n-grams of several runs added up; only those with first code in [first, last).

    Run r has the bytes `data[at[r]:stop[r]]`, and more later unless `whole[r]`; `heads[r]` are the codes
    before them, then those of its next n-gram. `state` is zero at first: runs begun, n-grams in the batch,
    1 + the run that waits for bytes. Returns the run that needs more bytes, to be called again with them;
    `FULL` when the batch is, to be called again with `state[1] = 0`; `DONE` when all is merged. What is
    full or done is the batch of `state[1]` n-grams.

    A tournament of losers with offset-value codes (Conner 1977; Graefe and Do 2023): `keys[r]` says where run
    r's next n-gram first differs from the one that it lost to, and by which code, so that nearly every match
    is decided by one comparison of words, and the key of the next to go out is the batch's `shared`. A key is
    `(N - shared) << 32 | code`; of two n-grams that come after a third, the one with the lower key is lower.
    """
    one, seven, half = np.uint64(1), np.uint64(7), np.uint64(32)
    runs, orders, room = np.uint64(at.size), np.uint64(heads.shape[1]), np.uint64(shared.size)
    mask = (one << np.uint64(bits)) - one
    begun, n, waits = np.uint64(state[0]), np.uint64(state[1]), np.uint64(state[2])
    state[2] = 0
    if begun == np.uint64(0) and waits == np.uint64(0):
        # a run below all others stands everywhere until a real one has come by
        for k in range(runs):
            tree[k] = runs
        keys[runs] = 0
    while True:
        if waits:
            run = waits - one
            waits = np.uint64(0)
        elif begun < runs:
            run = begun
        else:
            run = np.uint64(tree[0])
            key = keys[run]
            if key == END:
                state[1] = n
                return DONE
            if key == np.uint64(0):
                counts[n - one] += head_counts[run]
            else:
                if n == room:
                    state[0], state[1] = begun, n
                    return FULL
                shared[n] = orders - (key >> half)
                for k in range(orders):
                    codes[n, k] = heads[run, k]
                counts[n] = head_counts[run]
                n += one
        key = END
        i = np.uint64(at[run])
        while True:
            if i + np.uint64(MOST_NGRAM_BYTES) > np.uint64(stop[run]) and not whole[run]:
                at[run] = i
                state[0], state[1], state[2] = begun, n, run + one
                return np.int64(run)
            if i == np.uint64(stop[run]):
                break
            value, shift = np.uint64(0), np.uint64(0)
            while data[i] >= 128:
                value |= np.uint64(data[i] & np.uint8(127)) << shift
                shift += seven
                i += one
            value |= np.uint64(data[i]) << shift
            i += one
            more = value & one
            value >>= one
            same = value & mask
            code = np.uint64(heads[run, same]) + (value >> np.uint64(bits)) + one
            heads[run, same] = code
            ended = False
            for k in range(same + one, orders):
                value = np.uint64(0)
                if not ended:
                    shift = np.uint64(0)
                    while data[i] >= 128:
                        value |= np.uint64(data[i] & np.uint8(127)) << shift
                        shift += seven
                        i += one
                    value |= np.uint64(data[i]) << shift
                    i += one
                    ended = value == np.uint64(0)
                heads[run, k] = value
            value = np.uint64(1)
            if more:
                value, shift = np.uint64(0), np.uint64(0)
                while data[i] >= 128:
                    value |= np.uint64(data[i] & np.uint8(127)) << shift
                    shift += seven
                    i += one
                value = (value | np.uint64(data[i]) << shift) + np.uint64(2)
                i += one
            head_counts[run] = np.int64(value)
            if np.uint64(heads[run, 0]) >= np.uint64(last):
                i = np.uint64(stop[run])
                whole[run] = 1
            elif np.uint64(heads[run, 0]) >= np.uint64(first):
                key = (orders - same) << half | code
                break
        at[run] = i
        begun += np.uint64(begun < runs)
        keys[run] = key
        node = (run + runs) >> one
        while node:
            other = np.uint64(tree[node])
            other_key = keys[other]
            if other_key < key:
                tree[node] = run
                run, key = other, other_key
            elif other_key == key and key != np.uint64(0) and key != END:
                same = orders - (key >> half) + one
                while same < orders and heads[run, same] == heads[other, same]:
                    same += one
                if same == orders:
                    keys[other] = 0
                elif heads[other, same] < heads[run, same]:
                    keys[run] = (orders - same) << half | np.uint64(heads[run, same])
                    tree[node] = run
                    run = other
                else:
                    keys[other] = (orders - same) << half | np.uint64(heads[other, same])
            node >>= one
        tree[0] = run


@compiled
def keep_frequent(shared, codes, counts, n, minimum, closing, open_codes, sums, last, sizes, children, ends, made):
    """Cut a batch at the threshold: the n-grams of every order up to the batch's that occur `minimum` times.

    An n-gram of order k is open until one that shares less than k codes with it comes; then, if it is kept,
    `last[k - 1]`, `sizes[k - 1]`, `children[k - 1]` and `ends[k - 1]` get its last term, its occurrences, how
    many kept n-grams of the next order begin with it and how often its document ends there. A single term is
    put out, whatever its count, if it begins a kept n-gram. `made[k - 1]` counts those put out; the arrays
    need `n + 1` places more. What is open is in `open_codes` and `sums[k]` (occurrences, children, ends);
    zeros at first. `closing` closes all.
    """
    one = np.uint64(1)
    orders = np.uint64(codes.shape[1])
    for i in range(np.uint64(n) + np.uint64(closing)):
        same = np.uint64(0) if i == np.uint64(n) else np.uint64(shared[i])
        k = orders
        while k > same:
            k -= one
            size = sums[k, 0]
            code = open_codes[k]
            if k > np.uint64(0):
                sums[k - one, 0] += size
                # an ended document goes on as ended
                sums[k - one, 2] += size * np.int64(code == 0 and open_codes[k - one] != 0)
            if (size >= minimum and code != 0) if k > np.uint64(0) else sums[k, 1] > 0:
                place = made[k]
                made[k] = place + 1
                last[k, place] = np.uint32(code - np.uint32(1))
                sizes[k, place], children[k, place], ends[k, place] = size, sums[k, 1], sums[k, 2]
                if k > np.uint64(0):
                    sums[k - one, 1] += 1
            sums[k, 0] = sums[k, 1] = sums[k, 2] = 0
        if i < np.uint64(n):
            for later in range(same, orders):
                open_codes[later] = codes[i, later]
            sums[orders - one, 0] += counts[i]
