"""The documents that agree in a band, compared with each other: which follows which.

The keys of a band lie sorted in the runs of all parts. A task takes a range of keys of every band, merges it from the
runs, and looks at each bucket in the order of its documents. No step holds more than its share: a range with too many
keys is halved, and a single key with too many documents is read run after run, which is their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.minhash import PERMUTATIONS
from cooc.create.sketches import FOLDER, SIGNATURE_BYTES, Handles, gather_of_parts, hashing_of, run_rows, sketch_folder
from cooc.create.work import Work
from cooc.index.files import NewFile, items_of, read_slice, write_array

Array = NDArray[Any]

FIRSTS = f"{FOLDER}/firsts.i64"
MOST_LEADERS = 1000
"""Of a bucket: no document is compared with more."""

ALL_KEYS = 1 << 64
PAGE = 512
"""Keys that are read at once where a place among them is sought."""


class Runs(NamedTuple):
    """The runs of all parts, in the order of their documents: rows [begin, begin + size) of a part."""

    part: Array
    begin: Array
    size: Array
    first: Array  # number of the first signature of each part, and of all


def load_runs(work: Work) -> Runs:
    """The runs of a build, by the numbers of signatures that the driver kept."""
    path, most = work.path(FIRSTS), run_rows(work)
    first = read_slice(path, 0, items_of(path))
    runs = -(-np.diff(first) // most)
    part = np.repeat(np.arange(len(runs)), runs)
    begin = most * (np.arange(len(part)) - np.repeat(np.cumsum(runs) - runs, runs))
    return Runs(part, begin, np.minimum(most, np.diff(first)[part] - begin), first)


def links_name(number: int) -> str:
    return f"{FOLDER}/links/{number}.i64"


def ends_name(number: int) -> str:
    return f"{FOLDER}/links/{number}-ends.i64"


class Chunk(NamedTuple):
    """Some members of buckets, in the order of their keys, and of their documents within; no keys that occur once.

    `is_whole`: the buckets are not cut. Equal `wholes` in a bucket are equal signatures.
    """

    keys: Array
    numbers: Array
    wholes: Array
    is_whole: bool


def match_range(work: Work, number: int, ranges: int, least: int) -> int:
    """Find which documents follow which in the buckets of a range of keys; returns how many links were found.

    `links_name` has rows (signature, leader << 8 | places agreeing) in sorted runs, a signature once in a run, and
    `ends_name` where each run ends.
    """
    low, high = ALL_KEYS * number // ranges, ALL_KEYS * (number + 1) // ranges
    with Handles() as handles, NewFile(work.path(links_name(number))) as file:
        reader, found = BucketReader(work, handles), Links(file, work.share // 8)
        for band in range(hashing_of(work).bands):
            matcher = Matcher(reader, least)
            for chunk in reader.members(band, low, high):
                found.add(matcher.match(chunk))
        found.end_run()
    write_array(work.path(ends_name(number)), np.array(found.ends, np.int64))
    return found.ends[-1] if found.ends else 0


class Matcher:
    """Follows the buckets of one band, in the order of their keys."""

    def __init__(self, reader: BucketReader, least: int) -> None:
        from cooc.kernels.signatures import LEADS, find_leaders

        self._kernel, self._leads, self._reader, self._least = find_leaders, LEADS, reader, least
        self._bucket = np.zeros(2, np.uint64)
        self._leaders = np.empty((MOST_LEADERS, PERMUTATIONS), np.uint32)
        self._numbers = np.empty(MOST_LEADERS, np.int64)

    def match(self, chunk: Chunk) -> Array:
        """The links of the documents that follow one. Signatures are compared once for all that are equal."""
        keys, numbers = chunk.keys, chunk.numbers
        foremost = first_alike(keys, chunk.wholes)
        is_first = foremost == np.arange(len(keys))
        compared = np.flatnonzero(is_first & (differing(keys, is_first) if chunk.is_whole else True))
        outcomes = np.full(len(keys), self._leads, np.int64)
        step = self._reader.signatures_at_once
        for begin in range(0, len(compared), step):
            some = compared[begin : begin + step]
            outcomes[some] = self._outcomes(keys[some], numbers[some])
        repeats = outcomes[foremost]
        led = ~is_first & (repeats == self._leads)
        repeats[led] = numbers[foremost[led]] << 8 | PERMUTATIONS
        follows = repeats >= 0
        return np.stack([numbers[follows], repeats[follows]], axis=1)

    def _outcomes(self, keys: Array, numbers: Array) -> Array:
        outcomes = np.empty(len(keys), np.int64)
        signatures = self._reader.signatures(numbers)
        self._kernel(keys, numbers, signatures, self._least, self._bucket, self._leaders, self._numbers, outcomes)
        return outcomes


def first_alike(keys: Array, wholes: Array) -> Array:
    """For each place, the first place with the same key and whole."""
    order = np.lexsort((wholes, keys))
    edges = (np.diff(keys[order]) != 0) | (np.diff(wholes[order]) != 0)
    begins = np.flatnonzero(np.concatenate([[True], edges])[: len(order)])
    foremost = np.empty(len(order), np.int64)
    foremost[order] = np.repeat(order[begins], np.diff(np.append(begins, len(order))))
    return foremost


def differing(keys: Array, is_first: Array) -> Array:
    """Whether each place's key has more than one first."""
    bucket = np.cumsum(np.diff(keys, prepend=keys[:1]) != 0)
    differs: Array = np.bincount(bucket, is_first)[bucket] > 1
    return differs


