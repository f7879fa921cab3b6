"""A slice of an index says what an index of those documents alone would say."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

import cooc
from cooc.cli import main
from cooc.create.pipeline import build
from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels import slices as kernels
from cooc.query import compare, slices, where
from cooc.query.slices import slice_of
from tests.naive import slices as naive

WORDS = ["a", "b", "c", "auk", "great", "d"]
PHRASES = ["great auk", "a a", "b c a", "auk"]
YEARS = st.sampled_from([1899, "1899", 1900, 1901.5, "2000", "undated", "", None, True, [1899]])
documents_of = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), max_size=14), YEARS, st.sampled_from(["web", "news", "old books"])),
    min_size=1, max_size=7,
)  # fmt: skip
quick = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
Document = tuple[Sequence[str], Any, str]


def index_of(documents: Sequence[Document], folder: Path | None = None, **options: Any) -> Index:
    """An index of documents with a year and a source."""
    folder = folder or Path(tempfile.mkdtemp())
    source = folder / "corpus.jsonl"
    source.write_text("".join(
        json.dumps({"text": " ".join(words), "year": year, "meta": {"source": name}}) + "\n"
        for words, year, name in documents
    ))  # fmt: skip
    chosen = {"workers": 1, "memory": "256MB", "ngrams": 1, "meta_fields": ("year", "meta.source"), **options}
    return Index(build([source], folder / "index", **chosen))


BIRDS: list[Document] = [(text.split(), year, source) for text, year, source in (
    ("the great auk and the great bustard", 1840, "books"),
    ("the auk is great", "1898", "books"),
    ("a bustard", None, "web"),
    ("auk auk auk", 1905, "web"),
    ("the great auk and a great auk", "c. 1910", "web"),
)]  # fmt: skip


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return index_of(BIRDS, tmp_path_factory.mktemp("birds"), window=[2, 4], terms=["great auk", "auk"])


@pytest.fixture(params=["together", "apart"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all documents together, once in chunks of some codes on several threads."""
    if request.param == "apart":
        monkeypatch.setattr(slices, "CHUNK", 8)
        monkeypatch.setattr(slices, "BLOCK", 4)


def same(found: Any, expected: Any) -> bool:
    """Counts are equal; a measure may differ in its last digit, since Σ C1^α adds the words up in another order."""
    return found == (pytest.approx(expected, rel=1e-9, abs=1e-12) if isinstance(expected, float) else expected)


def agree(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if not same(found[name], expected[name])] == []


# --- the law


@quick
@given(
    documents_of, st.integers(1, 12), st.sampled_from(["symmetric", "right", "left"]), st.booleans(),
    st.sampled_from(["year < 1900", "not meta.source = 'old books'", "year in (1900, 2000) or meta.source ~ e"]),
)  # fmt: skip
def test_a_slice_is_the_index_of_its_documents(
    chunks: None, documents: list[Document], window: int, direction: str, harmonic: bool, expression: str
) -> None:
    options: dict[str, Any] = {
        "window": window, "direction": direction, "weighting": "harmonic" if harmonic else "uniform", "terms": PHRASES,
    }  # fmt: skip
    whole = index_of(documents, **options)
    mask = where.mask_of(whole, expression)
    chosen = [document for document, inside in zip(documents, mask.tolist(), strict=True) if inside]
    if not any(words for words, _, _ in chosen):
        return
    alone = index_of(chosen, **options)
    part = slice_of(whole, expression)
    assert (part.documents, part.tokens) == (alone.manifest.documents, alone.manifest.tokens)
    terms = alone.units.names(list(range(len(alone.units))))
    counted = cooc.count(whole, *terms, "a great", where=expression).rows()
    for row in counted:
        expected = cooc.count(alone, row["phrase"]).rows()[0]
        assert (row["occurrences"], row["documents"]) == (expected["occurrences"], expected["documents"])
        assert row["per_million"] == pytest.approx(1e6 * expected["occurrences"] / alone.manifest.tokens)
    listed = set(alone.units.names(alone.units.listed))
    for name in alone.windows:
        asked = [term for term in terms if name != "document" or term in listed]
        if not asked:
            continue
        question: dict[str, Any] = {"measure": "count", "top": 10**6, "min_count": 0, "window": name}
        ours = cooc.neighbors(whole, asked, where=expression, **question).rows()
        theirs = cooc.neighbors(alone, asked, **question).rows()
        by_terms = {(row["of"], row["term"]): row for row in theirs}
        assert {(row["of"], row["term"]) for row in ours} == set(by_terms)
        for row in ours:
            agree(row, by_terms[row["of"], row["term"]])
        for a, b in [(asked[0], terms[-1]), (asked[-1], terms[0]), (asked[0], asked[0])]:
            found = cooc.pair(whole, a, b, window=name, where=expression).rows()[0]
            agree(found, cooc.pair(alone, a, b, window=name).rows()[0])


