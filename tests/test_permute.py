"""Permutation, correlation, bootstrap and models against enumeration, SciPy, statsmodels and the hand."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cooc.evidence.analyse import benjamini_hochberg, holm
from cooc.evidence.bootstrap import interval, worth
from cooc.evidence.correlate import associate, associate_kendall, controls, correlation, kendall, ranks, residuals
from cooc.evidence.mixed import FAR, design_matrix, fit, sandwich, slope
from cooc.evidence.permute import Scheme, arrangements, p_value

rng = np.random.default_rng(7)


def one_block(n: int) -> Scheme:
    return Scheme(np.zeros(n, int))


def test_all_arrangements_are_there_once_and_the_data_come_first() -> None:
    orders, exact = arrangements(one_block(5))
    assert exact and len(orders) == factorial(5)
    assert {tuple(row) for row in orders.tolist()} == set(permutations(range(5)))
    assert orders[0].tolist() == list(range(5))


def test_blocks_keep_their_units() -> None:
    blocks = np.array([0, 1, 0, 1, 1])
    for draws in (arrangements(Scheme(blocks)), arrangements(Scheme(np.repeat(blocks, 4)), draws=50)):
        used = blocks if draws.exact else np.repeat(blocks, 4)
        assert (used[draws.orders] == used).all()
    assert len(arrangements(Scheme(blocks)).orders) == factorial(2) * factorial(3)


def test_a_series_is_shifted_along_its_circle() -> None:
    orders, exact = arrangements(Scheme(np.zeros(45, int), circular=True))
    assert exact and len(orders) == 45
    assert all((np.diff(row) % 45 == 1).all() for row in orders)


def test_random_shifts_of_several_series_stay_in_order() -> None:
    blocks = np.repeat([0, 1, 2, 3], 20)
    orders, exact = arrangements(Scheme(blocks, circular=True), draws=20)
    assert not exact
    for row in orders.reshape(21, 4, 20):
        assert (np.diff(row, axis=1) % 20 == 1).all()


@pytest.mark.parametrize("rank", [False, True])
def test_p_is_the_share_of_all_permutations_at_least_as_far_out(rank: bool) -> None:
    x, y = np.array([1.0, 3, 2, 5, 4, 9]), np.array([2.0, 1, 4, 3, 9, 7])
    a, b = (ranks(x), ranks(y)) if rank else (x, y)
    everything = [abs(np.corrcoef(a, b[list(order)])[0, 1]) for order in permutations(range(6))]
    found = associate(x, y, one_block(6), scale="ranks" if rank else "values")
    assert found.exact and found.arrangements == 720
    assert found.p == np.mean([value >= everything[0] - 1e-9 for value in everything])
    assert found.least_p == np.mean([value >= max(everything) - 1e-9 for value in everything])


def test_p_agrees_with_scipys_permutation_test() -> None:
    x, y = rng.normal(size=6), rng.normal(size=6)
    theirs = stats.permutation_test(
        (y,), lambda v: float(x @ v), permutation_type="pairings", n_resamples=np.inf, alternative="greater"
    )
    assert associate(x, y, one_block(6), sides=1).p == pytest.approx(theirs.pvalue)


def test_a_sample_of_permutations_is_close_to_all_of_them() -> None:
    x, y = rng.normal(size=8), rng.normal(size=8)
    y += x
    exact = associate(x, y, one_block(8)).p
    orders = np.vstack([np.arange(8), rng.permuted(np.tile(np.arange(8), (5_000, 1)), axis=1)])
    drawn = np.array([np.corrcoef(x, y[order])[0, 1] for order in orders])
    assert exact is not None
    assert p_value(drawn) == pytest.approx(exact, abs=4 * np.sqrt(exact / 5_000))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, float).T
    basis = controls(np.zeros(len(x), int))
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert correlation(x, y, basis) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-9)
        assert correlation(ranks(x), ranks(y), basis) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-9)
        assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y)[0], abs=1e-9)
    else:
        assert correlation(x, y, basis) is None
        assert associate(x, y, one_block(len(x))).p is None


def test_kendalls_p_is_scipys_exact_one() -> None:
    x, y = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 1, 4, 3, 6, 5])
    assert associate_kendall(x, y, one_block(6)).p == pytest.approx(stats.kendalltau(x, y, method="exact")[1])


def test_a_partial_correlation_is_that_of_regression_residuals() -> None:
    z = rng.normal(size=(30, 2))
    x, y = z @ [1, 2] + rng.normal(size=30), z @ [3, 1] + rng.normal(size=30)
    columns = np.column_stack([np.ones(30), z])
    left = [v - columns @ np.linalg.lstsq(columns, v, rcond=None)[0] for v in (x, y)]
    found = associate(x, y, one_block(30), rivals=z)
    assert found.value == pytest.approx(np.corrcoef(*left)[0, 1])


def test_a_rival_that_is_density_itself_leaves_nothing() -> None:
    x, y = rng.normal(size=12), rng.normal(size=12)
    assert associate(x, y, one_block(12), rivals=x[:, None] * 2 + 1).value is None


def test_within_blocks_what_lies_between_them_counts_nothing() -> None:
    blocks = np.repeat([0, 1], 10)
    x = rng.normal(size=20)
    found = associate(x + 100 * blocks, rng.permuted(x) + 100 * blocks, Scheme(blocks))
    again = associate(x, rng.permuted(x), Scheme(blocks))
    assert found.value is not None and again.value is not None and abs(found.value) < 0.9
    basis = controls(blocks)
    assert np.allclose(residuals(100.0 * blocks, basis), 0)


def test_statsmodels_has_the_same_logistic_fit_and_robust_errors() -> None:
    sm = pytest.importorskip("statsmodels.api")
    units = np.repeat(np.arange(15), 6)
    density, groups = rng.normal(size=15)[units], np.tile(np.arange(6), 15)[:, None]
    shares = 1 / (1 + np.exp(-(0.8 * density + rng.normal(size=15)[units] + rng.normal(size=90))))
    columns = design_matrix(density, None, groups)
    theirs = sm.GLM(shares, columns, family=sm.families.Binomial()).fit(cov_type="cluster", cov_kwds={"groups": units})
    beta = fit(columns, shares)
    assert beta == pytest.approx(theirs.params, abs=1e-6)
    assert sandwich(columns, shares, beta, units) == pytest.approx(theirs.cov_params(), rel=1e-5, abs=1e-9)


def test_weights_are_counts() -> None:
    sm = pytest.importorskip("statsmodels.api")
    x, n = rng.normal(size=20), rng.integers(5, 50, 20).astype(float)
    wins = rng.binomial(n.astype(int), 1 / (1 + np.exp(-x)))
    columns = np.column_stack([np.ones(20), x])
    theirs = sm.GLM(np.column_stack([wins, n - wins]), columns, family=sm.families.Binomial()).fit()
    assert fit(columns, wins / n, n) == pytest.approx(theirs.params, abs=1e-6)


def test_the_slope_of_two_halves_is_the_log_odds_ratio_by_hand() -> None:
    """Density 0 in half of the units with share 1/5, 1 in the other half with 4/5: odds 1/4 and 4, ratio 16."""
    density, shares = np.repeat([0.0, 1.0], 6), np.repeat([0.2, 0.8], 6)
    found = slope(density, shares, np.arange(12))
    assert found.value == pytest.approx(np.log(16) / 2)  # a standard deviation of density is one half


def test_separated_outcomes_have_no_slope() -> None:
    density, shares = np.repeat([0.0, 1.0], 6), np.repeat([0.0, 1.0], 6)
    found = slope(density, shares, np.arange(12))
    assert found.value is None and found.note.startswith("outcomes are separated")
    assert FAR > 1


def test_the_jackknife_over_units_is_that_of_leaving_each_out() -> None:
    units = np.repeat(np.arange(8), 3)
    density = rng.normal(size=8)[units]
    shares = 1 / (1 + np.exp(-(density + rng.normal(size=24))))
    found = slope(density, shares, units)
    z = (density - density.mean()) / density.std()
    columns = np.column_stack([np.ones(24), z])
    left = [fit(columns[units != u], shares[units != u])[1] for u in range(8)]  # type: ignore[index]
    error = np.sqrt(7 / 8 * np.sum((np.array(left) - found.value) ** 2))
    assert found.high == pytest.approx(found.value + stats.t.ppf(0.975, 7 - 1 + 1) * error)


def test_too_few_units_have_no_interval() -> None:
    x = np.arange(4.0)
    assert interval(x, x[::-1] ** 2, np.zeros(4, int)) is None


def test_a_rough_series_is_worth_all_its_units_and_a_smooth_one_few() -> None:
    assert worth(np.tile([1.0, -1.0], 20), np.tile([1.0, -1.0], 20)) < 0.1  # as alike from one to the next as can be
    noise = np.random.default_rng(0).normal(size=(2, 400))
    assert worth(*noise) > 0.9
    assert worth(np.cumsum(noise[0]), np.cumsum(noise[1])) < 0.1


@pytest.mark.parametrize("tried", [4, 9])
def test_holm_and_benjamini_hochberg_are_those_of_statsmodels(tried: int) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = [0.001, 0.04, 0.03, 0.2]
    padded = p + [1.0] * (tried - 4)
    assert holm(p, tried) == pytest.approx(multitest.multipletests(padded, method="holm")[1][:4])
    assert benjamini_hochberg(p) == pytest.approx(multitest.multipletests(p, method="fdr_bh")[1])


def test_the_same_seed_gives_the_same_numbers() -> None:
    x, y = rng.normal(size=40), rng.normal(size=40)
    twice: list[Any] = [associate(x, y, one_block(40), draws=199, seed=3) for _ in range(2)]
    assert twice[0] == twice[1]
    assert interval(x, y, np.zeros(40, int), seed=3) == interval(x, y, np.zeros(40, int), seed=3)
