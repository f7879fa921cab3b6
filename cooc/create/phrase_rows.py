"""The rows of phrases in a block, and phrases as columns of its words.

A phrase's row holds words and phrases. Its cells in word columns, with the window's sides exchanged, are also
cells of the words' rows; they add nothing to a word's marginal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block, Cut, Store, load_block
from cooc.create.rows import RunWriter, Scratch, gather, make_scratch, write_run
from cooc.create.rows import write_sums as write_marginals
from cooc.create.units import Units, find_occurrences, load_units
from cooc.create.window import Window
from cooc.create.work import Work
from cooc.kernels.phrases import list_phrase_cells, turn_cells, write_listed
from cooc.kernels.rows import most_bytes

Array = NDArray[Any]

ROWS, TURNED_ROWS, COLUMNS = "phrase-rows", "phrase-turned", "phrase-columns"
"""Folders of the runs of each block: rows of phrases, phrases as columns of words, marginals of phrase columns."""

OCCURRENCE_BYTES = 80
"""Memory of an occurrence of a phrase while it is sorted."""

CELL_BYTES = 28
"""Memory of a cell that is listed and turned."""

STEPS, LEAST_STEP = 64, 1 << 12
"""Pieces of a block in which phrases are looked for, to stop before there are too many, and their least tokens."""


class Near(NamedTuple):
    """Phrases of a stretch of a block, numbered from 0: their units and lengths, the occurrences of all by
    position, and of those that begin in the stretch by phrase."""

    units: Array
    lengths: Array
    around: Array
    around_phrases: Array
    starts: Array
    occurrences: Array


def count_block_phrases(work: Work, window: Window, store: Store, cut: Cut, number: int) -> None:
    """Write the runs of the phrases over one block."""
    base = f"pairs-{window.name}"
    folders = [ROWS, TURNED_ROWS, *([] if window.symmetric else [COLUMNS])]
    parts = write_parts(work, window, store, cut, {name: f"{base}/{name}/{number}" for name in folders})
    for name in folders:
        # each stretch of the block, and each part of its cells, wrote a run of its own
        gather(work, parts[name], f"{base}/{name}/{number}", 1 if name == COLUMNS else load_units(work).total)


def write_parts(work: Work, window: Window, store: Store, cut: Cut, names: dict[str, str]) -> dict[str, list[str]]:
    """Write the runs named `names`, each in parts; returns the names of the parts."""
    units = load_units(work)
    block = load_block(store, cut, units, margin=window.size + 2 * units.longest)
    parts: dict[str, list[str]] = {name: [] for name in names}

    def new_part(name: str) -> Path:
        parts[name].append(f"{names[name]}.{len(parts[name])}")
        return work.path(parts[name][-1])

    for start, stop in stretches(block, units, work.share // 8 // OCCURRENCE_BYTES):
        near = phrases_near(block, units, window.size, start, stop)
        with RunWriter(new_part(ROWS)) as rows:
            for first, lists in phrase_cells(window, block, near, work.share // 8 // CELL_BYTES):
                add_listed(rows, block, near, lists, first)
                if window.symmetric:
                    write_turned(new_part(TURNED_ROWS), block, near, lists, first)
        if not window.symmetric:
            for first, lists in phrase_cells(window.turned, block, near, work.share // 8 // CELL_BYTES):
                write_turned(new_part(TURNED_ROWS), block, near, lists, first)
                words = np.where(lists.columns < block.none, lists.counts, 0)
                sums = np.diff(np.append(0, np.cumsum(words))[lists.starts])
                write_marginals(new_part(COLUMNS), near.units[first : first + len(sums)], sums)
    return parts


def stretches(block: Block, units: Units, most: int) -> Iterator[tuple[int, int]]:
    """Stretches [start, stop) that make up a block's cut, each with about `most` occurrences of phrases or fewer."""
    step = max(LEAST_STEP, -(-(block.stop - block.start) // STEPS))
    begun, held = block.start, 0
    for start in range(block.start, block.stop, step):
        stop = min(block.stop, start + step)
        found = len(find_occurrences(block, units, start, stop)[0])
        if held and held + found > most:
            yield begun, start
            begun, held = start, 0
        held += found
    yield begun, block.stop


def phrases_near(block: Block, units: Units, reach: int, start: int, stop: int) -> Near:
    """The phrases that begin in a stretch, and all that their windows may meet."""
    low, high = max(1, start - reach - units.longest), min(len(block.ids) - 1, stop + reach + units.longest)
    around, phrases = find_occurrences(block, units, low, high)
    present, numbers = np.unique(phrases, return_inverse=True)
    numbers = numbers.astype(np.int64)
    inside = (around >= start) & (around < stop)
    order = np.argsort(numbers[inside], kind="stable")
    starts = np.searchsorted(numbers[inside][order], np.arange(len(present) + 1)).astype(np.int64)
    lengths = np.diff(units.phrase_starts)[present]
    names = (present + units.words).astype(np.uint32)
    return Near(names, lengths, around, numbers, starts, around[inside][order])


class Lists(NamedTuple):
    """Cells of some phrases: phrase r's are `columns`, `counts` [starts[r]:starts[r + 1]]. Columns are the
    words of the block, then the phrases."""

    columns: Array
    counts: Array
    starts: Array


def phrase_cells(window: Window, block: Block, near: Near, room: int) -> Iterator[tuple[int, Lists]]:
    """(first phrase, cells) of all phrases, about `room` cells at a time."""
    columns, longest = len(block.names) + len(near.units), int(near.lengths.max(initial=0))
    scratch = make_scratch(columns, np.int64, 0)
    weights, first = window.weights, 0
    cell_columns, cell_counts = np.empty(room, np.uint32), np.empty(room, np.int64)
    while first < len(near.units):
        ends = np.zeros(len(near.units), np.int64)
        stopped = list_phrase_cells(
            block.ids, block.separator, len(block.names), near.lengths, near.starts, near.occurrences,
            near.around, near.around_phrases, longest, window.left, window.right, weights,
            scratch.counts, scratch.touched, first, cell_columns, cell_counts, ends,
        )  # fmt: skip
        if stopped == first:
            # one phrase has more cells than that: it needs the room, at most one a column
            cell_columns, cell_counts = (np.empty(2 * len(cell_columns), a.dtype) for a in (cell_columns, cell_counts))
            continue
        starts = np.append(0, ends[first:stopped])
        yield first, Lists(cell_columns[: starts[-1]], cell_counts[: starts[-1]], starts)
        first = stopped


def add_listed(run: RunWriter, block: Block, near: Near, lists: Lists, first: int) -> None:
    """Add the rows of listed phrases to a run."""
    names = np.concatenate([block.names, near.units])
    rows = near.units[first : first + len(lists.starts) - 1]
    count, out = listed_rows(lists, names, marginal=len(block.names))
    run.add(rows, count, out)


def listed_rows(lists: Lists, names: Array, *, marginal: int) -> tuple[Any, Array]:
    """What writes listed rows for `RunWriter.add`; their marginal is that of the first `marginal` columns."""
    most = int(np.diff(lists.starts).max(initial=0))
    units = int(names[-1]) + 1 if len(names) else 0
    scratch: Scratch = make_scratch(len(names), np.int64, int(most_bytes(most, units, int(lists.counts.sum()))))

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return write_listed(  # type: ignore[no-any-return]
            lists.columns, lists.counts, lists.starts, names, marginal,
            scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip

    return count, scratch.out


def write_turned(path: Path, block: Block, near: Near, lists: Lists, first: int) -> None:
    """Write a run of the listed phrases as columns of the words."""
    words = lists.columns[lists.columns < block.none]
    rows, sizes = np.unique(words, return_counts=True)
    cursor = np.zeros(block.none, np.int64)
    cursor[rows] = np.cumsum(sizes) - sizes
    turned = np.empty(len(words), np.uint32), np.empty(len(words), np.int64)
    turn_cells(lists.columns, lists.counts, lists.starts, block.none, cursor, *turned)
    listed = Lists(*turned, np.append(0, np.cumsum(sizes)))
    count, out = listed_rows(listed, near.units[first : first + len(lists.starts) - 1], marginal=0)
    write_run(path, block.names[rows], count, out)