@quick
@given(documents_of, st.integers(1, 4))
def test_words_without_rows_keep_their_places_in_a_slice_too(
    chunks: None, documents: list[Document], most: int
) -> None:
    """All documents match, so that the rows are those of the index itself."""
    for options in ({"window": 3}, {"window": 3, "weighting": "harmonic"}):
        index = index_of(documents, max_terms=most, terms=["great auk"], **options)
        for name in index.windows:
            part = slice_of(index, "linenum > 0").pairs(name)
            matrix = index.pairs(name)
            assert part.row_sums.all().tolist() == matrix.row_sums.all().tolist()
            assert part.total == matrix.total
            for unit in range(len(index.units)):
                if matrix.has_row(unit):
                    assert [each.tolist() for each in part.row(unit)] == [each.tolist() for each in matrix.row(unit)]


@quick
@given(documents_of)
def test_a_slice_and_the_rest_are_the_corpus(chunks: None, documents: list[Document]) -> None:
    index = index_of(documents, window=2)
    [row, *_] = cooc.count(index, "a", where="year < 1900", against="rest").rows()
    [all_] = cooc.count(index, "a").rows()
    assert row["occurrences"] + row["occurrences_against"] == all_["occurrences"]
    assert row["documents"] + row["documents_against"] == all_["documents"]
    part = slice_of(index, "year < 1900")
    assert part.documents + part.rest.documents == index.manifest.documents
    assert part.tokens + part.rest.tokens == index.manifest.tokens


def test_pairs_below_the_threshold_of_an_index_are_counted_in_a_slice(tmp_path: Path) -> None:
    index = index_of(BIRDS, tmp_path, window=2, min_pair_count=3)
    assert cooc.pair(index, "auk", "is").rows()[0]["count"] is None
    [row] = cooc.pair(index, "auk", "is", where="year < 1900").rows()
    assert (row["count"], row["status"]) == (1, "counted")
    [row] = cooc.pair(index, "auk", "is", where="year > 1900").rows()
    assert (row["count"], row["status"], row["pmi"]) == (0, "never seen", None)


def test_a_byte_index_has_slices_too(tmp_path: Path) -> None:
    index = index_of([(["abab"], 1, "x"), (["ж"], 2, "x")], tmp_path, tokenizer="bytes", window=2)
    assert cooc.pair(index, "a", "b", where="year = 1").rows()[0]["count"] == 3
    assert cooc.count(index, "ab", where="year = 2").rows()[0]["occurrences"] == 0
    assert slice_of(index, "year = 2").tokens == 2


def test_a_slice_of_no_documents_has_nothing(birds: Index) -> None:
    assert len(cooc.neighbors(birds, "auk", where="year < 1", min_count=0)) == 0
    row = cooc.pair(birds, "auk", "great", where="year < 1").rows()[0]
    assert (row["count"], row["n"], row["expected"], row["pmi"]) == (0, 0, None, None)
    [row] = cooc.count(birds, "auk", where="year < 1", against="rest").rows()
    assert (row["occurrences"], row["per_million"], row["log_ratio"], row["log_ratio_low"]) == (0, None, None, None)


