"""Terms that set one slice of a corpus apart from another, and the statistics that choose them."""

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
from cooc.clusters.derive import write_terms
from cooc.clusters.keyness import Side, keyness
from cooc.clusters.spread import spread_of
from cooc.query.ngrams import ngram_terms
from cooc.query.slices import slice_of
from tests.naive.spread import spread

ALL = "path ~ jsonl"
FILLER = [f"w{chr(97 + k)}" for k in range(20)]


def built(folder: Path, rows: list[tuple[int, list[str]]], **options: Any) -> cooc.Index:
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"id": str(k), "year": year, "text": " ".join(words)}) for k, (year, words) in enumerate(rows))
    source = folder / "corpus.jsonl"
    source.write_text("".join(line + "\n" for line in lines))
    given = {"workers": 1, "memory": "256MB", "meta_fields": ["year"], "min_count": 1, **options}
    return cooc.build(source, folder / "index", **given)


def planted(random: np.random.Generator, *, documents: int = 60, extra: dict[str, float] | None = None) -> Any:
    """Documents of two centuries: the same filler; `old` words stand in the first, as often as `extra` says."""
    rows = []
    for number in range(documents):
        words = [str(word) for word in random.choice(FILLER, 200)]
        if number % 2 == 0:
            for word, rate in (extra or {}).items():
                words += [word] * int(random.poisson(200 * rate))
        random.shuffle(words)
        rows.append((1850 if number % 2 == 0 else 1950, words))
    return rows


@settings(max_examples=15, deadline=None)
@given(documents=st.lists(st.lists(st.sampled_from("abcd"), max_size=12), min_size=1, max_size=8))
def test_spread_is_what_its_definition_says(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[str]]
) -> None:
    documents = [[*words, "z"] for words in documents]
    index = built(tmp_path_factory.mktemp("spread"), [(1, words) for words in documents], ngrams=3)
    for n, side in enumerate(spread_of(slice_of(index, ALL), 3), start=1):
        kept = {tuple(words[k : k + n]) for words in documents for k in range(len(words))}
        ids = ngram_terms(index, n, np.arange(side.sums.shape[1]))
        names = zip(*(index.vocabulary.terms(part) for part in ids), strict=True)
        assert dict(zip(names, map(tuple, side.sums.T.tolist()), strict=True)) == spread(documents, n, kept)
        assert side.tokens == sum(map(len, documents))
        assert side.lengths_squared == sum(len(words) ** 2 for words in documents)


def test_rare_words_of_two_codes_and_thresholds_of_ngrams_are_counted_right(tmp_path: Path) -> None:
    documents = [["a", "b", "a", "b"], ["a", "b", "c"]]
    index = built(tmp_path, [(1, words) for words in documents], min_count=2, ngrams=2)
    side = spread_of(slice_of(index, ALL), 2)[1]
    assert side.sums.T.tolist() == [[3, 2, 5, 2 * 4 + 1 * 3, 2]]  # "a b" alone reaches the threshold


def side(counts: list[int], length: int = 100) -> Side:
    """One term with these counts in documents of one length."""
    c = np.array(counts)
    sums = np.array([[c.sum()], [(c > 0).sum()], [(c**2).sum()], [(c * length).sum()], [c.max()]])
    return Side(sums, length * len(c), len(c), length**2 * len(c))


def test_a_log_ratio_is_that_of_the_rates() -> None:
    found = keyness(side([8] * 50), side([2] * 50))
    assert found.log_ratio[0] == pytest.approx(math.log2(400.5 / 100.5))
    assert found.low[0] < 2 < found.high[0]


def test_g2_is_that_of_the_table_of_two_texts() -> None:
    found = keyness(side([8] * 50), side([2] * 50))
    observed, expected = (400, 100, 4600, 4900), (250, 250, 4750, 4750)
    assert found.g2[0] == pytest.approx(2 * sum(o * math.log(o / e) for o, e in zip(observed, expected, strict=True)))


def test_a_word_of_one_document_has_a_wide_interval_at_the_same_count() -> None:
    even, burst = keyness(side([4] * 50), side([1] * 50)), keyness(side([200] + [0] * 49), side([1] * 50))
    assert even.log_ratio == burst.log_ratio and even.g2 == burst.g2
    assert even.low[0] > 1 > 0 > burst.low[0]


def test_an_interval_is_never_narrower_than_that_of_a_count() -> None:
    """Where every document has the same count, documents differ by nothing, but counts do."""
    found = keyness(side([1] * 4), side([1] * 4))
    assert found.high[0] - found.low[0] == pytest.approx(2 * 1.959964 * math.sqrt(2 / 4.5) / math.log(2), rel=1e-5)


