"""Matched sets: as many terms, as long and as frequent, and never the terms themselves."""

from __future__ import annotations

import numpy as np
import pytest

from cooc.clusters.matched import NEAREST, draw_sets, matched_sets, pool_of
from cooc.index.reader import Index
from cooc.query.scan import phrase_counts
from cooc.query.slices import slice_of
from tests.corpora import index_of


@pytest.fixture(scope="module")
def zipf(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A corpus of 400 words, the k-th about as frequent as 1/k."""
    random = np.random.default_rng(5)
    chances = 1 / np.arange(1, 401)
    documents = [
        [f"w{k}" for k in random.choice(400, 120, p=chances / chances.sum())] for _ in range(60)
    ]  # fmt: skip
    return index_of(tmp_path_factory.mktemp("matched"), documents, ngrams=2, min_count=3)


def ids(index: Index, *phrases: str) -> list[list[int]]:
    return [index.vocabulary.ids(phrase) for phrase in phrases]


def test_a_set_has_a_term_for_each_term_as_long_and_about_as_frequent(zipf: Index) -> None:
    terms = ids(zipf, "w30", "w100", "w3 w5", "w2 w4")
    found = matched_sets(zipf, terms, sets=50, seed=1)
    counts, _ = phrase_counts(zipf, terms)
    assert found.drawn.shape == (50, 4)
    assert (found.pool.words[found.drawn] == [1, 1, 2, 2]).all()
    usual = np.median(np.log2(found.occurrences[found.drawn]), axis=0)
    assert np.abs(usual - np.log2(counts)).max() < 0.7
    assert found.gaps.shape == (4,)


def test_candidates_are_counted_as_they_stand_in_the_corpus(zipf: Index) -> None:
    found = matched_sets(zipf, ids(zipf, "w3 w5", "w9"), sets=5)
    counts, _ = phrase_counts(zipf, found.pool.phrases)
    np.testing.assert_array_equal(found.occurrences, counts)
    assert (found.occurrences[found.drawn] > 0).all()


def test_neither_the_terms_nor_what_is_excluded_is_a_candidate(zipf: Index) -> None:
    terms, out = ids(zipf, "w30", "w0 w1"), ids(zipf, "w31", "w1 w0")
    found = matched_sets(zipf, terms, sets=5, exclude=out)
    assert not {tuple(phrase) for phrase in (*terms, *out)} & set(found.pool.phrases)


def test_the_same_seed_draws_the_same_sets(zipf: Index) -> None:
    terms = ids(zipf, "w30", "w0 w1")
    one, other, third = (matched_sets(zipf, terms, sets=20, seed=seed).drawn for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_no_candidate_stands_twice_in_a_set() -> None:
    lengths, occurrences = np.ones(10, np.int64), np.full(10, 7)
    drawn, _ = draw_sets((lengths, occurrences), (np.ones(30, np.int64), np.full(30, 7)), sets=200)
    assert all(len(set(row)) == 10 for row in drawn.tolist())


def test_the_nearest_in_frequency_are_drawn_and_ties_are_alike() -> None:
    counts = np.arange(1, 1001)
    pool = np.ones(1000, np.int64), counts
    drawn, gaps = draw_sets((np.ones(1, np.int64), np.array([500])), pool, sets=500)
    assert set(counts[drawn[:, 0]].tolist()) <= set(range(420, 595))  # 500 by a factor of 2**0.25 either way
    assert gaps[0] < 0.2
    ties = np.ones(3000, np.int64), np.full(3000, 4)
    drawn, gaps = draw_sets((np.ones(1, np.int64), np.array([4])), ties, sets=500)
    assert len(set(drawn[:, 0].tolist())) > NEAREST
    assert gaps[0] == 0


def test_a_phrase_longer_than_the_tables_is_matched_with_phrases_as_long_found_in_the_text(zipf: Index) -> None:
    term = [zipf.vocabulary.ids("w0 w1 w0")]
    pool = pool_of(zipf, term, np.array([2]))
    assert set(pool.words.tolist()) == {3}
    counts, _ = phrase_counts(zipf, pool.phrases)
    assert counts.min() > 0


def test_an_index_without_tables_has_phrases_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    index = index_of(tmp_path_factory.mktemp("words"), [["a", "b", "c", "d"]] * 3, ngrams=1)
    found = matched_sets(index, ids(index, "a b"), sets=4)
    assert set(found.pool.words[found.drawn].ravel().tolist()) == {2}


def test_in_a_slice_candidates_are_those_of_the_slice_and_counted_there(zipf: Index) -> None:
    part = slice_of(zipf, "id in (d1, d2, d3, d4, d5)")
    found = matched_sets(zipf, ids(zipf, "w3", "w0 w1"), sets=10, where=part)
    everywhere, _ = phrase_counts(zipf, found.pool.phrases)
    assert (found.occurrences[found.drawn] > 0).all()
    assert (found.occurrences <= everywhere).all()
    assert (found.occurrences < everywhere).any()
