"""The window named "document": pairs within whole documents, with rows for the listed units only.

A pair of units has as many pairs of occurrences in a document as the product of their counts, less those that
overlap. Documents are counted by blocks; one that is longer than a block is counted by itself, see `giants`.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.bags import ROWS, SUMS, count_documents
from cooc.create.blocks import Corpus, Cut, Store
from cooc.create.giants import GIANTS, Bag, Piece, Product, bag_piece, cut_giant, join_bag, multiply_bag, plan_products
from cooc.create.rows import Runs, join_cells, join_starts, join_sums, merge_runs, rows_path
from cooc.create.units import Units
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import items_of, read_slice
from cooc.index.layout import PAIRS, TOKENS
from cooc.index.manifest import DOCUMENT, Parameters, WindowRecord

Array = NDArray[Any]

OFFSETS_READ = 1 << 18
"""Documents whose places are looked at, at a time."""

LEAST_CODES = 1 << 16
"""Of a block where memory allows: smaller ones are more work to merge than to count."""


def write_document_window(work: Work, chosen: Parameters, units: Units, corpus: Corpus) -> WindowRecord:
    """Count the document window and write its matrix; returns its manifest record."""
    record = work.here("pairs document whole", lambda: write_document_matrix(work, chosen, units, corpus))
    shutil.rmtree(work.path("document"), ignore_errors=True)
    return msgspec.convert(record, WindowRecord)


def write_document_matrix(work: Work, chosen: Parameters, units: Units, corpus: Corpus) -> WindowRecord:
    """Write the files of the matrix."""
    codes = corpus.store.codes
    check_total(document_starts(work, codes))
    size = codes_a_block(work, units, corpus)
    blocks, giants = cut_documents(document_starts(work, codes), size)
    work.tasks("pairs document", count_documents,
               [(corpus.store, cut, number) for number, cut in enumerate(blocks)])  # fmt: skip
    runs = len(blocks) + write_giants(work, corpus.store, giants, size, first=len(blocks)) if giants else len(blocks)
    rows = merge_runs(
        work, "pairs document merge", Runs((ROWS,), runs),
        folder="document/merged", columns=units.total, minimum=chosen.min_pair_count,
    )  # fmt: skip
    sums = merge_runs(
        work, "pairs document sums", Runs((SUMS,), len(blocks) + len(giants)),
        folder="document/merged-sums", columns=1, minimum=1,
    )  # fmt: skip
    folder = work.index / PAIRS / DOCUMENT
    join_cells(work, rows.names, folder / "cells.u8")
    join_starts(work, rows.names, units.total, folder / "starts.i64")
    total = join_sums(work, sums.names, units.total, folder / "row_sums.i64", words=units.words)
    check_sums([rows_path(work.path(name)) for name in rows.names], folder / "row_sums.i64")
    return WindowRecord(
        name=DOCUMENT, window=None, direction="symmetric", weighting="uniform", unit=1, total=total,
        cells=rows.cells, min_pair_count=chosen.min_pair_count,
    )  # fmt: skip


def write_giants(work: Work, store: Store, giants: list[Cut], size: int, *, first: int) -> int:
    """Count documents longer than `size` codes; their runs are numbered from `first`. Returns the runs of rows."""
    pieces = [[Piece(giant, number, cut) for number, cut in enumerate(cut_giant(store, whole, size))]
              for giant, whole in enumerate(giants)]  # fmt: skip
    inside = work.tasks("pairs document pieces", bag_piece, [(store, piece) for of in pieces for piece in of])
    tokens = [0] * len(giants)
    for piece, count in zip((piece for of in pieces for piece in of), inside, strict=True):
        tokens[piece.giant] += count
    told = work.tasks("pairs document bags", join_bag,
                      [(giant, len(of), tokens[giant], first + giant) for giant, of in enumerate(pieces)])  # fmt: skip
    products = list[Product]()
    for giant, bag in enumerate(told):
        products += plan_products(giant, len(pieces[giant]), msgspec.convert(bag, Bag),
                                  first=first + len(products), parts=work.pieces)  # fmt: skip
    work.tasks("pairs document products", multiply_bag, [(product,) for product in products])
    shutil.rmtree(work.path(GIANTS), ignore_errors=True)
    return len(products)


def codes_a_block(work: Work, units: Units, corpus: Corpus) -> int:
    """Codes of documents that a task can count within its share, if every token were another unit."""
    nested = nested_phrases(units)
    bytes_a_code = 76 + 64 * nested
    fits = max(64, (work.share - (16 << 20)) // bytes_a_code)
    return min(corpus.size, fits, max(LEAST_CODES, -(-corpus.store.codes // work.pieces)))


def nested_phrases(units: Units) -> int:
    """The most phrases that can begin at one token: the longest chain in which each begins with the one before."""
    starts, words = units.phrase_starts.tolist(), units.phrase_units
    most, chain = 0, list[Array]()
    for low, high in itertools.pairwise(starts):
        phrase = words[low:high]
        # phrases are in the order of their words, so those that begin another stand right before it
        while chain and not np.array_equal(chain[-1], phrase[: len(chain[-1])]):
            chain.pop()
        chain.append(phrase)
        most = max(most, len(chain))
    return most


def document_starts(work: Work, codes: int) -> Iterator[Array]:
    """The codes at which documents begin, ascending, some at a time, and last where the last one ends."""
    path = work.index / TOKENS / "offset.0"
    documents = items_of(path) // 8
    for start in range(0, documents, OFFSETS_READ):
        stop = min(documents, start + OFFSETS_READ)
        yield (read_slice(path, 8 * start, 8 * stop).view("<u8") // 2).astype(np.int64)
    yield np.array([codes])


def check_total(starts: Iterable[Array]) -> None:
    """Raise `BuildError` if the squares of the documents' lengths don't fit a signed 64-bit number.

    Lengths are in codes, with the separator, so rounding can't hide a sum of squares of tokens that is too large.
    """
    total, last = 0.0, np.zeros(0, np.int64)
    for some in starts:
        edges = np.concatenate([last, some])
        total += float((np.diff(edges).astype(np.float64) ** 2).sum())
        last = edges[-1:]
    if total >= 2.0**63:
        raise BuildError(
            "the documents are so long that their pairs exceed 2^63: the document window can't be counted. "
            "Leave out --terms, or split the documents."
        )


def cut_documents(starts: Iterable[Array], size: int) -> tuple[list[Cut], list[Cut]]:
    """Cuts of whole documents that are at most `size` codes together, and documents that are longer by themselves.

    `starts` are where documents begin, ascending from 0, and where the last ends.
    """
    blocks, giants = list[Cut](), list[Cut]()
    begin = last = 0
    for some in starts:
        place = 0
        while place < len(some):
            place = int(np.searchsorted(some, begin + size, side="right"))
            last = int(some[place - 1]) if place else last
            if place == len(some):
                break
            if last > begin:
                blocks.append(Cut(begin, last))
                begin = last
            else:
                giants.append(Cut(begin, int(some[place])))
                begin = last = int(some[place])
    if begin < last:
        blocks.append(Cut(begin, last))
    return blocks, giants


def check_sums(rows: list[Path], sums: Path) -> None:
    """Raise `BuildError` unless the rows add up to their marginals, which were counted in another way."""
    for path in rows:
        table = read_slice(path, 0, items_of(path)).reshape(-1, 3)
        for start in range(0, len(table), OFFSETS_READ):
            units, totals = table[start : start + OFFSETS_READ, 0], table[start : start + OFFSETS_READ, 2]
            for part in np.unique(units // OFFSETS_READ).tolist():
                here = units // OFFSETS_READ == part
                first, last = int(units[here][0]), int(units[here][-1])
                if (read_slice(sums, first, last + 1)[units[here] - first] != totals[here]).any():
                    raise BuildError(
                        "the document window's rows do not add up to its marginals; this is a bug in cooc."
                    )
