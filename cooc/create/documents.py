"""The window named "document": pairs within whole documents, with rows for the listed units only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Cut, Store, load_block
from cooc.create.pairs import merge_ranges
from cooc.create.rows import join_files, make_scratch, merge_runs, read_starts, read_sums, write_run
from cooc.create.units import Units, occurrences_in
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import write_array
from cooc.index.layout import PAIRS, TOKENS
from cooc.index.manifest import DOCUMENT, Parameters, WindowRecord
from cooc.kernels.documents import bag_documents, count_document_rows

Array = NDArray[Any]


class Bags(NamedTuple):
    """Documents as counts of units: document d holds `units[k]` `counts[k]` times, for k in starts[d]:starts[d+1]."""

    starts: Array
    units: Array
    counts: Array


def write_document_window(
    work: Work, chosen: Parameters, units: Units, store: Store, size: int, frequencies: Array
) -> WindowRecord:
    """Count the document window in groups of about `size` codes; returns its manifest record."""
    offsets = np.fromfile(work.index / TOKENS / "offset.0", "<u8").astype(np.int64) // 2
    check_total(offsets, store.codes)
    cuts = cut_documents(offsets, store.codes, size)
    rows = [(units, store, cut, number, len(frequencies)) for number, cut in enumerate(cuts)]
    work.tasks("pairs document", count_documents, rows)
    runs = [[rows_path(work, number)] for number in range(len(cuts))]
    listed = len(units.listed)
    places = merge_ranges(runs, listed)
    counted = work.tasks("pairs document merge", merge_documents,
                         [(runs, place, units, chosen.min_pair_count) for place in places])  # fmt: skip
    final = [work.path(f"document/merged-{first}") for first, _ in places]
    folder = work.index / PAIRS / DOCUMENT
    join_files(final, folder / "cells.u8")
    starts = np.zeros(units.total + 1, np.int64)
    starts[units.listed.astype(np.int64) + 1] = np.diff(read_starts(final))
    sums = sum((np.fromfile(sums_path(work, number), np.int64) for number in range(len(cuts))),
               np.zeros(units.total, np.int64))  # fmt: skip
    if (sums[units.listed] != read_sums(final)).any():
        raise BuildError("the document window's rows do not add up to its marginals; this is a bug in cooc.")
    write_array(folder / "starts.i64", np.cumsum(starts))
    write_array(folder / "row_sums.i64", sums)
    return WindowRecord(
        name=DOCUMENT, window=None, direction="symmetric", weighting="uniform", unit=1,
        total=int(sums[: len(units.words)].sum()), cells=sum(cells for cells, _ in counted),
        min_pair_count=chosen.min_pair_count,
    )  # fmt: skip


def check_total(offsets: Array, codes: int) -> None:
    """Raise `BuildError` if the squares of the documents' lengths don't fit a signed 64-bit number."""
    lengths = np.diff(np.append(offsets, codes)).astype(np.float64)
    if float((lengths**2).sum()) >= 2.0**63:
        raise BuildError(
            "the documents are so long that their pairs exceed 2^63: the document window can't be counted. "
            "Leave out --terms, or split the documents."
        )


def cut_documents(offsets: Array, codes: int, size: int) -> list[Cut]:
    """Cuts at document starts, of about `size` codes or one document."""
    edges = [0]
    for wanted in range(size, codes, size):
        place = int(offsets[min(int(np.searchsorted(offsets, wanted)), len(offsets) - 1)])
        if place > edges[-1]:
            edges.append(place)
    return [Cut(a, b) for a, b in zip(edges, [*edges[1:], codes], strict=True) if a < b]


def rows_path(work: Work, number: int) -> Path:
    return work.path(f"document/{number}")


def sums_path(work: Work, number: int) -> Path:
    return work.path(f"document/{number}-sums.i64")


def merge_documents(work: Work, runs: list[list[Path]], place: tuple[int, int], units: Units, minimum: int) -> Any:
    out = work.path(f"document/merged-{place[0]}")
    return list(merge_runs(runs, out, *place, units.total, len(units.words), minimum))


def count_documents(work: Work, units: Units, store: Store, cut: Cut, number: int, terms: int) -> Any:
    """Write the rows of the listed units over the documents of a cut, and the marginals of all units."""
    block = load_block(store, cut, units.of_terms(terms), units=units.total, margin=0)
    separator, words = np.uint32(units.total + 1), len(units.words)
    begins = np.flatnonzero(block.ids[block.start : block.stop] == separator) + block.start + 1
    at, of = occurrences_in(block.ids, block.start, block.stop, units, terms)
    sums = np.zeros(units.total, np.int64)
    bags = make_bags(block.ids, separator, units, begins, at, of, sums)
    lengths = np.diff(units.phrase_starts)
    # a phrase's own tokens are not its context: the kernel took off one, as for a word
    sums[words:] -= np.bincount(of, minlength=units.phrases) * (lengths - 1)
    write_array(sums_path(work, number), sums)

    row_starts, row_documents, row_counts = postings(bags, units)
    less_starts, less_units, less_counts = own_cells(block.ids, units, at, of, terms)
    scratch = make_scratch(units.total, np.int64, units.total)

    def count(first: int, ends: Array, row_sums: Array) -> tuple[int, Any, int]:
        return count_document_rows(  # type: ignore[no-any-return]
            units.total, words, row_starts, row_documents, row_counts, bags.starts, bags.units, bags.counts,
            less_starts, less_units, less_counts, scratch.counts, scratch.touched, scratch.bits,
            first, scratch.out, ends, row_sums,
        )  # fmt: skip

    return list(write_run(rows_path(work, number), len(units.listed), count, scratch.out))


def make_bags(ids: Array, separator: Any, units: Units, begins: Array, at: Array, of: Array, sums: Array) -> Bags:
    """The bags of documents that begin at `begins`; their marginals are added to `sums`."""
    starts = np.zeros(len(begins) + 1, np.int64)
    room = len(ids) + len(at)
    bag_units, bag_counts = np.empty(room, np.uint32), np.empty(room, np.int64)
    counts, touched = np.zeros(units.total + 1, np.int64), np.empty(units.total + 1, np.uint32)
    size = bag_documents(
        ids, separator, units.total, len(units.words), begins.astype(np.int64), at, of, counts, touched,
        starts, bag_units, bag_counts, sums,
    )  # fmt: skip
    return Bags(starts, bag_units[:size].copy(), bag_counts[:size].copy())


def postings(bags: Bags, units: Units) -> tuple[Array, Array, Array]:
    """For each listed unit, the documents that hold it and how often."""
    row_of = np.full(units.total, -1, np.int64)
    row_of[units.listed] = np.arange(len(units.listed))
    rows = row_of[bags.units]
    kept = np.flatnonzero(rows >= 0)
    order = kept[np.argsort(rows[kept], kind="stable")]
    documents = np.searchsorted(bags.starts, order, side="right") - 1
    starts = np.searchsorted(rows[order], np.arange(len(units.listed) + 1)).astype(np.int64)
    return starts, documents, bags.counts[order]


def own_cells(ids: Array, units: Units, at: Array, of: Array, terms: int) -> tuple[Array, Array, Array]:
    """What the products of counts hold too much, for each listed unit: (unit, count) of pairs that overlap.

    An occurrence overlaps itself; a phrase overlaps the words in it, and phrases that share a token with it.
    """
    words, lengths = len(units.words), np.diff(units.phrase_starts)
    unit_of = units.of_terms(terms)
    cells: dict[tuple[int, int], int] = {}

    def add(a: int, b: int, times: int) -> None:
        cells[a, b] = cells.get((a, b), 0) + times

    tokens = np.bincount(ids[ids < units.total], minlength=units.total)
    for unit in units.listed[units.listed < words].tolist():
        add(unit, unit, int(tokens[unit]))
    times = np.bincount(of, minlength=units.phrases)
    for phrase in range(units.phrases):
        inside = unit_of[units.phrase_terms[units.phrase_starts[phrase] : units.phrase_starts[phrase + 1]]]
        for word in inside.tolist():
            add(words + phrase, word, int(times[phrase]))
            add(word, words + phrase, int(times[phrase]))
    for k in range(len(at)):
        other = k
        while other < len(at) and at[other] < at[k] + lengths[of[k]]:
            add(words + int(of[k]), words + int(of[other]), 1)
            if other != k:
                add(words + int(of[other]), words + int(of[k]), 1)
            other += 1
    row_of = {unit: row for row, unit in enumerate(units.listed.tolist())}
    table = sorted((row_of[a], b, count) for (a, b), count in cells.items() if a in row_of and count)
    array = np.array(table, np.int64).reshape(-1, 3)
    starts = np.searchsorted(array[:, 0], np.arange(len(units.listed) + 1)).astype(np.int64)
    return starts, array[:, 1].astype(np.uint32), array[:, 2].copy()
