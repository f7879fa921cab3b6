"""The clusters around seeds: neighbourhoods at several sizes, what they consist of, and how dense they are.

Every density has a null. A neighbourhood's is what the same walk finds from matched seeds (as many, as long in words,
about as frequent) at the same size; so it knows that a sweep looks for dense sets. A sub-cluster's are sets of as
many words of the same frequency; these are not sought out, so its z tells sub-clusters apart rather than chance from
more than chance.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.graph import FLOOR, MIN_COUNT, SHRINK, Graph, Walker, Weights
from cooc.clusters.matched import matched_sets
from cooc.clusters.naming import LABELS, Example, by_centrality, examples
from cooc.clusters.pagerank import ALONE, CONTEXTS, ROW, UNKNOWN, Entry, entries, ids_of, start_of
from cooc.clusters.peers import Peers
from cooc.clusters.sets import Named, named_set
from cooc.clusters.subclusters import DIMENSIONS, LINKED, NOISE, labels_of, vectors_of
from cooc.clusters.sweep import SIZES, TELEPORT, Level, check_sizes, cuts_at, neighborhoods, tolerance
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result

Array = NDArray[Any]
Progress = Callable[[str, int, int], None]

NULL = 49
CLUSTERED = 5_000
"""Members of a neighbourhood that sub-clusters are sought among: the most central of those with enough edges."""

ENTERED = {
    ROW: "by their rows", CONTEXTS: "by their contexts", ALONE: "without edges", UNKNOWN: "not in the corpus",
}  # fmt: skip

NAMED = 1_000
"""Members that a row names, the most central first; `size` counts all."""

DRAWN = 60
"""Terms of each level that its drawing and `nodes` show."""


class Cluster(NamedTuple):
    """One row: a neighbourhood, or a cluster inside one."""

    name: str
    level: Level
    members: Array
    """Units, the most central first."""
    mass: float
    """Its share of the whole walk."""
    density: float
    conductance: float
    null: Array
    """Densities of the sets it is compared with."""
    null_conductance: Array
    noise: int | None
    """Members of the neighbourhood that are in no sub-cluster; None for a sub-cluster."""
    lines: list[Example]


@dataclass(frozen=True, eq=False, repr=False)
class Clusters(Result):
    """The clusters around seeds, level by level: each neighbourhood, then the clusters inside it.

    `seeds` says of each seed how it entered, `examples` where to read, `nodes` and `edges` are the drawing.
    """

    seeds: Sequence[dict[str, Any]] = ()
    examples: Sequence[dict[str, Any]] = ()
    nodes: Sequence[dict[str, Any]] = ()
    edges: Sequence[dict[str, Any]] = ()

    label = "label"

    def to_dict(self) -> dict[str, Any]:
        parts = {name: list(getattr(self, name)) for name in ("seeds", "examples", "nodes", "edges")}
        return {**super().to_dict(), **parts}

    def entered(self) -> str:
        """How many seeds entered, and how, in one line."""
        ways = [row["enters"] for row in self.seeds]
        told = ", ".join(f"{ways.count(how):,} {name}" for how, name in ENTERED.items() if how in ways)
        return f"{len(ways):,} seeds: {told}"

    def plot(self, top: int = DRAWN, level: int | None = None) -> Any:
        """A matplotlib figure: the neighbourhood graph of one level (the second, if there is one), by sub-cluster."""
        from cooc.clusters.drawing import draw_graph

        return draw_graph(self.nodes, self.edges, self.provenance.caption(), top=top, level=level)

    def _shown(self) -> dict[str, list[Any]]:
        """Without the lists of members."""
        columns = super()._shown()
        columns.pop("members", None)
        return columns


def cluster(
    index: Index,
    seeds: Named,
    *,
    window: int | str | None = None,
    sizes: Sequence[int] = SIZES,
    teleport: float = TELEPORT,
    shrink: float = SHRINK,
    floor: float = FLOOR,
    min_count: float = MIN_COUNT,
    min_size: int | None = None,
    dimensions: int = DIMENSIONS,
    null: int = NULL,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clusters:
    """The neighbourhoods of seeds on the graph of shrunken PPMI, one for each range of `sizes`, and their clusters.

    A row for each neighbourhood ("1", "2", …) and for each cluster inside it ("2.1", …, by the share of the walk):
    `density` is the mean weight in bits of all pairs of members, `conductance` the share of its weight that leaves
    it, `mass` the share of the walk from the seeds that is in it. `z` and `p` compare the density with `null` sets
    (0 for none), `conductance_z` and `conductance_p` the conductance. A `valley` is a least conductance inside the
    range of sizes; without one, the words have no cluster of that size. Sub-clusters have `min_size` members or more:
    if not given 5, or a hundredth of the neighbourhood.

    `window` is one of the index's symmetric windows. A word of the seeds begins the walk, a phrase without a row its
    contexts (pagerank.py). `shrink`, `floor`, `min_count` make the edges (graph.py). Raises `UsageError` where no
    seed has an edge.
    """
    index = as_index(index)
    check_sizes(sizes, teleport)
    for name, value, least in (("null", null, 0), ("min_size", min_size, 2), ("dimensions", dimensions, 1)):
        if value is not None and value < least:
            raise UsageError(f"{name} is {value}; expected at least {least}.")
    terms = named_set(seeds)
    graph = Graph(index, window, Weights(shrink, floor, min_count))
    tell = progress or (lambda what, done, of: None)
    tell("degrees", 0, 1)
    phrases = [ids_of(index, term) for term in terms]
    entered = entries(graph, phrases)
    start = start_of(entered)
    if start is None:
        raise UsageError(
            f'none of the {len(terms):,} seeds of "{terms.name}" has an edge in the graph of {index.name}: they do '
            "not occur, or stand with nothing often enough. Lower floor, shrink or min_count, or take another index."
        )
    walker = Walker(graph)
    tell("walk", 0, 1)
    levels = neighborhoods(walker, start, sizes, teleport)
    inside = [phrase for phrase, entry in zip(phrases, entered, strict=True) if len(entry.units)]
    nulls = _null_cuts(graph, inside, levels, (sizes[-1], teleport, null, seed), tell)
    found: list[Cluster] = []
    vectors: dict[int, tuple[Array, Array, Array]] = {}
    for number, level in enumerate(levels):
        tell("clusters", number, len(levels))
        whole, parts, vectors[level.number] = _inside(
            walker, level, nulls[number], (min_size, dimensions, null, seed)
        )
        found += [whole, *parts]
    found = _with_examples(index, found, seed)
    tell("clusters", len(levels), len(levels))
    parameters = {
        "window": graph.matrix.record.name, "sizes": list(sizes), "teleport": teleport, "shrink": shrink,
        "floor": floor, "min_count": min_count, "min_size": min_size, "dimensions": dimensions, "null": null,
        "seed": seed,
    }  # fmt: skip
    source = Provenance("cluster", index.name, index.digest, terms.terms, None, parameters)
    nodes, edges = _drawing(walker, levels, vectors, entered)
    return Clusters(
        _columns(graph, found, entered), source, _seed_rows(terms.terms, entered, levels), _example_rows(found),
        nodes, edges,
    )  # fmt: skip


def _null_cuts(
    graph: Graph, phrases: Sequence[Sequence[int]], levels: Sequence[Level], how: tuple[int, float, int, int],
    tell: Progress,
) -> list[Array]:  # fmt: skip
    """Of each level (2, null): conductance and density of what walks from matched seeds find at its size."""
    most, teleport, null, seed = how
    if not null or not levels:
        return [np.zeros((2, 0)) for _ in levels]
    matched = matched_sets(graph.index, phrases, sets=null, seed=seed)
    used, places = np.unique(matched.drawn, return_inverse=True)
    ways = entries(graph, [matched.pool.phrases[k] if k >= 0 else () for k in used.tolist()])
    drawn = places.reshape(matched.drawn.shape)
    sizes, epsilon = [len(level.members) for level in levels], tolerance(graph, most)
    threads = min(os.cpu_count() or 1, 8, null)
    walkers: queue.SimpleQueue[Walker] = queue.SimpleQueue()
    for _ in range(threads):
        walkers.put(Walker(graph))

    def one(row: Array) -> Array:
        start = start_of([ways[k] for k in row.tolist()])
        if start is None:
            return np.array([[1.0] * len(sizes), [0.0] * len(sizes)])
        walker = walkers.get()
        try:
            return cuts_at(walker, start, sizes, teleport, epsilon)
        finally:
            walkers.put(walker)

    found = []
    with ThreadPoolExecutor(threads) as pool:
        for done, cuts in enumerate(pool.map(one, drawn)):
            tell("null", done + 1, null)
            found.append(cuts)
    return list(np.moveaxis(np.array(found), 2, 0).transpose(0, 2, 1))


def _inside(
    walker: Walker, level: Level, nulls: Array, how: tuple[int | None, int, int, int]
) -> tuple[Cluster, list[Cluster], tuple[Array, Array, Array]]:
    """A neighbourhood, its clusters, and (members, vectors, labels) of what was clustered."""
    min_size, dimensions, null, seed = how
    ranked = by_centrality(walker, level.members)
    members = np.sort(ranked[walker.graph.edges[ranked] >= LINKED][:CLUSTERED])
    vectors = vectors_of(walker, members, dimensions, seed)
    labels = labels_of(vectors, min_size or max(5, len(members) // 100))
    mass_of = dict(zip(level.members.tolist(), level.masses.tolist(), strict=True))
    sets = [members[labels == label] for label in range(labels.max(initial=NOISE) + 1)]
    masses = [sum(mass_of[unit] for unit in each.tolist()) for each in sets]
    order = sorted(range(len(sets)), key=lambda k: (-masses[k], k))
    peers, random = Peers(walker.graph), np.random.default_rng([seed, level.number])
    parts = []
    for number, k in enumerate(order, 1):
        others = walker.densities(peers.sets(sets[k], null, random)) if null else np.zeros(0)
        cuts = walker.cuts(sets[k])
        parts.append(Cluster(
            f"{level.number}.{number}", level, by_centrality(walker, sets[k]), masses[k], float(cuts.density[-1]),
            float(cuts.conductance[-1]), others, np.zeros(0), None, [],
        ))  # fmt: skip
    noise = len(level.members) - sum(map(len, sets))
    whole = Cluster(
        str(level.number), level, ranked, float(level.masses.sum()), level.density, level.conductance,
        nulls[1], nulls[0], noise, [],
    )  # fmt: skip
    return whole, parts, (members, vectors, labels)


def _with_examples(index: Index, found: list[Cluster], seed: int) -> list[Cluster]:
    lines = examples(index, [each.members for each in found], seed=seed)
    return [each._replace(lines=line) for each, line in zip(found, lines, strict=True)]


def _columns(graph: Graph, found: Sequence[Cluster], entered: Sequence[Entry]) -> dict[str, Column]:
    units = np.array([entry.unit for entry in entered if entry.unit >= 0], np.int64)
    names = graph.index.units.names
    members = [names(each.members[:NAMED]) for each in found]
    rows: list[dict[str, Any]] = []
    for each, terms in zip(found, members, strict=True):
        dense, loose = compared(each.density, each.null), compared(-each.conductance, -each.null_conductance)
        rows.append({
            "cluster": each.name, "level": each.level.number, "label": ", ".join(terms[:LABELS]),
            "size": len(each.members), "seeds": int(np.isin(units, each.members).sum()), "mass": each.mass,
            "density": each.density,
            "null_mean": dense[0], "null_sd": dense[1], "z": dense[2], "p": dense[3],
            "conductance": each.conductance, "conductance_null": -loose[0], "conductance_z": -loose[2],
            "conductance_p": loose[3], "valley": each.level.valley if each.noise is not None else None,
            "noise": each.noise, "members": terms,
        })  # fmt: skip
    empty = ("cluster", "level", "label", "size", "seeds", "mass", "density", "z", "p", "conductance", "members")
    return cast("dict[str, Column]", {name: [row[name] for row in rows] for name in (rows[0] if rows else empty)})


def compared(value: float, null: Array) -> tuple[float, float, float, float]:
    """Mean and standard deviation of a null, and z and p of a value: the share of both together that is as large."""
    if not len(null):
        return (float("nan"),) * 4
    mean, spread = float(null.mean()), float(null.std(ddof=1)) if len(null) > 1 else float("nan")
    z = (value - mean) / spread if spread > 0 else float("nan")
    return mean, spread, z, float((1 + np.count_nonzero(null >= value)) / (1 + len(null)))


def _seed_rows(terms: Sequence[str], entered: Sequence[Entry], levels: Sequence[Level]) -> list[dict[str, Any]]:
    """How each seed entered, and the first level that holds it."""
    rows = []
    for term, entry in zip(terms, entered, strict=True):
        level = next((each.number for each in levels if entry.unit >= 0 and entry.unit in each.members), None)
        rows.append({"term": term, "enters": entry.how, "level": level})
    return rows


def _example_rows(found: Sequence[Cluster]) -> list[dict[str, Any]]:
    return [{"cluster": each.name, **line._asdict()} for each in found for line in each.lines]


def _drawing(
    walker: Walker, levels: Sequence[Level], vectors: dict[int, tuple[Array, Array, Array]], entered: Sequence[Entry]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Nodes and edges of each level: its most central terms, laid out by their vectors."""
    from cooc.clusters.drawing import graph_of

    seeds = {entry.unit for entry in entered}
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for level in levels:
        members, places, labels = vectors[level.number]
        some = graph_of(walker, level.number, (members, places, labels), seeds, DRAWN)
        nodes += some[0]
        edges += some[1]
    return nodes, edges
