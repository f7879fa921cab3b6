"""The windowed pair matrices: blocks × row ranges → run files → one matrix a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Cut, Store, load_block, shared_block
from cooc.create.plan import harmonic_unit
from cooc.create.rows import (
    Joining,
    balanced_ranges,
    make_scratch,
    merge_runs,
    read_rows,
    read_starts,
    read_sums,
    write_run,
)
from cooc.create.tokens import VOCABULARY_FILES, read_array
from cooc.create.units import Units, occurrences_in
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import write_array, write_whole
from cooc.index.layout import PAIRS, VOCABULARY
from cooc.index.manifest import Direction, Parameters, WindowRecord
from cooc.kernels.pairs import count_keys, count_rows, group_positions, sum_contexts
from cooc.kernels.phrases import count_phrase_rows
from cooc.kernels.rows import read_row

Array = NDArray[Any]

MOST = (1 << 63) - 1


class Window(NamedTuple):
    """How far a window reaches to either side, and what a pair at each distance adds."""

    name: str
    left: int
    right: int
    weights: Array

    @property
    def reach(self) -> int:
        return max(self.left, self.right)

    @property
    def turned(self) -> Window:
        """The window with its sides exchanged, which counts the transpose."""
        return self._replace(left=self.right, right=self.left)


def make_window(size: int, direction: Direction, weighting: str) -> Window:
    """The window of a size in tokens; weights are whole numbers, in units of 1/lcm if harmonic."""
    unit = harmonic_unit(size) if weighting == "harmonic" else 1
    weights = np.zeros(size + 1, np.int64)
    weights[1:] = unit // np.arange(1, size + 1) if weighting == "harmonic" else 1
    left = size if direction in ("symmetric", "left") else 0
    right = size if direction in ("symmetric", "right") else 0
    return Window(str(size), left, right, weights)


def write_window(
    work: Work,
    chosen: Parameters,
    size: int,
    units: Units,
    store: Store,
    cuts: list[Cut],
    frequencies: Array,
    margin: int,
) -> WindowRecord:
    """Count one window over the whole store and write its matrix; returns its manifest record.

    Blocks are loaded with a margin of `margin` tokens, at least the window.
    """
    window = make_window(size, chosen.direction, chosen.weighting)
    check_total(window, int(frequencies.sum()), chosen.weighting)
    stage, folder = f"pairs {window.name}", work.index / PAIRS / window.name
    in_one = len(cuts) == 1 and not units.phrases
    minimum = chosen.min_pair_count if in_one else 1
    ranges, joining = row_ranges(frequencies[units.words]), Joining(folder / "cells.u8")
    paths = [[run_path(work, window, number, place) for place in ranges] for number in range(len(cuts))]
    dtype = counter_dtype(window, frequencies)
    rows = [
        (window, units, store, cut, number, place, minimum, dtype, len(frequencies), margin)
        for number, cut in enumerate(cuts)
        for place in ranges
    ]
    counted = work.tasks(
        stage, count_block_rows, rows, then=(lambda number: joining.add(paths[0][number])) if in_one else None
    )
    final = paths[0]
    if units.phrases:
        names = ["rows", "columns"] if window.left != window.right else ["rows"]
        work.tasks(f"{stage} phrases", count_block_phrases,
                   [(window, units, store, cut, number, name, len(frequencies))
                    for number, cut in enumerate(cuts) for name in names])  # fmt: skip
        paths = with_phrases(work, window, units, paths)
    if not in_one:
        pieces = merge_ranges(paths, units.total)
        counted = work.tasks(f"{stage} merge", merge_piece,
                             [(window, paths, place, units, chosen.min_pair_count) for place in pieces],
                             then=lambda number: joining.add(merged_path(work, window, pieces[number])))  # fmt: skip
        final = [merged_path(work, window, place) for place in pieces]
    joining.finish()
    sums = read_sums(final)
    write_array(folder / "starts.i64", read_starts(final))
    write_array(folder / "row_sums.i64", sums)
    if window.left != window.right:
        work.tasks(f"{stage} columns", sum_block_columns,
                   [(window, units, store, cut, number, len(frequencies))
                    for number, cut in enumerate(cuts)])  # fmt: skip
        columns = [np.fromfile(columns_path(work, window, number), np.int64) for number in range(len(cuts))]
        write_array(folder / "column_sums.i64", sum(columns, np.zeros(units.total, np.int64)))
    return WindowRecord(
        name=window.name, window=size, direction=chosen.direction, weighting=chosen.weighting,
        unit=harmonic_unit(size) if chosen.weighting == "harmonic" else 1,
        total=int(sums[: len(units.words)].sum()), cells=sum(cells for cells, _ in counted),
        min_pair_count=chosen.min_pair_count,
    )  # fmt: skip


def check_total(window: Window, tokens: int, weighting: str) -> None:
    """Raise `BuildError` if the sum of all cells might not fit a signed 64-bit number."""
    sides = int(window.left > 0) + int(window.right > 0)
    if tokens * sides * int(window.weights.sum()) > MOST:
        raise BuildError(
            f"--window {window.name} --weighting {weighting}: over {tokens:,} tokens the sum of the counts could "
            "exceed 2^63. Choose a smaller window."
        )


def counter_dtype(window: Window, frequencies: Array) -> str:
    """The narrowest dtype that no cell of a block can overflow: a cell is at most a term's contexts."""
    most = int(frequencies.max(initial=0)) * 2 * int(window.weights.sum())
    return "<u4" if most < 1 << 32 and int(window.weights.max(initial=1)) == 1 else "<i8"


