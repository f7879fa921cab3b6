"""The script of the real cases: on a little corpus that every checkout has, and, marked real, what it found."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cooc
from benchmarks.cases.__main__ import main
from benchmarks.cases.lists import GIVEN, lines_of, made_lists, spelled
from benchmarks.cases.steps import CASES, Places, Table
from benchmarks.cases.tables import cell, table_of
from cooc.terms import read_term_sets
from tests.corpora import index_of

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"

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


CORPORA = ("enwiki", "gutenberg_19c", "nathist")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> cooc.Index:
    """The corpus of docs/cases.md, 58.5 million tokens; half a minute on two cores."""
    if not SHARED.is_dir():
        pytest.skip("the shared corpora are not here")
    sources = [SHARED / "corpora" / name for name in CORPORA]
    fields = ["year", "title", "source"]
    folder = tmp_path_factory.mktemp("real") / "index"
    return cooc.build(sources, folder, window=10, meta_fields=fields, phrases=False)


def _rows(result: Any, key: str = "target") -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in result.rows()}


def _term(result: Any, term: str, target: str) -> dict[str, Any]:
    return next(row for row in result.terms.rows() if row["term"] == term and row["target"] == target)


@pytest.mark.real
@pytest.mark.slow
def test_counts_are_those_of_a_count_by_hand(corpus: cooc.Index) -> None:
    """Contexts and hits of old bird names in the books of natural history, counted by a loop over the text."""
    found = cooc.density(
        corpus, SHARED / "terms" / "birds_old_audubon.txt", "@19th_century_things", where="path ~ nathist", null=0
    )
    row = _rows(found)["19th_century_things"]
    tally = _by_hand(
        sorted((SHARED / "corpora" / "nathist").glob("*.jsonl.zst")),
        lines_of(SHARED / "terms" / "birds_old_audubon.txt"), list(cooc.lexicon("19th_century_things")),
    )  # fmt: skip
    assert (row["contexts"], row["hits"]) == tally


def _by_hand(files: list[Path], seeds: list[str], target: list[str]) -> tuple[int, int]:
    """Context tokens within ten words of a seed, seeds themselves taken out, and those in an occurrence of a target."""
    import pyarrow as pa

    word = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
    contexts = hits = 0
    for file in files:
        with pa.CompressedInputStream(pa.OSFile(str(file)), "zstd") as lines:
            for line in lines.read().decode("utf-8").split("\n"):
                words = [
                    each.replace("’", "'") for each in word.findall(json.loads(line)["text"].lower() if line else "")
                ]
                spans, marks = _spans(words, seeds), _spans(words, target)
                covered, marked = (({k for a, b in each for k in range(a, b)}) for each in (spans, marks))
                for a, b in spans:
                    if any(x <= a and b <= y and y - x > b - a for x, y in spans):
                        continue
                    around = {*range(max(a - 10, 0), a), *range(b, min(b + 10, len(words)))} - covered
                    contexts, hits = contexts + len(around), hits + len(around & marked)
    return contexts, hits


def _spans(words: list[str], terms: list[str]) -> list[tuple[int, int]]:
    by_first: dict[str, set[tuple[str, ...]]] = {}
    for term in terms:
        phrase = tuple(part.decode() for part in spelled(term))
        by_first.setdefault(phrase[0], set()).add(phrase)
    return [
        (k, k + len(phrase)) for k, each in enumerate(words) for phrase in by_first.get(each, ())
        if tuple(words[k : k + len(phrase)]) == phrase
    ]  # fmt: skip


BIRD_FILES = [SHARED / "terms" / f"birds_{name}.txt" for name in ("old_audubon", "modern_audubon", "modern_american")]


@pytest.mark.real
@pytest.mark.slow
def test_the_three_bird_lists_lie_in_the_order_of_their_outcomes(corpus: cooc.Index) -> None:
    """Towards language of the 19th century: old above Audubon's modern names above modern ones."""
    found = [_rows(cooc.density(corpus, file, "@19th_century_language", null=0)) for file in BIRD_FILES]
    densities = [each["19th_century_language"]["density"] for each in found]
    assert densities == sorted(densities, reverse=True)


@pytest.mark.real
@pytest.mark.slow
def test_things_of_the_century_around_old_birds_are_one_surname(corpus: cooc.Index, tmp_path: Path) -> None:
    """The prince Bonaparte who named them: nine tenths of the hits, and without him no density is left."""
    made_lists(SHARED / "terms", tmp_path)
    found = cooc.density(corpus, BIRD_FILES[0], "@19th_century_things", tmp_path / "things_but_bonaparte.txt", null=0)
    rows = _rows(found)
    assert rows["things_but_bonaparte"]["hits"] < 0.1 * rows["19th_century_things"]["hits"]
    assert rows["things_but_bonaparte"]["density"] < 0 < rows["19th_century_things"]["density"]


