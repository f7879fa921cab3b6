"""Years around terms: the same by a plain definition, against the corpus' own, with intervals that hold."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters.year_counts import bins_of, count_years
from cooc.clusters.years import years
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES
from cooc.kernels.years import BROKEN, list_around, list_inside
from tests.corpora import index_of
from tests.naive.years import is_year, years_around

WORDS = ["auk", "great", "1844", "1850", "1984", "12345", "999", "in", "1850s", "0999", "١٨٤٤"]
SHARED = Path(__file__).parents[2] / "shared" / "data"
TERMS = [["auk"], ["great", "auk"], ["great"], ["1984"], ["auk", "1844"]]


def counted(index: cooc.Index, terms: list[list[str]], window: int | None, **options: Any) -> Counter[Any]:
    bins = bins_of(index, 1000, 2099, 1)
    known = [(k, ids) for k, term in enumerate(terms) if (ids := [index.vocabulary.id(w.encode()) for w in term])]
    phrases = [(k, ids) for k, ids in known if None not in ids]
    found = count_years(index, [ids for _, ids in phrases], bins, window=window, **options)
    numbers = [phrases[term][0] for term in found.term.tolist()]
    rows = zip(numbers, found.document.tolist(), (1000 + found.bin).tolist(), found.counts.tolist(), strict=True)
    return Counter({(term, document, year): count for term, document, year, count in rows})


@settings(max_examples=25, deadline=None)
@given(
    documents=st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=5),
    window=st.sampled_from([1, 2, 5, None]),
)
def test_years_are_counted_as_their_definition_says(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[str]], window: int | None
) -> None:
    documents = [[*words, "1777"] for words in documents]
    index = index_of(tmp_path_factory.mktemp("years"), documents, min_count=1)
    assert counted(index, TERMS, window) == years_around(documents, TERMS, window)


@settings(deadline=None)
@given(data=st.data())
def test_words_of_two_codes_are_walked_over_as_one(data: st.DataObject) -> None:
    """Every term above the singles takes a lead and a trail; the year is one of them, or not."""
    tokens = data.draw(st.lists(st.sampled_from([-1, 0, 1, SINGLES, SINGLES + 1, SINGLES + 9000]), max_size=20))
    year = data.draw(st.sampled_from([1, SINGLES + 1, SINGLES + 9000]))
    codes, starts = [SEPARATOR], []
    for token in tokens:
        starts.append(len(codes))
        if token < SINGLES:
            codes.append(SEPARATOR if token < 0 else token)
        else:
            codes += [SINGLES + (token - SINGLES) // 8191, FIRST_TRAIL + (token - SINGLES) % 8191]
    seeds = [k for k, token in enumerate(tokens) if token == SINGLES]
    reach = data.draw(st.integers(1, 4))
    bin_of = np.full(SINGLES + 9001, -1, np.int64)
    bin_of[year] = 7
    stops = [k for k, token in enumerate(tokens) if token < 0]
    expected = []
    for number, seed in enumerate(seeds):
        low = max([-1, *(k for k in stops if k < seed)]) + 1
        high = min([len(tokens), *(k for k in stops if k > seed)])
        around = [*tokens[max(low, seed - reach) : seed], *tokens[seed + 1 : min(high, seed + 1 + reach)]]
        expected += [(number, 7)] * around.count(year)
    rows, bins = np.empty(200, np.int64), np.empty(200, np.int64)
    places = np.array([starts[k] for k in seeds], np.int64)
    sizes = np.full(len(seeds), 2, np.int64)
    values = np.array(codes, np.uint16)
    found = list_around(values, np.int64(SINGLES), bin_of, places, sizes, np.int64(reach), rows, bins)
    assert list(zip(rows[:found].tolist(), bins[:found].tolist(), strict=True)) == expected
    edges = [0, *(starts[k] for k in stops), len(codes)]
    begins, ends = np.array(edges[:-1], np.int64), np.array(edges[1:], np.int64)
    found = list_inside(values, np.int64(SINGLES), bin_of, begins, ends, rows, bins)
    parts = np.split(np.array(tokens, np.int64), stops) if tokens else [np.zeros(0)]
    assert rows[:found].tolist() == [d for d, part in enumerate(parts) for token in part.tolist() if token == year]


@pytest.mark.parametrize("codes", [[SEPARATOR, 0, SINGLES], [SEPARATOR, 0, SINGLES, 5], [SEPARATOR, 0, 9]])
def test_codes_that_are_no_terms_are_found_out(codes: list[int]) -> None:
    values, bin_of, room = np.array(codes, np.uint16), np.full(5, -1, np.int64), np.empty(4, np.int64)
    one = np.array([1], np.int64)
    assert list_around(values, np.int64(SINGLES), bin_of, one, one, np.int64(5), room, room) == BROKEN
    ends = np.array([len(codes)], np.int64)
    assert list_inside(values, np.int64(SINGLES), bin_of, one - 1, ends, room, room) == BROKEN


def test_what_does_not_fit_is_counted_all_the_same() -> None:
    values, bin_of = np.array([SEPARATOR, 0, 1, 1, 1], np.uint16), np.array([-1, 0], np.int64)
    one, room = np.array([1], np.int64), np.full(2, 9, np.int64)
    assert list_around(values, np.int64(SINGLES), bin_of, one, one, np.int64(5), room, room) == 3


BOOK = [
    ["the", "great", "auk", "of", "1844", "and", "1850"], ["an", "auk", "in", "1850"], ["news", "of", "1984", "1984"],
    ["news", "1990", "1991", "2001", "1900"],
]  # fmt: skip


def test_rows_are_those_of_the_set_and_of_its_terms(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    found = years(index, cooc.TermSet("auks", ["Great Auk", "auk", "dodo", "AUK"]), by="year")
    rows = {(row["term"], row["year"]): row for row in found.rows() if row["count"]}
    assert {key: row["count"] for key, row in rows.items()} == {
        ("auks", 1844): 1, ("auks", 1850): 2, ("Great Auk", 1844): 1, ("Great Auk", 1850): 1, ("auk", 1850): 1,
    }  # fmt: skip
    every = [row["year"] for row in found.rows() if row["level"] == "set"]
    assert every == [1844, 1850, 1900, 1984, 1990, 1991, 2001]
    assert rows["auks", 1850]["expected"] == pytest.approx(3 * 2 / 9)
    assert rows["auks", 1850]["corpus"] == 2 and rows["auks", 1850]["documents"] == 2
    assert rows["auks", 1850]["lift"] == pytest.approx(math.log2((2.5 / 4) / (2.5 / 10)))
    assert rows["auks", 1850]["low"] < rows["auks", 1850]["lift"] < rows["auks", 1850]["high"]


@pytest.mark.parametrize(("by", "starts"), [("decade", [1840, 1850]), ("century", [1800])])
def test_years_are_put_together_in_bins(tmp_path: Path, by: str, starts: list[int]) -> None:
    found = years(index_of(tmp_path, BOOK, min_count=1), cooc.TermSet("auks", ["auk"]), by=by)
    assert [row[by] for row in found.rows() if row["level"] == "term"] == starts
    assert found.by == by


def test_the_summary_gives_the_share_of_each_century(tmp_path: Path) -> None:
    found = years(index_of(tmp_path, BOOK, min_count=1), cooc.TermSet("auks", ["great auk", "news"]))
    rows = {(row["term"], row["century"]): row for row in found.summary.rows()}
    assert {key: row["share"] for key, row in rows.items() if key[0] == "great auk"} == {
        ("great auk", "17xx"): 0, ("great auk", "18xx"): 1, ("great auk", "19xx"): 0, ("great auk", "20xx"): 0,
    }  # fmt: skip
    assert rows["auks", "18xx"]["share"] == pytest.approx(2 / 8)
    assert rows["auks", "18xx"]["corpus_share"] == pytest.approx(3 / 9)
    assert rows["great auk", "18xx"]["lift"] == pytest.approx(math.log2(3))
    assert (rows["auks", "18xx"]["years"], rows["auks", "18xx"]["documents"]) == (8, 3)
    assert rows["great auk", "18xx"]["low"] is None  # one document says nothing of others
    assert 0 <= rows["auks", "18xx"]["low"] <= 2 / 8 <= rows["auks", "18xx"]["high"] <= 1


def test_the_document_may_be_the_context(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["auk", *["x"] * 30, "1850", "auk"], ["x", "1900"]], min_count=1)
    assert years(index, cooc.TermSet("a", ["auk"]), window=5).rows()[0]["count"] == 1
    assert years(index, cooc.TermSet("a", ["auk"]), window="document").rows()[0]["count"] == 2


def test_a_slice_is_compared_with_its_own_years(tmp_path: Path) -> None:
    lines = [{"year": 1, "text": "auk 1850 1900"}, {"year": 2, "text": "auk 1850 1850 2001"}]
    source = tmp_path / "c.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    index = cooc.build(source, tmp_path / "i", meta_fields=["year"], workers=1)
    found = years(index, cooc.TermSet("a", ["auk"]), where="year = 1", by="year")
    rows = {row["year"]: (row["count"], row["corpus"]) for row in found.rows() if row["level"] == "set"}
    assert rows == {1850: (1, 1), 1900: (1, 1)}
    assert found.provenance.slices[0]["where"] == "year = 1"


def test_sets_are_told_apart_and_unknown_terms_have_no_years(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    found = years(index, [cooc.TermSet("auks", ["auk"]), cooc.TermSet("none", ["dodo"])])
    none = [row for row in found.rows() if row["set"] == "none"]
    assert {row["count"] for row in none} == {0} and {row["lift"] for row in none} == {None}
    assert {row["share"] for row in found.summary.rows() if row["set"] == "none"} == {None}


def test_results_do_not_depend_on_anything_but_the_seed(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    asked = cooc.TermSet("auks", ["auk", "news"])
    assert years(index, asked).to_dict() == years(index, asked).to_dict()
    other = years(index, asked, seed=1).to_dict()
    assert other["rows"] == years(index, asked).to_dict()["rows"]


def test_ninety_percent_intervals_of_a_share_hold_it_nine_times_in_ten(tmp_path: Path) -> None:
    """200 corpora in one index: documents differ in how often they say 18xx, by a Beta of mean 0.4."""
    random = np.random.default_rng(0)
    corpora, size = 200, 40
    documents = []
    for number in range(corpora):
        for share in random.beta(2, 3, size):
            count = 1 + int(random.poisson(5))
            kinds = np.where(random.random(count) < share, "1850", "1950")
            documents.append([word for kind in kinds for word in (f"seed{number}", str(kind), *["x"] * 3)])
    index = index_of(tmp_path, documents, min_count=50)
    asked = cooc.TermSet("seeds", [f"seed{number}" for number in range(corpora)])
    found = years(index, asked, window=1, confidence=0.9, replicates=400)
    rows = [row for row in found.summary.rows() if row["level"] == "term" and row["century"] == "18xx"]
    held = sum(row["low"] <= 0.4 <= row["high"] for row in rows)
    assert len(rows) == corpora
    assert 0.85 <= held / corpora <= 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "month"}, 'years are counted by year, decade, century, not by "month"'),
        ({"first": 1900, "last": 1800}, "years from 1900 to 1800: expected four digits"),
        ({"last": 12_000}, "years from 1000 to 12000: expected four digits"),
        ({"first": 1100, "last": 1200}, "no year from 1100 to 1200 is a term of index"),
        ({"window": "page"}, '--window "page": expected a number of tokens, or document'),
        ({"confidence": 1.5}, "confidence 1.5, replicates 1000: expected 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    with pytest.raises(cooc.UsageError, match=message):
        years(index, cooc.TermSet("auks", ["auk"]), **options)


def test_an_index_whose_tokens_are_no_years_says_so(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, tokenizer="bytes")
    with pytest.raises(cooc.UsageError, match="its tokenizer cuts 2099 into 2 0 9 9"):
        years(index, cooc.TermSet("auks", ["auk"]))


def test_a_result_draws_each_set(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    asked = [cooc.TermSet("auks", ["auk"]), cooc.TermSet("none", ["dodo"])]
    figure = years(index, asked).plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["auks", "", "none", ""]


def test_the_command_prints_rows_and_a_summary_and_draws(tmp_path: Path) -> None:
    index = index_of(tmp_path, BOOK, min_count=1)
    terms, drawn = tmp_path / "auks.txt", tmp_path / "years.svg"
    terms.write_text("auk\ngreat auk\n")
    given = ["years", str(index.path), "--terms", str(terms)]
    done = CliRunner().invoke(app, [*given, "--by", "year", "--json", "--plot", str(drawn)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {"set", "level", "term", "year", "count", "expected", "lift"} <= set(document["rows"][0])
    assert document["summary"][0]["century"] == "17xx"
    assert "<svg" in drawn.read_text()
    shown = CliRunner().invoke(app, given)
    assert "corpus_share" in shown.stdout and "decade" in shown.stdout and "great auk" in shown.stdout
    assert CliRunner().invoke(app, [*given, "--plot", "x.bmp"]).exit_code == 1


def test_only_tokens_of_four_plain_digits_are_years() -> None:
    assert [word for word in WORDS if is_year(word, 1000, 2099)] == ["1844", "1850", "1984"]


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_old_bird_names_stand_among_the_years_of_the_19th_century(tmp_path: Path) -> None:
    """In old books of natural history and in an encyclopaedia; of the books alone the years would say little."""
    sources = [SHARED / "corpora" / "nathist", SHARED / "corpora" / "enwiki" / "enwiki2018-000.jsonl.zst"]
    index = cooc.build(sources, tmp_path / "index", min_count=50, ngrams=1, window=1)
    found = years(index, SHARED / "terms" / "birds_old_audubon.txt", window="document")
    row = next(r for r in found.summary.rows() if r["level"] == "set" and r["century"] == "18xx")
    assert row["low"] > row["corpus_share"]
