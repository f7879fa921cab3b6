"""The windowed pair matrices: blocks → runs → pieces of rows → one matrix a window."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Corpus, Cut, Store, load_block, same_block
from cooc.create.phrase_rows import COLUMNS, ROWS, TURNED_ROWS, count_block_phrases
from cooc.create.rows import (
    ALL_ROWS,
    Run,
    Runs,
    RunWriter,
    copy_into,
    join_cells,
    join_starts,
    join_sums,
    make_scratch,
    merge_runs,
    write_sums,
)
from cooc.create.units import TERMS_READ, Units, load_units
from cooc.create.vocabulary import VOCABULARY_FILES
from cooc.create.window import Window, check_total
from cooc.create.work import Work
from cooc.index.files import NewFile, read_slice
from cooc.index.layout import PAIRS, VOCABULARY
from cooc.index.manifest import Parameters, WindowRecord
from cooc.kernels.pairs import count_keys, count_rows, group_positions, sum_contexts
from cooc.kernels.rows import most_bytes

Array = NDArray[Any]

ROW_BYTES, LEAST_ROWS = 48, 1 << 12
"""Memory of a row of a block while it is counted (where its positions begin, its end and its marginal), and how
many rows are counted together at least."""


def write_window(work: Work, chosen: Parameters, size: int, units: Units, corpus: Corpus) -> WindowRecord:
    """Count one window over the whole corpus and write its matrix; returns its manifest record.

    The record is kept once the matrix is whole; only then are the last files between stages removed.
    """
    window = Window(size, chosen.direction, chosen.weighting)
    check_total(window, corpus.tokens)
    record = work.here(
        f"pairs {window.name} whole", lambda: write_matrix(work, window, units, corpus, chosen.min_pair_count)
    )
    shutil.rmtree(work.path(f"pairs-{window.name}"), ignore_errors=True)
    return msgspec.convert(record, WindowRecord)


def write_matrix(work: Work, window: Window, units: Units, corpus: Corpus, minimum: int) -> WindowRecord:
    """Write the files of a matrix."""
    folder = work.index / PAIRS / window.name
    count = count_at_once if len(corpus.cuts) == 1 and not units.phrases else count_in_runs
    names, cells = count(work, window, units, corpus, minimum, folder / "cells.u8")
    join_starts(work, names, units.total, folder / "starts.i64")
    total = join_sums(work, names, units.total, folder / "row_sums.i64", words=units.words)
    if not window.symmetric:
        join_sums(work, count_columns(work, window, units, corpus), units.total, folder / "column_sums.i64")
    return WindowRecord(
        name=window.name, window=window.size, direction=window.direction, weighting=window.weighting,
        unit=window.unit, total=total, cells=cells, min_pair_count=minimum,
    )  # fmt: skip


def count_at_once(
    work: Work, window: Window, units: Units, corpus: Corpus, minimum: int, out: Path
) -> tuple[list[str], int]:
    """Write the cells of a corpus that is one block, by ranges of rows; returns their runs and number."""
    ranges = row_ranges(work, units, min(work.pieces, corpus.tokens >> 19))
    names = [f"pairs-{window.name}/rows/{first}" for first, _ in ranges]
    rows = [(window, corpus.store, corpus.cuts[0], place, name, minimum, True)
            for place, name in zip(ranges, names, strict=True)]  # fmt: skip
    with NewFile(out) as file:
        found = work.tasks(
            f"pairs {window.name}", count_block_rows, rows,
            then=lambda number: copy_into(file, work.path(names[number])),
        )  # fmt: skip
    return names, sum(msgspec.convert(run, Run).cells for run in found)


def count_in_runs(
    work: Work, window: Window, units: Units, corpus: Corpus, minimum: int, out: Path
) -> tuple[list[str], int]:
    """Write the cells of a corpus in blocks, each a run, and the sum of the runs; returns runs and cells."""
    stage, base = f"pairs {window.name}", f"pairs-{window.name}"
    folders = [f"{base}/rows"]
    rows = [(window, corpus.store, cut, (0, ALL_ROWS), f"{base}/rows/{number}", 1, False)
            for number, cut in enumerate(corpus.cuts)]  # fmt: skip
    work.tasks(stage, count_block_rows, rows)
    if units.phrases:
        numbered = [(window, corpus.store, cut, number) for number, cut in enumerate(corpus.cuts)]
        work.tasks(f"{stage} phrases", count_block_phrases, numbered)
        folders += [f"{base}/{ROWS}", f"{base}/{TURNED_ROWS}"]
    merged = merge_runs(
        work, f"{stage} merge", Runs(tuple(folders), len(corpus.cuts)),
        folder=f"{base}/merged", columns=units.total, minimum=minimum,
    )  # fmt: skip
    join_cells(work, merged.names, out)
    return merged.names, merged.cells


def count_columns(work: Work, window: Window, units: Units, corpus: Corpus) -> list[str]:
    """The marginals of the columns, as runs without cells."""
    stage, base = f"pairs {window.name} columns", f"pairs-{window.name}"
    rows = [(window, corpus.store, cut, f"{base}/columns/{number}") for number, cut in enumerate(corpus.cuts)]
    work.tasks(stage, sum_block_columns, rows)
    if len(rows) == 1 and not units.phrases:
        return [f"{base}/columns/0"]
    folders = (f"{base}/columns", *([f"{base}/{COLUMNS}"] if units.phrases else []))
    return merge_runs(work, f"{stage} merge", Runs(folders, len(rows)),
                      folder=f"{base}/columns-merged", columns=1, minimum=1).names  # fmt: skip


def row_ranges(work: Work, units: Units, parts: int) -> list[tuple[int, int]]:
    """At most `parts` ranges of units whose rows are about equal work: enough for workers to end together, few
    since each looks through the whole block for its rows.
    """
    total = sum(float(costs.sum()) for costs in row_costs(work, units))
    edges, before, first = [0], 0.0, 0
    for costs in row_costs(work, units):
        done = before + np.cumsum(costs)
        wanted = total * np.arange(1, max(1, parts)) / max(1, parts)
        inside = wanted[(wanted > before) & (wanted <= done[-1])] if len(done) else wanted[:0]
        edges += (first + np.searchsorted(done, inside) + 1).tolist()
        first += len(costs)
        before = float(done[-1]) if len(done) else before
    edges = sorted({edge for edge in edges if edge < first} | {0, ALL_ROWS})
    return list(itertools.pairwise(edges))


def row_costs(work: Work, units: Units) -> Iterator[Array]:
    """What the rows of the words cost, some at a time, in the order of the units."""
    path = work.index / VOCABULARY / VOCABULARY_FILES["occurrences"]
    for start in range(0, units.terms, TERMS_READ):
        stop = min(units.terms, start + TERMS_READ)
        low, high = np.searchsorted(units.more, [start, stop])
        plain = np.arange(start, min(stop, units.first))
        terms = np.concatenate([plain, units.more[low:high].astype(np.int64)])
        times = read_slice(path, start, stop)[terms - start].astype(np.float64)
        yield row_cost(times)


def row_cost(times: Array) -> Array:
    """The work, in no unit, of the rows of words that occur so many times (float64).

    A rare word's contexts are nearly all distinct cells, which cost more to write than to count; distinct
    cells grow about as the 0.8th power of contexts (Heaps).
    """
    cost: Array = 1 + times + 4 * times**0.8
    return cost


def count_block_rows(
    work: Work, window: Window, store: Store, cut: Cut, place: tuple[int, int], out: str, minimum: int, shared: bool
) -> Run:
    """Write the rows of the units [place) over one block; `shared` if other tasks ask for the same block."""
    units = load_units(work)
    if shared:
        block = same_block(store, cut, units, margin=window.size, what="units")
    else:
        block = load_block(store, cut, units, margin=window.size)
    low, high = np.searchsorted(block.names, np.array(place)).tolist()
    step = max(LEAST_ROWS, work.share // 8 // ROW_BYTES)
    with RunWriter(work.path(out)) as run:
        for first in range(low, high, step):
            here = (first, min(high, first + step))
            sizes = known_sizes(work, units, block.names[slice(*here)]) if cut == Cut(0, store.codes) else None
            add_rows(run, window, block, here, sizes, minimum)
    return run.run()


def known_sizes(work: Work, units: Units, names: Array) -> Array | None:
    """How often words occur in the whole corpus, where that is quickly said."""
    if int(names[-1]) >= units.first or int(names[-1]) - int(names[0]) != len(names) - 1:
        return None
    path = work.index / VOCABULARY / VOCABULARY_FILES["occurrences"]
    return read_slice(path, int(names[0]), int(names[-1]) + 1)


def add_rows(
    run: RunWriter, window: Window, block: Block, place: tuple[int, int], sizes: Array | None, minimum: int
) -> None:
    """Count the rows of a range of a block's units."""
    columns = len(block.names)
    positions, starts = group_range(block.ids, block.start, block.stop, place, sizes=sizes)
    times = int(np.diff(starts).max(initial=0))
    dtype = counter_dtype(window, times)
    contexts = times * (window.left + window.right)
    room = most_bytes(min(contexts, columns), int(block.names[-1]) + 1, times * window.most_per_token)
    scratch, weights = make_scratch(columns, dtype.type, int(room)), window.weights.astype(dtype)

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_rows(  # type: ignore[no-any-return]
            block.ids, block.separator, columns, block.names, columns, positions, starts,
            window.left, window.right, weights, minimum, scratch.counts, scratch.touched, scratch.bits,
            first, scratch.out, ends, sums,
        )  # fmt: skip

    run.add(block.names[slice(*place)], count, scratch.out)


