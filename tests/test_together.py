"""Two phrases together: every pair, by distance, whichever road finds them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.query import scan
from cooc.query.together import together
from cooc.query.window import any_window
from tests.naive import together as naive
from tests.test_queries import Store, a_phrase, sequences
from tests.test_roads import Sorted

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
windows = st.builds(any_window, st.sampled_from([None, 1, 2, 3, 8]), st.sampled_from(["symmetric", "left", "right"]))


@pytest.fixture(params=["places", "reading", "reading in chunks"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("cooc.query.together.MOST_SHARE", 0.01)
    monkeypatch.setattr(scan, "CHUNK", 7 if request.param == "reading in chunks" else 1 << 20)
    return Sorted if request.param == "places" else Store


@often
@given(documents=sequences, a=a_phrase, b=a_phrase, window=windows)
def test_pairs_anchors_documents_and_distances_are_those_of_the_definition(
    road: Any, documents: list[list[int]], a: list[int], b: list[int], window: Any
) -> None:
    left, right = (math.inf, math.inf) if window.size is None else (window.left, window.right)
    expected = naive.together(documents, a, b, left, right)
    found = together(road(documents), a, b, window)
    assert found.count(window) == expected.distances.total()
    assert found[3:] == expected[1:]
    assert found.distances == naive.binned(expected.distances, found.distances)
    assert sum(row["count"] for row in found.distances) == expected.distances.total()
    assert [row["from"] for row in found.distances] == sorted(row["from"] for row in found.distances)


@often
@given(documents=sequences, a=a_phrase, b=a_phrase, kept=st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_slice_has_the_pairs_of_its_documents(
    road: Any, documents: list[list[int]], a: list[int], b: list[int], kept: list[bool]
) -> None:
    from cooc.query.slices import Slice
    from cooc.query.where import Matches

    index = road(documents)
    part = Slice(index, "some", Matches(np.array(kept[: len(documents)]), 0))
    window = any_window(3)
    some = [document for document, is_in in zip(documents, kept, strict=False) if is_in]
    expected = naive.together(some, a, b, 3, 3)
    found = together(index, a, b, window, part)
    assert (found.count(window), *found[3:]) == (expected.distances.total(), *expected[1:])
    assert found.distances == naive.binned(expected.distances, found.distances)


def test_a_harmonic_window_adds_one_over_the_distance() -> None:
    window = any_window(3, "symmetric", "harmonic")
    store: Any = Store([[0, 1, 1, 1, 1, 2]])
    assert together(store, [0], [1], window).count(window) == 6 + 3 + 2
    assert together(store, [2], [1], window).count(window) == 6 + 3 + 2
    assert together(store, [1], [1], window).count(window) == 2 * (3 * 6 + 2 * 3 + 2)


def test_pairs_within_a_long_document_are_too_many_to_look_at_one_by_one_and_counted() -> None:
    store: Any = Store([[0, 1] * 40_000])
    window = any_window(None)
    found = together(store, [0], [1], window)
    assert found.count(window) == 40_000**2
    assert found.a_anchors == found.b_anchors == 40_000
    assert found.distances[-1]["from"] == 65_537
    assert found.distances[-1]["count"] == sum(40_000 - k for k in range(32_768, 40_000))
