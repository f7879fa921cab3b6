"""The window of whole documents: cut anywhere, for documents of any length, it has the pairs of the definition."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create import documents as documents_module
from cooc.create import giants
from cooc.create.blocks import Corpus, Cut, Store
from cooc.create.documents import (
    check_sums,
    check_total,
    cut_documents,
    document_starts,
    nested_phrases,
    write_document_window,
)
from cooc.create.giants import cut_giant
from cooc.create.units import Units, keep_units
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.index.manifest import Parameters
from cooc.kernels.codes import FIRST_TRAIL, SINGLES, TRAILS
from cooc.kernels.documents import bag_documents, count_columns, find_postings, list_overlaps
from cooc.kernels.rows import read_row
from tests.naive import documents as naive

EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "60"))
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

TERMS = 6
documents_of = st.lists(st.lists(st.integers(0, TERMS - 1), max_size=25), min_size=1, max_size=6)
# of two terms, so that they repeat, hold each other and overlap
phrases_of = st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=4).map(tuple), max_size=5, unique=True)


def units_of(phrases: Sequence[Sequence[int]], listed: set[int], *, rows: int, terms: int = TERMS) -> Units:
    """Units with a row for the terms below `rows`, for the words of phrases and for the listed terms."""
    named = {term for phrase in phrases for term in phrase} | listed
    more = np.array(sorted(term for term in named if term >= rows), np.uint32)
    plain = Units(terms, rows, more, np.zeros(1, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    return plain._replace(
        phrase_starts=np.cumsum([0, *map(len, phrases)]).astype(np.int64),
        phrase_units=np.array([plain.unit_of(term) for phrase in phrases for term in phrase], np.uint32),
        listed=np.array(sorted(map(plain.unit_of, listed)) + [plain.words + k for k in range(len(phrases))], np.uint32),
    )


def as_units(document: Sequence[int], units: Units) -> list[int | None]:
    known = {*range(units.first), *units.more.tolist()}
    return [units.unit_of(term) if term in known else None for term in document]


def pair_of(term: int) -> list[int]:
    """The two codes of a rare term."""
    return [SINGLES + (term - SINGLES) // TRAILS, FIRST_TRAIL + (term - SINGLES) % TRAILS]


def codes_of(documents: Sequence[Sequence[int]], singles: int) -> tuple[np.ndarray[Any, Any], list[int]]:
    """The codes of a token store and where its documents begin."""
    codes, starts = list[int](), []
    for document in documents:
        starts.append(len(codes))
        codes.append(65_535)
        for term in document:
            codes += [term] if term < singles else pair_of(term)
    return np.array(codes, np.uint16), starts


def begin(
    folder: Path, codes: Any, starts: Any, units: Units, *, singles: int, share: int, size: int
) -> tuple[Work, Corpus]:
    """A build that has its tokens (those that are there where `codes` is None) and units."""
    work = Work(folder, Budget(share=share, pieces=3))
    tokens = folder / "tokens"
    for path in (tokens, work.folder):
        path.mkdir(parents=True, exist_ok=True)
    if codes is not None:
        codes.tofile(tokens / "tokenized.0")
    (2 * np.asarray(starts, np.uint64)).tofile(tokens / "offset.0")
    keep_units(work, units)
    held = (tokens / "tokenized.0").stat().st_size // 2
    return work, Corpus(Store(str(tokens), held, singles), [], units.terms, held, held, size)


def read_window(folder: Path) -> tuple[Counter[tuple[int, int]], list[int]]:
    """The cells and the marginals of the window as it was written."""
    pairs = folder / "pairs" / "document"
    data, starts = np.fromfile(pairs / "cells.u8", np.uint8), np.fromfile(pairs / "starts.i64", np.int64)
    cells: Counter[tuple[int, int]] = Counter()
    for row in range(len(starts) - 1):
        held = data[starts[row] : starts[row + 1]]
        columns, counts = np.zeros(len(held), np.int64), np.zeros(len(held), np.int64)
        n = read_row(held, columns, counts)
        cells.update({(row, int(columns[k])): int(counts[k]) for k in range(n)})
    return cells, np.fromfile(pairs / "row_sums.i64", np.int64).tolist()


def bytes_of_window(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "pairs" / "document").iterdir()}


def counted(
    documents: Sequence[Sequence[int]], units: Units, *, size: int, least: int = 1, singles: int = 65_535
) -> tuple[Path, Any]:
    folder = Path(tempfile.mkdtemp())
    work, corpus = begin(folder, *codes_of(documents, singles), units, singles=singles, share=64 << 20, size=size)
    return folder, write_document_window(work, Parameters(min_pair_count=least), units, corpus)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bags of three units at a time, products of two columns, and pairs of phrases one by one."""
    monkeypatch.setattr(giants, "UNITS_AT_ONCE", 3)
    monkeypatch.setattr(giants, "TILE", 2)
    monkeypatch.setattr(giants, "PAIRS_AT_ONCE", 1)


