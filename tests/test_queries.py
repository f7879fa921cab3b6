"""The answers are those of the documents themselves, for any documents and options."""

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
from cooc.errors import UnknownTerm, UsageError
from cooc.index.reader import Index
from cooc.kernels.codes import write_codes
from cooc.query import ngrams as ngrams_module
from cooc.query import scan
from cooc.query.measures import MEASURES, evaluate, ranking_values
from tests.corpora import index_of
from tests.naive import queries as naive

WORDS = ["a", "b", "c", "auk", "great", "königsberg", "ж", "d"]
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=6)
some_words = st.lists(st.sampled_from(WORDS[:5]), min_size=1, max_size=3).map(" ".join)
some_phrases = st.lists(some_words, max_size=3, unique=True)
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
BIRDS = ["the great auk and the great bustard", "the auk is great", "a bustard", "auk auk auk"]


def built(documents: list[list[str]], **options: Any) -> Index:
    return index_of(Path(tempfile.mkdtemp()), documents, **options)


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    documents = [text.split() for text in BIRDS]
    return index_of(tmp_path_factory.mktemp("birds"), documents, window=[2, 4], min_count=1, terms=["great auk", "auk"])


def known(documents: list[list[str]], phrase: str) -> bool:
    words = {word for document in documents for word in document}
    return set(phrase.split()) <= words


# --- count


@quick
@given(documents_of, st.lists(some_words, min_size=1, max_size=5), some_phrases)
def test_a_phrase_is_counted_wherever_it_stands(
    documents: list[list[str]], phrases: list[str], listed: list[str]
) -> None:
    index = built(documents, ngrams=1, terms=listed)
    asked = [phrase for phrase in phrases if known(documents, phrase)]
    counts = cooc.count(index, *asked)
    assert [(row["phrase"], row["occurrences"], row["documents"]) for row in counts.rows()] == [
        (phrase, *naive.count(documents, phrase)) for phrase in asked
    ]


def test_overlapping_occurrences_all_count(birds: Index) -> None:
    [row] = cooc.count(birds, "auk auk").rows()
    assert (row["occurrences"], row["documents"]) == (2, 1)


def test_known_words_that_never_stand_together_are_0_times_there(birds: Index) -> None:
    [row] = cooc.count(birds, "bustard auk").rows()
    assert (row["occurrences"], row["documents"]) == (0, 0)


def test_a_phrase_is_cut_into_words_as_the_corpus_was(birds: Index) -> None:
    assert cooc.count(birds, "The Great-AUK!").rows()[0]["occurrences"] == 1


def test_a_misspelt_word_is_a_zero_that_tells_of_its_near_misses(birds: Index) -> None:
    known, misspelt, empty = cooc.count(birds, "auk", "great bustrad", "!").rows()
    assert known["occurrences"] > 0
    assert known["note"] is None
    assert (misspelt["occurrences"], misspelt["documents"]) == (0, 0)
    assert misspelt["note"] == '"bustrad" is not in the vocabulary of index. Nearest: bustard (2).'
    assert empty["note"] == '"!" holds no term: the index keeps letters and digits.'


def test_hyphens_and_apostrophes_are_variants_of_one_phrase_on_request(tmp_path: Path) -> None:
    documents = ["a black-throated diver", "black throated blackthroated", "o'brien and OBrien", "o brien", "obrien's"]
    index = index_of(tmp_path, [text.split() for text in documents], ngrams=1, window=1)
    asked = "black-throated", "O’Brien", "black throated", "nowhere's"
    plain, joined = cooc.count(index, *asked), cooc.count(index, *asked, variants=True)
    assert [row["occurrences"] for row in plain.rows()] == [2, 1, 2, 0]
    assert [(row["occurrences"], row["documents"]) for row in joined.rows()] == [(3, 2), (3, 2), (2, 2), (0, 0)]
    assert joined.rows()[3]["note"].startswith('"nowhere\'s" is not in the vocabulary')
    shown = [tuple(row.values()) for row in joined.to_dict()["variants"]]
    assert shown == [
        ("black-throated", "black-throated", 2, 2), ("black-throated", "blackthroated", 1, 1),
        ("O’Brien", "O’Brien", 1, 1), ("O’Brien", "O-Brien", 1, 1), ("O’Brien", "OBrien", 1, 1),
        ("black throated", "black throated", 2, 2),
    ]  # fmt: skip
    one, rest = cooc.count(index, "black-throated", variants=True, where="linenum < 2", against="rest").rows(), 0
    assert (one[rest]["occurrences"], one[rest]["occurrences_against"], one[rest]["documents_against"]) == (1, 2, 1)
    with pytest.raises(UsageError, match="has 7 hyphens and apostrophes; variants are tried for up to 6"):
        cooc.count(index, "a-b-c-d-e-f-g-h", variants=True)


