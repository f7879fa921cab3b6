"""What infini-gram's engine gets wrong, and that cooc does not: each trap with its true count.

The engine itself is asked here only to show that the trap is there; where it no longer is, the test says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cooc
from cooc.index.reader import Index
from cooc.phrases.engine import Engine, EngineError
from cooc.phrases.search import SuffixArray, suffix_array
from cooc.query.hits import find_hits, term_ids
from cooc.query.scan import codes_of
from tests.corpora import index_of
from tests.test_build import some_documents

pytest.importorskip("infini_gram")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, list[list[str]]]:
    """With rare words of two codes, and phrases at the ends of documents that go on in the next."""
    documents = some_documents(600, seed=3)
    rare = [f"rare{k}" for k in range(50_000)]
    documents += [[*rare[k : k + 40], "w1", "w2"] for k in range(0, len(rare), 40)]
    return index_of(tmp_path_factory.mktemp("traps"), documents, ngrams=1, window=1), documents


@pytest.fixture(scope="module")
def engine(corpus: tuple[Index, list[list[str]]]) -> Engine:
    return Engine.of(corpus[0])


def grams(documents: list[list[str]], n: int, seed: int) -> list[list[str]]:
    """Some phrases of n words, half of them at the ends of documents, and one that goes across such an end."""
    random = np.random.default_rng(seed)
    found = []
    for number in random.integers(len(documents), size=12):
        document = documents[int(number)]
        if len(document) >= n:
            at = len(document) - n if number % 2 else int(random.integers(len(document) - n + 1))
            found.append(document[at : at + n])
    found.append([*documents[3], *documents[4]][-n:] if n > 1 else documents[3][-1:])
    return found


def test_counts_and_ranges_are_the_engines_for_phrases_of_1_to_12_words(
    corpus: tuple[Index, list[list[str]]], engine: Engine
) -> None:
    index, documents = corpus
    array = suffix_array(index)
    assert array is not None
    for n in range(1, 13):
        asked = [index.vocabulary.ids(" ".join(gram)) for gram in grams(documents, n, seed=n)]
        coded = [codes_of(index, ids) for ids in asked]
        ranges = array.ranges(coded)
        assert [tuple(row) for row in ranges.tolist()] == [engine.find(codes) for codes in coded]
        assert find_hits(index, asked).totals.tolist() == [engine.count(codes) for codes in coded]


def test_an_engine_takes_only_lists_of_python_integers_and_returns_errors_as_dicts(engine: Engine) -> None:
    """Ours takes arrays, and raises."""
    assert engine.count(np.array([1], np.uint16)) == engine.count([1])
    assert "error" in engine.raw.count(input_ids=np.array([1], np.uint16))
    with pytest.raises(EngineError, match="infini-gram's engine refused"):
        engine.count([-7])


def test_no_phrase_and_a_separator_are_no_questions_to_cooc(
    corpus: tuple[Index, list[list[str]]], engine: Engine
) -> None:
    """The engine counts a separator for each document as a token, and [] as everything."""
    index, documents = corpus
    assert engine.count([65_535]) == len(documents)
    assert engine.raw.count(input_ids=[])["count"] == len(index.tokens.codes) // 2
    assert find_hits(index, [[]]).totals.tolist() == [0]
    assert index.manifest.tokens == sum(map(len, documents))
    assert term_ids(index, "￿") == []


# --- count_cnf: wrong in four ways, each with the true number


def cnf_index(folder: Path, documents: list[list[str]]) -> Index:
    return index_of(folder, documents, ngrams=1, window=10)


def cnf(index: Index, *words: str, **options: int) -> int:
    """What count_cnf says of words within `max_diff_tokens`: only to show that it is wrong."""
    clauses = [[[int(code) for code in codes_of(index, term_ids(index, word))]] for word in words]
    answer = Engine.of(index).raw.count_cnf(cnf=clauses, **options)
    return int(answer["count"])


def test_pairs_of_frequent_words_are_counted_whole_not_by_a_share_of_them(tmp_path: Path) -> None:
    """Subsampling with integer division gives less than half, and says it is exact."""
    documents = [["a", "b", *(f"f{k}" for k in range(20))] for _ in range(3000)]
    index = cnf_index(tmp_path, documents)
    wrong = cnf(index, "a", "b", max_clause_freq=1999, max_diff_tokens=10)
    row = cooc.pair(index, "a", "b").rows()[0]
    assert (row["count"], row["documents"], row["a_anchors"], row["b_anchors"]) == (3000, 3000, 3000, 3000)
    assert wrong != 3000


def test_a_match_is_not_lost_when_another_lies_in_the_next_document(tmp_path: Path) -> None:
    """A document that ends with a and begins with b, twenty times: the engine skips the one in the document before."""
    documents = [["b", *(f"f{k}" for k in range(3)), "a"] for _ in range(20)]
    index = cnf_index(tmp_path, documents)
    row = cooc.pair(index, "a", "b").rows()[0]
    assert (row["count"], row["documents"], row["before"], row["after"]) == (20, 20, 20, 0)
    assert cnf(index, "a", "b", max_diff_tokens=10, max_clause_freq=1_000_000) != 20


def test_the_order_of_the_terms_does_not_matter_and_pairs_are_counted_not_anchors(tmp_path: Path) -> None:
    """The engine counts occurrences of the rarer clause with at least one of the other: 1 for 1 a among 6 b."""
    documents = [["b", "b", "b", "a", "b", "b", "b"], ["a", "c"], ["c", "b"]] * 3
    index = cnf_index(tmp_path, documents)
    one, other = (cooc.pair(index, *pair) for pair in (("a", "b"), ("b", "a")))
    assert (one.rows()[0]["count"], other.rows()[0]["count"]) == (18, 18)
    assert (one.rows()[0]["a_anchors"], one.rows()[0]["b_anchors"]) == (3, 18)
    assert (other.rows()[0]["a_anchors"], other.rows()[0]["b_anchors"]) == (18, 3)
    assert [row["count"] for row in one.distances] == [3, 3, 3, 3, 3, 3]
    assert cnf(index, "a", "b", max_diff_tokens=10, max_clause_freq=1_000_000) != 18


def test_counts_do_not_depend_on_how_the_corpus_is_cut(tmp_path: Path) -> None:
    """The engine's do on its shards: each subsamples by itself."""
    documents = [["a", "b", *(f"f{k}" for k in range(5))] for _ in range(50)]
    whole = cnf_index(tmp_path / "whole", documents)
    (tmp_path / "cut").mkdir()
    for part in range(2):
        lines = documents[part::2]
        text = "".join(json.dumps({"text": " ".join(words)}) + "\n" for words in lines)
        (tmp_path / "cut" / f"{part}.jsonl").write_text(text)
    cut = cooc.build(str(tmp_path / "cut"), tmp_path / "cut-index", workers=1, memory="256MB", ngrams=1, window=10)
    same = ("count", "r1", "c1", "n", "documents", "a_anchors", "b_anchors", "before", "after")
    one, other = cooc.pair(whole, "a", "b").rows()[0], cooc.pair(cut, "a", "b").rows()[0]
    assert [one[name] for name in same] == [other[name] for name in same]