class Links:
    """Links on their way to a file, sorted as many at a time as there is memory for."""

    def __init__(self, file: NewFile, room: int) -> None:
        self.ends: list[int] = []
        self._file, self._most = file, max(64, room // 64)
        self._waiting: list[Array] = []
        self._count = 0

    def add(self, links: Array) -> None:
        if len(links):
            self._waiting.append(links)
        self._count += len(links)
        if self._count >= self._most:
            self.end_run()

    def end_run(self) -> None:
        """Sort what waits by signature, keep the first leader of each, and write it."""
        if self._count:
            kept = first_links(np.concatenate(self._waiting))
            self._file.write_array(kept)
            self.ends.append(len(kept) + (self.ends[-1] if self.ends else 0))
        self._waiting, self._count = [], 0


def first_links(links: Array) -> Array:
    """Links by signature, and of each signature only that to the first leader."""
    links = links[np.lexsort((links[:, 1], links[:, 0]))]
    return links[np.flatnonzero(np.diff(links[:, 0], prepend=-1))]


class BucketReader:
    """Members of buckets, merged from the runs, and their signatures."""

    def __init__(self, work: Work, handles: Handles) -> None:
        self._work, self._handles, self._runs = work, handles, load_runs(work)
        self._bands = hashing_of(work).bands
        self._at_once = max(64, work.share // 8 // 128)
        self.signatures_at_once = max(64, work.share // 8 // (5 * SIGNATURE_BYTES))

    def members(self, band: int, low: int, high: int) -> Iterator[Chunk]:
        """The buckets of two documents and more with keys in [low, high)."""
        zeros = np.zeros(len(self._runs.part), np.int64)
        starts = self._find(band, low, zeros, self._runs.size)
        stops = self._find(band, high, starts, self._runs.size)
        yield from self._merged(band, low, high, starts, stops)

    def _merged(self, band: int, low: int, high: int, starts: Array, stops: Array) -> Iterator[Chunk]:
        """What the runs have at [starts, stops), which are their keys in [low, high)."""
        if int((stops - starts).sum()) <= self._at_once:
            yield self._sorted(band, starts, stops)
        elif high - low > 1:
            middle = (low + high) // 2
            middles = self._find(band, middle, starts, stops)
            yield from self._merged(band, low, middle, starts, middles)
            yield from self._merged(band, middle, high, middles, stops)
        else:
            for run in np.flatnonzero(starts < stops).tolist():
                for begin in range(int(starts[run]), int(stops[run]), self._at_once):
                    end = min(begin + self._at_once, int(stops[run]))
                    yield Chunk(*self._read(band, run, begin, end), is_whole=False)

    def _sorted(self, band: int, starts: Array, stops: Array) -> Chunk:
        """All of a range of keys, in order."""
        found = [self._read(band, run, int(starts[run]), int(stops[run]))
                 for run in np.flatnonzero(starts < stops).tolist()]  # fmt: skip
        empty = (np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint64))
        keys, numbers, wholes = (np.concatenate(each) for each in zip(empty, *found, strict=True))
        order = np.argsort(keys, kind="stable")
        as_before = keys[order[1:]] == keys[order[:-1]]
        shared = np.zeros(len(order), bool)
        shared[1:] |= as_before
        shared[:-1] |= as_before
        order = order[shared]
        return Chunk(keys[order], numbers[order], wholes[order], is_whole=True)

    def _place(self, band: int, run: int) -> tuple[int, int]:
        """Part of a run, and where its keys of a band begin in the part's file."""
        begin, size = int(self._runs.begin[run]), int(self._runs.size[run])
        return int(self._runs.part[run]), begin * self._bands + band * size

    def _read(self, band: int, run: int, start: int, stop: int) -> tuple[Array, Array, Array]:
        part, place = self._place(band, run)
        folder = sketch_folder(self._work, part)
        keys, rows, wholes = (
            self._handles.items(folder / name, place + start, place + stop, dtype)
            for name, dtype in (("keys.u64", "<u8"), ("rows.u32", "<u4"), ("wholes.u64", "<u8"))
        )
        # copied, because a kernel is compiled once for arrays that may be written and once for others
        return keys.copy(), rows + (self._runs.first[part] + self._runs.begin[run]), wholes

    def _find(self, band: int, key: int, starts: Array, stops: Array) -> Array:
        """In each run, the first place in [start, stop) with that key or a larger one; stop where there is none."""
        if key in (0, ALL_KEYS):
            return starts.copy() if key == 0 else stops.copy()
        found = np.empty(len(starts), np.int64)
        for run in range(len(found)):
            found[run] = self._find_in(band, run, key, int(starts[run]), int(stops[run]))
        return found

    def _find_in(self, band: int, run: int, key: int, start: int, stop: int) -> int:
        if start == stop:
            return start
        part, place = self._place(band, run)
        path = sketch_folder(self._work, part) / "keys.u64"
        while stop - start > PAGE:
            middle = (start + stop) // 2
            if int(self._handles.items(path, place + middle, place + middle + 1, "<u8")[0]) < key:
                start = middle + 1
            else:
                stop = middle
        page = self._handles.items(path, place + start, place + stop, "<u8")
        return start + int(np.searchsorted(page, np.uint64(key)))

    def signatures(self, numbers: Array) -> Array:
        """The signature of each number."""
        first = self._runs.first
        return gather_of_parts(self._work, self._handles, first, numbers, "signatures.u32", width=PERMUTATIONS)
