"""The level of a set: looked up in a grid, the same as by integrals over each term's own likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.clusters import pooled
from cooc.kernels.levels import FIRST, STEP, STEP_ROOT, STEPS, add_terms, look_up
from tests.naive import levels as naive

SHORT = settings(max_examples=30, deadline=None)


@SHORT
@given(hits=st.floats(0, 4), offset=st.floats(FIRST + 1, FIRST + 3), seed=st.integers(0, 99))
def test_a_place_between_the_points_of_a_grid_is_looked_up_as_by_definition(
    hits: float, offset: float, seed: int
) -> None:
    grid = np.random.default_rng(seed).normal(size=(20, 48, 2))
    table = np.empty((2, 3, 2))
    look_up(np.array([1]), np.array([hits]), np.array([offset]), grid, table)
    row, column = np.sqrt(hits) / STEP_ROOT, (offset - FIRST) / STEP
    for level in range(3):
        for spread in range(2):
            wanted = naive.look_up(grid.tolist(), row, column + level * STEPS, spread)
            assert table[1, level, spread] == pytest.approx(wanted, abs=1e-9)


@SHORT
@given(drawn=st.lists(st.lists(st.integers(-1, 4), min_size=3, max_size=3), min_size=1, max_size=5))
def test_tables_are_added_up_over_the_terms_of_a_set(drawn: list[list[int]]) -> None:
    table = np.arange(10, dtype=np.float64).reshape(5, 2)
    sums = np.empty((len(drawn), 2))
    add_terms(np.array(drawn), table, sums)
    assert sums.tolist() == naive.add_terms(drawn, table.tolist())


@pytest.mark.parametrize("hits", [0.0, 0.4, 1.0, 2.7, 11.0, 29.9])
@pytest.mark.parametrize("expected", [0.003, 0.5, 4.0, 60.0, 900.0])
def test_the_table_of_a_term_is_the_integral_over_its_lifts(hits: float, expected: float) -> None:
    found = pooled.table_of(np.array([hits]), np.array([expected / 0.01]), 0.01)
    lifts = np.arange(-45, 30, 0.01)
    likelihood = hits * lifts * np.log(2) - expected * 2.0**lifts
    best, evidence, means = likelihood.max(), [], []
    for level in pooled.LEVELS:
        for spread in pooled.SPREADS:
            weights = np.exp(likelihood - best) * np.exp(-0.5 * ((lifts - level) / spread) ** 2) / spread
            evidence.append(np.log(max(weights.sum(), 1e-300)))
            means.append((weights * lifts).sum() / max(weights.sum(), 1e-300))
    likely = np.array(evidence) > max(evidence) - 12
    gaps = (found[0, :, 0].ravel() - evidence)[likely]
    assert np.ptp(gaps) < 0.001
    np.testing.assert_allclose(found[0, :, 1].ravel()[likely], np.array(means)[likely], atol=0.001)
