"""Cells (seed, context) with their counts: sorted runs in memory, on disk when there are too many, and merged.

A key is seed << 32 | context; a row of values goes with each. Runs are sorted and hold a key once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.index.files import refusal
from cooc.kernels.seeds import merge_cells

Array = NDArray[Any]

MERGED_AT_ONCE = 1 << 17
"""Cells: as many as the caches hold, so that a merge goes from cache to cache."""

FAN = 16
"""Runs on disk that are merged to a longer one."""

STEP = 1 << 10
"""Cells between two keys of a run that are kept in memory, so that a key is found by one small reading."""


class Part(NamedTuple):
    """Sorted cells in memory."""

    keys: Array
    values: Array

    def samples(self) -> Array:
        return self.keys[::STEP]

    def cut(self, key: Any) -> int:
        """How many cells lie before a key."""
        return int(np.searchsorted(self.keys, key))

    def slice(self, start: int, stop: int) -> Part:
        return Part(self.keys[start:stop], self.values[start:stop])

    def __len__(self) -> int:
        return len(self.keys)


class Run(Protocol):
    """Sorted cells, wherever they are."""

    def samples(self) -> Array: ...
    def cut(self, key: Any) -> int: ...
    def slice(self, start: int, stop: int) -> Part: ...
    def __len__(self) -> int: ...


class FileRun:
    """Sorted cells in two files, written once and then read by slices."""

    def __init__(self, path: Path, columns: int) -> None:
        self._keys, self._values = path.with_suffix(".keys"), path.with_suffix(".values")
        self._columns, self._size = columns, 0
        self._samples: list[Array] = []

    def write(self, parts: Iterator[Part]) -> FileRun:
        """Write all cells; raises `BuildError` where the disk is full."""
        try:
            with open(self._keys, "wb") as keys, open(self._values, "wb") as values:
                for part in parts:
                    first = -self._size % STEP
                    self._samples.append(part.keys[first::STEP].copy())
                    self._size += len(part)
                    part.keys.tofile(keys)
                    np.ascontiguousarray(part.values).tofile(values)
        except OSError as error:
            raise BuildError(refusal(self._keys, 8 * (1 + self._columns) * self._size, error)) from error
        self._samples = [np.concatenate([np.zeros(0, np.uint64), *self._samples])]
        return self

    def samples(self) -> Array:
        return self._samples[0]

    def cut(self, key: Any) -> int:
        before = int(np.searchsorted(self._samples[0], key))
        if before == 0:
            return 0
        first = (before - 1) * STEP
        keys = np.fromfile(self._keys, np.uint64, min(STEP, self._size - first), offset=8 * first)
        return first + int(np.searchsorted(keys, key))

    def slice(self, start: int, stop: int) -> Part:
        count, columns = stop - start, self._columns
        keys = np.fromfile(self._keys, np.uint64, count, offset=8 * start)
        values = np.fromfile(self._values, np.int64, count * columns, offset=8 * start * columns)
        return Part(keys, values.reshape(count, columns))

    def __len__(self) -> int:
        return self._size

    def remove(self) -> None:
        self._keys.unlink(missing_ok=True)
        self._values.unlink(missing_ok=True)


class Cells:
    """The cells of one worker: added in sorted parts, merged to the disk when they exceed `budget` bytes."""

    def __init__(self, folder: Path, *, columns: int, budget: int) -> None:
        self.folder, self.columns, self.budget = folder, columns, budget
        self.spilled = 0
        self._levels: list[list[FileRun]] = []
        self._held: list[Part] = []
        self._bytes = 0

    def add(self, keys: Array, values: Array) -> None:
        """Take a copy of sorted cells."""
        if len(keys) == 0:
            return
        self._held.append(Part(keys.copy(), values.copy()))
        self._bytes += keys.nbytes + values.nbytes
        if self._bytes > self.budget:
            self._spill()

    def all_runs(self) -> list[Run]:
        return [*itertools.chain.from_iterable(self._levels), *self._held]

    def room(self) -> int:
        """Cells that a merge may hold at a time."""
        return max(STEP, self.budget // (4 * 8 * (1 + self.columns)))

    def write(self, parts: Iterator[Part]) -> FileRun:
        """A new run on disk."""
        self.spilled += 1
        return FileRun(self.folder / f"run-{self.spilled}", self.columns).write(parts)

    def _spill(self) -> None:
        self._keep(self.write(merged(self._held, room=self.room())), 0)
        self._held, self._bytes = [], 0

    def _keep(self, run: FileRun, level: int) -> None:
        """Keep a run; so many of one level are merged to one of the next, that there are never too many."""
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(run)
        if len(self._levels[level]) == FAN:
            small, self._levels[level] = self._levels[level], []
            self._keep(self.write(merged(small, room=self.room())), level + 1)
            for each in small:
                each.remove()


def merged(runs: Sequence[Run], *, room: int) -> Iterator[Part]:
    """The cells of all runs by key, values of equal keys added, in parts of about `room` cells read."""
    runs = [run for run in runs if len(run)]
    samples = np.sort(np.concatenate([np.zeros(0, np.uint64), *(run.samples() for run in runs)]))
    # between two of these keys lie `stride` sampled ones, hence at most so many steps and one more of each run;
    # fewer than a step of each run at a time would be reading in crumbs
    stride = max(1, len(runs), min(room, MERGED_AT_ONCE) // STEP - len(runs))
    places = [0] * len(runs)
    for key in [*np.unique(samples[stride::stride]), None]:
        ends = [len(run) if key is None else run.cut(key) for run in runs]
        parts = [run.slice(a, b) for run, a, b in zip(runs, places, ends, strict=True) if b > a]
        places = ends
        if parts:
            yield joined(parts)


def joined(parts: list[Part]) -> Part:
    """Sorted parts as one, two by two."""
    while len(parts) > 1:
        pairs = itertools.zip_longest(parts[::2], parts[1::2])
        parts = [a if b is None else join_two(a, b) for a, b in pairs]
    return parts[0]


def join_two(a: Part, b: Part) -> Part:
    keys = np.empty(len(a) + len(b), np.uint64)
    values = np.empty((len(keys), a.values.shape[1]), np.int64)
    size = merge_cells(a.keys, a.values, b.keys, b.values, keys, values)
    return Part(keys[:size], values[:size])


def relabelled(runs: Sequence[Run], map_to: Array, cells: Cells) -> list[Run]:
    """The runs with each context c as `map_to[c]`, sorted anew; on the disk, where what they had there is removed."""
    last, number = -1, 0

    def numbered() -> Iterator[tuple[int, Part]]:
        """The pieces, each with the number of its run: a new one where a seed was too large for one piece."""
        nonlocal last, number
        for piece in seed_by_seed(merged(runs, room=cells.room()), cells.room()):
            contexts = (piece.keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
            keys = (piece.keys >> np.uint64(32) << np.uint64(32)) | map_to[contexts].astype(np.uint64)
            order = np.argsort(keys)
            number += int(keys[order[0]]) <= last
            last = int(keys[order[-1]])
            yield number, Part(keys[order], piece.values[order])

    found: list[Run] = [
        cells.write(piece for _, piece in pieces) for _, pieces in itertools.groupby(numbered(), lambda each: each[0])
    ]
    for run in runs:
        if isinstance(run, FileRun):
            run.remove()
    return found


def seed_by_seed(parts: Iterator[Part], room: int) -> Iterator[Part]:
    """Sorted cells in parts of about `room`, cut between seeds if no seed alone is larger."""
    held: list[Part] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= room:
            whole = Part(np.concatenate([each.keys for each in held]), np.concatenate([each.values for each in held]))
            end = whole.cut(whole.keys[-1] >> np.uint64(32) << np.uint64(32)) or len(whole)
            yield whole.slice(0, end)
            held = [whole.slice(end, len(whole))] if end < len(whole) else []
    if held:
        yield Part(np.concatenate([each.keys for each in held]), np.concatenate([each.values for each in held]))