def counter_dtype(window: Window, times: int) -> np.dtype[Any]:
    """The narrowest dtype that no cell can overflow of units that occur at most `times` times."""
    small = times * window.most_per_token < 1 << 32 and window.weighting == "uniform"
    return np.dtype("<u4" if small else "<i8")


def group_range(
    ids: Array, start: int, stop: int, place: tuple[int, int], *, sizes: Array | None = None
) -> tuple[Array, Array]:
    """Positions of the keys in a range, grouped by key, and where each key's begin.

    `sizes` are the occurrences of each key where they are known, which saves counting them.
    """
    keys = ids[start:stop]
    starts = np.zeros(place[1] - place[0] + 1, np.int64)
    if sizes is None:
        count_keys(keys, place[0], place[1], starts[1:])
    else:
        starts[1:] = sizes
    np.cumsum(starts, out=starts)
    positions = np.empty(starts[-1], np.uint32)
    group_positions(keys, start, place[0], place[1], starts[:-1].copy(), positions)
    return positions, starts


def sum_block_columns(work: Work, window: Window, store: Store, cut: Cut, out: str) -> None:
    """Write the marginals of one block's columns: the contexts each word has on the window's other side."""
    block = load_block(store, cut, load_units(work), margin=window.size)
    turned, sums = window.turned, np.zeros(len(block.names), np.int64)
    sum_contexts(
        block.ids, block.separator, len(block.names), block.start, block.stop, turned.left, turned.right,
        window.weights, sums,
    )  # fmt: skip
    write_sums(work.path(out), block.names, sums)
