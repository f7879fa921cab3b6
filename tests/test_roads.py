"""Three roads, one answer: by the suffix array, by a scan, and from the pair index, counts are equal."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cooc
from cooc.errors import DamagedIndex
from cooc.index.files import BLOCK, CheckedArray
from cooc.phrases import search
from cooc.phrases.guard import Guarded
from cooc.phrases.search import SuffixArray
from cooc.query import totals
from cooc.query.hits import find_hits, term_ids
from tests.naive import contexts as naive
from tests.naive.queries import sequence_counts
from tests.test_queries import IDS, Store, sequences

often = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
phrases_of = st.lists(st.lists(st.sampled_from(IDS), max_size=12), min_size=1, max_size=6)


class InMemory:
    """An array that needs no checking."""

    def __init__(self, data: Any) -> None:
        self.data, self.path = data, "memory"

    def __len__(self) -> int:
        return len(self.data)

    def slice(self, start: int, stop: int) -> Any:
        return self.data[start:stop]

    def unchecked(self) -> Any:
        return self.data


def table_of(data: bytes) -> Any:
    """The suffix array of a token store, by sorting its suffixes."""
    width = ((len(data) - 1).bit_length() + 7) // 8
    pointers = sorted(range(0, len(data), 2), key=lambda at: data[at:])
    return np.frombuffer(b"".join(at.to_bytes(width, "little") for at in pointers), np.uint8)


class Sorted(Store):
    """A store with a suffix array."""

    def __init__(self, documents: list[list[int]]) -> None:
        super().__init__(documents)
        self.table: Any = InMemory(table_of(self.data.tobytes()))

    @property
    def codes(self) -> Any:
        return InMemory(self.data)


@often
@given(sequences, phrases_of)
def test_a_suffix_array_finds_what_a_scan_finds(documents: list[list[int]], phrases: list[list[int]]) -> None:
    """Also phrases at the ends of documents, of terms of two codes, of 12 terms, and such as never occur."""
    with_array: Any = Sorted(documents)
    without: Any = Store(documents)
    one, other = find_hits(with_array, phrases), find_hits(without, phrases)
    for k, phrase in enumerate(phrases):
        assert one.of(k).tolist() == naive.found(documents, phrase)
    for column, same in zip(one, other, strict=True):
        assert column.tolist() == same.tolist()


@often
@given(sequences, phrases_of, st.integers(1, 4))
def test_samples_of_either_road_are_occurrences(
    documents: list[list[int]], phrases: list[list[int]], most: int
) -> None:
    with_array: Any = Sorted(documents)
    hits = find_hits(with_array, phrases, most=most, seed=1)
    for k, phrase in enumerate(phrases):
        places, every = hits.of(k).tolist(), naive.found(documents, phrase)
        assert len(places) == min(most, len(every))
        assert set(places) <= set(every)
        assert places == sorted(places)
        assert hits.totals[k] == len(every)


def test_every_rank_is_as_likely_in_a_sample_of_the_suffix_array() -> None:
    store: Any = Sorted([[0] * 5, [1], [0] * 5])
    seen = np.zeros(20, np.int64)
    for seed in range(600):
        seen[find_hits(store, [[0]], most=3, seed=seed).places] += 1
    assert len(np.flatnonzero(seen)) == 10
    assert all(130 < count < 230 for count in seen[seen > 0])


def test_the_hits_of_a_slice_are_the_same_by_either_road() -> None:
    documents = [[0, 1], [0, 0], [1, 0], [0, 0, 0]]

    class Part:
        mask = np.array([True, False, True, True])

    part: Any = Part()
    with_array: Any = Sorted(documents)
    without: Any = Store(documents)
    one, other = (find_hits(store, [[0], [0, 0], []], where=part) for store in (with_array, without))
    assert [column.tolist() for column in one] == [column.tolist() for column in other]
    assert find_hits(with_array, [[0]], where=part, most=2).totals.tolist() == [5]
    assert len(find_hits(with_array, [[0]], where=part, most=2).places) == 2


@often
@given(sequences, phrases_of, st.sampled_from([0, 2, 4096]))
def test_one_phrase_by_itself_has_the_counts_it_has_among_others(
    documents: list[list[int]], phrases: list[list[int]], few: int
) -> None:
    """Up to `FEW` occurrences are counted in one call of a kernel, more by another road."""
    store: Any = Sorted(documents)
    kept, search.FEW = search.FEW, few
    try:
        for phrase in filter(None, phrases):
            assert totals.totals_of(store, [phrase], None) == [sequence_counts(documents, phrase)]
    finally:
        search.FEW = kept


@often
@given(sequences, phrases_of, st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_occurrences_and_documents_are_those_of_the_definition_by_either_road(
    documents: list[list[int]], phrases: list[list[int]], kept: list[bool], frequent: bool
) -> None:
    from cooc.query.slices import Slice
    from cooc.query.where import Matches

    share = totals.MOST_SHARE
    totals.MOST_SHARE = 1 << 40 if frequent else 0.01
    try:
        for store in (Sorted(documents), Store(documents)):
            index: Any = store
            asked = [phrase for phrase in phrases if phrase]
            assert totals.totals_of(index, asked, None) == [sequence_counts(documents, each) for each in asked]
            part = Slice(index, "some", Matches(np.array(kept[: len(documents)]), 0))
            some = [document for document, is_in in zip(documents, kept, strict=False) if is_in]
            assert totals.totals_of(index, asked, part) == [sequence_counts(some, each) for each in asked]
            assert totals.totals_of(index, [*asked, []], part)[-1] == (0, 0)
    finally:
        totals.MOST_SHARE = share


# --- damage


def checked(path: Path, data: bytes) -> CheckedArray:
    """A file with its digests, as it was when these were taken."""
    import xxhash

    path.write_bytes(data)
    blocks = [data[k : k + BLOCK] for k in range(0, len(data), BLOCK)]
    return CheckedArray(path, len(data), np.array([xxhash.xxh3_64_intdigest(block) for block in blocks], np.uint64))


@pytest.fixture(scope="module")
def large() -> tuple[bytes, bytes]:
    """A store and its suffix array of several blocks each, sorted by NumPy: all codes are different enough."""
    random = np.random.default_rng(5)
    codes = random.integers(0, 60_000, 1_500_000).astype("<u2")
    codes[::500] = 65_535
    swapped = codes.byteswap().astype(np.uint64)
    padded = np.concatenate([swapped + 1, np.zeros(4, np.uint64)])
    keys = (padded[:-4] << 40) | (padded[1:-3] << 20) | padded[2:-2]
    pointers = np.argsort(keys, kind="stable").astype("<u4") * 2
    return codes.tobytes(), pointers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def test_a_flipped_bit_is_found_before_it_is_counted(large: tuple[bytes, bytes], tmp_path: Path) -> None:
    """Wherever it is: each phrase has its count, or the file is named."""
    codes, table = large
    values = np.frombuffer(codes, "<u2")
    random = np.random.default_rng(1)
    good = SuffixArray(Guarded(checked(tmp_path / "codes", codes)), Guarded(checked(tmp_path / "table", table)))
    asked = [values[at : at + 2] for at in random.integers(0, len(values) - 2, 60) if values[at + 1] != 65_535]
    truth = good.ranges(asked)
    assert (truth[:, 1] > truth[:, 0]).all()
    found = 0
    for which in range(40):
        arrays = []
        for name, data in (("codes", codes), ("table", table)):
            array = checked(tmp_path / f"{name}{which}", data)
            if (which % 2 == 0) == (name == "codes"):
                with open(array.path, "r+b") as file:
                    at = int(random.integers(len(data)))
                    file.seek(at)
                    file.write(bytes([data[at] ^ 1 << int(random.integers(8))]))
            arrays.append(array)
        broken = SuffixArray(Guarded(arrays[0]), Guarded(arrays[1]))
        starts = np.flatnonzero(values == 65_535)
        try:
            assert [broken.count(phrase, starts)[0] for phrase in asked] == (truth[:, 1] - truth[:, 0]).tolist()
            assert (broken.ranges(asked) == truth).all()
            broken.places(truth)
        except DamagedIndex as error:
            found += "differ from their digest" in str(error)
        for array in arrays:
            array.path.unlink()
    assert found > 10


def test_pointers_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    """Files with right digests and wrong pointers: odd ones, and such as lie beyond the codes."""
    data = np.array([65_535, 3, 65_535, 4], "<u2").tobytes()
    for wrong in (1, 8, 255):
        table = bytes([0, wrong, 4, 2])
        array = SuffixArray(Guarded(checked(tmp_path / "codes", data)), Guarded(checked(tmp_path / "table", table)))
        with pytest.raises(DamagedIndex, match="pointer of suffix 1 leads to no code"):
            array.places(np.array([[0, 4]]))
        with pytest.raises(DamagedIndex, match="pointer of suffix 1 leads to no code"):
            array.places_of(np.array([1, 2]))
        with pytest.raises(DamagedIndex, match="pointer of suffix 1 leads to no code"):
            array.ranges([np.array([3], np.uint16)])
        with pytest.raises(DamagedIndex, match="pointer of suffix 1 leads to no code"):
            array.count(np.array([3], np.uint16), np.array([0, 2]))
    with pytest.raises(DamagedIndex, match="has 3 bytes, and a suffix array of 4 codes has 4"):
        SuffixArray(Guarded(checked(tmp_path / "codes", data)), Guarded(checked(tmp_path / "table", b"\0\2\4")))


# --- real text

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


def brute_force(
    documents: list[list[str]], phrases: list[list[str]], window: int
) -> tuple[list[tuple[int, int]], list[Counter[str]]]:
    """Occurrences and documents of each phrase, and the words up to `window` tokens around it, by looking at all."""
    by_first: dict[str, list[int]] = {}
    for number, phrase in enumerate(phrases):
        by_first.setdefault(phrase[0], []).append(number)
    totals, last = [[0, 0] for _ in phrases], [-1] * len(phrases)
    around: list[Counter[str]] = [Counter() for _ in phrases]
    for d, words in enumerate(documents):
        for at, word in enumerate(words):
            for number in by_first.get(word, ()):
                end = at + len(phrases[number])
                if words[at:end] == phrases[number]:
                    totals[number][0] += 1
                    totals[number][1] += last[number] != d
                    last[number] = d
                    around[number].update(words[max(0, at - window) : at] + words[end : end + window])
    return [(occurrences, holding) for occurrences, holding in totals], around


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_every_bird_name_of_real_books_has_the_numbers_of_a_brute_force_scan(tmp_path: Path) -> None:
    """By the suffix array, by one reading, from the pair index and by the scan, in windows that it has and has not."""
    import pyarrow as pa

    source = SHARED / "corpora/nathist/nathist_20c.jsonl.zst"
    files = sorted((SHARED / "terms").glob("birds_*.txt"))
    names = list(dict.fromkeys(name for file in files for name in cooc.read_terms(file)))
    assert len(names) > 500
    options: dict[str, Any] = {"window": 10, "min_count": 1, "ngrams": 1}
    index = cooc.build([source], tmp_path / "plain", **options)
    without = cooc.build([source], tmp_path / "without", phrases=False, **options)
    listed = cooc.build([source], tmp_path / "listed", terms=names, **options)
    with pa.input_stream(str(source), compression="zstd") as file:
        texts = [json.loads(line)["text"] for line in file.read().splitlines()]
    documents = [[word.decode() for word in index.tokenizer.words(text)] for text in texts]
    phrases = [[word.decode() for word in index.tokenizer.words(name)] for name in names]
    totals, around = brute_force(documents, phrases, 10)
    assert sum(occurrences > 0 for occurrences, _ in totals) > 50
    assert without.tokens.table is None
    for each in (index, without, listed):
        rows = cooc.count(each, *names).rows()
        assert [(row["occurrences"], row["documents"]) for row in rows] == totals
    ids = [term_ids(index, name) for name in names]
    one, other = find_hits(index, ids), find_hits(without, ids)
    assert all((a == b).all() for a, b in zip(one, other, strict=True))
    found = cooc.contexts(index, names, window=10, measure="count", min_count=1, top=10**6)
    contexts: list[Counter[str]] = [Counter() for _ in names]
    places = {name: number for number, name in enumerate(names)}
    for row in found.rows():
        contexts[places[str(row["of"])]][str(row["term"])] = row["count"]  # type: ignore[assignment]
    assert contexts == around
    scanned = cooc.scan(index, names, tmp_path / "scan.parquet", window=[10, 25])
    present = [name for name, (occurrences, _) in zip(names, totals, strict=True) if occurrences]
    words = set(index.vocabulary.all_terms())
    for name in present[:60]:
        for window in (10, 25):
            ranked: dict[str, Any] = {"measure": "g2", "top": 50, "min_count": 1, "window": window}
            from_array = {row["term"]: row for row in cooc.contexts(index, name, **ranked).rows()}
            assert {row["term"]: row for row in scanned.neighbors(name, **ranked).rows()} == from_array
        from_pairs = cooc.neighbors(listed, name, measure="count", min_count=1, top=10**6).rows()
        counts = Counter({str(row["term"]): row["count"] for row in from_pairs if row["term"] in words})
        assert counts == around[places[name]]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_the_bird_names_of_three_lists_occur_over_all_books_as_often_as_in_their_words(tmp_path: Path) -> None:
    import pyarrow as pa

    sources = sorted((SHARED / "corpora/nathist").glob("nathist_*.jsonl.zst"))
    files = sorted((SHARED / "terms").glob("birds_*.txt"))
    lists = [[line for line in file.read_text().splitlines() if line] for file in files]  # some names are there twice
    assert sorted(map(len, lists)) == [171, 208, 208] and len(sources) == 2
    index = cooc.build(sources, tmp_path / "index", window=1, min_count=1, ngrams=1)
    documents = []
    for source in sources:
        with pa.input_stream(str(source), compression="zstd") as file:
            texts = (json.loads(line)["text"] for line in file.read().splitlines())
            documents += [[word.decode() for word in index.tokenizer.words(text)] for text in texts]
    names = [name for names in lists for name in names]
    phrases = [[word.decode() for word in index.tokenizer.words(name)] for name in names]
    totals, _ = brute_force(documents, phrases, 1)
    rows = [row for names in lists for row in cooc.count(index, *names).rows()]
    assert [(row["occurrences"], row["documents"]) for row in rows] == totals
    assert sum(occurrences for occurrences, _ in totals) > 10_000