# --- directories


def test_paths_with_table_or_tokenized_in_their_names_are_opened(tmp_path: Path) -> None:
    """The engine crashes on such a path, and on a stray file; ours goes in by a clean one."""
    documents = [["a", "b", "a"]] * 30
    index = index_of(tmp_path / "tokenized.0 and table.0", documents, ngrams=1, window=2)
    stray = index.path / "tokens" / "tokenized.0.bak"
    stray.write_bytes(b"stray")
    engine = Engine.of(index)
    assert engine.count(codes_of(index, term_ids(index, "a b"))) == 30
    assert cooc.count(index, "a b").rows()[0]["occurrences"] == 30
    engine.close()
    assert not engine.folder.exists()


def test_a_table_that_is_too_short_is_named_and_not_a_silent_0(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b"]] * 30, ngrams=1, window=2)
    table = index.path / "tokens" / "table.0"
    table.write_bytes(table.read_bytes()[:-5])
    for damaged in (lambda: cooc.count(cooc.open(index.path), "a b"), lambda: Engine.of(cooc.open(index.path))):
        with pytest.raises(cooc.DamagedIndex, match=r"table\.0: has \d+ bytes where the manifest says"):
            damaged()


def test_a_table_that_is_gone_is_named_and_no_crash(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b"]] * 30, ngrams=1, window=2)
    (index.path / "tokens" / "table.0").unlink()
    for ask in (cooc.count, cooc.contexts, cooc.kwic):
        with pytest.raises(cooc.DamagedIndex, match=r"table\.0: can't be read: No such file"):
            ask(cooc.open(index.path), "a b")


def test_a_flipped_bit_of_the_table_is_named_before_it_is_counted_with(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b", "c"]] * 300, ngrams=1, window=2)
    table = index.path / "tokens" / "table.0"
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 4
    table.write_bytes(data)
    for ask in (
        lambda opened: cooc.count(opened, "a b"), lambda opened: cooc.contexts(opened, "a b"),
        lambda opened: cooc.kwic(opened, "a b"), lambda opened: cooc.pair(opened, "a b", "c"),
        lambda opened: Engine.of(opened),
    ):  # fmt: skip
        with pytest.raises(cooc.DamagedIndex, match=r"table\.0: bytes .* differ from their digest"):
            ask(cooc.open(index.path))


def test_reading_suffixes_needs_none_of_the_functions_that_are_missing(
    corpus: tuple[Index, list[list[str]]], engine: Engine
) -> None:
    """`get_docs_by_ranks` raises AttributeError; our places come from the table itself."""
    index, _ = corpus
    codes = codes_of(index, term_ids(index, "w1 w2"))
    low, high = engine.find(codes)
    with pytest.raises(AttributeError, match="get_docs_by_rank"):
        engine.raw.get_docs_by_ranks(list_of_s_and_rank=[(0, low)], max_disp_len=10)
    array = suffix_array(index)
    assert isinstance(array, SuffixArray)
    places = array.places(np.array([[low, high]]))[1]
    store = index.tokens.all_codes()
    assert all(store[place : place + len(codes)].tolist() == codes.tolist() for place in places.tolist())
    assert len(places) == high - low


def test_an_index_is_asked_in_another_process(tmp_path: Path) -> None:
    """The engine can't be pickled; an index travels by its path."""
    index = index_of(tmp_path, [["a", "b"]] * 30, ngrams=1, window=2)
    code = (
        "import sys, pickle, cooc; index = pickle.loads(pickle.dumps(cooc.open(sys.argv[1])));"
        "print(cooc.count(index, 'a b').rows()[0]['occurrences'])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(index.path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "30"


