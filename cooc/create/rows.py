"""Rows on their way to a matrix: many runs become one, cut into pieces of rows, and then the files of an index."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.row_merge import ALL_ROWS, LEAST_BUFFER, buffers, merge_files, room_for
from cooc.create.runs import (
    UNITS_JOINED,
    Run,
    Runs,
    RunWriter,
    Scratch,
    drop_run,
    entries_of_runs,
    make_scratch,
    rows_path,
    write_run,
    write_sums,
)
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, NewFile, items_of, move, read_slice

Array = NDArray[Any]

__all__ = [
    "ALL_ROWS", "Merged", "Run", "RunWriter", "Runs", "Scratch", "balanced_ranges", "copy_into", "drop_run", "gather",
    "join_cells", "join_files", "join_starts", "join_sums", "make_scratch", "merge_runs", "rows_path", "write_run",
    "write_sums",
]  # fmt: skip

COPIED = 1 << 20
"""Bytes of a file read at a time on their way to another."""


class Merged(NamedTuple):
    """Runs that follow each other in the order of their rows, and the cells of all."""

    names: list[str]
    cells: int


class Pieces(msgspec.Struct, frozen=True):
    """How a merge is cut: rows [edges[k], edges[k + 1]) are a piece, `fan` runs are merged at a time."""

    edges: list[int]
    fan: int


MOST_FAN = 512


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


def gather(work: Work, names: list[str], out: str, columns: int) -> None:
    """Make one run of the runs that a task wrote, which are gone then."""
    if len(names) == 1:
        for path in (rows_path, Path):
            move(path(work.path(names[0])), path(work.path(out)))
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


def merge_piece(
    work: Work, runs: Runs, group: tuple[int, int], piece: int, place: tuple[int, int], out: str, columns: int,
    minimum: int,
) -> Run:  # fmt: skip
    """Add up rows [place) of the runs [group) and write them as a run."""
    paths = [work.path(runs.name(number, piece)) for number in range(*group)]
    return merge_files(paths, work.path(out), place, minimum, room_for(work.share, len(paths), columns))


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


def balanced_ranges(weights: Array, parts: int) -> list[tuple[int, int]]:
    """Cut [0, len(weights)) into at most `parts` ranges of about equal weight, none empty."""
    if not len(weights):
        return []
    total = np.cumsum(weights, dtype=np.int64)
    wanted = total[-1] * np.arange(1, parts) // parts
    edges = np.unique(np.concatenate([[0], np.searchsorted(total, wanted, side="right"), [len(weights)]]))
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
