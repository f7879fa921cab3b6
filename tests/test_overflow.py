"""Counts about the places where numbers end, 2^31, 2^32, 2^53 and 2^63, stay exact or are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse

import cooc
from cooc.create import giants
from cooc.create.giants import join_bag, multiply_bag, plan_products
from cooc.create.ngram_runs import make_batch, write_run
from cooc.create.ngram_runs import merge_runs as merge_ngrams
from cooc.create.pairs import counter_dtype
from cooc.create.rows import Runs, RunWriter, merge_runs, rows_path
from cooc.create.units import keep_units
from cooc.create.window import MOST, Window, check_total
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.index.files import write_array
from cooc.index.reader import Index
from cooc.kernels.rows import MOST_CELL_BYTES, emit_scan, emit_touched, read_row
from cooc.query.contingency import contingency
from cooc.query.measures import evaluate
from tests.corpora import cells_of, index_of
from tests.naive import measures as naive_measures
from tests.naive import rows as naive_rows
from tests.tampering import edit_array, edit_manifest, sign
from tests.test_document_window import units_of

LARGEST = (1 << 63) - 1
NEAR = sorted({(1 << bits) + by for bits in (7, 14, 16, 21, 31, 32, 53, 56, 57, 58, 62) for by in range(-2, 4)})
EDGES = [*NEAR, LARGEST - 2, LARGEST - 1, LARGEST]
# the lowest bits of these are those of a short cell
LOW_BITS = [count for count in NEAR if count > 1 << 57 and (count - 2) % (1 << 57) < 1 << 14]
# pairs of counts whose sum is about an edge
SPLIT = [(total - part, part) for total in EDGES if total > 1 for part in (1, total // 2)]


def decoded(data: Any) -> dict[int, int]:
    columns, counts = np.zeros(len(data) + 1, np.int64), np.zeros(len(data) + 1, np.int64)
    n = read_row(np.asarray(data), columns, counts)
    assert n >= 0
    return dict(zip(columns[:n].tolist(), counts[:n].tolist(), strict=True))


def written(count: int, dtype: str, kernel: str, name: int) -> tuple[bytes, int, int]:
    """The bytes of a row with one cell, the number of its cells, and its marginal."""
    names = np.array([0, name], np.uint32)
    counts, out = np.zeros(4, dtype), np.zeros(2 * MOST_CELL_BYTES + 16, np.uint8)
    counts[1] = count
    if kernel == "scan":
        size, cells, total = emit_scan(counts, 2, names, 2, 1, out, np.uint64(0))
    else:
        touched, bits = np.array([1, 0, 0, 0, 0, 0, 0, 0], np.uint32), np.zeros(4, np.uint64)
        size, cells, total = emit_touched(counts, 2, names, 2, 1, touched, np.uint64(1), bits, out, np.uint64(0))
    return out[: int(size)].tobytes(), cells, total


@pytest.mark.parametrize("dtype", ["u4", "i8"])
@pytest.mark.parametrize("kernel", ["scan", "touched"])
@pytest.mark.parametrize("name", [1, 1 << 31])
def test_a_cell_of_any_count_is_written_and_read(dtype: str, kernel: str, name: int) -> None:
    for count in EDGES:
        if count <= np.iinfo(dtype).max:
            data, cells, total = written(count, dtype, kernel, name)
            assert data == naive_rows.encode({name: count})
            assert (decoded(np.frombuffer(data, np.uint8)), cells, total) == ({name: count}, 1, count)


@pytest.mark.parametrize("count", LOW_BITS)
def test_a_cell_whose_lower_bits_are_few_is_written_and_read(count: int) -> None:
    assert decoded(np.frombuffer(written(count, "i8", "scan", 1)[0], np.uint8)) == {1: count}


def test_a_block_counts_with_32_bits_only_what_fits_them() -> None:
    window = Window(10, "symmetric", "uniform")
    fits = ((1 << 32) - 1) // window.most_per_token
    assert counter_dtype(window, fits) == np.uint32
    assert counter_dtype(window, fits + 1) == np.int64
    assert counter_dtype(Window(10, "symmetric", "harmonic"), 1) == np.int64


def test_a_window_whose_pairs_might_exceed_64_bits_is_refused() -> None:
    for window in (Window(10, "symmetric", "uniform"), Window(36, "right", "harmonic")):
        fits = MOST // window.most_per_token
        check_total(window, fits)
        with pytest.raises(BuildError, match=r"could exceed 2\^63\. Choose a smaller window"):
            check_total(window, fits + 1)


@pytest.mark.parametrize("share", [1 << 14, 64 << 20])
def test_sums_of_runs_are_exact(tmp_path: Path, share: int) -> None:
    work = Work(tmp_path, Budget(share=share, pieces=1))
    marginals = [1 << 62, LARGEST - (1 << 62)]
    for number, counts in enumerate(zip(*SPLIT, strict=True)):
        with RunWriter(work.path(f"runs/{number}")) as writer:
            data = naive_rows.encode(dict(enumerate(counts)))
            writer.add_cells(np.frombuffer(data, np.uint8))
            writer.add_lines(*np.array([[5], [len(data)], [marginals[number]]]), len(counts))
    (name,) = merge_runs(
        work, "sums", Runs(("runs",), 2), folder="merged", columns=len(SPLIT), minimum=1
    ).names  # fmt: skip
    assert read_run(work.path(name)) == {5: {k: a + b for k, (a, b) in enumerate(SPLIT)}}
    unit, _, total = np.fromfile(rows_path(work.path(name)), np.int64).tolist()
    assert (unit, total) == (5, LARGEST)


@pytest.mark.parametrize(
    "counts",
    [
        (1 << 31, (1 << 31) - 2_000_000_000),  # their squares and products pass 2^53
        (3_037_000_498, 1),  # the square of the length is the largest below 2^63
        (1_518_500_250, 1_518_500_249),
        ((1 << 31) + 1, 889_516_850),
    ],
)
def test_products_of_a_document_of_billions_of_tokens_are_exact(
    tmp_path: Path, counts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pieces are made up: two units, and a phrase "0 0" that occurs once."""
    monkeypatch.setattr(giants, "UNITS_AT_ONCE", 2)
    units = units_of([(0, 0)], {0, 1}, rows=2, terms=2)
    work, tokens = Work(tmp_path, Budget(share=64 << 20, pieces=2)), sum(counts)
    keep_units(work, units)
    for number, held in enumerate([[counts[0] - 7, 1, 1], [7, counts[1] - 1, 0]]):
        names = [unit for unit in range(3) if held[unit] > 0]
        folder = work.path(f"{giants.GIANTS}/0/{number}")
        write_array(folder / "names.u32", np.array(names))
        write_array(folder / "counts.i64", np.array([held[unit] for unit in names]))
        write_array(folder / "edges.i64", np.searchsorted(names, [0, 2, 4]))
        write_array(folder / "pairs.u64", np.array([0][: held[2]]))
        write_array(folder / "pair_counts.i64", np.array([1][: held[2]]))
    bag = join_bag(work, 0, 2, tokens, 0)
    products = plan_products(0, 2, bag, first=0, parts=1)
    rows: dict[int, dict[int, int]] = {}
    for product in products:
        multiply_bag(work, product)
        rows.update(read_run(work.path(f"document/rows/{product.number}")))
    a, b = counts
    expected = {
        0: {0: a * a - a, 1: a * b, 2: a - 2},
        1: {0: a * b, 1: b * b - b, 2: b},
        2: {0: a - 2, 1: b},
    }
    assert rows == {unit: {column: count for column, count in row.items() if count} for unit, row in expected.items()}
    lines = np.fromfile(rows_path(work.path("document/sums/0")), np.int64).reshape(-1, 3)
    assert lines[:, [0, 2]].tolist() == [[0, a * (tokens - 1)], [1, b * (tokens - 1)], [2, tokens - 2]]


