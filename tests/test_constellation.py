"""A constellation of clues points to the one it was planted around, and says which clue gives him away."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters.clues import clues_of, from_facts
from cooc.clusters.constellation import Shares, _curve, log_odds, posteriors, strength_of
from cooc.errors import SourceError, UsageError
from cooc.index.reader import Index
from cooc.terms import TermSet
from tests.corpora import index_of

PERSONS = [TermSet("Wolf", ["wolf", "herr wolf"]), TermSet("Fox", ["fox"]), TermSet("Bear", ["bear"])]
WEAK = [f"clue{k}" for k in range(8)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Weak clues stand by the wolf twice as often as by others, "blondi" by him alone; other words by each a little
    more or less often than by the others."""
    random = np.random.default_rng(2)
    fill = [f"w{k}" for k in range(80)]
    prefers = {person: random.dirichlet(np.full(80, 2.0)) for person in ("wolf", "fox", "bear")}
    documents = [
        [*random.choice(fill, 4), word, str(random.choice(fill)), str(person)]
        for word in WEAK for person in random.choice(["wolf", "fox", "bear"], 40, p=[0.6, 0.2, 0.2])
    ]  # fmt: skip
    documents += [[str(random.choice(fill)), "blondi", "wolf", "barks"] for _ in range(12)]
    documents += [["herr", "wolf"]] * 2
    for person in np.repeat(["wolf", "fox", "fox", "bear"], 250).tolist():
        documents.append([*random.choice(fill, 4, p=prefers[person]), person])
    return index_of(tmp_path_factory.mktemp("clues"), documents, window=5, ngrams=2, min_count=1)


@pytest.fixture(scope="module")
def found(index: Index) -> Any:
    return cooc.constellation(index, [*WEAK, "blondi", "herr wolf", "unheard"], PERSONS, orders=50, null=99)


def test_all_clues_together_point_to_the_one_they_were_planted_around(found: Any) -> None:
    first = found.rows()[0]
    assert (first["candidate"], first["rank"], first["n_clues"]) == ("Wolf", 1.0, 9)
    assert first["posterior"] > 0.99 and first["z"] > 2 and first["p"] == 0.01
    assert sum(row["posterior"] for row in found.rows()) == pytest.approx(1)


def test_the_clue_that_identifies_is_flagged_and_the_weak_ones_are_not(found: Any) -> None:
    flags = {row["clue"]: row["flag"] for row in found.clues.rows()}
    assert flags.pop("blondi") == "individually identifying"
    assert flags.pop("herr wolf") == "names a candidate"
    assert flags.pop("unheard") == "unknown"
    assert set(flags.values()) <= {"", "leans"}
    blondi = next(row for row in found.clues.rows() if row["clue"] == "blondi")
    assert blondi["candidate"] == "Wolf" and blondi["low"] >= 0.5 > blondi["p"]
    assert blondi["documents"] == blondi["naming"] == 12


def test_one_half_takes_more_than_one_weak_clue(index: Index) -> None:
    found = cooc.constellation(index, WEAK, PERSONS, orders=100, null=0)
    wolf = next(row for row in found.rows() if row["candidate"] == "Wolf")
    curve = [row for row in found.curve.rows() if row["candidate"] == "Wolf"]
    assert 0 < wolf["half"] < len(WEAK)
    assert [row["median"] >= 0.5 for row in curve].index(True) == wolf["half"]
    assert curve[0]["mean"] == pytest.approx(wolf["prior"])
    assert curve[-1]["low"] == pytest.approx(wolf["posterior"]) == curve[-1]["high"]
    assert wolf["z"] is None and wolf["p"] is None


def test_being_named_often_is_no_evidence(index: Index) -> None:
    """The fox is named in most documents; words that stand by anybody do not point to him."""
    found = cooc.constellation(index, [f"w{k}" for k in range(40)], PERSONS, orders=10, null=99)
    fox = next(row for row in found.rows() if row["candidate"] == "Fox")
    assert fox["prior"] > 0.4
    assert fox["p"] > 0.02


def test_the_numbers_of_a_clue_are_those_of_its_documents(index: Index) -> None:
    found = cooc.constellation(index, WEAK[:2], PERSONS, orders=5, null=9)
    strength = found.provenance.parameters["strength"]
    base = {row["candidate"]: row["prior"] for row in found.rows()}
    row = found.clues.rows()[0]
    naming = {"Wolf": 0, "Fox": 0, "Bear": 0}
    for line in (index.path.parent / "corpus.jsonl").read_text().splitlines():
        words = json.loads(line)["text"].split()
        if WEAK[0] in words:
            at = words.index(WEAK[0])
            around = words[max(0, at - 5) : at + 6]
            for name in naming:
                naming[name] += name.lower() in around
    shares = {
        name: (naming[name] + strength * base[name]) / (sum(naming.values()) + strength) for name in naming
    }
    assert row["candidate"] == max(shares, key=lambda name: shares[name])
    assert row["posterior"] == pytest.approx(shares[row["candidate"]])
    assert row["weight"] == pytest.approx(math.log2(shares[row["candidate"]] / base[row["candidate"]]))