def test_words_keep_their_case_where_the_index_does() -> None:
    index = built([["Bill", "bill", "Bill"]], tokenizer="word", keep_case=True)
    assert [row["occurrences"] for row in cooc.count(index, "Bill", "bill", "bill Bill").rows()] == [2, 1, 1]


def test_bytes_are_terms_of_a_byte_index() -> None:
    index = built([["abab"], ["ж"]], tokenizer="bytes", window=2)
    assert [row["occurrences"] for row in cooc.count(index, "a", "ab", "bab", "ж").rows()] == [2, 2, 1, 1]
    assert cooc.pair(index, "a", "b").rows()[0]["count"] == 3


def test_tokens_of_a_hugging_face_tokenizer_are_terms(tmp_path: Path) -> None:
    model = {"type": "WordLevel", "vocab": {"auk": 0, "sea": 1, "?": 2, "unused": 3}, "unk_token": "?"}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "model": model,
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    documents = [["sea", "auk", "sea"], ["auk", "dodo"]]
    index = index_of(tmp_path, documents, tokenizer=f"hf:{tmp_path / 'tokenizer.json'}", window=2, min_count=1)
    assert [row["occurrences"] for row in cooc.count(index, "sea", "sea auk").rows()] == [2, 1]
    assert cooc.pair(index, "sea", "auk").rows()[0]["count"] == 2
    assert [row["ngram"] for row in cooc.ngrams(index, n=1).rows()] == ["auk", "sea", "?"]
    assert cooc.count(index, "unused").rows()[0]["note"].startswith('"unused" is not in the vocabulary')


# --- the scans, on terms of one code and of two

# the last id of one code, the first of two, ids that share a lead, and ids that share a trail
IDS = [0, 1, 2, 49_151, 49_152, 49_153, 49_152 + 8_191, 49_153 + 8_191]
sequences = st.lists(st.lists(st.sampled_from(IDS), max_size=12), min_size=1, max_size=6)
a_phrase = st.lists(st.sampled_from(IDS), min_size=1, max_size=3)


class Store:
    """As much of an index as the scans need."""

    singles = 49_152
    table = None

    def __init__(self, documents: list[list[int]]) -> None:
        lengths = np.array([len(document) for document in documents], np.int64)
        ids = np.array([k for document in documents for k in document], np.uint32)
        codes, self.starts = np.empty(2 * len(ids) + len(lengths), np.uint16), np.empty(len(lengths), np.int64)
        written = write_codes(ids, lengths, np.arange(70_000, dtype=np.uint32), np.uint32(49_152), False, codes,
                              self.starts)  # fmt: skip
        self.data = codes[: int(written)].view(np.uint8)

    @property
    def tokens(self) -> Any:
        return self

    codes = tokens

    def document_starts(self) -> Any:
        return self.starts

    def __len__(self) -> int:
        return len(self.data)

    def slice(self, start: int, stop: int) -> Any:
        return self.data[start:stop]


@pytest.fixture(params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(scan, "CHUNK", request.param)
    return int(request.param)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences, st.lists(a_phrase, min_size=1, max_size=4))
