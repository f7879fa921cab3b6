"""The bridge: joins, units, rivals, verdicts, and the published cases as the tool gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result as Ran
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.evidence.join import join
from cooc.evidence.mixed import logistic
from cooc.evidence.outcomes import outcomes
from cooc.evidence.study import make_study
from tests.studies import Truth, study, years

QUICK: dict[str, Any] = {"draws": 999}
LISTS = ("modern_american_birds", "modern_audubon_birds", "old_audubon_birds")


def of_lists(*values: float, target: str = "then", **more: float) -> list[dict[str, Any]]:
    each = zip(LISTS, values, strict=True)
    return [{"seeds": name, "target": target, "density": value, **more} for name, value in each]


def row_of(result: cooc.Bridge, question: str) -> dict[str, Any]:
    found = [row for row in result.rows() if row["question"] == question]
    assert len(found) == 1, [row["question"] for row in result.rows()]
    return found[0]


def run(*arguments: str) -> Ran:
    return CliRunner().invoke(app, ["bridge", *arguments])


# --- what belongs together


def test_seeds_and_target_must_be_equal_and_what_has_no_partner_is_reported() -> None:
    observed = outcomes([
        {"experiment": "e", "seeds": "a", "target": "t", "value": 0.1},
        {"experiment": "e", "seeds": "a", "target": "u", "value": 0.2},
        {"experiment": "e", "seeds": "old_birds", "target": "t", "value": 0.3},
    ])
    given = [{"seeds": name, "target": "t", "term": None, "density": 1.0} for name in ("a", "birds-old", "c")]
    joined = join(observed.rows(), given)
    assert [(row["seeds"], row["target"], k) for row, k in joined.pairs["", ""]] == [("a", "t", 0)]
    report = [(row["side"], row["seeds"], row["target"], row["rows"], row["hint"]) for row in joined.report()]
    assert report == [
        ("outcome", "a", "u", 1, ""),
        ("outcome", "old_birds", "t", 1, '"birds-old"? Say so with an alias.'),
        ("density", "birds-old", "t", 1, '"old_birds"? Say so with an alias.'),
        ("density", "c", "t", 1, ""),
    ]
    aliased = join(observed.rows(), given, {"birds-old": "old_birds"})
    assert len(aliased.pairs["", ""]) == 2


def test_an_outcome_without_target_is_asked_of_every_target_and_each_is_one_more_tried() -> None:
    both = [of_lists(1, 2, 3), of_lists(3, 2, 1, target="now")]
    rows = cooc.bridge("@published", both, experiments=["birds"], **QUICK).rows()
    assert [(row["target"], row["tried"], row["spearman"]) for row in rows] == [("then", 2, 1.0), ("now", 2, -1.0)]


def test_windows_are_densities_of_their_own_and_two_of_one_kind_are_refused() -> None:
    windows = [{**row, "window": w} for w in (5, 10) for row in of_lists(1, 2, 3)]
    assert [row["density"] for row in cooc.bridge("@published", windows, **QUICK).rows()][:1] == ["window=5"]
    with pytest.raises(cooc.UsageError, match='two densities fit the outcomes of "old_audubon_birds" towards "then"'):
        cooc.bridge("@published", of_lists(1, 2, 3) + of_lists(1, 2, 4))


def test_the_number_tried_may_be_more_than_is_shown() -> None:
    found = cooc.bridge(*study(Truth(units=20, effect=3), 1), tried=10, **QUICK).rows()[0]
    assert found["tried"] == 10
    assert found["p_holm"] == pytest.approx(min(1.0, 10 * found["partial_p"]))


def test_densities_come_as_rows_tables_files_and_results_alike(tmp_path: Path) -> None:
    rows = of_lists(1, 2, 3, log_frequency=1.0)
    (tmp_path / "d.json").write_text(json.dumps({"provenance": {}, "rows": rows}))
    pl.DataFrame(rows).write_csv(tmp_path / "d.csv")
    pl.DataFrame(rows).write_parquet(tmp_path / "d.parquet")
    forms: list[Any] = [rows, pl.DataFrame(rows), [pl.DataFrame(rows[:2]), rows[2:]], {"rows": rows},
                        *(tmp_path / f"d.{kind}" for kind in ("json", "csv", "parquet"))]  # fmt: skip
    given = [cooc.bridge("@published", form, **QUICK).rows() for form in forms]
    assert all(each == given[0] for each in given)


@pytest.mark.parametrize(
    ("densities", "options", "message"),
    [
        ([{"seeds": "birds_old_audubon", "density": 1.0}], {}, r'"old_audubon_birds" may be "birds_old_audubon"\?'),
        (of_lists(1, 2, 3), {"rivals": ["length"]}, 'rival "length": no density row has a number there'),
        (of_lists(1, 2, 3), {"group": ["lab"]}, 'no outcome has a column "lab" to group by'),
        (of_lists(1, 2, 3), {"density": "z"}, 'no density row has a number in "z"; columns with numbers are density'),
        ([{"target": "t", "density": 1.0}], {}, r"a density row needs seeds \(or term\); it has target, density"),
        ([{"seeds": "a", "density": "high"}], {}, "density is 'high'; expected a number"),
        ([], {}, "there is no density row"),
        (3, {}, "densities come as rows, tables, results or files, not as int"),
        (of_lists(1, 2, 3), {"statistic": "r"}, 'statistic "r": expected spearman, pearson, kendall'),
        (of_lists(1, 2, 3), {"alpha": 5}, "alpha is 5: expected a number between 0 and 1"),
        (of_lists(1, 2, 3), {"draws": 9}, "draws is 9: expected at least 99 permutations"),
        (of_lists(1, 2, 3), {"center": 1984}, "center 1984: no density row has a year as its term"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_says_why(densities: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(cooc.CoocError, match=message):
        cooc.bridge("@published", densities, **options)


# --- units


def test_ten_questions_on_three_lists_are_three_units() -> None:
    given = cooc.bridge("@published", of_lists(1, 2, 3), experiments=["birds"], **QUICK)
    found = row_of(given, "within birds: P(judge=19)")
    assert (found["rows"], found["units"], found["groups"]) == (30, 3, "key")
    assert found["p"] == found["least_p"] == pytest.approx(1 / 3)
    assert found["verdict"] == "undecidable"
    assert "3 units: the least p attainable is 0.33" in found["because"]


def test_questions_asked_of_some_units_alone_are_adjusted_for() -> None:
    """Unit 1 was asked an easy question more: its plain mean is higher, its adjusted one isn't."""
    values = {("a", "hard"): 0.1, ("a", "easy"): 0.9, ("b", "hard"): 0.1, ("c", "hard"): 0.2, ("c", "easy"): 1.0}
    rows = [{"experiment": "e", "seeds": s, "unit": "question", "key": q, "value": v} for (s, q), v in values.items()]
    densities = [{"seeds": s, "target": None, "term": None, "density": float(k)} for k, s in enumerate("abc")]
    joined = join(outcomes(rows).rows(), densities)
    made = make_study(joined.pairs["", ""], densities)
    assert made is not None and made.crossed == ("key",)
    assert made.outcome[0] == pytest.approx(made.outcome[1])
    assert made.outcome[2] - made.outcome[0] == pytest.approx(0.1)


