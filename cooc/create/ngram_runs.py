"""Runs of n-grams: the blocks' n-grams in order, written and merged as streams in a bounded memory.

A run is two files: the n-grams as bytes (`cooc.kernels.ngram_runs`), and beside it `.marks.i64` with a line (code of
a term, code of the term before, place) every few thousand bytes: where the n-grams begin that begin with the term.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Corpus, Cut, Store, cut_store, every_term, load_block
from cooc.create.ngram_ranges import gathered_of
from cooc.create.ngram_tables import PARTS, part_path, parts_of, remove, write_edges
from cooc.create.work import PIECES_A_WORKER, Work
from cooc.index.files import NewFile, bytes_of, items_of, read_slice
from cooc.kernels.ngram_runs import (
    BETWEEN_MARKS,
    DONE,
    FULL,
    MOST_NGRAM_BYTES,
    keep_frequent,
    merge_ngrams,
    pack_ngrams,
)
from cooc.kernels.ngrams import list_ngrams, sort_ngrams

Array = NDArray[Any]

BATCH = 1 << 13
"""n-grams that are handed on at a time."""

LEAST_BUFFER = 1 << 13
"""Bytes of a run in memory while it is merged; where there are too many runs for that, they are merged in turns."""

MOST_RUNS = 1 << 12
"""Merged at once."""

BYTES_A_RUN = 128
"""What a run takes in a merge beside its buffer."""


class Batch(NamedTuple):
    """The n-grams `codes[:n]` with `counts[:n]`, distinct and ascending; `shared[:n]` codes are those of the
    n-gram before, which may have been in the batch before."""

    shared: Array
    codes: Array
    counts: Array

    @property
    def orders(self) -> int:
        return int(self.codes.shape[1])

    @property
    def bits(self) -> int:
        """Of a number below `orders`."""
        return (self.orders - 1).bit_length()


def make_batch(orders: int) -> Batch:
    return Batch(np.zeros(BATCH, np.uint8), np.zeros((BATCH, orders), np.uint32), np.zeros(BATCH, np.int64))


Batches = Iterator[tuple[Batch, int]]
"""Batches with their sizes; one is done with before the next is asked for, which may be the same arrays."""


def marks_path(path: Path) -> Path:
    return path.with_name(path.name + ".marks.i64")


def ngrams_of_block(block: Block, gathered: Array, orders: int) -> Batches:
    """The n-grams that begin in a block with a term that is `gathered[number]`."""
    spare, places = (np.empty(block.stop - block.start, np.uint32) for _ in range(2))
    starts = np.empty(len(block.names) + 2, np.uint32)
    sort_ngrams(block.ids, block.separator, block.start, block.stop, orders, starts, spare, places)
    del spare, starts
    batch, begin, before = make_batch(orders), 0, -1
    while begin < len(places):
        begin, before, n = list_ngrams(block.ids, block.separator, places, begin, before, gathered, block.names, *batch)
        yield batch, int(n)


def write_run(path: Path, batches: Batches, orders: int) -> None:
    """Write a run of n-grams as they come."""
    before, place = np.zeros(orders, np.uint32), np.array([0, -BETWEEN_MARKS], np.int64)
    out = np.empty(BATCH * MOST_NGRAM_BYTES, np.uint8)
    marks = np.empty((len(out) // BETWEEN_MARKS + 2, 3), np.int64)
    with NewFile(path) as run, NewFile(marks_path(path)) as index:
        for batch, n in batches:
            size, made = pack_ngrams(*batch, n, batch.bits, before, out, place, marks)
            run.write(bytes_of(out[:size]))
            index.write_array(marks[:made])


def find_start(path: Path, first: int) -> tuple[int, int]:
    """A place in a run from which on all n-grams are that begin with the code `first`, and the code before."""
    marks = marks_path(path)

    def code(number: int) -> int:
        return int(read_slice(marks, 3 * number, 3 * number + 1)[0])

    number = bisect_right(range(items_of(marks) // 3), first, key=code) - 1
    if number < 0:
        return 0, 0
    _, before, place = read_slice(marks, 3 * number, 3 * number + 3).tolist()
    return place, before


def merge_runs(paths: list[Path], first: int, stop: int, *, orders: int, memory: int) -> Batches:
    """The n-grams of runs that begin with a term in [first, stop), equal ones added up, through buffers of
    `memory` bytes together, or of two n-grams each if that is more."""
    count = len(paths)
    size = max(2 * MOST_NGRAM_BYTES, min(1 << 20, memory // count - BYTES_A_RUN))
    data, at = np.empty(count * size, np.uint8), np.arange(count) * size
    filled, whole = at.copy(), np.zeros(count, np.uint8)
    heads, head_counts = np.zeros((count, orders), np.uint32), np.zeros(count, np.int64)
    keys, tree, state = np.zeros(count + 1, np.uint64), np.zeros(count, np.uint32), np.zeros(3, np.int64)
    starts = [find_start(path, first + 1) for path in paths]
    read, heads[:, 0] = [place for place, _ in starts], [before for _, before in starts]
    ends = [items_of(path) for path in paths]
    batch, said = make_batch(orders), FULL
    while said != DONE:
        said = int(merge_ngrams(
            data, at, filled, whole, batch.bits, np.uint64(first + 1), np.uint64(stop + 1),
            heads, head_counts, keys, tree, state, *batch,
        ))  # fmt: skip
        if said < 0:
            yield batch, int(state[1])
            state[1] = 0
            continue
        base, left = said * size, int(filled[said] - at[said])
        data[base : base + left] = data[at[said] : filled[said]].copy()
        more = read_slice(paths[said], read[said], min(ends[said], read[said] + size - left))
        data[base + left : base + left + len(more)] = more
        read[said] += len(more)
        at[said], filled[said], whole[said] = base, base + left + len(more), read[said] == ends[said]


def write_parts(work: Work, first: int, batches: Batches, *, orders: int, minimum: int) -> list[int]:
    """Write the parts of all n-grams that occur `minimum` times; returns how many of each order."""
    room = BATCH + 1
    codes, sums = np.zeros(orders, np.uint32), np.zeros((orders, 3), np.int64)
    last, made = np.empty((orders, room), np.uint32), np.zeros(orders, np.int64)
    columns: list[Array] = [last, *(np.empty((orders, room), np.int64) for _ in range(3))]
    total = np.zeros(orders, np.int64)
    empty = Batch(np.zeros(0, np.uint8), np.zeros((0, orders), np.uint32), np.zeros(0, np.int64))
    with ExitStack() as stack:
        files = [
            (k, column, stack.enter_context(NewFile(part_path(work, first, k + 1, name))))
            for k in range(orders)
            for name, column in zip(PARTS, columns, strict=True)
            if name in parts_of(k + 1, orders)
        ]

        def put(batch: Batch, n: int, closing: bool) -> None:
            made[:] = 0
            keep_frequent(*batch, n, minimum, closing, codes, sums, *columns, made)
            for k, column, file in files:
                file.write_array(column[k, : made[k]])
            total[:] += made

        for batch, n in batches:
            put(batch, n, False)
        put(empty, 0, True)
    return total.tolist()


# --- stages -----------------------------------------------------------------------------------------------------


def run_path(work: Work, turn: int, number: int) -> Path:
    """A run that was merged in a turn, of blocks if the turn is 0."""
    return work.path(f"ngrams/run-{turn}-{number}.u8")


def remove_runs(work: Work, turn: int, start: int, stop: int) -> None:
    paths = [run_path(work, turn, number) for number in range(start, stop)]
    remove([*paths, *map(marks_path, paths)])


def cuts_of_runs(work: Work, corpus: Corpus) -> list[Cut]:
    """The store in smaller blocks than the corpus has, an even number for each worker: sorting takes 12 bytes a
    token where other tasks take 10."""
    workers = max(1, work.pieces // PIECES_A_WORKER)
    count = -(-len(corpus.cuts) * 4 // (3 * workers)) * workers
    return cut_store(corpus.store, -(-corpus.store.codes // count))


def write_runs(work: Work, store: Store, cuts: list[Cut], *, orders: int, terms: int) -> tuple[int, int]:
    """Write the edges and a run of each block, and merge runs in turns until all can be merged at once; returns
    the last turn and how many runs are of it."""
    rows = [(store, cut, number, orders, terms) for number, cut in enumerate(cuts)]
    work.tasks("n-gram runs", count_run, rows)
    turn, count, most = 0, len(cuts), most_runs(work.share)
    while count > most:
        count = merge_turn(work, turn + 1, count, -(-count // most), orders=orders, terms=terms)
        turn += 1
    return turn, count


def merge_turn(work: Work, turn: int, runs: int, count: int, *, orders: int, terms: int) -> int:
    """Merge the `runs` runs of the turn before into `count`; a run goes once what it became is done for good."""
    groups = [(runs * number // count, runs * (number + 1) // count) for number in range(count)]
    rows = [(turn, number, start, stop, orders, terms) for number, (start, stop) in enumerate(groups)]
    work.tasks(
        f"n-gram runs {turn}", merge_group, rows, then=lambda number: remove_runs(work, turn - 1, *groups[number])
    )
    return count


def most_runs(share: int) -> int:
    """How many runs can be merged at once."""
    return min(max(2, buffers(share) // (LEAST_BUFFER + BYTES_A_RUN)), MOST_RUNS)


def buffers(share: int) -> int:
    """Memory for the buffers of runs that are merged; what is written takes about as much."""
    return share // 3


def count_run(work: Work, store: Store, cut: Cut, number: int, orders: int, terms: int) -> None:
    """Write a block's edges and its n-grams as a run."""
    block = load_block(store, cut, every_term(terms), margin=orders)
    write_edges(work, number, block, orders=orders, terms=terms)
    write_run(run_path(work, 0, number), ngrams_of_block(block, gathered_of(work, block), orders), orders)


def merge_group(work: Work, turn: int, number: int, start: int, stop: int, orders: int, terms: int) -> None:
    """Make one run of the runs [start, stop) of the turn before."""
    paths = [run_path(work, turn - 1, run) for run in range(start, stop)]
    merged = merge_runs(paths, 0, terms, orders=orders, memory=buffers(work.share))
    write_run(run_path(work, turn, number), merged, orders)


def merge_range(work: Work, turn: int, runs: int, place: tuple[int, int], orders: int, minimum: int) -> list[int]:
    """Write the parts of the n-grams that begin with a range of terms; returns how many of each order."""
    paths = [run_path(work, turn, run) for run in range(runs)]
    merged = merge_runs(paths, *place, orders=orders, memory=buffers(work.share))
    return write_parts(work, place[0], merged, orders=orders, minimum=minimum)
