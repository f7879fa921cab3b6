"""`verify` finds what is broken even where every digest is right, says which file it is, and never crashes."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.errors import NotAnIndex
from cooc.index.laws.pairs import pairs_within
from cooc.index.manifest import WindowRecord
from cooc.index.verify import verify
from cooc.kernels.codes import write_codes
from cooc.kernels.laws import count_codes, first_disorder
from tests.corpora import index_of
from tests.naive import counting as naive
from tests.tampering import copied, edit_array, edit_manifest

WORDS = ["a", "b", "c", "auk", "great", "königsberg", "ж", "d", "e", "f"]
TEXTS = "the great auk saw the great auk||great auk great auk|the dodo the great auk and the dodo|auk|saw the dodo"
DOCUMENTS = [text.split() for text in TEXTS.split("|")]


USUAL: dict[str, Any] = {"window": (2, 5), "min_count": 1, "terms": ["great auk", "the great auk", "saw"]}
KINDS: dict[str, dict[str, Any]] = {
    "symmetric": {},
    "right": {"direction": "right", "max_terms": 3, "min_pair_count": 2, "min_count": 2},
    "harmonic": {"direction": "left", "weighting": "harmonic", "min_count": 2},
    "bytes": {"terms": [], "window": 2, "tokenizer": "bytes"},
}
"""Every law is held by an index of one of these kinds."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The index of a kind, built once."""
    folder = tmp_path_factory.mktemp("verify")
    return cache(lambda kind: index_of(folder / kind, DOCUMENTS, **{**USUAL, **KINDS[kind]}).path)


