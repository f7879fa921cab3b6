"""A document longer than a block: its bag is added up from pieces, and its rows are the bag times a count.

Each piece leaves its bag and the phrases that overlap in it; the bag of the document lies on disk and is
multiplied in tiles of columns. So memory is bounded by the piece and the tile, whatever the document.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.bags import (
    ROWS,
    SUMS,
    Less,
    Occurrences,
    bounded,
    group_occurrences,
    less_by_row,
    word_overlaps,
)
from cooc.create.blocks import Cut, Store, load_block
from cooc.create.rows import Run, RunWriter, Scratch, make_scratch
from cooc.create.units import Units, load_units
from cooc.create.work import Work
from cooc.index.files import NewFile, items_of, read_slice, write_array
from cooc.kernels.documents import count_columns, count_document_rows, list_overlaps, row_bytes

Array = NDArray[Any]

GIANTS = "document/giants"

UNITS_AT_ONCE = 1 << 20
"""Of a bag while those of its pieces are added up."""

TILE = 1 << 18
"""Columns of a bag that are multiplied at a time."""

PAIRS_AT_ONCE = 1 << 17
"""Pairs of phrases that overlap, at a time."""


class Piece(msgspec.Struct, frozen=True):
    """Piece `number` of the document number `giant`."""

    giant: int
    number: int
    cut: Cut


class Product(msgspec.Struct, frozen=True):
    """Run `number`: rows [low, high) of the listed units in the document number `giant`, which has `pieces`,
    over the places [start, stop) of its bag."""

    giant: int
    pieces: int
    low: int
    high: int
    start: int
    stop: int
    number: int


class Bag(msgspec.Struct, frozen=True):
    """How many units a document holds, and how many of them are listed."""

    units: int
    rows: int


def cut_giant(store: Store, whole: Cut, size: int) -> list[Cut]:
    """Cuts of equal size, of at most `size` codes or one token, that together are a document."""
    count = -(-(whole.stop - whole.start) // size)
    span = whole.stop - whole.start
    places = [store.token_start(whole.start + span * number // count) for number in range(count)]
    return [Cut(a, b) for a, b in zip(places, [*places[1:], whole.stop], strict=True) if a < b]


def piece_path(work: Work, giant: int, number: int, name: str) -> Path:
    return work.path(f"{GIANTS}/{giant}/{number}/{name}")


def bag_path(work: Work, giant: int, name: str) -> Path:
    return work.path(f"{GIANTS}/{giant}/bag/{name}")


def bag_piece(work: Work, store: Store, piece: Piece) -> int:
    """Write the bag of a piece and the phrases that overlap in it; returns its tokens with a row."""
    units = load_units(work)
    block = load_block(store, piece.cut, units, margin=2 * units.longest)
    low, high = max(1, block.start - units.longest), min(len(block.ids) - 1, block.stop + units.longest)
    found = group_occurrences(block, units, low, high)
    mine = (found.at >= block.start) & (found.at < block.stop)
    times = np.bincount(found.of[mine], minlength=len(found.phrases))
    counts = np.zeros(block.none + 2, np.int64)
    count_columns(block.ids[block.start : block.stop], counts)
    held, occurring = np.flatnonzero(counts[: block.none]), np.flatnonzero(times)
    names = np.concatenate([block.names[held], units.words + found.phrases[occurring]]).astype(np.uint32)
    edges = np.arange(0, units.total + UNITS_AT_ONCE, UNITS_AT_ONCE)
    path = piece_path(work, piece.giant, piece.number, "")
    write_array(path / "names.u32", names)
    write_array(path / "counts.i64", np.concatenate([counts[held], times[occurring]]))
    write_array(path / "edges.i64", np.searchsorted(names, edges))
    write_overlaps(path, found, mine)
    return int(counts[: block.none].sum())


def write_overlaps(path: Path, found: Occurrences, mine: Array) -> None:
    """Write how often phrase p of `mine` overlaps phrase q, at the key p << 32 | q, by key."""
    order = found.order[mine[found.order]]
    sizes = np.bincount(found.of[order], minlength=len(found.phrases))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    room, phrases = max(1 << 16, len(found.phrases)), found.phrases.astype(np.uint64)
    rows, columns, counts = np.empty(room, np.uint32), np.empty(room, np.uint32), np.empty(room, np.int64)
    scratch = make_scratch(len(phrases), np.int64, 0)
    row, longest = 0, np.int64(found.lengths.max(initial=0))
    with NewFile(path / "pairs.u64") as keys, NewFile(path / "pair_counts.i64") as times:
        while row < len(phrases):
            row, size = list_overlaps(
                found.at, found.of, found.lengths, longest, starts, order, row,
                scratch.counts, scratch.touched, scratch.bits, rows, columns, counts,
            )  # fmt: skip
            keys.write_array(phrases[rows[:size]] << np.uint64(32) | phrases[columns[:size]])
            times.write_array(counts[:size])


def join_bag(work: Work, giant: int, pieces: int, tokens: int, number: int) -> Bag:
    """Write the bag of a document of `tokens` tokens with a row, its listed units, and its marginals as run
    `number`."""
    units = load_units(work)
    lengths = np.diff(units.phrase_starts)
    rows, times, size = [], [], 0
    with (
        NewFile(bag_path(work, giant, "names.u32")) as names,
        NewFile(bag_path(work, giant, "counts.i64")) as counts,
        RunWriter(work.path(f"{SUMS}/{number}")) as sums,
    ):
        for start in range(0, units.total, UNITS_AT_ONCE):
            dense = add_pieces(work, giant, pieces, start // UNITS_AT_ONCE)
            places = np.flatnonzero(dense)
            here, held = places + start, dense[places]
            own = np.ones(len(here), np.int64)
            phrases = here >= units.words
            own[phrases] = lengths[here[phrases] - units.words]
            names.write_array(here)
            counts.write_array(held)
            sums.add_lines(here, np.zeros(len(here), np.int64), held * (tokens - own), 0)
            listed = np.isin(here, units.listed)
            rows.append(here[listed])
            times.append(held[listed])
            size += len(here)
    write_array(bag_path(work, giant, "rows.u32"), np.concatenate(rows))
    write_array(bag_path(work, giant, "times.i64"), np.concatenate(times))
    return Bag(size, sum(map(len, rows)))


def add_pieces(work: Work, giant: int, pieces: int, part: int) -> Array:
    """The counts of `UNITS_AT_ONCE` units over all pieces."""
    dense = np.zeros(UNITS_AT_ONCE, np.int64)
    for number in range(pieces):
        path = piece_path(work, giant, number, "")
        low, high = read_slice(path / "edges.i64", part, part + 2).tolist()
        names = read_slice(path / "names.u32", low, high)
        dense[names - np.uint32(part * UNITS_AT_ONCE)] += read_slice(path / "counts.i64", low, high)
    return dense


def plan_products(giant: int, pieces: int, bag: Bag, *, first: int, parts: int) -> list[Product]:
    """The runs of a document, numbered from `first`: tiles of its bag, and at least `parts` if they are large."""
    tiles = [(start, min(bag.units, start + TILE)) for start in range(0, bag.units, TILE)]
    rows = max(1, -(-bag.rows // parts), min(bag.rows, (1 << 22) // min(TILE, max(1, bag.units))))
    places = [(low, min(bag.rows, low + rows), *tile) for low in range(0, bag.rows, rows) for tile in tiles]
    return [Product(giant, pieces, *place, first + number) for number, place in enumerate(places)]


def multiply_bag(work: Work, product: Product) -> Run:
    """Write the rows of a product."""
    units = load_units(work)
    names, counts = (
        read_slice(bag_path(work, product.giant, name), product.start, product.stop)
        for name in ("names.u32", "counts.i64")
    )
    size = items_of(bag_path(work, product.giant, "rows.u32"))
    rows, times = (read_slice(bag_path(work, product.giant, name), 0, size) for name in ("rows.u32", "times.i64"))
    of_phrases = np.zeros(units.phrases, np.int64)
    of_phrases[rows[rows >= units.words] - units.words] = times[rows >= units.words]
    most = bounded(int(times.max(initial=0)) * int(counts.sum()))
    scratch = make_scratch(len(names), np.int64, int(row_bytes(len(names), units.total, most)))
    with RunWriter(work.path(f"{ROWS}/{product.number}")) as run:
        for low, high in split_rows(work, product, rows, units):
            here = rows[low:high]
            words = word_overlaps(units, here, times[low:high], of_phrases)
            phrases = phrase_overlaps(work, product, here, units)
            row, unit, count = (np.concatenate(both) for both in zip(words, phrases, strict=True))
            less = less_by_row((row, unit, count), names, len(here))
            factors = Factors(names, int(np.searchsorted(names, units.words)), counts, times[low:high], less, most)
            run.add(here, multiplier(factors, scratch), scratch.out)
    return run.run()


class Factors(NamedTuple):
    """A tile of a bag, the first `words` of its columns words, and the numbers it is multiplied by."""

    names: Array
    words: int
    counts: Array
    times: Array
    less: Less
    most: int


def multiplier(factors: Factors, scratch: Scratch) -> Callable[[int, Array, Array], tuple[int, Any, int]]:
    """What writes the products: the rows of one document, whose phrases that overlap are known."""
    columns, rows = len(factors.names), len(factors.times)
    bag = np.array([0, columns]), np.arange(columns, dtype=np.uint32), factors.counts
    row_starts, documents = np.arange(rows + 1), np.zeros(rows, np.uint32)
    none, mine_starts = np.zeros(0, np.uint32), np.zeros(rows + 1, np.int64)

    def count(first: int, ends: Array, sums: Array) -> tuple[int, Any, int]:
        return count_document_rows(  # type: ignore[no-any-return]
            factors.words, factors.names, row_starts, documents, factors.times, *bag, *factors.less,
            none, none, np.zeros(0, np.int64), np.int64(0), mine_starts, none, factors.most,
            scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip

    return count


def split_rows(work: Work, product: Product, rows: Array, units: Units) -> list[tuple[int, int]]:
    """The rows of a product in ranges whose phrases overlap in at most `PAIRS_AT_ONCE` pairs, or of one row."""
    done, todo = [], [(product.low, product.high)]
    while todo:
        low, high = todo.pop()
        places = pair_places(work, product, rows[low:high], units)
        if high - low > 1 and sum(b - a for a, b in places) > PAIRS_AT_ONCE:
            middle = (low + high) // 2
            todo += [(middle, high), (low, middle)]
        else:
            done.append((low, high))
    return done


def pair_places(work: Work, product: Product, rows: Array, units: Units) -> list[tuple[int, int]]:
    """Where the pairs lie, in each piece, whose first phrase is one of `rows`, consecutive listed units."""
    phrases = rows[rows >= units.words].astype(np.int64) - units.words
    if not len(phrases):
        return [(0, 0)] * product.pieces
    keys = int(phrases[0]) << 32, (int(phrases[-1]) + 1) << 32
    places = []
    for number in range(product.pieces):
        path = piece_path(work, product.giant, number, "pairs.u64")
        low, high = (first_at_least(path, key) for key in keys)
        places.append((low, high))
    return places


def first_at_least(path: Path, key: int) -> int:
    """The place of the first number in a sorted file that is not below `key`."""
    low, high = 0, items_of(path)
    while low < high:
        middle = (low + high) // 2
        if int(read_slice(path, middle, middle + 1)[0]) < key:
            low = middle + 1
        else:
            high = middle
    return low


def phrase_overlaps(work: Work, product: Product, rows: Array, units: Units) -> tuple[Array, Array, Array]:
    """The pairs of occurrences of phrases that overlap, over all pieces: row, unit, count."""
    keys, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for number, (low, high) in enumerate(pair_places(work, product, rows, units)):
        path = piece_path(work, product.giant, number, "")
        if low < high:
            both = np.concatenate([keys, read_slice(path / "pairs.u64", low, high)])
            more = np.concatenate([counts, read_slice(path / "pair_counts.i64", low, high)])
            keys, places = np.unique(both, return_inverse=True)
            counts = np.zeros(len(keys), np.int64)
            np.add.at(counts, places, more)
    first, second = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return np.searchsorted(rows, first + units.words), second + units.words, counts
