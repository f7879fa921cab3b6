"""The tables of n-grams: their parts, written by ranges of first terms, and the edges of documents, joined.

n-grams that reach the threshold are counted by ranges of terms, in files that joined are those of the index. The sums
over all n-grams, those below it included, follow from how often terms stand at the edges of documents: an n-gram
begins wherever a term does, but for the last places of a document, and ends but for the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.create.blocks import Block
from cooc.create.ngram_ranges import READ, frequencies, spans
from cooc.create.work import Work
from cooc.index.files import NewFile, items_of, read_slice, write_array
from cooc.index.layout import NGRAMS
from cooc.kernels.ngrams import count_edges

Array = NDArray[Any]

PARTS = ("last.u32", "counts.i64", "children.i64", "ends.i64")
"""What is written of the kept n-grams of an order: last terms, occurrences, kept n-grams of the next order that
begin with each, document ends after each."""


def part_path(work: Work, first: int, order: int, name: str) -> Path:
    """A file of `PARTS` for the n-grams that begin with the terms from `first` on, up to the next range."""
    return work.path(f"ngrams/part-{first}-{order}-{name}")


def parts_of(order: int, orders: int) -> list[str]:
    """The files that an order has: of single terms only those that begin something, of the last no children."""
    if order == 1:
        return ["last.u32", "children.i64"]
    return list(PARTS if order < orders else PARTS[:2])


def edges_path(work: Work, number: int, name: str) -> Path:
    return work.path(f"ngrams/edges-{number}-{name}")


def write_edges(work: Work, number: int, block: Block, *, orders: int, terms: int) -> None:
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


def write_tables(work: Work, n: int, orders: int, firsts: list[int], blocks: int, terms: int) -> int:
    """Write `ngrams/{n}` from the parts of the ranges that begin with `firsts`; returns all occurrences of
    n-grams of the order, those below the threshold included."""
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
    for names, children in zip(parts(work, firsts, 1, "last.u32"), parts(work, firsts, 1, "children.i64"), strict=True):
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


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def remove_parts(work: Work, firsts: list[int], orders: int) -> None:
    remove(part_path(work, first, order, name)
           for first in firsts for order in range(1, orders + 1) for name in parts_of(order, orders))  # fmt: skip
