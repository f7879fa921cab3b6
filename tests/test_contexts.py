"""What stands around a phrase: equal, count by count, to the documents themselves and to the other roads."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cooc
from cooc.create.pipeline import build
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.kernels import contexts as kernels
from cooc.query.surroundings import sample_limits
from tests.corpora import index_of
from tests.naive import contexts as naive
from tests.naive import queries as naive_queries
from tests.test_queries import IDS, Store, a_phrase, sequences

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
reaches = st.sampled_from([0, 1, 2, 3, 7])
TERMS = max(IDS) + 1


def occurrences(documents: list[list[int]], phrase: list[int]) -> tuple[Any, Any, Any, int]:
    """Codes, places, their documents, and the codes of the phrase."""
    store: Any = Store(documents)
    places = np.array(naive.found(documents, phrase), np.int64)
    numbers = np.searchsorted(store.starts, places, side="right") - 1
    size = sum(1 + (term >= 49_152) for term in phrase)
    return store.data.view(np.uint16), places, numbers.astype(np.int64), size


def as_table(table: Any, touched: Any, column: int) -> dict[int, int]:
    return {int(term): int(table[term, column]) for term in touched if table[term, column]}


@often
@given(sequences, a_phrase, reaches, reaches, st.booleans())
def test_contexts_are_counted_within_any_window(
    documents: list[list[int]], phrase: list[int], left: int, right: int, harmonic: bool
) -> None:
    codes, places, numbers, size = occurrences(documents, phrase)
    weights = np.array([0, *(420 // d if harmonic else 1 for d in range(1, 8))], np.int64)
    table = np.zeros((TERMS, kernels.COLUMNS), np.int64)
    touched = np.empty(TERMS, np.int64)
    n = kernels.count_contexts(codes, 49_152, places, numbers, size, left, right, weights, table, touched)
    assert n >= 0
    met = touched[: int(n)].tolist()
    counts, holding, squares = naive.contexts(documents, phrase, left, right, weights=weights.tolist())
    assert len(set(met)) == len(met)
    assert as_table(table, met, kernels.COUNT) == counts
    assert as_table(table, met, kernels.DOCUMENTS) == holding
    added = np.zeros(TERMS, np.int64)
    kernels.add_squares(codes, 49_152, places, size, left, right, weights, np.zeros((TERMS, 2), np.int64), added)
    assert {k: int(added[k]) for k in np.flatnonzero(added)} == squares


@often
@given(sequences, a_phrase)
def test_a_whole_document_is_a_window_too(documents: list[list[int]], phrase: list[int]) -> None:
    codes, _, numbers, _ = occurrences(documents, phrase)
    store: Any = Store(documents)
    held, times = np.unique(numbers, return_counts=True)
    edges = np.append(store.starts, len(codes))
    table = np.zeros((TERMS, kernels.COLUMNS), np.int64)
    touched = np.empty(TERMS, np.int64)
    n = kernels.count_document_contexts(
        codes, 49_152, edges[held], edges[held + 1], times.astype(np.int64), np.array(phrase, np.int64), table, touched
    )
    assert n >= 0
    counts, holding, _ = naive.contexts(documents, phrase, math.inf, math.inf)
    assert as_table(table, touched[: int(n)].tolist(), kernels.COUNT) == counts
    assert as_table(table, touched[: int(n)].tolist(), kernels.DOCUMENTS) == holding


def test_codes_that_are_no_terms_are_said_to_be_none() -> None:
    weights, places = np.ones(3, np.int64), np.array([1], np.int64)
    for codes in ([65_535, 0, 9], [65_535, 0, 49_152], [65_535, 0, 49_152, 3]):
        table, touched = np.zeros((5, kernels.COLUMNS), np.int64), np.empty(5, np.int64)
        arguments = 49_152, places, np.zeros(1, np.int64), 1, 2, 2, weights, table, touched
        assert kernels.count_contexts(np.array(codes, np.uint16), *arguments) == -1
    table = np.zeros((5, kernels.COLUMNS), np.int64)
    before = np.array([65_535, 57_344, 0], np.uint16), 49_152, np.array([2]), np.zeros(1, np.int64), 1, 2, 2
    assert kernels.count_contexts(*before, weights, table, np.empty(5, np.int64)) == -1


# --- the verb

WORDS = ["a", "b", "c", "auk", "great"]
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=6)
phrases_of = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3)
quick = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def present(documents: list[list[str]], phrases: list[str]) -> list[str]:
    words = {word for document in documents for word in document}
    return sorted({phrase for phrase in phrases if set(phrase.split()) <= words})


@quick
@given(
    documents_of, phrases_of, st.sampled_from([1, 2, 5, math.inf]), st.sampled_from(["symmetric", "right", "left"]),
    st.booleans(),
)  # fmt: skip
def test_contexts_marginals_and_documents_are_those_of_the_definition(
    documents: list[list[str]], phrases: list[str], size: float, direction: str, harmonic: bool
) -> None:
    """In a window that the index has not counted, too, and with words that have no row."""
    from tests.naive.scan import scan

    asked = present(documents, phrases)
    if not asked:
        return
    index = index_of(Path(tempfile.mkdtemp()), documents, window=2, ngrams=1, max_terms=2)
    if size == math.inf:
        direction, harmonic = "symmetric", False
    expected = scan(documents, asked, size, direction=direction, harmonic=harmonic)
    unit = math.lcm(*range(1, int(size) + 1)) if harmonic else 1
    found = cooc.contexts(
        index, asked, window="document" if size == math.inf else int(size), direction=direction,
        weighting="harmonic" if harmonic else "uniform", min_count=0, top=99, measure="count",
    )  # fmt: skip
    rows = {(row["of"], row["term"]): row for row in found.rows()}
    assert set(rows) == set(expected.cells)
    for (a, b), (count, holding) in expected.cells.items():
        row = rows[a, b]
        assert row["count"] == (count / unit if harmonic else count)
        assert row["documents"] == holding
        assert row["expected"] == pytest.approx(expected.rows[a] * expected.columns[b] / expected.total / unit)
    for row in found.phrases:
        phrase = row["phrase"]
        assert (row["occurrences"], row["documents"]) == naive_queries.count(documents, phrase)
        assert row["contexts"] == expected.rows[phrase] / unit
        assert row["sampled"] == row["occurrences"]


@quick
@given(documents_of, phrases_of, st.sampled_from([1, 3]), st.sampled_from(["npmi", "g2", "ppmi_cds"]))
def test_three_roads_one_answer(documents: list[list[str]], phrases: list[str], size: int, measure: str) -> None:
    """The pair index, the suffix array, and the seeded scan, in a slice too."""
    asked = present(documents, phrases)
    if not asked:
        return
    folder = Path(tempfile.mkdtemp())
    source = folder / "corpus.jsonl"
    lines = [{"text": " ".join(words), "year": 1800 + number % 2} for number, words in enumerate(documents)]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = {"workers": 1, "memory": "256MB", "ngrams": 1, "window": size, "min_count": 1, "meta_fields": ["year"]}
    plain = Index(build([source], folder / "plain", **options))
    listed = Index(build([source], folder / "listed", terms=asked, **options))
    assert plain.tokens.table is not None
    words = set(plain.vocabulary.all_terms())
    ranked = {"measure": measure, "top": 99, "min_count": 1, "window": size}
    scanned = cooc.scan(plain, asked, folder / "scan.parquet", window=size)
    for a in asked:
        from_pairs = [row for row in cooc.neighbors(listed, a, **ranked).rows() if row["term"] in words]
        from_array = cooc.contexts(plain, a, **ranked).rows()
        assert [{k: v for k, v in row.items() if k != "documents"} for row in from_array] == from_pairs
        from_scan = {row["term"]: row for row in scanned.neighbors(a, **ranked).rows()}
        assert {row["term"]: row for row in from_array} == from_scan
        for where in ("year = 1800", "year = 1801"):
            in_slice = cooc.neighbors(listed, a, where=where, **ranked).rows()
            assert [
                {k: v for k, v in row.items() if k != "documents"}
                for row in cooc.contexts(plain, a, where=where, **ranked).rows()
            ] == [row for row in in_slice if row["term"] in words]
            part = cooc.scan(plain, [a], folder / f"{a} {where}.parquet", window=size, where=where)
            rows = part.neighbors(a, **ranked).rows()
            assert {row["term"]: row for row in rows} == {
                row["term"]: row for row in cooc.contexts(plain, a, where=where, **ranked).rows()
            }
        compared = {**ranked, "measure": "z", "where": "year = 1800", "against": "rest"}
        one, other = cooc.contexts(plain, a, **compared), cooc.neighbors(listed, a, **compared)
        assert one.rows() == [row for row in other.rows() if row["term"] in words]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A phrase that occurs 5,000 times, its contexts in bursts: documents differ in what they are about."""
    random = np.random.default_rng(2)
    documents = []
    for _ in range(500):
        about = random.integers(30, size=3)
        documents.append([
            word for _ in range(10) for word in ("the", "auk", *(f"w{k}" for k in random.choice(about, 4)))
        ])  # fmt: skip
    return index_of(tmp_path_factory.mktemp("many"), documents, window=3, ngrams=1)


