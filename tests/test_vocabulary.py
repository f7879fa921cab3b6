"""Lists of terms merge to the vocabulary of the whole corpus, however they are cut and however little fits memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import ids, lists, vocabulary
from cooc.create.lists import TermList, write_list
from cooc.create.vocabulary import VOCABULARY_FILES, byte_order, merge_lists
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.index.files import dtype_of
from cooc.kernels.codes import SINGLES
from cooc.tokens import LocalVocabulary, tokenizer_for
from cooc.tokens.vocabulary import vocabulary_of
from cooc.tokens.words import WordTokenizer
from tests.naive import vocabulary as naive

EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

# prefixes of others, the longest there can be, bytes that are not ASCII, a common beginning longer than a key
WORDS = [b"a", b"ab", b"abcdefgh", b"abcdefghi", b"abcdefghij", b"abcdefghiz", "ж".encode(), "ü".encode(), b"z" * 255,
         b"z" * 254, b"z" * 254 + b"a", b"\x01", b"a\x00", b"a\x00\x00"]  # fmt: skip
documents_of = st.lists(st.lists(st.sampled_from(WORDS), max_size=12), max_size=8)


@pytest.fixture(params=["at once", "by ranges", "many of everything"])
def cramped(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As for few lists and for many, and with three lists merged at a time, a range for two terms, tiny buffers."""
    if request.param == "by ranges":
        monkeypatch.setattr(vocabulary, "AT_ONCE", 0)
    if request.param == "many of everything":
        monkeypatch.setattr(vocabulary, "AT_ONCE", 0)
        monkeypatch.setattr(vocabulary, "FAN", 3)
        monkeypatch.setattr(vocabulary, "RANGE_ROWS", 2)
        monkeypatch.setattr(ids, "MOST_ROWS", 4)
        monkeypatch.setattr(lists, "MOST_ROWS", 4)
    return request.param


def work_in(folder: Path, share: int = 1 << 18) -> Work:
    return Work(folder, Budget(share=share, pieces=8))


def write_segments(work: Work, segments: list[naive.Segment]) -> list[str]:
    folders = [f"parts/0/{number}" for number in range(len(segments))]
    for folder, segment in zip(folders, segments, strict=True):
        held, first, last, begins, ends = segment
        write_list(work.path(folder), held, first_document_terms=first, last_document=last, begins_inside=begins,
                   ends_inside=ends)  # fmt: skip
    return folders


def read(work: Work, name: str) -> Any:
    return np.fromfile(work.index / "vocabulary" / VOCABULARY_FILES[name], dtype_of(VOCABULARY_FILES[name]))


def merged_rows(work: Work) -> list[naive.Row]:
    """The vocabulary that was written, by id."""
    terms, offsets = read(work, "terms").tobytes(), read(work, "offsets").tolist()
    words = [terms[a:b] for a, b in pairwise(offsets)]
    return list(zip(words, read(work, "occurrences").tolist(), read(work, "documents").tolist(), strict=True))


@quick
@given(documents_of, st.sets(st.integers(1, 90)))
def test_a_vocabulary_is_that_of_whole_documents_wherever_they_are_cut(
    cramped: str, documents: list[list[bytes]], cuts: set[int]
) -> None:
    work = work_in(Path(tempfile.mkdtemp()))
    segments = naive.segments(documents, cuts)
    merged = merge_lists(work, write_segments(work, segments), WordTokenizer())
    expected = naive.vocabulary(documents)
    assert merged_rows(work) == expected
    assert (merged.terms, merged.singles) == (len(expected), SINGLES)
    final = {word: number for number, (word, _, _) in enumerate(expected)}
    assert read(work, "sorted").tolist() == [final[word] for word in sorted(final)]
    for number, (held, *_) in enumerate(segments):
        rank = np.fromfile(work.path(f"parts/0/{number}/rank.u32"), "<u4").tolist()
        assert rank == [final[held.term(k)] for k in range(len(held.occurrences))]
    assert merged.sizes == [int(held.occurrences.sum()) for held, *_ in segments]


@quick
@given(st.integers(1, 14), st.integers(1, 5), st.integers(0, 20))
def test_a_document_in_many_segments_counts_once(cramped: str, pieces: int, words: int, before: int) -> None:
    """Among them segments that are a piece of it alone, and documents that end and begin where it does."""
    giant = [f"w{(k * k) % 7}".encode() for k in range(pieces * words)]
    documents = [[b"w1"] * before, giant, [b"w2", b"w1"]]
    work = work_in(Path(tempfile.mkdtemp()))
    cuts = range(before, before + len(giant) + 2, words)
    merge_lists(work, write_segments(work, naive.segments(documents, cuts)), WordTokenizer())
    assert merged_rows(work) == naive.vocabulary(documents)


def test_a_term_takes_two_codes_where_there_are_too_many_for_one(tmp_path: Path) -> None:
    words = [f"{k:06}".encode() for k in range(SINGLES + 100)]
    counts = np.ones(len(words), np.int64)
    whole = vocabulary_of(words)._replace(occurrences=counts, documents=counts)
    rare = vocabulary_of(words[-3:])._replace(occurrences=counts[:3], documents=counts[:3])
    work = work_in(tmp_path, 1 << 22)
    for name, held in (("a", whole), ("b", rare)):
        write_list(work.path(name), held)
    merged = merge_lists(work, ["a", "b"], WordTokenizer())
    # the three are the first ids, having two occurrences
    assert merged.sizes == [len(words) + 100, 3]
    assert np.fromfile(work.path("b/rank.u32"), "<u4").tolist() == [0, 1, 2]


