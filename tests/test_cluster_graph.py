"""The graph of what stands together, held against dictionaries and networkx, and the clusters that are found on it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters.graph import Graph, Start, Walker, Weights
from cooc.clusters.pagerank import contexts_of, entries
from cooc.clusters.peers import Peers
from cooc.clusters.subclusters import labels_of, vectors_of
from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.graph import BROKEN, add_degrees
from cooc.terms import TermSet
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


# -- clusters ---------------------------------------------------------------------------------------------------------

BLOCKS, WORDS, SEEDED = 8, 24, 4
FILL = [f"fill{k}" for k in range(80)]


def block(number: int) -> list[str]:
    return [f"{'abcdefgh'[number]}{k}" for k in range(WORDS)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A stochastic block corpus of eight blocks: six of a document's ten words are of one, the rest of all."""
    random = np.random.default_rng(4)
    documents = [
        [str(word) for word in random.permutation([*random.choice(block(k % BLOCKS), 6), *random.choice(FILL, 4)])]
        for k in range(3200)
    ]
    documents += [["rare", "bird", "a1", "a2", "a3", "a4"], ["a5", "a6", "a7", "rare", "bird", "a8"]] * 2
    return index_of(tmp_path_factory.mktemp("planted"), documents, window=5, ngrams=2, min_count=1)


SOME = TermSet("some", [*block(0)[:8], "nowhere", "rare bird"])
SMALL: dict[str, Any] = {"sizes": (40, 150), "min_count": 2, "floor": 1.0, "null": 19}


@pytest.fixture(scope="module")
def around_a(planted: Index) -> Any:
    return cooc.cluster(planted, SOME, **SMALL)


def test_the_neighborhood_of_seeds_is_the_block_they_are_of(around_a: Any) -> None:
    first = around_a.rows()[0]
    assert set(block(0)) <= set(first["members"])
    assert len(set(first["members"]) - {*block(0), "rare", "bird"}) <= 4
    assert first["seeds"] == 8 and first["valley"]
    assert first["z"] > 2 and first["p"] == 0.05 and first["conductance_z"] < 0


def test_clusters_inside_are_the_planted_blocks(planted: Index) -> None:
    from sklearn.metrics import adjusted_rand_score

    seeds = TermSet("one of each", ["a1", "b1", "c1", "d1"])
    found = cooc.cluster(planted, seeds, **{**SMALL, "sizes": (150,), "null": 0})
    rows = [row for row in found.rows() if "." in row["cluster"]]
    label_of = {word: row["cluster"] for row in rows for word in row["members"]}
    words = [word for k in range(SEEDED) for word in block(k)]
    truth = [word[0] for word in words]
    assert adjusted_rand_score(truth, [label_of.get(word, word) for word in words]) > 0.9
    assert {row["label"][0] for row in rows} == set("abcd")
    assert all(row["z"] is None and row["p"] is None for row in found.rows())


def test_random_seeds_are_no_denser_than_matched_ones(planted: Index) -> None:
    random = np.random.default_rng(9)
    ps = []
    for _ in range(10):
        seeds = random.choice([word for k in range(BLOCKS) for word in block(k)], 4, replace=False).tolist()
        ps.append(cooc.cluster(planted, TermSet("random", seeds), **{**SMALL, "sizes": (40,)}).rows()[0]["p"])
    assert 0.2 < np.mean(ps) < 0.9
    assert np.mean(np.array(ps) <= 0.05) <= 0.3


def test_seeds_say_how_they_entered(around_a: Any) -> None:
    assert around_a.seeds == [
        *({"term": word, "enters": "row", "level": 1} for word in block(0)[:8]),
        {"term": "nowhere", "enters": "unknown", "level": None},
        {"term": "rare bird", "enters": "contexts", "level": None},
    ]
    assert around_a.entered() == "10 seeds: 8 by their rows, 1 by their contexts, 1 not in the corpus"


def test_a_phrase_enters_by_what_stands_around_it(planted: Index) -> None:
    graph = Graph(planted, 5, Weights(5, 1, 2))
    ids = [planted.vocabulary.ids(text) for text in ("rare bird", "a1", "bird")]
    keys, counts, occurrences = contexts_of(graph, [*ids, ids[0]])
    assert occurrences.tolist() == [4, *(planted.vocabulary.occurrences[i[0]] for i in ids[1:]), 4]
    names = planted.vocabulary.terms((keys[keys >> 32 == 0] & 0xFFFFFFFF).tolist())
    assert dict(zip(names, counts[keys >> 32 == 0].tolist(), strict=True)) == dict.fromkeys(
        ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"], 2
    )
    assert counts[keys >> 32 == 3].tolist() == counts[keys >> 32 == 0].tolist()
    entry = entries(graph, ids[:1])[0]
    assert entry.how == "contexts" and entry.unit == -1 and entry.masses.sum() == pytest.approx(1)
    assert set(planted.units.names(entry.units)) == {f"a{k}" for k in range(1, 9)}


@pytest.mark.parametrize("term", ["a3", "fill7"])
def test_the_contexts_of_a_word_are_its_row(planted: Index, term: str) -> None:
    matrix, ids = planted.pairs(5), planted.vocabulary.ids(term)
    keys, counts, _ = contexts_of(Graph(planted, 5), [ids])
    columns, row = matrix.row(ids[0])
    assert (keys & 0xFFFFFFFF).tolist() == columns.tolist() and counts.tolist() == row.tolist()


