"""The vectorizer counts as a build does, and behaves as scikit-learn's estimators do."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import cooc
from cooc import CooccurrenceVectorizer
from cooc.exchange.vectorizer import CooccurrenceVectorizer as Imported
from tests.corpora import cells_of, index_of

BIRDS = ["the great auk and the great bustard", "the auk is great", "", "a bustard", "auk auk auk"]
WORDS = ["a", "b", "auk", "great", "ж", "d"]
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=10), min_size=1, max_size=5)
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def cells(vectorizer: CooccurrenceVectorizer, name: str = "cooccurrences_") -> dict[tuple[str, str], float]:
    matrix, names = getattr(vectorizer, name).tocoo(), vectorizer.get_feature_names_out()
    found = zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True)
    return {(names[a], names[b]): count for a, b, count in found}


@quick
@given(
    documents_of, st.integers(1, 4), st.sampled_from(["symmetric", "left", "right"]),
    st.sampled_from(["uniform", "harmonic"]), st.integers(1, 2),
)  # fmt: skip
def test_the_counts_are_those_of_an_index(
    documents: list[list[str]], window: int, direction: str, weighting: str, least: int
) -> None:
    if not any(documents):
        return
    options = {"window": window, "direction": direction, "weighting": weighting, "min_pair_count": least}
    index = index_of(Path(tempfile.mkdtemp()), documents, ngrams=1, **options)
    unit = index.pairs(window).unit
    expected = {pair: count if unit == 1 else count / unit for pair, count in cells_of(index, window).items()}
    fitted = CooccurrenceVectorizer(**options).fit(" ".join(words) for words in documents)
    assert cells(fitted) == expected


@pytest.mark.parametrize("name", ["ppmi", "npmi", "g2", "ppmi_cds"])
def test_the_weights_are_the_measures_of_an_index(tmp_path: Path, name: str) -> None:
    index = index_of(tmp_path, [text.split() for text in BIRDS], window=3)
    fitted = CooccurrenceVectorizer(window=3, measure=name).fit(BIRDS)
    weights = cells(fitted, "matrix_")
    for a, b in cells(fitted):
        expected = cooc.pair(index, a, b).to_dict()[name]
        assert weights.get((a, b), 0) == pytest.approx(expected)


def test_a_document_is_the_mean_or_the_sum_of_the_rows_of_its_terms() -> None:
    fitted = CooccurrenceVectorizer(window=2).fit(BIRDS)
    row = {term: fitted.matrix_[column].toarray() for term, column in fitted.vocabulary_.items()}
    found = fitted.transform(["auk", "Great auk, auk dodo", "dodo"]).toarray()
    assert found[0] == pytest.approx(row["auk"][0])
    assert found[1] == pytest.approx((row["great"] + 2 * row["auk"])[0] / 3)
    assert not found[2].any()
    summed = clone(fitted).set_params(pooling="sum").fit(BIRDS).transform(["great auk auk"]).toarray()
    assert summed[0] == pytest.approx((row["great"] + 2 * row["auk"])[0])


def test_a_generator_is_read_once() -> None:
    vectorizer = CooccurrenceVectorizer(window=2)
    at_once = vectorizer.fit_transform(text for text in BIRDS)
    assert (at_once != vectorizer.transform(BIRDS)).nnz == 0
    assert at_once.shape == (len(BIRDS), len(vectorizer.vocabulary_))


def test_terms_are_chosen_by_frequency_and_named_in_order() -> None:
    fitted = CooccurrenceVectorizer(window=1, measure="count", max_terms=3).fit(BIRDS)
    assert fitted.get_feature_names_out().tolist() == ["auk", "great", "the"]
    assert fitted.occurrences_.tolist() == [5, 3, 3]
    # "and", which has no row, keeps its place between "auk" and "the"
    assert cells(fitted).get(("auk", "the")) == 1.0
    rare = CooccurrenceVectorizer(min_occurrences=3).fit(BIRDS)
    assert rare.get_feature_names_out().tolist() == ["auk", "great", "the"]


def test_it_works_in_a_pipeline_and_travels() -> None:
    pipeline = make_pipeline(CooccurrenceVectorizer(window=3), TruncatedSVD(2, random_state=0))
    vectors = pipeline.fit_transform(BIRDS)
    assert vectors.shape == (5, 2)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.transform(BIRDS), pipeline.transform(BIRDS))


# scikit-learn runs no checks by itself on an estimator whose input is text (nor on its own vectorizers); these are the
# ones that need no array for input
CHECKS = [
    "check_estimator_cloneable", "check_estimator_repr", "check_estimator_tags_renamed", "check_valid_tag_types",
    "check_no_attributes_set_in_init", "check_parameters_default_constructible", "check_get_params_invariance",
    "check_set_params", "check_do_not_raise_errors_in_init_or_set_params", "check_mixin_order",
]  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_the_checks_of_scikit_learn_pass(name: str) -> None:
    getattr(estimator_checks, name)("CooccurrenceVectorizer", CooccurrenceVectorizer())


def test_it_is_a_name_of_the_package() -> None:
    assert cooc.CooccurrenceVectorizer is Imported


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, 'pooling "max": expected mean or sum'),
        ({"direction": "up"}, 'direction "up": expected symmetric, right or left'),
        ({"weighting": "linear"}, 'weighting "linear": expected uniform or harmonic'),
        ({"measure": "pmmi"}, 'there is no measure "pmmi". Did you mean pmi'),
        ({"window": 0}, "window is 0, min_pair_count 1; expected at least 1"),
        ({"min_occurrences": 99}, "no term is left"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        CooccurrenceVectorizer(**options).fit(BIRDS)  # type: ignore[arg-type]


def test_documents_that_are_none_are_refused() -> None:
    with pytest.raises(cooc.UsageError, match="one string was given; expected an iterable of documents"):
        CooccurrenceVectorizer().fit("the great auk")
    with pytest.raises(cooc.UsageError, match="document 1 is of type int; expected a string"):
        CooccurrenceVectorizer().fit(["auk", 3])  # type: ignore[list-item]
    with pytest.raises(NotFittedError, match="not fitted yet"):
        CooccurrenceVectorizer().transform(BIRDS)