def test_groups_that_units_lie_in_are_blocks_and_groups_they_meet_are_adjusted_for() -> None:
    given = study(Truth(units=12, lists=3, questions=2, models=2), 0)
    found = row_of(cooc.bridge(*given, **QUICK), "within experiments, together")
    assert (found["blocked_by"], found["groups"], found["blocks"]) == ("experiment", "model, key", 3)
    again = row_of(cooc.bridge(*given, group=["question"], **QUICK), "within experiments, together")
    assert (again["blocked_by"], again["groups"]) == ("experiment", "key")


def test_across_experiments_each_is_one_unit() -> None:
    found = row_of(cooc.bridge(*study(Truth(units=24, lists=6, questions=2), 0), **QUICK), "across experiments")
    assert (found["units"], found["rows"]) == (6, 48)


def test_experiments_of_one_set_each_are_units() -> None:
    given, densities = study(Truth(units=30, effect=2), 3)
    apart = [{**row, "experiment": row["seeds"]} for row in given]
    found = cooc.bridge(apart, densities, **QUICK)
    assert [row["question"] for row in found.rows()] == ["across experiments"]
    assert found.rows()[0]["units"] == 30
    assert found.rows()[0]["verdict"] == "supported"


def test_years_are_shifted_and_not_shuffled() -> None:
    found = cooc.bridge(*years(45, 0.8, 1), **QUICK).rows()[0]
    assert found["series"] and found["units"] == 45
    assert found["least_p"] == pytest.approx(1 / 45)
    assert found["worth"] < 45
    assert not cooc.bridge(*years(45, 0.8, 1), series=False, **QUICK).rows()[0]["series"]


