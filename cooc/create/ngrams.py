"""n-grams: by ranges of their first term, each range from the first order to the last.

A task gathers what follows the occurrences of its terms, from the whole store, and splits them level by
level. Ranges are made to fit the memory, so no n-gram is ever counted in pieces and nothing is merged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Cut, Store, shared_block
from cooc.create.rows import balanced_ranges, make_scratch
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import write_array
from cooc.index.layout import NGRAMS
from cooc.index.manifest import NgramRecord
from cooc.kernels.ngrams import count_edges, gather_followers, split_groups

Array = NDArray[Any]

LEAST_RANGES = 8
MOST_OCCURRENCES = (1 << 32) - 1
"""In one range: they are numbered with 32 bits."""


class Corpus(NamedTuple):
    """What every task needs: the store in cuts, how often each term occurs, the threshold, and the margin that
    blocks are loaded with, at least the highest order."""

    store: Store
    cuts: list[Cut]
    frequencies: Array
    minimum: int
    margin: int

    @property
    def terms(self) -> int:
        return len(self.frequencies)

    @property
    def separator(self) -> np.uint32:
        return np.uint32(self.terms + 1)

    @property
    def gathered(self) -> Array:
        """Occurrences of each term that can begin a kept n-gram."""
        return np.where(self.frequencies >= self.minimum, self.frequencies, 0)


def write_ngrams(work: Work, corpus: Corpus, orders: int) -> list[NgramRecord]:
    """Write `ngrams/2` to `ngrams/{orders}`; returns their manifest records."""
    if orders < 2:
        return []
    numbers = range(len(corpus.cuts))
    work.tasks("n-gram edges", count_cut_edges, [(corpus, number, orders) for number in numbers])
    edges = sum(
        (np.fromfile(edges_path(work, number), np.int64).reshape(orders, -1) for number in numbers),
        np.zeros((orders, corpus.terms), np.int64),
    )
    ranges = term_ranges(corpus, orders, work.share)
    work.tasks("n-grams", count_range, [(corpus, place, orders) for place in ranges])
    records, prefixes = [], corpus.frequencies
    for n in range(2, orders + 1):
        level = {name: joined(work, ranges, n, name) for name in ("last.u32", "counts.i64", "children.i64", "ends.i64")}
        if len(level["last.u32"]) >= 1 << 32:
            raise BuildError(f"{len(level['last.u32']):,} {n}-grams reach --min-count {corpus.minimum}: too many.")
        columns = corpus.frequencies - edges[: n - 1].sum(axis=0)
        # terms below the threshold begin no kept n-gram and were not gathered
        ends = edges[-1] if n == 2 else level["ends.i64"]
        folder = work.index / NGRAMS / str(n)
        write_array(folder / "starts.i64", np.concatenate([[0], np.cumsum(level["children.i64"])]))
        write_array(folder / "last.u32", level["last.u32"])
        write_array(folder / "counts.i64", level["counts.i64"])
        write_array(folder / "prefix_sums.i64", prefixes - ends)
        write_array(folder / "column_sums.i64", columns)
        records.append(NgramRecord(n=n, minimum=corpus.minimum, kept=len(level["last.u32"]), total=int(columns.sum())))
        prefixes = level["counts.i64"]
    return records


def term_ranges(corpus: Corpus, orders: int, memory: int) -> list[tuple[int, int]]:
    """Ranges of first terms whose followers and groups fit `memory`."""
    wanted = int(corpus.gathered.sum()) * (4 * (orders - 1) + 3 * 8) // max(1, memory // 2)
    numbered = int(corpus.gathered.sum()) * 4 // MOST_OCCURRENCES
    return balanced_ranges(corpus.gathered + 1, max(LEAST_RANGES, wanted + 1, numbered))


def edges_path(work: Work, number: int) -> Path:
    return work.path(f"ngrams/edges-{number}.i64")


def part_path(work: Work, place: tuple[int, int], n: int, name: str) -> Path:
    return work.path(f"ngrams/{place[0]}-{n}-{name}")


def joined(work: Work, ranges: list[tuple[int, int]], n: int, name: str) -> Array:
    dtype = "<u4" if name.endswith("u32") else "<i8"
    return np.concatenate(
        [np.zeros(0, dtype), *(np.fromfile(part_path(work, place, n, name), dtype) for place in ranges)]
    )


def load_cut(corpus: Corpus, number: int) -> Block:
    """A cut with every term as its own unit."""
    return shared_block(
        corpus.store,
        corpus.cuts[number],
        lambda: np.arange(corpus.terms, dtype=np.uint32),
        words=corpus.terms,
        units=corpus.terms,
        margin=corpus.margin,
    )


def count_cut_edges(work: Work, corpus: Corpus, number: int, orders: int) -> None:
    """Write how often each term stands at each of the first `orders - 1` places of its document, and last."""
    block = load_cut(corpus, number)
    edges = np.zeros((orders, corpus.terms), np.int64)
    count_edges(block.ids, corpus.separator, block.start, block.stop, orders - 1, edges)
    write_array(edges_path(work, number), edges)


def count_range(work: Work, corpus: Corpus, place: tuple[int, int], orders: int) -> None:
    """Write the n-grams of all orders that begin with a range of terms."""
    first, stop = place
    sizes = corpus.gathered[first:stop]
    if int(sizes.sum()) > MOST_OCCURRENCES:
        raise BuildError(
            f"a term occurs {int(sizes.max()):,} times, and n-grams are counted for up to {MOST_OCCURRENCES:,} "
            "occurrences at a time. Build with --ngrams 1."
        )
    starts = np.concatenate([[0], np.cumsum(sizes)])
    followers = np.empty((int(starts[-1]), orders - 1), np.uint32)
    cursor = np.where(sizes > 0, starts[:-1], -1)
    for number in range(len(corpus.cuts)):
        block = load_cut(corpus, number)
        gather_followers(
            block.ids, corpus.separator, block.start, block.stop, first, stop - first, cursor, orders - 1, followers
        )
    order = np.arange(len(followers), dtype=np.uint32)
    counts, touched, bits, _ = make_scratch(corpus.terms, np.int64, 0)
    for n in range(2, orders + 1):
        most = len(order) // corpus.minimum
        last, kept = np.empty(most, np.uint32), np.empty(most, np.int64)
        children, ends = np.empty(len(starts) - 1, np.int64), np.empty(len(starts) - 1, np.int64)
        new_order, new_starts = np.empty(len(order), np.uint32), np.empty(most + 1, np.int64)
        made = split_groups(
            followers, n - 2, corpus.separator, corpus.terms, corpus.minimum, order, starts, counts, touched, bits,
            last, kept, children, ends, new_order, new_starts,
        )  # fmt: skip
        for name, array in (
            ("last.u32", last[:made]), ("counts.i64", kept[:made]), ("children.i64", children), ("ends.i64", ends)
        ):  # fmt: skip
            write_array(part_path(work, place, n, name), array)
        starts, order = new_starts[: made + 1].copy(), new_order[: new_starts[made]]