@quick
@given(
    documents_of, phrases_of, st.sets(st.integers(0, TERMS - 1), min_size=1), st.integers(0, TERMS), st.integers(1, 40)
)
def test_any_cut_of_the_store_has_the_cells_and_marginals_of_the_definition(
    small_tiles: None,
    documents: list[list[int]],
    phrases: list[tuple[int, ...]],
    listed: set[int],
    rows: int,
    size: int,
) -> None:
    units = units_of(sorted(phrases), listed, rows=rows)
    folder, record = counted(documents, units, size=size)
    numbered = [as_units(document, units) for document in documents]
    expected = naive.document_cells(numbered, units.words, [as_units(phrase, units) for phrase in sorted(phrases)])
    cells, sums = read_window(folder)
    wanted = set(units.listed.tolist())
    assert cells == Counter({cell: count for cell, count in expected.items() if cell[0] in wanted})
    marginals: Counter[int] = Counter()
    for (a, b), count in expected.items():
        marginals[a] += count * (b < units.words)
    assert sums == [marginals[unit] for unit in range(units.total)]
    assert record.total == sum(sums[: units.words])
    assert record.cells == len(cells)


@quick
@given(documents_of, phrases_of, st.integers(1, 60), st.integers(1, 4))
def test_the_bytes_are_the_same_for_any_size_of_block(
    small_tiles: None, documents: list[list[int]], phrases: list[tuple[int, ...]], size: int, least: int
) -> None:
    """Also where pruning would drop a cell that is rare in each block and frequent in all."""
    units = units_of(sorted(phrases), {0, 3}, rows=4)
    in_one, told = counted(documents, units, size=1 << 20, least=least)
    in_many, told_again = counted(documents, units, size=size, least=least)
    assert bytes_of_window(in_one) == bytes_of_window(in_many)
    assert told == told_again
    cells, _ = read_window(in_one)
    assert all(count >= least for count in cells.values())


@quick
@given(st.lists(st.sampled_from([0, 1, SINGLES, SINGLES + 1, SINGLES + 8191]), max_size=40), st.integers(1, 20))
def test_terms_of_two_codes_stay_whole_where_a_document_is_cut(document: list[int], size: int) -> None:
    phrase = (1, SINGLES)
    units = units_of([phrase], {SINGLES + 1}, rows=2, terms=SINGLES + 8192)
    folder, _ = counted([document], units, size=size, singles=SINGLES)
    numbered = as_units(document, units)
    expected = naive.document_cells([numbered], units.words, [as_units(phrase, units)])
    cells, _ = read_window(folder)
    wanted = set(units.listed.tolist())
    assert cells == Counter({cell: count for cell, count in expected.items() if cell[0] in wanted})


@quick
@given(st.lists(st.integers(1, 30), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 5))
def test_cuts_are_whole_documents_as_many_as_fit(lengths: list[int], size: int, at_once: int) -> None:
    edges = [0, *itertools.accumulate(lengths)]

    def starts() -> Iterator[np.ndarray[Any, Any]]:
        for first in range(0, len(edges), at_once):
            yield np.array(edges[first : first + at_once])

    blocks, single = cut_documents(starts(), size)
    together = sorted([*blocks, *single], key=lambda cut: cut.start)
    assert [cut.start for cut in together] == [0, *(cut.stop for cut in together[:-1])]
    assert together[-1].stop == edges[-1]
    assert {cut.start for cut in together} <= set(edges)
    assert all(cut.stop - cut.start <= size for cut in blocks)
    assert [(cut.start, cut.stop) for cut in single] == [(a, b) for a, b in itertools.pairwise(edges) if b - a > size]
    for before, after in itertools.pairwise(together):
        one_more = edges[edges.index(after.start) + 1]
        assert before in single or after in single or one_more - before.start > size


