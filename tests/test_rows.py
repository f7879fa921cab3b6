"""Rows are written, merged and joined as what they are: sums of sparse matrices, whatever room there is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import rows as rows_file
from cooc.create import runs as runs_file
from cooc.create.row_merge import ALL_ROWS, Room, merge_files, open_source
from cooc.create.rows import choose_pieces, join_cells, join_starts, join_sums, merge_runs
from cooc.create.runs import Run, Runs, RunWriter, make_scratch, rows_path, write_run, write_sums
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.kernels.rows import MOST_CELL_BYTES, emit_scan, emit_touched, most_bytes
from tests.naive import rows as naive

EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True, scope="module")
def quick_files() -> Iterator[None]:
    """Files need not outlast a power cut here, and waiting for that is most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


counts = st.one_of(st.integers(1, 4), st.integers(120, 140), st.integers(1, 1 << 40))
columns = st.one_of(st.integers(0, 9), st.integers(0, 200), st.integers(0, (1 << 32) - 2))
some_rows = st.dictionaries(columns, st.dictionaries(columns, counts, max_size=12), max_size=6)


def save(path: Path, rows: naive.Rows) -> Run:
    """Write a run as its definition says; marginals are the sums of all cells."""
    with RunWriter(path) as writer:
        end = 0
        for name in sorted(rows):
            data = naive.encode(rows[name])
            end += len(data)
            writer.add_cells(np.frombuffer(data, np.uint8))
            writer.add_lines(*np.array([[name], [end], [sum(rows[name].values())]]), len(rows[name]))
    return writer.run()


def load(path: Path) -> tuple[dict[int, bytes], dict[int, int]]:
    """The bytes of each row of a run, and the marginals."""
    lines = np.fromfile(rows_path(path), "<i8").reshape(-1, 3).tolist()
    data, start, rows = path.read_bytes(), 0, {}
    for name, end, _ in lines:
        rows[name] = data[start:end]
        start = end
    assert start == len(data)
    assert [line[0] for line in lines] == sorted(rows)
    return rows, {name: total for name, _, total in lines}


def summed(runs: list[naive.Rows]) -> dict[int, int]:
    return {name: sum(row.values()) for name, row in naive.merged(runs, 1).items()}


@quick
@given(
    st.lists(some_rows, max_size=5),
    st.integers(1, 3),
    st.sampled_from([1, 2, 5, 64, 300]),
    st.sampled_from([32, 40, 1000]),
    st.sampled_from([1, 2, 100]),
    st.sampled_from([15, 20, 1000]),
)
def test_a_merge_is_the_sum_whatever_room_it_has(
    runs: list[naive.Rows], minimum: int, width: int, buffer: int, lines: int, out: int
) -> None:
    folder = Path(tempfile.mkdtemp())
    for number, rows in enumerate(runs):
        save(folder / str(number), rows)
    paths = [folder / str(number) for number in range(len(runs))]
    made = merge_files(paths, folder / "sum", (0, ALL_ROWS), minimum, Room(buffer, width, lines, out))
    expected = naive.merged(runs, minimum)
    rows, sums = load(folder / "sum")
    assert rows == {name: naive.encode(row) for name, row in expected.items()}
    assert sums == summed(runs)
    assert made == Run(len(rows), sum(map(len, expected.values())), sum(map(len, rows.values())))


@quick
@given(st.lists(some_rows, max_size=4), columns, columns)
def test_a_merge_takes_the_rows_of_its_place_alone(runs: list[naive.Rows], first: int, stop: int) -> None:
    folder = Path(tempfile.mkdtemp())
    place = (min(first, stop), max(first, stop))
    for number, rows in enumerate(runs):
        save(folder / str(number), rows)
    paths = [folder / str(number) for number in range(len(runs))]
    merge_files(paths, folder / "sum", place, 1, Room(1000, 300, 3, 1000))
    here = [{name: row for name, row in rows.items() if place[0] <= name < place[1]} for rows in runs]
    assert load(folder / "sum") == ({n: naive.encode(r) for n, r in naive.merged(here, 1).items()}, summed(here))


