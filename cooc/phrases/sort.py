"""Suffixes sorted in memory, by prefix doubling (Manber and Myers 1993; Larsson and Sadakane 2007).

Suffixes that agree in their first h codes are a group, named by the place of its first. Those of a group are put in
order by the groups of the suffixes h codes further on, which gives groups that agree in 2h codes; a suffix that is
alone in its group is done. So text that repeats for n codes costs log(n) rounds, for those suffixes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.suffixes import KEY_CODES, UNIQUE, first_keys, name_groups, sort_column

Array = NDArray[Any]

BYTES_A_SUFFIX = 160
"""Memory for each suffix that is sorted here, with room to spare."""


def sort_suffixes(codes: Array) -> Array:
    """Where the suffixes of codes begin, in the order of their bytes; the beginning of another stands before it."""
    size = len(codes)
    keys, order = np.empty(size, np.uint64), np.arange(size, dtype=np.uint32)
    first_keys(codes, keys)
    sort_column(keys, order, np.empty_like(keys), np.empty_like(order))
    ranks, named = np.empty(size, np.uint64), np.empty(size, np.uint64)
    name_all(keys, np.zeros(size, np.uint64), named, ranked=False)
    ranks[order] = named
    del keys, named
    several = np.flatnonzero(ranks & UNIQUE == 0)
    final = refine(several, ranks[several], KEY_CODES, size, lambda places: ranks[places])
    ranks[several] = final
    order[(ranks & ~UNIQUE).astype(np.int64)] = np.arange(size, dtype=np.uint32)
    return order


def refine(places: Array, ranks: Array, depth: int, size: int, rank_of: Callable[[Array], Array]) -> Array:
    """The final ranks of suffixes whose ranks by their first `depth` codes are not.

    `places` (int64) rise; they are all suffixes of the `size` that are not final. `rank_of` gives the ranks of others,
    at places that rise, as they were when this began.
    """
    ranks, active = ranks.copy(), np.arange(len(places))
    while len(active):
        further = places[active] + depth
        low = second_keys(further, depth, size, lambda wanted: ranks_now(wanted, places, ranks, rank_of))
        high = ranks[active]
        order = order_of(high, low)
        active, high, low = active[order], high[order], low[order]
        named = np.empty(len(active), np.uint64)
        name_all(high, low, named, ranked=True)
        ranks[active] = named
        active = np.sort(active[named & UNIQUE == 0])
        depth *= 2
    return ranks


def ranks_now(wanted: Array, places: Array, ranks: Array, rank_of: Callable[[Array], Array]) -> Array:
    """The ranks of suffixes at places that rise: those being refined as they are, the others by `rank_of`."""
    found = rank_of(wanted)
    at = np.searchsorted(places, wanted)
    held = np.flatnonzero(places[np.minimum(at, len(places) - 1)] == wanted)
    found[held] = ranks[at[held]]
    return found


def second_keys(further: Array, depth: int, size: int, rank_of: Callable[[Array], Array]) -> Array:
    """Keys by the suffixes that begin `depth` further on, at places that rise; behind the end the nearest is last."""
    inside = int(np.searchsorted(further, size))
    keys = np.empty(len(further), np.uint64)
    keys[:inside] = (rank_of(further[:inside]) & ~UNIQUE) + np.uint64(depth)
    keys[inside:] = depth - 1 - (further[inside:] - size)
    return keys


def order_of(high: Array, low: Array) -> Array:
    """The order by two keys; what is equal stays as it was."""
    order = np.arange(len(high), dtype=np.uint32)
    keys, room, order_room = low.copy(), np.empty_like(low), np.empty_like(order)
    sort_column(keys, order, room, order_room)
    keys = high[order]
    sort_column(keys, order, room, order_room)
    return order


def name_all(high: Array, low: Array, ranks: Array, *, ranked: bool) -> int:
    """`name_groups` of all there are."""
    none = np.uint64(0)
    return int(name_groups(high, low, none, none, none, False, ranked, ranks))
