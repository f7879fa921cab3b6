"""The suffix array of a token store of any size, sorted on the disk: the same bytes as in memory.

Prefix doubling as in `cooc/phrases/sort.py`, with the ranks in a file for each part of the store (as Dementiev,
Kärkkäinen, Mehnert and Sanders do, "Better external memory suffix array construction", 2008). A round has these
stages, and each of their tasks reads and writes in sequence:

1. runs: the suffixes of a part that are not final, sorted by their keys and, where these are equal, by place;
2. cuts: places in the order of all, by samples of the runs, between which a task can hold what there is;
3. bounds: where each run is cut;
4. groups: what lies between two cuts is sorted and ranked, and sent to the parts it came from;
5. ranks: each part takes the ranks it was sent.

When what is not final fits one task, it is refined in memory. At the end the ranks are turned round. What repeats,
however long and often, costs rounds and not memory; where the store was cut decides nothing but the time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.work import Work
from cooc.index.files import InPlace, items_of, make_empty, read_slice, write_array
from cooc.index.layout import TOKENS
from cooc.index.table import pointer_width
from cooc.kernels.suffixes import KEY_CODES, UNIQUE, first_keys, lower_bounds, name_groups, sort_column
from cooc.phrases.sort import BYTES_A_SUFFIX, order_of, refine, second_keys

Array = NDArray[Any]

STORE, TABLE = f"{TOKENS}/tokenized.0", f"{TOKENS}/table.0"

FOLDER = "suffixes"

SAMPLES = 64
"""Of what a task of stage 4 is to hold; they are spread, so that it holds a quarter more at the most."""

STEP = 0.6180339887498949
"""Of a sample, by which each run begins to sample later than the one before: runs may be alike."""


class Level(msgspec.Struct, frozen=True):
    """A round: `codes` are cut into parts of `part` codes, and suffixes agree in `depth` codes already (0: in none)."""

    number: int
    codes: int
    part: int
    depth: int

    @property
    def parts(self) -> int:
        return -(-self.codes // self.part)

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self.number}"

    def span(self, part: int) -> tuple[int, int]:
        """The places of a part."""
        return part * self.part, min(self.codes, (part + 1) * self.part)


def sort_store(work: Work, codes: int) -> None:
    """Write the table by tasks that fit the memory each has."""
    part = max(1, work.share // BYTES_A_SUFFIX)
    level = Level(0, codes, part, 0)
    several = run_level(work, level)
    while several > part:
        level = Level(level.number + 1, codes, part, max(KEY_CODES, 2 * level.depth))
        several = run_level(work, level)
        drop(work, f"{FOLDER}/{level.number - 1}")
    work.once("suffixes finish", finish, level)
    make_empty(work.index / TABLE)
    work.tasks("suffixes order", turn_part, [(level, part) for part in range(level.parts)])
    work.tasks("suffixes table", write_part, [(level, part) for part in range(level.parts)])
    drop(work, FOLDER)


def run_level(work: Work, level: Level) -> int:
    """One round; returns how many suffixes are not final after it."""
    name, parts = f"suffixes {level.number}", [(level, part) for part in range(level.parts)]
    work.tasks(f"{name} runs", write_run, parts)
    buckets = work.once(f"{name} cuts", choose_cuts, level)
    work.tasks(f"{name} bounds", find_bounds, parts)
    several = work.tasks(f"{name} groups", write_groups, [(level, bucket) for bucket in range(buckets)])
    drop(work, f"{level.folder}/runs")
    work.tasks(f"{name} ranks", write_ranks, [(level, part, buckets) for part in range(level.parts)])
    drop(work, f"{level.folder}/groups")
    return sum(several)


def drop(work: Work, name: str) -> None:
    """Remove what is read no more."""
    shutil.rmtree(work.path(name), ignore_errors=True)


def run_folder(work: Work, level: Level, part: int) -> Path:
    return work.path(f"{level.folder}/runs/{part}")


def write_run(work: Work, level: Level, part: int) -> None:
    """Stage 1: a part's suffixes, sorted by their keys, and every so-manieth as a sample."""
    begin, stop = level.span(part)
    folder = run_folder(work, level, part)
    if level.depth == 0:
        high, places = first_run(work, level, begin, stop)
        low = np.zeros(len(high), np.uint64)
    else:
        high, low, places = later_run(work, level, begin, stop)
        write_array(folder / "low.u64", low)
    write_array(folder / "high.u64", high)
    write_array(folder / "places.u32", places)
    every = sample_step(level)
    chosen = np.arange(int(every * (part * STEP % 1)), len(high), every)
    sample = [high[chosen], low[chosen], places[chosen].astype(np.uint64) + np.uint64(begin)]
    write_array(folder / "sample.u64", np.stack(sample, axis=1))


