"""How often each term is a context at all: C1 and N for a window of any size, in a whole index or a slice."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.seeds import add_edges, add_whole
from cooc.kernels.slices import decode_units
from cooc.query.rank import ALPHA, in_pairs, smoothed_total
from cooc.query.slices import SUMS, Slice, added
from cooc.query.where import Matches
from cooc.query.window import AnyWindow

Array = NDArray[Any]

KEPT = 8
"""Margins that are kept with an index, 8 bytes a term each."""


class Margins(NamedTuple):
    """C1 of each term and their sum N, over all terms; in units of 1/`unit`."""

    columns: Array
    total: int
    unit: int

    def with_smoothed_total(self, parameters: dict[str, float]) -> dict[str, float]:
        """The parameters and the Σ C1^α over all terms that `ppmi_cds` needs."""
        alpha = parameters.get("alpha", ALPHA)
        return {**parameters, "smoothed_total": smoothed_total(in_pairs(self.columns, self.unit), alpha)}


def margins_of(index: Index, window: AnyWindow, part: Slice | None = None) -> Margins:
    """The margins, kept with the index: from a pair matrix of this window, else by one reading of the documents."""
    known: dict[Any, Margins] = vars(index).setdefault("_margins", {})
    key = (window.name, window.direction, window.weighting, None if part is None else part.where)
    if key not in known:
        found = None if part is not None else _counted(index, window)
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        known[key] = found or _read(index, window, part or everything(index))
    return known[key]


def everything(index: Index) -> Slice:
    """The slice of all documents."""
    return Slice(index, "", Matches(np.ones(index.manifest.documents, np.bool_), 0))


def _counted(index: Index, window: AnyWindow) -> Margins | None:
    """From a pair matrix, if one has this window and a row for every term."""
    if index.units.words != index.manifest.terms:
        return None
    for record in index.manifest.windows:
        same = record.direction == window.direction and record.weighting == window.weighting
        if record.window == window.size and same:
            matrix = index.pairs(record.name)
            return Margins(matrix.column_sums.slice(0, index.units.words), matrix.total, matrix.unit)
    return None


def _read(index: Index, window: AnyWindow, part: Slice) -> Margins:
    """By reading: what a token lacks at the ends of its document is taken off what it would have in an endless one."""
    terms = index.manifest.terms
    # a column counts the rows that see it, on the window's other side
    left, right = window.right, window.left
    sums = window.sums(0 if window.size is None else window.size)
    whole = 0 if window.size is None else int(sums[left] + sums[right])

    def step(state: tuple[Array, Array], codes: Array) -> None:
        ids, starts = term_documents(index, codes)
        state[0][:] += np.bincount(ids, minlength=terms)
        if window.size is None:
            add_whole(ids, starts, state[1])
        else:
            add_edges(ids, starts, left, right, sums, state[1])

    threads = max(1, SUMS // (16 * terms + 1))
    parts = part.folded(lambda: (np.zeros(terms, np.int64), np.zeros(terms, np.int64)), step, most=threads)
    occurrences, rest = added(each[0] for each in parts), added(each[1] for each in parts)
    if float(occurrences.sum()) * max(1, whole) >= 2.0**62 or float(rest.astype(np.float64).sum()) >= 2.0**62:
        raise UsageError(f"window {window.name}: the counts of so many tokens could exceed 2^63. Choose a smaller one.")
    columns = rest if window.size is None else occurrences * whole - rest
    return Margins(columns, int(columns.sum()), window.unit)


def term_documents(index: Index, codes: Array) -> tuple[Array, Array]:
    """The term ids of some documents, and where each begins among them and the last ends."""
    terms = index.manifest.terms
    ids = np.empty(len(codes), np.uint32)
    size = decode_units(codes, np.uint64(index.tokens.singles), identity(index), np.uint32(terms), ids)
    if size < 0:
        raise DamagedIndex(f"{index.tokens.codes.path}: holds codes that are no terms.")
    ids = ids[:size]
    between = np.flatnonzero(ids == terms)
    starts = np.append(between, size) - np.arange(len(between) + 1)
    starts[-1] = size - len(between)
    return ids[ids != terms], starts


def identity(index: Index) -> Array:
    """Each term id by itself, kept with the index."""
    held: Array | None = vars(index).get("_identity")
    if held is None:
        held = vars(index)["_identity"] = np.arange(index.manifest.terms, dtype=np.uint32)
    return held
