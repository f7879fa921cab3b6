"""n-grams, level by level: count the extensions of kept n-grams, keep those that reach the threshold.

An (n+1)-gram belongs to the cut in which its last token stands; the node before that token may be the last
of the cut before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.build.blocks import Block, Cut, Store, load_block, shared
from cooc.build.pairs import group_range, merge_ranges, row_ranges
from cooc.build.rows import make_scratch, merge_runs, read_rows, read_starts, write_run
from cooc.build.work import Work
from cooc.errors import BuildError
from cooc.index.files import write_array
from cooc.index.layout import NGRAMS
from cooc.index.manifest import NgramRecord
from cooc.kernels.ngrams import NO_NODE, count_ends, count_heads, extend_nodes, mask_followers, split_cells
from cooc.kernels.pairs import count_rows

Array = NDArray[Any]

WEIGHTS = np.array([0, 1], np.uint32)
PIECE = 4 << 20
"""Positions that a task extends at a time."""


class Level(NamedTuple):
    """The kept n-grams of an order: number k extends row r by `last[k]`, `starts[r] <= k < starts[r + 1]`;
    row r is the (n-1)-gram number r."""

    starts: Array
    last: Array
    counts: Array


class Corpus(NamedTuple):
    """What the tasks of all levels need. `frequent[id]` is the id of a term that reaches the threshold."""

    store: Store
    cuts: list[Cut]
    frequencies: Array
    minimum: int

    @property
    def terms(self) -> int:
        return len(self.frequencies)

    @property
    def separator(self) -> np.uint32:
        return np.uint32(self.terms + 1)


class Nodes(NamedTuple):
    """A block with its nodes of an order, and its tokens as followers of them."""

    block: Block
    nodes: Array
    followers: Array


def write_ngrams(work: Work, corpus: Corpus, orders: int) -> list[NgramRecord]:
    """Write `ngrams/2` to `ngrams/{orders}`; returns their manifest records."""
    if orders < 2:
        return []
    numbers = range(len(corpus.cuts))
    work.tasks("n-gram margins", count_cut_heads, [(corpus, number, orders) for number in numbers])
    heads = sum(
        (np.fromfile(heads_path(work, number), np.int64).reshape(orders - 1, -1) for number in numbers),
        np.zeros((orders - 1, corpus.terms), np.int64),
    )
    records, before = [], corpus.frequencies
    for n in range(2, orders + 1):
        work.tasks(f"{n}-gram ends", count_cut_ends, [(corpus, n, number, len(before)) for number in numbers])
        ends = sum((np.fromfile(ends_path(work, n, number), np.int64) for number in numbers),
                   np.zeros(len(before), np.int64))  # fmt: skip
        level = count_level(work, corpus, n, before)
        columns = corpus.frequencies - heads[: n - 1].sum(axis=0)
        for name, array in (
            ("starts.i64", level.starts), ("last.u32", level.last), ("counts.i64", level.counts),
            ("prefix_sums.i64", before - ends), ("column_sums.i64", columns),
        ):  # fmt: skip
            write_array(work.index / NGRAMS / str(n) / name, array)
        records.append(NgramRecord(n=n, minimum=corpus.minimum, kept=len(level.last), total=int(columns.sum())))
        if n < orders:
            rows = [(corpus, n, number, piece, level) for number in numbers
                    for piece in pieces_of(corpus.cuts[number])]  # fmt: skip
            work.tasks(f"{n}-grams at their places", extend_piece, rows)
        before = level.counts
    return records


def pieces_of(cut: Cut) -> range:
    return range(0, cut.stop - cut.start, PIECE)


def heads_path(work: Work, number: int) -> Path:
    return work.path(f"ngrams/heads-{number}.i64")


def ends_path(work: Work, n: int, number: int) -> Path:
    return work.path(f"ngrams/{n}-ends-{number}.i64")


def nodes_path(work: Work, n: int, number: int, piece: int) -> Path:
    return work.path(f"ngrams/{n}-nodes-{number}-{piece}.u32")


def run_path(work: Work, n: int, number: int, first: int) -> Path:
    return work.path(f"ngrams/{n}-run-{number}-{first}")


def load_cut(corpus: Corpus, number: int, margin: int) -> Block:
    same = np.arange(corpus.terms, dtype=np.uint32)
    return load_block(corpus.store, corpus.cuts[number], same, units=corpus.terms, margin=margin)


def count_cut_heads(work: Work, corpus: Corpus, number: int, orders: int) -> None:
    """Write how often each term stands at each of the first `orders - 1` places of its document."""
    block = load_cut(corpus, number, orders)
    heads = np.zeros((orders - 1, corpus.terms), np.int64)
    count_heads(block.ids, corpus.separator, block.start, block.stop, orders - 1, heads)
    write_array(heads_path(work, number), heads)


def count_cut_ends(work: Work, corpus: Corpus, n: int, number: int, rows: int) -> None:
    """Write how often each (n-1)-gram stands at the end of its document."""
    if n == 2:
        block = load_cut(corpus, number, 1)
        nodes = np.where(block.ids < corpus.terms, block.ids, NO_NODE)
    else:
        block, nodes, _ = load_nodes(work, corpus, n - 1, number)
    ends = np.zeros(rows, np.int64)
    count_ends(block.ids, nodes, corpus.separator, block.start, block.stop, ends)
    write_array(ends_path(work, n, number), ends)


def load_nodes(work: Work, corpus: Corpus, n: int, number: int) -> Nodes:
    """The nodes of order n over one cut; for the token before it too."""
    block = load_cut(corpus, number, 1)
    if n == 1:
        frequent = np.arange(corpus.terms + 2, dtype=np.uint32)
        frequent[: corpus.terms][corpus.frequencies < corpus.minimum] = NO_NODE
        frequent[corpus.terms :] = NO_NODE
        nodes = frequent[block.ids]
    else:
        nodes = np.full(len(block.ids), NO_NODE, np.uint32)
        nodes[block.start : block.stop] = read_nodes(work, corpus, n, number)
        if number:
            nodes[block.start - 1] = read_nodes(work, corpus, n, number - 1)[-1]
    followers = np.empty_like(block.ids)
    mask_followers(block.ids, nodes, np.uint32(corpus.terms), corpus.separator, followers)
    return Nodes(block, nodes, followers)


def read_nodes(work: Work, corpus: Corpus, n: int, number: int) -> Array:
    return np.concatenate(
        [np.fromfile(nodes_path(work, n, number, piece), np.uint32) for piece in pieces_of(corpus.cuts[number])]
    )


def count_level(work: Work, corpus: Corpus, n: int, before: Array) -> Level:
    """Count the n-grams that extend the (n-1)-grams, whose counts are `before`, and keep the frequent."""
    numbers, ranges = range(len(corpus.cuts)), row_ranges(before)
    rows = [(corpus, n, number, place) for number in numbers for place in ranges]
    work.tasks(f"{n}-grams", count_cut_level, rows)
    runs = [[run_path(work, n, number, first) for first, _ in ranges] for number in numbers]
    if len(runs) == 1:
        final = runs[0]
    elif runs:
        places = merge_ranges(runs, len(before))
        work.tasks(f"{n}-grams merge", merge_level, [(corpus, n, runs, place) for place in places])
        final = [work.path(f"ngrams/{n}-merged-{first}") for first, _ in places]
    else:
        final = []
    data, starts = read_rows(final), read_starts(final)
    if not final:
        starts = np.zeros(len(before) + 1, np.int64)
    level_starts = np.zeros(len(before) + 1, np.int64)
    last, counts = np.empty(len(data), np.uint32), np.empty(len(data), np.int64)
    kept = split_cells(data, starts, corpus.minimum, level_starts, last, counts)
    if kept >= NO_NODE:
        raise BuildError(f"{kept:,} {n}-grams reach --min-count {corpus.minimum}; there is room for 4,294,967,294.")
    return Level(level_starts, last[:kept].copy(), counts[:kept].copy())


def count_cut_level(work: Work, corpus: Corpus, n: int, number: int, place: tuple[int, int]) -> Any:
    """Write the extensions of the (n-1)-grams of a range of rows over one cut."""
    block, nodes, followers = shared.get(
        ("nodes", corpus.store, n, number), lambda: load_nodes(work, corpus, n - 1, number)
    )
    positions, starts = group_range(nodes, block.start - 1, block.stop - 1, place)
    scratch = make_scratch(corpus.terms, np.uint32, int(np.diff(starts).max(initial=0)))
    minimum = corpus.minimum if len(corpus.cuts) == 1 else 1

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_rows(  # type: ignore[no-any-return]
            followers, corpus.separator, corpus.terms, corpus.terms, positions, starts, 0, 1, WEIGHTS, minimum,
            scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip

    return list(write_run(run_path(work, n, number, place[0]), place[1] - place[0], count, scratch.out))


def merge_level(work: Work, corpus: Corpus, n: int, runs: list[list[Path]], place: tuple[int, int]) -> Any:
    out = work.path(f"ngrams/{n}-merged-{place[0]}")
    return list(merge_runs(runs, out, *place, corpus.terms, corpus.terms, corpus.minimum))


def extend_piece(work: Work, corpus: Corpus, n: int, number: int, piece: int, level: Level) -> None:
    """Write, for a piece of a cut, the number of the kept n-gram that ends at each position."""
    block, nodes, followers = shared.get(
        ("nodes", corpus.store, n, number), lambda: load_nodes(work, corpus, n - 1, number)
    )
    # pieces are cut by codes, of which a rare term has two, so the last ones may be empty
    start, stop = min(block.start + piece, block.stop), min(block.start + piece + PIECE, block.stop)
    near = slice(start - 1, stop)
    positions, starts = group_range(nodes[near], 0, stop - start, (0, len(level.starts) - 1))
    found, grown = np.zeros(corpus.terms + 2, np.uint32), np.full(stop - start + 1, NO_NODE, np.uint32)
    extend_nodes(followers[near], positions, starts, level.starts, level.last, found, grown)
    write_array(nodes_path(work, n, number, piece), grown[1:])
