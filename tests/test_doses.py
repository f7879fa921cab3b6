"""Doses: what stands around a term, document by document, against their definition in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.clusters import doses as module
from cooc.clusters.doses import Doses, doses, parts_of, read_doses, shares
from cooc.clusters.itself import _chunk_pairs
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.slices import slice_of
from tests.corpora import index_of
from tests.naive import doses as naive

WORDS = [*"abcdef"]
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)
documents_of_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=4)


def rows_of(found: Doses) -> list[naive.Row]:
    """The rows as plain tuples."""
    return [
        naive.Row(term, document, contexts, tuple(hits), occurrences)
        for term, document, contexts, hits, occurrences in zip(*(column.tolist() for column in found), strict=True)
    ]


def ids_of(index: Index, phrases: Sequence[Sequence[str]]) -> list[list[int]]:
    """Phrases of words as phrases of ids; none for one with an unknown word."""
    found = []
    for phrase in phrases:
        ids = [index.vocabulary.id(word.encode()) for word in phrase]
        found.append([] if None in ids else [each for each in ids if each is not None])
    return found


def from_numbers(documents: Sequence[Sequence[int]], parts: module.Parts, window: int | None) -> Doses:
    """The doses of documents of numbers, by the kernels alone."""
    ids = np.array([token for document in documents for token in document], np.uint32)
    starts = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    (term, document, occurrences, counts), _, _ = module._rows(ids, starts, parts, window, 0)
    order = np.lexsort((document, term))
    return Doses(term[order], document[order], counts[order, 0], counts[order, 1:], occurrences[order])


@settings(deadline=None)
@given(
    documents=documents_of_words, terms=st.lists(phrases, min_size=1, max_size=4, unique_by=tuple),
    targets=st.lists(st.lists(phrases, min_size=1, max_size=3), max_size=3),
    window=st.sampled_from([0, 1, 2, 5, None]), is_masked=st.booleans(),
)  # fmt: skip
def test_the_kernels_agree_with_the_definition(
    documents: list[list[str]], terms: list[list[str]], targets: list[list[list[str]]], window: int | None,
    is_masked: bool,
) -> None:  # fmt: skip
    def numbers(words: Sequence[str]) -> list[int]:
        return [WORDS.index(word) for word in words]

    mask = terms if is_masked else []
    parts, _ = parts_of(
        [numbers(term) for term in terms], [[numbers(each) for each in target] for target in targets],
        [numbers(term) for term in mask],
    )  # fmt: skip
    found = from_numbers([numbers(document) for document in documents], parts, window)
    assert rows_of(found) == naive.doses(documents, terms, targets, window, mask)


@settings(deadline=None)
@given(
    documents=documents_of_words, terms=st.lists(phrases, min_size=1, max_size=4, unique_by=tuple),
    window=st.sampled_from([1, 2, 5, None]), is_masked=st.booleans(),
)  # fmt: skip
def test_pairs_agree_with_the_definition(
    documents: list[list[str]], terms: list[list[str]], window: int | None, is_masked: bool
) -> None:
    mask = terms if is_masked else []
    numbers = [[WORDS.index(word) for word in term] for term in terms]
    parts, _ = parts_of(numbers, [], numbers if is_masked else [])
    ids = np.array([WORDS.index(word) for document in documents for word in document], np.uint32)
    starts = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    found = _chunk_pairs(ids, starts, parts, window)[3]
    assert sorted(zip(*found.tolist(), strict=True)) == naive.pairs(documents, terms, window, mask)


TEXTS = """the great auk swam by the old steamer and the auk dived
a telegraph clerk saw a great auk
steamer telegraph steamer
nothing here"""
CORPUS = [line.split() for line in TEXTS.splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return index_of(tmp_path_factory.mktemp("doses"), CORPUS, ngrams=1)


@pytest.mark.parametrize("window", [0, 2, 4, None])
@pytest.mark.parametrize("is_masked", [False, True])
def test_an_index_gives_the_doses_of_its_documents(small: Index, window: int | None, is_masked: bool) -> None:
    terms = [["auk"], ["great", "auk"], ["unheard"], ["auk"]]
    targets = [[["steamer"], ["old", "steamer"]], [["telegraph"], ["unheard", "of"]]]
    found = doses(
        small, ids_of(small, terms), [ids_of(small, each) for each in targets], window=window, mask_seeds=is_masked
    )
    assert rows_of(found) == naive.doses(CORPUS, terms, targets, window, terms if is_masked else [])


@pytest.mark.parametrize("window", [1, 3, 8])
@pytest.mark.parametrize("is_masked", [False, True])
def test_hits_are_told_apart_by_the_phrases_of_a_target(small: Index, window: int, is_masked: bool) -> None:
    terms = [["auk"], ["great", "auk"], ["telegraph"]]
    target = [["steamer"], ["old", "steamer"], ["a", "great"], ["telegraph"]]
    mask = terms if is_masked else []
    found = read_doses(small, ids_of(small, terms), [ids_of(small, target)], window=window, mask=ids_of(small, mask))
    assert found.term_hits[0].tolist() == naive.term_hits(CORPUS, terms, target, window, mask)


def test_an_auk_inside_a_great_auk_is_no_auk_once_both_are_taken_out_of_the_text(small: Index) -> None:
    terms = ids_of(small, [["auk"], ["great", "auk"]])
    kept = doses(small, terms, [], window=3)
    taken = doses(small, terms, [], window=3, mask_seeds=True)
    assert kept.occurrences[kept.term == 0].sum() == 3
    assert taken.occurrences[taken.term == 0].sum() == 1
    assert taken.occurrences[taken.term == 1].sum() == kept.occurrences[kept.term == 1].sum() == 2


def test_a_token_under_two_terms_of_a_target_counts_once(small: Index) -> None:
    terms = ids_of(small, [["by"]])
    target = ids_of(small, [["old", "steamer"], ["steamer"], ["old"]])
    found = doses(small, terms, [target], window=3)
    assert found.hits.tolist() == [[2]]
    assert found.contexts.tolist() == [6]


def test_a_slice_is_read_as_an_index_of_its_documents_would_be(tmp_path: Path, small: Index) -> None:
    terms, targets = [["auk"], ["great", "auk"]], [[["steamer"], ["telegraph"]]]
    part = slice_of(small, "id in (d1, d2)")
    found = doses(small, ids_of(small, terms), [ids_of(small, each) for each in targets], window=4, where=part)
    kept = [row for row in naive.doses(CORPUS, terms, targets, 4) if row.document in (1, 2)]
    assert rows_of(found) == kept
    assert shares(small, [ids_of(small, each) for each in targets], part) == pytest.approx([4 / 10])


def test_shares_are_those_of_the_tokens_of_the_corpus(small: Index) -> None:
    targets = [[["steamer"], ["old", "steamer"]], [["telegraph"]], [["unheard"]]]
    assert shares(small, [ids_of(small, each) for each in targets]) == pytest.approx(naive.shares(CORPUS, targets))


def test_chunks_and_threads_change_nothing(small: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    terms, target = ids_of(small, [["auk"], ["a"], ["the"]]), ids_of(small, [["steamer"]])
    whole = read_doses(small, terms, [target], window=5)
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 3)
    parts = read_doses(small, terms, [target], window=5)
    one_way, other_way = ((*reading.doses, *reading.sums, reading.corpus) for reading in (whole, parts))
    for one, other in zip(one_way, other_way, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sums_are_the_rows_added_up(small: Index) -> None:
    terms, target = ids_of(small, [["the"], ["auk"], [], ["the"]]), ids_of(small, [["steamer"]])
    reading = read_doses(small, terms, [target], window=4, rows_of=1)
    every = doses(small, terms, [target], window=4)
    assert set(reading.doses.term.tolist()) == {0}
    for term in range(4):
        rows = every.term == term
        assert reading.sums.contexts[term] == every.contexts[rows].sum()
        assert reading.sums.hits[term].tolist() == every.hits[rows].sum(axis=0).tolist()
        assert reading.sums.occurrences[term] == every.occurrences[rows].sum()
        assert reading.sums.documents[term] == rows.sum()
        assert reading.sums.documents_hit[term].tolist() == (every.hits[rows] > 0).sum(axis=0).tolist()
        assert reading.sums.contexts_squared[term] == (every.contexts[rows] ** 2).sum()
        assert reading.sums.hits_squared[term].tolist() == (every.hits[rows] ** 2).sum(axis=0).tolist()


def test_more_targets_than_bits_are_refused(small: Index) -> None:
    with pytest.raises(UsageError, match="63 targets were given; at most 62"):
        doses(small, [], [[[0]]] * 63, window=2)
