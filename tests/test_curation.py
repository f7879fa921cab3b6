"""Curation finds a preference that was planted, none where there is none, and not that of frequency."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters.curation import permuted, statistics, strata_of
from cooc.clusters.ranks import ranges_of, wins_of
from cooc.clusters.shrink import Beta
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.terms import TermSet
from tests.corpora import index_of

LEANING = [f"lean{k}" for k in range(12)]
PLAIN = [f"plain{k}" for k in range(12)]
OLD = TermSet("old", ["telegraph", "steamer"])


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Items of the same twelve frequencies; around half of them stand the words of the target."""
    random = np.random.default_rng(1)
    fill = [f"w{k}" for k in range(60)]
    documents = []
    for k in range(12):
        for item, leans in ((LEANING[k], True), (PLAIN[k], False)):
            for _ in range(6 + 4 * k):
                words = list(random.choice(fill, 12))
                words[5] = item
                words[7] = str(random.choice(list(OLD))) if leans and random.random() < 0.6 else words[7]
                documents.append(words)
    documents += [[*random.choice(fill, 10), *OLD] for _ in range(40)]
    return index_of(tmp_path_factory.mktemp("curation"), documents, window=4, ngrams=2, min_count=1)


POOL = TermSet("pool", [*LEANING, *PLAIN, "unheard of"])


def test_a_planted_preference_is_found(index: Index) -> None:
    found = cooc.curation(index, POOL, TermSet("keen", LEANING[:10]), OLD, permutations=999, draws=300)
    row = found.rows()[0]
    assert (row["curator"], row["target"], row["n_pool"], row["n_chosen"]) == ("keen", "old", 25, 10)
    assert row["auc"] > 0.8 and row["low"] > 0.6 and row["p"] == 0.001
    assert row["difference_low"] > 0
    assert row["found_chosen"] == 1 and row["found_rejected"] == pytest.approx(14 / 15)


def test_a_curator_who_chooses_at_random_is_not_credited(index: Index) -> None:
    blind = TermSet("blind", [*LEANING[::2], *PLAIN[::2]])
    row = cooc.curation(index, POOL, blind, OLD, permutations=999, draws=300).rows()[0]
    assert row["p"] > 0.05 and row["low"] < 0.5 < row["high"]


def test_curators_and_targets_stand_side_by_side(index: Index) -> None:
    sets = [TermSet("keen", LEANING[:6]), TermSet("other", [*PLAIN[:6], "not in it"])]
    found = cooc.curation(index, POOL, sets, [OLD, TermSet("fill", ["w1", "w2"])], permutations=99, draws=50)
    assert [(row["curator"], row["target"]) for row in found.rows()] == list(
        itertools.product(["keen", "other"], ["old", "fill"])
    )
    assert [row["n_outside"] for row in found.rows()] == [0, 0, 1, 1]
    items = found.items.rows()
    assert len(items) == 2 * len(POOL)
    assert items[0]["chosen_by"] == "keen" and items[12]["chosen_by"] == "other" and items[10]["chosen_by"] == ""
    assert items[24]["lift"] is None and items[24]["occurrences"] == 0
    assert json.loads(json.dumps(found.to_dict()))["items"] == items
    assert len(found.plot().axes) == 4


def test_frequency_alone_gives_no_difference_within_strata() -> None:
    """Lifts that follow frequency only: who chooses what is frequent seems to choose by lift, until it is matched."""
    random = np.random.default_rng(5)
    occurrences = np.repeat([2, 8, 32, 128, 512], 40)
    lift = np.log2(occurrences) + random.normal(size=200)
    marks = random.random(200) < np.log2(occurrences) / 10
    raw = statistics(lift, marks, np.zeros(200, np.int64))
    matched = statistics(lift, marks, strata_of(occurrences, 5))
    assert raw[0] > 0.7
    assert abs(matched[0] - 0.5) < 0.1
    assert permuted(lift, marks, strata_of(occurrences, 5), 999, random)[0] > 0.05


def test_auc_and_difference_are_those_of_all_pairs() -> None:
    lift = np.array([1.0, 2.0, 2.0, 5.0, 9.0, 4.0])
    marks = np.array([True, False, True, False, True, True])
    stratum = np.array([0, 0, 0, 1, 1, 2])
    # stratum 0: 1 < 2, 2 = 2; stratum 1: 9 > 5; stratum 2 has nothing to compare with
    difference = (2 / 3 * -0.5 + 1 / 2 * 4) / (2 / 3 + 1 / 2)
    assert statistics(lift, marks, stratum) == pytest.approx(((0.5 + 1) / 3, difference))
    assert np.isnan(statistics(lift, np.ones(6, bool), stratum)).all()


def test_p_is_that_of_all_permutations() -> None:
    random = np.random.default_rng(0)
    lift, marks, stratum = random.normal(size=9), np.arange(9) % 3 == 0, np.array([0] * 5 + [1] * 4)
    observed = abs(statistics(lift, marks, stratum)[1])
    every = []
    for a in itertools.combinations(range(5), int(marks[:5].sum())):
        for b in itertools.combinations(range(5, 9), int(marks[5:].sum())):
            chosen = np.isin(np.arange(9), [*a, *b])
            every.append(abs(statistics(lift, chosen, stratum)[1]) >= observed - 1e-12)
    found = permuted(lift, marks, stratum, 20_000, random)
    assert found.difference == pytest.approx(np.mean(every), abs=0.015)
    assert found.least == 1 / len(every)


