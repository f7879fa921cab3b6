"""An index holds exactly what the rules of counting say, for any documents and any options."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import pipeline
from tests.corpora import cells_of, index_of, ngrams_of, sums_of
from tests.naive import counting as naive

# few words, so that pairs repeat; of several lengths and scripts
WORDS = ["a", "b", "c", "auk", "great", "königsberg", "ж", "d", "e", "f"]
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=7)
some_phrases = st.lists(
    st.lists(st.sampled_from(WORDS[:5]), min_size=1, max_size=3).map(" ".join), max_size=4, unique=True
)
EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Once as memory allows, once with blocks of 16 codes, so that every window is cut somewhere."""
    if request.param == "many blocks":
        monkeypatch.setattr(pipeline, "block_size", lambda *_: 16)
    return request.param


def built(documents: list[list[str]], **options: Any) -> Any:
    return index_of(Path(tempfile.mkdtemp()), documents, **options)


@quick
@given(documents_of, st.sampled_from([1, 2, 3, 7, 20]), st.sampled_from(["symmetric", "right", "left"]), st.booleans())
def test_cells_and_marginals_are_those_of_the_definition(
    blocks: str, documents: list[list[str]], window: int, direction: str, harmonic: bool
) -> None:
    weighting = "harmonic" if harmonic else "uniform"
    index = built(documents, window=window, direction=direction, weighting=weighting, ngrams=1)
    words = {word for document in documents for word in document}
    expected = naive.windowed_pairs(documents, words, window, direction=direction, harmonic=harmonic)
    assert cells_of(index, window) == expected
    rows, columns, total = naive.marginals(expected, words)
    assert sums_of(index, window) == (rows, columns)
    assert index.pairs(window).total == total


@quick
@given(
    documents_of,
    some_phrases,
    st.sampled_from([1, 3, 20]),
    st.sampled_from(["symmetric", "right", "left"]),
    st.booleans(),
)
def test_phrases_are_units_beside_the_words(
    blocks: str, documents: list[list[str]], phrases: list[str], window: int, direction: str, harmonic: bool
) -> None:
    weighting = "harmonic" if harmonic else "uniform"
    index = built(documents, window=window, direction=direction, weighting=weighting, ngrams=1, terms=phrases)
    words = {word for document in documents for word in document}
    units = sorted(words | {phrase for phrase in phrases if set(phrase.split()) <= words})
    expected = naive.windowed_pairs(documents, units, window, direction=direction, harmonic=harmonic)
    assert cells_of(index, window) == expected
    rows, columns, total = naive.marginals(expected, words)
    assert sums_of(index, window) == (rows, columns)
    assert index.pairs(window).total == total
    for place in range(index.units.words, len(index.units)):
        found = [naive.occurrences(document, index.units.name(place)) for document in documents]
        assert index.units.occurrences(place) == sum(map(len, found))
        assert index.units.phrase_documents[place - index.units.words] == sum(map(bool, found))


@quick
@given(documents_of, some_phrases, st.integers(1, 6))
def test_whole_documents_are_a_window_with_rows_for_the_listed(
    blocks: str, documents: list[list[str]], phrases: list[str], most: int
) -> None:
    index = built(documents, window=2, ngrams=1, terms=phrases, max_terms=most)
    names = index.units.names(list(range(len(index.units))))
    words = set(names[: index.units.words])
    listed = {names[unit] for unit in index.units.listed}
    known = {word for document in documents for word in document}
    assert listed == {phrase for phrase in phrases if set(phrase.split()) <= known}
    expected = naive.windowed_pairs(documents, names, float("inf"), direction="symmetric", harmonic=False)
    if listed:
        kept = naive.Counter({cell: count for cell, count in expected.items() if cell[0] in listed})
        assert cells_of(index, "document") == kept
        rows, columns, total = naive.marginals(expected, words)
        assert sums_of(index, "document") == (rows, columns)
        assert index.pairs("document").total == total


@quick
@given(documents_of, st.integers(1, 8), st.integers(1, 4))
def test_terms_without_rows_keep_their_places_and_pruned_pairs_their_marginals(
    blocks: str, documents: list[list[str]], most: int, least: int
) -> None:
    index = built(documents, window=3, ngrams=1, max_terms=most, min_pair_count=least, terms=["f"])
    ranked = [word for word, _, _ in naive.vocabulary(documents)]
    words = set(ranked[:most]) | ({"f"} & set(ranked))
    expected = naive.windowed_pairs(documents, words, 3, direction="symmetric", harmonic=False)
    assert cells_of(index, 3) == naive.Counter({cell: n for cell, n in expected.items() if n >= least})
    assert sums_of(index, 3) == naive.marginals(expected, words)[:2]


@quick
@given(documents_of, st.integers(1, 4))
def test_ngrams_that_reach_the_threshold_are_all_there(blocks: str, documents: list[list[str]], least: int) -> None:
    index = built(documents, window=1, ngrams=5, min_count=least)
    for n in range(2, 6):
        every = naive.ngram_counts(documents, n)
        assert ngrams_of(index, n) == naive.Counter({gram: c for gram, c in every.items() if c >= least})
        level = index.ngrams(n)
        assert level.total == sum(every.values())
        terms = index.vocabulary.terms(list(range(index.manifest.terms)))
        lasts: naive.Counter[str] = naive.Counter()
        for gram, count in every.items():
            lasts[gram[-1]] += count
        assert dict(zip(terms, level.column_sums.all().tolist(), strict=True)) == {term: lasts[term] for term in terms}
        prefixes = ngrams_of(index, n - 1)
        begun: naive.Counter[tuple[str, ...]] = naive.Counter()
        for gram, count in every.items():
            begun[gram[:-1]] += count
        assert level.prefix_sums.all().tolist() == [begun[gram] for gram in prefixes]


@quick
@given(documents_of)
def test_the_vocabulary_is_ordered_by_frequency_and_bytes(blocks: str, documents: list[list[str]]) -> None:
    index = built(documents, ngrams=1)
    held = index.vocabulary
    rows = [(held.term(k), held.occurrences[k], held.documents[k]) for k in range(len(held))]
    assert rows == naive.vocabulary(documents)
    assert [held.id(word.encode()) for word, _, _ in rows] == list(range(len(rows)))
    assert held.id(b"absent") is None