def test_years_in_any_order_of_rows_are_put_in_order() -> None:
    given, densities = years(20, 0.8, 1)
    orders = (given, given[::-1][10:] + given[::-1][:10])
    straight, mixed = (cooc.bridge(rows, densities, **QUICK).rows()[0] for rows in orders)
    assert straight["p"] == mixed["p"]


# --- rivals and verdicts


def test_an_effect_beyond_frequency_is_supported() -> None:
    found = cooc.bridge(*study(Truth(units=40, effect=2, frequency=1, confound=0.5, questions=3), 5), **QUICK).rows()[0]
    assert found["verdict"] == "supported"
    assert found["rivals"] == "log_frequency" and found["increment"] > 0 and found["would_decide"] == ""
    assert found["odds_low"] > 1


def test_what_frequency_explains_is_not_credited_to_density() -> None:
    found = cooc.bridge(*study(Truth(units=60, frequency=2, confound=0.9, unit_noise=0.5), 2), **QUICK).rows()[0]
    assert found["p"] <= 0.001 and found["spearman"] > 0.5
    assert found["verdict"] != "supported" and found["partial_p"] > 0.05


def test_without_a_frequency_the_verdict_says_what_is_missing() -> None:
    given, densities = study(Truth(units=40, effect=2), 5)
    bare = [{key: row[key] for key in ("seeds", "target", "density")} for row in densities]
    found = cooc.bridge(given, bare, **QUICK).rows()[0]
    assert found["verdict"] == "supported" and "log frequency was not among the rivals" in found["because"]


def test_a_frequency_is_a_rival_under_other_names() -> None:
    given, densities = study(Truth(units=20), 5)
    bare = [{**row, "occurrences": 2.0 ** row.pop("log_frequency")} for row in map(dict, densities)]
    assert cooc.bridge(given, bare, **QUICK).rows()[0]["rivals"] == "log_frequency"


def test_a_rival_may_be_a_column_of_the_outcomes() -> None:
    given, densities = study(Truth(units=20), 5)
    lengths = {row["seeds"]: float(k % 5) for k, row in enumerate(densities)}
    longer = [{**row, "length": lengths[row["seeds"]]} for row in given]
    held = cooc.bridge(longer, densities, rivals=["length"], **QUICK)
    assert held.rows()[0]["rivals"] == "log_frequency, length"
    assert [row["length"] for row in held.points] == [lengths[row["unit"].split(" →")[0]] for row in held.points]


def test_the_opposite_is_a_contradiction() -> None:
    found = cooc.bridge(*study(Truth(units=40, effect=-2), 5), **QUICK).rows()[0]
    assert found["verdict"] == "contradicted" and "the outcome falls where density rises" in found["because"]


def test_a_large_study_without_effect_contradicts_one_that_counts() -> None:
    found = cooc.bridge(*study(Truth(units=300), 5), draws=299).rows()[0]
    assert found["verdict"] == "contradicted" and "below the 0.3 that counts" in found["because"]


def test_six_experiments_never_print_a_finding() -> None:
    """Whatever the seed, and even in perfect order: six units find a correlation of .5 with power .08."""
    for seed in range(20):
        given, densities = study(Truth(units=6, effect=9), seed)
        for rows in (densities, [{key: row[key] for key in ("seeds", "target", "density")} for row in densities]):
            found = cooc.bridge(given, rows, **QUICK).rows()[0]
            assert found["verdict"] == "undecidable" and found["power"] < 0.1
            if found["p"] <= 0.05:
                assert "6 units find a correlation of 0.5 with power 0.0" in found["because"]


def test_left_out_predictions_do_not_know_the_unit_they_predict() -> None:
    given, densities = study(Truth(units=12, effect=2), 5)
    before = cooc.bridge(given, densities, **QUICK)
    changed = [{**row, "value": 0.999 if row["seeds"] == "set 3" else row["value"]} for row in given]
    after = cooc.bridge(changed, densities, **QUICK)
    predicted = [{row["unit"]: row["predicted"] for row in each.points}["set 3 → target"] for each in (before, after)]
    assert predicted[0] == predicted[1]


def test_logistic_of_a_large_number_is_one() -> None:
    assert logistic(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]


# --- the published cases


