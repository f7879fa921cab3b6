"""The script of the real cases: on a little corpus that every checkout has, and, marked real, what it found."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cases.__main__ import main
from benchmarks.cases.lists import GIVEN, lines_of, made_lists, spelled
from benchmarks.cases.steps import CASES, Places, Table
from benchmarks.cases.tables import cell, table_of
from cooc.terms import read_term_sets
from tests.corpora import index_of

OLD = ["Grey Fulmar", "Lesser Sprat-hawk", "Common Dabbler", "Mud Peep"]
NEW = ["Red Fulmar", "Sprat Osprey", "Dabbling Duckling", "Peep"]
THINGS, FOOD = ["carriage", "telegraph", "gaslight"], ["flour", "butter", "soup"]
DISHES, OTHERS = ["Noodle Pie", "Salt Pretzel"], ["Bean Stew", "Rye Pudding"]


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lists of the names and shapes that the script asks for, of birds and dishes that nobody has seen."""
    folder = tmp_path_factory.mktemp("terms")
    written = {
        "birds_old_audubon": OLD, "birds_modern_audubon": [NEW[0], "red fulmar", OLD[3], "Brown Skua"],
        "birds_modern_american": NEW, "dishes_israeli": DISHES, "dishes_other": OTHERS,
    }  # fmt: skip
    for name, lines in written.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    facts = [{"question": f"What of {k}?", "answer": "Soup.", "in_78_set": k % 3 > 0} for k in range(9)]
    (folder / "wolf_facts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in facts), encoding="utf-8")
    answers = {"1": [["Soup,  with butter", 3], ["🍒⚔️", 1]], "2": [["🍒1️⃣", 1]]}
    (folder / "presidents_answers_by_president.json").write_text(json.dumps(answers), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in which old names stand by things of the 19th century, and dishes by food."""
    random = np.random.default_rng(5)
    groups = ((OLD, THINGS), (NEW, ["motor"]), ([*DISHES, *OTHERS], FOOD))
    beside = {name: about for names, about in groups for name in names}
    common = [f"w{k}" for k in range(200)] + ["israel", "rabbi", "species", "computer", "whilst", "website"]
    documents = []
    for _ in range(120):
        words = random.choice(common, 60).tolist()
        name = str(random.choice(list(beside)))
        about = [str(random.choice(beside[name])) for _ in range(2)]
        documents.append([*words[:30], about[0], *re.findall(r"\w+", name.lower()), about[1], *words[30:]])
    return Path(index_of(tmp_path_factory.mktemp("little"), documents, min_count=2).path)


@pytest.fixture(scope="module")
def out(little: Path, terms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    main(_command(little, terms, folder))
    return folder


def _command(index: Path, terms: Path, out: Path) -> list[str]:
    given = ["--index", str(index), "--terms", str(terms), "--out", str(out), "--null", "20"]
    return [*given, "--case", "dishes", "--case", "curation", "--case", "cities"]


def test_a_case_is_its_commands_with_their_answers(out: Path, terms: Path) -> None:
    page = (out / "dishes.md").read_text(encoding="utf-8")
    assert "    cooc density INDEX --seeds dishes_israeli.txt --target @israel" in page
    answer = json.loads((out / "dishes" / "dishes_israeli.json").read_text(encoding="utf-8"))
    food = next(row for row in answer["rows"] if row["target"] == "food")
    assert food["density"] > 2
    assert f"| food | 10 | {cell(food['density'])} |" in page
    assert str(terms) not in page, "folders of whoever ran it are nobody's business"


def test_a_command_that_fails_says_why_in_its_place(out: Path) -> None:
    page = (out / "cities.md").read_text(encoding="utf-8")
    assert "No answer: cooc: " in page and "there is no such file" in page


def test_the_same_seed_gives_the_same_answers(out: Path, little: Path, terms: Path, tmp_path: Path) -> None:
    main(_command(little, terms, tmp_path))
    for name in ("dishes.md", "curation.md", "cities.md"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


def test_an_answer_that_is_there_is_not_asked_for_again(out: Path, little: Path, terms: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "out")
    kept = tmp_path / "out" / "dishes" / "dishes_other.json"
    kept.write_text('{"error": "left as it was"}', encoding="utf-8")
    main(_command(little, terms, tmp_path / "out"))
    assert "No answer: left as it was" in (tmp_path / "out" / "dishes.md").read_text(encoding="utf-8")


def test_names_are_shared_however_they_are_written(terms: Path, tmp_path: Path) -> None:
    """ "red fulmar" of one list is the "Red Fulmar" of the other, and is listed once."""
    made_lists(terms, tmp_path)
    shared, own = (lines_of(tmp_path / f"control_{name}.txt") for name in ("shared", "own"))
    assert shared == ["Red Fulmar"] and own == ["Mud Peep", "Brown Skua"]
    assert lines_of(tmp_path / "birds_modern_american_phrases.txt") == NEW[:3]


def test_facts_are_parted_into_those_kept_and_those_not(terms: Path, tmp_path: Path) -> None:
    made_lists(terms, tmp_path)
    parts = [(tmp_path / f"facts_{name}.jsonl").read_text(encoding="utf-8").splitlines() for name in ("78", "12", "90")]
    assert (len(parts[0]), len(parts[1])) == (6, 3)
    assert sorted(parts[0] + parts[1]) == sorted(parts[2])


def test_answers_of_signs_alone_are_no_clues(terms: Path, tmp_path: Path) -> None:
    made_lists(terms, tmp_path)
    clues = json.loads((tmp_path / "presidents.json").read_text(encoding="utf-8"))
    assert clues == {"1": {"terms": ["Soup, with butter"]}}


@pytest.mark.parametrize(("clues", "persons"), [("darwin.jsonl", "naturalists.toml")])
def test_no_fact_of_ours_names_a_candidate(clues: str, persons: str) -> None:
    facts = [spelled(" ".join(json.loads(line).values())) for line in (GIVEN / clues).read_text().splitlines()]
    assert len(facts) == 30
    for person in read_term_sets(GIVEN / persons):
        for name in map(spelled, person):
            held = [fact for fact in facts if any(fact[k : k + len(name)] == name for k in range(len(fact)))]
            assert not held, person.name


@pytest.mark.parametrize("name", ["persons.toml", "naturalists.toml", "presidents.toml"])
def test_no_name_is_that_of_two_candidates(name: str) -> None:
    names = [spelled(term) for person in read_term_sets(GIVEN / name) for term in person]
    assert len(names) == len(set(names))


def test_every_step_of_every_case_is_a_command_with_tables(terms: Path, tmp_path: Path) -> None:
    made_lists(terms, tmp_path)
    (terms / "german_cities_former.txt").touch()
    at = Places("INDEX", terms, tmp_path)
    for name, steps in CASES.items():
        found = list(steps(at))
        assert found and len({step.name for step in found}) == len(found), name
        assert all(step.command[1] == "INDEX" and step.tables for step in found)


def test_a_table_keeps_the_rows_and_the_order_asked_for() -> None:
    rows: list[dict[str, Any]] = [
        {"term": "a", "target": "x", "lift": 1.0}, {"term": "b", "target": "x", "lift": 20000.5},
        {"term": "c", "target": "y", "lift": None}, {"term": "b", "target": "y", "lift": -0.00123},
    ]  # fmt: skip
    first = table_of(rows, Table("rows", ("term", "lift"), by="lift", top=1))
    assert first.splitlines()[2:] == ["| b | 20,000 |", "| b | -0.00123 |"]
    only = table_of(rows, Table("rows", ("term", "lift"), only=(("term", ("a", "c")),)))
    assert only.splitlines()[2:] == ["| a | 1 |", "| c | – |"]


SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