def test_a_row_of_many_is_found_by_bisection(tmp_path: Path) -> None:
    write_sums(tmp_path / "run", np.arange(0, 9000, 3), np.ones(3000, np.int64))
    for place in ((0, 1), (1, 2), (3, 4), (4485, 4488), (4486, 8998), (8997, 9999), (9000, 9001)):
        source = open_source(tmp_path / "run", place)
        inside = [unit for unit in range(0, 9000, 3) if place[0] <= unit < place[1]]
        assert source.lines == len(inside)
        assert not inside or source.first == inside[0] // 3


@quick
@given(
    st.lists(st.tuples(st.integers(0, 1 << 20), counts), min_size=1, max_size=20, unique_by=lambda cell: cell[0]),
    st.integers(1, 3),
    st.data(),
)
def test_a_dense_row_is_written_as_the_units_of_its_columns(
    cells: list[tuple[int, int]], minimum: int, data: Any
) -> None:
    names = np.array(sorted({*(unit for unit, _ in cells), 5, 700, 1 << 20}), np.uint32)
    words = data.draw(st.integers(0, len(names)))
    held = np.searchsorted(names, [unit for unit, _ in cells])
    kept = {unit: count for unit, count in cells if count >= minimum}
    total = sum(count for unit, count in cells if unit in names[:words])
    for touched in (False, True):
        scratch = make_scratch(len(names), np.int64, 400)
        scratch.counts[held] = [count for _, count in cells]
        at, o = np.uint64(len(names)), np.uint64(3)
        if touched:
            scratch.touched[: len(held)] = held
            end, found, marginal = emit_touched(
                scratch.counts, len(names), names, words, minimum, scratch.touched, np.uint64(len(held)),
                scratch.bits, scratch.out, o,
            )  # fmt: skip
        else:
            end, found, marginal = emit_scan(scratch.counts, at, names, words, minimum, scratch.out, o)
        assert bytes(scratch.out[3 : int(end)]) == naive.encode(kept)
        assert (found, marginal) == (len(kept), total)
        assert not scratch.counts.any()
        assert not scratch.bits.any()


@quick
@given(st.dictionaries(columns, st.one_of(counts, st.integers(1, 1 << 58)), max_size=30), st.integers(0, 1 << 40))
def test_no_row_needs_more_bytes_than_the_bound(row: dict[int, int], spare: int) -> None:
    units = max(row, default=0) + 1
    assert len(naive.encode(row)) + 8 <= most_bytes(len(row), units, sum(row.values()) + spare)
    assert most_bytes(len(row), units, sum(row.values())) <= MOST_CELL_BYTES * len(row) + 8


def work_in(folder: Path, share: int, pieces: int) -> Work:
    return Work(folder, Budget(share, pieces))


