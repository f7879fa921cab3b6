"""Rows on their way to a matrix: written as runs, merged as streams, joined into the files of an index.

A run is two files: the rows' bytes, columns numbered as units, and beside it `.rows.i64` with a line
(unit, end of its bytes, marginal) for each row it has, ascending. It is read in slices, so neither its rows nor
a single one of them need fit the memory.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, NewFile, bytes_of, items_of, read_slice, sync_folder
from cooc.kernels.rows import CELLS, DONE, ENTRY, FULL, MOST_CELL_BYTES, OUT, ROW, WRITTEN, merge_entries

Array = NDArray[Any]

OUT_BYTES = 4 << 20
"""Rows are written out whenever about so much has come together; a single row may need more."""

COPIED = 1 << 20
"""Bytes of a file read at a time on their way to another."""

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


class Merged(NamedTuple):
    """Runs that follow each other in the order of their rows, and the cells of all."""

    names: list[str]
    cells: int


class Pieces(msgspec.Struct, frozen=True):
    """How a merge is cut: rows [edges[k], edges[k + 1]) are a piece, `fan` runs are merged at a time."""

    edges: list[int]
    fan: int


LEAST_BUFFER = 64 << 10
"""Bytes of each run that are read at a time, where there are many."""

MOST_FAN = 512

ENTRY_BYTES = 160
"""Memory of a row of a run while it is merged: its line, read, sorted and grouped."""

TILE_BYTES = 14
"""Memory of a column of a tile, with what finds it again."""

ALL_ROWS = 1 << 32


def merge_runs(work: Work, stage: str, runs: Runs, *, folder: str, columns: int, minimum: int) -> Merged:
    """Add up runs into runs that follow each other, below `folder`; cells under `minimum` are dropped.

    Rows are cut into pieces, and each piece is merged by tasks of their own, in as many passes as there are
    too many runs for one. What was merged is removed as soon as its sum is recorded: no task reads it again.
    """
    pieces = msgspec.convert(work.once(f"{stage} pieces", choose_pieces, runs), Pieces)
    places = list(itertools.pairwise(pieces.edges))
    level = 0
    while True:
        groups = max(1, -(-len(runs) // pieces.fan))
        last = groups == 1
        made = folder if last else f"{folder}-{level}"
        rows = [
            (runs, (group * pieces.fan, min(len(runs), (group + 1) * pieces.fan)), piece, place,
             f"{made}/{piece}" if last else f"{made}/{group}-{piece}", columns, minimum if last else 1)
            for group in range(groups)
            for piece, place in enumerate(places)
        ]  # fmt: skip
        found = work.tasks(
            stage if last else f"{stage} {level}", merge_piece, rows,
            then=functools.partial(drop_merged, work, rows, len(places)),
        )  # fmt: skip
        if last:
            return Merged([row[4] for row in rows], sum(msgspec.convert(run, Run).cells for run in found))
        runs, level = Runs((made,), groups, in_pieces=True), level + 1


def drop_merged(work: Work, rows: list[tuple[Any, ...]], pieces: int, number: int) -> None:
    """Remove what task `number` has merged, or with the last piece of a group the runs that all pieces read."""
    runs, (start, stop), piece = rows[number][:3]
    if runs.in_pieces or piece == pieces - 1:
        for number in range(start, stop):
            drop_run(work, runs.name(number, piece))


def drop_run(work: Work, name: str) -> None:
    """Remove a run; it may be gone already."""
    path = work.path(name)
    path.unlink(missing_ok=True)
    rows_path(path).unlink(missing_ok=True)


def gather(work: Work, names: list[str], out: str, columns: int) -> None:
    """Make one run of the runs that a task wrote, which are gone then."""
    if len(names) == 1:
        for path in (rows_path, Path):
            os.replace(path(work.path(names[0])), path(work.path(out)))
        sync_folder(work.path(out).parent)
        return
    paths = [work.path(name) for name in names]
    merge_files(paths, work.path(out), (0, ALL_ROWS), 1, room_for(work.share, len(paths), columns))
    for name in names:
        drop_run(work, name)


SAMPLED = 32
"""Runs that are looked at to cut rows into pieces of equal size."""

FINE_EDGES = 512

PIECE_BYTES = 2 << 20
"""A piece is not smaller than that without need: each is a task and files."""


def choose_pieces(work: Work, runs: Runs) -> Pieces:
    """Cut rows into pieces of about equal bytes, by a sample of the runs."""
    numbers = sorted({len(runs) * k // SAMPLED for k in range(SAMPLED)} if len(runs) else ())
    paths = [rows_path(work.path(runs.name(number, 0))) for number in numbers]
    most = max((int(read_slice(path, items_of(path) - 3, items_of(path))[0]) for path in paths if items_of(path)),
               default=0) + 1  # fmt: skip
    # frequent units come first for some tokenizers, and anywhere for others
    edges = np.unique(np.concatenate([
        [0, most], np.geomspace(1, most, FINE_EDGES), np.linspace(1, most, FINE_EDGES),
    ]).astype(np.int64))  # fmt: skip
    weights = np.zeros(len(edges), np.int64)
    for path in paths:
        for lines in entries_of_runs([path]):
            places = np.searchsorted(edges, lines[:, 0], side="right") - 1
            weights += np.bincount(places, lines[:, 1] + 1, len(edges)).astype(np.int64)
    parts = min(work.pieces, int(weights.sum()) * len(runs) // max(1, len(paths)) // PIECE_BYTES)
    cuts = [int(edges[start]) for start, _ in balanced_ranges(weights, max(1, parts))][1:]
    return Pieces([0, *cuts, ALL_ROWS], min(MOST_FAN, max(2, buffers(work.share) // LEAST_BUFFER)))


def buffers(share: int) -> int:
    """Memory of a task that merges for bytes of runs."""
    return share * 3 // 8


def lines_of(path: Path, first: int, stop: int, size: int) -> Iterator[Array]:
    """Lines [first, stop) of a run's rows, `size` at a time."""
    for start in range(first, stop, size):
        yield read_slice(path, 3 * start, 3 * min(stop, start + size)).reshape(-1, 3)