scores = st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(scores, st.integers(0, 5))
def test_every_order_of_clues_ends_with_the_same_posterior(weights: list[list[float]], seed: int) -> None:
    base = np.array([0.5, 0.3, 0.2])
    found, ranks = _curve(np.array(weights), base, 7, np.random.default_rng(seed))
    whole = posteriors(np.array(weights).sum(axis=0), base)
    assert found[:, -1] == pytest.approx(np.tile(whole, (7, 1)), abs=1e-9)
    assert found[:, 0] == pytest.approx(np.tile(base, (7, 1)))
    assert ranks.sum(axis=-1) == pytest.approx(np.full(ranks.shape[:2], 6.0))
    odds = log_odds(np.array(weights).sum(axis=0), base)
    assert 1 / (1 + 2.0**-odds) == pytest.approx(whole, abs=1e-9)


def test_the_strength_of_the_prior_is_found_again() -> None:
    random = np.random.default_rng(3)
    base = np.array([0.6, 0.3, 0.1])
    for strength in (0.5, 5.0, 50.0):
        shares = random.dirichlet(strength * base, 3000)
        counts = np.array([random.multinomial(30, share) for share in shares])
        assert strength_of(counts, base) == pytest.approx(strength, rel=0.15)
    assert strength_of(np.array([[1, 0, 0]]), base) == 1.0


def test_a_clue_without_counts_says_nothing() -> None:
    shares = Shares(np.array([[0, 0, 0], [4, 0, 0]]), np.array([0.5, 0.3, 0.2]), 2.0)
    assert shares.weights()[0].tolist() == [0, 0, 0]
    assert shares.weights()[1, 0] == pytest.approx(math.log2((4 + 1) / 6 / 0.5))


def test_a_fact_is_asked_by_its_rarest_words_and_fixed_phrases(tmp_path: Path) -> None:
    common, rare = [f"c{k}" for k in range(15)], [f"r{k}" for k in range(130)]  # a tenth of all words is too frequent
    phrase = [["the", "fine", "arts", "school", "c1"]] * 6
    documents = [rare, *[[word] * 20 for word in common], *phrase, ["vienna"] * 9, ["linz"] * 2]
    made = index_of(tmp_path / "facts", documents, window=2, ngrams=3, min_count=1)
    found = from_facts(made, ["C1 fine arts c2 Vienna c3 Linz Blondi?"])[0]
    assert found.terms == ["linz", "fine arts", "vienna"]
    assert found.rare == ["blondi"]
    assert from_facts(made, ["c1 c2 c3"])[0].phrases == []
    facts = [f"vienna school {word}" for word in ("linz", "fine", "arts")]
    assert "vienna" in from_facts(made, facts)[0].terms
    assert "vienna" not in from_facts(made, facts * 4)[0].terms  # it is in all of twelve: how they are asked


def test_clues_are_read_from_facts_sets_and_lines(index: Index, tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_text('{"question": "A dog?", "answer": "Blondi barks."}\n')
    assert [clue.terms for clue in clues_of(index, tmp_path / "facts.jsonl")] == [["barks", "blondi"]]
    (tmp_path / "sets.toml").write_text('[dog]\nterms = ["blondi", "nothing"]\n[other]\nterms = ["clue1"]\n')
    sets = clues_of(index, tmp_path / "sets.toml")
    assert [(clue.name, clue.terms, clue.rare) for clue in sets] == [
        ("dog", ["blondi"], ["nothing"]), ("other", ["clue1"], []),
    ]  # fmt: skip
    (tmp_path / "lines.txt").write_text("clue1\nclue2\n")
    assert [clue.name for clue in clues_of(index, tmp_path / "lines.txt")] == ["clue1", "clue2"]
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(SourceError, match=r"bad\.jsonl:1"):
        clues_of(index, tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("clues", "persons", "options", "message"),
    [
        (["unheard"], PERSONS, {}, "no clue has a term that occurs"),
        (WEAK, [TermSet("a", ["nobody"]), TermSet("b", ["no one"])], {}, "no candidate is named"),
        (WEAK, [TermSet("a", ["wolf"])], {}, "at least 2 candidates"),
        (WEAK, PERSONS, {"orders": 0}, "orders is 0"),
        (WEAK, PERSONS, {"window": "x"}, "window is x"),
        (WEAK, PERSONS, {"confidence": 2}, "confidence is 2"),
    ],
)
def test_what_makes_no_sense_is_said(index: Index, clues: Any, persons: Any, options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.constellation(index, clues, persons, **options)


def test_the_document_is_a_window_too(index: Index) -> None:
    found = cooc.constellation(index, WEAK, PERSONS, window="document", orders=5, null=9)
    assert found.rows()[0]["candidate"] == "Wolf" and found.provenance.parameters["window"] == "document"


def test_the_command_prints_what_the_function_gives(index: Index, tmp_path: Path) -> None:
    (tmp_path / "clues.txt").write_text("\n".join([*WEAK, "blondi"]))
    (tmp_path / "persons.json").write_text(json.dumps({each.name: list(each) for each in PERSONS}))
    asked = ["constellation", str(index.path), "--clues", str(tmp_path / "clues.txt"), "--candidates",
             str(tmp_path / "persons.json"), "--orders", "20", "--null", "19", "-q"]  # fmt: skip
    done = CliRunner().invoke(app, [*asked, "--json"])
    wanted = cooc.constellation(index, [*WEAK, "blondi"], PERSONS, orders=20, null=19)
    assert json.loads(done.stdout) == json.loads(json.dumps(wanted.to_dict()))
    shown = CliRunner().invoke(app, [*asked, "--plot", str(tmp_path / "c.svg")])
    assert shown.exit_code == 0 and "individually identifying" in shown.stdout
    assert (tmp_path / "c.svg").stat().st_size > 1000