def test_p_is_uniform_where_nothing_was_planted() -> None:
    random = np.random.default_rng(7)
    stratum = np.repeat([0, 1, 2], 12)
    found = [
        permuted(random.normal(size=36), random.permutation(36) < 14, stratum, 199, random)[0] for _ in range(400)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.085
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def names_of_a_pool(random: np.random.Generator, leaning: float) -> tuple[np.ndarray, ...]:
    """Hits, contexts and marks of items of one share, those chosen rarer within the stratum, and `leaning` times it."""
    marks = random.random(400) < 0.5
    contexts = np.where(marks, random.integers(20, 120, 400), random.integers(100, 200, 400)).astype(float)
    share = random.gamma(0.5, 0.02, 400) * np.where(marks, leaning, 1.0)
    return random.poisson(contexts * share).astype(float), contexts, marks


def auc_of(hits: np.ndarray, contexts: np.ndarray, marks: np.ndarray) -> float:
    wins = wins_of(*ranges_of(hits, contexts, np.ones(len(hits)), Beta(0.5, 49.5)))
    return statistics(np.zeros(len(hits)), marks, np.zeros(len(hits), np.int64), wins)[0]


def test_the_auc_is_one_half_where_rarer_items_were_chosen_that_lean_no_more() -> None:
    random = np.random.default_rng(11)
    found = [auc_of(*names_of_a_pool(random, 1.0)) for _ in range(40)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.01)
    assert np.mean([auc_of(*names_of_a_pool(random, 4.0)) for _ in range(10)]) > 0.6


def test_of_two_items_one_or_the_other_leans_more() -> None:
    low, high = ranges_of(np.array([0.0, 0, 3, 900]), np.array([0.0, 50, 50, 1e4]), np.full(4, 0.7), Beta(0.3, 40))
    wins = wins_of(low, high)
    np.testing.assert_allclose(wins + wins.T, 1)
    assert low[1] == 0 and wins[2, 1] == 1 and wins[0, 0] == 0.5
    draws = np.random.default_rng(1).uniform(low, high, (20_000, 4))
    np.testing.assert_allclose(wins, [[0.5 if i == j else (draws[:, i] > draws[:, j]).mean() for j in range(4)]
                                      for i in range(4)], atol=0.02)  # fmt: skip


def test_both_p_are_small_for_a_choice_that_leans() -> None:
    random = np.random.default_rng(3)
    hits, contexts, marks = names_of_a_pool(random, 8.0)
    wins = wins_of(*ranges_of(hits, contexts, np.ones(400), Beta(0.5, 49.5)))
    found = permuted(np.log2((hits + 0.5) / (contexts + 50)), marks, np.arange(400) % 4, 999, random, wins)
    assert found.difference == found.auc == 0.001


@pytest.mark.parametrize(("items", "strata"), [(5, 1), (16, 2), (100, 5)])
def test_strata_are_of_about_equal_size_and_never_part_equals(items: int, strata: int) -> None:
    found = strata_of(np.arange(items), 5)
    assert len(np.unique(found)) == strata
    assert np.ptp(np.bincount(found)) <= 1
    assert len(np.unique(strata_of(np.full(items, 3), 5))) == 1


def test_the_same_seed_gives_the_same_rows(index: Index) -> None:
    rows = [cooc.curation(index, POOL, TermSet("keen", LEANING[:6]), OLD, permutations=99, draws=50).rows()
            for _ in range(2)]  # fmt: skip
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"selected": TermSet("s", ["nowhere"])}, 'none of the 1 terms of "s" is in the pool'),
        ({"selected": POOL}, '"pool" chose all of the pool'),
        ({"pool": ["never", "ever"], "selected": TermSet("s", ["never"])}, 'no item of the pool "pool" occurs'),
        ({"target": TermSet("t", ["never"])}, 'no term of the target "t" occurs'),
        ({"strata": 0}, "strata is 0; expected at least 1"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"window": "wide"}, "window is wide; expected a number of tokens"),
    ],
)
def test_what_makes_no_sense_is_said(index: Index, change: dict[str, Any], message: str) -> None:
    asked = {"pool": POOL, "selected": TermSet("keen", LEANING[:6]), "target": OLD, **change}
    with pytest.raises(UsageError, match=message):
        cooc.curation(index, asked.pop("pool"), asked.pop("selected"), asked.pop("target"), **asked)


def test_the_command_prints_what_the_function_gives(index: Index, tmp_path: Path) -> None:
    for name, terms in (("pool", POOL), ("keen", LEANING[:6]), ("old", OLD)):
        (tmp_path / f"{name}.txt").write_text("\n".join(terms), encoding="utf-8")
    asked = ["curation", str(index.path), "-q"]
    for option, name in (("--pool", "pool"), ("--selected", "keen"), ("--target", "old")):
        asked += [option, str(tmp_path / f"{name}.txt")]
    done = CliRunner().invoke(app, [*asked, "--json", "--permutations", "99"])
    wanted = cooc.curation(index, POOL, TermSet("keen", LEANING[:6]), OLD, permutations=99)
    assert json.loads(done.stdout)["rows"] == wanted.rows()
    shown = CliRunner().invoke(app, [*asked, "--plot", str(tmp_path / "p.png")])
    assert shown.exit_code == 0 and "keen" in shown.stdout
    assert (tmp_path / "p.png").stat().st_size > 1000
