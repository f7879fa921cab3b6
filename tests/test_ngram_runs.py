"""Runs of sorted n-grams: written, merged and cut at the threshold as the definition says, in any memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import ngram_ranges, ngram_runs, ngram_tables, ngrams
from cooc.create.blocks import Corpus, Store, cut_store
from cooc.create.work import Budget, Work
from cooc.index.files import write_array
from cooc.kernels.codes import SEPARATOR
from cooc.kernels.ngram_runs import DONE, FULL, MOST_NGRAM_BYTES, keep_frequent, merge_ngrams, pack_ngrams
from cooc.kernels.ngrams import list_ngrams, sort_ngrams
from tests.naive import ngrams as naive

Array = np.ndarray[Any, Any]

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

# few codes, so that n-grams repeat; small ones, and ones of all lengths up to the largest there can be
TERMS = [1, 2, 3, 128, 5_000, (1 << 27) - 1, (1 << 32) - 1]
orders_of = st.integers(2, 5)


def ngram_of(draw: Any, orders: int) -> naive.Ngram:
    codes = draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=orders))
    return (*codes, *[0] * (orders - len(codes)))


@st.composite
def run_of(draw: Any, orders: int) -> naive.Run:
    ngrams = {ngram_of(draw, orders) for _ in range(draw(st.integers(0, 14)))}
    return [(ngram, draw(st.sampled_from([1, 1, 2, 3, 200, 1 << 40]))) for ngram in sorted(ngrams)]


@st.composite
def runs_of(draw: Any) -> tuple[int, list[naive.Run]]:
    orders = draw(orders_of)
    return orders, draw(st.lists(run_of(orders), min_size=1, max_size=7))


def batch(run: naive.Run, orders: int) -> tuple[Array, Array, Array]:
    return (
        np.array(naive.shared(run), np.uint8),
        np.array([ngram for ngram, _ in run], np.uint32).reshape(-1, orders),
        np.array([count for _, count in run], np.int64),
    )


def listed(codes: Array, counts: Array, n: int) -> naive.Run:
    return [(tuple(ngram), count) for ngram, count in zip(codes[:n].tolist(), counts[:n].tolist(), strict=True)]


@quick
@given(runs_of(), st.integers(1, 5))
def test_a_run_is_packed_as_the_format_says(case: tuple[int, list[naive.Run]], size: int) -> None:
    """In batches of any size, with what goes from one to the next."""
    orders, (run, *_) = case
    shared, codes, counts = batch(run, orders)
    before, place = np.zeros(orders, np.uint32), np.array([0, -(1 << 14)], np.int64)
    found, marks = b"", np.zeros((2, 3), np.int64)
    for start in range(0, len(run), size):
        part = slice(start, start + size)
        out = np.zeros(size * MOST_NGRAM_BYTES, np.uint8)
        n = len(shared[part])
        bytes_, made = pack_ngrams(
            shared[part], codes[part], counts[part], n, (orders - 1).bit_length(), before, out, place, marks
        )
        found += out[:bytes_].tobytes()
        assert made == (start == 0)
    assert found == b"".join(naive.packed(run, orders))
    assert place[0] == len(found)
    assert not run or (before.tolist() == list(run[-1][0]) and marks[0].tolist() == [run[0][0][0], 0, 0])


def merged(
    runs: list[naive.Run], orders: int, *, buffer: int, room: int, first: int = 0, last: int = 1 << 33
) -> tuple[list[int], naive.Run]:
    """What the kernel makes of runs through buffers of a size and batches of a size; also what was shared."""
    packed = [b"".join(naive.packed(run, orders)) for run in runs]
    data, count = np.zeros(len(runs) * buffer, np.uint8), len(runs)
    read, whole = [0] * count, np.zeros(count, np.uint8)
    at, stop = np.arange(count) * buffer, np.arange(count) * buffer
    heads, keys = np.zeros((count, orders), np.uint32), np.zeros(count + 1, np.uint64)
    head_counts, tree, state = np.zeros(count, np.int64), np.zeros(count, np.uint32), np.zeros(3, np.int64)
    shared, codes, counts = np.zeros(room, np.uint8), np.zeros((room, orders), np.uint32), np.zeros(room, np.int64)
    result: tuple[list[int], naive.Run] = ([], [])
    while True:
        said = merge_ngrams(
            data, at, stop, whole, (orders - 1).bit_length(), np.uint64(first), np.uint64(last),
            heads, head_counts, keys, tree, state, shared, codes, counts,
        )  # fmt: skip
        if said >= 0:
            base, left = said * buffer, int(stop[said] - at[said])
            data[base : base + left] = data[at[said] : stop[said]].copy()
            more = packed[said][read[said] : read[said] + buffer - left]
            assert more or not whole[said]
            data[base + left : base + left + len(more)] = np.frombuffer(more, np.uint8)
            at[said], stop[said] = base, base + left + len(more)
            read[said] += len(more)
            whole[said] = read[said] == len(packed[said])
            continue
        n = int(state[1])
        result[0].extend(shared[:n].tolist())
        result[1].extend(listed(codes, counts, n))
        if said == DONE:
            return result
        assert said == FULL
        state[1] = 0


@quick
@given(runs_of(), st.integers(MOST_NGRAM_BYTES, 90), st.integers(1, 9))
def test_runs_are_merged_through_buffers_of_any_size(case: tuple[int, list[naive.Run]], buffer: int, room: int) -> None:
    orders, runs = case
    expected = naive.merged(runs)
    assert merged(runs, orders, buffer=buffer, room=room) == (naive.shared(expected), expected)


@quick
@given(runs_of(), st.sampled_from([0, *TERMS]), st.sampled_from([*TERMS, 1 << 33]))
def test_a_range_of_first_terms_is_merged_alone(case: tuple[int, list[naive.Run]], first: int, last: int) -> None:
    orders, runs = case
    expected = [row for row in naive.merged(runs) if first <= row[0][0] < last]
    found = merged(runs, orders, buffer=64, room=4, first=first, last=last)
    assert found == (naive.shared(expected), expected)


@quick
@given(runs_of(), st.integers(1, 3), st.integers(1, 5))
def test_ngrams_of_every_order_are_kept_by_their_own_count(
    case: tuple[int, list[naive.Run]], minimum: int, size: int
) -> None:
    orders, runs = case
    run = naive.merged(runs)
    shared, codes, counts = batch(run, orders)
    open_codes, sums = np.zeros(orders, np.uint32), np.zeros((orders, 3), np.int64)
    found: naive.Kept = [[] for _ in range(orders)]
    for start in [*range(0, len(run), size), len(run)]:
        part = slice(start, start + size)
        last, made = np.zeros((orders, size + 1), np.uint32), np.zeros(orders, np.int64)
        sizes, children, ends = (np.zeros((orders, size + 1), np.int64) for _ in range(3))
        keep_frequent(
            shared[part], codes[part], counts[part], len(shared[part]), minimum, start == len(run),
            open_codes, sums, last, sizes, children, ends, made,
        )  # fmt: skip
        for k, rows in enumerate(found):
            columns = (array[k, : made[k]].tolist() for array in (last, sizes, children, ends))
            rows.extend(zip(*columns, strict=True))
    assert found == naive.kept(run, orders, minimum)


@quick
@given(
    st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6),
    orders_of,
    st.sets(st.integers(0, 5)),
    st.integers(1, 7),
)
def test_a_block_is_sorted_and_listed(documents: list[list[int]], orders: int, gathered: set[int], room: int) -> None:
    names = np.array([0, 3, 200, 70_000, 1 << 26, (1 << 32) - 2], np.uint32)
    separator = np.uint32(len(names) + 1)
    ids = np.array([separator, *(n for document in documents for n in [*document, separator])], np.uint32)
    places, spare = np.zeros(len(ids) - 1, np.uint32), np.zeros(len(ids) - 1, np.uint32)
    sort_ngrams(ids, separator, 1, len(ids), orders, np.zeros(len(names) + 2, np.uint32), spare, places)
    assert sorted(places.tolist()) == list(range(1, len(ids)))
    wanted = np.array([*(n in gathered for n in range(len(names))), 0, 0], np.uint8)
    shared, codes, counts = np.zeros(room, np.uint8), np.zeros((room, orders), np.uint32), np.zeros(room, np.int64)
    begin, before, n, found, same = 0, -1, 1, [], []
    while begin < len(places):
        begin, before, n = list_ngrams(ids, separator, places, begin, before, wanted, names, shared, codes, counts)
        found += listed(codes, counts, n)
        same += shared[:n].tolist()
    terms = [[int(names[n]) for n in document] for document in documents]
    expected = naive.run_of(terms, orders, {int(names[n]) for n in gathered})
    assert (found, same) == (expected, naive.shared(expected))


# --- whole corpora ----------------------------------------------------------------------------------------------


def corpus_of(work: Work, documents: list[list[int]], terms: int, size: int) -> Corpus:
    """A token store of documents of terms below 49,152, in blocks of about `size` codes."""
    codes = np.array([code for document in documents for code in (SEPARATOR, *document)], np.uint16)
    write_array(work.index / "tokens" / "tokenized.0", codes.view(np.uint8))
    found = np.bincount(codes[codes != SEPARATOR], minlength=terms)
    write_array(work.index / "vocabulary" / "occurrences.i64", found)
    store = Store(str(work.index / "tokens"), len(codes), 49_152)
    return Corpus(store, cut_store(store, size), terms, int(found.sum()), int(found.max(initial=0)), size)


def tables_of(documents: list[list[int]], terms: int, orders: int, minimum: int) -> dict[str, list[int]]:
    """What FORMAT.md says that the files hold."""
    tables: dict[str, list[int]] = {}
    rows: list[naive.Ngram] = [(term,) for term in range(terms)]
    for n in range(2, orders + 1):
        every = naive.Counter(tuple(d[k : k + n]) for d in documents for k in range(len(d) - n + 1))
        kept = sorted(gram for gram, count in every.items() if count >= minimum)
        children = naive.Counter(gram[:-1] for gram in kept)
        begun: naive.Counter[naive.Ngram] = naive.Counter()
        ended: naive.Counter[int] = naive.Counter()
        for gram, count in every.items():
            begun[gram[:-1]] += count
            ended[gram[-1]] += count
        tables[f"{n}/starts.i64"] = [0, *np.cumsum([children[row] for row in rows]).tolist()]
        tables[f"{n}/last.u32"] = [gram[-1] for gram in kept]
        tables[f"{n}/counts.i64"] = [every[gram] for gram in kept]
        tables[f"{n}/prefix_sums.i64"] = [begun[row] for row in rows]
        tables[f"{n}/column_sums.i64"] = [ended[term] for term in range(terms)]
        rows = kept
    return tables


def files_of(work: Work) -> dict[str, list[int]]:
    folder = work.index / "ngrams"
    return {
        path.relative_to(folder).as_posix(): np.fromfile(path, "<u4" if path.suffix == ".u32" else "<i8").tolist()
        for path in sorted(folder.glob("*/*"))
    }


documents_of = st.lists(st.lists(st.integers(0, 6), max_size=14), min_size=1, max_size=7)


@pytest.mark.parametrize("way", ["ranges", "one run", "runs", "runs in turns"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents_of, orders_of, st.integers(1, 3), st.integers(1, 12))
def test_the_tables_are_those_of_the_format_whatever_the_way(
    way: str, documents: list[list[int]], orders: int, minimum: int, pieces: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(ngram_ranges, "LEAST_OCCURRENCES", 4)
        patch.setattr(ngram_ranges, "READ", 8)
        patch.setattr(ngram_tables, "READ", 8)
        patch.setattr(ngram_runs, "BATCH", 3)
        if way == "runs in turns":
            patch.setattr(ngram_runs, "most_runs", lambda share: 2)
        if way == "one run":
            patch.setattr(ngrams, "room_for_ranges", lambda *_: 0)
        work = Work(Path(folder) / "index", Budget(1 << 26, pieces))
        corpus = corpus_of(work, documents, 9, 1 << 20 if way in ("ranges", "one run") else 8)
        records = ngrams.write_ngrams(work, corpus, orders, minimum)
        expected = tables_of(documents, 9, orders, minimum)
        assert files_of(work) == expected
        assert [(record.n, record.kept, record.total) for record in records] == [
            (n, len(expected[f"{n}/last.u32"]), sum(expected[f"{n}/column_sums.i64"])) for n in range(2, orders + 1)
        ]
        left = {path.name.split("-")[0] for path in work.path("ngrams").iterdir()}
        assert left <= {"gathered.u8", "edges"}


def test_a_build_stopped_anywhere_goes_on_to_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where runs that were merged, or parts that were joined, are gone already."""
    documents = [[0, 1, 2, 0, 1, 2, 3], [3, 0, 1, 2, 0, 1], [1, 2, 0, 1, 2, 3, 0, 1, 2]] * 2
    monkeypatch.setattr(ngram_ranges, "LEAST_OCCURRENCES", 8)
    monkeypatch.setattr(ngram_runs, "most_runs", lambda share: 2)
    expected, told, stopped = tables_of(documents, 4, 3, 2), 0, 0

    def tell(*_: object) -> None:
        nonlocal told
        told += 1
        if told == stopped:
            raise KeyboardInterrupt

    while told >= stopped:
        told, stopped = 0, stopped + 1
        index = tmp_path / str(stopped)
        work = Work(index, Budget(1 << 26, 2), progress=tell)
        corpus = corpus_of(work, documents, 4, 8)
        with contextlib.suppress(KeyboardInterrupt):
            ngrams.write_ngrams(work, corpus, 3, 2)
        ngrams.write_ngrams(Work(index, Budget(1 << 26, 2)), corpus, 3, 2)
        assert files_of(work) == expected
    assert stopped > 20