def test_the_places_of_documents_are_read_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "OFFSETS_READ", 2)
    codes, starts = codes_of([[0], [], [1, 2], [3], [4, 4]], 65_535)
    work, corpus = begin(tmp_path, codes, starts, units_of([], {0}, rows=6), singles=65_535, share=1 << 26, size=9)
    read = [part.tolist() for part in document_starts(work, corpus.store.codes)]
    assert read == [[0, 2], [3, 6], [8], [11]]


def test_a_document_is_cut_into_equal_pieces(tmp_path: Path) -> None:
    np.full(100, 7, np.uint16).tofile(tmp_path / "tokenized.0")
    store = Store(str(tmp_path), 100, 65_535)
    assert cut_giant(store, Cut(10, 60), 20) == [Cut(10, 26), Cut(26, 43), Cut(43, 60)]


@quick
@given(phrases_of)
def test_nested_phrases_are_the_most_that_begin_at_one_token(phrases: list[tuple[int, ...]]) -> None:
    most = max((sum(longest[: len(other)] == other for other in phrases) for longest in phrases), default=0)
    assert nested_phrases(units_of(sorted(phrases), {0}, rows=6)) == most


def test_documents_whose_pairs_exceed_64_bits_are_refused() -> None:
    longest = 3_037_000_499  # its square is the largest below 2^63
    check_total(iter([np.array([0]), np.array([longest])]))
    with pytest.raises(BuildError, match=r"pairs exceed 2\^63"):
        check_total(iter([np.array([0]), np.array([longest + 1])]))
    third = 1_753_413_056  # three of these are below, and together with 10^5 codes more above
    check_total(iter([third * np.arange(4)]))
    with pytest.raises(BuildError, match="Leave out --terms"):
        check_total(iter([third * np.arange(2), np.array([2 * third, 3 * third + 100_000])]))


def test_a_window_that_was_written_is_not_counted_again(tmp_path: Path) -> None:
    codes, starts = codes_of([[0, 1, 0], [1, 2]], 65_535)
    units = units_of([], {0}, rows=6)
    work, corpus = begin(tmp_path, codes, starts, units, singles=65_535, share=1 << 26, size=1 << 20)
    record = write_document_window(work, Parameters(), units, corpus)
    assert not work.path("document").exists()
    (tmp_path / "tokens" / "tokenized.0").unlink()
    assert write_document_window(work, Parameters(), units, corpus) == record


class Stopping(Work):
    """A build that stops before it keeps the receipt of the task after the next `left` ones."""

    left = 0

    def keep(self, stage: str, number: int, result: Any) -> None:
        if self.left == 0:
            raise BuildError("stopped")
        self.left -= 1
        super().keep(stage, number, result)


RESUMED = [[0, 1, 0, 1, 2], [1, 2], [3, 0, 1, 0, 0, 1, 5, 4, 0, 1, 0]]


def resumed(folder: Path) -> tuple[Work, Units, Corpus]:
    units = units_of([(0, 1), (1, 0)], {0, 3}, rows=6)
    work, corpus = begin(folder, *codes_of(RESUMED, 65_535), units, singles=65_535, share=1 << 26, size=6)
    return work, units, corpus


def test_a_build_stopped_after_any_task_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    work, units, corpus = resumed(tmp_path / "undisturbed")
    write_document_window(work, Parameters(), units, corpus)
    for tasks in itertools.count():
        folder = tmp_path / str(tasks)
        work, units, corpus = resumed(folder)
        stopping = Stopping(folder, work.budget)
        stopping.left = tasks
        try:
            write_document_window(stopping, Parameters(), units, corpus)
        except BuildError:
            write_document_window(work, Parameters(), units, corpus)
            assert bytes_of_window(folder) == bytes_of_window(tmp_path / "undisturbed")
        else:
            break
    assert tasks >= 6  # at least one of each stage


