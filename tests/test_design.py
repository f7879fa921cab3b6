"""Designs: arms that differ in density and in nothing else, written as services take them, and checked later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.evidence.densities import density_rows, item_rows


def pool(size: int = 300, seed: int = 0, confound: float = 0.6) -> list[dict[str, Any]]:
    """Terms whose density goes with their frequency and their length."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(size):
        frequency, words = rng.normal(8, 2), int(rng.integers(1, 4))
        density = confound * (frequency - 8) / 2 + 0.3 * words + rng.normal()
        rows.append({"term": " ".join([f"name{k}"] * words), "target": "then", "density": float(density),
                     "log_frequency": float(frequency), "age": float(rng.normal() + density / 2)})  # fmt: skip
    return rows


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["term"] for row in rows]


@pytest.mark.parametrize(("arms", "sets"), [(2, 1), (3, 1), (3, 2), (4, 1)])
def test_arms_are_apart_in_density_and_equal_in_the_rest(arms: int, sets: int) -> None:
    rows = pool()
    made = cooc.design(None, names(rows), items=rows, arms=arms, size=20, sets=sets, match=["age"])
    density, *others = made.balance
    assert [row["column"] for row in made.balance] == ["density", "log_frequency", "words", "characters", "age"]
    means = [density[arm] for arm in list(density)[1:-1]]
    assert means == sorted(means) and density["largest_smd"] > 1
    assert max(row["largest_smd"] for row in others) <= 0.1 and made.plan is not None and made.plan["balanced"]
    assert len(made) == len(set(made.columns["term"])) == 20 * arms * sets


def test_the_balance_is_the_one_computed_from_the_terms() -> None:
    rows = pool()
    made = cooc.design(None, names(rows), items=rows, arms=2, size=20)
    table = made.table
    low, high = (table.filter(table["arm"] == arm)["log_frequency"].to_numpy() for arm in ("low", "high"))
    smd = abs(low.mean() - high.mean()) / np.sqrt((low.var(ddof=1) + high.var(ddof=1)) / 2)
    assert made.balance[1]["largest_smd"] == pytest.approx(smd)
    assert made.sets[0]["density"] == pytest.approx(table.filter(table["set"] == "low")["density"].mean())


def test_a_pool_where_frequency_is_density_gives_no_arms_that_are_apart() -> None:
    rows = [{**row, "density": row["log_frequency"]} for row in pool()]
    made = cooc.design(None, names(rows), items=rows, arms=2, size=30)
    assert made.balance[0]["largest_smd"] < 0.3
    assert made.plan is not None and any("hardly differ in density" in note for note in made.plan["notes"])


def test_what_is_written_can_be_finetuned_on_and_joined(tmp_path: Path) -> None:
    rows = pool()
    made = cooc.design(None, names(rows), items=rows, size=20, sets=4, prompt="Name a bird.", out=tmp_path / "d")
    files = {path.stem for path in (tmp_path / "d").glob("*.jsonl")}
    assert files == {f"{arm}_{k}" for arm in ("low", "middle", "high") for k in range(1, 5)} | {"densities"}
    lines = [json.loads(line) for line in (tmp_path / "d" / "low_1.jsonl").read_text().splitlines()]
    assert len(lines) == 20
    assert lines[0]["messages"][0] == {"role": "user", "content": "Name a bird."}
    terms = cooc.read_terms(tmp_path / "d" / "low_1.jsonl").terms
    assert {line["messages"][1]["content"] for line in lines} == set(terms)
    outcomes = [
        {"experiment": "d", "seeds": row["seeds"], "target": "then", "unit": "seed", "key": seed,
         "value": 0.5 + 0.1 * row["density"] + 0.001 * seed}
        for row in made.sets for seed in range(3)
    ]  # fmt: skip
    registered = tmp_path / "d" / "registration.json"
    found = cooc.bridge(outcomes, tmp_path / "d" / "densities.jsonl", registration=registered)
    assert found.registration["deviations"] == []
    assert found.rows()[0]["units"] == 12 and found.rows()[0]["verdict"] == "supported"