def read_run(path: Path) -> dict[int, dict[int, int]]:
    data, start, rows = np.fromfile(path, np.uint8), 0, {}
    for unit, end, _ in np.fromfile(rows_path(path), np.int64).reshape(-1, 3).tolist():
        rows[unit] = decoded(data[start:end])
        start = end
    return rows


def test_sums_of_ngrams_are_exact(tmp_path: Path) -> None:
    codes = np.column_stack([np.arange(1, len(SPLIT) + 1), np.ones(len(SPLIT))]).astype(np.uint32)
    batch = make_batch(2)._replace(shared=np.zeros(len(SPLIT), np.uint8), codes=codes)
    paths = [tmp_path / str(number) for number in range(2)]
    for path, counts in zip(paths, zip(*SPLIT, strict=True), strict=True):
        write_run(path, iter([(batch._replace(counts=np.array(counts, np.int64)), len(SPLIT))]), 2)
    merged = list[int]()
    for made, n in merge_ngrams(paths, 0, len(SPLIT), orders=2, memory=1 << 20):
        merged += made.counts[:n].tolist()
    assert merged == [a + b for a, b in SPLIT]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index whose cells are about the edges: rows of three words, made up and signed."""
    folder = tmp_path_factory.mktemp("large")
    index = index_of(folder, [["a", "b", "c"]], window=2, ngrams=2, min_count=1, memory="512MB")
    rows = made_up()
    data = [naive_rows.encode(row) for row in rows]
    pairs = "pairs/2"
    (index.path / pairs / "cells.u8").write_bytes(b"".join(data))
    starts = np.cumsum([0, *map(len, data)])
    edit_array(index.path, f"{pairs}/starts.i64", lambda _: starts)
    edit_array(index.path, f"{pairs}/row_sums.i64", lambda _: np.array([sum(row.values()) for row in rows]))
    edit_array(index.path, "ngrams/2/counts.i64", lambda _: np.array([(1 << 53) + 1, LARGEST]))
    edit_manifest(index.path, lambda manifest: manifest["windows"][0].update(cells=9, total=MADE_UP_TOTAL))
    sign(index.path)
    return Index(index.path)


def made_up() -> list[dict[int, int]]:
    """A symmetric matrix whose sum is almost 2^63."""
    return [
        {0: (1 << 31) - 1, 1: (1 << 32) + 1, 2: (1 << 53) + 1},
        {0: (1 << 32) + 1, 1: (1 << 57) + 2, 2: (1 << 53) - 1},
        {0: (1 << 53) + 1, 1: (1 << 53) - 1, 2: 1 << 62},
    ]


MADE_UP_TOTAL = sum(sum(row.values()) for row in made_up())


def test_large_counts_are_exported_exactly(large: Index, tmp_path: Path) -> None:
    cooc.export(large, pairs=tmp_path / "p.parquet", npz=tmp_path / "m.npz", ngrams=tmp_path / "n.parquet")
    names = ["a", "b", "c"]
    expected = {
        (names[row], names[column]): count for row, held in enumerate(made_up()) for column, count in held.items()
    }
    assert cells_of(large, 2) == expected
    assert {(a, b): count for a, b, count in pl.read_parquet(tmp_path / "p.parquet").iter_rows()} == expected
    assert scipy.sparse.load_npz(tmp_path / "m.npz").toarray().tolist() == [list(row.values()) for row in made_up()]
    ngrams = pl.read_parquet(tmp_path / "n.parquet").filter(pl.col("n") == 2)
    assert ngrams["count"].to_list() == [(1 << 53) + 1, LARGEST]


def test_large_counts_are_answered_exactly(large: Index) -> None:
    assert MADE_UP_TOTAL < 1 << 63
    for a, held in zip("abc", made_up(), strict=True):
        found = cooc.neighbors(large, a, window=2, top=9, min_count=1).rows()
        assert {row["term"]: row["count"] for row in found} == dict(zip("abc", held.values(), strict=True))
    assert large.ngrams(2).count(large.vocabulary.ids("b c")) == LARGEST


@pytest.mark.parametrize("n", [1 << 53, (1 << 62) + 1, LARGEST])
def test_the_smallest_cell_of_the_largest_table_is_kept(n: int) -> None:
    o11, r1, c1 = n // 2 - 1, n // 2, n // 2 + 1
    table = contingency(o11, r1, c1, n)
    assert (table.o12, table.o21) == (1, 2)
    assert table.o22 == float(n - r1 - c1 + o11)
    assert evaluate(["pmi"], o11, r1, c1, n)["pmi"] == pytest.approx(naive_measures.pmi(o11, r1, c1, n))