def test_ninety_percent_intervals_hold_the_planted_ratio_nine_times_in_ten() -> None:
    """Counts of documents differ by more than chance: gamma rates, so that a Poisson interval would fail."""
    random = np.random.default_rng(5)
    held = poisson = 0
    for _ in range(400):
        ones, others = (
            side(random.poisson(random.gamma(0.5, mean / 0.5, 80)).tolist()) for mean in (8.0, 2.0)
        )  # fmt: skip
        found = keyness(ones, others, 0.9)
        held += int(found.low[0] <= 2 <= found.high[0])
        reach = 1.6449 / math.log(2) * math.sqrt(1 / ones.counts[0] + 1 / others.counts[0])
        poisson += int(abs(found.log_ratio[0] - 2) <= reach)
    assert 0.85 <= held / 400 <= 0.95
    assert poisson / 400 < 0.7


def test_the_words_that_were_planted_are_derived_and_no_others(tmp_path: Path) -> None:
    words = {"thither": 0.05, "ere": 0.02, "quoth": 0.01}
    index = built(tmp_path, planted(np.random.default_rng(1), extra=words))
    found = cooc.derive(index, where="year < 1900")
    assert found.term_set.terms == ("thither", "ere", "quoth")
    assert found.columns["count_against"].tolist() == [0, 0, 0]


def test_nothing_is_derived_where_nothing_differs(tmp_path: Path) -> None:
    index = built(tmp_path, planted(np.random.default_rng(2)))
    with pytest.raises(cooc.UsageError, match=r"no term of year < 1900 is surely 4 times as frequent there as in rest"):
        cooc.derive(index, where="year < 1900")


def test_a_word_of_one_document_does_not_win(tmp_path: Path) -> None:
    rows = planted(np.random.default_rng(3), extra={"thither": 0.02})
    rows[0][1].extend(["ahab"] * 400)
    index = built(tmp_path, rows)
    assert cooc.derive(index, where="year < 1900").term_set.terms == ("thither",)
    all_terms = cooc.derive(index, where="year < 1900", min_documents=1, min_log_ratio=-20.0).term_set.terms
    assert all_terms[0] == "ahab"  # which G² alone would put first


def test_documents_that_hold_a_seed_have_no_vote(tmp_path: Path) -> None:
    rows = planted(np.random.default_rng(4), extra={"thither": 0.05})
    for number in range(0, 20, 2):
        rows[number][1].extend(["great", "auk", *["rookery"] * 30])
    index = built(tmp_path, rows)
    with_all = cooc.derive(index, where="year < 1900", min_log_ratio=1.0)
    held = cooc.derive(
        index, where="year < 1900", held_out=cooc.TermSet("birds", ["Great Auk", "dodo"]), min_log_ratio=1.0
    )
    assert "rookery" in with_all.term_set.terms
    assert held.term_set.terms == ("thither",)
    assert held.provenance.parameters["documents_held_out"] == 10
    assert held.provenance.slices[0]["documents"] == 20
    assert "10 documents that hold one of 2 seeds had no vote" in held.term_set.note


def test_a_derived_list_is_the_same_as_if_the_seeds_documents_were_not_there(tmp_path: Path) -> None:
    """Over the terms of both: an index of fewer documents numbers its terms in another way."""
    rows = planted(np.random.default_rng(6), extra={"thither": 0.05, "ere": 0.02})
    with_seed = [(year, [*words, "auk"] if k % 5 == 0 else words) for k, (year, words) in enumerate(rows)]
    held = cooc.derive(built(tmp_path / "a", with_seed), where="year < 1900", held_out=cooc.TermSet("birds", ["auk"]))
    without = cooc.derive(built(tmp_path / "b", [r for k, r in enumerate(rows) if k % 5]), where="year < 1900")
    assert held.rows() == without.rows()


def test_no_word_of_a_seed_is_chosen(tmp_path: Path) -> None:
    rows = planted(np.random.default_rng(7), extra={"thither": 0.05, "great": 0.05})
    index = built(tmp_path, rows)
    found = cooc.derive(index, where="year < 1900", held_out=cooc.TermSet("birds", ["great auk"]))
    assert found.term_set.terms == ("thither", "great")  # no auk in the corpus, so no such seed
    rows[1][1].append("auk")
    found = cooc.derive(built(tmp_path / "b", rows), where="year < 1900", held_out=cooc.TermSet("birds", ["great auk"]))
    assert found.term_set.terms == ("thither",)


