"""A scan, of an index or of text, has the counts of the pair index and of the definition."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cooc
from cooc.cli import main
from cooc.errors import DamagedIndex, LaterFormat, NotAnIndex, SourceError, UnknownTerm, UsageError
from cooc.kernels import seeds as kernels
from cooc.query.measures import MEASURES
from cooc.seeds import cells as cells_module
from cooc.seeds import count as count_module
from cooc.seeds import model, stores, texts, write
from cooc.seeds.cells import Cells, Part, merged
from cooc.seeds.result import ScanResult
from cooc.seeds.terms import trie_of
from cooc.seeds.write import companions
from tests.corpora import index_of, write_jsonl
from tests.naive import scan as naive

WORDS = ["a", "b", "c", "auk", "great", "königsberg", "ж", "d"]
EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "25"))
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), min_size=1, max_size=6)
some_terms = st.lists(
    st.lists(st.sampled_from([*WORDS[:5], "dodo"]), min_size=1, max_size=3).map(" ".join),
    min_size=1, max_size=5, unique=True,
)  # fmt: skip
some_windows = st.lists(st.sampled_from([1, 2, 3, 7, 20]), max_size=3, unique=True)
directions = st.sampled_from(["symmetric", "right", "left"])
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
BIRDS = ["the great auk and the great bustard", "the auk is great", "a bustard", "auk auk auk"]
INFINITE = float("inf")


def folder() -> Path:
    return Path(tempfile.mkdtemp())


def cells_of(result: ScanResult, window: str) -> dict[tuple[str, str], tuple[int, int]]:
    """The cells of a window that are not 0."""
    columns = ["term", "context", f"count_{window}", f"documents_{window}"]
    return {(a, b): (count, held) for a, b, count, held in result.table.select(columns).iter_rows() if count}


def sums_of(table: pl.DataFrame, window: str) -> dict[str, int]:
    return {row[0]: row[1] for row in table.select(table.columns[0], f"contexts_{window}").iter_rows() if row[1]}


def same_tables(a: ScanResult, b: ScanResult) -> None:
    """Equal cells, terms, words and N; where they were read from may differ."""
    for name in ("table", "terms", "words"):
        assert getattr(a, name).equals(getattr(b, name)), name
    assert a.record.windows == b.record.windows
    assert (a.record.documents, a.record.tokens) == (b.record.documents, b.record.tokens)


def files_of(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in (path, *companions(path).values())]


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once as memory allows, once with blocks of 8 tokens, tables that grow from 2 places, and all cells spilled."""
    if request.param == "many blocks":
        for module in (count_module, stores, texts):
            monkeypatch.setattr(module, "block_tokens", lambda share: 8)
        monkeypatch.setattr(count_module, "TABLE_BITS", 1)
        monkeypatch.setattr(cells_module, "STEP", 2)
        monkeypatch.setattr(write, "ROWS", 7)
        monkeypatch.setattr(Cells, "room", lambda self: 3)
        begin = Cells.__init__

        def poor(self: Cells, *arguments: Any, **options: Any) -> None:
            begin(self, *arguments, **{**options, "budget": 200})

        monkeypatch.setattr(Cells, "__init__", poor)
    return str(request.param)


# --- three roads, one answer


@quick
@given(documents_of, some_terms, some_windows, st.booleans(), directions, st.booleans())
def test_index_and_text_give_the_counts_of_the_definition(
    blocks: str, documents: list[list[str]], terms: list[str], windows: list[int], document: bool, direction: str,
    harmonic: bool,
) -> None:  # fmt: skip
    if not windows and not document:
        document = True
    place = folder()
    index = index_of(place, documents, ngrams=1, window=1)
    weighting = "harmonic" if harmonic else "uniform"
    options: Any = {"window": windows, "document": document, "direction": direction, "weighting": weighting}
    options["workers"] = 1
    read = cooc.scan(index, terms, place / "index.parquet", **options)
    found = cooc.scan(place / "corpus.jsonl", terms, place / "text.parquet", **options)
    same_tables(read, found)
    sizes: list[tuple[str, float]] = [(str(window), window) for window in windows]
    for name, size in [*sizes, *([("document", INFINITE)] if document else [])]:
        whole = size == INFINITE
        expected = naive.scan(
            documents, terms, size, direction="symmetric" if whole else direction, harmonic=harmonic and not whole
        )
        assert cells_of(read, name) == expected.cells
        assert sums_of(read.terms, name) == {term: n for term, n in expected.rows.items() if term in terms and n}
        assert sums_of(read.words, name) == {word: n for word, n in expected.columns.items() if " " not in word and n}
        [record] = [window for window in read.record.windows if window.name == name]
        assert record.total == expected.total
    rows = read.terms.select("term", "occurrences", "documents").rows()
    assert rows == [(term, *naive.totals(documents, term)) for term in sorted(terms, key=str.encode)]
    shutil.rmtree(place)