def test_a_sample_is_unbiased_and_its_limits_hold_what_they_promise(many: Index) -> None:
    exact = {row["term"]: row["count"] for row in cooc.contexts(many, "the auk", min_count=1, top=99).rows()}
    totals, inside, asked = dict.fromkeys(exact, 0.0), 0, 0
    seeds = 60
    for seed in range(seeds):
        found = cooc.contexts(many, "the auk", min_count=1, top=99, most=400, seed=seed)
        for row in found.rows():
            assert row["sampled"] == 400 and row["documents"] is None
            assert row["low"] <= row["count"] <= row["high"]
            assert row["pmi_low"] <= math.log2(row["low"] / row["expected"]) <= row["pmi"] <= row["pmi_high"]
            totals[row["term"]] += row["count"] / seeds
            inside += row["low"] <= exact[row["term"]] <= row["high"]
            asked += 1
        assert found.phrases[0]["occurrences"] == 5000
        assert "uniform sample of 400" in found.notes[0]
    assert inside / asked > 0.95
    for term, count in exact.items():
        assert totals[term] == pytest.approx(count, rel=0.15), term


def test_a_phrase_that_is_not_sampled_beside_one_that_is_stays_exact(many: Index) -> None:
    found = cooc.contexts(many, ["the auk", "auk w1 w1 w1 w1"], min_count=1, top=3, most=100).rows()
    rare = [row for row in found if row["of"] != "the auk"]
    assert rare and all(row["low"] == row["count"] == row["high"] for row in rare)
    assert all(row["documents"] is not None for row in rare)


