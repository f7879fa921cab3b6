"""Phrases have rows and columns as the rules of counting say, from any stretch of a corpus and in any room."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cooc.create import pairs, phrase_rows
from cooc.create.blocks import Block, Cut, Store
from cooc.create.phrase_rows import COLUMNS, ROWS, TURNED_ROWS, count_block_phrases
from cooc.create.units import Units
from cooc.create.window import Window
from cooc.create.work import Budget, Work
from cooc.index.manifest import Direction, Weighting
from tests.corpora import cells_of, index_of, sums_of
from tests.naive import counting
from tests.naive import rows as naive
from tests.test_rows import load, quick, quick_files  # noqa: F401

WORDS = "abcdef"
UNIT = {word: 3 + 7000 * k for k, word in enumerate("abcde")}
"""The units of the words, far apart; "f" has none."""
FIRST = 1 << 20

documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=5)
some_phrases = st.lists(
    st.lists(st.sampled_from("abcde"), min_size=2, max_size=3).map(" ".join), min_size=1, max_size=5, unique=True
)


def block_of(documents: list[list[str]], cut: Cut) -> Block:
    """All documents as a block of which the tokens [cut) are the cut itself."""
    present = sorted({word for document in documents for word in document if word in UNIT})
    number = {word: place for place, word in enumerate(present)}
    separator = len(present) + 1
    ids = [separator]
    for document in documents:
        ids += [*(number.get(word, len(present)) for word in document), separator]
    return Block(np.array(ids, np.uint32), cut.start, cut.stop, np.array([UNIT[w] for w in present], np.uint32))


def units_of(phrases: list[str]) -> Units:
    parts = [[UNIT[word] for word in phrase.split()] for phrase in phrases]
    starts = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    none = np.zeros(0, np.uint32)
    return Units(FIRST, FIRST, none, starts, np.array(list(itertools.chain(*parts)), np.uint32), none)


def counted(work: Work, name: str, cuts: int) -> tuple[dict[int, dict[int, int]], dict[int, int]]:
    """The rows and marginals of the runs of several cuts, added up."""
    runs, sums = [], {}
    for number in range(cuts):
        rows, marginals = load(work.path(f"pairs-3/{name}/{number}"))
        runs.append({unit: naive.decode(data) for unit, data in rows.items()})
        for unit, marginal in marginals.items():
            sums[unit] = sums.get(unit, 0) + marginal
    return {unit: row for unit, row in naive.merged(runs, 1).items() if row}, {u: n for u, n in sums.items() if n}


@quick
@given(
    documents_of,
    some_phrases,
    st.sampled_from(["symmetric", "right", "left"]),
    st.sampled_from(["uniform", "harmonic"]),
    st.sampled_from([1, 3, 1000]),
    st.integers(0, 40),
)
def test_runs_of_phrases_hold_their_rows_and_their_columns(
    documents: list[list[str]], phrases: list[str], direction: Direction, weighting: Weighting, room: int, middle: int
) -> None:
    units, work = units_of(phrases), Work(Path(tempfile.mkdtemp()), Budget(1 << 20, 1))
    size = sum(map(len, documents)) + len(documents) + 1
    edges = sorted({1, max(1, min(middle, size)), size})
    window = Window(3, direction, weighting)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrase_rows, "load_units", lambda work: units)
        patch.setattr(phrase_rows, "load_block", lambda store, cut, units, margin: block_of(documents, cut))
        patch.setattr(phrase_rows, "LEAST_STEP", 3)
        patch.setattr(phrase_rows, "STEPS", size)
        patch.setattr(phrase_rows, "CELL_BYTES", (1 << 17) // room)
        patch.setattr(phrase_rows, "OCCURRENCE_BYTES", (1 << 17) // room)
        for number, (start, stop) in enumerate(itertools.pairwise(edges)):
            count_block_phrases(work, window, Store("", 0, 0), Cut(start, stop), number)
    number_of = {**UNIT, **{phrase: FIRST + k for k, phrase in enumerate(phrases)}}
    cells = counting.windowed_pairs(documents, number_of, 3, direction=direction, harmonic=weighting == "harmonic")
    rows: dict[int, dict[int, int]] = {}
    for (a, b), count in cells.items():
        rows.setdefault(number_of[a], {})[number_of[b]] = count
    of_phrases = {unit: dict(sorted(row.items())) for unit, row in sorted(rows.items()) if unit >= FIRST}
    of_words = {unit: {c: n for c, n in row.items() if c >= FIRST} for unit, row in rows.items() if unit < FIRST}
    row_sums, column_sums, _ = counting.marginals(cells, set(UNIT))
    cuts = len(edges) - 1
    assert counted(work, ROWS, cuts) == (of_phrases, {number_of[p]: row_sums[p] for p in phrases if row_sums[p]})
    assert counted(work, TURNED_ROWS, cuts) == ({unit: row for unit, row in of_words.items() if row}, {})
    if direction != "symmetric":
        assert counted(work, COLUMNS, cuts) == ({}, {number_of[p]: column_sums[p] for p in phrases if column_sums[p]})
    assert not list(work.folder.rglob("*.[0-9]"))
    assert not list(work.folder.rglob("*.part"))


@pytest.mark.parametrize("direction", ["symmetric", "right"])
@pytest.mark.parametrize("terms", [[], ["a b", "b a b"]])
def test_rows_counted_a_few_at_a_time_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direction: str, terms: list[str]
) -> None:
    options: dict[str, Any] = {"window": 2, "direction": direction, "terms": terms, "memory": "512MB"}
    documents = [list("abcabdabefababcbab"), list("fedcba"), [], list("aab")]
    whole = index_of(tmp_path / "whole", documents, **options)
    monkeypatch.setattr(pairs, "LEAST_ROWS", 2)
    monkeypatch.setattr(pairs, "ROW_BYTES", 1 << 40)
    again = index_of(tmp_path / "again", documents, **options)
    assert cells_of(again, 2) == cells_of(whole, 2)
    assert sums_of(again, 2) == sums_of(whole, 2)