@pytest.fixture
def index(built: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return copied(built(getattr(request, "param", "symmetric")), tmp_path)


def problem_of(index: Path) -> str:
    """What is wrong, all of it."""
    found = verify(index)
    assert not found.ok
    return "\n".join(found.problems)


@pytest.mark.parametrize("index", KINDS, indirect=True)
def test_a_built_index_obeys_every_law(index: Path) -> None:
    found = verify(index)
    assert found.problems == []
    assert found.ok
    assert [law for law in found.laws if law.ok is not True] == []
    assert len({law.name for law in found.laws}) == len(found.laws)
    assert found.checked == {"files": found.files, "bytes": found.bytes, "laws": len(found.laws)}


def test_the_result_says_what_was_looked_at(index: Path) -> None:
    found = verify(index)
    assert found.index == str(index)
    assert found.files == sum(1 for path in index.rglob("*") if path.is_file()) - 2  # the manifest and the log
    assert found.bytes == sum(path.stat().st_size for path in index.rglob("*") if path.is_file()) - sum(
        (index / name).stat().st_size for name in ("manifest.json", "build.jsonl"))  # fmt: skip
    assert found.to_dict()["problems"] == []
    with pytest.raises(AttributeError, match="cannot assign to field"):
        found.files = 0  # type: ignore[misc]


def put(place: int, value: int) -> Callable[[Any], None]:
    """An edit that puts a value in a place of an array."""

    def change(array: Any) -> None:
        array[place] = value

    return change


def add(place: int, value: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[place] += value

    return change


def swap(one: int, other: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[one], array[other] = int(array[other]), int(array[one])

    return change


BROKEN_ARRAYS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("vocabulary/offsets.i64", put(0, 1), "offsets.i64: begins with 1, expected 0"),
    ("vocabulary/offsets.i64", swap(1, 2), "offsets.i64: falls at place 2"),
    ("vocabulary/offsets.i64", add(-1, -1), "offsets.i64: ends with 20, expected 21"),
    ("vocabulary/sorted.u32", swap(0, 1), "sorted.u32: places 0 and 1 are not in order"),
    ("vocabulary/sorted.u32", put(0, 3), "sorted.u32: does not name each term once"),
    ("vocabulary/sorted.u32", put(0, 1 << 31), "sorted.u32: does not name each term once"),
    ("vocabulary/terms.u8", put(0, 0x7A), "sorted.u32: places"),
    ("vocabulary/terms.u8", put(0, 0), "terms.u8: byte 0 is 0, which no word has"),
    ("vocabulary/terms.u8", put(0, 0x41), "terms.u8: byte 0 is 65, which no word has"),
    ("vocabulary/terms.u8", put(0, 0xFF), "terms.u8: byte 0 is no UTF-8"),
    ("vocabulary/occurrences.i64", swap(0, -1), "occurrences.i64: term 1 should stand before"),
    ("vocabulary/occurrences.i64", add(0, 1), r"occurrences.i64: adds up to 24, the manifest has 23 tokens"),
    ("vocabulary/occurrences.i64", put(-1, 0), "occurrences.i64: adds up to 22"),
    ("vocabulary/documents.i64", put(0, 7), "documents.i64: term 0 occurs 6 times, in 7 of 6 documents"),
    ("vocabulary/documents.i64", put(0, 3), "documents.i64: term 0 has 3, in the token store 4"),
    ("tokens/offset.0", put(0, 2), "offset.0: begins with 2, expected 0"),
    ("tokens/offset.0", add(1, 1), "offset.0: document 1 begins at byte 17"),
    ("tokens/offset.0", put(-1, 1 << 40), "offset.0: ends with 1,099,511,627,776, behind the last code"),
    ("tokens/offset.0", add(-1, 2), "tokenized.0: neither term nor separator can stand at code"),
    ("tokens/tokenized.0", put(1, 60_000), "tokenized.0: neither term nor separator can stand at code 1 "),
    ("tokens/tokenized.0", put(1, 49_152), "tokenized.0: neither term nor separator can stand at code 1 "),
    ("tokens/tokenized.0", put(1, 49_151), "tokenized.0: neither term nor separator can stand at code 1 "),
    ("tokens/tokenized.0", put(1, 65_535), "tokenized.0: neither term nor separator can stand at code 1 "),
    ("tokens/tokenized.0", put(-1, 50_000), "tokenized.0: neither term nor separator"),
    ("tokens/tokenized.0", put(0, 0), "tokenized.0: neither term nor separator can stand at code 0 "),
    ("tokens/tokenized.0", put(1, 0), "occurrences.i64: term 0 has 6, in the token store 7"),
    ("tokens/metaoff.0", put(1, 0), "metaoff.0: document 0 has no line"),
    ("tokens/metaoff.0", put(-1, 1 << 62), "metaoff.0: document"),
    ("tokens/metaoff.0", add(1, 1), "metadata.0: document 0 has no line of its own"),
    ("tokens/metadata.0", put(0, 0x5B), "metadata.0: document 0: "),
    ("tokens/metadata.0", put(9, 0x7A), "metadata.0: document 0 is not of the source"),
    ("tokens/metadata.0", put(9, 0xFF), "metadata.0: document 0"),
    ("units/words.u32", swap(0, 1), "words.u32: does not ascend at place 1"),
    ("units/words.u32", put(-1, 99), "words.u32: names 99 of 6"),
    ("units/phrase_starts.i64", put(1, 4), "phrase_starts.i64: has a phrase of one word"),
    ("units/phrase_terms.u32", put(0, 99), "phrase_terms.u32: names a term without a row"),
    ("units/phrase_terms.u32", put(0, 5), "phrase_terms.u32: phrases 0 and 1 are not in order"),
    ("units/listed.u32", swap(0, 1), "listed.u32: does not ascend at place 1"),
    ("units/listed.u32", put(-1, 99), "listed.u32: names 99 of 8"),
    ("units/listed.u32", lambda listed: listed - np.uint32(1), "listed.u32: lacks a phrase"),
    ("units/phrase_occurrences.i64", put(0, 9), "phrase_occurrences.i64: phrase 0 occurs 9 times, one of its words"),
    ("units/phrase_occurrences.i64", add(0, -1), "phrase 0 occurs 2 times, as an n-gram 3 times"),
    ("units/phrase_documents.i64", put(0, 0), "phrase_documents.i64: phrase 0 occurs 3 times, in 0 of 6 documents"),
    ("pairs/2/starts.i64", put(-1, 5), "pairs/2/starts.i64: falls at place"),
    ("pairs/2/starts.i64", add(1, 1), "pairs/2/cells.u8: the row of unit 0 "),
    ("pairs/2/starts.i64", put(1, 1 << 40), "pairs/2/starts.i64: falls at place 2"),
    ("pairs/2/row_sums.i64", put(-1, 99), "row_sums.i64: unit 7 occurs 5 times and has 99 contexts"),
    ("pairs/2/row_sums.i64", add(0, 1), "row_sums.i64: the words' marginals add up to"),
    ("pairs/2/row_sums.i64", swap(0, 5), "pairs/2/cells.u8: the row of unit 0 does not agree with row_sums.i64"),
    ("pairs/2/cells.u8", put(0, 0xFE), "pairs/2/cells.u8: the row of unit 0 "),
    ("pairs/2/cells.u8", put(-1, 0x80), "pairs/2/cells.u8: the row of unit 7 does not decode into cells"),
    ("pairs/2/cells.u8", lambda cells: cells | 0x80, "pairs/2/cells.u8: the row of unit 0 does not decode"),
    ("pairs/document/starts.i64", lambda starts: np.maximum(starts, np.arange(len(starts)) > 0),
     "pairs/document/cells.u8: unit 0 has a row"),
    ("ngrams/2/starts.i64", swap(1, 2), "ngrams/2/starts.i64: falls at place 2"),
    ("ngrams/2/starts.i64", put(-1, 99), "ngrams/2/starts.i64: ends with 99"),
    ("ngrams/2/last.u32", put(0, 99), "ngrams/2/counts.i64: row 0 names a term that there is not"),
    ("ngrams/2/last.u32", swap(0, 1), "ngrams/2/counts.i64: row 0 has its terms out of order"),
    ("ngrams/2/counts.i64", put(0, 0), "ngrams/2/counts.i64: row 0 has a count below the threshold"),
    ("ngrams/2/counts.i64", add(0, 1), "ngrams/2/counts.i64: row 0 does not agree with prefix_sums.i64"),
    ("ngrams/2/prefix_sums.i64", add(0, 1), "ngrams/2/counts.i64: row 0 does not agree with prefix_sums.i64"),
    ("ngrams/2/column_sums.i64", add(0, 1), "ngrams/2: column_sums.i64 has 6 for term 0; those kept are 5"),
    ("ngrams/3/counts.i64", put(0, 50), "ngrams/3/counts.i64: row 0 has an n-gram that occurs more often than"),
    ("ngrams/3/last.u32", put(0, 3), "ngrams/3/counts.i64: row"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "found"), BROKEN_ARRAYS, ids=[": ".join(row[::2]) for row in BROKEN_ARRAYS])
def test_a_broken_array_with_the_right_digests_is_named(
    index: Path, name: str, change: Callable[[Any], Any], found: str
) -> None:
    edit_array(index, name, change)
    assert found in problem_of(index)


@pytest.mark.parametrize(
    ("index", "name", "change", "found"),
    [
        ("right", "pairs/2/column_sums.i64", add(0, 1), "pairs/2/column_sums.i64: the words' marginals"),
        ("right", "pairs/2/column_sums.i64", put(0, 0), "column_sums.i64: has 0 for unit 0, whose column adds up to"),
        ("right", "pairs/2/row_sums.i64", put(0, 0), "row_sums.i64: the words' marginals add up to"),
        ("right", "pairs/2/cells.u8", put(0, 0), "pairs/2/cells.u8: the row of unit 0 has a count below the threshold"),
        ("right", "ngrams/2/counts.i64", put(0, 1), "counts.i64: row 1 has a count below the threshold"),
        ("harmonic", "pairs/5/column_sums.i64", swap(0, 1), "column_sums.i64: has"),
        ("harmonic", "ngrams/2/prefix_sums.i64", add(0, -1), "prefix_sums.i64 adds up to"),
        ("bytes", "vocabulary/occurrences.i64", put(0, 1), "occurrences.i64: adds up to"),
        ("bytes", "tokens/tokenized.0", put(1, 256), "tokenized.0: neither term nor separator can stand at code 1 "),
    ],
    indirect=["index"],
)
def test_what_another_kind_of_index_breaks_is_named(
    index: Path, name: str, change: Callable[[Any], Any], found: str
) -> None:
    edit_array(index, name, change)
    assert found in problem_of(index)


def windows(change: Callable[[dict[str, Any]], None], place: int = 0) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: change(manifest["windows"][place])


BROKEN_MANIFESTS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda m: m.update(documents=-1), "manifest.json: documents is -1."),
    (lambda m: m.update(tokens=1 << 70), f"manifest.json: tokens is {1 << 70}."),
    (windows(lambda w: w.update(unit=1 << 63)), f"manifest.json: windows.unit is {1 << 63}."),
    (windows(lambda w: w.update(window=1 << 60)), f"manifest.json: window 2 is {1 << 60} in units of 1/1."),
    (windows(lambda w: w.update(unit=1 << 60)), f"manifest.json: window 2 is 2 in units of 1/{1 << 60}."),
    (windows(lambda w: w.update(window=90_000)), "window 2 is not counted as the parameters say"),
    (lambda m: m.update(terms=10**15), "sorted.u32: has 24 bytes; by the numbers in the manifest 4,000,000,"),
    (lambda m: m.update(tokens=5), "manifest.json: the sources have 23 tokens, the index 5"),
    (lambda m: m["sources"].append({**m["sources"][0], "documents": 0, "tokens": 0}), "are not in order"),
    (lambda m: m["parameters"].update(windows=[2]), "has the windows 2, 5, document; by its parameters 2, document"),
    (lambda m: m["parameters"].update(direction="left"), "window 2 is not counted as the parameters say"),
    (windows(lambda w: w.update(weighting="harmonic")), "window 2 is not counted as the parameters say"),
    (windows(lambda w: w.update(unit=6)), "window 2 has counts in units of 1/6, expected 1/1"),
    (windows(lambda w: w.update(unit=6), -1), "window document has counts in units of 1/6, expected 1/1"),
    (windows(lambda w: w.update(total=7)), "the words' marginals add up to"),
    (windows(lambda w: w.update(cells=7)), "cells, the manifest 7"),
    (lambda m: m["parameters"].update(ngrams=5), "has n-grams of the orders [2, 3]; by its parameters up to 5"),
    (lambda m: m["parameters"].update(min_count=9), "has 2-grams from 1 on; by its parameters from 9"),
    (lambda m: m["ngrams"][0].update(total=9), "column_sums.i64 adds up to"),
    (lambda m: m.update(codes="plain"), 'has codes "plain" for 6 terms of the tokenizer word'),
    (lambda m: m["tokenizer"].update(kind="bytes"), 'has codes "pairs" for 6 terms of the tokenizer bytes'),
    (lambda m: m.update(absent=["no such"]), "calls absent what is not among the terms"),
    (lambda m: m["parameters"].update(max_terms=None) or m.update(unit_words=5), "gives rows to 5 of 6 terms"),
    (lambda m: m["files"].pop(0), "manifest.json: names no file ngrams/2/column_sums.i64."),
    (lambda m: m["files"].append(m["files"][0]), "manifest.json: names ngrams/2/column_sums.i64 twice."),
    (lambda m: m["files"][0].update(name="../up"), "manifest.json: names ../up, which is not inside the index."),
    (lambda m: m["files"][0].update(name="/etc/passwd"), "names /etc/passwd, which is not inside the index."),
    (windows(lambda w: w.update(name="../../up")), "which is not inside the index."),
    (lambda m: m["files"][0].update(first_block=10**6), "the digests of ngrams/2/column_sums.i64 lie outside"),
    (lambda m: m["files"][0].update(first_block=1), "ngrams/2/column_sums.i64: bytes 0 to 48 differ from"),
    (lambda m: m["files"][0].update(digest="0" * 32), "ngrams/2/column_sums.i64: differs from its digest"),
    (lambda m: m["files"][0].update(bytes=47), "column_sums.i64: has 48 bytes where the manifest says 47."),
]


