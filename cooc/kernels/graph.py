"""The graph of a pair matrix: weighted rows, degrees, approximate personalised PageRank, and the sweep over it.

The weight of the edge between units a and b is log2((O + k) / (E + k)) where that is above a floor, else there is
no edge; O is the count of the pair, E = R_a R_b / N its expectation, and k draws pairs of few expected counts
towards 0. No unit has an edge to itself. Weights are the same from both ends, to the last bit.

The rows stay as bytes (kernels/rows.py) and are decoded where they are needed. `add_degrees` reads them all and
checks that they are rows; the others take them to be.

`law` is (sums, norm, scale, shrink, minimum, floor): R of each unit, N times `scale`, the counts of one pair, k, the
least count of an edge in units of counts, and the floor. `arena` is (held, columns, weights, state), see `hold_row`.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

BROKEN = -1
"""What `weigh_row` returns for bytes that are no row."""


@compiled
def weigh_row(cells, begin, end, unit, law, columns, weights, at):
    """Write the edges of one row to `columns` and `weights` from `at` on; returns where they end, or `BROKEN`.

    `cells[begin:end]` is the row of `unit`. There must be room for as many edges as the row has bytes.
    """
    sums, norm, scale, shrink, minimum, floor = law
    i = np.int64(begin)
    column = np.int64(-1)
    own = np.float64(sums[unit])
    least = np.exp2(floor)
    while i < end:
        value = np.uint64(0)
        shift = np.uint64(0)
        while i < end and cells[i] >= 128:
            value |= np.uint64(cells[i] & np.uint8(127)) << shift
            shift += np.uint64(7)
            i += 1
        if i >= end:
            return BROKEN
        value |= np.uint64(cells[i]) << shift
        i += 1
        column += np.int64(value >> np.uint64(1)) + 1
        if column < 0 or column >= sums.size:
            return BROKEN
        count = np.int64(1)
        if value & np.uint64(1):
            value = np.uint64(0)
            shift = np.uint64(0)
            while i < end and cells[i] >= 128:
                value |= np.uint64(cells[i] & np.uint8(127)) << shift
                shift += np.uint64(7)
                i += 1
            if i >= end:
                return BROKEN
            count = np.int64(value | (np.uint64(cells[i]) << shift)) + 2
            i += 1
        if count >= minimum and column != unit:
            expected = own * np.float64(sums[column]) / norm + shrink
            if expected > 0.0 and (count / scale + shrink) / expected > least:
                columns[at] = column
                weights[at] = np.log2((count / scale + shrink) / expected)
                at += 1
    return np.int64(at)


@compiled
def add_degrees(cells, base, starts, law, first, degrees, edges):
    """Degree and number of edges of the units from `first` on, one for each place of `degrees`.

    `starts[j]:starts[j + 1]`, less `base`, is the row of unit `first + j` in `cells`. Returns the first unit whose
    bytes are no row, or `BROKEN` where all are.
    """
    longest = np.int64(0)
    for j in range(degrees.size):
        longest = max(longest, np.int64(starts[j + 1] - starts[j]))
    columns = np.empty(longest, np.uint32)
    weights = np.empty(longest, np.float64)
    for j in range(degrees.size):
        begin, end = starts[j] - base, starts[j + 1] - base
        found = weigh_row(cells, begin, end, first + j, law, columns, weights, np.int64(0))
        if found == BROKEN:
            return np.int64(first + j)
        total = np.float64(0)
        for k in range(found):
            total += weights[k]
        degrees[j] = total
        edges[j] = found
    return np.int64(BROKEN)


@compiled
def hold_row(cells, starts, unit, law, arena):
    """Where the edges of a unit begin and end in the arena `columns`, `weights`; decodes them if they are not held.

    `held[u]` is (begin, end) of u's edges, begin -1 if they are not in the arena. `state[0]` is where the arena is
    filled to, `state[1]` where its last part begins, which takes one row at a time once the rest is full.
    """
    held, columns, weights, state = arena
    if held[unit, 0] >= 0:
        return held[unit, 0], held[unit, 1]
    begin, end = starts[unit], starts[unit + 1]
    keep = state[0] + (end - begin) <= state[1]
    at = state[0] if keep else state[1]
    found = weigh_row(cells, begin, end, unit, law, columns, weights, at)
    if keep:
        held[unit, 0], held[unit, 1] = at, found
        state[0] = found
    return at, found


@compiled
def push(cells, starts, law, degrees, teleport, epsilon, estimate, residual, queue, queued, waiting, arena):
    """Approximate personalised PageRank by pushes (Andersen, Chung, Lang 2006, without the lazy half step).

    While a unit u has residual r(u) > epsilon d(u), in the order of a queue: `teleport` times it goes to the
    estimate, the rest to its neighbours in proportion to the weights. Afterwards
    0 <= pagerank(u) - estimate(u) <= epsilon d(u). A unit without edges keeps what it has. `queue` is a ring of
    all units with `waiting` of them in it at its beginning, `queued` marks them. Returns the number of pushes.
    """
    _, columns, weights, _ = arena
    head, size, pushes = np.int64(0), np.int64(queue.size), np.int64(0)
    while waiting > 0:
        unit = np.int64(queue[head])
        head = head + 1 if head + 1 < size else np.int64(0)
        waiting -= 1
        queued[unit] = 0
        mass = residual[unit]
        residual[unit] = 0.0
        pushes += 1
        if degrees[unit] <= 0.0:
            estimate[unit] += mass
            continue
        estimate[unit] += teleport * mass
        begin, end = hold_row(cells, starts, unit, law, arena)
        share = (1.0 - teleport) * mass / degrees[unit]
        for k in range(begin, end):
            other = np.int64(columns[k])
            residual[other] += share * weights[k]
            if queued[other] == 0 and residual[other] > epsilon * degrees[other]:
                place = head + waiting
                queue[place - size if place >= size else place] = other
                queued[other] = 1
                waiting += 1
    return pushes


@compiled
def sweep_cuts(cells, starts, law, degrees, order, ranks, arena, cuts, volumes, inside):
    """Of the sets of the first 1, 2, 3, … units of `order`: weight of the cut, volume, weight inside (each edge once).

    `ranks` is -1 for all units before and after.
    """
    _, columns, weights, _ = arena
    cut, volume, within = np.float64(0), np.float64(0), np.float64(0)
    for i in range(order.size):
        unit = np.int64(order[i])
        begin, end = hold_row(cells, starts, unit, law, arena)
        back = np.float64(0)
        for k in range(begin, end):
            if ranks[columns[k]] >= 0:
                back += weights[k]
        ranks[unit] = i
        cut += degrees[unit] - 2.0 * back
        volume += degrees[unit]
        within += back
        cuts[i], volumes[i], inside[i] = cut, volume, within
    for i in range(order.size):
        ranks[order[i]] = -1


@compiled
def weights_inside(cells, starts, law, members, member_starts, marks, arena, totals):
    """The weight inside each of several sets, each edge once, into `totals`.

    Set s is `members[member_starts[s]:member_starts[s + 1]]`; `marks` is -1 for all units before and after.
    """
    _, columns, weights, _ = arena
    for s in range(totals.size):
        for j in range(member_starts[s], member_starts[s + 1]):
            marks[members[j]] = s
        total = np.float64(0)
        for j in range(member_starts[s], member_starts[s + 1]):
            begin, end = hold_row(cells, starts, np.int64(members[j]), law, arena)
            for k in range(begin, end):
                if marks[columns[k]] == s:
                    total += weights[k]
        totals[s] = total / 2.0
        for j in range(member_starts[s], member_starts[s + 1]):
            marks[members[j]] = -1
