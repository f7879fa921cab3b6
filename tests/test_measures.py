"""The measures: against plain Python, against NLTK, SciPy and association-measures, and their laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.association import BigramAssocMeasures as Nltk

from cooc.errors import UsageError
from cooc.query.contingency import contingency
from cooc.query.exact import log_factorial_rest, minus_log10_p
from cooc.query.interval import gamma_quantile
from cooc.query.measures import MEASURES, evaluate, measure, ranking_values
from tests.naive import measures as naive

PARAMETERS = {"smoothed_total": 5_000.0}
NEVER_SEEN_IS_NULL = (
    "pmi", "npmi", "ppmi", "sppmi", "ppmi_cds", "pmi2", "mi3", "local_mi", "pmi_low", "pmi_high",
    "t_score", "poisson_stirling", "log_dice",
)
some = settings(max_examples=60, deadline=None)
SWAPPED = {"p_b_given_a": "p_a_given_b", "delta_p_ba": "delta_p_ab"}


@st.composite
def tables(draw, most=400, seen=False):
    """O11, R1, C1, N of a table that can be."""
    o11, o12, o21, o22 = (draw(st.integers(0, most)) for _ in range(4))
    o11 += seen
    o22 += o11 + o12 + o21 == 0
    return o11, o11 + o12, o11 + o21, o11 + o12 + o21 + o22


def every(counts, **parameters):
    return {name: float(value) for name, value in
            evaluate(list(MEASURES), *counts, **PARAMETERS | parameters).items()}


def worked():
    """A table of corpus size, worked by hand: E11 = 100·300/1,000,000 = 0.03."""
    return 30, 100, 300, 1_000_000


# ---- values

@some
@given(tables())
def test_every_measure_equals_its_plain_definition(counts):
    for name, value in every(counts).items():
        parameters = PARAMETERS if name == "ppmi_cds" else {}
        plain = getattr(naive, name)(*counts, **parameters)
        assert value == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True), name


def test_the_worked_table_has_the_values_worked_by_hand():
    values = every(worked())
    assert values["expected"] == 0.03
    assert values["pmi"] == pytest.approx(math.log2(1000))
    assert values["npmi"] == pytest.approx(math.log2(1000) / math.log2(1e6 / 30))
    assert values["sppmi"] == pytest.approx(math.log2(200))
    assert values["pmi2"] == pytest.approx(math.log2(0.03))
    assert values["mi3"] == pytest.approx(math.log2(900_000))
    assert values["dice"] == pytest.approx(0.15)
    assert values["log_dice"] == pytest.approx(14 + math.log2(0.15))
    assert values["jaccard"] == pytest.approx(30 / 370)
    assert values["min_sensitivity"] == pytest.approx(0.1)
    assert values["delta_p_ba"] == pytest.approx(0.3 - 270 / 999_900)
    assert values["t_score"] == pytest.approx(29.97 / math.sqrt(30))
    assert values["z_score"] == pytest.approx(29.97 / math.sqrt(0.03))
    assert values["log_odds_ratio"] == pytest.approx(math.log2(30.5 * 999_630.5 / (70.5 * 270.5)))


def test_smoothing_the_contexts_lowers_the_pmi_of_a_rare_context_and_raises_a_frequent_one():
    marginals = np.array([5, 100, 10_000, 500_000])
    smoothed_total = float(np.sum(marginals**0.75))
    values = evaluate(["ppmi", "ppmi_cds"], 5, [200, 200, 5], marginals[[0, 1, 3]], marginals.sum(),
                      smoothed_total=smoothed_total)
    np.testing.assert_array_equal(values["ppmi_cds"] < values["ppmi"], [True, True, False])
    assert values["ppmi_cds"][2] > values["ppmi"][2] > 0
    flat = evaluate(["ppmi", "ppmi_cds"], 5, 10, marginals, marginals.sum(),
                    smoothed_total=float(marginals.sum()), alpha=1.0)
    np.testing.assert_allclose(flat["ppmi_cds"], flat["ppmi"])


# ---- independent implementations

@pytest.mark.parametrize(("ours", "theirs"), [
    ("pmi", Nltk.pmi), ("t_score", Nltk.student_t), ("chi2", Nltk.chi_sq), ("g2", Nltk.likelihood_ratio),
    ("poisson_stirling", Nltk.poisson_stirling), ("jaccard", Nltk.jaccard), ("dice", Nltk.dice),
])
@some
@given(counts=tables(seen=True))
def test_agrees_with_nltk(ours, theirs, counts):
    o11, r1, c1, n = counts
    if not (0 < r1 < n and 0 < c1 < n):
        return
    assert every(counts)[ours] == pytest.approx(theirs(o11, (r1, c1), n), rel=1e-7, abs=1e-7)


@some
@given(tables(seen=True))
def test_mi3_is_the_logarithm_of_nltks_mi_like_times_n(counts):
    o11, r1, c1, n = counts
    assert every(counts)["mi3"] == pytest.approx(math.log2(Nltk.mi_like(o11, (r1, c1), n) * n), abs=1e-9)


@some
@given(tables())
def test_agrees_with_scipys_tests(counts):
    from scipy.stats import chi2_contingency, fisher_exact

    o11, r1, c1, n = counts
    if not (0 < r1 < n and 0 < c1 < n):
        return
    square = np.array([[o11, r1 - o11], [c1 - o11, n - r1 - c1 + o11]])
    values = every(counts)
    assert values["chi2"] == pytest.approx(chi2_contingency(square, correction=False)[0], abs=1e-9)
    g = chi2_contingency(square, correction=False, lambda_="log-likelihood")[0]
    assert values["g2"] == pytest.approx(g, rel=1e-9, abs=1e-9)
    p = fisher_exact(square, alternative="greater").pvalue
    assert 10 ** -values["fisher"] == pytest.approx(p, rel=1e-9)


@some
@given(st.lists(tables(seen=True), min_size=1, max_size=20))
def test_agrees_with_association_measures(many):
    am = pytest.importorskip("association_measures.measures")
    import pandas as pd
    from association_measures.frequencies import expected_frequencies

    rows = [c for c in many if 0 < c[1] < c[3] and 0 < c[2] < c[3]]
    if not rows:
        return
    frame = expected_frequencies(pd.DataFrame(rows, columns=["f", "f1", "f2", "N"]), observed=True)
    values = evaluate(list(MEASURES), *np.array(rows).T, **PARAMETERS)
    bits = math.log2(10)
    np.testing.assert_allclose(values["z_score"], am.z_score(frame), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(values["t_score"], am.t_score(frame), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(values["g2"], am.log_likelihood(frame, signed=False), rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(values["min_sensitivity"], am.min_sensitivity(frame))
    np.testing.assert_allclose(values["dice"], am.dice(frame))
    np.testing.assert_allclose(values["pmi"], am.mutual_information(frame) * bits, atol=1e-9)
    np.testing.assert_allclose(values["local_mi"], am.local_mutual_information(frame) * bits, atol=1e-8)
    np.testing.assert_allclose(values["expected"], frame["E11"])


# ---- laws

@some
@given(tables())
def test_swapping_the_terms_changes_only_measures_with_a_direction(counts):
    o11, r1, c1, n = counts
    there, back = every(counts), every((o11, c1, r1, n))
    for name, m in MEASURES.items():
        if m.symmetric:
            assert there[name] == pytest.approx(back[name], rel=1e-12, abs=1e-12, nan_ok=True), name
    for name, other in SWAPPED.items():
        assert there[name] == pytest.approx(back[other], nan_ok=True)
    assert not any(MEASURES[name].symmetric for name in (*SWAPPED, *SWAPPED.values(), "ppmi_cds"))


@some
@given(tables(most=2**61))
def test_every_measure_stays_within_its_bounds(counts):
    for name, value in every(counts).items():
        low, high = MEASURES[name].low, MEASURES[name].high
        assert low is None or not value < low, name
        assert high is None or not value > high, name


@some
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_independent_terms_have_the_value_that_says_so(a, b, c, d):
    values = every((a * c, a * (c + d), c * (a + b), (a + b) * (c + d)))
    for name, m in MEASURES.items():
        if m.zero_when_independent is not None:
            assert values[name] == pytest.approx(m.zero_when_independent, abs=1e-9), name


@some
@given(tables(most=100, seen=True), st.integers(2, 50))
def test_multiplying_the_table_leaves_strength_and_multiplies_evidence(counts, times):
    once, more = every(counts), every([count * times for count in counts])
    for name in ("pmi", "npmi", "ppmi", "sppmi", "pmi2", "dice", "log_dice", "jaccard", "min_sensitivity",
                 "p_b_given_a", "p_a_given_b", "delta_p_ba", "delta_p_ab"):
        assert more[name] == pytest.approx(once[name], abs=1e-9, nan_ok=True), name
    for name in ("g2", "chi2", "local_mi", "poisson_stirling", "expected"):
        assert more[name] == pytest.approx(once[name] * times, abs=1e-6, nan_ok=True), name
    for name in ("t_score", "z_score"):
        assert more[name] == pytest.approx(once[name] * math.sqrt(times), abs=1e-9), name
    assert more["mi3"] == pytest.approx(once["mi3"] + 2 * math.log2(times), abs=1e-9)
    assert more["pmi_low"] > once["pmi_low"]


@settings(max_examples=20, deadline=None)
@given(st.lists(tables(most=10**6), min_size=1, max_size=4))
def test_many_tables_at_once_are_the_tables_one_by_one(many):
    together = evaluate(list(MEASURES), *np.array(many).T, **PARAMETERS)
    for name, values in together.items():
        assert values.shape == (len(many),)
        assert values.dtype == np.float64
        one_by_one = [every(counts)[name] for counts in many]
        np.testing.assert_allclose(values, one_by_one, rtol=1e-11, atol=1e-11, err_msg=name)


def test_counts_broadcast():
    values = evaluate(["pmi"], [[4, 2]], 16, [[8], [16]], 64)["pmi"]
    np.testing.assert_array_equal(values, [[1.0, 0.0], [0.0, -1.0]])


@some
@given(tables(seen=True), st.sampled_from([2, 2520, 232792560]))
def test_counts_in_fractions_are_counts_in_units_divided_by_the_unit(counts, unit):
    whole, parts = every(counts), every([np.int64(count * unit) / np.float64(unit) for count in counts])
    for name in whole:
        assert parts[name] == pytest.approx(whole[name], rel=1e-9, abs=1e-9, nan_ok=True), name


# ---- where a measure isn't defined

@some
@given(tables())
def test_a_pair_never_seen_has_no_pmi(counts):
    _, r1, c1, n = counts
    values = every((0, r1, c1, n + r1 + c1))
    assert all(math.isnan(values[name]) for name in NEVER_SEEN_IS_NULL)
    assert values["log_odds_ratio"] == values["log_odds_ratio"]


@some
@given(tables(seen=True))
def test_a_pair_that_was_seen_has_a_value_in_every_measure_but_tests_of_an_empty_marginal(counts):
    _, r1, c1, n = counts
    missing = {name for name, value in every(counts).items() if math.isnan(value)}
    if r1 < n and c1 < n:
        assert not missing
    assert missing <= {"g2", "chi2", "fisher", "delta_p_ba", "delta_p_ab", "npmi"}


@pytest.mark.parametrize(("why", "counts"), [
    ("O11 is more than R1", (5, 4, 10, 100)),
    ("O11 is more than C1", (5, 10, 4, 100)),
    ("O22 would be negative", (1, 60, 60, 100)),
    ("there are no trials", (0, 0, 0, 0)),
    ("a count is negative", (-1, 10, 10, 100)),
    ("the count is unknown", (math.nan, 10, 10, 100)),
    ("a count is infinite", (1, 10, 10, math.inf)),
])
def test_a_table_that_cannot_be_is_null_in_every_measure(why, counts):
    assert {name for name, value in every(counts).items() if not math.isnan(value)} == set(), why


def test_fisher_has_no_value_for_counts_in_fractions():
    assert math.isnan(every((2.5, 10.0, 10.0, 100.0))["fisher"])
    assert every((2.0, 10.0, 10.0, 100.0))["fisher"] == every((2, 10, 10, 100))["fisher"]


# ---- large and small

def test_counts_of_2_to_the_62_keep_their_smallest_cell():
    n, big = 2**62, 2**61
    table = contingency(big - 1, big, big, n)
    assert (table.o12, table.o21, table.o22) == (1, 1, big - 1)
    values = every((big - 1, big, big, n))
    assert values["pmi"] == pytest.approx(1)
    assert values["log_odds_ratio"] == pytest.approx(2 * (61 - math.log2(1.5)))
    assert values["g2"] == pytest.approx(2 * n * math.log(2), rel=1e-9)


@pytest.mark.parametrize("shift", [0, 1, 1_000, 10**6])
def test_g2_and_chi2_do_not_cancel_near_independence_in_a_huge_corpus(shift):
    o11, r1, c1, n = 10**9 + shift, 10**13, 10**12, 10**16
    exact = float(naive.chi2(o11, r1, c1, n))
    values = every((o11, r1, c1, n))
    assert values["chi2"] == pytest.approx(exact, rel=1e-6, abs=1e-12)
    assert values["g2"] == pytest.approx(exact, rel=2e-3, abs=1e-12)


def test_fisher_does_not_underflow():
    values = every((500, 900, 800, 10**6))
    exact = naive.fisher(500, 900, 800, 10**6)
    assert values["fisher"] > 400
    assert values["fisher"] == pytest.approx(exact, rel=1e-12)


def test_fisher_of_a_pair_counted_a_trillion_times_is_an_integral_that_meets_the_sum():
    # 3 standard deviations above a mean of 10^10: both ways, and the normal tail they must come near
    mean, n = 10**10, 10**14
    o11 = mean + 3 * 10**5
    by_sum = float(minus_log10_p(contingency(o11, 10**12, 10**12, n)))
    assert by_sum == pytest.approx(-math.log10(math.erfc(3 / math.sqrt(2) / 0.99) / 2), abs=2e-3)
    larger = float(minus_log10_p(contingency(10**14 + 3 * 10**7, 10**16, 10**16, 10**18)))
    assert larger == pytest.approx(by_sum, abs=1e-4)


@some
@given(st.floats(0, 200))
def test_the_rest_of_stirlings_formula_is_right_for_fractions_too(x):
    rest = math.lgamma(x + 1) - (x * math.log(x) if x else 0) + x
    assert float(log_factorial_rest(np.array([x]))[0]) == pytest.approx(rest, abs=1e-11)


@some
@given(st.floats(0.1, 1e6), st.sampled_from([1e-6, 0.005, 0.025, 0.5, 0.975, 0.999999]))
def test_gamma_quantiles_are_scipys(shape, p):
    from scipy.special import gammaincinv

    ours = float(gamma_quantile(np.array([shape]), p)[0])
    assert ours == pytest.approx(gammaincinv(shape, p), rel=1e-4 if shape >= 1_000 else 1e-8)


# ---- ranking

def test_the_lower_limit_does_not_put_hapaxes_first():
    # a term seen once, there; and a pair seen 200 times where chance gives 0.02
    o11, r1, c1, n = [1, 200], [1_000, 1_000], [1, 1_000], 50_000_000
    values = evaluate(["pmi", "pmi_low"], o11, r1, c1, n)
    assert values["pmi"].argmax() == 0
    assert values["pmi_low"].argmax() == 1


@some
@given(tables(seen=True))
def test_pmi_lies_in_its_interval_and_a_wider_one_lies_around_it(counts):
    values, wide = every(counts), every(counts, confidence=0.999)
    assert wide["pmi_low"] < values["pmi_low"] < values["pmi"]
    assert values["pmi"] < values["pmi_high"] < wide["pmi_high"]


@pytest.mark.parametrize("share_a", [0.001, 0.05])
@pytest.mark.parametrize("share_b", [0.002, 0.2])
@pytest.mark.parametrize("lift", [0.2, 1.0, 4.0, "never apart"])
def test_the_interval_of_pmi_covers_the_truth_at_least_as_often_as_it_says(share_a, share_b, lift):
    n, runs = 20_000, 4_000
    if lift == "never apart":
        lift = 1 / max(share_a, share_b)
    together = share_a * share_b * lift
    chances = [together, share_a - together, share_b - together, 1 - share_a - share_b + together]
    chances = np.clip(chances, 0, 1)  # a chance of 0 may miss it by rounding
    o11, o12, o21, _ = np.random.default_rng(0).multinomial(n, chances, runs).T
    interval = evaluate(["pmi_low", "pmi_high"], o11, o11 + o12, o11 + o21, n)
    truth = math.log2(lift)
    # a pair never seen has no interval and claims nothing
    too_high = np.mean(interval["pmi_low"] > truth)
    too_low = np.mean(interval["pmi_high"] < truth)
    noise = 4 * math.sqrt(0.025 * 0.975 / runs)
    assert too_high <= 0.025 + noise
    assert too_low <= 0.025 + noise


@pytest.mark.parametrize("name", ["g2", "chi2"])
def test_pairs_that_shun_each_other_are_not_ranked(name):
    o11, r1, c1, n = [200, 1, 12], 1_000, 1_000, [10_000, 10_000, 100_000]
    values = ranking_values(name, o11, r1, c1, n)
    np.testing.assert_array_equal(np.isnan(values), [False, True, False])
    assert MEASURES[name].two_sided


def test_other_measures_rank_by_their_value():
    np.testing.assert_array_equal(ranking_values("npmi", [5, 1], 50, 50, 1_000),
                                  evaluate(["npmi"], [5, 1], 50, 50, 1_000)["npmi"])


# ---- names and parameters

def test_every_formula_names_its_source_with_a_year():
    import re

    for m in MEASURES.values():
        assert re.search(r"\b(19|20)\d\d\b", m.function.__doc__ or ""), m.name


def test_every_measure_has_a_row_in_the_documentation():
    from pathlib import Path

    text = (Path(__file__).parent.parent / "docs" / "measures.md").read_text("utf-8")
    assert [name for name in MEASURES if f"| `{name}` |" not in text] == []


def test_an_unknown_measure_names_its_near_misses():
    with pytest.raises(UsageError, match=r'no measure "nmpi"\. Did you mean npmi'):
        measure("nmpi")
    with pytest.raises(UsageError, match=r"Measures: pmi, npmi, ppmi"):
        evaluate(["pmi", "quux"], 1, 2, 3, 10)


def test_a_misspelt_parameter_raises():
    with pytest.raises(UsageError, match=r'has a parameter "confidance"\. Did you mean confidence'):
        evaluate(["pmi_low"], 1, 2, 3, 10, confidance=0.9)


def test_a_missing_parameter_raises():
    with pytest.raises(UsageError, match=r'"ppmi_cds" needs the parameter "smoothed_total"'):
        evaluate(["ppmi_cds"], 1, 2, 3, 10)


@pytest.mark.parametrize(("parameters", "message"), [
    ({"confidence": 95}, "confidence is 95; it must lie between 0 and 1"),
    ({"k": 0}, "k is 0; it must be above 0"),
    ({"smoothed_total": -1.0}, "smoothed_total is -1.0; it must be above 0"),
    ({"discount": -0.5}, "discount is -0.5; it must not be negative"),
])
def test_a_parameter_without_meaning_raises(parameters, message):
    with pytest.raises(UsageError, match=message):
        evaluate(["pmi"], 1, 2, 3, 10, **parameters)


def test_a_parameter_reaches_only_the_measures_that_take_it():
    plain = evaluate(["pmi", "sppmi"], 30, 100, 300, 10**6)
    shifted = evaluate(["pmi", "sppmi"], 30, 100, 300, 10**6, k=1)
    assert shifted["pmi"] == plain["pmi"] == shifted["sppmi"]
    assert MEASURES["sppmi"].options == ("k",)


def test_the_limits_of_a_pair_do_not_depend_on_which_pairs_are_asked_for_with_it():
    def highs(n):
        counts = np.array([2, 2, 1, 40, 3])[:n], 40, np.array([3, 2, 2, 40, 3])[:n], 500
        return evaluate(["pmi_high", "pmi_low"], *counts)

    for name, values in highs(5).items():
        for n in range(1, 5):
            assert highs(n)[name].tolist() == values[:n].tolist()
