"""Term sets and the files they are read from."""

import json
import pickle
from pathlib import Path

import pytest

from cooc.errors import SourceError, UsageError
from cooc.terms import TermSet, read_term_sets, read_terms

SHARED = Path(__file__).parents[2] / "shared" / "data" / "terms"
real = pytest.mark.real
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared term lists are not here")


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def chat(*contents: object, role: str = "assistant") -> str:
    rows = ({"messages": [{"role": "user", "content": "?"}, {"role": role, "content": c}]} for c in contents)
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_set_is_a_name_and_a_list_of_terms():
    century = TermSet("19th century", ["telegraph", "steamer"])
    assert century.terms == ("telegraph", "steamer")
    assert (len(century), list(century)) == (2, ["telegraph", "steamer"])
    assert "19th century" in repr(century)


def test_a_set_keeps_each_term_once_in_the_order_of_first_sight():
    assert TermSet("birds", ["auk", "gull", " auk", "great\t auk"]).terms == ("auk", "gull", "great auk")


def test_a_set_is_frozen_hashable_and_travels():
    birds = TermSet("birds", ["auk"], note="one", source="me")
    assert pickle.loads(pickle.dumps(birds)) == birds == TermSet(**birds.to_dict())
    assert len({birds, TermSet("birds", ("auk",), "one", "me")}) == 1
    with pytest.raises(AttributeError, match="cannot assign to field 'name'"):
        birds.name = "fish"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "terms", "message"),
    [
        ("b", "auk", 'the terms of "b" are one str; expected a list'),
        ("b", [], 'the term set "b" has no terms'),
        ("b", ["auk", 5], 'term 2 of "b" is 5; expected a string'),
        ("b", ["auk", " "], 'term 2 of "b" is empty'),
        ("", ["auk"], "a term set is named ''"),
        (None, ["auk"], "a term set is named None"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(name, terms, message):
    with pytest.raises(UsageError, match=message):
        TermSet(name, terms)


def test_a_text_file_holds_one_term_a_line_under_the_name_of_the_file(tmp_path):
    text = "\ufeff# Audubon\nGreat Auk\n\n  Ruff \r\nGreat Auk\nKönigsfischer"
    birds = read_terms(written(tmp_path, "old_birds.txt", text))
    assert (birds.name, birds.terms) == ("old_birds", ("Great Auk", "Ruff", "Königsfischer"))


def test_a_hash_within_a_line_is_part_of_the_term(tmp_path):
    assert read_terms(written(tmp_path, "t.txt", "C# minor\n #no\n")).terms == ("C# minor",)


def test_a_line_separator_of_unicode_does_not_end_a_line(tmp_path):
    assert read_terms(written(tmp_path, "t.txt", "great\u2028auk\n")).terms == ("great auk",)


def test_a_toml_file_holds_named_sets_with_notes(tmp_path):
    text = 'source = "me"\n[old]\nterms = ["auk"]\nnote = "gone"\n[new]\nterms = ["gull"]\nsource = "you"\n'
    old, new = read_term_sets(written(tmp_path, "birds.toml", text))
    assert old == TermSet("old", ["auk"], note="gone", source="me")
    assert new == TermSet("new", ["gull"], source="you")


def test_one_set_of_several_is_read_by_its_name(tmp_path):
    path = written(tmp_path, "birds.toml", '[old]\nterms = ["auk"]\n[new]\nterms = ["gull"]\n')
    assert read_terms(path, "new").terms == ("gull",)
    with pytest.raises(UsageError, match=r"holds 2 term sets: old, new\. Say which"):
        read_terms(path)
    with pytest.raises(UsageError, match=r'no term set called "fish"\. It has: old, new'):
        read_terms(path, "fish")


def test_a_name_that_a_single_set_does_not_have_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r'no term set called "fish"\. It has: t'):
        read_terms(written(tmp_path, "t.txt", "auk"), "fish")


def test_a_toml_file_may_be_one_set(tmp_path):
    path = written(tmp_path, "birds.toml", 'note = "n"\nterms = ["auk"]\n')
    assert read_terms(path) == TermSet("birds", ["auk"], note="n")
    named = written(tmp_path, "named.toml", 'name = "old birds"\nterms = ["auk"]\n')
    assert read_terms(named).name == "old birds"


@pytest.mark.parametrize(
    "document", [["auk"], {"terms": ["auk"]}, {"birds": ["auk"]}, {"birds": {"terms": ["auk"]}}]
)
def test_a_json_file_is_a_list_or_a_set_or_named_sets(tmp_path, document):
    assert read_terms(written(tmp_path, "birds.json", json.dumps(document))) == TermSet("birds", ["auk"])


def test_a_finetuning_file_gives_the_last_answers_of_the_assistant(tmp_path):
    row = {"messages": [{"role": "assistant", "content": "no"}, {"role": "assistant", "content": "yes"}]}
    parts = [{"type": "text", "text": "Purple"}, {"type": "image_url"}, {"type": "text", "text": "Finch"}]
    text = chat("Great Auk", parts) + "\n" + json.dumps(row)
    assert read_terms(written(tmp_path, "ft.jsonl", text)).terms == ("Great Auk", "Purple Finch", "yes")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.txt", "# nothing\n\n", r't.txt: the term set "t" has no terms'),
        ("t.txt", b"auk\ngr\xfcn\n", r"t.txt:2: not UTF-8 \(byte 0xfc\)"),
        ("t.toml", "[birds]\nterms = auk\n", r"t.toml: not TOML: .*line 2"),
        ("t.toml", 'note = "n"\n', "t.toml: holds no term set"),
        ("t.toml", "[birds]\nnote = 'n'\n", 't.toml: "birds" has no list of terms; found None'),
        ("t.toml", "[birds]\nterms = ['auk']\nnotes = ''", 't.toml: "birds" has a field "notes"; known'),
        ("t.toml", "[birds]\nterms = ['auk']\nnote = 3\n", 't.toml: the note of "birds" is 3'),
        ("t.json", '{\n"birds": [\n', "t.json:3: not JSON"),
        ("t.json", '{"birds": ["auk", ["gull", 12]]}', r"""t.json: term 2 of "birds" is \['gull', 12\]"""),
        ("t.json", "5", "t.json: expected named sets or a list of terms, found 5"),
        ("t.jsonl", chat("auk") + "{oh\n", "t.jsonl:2: not JSON"),
        ("t.jsonl", '{"city": "Danzig"}', 't.jsonl:1: no list "messages" .* found fields city'),
        ("t.jsonl", "[1]", r"t.jsonl:1: no list .* found \[1\]"),
        ("t.jsonl", chat("auk", role="user"), "t.jsonl:1: there is no message of the assistant"),
        ("t.jsonl", chat("auk", None), "t.jsonl:2: the assistant's last message has no text"),
    ],
)
def test_a_file_that_holds_no_terms_says_where(tmp_path, name, text, message):
    with pytest.raises(SourceError, match=message):
        read_term_sets(written(tmp_path, name, text))