def test_frequent_terms_are_ordered_as_rare_ones(cramped: str, tmp_path: Path) -> None:
    counts = np.array([1, 1 << 16, (1 << 16) - 1, 1 << 40, 1 << 16, 1 << 40, 1], np.int64)
    words = [b"g", b"f", b"e", b"d", b"c", b"b", b"a"]
    work = work_in(tmp_path)
    write_list(work.path("a"), vocabulary_of(words)._replace(occurrences=counts, documents=counts))
    merged = merge_lists(work, ["a"], WordTokenizer())
    assert [word for word, _, _ in merged_rows(work)] == [b"b", b"d", b"c", b"f", b"e", b"a", b"g"]
    assert merged.sizes == [int(counts.sum())]


def test_a_fixed_vocabulary_keeps_its_ids(tmp_path: Path) -> None:
    tokenizer = tokenizer_for("bytes")
    work = work_in(tmp_path)
    for name, text in (("a", b"hello"), ("b", b"\xff\x00\x00")):
        counter = tokenizer.counter()
        counter.add(np.frombuffer(text, np.uint8), np.array([0, len(text)]))
        write_list(work.path(name), counter.vocabulary())
    merged = merge_lists(work, ["a", "b"], tokenizer)
    assert (merged.terms, merged.sizes) == (256, [5, 3])
    held = {word: row for word, *row in merged_rows(work)}
    assert (held[b"l"], held[b"\x00"], held[b"z"]) == ([2, 1], [2, 1], [0, 0])
    assert read(work, "sorted").tolist() == list(range(256))
    assert np.fromfile(work.path("b/rank.u32"), "<u4").tolist() == list(range(256))


def test_more_terms_than_ids_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MOST_IDS", 2)
    work = work_in(tmp_path)
    folders = write_segments(work, naive.segments([[b"a", b"b", b"c"]], []))
    with pytest.raises(BuildError, match="the corpus has 3 distinct terms; there is room for 2"):
        merge_lists(work, folders, WordTokenizer())


def test_a_term_that_no_tokenizer_makes_is_refused_and_not_read_for_ever(tmp_path: Path) -> None:
    work = work_in(tmp_path)
    folders = write_segments(work, naive.segments([[b"a" * 20_000]], []))
    with pytest.raises(BuildError, match=r"a term has 20,000 bytes; 16,384 fit"):
        merge_lists(work, folders, WordTokenizer())


def test_a_piece_without_a_term_between_others_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must have a term"):
        write_list(tmp_path, vocabulary_of([]), begins_inside=True, ends_inside=True)


@quick
@given(st.lists(st.binary(max_size=20)))
def test_the_order_is_that_of_bytes(words: list[bytes]) -> None:
    held = vocabulary_of(words)
    assert byte_order(held.terms, held.offsets).tolist() == sorted(range(len(words)), key=lambda k: words[k])


@quick
@given(st.sets(st.sampled_from(WORDS)), st.sampled_from(WORDS))
def test_a_list_knows_how_many_terms_come_before_a_word(words: set[bytes], wanted: bytes) -> None:
    folder = Path(tempfile.mkdtemp())
    counts = np.ones(len(words), np.int64)
    write_list(folder, vocabulary_of(list(words))._replace(occurrences=counts, documents=counts))
    assert TermList(folder).place(wanted) == sum(word < wanted for word in words)


def random_vocabulary(rng: np.random.Generator, terms: int) -> LocalVocabulary:
    """Distinct terms of 16 bytes and their counts."""
    text = rng.integers(0, 256, (terms, 16), dtype=np.uint8)
    counts = rng.zipf(1.8, terms).astype(np.int64)
    return LocalVocabulary(text.reshape(-1), np.arange(0, 16 * terms + 1, 16), counts, np.ones_like(counts))


MEASURED = """
import sys, pathlib, re, resource
import cooc.create.vocabulary as vocabulary
from cooc.create.work import Budget, Work
from cooc.tokens.words import WordTokenizer

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024

folder, share, lists = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
names = [str(k) for k in range(lists)]
vocabulary.merge_lists(Work(folder / "warm", Budget(share, 8)), [str(folder / "warm")], WordTokenizer())
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
before = peak()
merged = vocabulary.merge_lists(Work(folder, Budget(share, 8)), names, WordTokenizer())
print(merged.terms, peak() - before)
"""

SLACK = 16 << 20
"""For the interpreter's own: arenas that are not given back, and the kernels' code."""


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, 300])
def test_three_million_terms_merge_in_a_small_memory_and_with_few_open_files(tmp_path: Path, count: int) -> None:
    share, rng = 32 << 20, np.random.default_rng(1)
    work = work_in(tmp_path, share)
    for number in range(count):
        write_list(work.path(str(number)), random_vocabulary(rng, 3_000_000 // count))
    write_list(tmp_path / "warm", random_vocabulary(rng, 100))
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path), str(share), str(count)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    terms, grown = map(int, done.stdout.split())
    assert terms == 3_000_000
    assert grown <= share + SLACK
