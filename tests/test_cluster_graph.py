"""The graph of what stands together: weights, PageRank, sweeps, held against dictionaries and networkx."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.clusters.graph import Graph, Start, Walker, Weights
from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.graph import BROKEN, add_degrees
from tests.corpora import index_of
from tests.naive import graph as naive
from tests.naive.rows import encode

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

weights = st.builds(
    Weights, shrink=st.sampled_from([0.0, 0.5, 5.0]), floor=st.sampled_from([0.0, 0.3, 1.0]),
    min_count=st.sampled_from([0.0, 1.0, 2.5]),
)  # fmt: skip


class Held:
    """Bytes of an index in memory, as a reader has them on disk."""

    path = Path("cells.u8")

    def __init__(self, array: Any) -> None:
        self.array = array

    def all(self) -> Any:
        return self.array

    def slice(self, start: int, stop: int) -> Any:
        return self.array[start:stop]

    def __len__(self) -> int:
        return len(self.array)


class Pairs:
    """The pair matrix of symmetric rows."""

    def __init__(self, rows: list[dict[int, int]], unit: int) -> None:
        data = [encode(row) for row in rows]
        self.cells = Held(np.frombuffer(b"".join(data), np.uint8))
        self.starts = Held(np.cumsum([0, *map(len, data)]).astype(np.int64))
        self.row_sums = Held(np.array([sum(row.values()) for row in rows], np.int64))
        self.rows, self.unit, self.total = len(rows), unit, int(self.row_sums.array.sum())
        self.record = self

    name, direction, window = "10", "symmetric", 10


class Counted:
    """An index as far as a graph looks at one."""

    name = "corpus"

    def __init__(self, rows: list[dict[int, int]], unit: int = 1) -> None:
        self.matrix = Pairs(rows, unit)

    def pairs(self, window: object) -> Pairs:
        return self.matrix


@st.composite
def symmetric_rows(draw: st.DrawFn) -> list[dict[int, int]]:
    size = draw(st.integers(1, 12))
    rows: list[dict[int, int]] = [{} for _ in range(size)]
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1), st.integers(1, 300))
    for a, b, count in draw(st.lists(pairs, max_size=40)):
        rows[a][b] = rows[b][a] = count
    return rows


def graphs_of(rows: list[dict[int, int]], unit: int, made: Weights) -> tuple[Graph, dict[int, dict[int, float]]]:
    """The graph under test, and the same as dictionaries."""
    counted = Counted(rows, unit)
    sums, total = counted.matrix.row_sums.array.tolist(), max(counted.matrix.total, 1)
    law = naive.Law(sums, total, unit, made.shrink, made.min_count, made.floor)
    return Graph(counted, None, made), naive.graph(dict(enumerate(rows)), law)  # type: ignore[arg-type]


def as_networkx(edges: dict[int, dict[int, float]]) -> Any:
    made = nx.Graph()
    made.add_nodes_from(edges)
    made.add_weighted_edges_from((a, b, w) for a in edges for b, w in edges[a].items() if a < b)
    return made


@quick
@given(symmetric_rows(), st.sampled_from([1, 6]), weights)
def test_edges_and_degrees_are_those_of_the_definition(rows: Any, unit: int, made: Weights) -> None:
    graph, edges = graphs_of(rows, unit, made)
    assert graph.degrees.tolist() == naive.degrees(edges)
    assert graph.edges.tolist() == [len(row) for row in edges.values()]
    walker = Walker(graph)
    for unit in range(len(rows)):
        columns, values = walker.neighbors(unit)
        assert dict(zip(columns.tolist(), values.tolist(), strict=True)) == edges[unit]


@quick
@given(symmetric_rows(), weights)
def test_an_edge_weighs_the_same_from_both_ends(rows: Any, made: Weights) -> None:
    _, edges = graphs_of(rows, 1, made)
    walker = Walker(graphs_of(rows, 1, made)[0])
    for unit in edges:
        for other, weight in zip(*(part.tolist() for part in walker.neighbors(unit)), strict=True):
            columns, back = walker.neighbors(other)
            assert back[columns == unit].tolist() == [weight]


@quick
@given(symmetric_rows(), weights, st.sampled_from([0.01, 0.2, 0.9]), st.sampled_from([0.3, 1e-2, 1e-5]), st.data())
def test_pushes_are_those_of_the_definition_and_end_within_epsilon(
    rows: Any, made: Weights, teleport: float, epsilon: float, data: Any
) -> None:
    graph, edges = graphs_of(rows, 1, made)
    seeds = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1, max_size=4)))
    start = Start(np.array(seeds), np.full(len(seeds), 1 / len(seeds)))
    units, estimates = Walker(graph).pagerank(start, teleport=teleport, epsilon=epsilon)
    wanted, _ = naive.pushed(edges, dict.fromkeys(seeds, 1 / len(seeds)), teleport, epsilon)
    assert dict(zip(units.tolist(), estimates.tolist(), strict=True)) == {
        unit: value for unit, value in enumerate(wanted) if value > 0
    }
    if all(edges[unit] for unit in edges):  # networkx teleports from units without edges, a walk here ends there
        true = nx.pagerank(
            as_networkx(edges), alpha=1 - teleport, personalization=dict.fromkeys(seeds, 1.0), tol=1e-13, max_iter=5000
        )
        for unit, value in enumerate(wanted):
            assert -1e-9 <= true[unit] - value <= epsilon * graph.degrees[unit] + 1e-9


@quick
@given(symmetric_rows(), weights, st.randoms(use_true_random=False))
def test_a_sweep_has_the_conductance_and_the_density_of_each_set(rows: Any, made: Weights, random: Any) -> None:
    graph, edges = graphs_of(rows, 1, made)
    order = list(range(len(rows)))
    random.shuffle(order)
    cuts = Walker(graph).cuts(np.array(order))
    other, whole = as_networkx(edges), sum(naive.degrees(edges))
    for size in range(1, len(order) + 1):
        members = set(order[:size])
        volume = math.fsum(naive.degrees(edges)[unit] for unit in members)
        pairs = size * (size - 1) / 2
        assert cuts.volume[size - 1] == pytest.approx(volume)
        assert cuts.density[size - 1] == pytest.approx(naive.inside(edges, members) / pairs if pairs else 0)
        if min(volume, whole - volume) > 1e-9:
            found = naive.cut(edges, members) / min(volume, whole - volume)
            assert cuts.conductance[size - 1] == pytest.approx(found, abs=1e-9)
            assert nx.conductance(other, members, weight="weight") == pytest.approx(found, abs=1e-9)
        else:
            assert cuts.conductance[size - 1] == 1


@quick
@given(symmetric_rows(), weights, st.data())
def test_the_densities_of_sets_are_mean_weights_of_pairs(rows: Any, made: Weights, data: Any) -> None:
    graph, edges = graphs_of(rows, 1, made)
    sets = data.draw(st.lists(st.sets(st.integers(0, len(rows) - 1)), max_size=4))
    found = Walker(graph).densities([np.array(sorted(each), np.int64) for each in sets])
    for each, value in zip(sets, found.tolist(), strict=True):
        pairs = len(each) * (len(each) - 1) / 2
        assert value == pytest.approx(naive.inside(edges, each) / pairs if pairs else 0)


def test_a_walker_with_no_room_for_rows_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    rows: list[dict[int, int]] = [{} for _ in range(40)]
    for a, b, count in zip(*rng.integers(0, 40, (2, 300)).tolist(), rng.integers(1, 50, 300).tolist(), strict=True):
        rows[a][b] = rows[b][a] = count
    made, start = Weights(1, 0, 1), Start(np.array([3, 7]), np.array([0.5, 0.5]))
    roomy = Walker(graphs_of(rows, 1, made)[0]).pagerank(start, teleport=0.1, epsilon=1e-6)
    monkeypatch.setattr("cooc.clusters.graph.ARENA", 60)
    tight = Walker(graphs_of(rows, 1, made)[0]).pagerank(start, teleport=0.1, epsilon=1e-6)
    assert roomy[1].tolist() == tight[1].tolist()


def test_a_walker_forgets_its_last_walk() -> None:
    rows = [{1: 5}, {0: 5, 2: 9}, {1: 9}]
    walker = Walker(graphs_of(rows, 1, Weights(0, 0, 1))[0])
    start = Start(np.array([0]), np.array([1.0]))
    first = walker.pagerank(start, teleport=0.2, epsilon=0.01)
    walker.pagerank(Start(np.array([2]), np.array([1.0])), teleport=0.5, epsilon=0.3)
    walker.densities([np.array([0, 1, 2])])
    again = walker.pagerank(start, teleport=0.2, epsilon=0.01)
    assert first[1].tolist() == again[1].tolist()


@pytest.mark.parametrize("data", [b"\x80", b"\x03", b"\x03\x80", b"\x40", b"\xff" * 9 + b"\x7f"])
def test_bytes_that_are_no_row_are_named(data: bytes) -> None:
    law = (np.array([3, 3], np.int64), 6.0, 1.0, 0.0, 1.0, 0.0)
    starts, found, edges = np.array([0, 0, len(data)]), np.zeros(2), np.zeros(2, np.int64)
    cells = np.frombuffer(data, np.uint8)
    assert add_degrees(cells, 0, starts, law, 0, found, edges) == 1
    assert add_degrees(cells[:0], 0, np.array([0, 0, 0]), law, 0, found, edges) == BROKEN
    counted = Counted([{}, {}])
    counted.matrix.cells, counted.matrix.starts = Held(cells), Held(starts)
    with pytest.raises(DamagedIndex, match="the row of unit 1 is no row"):
        _ = Graph(counted).degrees  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Index:
    documents = [["auk", "puffin", "sea", "auk"], ["train", "steam", "engine"], ["auk", "puffin", "ice"]] * 4
    folder = tmp_path_factory.mktemp("small")
    return index_of(folder, documents, window=[2, 3], terms=["auk", "steam engine"])


def test_any_number_of_threads_gives_the_same_degrees(small: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Graph(small, "2", Weights(0.1, 0, 1)).degrees.tolist()
    monkeypatch.setattr("cooc.clusters.graph.ROWS", 1)
    assert Graph(Index(small.path), "2", Weights(0.1, 0, 1)).degrees.tolist() == whole
    assert sum(whole) > 0


def test_degrees_are_added_up_once_for_an_index(small: Index) -> None:
    first = Graph(small, 2).degrees
    assert Graph(small, 2).degrees is first
    assert Graph(small, 3).degrees is not first


def test_a_graph_needs_a_symmetric_window_with_all_rows(tmp_path: Path, small: Index) -> None:
    with pytest.raises(UsageError, match="holds the rows of --terms only"):
        Graph(small, "document")
    right = index_of(tmp_path, [["a", "b"]], direction="right", window=2)
    with pytest.raises(UsageError, match="looks to the right only"):
        Graph(right)


def test_weights_that_make_no_graph_are_refused(small: Index) -> None:
    with pytest.raises(UsageError, match="shrink is -1; expected a number from 0 up"):
        Graph(small, weights=Weights(shrink=-1))
    with pytest.raises(UsageError, match="floor is nan"):
        Graph(small, weights=Weights(floor=math.nan))
