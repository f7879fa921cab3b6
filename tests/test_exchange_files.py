"""What is exported loads in the tools it is for, with the numbers of the index."""

from __future__ import annotations

import warnings
from pathlib import Path

import duckdb
import igraph
import networkx
import numpy as np
import pandas
import pytest
import scipy.sparse
from gensim.models import KeyedVectors
from sklearn.feature_extraction.text import TfidfTransformer

import cooc
from cooc.exchange.graph import legible
from cooc.index.reader import Index
from tests.corpora import cells_of, index_of

WORDS = "the great auk and a bustard stood by some rocks while divers swam over calm water".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """200 short documents of 15 words, drawn so that some stand together more often than others."""
    drawn = np.random.default_rng(0)
    documents = [[WORDS[k] for k in np.minimum(drawn.geometric(0.2, 12) + drawn.integers(6), 14)] for _ in range(200)]
    return index_of(tmp_path_factory.mktemp("birds"), documents, window=2, min_count=1, terms=["great auk"])


# --- gensim


def ppmi_of(index: Index, names: list[str]) -> np.ndarray:
    """The dense PPMI matrix between terms, pair by pair."""
    plain = [name.replace("_", " ") for name in names]
    found = [[cooc.pair(index, a, b).to_dict()["ppmi"] or 0 for b in plain] for a in plain]
    return np.array(found, float)


@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_vectors_load_in_gensim_and_are_those_of_the_ppmi_matrix(birds: Index, tmp_path: Path, name: str) -> None:
    [path] = cooc.export(birds, vectors=tmp_path / name, terms=8, dimensions=7, power=1)
    loaded = KeyedVectors.load_word2vec_format(str(path), binary=name.endswith("bin"))
    assert len(loaded) == 8 and loaded.vector_size == 7
    matrix = ppmi_of(birds, loaded.index_to_key)
    left, values, _ = np.linalg.svd(matrix)
    expected = (left * values)[:, :7]
    # dimensions are told up to their sign by what vectors say of each other
    assert loaded.vectors @ loaded.vectors.T == pytest.approx(expected @ expected.T, abs=1e-4)
    assert (np.abs(loaded.vectors).max(axis=0) == loaded.vectors.max(axis=0)).all()


def test_neighbours_in_gensim_are_terms_of_like_company(birds: Index, tmp_path: Path) -> None:
    [path] = cooc.export(birds, vectors=tmp_path / "v.bin", dimensions=5)
    loaded = KeyedVectors.load_word2vec_format(str(path), binary=True)
    vectors = dict(zip(loaded.index_to_key, loaded.vectors, strict=True))
    nearest, cosine = loaded.most_similar("auk", topn=1)[0]
    a, b = vectors["auk"], vectors[nearest]
    assert cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)


