"""Rows on their way to a matrix: counted by ranges, kept in run files, merged, joined."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.index.files import bytes_of, refusal, sync_folder, write_array
from cooc.kernels.rows import MOST_CELL_BYTES, merge_rows

Array = NDArray[Any]

OUT_BYTES = 8 << 20
"""Rows are written out whenever about so much has come together; a single row may need more."""


class Scratch(NamedTuple):
    """The dense row and what finds its cells again; zero between rows."""

    counts: Array
    touched: Array
    bits: Array
    out: Array


def make_scratch(columns: int, dtype: type, longest_row: int) -> Scratch:
    """Scratch for rows of `columns` columns of which none needs more than `longest_row` cells."""
    words = (columns + 63) >> 6
    room = OUT_BYTES + MOST_CELL_BYTES * min(columns, longest_row) + 64
    return Scratch(
        np.zeros(columns + 2, dtype),
        np.zeros(columns + 8, np.uint32),
        np.zeros(words + ((words + 63) >> 6) + 2, np.uint64),
        np.empty(room, np.uint8),
    )


class Run(NamedTuple):
    """What a run file holds: rows with the ends of their bytes, and their marginals."""

    cells: int
    bytes: int


def write_run(path: Path, rows: int, count: Callable[[int, Array, Array], tuple[int, Any, int]], out: Array) -> Run:
    """Write rows to `path` as a kernel makes them, with `path`.ends.i64 and .sums.i64.

    `count(first, ends, sums)` fills `out` with rows from `first` on and returns the row it stopped at, the
    bytes and the cells; the ends it gives are those in `out`.
    """
    ends, sums = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    first = cells = written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            while first < rows:
                stopped, size, more = count(first, ends, sums)
                if stopped == first:
                    raise AssertionError(f"row {first} does not fit {len(out)} bytes")
                file.write(bytes_of(out[: int(size)]))
                ends[first:stopped] += written
                written += int(size)
                cells += int(more)
                first = stopped
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BuildError(refusal(path, written, error)) from error
    write_array(_ends(path), ends)
    write_array(_sums(path), sums)
    return Run(cells, written)


def _ends(path: Path) -> Path:
    return path.with_name(path.name + ".ends.i64")


def _sums(path: Path) -> Path:
    return path.with_name(path.name + ".sums.i64")


def read_sums(paths: list[Path]) -> Array:
    """The marginals of rows that lie in several files one after another."""
    return np.concatenate([np.fromfile(_sums(path), np.int64) for path in paths] or [np.zeros(0, np.int64)])


def read_starts(paths: list[Path]) -> Array:
    """Where the rows of several files begin once these are one file, and where the last ends."""
    starts, end = [np.zeros(1, np.int64)], 0
    for path in paths:
        ends = np.fromfile(_ends(path), np.int64)
        starts.append(ends + end)
        end += int(ends[-1]) if len(ends) else 0
    return np.concatenate(starts)


def read_rows(paths: list[Path]) -> Array:
    """The bytes of the rows of several files, one after another."""
    return np.concatenate([np.fromfile(path, np.uint8) for path in paths] or [np.zeros(0, np.uint8)])


class Joining:
    """One file in the making out of several, added in turn; it appears under its name when it is whole."""

    def __init__(self, out: Path) -> None:
        self.out, self.temporary = out, out.with_name(out.name + ".part")
        out.parent.mkdir(parents=True, exist_ok=True)
        self.temporary.write_bytes(b"")

    def add(self, path: Path) -> None:
        """Append a file; raises `BuildError` if the system refuses."""
        try:
            with open(path, "rb") as source, open(self.temporary, "ab") as file:
                shutil.copyfileobj(source, file, 4 << 20)
        except OSError as error:
            raise BuildError(refusal(self.out, path.stat().st_size, error)) from error

    def finish(self) -> None:
        """Give the file its name, for good."""
        try:
            with open(self.temporary, "ab") as file:
                os.fsync(file.fileno())
            os.replace(self.temporary, self.out)
            sync_folder(self.out.parent)
        except OSError as error:
            raise BuildError(refusal(self.out, 0, error)) from error


def join_files(paths: list[Path], out: Path) -> None:
    """Make one file of several."""
    joining = Joining(out)
    for path in paths:
        joining.add(path)
    joining.finish()


def merge_runs(
    runs: list[list[Path]], out: Path, first: int, stop: int, columns: int, marginal: int, minimum: int
) -> Run:
    """Add up rows [first, stop) of several runs, each given as files of consecutive rows, into one file."""
    data, starts, end = [], [], 0
    for paths in runs:
        all_starts = read_starts(paths)[first : stop + 1]
        data.append(_bytes_between(paths, int(all_starts[0]), int(all_starts[-1])))
        starts.append(all_starts - all_starts[0] + end)
        end += len(data[-1])
    table = np.stack(starts)
    joined = np.concatenate(data)
    longest = int((table[:, 1:] - table[:, :-1]).sum(axis=0).max(initial=0))
    scratch = make_scratch(columns, np.int64, longest)

    def count(row: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return merge_rows(  # type: ignore[no-any-return]
            joined, table, columns, marginal, minimum,
            scratch.counts, scratch.touched, scratch.bits, row, scratch.out, ends, sums,
        )  # fmt: skip

    return write_run(out, stop - first, count, scratch.out)


def _bytes_between(paths: list[Path], start: int, stop: int) -> Array:
    pieces, end = [], 0
    for path in paths:
        size = path.stat().st_size
        low, high = max(start - end, 0), min(stop - end, size)
        if low < high:
            pieces.append(np.fromfile(path, np.uint8, high - low, offset=low))
        end += size
    return np.concatenate(pieces or [np.zeros(0, np.uint8)])


def balanced_ranges(weights: Array, parts: int) -> list[tuple[int, int]]:
    """Cut [0, len(weights)) into at most `parts` ranges of about equal weight, none empty."""
    if not len(weights):
        return []
    total = np.cumsum(weights, dtype=np.int64)
    wanted = total[-1] * np.arange(1, parts) // parts
    edges = np.unique(np.concatenate([[0], np.searchsorted(total, wanted, side="right"), [len(weights)]]))
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