@pytest.mark.parametrize("step", ["write_giants", "merge_runs", "join_cells", "join_starts", "join_sums", "check_sums"])
def test_a_build_stopped_before_any_step_goes_on_to_the_same_bytes(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BuildError("no space left")

    work, units, corpus = resumed(tmp_path / "stopped")
    monkeypatch.setattr(documents_module, step, refuse)
    with pytest.raises(BuildError, match="no space left"):
        write_document_window(work, Parameters(), units, corpus)
    monkeypatch.undo()
    write_document_window(work, Parameters(), units, corpus)
    work, units, corpus = resumed(tmp_path / "undisturbed")
    write_document_window(work, Parameters(), units, corpus)
    assert bytes_of_window(tmp_path / "stopped") == bytes_of_window(tmp_path / "undisturbed")


def test_rows_that_do_not_add_up_to_their_marginals_are_a_bug(tmp_path: Path) -> None:
    np.array([[2, 5, 40], [300_000, 9, 7]]).tofile(tmp_path / "0.rows.i64")
    sums = np.zeros(300_001, np.int64)
    sums[[2, 300_000]] = 40, 7
    sums.tofile(tmp_path / "row_sums.i64")
    check_sums([tmp_path / "0.rows.i64"], tmp_path / "row_sums.i64")
    sums[300_000] = 8
    sums.tofile(tmp_path / "row_sums.i64")
    with pytest.raises(BuildError, match="do not add up to its marginals"):
        check_sums([tmp_path / "0.rows.i64"], tmp_path / "row_sums.i64")


def flat(documents: Sequence[Sequence[int]], none: int) -> np.ndarray[Any, Any]:
    """Documents as a block has them: a separator before each and one behind."""
    return np.array([unit for document in documents for unit in (none + 1, *document)] + [none + 1], np.uint32)


def found_in(documents: Sequence[Sequence[int]], phrases: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Positions and numbers of the phrases' occurrences, by position."""
    found, position = [], 0
    for document in documents:
        position += 1
        known = [unit if unit < TERMS else None for unit in document]
        found += [(position + first, unit - TERMS) for unit, first, _ in naive.places(known, TERMS, phrases)
                  if unit >= TERMS]  # fmt: skip
        position += len(document)
    found.sort()
    return np.array([at for at, _ in found], np.uint32), np.array([of for _, of in found], np.uint32)


def bags_of(documents: Sequence[Sequence[int]], phrases: Sequence[Sequence[int]]) -> tuple[Any, Any, Any, Any]:
    """What the kernel gives: starts, units and counts of the bags, and the marginals."""
    at, of = found_in(documents, phrases)
    ids, columns = flat(documents, TERMS), TERMS + len(phrases)
    begins = (np.flatnonzero(ids == TERMS + 1)[:-1] + 1).astype(np.uint32)
    starts, sums = np.zeros(len(documents) + 1, np.int64), np.zeros(columns, np.int64)
    units, counts = np.zeros(len(ids) + len(at), np.uint32), np.zeros(len(ids) + len(at), np.uint32)
    scratch, touched = np.zeros(columns, np.int64), np.zeros(columns + 1, np.uint32)
    size = bag_documents(ids, TERMS, begins, at, of, scratch, touched, starts, units, counts, sums)
    assert not scratch.any()
    return starts, units[:size], counts[:size], sums


@quick
@given(documents_of, phrases_of)
def test_bags_are_those_of_the_definition(documents: list[list[int]], phrases: list[tuple[int, ...]]) -> None:
    with_gaps = [[unit if unit < TERMS - 1 else None for unit in document] for document in documents]
    in_block = [[TERMS if unit is None else unit for unit in document] for document in with_gaps]
    starts, units, counts, sums = bags_of(in_block, phrases)
    bags, expected = naive.bag_documents(with_gaps, TERMS, phrases)
    assert sums.tolist() == [expected[column] for column in range(len(sums))]
    for document, bag in enumerate(bags):
        here = slice(starts[document], starts[document + 1])
        assert dict(zip(units[here].tolist(), counts[here].tolist(), strict=True)) == bag
        assert starts[document + 1] - starts[document] == len(bag)


@quick
@given(documents_of, st.sets(st.integers(0, TERMS - 1)))
def test_postings_are_those_of_the_definition(documents: list[list[int]], listed: set[int]) -> None:
    starts, units, counts, _ = bags_of(documents, [])
    row_of = [sorted(listed).index(unit) if unit in listed else -1 for unit in range(TERMS)]
    row_starts, none = np.zeros(len(listed) + 1, np.int64), np.zeros(0, np.uint32)
    size = find_postings(starts, units, counts, np.array(row_of, np.int32), row_starts, none, none)
    held, times = np.zeros(size, np.uint32), np.zeros(size, np.uint32)
    find_postings(starts, units, counts, np.array(row_of, np.int32), row_starts, held, times)
    bags, _ = naive.bag_documents(documents, TERMS, [])
    expected = naive.find_postings(bags, row_of)
    assert row_starts[-1] == size
    for row, postings in enumerate(expected):
        here = slice(row_starts[row], row_starts[row + 1])
        assert list(zip(held[here].tolist(), times[here].tolist(), strict=True)) == postings


@quick
@given(st.lists(st.integers(0, 1), max_size=30), phrases_of)
def test_overlaps_are_those_of_the_definition(document: list[int], phrases: list[tuple[int, ...]]) -> None:
    at, of = found_in([document], phrases)
    lengths, number = np.array([*map(len, phrases)], np.int64), len(phrases)
    order = np.argsort(of, kind="stable").astype(np.uint32)
    starts = np.searchsorted(of[order], np.arange(number + 1)).astype(np.int64)
    rows, columns = np.zeros(number, np.uint32), np.zeros(number, np.uint32)  # room for one row at a time
    times = np.zeros(number, np.int64)
    counts, touched, bits = np.zeros(number + 2, np.int64), np.zeros(number + 8, np.uint32), np.zeros(4, np.uint64)
    row, found = 0, []
    while row < number:
        before = row
        row, size = list_overlaps(
            at, of, lengths, np.int64(lengths.max()), starts, order, row, counts, touched, bits, rows, columns, times
        )
        assert row > before
        found += list(zip(rows[:size].tolist(), columns[:size].tolist(), times[:size].tolist(), strict=True))
    assert found == sorted((p, q, count) for (p, q), count in naive.list_overlaps(document, phrases).items())


@given(st.lists(st.integers(0, 9), max_size=50))
def test_columns_are_counted(ids: list[int]) -> None:
    counts = np.zeros(10, np.int64)
    count_columns(np.array(ids, np.uint32), counts)
    assert counts.tolist() == [Counter(ids)[column] for column in range(10)]


GIANT = """
import sys
from pathlib import Path
import numpy as np
from cooc.create.documents import write_document_window
from cooc.index.manifest import Parameters
from tests.test_document_window import begin, units_of

TERMS, SINGLES, SHARE = 400_000, 49_152, 64_000_000
units = units_of([(0, 1), (1, 1), (1, 1, 1), (2, 0, 1)], set(range(0, 40_000, 1000)), rows=TERMS, terms=TERMS)


def build(folder, tokens):
    random = np.random.default_rng(7)
    counts, starts = np.zeros(TERMS, np.int64), [0]
    (folder / "tokens").mkdir(parents=True)
    with open(folder / "tokens" / "tokenized.0", "wb") as file:
        file.write(np.array([65535], np.uint16).tobytes())
        for _ in range(0, tokens, 1_000_000):
            terms = (TERMS ** random.random(min(tokens, 1_000_000)) - 1).astype(np.uint32)  # Zipf's law
            counts += np.bincount(terms, minlength=TERMS)
            rare = terms >= SINGLES
            rest = terms - np.uint32(SINGLES)
            first = np.where(rare, SINGLES + rest // 8191, terms)
            both = np.column_stack([first, np.where(rare, SINGLES + 8192 + rest % 8191, 65536)]).reshape(-1)
            both = both[both < 65536].astype(np.uint16)
            file.write(both.tobytes())
    return counts


def run(folder, tokens):
    counts = build(folder, tokens)
    work, corpus = begin(folder, None, [0], units, singles=SINGLES, share=SHARE, size=1 << 30)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    write_document_window(work, Parameters(), units, corpus)
    return counts, status("VmHWM") - before


def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


folder = Path(sys.argv[1])
run(folder / "small", 300_000)  # compiles the kernels
counts, used = run(folder / "large", 30_000_000)
pairs = folder / "large" / "pairs" / "document"
sums = np.fromfile(pairs / "row_sums.i64", np.int64)
assert (sums[:TERMS] == counts * (30_000_000 - 1)).all()
print(used)
"""


@pytest.mark.slow
def test_one_document_of_30_million_tokens_stays_within_a_share(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GIANT, str(tmp_path)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 64_000_000
    assert (tmp_path / "large" / "tokens" / "tokenized.0").stat().st_size > 64_000_000
