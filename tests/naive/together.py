"""Two phrases together, in plain Python: documents and phrases are lists of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tests.naive.contexts import Numbers, places


class Met(NamedTuple):
    """Pairs by distance, negative where b comes first; occurrences in a pair; documents with one."""

    distances: Counter[int]
    a_anchors: int
    b_anchors: int
    documents: int


def together(documents: Numbers, a: Sequence[int], b: Sequence[int], left: float, right: float) -> Met:
    """b in the window of a, by looking at every two occurrences."""
    distances: Counter[int] = Counter()
    anchors: tuple[set[tuple[int, int]], set[tuple[int, int]]] = set(), set()
    holding = set()
    for number, document in enumerate(documents):
        for i in places(document, a):
            for j in places(document, b):
                after, before = j - (i + len(a) - 1), i - (j + len(b) - 1)
                if 1 <= after <= right or 1 <= before <= left:
                    distances[after if after > 0 else -before] += 1
                    anchors[0].add((number, i))
                    anchors[1].add((number, j))
                    holding.add(number)
    return Met(distances, len(anchors[0]), len(anchors[1]), len(holding))


def binned(distances: Counter[int], rows: Sequence[dict[str, int]]) -> list[dict[str, int]]:
    """The rows {from, to, count} with the counts that the distances give them."""
    return [
        {**row, "count": sum(count for distance, count in distances.items() if row["from"] <= distance <= row["to"])}
        for row in rows
    ]