@quick
@given(documents_of, some_terms, st.sampled_from([1, 3, 20]), directions, st.booleans())
def test_the_row_of_a_term_is_that_of_the_pair_index(
    blocks: str, documents: list[list[str]], terms: list[str], window: int, direction: Any, harmonic: bool
) -> None:
    place = folder()
    weighting: Any = "harmonic" if harmonic else "uniform"
    index = index_of(place, documents, ngrams=1, window=window, direction=direction, weighting=weighting, terms=terms)
    scan = cooc.scan(index, terms, place / "o.parquet", window=window, document=True, direction=direction,
                     weighting=weighting, workers=1)  # fmt: skip
    names = index.units.names(list(range(index.units.words)))
    for name in index.windows:
        matrix, found = index.pairs(name), cells_of(scan, name)
        [record] = [each for each in scan.record.windows if each.name == name]
        assert (record.total, record.unit) == (matrix.total, matrix.unit)
        row_sums, column_sums = sums_of(scan.terms, name), sums_of(scan.words, name)
        assert [column_sums.get(word, 0) for word in names] == matrix.column_sums.all()[: len(names)].tolist()
        for unit in index.units.listed.tolist():
            term = index.units.name(unit)
            columns, counts = matrix.row(unit)
            row = {
                names[column]: count for column, count in zip(columns.tolist(), counts.tolist(), strict=True)
                if column < len(names)
            }  # fmt: skip
            assert {context: count for (of, context), (count, _) in found.items() if of == term} == row
            assert row_sums.get(term, 0) == matrix.row_sums[unit]
            for context in list(row)[:3]:
                pair = cooc.pair(index, term, context, window=name).rows()[0]
                assert pair["documents"] == found[term, context][1]
    counts_of = {row["phrase"]: row for row in cooc.count(index, *terms).rows()}
    for row in scan.rows():
        counted = counts_of[row["term"]]
        assert (row["occurrences"], row["documents"]) == (counted["occurrences"], counted["documents"])
    shutil.rmtree(place)


@quick
@given(documents_of, some_terms, st.sampled_from(["npmi", "g2", "ppmi_cds", "count", "pmi_low"]))
def test_neighbors_of_a_scan_are_those_of_an_index(documents: list[list[str]], terms: list[str], measure: str) -> None:
    place = folder()
    index = index_of(place, documents, ngrams=1, window=3, terms=terms)
    scan = cooc.scan(place / "corpus.jsonl", terms, place / "o.parquet", window=3, document=True, workers=1)
    known = [index.units.name(unit) for unit in index.units.listed.tolist()]
    for name in index.windows if known else []:
        theirs = cooc.neighbors(index, known, measure=measure, min_count=1, window=name, top=99).rows()
        ours = scan.neighbors(known, measure=measure, min_count=1, window=name, top=99).rows()
        # an index ranks phrases among the neighbors, too
        wanted = [row for row in theirs if " " not in str(row["term"])]
        assert [{key: row[key] for key in row if key != "documents"} for row in ours] == wanted
    shutil.rmtree(place)


@quick
@given(documents_of, documents_of, some_terms, st.booleans())
def test_scans_add_up_to_the_scan_of_all_sources(
    blocks: str, some: list[list[str]], others: list[list[str]], terms: list[str], document: bool
) -> None:
    place = folder()
    a, b = write_jsonl(place / "a.jsonl", some), write_jsonl(place / "b.jsonl", others)
    options: Any = {"window": [5, 2], "document": document, "workers": 1}
    parts = [cooc.scan(file, terms, file.with_suffix(".parquet"), **options) for file in (b, a)]
    cooc.scan([a, b], terms, place / "both.parquet", **options)
    cooc.merge_scans(parts, place / "merged.parquet")
    assert files_of(place / "merged.parquet") == files_of(place / "both.parquet")
    shutil.rmtree(place)