# --- expressions


FIELDS = {"year": YEARS, "meta.source": st.sampled_from(["web", "news", "old books", 7, None])}
VALUES = st.sampled_from([1900, 1899.0, "1899", "web", "undated", "e", "", "2000", "true"])


@st.composite
def trees(draw: Any, depth: int = 3) -> Any:
    kind = draw(st.sampled_from(["test"] * 2 + (["and", "or", "not"] if depth else [])))
    if kind == "test":
        field = draw(st.sampled_from([*FIELDS, "linenum"]))
        sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", "in"]))
        values = st.lists(VALUES, min_size=1, max_size=3) if sign == "in" else VALUES
        return field, sign, draw(values)
    parts = 1 if kind == "not" else draw(st.integers(2, 3))
    return kind, *(draw(trees(depth - 1)) for _ in range(parts))


def written(tree: Any) -> str:
    """A tree as a user would write it."""
    head, *rest = tree
    if head == "not":
        return f"not ({written(rest[0])})"
    if head in ("and", "or"):
        return f" {head.upper()} ".join(f"({written(part)})" for part in rest)
    sign, value = rest
    if sign == "in":
        return f"{head} in ({', '.join(map(literal, value))})"
    return f"{head}{sign}{literal(value)}"


def literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


@settings(max_examples=300, deadline=None)
@given(trees(), st.fixed_dictionaries(FIELDS), st.integers(1, 2000))
def test_an_expression_means_what_it_says(tree: Any, values: dict[str, Any], line: int) -> None:
    node = where.parsed(written(tree), [*FIELDS, "linenum"])
    held = {field: where.plain(value) for field, value in {**values, "linenum": line}.items()}
    assert node.truth(held) == naive.truth(tree, {**values, "linenum": line})


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        ("year<1900", [1, 2]),
        ("year >= 1898", [2, 4]),
        ("year = 1898", [2]),
        ('year == "1898.0"', []),
        ("year != 1840", [2, 4, 5]),
        ("not year < 1900", [4]),
        ("year = 'c. 1910'", [5]),
        ("year ~ 19", [4, 5]),
        ("year in (1840, 'c. 1910')", [1, 5]),
        ("year not in (1840, 1898)", [4, 5]),
        ("meta.source = web and not year > 1900 or linenum = 1", [1]),
        ("meta.source = web AND (year > 1900 OR linenum <= 3)", [3, 4]),
        ("'meta.source' > c", [3, 4, 5]),
        ("path ~ corpus", [1, 2, 3, 4, 5]),
        ("id = 1", []),
    ],
)
def test_documents_match(birds: Index, expression: str, lines: list[int]) -> None:
    assert (np.flatnonzero(where.mask_of(birds, expression)) + 1).tolist() == lines


def test_what_is_missing_matches_neither_an_expression_nor_its_opposite(birds: Index) -> None:
    for expression in ("year < 1900", "not year < 1900"):
        assert slice_of(birds, expression).documents_missing == 2  # null, and "c. 1910" has no order to 1900
        assert not where.mask_of(birds, expression)[[2, 4]].any()
    assert slice_of(birds, "year < 1900 or meta.source = web").documents_missing == 0


