"""The lexicons that come with cooc, and how term sets are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

import cooc
from cooc.clusters.lexicon import FOLDER, UNIONS
from cooc.clusters.sets import named_set, named_sets
from cooc.tokens.words import WordTokenizer

SHARED = Path(__file__).parents[2] / "shared" / "data" / "terms"
real = pytest.mark.real
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared term lists are not here")
WRITTEN = sorted(file.stem for file in FOLDER.glob("*.toml"))
ASKED_FOR = (
    "19th_century_language", "19th_century_things", "modern_language", "modern_things", "natural_history",
    "second_world_war", "judaism", "israel", "food", "terminator_villains", "terminator_protectors", "orwell",
    "computing", "ai_assistants",
)  # fmt: skip


def words_of(terms: Iterable[str]) -> dict[tuple[bytes, ...], str]:
    tokenizer = WordTokenizer()
    return {tuple(tokenizer.words(term)): term for term in terms}


def parts(words: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    return (words[a:b] for a in range(len(words)) for b in range(a + 1, len(words) + 1))


def test_the_lexicons_that_were_asked_for_are_there() -> None:
    assert sorted(ASKED_FOR) == WRITTEN
    assert cooc.lexicons() == sorted([*WRITTEN, *UNIONS])


@pytest.mark.parametrize("name", WRITTEN)
def test_a_lexicon_is_named_as_its_file_and_says_how_it_was_chosen(name: str) -> None:
    found = cooc.lexicon(name)
    assert found.name == name
    assert 30 <= len(found) <= 90
    assert "Left out:" in found.note
    assert "written for cooc" in found.source


@pytest.mark.parametrize("name", WRITTEN)
def test_every_term_of_a_lexicon_holds_words_and_no_two_are_the_same_words(name: str) -> None:
    terms = cooc.lexicon(name).terms
    words = words_of(terms)
    assert len(words) == len(terms)
    assert () not in words


@pytest.mark.parametrize("name", WRITTEN)
def test_every_term_of_a_lexicon_is_written_without_runs_of_space_and_once(name: str) -> None:
    """`TermSet` would drop a second one silently."""
    import tomllib

    written = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["terms"]
    assert tuple(written) == cooc.lexicon(name).terms


def test_no_term_of_a_lexicon_is_or_lies_inside_a_term_of_another() -> None:
    lists = {name: words_of(cooc.lexicon(name)) for name in WRITTEN}
    shared = [
        (a, lists[a][part], b, term)
        for a, b in permutations(WRITTEN, 2)
        for words, term in lists[b].items()
        for part in parts(words)
        if part in lists[a]
    ]
    assert shared == []


def test_a_union_holds_its_lists_and_nothing_else() -> None:
    for name, of in UNIONS.items():
        assert cooc.lexicon(name).terms == tuple(term for part in of for term in cooc.lexicon(part))
    assert not set.intersection(*(set(cooc.lexicon(name)) for name in UNIONS))


@pytest.mark.parametrize("name", ["19th_century_language", "19th_century_things", "natural_history"])
def test_lists_that_birds_are_measured_by_hold_no_bird(name: str) -> None:
    birds = {b"bird", b"birds", b"auk", b"warbler", b"hawk", b"owl", b"duck", b"gull", b"sparrow", b"pigeon", b"thrush"}
    assert not [term for words, term in words_of(cooc.lexicon(name)).items() if birds & set(words)]


@pytest.mark.parametrize("name", ["orwell", "terminator_villains", "terminator_protectors"])
def test_lists_that_years_are_measured_by_hold_no_year(name: str) -> None:
    words = [word for term in cooc.lexicon(name) for word in term.split()]
    assert not [word for word in words if word.isdigit() and 1800 <= int(word) < 2100]


@real
@needs_shared
def test_no_term_of_a_lexicon_is_a_seed_of_the_published_lists() -> None:
    seeds = {words for file in SHARED.glob("*.txt") for words in words_of(cooc.read_terms(file))}
    found = [(name, term) for name in WRITTEN for words, term in words_of(cooc.lexicon(name)).items() if words in seeds]
    assert found == []


def test_a_lexicon_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(cooc.UsageError, match=r'has no lexicon "orwel". Did you mean orwell or israel\?'):
        cooc.lexicon("orwel")
    with pytest.raises(cooc.UsageError, match=r'cooc has no lexicon "../lexicon"\. It has'):
        cooc.lexicon("../lexicon")


def test_sets_are_named_by_file_by_lexicon_or_given(tmp_path: Path) -> None:
    (tmp_path / "auks.txt").write_text("great auk\nrazorbill\n")
    (tmp_path / "two.toml").write_text('[one]\nterms = ["a"]\n[two]\nterms = ["b"]\n')
    given = cooc.TermSet("mine", ["x"])
    found = named_sets([tmp_path / "auks.txt", "@food", str(tmp_path / "two.toml"), given])
    assert [each.name for each in found] == ["auks", "food", "one", "two", "mine"]
    assert found[1] == cooc.lexicon("food") and found[4] is given
    assert [each.terms for each in named_sets(f"{tmp_path}/two.toml@two")] == [("b",)]
    assert named_set(given) is given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no term set was given: name a file of terms, or a lexicon like @food."),
        (["@food", "@food"], 'two term sets are called "food"; give one of them another name.'),
        (["@fod"], 'cooc has no lexicon "fod". Did you mean food'),
        (["nowhere.txt"], "nowhere.txt: there is no such file of terms"),
        (["nowhere.txt@one"], "nowhere.txt@one: terms are read from .txt, .toml, .json, .jsonl files"),
    ],
)
def test_what_names_no_set_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        named_sets(arguments)


def test_where_one_set_is_wanted_several_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text('[one]\nterms = ["a"]\n[two]\nterms = ["b"]\n')
    with pytest.raises(cooc.UsageError, match=r"holds 2 term sets: one, two\. Name one, like .*two\.toml@one"):
        named_set(file)
    with pytest.raises(cooc.UsageError, match=r'two.toml holds no term set called "three"\. It has: one, two'):
        named_sets([f"{file}@three"])