@quick
@given(documents_of, some_terms, st.randoms())
def test_documents_that_are_not_chosen_are_as_if_they_were_not_there(
    blocks: str, documents: list[list[str]], terms: list[str], random: Any
) -> None:
    place = folder()
    kept = np.array([random.random() < 0.5 for _ in documents])
    index = index_of(place, documents, ngrams=1, window=1)
    options: Any = {"window": 3, "document": True, "workers": 1}
    chosen = cooc.scan(index, terms, place / "chosen.parquet", documents=kept, **options)
    left = [document for document, stays in zip(documents, kept, strict=True) if stays]
    same_tables(chosen, cooc.scan(write_jsonl(place / "left.jsonl", left), terms, place / "left.parquet", **options))
    assert chosen.record.where == f"a mask of {kept.sum()} of {len(documents)} documents"
    shutil.rmtree(place)


def test_documents_are_chosen_by_their_metadata(tmp_path: Path) -> None:
    years = [1840, 1950, 1850]
    file = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text, "year": year}) for text, year in zip(BIRDS, years, strict=False)]
    file.write_text("\n".join(lines) + "\n")
    index = cooc.build(file, tmp_path / "index", meta_fields=["year"], ngrams=1, window=1, workers=1)
    chosen = cooc.scan(index, ["auk"], tmp_path / "o.parquet", where="year < 1900", workers=1)
    left = write_jsonl(tmp_path / "left.jsonl", [BIRDS[0].split(), BIRDS[2].split()])
    same_tables(chosen, cooc.scan(left, ["auk"], tmp_path / "left.parquet", workers=1))
    assert chosen.record.where == "year < 1900"


@pytest.mark.parametrize("workers", [2, 5])
def test_threads_and_memory_change_no_byte(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: str
) -> None:
    random = np.random.default_rng(7)
    documents = [random.choice(WORDS, size).tolist() for size in random.integers(0, 60, 300)]
    index = index_of(tmp_path, documents, ngrams=1, window=1)
    files = [write_jsonl(tmp_path / f"{k}.jsonl", documents[k::7]) for k in range(7)]
    terms = ["great auk", "a", "a b", "a b c", "b", "dodo"]
    first = None
    for memory, threads in (("8GB", 1), ("64MB", workers)):
        options: Any = {"window": [2, 9], "document": True, "workers": threads, "memory": memory}
        cooc.scan(index, terms, tmp_path / "i.parquet", **options)
        cooc.scan(files, terms, tmp_path / "t.parquet", **options)
        now = files_of(tmp_path / "i.parquet"), files_of(tmp_path / "t.parquet")
        assert first is None or now == first
        first = now
    assert list(tmp_path.glob(".cooc-scan-*")) == []


def test_indexes_and_text_are_scanned_together(tmp_path: Path) -> None:
    documents = [text.split() for text in BIRDS]
    one = index_of(tmp_path / "one", documents[:1], ngrams=1, window=1)
    two = index_of(tmp_path / "two", documents[1:2], ngrams=1, window=1)
    rest = write_jsonl(tmp_path / "rest.jsonl", documents[2:])
    every = write_jsonl(tmp_path / "every.jsonl", documents)
    terms = ["great", "auk", "great auk"]
    together = cooc.scan([two, rest, one.path], terms, tmp_path / "a.parquet", document=True, workers=2)
    same_tables(together, cooc.scan(every, terms, tmp_path / "b.parquet", document=True, workers=1))
    assert [source.index for source in together.record.sources] == [one.digest, None, two.digest]


