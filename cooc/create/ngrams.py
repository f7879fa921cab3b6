"""n-grams: what each begins with decides where it is counted, whatever the corpus and the memory.

A corpus of one block that fits is counted by ranges of first terms: a task gathers what follows the occurrences of
its terms and splits them level by level. Otherwise every block becomes a run of sorted n-grams of the highest order,
and a task for each range of first terms merges the runs and cuts n-grams of all orders at the threshold as they
come. Either way the ranges, one after another, are the tables of the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Corpus, Cut, Store, cut_store, every_term, forget_block, load_block, same_block
from cooc.create.ngram_runs import (
    BYTES_A_RUN,
    marks_path,
    merge_runs,
    most_runs,
    ngrams_of_block,
    part_path,
    parts_of,
    write_parts,
    write_run,
)
from cooc.create.vocabulary import VOCABULARY_FILES
from cooc.create.work import PIECES_A_WORKER, Work
from cooc.errors import BuildError
from cooc.index.files import NewFile, items_of, read_slice, write_array
from cooc.index.layout import NGRAMS, VOCABULARY
from cooc.index.manifest import NgramRecord
from cooc.kernels.ngrams import count_edges, gather_followers, split_groups

Array = NDArray[Any]

READ = 1 << 18
"""Terms or n-grams looked at together where files are read as streams; a multiple of 8."""

LEAST_OCCURRENCES = 1 << 18
"""In a range, where there is a choice: smaller ones cost more than they save."""

MOST_OCCURRENCES = 1 << 31
"""In a range that is counted in memory: they are numbered with 32 bits."""


def write_ngrams(work: Work, corpus: Corpus, orders: int, minimum: int) -> list[NgramRecord]:
    """Write `ngrams/2` to `ngrams/{orders}`, of n-grams that occur `minimum` times; returns their records."""
    if orders < 2:
        return []
    room = room_for_ranges(work, corpus, orders, minimum)
    cuts = corpus.cuts if room else cuts_of_runs(work, corpus)
    ranges = work.once("n-gram ranges", plan_ranges, corpus.terms, minimum, room or MOST_OCCURRENCES)
    # the edges of documents are all in the block, or come with the runs
    if room:
        work.once("n-gram edges", count_edges_alone, corpus.store, cuts[0], orders, corpus.terms)
        made = work.tasks("n-grams", count_range, [
            (corpus.store, cuts[0], place, orders, minimum, corpus.terms) for place in ranges
        ])  # fmt: skip
    else:
        runs = write_runs(work, corpus, cuts, orders)
        made = work.tasks("n-grams", merge_range, [(runs, place, orders, minimum) for place in ranges])
        remove(path for run in runs for path in run_files(work, run))
    kept = np.array(made, np.int64).reshape(-1, orders).sum(axis=0).tolist()
    for n, count in enumerate(kept[1:], 2):
        if count >= 1 << 32:
            raise BuildError(f"{count:,} {n}-grams reach --min-count {minimum}: too many.")
    firsts = [first for first, _ in ranges]
    totals = work.tasks("n-gram tables", write_tables, [
        (n, orders, firsts, len(cuts), corpus.terms) for n in range(2, orders + 1)
    ])  # fmt: skip
    forget_block()
    remove(part_path(work, first, k, name)
           for first in firsts for k in range(1, orders + 1) for name in parts_of(k, orders))  # fmt: skip
    return [NgramRecord(n=n, minimum=minimum, kept=kept[n - 1], total=total) for n, total in enumerate(totals, 2)]


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def room_for_ranges(work: Work, corpus: Corpus, orders: int, minimum: int) -> int:
    """Occurrences of first terms that can be counted at a time in memory beside the only block; 0 if there are
    several blocks, or the most frequent term does not fit."""
    if len(corpus.cuts) != 1:
        return 0
    # followers, their order old and new, and for each group its start (twice), last term, count, children and ends
    bytes_each = 4 * (orders - 1) + 8 + -(-44 // minimum)
    # a block's ids, and of each number its name, a dense count, and what a group and the edges of documents take
    block = 4 * corpus.store.codes + (4 + 12 + 16) * min(corpus.terms, corpus.tokens)
    # halved, for a range ends with the term that fills it
    room = min((work.share * 7 // 8 - block) // bytes_each // 2, MOST_OCCURRENCES)
    return room if corpus.most <= room else 0


# --- terms and ranges -------------------------------------------------------------------------------------------


def spans(stop: int) -> Iterator[tuple[int, int]]:
    """[0, stop) in pieces of `READ`."""
    for start in range(0, stop, READ):
        yield start, min(stop, start + READ)


def frequencies(work: Work, start: int, stop: int) -> Array:
    """How often each of the terms [start, stop) occurs."""
    return read_slice(work.index / VOCABULARY / VOCABULARY_FILES["occurrences"], start, stop)


def plan_ranges(work: Work, terms: int, minimum: int, most: int) -> list[tuple[int, int]]:
    """Cut the terms into ranges that make even tasks, with `most` occurrences and one term more at most; those
    occurrences count that can begin a kept n-gram. Marks the terms they are of in a bitmap for `gathered_of`."""
    total = 0
    with NewFile(bitmap_path(work)) as file:
        for start, stop in spans(terms):
            found = frequencies(work, start, stop)
            file.write_array(np.packbits(found >= minimum))
            total += int(found[found >= minimum].sum())
    parts = max(-(-total // most), min(work.pieces, -(-total // LEAST_OCCURRENCES)), 1)
    wanted = np.array([total * number // parts for number in range(1, parts)], np.int64)
    edges, below = [0], 0
    for start, stop in spans(terms):
        found = frequencies(work, start, stop)
        filled = below + np.cumsum(np.where(found >= minimum, found, 0))
        here = wanted[(wanted >= below) & (wanted < filled[-1])]
        edges += (start + 1 + np.searchsorted(filled, here, side="right")).tolist()
        below = int(filled[-1])
    edges = [*dict.fromkeys(edge for edge in edges if edge < terms), terms]
    return list(pairwise(edges))


def bitmap_path(work: Work) -> Path:
    return work.path("ngrams/gathered.u8")


def gathered_of(work: Work, block: Block) -> Array:
    """Whether each number of a block is a term that can begin a kept n-gram."""
    bitmap = read_slice(bitmap_path(work), 0, items_of(bitmap_path(work)))
    gathered = np.zeros(len(block.names) + 2, np.uint8)
    gathered[: len(block.names)] = bitmap[block.names >> 3] >> (7 - (block.names & 7)) & 1
    return gathered


# --- the edges of documents -------------------------------------------------------------------------------------


def edges_path(work: Work, number: int, name: str) -> Path:
    return work.path(f"ngrams/edges-{number}-{name}")


def write_edges(work: Work, number: int, block: Block, orders: int, terms: int) -> None:
    """Write how often each term stands at each of the first `orders - 1` places of its document, and last; only
    of terms that do, with the place of the first in every `READ` of all terms."""
    edges = np.zeros((orders, len(block.names)), np.uint32)
    count_edges(block.ids, block.separator, block.start, block.stop, orders - 1, edges)
    numbers = np.flatnonzero(edges.any(axis=0))
    names = block.names[numbers]
    write_array(edges_path(work, number, "terms.u32"), names)
    write_array(edges_path(work, number, "counts.i64"), edges[:, numbers].T)
    write_array(edges_path(work, number, "places.i64"), np.searchsorted(names, np.arange(0, terms + READ, READ)))


def read_edges(work: Work, blocks: int, orders: int, start: int, stop: int) -> Array:
    """The edges of the terms [start, stop), one of `spans`, over all blocks: `orders` rows."""
    table = np.zeros((stop - start, orders), np.int64)
    for number in range(blocks):
        span = start // READ
        first, last = read_slice(edges_path(work, number, "places.i64"), span, span + 2).tolist()
        names = read_slice(edges_path(work, number, "terms.u32"), first, last)
        counts = read_slice(edges_path(work, number, "counts.i64"), first * orders, last * orders)
        table[names - np.uint32(start)] += counts.reshape(-1, orders)
    return table.T


def count_edges_alone(work: Work, store: Store, cut: Cut, orders: int, terms: int) -> None:
    """Write the edges of the only block."""
    write_edges(work, 0, only_block(store, cut, orders, terms), orders, terms)


# --- one block, in ranges ---------------------------------------------------------------------------------------


def only_block(store: Store, cut: Cut, orders: int, terms: int) -> Block:
    return same_block(store, cut, every_term(terms), margin=orders, what="terms")


def count_range(
    work: Work, store: Store, cut: Cut, place: tuple[int, int], orders: int, minimum: int, terms: int
) -> list[int]:
    """Write the parts of the n-grams that begin with a range of terms; returns how many of each order."""
    block = only_block(store, cut, orders, terms)
    first, stop = np.searchsorted(block.names, place).tolist()
    sizes = occurrences_of(work, block.names[first:stop], place)
    sizes[sizes < minimum] = 0
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    followers = np.empty((int(starts[-1]), orders - 1), np.uint32)
    cursor = np.where(sizes > 0, starts[:-1], -1)
    del sizes
    gather_followers(
        block.ids, block.separator, block.start, block.stop, first, stop - first, cursor, orders - 1, followers
    )
    del cursor
    order, units = np.arange(len(followers), dtype=np.uint32), len(block.names)
    words, made_each = (units + 63) >> 6, [0]
    counts, touched = np.zeros(units + 2, np.int64), np.zeros(units + 8, np.uint32)
    bits = np.zeros(words + ((words + 63) >> 6) + 2, np.uint64)
    for n in range(2, orders + 1):
        most = len(order) // minimum
        last, kept = np.empty(most, np.uint32), np.empty(most, np.int64)
        children, ends = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
        new_order, new_starts = np.empty(len(order), np.uint32), np.empty(most + 1, np.int64)
        made = int(split_groups(
            followers, n - 2, block.separator, units, minimum, order, starts, counts, touched, bits,
            last, kept, children, ends, new_order, new_starts,
        ))  # fmt: skip
        if n == 2:
            begun = np.flatnonzero(children)
            write_array(part_path(work, place[0], 1, "last.u32"), block.names[first + begun])
            children = children[begun]
        else:
            write_array(part_path(work, place[0], n - 1, "ends.i64"), ends)
        write_array(part_path(work, place[0], n - 1, "children.i64"), children)
        write_array(part_path(work, place[0], n, "last.u32"), block.names[last[:made]])
        write_array(part_path(work, place[0], n, "counts.i64"), kept[:made])
        made_each.append(made)
        starts, order = new_starts[: made + 1].copy(), new_order[: new_starts[made]]
    return made_each


def occurrences_of(work: Work, names: Array, place: tuple[int, int]) -> Array:
    """How often each of the terms `names`, ascending in the range `place`, occurs."""
    found = np.zeros(len(names), np.int64)
    for start in range(*place, READ):
        stop = min(place[1], start + READ)
        a, b = np.searchsorted(names, (start, stop)).tolist()
        found[a:b] = frequencies(work, start, stop)[names[a:b] - np.uint32(start)]
    return found


# --- several blocks, as runs ------------------------------------------------------------------------------------

Run = tuple[int, int]
"""How often its n-grams have been merged, and its number among those."""


def run_path(work: Work, run: Run) -> Path:
    return work.path(f"ngrams/run-{run[0]}-{run[1]}.u8")


def run_files(work: Work, run: Run) -> list[Path]:
    return [run_path(work, run), marks_path(run_path(work, run))]


def cuts_of_runs(work: Work, corpus: Corpus) -> list[Cut]:
    """The store in smaller blocks than the corpus has, an even number for each worker: sorting takes 12 bytes a
    token where other tasks take 10."""
    workers = max(1, work.pieces // PIECES_A_WORKER)
    count = -(-len(corpus.cuts) * 4 // (3 * workers)) * workers
    return cut_store(corpus.store, -(-corpus.store.codes // count)) if corpus.cuts else []


def write_runs(work: Work, corpus: Corpus, cuts: list[Cut], orders: int) -> list[Run]:
    """Write a run of each block, and merge them until they can be merged at once; returns those that remain."""
    work.tasks("n-gram runs", count_run, [
        (corpus.store, cut, number, orders, corpus.terms) for number, cut in enumerate(cuts)
    ])  # fmt: skip
    runs, most = [(0, number) for number in range(len(cuts))], most_runs(work.share)
    while len(runs) > most:
        runs = merge_in_groups(work, runs, -(-len(runs) // most), orders, corpus.terms)
    return runs


def merge_in_groups(work: Work, runs: list[Run], count: int, orders: int, terms: int) -> list[Run]:
    """Merge runs into `count` runs; those merged are gone once what they became is done for good."""
    turn = runs[0][0] + 1
    groups = [runs[len(runs) * k // count : len(runs) * (k + 1) // count] for k in range(count)]

    def forget(k: int) -> None:
        remove(path for run in groups[k] for path in run_files(work, run))

    rows = [(group, (turn, k), orders, terms) for k, group in enumerate(groups)]
    work.tasks(f"n-gram runs {turn}", merge_run, rows, then=forget)
    return [(turn, k) for k in range(count)]


def count_run(work: Work, store: Store, cut: Cut, number: int, orders: int, terms: int) -> None:
    """Write a block's edges and its n-grams as a run."""
    block = load_block(store, cut, every_term(terms), margin=orders)
    write_edges(work, number, block, orders, terms)
    write_run(run_path(work, (0, number)), ngrams_of_block(block, gathered_of(work, block), orders), orders)