def sample_step(level: Level) -> int:
    """Of so many suffixes one is a sample; a task of stage 4 gets `SAMPLES` of them."""
    return max(1, level.part // (2 * SAMPLES))


def first_run(work: Work, level: Level, begin: int, stop: int) -> tuple[Array, Array]:
    """All suffixes of a part by their first codes."""
    codes = read_codes(work, begin, min(level.codes, stop + KEY_CODES - 1))
    keys, places = np.empty(stop - begin, np.uint64), np.arange(stop - begin, dtype=np.uint32)
    first_keys(codes, keys)
    sort_column(keys, places, np.empty_like(keys), np.empty_like(places))
    return keys, places


def read_codes(work: Work, begin: int, stop: int) -> Array:
    return read_slice(work.index / STORE, 2 * begin, 2 * stop).view("<u2")


def later_run(work: Work, level: Level, begin: int, stop: int) -> tuple[Array, Array, Array]:
    """The suffixes of a part that are not final, by their ranks and those of the suffixes `depth` further on."""
    ranks = ranks_before(work, level, begin, stop)
    places = np.flatnonzero(ranks & UNIQUE == 0)
    high = ranks[places]
    del ranks

    def rank_of(wanted: Array) -> Array:
        if not len(wanted):
            return np.empty(0, np.uint64)
        first = int(wanted[0])
        held: Array = ranks_before(work, level, first, int(wanted[-1]) + 1)[wanted - first]
        return held

    low = second_keys(places + (begin + level.depth), level.depth, level.codes, rank_of)
    order = order_of(high, low)
    return high[order], low[order], places[order].astype(np.uint32)


def ranks_before(work: Work, level: Level, begin: int, stop: int) -> Array:
    """The ranks that the round before gave to the places [begin, stop)."""
    return read_ranks(work, msgspec.structs.replace(level, number=level.number - 1), begin, stop)


def read_ranks(work: Work, level: Level, begin: int, stop: int) -> Array:
    """The ranks that a round gave to the places [begin, stop)."""
    pieces = []
    for part in range(begin // level.part, -(-stop // level.part)):
        first, last = level.span(part)
        path = work.path(f"{level.folder}/ranks/{part}.u64")
        pieces.append(read_slice(path, max(begin, first) - first, min(stop, last) - first))
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.empty(0, np.uint64), *pieces])


def choose_cuts(work: Work, level: Level) -> int:
    """Stage 2: the rows (keys and place) at which the order of all is cut; returns how many pieces that makes."""
    samples = np.concatenate([read_rows(run_folder(work, level, part) / "sample.u64") for part in range(level.parts)])
    order = np.lexsort(samples.T[::-1])
    cuts = samples[order[SAMPLES::SAMPLES]]
    write_array(work.path(f"{level.folder}/runs/cuts.u64"), cuts)
    return len(cuts) + 1


def read_rows(path: Path) -> Array:
    return read_slice(path, 0, items_of(path)).reshape(-1, 3)


def find_bounds(work: Work, level: Level, part: int) -> None:
    """Stage 3: how many rows of a run are before each cut, before its group, and before those with its first key."""
    folder = run_folder(work, level, part)
    high, low, places = read_run(folder, 0, items_of(folder / "high.u64"))
    cuts, begin = read_rows(work.path(f"{level.folder}/runs/cuts.u64")), level.span(part)[0]
    bounds, none = np.empty((len(cuts), 3), np.int64), np.zeros(len(cuts), np.uint64)
    here = places.astype(np.uint64) + np.uint64(begin)
    for column, keys in enumerate(((*cuts.T,), (cuts[:, 0], cuts[:, 1], none), (cuts[:, 0], none, none))):
        found = np.empty(len(cuts), np.int64)
        lower_bounds(high, low, here, *map(np.ascontiguousarray, keys), found)
        bounds[:, column] = found
    write_array(folder / "bounds.i64", bounds)


def read_run(folder: Path, start: int, stop: int) -> tuple[Array, Array, Array]:
    """Rows of a run: both keys, and places in its part."""
    high, places = (read_slice(folder / name, start, stop) for name in ("high.u64", "places.u32"))
    path = folder / "low.u64"
    return high, read_slice(path, start, stop) if path.exists() else np.zeros(len(high), np.uint64), places


def write_groups(work: Work, level: Level, bucket: int) -> int:
    """Stage 4: rank what lies between two cuts, and write it by the parts it came from.

    Returns how many suffixes are not final.
    """
    cuts = read_rows(work.path(f"{level.folder}/runs/cuts.u64"))
    begin, high_begin, pair_begin, rows = gather(work, level, bucket, len(cuts))
    high, low, places = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = order_of(high, low) if level.depth else order_of_one(high)
    high, low, places = high[order], low[order], places[order]
    following = cuts[bucket, :2] if bucket < len(cuts) else None
    goes_on = following is not None and len(high) > 0 and (high[-1], low[-1]) == (following[0], following[1])
    ranks = np.empty(len(high), np.uint64)
    several = name_groups(high, low, *map(np.uint64, (begin, high_begin, pair_begin)), goes_on, level.depth > 0, ranks)
    send(work, level, work.path(f"{level.folder}/groups/{bucket}"), places, ranks)
    return int(several)


def order_of_one(keys: Array) -> Array:
    """The order by one key."""
    order = np.arange(len(keys), dtype=np.uint32)
    sort_column(keys.copy(), order, np.empty_like(keys), np.empty_like(order))
    return order