def test_a_document_that_is_read_in_pieces_is_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [["great", "auk"] * 40, ["sea"], ["the", "great", "auk", "egg"] * 30]
    file = write_jsonl(tmp_path / "a.jsonl", documents)
    whole = cooc.scan(file, ["great auk", "egg"], tmp_path / "whole.parquet", document=True, workers=1)
    monkeypatch.setattr(texts, "BATCH_BYTES", 16)
    monkeypatch.setattr(texts, "block_tokens", lambda share: 4)
    pieces = cooc.scan(file, ["great auk", "egg"], tmp_path / "pieces.parquet", document=True, workers=2)
    assert files_of(whole.path) == files_of(pieces.path)


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "txt", "parquet"])
def test_text_is_read_in_every_format(ending: str, tmp_path: Path) -> None:
    import gzip

    from backports import zstd

    lines = "".join(json.dumps({"text": text}) + "\n" for text in BIRDS)
    file = tmp_path / f"corpus.{ending}"
    if ending == "jsonl.gz":
        file.write_bytes(gzip.compress(lines.encode()))
    elif ending == "jsonl.zst":
        file.write_bytes(zstd.compress(lines.encode()))
    elif ending == "txt":
        file.write_text("\n".join(BIRDS))
    else:
        pl.DataFrame({"text": BIRDS}).write_parquet(file)
    plain = cooc.scan(
        write_jsonl(tmp_path / "plain.jsonl", [text.split() for text in BIRDS]), ["auk", "great auk"],
        tmp_path / "plain.parquet", workers=1,
    )  # fmt: skip
    options: Any = {"text_documents": "line"} if ending == "txt" else {}
    same_tables(plain, cooc.scan(file, ["auk", "great auk"], tmp_path / "o.parquet", workers=2, **options))


def test_bytes_and_tokens_of_a_model_are_terms(tmp_path: Path) -> None:
    index = index_of(tmp_path / "bytes", [["abab"], ["ж"]], tokenizer="bytes", window=2, terms=["a", "ba"])
    options: Any = {"window": 2, "workers": 1}
    read = cooc.scan(index, ["a", "ba", "ж"], tmp_path / "i.parquet", **options)
    source = tmp_path / "bytes" / "corpus.jsonl"
    same_tables(read, cooc.scan(source, ["a", "ba", "ж"], tmp_path / "t.parquet", tokenizer="bytes", **options))
    assert cells_of(read, "2") == {
        ("a", "b"): (3, 1), ("a", "a"): (2, 1), ("b a", "a"): (1, 1), ("b a", "b"): (1, 1)
    }  # fmt: skip
    model = {"type": "WordLevel", "vocab": {"auk": 0, "sea": 1, "?": 2, "unused": 3}, "unk_token": "?"}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "model": model,
    }  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    chosen = f"hf:{tmp_path / 'tokenizer.json'}"
    index = index_of(tmp_path / "hf", [["sea", "auk", "sea"], ["auk", "dodo"]], tokenizer=chosen, window=2)
    read = cooc.scan(index, ["sea auk", "auk"], tmp_path / "i.parquet", **options)
    source = tmp_path / "hf" / "corpus.jsonl"
    same_tables(read, cooc.scan(source, ["sea auk", "auk"], tmp_path / "t.parquet", tokenizer=chosen, **options))
    assert cells_of(read, "2") == {("auk", "?"): (1, 1), ("auk", "sea"): (2, 1), ("sea auk", "sea"): (1, 1)}


# --- terms


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "birds.jsonl", [text.split() for text in BIRDS])


def test_terms_that_are_the_same_words_are_one_row(birds: Path, tmp_path: Path) -> None:
    result = cooc.scan(birds, ["Great Auk", "auk", "great-auk!", "great auk"], tmp_path / "o.parquet", workers=1)
    assert result.duplicates == {"great auk": ["Great Auk", "great-auk!", "great auk"]}
    assert result.terms["term"].to_list() == ["auk", "great auk"]
    for spelling in ("great-auk!", "Great  Auk"):
        assert result.neighbors(spelling, min_count=1).rows()[0]["of"] == spelling


def test_terms_that_never_occur_have_zeros(birds: Path, tmp_path: Path) -> None:
    result = cooc.scan(birds, ["dodo", "auk great auk", "!", "auk"], tmp_path / "o.parquet", workers=1)
    never = {"occurrences": 0, "documents": 0, "contexts": {"10": 0}}
    assert result.rows()[:1] == [{"term": "!", "given": ["!"], **never}]
    assert result.rows()[2:] == [
        {"term": "auk great auk", "given": ["auk great auk"], **never}, {"term": "dodo", "given": ["dodo"], **never},
    ]  # fmt: skip
    assert set(result.table["term"]) == {"auk"}
    assert result.neighbors("dodo", min_count=0).rows() == []


def test_words_of_the_terms_that_are_not_in_the_text_are_no_words_of_it(birds: Path, tmp_path: Path) -> None:
    result = cooc.scan(birds, ["dodo", "moa egg", "auk"], tmp_path / "o.parquet", workers=1)
    assert {"dodo", "moa", "egg"} & set(result.words["context"]) == set()
    assert dict(result.words.select("context", "occurrences").iter_rows())["auk"] == 5
    assert dict(result.words.select("context", "documents").iter_rows())["auk"] == 3