def test_a_mask_is_made_once_and_nothing_edits_it(birds: Index) -> None:
    mask = where.mask_of(birds, "year < 1900")
    assert where.mask_of(birds, "year < 1900") is mask
    with pytest.raises(ValueError, match="read-only"):
        mask[0] = False


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("yaer < 1900", r'no field "yaer". Did you mean year\? The index keeps year, meta.source, id, path, linenum; '
                        "to ask for another, build it with --meta-field yaer"),
        ("language = en", 'no field "language". .*build it with --meta-field language'),
        ("year", "expected =, !=, <, <=, >, >=, ~ or in at the end"),
        ("", "expected a field at the end"),
        ("year <", "expected a value at the end"),
        ("year << 1900", 'expected a value at "< 1900"'),
        ("year < 1900 meta.source = web", 'expected and, or, or the end at "meta.source = web"'),
        ("(year < 1900", r'expected "\)" at the end'),
        ("year in (1,", "expected a value at the end"),
        ("year in (1", r'expected "," or "\)" at the end'),
        ("year in 1900", r'expected "\(" at "1900"'),
        ("year not 1900", r"expected in \(…\)"),
        ("year = 'x", "can't read on at \"'x\""),
        ("year = !", "can't read on at"),
        ("not " * 60 + "year = 1", "nests deeper than 50"),
        ("year = 1" + " " * 10_000, "has 10,008 characters"),
    ],
)  # fmt: skip
def test_an_expression_that_is_none_is_refused(birds: Index, expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        where.mask_of(birds, expression)


def test_an_index_without_metadata_says_how_to_get_it(tmp_path: Path) -> None:
    index = index_of(BIRDS, tmp_path, meta_fields=())
    with pytest.raises(UsageError, match=r'no field "year"\. The index keeps id, path, linenum; .*--meta-field year'):
        cooc.neighbors(index, "auk", where="year < 1900")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="year12<>=!~()'\", andornti", max_size=30))
def test_no_text_is_anything_but_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert where.parsed(text, ["year"]).truth({"year": 1}) in (True, False, None)


def test_metadata_that_is_none_is_damage(tmp_path: Path) -> None:
    index = index_of(BIRDS, tmp_path)
    lines = [line for _, line in where.metadata_lines(index)]
    assert [json.loads(line)["linenum"] for line in lines] == [1, 2, 3, 4, 5]
    for broken in (b"[]\n", b'{"path":"x","linenum":"3","metadata":{}}\n', b'{"path":"x"}\n', b"\xff\n", b"[" * 9999):
        damaged = Index(index.path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, "metadata_lines", lambda _, broken=broken: [(0, lines[0]), (1, broken)])
            with pytest.raises(DamagedIndex, match=r"metadata\.0: line 2 is no metadata"):
                where.mask_of(damaged, "year < 1900")