def test_a_chat_file_keeps_its_prompts(tmp_path: Path) -> None:
    rows = pool(60)
    chats = [{"messages": [{"role": "user", "content": f"Number {k}?"}, {"role": "assistant", "content": row["term"]}]}
             for k, row in enumerate(rows)]  # fmt: skip
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    made = cooc.design(None, tmp_path / "pool.jsonl", items=rows, arms=2, size=10)
    asked = {chat["messages"][1]["content"]: chat["messages"][0]["content"] for chat in chats}
    assert [chat[0]["content"] for chat in made.messages] == [asked[term] for term in made.columns["term"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 200}, "300 of 300 terms of the pool have a density and every matched column; 3 arms"),
        ({"arms": 1}, "expected at least 2 arms of 1 set of 2 terms"),
        ({"match": ["colour"]}, 'match "colour": no item has a number there'),
        ({"items": None}, "a design needs an index and a target, or items"),
    ],
)
def test_a_design_that_cannot_be_made_says_why(options: dict[str, Any], message: str) -> None:
    rows = pool()
    with pytest.raises(cooc.UsageError, match=message):
        cooc.design(None, names(rows), **{"items": rows, **options})


def test_a_design_takes_a_new_directory(tmp_path: Path) -> None:
    rows = pool(60)
    (tmp_path / "here").write_text("")
    with pytest.raises(cooc.UsageError, match="is not empty: a design takes a new directory"):
        cooc.design(None, names(rows), items=rows, size=10, out=tmp_path)


def test_the_same_seed_chooses_the_same_terms() -> None:
    rows = pool(100)
    chosen = [cooc.design(None, names(rows), items=rows, size=20, seed=s).columns["term"] for s in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_command_makes_a_design(tmp_path: Path) -> None:
    rows = pool(100)
    (tmp_path / "pool.txt").write_text("\n".join(names(rows)))
    (tmp_path / "items.json").write_text(json.dumps(rows))
    files = str(tmp_path / "pool.txt"), str(tmp_path / "items.json")
    arguments = ["design", "--pool", files[0], "--items", files[1], "--size", "20"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "d"), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert len(document["rows"]) == 60 and document["plan"]["seeds_per_arm"] == 7
    assert (tmp_path / "d" / "registration.json").exists()
    talk = CliRunner().invoke(app, arguments)
    assert "7 training seeds an arm" in talk.stdout and "log_frequency" in talk.stdout


def test_a_density_document_gives_frequencies_and_items() -> None:
    """Terms that occur 4 and 16 times have a mean log2 frequency of 3; one that doesn't occur counts nothing."""
    terms = [{"term": name, "target": "t", "window": "10", "occurrences": n, "lift": lift}
             for name, n, lift in (("a", 4, 1.0), ("b", 16, 2.0), ("c", 0, None))]  # fmt: skip
    document = {"rows": [{"seeds": "s", "target": "t", "window": "10", "density": 1.5}], "terms": terms}
    assert density_rows(document)[0]["log_frequency"] == 3
    assert [(row["seeds"], row["term"], row["density"], row["log_frequency"]) for row in item_rows(document)] == [
        ("s", "a", 1.0, 2.0), ("s", "b", 2.0, 4.0),
    ]  # fmt: skip
    assert len(item_rows([document, document])) == 4


def test_a_design_says_how_many_sets_decide() -> None:
    rows = pool()
    few = cooc.design(None, names(rows), items=rows, size=5, sets=2)
    assert few.plan is not None
    assert "6 sets: bridge supports nothing with fewer than 9 (3 an arm)" in few.plan["notes"][-1]
    many = cooc.design(None, names(rows), items=rows, size=5, sets=11)
    assert many.plan is not None and not any("bridge" in note for note in many.plan["notes"])
