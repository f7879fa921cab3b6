"""Density finds what was planted: the lift within its interval at the nominal rate, and nothing where nothing was.

The default suite looks at fewer corpora, with limits wide enough for chance; those marked `slow` at over 200 each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest, spearmanr

import cooc
from cooc.clusters.rivals import z_and_p
from tests.corpora import index_of
from tests.planted import TARGETS, Plan, Planted, density_of, plain_seeds, plant

PLANS = {
    "usual": Plan(),
    "rare": Plan(occurrences=5),
    "few seeds": Plan(seeds=5),
    "documents unlike": Plan(clumping=2.0),
    "equal lifts": Plan(spread=0.0, occurrences=8),
    "negative": Plan(level=-1.0),
}


def coverage(plan: Plan, corpora: int) -> float:
    """How often the 90 % interval holds the planted density."""
    held = []
    for seed in range(corpora):
        planted = plant(seed, plan)
        found = density_of(planted, seed=seed)
        held.append(found.low <= planted.density <= found.high)
    return float(np.mean(held))


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_nine_in_ten_intervals_hold_the_planted_density(name: str) -> None:
    held = coverage(PLANS[name], 600)
    assert 0.85 <= held <= 0.95, f"{name}: {held:.3f}"


@pytest.mark.parametrize("name", ["usual", "rare"])
def test_most_intervals_hold_the_planted_density(name: str) -> None:
    assert coverage(PLANS[name], 25) >= 0.76  # a rate of 0.9 gives fewer in 2 of 100 tries


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.5, 3.0])
def test_the_density_is_the_planted_one_on_average(level: float) -> None:
    errors = []
    for seed in range(12):
        planted = plant(seed, Plan(level=level))
        errors.append(density_of(planted, draws=20).density - planted.density)
    assert abs(np.mean(errors)) < 0.15


NOTHING = Plan(level=0.0, spread=0.0, seeds=5, occurrences=5, documents=100)


def p_of_nothing(corpora: int, seeds: int) -> list[float]:
    """p of seeds about which nothing was planted, a corpus each."""
    found = []
    for seed in range(corpora):
        planted = plant(seed, NOTHING)
        one = density_of(planted, seeds=plain_seeds(seed, planted, seeds), null=199, seed=seed, draws=20)
        found.append(z_and_p(one.density, one.null)[3])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3, 20])
def test_p_is_uniform_where_nothing_was_planted(seeds: int) -> None:
    assert kstest(p_of_nothing(240, seeds), "uniform").pvalue > 0.01


def test_p_is_spread_out_where_nothing_was_planted() -> None:
    found = p_of_nothing(20, 5)
    assert 0.25 < np.mean(found) < 0.75
    assert kstest(found, "uniform").pvalue > 0.001


def test_p_is_small_where_something_was_planted() -> None:
    planted = plant(1, Plan(level=1.0, documents=100))
    found = density_of(planted, null=199, draws=20)
    assert z_and_p(found.density, found.null)[3] == 1 / 200


def test_frequency_alone_makes_no_density() -> None:
    """Single words of all frequencies, with the corpus' own share about each: no trend, and all about 0."""
    planted = plant(3, NOTHING)
    words = np.arange(0, planted.plan.filler, 16)
    first = TARGETS + planted.plan.seeds
    found = [density_of(planted, seeds=[[first + int(word)]], draws=20).density for word in words]
    assert spearmanr(words, found).pvalue > 0.01
    assert abs(np.mean(found[:8])) < 0.1


def test_a_set_of_rare_seeds_is_as_dense_as_it_was_planted() -> None:
    """Each alone would be shrunk to nothing; together they show their level."""
    planted = plant(4, Plan(seeds=150, level=2.0, spread=0.5, occurrences=3, unequal=0.3, documents=400))
    found = density_of(planted)
    assert found.terms.lift.mean() < 0.75 * planted.density
    assert found.low < planted.density < found.high


@pytest.fixture(scope="module")
def planted_index(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, cooc.Index]:
    planted = plant(7, Plan(seeds=12, level=2.0, documents=80))
    return planted, index_of(tmp_path_factory.mktemp("planted"), planted.documents(), ngrams=1)


def test_an_index_is_asked_from_end_to_end(planted_index: tuple[Planted, cooc.Index], tmp_path: Path) -> None:
    planted, index = planted_index
    seeds = cooc.TermSet("planted", [f"s{k}" for k in range(12)])
    target = cooc.TermSet("target", [f"t{k}" for k in range(TARGETS)])
    other = cooc.TermSet("other", ["f30", "f31", "f32", "f33", "f34", "f35"])
    found = cooc.density(index, seeds, target, other, null=99, draws=200)
    row, nothing = found.rows()
    assert row["low"] < planted.density < row["high"]
    assert row["p"] == 0.01
    assert row["z"] > 5
    assert nothing["low"] < 0.5
    assert nothing["p"] > 0.01
    rival = found.rivals.rows()[0]
    assert rival["low"] > 1
    assert rival["p"] == 0.01
