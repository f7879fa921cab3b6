"""Looking up a grid between its points, and sums over drawn sets, in plain Python."""

from __future__ import annotations

from collections.abc import Sequence

Grid = Sequence[Sequence[Sequence[float]]]


def cubic(points: Sequence[float], values: Sequence[float], at: float) -> float:
    """Lagrange's polynomial through these points."""
    total = 0.0
    for i, value in enumerate(values):
        for j, point in enumerate(points):
            value *= 1.0 if i == j else (at - point) / (points[i] - point)
        total += value
    return total


def look_up(grid: Grid, row: float, column: float, spread: int) -> float:
    """The grid's value at a fractional row and column."""
    top, left = min(max(int(row), 1), len(grid) - 3) - 1, int(column) - 1
    rows, columns = range(top, top + 4), range(left, left + 4)
    across = [cubic(list(columns), [grid[i][j][spread] for j in columns], column) for i in rows]
    return cubic(list(rows), across, row)


def add_terms(drawn: Sequence[Sequence[int]], table: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[sum(table[k][cell] for k in row if k >= 0) for cell in range(len(table[0]))] for row in drawn]
