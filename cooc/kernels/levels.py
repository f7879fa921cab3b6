"""Tables of a set's level: what each term says of it, looked up in a grid; and sums of tables over drawn sets.

The grid has a row for each root of hits, `STEP_ROOT` apart from 0 up, a column for each offset, `STEP` bits apart from
`FIRST` up, and some values. One between is Lagrange's cubic through the four nearest, in both ways.
Levels lie `STEPS` columns apart, so all levels of a term share one fraction of a step.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

STEP_ROOT, STEP, FIRST, STEPS = 0.125, 0.125, -34.0, 4


@compiled
def cubic_weights(fraction, weights):
    """Lagrange's weights for a place `fraction` of a step behind the second of four points."""
    before, here, after = fraction + 1.0, fraction, 1.0 - fraction
    beyond = 2.0 - fraction
    weights[0] = -here * after * beyond / 6.0
    weights[1] = before * after * beyond / 2.0
    weights[2] = before * here * beyond / 2.0
    weights[3] = -before * here * after / 6.0


@compiled
def look_up(terms, hits, offsets, grid, table):
    """Fill row terms[i] of `table` (terms, levels, values) with the grid's values at √hits[i], offsets[i] + level / 2.

    `grid` is (roots, offsets, values). All places must lie inside by a step or more, but hits may be 0: below the
    first row the four first rows are used.
    """
    values = grid.shape[2]
    across, along, sums = np.empty(4), np.empty(4), np.empty(values)
    for k in range(terms.size):
        root = np.sqrt(hits[k]) / STEP_ROOT
        row = min(max(np.int64(root), 1), grid.shape[0] - 3)
        cubic_weights(root - row, across)
        offset = (offsets[k] - FIRST) / STEP
        column = np.int64(offset)
        cubic_weights(offset - column, along)
        for level in range(table.shape[1]):
            sums[:] = 0.0
            first = column + level * STEPS - 1
            for i in range(4):
                for j in range(4):
                    weight = across[i] * along[j]
                    for value in range(values):
                        sums[value] += weight * grid[row - 1 + i, first + j, value]
            for value in range(values):
                table[terms[k], level, value] = sums[value]


@compiled
def add_terms(drawn, table, sums):
    """Set row s of `sums` to the sum of the rows of `table` that `drawn[s]` names; -1 is none."""
    for row in range(drawn.shape[0]):
        for cell in range(table.shape[1]):
            sums[row, cell] = 0.0
        for place in range(drawn.shape[1]):
            term = drawn[row, place]
            if term >= 0:
                for cell in range(table.shape[1]):
                    sums[row, cell] += table[term, cell]