def test_what_is_published_can_decide_nothing_but_the_years() -> None:
    found = cooc.bridge("@published")
    assert set(found.columns["verdict"]) == {"undecidable"}
    assert {row["question"] for row in found.rows() if row["least_p"] <= 0.05} == {
        'within terminator: P(lethal intent) on "operational constraints regarding lethal force"', "across experiments",
    }  # fmt: skip
    across = row_of(found, "across experiments")
    assert across["units"] == 6 and across["critical"] == pytest.approx(0.886, abs=0.0005)


def test_the_years_against_their_distance_from_1984() -> None:
    """A density that is the distance alone has nothing left over it, with 1984 or without."""
    rng = np.random.default_rng(0)
    near = [{"term": year, "density": -abs(year - 1984) + rng.normal()} for year in range(1981, 2026)]
    found = cooc.bridge("@published", near, experiments=["terminator"], center=1984)
    assert [row["units"] for row in found.rows()] == [45, 44]
    for row in found.rows():
        assert row["rivals"] == "distance, log_distance" and row["spearman"] > 0.5 and row["verdict"] != "supported"


def test_taking_the_densest_clues_away_shows_and_taking_any_does_not() -> None:
    items = [{"term": f"fact {k}", "density": float(k)} for k in range(90)]
    densest = cooc.clue_removal(items, [f"fact {k}" for k in range(78)], draws=999)
    assert densest["change"] == pytest.approx(-6.0) and densest["p"] == pytest.approx(1 / 1000)
    some = cooc.clue_removal(items, [f"fact {k}" for k in range(90) if k % 8], draws=999)
    assert some["p"] > 0.2
    for row in (densest, some):
        assert row["verdict"] == "undecidable" and "no outcomes of both sets" in row["because"]


def test_clues_and_models_are_asked_by_one_command(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps([{"term": f"fact {k}", "density": float(k)} for k in range(90)]))
    (tmp_path / "kept.txt").write_text("\n".join(f"fact {k}" for k in range(78)))
    files = "--items", str(tmp_path / "facts.json"), "--kept", str(tmp_path / "kept.txt")
    done = run("@published", "--experiment", "hitler", *files, "--json")
    assert json.loads(done.stdout)["removed"]["kept"] == 78
    done = run("@published", "--experiment", "replication_open_models", "--models")
    assert "what 3 models share of 2 behaviours: UNDECIDABLE." in done.stdout
    done = run("@published", "--experiment", "replication_open_models", "--models", "--json")
    assert json.loads(done.stdout)["shared"]["verdict"] == "undecidable"
    with pytest.raises(cooc.UsageError, match="kept says which items stayed: give items, too"):
        cooc.bridge("@published", kept=["fact 1"])


def test_with_outcomes_of_both_sets_the_direction_is_told_and_no_p() -> None:
    items = [{"term": f"fact {k}", "density": float(k)} for k in range(90)]
    observed = outcomes([{"experiment": "h", "seeds": name, "value": v} for name, v in (("90", 0.9), ("78", 0.6))])
    found = cooc.clue_removal(items, [f"fact {k}" for k in range(78)], observed, sets=("90", "78"), draws=999)
    assert "the outcome went from 0.900 to 0.600" in found["because"] and found["verdict"] == "undecidable"


# --- the published cases with the densities that come with cooc


