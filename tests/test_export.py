"""Exports hold every stored cell and n-gram, in files that other tools read."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cooc
from cooc.errors import CoocError, UsageError
from cooc.index.reader import Index
from cooc.query import cells
from cooc.query.export import GLOVE
from tests.corpora import cells_of, index_of, ngrams_of

WORDS = ["a", "b", "auk", "great", "ж", "d"]
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=10), min_size=1, max_size=5)
quick = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=[1, 1 << 22])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Once with a chunk for each row, once with all rows in one."""
    monkeypatch.setattr(cells, "CHUNK", request.param)
    return int(request.param)


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    texts = ["the great auk and the great bustard", "the auk is great", "a bustard", "auk auk auk"]
    documents = [text.split() for text in texts]
    return index_of(tmp_path_factory.mktemp("birds"), documents, window=[2, 4], min_count=1, terms=["great auk"])


def scaled(index: Index, window: str | int) -> Counter[tuple[str, str]]:
    """The cells as counts of pairs."""
    unit = index.pairs(window).unit
    return Counter({pair: count if unit == 1 else count / unit for pair, count in cells_of(index, window).items()})


@quick
@given(documents_of, st.sampled_from(["uniform", "harmonic"]), st.integers(1, 2))
def test_every_stored_cell_is_exported(chunk: int, documents: list[list[str]], weighting: str, least: int) -> None:
    folder = Path(tempfile.mkdtemp())
    index = index_of(folder, documents, window=3, weighting=weighting, min_pair_count=least, ngrams=1)
    expected = scaled(index, 3)
    cooc.export(index, pairs=folder / "p.parquet", glove=folder / "g.bin", npz=folder / "m.npz")

    table = pl.read_parquet(folder / "p.parquet")
    assert {(a, b): count for a, b, count in table.iter_rows()} == expected and table.height == len(expected)

    names = [line.split(" ")[0] for line in (folder / "g.bin.vocab").read_text("utf-8").splitlines()]
    records = np.fromfile(folder / "g.bin", GLOVE).tolist()
    assert {(names[a - 1], names[b - 1]): count for a, b, count in records} == expected

    terms = (folder / "m.npz.terms.txt").read_text("utf-8").splitlines()
    matrix = scipy.sparse.load_npz(folder / "m.npz")
    matrix.check_format()
    assert matrix.shape == (len(terms), len(terms)) and matrix.has_sorted_indices
    coordinates = matrix.tocoo()
    found = zip(coordinates.row.tolist(), coordinates.col.tolist(), coordinates.data.tolist(), strict=True)
    assert {(terms[a], terms[b]): count for a, b, count in found} == expected


@quick
@given(documents_of, st.integers(1, 4), st.integers(1, 2))
def test_every_stored_ngram_is_exported(documents: list[list[str]], orders: int, least: int) -> None:
    folder = Path(tempfile.mkdtemp())
    index = index_of(folder, documents, ngrams=orders, min_count=least)
    cooc.export(index, ngrams=folder / "n.parquet")
    table = pl.read_parquet(folder / "n.parquet")
    expected = {
        (" ".join(ngram), n): count for n in range(1, orders + 1) for ngram, count in ngrams_of(index, n).items()
    }
    assert {(ngram, n): count for ngram, n, count in table.iter_rows()} == expected
    assert table.height == len(expected)


def test_pairs_have_the_columns_promised(birds: Index, tmp_path: Path) -> None:
    [path] = cooc.export(birds, pairs=tmp_path / "p.parquet")
    schema = pq.read_schema(path)
    assert schema.names == ["term_a", "term_b", "count"]
    assert [str(kind) for kind in schema.types] == [
        "dictionary<values=string, indices=int32, ordered=0>", "dictionary<values=string, indices=int32, ordered=0>",
        "int64",
    ]  # fmt: skip


def test_harmonic_counts_are_sums_of_1_over_distance(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b", "c"]], window=2, weighting="harmonic")
    cooc.export(index, pairs=tmp_path / "p.parquet")
    table = pl.read_parquet(tmp_path / "p.parquet")
    assert table.schema["count"] == pl.Float64
    assert {(a, b): count for a, b, count in table.iter_rows()}["a", "c"] == 0.5


def test_a_window_is_named(birds: Index, tmp_path: Path) -> None:
    cooc.export(birds, pairs=tmp_path / "p.parquet", window="document")
    table = pl.read_parquet(tmp_path / "p.parquet")
    assert table["term_a"].unique().to_list() == ["great auk"]
    with pytest.raises(UsageError, match="has no window 7; it has 2, 4, document"):
        cooc.export(birds, pairs=tmp_path / "p.parquet", window=7)


def test_names_hold_no_blank_where_a_blank_ends_them(birds: Index, tmp_path: Path) -> None:
    files = cooc.export(birds, glove=tmp_path / "g.bin", npz=tmp_path / "m.npz")
    assert [file.name for file in files] == ["g.bin", "g.bin.vocab", "m.npz", "m.npz.terms.txt"]
    assert files[1].read_text("utf-8").splitlines()[-1] == "great_auk 1"
    assert files[3].read_text("utf-8").splitlines()[-1] == "great_auk"


@pytest.mark.parametrize(("term", "written"), [("auk", "auk"), (" ", "\\u0020"), ("\nsea", "\\u000asea"), ("", "")])
def test_white_space_in_a_term_is_escaped(term: str, written: str) -> None:
    assert cells.escaped(term) == written


def test_an_index_without_pairs_gives_empty_files(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a"], ["b"]])
    cooc.export(
        index, pairs=tmp_path / "p.parquet", glove=tmp_path / "g.bin", npz=tmp_path / "m.npz",
        ngrams=tmp_path / "n.parquet",
    )  # fmt: skip
    assert pl.read_parquet(tmp_path / "p.parquet").height == 0
    assert (tmp_path / "g.bin").read_bytes() == b""
    assert scipy.sparse.load_npz(tmp_path / "m.npz").nnz == 0
    assert pl.read_parquet(tmp_path / "n.parquet")["ngram"].to_list() == ["a", "b"]


def test_a_file_is_replaced_whole_and_nothing_else_is_left(birds: Index, tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"old")
    cooc.export(birds, pairs=str(tmp_path / "p.parquet"))
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]
    assert pl.read_parquet(tmp_path / "p.parquet").height == len(cells_of(birds, 2))


def test_an_export_that_fails_leaves_the_old_file(
    birds: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "p.parquet").write_bytes(b"old")
    monkeypatch.setattr("cooc.query.export.cells_of", broken)
    with pytest.raises(CoocError, match=r"p\.parquet: can't be written: No space left on device"):
        cooc.export(birds, pairs=tmp_path / "p.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]
    assert (tmp_path / "p.parquet").read_bytes() == b"old"


def test_an_export_of_nothing_or_to_nowhere_is_refused(birds: Index, tmp_path: Path) -> None:
    nothing = "nothing to export: name a file for pairs, glove, npz, ngrams, vectors or graphml"
    with pytest.raises(UsageError, match=nothing):
        cooc.export(birds)
    with pytest.raises(UsageError, match=r"there is no folder .*/none to write into"):
        cooc.export(birds, pairs=tmp_path / "none" / "p.parquet", npz=tmp_path / "m.npz")
    assert not (tmp_path / "m.npz").exists()