def test_longer_terms_are_taken_where_no_shorter_one_was(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    rows = planted(random, extra={"thither": 0.03})
    for number, (_, words) in enumerate(rows):
        words += ["to", "morrow"] * 4 if number % 2 == 0 else ["to", "x", "morrow"] * 4
    found = cooc.derive(built(tmp_path, rows), where="year < 1900", longest=2, numbers=True)
    assert found.term_set.terms == ("thither", "to morrow")


def test_words_with_digits_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    index = built(tmp_path, planted(np.random.default_rng(9), extra={"1850": 0.05, "thither": 0.05}))
    assert cooc.derive(index, where="year < 1900").term_set.terms == ("thither",)
    assert set(cooc.derive(index, where="year < 1900", numbers=True).term_set.terms) == {"thither", "1850"}


def test_the_two_rankings_put_the_frequent_or_the_distinctive_first(tmp_path: Path) -> None:
    random = np.random.default_rng(10)
    rows = planted(random, documents=120, extra={"quoth": 0.01})
    for number, (_, words) in enumerate(rows):
        words += ["he"] * int(random.poisson(40 if number % 2 == 0 else 5))
    index = built(tmp_path, rows)
    options: dict[str, Any] = {"where": "year < 1900", "min_log_ratio": 1.0}
    assert cooc.derive(index, **options).term_set.terms == ("he", "quoth")
    assert cooc.derive(index, measure="log_ratio", **options).term_set.terms == ("quoth", "he")


def test_a_derived_set_is_written_and_read_back(tmp_path: Path) -> None:
    index = built(tmp_path, planted(np.random.default_rng(11), extra={"thither": 0.05}))
    found = cooc.derive(index, where='year < 1900 and path ~ "corpus"', name="old")
    assert cooc.read_terms(found.write(tmp_path / "old.toml")) == found.term_set


@given(text=st.text(min_size=1).filter(str.strip), note=st.text())
def test_any_term_is_written_and_read_back(tmp_path_factory: pytest.TempPathFactory, text: str, note: str) -> None:
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text + note):
        return
    made = cooc.TermSet("x", [text], note=note)
    assert cooc.read_terms(write_terms(made, tmp_path_factory.mktemp("terms") / "x.toml")) == made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": "year < 1870"}, "year < 1900 and year < 1870 share 30 documents"),
        ({"where": "year < 1000"}, "no document is left of year < 1000. Choose"),
        ({"held_out": "@food"}, None),
        (
            {"held_out": cooc.TermSet("all", FILLER)},
            "no document is left of year < 1900: all its 30 documents hold a seed",
        ),
        ({"measure": "npmi"}, 'derived terms are ranked by g2 or log_ratio, not by "npmi"'),
        ({"top": 0}, "top is 0; expected at least 1"),
        ({"longest": 7}, "has no 4-grams"),
        ({"confidence": 1.0}, "confidence is 1.0; it must lie between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any], message: str | None) -> None:
    index = built(tmp_path, planted(np.random.default_rng(12), extra={"thither": 0.05}))
    given = {"where": "year < 1900", **options}
    if message is None:
        assert cooc.derive(index, **given).term_set.terms == ("thither",)
        return
    with pytest.raises(cooc.UsageError, match=message.replace("(", r"\(")):
        cooc.derive(index, **given)


def test_a_derived_result_draws_its_terms_with_intervals(tmp_path: Path) -> None:
    index = built(tmp_path, planted(np.random.default_rng(13), extra={"thither": 0.05, "ere": 0.02}))
    figure = cooc.derive(index, where="year < 1900").plot()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["thither", "ere"]


def test_the_command_derives_writes_and_draws(tmp_path: Path) -> None:
    index = built(tmp_path, planted(np.random.default_rng(14), extra={"thither": 0.05, "ere": 0.02}))
    out, drawn = tmp_path / "old.toml", tmp_path / "old.png"
    options = ["--where", "year < 1900", "--out", str(out), "--plot", str(drawn), "--name", "old"]
    done = CliRunner().invoke(app, ["derive", str(index.path), *options, "--json"])
    assert done.exit_code == 0, done.output
    assert [row["term"] for row in json.loads(done.stdout)["rows"]] == ["thither", "ere"]
    assert cooc.read_terms(out).terms == ("thither", "ere")
    assert drawn.read_bytes()[:4] == b"\x89PNG"
    shown = CliRunner().invoke(app, ["derive", str(index.path), "--where", "year < 1900"])
    assert shown.stdout.split()[:4] == ["term", "g2", "log_ratio", "low"]


def test_the_command_shows_the_lexicons() -> None:
    listed = CliRunner().invoke(app, ["lexicons"])
    assert "19th_century_language" in listed.stdout
    one = CliRunner().invoke(app, ["lexicons", "orwell"])
    assert one.stdout.splitlines() == list(cooc.lexicon("orwell"))
    everything = json.loads(CliRunner().invoke(app, ["lexicons", "--json"]).stdout)
    assert [each["name"] for each in everything] == cooc.lexicons()
    assert CliRunner().invoke(app, ["lexicons", "orwel"]).exit_code == 1
