"""What stands around a phrase: equal, count by count, to the documents themselves and to the other roads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.kernels import contexts as kernels
from tests.naive import contexts as naive
from tests.test_queries import IDS, Store, a_phrase, sequences

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
reaches = st.sampled_from([0, 1, 2, 3, 7])
TERMS = max(IDS) + 1


def occurrences(documents: list[list[int]], phrase: list[int]) -> tuple[Any, Any, Any, int]:
    """Codes, places, their documents, and the codes of the phrase."""
    store: Any = Store(documents)
    places = np.array(naive.found(documents, phrase), np.int64)
    numbers = np.searchsorted(store.starts, places, side="right") - 1
    size = sum(1 + (term >= 49_152) for term in phrase)
    return store.data.view(np.uint16), places, numbers.astype(np.int64), size


def as_table(table: Any, touched: Any, column: int) -> dict[int, int]:
    return {int(term): int(table[term, column]) for term in touched if table[term, column]}


@often
@given(sequences, a_phrase, reaches, reaches, st.booleans())
def test_contexts_are_counted_within_any_window(
    documents: list[list[int]], phrase: list[int], left: int, right: int, harmonic: bool
) -> None:
    codes, places, numbers, size = occurrences(documents, phrase)
    weights = np.array([0, *(420 // d if harmonic else 1 for d in range(1, 8))], np.int64)
    table = np.zeros((TERMS, kernels.COLUMNS), np.int64)
    touched = np.empty(TERMS, np.int64)
    n = kernels.count_contexts(codes, 49_152, places, numbers, size, left, right, weights, table, touched)
    assert n >= 0
    met = touched[: int(n)].tolist()
    counts, holding, squares = naive.contexts(documents, phrase, left, right, weights=weights.tolist())
    assert len(set(met)) == len(met)
    assert as_table(table, met, kernels.COUNT) == counts
    assert as_table(table, met, kernels.DOCUMENTS) == holding
    added = np.zeros(TERMS, np.int64)
    kernels.add_squares(codes, 49_152, places, size, left, right, weights, np.zeros((TERMS, 2), np.int64), added)
    assert {k: int(added[k]) for k in np.flatnonzero(added)} == squares


@often
@given(sequences, a_phrase)
def test_a_whole_document_is_a_window_too(documents: list[list[int]], phrase: list[int]) -> None:
    codes, _, numbers, _ = occurrences(documents, phrase)
    store: Any = Store(documents)
    held, times = np.unique(numbers, return_counts=True)
    edges = np.append(store.starts, len(codes))
    table = np.zeros((TERMS, kernels.COLUMNS), np.int64)
    touched = np.empty(TERMS, np.int64)
    n = kernels.count_document_contexts(
        codes, 49_152, edges[held], edges[held + 1], times.astype(np.int64), np.array(phrase, np.int64), table, touched
    )
    assert n >= 0
    counts, holding, _ = naive.contexts(documents, phrase, math.inf, math.inf)
    assert as_table(table, touched[: int(n)].tolist(), kernels.COUNT) == counts
    assert as_table(table, touched[: int(n)].tolist(), kernels.DOCUMENTS) == holding


def test_codes_that_are_no_terms_are_said_to_be_none() -> None:
    weights, places = np.ones(3, np.int64), np.array([1], np.int64)
    for codes in ([65_535, 0, 9], [65_535, 0, 49_152], [65_535, 0, 49_152, 3]):
        table, touched = np.zeros((5, kernels.COLUMNS), np.int64), np.empty(5, np.int64)
        arguments = 49_152, places, np.zeros(1, np.int64), 1, 2, 2, weights, table, touched
        assert kernels.count_contexts(np.array(codes, np.uint16), *arguments) == -1
    table = np.zeros((5, kernels.COLUMNS), np.int64)
    before = np.array([65_535, 57_344, 0], np.uint16), 49_152, np.array([2]), np.zeros(1, np.int64), 1, 2, 2
    assert kernels.count_contexts(*before, weights, table, np.empty(5, np.int64)) == -1
