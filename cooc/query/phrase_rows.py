"""Rows of pairs that an index does not hold: of phrases that were not listed, counted where they occur."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UnknownTerm
from cooc.index.manifest import WindowRecord
from cooc.index.reader import Index
from cooc.kernels.slices import count_row, count_row_in_documents
from cooc.query.around import Gatherer
from cooc.query.hits import documents_of, find_hits
from cooc.query.slices import SUMS, Slice, added, coding_of, decoded
from cooc.query.where import Matches
from cooc.query.window import AnyWindow, window_of

Array = NDArray[Any]


def row_of(index: Index, ids: list[int], record: WindowRecord, where: Slice | None = None) -> tuple[Array, Array]:
    """The columns (units, ascending) and counts of the row that a listed phrase of these term ids would have.

    Reads the documents that hold the phrase.
    """
    window, coding = window_of(record), coding_of(index)
    hits = find_hits(index, [ids], where=where)
    mask = np.zeros(index.manifest.documents, np.bool_)
    mask[documents_of(index, hits.places)] = True
    row = coding.unit_of[ids]
    weights = np.append(0, np.diff(window.sums(window.size or 0)))

    def step(counts: Array, codes: Array) -> None:
        units, at, of = decoded(index, codes)
        around = coding.separator, row, coding.words, at, of, coding.phrases.lengths, coding.phrases.longest
        if window.size is None:
            count_row_in_documents(units, *around, counts)
        else:
            count_row(units, *around, window.left, window.right, weights, counts)

    parts = Slice(index, "", Matches(mask, 0)).folded(
        lambda: np.zeros(coding.units + 2, np.int64), step, most=max(1, SUMS // (8 * coding.units))
    )
    counts = added(parts)[: coding.units]
    columns = np.flatnonzero(counts)
    return columns, counts[columns]


def sum_of(
    index: Index, ids: list[int], window: AnyWindow, where: Slice | None = None, *, every: bool = False
) -> int:
    """R1 of a phrase of term ids, in units of the window; of the mirrored window it is C1.

    Over the words that have rows, or `every` word.
    """
    hits = find_hits(index, [ids], where=where)
    around = Gatherer(index, window).around(ids, hits.places, int(hits.lengths[0]))
    if every or index.units.words == index.manifest.terms:
        return around.total
    return int(around.counts[np.isin(around.terms, index.units.word_terms)].sum())


def checked_ids(index: Index, phrase: str) -> list[int]:
    """The term ids of a phrase whose words all have rows, which a listed phrase's have, too.

    Raises `UnknownTerm` where one does not occur, or has none because of --max-terms: its pairs are not in N.
    """
    ids = index.vocabulary.ids(phrase)
    if index.units.words < index.manifest.terms:
        missing = [term for term in ids if index.units.find([term]) is None]
        if missing:
            name, words = index.vocabulary.term(missing[0]), index.manifest.parameters.max_terms
            raise UnknownTerm(
                f'"{name}" has no row in {index.name}: it is not among the {words:,} terms of --max-terms. Build with '
                "--terms FILE naming it, or ask cooc contexts, which needs no rows."
            )
    return ids
