"""Power, the least p, and the sizes that decide, against tables, SciPy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cooc.evidence.correlate import ranks
from cooc.evidence.power import (
    critical_correlation,
    detectable,
    needed_seeds,
    needed_units,
    power,
    power_of_difference,
)


@pytest.mark.parametrize(("n", "critical"), [(5, 1.0), (6, 0.886), (7, 0.786), (8, 0.738)])
def test_critical_values_are_those_of_the_tables(n: int, critical: float) -> None:
    """Zar 1972: two-sided .05."""
    assert critical_correlation(n) == pytest.approx(critical, abs=0.0005)


def test_three_lists_and_four_reach_no_p_of_a_twentieth() -> None:
    assert critical_correlation(3) is None and critical_correlation(4) is None
    assert power(4, 0.9) == 0 and detectable(4) is None


@pytest.mark.parametrize("rank", [False, True])
@pytest.mark.parametrize(("n", "rho"), [(12, 0.5), (30, 0.5), (30, 0.3), (60, 0.3), (45, 0.0)])
def test_power_is_that_of_simulated_studies(n: int, rho: float, rank: bool) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(4000, n))
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(4000, n))
    a, b = (ranks(x), ranks(y)) if rank else (x, y)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    r = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found = float(np.mean(np.abs(r) >= critical_correlation(n, rank=rank)))
    assert power(n, rho, rank=rank) == pytest.approx(found, abs=0.035)


def test_the_needed_size_has_the_power_and_one_less_has_not() -> None:
    for rho in (0.2, 0.5, 0.8):
        n = needed_units(rho)
        assert n is not None
        assert power(n, rho) >= 0.8 > power(n - 1, rho)
        least = detectable(n), detectable(n - 1)
        assert least[0] is not None and least[1] is not None and least[0] <= rho < least[1]
    assert needed_units(0.0) is None


@pytest.mark.parametrize(("seeds", "effect"), [(3, 1.0), (10, 1.0), (23, 0.5)])
def test_power_of_a_difference_is_that_of_t_tests(seeds: int, effect: float) -> None:
    rng = np.random.default_rng(seeds)
    a, b = rng.normal(size=(2, 4000, seeds))
    found = float(np.mean(stats.ttest_ind(a + effect, b, axis=1).pvalue <= 0.05))
    assert power_of_difference(seeds, effect, 1.0) == pytest.approx(found, abs=0.03)


def test_needed_seeds_are_those_of_statsmodels() -> None:
    smp = pytest.importorskip("statsmodels.stats.power")
    for effect, noise in ((0.12, 0.12), (0.1, 0.12), (0.3, 0.12)):
        theirs = smp.TTestIndPower().solve_power(effect_size=effect / noise, power=0.8, alpha=0.05)
        assert needed_seeds(effect, noise) == int(np.ceil(theirs))


def test_one_seed_an_arm_finds_nothing() -> None:
    assert power_of_difference(1, 5.0, 1.0) == 0
