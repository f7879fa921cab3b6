"""A neighbourhood as a drawing: its most central terms, joined by their weights, coloured by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.figures import new_figure
from cooc.clusters.graph import Walker
from cooc.clusters.naming import centrality
from cooc.clusters.subclusters import NOISE
from cooc.errors import UsageError

Array = NDArray[Any]
Rows = list[dict[str, Any]]

ROUNDS = 200
"""Steps of the layout."""


def graph_of(
    walker: Walker, level: int, clustered: tuple[Array, Array, Array], seeds: set[int], most: int
) -> tuple[Rows, Rows]:
    """Nodes {level, term, cluster, seed, degree, x, y} and edges {level, a, b, weight} of one level.

    `clustered` is (members, vectors, labels). Of each cluster so many of the most central terms are drawn as is its
    share of the members, at least one; `cluster` is its number in the order of the members, null for noise.
    """
    members, vectors, labels = clustered
    central = centrality(walker, members)
    drawn = _chosen(central, labels, most)
    units = members[drawn]
    weights = np.zeros((len(units), len(units)))
    for place, unit in enumerate(units.tolist()):
        columns, values = walker.neighbors(unit)
        met = np.searchsorted(columns, units).clip(max=max(len(columns) - 1, 0))
        hit = columns[met] == units if len(columns) else np.zeros(len(units), bool)
        weights[place, hit] = values[met[hit]]
    places = layout(weights, vectors[drawn][:, :2])
    names = walker.graph.index.units.names(units)
    nodes = [
        {
            "level": level, "term": names[k], "cluster": int(labels[drawn[k]]) if labels[drawn[k]] != NOISE else None,
            "seed": int(units[k]) in seeds, "degree": float(walker.graph.degrees[units[k]]),
            "x": float(places[k, 0]), "y": float(places[k, 1]),
        }
        for k in range(len(units))
    ]  # fmt: skip
    edges = [
        {"level": level, "a": names[a], "b": names[b], "weight": float(weights[a, b])}
        for a, b in np.argwhere(np.triu(weights) > 0).tolist()
    ]
    return nodes, edges


def _chosen(central: Array, labels: Array, most: int) -> Array:
    """Places of the terms to draw, ascending."""
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels[labels != NOISE])]
    groups = sorted(groups, key=len, reverse=True)[: max(most // 3, 1)] or [np.arange(len(labels))]
    whole = sum(map(len, groups))
    chosen = []
    for group in groups:
        share = max(3, most * len(group) // whole)
        chosen += group[np.argsort(-central[group], kind="stable")][:share].tolist()
    return np.array(sorted(chosen), np.int64)


def layout(weights: Array, start: Array) -> Array:
    """Places in the plane, heavy edges short (Fruchterman and Reingold 1991), from a given start; no chance in it."""
    size = len(weights)
    places = np.zeros((size, 2))
    places[:, : start.shape[1]] = start
    angles = np.arange(size) * 2.399963  # the golden angle parts those that begin at one place
    places += 0.01 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ideal = 1 / np.sqrt(max(size, 1))
    pull = weights / max(float(weights.max(initial=0.0)), 1e-9)
    for step in range(ROUNDS):
        gaps = places[:, None] - places[None]
        far = np.maximum(np.linalg.norm(gaps, axis=2), 1e-3)
        force = ideal**2 / far**2 - pull * far / ideal
        move = (gaps * force[..., None]).sum(axis=1) - 0.5 * places
        lengths = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        places += move / lengths * np.minimum(lengths, 0.1 * (1 - step / ROUNDS))
    return places


def draw_graph(
    nodes: Sequence[dict[str, Any]], edges: Sequence[dict[str, Any]], title: str, *, top: int, level: int | None
) -> Any:
    """The drawing of one level: the second if there is one and none is asked for."""
    levels = sorted({node["level"] for node in nodes})
    if not levels:
        raise UsageError("there is no neighbourhood to draw.")
    wanted = level if level is not None else levels[min(1, len(levels) - 1)]
    if wanted not in levels:
        raise UsageError(f"level {wanted} has no neighbourhood; there are {', '.join(map(str, levels))}.")
    chosen = [node for node in nodes if node["level"] == wanted][:top]
    at = {node["term"]: (node["x"], node["y"]) for node in chosen}
    figure, axes = new_figure(9, 7)
    heavy = max((edge["weight"] for edge in edges if edge["level"] == wanted), default=1.0)
    for edge in edges:
        if edge["level"] == wanted and edge["a"] in at and edge["b"] in at:
            (x1, y1), (x2, y2) = at[edge["a"]], at[edge["b"]]
            axes.plot([x1, x2], [y1, y2], color="0.7", linewidth=0.3 + 1.2 * edge["weight"] / heavy, zorder=1)
    for node in chosen:
        color = "0.5" if node["cluster"] is None else f"C{node['cluster'] % 10}"
        axes.plot(*at[node["term"]], "*" if node["seed"] else "o", color=color, markersize=11 if node["seed"] else 6)
        axes.annotate(node["term"], at[node["term"]], xytext=(3, 3), textcoords="offset points", fontsize="small")
    axes.set_axis_off()
    axes.set_title(f"{title}, level {wanted}", fontsize="medium", loc="left", wrap=True)
    return figure