@pytest.mark.parametrize("offsets", [[0, 0, 1, 2, 3], [9, 8, 7, 6, 5], [0, 1, 2, 3, 10**9], [0, 2**64 - 1, 2, 3, 4]])
def test_metadata_lines_that_overlap_are_damage(
    tmp_path: Path, offsets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(BIRDS, tmp_path)

    class Wrong:
        path = "metaoff.0"

        def __len__(self) -> int:
            return 8 * len(offsets)

        def slice(self, start: int, stop: int) -> Any:
            return np.array(offsets, "<u8").view("<u1")[start:stop]

    monkeypatch.setattr(index.tokens, "metadata_offsets", Wrong())
    with pytest.raises(DamagedIndex, match=r"metaoff\.0: lines 1 to 5 do not follow each other"):
        where.mask_of(index, "year < 1900")


@quick
@given(st.integers(1, 60), st.sampled_from([1, 2, 100, 10**6]))
def test_metadata_is_read_some_at_a_time(documents: int, size: int) -> None:
    index = index_of([(["a"], year, "x" * (year % 7)) for year in range(documents)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, "LINES_READ", size)
        assert where.mask_of(index, f"year < {documents // 2}").tolist() == [
            year < documents // 2 for year in range(documents)
        ]


# --- two slices


def test_two_slices_are_compared_in_one_table(birds: Index) -> None:
    result = cooc.neighbors(birds, "auk", where="year < 1900", against="rest", min_count=1, top=50, prior=10)
    first = {row["term"]: row for row in cooc.neighbors(birds, "auk", where="year < 1900", min_count=0, top=50).rows()}
    second = slice_of(birds, "year < 1900").rest.pairs()
    columns, counts = second.row(birds.units.unit("auk"))
    there = dict(zip(birds.units.names(columns), counts.tolist(), strict=True))
    rows = result.rows()
    assert {row["term"] for row in rows} == {*first, *there}
    n = slice_of(birds, "year < 1900").pairs().row_sums[birds.units.unit("auk")]
    other_n = second.row_sums[birds.units.unit("auk")]
    for row in rows:
        held = first.get(row["term"], {"count": 0, "pmi": None})
        assert (row["count"], row["count_against"]) == (held["count"], there.get(row["term"], 0))
        assert row["pmi"] == held["pmi"]
        difference, error = naive.log_odds(row["count"], row["count_against"], n, other_n, 10)
        assert (row["log_odds"], row["standard_error"]) == pytest.approx((difference, error))
        assert row["z"] == pytest.approx(difference / error)
    sizes = [abs(row["z"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_log_odds_of_a_hand_worked_table() -> None:
    """y = 20 of 100 and 10 of 200, prior 30: α = 3; odds 23/107 and 13/217."""
    [difference], [error] = compare.log_odds(np.array([20]), np.array([10]), 100, 200, 30)
    assert difference == pytest.approx(math.log2((23 / 107) / (13 / 217)))
    assert error == pytest.approx(math.sqrt(1 / 23 + 1 / 13) / math.log(2))


def test_slices_exchanged_differ_by_the_sign(birds: Index) -> None:
    there = cooc.neighbors(birds, "great", where="meta.source = web", against="meta.source = books", min_count=1)
    back = cooc.neighbors(birds, "great", where="meta.source = books", against="meta.source = web", min_count=1)
    assert [row["term"] for row in there.rows()] == [row["term"] for row in back.rows()]
    assert [row["z"] for row in there.rows()] == pytest.approx([-row["z"] for row in back.rows()])


def test_a_pair_is_shown_in_both_slices_with_the_difference_of_its_pmi(birds: Index) -> None:
    asked = {"where": "meta.source = books", "against": "meta.source = web"}
    [row] = cooc.pair(birds, "great", "auk", window=4, **asked).rows()
    [mine] = cooc.pair(birds, "great", "auk", window=4, where=asked["where"]).rows()
    [theirs] = cooc.pair(birds, "great", "auk", window=4, where=asked["against"]).rows()
    assert {name: row[name] for name in mine} == mine
    assert {name: row[f"{name}_against"] for name in theirs if name not in ("a", "b")} == {
        name: value for name, value in theirs.items() if name not in ("a", "b")
    }
    assert row["pmi_difference"] == pytest.approx(mine["pmi"] - theirs["pmi"])
    assert row["pmi_difference_low"] < row["pmi_difference"] < row["pmi_difference_high"]
    [narrow] = cooc.pair(birds, "great", "auk", window=4, confidence=0.5, **asked).rows()
    assert narrow["pmi_difference_low"] > row["pmi_difference_low"]


def test_a_count_has_its_rate_in_both_slices(birds: Index) -> None:
    [auk, phrase, misspelt] = cooc.count(
        birds, "auk", "and the", "bustrad", where="meta.source = books", against="meta.source = web"
    ).rows()
    assert (auk["occurrences"], auk["occurrences_against"], auk["documents"], auk["documents_against"]) == (2, 5, 2, 2)
    assert auk["per_million"] == pytest.approx(1e6 * 2 / 11)
    assert auk["per_million_against"] == pytest.approx(1e6 * 5 / 12)
    assert auk["log_ratio"] == pytest.approx(math.log2((2 / 11) / (5 / 12)))
    assert auk["log_ratio_low"] < auk["log_ratio"] < auk["log_ratio_high"]
    assert (phrase["log_ratio"], phrase["log_ratio_high"]) == (None, None)
    assert phrase["log_ratio_low"] == pytest.approx(math.log2((0.025 ** (1 / 1)) / (1 - 0.025) * 12 / 11))
    assert misspelt["note"].startswith('"bustrad" is not in the vocabulary')


@pytest.mark.parametrize("count", [1, 2, 7, 300, 20_000, 10**7])
@pytest.mark.parametrize("other", [1, 3, 50, 999, 10**6, 10**9])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_limits_of_a_ratio_are_those_of_clopper_and_pearson(count: int, other: int, confidence: float) -> None:
    found = compare.log_ratio_limits(count, other, 1, 1, confidence)
    tail = (1 - confidence) / 2
    # SciPy's quantiles as a check of chances, for its quantiles miss where one parameter is very large
    for logit, a, b, p in (
        (found[0] * math.log(2), count, other + 1, tail), (found[1] * math.log(2), count + 1, other, 1 - tail),
    ):  # fmt: skip
        x, rest = 1 / (1 + math.exp(-logit)), 1 / (1 + math.exp(logit))
        chance = stats.beta.cdf(x, a, b) if x < 0.5 else stats.beta.sf(rest, b, a)
        assert chance == pytest.approx(p, rel=1e-2)


def test_limits_of_a_ratio_follow_the_chances_and_exchange_sides() -> None:
    low, high = compare.log_ratio_limits(5, 9, 100, 100)
    assert compare.log_ratio_limits(5, 9, 100, 800) == pytest.approx((low + 3, high + 3))
    assert compare.log_ratio_limits(9, 5, 100, 100) == pytest.approx((-high, -low))
    assert compare.log_ratio_limits(0, 9, 1, 1)[0] != compare.log_ratio_limits(0, 9, 1, 1)[0]  # NaN
    assert all(map(math.isnan, compare.log_ratio_limits(0, 0, 1, 1)))
    assert all(map(math.isnan, compare.log_ratio_limits(1, 1, 0, 1)))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda index: cooc.count(index, "auk", against="rest"), "compares with the slice of --where"),
        (lambda index: cooc.neighbors(index, "auk", against="rest"), "compares with the slice of --where"),
        (lambda index: cooc.neighbors(index, "auk", prior=5), "prior is for comparing two slices"),
        (lambda index: cooc.neighbors(index, "auk", where="year < 1900", against="rest", prior=0), "must be above 0"),
        (lambda index: cooc.neighbors(index, "auk", where="year < 1900", against="rest", measure="npmi"),
         'ranked by z, log_odds or count, not by "npmi"'),
        (lambda index: cooc.neighbors(index, "auk", where="year < 1900", against="rest", aplha=1),
         'no measure has a parameter "aplha"'),
        (lambda index: cooc.neighbors(index, "auk", measure="z"), 'there is no measure "z"'),
        (lambda index: cooc.count(index, "auk", where="year < 1900", against="rest", confidence=95),
         "it must lie between 0 and 1"),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(birds: Index, question: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        question(birds)


# --- what results say of their slice


def test_a_result_says_what_it_is_a_slice_of(birds: Index) -> None:
    result = cooc.neighbors(birds, "auk", where="year < 1900", against="rest", min_count=1)
    first, second = result.to_dict()["provenance"]["slices"]
    assert first == {
        "where": "year < 1900", "documents": 2, "tokens": 11, "share": 11 / 23, "documents_missing": 2,
    }  # fmt: skip
    assert (second["where"], second["documents"], second["tokens"]) == ("not in year < 1900", 3, 12)
    assert result.provenance.notes[0] == (
        "year < 1900: 2 documents, 11 tokens, 47.8 % of the corpus; of 2 documents it says nothing."
    )
    assert "where year < 1900 against not in year < 1900" in result.provenance.caption()
    assert "slices" not in cooc.count(birds, "auk").to_dict()["provenance"]


def test_the_command_line_asks_slices(birds: Index, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    two = ("--where", "year < 1900", "--against", "rest")
    note = "year < 1900: 2 documents, 11 tokens, 47.8 % of the corpus; of 2 documents it says nothing."
    asked: dict[str, Any] = {"where": "year < 1900", "against": "rest"}
    results = {
        ("neighbors", "auk", "great", "--min-count", 1, "--prior", 50): cooc.neighbors(
            birds, ["auk", "great"], min_count=1, prior=50, **asked),
        ("pair", "auk", "great"): cooc.pair(birds, "auk", "great", **asked),
        ("count", "auk", "the great", "--confidence", 0.5): cooc.count(
            birds, "auk", "the great", confidence=0.5, **asked),
    }  # fmt: skip
    for (verb, *arguments), result in results.items():
        code, out, err = run(verb, birds.path, *arguments, *two)
        assert (code, note in err) == (0, True)
        assert max(map(len, out.splitlines())) <= 100
        for word in {"neighbors": ["z", "great"], "pair": ["pmi_difference_low"], "count": ["log_ratio_high"]}[verb]:
            assert word in out.split()
        assert json.loads(run(verb, birds.path, *arguments, *two, "--json")[1]) == result.to_dict()
    code, out, err = run("neighbors", birds.path, "auk", "--min-count", 1, "--where", "year < 1900")
    assert code == 0 and "npmi" in out and note in err
    code, out, err = run("count", birds.path, "auk", "--where", "yer < 1900")
    assert (code, out) == (1, "") and err.startswith('cooc: there is no field "yer". Did you mean year?')


# --- the kernels

IDS = [0, 1, 2, 49_151, 49_152, 49_153, 49_152 + 8_191]
sequences = st.lists(st.lists(st.sampled_from(IDS), max_size=10), min_size=1, max_size=6)
blocks = st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=5)
NONE, SEPARATOR = 6, np.uint32(7)
UNITS = [[0], [1], [2], [0, 1], [1, 1], [2, 0, 2]]
"""Three words and three phrases; the number 3 in a block stands for a token without a row."""


def stored(documents: list[list[int]]) -> tuple[Any, Any]:
    """The codes of documents, and where these begin."""
    codes, starts = [], []
    for document in documents:
        starts.append(len(codes))
        codes.append(65_535)
        for term in document:
            lead, trail = divmod(term - 49_152, 8_191)
            codes += [term] if term < 49_152 else [49_152 + lead, 57_344 + trail]
    return np.array(codes, np.uint16), np.array([*starts, len(codes)], np.int64)


def codes_of(ids: Sequence[int]) -> Any:
    return stored([list(ids)])[0][1:]


@quick
@given(sequences, st.data())
def test_gathered_documents_are_those_asked_for(documents: list[list[int]], data: Any) -> None:
    codes, edges = stored(documents)
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(documents), max_size=len(documents))))
    begins, ends = edges[:-1][chosen], edges[1:][chosen]
    out = np.empty(int((ends - begins).sum()), np.uint16)
    assert kernels.gather_documents(codes, begins, ends, out)
    kept = [document for document, inside in zip(documents, chosen, strict=True) if inside]
    assert out.tolist() == (stored(kept)[0].tolist() if kept else [])
    if len(codes) > 1 and codes[1] != 65_535:
        assert not kernels.gather_documents(codes, np.array([1]), np.array([2]), np.empty(1, np.uint16))


@quick
@given(sequences, st.lists(st.sampled_from(IDS), min_size=1, max_size=3))
def test_holding_documents_are_those_with_the_phrase(documents: list[list[int]], phrase: list[int]) -> None:
    codes, _ = stored(documents)
    kept = [document for document in documents if naive.places(document, phrase)]
    assert slices.holding(codes, codes_of(phrase)).tolist() == (stored(kept)[0].tolist() if kept else [])
    assert kernels.count_tokens(codes, np.uint16(57_344)) == sum(map(len, documents))


@quick
@given(sequences)
def test_codes_become_units(documents: list[list[int]]) -> None:
    codes, _ = stored(documents)
    ids, singles = np.empty(len(codes), np.uint32), np.uint64(49_152)
    unit_of = np.arange(60_000, dtype=np.uint32) % 50_000
    size = kernels.decode_units(codes, singles, unit_of, np.uint32(99_999), ids)
    expected = [unit for document in documents for unit in (99_999, *(term % 50_000 for term in document))]
    assert ids[:size].tolist() == expected
    most = max((term for document in documents for term in document), default=-1)
    if most >= 0:
        assert kernels.decode_units(codes, singles, unit_of[:most], np.uint32(99_999), ids) == -1


@pytest.mark.parametrize("codes", [[49_152], [49_152, 3], [65_535, 57_000, 65_535][:2], [57_344]])
def test_codes_that_are_no_terms_are_found_out(codes: list[int]) -> None:
    found = kernels.decode_units(
        np.array(codes, np.uint16), np.uint64(49_152), np.zeros(49_152, np.uint32), np.uint32(1), np.empty(4, np.uint32)
    )
    assert found == -1


def block(documents: list[list[int]]) -> Any:
    tokens = [NONE + 1]
    for document in documents:
        tokens += [*(NONE if token == 3 else token for token in document), NONE + 1]
    return np.array(tokens, np.uint32)


@quick
@given(blocks, st.sampled_from([1, 2, 3, 5, 1 << 61]), st.booleans())
def test_sides_are_the_tokens_with_a_row_around_each(documents: list[list[int]], reach: int, weighted: bool) -> None:
    weights = [0, 60, 30, 20, 15, 12] if weighted and reach < 6 else []
    ids = block(documents)
    ahead, behind = np.full(len(ids), -1, np.int64), np.full(len(ids), -1, np.int64)
    kernels.sum_sides(ids, SEPARATOR, np.uint32(NONE), reach, np.array(weights, np.int64), ahead, behind)
    expected = naive.sides(documents, 3, reach, weights)
    inside = ids != SEPARATOR
    for found, each in zip((ahead, behind), expected, strict=True):
        assert found[inside].tolist() == [value for document in each for value in document]


def phrases_in(ids: Any) -> tuple[Any, Any, Any]:
    lengths = np.array([2, 2, 3], np.int64)
    starts, flat = np.array([0, 2, 4, 7], np.int64), np.array([0, 1, 1, 1, 2, 0, 2], np.uint32)
    firsts = np.array([0, 1, 2], np.uint32)
    marks = np.array([1, 1, 1, 0, 0, 0, 0, 0], np.uint8)
    phrases = slices.Phrases(starts, flat, lengths, firsts, np.array([0, 1, 2, 3]), marks)
    return (*slices._occurrences(phrases, ids), lengths)


@quick
@given(blocks)
def test_phrases_are_found_wherever_they_stand(documents: list[list[int]]) -> None:
    ids = block(documents)
    at, of, _ = phrases_in(ids)
    tokens = [3 if token == NONE else int(token) for token in ids]
    expected = sorted((place, k) for k, unit in enumerate(UNITS[3:]) for place in naive.places(tokens, unit))
    assert list(zip(at.tolist(), of.tolist(), strict=True)) == expected


REACHES = [(0, 2), (3, 0), (1, 1), (5, 5), (1 << 61, 1 << 61)]


@quick
@given(blocks, st.sampled_from(UNITS), st.sampled_from(REACHES), st.booleans())
def test_a_row_is_what_stands_around_a_unit(
    documents: list[list[int]], row: list[int], reach: tuple[int, int], weighted: bool
) -> None:
    ids = block(documents)
    at, of, lengths = phrases_in(ids)
    counts = np.zeros(NONE + 2, np.int64)
    around = SEPARATOR, np.array(row, np.uint32), 3, at, of, lengths, 3
    weights = [0, 60, 30, 20, 15, 12] if weighted and max(reach) < 6 else [0, 1, 1, 1, 1, 1]
    if max(reach) > 5:
        weights = []
        found = kernels.count_row_in_documents(ids, *around, counts)
    else:
        found = kernels.count_row(ids, *around, *reach, np.array(weights, np.int64), counts)
    expected, occurrences = naive.row(documents, UNITS, row, *reach, weights)
    assert found == occurrences
    assert counts[:NONE].tolist() == [expected[unit] for unit in range(NONE)]