def test_a_scan_finds_each_phrase_whatever_its_codes(
    chunk: int, documents: list[list[int]], phrases: list[list[int]]
) -> None:
    store: Any = Store(documents)
    occurrences, holding = scan.phrase_counts(store, phrases)
    assert list(zip(occurrences.tolist(), holding.tolist(), strict=True)) == [
        naive.sequence_counts(documents, phrase) for phrase in phrases
    ]


# --- pair


@quick
@given(
    documents_of,
    st.sampled_from([1, 3, 7]),
    st.sampled_from(["symmetric", "right", "left"]),
    st.booleans(),
    some_phrases,
)
def test_a_pair_has_the_count_the_marginals_and_the_documents_of_the_definition(
    documents: list[list[str]], size: int, direction: str, harmonic: bool, phrases: list[str]
) -> None:
    window = naive.Window(size, direction, harmonic)
    listed = [phrase for phrase in phrases if known(documents, phrase)]
    weighting = "harmonic" if harmonic else "uniform"
    index = built(documents, window=size, direction=direction, weighting=weighting, ngrams=1, terms=listed)
    tables = naive.tables(documents, listed, window)
    for (a, b), (count, r1, c1, n) in list(tables.items())[:12]:
        row = cooc.pair(index, a, b).rows()[0]
        assert (row["count"], row["r1"], row["c1"], row["n"]) == (count, r1, c1, n)
        assert row["expected"] == (r1 * c1 / n if n else None)
        assert row["documents"] == naive.documents_together(documents, a, b, window)
        assert row["status"] == ("counted" if count else "never seen")


@quick
@given(documents_of, st.lists(some_words, min_size=1, max_size=3, unique=True))
def test_whole_documents_are_a_window_for_listed_terms(documents: list[list[str]], phrases: list[str]) -> None:
    listed = [phrase for phrase in phrases if known(documents, phrase)]
    if not listed:
        return
    index = built(documents, window=1, ngrams=1, terms=listed)
    window = naive.Window(math.inf)
    tables = naive.tables(documents, listed, window)
    for (a, b), (count, r1, c1, n) in tables.items():
        if a in listed or b in listed:
            row = cooc.pair(index, a, b, window="document").rows()[0]
            assert (row["count"], row["r1"], row["c1"], row["n"]) == (count, r1, c1, n)
            assert row["documents"] == naive.documents_together(documents, a, b, window)


def test_a_pair_has_every_measure_by_its_name(birds: Index) -> None:
    row = cooc.pair(birds, "the", "auk", confidence=0.5).to_dict()
    words = birds.pairs().column_sums.all()[: birds.units.words]
    total = float((words.astype(float) ** 0.75).sum())
    values = evaluate(
        list(MEASURES), row["count"], row["r1"], row["c1"], row["n"], smoothed_total=total, confidence=0.5
    )
    assert {name: row[name] for name in MEASURES} == {name: float(value) for name, value in values.items()}


def test_a_pair_of_a_term_with_itself_counts_twice(birds: Index) -> None:
    row = cooc.pair(birds, "auk", "auk").rows()[0]
    assert (row["count"], row["documents"]) == (6, 1)


def test_the_window_is_asked_for_by_its_size(birds: Index) -> None:
    assert cooc.pair(birds, "the", "bustard", window=4).provenance.parameters == {"window": "4"}
    assert cooc.pair(birds, "auk", "bustard").rows()[0]["count"] == 0
    assert cooc.pair(birds, "auk", "bustard", window=4).rows()[0]["count"] == 1
    with pytest.raises(UsageError, match="index has no window 7; it has 2, 4, document"):
        cooc.neighbors(birds, "the", window=7)


