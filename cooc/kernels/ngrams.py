"""Counting n-grams of a block: in ranges of first terms that fit the memory, or sorted, for a merge with others.

In ranges: gather what follows each occurrence of a term, then split the occurrences level by level. The
occurrences of a term are a group. Each group is split by the token that follows; parts that reach the threshold
are kept n-grams of the next order and the groups of the next level. A kept n-gram's prefix is kept too, since it
occurs at least as often, so nothing that reaches the threshold is lost.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.bits import prefetch
from cooc.kernels.compile import compiled
from cooc.kernels.rows import sort_columns

FEW = 16
"""Tokens that are sorted one by one; more are by a bitmap of all terms."""

AHEAD = np.uint64(16)


@compiled
def gather_followers(ids, separator, start, stop, first, width, cursor, depth, followers):
    """Write the `depth` tokens after each occurrence of the terms [first, first + width) in [start, stop).

    Those of a term go to places from `cursor[term - first]` on, which moves along; a term whose cursor is
    negative is passed over. Past the document's end stand separators.
    """
    for position in range(start, stop):
        key = np.uint32(ids[position] - np.uint32(first))
        if key < np.uint32(width) and cursor[key] >= 0:
            place = np.uint64(cursor[key])
            cursor[key] += 1
            ended = False
            for k in range(np.uint64(depth)):
                token = separator if ended else ids[np.uint64(position) + k + np.uint64(1)]
                ended = token == separator
                followers[place, k] = token


@compiled
def split_groups(
    followers, level, separator, terms, minimum, order, starts, counts, touched, bits,
    last, sizes, children, ends, new_order, new_starts,
):  # fmt: skip
    """Split each group `order[starts[g]:starts[g + 1]]` by `followers[:, level]`.

    Writes, group by group and ascending by token, the tokens that follow at least `minimum` times (`last`)
    and how often (`sizes`), and their occurrences as the new groups; `children[g]` gets the number of them,
    `ends[g]` how often the document ends there. `counts` and `bits` are scratch, zero before and after; a
    group's occurrences stay in their order. Returns the number of new groups.
    """
    made = np.int64(0)
    filled = np.int64(0)
    new_starts[0] = 0
    for group in range(starts.size - 1):
        ends[group] = 0
        n = np.uint64(0)
        for k in range(starts[group], starts[group + 1]):
            token = followers[order[k], level]
            if token == separator:
                ends[group] += 1
                continue
            touched[n] = token
            n += np.uint64(counts[token] == 0)
            counts[token] += 1
        kept = np.uint64(0)
        for k in range(n):
            token = touched[k]
            if counts[token] >= minimum:
                touched[kept] = token
                kept += np.uint64(1)
            else:
                counts[token] = 0
        if kept > np.uint64(FEW):
            sort_columns(touched, kept, terms, bits)
        else:
            for i in range(np.uint64(1), kept):
                token, gap = touched[i], np.uint64(i)
                while gap > np.uint64(0) and touched[gap - np.uint64(1)] > token:
                    touched[gap] = touched[gap - np.uint64(1)]
                    gap -= np.uint64(1)
                touched[gap] = token
        children[group] = np.int64(kept)
        if kept == np.uint64(0):
            continue
        for k in range(np.int64(kept)):
            token = touched[k]
            last[made + k] = token
            sizes[made + k] = counts[token]
            # from here on the place of the token's next occurrence, plus one
            place = filled + 1
            filled += counts[token]
            counts[token] = place
            new_starts[made + k + 1] = filled
        for k in range(starts[group], starts[group + 1]):
            token = followers[order[k], level]
            if token != separator and counts[token]:
                new_order[counts[token] - 1] = order[k]
                counts[token] += 1
        for k in range(kept):
            counts[touched[k]] = 0
        made += np.int64(kept)
    return made


@compiled
def count_edges(ids, separator, start, stop, depth, edges):
    """Add 1 to `edges[k, id]` for each token in [start, stop) that is its document's (k+1)-th, k < depth, and
    to `edges[depth, id]` for each that is its document's last."""
    since = np.int64(0)
    while since < depth and ids[start - 1 - since] != separator:
        since += 1
    for position in range(start, stop):
        token = ids[position]
        if token == separator:
            since = np.int64(0)
        else:
            if since < depth:
                edges[since, token] += 1
            since += 1
            if ids[position + 1] == separator:
                edges[depth, token] += 1


@compiled
def sort_ngrams(ids, separator, start, stop, orders, starts, spare, places):
    """Sort the positions [start, stop) by the `orders` tokens from each on, a separator before any token.

    By counting, from the last token to the first: each pass goes through the positions as the pass before
    sorted them. What comes after a separator is compared too, so n-grams that are the same to their document's
    end stand together but in no order. `starts` has a place for each id; `spare` and `places` (uint32), which
    gets the positions, one for each position.
    """
    one = np.uint64(1)
    end = np.uint64(ids.size - 1)
    size = np.uint64(stop - start)
    for left in range(orders):
        depth = np.uint64(orders - 1 - left)
        for k in range(starts.size):
            starts[k] = 0
        for i in range(size):
            starts[ids[min(np.uint64(start) + i + depth, end)]] += 1
        filled = starts[separator]
        starts[separator] = 0
        for k in range(starts.size):
            if k != separator:
                here = starts[k]
                starts[k] = filled
                filled += here
        # the last pass writes `places`, each before it the other
        if depth & one:
            source, target = places, spare
        else:
            source, target = spare, places
        for i in range(size):
            if left == 0:
                position = np.uint64(start) + i
            else:
                position = np.uint64(source[i])
                prefetch(ids, min(np.uint64(source[min(i + AHEAD, size - one)]) + depth, end))
            token = ids[min(position + depth, end)]
            target[starts[token]] = position
            starts[token] += 1


@compiled
def list_ngrams(ids, separator, places, begin, before, gathered, names, shared, codes, counts):
    """Fill a batch of n-grams (`cooc.kernels.ngram_runs`) from sorted positions, from `places[begin]` on.

    `before` is the position of the n-gram before, negative for none. Those that begin with an id that is not
    `gathered` are passed over. Returns where to go on, the position of the last n-gram and their number.
    """
    one = np.uint64(1)
    orders, room, size = np.uint64(codes.shape[1]), np.uint64(shared.size), np.uint64(places.size)
    n = np.uint64(0)
    for i in range(np.uint64(begin), size):
        position = np.uint64(places[i])
        prefetch(ids, np.uint64(places[min(i + AHEAD, size - one)]))
        if not gathered[ids[position]]:
            continue
        same = np.uint64(0)
        if before >= 0:
            while same < orders and ids[position + same] == ids[np.uint64(before) + same]:
                same = orders if ids[position + same] == separator else same + one
        if same == orders:
            counts[n - one] += 1
            continue
        if n == room:
            return i, before, n
        shared[n], counts[n] = same, 1
        ended = False
        for k in range(orders):
            code = np.uint32(0)
            if not ended:
                token = ids[position + k]
                ended = token == separator
                if not ended:
                    code = names[token] + np.uint32(1)
            codes[n, k] = code
        n += one
        before = np.int64(position)
    return size, before, n
