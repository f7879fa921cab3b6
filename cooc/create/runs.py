"""Runs: rows of a matrix on their way, as two files.

The rows' bytes, columns numbered as units, and beside them `.rows.i64` with a line (unit, end of its bytes,
marginal) for each row that there is, ascending. A run is written and read as a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.work import Work
from cooc.index.files import NewFile, bytes_of, items_of, read_slice

Array = NDArray[Any]

OUT_BYTES = 4 << 20
"""Rows are written out whenever about so much has come together; a single row may need more."""

UNITS_JOINED = 1 << 17
"""Units whose rows are looked at together where files are joined."""


class Scratch(NamedTuple):
    """The dense row and what finds its cells again; zero between rows."""

    counts: Array
    touched: Array
    bits: Array
    out: Array


def make_scratch(columns: int, dtype: type, room: int) -> Scratch:
    """Scratch for rows of `columns` columns of which none needs more than `room` bytes."""
    words = (columns + 63) >> 6
    return Scratch(
        np.zeros(columns + 2, dtype),
        np.zeros(columns + 8, np.uint32),
        np.zeros(words + ((words + 63) >> 6) + 2, np.uint64),
        np.empty(room + OUT_BYTES, np.uint8),
    )


class Run(msgspec.Struct, frozen=True):
    """What was written to a run."""

    rows: int
    cells: int
    bytes: int


def rows_path(path: Path) -> Path:
    """The file beside a run that says where its rows end."""
    return path.with_name(path.name + ".rows.i64")


class RunWriter:
    """A run in the making: rows are added in ascending order; it lasts once the `with` is left."""

    def __init__(self, path: Path) -> None:
        self._cells, self._rows = NewFile(path), NewFile(rows_path(path))
        self._added = self._found = 0

    def __enter__(self) -> Self:
        self._cells.__enter__()
        self._rows.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._cells.__exit__(*error)
        self._rows.__exit__(*error)

    def add(self, names: Array, count: Callable[[int, Array, Array], tuple[int, Any, int]], out: Array) -> None:
        """Add rows of the units `names` as a kernel makes them.

        `count(first, ends, sums)` fills `out` with rows from `first` on and returns the row it stopped at, the
        bytes and the cells; the ends it gives are those in `out`.
        """
        ends, sums = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
        first = 0
        while first < len(names):
            stopped, size, cells = count(first, ends, sums)
            if stopped == first:
                raise AssertionError(f"row {first} does not fit {len(out)} bytes")
            ends[first:stopped] += self._cells.size
            self._cells.write(bytes_of(out[: int(size)]))
            self.add_lines(names[first:stopped], ends[first:stopped], sums[first:stopped], int(cells))
            first = stopped

    def add_cells(self, data: Array) -> None:
        """Add bytes of cells whose lines follow."""
        self._cells.write(bytes_of(data))

    def add_lines(self, names: Array, ends: Array, sums: Array, cells: int) -> None:
        """Add the lines of rows, and the number of their cells."""
        self._rows.write_array(np.column_stack([names, ends, sums]))
        self._added += len(names)
        self._found += cells

    def run(self) -> Run:
        return Run(self._added, self._found, self._cells.size)


def write_run(path: Path, names: Array, count: Callable[[int, Array, Array], tuple[int, Any, int]], out: Array) -> Run:
    """Write a run of rows that are all there; arguments as `RunWriter.add`."""
    with RunWriter(path) as writer:
        writer.add(names, count, out)
    return writer.run()


def write_sums(path: Path, names: Array, sums: Array) -> Run:
    """Write a run of marginals without cells."""
    with RunWriter(path) as writer:
        for start in range(0, len(names), UNITS_JOINED):
            here = slice(start, start + UNITS_JOINED)
            writer.add_lines(names[here], np.zeros(len(names[here]), np.int64), sums[here], 0)
    return writer.run()


class Runs(msgspec.Struct, frozen=True):
    """Runs by number, as small as it travels: run r is the file `folders[r // count]/(r % count)`.

    Where rows were merged by pieces, each piece has a file of its own.
    """

    folders: tuple[str, ...]
    count: int
    in_pieces: bool = False

    def __len__(self) -> int:
        return len(self.folders) * self.count

    def name(self, number: int, piece: int) -> str:
        """The name of run `number`, or of its `piece`, below the folder of the work."""
        folder, place = self.folders[number // self.count], number % self.count
        return f"{folder}/{place}-{piece}" if self.in_pieces else f"{folder}/{place}"


def drop_run(work: Work, name: str) -> None:
    """Remove a run; it may be gone already."""
    path = work.path(name)
    path.unlink(missing_ok=True)
    rows_path(path).unlink(missing_ok=True)


def lines_of(path: Path, first: int, stop: int, size: int) -> Iterator[Array]:
    """Lines [first, stop) of a run's rows, `size` at a time."""
    for start in range(first, stop, size):
        yield read_slice(path, 3 * start, 3 * min(stop, start + size)).reshape(-1, 3)


def entries_of_runs(paths: list[Path]) -> Iterator[Array]:
    """Lines (unit, size in bytes, marginal) of runs that follow each other."""
    for path in paths:
        end = 0
        for lines in lines_of(path, 0, items_of(path) // 3, UNITS_JOINED):
            sizes = np.diff(lines[:, 1], prepend=end)
            end = int(lines[-1, 1])
            yield np.column_stack([lines[:, 0], sizes, lines[:, 2]])