@quick
@given(documents_of, st.sampled_from([1, 5, "document"]), st.sampled_from(["symmetric", "right", "left"]), some_phrases)
def test_a_pair_in_a_window_that_was_not_counted_has_the_numbers_of_the_definition(
    documents: list[list[str]], size: int | str, direction: str, phrases: list[str]
) -> None:
    """Also of words without a row."""
    index = built(documents, window=3, direction=direction, ngrams=1, max_terms=1)
    asked = [phrase for phrase in phrases if known(documents, phrase)]
    window = naive.Window(math.inf) if size == "document" else naive.Window(float(size), direction)
    tables = naive.tables(documents, asked, window)
    for (a, b), (count, r1, c1, n) in list(tables.items())[:8]:
        row = cooc.pair(index, a, b, window=size).rows()[0]
        assert (row["count"], row["r1"], row["c1"], row["n"]) == (count, r1, c1, n)


def test_a_pair_below_the_threshold_has_no_count_and_no_measures_never_0() -> None:
    index = built([["a", "b"], ["a", "c"], ["a", "c"], ["d"]], min_pair_count=2, window=3)
    row = cooc.pair(index, "a", "b").rows()[0]
    assert row["status"] == "below threshold (min_pair_count 2)"
    assert row["count"] is None and row["npmi"] is None and row["dice"] is None
    assert (row["documents"], row["r1"], row["c1"], row["n"], row["expected"]) == (1, 3, 1, 6, 0.5)


def test_a_pair_that_is_nowhere_is_never_seen_even_where_pairs_were_pruned() -> None:
    index = built([["a", "b"], ["a", "c"], ["a", "c"], ["d"]], min_pair_count=2, window=3)
    row = cooc.pair(index, "b", "c").rows()[0]
    assert (row["status"], row["count"], row["documents"]) == ("never seen", 0, 0)
    assert row["pmi"] is None and row["dice"] == 0


def test_a_pair_without_a_row_in_the_document_window_is_counted_where_it_stands(birds: Index) -> None:
    row = cooc.pair(birds, "the", "bustard", window="document").rows()[0]
    assert (row["count"], row["documents"], row["status"]) == (2, 1, "counted")


def test_phrases_without_a_row_have_the_numbers_of_an_index_that_lists_them(birds: Index, tmp_path: Path) -> None:
    listed = index_of(tmp_path, [text.split() for text in BIRDS], window=[2, 4], min_count=1,
                      terms=["great auk", "auk", "the great"])  # fmt: skip
    for window in (2, 4, "document"):
        for a, b in (("the great", "auk"), ("auk", "the great"), ("the great", "the great")):
            one, other = cooc.pair(birds, a, b, window=window), cooc.pair(listed, a, b, window=window)
            assert one.rows() == other.rows()
            assert one.distances == other.distances
        one, other = (cooc.neighbors(each, "the great", window=window, min_count=1) for each in (birds, listed))
        mine = [row for row in other.rows() if row["term"] != "the great"]
        assert one.rows() == mine


def test_a_word_without_a_row_is_in_no_n_and_says_what_to_do() -> None:
    index = built([["a", "a", "a", "b", "b", "c"]], max_terms=2)
    with pytest.raises(UnknownTerm, match=r'"c" has no row in index: it is not among the 2 terms.*ask cooc contexts'):
        cooc.pair(index, "b c", "a")
    with pytest.raises(UnknownTerm, match=r'"c" has no row in index'):
        cooc.neighbors(index, "c")


def test_a_pair_in_an_index_without_any_pair_has_null_for_what_is_not_defined() -> None:
    index = built([["a"], ["b"]])
    row = cooc.pair(index, "a", "b").rows()[0]
    assert (row["count"], row["n"], row["expected"], row["g2"]) == (0, 0, None, None)


# --- neighbors