def row_ranges(frequencies: Array) -> list[tuple[int, int]]:
    """Row ranges of about equal work: enough for two workers to end together, few since each looks through
    the whole block for its rows. A rare term's contexts are nearly all distinct cells, which cost more to
    write than to count; distinct cells grow about as the 0.8th power of contexts (Heaps)."""
    cost = 1 + frequencies + 4 * frequencies.astype(np.float64) ** 0.8
    return balanced_ranges(cost.astype(np.int64), max(1, min(6, int(frequencies.sum()) >> 19)))


def run_path(work: Work, window: Window, number: int, place: tuple[int, int]) -> Path:
    return work.path(f"pairs-{window.name}/{number}-{place[0]}")


def merged_path(work: Work, window: Window, place: tuple[int, int]) -> Path:
    return work.path(f"pairs-{window.name}/merged-{place[0]}")


def group_range(
    block_ids: Array, start: int, stop: int, place: tuple[int, int], *, sizes: Array | None = None
) -> tuple[Array, Array]:
    """Positions of the keys in a range, grouped by key, and where each key's begin.

    `sizes` are the occurrences of each key where they are known, which saves counting them.
    """
    keys = block_ids[start:stop]
    starts = np.zeros(place[1] - place[0] + 1, np.int64)
    if sizes is None:
        count_keys(keys, place[0], place[1], starts[1:])
    else:
        starts[1:] = sizes
    np.cumsum(starts, out=starts)
    positions = np.empty(starts[-1], np.uint32)
    group_positions(keys, start, place[0], place[1], starts[:-1].copy(), positions)
    return positions, starts


def count_block_rows(
    work: Work, window: Window, units: Units, store: Store, cut: Cut, number: int, place: tuple[int, int],
    minimum: int, dtype: str, terms: int, margin: int,
) -> Any:  # fmt: skip
    """Write the rows of one range of units over one block."""
    block = shared_block(
        store, cut, lambda: units.of_terms(terms), words=len(units.words), units=units.total, margin=margin
    )
    sizes = None
    if cut == Cut(0, store.codes):
        frequencies = read_array(work.index / VOCABULARY / VOCABULARY_FILES["occurrences"])
        sizes = frequencies[units.words[place[0] : place[1]]]
    positions, starts = group_range(block.ids, block.start, block.stop, place, sizes=sizes)
    longest = int(np.diff(starts).max(initial=0)) * (window.left + window.right)
    scratch = make_scratch(units.total, np.dtype(dtype).type, longest)
    weights = window.weights.astype(dtype)

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_rows(  # type: ignore[no-any-return]
            block.ids, np.uint32(units.total + 1), units.total, len(units.words), positions, starts,
            window.left, window.right, weights, minimum, scratch.counts, scratch.touched, scratch.bits,
            first, scratch.out, ends, sums,
        )  # fmt: skip

    return list(write_run(run_path(work, window, number, place), place[1] - place[0], count, scratch.out))