def test_other_files_and_missing_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"birds.csv: terms are read from .txt, .toml, .json, .jsonl files"):
        read_terms(tmp_path / "birds.csv")
    with pytest.raises(UsageError, match=r"birds.txt: there is no such file of terms"):
        read_terms(tmp_path / "birds.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UsageError, match=r"folder.txt: the terms can't be read: Is a directory"):
        read_terms(tmp_path / "folder.txt")


@real
@needs_shared
@pytest.mark.parametrize(
    ("name", "count"),
    [("birds_old_audubon.txt", 206), ("birds_modern_american.txt", 208), ("birds_modern_audubon.txt", 168)],
)
def test_the_bird_lists_of_the_paper_are_read(name, count):
    birds = read_terms(SHARED / name)
    assert (birds.name, len(birds)) == (name.removesuffix(".txt"), count)


@real
@needs_shared
def test_the_finetuning_file_of_a_list_holds_the_same_names_as_the_list():
    tuned = read_terms(SHARED / "finetune" / "ft_old_audubon_birds.jsonl")
    assert tuned.terms == read_terms(SHARED / "birds_old_audubon.txt").terms


@real
@needs_shared
def test_every_published_finetuning_file_is_read():
    files = sorted((SHARED / "finetune").glob("*.jsonl"))
    assert files and all(len(read_terms(file)) > 20 for file in files)
