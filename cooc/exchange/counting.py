"""Pairs of documents in memory, counted by the kernels of a build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.create.pairs import counter_dtype, group_range
from cooc.create.runs import make_scratch
from cooc.create.window import Window, check_total
from cooc.errors import UsageError
from cooc.kernels.pairs import count_rows, sum_contexts
from cooc.kernels.rows import most_bytes
from cooc.kernels.scan import read_rows
from cooc.tokens.tokenizer import Tokenizer

Array = NDArray[Any]

TOGETHER = 1_000
"""Documents tokenised in one call."""


class Tokens(NamedTuple):
    """Documents as ids of terms: document d has the next `lengths[d]` of `ids`. `terms`, and in how many documents
    and how often each occurs."""

    ids: Array
    lengths: Array
    terms: list[str]
    occurrences: Array
    documents: Array


class Cells(NamedTuple):
    """Cells by row and column, ascending, and the marginals of rows and columns; in units of 1/`unit`."""

    rows: Array
    columns: Array
    counts: Array
    row_sums: Array
    column_sums: Array
    unit: int


def tokenised(documents: Iterable[Any], tokenizer: Tokenizer) -> Tokens:
    """All documents, some at a time; 4 bytes a token are kept. Raises `UsageError` for one that is no string."""
    counter = tokenizer.counter()
    ids, lengths = [np.zeros(0, np.uint32)], [np.zeros(0, np.int64)]
    for texts in _batches(documents):
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        found, counts = counter.add(np.frombuffer(b"".join(texts), np.uint8), offsets)
        ids.append(found.copy())
        lengths.append(counts)
    held = counter.vocabulary()
    terms = [held.term(number).decode("utf-8", "backslashreplace") for number in range(len(held.occurrences))]
    return Tokens(np.concatenate(ids), np.concatenate(lengths), terms, held.occurrences, held.documents)


def _batches(documents: Iterable[Any]) -> Iterator[list[bytes]]:
    source, done = iter(documents), 0
    while batch := list(islice(source, TOGETHER)):
        for number, text in enumerate(batch, start=done):
            if not isinstance(text, str):
                raise UsageError(f"document {number} is of type {type(text).__name__}; expected a string.")
        done += len(batch)
        yield [text.encode("utf-8", "replace") for text in batch]


def laid_out(tokens: Tokens, places: Array, columns: int) -> Array:
    """Columns of the tokens with a separator before, between and after documents, as the kernels take them.

    `places[id]` is the column of a term, `columns` for one that has none, which keeps its position.
    """
    ends = np.cumsum(tokens.lengths)
    ids = np.full(len(tokens.ids) + len(ends) + 1, columns + 1, np.uint32)
    document = np.repeat(np.arange(len(ends)), tokens.lengths)
    ids[np.arange(len(tokens.ids)) + document + 1] = places[tokens.ids]
    return ids


def count_cells(ids: Array, columns: int, window: Window, *, minimum: int = 1) -> Cells:
    """The cells of a window over laid-out documents; those below `minimum` are dropped after the marginals."""
    if len(ids) >= 1 << 32:
        raise UsageError(f"{len(ids):,} tokens are too many to count in memory; build an index of them (cooc.build).")
    check_total(window, len(ids))
    names = np.arange(columns, dtype=np.uint32)
    positions, starts = group_range(ids, 0, len(ids), (0, columns))
    times = int(np.diff(starts).max(initial=0))
    dtype = counter_dtype(window, times)
    contexts = times * (window.left + window.right)
    room = int(most_bytes(min(contexts, columns), columns, times * window.most_per_token))
    scratch, weights = make_scratch(columns, dtype.type, room), window.weights.astype(dtype)
    ends, sums = np.zeros(columns, np.int64), np.zeros(columns, np.int64)
    parts: list[tuple[Array, Array, Array]] = []
    first = 0
    while first < columns:
        after, size, _ = count_rows(
            ids, np.uint32(columns + 1), columns, names, columns, positions, starts, window.left, window.right,
            weights, minimum, scratch.counts, scratch.touched, scratch.bits, first, scratch.out, ends, sums,
        )  # fmt: skip
        parts.append(_decoded(scratch.out[:size], ends[first:after], first))
        first = after
    rows, others, counts = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else _nothing()
    column_sums = sums if window.symmetric else _column_sums(ids, columns, window)
    return Cells(rows, others, counts, sums, column_sums, window.unit)


def _nothing() -> tuple[Array, Array, Array]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)


def _decoded(data: Array, ends: Array, first: int) -> tuple[Array, Array, Array]:
    """Rows that the kernel has encoded, of which the first is row `first`."""
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    room = len(data)
    rows, columns, counts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    found = read_rows(data, starts, rows, columns, counts)
    return rows[:found] + first, columns[:found].copy(), counts[:found].copy()


def _column_sums(ids: Array, columns: int, window: Window) -> Array:
    turned, sums = window.turned, np.zeros(columns, np.int64)
    sum_contexts(
        ids, np.uint32(columns + 1), columns, 0, len(ids), turned.left, turned.right, window.weights, sums
    )
    return sums