def test_a_term_that_is_not_of_the_scan_is_refused_by_name(birds: Path, tmp_path: Path) -> None:
    result = cooc.scan(birds, ["auk"], tmp_path / "o.parquet", workers=1)
    with pytest.raises(UnknownTerm, match=r'"bustard" is not among the 1 terms of .*o\.parquet'):
        result.neighbors("bustard")
    with pytest.raises(UsageError, match="has no window 3; it has 10"):
        result.neighbors("auk", window=3)
    with pytest.raises(UsageError, match="neighbors of no term"):
        result.neighbors([])


def test_an_empty_corpus_has_no_cells(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [[], []])
    result = cooc.scan(file, ["auk"], tmp_path / "o.parquet", document=True, workers=1)
    assert (result.record.cells, result.record.words, result.record.documents, len(result.table)) == (0, 0, 2, 0)
    assert result.neighbors("auk").rows() == []


def test_every_measure_is_there(birds: Path, tmp_path: Path) -> None:
    result = cooc.scan(birds, ["auk"], tmp_path / "o.parquet", workers=1)
    row = result.neighbors("auk", min_count=1).rows()[0]
    assert set(MEASURES) <= set(row) and row["documents"] >= 1


# --- refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "up"}, '--direction "up": expected symmetric or right or left'),
        ({"weighting": "linear"}, '--weighting "linear": expected uniform or harmonic'),
        ({"window": 0}, "--window 0: expected 1 to 100,000 tokens"),
        ({"window": [3, 3]}, "the same window is given twice"),
        ({"window": None}, "nothing to count: give --window N or --document"),
        ({"window": 23, "weighting": "harmonic"}, "the largest window of exact counts is 22"),
        ({"memory": "1MB"}, "--memory 1MB: expected at least 64MB"),
        ({"memory": "much"}, '--memory "much": expected a size'),
        ({"workers": 0}, "--workers 0: expected at least 1"),
        ({"where": "year < 1900"}, "documents can be chosen in indexes only"),
        ({"terms": []}, "no terms to scan for"),
        ({"out": "o.csv"}, "expected a name that ends with .parquet"),
        ({"out": "nowhere/o.parquet"}, "there is no folder nowhere"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_any_work(
    birds: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    given_ = {"terms": ["auk"], "out": tmp_path / "o.parquet", **options}
    with pytest.raises(UsageError, match=message):
        cooc.scan(birds, given_.pop("terms"), given_.pop("out"), **given_)
    assert not (tmp_path / "o.parquet").exists()


def test_what_does_not_fit_an_index_is_refused(birds: Path, tmp_path: Path) -> None:
    index = index_of(tmp_path / "i", [["auk"]], ngrams=1, window=1)
    cased = index_of(tmp_path / "cased", [["Auk"]], ngrams=1, window=1, keep_case=True)
    out = tmp_path / "o.parquet"
    with pytest.raises(UsageError, match="was built with another tokenizer"):
        cooc.scan(index, ["auk"], out, tokenizer="bytes")
    with pytest.raises(UsageError, match="were built with different tokenizers"):
        cooc.scan([index, cased], ["auk"], out)
    with pytest.raises(UsageError, match="is a source twice"):
        cooc.scan([index, tmp_path / "i" / "corpus.jsonl"], ["auk"], out)
    with pytest.raises(UsageError, match=r"`documents` has 3 places; .* has 1 documents"):
        cooc.scan(index, ["auk"], out, documents=np.ones(3, bool))
    with pytest.raises(UsageError, match="nothing to scan"):
        cooc.scan([], ["auk"], out)


def test_a_bad_record_stops_a_scan_or_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "an auk"}\nno json\n{"text": "auk auk"}\n')
    with pytest.raises(SourceError, match=r"a\.jsonl:2"):
        cooc.scan(file, ["auk"], tmp_path / "o.parquet", workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    result = cooc.scan(file, ["auk"], tmp_path / "o.parquet", on_bad_line="skip", workers=1)
    assert result.record.sources[0].skipped == {"not JSON": 1}
    assert result.record.documents == 2


def test_scans_that_differ_are_not_merged(birds: Path, tmp_path: Path) -> None:
    other = write_jsonl(tmp_path / "other.jsonl", [["auk"]])

    def scanned(name: str, source: Path = other, terms: tuple[str, ...] = ("auk",), **options: Any) -> ScanResult:
        return cooc.scan(source, list(terms), tmp_path / f"{name}.parquet", workers=1, **options)

    first, out = scanned("first", birds), tmp_path / "out.parquet"
    for second, what in (
        (scanned("terms", terms=("auk", "great")), "terms"),
        (scanned("window", window=3), "windows"),
        (scanned("direction", direction="left"), "windows"),
        (scanned("case", keep_case=True), "tokenizer"),
    ):
        with pytest.raises(UsageError, match=f"differ in their {what}: they can't be merged"):
            cooc.merge_scans([first, second], out)
    with pytest.raises(UsageError, match=r"birds.jsonl is a source of both .* would count twice"):
        cooc.merge_scans([first.path, scanned("again", birds).path], out)
    with pytest.raises(UsageError, match="merge needs at least one scan"):
        cooc.merge_scans([], out)
    with pytest.raises(UsageError, match="is itself to be merged"):
        cooc.merge_scans([first.path], first.path)
    assert not out.exists()


def test_a_file_that_is_no_whole_scan_is_told_by_what_it_is(birds: Path, tmp_path: Path) -> None:
    path = cooc.scan(birds, ["auk"], tmp_path / "o.parquet", workers=1).path
    with pytest.raises(NotAnIndex, match="there is no such file"):
        cooc.ScanResult(tmp_path / "none.parquet")
    with pytest.raises(NotAnIndex, match="is no parquet file"):
        cooc.ScanResult(birds)
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(NotAnIndex, match="is no scan of cooc"):
        cooc.ScanResult(tmp_path / "other.parquet")
    words = companions(path)["words"]
    held = words.read_bytes()
    words.write_bytes(companions(path)["terms"].read_bytes())
    with pytest.raises(DamagedIndex, match="is not the one that was written with"):
        cooc.ScanResult(path)
    words.unlink()
    with pytest.raises(DamagedIndex, match="is missing; it belongs to"):
        cooc.ScanResult(path)
    words.write_bytes(held)
    assert cooc.ScanResult(path).record.cells == 6


def test_a_later_format_is_refused(birds: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = cooc.scan(birds, ["auk"], tmp_path / "o.parquet", workers=1).path
    table = pq.read_table(path)
    for said, fault, message in (
        ('{"version": 2}', LaterFormat, "has scan format 2; this cooc reads 1"),
        ('{"version": 1}', DamagedIndex, "missing required field"),
    ):
        pq.write_table(table.replace_schema_metadata({"cooc.scan": said}), path)
        with pytest.raises(fault, match=message):
            cooc.ScanResult(path)


# --- the command


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_the_command_writes_what_the_verb_writes(
    birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("Great Auk\ngreat auk\ndodo\nauk\n")
    out = tmp_path / "o.parquet"
    code, said, told = command(
        capsys, "scan", birds, "--terms", terms, "--out", out, "--window", 2, "--document", "--workers", 1
    )
    assert (code, said) == (0, f"{out}\n")
    assert "4 documents, 16 tokens, 7 distinct words" in told
    assert "3 terms, 10 cells in the windows 2, document" in told
    assert '"great auk" was given 2 times: Great Auk, great auk' in told
    assert "1 of the terms do not occur: dodo" in told
    held = files_of(out)
    cooc.scan(birds, terms, out, window=2, document=True, workers=2)
    assert files_of(out) == held


def test_the_command_prints_the_terms_as_json(birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("auk\n")
    other = write_jsonl(tmp_path / "other.jsonl", [["an", "auk"]])
    for source, name in ((birds, "a"), (other, "b")):
        code, said, told = command(
            capsys, "scan", source, "--terms", terms, "--out", tmp_path / f"{name}.parquet", "--json", "--quiet"
        )
        assert (code, told) == (0, "")
    assert json.loads(said)["rows"] == [
        {"term": "auk", "given": ["auk"], "occurrences": 1, "documents": 1, "contexts": {"10": 1}}
    ]
    merged_to = tmp_path / "ab.parquet"
    code, said, _ = command(
        capsys, "scan", "--merge", tmp_path / "a.parquet", tmp_path / "b.parquet", "--out", merged_to, "--json"
    )
    document = json.loads(said)
    assert (code, document["path"], document["scan"]["documents"]) == (0, str(merged_to), 5)
    assert document["rows"][0]["occurrences"] == 6


def test_the_command_asks_for_terms(birds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = command(capsys, "scan", birds, "--out", tmp_path / "o.parquet")
    assert code == 2 and "name a file of terms" in told


# --- the kernels

NUMBERS = [0, 1, 2, 49_151, 49_152, 49_153, 49_152 + 8_191, 49_153 + 8_191]
numbers_of = st.lists(st.lists(st.sampled_from(NUMBERS), max_size=12), min_size=1, max_size=6)
sequences = st.lists(st.lists(st.sampled_from(NUMBERS), max_size=3), min_size=1, max_size=6, unique_by=tuple)
thorough = settings(max_examples=3 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def flat(documents: list[list[int]]) -> tuple[Any, Any]:
    ids = np.array([token for document in documents for token in document], np.uint32)
    return ids, np.array([0, *accumulate(map(len, documents))], np.int64)


@thorough
@given(numbers_of, st.randoms(), st.booleans())
def test_documents_are_decoded_whatever_their_codes(documents: list[list[int]], random: Any, choose: bool) -> None:
    terms, first = 70_000, 3
    turned = np.arange(terms, dtype=np.uint32)[::-1].copy()
    codes = np.array(naive.codes(documents), np.uint16)
    kept = np.array([random.random() < 0.5 for _ in range(first + len(documents))] if choose else [], np.bool_)
    ids, begins = np.empty(len(codes), np.uint32), np.empty(len(codes) + 1, np.int64)
    found, tokens = kernels.read_documents(codes, np.uint32(49_152), turned, kept, first, ids, begins)
    wanted = [document for number, document in enumerate(documents) if not choose or kept[first + number]]
    expected, expected_starts = flat(wanted)
    assert (ids[:tokens].tolist(), begins[: found + 1].tolist()) == (
        (terms - 1 - expected.astype(np.int64)).tolist(), expected_starts.tolist()
    )  # fmt: skip


@thorough
@given(numbers_of, sequences, st.sampled_from([0, 2, 999]))
def test_every_occurrence_of_every_seed_is_found(documents: list[list[int]], seeds: list[list[int]], room: int) -> None:
    ids, starts = flat(documents)
    trie, out = trie_of(seeds), np.zeros((3, room), np.uint32)
    found = kernels.find_seeds(ids, starts, *trie[2:], *out)
    expected = naive.hits(documents, seeds)
    assert found == len(expected)
    assert list(zip(*out.tolist(), strict=True))[: len(expected)] == expected[:room]
    cursor = np.cumsum([0, *np.bincount([seed for *_, seed in expected], minlength=len(seeds))])[:-1].astype(np.int64)
    if found <= room:
        grouped = np.zeros((2, room), np.uint32)
        kernels.group_hits(*out, found, cursor, *grouped)
        by_seed = sorted(expected, key=lambda hit: hit[2])
        assert list(zip(*grouped.tolist(), strict=True))[:found] == [(at, document) for at, document, _ in by_seed]


@thorough
@given(numbers_of, st.randoms())
def test_bags_hold_what_documents_hold(documents: list[list[int]], random: Any) -> None:
    ids, starts = flat(documents)
    wanted = np.array([random.random() < 0.6 for _ in documents], np.uint8)
    slots = 1 << (2 * max(map(len, documents))).bit_length()
    begins, bag_ids, bag_counts = np.zeros(len(starts), np.int64), *np.empty((2, len(ids)), np.uint32)
    size = kernels.make_bags(
        ids, starts, wanted, np.empty(slots, np.uint32), np.zeros(slots, np.uint64), begins, bag_ids, bag_counts
    )
    assert begins[-1] == size
    for number, document in enumerate(documents):
        a, b = begins[number : number + 2]
        expected = {token: document.count(token) for token in document} if wanted[number] else {}
        assert dict(zip(bag_ids[a:b].tolist(), bag_counts[a:b].tolist(), strict=True)) == expected
        assert b - a == len(expected)


@thorough
@given(numbers_of, st.integers(0, 5), st.integers(0, 5))
def test_edges_of_documents_are_what_windows_lack(documents: list[list[int]], left: int, right: int) -> None:
    ids, starts = flat(documents)
    weights = [0, *(60 // distance for distance in range(1, 6))]
    missing = np.zeros(60_000, np.int64)
    kernels.add_edges(ids, starts, left, right, np.array(list(accumulate(weights)), np.int64), missing)
    found = {int(token): int(missing[token]) for token in np.flatnonzero(missing)}
    assert found == dict(naive.edges(documents, left, right, weights))


@thorough
@given(numbers_of)
def test_words_are_counted_with_their_documents(documents: list[list[int]]) -> None:
    ids, starts = flat(documents)
    counts, last = np.zeros((3, 60_000), np.int64), np.full(60_000, -1, np.int64)
    kernels.add_terms(ids, starts, 5, counts[0], counts[1], last)
    kernels.add_whole(ids, starts, counts[2])
    for token in NUMBERS:
        held = [document for document in documents if token in document]
        assert counts[:, token].tolist() == [
            sum(document.count(token) for document in held), len(held),
            sum(document.count(token) * (len(document) - 1) for document in held),
        ]  # fmt: skip


some_cells = st.lists(
    st.dictionaries(st.integers(0, 40), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20), max_size=5
)


@thorough
@given(some_cells, st.integers(1, 12))
def test_runs_are_merged_wherever_they_are_and_are_cut(cells: list[dict[int, tuple[int, int]]], room: int) -> None:
    place = folder()
    parts = [
        Part(np.array(sorted(part), np.uint64), np.array([part[key] for key in sorted(part)], np.int64).reshape(-1, 2))
        for part in cells
    ]
    before = cells_module.STEP
    cells_module.STEP = 3
    try:
        runs = [
            cells_module.FileRun(place / str(number), 2).write(iter([part.slice(0, 2), part.slice(2, len(part))]))
            if number % 2 else part
            for number, part in enumerate(parts)
        ]  # fmt: skip
        found = list(merged(runs, room=room))
    finally:
        cells_module.STEP = before
    keys = [key for part in found for key in part.keys.tolist()]
    values = [tuple(row) for part in found for row in part.values.tolist()]
    assert dict(zip(keys, values, strict=True)) == naive.added(*cells)
    assert keys == sorted(set(keys))
    shutil.rmtree(place)


@pytest.mark.parametrize(("room", "most"), [(3, 45), (40, 1), (10_000, 1)])
def test_cells_by_other_numbers_are_few_runs(
    room: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that are cut within no seed follow each other in one: thousands of runs would be merged in crumbs."""
    monkeypatch.setattr(Cells, "room", lambda self: room)
    monkeypatch.setattr(cells_module, "STEP", 2)
    cells = Cells(tmp_path, columns=1, budget=10)
    for start in range(300):
        keys = np.array([seed << 32 | (start * seed) % 17 for seed in range(1, 9)], np.uint64)
        cells.add(keys, np.ones((8, 1), np.int64))
    assert len(cells.all_runs()) < 3 * cells_module.FAN
    turned = cells_module.relabelled(cells.all_runs(), np.arange(17)[::-1], cells)
    assert len(turned) <= most
    found = cells_module.joined(list(merged(turned, room=room)))
    expected = naive.added(*({seed << 32 | 16 - (start * seed) % 17: (1,)} for start in range(300)
                             for seed in range(1, 9)))  # fmt: skip
    assert dict(zip(found.keys.tolist(), map(tuple, found.values.tolist()), strict=True)) == expected


@pytest.mark.parametrize("size", [1, 48, 49, 300, 5000])
def test_cells_come_in_the_order_of_their_contexts(size: int, tmp_path: Path) -> None:
    random = np.random.default_rng(size)
    ids = random.integers(1, 1 << 31, size).astype(np.uint32)
    ids[0] = 0
    shape = model.make_shape([], document=True, direction="symmetric", weighting="uniform")
    cells = Cells(tmp_path, columns=2, budget=1 << 30)
    counter = count_module.Counter(trie_of([[0]]), shape, cells)
    counter.add(ids, np.array([0, size], np.int64))
    keys = np.concatenate([np.zeros(0, np.uint64), *(run.slice(0, len(run)).keys for run in cells.all_runs())])
    assert keys.tolist() == sorted(set(ids[1:].tolist()))
    assert math.isclose(counter.totals[0, 2], size - 1)