def test_vectors_are_the_same_again(birds: Index, tmp_path: Path) -> None:
    files = [cooc.export(birds, vectors=tmp_path / f"{k}.txt", dimensions=5)[0] for k in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_phrase_is_joined_where_a_blank_would_end_it(birds: Index, tmp_path: Path) -> None:
    [path] = cooc.export(birds, vectors=tmp_path / "v.txt", dimensions=2)
    assert "great_auk" in KeyedVectors.load_word2vec_format(str(path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": 8, "terms": 8}, "--dimensions 8: expected 1 to 7, fewer than there are terms"),
        ({"terms": 1}, "--terms 1: expected at least 2"),
        ({"min_pair_count": 10**6, "dimensions": 3}, "no pair of these terms has a weight"),
        ({"measure": "pmmi"}, 'there is no measure "pmmi"'),
    ],
)
def test_vectors_that_can_not_be_are_refused(
    birds: Index, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        cooc.export(birds, vectors=tmp_path / "v.txt", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


# --- networkx and igraph


def edges_of(index: Index, terms: int, least_count: int) -> dict[frozenset[str], float]:
    """NPMI of every pair of the most frequent terms, by brute force."""
    occurrences = {row["ngram"]: row["count"] for row in cooc.ngrams(index, n=1, top=99).rows()}
    names = sorted(occurrences, key=lambda name: -occurrences[name])[:terms]
    found = {}
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            row = cooc.pair(index, a, b).to_dict()
            if row["count"] and row["count"] >= least_count and row["npmi"] is not None:
                found[frozenset((a, b))] = row["npmi"]
    return found


def test_networkx_and_igraph_read_the_same_graph(birds: Index, tmp_path: Path) -> None:
    [path] = cooc.export(birds, graphml=tmp_path / "g.graphml", terms=10, min_pair_count=3, edges=99)
    graph = networkx.read_graphml(path)
    name = networkx.get_node_attributes(graph, "term")
    found = {frozenset((name[a], name[b])): held["npmi"] for a, b, held in graph.edges(data=True)}
    assert found == pytest.approx(edges_of(birds, 10, 3)) and not graph.is_directed()
    assert all(held["weight"] == held["npmi"] for *_, held in graph.edges(data=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # igraph warns of the xmlns it reads past
        other = igraph.Graph.Read_GraphML(str(path))
    assert sorted(other.vs["term"]) == sorted(name.values())
    assert {frozenset((other.vs[e.source]["term"], other.vs[e.target]["term"])): e["npmi"] for e in other.es} == found
    counts = {term: held["occurrences"] for term, held in zip(name.values(), graph.nodes.values(), strict=True)}
    assert counts["auk"] == cooc.count(birds, "auk").rows()[0]["occurrences"]


def test_an_edge_is_among_the_strongest_of_one_of_its_ends(birds: Index, tmp_path: Path) -> None:
    every = edges_of(birds, 10, 1)
    [path] = cooc.export(birds, graphml=tmp_path / "g.graphml", terms=10, min_pair_count=1, edges=2, least=-0.5)
    graph = networkx.read_graphml(path)
    name = networkx.get_node_attributes(graph, "term")
    expected = set()
    for term in name.values():
        mine = sorted((pair for pair, value in every.items() if term in pair and value >= -0.5), key=every.get)  # type: ignore[arg-type]
        expected |= set(mine[-2:])
    assert {frozenset((name[a], name[b])) for a, b in graph.edges} == expected


def test_a_window_with_a_side_makes_a_directed_graph(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["auk", "bird"], ["bee"], ["fly", "bee"]] * 6, window=1, direction="right")
    [path] = cooc.export(index, graphml=tmp_path / "g.graphml")
    graph = networkx.read_graphml(path)
    name = networkx.get_node_attributes(graph, "term")
    assert sorted([(name[a], name[b], held["count"]) for a, b, held in graph.edges(data=True)]) == [
        ("auk", "bird", 6), ("fly", "bee", 6)
    ]  # fmt: skip


def test_a_term_that_xml_can_not_hold_is_escaped(tmp_path: Path) -> None:
    assert legible("a\x00<b>\ufffe") == "a\\u0000<b>\\ufffe"
    index = index_of(tmp_path, [["<auk>", "&", "b"]] * 6, window=2, tokenizer="bytes", ngrams=1)
    graph = networkx.read_graphml(cooc.export(index, graphml=tmp_path / "g.graphml")[0])
    assert {"<", "&", "\\u0020"} <= set(networkx.get_node_attributes(graph, "term").values())


# --- scikit-learn, DuckDB, pandas


def test_the_matrix_and_its_names_go_into_scikit_learn(birds: Index, tmp_path: Path) -> None:
    path, names = cooc.export(birds, npz=tmp_path / "m.npz")
    matrix, terms = scipy.sparse.load_npz(path), names.read_text("utf-8").split("\n")[:-1]
    weighted = TfidfTransformer().fit_transform(matrix)
    assert weighted.shape == (len(terms), len(terms)) and "great_auk" in terms
    a, b = terms.index("auk"), terms.index("bustard")
    assert matrix[a, b] == cooc.pair(birds, "auk", "bustard").to_dict()["count"]


def test_duckdb_and_pandas_read_the_pairs(birds: Index, tmp_path: Path) -> None:
    [path] = cooc.export(birds, pairs=tmp_path / "p.parquet")
    expected = cells_of(birds, 2)
    rows = duckdb.sql(f"select term_a, term_b, count from '{path}'").fetchall()
    assert {(a, b): count for a, b, count in rows} == expected
    table = pandas.read_parquet(path)
    assert dict(zip(zip(table.term_a, table.term_b, strict=True), table["count"], strict=True)) == expected