def gather(work: Work, level: Level, bucket: int, cuts: int) -> tuple[int, int, int, list[tuple[Array, ...]]]:
    """How many rows are before a bucket, before the group it begins in, and before those with that first key; and
    the bucket's rows of each run, with places in the store."""
    before, rows = np.zeros(3, np.int64), list[tuple[Array, ...]]()
    for part in range(level.parts):
        folder = run_folder(work, level, part)
        start, stop = 0, items_of(folder / "high.u64")
        path = folder / "bounds.i64"
        if bucket:
            found = read_slice(path, 3 * (bucket - 1), 3 * bucket)
            before += found
            start = int(found[0])
        if bucket < cuts:
            stop = int(read_slice(path, 3 * bucket, 3 * bucket + 1)[0])
        high, low, places = read_run(folder, start, stop)
        rows.append((high, low, places + np.int64(part * level.part)))
    return int(before[0]), int(before[2]), int(before[1]), rows


def send(work: Work, level: Level, folder: Path, places: Array, ranks: Array) -> None:
    """Write values by the parts of the places they are for: places in the part, values, and where each part begins."""
    parts = places // level.part
    order = order_of_one(parts.astype(np.uint64))
    starts = np.zeros(level.parts + 1, np.int64)
    np.cumsum(np.bincount(parts, minlength=level.parts), out=starts[1:])
    write_array(folder / "starts.i64", starts)
    write_array(folder / "places.u32", places[order] % level.part)
    write_array(folder / "values.u64", ranks[order])


def received(work: Work, folders: Iterator[Path], part: int) -> Iterator[tuple[Array, Array]]:
    """What was sent to a part: places in it, and values."""
    for folder in folders:
        start, stop = read_slice(folder / "starts.i64", part, part + 2).tolist()
        yield read_slice(folder / "places.u32", start, stop), read_slice(folder / "values.u64", start, stop)


def write_ranks(work: Work, level: Level, part: int, buckets: int) -> None:
    """Stage 5: the ranks of a part, those of the round before where it was sent no others."""
    begin, stop = level.span(part)
    ranks = ranks_before(work, level, begin, stop) if level.depth else np.empty(stop - begin, np.uint64)
    sent = (work.path(f"{level.folder}/groups/{bucket}") for bucket in range(buckets))
    for places, values in received(work, sent, part):
        ranks[places] = values
    write_array(work.path(f"{level.folder}/ranks/{part}.u64"), ranks)


def finish(work: Work, level: Level) -> None:
    """Refine in memory what is not final yet: its places and ranks, by part."""
    places, ranks = [], []
    for part in range(level.parts):
        begin, stop = level.span(part)
        held = read_ranks(work, level, begin, stop)
        several = np.flatnonzero(held & UNIQUE == 0)
        places.append(several + begin)
        ranks.append(held[several])
    wanted = np.concatenate(places)

    def rank_of(places: Array) -> Array:
        return np.concatenate([np.empty(0, np.uint64), *ranks_at(work, level, places)])

    final = refine(wanted, np.concatenate(ranks), max(KEY_CODES, 2 * level.depth), level.codes, rank_of)
    send(work, level, work.path(f"{FOLDER}/final"), wanted, final)


def ranks_at(work: Work, level: Level, places: Array) -> Iterator[Array]:
    """The ranks of places that rise, a part at a time."""
    edges = np.searchsorted(places, np.arange(level.parts + 1) * level.part)
    for part, (start, stop) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        if start < stop:
            begin = part * level.part
            first, last = int(places[start]), int(places[stop - 1])
            held = read_slice(work.path(f"{level.folder}/ranks/{part}.u64"), first - begin, last + 1 - begin)
            yield held[places[start:stop] - first]


def turn_part(work: Work, level: Level, part: int) -> None:
    """Write the places of a part by the parts of the table that their ranks are in."""
    begin, stop = level.span(part)
    ranks = read_ranks(work, level, begin, stop)
    for places, values in received(work, iter([work.path(f"{FOLDER}/final")]), part):
        ranks[places] = values
    ranks &= ~UNIQUE
    places = np.arange(begin, stop, dtype=np.uint64)
    send(work, level, work.path(f"{FOLDER}/turned/{part}"), ranks.astype(np.int64), places)


def write_part(work: Work, level: Level, part: int) -> None:
    """Write a part of the table: the pointers whose ranks are in it."""
    begin, stop = level.span(part)
    order = np.empty(stop - begin, np.uint64)
    for ranks, places in received(work, (work.path(f"{FOLDER}/turned/{each}") for each in range(level.parts)), part):
        order[ranks] = places
    width = pointer_width(2 * level.codes)
    with InPlace(work.index / TABLE) as table:
        table.put(width * begin, pointers_of(2 * order, width))


def pointers_of(offsets: Array, width: int) -> Array:
    """Byte offsets as little-endian pointers of `width` bytes."""
    return np.ascontiguousarray(offsets.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]).reshape(-1)