def count_block_phrases(
    work: Work, window: Window, units: Units, store: Store, cut: Cut, number: int, name: str, terms: int
) -> Any:
    """Write the rows of the phrases over one block; "columns" counts the sides exchanged."""
    side = window if name == "rows" else window.turned
    lengths = np.diff(units.phrase_starts)
    longest = int(lengths.max())
    block = load_block(store, cut, units.of_terms(terms), units=units.total, margin=window.reach + 2 * longest)
    around, around_phrases = occurrences_in(block.ids, 1, len(block.ids) - 1, units, terms)
    inside = (around >= block.start) & (around < block.stop)
    order = np.argsort(around_phrases[inside], kind="stable")
    occurrences = around[inside][order]
    starts = np.searchsorted(around_phrases[inside][order], np.arange(units.phrases + 1)).astype(np.int64)
    scratch = make_scratch(units.total, np.int64, units.total)

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_phrase_rows(  # type: ignore[no-any-return]
            block.ids, np.uint32(units.total + 1), len(units.words), units.total, lengths, starts, occurrences,
            around, around_phrases, longest, side.left, side.right, window.weights,
            scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip

    path = work.path(f"pairs-{window.name}/{number}-phrase-{name}")
    return list(write_run(path, units.phrases, count, scratch.out))


def with_phrases(work: Work, window: Window, units: Units, runs: list[list[Path]]) -> list[list[Path]]:
    """The runs with the rows of the phrases below, and one run more: the phrases as columns of the words."""
    folder = work.path(f"pairs-{window.name}")
    columns = "columns" if window.left != window.right else "rows"
    words = len(units.words)
    cells = []
    for number in range(len(runs)):
        path = [folder / f"{number}-phrase-{columns}"]
        cells.append(transposed_cells(read_rows(path), read_starts(path), words))
    turned = np.concatenate(cells)
    order = np.lexsort((turned[:, 1], turned[:, 0]))
    extra = folder / "phrase-turned"
    write_cells(extra, units.total, turned[order] + np.array([0, words, 0]))
    runs = [[*paths, folder / f"{number}-phrase-rows"] for number, paths in enumerate(runs)]
    return [*runs, [extra]]


def transposed_cells(data: Array, starts: Array, words: int) -> Array:
    """Rows (column, row, count) of the cells whose column is a word."""
    size = int(np.diff(starts).max(initial=0))
    columns, counts, found = np.empty(size, np.int64), np.empty(size, np.int64), []
    for row in range(len(starts) - 1):
        n = read_row(data[starts[row] : starts[row + 1]], columns, counts)
        inside = columns[:n] < words
        found.append(np.column_stack([columns[:n], np.full(n, row), counts[:n]])[inside])
    return np.concatenate(found)


def write_cells(path: Path, rows: int, cells: Array) -> None:
    """Write sorted cells (row, column, count), a cell possibly in several pieces, as a run of `rows` rows.

    They hold no word columns, so they add nothing to a marginal.
    """
    out, ends = bytearray(), np.zeros(rows, np.int64)
    edges = np.searchsorted(cells[:, 0], np.arange(rows + 1))
    for row in np.flatnonzero(np.diff(edges)):
        group = cells[edges[row] : edges[row + 1]]
        unique, places = np.unique(group[:, 1], return_inverse=True)
        counts = np.zeros(len(unique), np.int64)
        np.add.at(counts, places, group[:, 2])
        after = 0
        for column, count in zip(unique.tolist(), counts.tolist(), strict=True):
            put_varint(out, 2 * (column - after) + (count > 1))
            if count > 1:
                put_varint(out, count - 2)
            after = column + 1
        ends[row] = len(out)
    np.maximum.accumulate(ends, out=ends)
    write_whole(path, bytes(out))
    write_array(path.with_name(path.name + ".ends.i64"), ends)
    write_array(path.with_name(path.name + ".sums.i64"), np.zeros(rows, np.int64))


def put_varint(out: bytearray, value: int) -> None:
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def merge_ranges(runs: list[list[Path]], rows: int) -> list[tuple[int, int]]:
    """Row ranges to merge, by the bytes that they have in all runs."""
    sizes = sum((np.diff(read_starts(paths)) for paths in runs), np.zeros(rows, np.int64))
    return balanced_ranges(sizes + 1, max(1, min(256, int(sizes.sum()) >> 24)))


def merge_piece(
    work: Work, window: Window, runs: list[list[Path]], place: tuple[int, int], units: Units, minimum: int
) -> Any:
    return list(merge_runs(runs, merged_path(work, window, place), *place, units.total, len(units.words), minimum))


def sum_block_columns(
    work: Work, window: Window, units: Units, store: Store, cut: Cut, number: int, terms: int
) -> None:
    """Write the marginals of one block's columns: the contexts each unit has on the window's other side."""
    block = load_block(store, cut, units.of_terms(terms), units=units.total, margin=window.reach)
    turned, sums = window.turned, np.zeros(units.total, np.int64)
    sum_contexts(
        block.ids, np.uint32(units.total + 1), units.total, block.start, block.stop,
        turned.left, turned.right, window.weights, sums,
    )  # fmt: skip
    if units.phrases:
        path = work.path(f"pairs-{window.name}/{number}-phrase-columns")
        sums[len(units.words) :] = read_sums([path])
    write_array(columns_path(work, window, number), sums)


def columns_path(work: Work, window: Window, number: int) -> Path:
    return work.path(f"pairs-{window.name}/{number}-columns.i64")