def case(*arguments: str) -> dict[str, Any]:
    done = run("@published", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_three_lists_are_undecidable_and_their_items_in_the_order_of_the_outcomes() -> None:
    found = case("--experiment", "birds", "--densities", "@measured", "--items", "@measured", "--toward",
                 "birds=19th_century")  # fmt: skip
    (row,) = found["rows"]
    assert (row["units"], row["tried"], row["verdict"]) == (3, 5, "undecidable")
    verdicts = {each["target"]: each["verdict"] for each in found["ordered"]}
    assert verdicts["19th_century"] == "supported" and verdicts["modern"] == "undecidable"
    assert verdicts["natural_history"] == "contradicted"
    assert {each["seeds"] for each in found["unmatched"]} == set()


def test_the_years_are_undecidable_with_1984_and_without() -> None:
    found = case("--experiment", "terminator", "--densities", "@measured", "--center", "1984", "--toward",
                 "terminator=terminator_villains")  # fmt: skip
    assert [row["units"] for row in found["rows"]] == [45, 44]
    for row in found["rows"]:
        assert row["value"] > 0.5 and abs(row["partial"]) < 0.2 and row["verdict"] == "undecidable"
        assert row["tried"] == 3 and "at most 2 densities named before" in row["would_decide"]


def test_years_of_several_sets_are_units_within_their_set() -> None:
    found = case("--experiment", "israeli_dishes", "--densities", "@measured", "--toward", "israeli_dishes=israel")
    assert [(row["units"], row["blocks"]) for row in found["rows"]] == [(3, 1), (12, 3)]
    assert found["rows"][0]["value"] is None  # the sets hold the same dishes
    assert {point["unit"] for point in found["points"][3:5]} == {"dishes_2027: 2024", "dishes_2026: 2024"}


def test_the_facts_that_were_taken_away_are_told_by_a_column() -> None:
    found = case("--experiment", "hitler", "--items", "@measured", "--kept", "kept")["removed"]
    assert (found["clues"], found["kept"], found["verdict"]) == (90, 78, "undecidable") and found["p"] > 0.05
    with pytest.raises(cooc.UsageError, match='no item has a column "kind" that says which stayed'):
        cooc.bridge("@published", items="@measured", kept="kind", experiments=["hitler"])


def test_experiments_about_different_things_are_set_beside_each_other() -> None:
    toward = {"birds": "19th_century", "german_cities": "second_world_war", "israeli_dishes": "israel"}
    found = cooc.bridge("@published", "@measured", toward=toward, **QUICK)
    assert row_of(found, "across experiments")["units"] == 3
    assert [row["target"] for row in found.rows() if row["experiment"] == "german_cities"] == ["second_world_war"]
    with pytest.raises(cooc.UsageError, match='no outcome is of the experiment "fish"'):
        cooc.bridge("@published", "@measured", toward={"fish": "food"})
    with pytest.raises(cooc.UsageError, match=r"densities of .*german_cities → second_world_war"):
        cooc.bridge("@published", "@measured", toward={"german_cities": "food"}, experiments=["german_cities"])


def test_a_name_with_at_that_is_not_there_is_told_the_one_that_is() -> None:
    with pytest.raises(cooc.UsageError, match="@publish: the outcomes that come with cooc are called @published"):
        cooc.bridge("@publish")


# --- registration


def test_an_analysis_as_registered_says_so_and_another_names_its_deviations(tmp_path: Path) -> None:
    given = study(Truth(units=20, effect=2), 5)
    cooc.register(tmp_path / "r.json", "Outcome rises with density.", exclusions=["set 4: misread"])
    found = cooc.bridge(*given, registration=tmp_path / "r.json", statistic="pearson", **QUICK).registration
    assert found["deviations"] == [
        "statistic: registered spearman, used pearson",
        "exclusions: set 4: misread was to be left out and is among the outcomes",
    ]
    kept = [row for row in given[0] if row["seeds"] != "set 4"]
    again = cooc.bridge(kept, given[1], registration=tmp_path / "r.json", **QUICK)
    assert again.registration["deviations"] == []
    assert "as registered" in again.text() and "NOT" not in again.text()


def test_an_edited_registration_is_refused(tmp_path: Path) -> None:
    cooc.register(tmp_path / "r.json", "Outcome rises with density.")
    text = (tmp_path / "r.json").read_text()
    (tmp_path / "r.json").write_text(text.replace("rises", "falls"))
    with pytest.raises(cooc.SourceError, match="it was edited after it was written"):
        cooc.bridge("@published", of_lists(1, 2, 3), registration=tmp_path / "r.json")
    with pytest.raises(cooc.UsageError, match="there is a registration already"):
        cooc.register(tmp_path / "r.json", "Another.")
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(cooc.SourceError, match="no registration; expected an object with format"):
        cooc.bridge("@published", of_lists(1, 2, 3), registration=tmp_path / "r.json")


# --- across models


def test_models_that_share_all_their_outcomes_predict_each_other() -> None:
    rng = np.random.default_rng(0)
    level = rng.uniform(0.1, 0.9, 12)
    rows = [{"experiment": "e", "model": f"m{m}", "seeds": f"s{s}", "value": float(level[s] + 0.01 * m)}
            for s in range(12) for m in range(3)]  # fmt: skip
    found = cooc.across_models(rows, draws=999)
    assert found.shared["shared"] == pytest.approx(1.0) and found.shared["verdict"] == "supported"
    assert all(row["r"] == pytest.approx(1.0) for row in found.rows())
    assert found.shared["w"] == pytest.approx(1.0)


def test_the_shared_part_is_the_one_that_was_put_in() -> None:
    """Variances 2 of behaviours, 1 of a model's own, 1 of noise known: half is shared, a quarter is noise."""
    rng = np.random.default_rng(3)
    level = np.sqrt(2) * rng.normal(size=400)
    rows = [{"experiment": "e", "model": f"m{m}", "seeds": f"s{s}", "value": float(level[s] + rng.normal(scale=2**0.5))}
            for s in range(400) for m in range(4)]  # fmt: skip
    found = cooc.across_models(rows, noise=1.0, draws=99).shared
    for name, share in (("shared", 0.5), ("own", 0.25), ("noise", 0.25), ("ceiling", 0.75)):
        assert found[name] == pytest.approx(share, abs=0.05), name


def test_kendalls_w_is_the_one_by_hand() -> None:
    """Three models rank four behaviours 1234, 1234, 1243: rank sums 3, 6, 10, 11; W = 12·41/(9·60)."""
    ranked = ((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 4, 3))
    rows = [{"experiment": "e", "model": f"m{m}", "seeds": f"s{s}", "value": float(v)}
            for m, line in enumerate(ranked) for s, v in enumerate(line)]  # fmt: skip
    assert cooc.across_models(rows).shared["w"] == pytest.approx(12 * 41 / (9 * 60))


def test_published_replications_cannot_say_whether_associations_transfer() -> None:
    found = cooc.across_models(cooc.published_outcomes().of("replication_open_models"))
    assert found.shared["verdict"] == "undecidable" and found.shared["least_p"] == pytest.approx(0.25)
    assert set(found.columns["r"]) == {None}  # two behaviours: any correlation is 1 or -1


def test_models_without_common_behaviours_are_refused() -> None:
    rows = [{"experiment": "e", "model": f"m{k}", "seeds": f"s{k}", "value": 0.1} for k in range(2)]
    with pytest.raises(cooc.UsageError, match="2 models have 0 behaviours in common"):
        cooc.across_models(rows)


def test_noise_of_seeds_is_the_published_one() -> None:
    mini = cooc.seed_noise(cooc.published_outcomes())[0]
    assert mini["n"] == 23 and mini["sd"] == pytest.approx(0.12, abs=0.005)
    assert mini["low"] < mini["sd"] < mini["high"]


# --- what is seen


@pytest.mark.parametrize("kind", ["dose", "forest", "power", "calibration"])
def test_every_figure_is_drawn(tmp_path: Path, kind: str) -> None:
    found = cooc.bridge(*study(Truth(units=12, lists=2), 0), **QUICK)
    found.plot(kind=kind).savefig(tmp_path / "f.svg")
    assert (tmp_path / "f.svg").stat().st_size > 5000


def test_a_figure_that_is_not_there_is_named() -> None:
    found = cooc.bridge(*study(Truth(units=12), 0), **QUICK)
    with pytest.raises(cooc.UsageError, match='plot "bars": expected dose, forest, power, calibration'):
        found.plot(kind="bars")
    with pytest.raises(cooc.UsageError, match='no question is called "why"'):
        found.plot(question="why")


def test_the_command_prints_one_document_with_a_verdict_for_each_question(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps({"rows": of_lists(1, 2, 3, log_frequency=2.0)}))
    given = run("@published", "--densities", str(tmp_path / "d.json"), "--rival", "log_frequency", "--json")
    assert given.exit_code == 0, given.output
    document = json.loads(given.stdout)
    assert {row["verdict"] for row in document["rows"]} == {"undecidable"}
    assert all(row["would_decide"] for row in document["rows"])
    assert any(row["seeds"] == "90_wolf_facts" for row in document["unmatched"])


def test_the_command_writes_a_figure_and_talks_in_words(tmp_path: Path) -> None:
    given, densities = study(Truth(units=20, effect=3), 5)
    (tmp_path / "o.json").write_text(json.dumps(given))
    (tmp_path / "d.json").write_text(json.dumps(densities))
    done = run(str(tmp_path / "o.json"), "--densities", str(tmp_path / "d.json"), "--plot", str(tmp_path / "f.png"))
    assert done.exit_code == 0, done.output
    assert "within list 0 → target: SUPPORTED." in done.stdout and (tmp_path / "f.png").exists()


def test_the_command_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    done = run(str(tmp_path / "o.csv"))
    assert done.exit_code == 1 and "there is no such file" in done.output
    assert run("@published", "--alias", "a").exit_code == 2


def test_a_bridge_shows_itself_and_goes_to_json() -> None:
    found = cooc.bridge(*study(Truth(units=12), 0), **QUICK)
    assert "UNDECIDABLE" in repr(found) or "CONTRADICTED" in repr(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"][0]["units"] == 12
    assert "<table>" in found._repr_html_()
