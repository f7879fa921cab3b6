"""All cells of a pair matrix, a few million at a time, and the names of its units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex
from cooc.index.reader import Index, PairMatrix
from cooc.kernels.scan import read_rows
from cooc.query.rank import in_pairs

Array = NDArray[Any]

CHUNK = 4 << 20
"""Bytes of cells decoded at a time."""


class Cells(NamedTuple):
    """Cells by row and column, ascending; counts are whole unless the window is harmonic."""

    rows: Array
    columns: Array
    counts: Array


def cells_of(matrix: PairMatrix) -> Iterator[Cells]:
    """Every stored cell of a matrix, in chunks of whole rows."""
    starts = matrix.starts.all()
    row = 0
    while row < matrix.rows:
        # as many rows as the chunk holds, but one at least
        after = int(np.searchsorted(starts, starts[row] + CHUNK, side="right")) - 1
        after = min(max(after, row + 1), matrix.rows)
        data = matrix.cells.slice(int(starts[row]), int(starts[after]))
        room = len(data)
        rows, columns, counts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
        found = read_rows(data, starts[row : after + 1] - starts[row], rows, columns, counts)
        if found < 0 or (found and not 0 <= columns[:found].min() <= columns[:found].max() < matrix.rows):
            raise DamagedIndex(f"{matrix.cells.path}: the rows of units {row:,} to {after - 1:,} are no rows.")
        if found:
            yield Cells(rows[:found] + row, columns[:found], in_pairs(counts[:found], matrix.unit))
        row = after


def unit_names(index: Index, *, plain: bool = False) -> list[str]:
    """The names of all units.

    `plain` names hold no white space and are never empty: a phrase is joined by "_", other blanks are escapes, and
    an id that a fixed tokenizer has not given is named by its number.
    """
    units, terms = index.units, index.vocabulary.all_terms()
    if plain:
        terms = [escaped(term) or f"\\unused{number}" for number, term in enumerate(terms)]
    names = [terms[term] for term in units.word_terms.tolist()]
    between = "_" if plain else " "
    phrases = (units.term_ids(phrase) for phrase in range(units.words, len(units)))
    return names + [between.join(terms[term] for term in ids) for ids in phrases]


def escaped(term: str) -> str:
    """A term with its white space as \\uNNNN."""
    if not any(character.isspace() for character in term):
        return term
    return "".join(f"\\u{ord(c):04x}" if c.isspace() else c for c in term)
