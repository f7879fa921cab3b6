"""Density: its cases, its tables, and its command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters import doses, pooled
from cooc.clusters.densities import Density
from cooc.clusters.itself import npmi_of, pairs_of
from cooc.clusters.resample import Prior, Rows, draw_lifts, grouped
from cooc.clusters.rivals import z_and_p
from cooc.clusters.shrink import Beta, clumping, fit_beta, shrink, weights
from tests.corpora import index_of

WORDS = [f"w{k}" for k in range(60)]


def text(random: np.random.Generator, beside: str) -> list[str]:
    """Fillers, and now and then a bird, with steamers beside a great auk and eggs beside a wren."""
    words = [str(word) for word in random.choice(WORDS, 40)]
    if beside == "old":
        words[10:14] = ["the", "great", "auk", "steamer"]
        words[30:32] = ["auk", "telegraph"]
    elif beside == "new":
        words[20:22] = ["wren", "egg"]
    else:
        words[5] = ["steamer", "egg", "telegraph"][int(random.integers(3))]
    return words


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> cooc.Index:
    random = np.random.default_rng(2)
    documents = [text(random, kind) for kind in ["old"] * 20 + ["new"] * 20 + ["other"] * 160]
    return index_of(tmp_path_factory.mktemp("birds"), documents, ngrams=2, min_count=2)


OLD = cooc.TermSet("old", ["steamer", "telegraph"])
FOOD = cooc.TermSet("food", ["egg"])


def asked(index: cooc.Index, seeds: list[str], *targets: cooc.TermSet, **options: Any) -> Density:
    return cooc.density(index, seeds, *(targets or (OLD,)), **{"null": 20, "draws": 50, **options})


def by_term(found: Density) -> dict[Any, dict[str, Any]]:
    return {row["term"]: row for row in found.terms.rows()}


def test_rows_have_the_names_that_scripts_rely_on(birds: cooc.Index) -> None:
    row = cooc.density(birds, cooc.TermSet("auks", ["great auk"]), OLD, null=20, draws=50).rows()[0]
    names = ["seeds", "target", "density", "low", "high", "null_mean", "null_sd", "z", "p", "n_terms", "n_found"]
    assert set(names) <= set(row)
    assert (row["seeds"], row["target"], row["window"]) == ("auks", "old", "10")
    assert row["low"] < row["density"] < row["high"]
    assert 0 < row["p"] <= 1


def test_a_target_whose_hits_are_one_word_is_told(birds: cooc.Index) -> None:
    found = asked(birds, ["great auk", "no such bird"], OLD, window=2)
    assert [(row["target_term"], row["hits"]) for row in found.targets.rows()] == [("steamer", 20)]
    row = found.rows()[0]
    assert (row["top_term"], row["top_term_part"], row["hits"]) == ("steamer", 1.0, 20)
    assert found.notes()[0] == "1 of 2 seeds do not occur."
    assert found.notes()[1].startswith('old, window 2: 100% of the 20 hits are one term, "steamer".')
    assert asked(birds, ["no such bird"]).notes() == ["none of the 1 seeds occurs by itself: there is no density."]


def test_old_birds_are_denser_towards_old_things_than_new_birds(birds: cooc.Index) -> None:
    old, new = (asked(birds, [seed], window=5).rows()[0] for seed in ("great auk", "wren"))
    assert old["density"] > 1 > new["density"]
    assert old["low"] > new["high"]


def test_a_seed_inside_a_longer_seed_is_counted_where_it_stands_alone(birds: cooc.Index) -> None:
    alone, both = (by_term(asked(birds, seeds)) for seeds in (["auk"], ["auk", "Great Auk"]))
    assert alone["auk"]["occurrences"] == 40
    assert both["auk"]["occurrences"] == both["Great Auk"]["occurrences"] == 20


def test_a_seed_that_is_a_target_too_is_no_target(birds: cooc.Index) -> None:
    found = asked(birds, ["steamer", "auk"], window=5)
    rows = by_term(found)
    assert rows["steamer"]["is_target"]
    assert not rows["auk"]["is_target"]
    assert found.rows()[0]["n_shared"] == 1
    only = asked(birds, ["steamer", "auk"], cooc.TermSet("less", ["telegraph"]), window=5)
    assert [row["hits"] for row in only.terms.rows()] == [row["hits"] for row in found.terms.rows()]


def test_a_target_that_needs_a_token_of_a_seed_is_no_hit(birds: cooc.Index) -> None:
    target = cooc.TermSet("phrases", ["auk steamer", "telegraph"])
    row = by_term(asked(birds, ["great auk"], target, window=3))["great auk"]
    assert row["hits"] == 0


def test_seeds_that_never_occur_are_counted_in_the_coverage_and_not_in_the_mean(birds: cooc.Index) -> None:
    found = asked(birds, ["great auk", "wren great", "unheard of"])
    row, terms = found.rows()[0], by_term(found)
    assert (row["n_terms"], row["n_found"]) == (3, 1)
    assert row["coverage"] == pytest.approx(1 / 3)
    assert row["density"] == asked(birds, ["great auk"]).rows()[0]["density"]
    assert terms["unheard of"]["lift"] is None
    assert terms["unheard of"]["note"] == "has a word that the corpus lacks"
    assert terms["wren great"]["note"] == "does not occur, or only inside longer seeds"


def test_a_set_that_never_occurs_has_no_density(birds: cooc.Index) -> None:
    row = asked(birds, ["unheard of"]).rows()[0]
    assert row["n_found"] == 0
    assert row["density"] is row["low"] is row["z"] is row["p"] is None


def test_a_set_of_one_is_a_set(birds: cooc.Index) -> None:
    found = asked(birds, ["auk"], itself=True)
    row, itself = found.rows()
    assert row["n_found"] == 1
    assert row["low"] < row["density"] < row["high"]
    assert itself["density"] is None


def test_seeds_that_fold_to_one_are_one_and_say_so(birds: cooc.Index) -> None:
    found = asked(birds, ["Great Auk", "great  auk", "GREAT-AUK"])
    assert found.rows()[0]["n_terms"] == 1
    assert found.terms.rows()[0]["note"] == "also given as great auk, GREAT-AUK"


def test_a_dose_is_what_stands_around(birds: cooc.Index) -> None:
    row = by_term(asked(birds, ["great auk"], window=2))["great auk"]
    assert (row["occurrences"], row["documents"], row["contexts"]) == (20, 20, 80)
    assert row["hits"] == row["documents_hit"] == 20
    assert row["raw_lift"] == pytest.approx(np.log2(20 / 80 / asked(birds, ["great auk"]).rows()[0]["share"]))
    assert row["low"] < row["lift"] < row["high"]
    assert row["lift"] < row["raw_lift"]


def test_several_windows_and_the_document_give_a_row_each(birds: cooc.Index) -> None:
    found = asked(birds, ["auk"], OLD, FOOD, window=[2, 5, "document"])
    rows = [(row["target"], row["window"]) for row in found.rows()]
    assert rows == [(target, window) for window in ("2", "5", "document") for target in ("old", "food")]
    assert len(found.rivals) == 3
    assert len(found.terms) == 6
    whole = [row for row in found.terms.rows() if row["window"] == "document"]
    assert whole[0]["contexts"] == 40 * 38  # both auks of a document are seeds, and no context


def test_rivals_are_compared_on_the_same_documents(birds: cooc.Index) -> None:
    found = asked(birds, ["great auk"], OLD, FOOD, cooc.TermSet("old too", OLD.terms))
    old, _, too = found.rows()
    rivals = {(row["target"], row["rival"]): row for row in found.rivals.rows()}
    assert rivals["old", "food"]["difference"] > 0
    same = rivals["old", "old too"]
    assert same["difference"] == 0
    assert old["density"] == too["density"]


def test_a_slice_is_compared_with_another(birds: cooc.Index) -> None:
    part = "id in (" + ", ".join(f"d{k}" for k in range(30)) + ")"
    row = asked(birds, ["auk", "wren"], where=part, against="rest").rows()[0]
    assert row["n_found"] == 2
    assert row["n_found_against"] == 1
    assert row["difference"] == pytest.approx(row["density"] - row["density_against"])
    assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_a_seed_gives_the_same_result_on_any_number_of_threads(
    birds: cooc.Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once() -> str:
        found = asked(birds, ["great auk", "wren"], OLD, FOOD, itself=True)
        return json.dumps(found.to_dict())

    one = once()
    monkeypatch.setattr(doses, "CHUNK", 300)
    monkeypatch.setattr(doses.os, "cpu_count", lambda: 5)
    assert once() == one
    assert json.dumps(asked(birds, ["great auk", "wren"], OLD, FOOD, itself=True, seed=1).to_dict()) != one


def test_without_a_target_a_set_is_measured_in_itself(birds: cooc.Index) -> None:
    found = cooc.density(birds, ["auk", "telegraph", "great"], null=20, draws=50, window=4)
    row = found.rows()[0]
    assert row["target"] == "itself"
    assert row["density"] > row["null_mean"]
    assert 0 <= row["conductance"] < row["null_conductance"] <= 1
    assert row["low"] < row["density"] < row["high"]


def test_pairs_are_counted_as_the_pair_matrix_does(birds: cooc.Index) -> None:
    terms = [birds.vocabulary.ids(word) for word in ("auk", "telegraph", "the", "wren")]
    pairs = pairs_of(birds, terms, 4, window=10)
    matrix = birds.pairs(10)
    assert pairs.total == matrix.total
    assert pairs.contexts.tolist() == [matrix.row_sums[ids[0]] for ids in terms]
    counts = dict(zip(pairs.keys.tolist(), pairs.counts.tolist(), strict=True))
    for a in range(4):
        for b in range(a + 1, 4):
            assert counts.get(4 * a + b, 0) == matrix.cell(terms[a][0], terms[b][0])


def test_npmi_is_that_of_the_pair(birds: cooc.Index) -> None:
    row = cooc.pair(birds, "auk", "telegraph").rows()[0]
    found = npmi_of(np.array([row["count"]]), np.array([row["r1"]]), np.array([row["c1"]]), row["n"])
    assert found[0] == pytest.approx(row["npmi"])


def test_no_null_leaves_its_columns_empty(birds: cooc.Index) -> None:
    row = asked(birds, ["auk"], null=0).rows()[0]
    assert row["null_mean"] is row["z"] is row["p"] is None
    assert row["density"] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": -1}, "null is -1; expected the number of matched sets"),
        ({"draws": 3}, "draws is 3; expected at least 20"),
        ({"confidence": 1.0}, "confidence is 1.0; expected a number between 0 and 1"),
        ({"window": 0}, 'a window is 0; expected a number of tokens of at least 1, or "document"'),
        ({"window": "page"}, "a window is 'page'; expected a number"),
        ({"window": []}, "no window was given"),
        ({"against": "rest"}, "--against compares with the slice of --where"),
    ],
)
def test_options_that_make_no_sense_are_refused(birds: cooc.Index, options: dict[str, Any], message: str) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        asked(birds, ["auk"], **options)


def test_a_target_of_unknown_words_is_refused(birds: cooc.Index) -> None:
    with pytest.raises(cooc.UnknownTerm, match='no term of the target "none" has all its words in'):
        asked(birds, ["auk"], cooc.TermSet("none", ["unheard"]))


def test_targets_of_one_name_are_refused(birds: cooc.Index) -> None:
    with pytest.raises(cooc.UsageError, match='two term sets are called "old"'):
        asked(birds, ["auk"], OLD, OLD)


def test_a_result_draws_itself_in_three_ways(birds: cooc.Index) -> None:
    found = asked(birds, ["great auk", "wren", "auk"], OLD, FOOD)
    for kind in ("null", "dose", "rivals"):
        assert found.plot(kind=kind).axes
    with pytest.raises(cooc.UsageError, match='plotted as null, dose, rivals; found "bars"'):
        found.plot(kind="bars")
    with pytest.raises(cooc.UsageError, match="rivals are plotted where there are two targets"):
        asked(birds, ["auk"]).plot(kind="rivals")


def test_the_command_prints_one_document(birds: cooc.Index, tmp_path: Path) -> None:
    seeds, target = tmp_path / "auks.txt", tmp_path / "old.txt"
    seeds.write_text("great auk\nwren\n", encoding="utf-8")
    target.write_text("steamer\ntelegraph\n", encoding="utf-8")
    common = [str(birds.path), "--seeds", str(seeds), "--target", str(target), "--null", "20", "-q"]
    done = CliRunner().invoke(app, ["density", *common, "--json", "--window", "3", "--document", "--itself"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(row["target"], row["window"]) for row in found["rows"]] == [
        ("old", "3"), ("itself", "3"), ("old", "document"), ("itself", "document"),
    ]  # fmt: skip
    assert set(found) == {"provenance", "rows", "terms", "target_terms", "rivals", "nulls"}
    assert found["nulls"][0]["sets"] == 20
    figure = tmp_path / "dose.svg"
    shown = CliRunner().invoke(app, ["density", *common, "--plot", str(figure), "--kind", "dose"])
    assert shown.exit_code == 0, shown.output
    assert "auks" in shown.stdout
    assert figure.stat().st_size > 0


def test_a_beta_prior_is_found_again() -> None:
    random = np.random.default_rng(0)
    contexts = random.integers(50, 2000, 4000)
    hits = random.binomial(contexts, random.beta(2.0, 198.0, 4000))
    prior = fit_beta(hits.astype(float), contexts.astype(float), 0.02)
    assert prior.a == pytest.approx(2, rel=0.15)
    assert prior.a / (prior.a + prior.b) == pytest.approx(0.01, rel=0.1)


def test_a_name_seen_twice_cannot_shout() -> None:
    prior, share = Beta(1.0, 99.0), 0.01
    found = shrink(np.array([1.0, 100.0]), np.array([20.0, 2000.0]), prior, share=share)
    assert found.lift[0] < 1 < found.lift[1]
    assert found.high[0] - found.low[0] > 3 * (found.high[1] - found.low[1])


def test_a_term_of_which_nothing_is_known_sits_at_the_prior() -> None:
    for a in (0.05, 0.3, 1.0, 20.0):
        found = shrink(np.zeros(1), np.zeros(1), Beta(a, 99 * a), share=0.02)
        assert found.lift[0] == pytest.approx(-1)
        assert found.low[0] < -1 < found.high[0]


def test_the_fitted_prior_is_never_so_wide_that_its_mean_is_outside_its_interval() -> None:
    contexts = np.full(400, 1e4)
    hits = np.where(np.arange(400) < 3, 9e3, 0.0)  # almost nobody, and then all of it
    prior = fit_beta(hits, contexts, 0.01)
    found = shrink(np.zeros(1), np.zeros(1), prior, share=0.01)
    assert found.low[0] < found.lift[0] < found.high[0]


def test_shrunken_shares_are_right_on_average_and_their_intervals_hold_nine_in_ten() -> None:
    """Terms whose shares come from the prior, most of them rare."""
    random = np.random.default_rng(5)
    truth = random.beta(0.5, 49.5, 20_000)
    contexts = random.integers(1, 400, 20_000)
    hits = random.binomial(contexts, truth)
    found = shrink(hits.astype(float), contexts.astype(float), Beta(0.5, 49.5), share=0.01)
    for part in (contexts < 40, contexts > 200, hits == 0, hits > 3):
        assert (2 ** found.lift[part]).mean() == pytest.approx(truth[part].mean() / 0.01, rel=0.05)
        inside = (found.low <= np.log2(truth / 0.01)) & (np.log2(truth / 0.01) <= found.high)
        assert inside[part].mean() == pytest.approx(0.9, abs=0.02)


def test_contexts_of_one_document_count_for_less() -> None:
    """Hits of documents that differ by a known amount."""
    random = np.random.default_rng(1)
    n, v, share = 40, 1.5, 0.05
    level = random.gamma(1 / v, v, (300, 50))
    hits = random.binomial(n, np.minimum(share * level, 1))
    sums = (np.full(300, 50.0 * n), hits.sum(axis=1), np.full(300, 50.0 * n * n), (hits**2).sum(axis=1))
    assert clumping(sums) == pytest.approx(v, rel=0.2)
    weight = weights(sums[0], sums[2], v, share)[0]
    assert weight == pytest.approx(1 / (1 + v * share * (n - 1)))
    # the variance of a term's hits is that of so many fewer independent contexts
    assert hits.sum(axis=1).var() == pytest.approx(50 * n * share / weight, rel=0.2)


def test_terms_that_say_nothing_leave_a_set_at_the_corpus_level() -> None:
    table = pooled.table_of(np.zeros(3), np.zeros(3), 0.01)
    assert pooled.levels_of(table, np.array([[0, 1, 2]])).density[0] == pytest.approx(0, abs=0.6)


def test_frequent_terms_have_the_density_of_their_lifts() -> None:
    contexts = np.full(4, 1e6)
    hits = contexts * 0.001 * 2.0 ** np.array([1.0, 2.0, 3.0, -1.0])
    table = pooled.table_of(hits, contexts, 0.001)
    found = pooled.levels_of(table, np.array([[0, 1, 2, 3], [0, 1, -1, -1]]))
    np.testing.assert_allclose(found.density, [1.25, 1.5], atol=0.01)


def test_a_likelihood_of_few_hits_and_of_many_agree_where_they_meet() -> None:
    """Both ways to make a table say the same of 30 hits, up to a constant factor of the likelihood."""
    few, many = pooled.table_of(np.array([30 - 1e-9, 30]), np.array([10.0, 10.0]), 1.0)
    likely = few[:, 0] > few[:, 0].max() - 6
    gaps = (few[:, 0] - many[:, 0])[likely]
    np.testing.assert_allclose(gaps, gaps.mean(), atol=0.25)
    np.testing.assert_allclose(few[:, 1][likely], many[:, 1][likely], atol=0.05)


def test_resampling_gives_the_interval_of_a_beta_posterior_where_documents_hold_one_context() -> None:
    """Without a prior: hits of 200 of 2,000 documents with one context each."""
    hits = np.zeros((2000, 1))
    hits[:200] = 1
    rows = Rows(np.zeros(2000, np.int64), np.arange(2000), np.ones(2000), hits)
    corpus = np.stack([np.full(2000, 1000), np.full(2000, 10)], axis=1)
    prior = Prior(np.ones(1), np.full(4000, 1e-6), np.full(4000, 1e-6))
    found = draw_lifts(rows, corpus, [prior], 1, draws=4000, seed=1)[0]
    wanted = np.log2(beta.ppf([0.05, 0.95], 200, 1800) / 0.01)
    np.testing.assert_allclose(np.quantile(found, [0.05, 0.95]), wanted, atol=0.02)


def test_rows_of_one_group_are_added_up() -> None:
    rows = Rows(np.array([0, 0, 1]), np.array([2, 2, 2]), np.array([1, 2, 4]), np.array([[1], [1], [0]]))
    found = grouped(rows, 5)
    assert [column.tolist() for column in found] == [[0, 1], [2, 2], [3, 4], [[2], [0]]]


def test_p_counts_the_sets_as_dense_or_denser() -> None:
    null = np.array([0.0, 1.0, 2.0, 3.0])
    mean, deviation, z, p = z_and_p(2.0, null)
    assert (mean, p) == (1.5, 3 / 5)
    assert z == pytest.approx(0.5 / deviation)
    assert all(np.isnan(value) for value in z_and_p(float("nan"), null))


def test_documents_beyond_a_limit_are_weighted_in_groups() -> None:
    groups = doses.group_of(np.arange(200_000), 200_000)
    assert groups.min() >= 0
    assert groups.max() < doses.GROUPS
    assert np.bincount(groups).max() < 60
    np.testing.assert_array_equal(doses.group_of(np.arange(5), 5), np.arange(5))
