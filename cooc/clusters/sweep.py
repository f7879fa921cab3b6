"""The neighbourhoods of seeds: at each of several sizes, the set of least conductance that a walk from them finds.

The units are taken in the order of PageRank / degree, and of the sets of the first 1, 2, 3, … the one with the least
conductance is the neighbourhood (Andersen, Chung and Lang 2006): here one for each range of sizes, as in the network
community profile of Leskovec, Lang, Dasgupta and Mahoney (2009), for words have neighbours, a field, and an age.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.graph import Graph, Start, Walker
from cooc.errors import UsageError

Array = NDArray[Any]

SIZES = (100, 1_000, 10_000, 50_000)
TELEPORT = 0.2
EXACT = 10_000
CLOSED = 0.05
FEWEST = 5
"""A neighbourhood has more units than this."""


class Level(NamedTuple):
    """One neighbourhood."""

    number: int
    most: int
    """The largest size of its range; the least is that of the level before."""
    members: Array
    """Its units in the order of PageRank / degree."""
    masses: Array
    """The share of the whole walk that each has."""
    conductance: float
    density: float
    """Mean weight of all pairs of members."""
    valley: bool
    """Whether the least conductance lies inside the range; if it lies at an end, there is no set of this level. The
    end of what the walk has reached is none if next to nothing leads on from there."""


def check_sizes(sizes: Sequence[int], teleport: float) -> None:
    """Raise `UsageError` for sizes that do not ascend, or a teleport that is no probability."""
    ends = [FEWEST, *sizes]
    if len(ends) < 2 or any(a >= b for a, b in pairwise(ends)):
        raise UsageError(f"sizes are {', '.join(map(str, sizes)) or 'none'}; expected ascending ones above {FEWEST}.")
    if not 0 < teleport < 1:
        raise UsageError(f"teleport is {teleport}; expected a probability between 0 and 1.")


def tolerance(graph: Graph, most: int) -> float:
    """How exact a walk has to be that is to fill `most` units: a unit's PageRank / degree is found up to this.

    Where PageRank spreads evenly over a set, it is one by the volume of the set: so half of that for the largest set
    (`EXACT` units where that is more), or a tenth of it for the whole graph where that is coarser.
    """
    units = max(int(np.count_nonzero(graph.degrees)), 1)
    volume = max(graph.volume, 1e-9)
    return max(0.1 / volume, 0.5 / (max(most, EXACT) * volume / units))


def order_of(walker: Walker, start: Start, teleport: float, epsilon: float) -> tuple[Array, Array]:
    """The units a walk reaches in the order of PageRank / degree, ties by unit, and their PageRank."""
    units, ranks = walker.pagerank(start, teleport=teleport, epsilon=epsilon)
    linked = walker.graph.degrees[units] > 0
    units, ranks = units[linked], ranks[linked]
    order = np.lexsort((units, -ranks / walker.graph.degrees[units]))
    return units[order], ranks[order]


def neighborhoods(walker: Walker, start: Start, sizes: Sequence[int], teleport: float = TELEPORT) -> list[Level]:
    """The neighbourhood of each size; one that the walk does not fill is left out."""
    order, ranks = order_of(walker, start, teleport, tolerance(walker.graph, sizes[-1]))
    order, ranks = order[: sizes[-1]], ranks[: sizes[-1]]
    cuts = walker.cuts(order)
    found = []
    for number, (fewest, most) in enumerate(pairwise([FEWEST, *sizes]), 1):
        within = cuts.conductance[fewest:most]
        if not len(within):
            break
        best = fewest + int(np.argmin(within))
        found.append(Level(
            number, most, order[: best + 1], ranks[: best + 1], float(cuts.conductance[best]),
            float(cuts.density[best]), fewest < best < most - 1 and _closes(cuts.conductance, best),
        ))  # fmt: skip
    return found


def _closes(conductance: Array, best: int) -> bool:
    return best < len(conductance) - 1 or float(conductance[best]) < CLOSED


def cuts_at(walker: Walker, start: Start, members: Sequence[int], teleport: float, epsilon: float) -> Array:
    """Conductance and density of the sets of so many units that a walk from another start finds: (2, sets)."""
    order, _ = order_of(walker, start, teleport, epsilon)
    if not len(order):
        return np.array([[1.0] * len(members), [0.0] * len(members)])
    cuts = walker.cuts(order[: max(members)])
    places = np.minimum(np.array(members), len(cuts.volume)) - 1
    return np.stack([cuts.conductance[places], cuts.density[places]])