def test_any_number_of_threads_gives_the_same_clusters(
    planted: Index, around_a: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("cooc.clusters.graph.ROWS", 1000)
    monkeypatch.setattr("cooc.clusters.graph.ARENA", 100)
    again = cooc.cluster(Index(planted.path), SOME, **SMALL)
    assert json.dumps(again.to_dict()) == json.dumps(around_a.to_dict())


def test_clusters_do_not_depend_on_the_order_of_the_rows_or_the_signs_of_the_dimensions(planted: Index) -> None:
    from sklearn.metrics import adjusted_rand_score

    walker = Walker(Graph(planted, 5, Weights(5, 1, 2)))
    members = np.array(sorted(planted.units.unit(word) for k in range(BLOCKS) for word in block(k)))
    vectors = vectors_of(walker, members)
    labels = labels_of(vectors, 5)
    assert adjusted_rand_score([word[0] for word in planted.units.names(members)], labels) > 0.9
    random = np.random.default_rng(0)
    order, signs = random.permutation(len(members)), random.choice([-1.0, 1.0], vectors.shape[1])
    assert labels_of(vectors * signs, 5).tolist() == labels.tolist()
    assert adjusted_rand_score(labels_of(vectors[order], 5), labels[order]) == 1
    shuffled = vectors_of(walker, members[order])
    assert shuffled @ shuffled.T == pytest.approx((vectors @ vectors.T)[np.ix_(order, order)], abs=1e-6)
    assert labels_of(vectors[:6], 5).tolist() == [-1] * 6


def test_examples_are_places_where_members_stand_together(planted: Index, around_a: Any) -> None:
    assert {line["cluster"] for line in around_a.examples} == {row["cluster"] for row in around_a.rows()}
    for line in around_a.examples:
        row = next(row for row in around_a.rows() if row["cluster"] == line["cluster"])
        assert line["term"] in row["members"][:5]
        assert line["words"] == len(set(line["text"].split()) & set(row["members"]))
        text = (planted.path.parent / "corpus.jsonl").read_text().splitlines()[int(line["document"][1:])]
        assert line["text"] in json.loads(text)["text"]


def test_the_drawing_has_the_graph_of_its_terms(planted: Index, around_a: Any) -> None:
    graph = Graph(planted, 5, Weights(5, 1, 2))
    walker = Walker(graph)
    terms = {node["term"] for node in around_a.nodes if node["level"] == 1}
    edges = [edge for edge in around_a.edges if edge["level"] == 1]
    assert 10 < len(terms) <= 60 and edges
    for edge in edges:
        columns, values = walker.neighbors(planted.units.unit(edge["a"]))
        assert values[columns == planted.units.unit(edge["b"])].tolist() == [edge["weight"]]
        assert {edge["a"], edge["b"]} <= terms
    assert {text.get_text() for text in around_a.plot(level=1).axes[0].texts} == terms
    with pytest.raises(UsageError, match="level 9 has no neighbourhood; there are 1"):
        around_a.plot(level=9)


def test_peers_are_as_frequent_and_no_members(planted: Index) -> None:
    graph = Graph(planted, 5)
    members = np.array(sorted(planted.units.unit(word) for word in block(2)[:10]))
    sets = Peers(graph).sets(members, 50, np.random.default_rng(0))
    for each in sets:
        assert len(each) == len(set(each.tolist())) == 10 and not set(each.tolist()) & set(members.tolist())
    drawn = np.concatenate(sets)
    assert np.log2(graph.sums[drawn]).mean() == pytest.approx(np.log2(graph.sums[members]).mean(), abs=0.7)


def test_the_same_seed_gives_the_same_and_another_only_another_null(planted: Index, around_a: Any) -> None:
    other = cooc.cluster(planted, SOME, **SMALL, seed=1)
    assert [row["members"] for row in other.rows() if "." not in row["cluster"]] == [
        row["members"] for row in around_a.rows() if "." not in row["cluster"]
    ]
    assert other.rows()[0]["null_mean"] != around_a.rows()[0]["null_mean"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": ()}, "sizes are none; expected ascending ones above 5"),
        ({"sizes": (100, 50)}, "sizes are 100, 50"),
        ({"teleport": 1.0}, "teleport is 1.0"),
        ({"null": -1}, "null is -1"),
        ({"min_size": 1}, "min_size is 1; expected at least 2"),
        ({"window": 99}, "has no window 99"),
    ],
)
def test_clusters_that_make_no_sense_are_refused(planted: Index, options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.cluster(planted, TermSet("some", ["a1"]), **options)


def test_seeds_without_an_edge_are_said_to_have_none(planted: Index) -> None:
    with pytest.raises(UsageError, match='none of the 2 seeds of "lost" has an edge in the graph'):
        cooc.cluster(planted, TermSet("lost", ["nowhere", "never"]))


def test_the_command_prints_what_the_function_gives(planted: Index, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("a1\na2\na3\n")
    asked = ["cluster", str(planted.path), "--seeds", str(tmp_path / "some.txt"), "--size", "40", "--size", "150",
             "--min-count", "2", "--floor", "1", "--null", "9", "-q"]  # fmt: skip
    done = CliRunner().invoke(app, [*asked, "--json"])
    wanted = cooc.cluster(planted, TermSet("some", ["a1", "a2", "a3"]), **{**SMALL, "null": 9})
    assert json.loads(done.stdout) == json.loads(json.dumps(wanted.to_dict()))
    shown = CliRunner().invoke(app, [*asked, "--plot", str(tmp_path / "g.svg")])
    assert shown.exit_code == 0 and shown.stdout.startswith("cluster") and "…" in shown.stdout
    assert (tmp_path / "g.svg").stat().st_size > 1000
