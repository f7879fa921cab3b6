"""Whole documents of a block as bags of units, and the rows of the listed units over them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Cut, Store, load_block
from cooc.create.rows import Run, make_scratch, write_run, write_sums
from cooc.create.units import Units, find_occurrences, load_units
from cooc.create.work import Work
from cooc.kernels.documents import bag_documents, count_document_rows, find_postings, row_bytes

Array = NDArray[Any]

ROWS, SUMS = "document/rows", "document/sums"
"""Folders of the runs: rows of listed units, and marginals of all units."""


class Occurrences(NamedTuple):
    """Occurrences of phrases by position: number k begins at `at[k]` and is of the phrase `phrases[of[k]]`.

    Those of `phrases[j]` are `order[starts[j]:starts[j + 1]]`. `lengths` are the tokens of each of `phrases`.
    """

    at: Array
    of: Array
    phrases: Array
    lengths: Array
    order: Array
    starts: Array

    @property
    def times(self) -> Array:
        return np.diff(self.starts)


def group_occurrences(block: Block, units: Units, start: int, stop: int) -> Occurrences:
    """The occurrences that begin in `block.ids[start:stop]`, numbered by the phrases that are there."""
    at, of = find_occurrences(block, units, start, stop)
    times = np.bincount(of, minlength=units.phrases)
    phrases = np.flatnonzero(times)
    number = np.zeros(units.phrases, np.uint32)
    number[phrases] = np.arange(len(phrases))
    numbers = number[of]
    order = np.argsort(numbers, kind="stable").astype(np.uint32)
    starts = np.concatenate([[0], np.cumsum(times[phrases])]).astype(np.int64)
    return Occurrences(at.astype(np.uint32), numbers, phrases, np.diff(units.phrase_starts)[phrases], order, starts)


class Bags(NamedTuple):
    """Documents as counts of columns: document d holds `columns[k]` `counts[k]` times, for k in
    starts[d]:starts[d+1]."""

    starts: Array
    columns: Array
    counts: Array


class Less(NamedTuple):
    """What products of counts hold too much: `counts[k]` at `columns[k]`, for k in starts[row]:starts[row + 1]."""

    starts: Array
    columns: Array
    counts: Array


def count_documents(work: Work, store: Store, cut: Cut, number: int) -> Run:
    """Write the rows of the listed units over the documents of a cut, and the marginals of all units."""
    units = load_units(work)
    block = load_block(store, cut, units, margin=0)
    found = group_occurrences(block, units, block.start, block.stop)
    names = np.concatenate([block.names, units.words + found.phrases]).astype(np.uint32)
    bags, sums = make_bags(block, found, len(names))
    write_sums(work.path(f"{SUMS}/{number}"), names, sums)
    columns = np.flatnonzero(np.isin(names, units.listed))
    return write_products(work, number, names, bags, found, units, columns=columns, tokens=len(block.ids))


def make_bags(block: Block, found: Occurrences, columns: int) -> tuple[Bags, Array]:
    """The bags of a block's documents, and the marginals of its columns."""
    separators = np.flatnonzero(block.ids[block.start : block.stop] == block.separator)
    begins = (separators + block.start + 1).astype(np.uint32)
    starts, sums = np.zeros(len(begins) + 1, np.int64), np.zeros(columns, np.int64)
    room = len(block.ids) + len(found.at)
    held, counts = np.empty(room, np.uint32), np.empty(room, np.uint32)
    scratch, touched = np.zeros(columns, np.int64), np.empty(columns + 1, np.uint32)
    size = bag_documents(
        block.ids, block.none, begins, found.at, found.of, scratch, touched, starts, held, counts, sums
    )
    # a phrase's own tokens are not its context: the kernel took off one, as for a word
    sums[block.none :] -= found.times * (found.lengths - 1)
    return Bags(starts, held[:size], counts[:size]), sums


def write_products(
    work: Work, number: int, names: Array, bags: Bags, found: Occurrences, units: Units, *, columns: Array, tokens: int
) -> Run:
    """Write the rows that stand in `columns`, as run `number`."""
    row_of = np.full(len(names), -1, np.int32)
    row_of[columns] = np.arange(len(columns))
    starts, documents, counts = postings(bags, row_of, len(columns))
    totals = np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[starts])
    times = np.zeros(units.phrases, np.int64)
    times[found.phrases] = found.times
    rows = names[columns]
    less = less_by_row(word_overlaps(units, rows, totals, times), names, len(rows))
    phrases, words = len(found.phrases), len(names) - len(found.phrases)
    # every phrase is listed, so the last rows are those of the phrases
    mine_starts = np.concatenate([np.zeros(len(rows) - phrases, np.int64), found.starts])
    most = bounded(tokens * (tokens + len(found.at)))
    scratch = make_scratch(len(names), np.int64, int(row_bytes(len(names), units.total, most)))
    longest = np.int64(found.lengths.max(initial=0))

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_document_rows(  # type: ignore[no-any-return]
            words, names, starts, documents, counts, bags.starts, bags.columns, bags.counts, *less,
            found.at, found.of, found.lengths, longest, mine_starts, found.order, most,
            scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip

    return write_run(work.path(f"{ROWS}/{number}"), rows, count, scratch.out)


def bounded(total: int) -> int:
    """A bound on the sum of a row as the kernels take it: negative if it is none. With the columns of phrases that
    sum may exceed 2**63, though no cell and no marginal does."""
    return total if total < 1 << 63 else -1


def postings(bags: Bags, row_of: Array, rows: int) -> tuple[Array, Array, Array]:
    """For each row, the documents that hold it and how often: starts, documents, counts."""
    starts, none = np.zeros(rows + 1, np.int64), np.zeros(0, np.uint32)
    size = find_postings(*bags, row_of, starts, none, none)
    documents, counts = np.empty(size, np.uint32), np.empty(size, np.uint32)
    find_postings(*bags, row_of, starts, documents, counts)
    return starts, documents, counts


def word_overlaps(units: Units, rows: Array, totals: Array, times: Array) -> tuple[Array, Array, Array]:
    """The pairs of an occurrence and one that overlaps it where either is a word: row, unit, count.

    A word overlaps itself, and a phrase the words in it. `rows` are units, ascending, and occur `totals`
    times; phrase k occurs `times[k]` times. What two phrases share is not here.
    """
    phrases = np.repeat(np.arange(units.phrases), np.diff(units.phrase_starts))
    here = np.flatnonzero(times[phrases] > 0)
    phrases, inside = phrases[here], units.phrase_units[here].astype(np.int64)
    words = rows[rows < units.words].astype(np.int64)
    of = np.concatenate([phrases + units.words, inside, words])
    with_ = np.concatenate([inside, phrases + units.words, words])
    counts = np.concatenate([times[phrases], times[phrases], totals[: len(words)]])
    kept = np.flatnonzero(np.isin(of, rows))
    return np.searchsorted(rows, of[kept]), with_[kept], counts[kept]


def less_by_row(cells: tuple[Array, Array, Array], names: Array, rows: int) -> Less:
    """Cells (row, unit, count) by row and with the columns of their units; without those that have none."""
    row, unit, count = cells
    kept = np.flatnonzero(np.isin(unit, names))
    order = kept[np.argsort(row[kept], kind="stable")]
    starts = np.searchsorted(row[order], np.arange(rows + 1)).astype(np.int64)
    return Less(starts, np.searchsorted(names, unit[order]).astype(np.uint32), count[order].astype(np.int64))
