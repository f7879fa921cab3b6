"""The window of whole documents: cut anywhere, for documents of any length, it has the pairs of the definition."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import giants
from cooc.create.blocks import Corpus, Cut, Store
from cooc.create.documents import check_total, cut_documents, document_starts, nested_phrases, write_document_window
from cooc.create.units import Units, keep_units
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.index.manifest import Parameters
from cooc.kernels.codes import FIRST_TRAIL, SINGLES, TRAILS
from cooc.kernels.documents import bag_documents, count_columns, find_postings, list_overlaps
from cooc.kernels.rows import read_row
from tests.naive import documents as naive

EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

TERMS = 6
documents_of = st.lists(st.lists(st.integers(0, TERMS - 1), max_size=25), min_size=1, max_size=6)
# of two terms, so that they repeat, hold each other and overlap
phrases_of = st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=4).map(tuple), max_size=5, unique=True)


def units_of(phrases: Sequence[Sequence[int]], listed: set[int], *, rows: int, terms: int = TERMS) -> Units:
    """Units with a row for the terms below `rows`, for the words of phrases and for the listed terms."""
    named = {term for phrase in phrases for term in phrase} | listed
    more = np.array(sorted(term for term in named if term >= rows), np.uint32)
    plain = Units(terms, rows, more, np.zeros(1, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    return plain._replace(
        phrase_starts=np.cumsum([0, *map(len, phrases)]).astype(np.int64),
        phrase_units=np.array([plain.unit_of(term) for phrase in phrases for term in phrase], np.uint32),
        listed=np.array(sorted(map(plain.unit_of, listed)) + [plain.words + k for k in range(len(phrases))], np.uint32),
    )


def as_units(document: Sequence[int], units: Units) -> list[int | None]:
    known = {*range(units.first), *units.more.tolist()}
    return [units.unit_of(term) if term in known else None for term in document]


def pair_of(term: int) -> list[int]:
    """The two codes of a rare term."""
    return [SINGLES + (term - SINGLES) // TRAILS, FIRST_TRAIL + (term - SINGLES) % TRAILS]


def codes_of(documents: Sequence[Sequence[int]], singles: int) -> tuple[np.ndarray[Any, Any], list[int]]:
    """The codes of a token store and where its documents begin."""
    codes, starts = list[int](), []
    for document in documents:
        starts.append(len(codes))
        codes.append(65_535)
        for term in document:
            codes += [term] if term < singles else pair_of(term)
    return np.array(codes, np.uint16), starts


def begin(
    folder: Path, codes: Any, starts: Any, units: Units, *, singles: int, share: int, size: int
) -> tuple[Work, Corpus]:
    """A build that has its tokens and units."""
    work = Work(folder, Budget(share=share, pieces=3))
    tokens = folder / "tokens"
    for path in (tokens, work.folder):
        path.mkdir(parents=True, exist_ok=True)
    codes.tofile(tokens / "tokenized.0")
    (2 * np.asarray(starts, np.uint64)).tofile(tokens / "offset.0")
    keep_units(work, units)
    return work, Corpus(Store(str(tokens), len(codes), singles), [], units.terms, len(codes), len(codes), size)


def read_window(folder: Path) -> tuple[Counter[tuple[int, int]], list[int]]:
    """The cells and the marginals of the window as it was written."""
    pairs = folder / "pairs" / "document"
    data, starts = np.fromfile(pairs / "cells.u8", np.uint8), np.fromfile(pairs / "starts.i64", np.int64)
    cells: Counter[tuple[int, int]] = Counter()
    for row in range(len(starts) - 1):
        held = data[starts[row] : starts[row + 1]]
        columns, counts = np.zeros(len(held), np.int64), np.zeros(len(held), np.int64)
        n = read_row(held, columns, counts)
        cells.update({(row, int(columns[k])): int(counts[k]) for k in range(n)})
    return cells, np.fromfile(pairs / "row_sums.i64", np.int64).tolist()


def bytes_of_window(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "pairs" / "document").iterdir()}


def counted(
    documents: Sequence[Sequence[int]], units: Units, *, size: int, least: int = 1, singles: int = 65_535
) -> tuple[Path, Any]:
    folder = Path(tempfile.mkdtemp())
    work, corpus = begin(folder, *codes_of(documents, singles), units, singles=singles, share=64 << 20, size=size)
    return folder, write_document_window(work, Parameters(min_pair_count=least), units, corpus)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bags of three units at a time, products of two columns, and pairs of phrases one by one."""
    monkeypatch.setattr(giants, "UNITS_AT_ONCE", 3)
    monkeypatch.setattr(giants, "TILE", 2)
    monkeypatch.setattr(giants, "PAIRS_AT_ONCE", 1)


@quick
@given(
    documents_of, phrases_of, st.sets(st.integers(0, TERMS - 1), min_size=1), st.integers(0, TERMS), st.integers(1, 40)
)
def test_any_cut_of_the_store_has_the_cells_and_marginals_of_the_definition(
    small_tiles: None,
    documents: list[list[int]],
    phrases: list[tuple[int, ...]],
    listed: set[int],
    rows: int,
    size: int,
) -> None:
    units = units_of(sorted(phrases), listed, rows=rows)
    folder, record = counted(documents, units, size=size)
    numbered = [as_units(document, units) for document in documents]
    expected = naive.document_cells(numbered, units.words, [as_units(phrase, units) for phrase in sorted(phrases)])
    cells, sums = read_window(folder)
    wanted = set(units.listed.tolist())
    assert cells == Counter({cell: count for cell, count in expected.items() if cell[0] in wanted})
    marginals: Counter[int] = Counter()
    for (a, b), count in expected.items():
        marginals[a] += count * (b < units.words)
    assert sums == [marginals[unit] for unit in range(units.total)]
    assert record.total == sum(sums[: units.words])
    assert record.cells == len(cells)
