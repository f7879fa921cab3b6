"""Where phrases occur: the same by the suffix array, by a scan, and by looking."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cooc
from cooc.errors import UsageError
from cooc.index.reader import Vocabulary
from cooc.kernels.hits import find_documents
from cooc.query import hits as hits_module
from cooc.query import scan
from cooc.query.hits import find_hits, term_ids
from tests.corpora import index_of
from tests.naive import contexts as naive
from tests.test_queries import Store, sequences

IDS = [0, 1, 2, 49_151, 49_152, 49_153, 49_152 + 8_191, 49_153 + 8_191]
phrases_of = st.lists(st.lists(st.sampled_from(IDS), max_size=4), min_size=1, max_size=5)
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(scan, "CHUNK", request.param)
    return int(request.param)


@often
@given(sequences, phrases_of)
def test_a_scan_finds_every_occurrence_where_it_is(
    chunk: int, documents: list[list[int]], phrases: list[list[int]]
) -> None:
    store: Any = Store(documents)
    hits = find_hits(store, phrases)
    for k, phrase in enumerate(phrases):
        assert hits.of(k).tolist() == naive.found(documents, phrase)
        assert hits.totals[k] == len(hits.of(k))


@often
@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.lists(st.integers(0, 300), max_size=40))
def test_each_place_lies_in_the_document_that_begins_last_before_it(gaps: list[int], places: list[int]) -> None:
    starts = np.cumsum([0, *gaps]).astype(np.int64)
    found = np.empty(len(places), np.int64)
    find_documents(starts, np.array(sorted(places), np.int64), found)
    assert found.tolist() == (np.searchsorted(starts, sorted(places), side="right") - 1).tolist()


def test_a_sample_holds_as_many_as_asked_and_knows_how_many_there_are() -> None:
    store: Any = Store([[0, 1, 0], [0] * 50])
    hits = find_hits(store, [[0], [1]], most=5, seed=3)
    assert hits.totals.tolist() == [52, 1]
    assert np.diff(hits.starts).tolist() == [5, 1]
    assert set(hits.of(0).tolist()) <= set(naive.found([[0, 1, 0], [0] * 50], [0]))
    assert (np.diff(hits.of(0)) > 0).all()


def test_every_occurrence_is_as_likely_in_a_sample(chunk: int) -> None:
    store: Any = Store([[0] * 5, [1], [0] * 5])
    seen: Counter[int] = Counter()
    for seed in range(600):
        seen.update(find_hits(store, [[0]], most=3, seed=seed).places.tolist())
    # 600 * 3 / 10 = 180 each, standard deviation 11
    assert len(seen) == 10
    assert all(130 < count < 230 for count in seen.values())


def test_a_sample_of_none_is_refused() -> None:
    store: Any = Store([[0]])
    with pytest.raises(UsageError, match="most is 0; expected at least 1 occurrence"):
        find_hits(store, [[0]], most=0)


def test_hits_of_a_slice_are_those_of_its_documents() -> None:
    store: Any = Store([[0, 1], [0, 0], [1, 0]])

    class Part:
        mask = np.array([True, False, True])

    part: Any = Part()
    assert find_hits(store, [[0]], where=part).places.tolist() == [1, 8]
    assert hits_module.documents_of(store, np.array([1, 8])).tolist() == [0, 2]


def test_lists_of_unknown_words_take_no_search_for_near_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(tmp_path, [["great", "auk"]], min_count=1)
    looked: list[bytes] = []
    monkeypatch.setattr(Vocabulary, "near", lambda self, word, most=3: looked.append(word) or [])
    found = [index.vocabulary.terms(term_ids(index, phrase)) for phrase in ("great AUK", "teh auk", "...")]
    assert found == [["great", "auk"], [], []]
    assert looked == []
    notes = [row["note"] for row in cooc.count(index, *(f"teh{k}" for k in range(40))).rows()]
    assert len(looked) == 5 and notes[39] == '"teh39" is not in the vocabulary of index.'
