"""The graph of a pair matrix as dictionaries: weights, degrees, PageRank pushes and sweeps by their definitions."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Rows = Mapping[int, Mapping[int, int]]
Graph = Mapping[int, Mapping[int, float]]


class Law(NamedTuple):
    """What makes an edge of a count."""

    sums: Sequence[int]
    total: int
    unit: int
    shrink: float
    minimum: float
    floor: float


def graph(rows: Rows, law: Law) -> dict[int, dict[int, float]]:
    """The edges of each unit and their weights, in bits."""
    found: dict[int, dict[int, float]] = {}
    for a in range(len(law.sums)):
        found[a] = {}
        for b, count in sorted(rows.get(a, {}).items()):
            observed = count / law.unit
            expected = float(law.sums[a]) * float(law.sums[b]) / (float(law.total) * law.unit)
            lift = (observed + law.shrink) / (expected + law.shrink)
            if a != b and observed >= law.minimum and lift > 2.0**law.floor:
                found[a][b] = math.log2(lift)
    return found


def degrees(edges: Graph) -> list[float]:
    """The weight of all edges of each unit."""
    return [added(edges[unit].values()) for unit in range(len(edges))]


def pushed(
    edges: Graph, start: Mapping[int, float], teleport: float, epsilon: float
) -> tuple[list[float], list[float]]:
    """Estimate and residual after all pushes, of a start of residuals."""
    size, weight = len(edges), degrees(edges)
    estimate, residual = [0.0] * size, [0.0] * size
    for unit, mass in start.items():
        residual[unit] = mass
    queue = deque(unit for unit in sorted(start) if residual[unit] > epsilon * weight[unit])
    while queue:
        unit = queue.popleft()
        mass, residual[unit] = residual[unit], 0.0
        if not edges[unit]:
            estimate[unit] += mass
            continue
        estimate[unit] += teleport * mass
        share = (1.0 - teleport) * mass / weight[unit]
        for other, edge in edges[unit].items():
            residual[other] += share * edge
            if other not in queue and residual[other] > epsilon * weight[other]:
                queue.append(other)
    return estimate, residual


def cut(edges: Graph, members: set[int]) -> float:
    """The weight of the edges that leave a set."""
    return math.fsum(w for a in members for b, w in edges[a].items() if b not in members)


def inside(edges: Graph, members: set[int]) -> float:
    """The weight of the edges within a set, each once."""
    return math.fsum(w for a in members for b, w in edges[a].items() if b in members) / 2


def added(values: object) -> float:
    """One after the other, as a loop adds."""
    total = 0.0
    for value in values:  # type: ignore[attr-defined]
        total += value
    return total
