"""The order of lists over their items: exact exchanges, counts at equal frequency, and lifts that mislead."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import cooc
from cooc.evidence.ordering import exchanges
from tests.studies import item_lists

LISTS = ("modern_american_birds", "modern_audubon_birds", "old_audubon_birds")


def test_lists_are_ordered_over_their_items() -> None:
    rng = np.random.default_rng(0)
    items = [{"seeds": name, "term": f"{name} {k}", "target": "then", "density": rng.normal() + step}
             for step, name in enumerate(LISTS) for k in range(40)]  # fmt: skip
    items.append({"seeds": LISTS[0], "term": f"{LISTS[1]} 0", "target": "then", "density": 9.0})
    found = cooc.bridge("@published", items=items, experiments=["birds"], draws=999).ordered
    assert [(row["experiment"], row["lists"], row["items"], row["shared"], row["verdict"]) for row in found] == [
        ("birds", list(LISTS), [40, 39, 40], 1, "supported")
    ]
    assert "3 lists are 3 points" in found[0]["because"]


def test_an_order_of_lists_is_tested_against_all_exchanges_of_items() -> None:
    """Two lists of three items: of the 20 ways to choose three, one and its mirror are as far out."""
    items = [{"seeds": "ab"[k // 3], "term": str(k), "density": float(k)} for k in range(6)]
    found = cooc.ordering(items, ["a", "b"])
    assert found["p"] == pytest.approx(2 / 20)
    assert found["verdict"] == "undecidable"


def test_items_that_are_ordered_by_frequency_alone_are_not_by_density() -> None:
    """In 40 studies: density is frequency and noise, and what differs at equal frequency passes .05 as chance would."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        place, frequency = np.repeat(range(3), 60), rng.normal(size=180) + np.repeat(range(3), 60)
        density = frequency + 3 * rng.normal(size=180)
        each = zip(place, density.tolist(), frequency.tolist(), strict=True)
        items = [
            {"seeds": "abc"[at], "term": str(k), "density": d, "log_frequency": f} for k, (at, d, f) in enumerate(each)
        ]
        found.append(cooc.ordering(items, list("abc"), rivals=["log_frequency"], draws=199, seed=seed))
    assert sum(row["partial_p"] <= 0.05 for row in found) <= 6


def test_rare_items_without_a_hit_are_not_denser_than_frequent_ones() -> None:
    """A lift that is shrunk stays near 0 for a rare item and falls for a frequent one: no order of shares."""
    rows = item_lists(3, step=0.0, shift=2.0)
    assert [row["hits"] for row in rows].count(0) > 60
    by_lift = cooc.ordering([{**row, "hits": None} for row in rows], list("abc"), draws=999)
    assert by_lift["counted"] is False and by_lift["p"] < 0.01
    by_counts = cooc.ordering(rows, list("abc"), draws=999)
    assert by_counts["counted"] is True and by_counts["p"] > 0.05


def test_counts_at_equal_frequency_are_those_by_hand() -> None:
    """Two lists of two items, one stratum, 40 hits in 400 contexts: expected are 20 and 20, seen 10 and 30."""
    items = [{"seeds": name, "term": f"{name}{k}", "density": 0.0, "contexts": 100, "hits": hits}
             for name, hits in (("a", 5), ("b", 15)) for k in range(2)]  # fmt: skip
    found = cooc.ordering(items, ["a", "b"])
    assert found["ratios"] == pytest.approx([np.log2(10.5 / 20.5), np.log2(30.5 / 20.5)])
    assert found["value"] == pytest.approx(1.0) and found["p"] == found["least_p"] == pytest.approx(2 / 6)
    assert found["exact"] and found["verdict"] == "undecidable"


def test_exchanges_are_all_different_arrangements_with_the_data_first() -> None:
    places, blocks = np.array([0, 1, 1, 2, 0, 1]), np.array([0, 0, 0, 0, 1, 1])
    arranged, exact = exchanges(places, blocks, 99, 0)
    assert exact and len(arranged) == 12 * 2 and arranged[0].tolist() == places.tolist()
    assert len({tuple(row) for row in arranged.tolist()}) == 24
    assert {tuple(sorted(row[:4])) for row in arranged.tolist()} == {(0, 1, 1, 2)}
    drawn, exact = exchanges(np.tile(places, 6), np.zeros(36, int), 99, 0)
    assert not exact and len(drawn) == 100 and (np.sort(drawn, axis=1) == np.sort(np.tile(places, 6))).all()


def test_an_order_towards_one_of_many_targets_is_corrected_for_them() -> None:
    items = [{"seeds": LISTS[k // 5], "term": str(k), "target": f"target {t}", "density": float(k if t == 0 else k % 5)}
             for k in range(15) for t in range(4)]  # fmt: skip
    found = cooc.bridge("@published", items=items, experiments=["birds"], draws=999).ordered
    assert [row["tried"] for row in found] == [4] * 4
    assert found[0]["p_holm"] == pytest.approx(4 * found[0]["p"]) and "(Holm, 4 targets tried)" in found[0]["because"]


def test_two_lists_have_the_exact_p_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        values = rng.normal(size=9)
        items = [{"seeds": "a" if k < 4 else "b", "term": str(k), "density": v} for k, v in enumerate(values.tolist())]
        found = cooc.ordering(items, ["a", "b"])
        assert found["exact"]
        assert found["p"] == pytest.approx(stats.mannwhitneyu(values[:4], values[4:], method="exact").pvalue)