def merge_run(work: Work, runs: list[Run], made: Run, orders: int, terms: int) -> None:
    """Make one run of several."""
    paths = [run_path(work, run) for run in runs]
    write_run(run_path(work, made), merge_runs(paths, 0, terms, orders, memory=buffers(work, runs)), orders)


def merge_range(work: Work, runs: list[Run], place: tuple[int, int], orders: int, minimum: int) -> list[int]:
    """Write the parts of the n-grams that begin with a range of terms; returns how many of each order."""
    paths = [run_path(work, run) for run in runs]
    merged = merge_runs(paths, *place, orders, memory=buffers(work, runs))
    return write_parts(work, place[0], merged, orders=orders, minimum=minimum)


def buffers(work: Work, runs: list[Run]) -> int:
    """Memory for the buffers of runs that are merged."""
    return max(work.share // 2, 4 * BYTES_A_RUN * len(runs))


# --- the tables of the index ------------------------------------------------------------------------------------


def write_tables(work: Work, n: int, orders: int, firsts: list[int], blocks: int, terms: int) -> int:
    """Write `ngrams/{n}` from the parts of the ranges that begin with `firsts`; returns all occurrences of
    n-grams of the order, those below the threshold included."""
    forget_block()
    folder = work.index / NGRAMS / str(n)
    for name in ("last.u32", "counts.i64"):
        write_stream(folder / name, parts(work, firsts, n, name))
    write_stream(folder / "starts.i64", running_sums(child_counts(work, firsts, n, terms)))
    write_stream(folder / "prefix_sums.i64", prefix_sums(work, n, orders, firsts, blocks, terms))
    total = 0
    with NewFile(folder / "column_sums.i64") as file:
        for start, stop in spans(terms):
            edges = read_edges(work, blocks, orders, start, stop)
            columns = frequencies(work, start, stop) - edges[: n - 1].sum(axis=0)
            file.write_array(columns)
            total += int(columns.sum())
    return total


def write_stream(path: Path, arrays: Iterable[Array]) -> None:
    with NewFile(path) as file:
        for array in arrays:
            file.write_array(array)


def parts(work: Work, firsts: list[int], order: int, name: str) -> Iterator[Array]:
    """A part of all ranges, in pieces."""
    for first in firsts:
        path = part_path(work, first, order, name)
        for start, stop in spans(items_of(path)):
            yield read_slice(path, start, stop)


def running_sums(pieces: Iterable[Array]) -> Iterator[Array]:
    """0, and the sum of all up to each."""
    total = np.zeros(1, np.int64)
    yield total
    for piece in pieces:
        sums = total[-1] + np.cumsum(piece)
        yield sums
        total = sums[-1:].copy()


def child_counts(work: Work, firsts: list[int], n: int, terms: int) -> Iterator[Array]:
    """How many kept n-grams each row of order n has: of all terms for n = 2, of the kept (n-1)-grams else."""
    if n > 2:
        yield from parts(work, firsts, n - 1, "children.i64")
        return
    dense, start = np.zeros(min(READ, terms), np.int64), 0
    for names, children in zip(
        parts(work, firsts, 1, "last.u32"), parts(work, firsts, 1, "children.i64"), strict=True
    ):
        while len(names):
            here = int(np.searchsorted(names, start + len(dense)))
            dense[names[:here] - np.uint32(start)] = children[:here]
            names, children = names[here:], children[here:]
            if len(names):
                yield dense
                start += len(dense)
                dense = np.zeros(min(READ, terms - start), np.int64)
    while start < terms:
        yield dense
        start += len(dense)
        dense = np.zeros(min(READ, terms - start), np.int64)


def prefix_sums(work: Work, n: int, orders: int, firsts: list[int], blocks: int, terms: int) -> Iterator[Array]:
    """Occurrences of each row of order n that are not at their document's end."""
    if n == 2:
        for start, stop in spans(terms):
            yield frequencies(work, start, stop) - read_edges(work, blocks, orders, start, stop)[-1]
    else:
        for counts, ends in zip(
            parts(work, firsts, n - 1, "counts.i64"), parts(work, firsts, n - 1, "ends.i64"), strict=True
        ):
            yield counts - ends