@quick
@given(
    documents_of,
    st.sampled_from(["npmi", "g2", "pmi_low", "ppmi_cds", "count", "delta_p_ab"]),
    st.sampled_from(["symmetric", "right"]),
    st.booleans(),
    st.sampled_from([1, 3, 100]),
    st.sampled_from([0, 0.5, 2]),
)
def test_neighbors_are_the_first_of_all_that_stand_around(
    documents: list[list[str]], measure: str, direction: str, harmonic: bool, top: int, min_count: float
) -> None:
    window = naive.Window(3, direction, harmonic)
    weighting = "harmonic" if harmonic else "uniform"
    index = built(documents, window=3, direction=direction, weighting=weighting, ngrams=1)
    tables = naive.tables(documents, [], window)
    words = sorted({word for document in documents for word in document})
    total = sum((tables[word, word][2]) ** 0.75 for word in words) or 1.0
    options = {"smoothed_total": total} if measure == "ppmi_cds" else {}
    for a in words[:2]:
        rows = []
        for b in words:
            o11, r1, c1, n = tables[a, b]
            if o11 > 0 and o11 >= min_count:
                value = o11 if measure == "count" else float(ranking_values(measure, o11, r1, c1, n, **options))
                rows.append((b, o11, round(value, 9)))
        found = cooc.neighbors(index, a, measure=measure, top=top, min_count=min_count).rows()
        # sums of powers differ in their last digit, so a value is compared and ties are broken by rounded ones
        expected = naive.ranked(rows, top, lambda word: index.vocabulary.id(word.encode()) or 0)
        if measure != "ppmi_cds":
            assert [(row["term"], row["count"]) for row in found] == [(b, count) for b, count, _ in expected]
        assert [row[measure] for row in found] == pytest.approx([value for *_, value in expected], abs=1e-8)


def test_neighbors_of_several_terms_are_a_ranking_each(birds: Index) -> None:
    both = cooc.neighbors(birds, ["auk", "great auk"], min_count=1, top=3)
    alone = [row for term in ("auk", "great auk") for row in cooc.neighbors(birds, term, min_count=1, top=3).rows()]
    assert both.rows() == alone
    assert [row["of"] for row in both.rows()] == ["auk"] * 3 + ["great auk"] * 2
    assert list(both.columns)[:4] == ["of", "term", "count", "expected"]
    assert set(both.columns) == {"of", "term", "count", *MEASURES}


def test_neighbors_take_a_term_set(birds: Index) -> None:
    result = cooc.neighbors(birds, cooc.TermSet("birds", ["auk", "bustard"]), min_count=1)
    assert {row["of"] for row in result.rows()} == {"auk", "bustard"}
    assert result.provenance.terms == ("auk", "bustard")


def test_neighbors_in_whole_documents(birds: Index) -> None:
    rows = cooc.neighbors(birds, "great auk", window="document", min_count=1, measure="count").rows()
    assert [(row["term"], row["count"]) for row in rows] == [("the", 2), ("great", 1), ("bustard", 1), ("and", 1)]
    rows = cooc.neighbors(birds, "bustard", window="document", min_count=1, measure="count").rows()
    found = {row["term"]: row["count"] for row in rows}
    assert found == {"the": 2, "great": 2, "auk": 1, "great auk": 1, "and": 1, "a": 1}


def test_g2_ranks_no_pair_that_shuns_each_other(birds: Index) -> None:
    rows = cooc.neighbors(birds, "auk", measure="g2", min_count=1).rows()
    assert all(row["count"] > row["expected"] for row in rows)


def test_a_term_with_no_neighbors_has_an_empty_table(birds: Index) -> None:
    result = cooc.neighbors(birds, "auk", min_count=1000)
    assert result.rows() == [] and result.table.height == 0