@pytest.mark.parametrize(("change", "found"), BROKEN_MANIFESTS)
def test_a_manifest_that_does_not_agree_with_its_index_is_found(
    index: Path, change: Callable[[dict[str, Any]], Any], found: str
) -> None:
    edit_manifest(index, change)
    assert found in problem_of(index)


@pytest.mark.parametrize("index", KINDS, indirect=True)
def test_no_damage_crashes_it_even_if_the_digests_agree(index: Path) -> None:
    """Every array in turn with random numbers in random places, or cut short."""
    seen = random.Random(7)
    names = [path.relative_to(index).as_posix() for path in sorted(index.rglob("*")) if path.parent != index]
    unseen = tried = 0
    for name in (name for name in names if (index / name).is_file()):
        whole = {path: path.read_bytes() for path in (index / name, index / "manifest.json", index / "blocks.u64")}
        for _ in range(3):
            if not len(whole[index / name]):
                continue

            def scramble(array: Any) -> Any:
                for _ in range(seen.choice([1, 1, 3])):
                    bits = seen.choice([1, 3, 8, 8 * array.itemsize])
                    array[seen.randrange(len(array))] = array.dtype.type(seen.getrandbits(bits) & (2 ** 63 - 1))
                return array[: seen.randrange(len(array))] if seen.random() < 0.1 else array

            with np.errstate(over="ignore"):
                edit_array(index, name, scramble)
            changed = (index / name).read_bytes() != whole[index / name]
            tried, unseen = tried + changed, unseen + (changed and verify(index).ok)

            for path, data in whole.items():
                path.write_bytes(data)
    assert verify(index).ok
    assert unseen <= 0.1 * tried  # such as a count in a matrix that was pruned


documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=14), max_size=7)
phrase_of = st.lists(st.sampled_from(WORDS[:5]), min_size=1, max_size=3).map(" ".join)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_built_obeys_the_laws(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    documents = data.draw(documents_of.filter(len))
    options = {
        "window": data.draw(st.sampled_from([1, 2, (3, 7), 20])),
        "direction": data.draw(st.sampled_from(["symmetric", "right", "left"])),
        "weighting": data.draw(st.sampled_from(["uniform", "harmonic"])),
        "min_count": data.draw(st.sampled_from([1, 2, 4])),
        "min_pair_count": data.draw(st.sampled_from([1, 3])),
        "ngrams": data.draw(st.integers(1, 5)),
        "max_terms": data.draw(st.sampled_from([None, 2, 5])),
        "terms": data.draw(st.lists(phrase_of, max_size=4, unique=True)),
    }
    found = verify(index_of(tmp_path_factory.mktemp("any"), documents, **options).path)
    assert found.problems == []
    assert all(law.ok for law in found.laws)


@given(st.lists(st.integers(0, 30)), st.integers(1, 12), st.sampled_from(["symmetric", "right"]), st.booleans())
def test_n_of_documents_is_that_of_the_definition(
    lengths: list[int], size: int, direction: Any, harmonic: bool
) -> None:
    documents = [["a"] * length for length in lengths]
    expected = naive.windowed_pairs(documents, {"a"}, size, direction=direction, harmonic=harmonic)["a", "a"]
    record = WindowRecord(
        name="", window=size, direction=direction, weighting="harmonic" if harmonic else "uniform",
        unit=np.lcm.reduce(range(1, size + 1)) if harmonic else 1, total=0, cells=0, min_pair_count=1,
    )  # fmt: skip
    assert pairs_within(np.array(lengths, np.int64), record) == expected


@settings(deadline=None)
@given(st.lists(st.binary(max_size=4)))
def test_strings_are_in_order_exactly_if_python_sorts_them_so(strings: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, strings)]).astype(np.int64)
    terms = np.frombuffer(b"".join(strings), np.uint8)
    place = first_disorder(terms, offsets, np.arange(len(strings), dtype=np.uint32))
    disorder = [k for k, (a, b) in enumerate(pairwise(strings)) if not (a < b or a == b == b"")]
    assert place == (disorder[0] if disorder else -1)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 49_152 + 3 * 8_191))))
