"""Adding up runs as streams: neither their rows nor a single one of them need fit the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.runs import OUT_BYTES, Run, RunWriter, make_scratch, rows_path
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, items_of, read_slice
from cooc.kernels.rows import CELLS, DONE, ENTRY, FULL, MOST_CELL_BYTES, OUT, ROW, WRITTEN, merge_entries

Array = NDArray[Any]

LEAST_BUFFER = 64 << 10
"""Bytes of each run that are read at a time, where there are many."""

ENTRY_BYTES = 160
"""Memory of a row of a run while it is merged: its line, read, sorted and grouped."""

TILE_BYTES = 14
"""Memory of a column of a tile, with what finds it again."""

ALL_ROWS = 1 << 32


class Room(NamedTuple):
    """What a merge may use: bytes of a run, columns of a tile, rows of a run, bytes of results."""

    buffer: int
    width: int
    lines: int
    out: int


def buffers(share: int) -> int:
    """Memory of a task that merges for bytes of runs."""
    return share * 3 // 8


def room_for(share: int, runs: int, columns: int) -> Room:
    """Three eighths for bytes of runs, a quarter for the tile, an eighth for rows, and a sixteenth for results."""
    return Room(
        min(8 << 20, max(4 * MOST_CELL_BYTES, buffers(share) // max(1, runs))),
        max(64, min(columns, share // 4 // TILE_BYTES)),
        max(1, min(1 << 18, share // 8 // ENTRY_BYTES // max(1, runs))),
        min(OUT_BYTES, max(64, share // 16)),
    )


def merge_files(paths: list[Path], out: Path, place: tuple[int, int], minimum: int, room: Room) -> Run:
    """`merge_piece` for any files, within `room`."""
    sources = [source for path in paths if (source := open_source(path, place)).lines]
    with RunWriter(out) as writer:
        merge_sources(sources, writer, minimum, room)
    return writer.run()


class Source(NamedTuple):
    """The rows of a run that a merge reads: its lines [first, first + lines), its bytes [start, stop)."""

    path: Path
    first: int
    lines: int
    start: int
    stop: int


def open_source(path: Path, place: tuple[int, int]) -> Source:
    """Find rows [place) in a run."""
    rows = rows_path(path)
    size = items_of(rows) // 3
    first, stop = find_unit(rows, size, place[0]), find_unit(rows, size, place[1])
    ends = [0 if line == 0 else int(read_slice(rows, 3 * line - 2, 3 * line - 1)[0]) for line in (first, stop)]
    return Source(path, first, stop - first, ends[0], ends[1])


def find_unit(rows: Path, size: int, unit: int) -> int:
    """The first of `size` lines whose unit is `unit` or more."""
    low, high = 0, size
    while high - low > 256:
        middle = (low + high) // 2
        if int(read_slice(rows, 3 * middle, 3 * middle + 1)[0]) < unit:
            low = middle + 1
        else:
            high = middle
    near = read_slice(rows, 3 * low, 3 * high).reshape(-1, 3)[:, 0]
    return low + int(np.searchsorted(near, unit))


class Buffers:
    """The bytes at hand of several sources, one after another in one array."""

    def __init__(self, sources: list[Source], size: int) -> None:
        sizes = np.array([min(size, source.stop - source.start) for source in sources], np.int64)
        self.begin = np.cumsum(sizes) - sizes
        self.end = self.begin + sizes
        self.data = np.empty(int(sizes.sum()) + MOST_CELL_BYTES, np.uint8)
        self.at, self.filled = self.begin.copy(), self.begin.copy()
        self._paths = [source.path for source in sources]
        self._next = [source.start for source in sources]
        self._stop = [source.stop for source in sources]
        for run in np.flatnonzero(sizes).tolist():
            self.fill(run)

    def fill(self, run: int) -> None:
        """Move what is left of a run to the front and read on behind it."""
        begin, kept = int(self.begin[run]), int(self.filled[run] - self.at[run])
        more = min(int(self.end[run]) - begin - kept, self._stop[run] - self._next[run])
        if more <= 0:
            raise BuildError(f"{self._paths[run]}: its rows do not end where they should. {BEGIN_ANEW}")
        self.data[begin : begin + kept] = self.data[int(self.at[run]) : int(self.filled[run])].copy()
        self.data[begin + kept : begin + kept + more] = read_slice(
            self._paths[run], self._next[run], self._next[run] + more
        )
        self._next[run] += more
        self.at[run], self.filled[run] = begin, begin + kept + more


class Entries(NamedTuple):
    """Rows that some runs have, grouped: row r is the unit `names[r]` with the marginal `sums[r]` and the entries
    `starts[r]:starts[r + 1]`, each the number of a run and a size in bytes."""

    names: Array
    sums: Array
    starts: Array
    runs: Array
    sizes: Array


def entries_of(sources: list[Source], size: int) -> Iterator[Entries]:
    """All rows of the sources, whole ones, by unit; about `size` lines of each source are held at a time."""
    held = [np.zeros((0, 3), np.int64) for _ in sources]
    places, ends = [source.first for source in sources], [source.start for source in sources]
    while True:
        bound, parts = ALL_ROWS, []
        for run, source in enumerate(sources):
            more = min(size - len(held[run]), source.first + source.lines - places[run])
            if more > 0:
                lines = read_slice(rows_path(source.path), 3 * places[run], 3 * (places[run] + more)).reshape(-1, 3)
                held[run] = np.concatenate([held[run], lines])
                places[run] += more
            if places[run] < source.first + source.lines:
                bound = min(bound, int(held[run][-1, 0]))
        for run in range(len(sources)):
            count = int(np.searchsorted(held[run][:, 0], bound, side="right"))
            if count:
                part, held[run] = held[run][:count], held[run][count:]
                sizes = np.diff(part[:, 1], prepend=ends[run])
                ends[run] = int(part[-1, 1])
                parts.append((part[:, 0], np.full(count, run), sizes, part[:, 2]))
        if not parts:
            return
        yield grouped(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def grouped(names: Array, runs: Array, sizes: Array, sums: Array) -> Entries:
    """Entries by unit, those of a unit in the order of their runs."""
    order = np.argsort(names, kind="stable")
    names = names[order]
    first = np.ones(len(names), bool)
    first[1:] = names[1:] != names[:-1]
    starts = np.flatnonzero(first)
    return Entries(
        names[starts], np.add.reduceat(sums[order], starts), np.append(starts, len(names)), runs[order], sizes[order]
    )


def merge_sources(sources: list[Source], writer: RunWriter, minimum: int, room: Room) -> None:
    """Add up all rows of the sources."""
    buffers = Buffers(sources, room.buffer)
    scratch = make_scratch(room.width, np.int64, 0)._replace(out=np.empty(room.out, np.uint8))
    left, after = np.zeros(len(sources), np.int64), np.zeros(len(sources), np.int64)
    state = np.zeros(10, np.int64)
    for entries in entries_of(sources, room.lines):
        ends = np.zeros(len(entries.names), np.int64)
        state[[ROW, ENTRY, CELLS]] = 0, -1, 0
        while True:
            signal = merge_entries(
                buffers.data, buffers.at, buffers.filled, left, after, entries.starts, entries.runs, entries.sizes,
                room.width, minimum, scratch.counts, scratch.touched, scratch.bits, state, scratch.out, ends,
            )  # fmt: skip
            if signal == DONE:
                break
            if signal == FULL:
                flush(writer, scratch.out, state)
            else:
                buffers.fill(signal)
        writer.add_lines(entries.names, ends, entries.sums, int(state[CELLS]))
    flush(writer, scratch.out, state)


def flush(writer: RunWriter, out: Array, state: Array) -> None:
    """Hand over what a merge has written."""
    writer.add_cells(out[: state[OUT]])
    state[WRITTEN] += state[OUT]
    state[OUT] = 0