class Room(NamedTuple):
    """What a merge may use: bytes of a run, columns of a tile, rows of a run, bytes of results."""

    buffer: int
    width: int
    lines: int
    out: int


def room_for(share: int, runs: int, columns: int) -> Room:
    """Three eighths for bytes of runs, a quarter for the tile, an eighth for rows, and a sixteenth for results."""
    return Room(
        min(8 << 20, max(4 * MOST_CELL_BYTES, buffers(share) // max(1, runs))),
        max(64, min(columns, share // 4 // TILE_BYTES)),
        max(1, min(1 << 18, share // 8 // ENTRY_BYTES // max(1, runs))),
        min(OUT_BYTES, max(64, share // 16)),
    )


def merge_piece(
    work: Work, runs: Runs, group: tuple[int, int], piece: int, place: tuple[int, int], out: str, columns: int,
    minimum: int,
) -> Run:  # fmt: skip
    """Add up rows [place) of the runs [group) and write them as a run."""
    paths = [work.path(runs.name(number, piece)) for number in range(*group)]
    return merge_files(paths, work.path(out), place, minimum, room_for(work.share, len(paths), columns))


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


def join_cells(work: Work, names: list[str], out: Path) -> None:
    """Make one file of the cells of runs that follow each other."""
    join_files([work.path(name) for name in names], out)


def join_files(paths: list[Path], out: Path) -> None:
    """Make one file of several."""
    with NewFile(out) as file:
        for path in paths:
            copy_into(file, path)


def copy_into(file: NewFile, path: Path) -> None:
    """Append a file."""
    try:
        with open(path, "rb") as source:
            while data := source.read(COPIED):
                file.write(data)
    except OSError as error:
        raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error


def join_starts(work: Work, names: list[str], units: int, out: Path) -> None:
    """Write where the row of each of `units` units begins once runs that follow each other are one file."""
    begun = 0
    with NewFile(out) as file:
        file.write_array(np.zeros(1, np.int64))
        for _, sizes, _ in dense_lines(work, names, units):
            np.cumsum(sizes, out=sizes)
            file.write_array(sizes + begun)
            begun += int(sizes[-1])


def join_sums(work: Work, names: list[str], units: int, out: Path, *, words: int = 0) -> int:
    """Write the marginal of each of `units` units; returns the sum of those of the first `words` units."""
    total = 0
    with NewFile(out) as file:
        for start, _, sums in dense_lines(work, names, units):
            file.write_array(sums)
            total += int(sums[: max(0, words - start)].sum())
    return total


def dense_lines(work: Work, names: list[str], units: int) -> Iterator[tuple[int, Array, Array]]:
    """(first unit, sizes in bytes, marginals) of all units, some at a time; a unit without a row has zeros."""
    entries = entries_of_runs([rows_path(work.path(name)) for name in names])
    waiting = np.zeros((0, 3), np.int64)
    for start in range(0, units, UNITS_JOINED):
        stop = min(units, start + UNITS_JOINED)
        sizes, sums = np.zeros(stop - start, np.int64), np.zeros(stop - start, np.int64)
        while True:
            count = int(np.searchsorted(waiting[:, 0], stop))
            here = waiting[:count, 0] - start
            sizes[here], sums[here] = waiting[:count, 1], waiting[:count, 2]
            waiting = waiting[count:]
            if len(waiting) or (more := next(entries, None)) is None:
                break
            waiting = more
        yield start, sizes, sums


def entries_of_runs(paths: list[Path]) -> Iterator[Array]:
    """Lines (unit, size in bytes, marginal) of runs that follow each other."""
    for path in paths:
        end = 0
        for lines in lines_of(path, 0, items_of(path) // 3, UNITS_JOINED):
            sizes = np.diff(lines[:, 1], prepend=end)
            end = int(lines[-1, 1])
            yield np.column_stack([lines[:, 0], sizes, lines[:, 2]])


def balanced_ranges(weights: Array, parts: int) -> list[tuple[int, int]]:
    """Cut [0, len(weights)) into at most `parts` ranges of about equal weight, none empty."""
    if not len(weights):
        return []
    total = np.cumsum(weights, dtype=np.int64)
    wanted = total[-1] * np.arange(1, parts) // parts
    edges = np.unique(np.concatenate([[0], np.searchsorted(total, wanted, side="right"), [len(weights)]]))
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
