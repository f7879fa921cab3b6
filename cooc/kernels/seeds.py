"""Seeded scans: where many words and phrases occur, and what stands around them.

A block of tokens is an array of term ids in which document d is `ids[starts[d]:starts[d + 1]]`, with nothing
between. Seeds are found by a trie whose edges lie in a hash table: from the root by the first token, and so on.
A seed's contexts are gathered in an open-addressing table of its own, which stays in the near caches for all but
the most frequent seeds.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.bits import prefetch
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled
from cooc.kernels.vocabulary import inlined

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
MARK_BITS = 16
"""log2 of the size of the table that tells, without a look into the trie, that no seed begins with a token."""

LONGER, ALONE = 1, 2
"""Its marks: seeds of several tokens begin so; the token is a seed itself."""

U0, U1, U2, U3, U7, U8, U32, U48 = (np.uint64(i) for i in (0, 1, 2, 3, 7, 8, 32, 48))
LOW_HALF = np.uint64(0xFFFFFFFF)

AHEAD = 4
"""How many occurrences ahead the tokens are asked for: those of a rare seed lie far apart."""

DONE, ROWS_FULL, TABLE_FULL = 0, 1, 2
"""What `count_seed_rows` stopped for."""

CONTEXT, STATE, FIRST_SUM = range(3)
"""Columns of an entry of its table: the context + 1, the document that last had it and in which ring; then a sum and
a number of documents for each ring, and for the document; then how often the seed itself has the context."""


@compiled
def read_documents(codes, singles, rank, kept, first, ids, starts):
    """Decode whole documents into `ids`, each term by its `rank`; returns the number of documents and of tokens.

    `codes` begins at a separator. `kept[first + d]` tells whether document d is read; with an empty `kept` all
    are. `starts` gets where each document begins, and the end of the last.
    """
    document = np.int64(first) - 1
    found = np.int64(0)
    o = np.uint64(0)
    i = np.uint64(0)
    size = np.uint64(codes.size)
    reads = False
    starts[0] = 0
    while i < size:
        code = np.uint32(codes[i])
        i += U1
        if code == SEPARATOR:
            if reads:
                starts[found] = np.int64(o)
            document += 1
            reads = kept.size == 0 or kept[document]
            found += np.int64(reads)
        elif reads:
            if code < singles:
                ids[o] = rank[code]
            else:
                rest = (code - np.uint32(SINGLES)) * np.uint32(TRAILS)
                ids[o] = rank[np.uint32(SINGLES) + rest + np.uint32(codes[i]) - np.uint32(FIRST_TRAIL)]
                i += U1
            o += U1
    starts[found] = np.int64(o)
    return found, np.int64(o)


@inlined
def _starter(first, second, size):
    """The bit of two ids in a table of so many bytes."""
    mixed = (np.uint64(first) << U32 | np.uint64(second)) * MULTIPLIER
    return (mixed >> U32) & ((np.uint64(size) << U3) - U1)


@compiled
def make_trie(phrase_starts, phrase_ids, keys, nodes, seed_of, marks, starters):
    """Write the trie of the seeds; returns its number of nodes.

    Seed k is the ids `phrase_ids[phrase_starts[k]:phrase_starts[k + 1]]`; one without any is nowhere. The edge
    (node, id) leads to `nodes[slot]` where `keys[slot]` is node << 32 | id; `keys`, a power of two of them and
    more than there are edges, are EMPTY before. `seed_of[node]` is the seed that ends there or -1, which all
    are before. `marks` says of every first id, hashed, how seeds begin with it; in `starters`, a power of two of
    bytes, a bit is set for the first two ids of every seed of several.
    """
    last = np.uint64(keys.size - 1)
    size = np.int64(1)
    for seed in range(phrase_starts.size - 1):
        node = np.int64(0)
        for k in range(phrase_starts[seed], phrase_starts[seed + 1]):
            token = np.uint64(phrase_ids[k])
            if k == phrase_starts[seed]:
                alone = phrase_starts[seed + 1] - k == 1
                marks[(token * MULTIPLIER) >> U48] |= np.uint8(ALONE) if alone else np.uint8(LONGER)
            if k == phrase_starts[seed] + 1:
                bit = _starter(phrase_ids[k - 1], phrase_ids[k], starters.size)
                starters[bit >> U3] |= np.uint8(1) << np.uint8(bit & U7)
            key = np.uint64(node) << U32 | token
            slot = ((key * MULTIPLIER) >> U32) & last
            while keys[slot] != EMPTY and keys[slot] != key:
                slot = (slot + U1) & last
            if keys[slot] == EMPTY:
                keys[slot] = key
                nodes[slot] = size
                size += 1
            node = np.int64(nodes[slot])
        if node != 0:
            seed_of[node] = seed
    return size


@compiled
def find_seeds(ids, starts, keys, nodes, seed_of, marks, starters, positions, documents, seeds):
    """Write every occurrence of a seed (position of its first token, document, seed), by position.

    Occurrences may overlap and lie in one another; none crosses a document's end. Returns their number, which
    may exceed the room in `positions`: then only those that fit are written.
    """
    last = np.uint64(keys.size - 1)
    n = np.uint64(0)
    room = np.uint64(positions.size)
    end = np.uint64(max(ids.size, 1) - 1)
    for document in range(starts.size - 1):
        stop = np.uint64(starts[document + 1])
        for at in range(np.uint64(starts[document]), stop):
            # one branch that is seldom taken, as half of all tokens begin some seed; the next token may be another
            # document's, which the trie will see
            first, second = ids[at], ids[min(at + U1, end)]
            bit = _starter(first, second, starters.size)
            mark = marks[(np.uint64(first) * MULTIPLIER) >> U48]
            if mark & (((starters[bit >> U3] >> np.uint8(bit & U7)) & np.uint8(LONGER)) | np.uint8(ALONE)) == 0:
                continue
            node = np.uint64(0)
            place = np.uint64(at)
            while place < stop:
                key = node << U32 | np.uint64(ids[place])
                slot = ((key * MULTIPLIER) >> U32) & last
                while keys[slot] != EMPTY and keys[slot] != key:
                    slot = (slot + U1) & last
                if keys[slot] == EMPTY:
                    break
                node = np.uint64(nodes[slot])
                seed = seed_of[node]
                if seed >= 0:
                    if n < room:
                        positions[n] = np.uint32(at)
                        documents[n] = np.uint32(document)
                        seeds[n] = np.uint32(seed)
                    n += U1
                place += U1
    return np.int64(n)


@compiled
def group_hits(positions, documents, seeds, found, cursor, grouped_positions, grouped_documents):
    """Group occurrences by seed, in their order; `cursor[s]` is where those of seed s begin, then where they end."""
    for k in range(found):
        seed = seeds[k]
        place = cursor[seed]
        cursor[seed] = place + 1
        grouped_positions[place] = positions[k]
        grouped_documents[place] = documents[k]


@compiled
def make_bags(ids, starts, wanted, keys, stamps, bag_starts, bag_ids, bag_counts):
    """Write the distinct ids of each wanted document and how often each stands there; others get empty bags.

    `keys` and `stamps`, a power of two of each and more than the longest document has tokens, are scratch;
    `stamps` is 0 before. Returns the size of the bags.
    """
    last = np.uint64(keys.size - 1)
    n = np.uint64(0)
    bag_starts[0] = 0
    for document in range(starts.size - 1):
        if wanted[document]:
            stamp = np.uint64(document + 1)
            for at in range(np.uint64(starts[document]), np.uint64(starts[document + 1])):
                token = ids[at]
                slot = ((np.uint64(token) * MULTIPLIER) >> U32) & last
                while stamps[slot] >> U32 == stamp and keys[slot] != token:
                    slot = (slot + U1) & last
                if stamps[slot] >> U32 == stamp:
                    bag_counts[stamps[slot] & LOW_HALF] += np.uint32(1)
                else:
                    keys[slot] = token
                    stamps[slot] = stamp << U32 | n
                    bag_ids[n] = token
                    bag_counts[n] = 1
                    n += U1
        bag_starts[document + 1] = np.int64(n)
    return np.int64(n)


@inlined
def _entry(table, context, width, bits, touched, n):
    """Where the entry of a context begins in `table`, and the number of entries; made if there is none."""
    last = (U1 << bits) - U1
    slot = (np.uint64(context) * MULTIPLIER) >> (np.uint64(64) - bits)
    label = np.int64(context) + 1
    base = slot * width
    while table[base] != 0 and table[base] != label:
        slot = (slot + U1) & last
        base = slot * width
    # written in any case: whether the context is new can't be foretold, and a wrong guess costs more
    touched[n] = slot | np.uint64(context) << U32
    n += np.uint64(table[base] == 0)
    table[base] = label
    return base, n


@inlined
def _meet(table, base, stamp, ring, weight):
    """Count a context at a distance of this ring: its sum, and its documents by the nearest ring of each."""
    table[base + np.uint64(FIRST_SUM + 2 * ring)] += weight
    state = table[base + np.uint64(STATE)]
    now = stamp | ring
    if state >> 8 != stamp >> 8:
        table[base + np.uint64(FIRST_SUM + 1) + np.uint64(2 * ring)] += 1
        table[base + np.uint64(STATE)] = now
    elif now < state:
        table[base + np.uint64(FIRST_SUM + 1) + np.uint64(2 * (state & 255))] -= 1
        table[base + np.uint64(FIRST_SUM + 1) + np.uint64(2 * ring)] += 1
        table[base + np.uint64(STATE)] = now


@inlined
def _sort(keys, spare, n, bits, histogram):
    """Sort `keys[:n]` by their upper half, of `bits` bits; by insertion if few, else by bytes from the lowest."""
    if n <= 48:
        for i in range(1, n):
            key = keys[i]
            k = i
            while k > 0 and keys[k - 1] > key:
                keys[k] = keys[k - 1]
                k -= 1
            keys[k] = key
        return
    shift = np.uint64(32)
    while shift < np.uint64(32) + bits:
        histogram[:] = 0
        for i in range(n):
            histogram[(keys[i] >> shift) & np.uint64(255)] += 1
        total = np.int64(0)
        for i in range(256):
            counted = histogram[i]
            histogram[i] = total
            total += counted
        for i in range(n):
            digit = (keys[i] >> shift) & np.uint64(255)
            spare[histogram[digit]] = keys[i]
            histogram[digit] += 1
        for i in range(n):
            keys[i] = spare[i]
        shift += U8


@compiled
def count_seed_rows(
    ids, starts, hit_starts, positions, documents, phrase_starts, phrase_ids, left, right, weights, ring_of, rings,
    bag_starts, bag_ids, bag_counts, table, table_bits, id_bits, touched, spare, histogram, first, keys, values, totals,
):  # fmt: skip
    """Count the contexts of each seed from `first` on, and write a cell for each (seed, context), ascending.

    The windows reach `left` and `right`; one at distance d adds `weights[d]` and belongs to ring `ring_of[d]`,
    the smallest of the `rings` windows that holds d, and to every larger window. With bags there is one window
    more, the document. `keys` gets seed << 32 | context; `values` for each window the sum, and the distinct
    documents that hold the context in the window of the seed; `totals[seed]` occurrences, documents, and the
    sum of the row for each window. A seed's own tokens are no contexts of it.

    `table` (2 ** `table_bits` entries) is zero before and after; `touched` and `spare` hold half as many and one
    more. A seed uses as much of the table as it is likely to need, so that the contexts of a rare one stay in the
    nearest cache, and twice as much when that does not do. Returns the seed to go on with, the number of cells,
    and what it stopped for: with TABLE_FULL the table is to be made larger, with ROWS_FULL the cells to be taken
    out.
    """
    seeds = hit_starts.size - 1
    whole = bag_starts.size > 1
    windows = rings + np.int64(whole)
    width = np.uint64(FIRST_SUM + 2 * windows + np.int64(whole))
    own = np.uint64(FIRST_SUM + 2 * windows)
    o = np.int64(0)
    seed = np.int64(first)
    grown = U0
    while seed < seeds:
        begin, end = hit_starts[seed], hit_starts[seed + 1]
        if begin == end:
            seed += 1
            continue
        size = phrase_starts[seed + 1] - phrase_starts[seed]
        most = (end - begin) * (left + right) + size
        if whole:
            for k in range(begin, end):
                if k == begin or documents[k] != documents[k - 1]:
                    most += bag_starts[documents[k] + 1] - bag_starts[documents[k]]
        likely = min(most, np.int64(4 * np.float64(most) ** 0.75))
        bits = U2 + grown
        while (np.int64(1) << np.int64(bits - U1)) < likely << np.int64(grown) and bits < table_bits:
            bits += U1
        bits = min(bits, table_bits)
        limit = np.int64(1) << np.int64(bits - U1)
        n = np.uint64(0)
        full, reason = False, TABLE_FULL
        if whole:
            full = size > limit
            for k in range(phrase_starts[seed], phrase_starts[seed] if full else phrase_starts[seed + 1]):
                base, n = _entry(table, phrase_ids[k], width, bits, touched, n)
                table[base + own] += 1
        held = np.int64(0)
        times = np.int64(0)
        for k in range(begin, begin if full else end):
            position = np.int64(positions[k])
            document = np.int64(documents[k])
            stamp = (document + 1) << 8
            if k + AHEAD < end:
                prefetch(ids, np.uint64(positions[k + AHEAD]))
            behind = position + size
            after = min(right, starts[document + 1] - behind)
            before = min(left, position - starts[document])
            if np.int64(n) + after + before > limit:
                full = True
                break
            for distance in range(1, after + 1):
                base, n = _entry(table, ids[behind + distance - 1], width, bits, touched, n)
                if rings == 1:
                    table[base + np.uint64(FIRST_SUM)] += np.int64(weights[distance])
                    table[base + np.uint64(FIRST_SUM + 1)] += np.int64(table[base + np.uint64(STATE)] != stamp)
                    table[base + np.uint64(STATE)] = stamp
                else:
                    _meet(table, base, stamp, np.int64(ring_of[distance]), np.int64(weights[distance]))
            for distance in range(1, before + 1):
                base, n = _entry(table, ids[position - distance], width, bits, touched, n)
                if rings == 1:
                    table[base + np.uint64(FIRST_SUM)] += np.int64(weights[distance])
                    table[base + np.uint64(FIRST_SUM + 1)] += np.int64(table[base + np.uint64(STATE)] != stamp)
                    table[base + np.uint64(STATE)] = stamp
                else:
                    _meet(table, base, stamp, np.int64(ring_of[distance]), np.int64(weights[distance]))
            times += 1
            if k + 1 < end and np.int64(documents[k + 1]) == document:
                continue
            held += 1
            if whole:
                if np.int64(n) + bag_starts[document + 1] - bag_starts[document] > limit:
                    full = True
                    break
                last = np.uint64(FIRST_SUM + 2 * rings)
                for cell in range(bag_starts[document], bag_starts[document + 1]):
                    base, n = _entry(table, bag_ids[cell], width, bits, touched, n)
                    others = np.int64(bag_counts[cell]) - table[base + own]
                    table[base + last] += times * others
                    table[base + last + U1] += np.int64(others > 0)
            times = np.int64(0)
        if not full and o + np.int64(n) > keys.size:
            full = True
            reason = ROWS_FULL
        if full:
            for i in range(n):
                base = (touched[i] & LOW_HALF) * width
                for column in range(width):
                    table[base + column] = 0
            if reason == ROWS_FULL or bits == table_bits:
                return seed, o, reason
            grown += U1
            continue
        _sort(touched, spare, np.int64(n), id_bits, histogram)
        totals[seed, 0] += end - begin
        totals[seed, 1] += held
        for i in range(n):
            base = (touched[i] & LOW_HALF) * width
            count, met = np.int64(0), np.int64(0)
            for ring in range(rings):
                count += table[base + np.uint64(FIRST_SUM + 2 * ring)]
                met += table[base + np.uint64(FIRST_SUM + 2 * ring + 1)]
                values[o, 2 * ring] = count
                values[o, 2 * ring + 1] = met
                totals[seed, 2 + ring] += count
            if whole:
                count = table[base + np.uint64(FIRST_SUM + 2 * rings)]
                met = table[base + np.uint64(FIRST_SUM + 2 * rings + 1)]
                values[o, 2 * rings] = count
                values[o, 2 * rings + 1] = met
                totals[seed, 2 + rings] += count
            keys[o] = np.uint64(seed) << U32 | touched[i] >> U32
            o += np.int64(met > 0)
            for column in range(width):
                table[base + column] = 0
        grown = U0
        seed += 1
    return seeds, o, DONE


@compiled
def merge_cells(keys_a, values_a, keys_b, values_b, keys, values):
    """Merge two sorted lists of distinct keys; values of equal keys are added. Returns the length of the result."""
    i, j, o = 0, 0, 0
    columns = values.shape[1]
    while i < keys_a.size and j < keys_b.size:
        a, b = keys_a[i], keys_b[j]
        if a <= b:
            keys[o] = a
            for column in range(columns):
                values[o, column] = values_a[i, column]
            i += 1
            if a == b:
                for column in range(columns):
                    values[o, column] += values_b[j, column]
                j += 1
        else:
            keys[o] = b
            for column in range(columns):
                values[o, column] = values_b[j, column]
            j += 1
        o += 1
    while i < keys_a.size:
        keys[o] = keys_a[i]
        for column in range(columns):
            values[o, column] = values_a[i, column]
        i += 1
        o += 1
    while j < keys_b.size:
        keys[o] = keys_b[j]
        for column in range(columns):
            values[o, column] = values_b[j, column]
        j += 1
        o += 1
    return o


@compiled
def add_edges(ids, starts, left, right, sums_of, missing):
    """Add to `missing[id]` what a token lacks of the contexts of a whole window because its document ends there.

    `sums_of[d]` is the sum of the weights up to distance d; contexts are up to `left` before and `right` after.
    Only tokens near the ends of documents are looked at.
    """
    for document in range(starts.size - 1):
        start, stop = starts[document], starts[document + 1]
        for at in range(start, min(stop, start + left)):
            missing[ids[at]] += sums_of[left] - sums_of[at - start]
        for at in range(max(start, stop - right), stop):
            missing[ids[at]] += sums_of[right] - sums_of[stop - 1 - at]


@compiled
def add_terms(ids, starts, first, occurrences, documents, last):
    """Count the occurrences of each id and the distinct documents that hold it; `last` is scratch, -1 before.

    `first` is the number of the first document: no two calls may have documents of the same number.
    """
    for document in range(starts.size - 1):
        number = first + document
        for at in range(starts[document], starts[document + 1]):
            token = ids[at]
            occurrences[token] += 1
            documents[token] += last[token] != number
            last[token] = number


@compiled
def add_whole(ids, starts, sums):
    """Add to each id, for each of its tokens, the number of the other tokens of the document."""
    for document in range(starts.size - 1):
        others = starts[document + 1] - starts[document] - 1
        for at in range(starts[document], starts[document + 1]):
            sums[ids[at]] += others