@quick
@given(st.lists(some_rows, min_size=1, max_size=9), st.integers(1, 3), st.integers(1, 5))
def test_runs_are_merged_in_as_many_passes_as_they_need(runs: list[naive.Rows], minimum: int, pieces: int) -> None:
    work = work_in(Path(tempfile.mkdtemp()), 1 << 10, pieces)
    half = len(runs) // 2
    runs = runs[: 2 * half] or [*runs, {}]
    for number, rows in enumerate(runs):
        save(work.path(f"{'ab'[number >= len(runs) // 2]}/{number % (len(runs) // 2)}"), rows)
    here = Runs(("a", "b"), len(runs) // 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_file, "PIECE_BYTES", 1)
        assert choose_pieces(work, here).fan == 2
        found = merge_runs(work, "rows", here, folder="made", columns=1 << 32, minimum=minimum)
    assert merge_runs(work, "rows", here, folder="made", columns=1 << 32, minimum=minimum) == found
    assert len(found.names) <= pieces
    assert not [path for number in range(len(runs)) for path in work.folder.glob(f"[ab]/{number}*")]
    assert sorted(path.name for path in work.folder.glob("made-*/*")) == []
    rows, sums = {}, {}
    for name in found.names:
        some, totals = load(work.path(name))
        rows |= some
        sums |= totals
    expected = naive.merged(runs, minimum)
    assert rows == {name: naive.encode(row) for name, row in expected.items()}
    assert list(rows) == sorted(rows)
    assert sums == summed(runs)
    assert found.cells == sum(map(len, expected.values()))


@quick
@given(st.dictionaries(st.integers(0, 30), st.dictionaries(columns, counts, max_size=3)), st.integers(1, 9))
def test_joined_files_have_a_place_for_every_unit(rows: dict[int, dict[int, int]], step: int) -> None:
    work = work_in(Path(tempfile.mkdtemp()), 1 << 20, 1)
    names = [f"r/{first}" for first in range(0, 31, step)]
    for name in names:
        first = int(name[2:])
        save(work.path(name), {unit: row for unit, row in rows.items() if first <= unit < first + step})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_file, "UNITS_JOINED", 4)
        patch.setattr(runs_file, "UNITS_JOINED", 3)
        join_cells(work, names, work.path("cells.u8"))
        join_starts(work, names, 33, work.path("starts.i64"))
        total = join_sums(work, names, 33, work.path("sums.i64"), words=9)
    data, starts = work.path("cells.u8").read_bytes(), np.fromfile(work.path("starts.i64"), "<i8").tolist()
    sums = np.fromfile(work.path("sums.i64"), "<i8").tolist()
    assert len(starts) == 34
    assert starts[-1] == len(data)
    for unit in range(33):
        assert data[starts[unit] : starts[unit + 1]] == naive.encode(rows.get(unit, {}))
    assert sums == [sum(rows.get(unit, {}).values()) for unit in range(33)]
    assert total == sum(sums[:9])


def test_a_run_that_was_cut_off_is_told(tmp_path: Path) -> None:
    save(tmp_path / "run", {3: dict.fromkeys(range(100), 5)})
    (tmp_path / "run").write_bytes((tmp_path / "run").read_bytes()[:-1])
    with pytest.raises(BuildError, match=r"run: has no items 0 to 200; it has been cut off\. Remove the directory"):
        merge_files([tmp_path / "run"], tmp_path / "sum", (0, ALL_ROWS), 1, Room(1000, 300, 3, 1000))


@pytest.mark.slow
def test_a_row_of_any_length_is_merged_in_the_memory_of_a_task(tmp_path: Path) -> None:
    """240 MB of cells, all of one row, in 24 MB; the memory is what the system says of another process."""
    script = """
import sys
from pathlib import Path
import numpy as np
from cooc.create.row_merge import ALL_ROWS, merge_files, room_for
from cooc.create.runs import RunWriter

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10

def measured(folder, cells):
    folder.mkdir()
    for run in range(4):
        with RunWriter(folder / str(run)) as writer:
            for _ in range(0, cells, 1 << 20):
                writer.add_cells(np.zeros(1 << 20, np.uint8))
            writer.add_lines(*np.array([[7], [cells], [cells]]), cells)
    before = peak()
    paths = [folder / str(run) for run in range(4)]
    made = merge_files(paths, folder / "sum", (0, ALL_ROWS), 1, room_for(24 << 20, 4, 1 << 26))
    assert (made.rows, made.cells, made.bytes) == (1, cells, 2 * cells), made
    return peak() - before

measured(Path(sys.argv[1]) / "first", 1 << 20)
print(measured(Path(sys.argv[1]) / "second", 60 << 20))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 24 << 20
    data = np.fromfile(tmp_path / "second" / "sum", "<u1")
    assert (data[::2] == 1).all()
    assert (data[1::2] == 2).all()


def test_a_row_that_does_not_fit_is_a_bug_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="row 0 does not fit 7 bytes"):
        write_run(tmp_path / "run", np.arange(3), lambda first, ends, sums: (first, 0, 0), np.zeros(7, np.uint8))