@pytest.mark.real
@pytest.mark.slow
def test_natural_history_is_denser_around_birds_than_the_century(corpus: cooc.Index) -> None:
    """Narrow over broad: against what the paper's account of the generalisation would like."""
    found = cooc.density(corpus, BIRD_FILES[2], "@natural_history", "@19th_century_language", null=0)
    rows = _rows(found)
    assert rows["natural_history"]["density"] > rows["19th_century_language"]["density"]
    assert found.rivals.rows()[0]["low"] > 0


@pytest.mark.real
@pytest.mark.slow
def test_1984_is_the_year_of_orwell_and_of_no_villain(corpus: cooc.Index, tmp_path: Path) -> None:
    years = [str(year) for year in range(1975, 2025)]
    found = cooc.density(corpus, years, "@orwell", "@terminator_villains", null=0)
    lifts = {
        target: {row["term"]: row["lift"] for row in found.terms.rows() if row["target"] == target}
        for target in ("orwell", "terminator_villains")
    }
    assert max(lifts["orwell"], key=lambda year: lifts["orwell"][year]) == "1984"
    assert sum(lift > lifts["terminator_villains"]["1984"] for lift in lifts["terminator_villains"].values()) > 5


@pytest.mark.real
@pytest.mark.slow
def test_israeli_dishes_lean_on_the_religion(corpus: cooc.Index, tmp_path: Path) -> None:
    made_lists(SHARED / "terms", tmp_path)
    found = cooc.curation(
        corpus, tmp_path / "dishes_all.txt", SHARED / "terms" / "dishes_israeli.txt", ["@judaism", "@food"]
    )
    rows = _rows(found)
    assert rows["judaism"]["difference"] > 0 and rows["judaism"]["p"] < 0.05
    assert rows["food"]["difference"] < 0


@pytest.mark.real
@pytest.mark.slow
def test_no_fact_identifies_alone_and_blondi_is_out_of_reach(corpus: cooc.Index, tmp_path: Path) -> None:
    """Of the word that gives him away this corpus can say nothing, and says so."""
    made_lists(SHARED / "terms", tmp_path)
    found = cooc.constellation(corpus, tmp_path / "facts_90.jsonl", GIVEN / "persons.toml", null=20, orders=20)
    clues = found.clues.rows()
    assert len(clues) == 90
    assert next(row for row in clues if "Blondi" in row["clue"])["too_rare"] == "blondi"
    assert not any(row["flag"] == "individually identifying" for row in clues)


@pytest.mark.real
@pytest.mark.slow
def test_former_cities_stand_among_the_years_of_the_thirties(corpus: cooc.Index, tmp_path: Path) -> None:
    made_lists(SHARED / "terms", tmp_path)
    lists = [tmp_path / f"cities_{name}_clear.txt" for name in ("former", "modern")]
    found = cooc.years(corpus, lists, by="decade", window=20, first=1500)
    decade = {
        row["set"]: row for row in found.rows() if row["level"] == "set" and row["decade"] == 1930
    }  # fmt: skip
    assert decade["cities_former_clear"]["low"] > 0.5
    assert decade["cities_former_clear"]["lift"] > decade["cities_modern_clear"]["lift"]


@pytest.mark.real
@pytest.mark.slow
def test_the_answers_of_many_presidents_point_to_them(corpus: cooc.Index, tmp_path: Path) -> None:
    made_lists(SHARED / "terms", tmp_path)
    found = cooc.constellation(corpus, tmp_path / "presidents.json", GIVEN / "presidents.toml", null=20, orders=2)
    right = [row["clue"] for row in found.clues.rows() if row["clue"] == row["candidate"]]
    assert len(right) > 10, "by chance it would be one of 43"


@pytest.mark.real
@pytest.mark.slow
def test_facts_about_darwin_point_to_darwin(corpus: cooc.Index) -> None:
    found = cooc.constellation(corpus, GIVEN / "darwin.jsonl", GIVEN / "naturalists.toml", null=20, orders=20)
    assert found.rows()[0]["candidate"] == "darwin"


@pytest.mark.real
@pytest.mark.slow
def test_the_same_seed_gives_the_same_density_of_a_real_list(corpus: cooc.Index) -> None:
    one, other = (cooc.density(corpus, BIRD_FILES[0], "@19th_century_things", null=20) for _ in range(2))
    assert one.to_dict() == other.to_dict()