LARGE = """
import sys
from pathlib import Path
import numpy as np
from cooc.create import ngrams, pipeline
from cooc.create.blocks import Corpus, Store, cut_store
from cooc.create.work import Budget, Work

def counted(folder, tokens, terms):
    # half of the tokens are term 0; the store is written in pieces, for this process is measured
    work = Work(folder / "index", Budget(int(sys.argv[2]), 4))
    draw, found = np.random.default_rng(7), np.zeros(terms, np.int64)
    (work.index / "tokens").mkdir(parents=True)
    (work.index / "vocabulary").mkdir()
    with open(work.index / "tokens" / "tokenized.0", "wb") as file:
        for start in range(0, tokens, 1 << 18):
            codes = draw.integers(0, terms, min(tokens - start, 1 << 18)).astype(np.uint16)
            codes[draw.random(len(codes)) < 0.5] = 0
            codes[::1000] = 65535
            file.write(codes.tobytes())
            found += np.bincount(codes[codes != 65535], minlength=terms)
    found.tofile(work.index / "vocabulary" / "occurrences.i64")
    store = Store(str(work.index / "tokens"), tokens, 49152)
    cuts = cut_store(store, pipeline.block_size(work, terms))
    corpus = Corpus(store, cuts, terms, int(found.sum()), int(found[0]), 0)
    return ngrams.write_ngrams(work, corpus, 5, 2)

def highest():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) << 10

folder = Path(sys.argv[1])
ngrams_of_ranges, ngrams.room_for_ranges = ngrams.room_for_ranges, lambda *_: 0
counted(folder / "small", 1 << 16, 1000)
ngrams.room_for_ranges = ngrams_of_ranges
counted(folder / "small as ranges", 1 << 16, 1000)
Path("/proc/self/clear_refs").write_text("5")  # the highest begins anew
before = highest()
records = counted(folder / "large", 16_000_000, 40_000)
print(records[0].total, highest() - before)
"""


@pytest.mark.slow
def test_ngrams_keep_to_their_share_where_half_of_all_tokens_are_one_term(tmp_path: Path) -> None:
    """Its followers alone would take four times the share; all that is held are blocks and buffers."""
    share = 48_000_000
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path), str(share)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    total, grown = map(int, done.stdout.split())
    assert total > 15_900_000
    assert grown < share, f"{grown:,} bytes"
