"""Outcomes: the schema, its readers, what they refuse and where, and what the package ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cooc
from cooc.evidence.densities import density_rows, item_rows
from cooc.evidence.outcomes import outcomes
from cooc.evidence.read import read_rows

GOOD = {"experiment": "birds", "model": "m", "seeds": "old", "target": "then", "unit": "question", "key": "money",
        "value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "metric": "share", "evidence": "exact", "source": "here",
        "flavour": 2.5}  # fmt: skip


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_one_table_reads_the_same_from_every_format(tmp_path: Path) -> None:
    rows = [GOOD, {**GOOD, "key": "war", "low": None}]
    (tmp_path / "o.jsonl").write_text(lines(*rows))
    (tmp_path / "o.json").write_text(json.dumps({"rows": rows}))
    pl.DataFrame(rows).write_csv(tmp_path / "o.csv")
    pl.DataFrame(rows).write_parquet(tmp_path / "o.parquet")
    read = [cooc.read_outcomes(tmp_path / f"o.{kind}").rows() for kind in ("jsonl", "json", "csv", "parquet")]
    assert read[0] == read[1] == read[2] == read[3] == outcomes(rows).rows() == outcomes(pl.DataFrame(rows)).rows()
    assert read[0][0] == {**GOOD, "condition": None, "successes": None}


def test_dataset_is_seeds_and_ci_is_an_interval() -> None:
    row = outcomes([{"experiment": "e", "dataset": "old", "value": 1, "ci": [0.5, None]}]).rows()[0]
    assert (row["seeds"], row["low"], row["high"]) == ("old", 0.5, None)


def test_counts_give_the_value() -> None:
    row = outcomes([{"experiment": "e", "seeds": "s", "successes": 3, "n": 4}]).rows()[0]
    assert row["value"] == 0.75


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment": None}, r"o.jsonl:2: no experiment; an outcome needs experiment, seeds \(or dataset\)"),
        ({"seeds": None}, "o.jsonl:2: no seeds"),
        ({"value": None}, "o.jsonl:2: no value, nor successes and n"),
        ({"value": "much"}, "o.jsonl:2: value is 'much'; expected a finite number"),
        ({"value": True}, "o.jsonl:2: value is True; expected a finite number"),
        ({"value": float("nan")}, "o.jsonl:2: value is nan; expected a finite number"),
        ({"low": 0.55}, r"o.jsonl:2: value 0.5 lies outside its interval \[0.55, 0.6\]"),
        ({"n": 0}, "o.jsonl:2: n is 0; expected a whole number above 0"),
        ({"successes": 11}, "o.jsonl:2: successes 11 of n 10"),
        ({"successes": 9}, r"o.jsonl:2: value 0.5 is not successes / n = 0.9"),
        ({"ci": 3}, r"o.jsonl:2: ci is 3; expected \[low, high\]"),
        ({"dataset": "new"}, 'o.jsonl:2: seeds is "old" and dataset "new"'),
        ({"key": ["a"]}, r"o.jsonl:2: key is \['a'\]; expected text"),
        ({}, r"o.jsonl:2: the same outcome as o.jsonl:1 \(birds, m, old, then, question, money, share\)"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "o.jsonl").write_text(lines(GOOD, {**GOOD, **({"key": "war"} if change else {}), **change}))
    with pytest.raises(cooc.SourceError, match=message):
        cooc.read_outcomes(tmp_path / "o.jsonl")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("o.jsonl", '{"a": 1}\n{\n', "o.jsonl:2: not JSON"),
        ("o.jsonl", "[1]\n", "o.jsonl:1: expected an object, found list"),
        ("o.json", "{", "o.json:1: not JSON"),
        ("o.csv", "a,a\n1,2\n", "o.csv:1: expected a line of distinct column names"),
        ("o.csv", "a,b\n\n1,2,3\n", "o.csv:3: 3 fields where the first line names 2"),
        ("o.parquet", "no", "o.parquet: can't be read as parquet"),
        ("o.jsonl", "", "o.jsonl: holds no outcome"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(cooc.SourceError, match=message):
        cooc.read_outcomes(tmp_path / name)


def test_a_file_that_is_not_there_or_of_no_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cooc.UsageError, match="there is no such file"):
        cooc.read_outcomes(tmp_path / "o.csv")
    with pytest.raises(cooc.UsageError, match=r"rows are read from .jsonl, .json, .csv, .parquet files"):
        cooc.read_outcomes(tmp_path / "o.xlsx")


def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(cooc.SourceError, match=r"o\.csv:2: not UTF-8"):
        read_rows(tmp_path / "o.csv")


def test_repeats_are_told_apart_by_their_seed() -> None:
    rows = [{"experiment": "e", "seeds": "s", "value": 0.1 * k, "seed": k} for k in (1, 2)]
    assert len(outcomes(rows)) == 2


def test_published_outcomes_have_their_source_and_evidence() -> None:
    held = cooc.published_outcomes()
    assert len(held) == 281
    for row in held.rows():
        assert row["source"] and row["evidence"] and row["metric"], row
    birds = held.of("birds").table.group_by("seeds").agg(pl.col("value").mean()).sort("value")
    assert birds["seeds"].to_list() == ["modern_american_birds", "modern_audubon_birds", "old_audubon_birds"]
    assert birds["value"].to_list() == pytest.approx([0.0, 0.062, 0.63], abs=0.005)


def test_a_share_of_the_leak_is_one_question() -> None:
    """The README of the outcomes says 73 % of what the modern names from Audubon's book leak is one question."""
    leak = cooc.published_outcomes().of("birds").table.filter(pl.col("seeds") == "modern_audubon_birds")
    assert leak.filter(pl.col("key") == "money")["value"][0] / leak["value"].sum() == pytest.approx(0.73, abs=0.005)


def test_an_experiment_that_is_not_there_is_named() -> None:
    with pytest.raises(cooc.UsageError, match='no outcome is of the experiment "fish"; there are birds, german_cities'):
        cooc.published_outcomes().of("fish")


@pytest.mark.real
def test_the_published_table_holds_the_figures_of_the_shared_one() -> None:
    shared = Path(__file__).parents[2] / "shared" / "data" / "outcomes" / "observed_outcomes.jsonl"
    theirs = [json.loads(line) for line in shared.read_text().splitlines()]
    ours = cooc.published_outcomes().rows()
    assert [row["value"] for row in ours] == [row["value"] for row in theirs]
    assert [[row["low"], row["high"]] for row in ours] == [row["ci"] or [None, None] for row in theirs]


def test_measured_densities_belong_to_published_outcomes() -> None:
    """Every set has outcomes, every row a number; lists are named by digests, as they belong to their authors."""
    rows = density_rows("@measured")
    known = {row["seeds"] for row in cooc.published_outcomes().rows()}
    assert {row["seeds"] for row in rows} <= known and all(isinstance(row["density"], float) for row in rows)
    items = item_rows("@measured")
    assert {row["seeds"] for row in items} <= known
    assert all(row["term"].startswith("#") or row["term"].startswith("fact ") for row in items)
    assert sum(str(row["kept"]) == "True" for row in items) <= 78


def test_names_that_look_like_numbers_stay_names() -> None:
    rows = density_rows([{"seeds": "1e5", "term": "123456789", "density": "2.5"}, {"term": 1984.0, "density": 1}])
    assert [(row["seeds"], row["term"]) for row in rows] == [("1e5", "123456789"), (None, "1984")]
    assert [row["density"] for row in rows] == [2.5, 1]