@pytest.mark.parametrize(
    ("terms", "options", "message"),
    [
        ("auk", {"measure": "nmpi"}, 'no measure "nmpi".* Did you mean npmi'),
        ("auk", {"top": 0}, "top is 0; expected at least 1"),
        ((), {}, "neighbors of no term"),
        ("auk", {"confidense": 0.9}, 'no measure has a parameter "confidense"'),
    ],
)
def test_a_question_that_makes_no_sense_says_why(
    birds: Index, terms: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.neighbors(birds, terms, **options)


def test_parameters_reach_their_measures(birds: Index) -> None:
    wide = cooc.neighbors(birds, "auk", min_count=1, top=1, confidence=0.99).rows()[0]
    narrow = cooc.neighbors(birds, "auk", min_count=1, top=1, confidence=0.5).rows()[0]
    assert wide["pmi_low"] < narrow["pmi_low"]
    flat, bent = (cooc.neighbors(birds, "auk", min_count=1, top=1, alpha=alpha).rows()[0] for alpha in (1.0, 0.5))
    assert flat["ppmi_cds"] == pytest.approx(flat["ppmi"]) and bent["ppmi_cds"] != flat["ppmi_cds"]


# --- ngrams


@quick
@given(
    documents_of,
    st.integers(2, 4),
    st.integers(1, 2),
    st.lists(st.sampled_from(WORDS[:4]), max_size=2),
    st.sampled_from(["g2", "count", "log_dice"]),
)
def test_ngrams_are_the_first_of_all_that_begin_so(
    documents: list[list[str]], n: int, minimum: int, prefix: list[str], measure: str
) -> None:
    if len(prefix) >= n or not known(documents, " ".join(prefix)):
        return
    index = built(documents, ngrams=4, min_count=minimum, window=1)
    rows = []
    for ngram, (o11, r1, c1, total) in naive.ngram_tables(documents, n, minimum).items():
        if list(ngram[: len(prefix)]) == prefix:
            value = o11 if measure == "count" else float(ranking_values(measure, o11, r1, c1, total))
            rows.append((" ".join(ngram), o11, value))
    everything = cooc.ngrams(index, prefix, n=n, measure=measure, top=10_000).rows()
    ranked = [row for row in rows if not math.isnan(row[2])]
    assert sorted((row["ngram"], row["count"], row[measure]) for row in everything) == sorted(ranked)
    values = [(row[measure], row["count"]) for row in everything]
    assert values == sorted(values, reverse=True)
    assert cooc.ngrams(index, prefix, n=n, measure=measure, top=2).rows() == everything[:2]


def test_ngrams_ranked_in_chunks_are_the_same(birds: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cooc.ngrams(birds, n=2, top=5)
    monkeypatch.setattr(ngrams_module, "CHUNK", 2)
    assert cooc.ngrams(birds, n=2, top=5).rows() == whole.rows()


def test_single_terms_are_ranked_by_count(birds: Index) -> None:
    result = cooc.ngrams(birds, n=1, top=2)
    assert result.rows() == [{"ngram": "auk", "count": 5}, {"ngram": "great", "count": 3}]
    assert [row["count"] for row in cooc.ngrams(birds, n=1, min_count=3).rows()] == [5, 3, 3]


def test_a_prefix_is_a_phrase_or_a_list_of_words(birds: Index) -> None:
    as_list = cooc.ngrams(birds, ["The", "great"], n=3)
    assert as_list.rows() == cooc.ngrams(birds, "the great", n=3).rows()
    assert {row["ngram"] for row in as_list.rows()} == {"the great auk", "the great bustard"}


def test_a_prefix_that_is_below_the_threshold_begins_nothing() -> None:
    index = built([["a", "b", "c"], ["a", "c"]], min_count=2)
    assert cooc.ngrams(index, "a b", n=3).rows() == []


@pytest.mark.parametrize(
    ("prefix", "n", "message"),
    [
        ("the great", 2, '"the great" has 2; ask for n of 3 or more'),
        ("", 0, "order 0: they begin at 1"),
        ("", 4, "index has no 4-grams; it was built with --ngrams 3"),
    ],
)
def test_an_order_that_is_not_there_says_which_is(birds: Index, prefix: str, n: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.ngrams(birds, prefix, n=n)


def test_an_answer_knows_the_index_it_came_from(birds: Index) -> None:
    for result in (cooc.count(birds, "auk"), cooc.pair(birds, "auk", "the"), cooc.neighbors(birds, "auk"),
                   cooc.ngrams(birds)):  # fmt: skip
        assert result.provenance.digest == birds.digest
        assert result.provenance.verb == type(result).__name__.lower().replace("counts", "count")
        json.dumps(result.to_dict(), allow_nan=False)