def test_limits_of_a_sample_of_all_are_the_count_itself() -> None:
    low, high = sample_limits(np.array([3, 9]), np.array([3, 11]), 50, 50)
    assert low.tolist() == high.tolist() == [3, 9]


def test_an_unknown_word_is_a_note_and_no_error(many: Index) -> None:
    found = cooc.contexts(many, "teh auk")
    assert found.rows() == []
    assert found.phrases[0]["occurrences"] == 0
    assert found.notes[0].startswith('teh auk: "teh" is not in the vocabulary of index. Nearest: the')
    assert found.to_dict()["phrases"][0]["note"] in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phrases": ()}, "contexts of no phrase: name at least one"),
        ({"window": 0}, "--window 0: expected 1 to 100,000 tokens, or document"),
        ({"window": "wide"}, '--window "wide": expected a number of tokens, or document'),
        ({"direction": "up"}, '--direction "up": expected symmetric, right or left'),
        ({"weighting": "none"}, '--weighting "none": expected uniform or harmonic'),
        ({"weighting": "harmonic", "window": 23}, "the largest window of exact counts is 22"),
        ({"measure": "nmpi"}, 'no measure "nmpi"'),
        ({"most": 0}, "most is 0; expected at least 1 occurrence"),
        ({"prior": 3}, "prior is for comparing two slices"),
        ({"sigma": 3}, 'no measure has a parameter "sigma"'),
        ({"against": "rest"}, "--against compares with the slice of --where"),
        ({"where": "linenum < 9", "against": "rest", "most": 3}, "slices are compared by all of them. Give most=None"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(many: Index, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.contexts(many, **{"phrases": "the auk", **options})
