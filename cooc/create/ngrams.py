"""n-grams: what each begins with decides where it is counted, whatever the corpus and the memory.

A corpus of one block that fits is counted by ranges of first terms: a task gathers what follows the occurrences of
its terms and splits them level by level. Otherwise every block becomes a run of sorted n-grams of the highest order,
and a task for each range of first terms merges the runs and cuts n-grams of all orders at the threshold as they
come. Either way the ranges, one after another, are the tables of the index.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Corpus, Cut, Store, every_term, same_block
from cooc.create.ngram_ranges import occurrences_of, plan_ranges
from cooc.create.ngram_runs import cuts_of_runs, merge_range, remove_runs, write_runs
from cooc.create.ngram_tables import part_path, remove_parts, write_edges, write_tables
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import write_array
from cooc.index.manifest import NgramRecord
from cooc.kernels.ngrams import gather_followers, split_groups

Array = NDArray[Any]


MOST_OCCURRENCES = 1 << 31
"""In a range that is counted in memory: they are numbered with 32 bits."""


def write_ngrams(work: Work, corpus: Corpus, orders: int, minimum: int) -> list[NgramRecord]:
    """Write `ngrams/2` to `ngrams/{orders}`, of n-grams that occur `minimum` times; returns their records."""
    if orders < 2:
        return []
    room, store, terms = room_for_ranges(work, corpus, orders, minimum), corpus.store, corpus.terms
    cuts = corpus.cuts if room else cuts_of_runs(work, corpus)
    ranges = work.once("n-gram ranges", plan_ranges, terms, minimum, room or MOST_OCCURRENCES)
    if room:
        made = work.tasks("n-grams", count_range, [(store, cuts[0], place, orders, minimum, terms) for place in ranges])
    else:
        turn, runs = write_runs(work, store, cuts, orders=orders, terms=terms)
        made = work.tasks("n-grams", merge_range, [(turn, runs, place, orders, minimum) for place in ranges])
        remove_runs(work, turn, 0, runs)
    kept = np.array(made, np.int64).reshape(-1, orders).sum(axis=0).tolist()
    for n, count in enumerate(kept[1:], 2):
        if count >= 1 << 32:
            raise BuildError(f"{count:,} {n}-grams reach --min-count {minimum}: too many.")
    firsts = [first for first, _ in ranges]
    rows = [(n, orders, firsts, len(cuts), terms) for n in range(2, orders + 1)]
    totals = work.tasks("n-gram tables", write_tables, rows)
    remove_parts(work, firsts, orders)
    return [NgramRecord(n=n, minimum=minimum, kept=kept[n - 1], total=total) for n, total in enumerate(totals, 2)]


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


def count_range(
    work: Work, store: Store, cut: Cut, place: tuple[int, int], orders: int, minimum: int, terms: int
) -> list[int]:
    """Write the parts of the n-grams that begin with a range of terms, and with the first range the edges of
    documents; returns how many of each order."""
    block = same_block(store, cut, every_term(terms), margin=orders, what="terms")
    if place[0] == 0:
        write_edges(work, 0, block, orders=orders, terms=terms)
    first, stop = np.searchsorted(block.names, place).tolist()
    followers, starts = followers_of(work, block, place, orders, minimum)
    order, units, kept = np.arange(len(followers), dtype=np.uint32), len(block.names), [0]
    words = (units + 63) >> 6
    scratch = (
        np.zeros(units + 2, np.int64), np.zeros(units + 8, np.uint32),
        np.zeros(words + ((words + 63) >> 6) + 2, np.uint64),
    )  # fmt: skip
    for n in range(2, orders + 1):
        most, groups = len(order) // minimum, len(starts) - 1
        last, sizes = np.empty(most, np.uint32), np.empty(most, np.int64)
        children, ends = np.empty(groups, np.int64), np.empty(groups, np.int64)
        new_order, new_starts = np.empty(len(order), np.uint32), np.empty(most + 1, np.int64)
        made = int(split_groups(
            followers, n - 2, block.separator, units, minimum, order, starts, *scratch,
            last, sizes, children, ends, new_order, new_starts,
        ))  # fmt: skip
        if n == 2:
            begun = np.flatnonzero(children)
            children = children[begun]
            write_array(part_path(work, place[0], 1, "last.u32"), block.names[first:stop][begun])
        else:
            write_array(part_path(work, place[0], n - 1, "ends.i64"), ends)
        write_array(part_path(work, place[0], n - 1, "children.i64"), children)
        write_array(part_path(work, place[0], n, "last.u32"), block.names[last[:made]])
        write_array(part_path(work, place[0], n, "counts.i64"), sizes[:made])
        kept.append(made)
        starts, order = new_starts[: made + 1].copy(), new_order[: new_starts[made]]
    return kept


def followers_of(work: Work, block: Block, place: tuple[int, int], orders: int, minimum: int) -> tuple[Array, Array]:
    """What follows the occurrences of those terms of a range that occur `minimum` times, term by term, and
    where each term's begin."""
    first, stop = np.searchsorted(block.names, place).tolist()
    sizes = occurrences_of(work, block.names[first:stop], place)
    sizes[sizes < minimum] = 0
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    followers = np.empty((int(starts[-1]), orders - 1), np.uint32)
    cursor = np.where(sizes > 0, starts[:-1], -1)
    gather_followers(
        block.ids, block.separator, block.start, block.stop, first, stop - first, cursor, orders - 1, followers
    )
    return followers, starts