def test_codes_are_counted_as_python_counts_the_ids(documents: list[list[int]]) -> None:
    singles, ids = np.uint32(49_152), [term for document in documents for term in document]
    codes, starts = np.empty(2 * len(ids) + len(documents), np.uint16), np.empty(len(documents), np.int64)
    rank, lengths = np.arange(1 << 17, dtype=np.uint32), np.array([len(d) for d in documents], np.int64)
    written = int(write_codes(np.array(ids, np.uint32), lengths, rank, singles, False, codes, starts))
    counts, distinct = np.zeros(1 << 17, np.int64), np.zeros(1 << 17, np.int64)
    tokens = np.zeros(len(documents), np.int64)
    if documents:
        place = count_codes(codes[:written], (2 * starts).astype(np.uint64), 0, len(documents), singles,
                            counts, distinct, np.zeros(1 << 17, np.uint32), tokens)  # fmt: skip
        assert place == -1
    assert tokens.tolist() == lengths.tolist()
    assert {int(k): int(counts[k]) for k in np.flatnonzero(counts)} == Counter(ids)
    assert {int(k): int(distinct[k]) for k in np.flatnonzero(distinct)} == Counter(
        term for document in documents for term in set(document))  # fmt: skip


def test_a_tokenizer_whose_ids_have_gaps_keeps_them(tmp_path: Path) -> None:
    words = {"[UNK]": 0, "auk": 5, "great": 7, "the": 9}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model": model}))
    index = index_of(tmp_path, DOCUMENTS, tokenizer=f"hf:{path}", **USUAL)
    assert {word: index.vocabulary.id(word.encode()) for word in words} == words
    assert index.vocabulary.terms(list(range(10))) == ["[UNK]", *[""] * 4, "auk", "", "great", "", "the"]
    assert verify(index.path).problems == []


def test_a_directory_that_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAnIndex, match=r"is no cooc index: it has no manifest\.json"):
        verify(tmp_path)
