"""One vocabulary from the lists of a corpus's pieces: exact, ordered by frequency and then by bytes.

In bounded memory, whatever its size. Lists are merged in order, at most `FAN` at a time and so in levels; the last
merging is cut by ranges of bytes, for the workers. A term's id is the number of terms that are more frequent,
plus those as frequent that come before it by bytes: both are known from how many terms of each frequency each
range has, so every range writes its terms to their places. The lists then learn the ids of their terms from the
list they were merged into.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.ids import (
    RANK,
    RANKS,
    VOCABULARY_FILES,
    Frequencies,
    looked_up,
    order_ranges,
    place_range,
    range_folder,
    rank_list,
)
from cooc.create.lists import (
    ENTRIES,
    REGIONS,
    TERMS,
    UP,
    Merging,
    TermList,
    byte_order,
    flags_of,
    gathered,
    numbers_of,
    write_list,
)
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import InPlace, NewFile, make_empty, read_sealed, write_array, write_sealed
from cooc.index.layout import VOCABULARY
from cooc.kernels.codes import MOST_IDS, SEPARATOR, SINGLES
from cooc.kernels.terms import DOCUMENTS, END, LABEL, OCCURRENCES
from cooc.tokens import Tokenizer

__all__ = ["MOST_IDS", "VOCABULARY_FILES", "Merged", "byte_order", "merge_lists", "single_codes", "write_list"]

Array = NDArray[Any]

FAN = 128
"""Lists merged at a time: a buffer for each must fit the memory, and their ids are read from what they merge to."""

RANGE_ROWS = 1 << 19
"""Terms of lists for which a range more is worth a task."""

AT_ONCE = 20 << 20
"""Bytes of lists that are merged by one task, without files between: a disk may take long for each of them."""

SAMPLES = 4096
"""Terms that are looked at to cut the ranges."""


class Merged(NamedTuple):
    """What came of merging lists: `sizes` are the 16-bit codes that each list's tokens take."""

    terms: int
    singles: int
    sizes: list[int]


class LevelPlan(msgspec.Struct, frozen=True):
    """List `group` of the level above `level` is merged from the lists [start, stop) of `level`."""

    level: int
    group: int
    start: int
    stop: int


def merge_lists(work: Work, folders: list[str], tokenizer: Tokenizer) -> Merged:
    """Merge lists into `index/vocabulary` and write `rank.u32`, the final ids by local id, into each one's folder.

    `folders`, relative to the work's, are in the order of the corpus. A fixed vocabulary keeps its own ids.
    Raises `BuildError` if there are more terms than ids.
    """
    write_sealed(work.path("vocabulary/lists.json"), msgspec.json.encode(folders))
    if tokenizer.fixed is not None:
        return merge_fixed(work, len(folders), tokenizer)
    if 0 < len(folders) <= FAN and size_of(work, len(folders)) <= min(AT_ONCE, work.share // 8):
        terms, sizes = work.once("merge vocabulary", merge_at_once, len(folders))
        check_ids(terms)
        return Merged(terms, single_codes(tokenizer, terms), sizes)
    levels = plan_levels(len(folders))
    for plans in levels:
        work.tasks(f"merge lists {plans[0].level + 1}", merge_group, [(plan,) for plan in plans])
    level = len(levels)
    top = len(levels[-1]) if levels else len(folders)
    bounds = work.once("cut vocabulary", choose_bounds, level, top)
    held = work.tasks("merge vocabulary", merge_range, [(level, top, number, *pair)
                                                        for number, pair in enumerate(bounds)])  # fmt: skip
    firsts = [0, *accumulate(held)]
    terms = firsts.pop()
    check_ids(terms)
    singles = single_codes(tokenizer, terms)
    work.once("order vocabulary", order_ranges, len(held))
    work.tasks("write vocabulary", place_range, list(enumerate(firsts)))
    sizes = rank_all(work, levels, len(folders), firsts, singles)
    shutil.rmtree(work.path("vocabulary/ranges"), ignore_errors=True)
    for plans in levels:
        shutil.rmtree(work.path(f"vocabulary/{plans[0].level + 1}"), ignore_errors=True)
    return Merged(terms, singles, sizes)


def size_of(work: Work, lists: int) -> int:
    """Bytes of all lists."""
    folders = (list_folder(work, 0, number) for number in range(lists))
    return sum((folder / name).stat().st_size for folder in folders for name in (ENTRIES, TERMS))


def merge_at_once(work: Work, count: int) -> tuple[int, list[int]]:
    """Merge a few small lists in memory; the number of terms, and the codes that each list's tokens take."""
    lists = lists_of(work, 0, 0, count)
    merging = Merging(lists, None, None, memory=work.share // 3)
    numbers = np.empty(int(merging.regions[-1, 2]), np.uint32)

    def keep(place: int, found: Array) -> None:
        numbers[place : place + len(found)] = found

    batches = [(rows.copy(), text.copy()) for rows, text in merging.batches(keep)]
    rows, text = (np.concatenate(pieces) for pieces in zip(*batches, strict=True))
    order = np.argsort(-rows[:, OCCURRENCES], kind="stable")
    ids = np.empty(len(rows), np.uint32)
    ids[order] = np.arange(len(rows))
    terms, offsets = gathered(text, np.insert(rows[:, END], 0, 0), order)
    held = (terms, offsets, rows[order, OCCURRENCES], rows[order, DOCUMENTS], ids)
    for name, array in zip(VOCABULARY_FILES.values(), held, strict=True):
        write_array(work.index / VOCABULARY / name, array)
    regions = merging.regions[:, 1:].tolist()
    return len(rows), [rank_list(each, [(0, numbers[start:stop])], ids.__getitem__, SINGLES)
                       for each, (start, stop) in zip(lists, regions, strict=True)]  # fmt: skip


def check_ids(terms: int) -> None:
    """Raise `BuildError` if there are more terms than ids."""
    if terms > MOST_IDS:
        raise BuildError(f"the corpus has {terms:,} distinct terms; there is room for {MOST_IDS:,}.")


def single_codes(tokenizer: Tokenizer, terms: int) -> int:
    """How many ids take a single code: all of a small fixed vocabulary, else those left by leads and trails."""
    return SEPARATOR if tokenizer.fixed is not None and terms <= SEPARATOR else SINGLES


def plan_levels(lists: int) -> list[list[LevelPlan]]:
    """The mergings, level by level, after which at most `FAN` lists are left."""
    levels: list[list[LevelPlan]] = []
    while lists > FAN:
        groups = -(-lists // FAN)
        cuts = [group * lists // groups for group in range(groups + 1)]
        levels.append([LevelPlan(len(levels), group, cuts[group], cuts[group + 1]) for group in range(groups)])
        lists = groups
    return levels


def list_folder(work: Work, level: int, number: int) -> Path:
    """Where a list is: those of level 0 were given, the others merged from those below."""
    if level:
        return work.path(f"vocabulary/{level}/{number}")
    return work.folder / work.recall("vocabulary lists", read_folders)[number]


def read_folders(work: Work) -> list[str]:
    """The folders that the driver wrote down."""
    return msgspec.json.decode(read_sealed(work.path("vocabulary/lists.json")), type=list[str])


def lists_of(work: Work, level: int, start: int, stop: int) -> list[TermList]:
    return [TermList(list_folder(work, level, number)) for number in range(start, stop)]


def merge_group(work: Work, plan: LevelPlan) -> None:
    """Merge lists that follow each other into one of the next level."""
    lists = lists_of(work, plan.level, plan.start, plan.stop)
    head = np.array([0, flags_of([held.flags for held in lists]), 0, 0])
    merging = Merging(lists, None, None, memory=work.share // 3)
    write_merged(merging, list_folder(work, plan.level + 1, plan.group), head)


def write_merged(merging: Merging, target: Path, head: Array) -> tuple[int, Frequencies]:
    """Write what comes out of a merging as a list, and the numbers of its terms to `up.u32` by `regions.i64`; its
    size, and how frequent its terms are."""
    found, size = Frequencies(), 0
    make_empty(target / UP)
    with NewFile(target / ENTRIES) as entries, NewFile(target / TERMS) as terms, InPlace(target / UP) as up:
        entries.write_array(head)
        for rows, text in merging.batches(lambda place, numbers: up.put(4 * place, numbers)):
            lengths = np.diff(rows[:, END], prepend=terms.size)
            entries.write_array(rows)
            terms.write_array(text)
            found.add(rows[:, OCCURRENCES], lengths)
            size += len(rows)
    write_array(target / REGIONS, merging.regions)
    return size, found


def choose_bounds(work: Work, level: int, count: int) -> list[tuple[str | None, str | None]]:
    """Ranges of bytes, as hexadecimal digits, with about as many terms of the lists in each."""
    lists = lists_of(work, level, 0, count)
    rows = sum(held.size for held in lists)
    ranges = min(work.pieces, -(-rows // RANGE_ROWS))
    if ranges <= 1:
        return [(None, None)] * (count > 0)
    sample = sorted(sample_of(lists, rows))
    reached = np.cumsum([weight for _, weight in sample])
    places = np.searchsorted(reached, reached[-1] * np.arange(1, ranges) / ranges)
    cuts = sorted({sample[place][0].hex() for place in places.tolist()})
    return list(zip([None, *cuts], [*cuts, None], strict=True))


def sample_of(lists: list[TermList], rows: int) -> Iterator[tuple[bytes, float]]:
    """Terms of lists at even distances, and how many each stands for."""
    for held in lists:
        count = min(held.size, SAMPLES * held.size // rows + 1)
        with held.reader() as term:
            for k in range(count):
                yield term((2 * k + 1) * held.size // (2 * count)), held.size / count


def merge_range(work: Work, level: int, count: int, number: int, low: str | None, high: str | None) -> int:
    """Merge what the last lists have between two terms; returns the number of distinct terms."""
    low_term, high_term = (None if term is None else bytes.fromhex(term) for term in (low, high))
    merging = Merging(lists_of(work, level, 0, count), low_term, high_term, memory=work.share // 3)
    target = range_folder(work, number)
    size, found = write_merged(merging, target, np.zeros(4, np.int64))
    write_array(target / "frequencies.i64", found.table())
    return size


def rank_all(work: Work, levels: list[list[LevelPlan]], lists: int, firsts: list[int], singles: int) -> list[int]:
    """Final ids for the lists of all levels, the last merged first; the codes that each list's tokens take."""
    level, top = len(levels), len(levels[-1]) if levels else lists
    stage = "number terms"
    found = work.tasks(f"{stage} {level}" if level else stage, rank_top,
                       [(level, number, firsts, singles) for number in range(top)])  # fmt: skip
    for plans in reversed(levels):
        level = plans[0].level
        rows = [(plan, number, singles) for plan in plans for number in range(plan.start, plan.stop)]
        found = work.tasks(f"{stage} {level}" if level else stage, rank_below, rows)
    return found


def rank_top(work: Work, level: int, number: int, firsts: list[int], singles: int) -> int:
    """The final ids of one of the lists that were merged by ranges, of which `firsts` are the first terms."""
    numbers = (piece for k, first in enumerate(firsts) for piece in numbers_of(range_folder(work, k), number, first))
    ranks = work.index / VOCABULARY / VOCABULARY_FILES["sorted"]
    held = TermList(list_folder(work, level, number))
    return rank_list(held, numbers, partial(looked_up, ranks), None if level else singles)


def rank_below(work: Work, plan: LevelPlan, number: int, singles: int) -> int:
    """The final ids of a list that was merged into another list."""
    parent = list_folder(work, plan.level + 1, plan.group)
    numbers = numbers_of(parent, number - plan.start, 0)
    held = TermList(list_folder(work, plan.level, number))
    return rank_list(held, numbers, partial(looked_up, parent / RANKS), None if plan.level else singles)


def merge_fixed(work: Work, lists: int, tokenizer: Tokenizer) -> Merged:
    """The counts of lists that all have the ids of a fixed vocabulary; ids without a token have empty terms."""
    fixed = tokenizer.fixed
    assert fixed is not None
    terms = len(fixed.offsets) - 1
    check_ids(terms)
    singles, folder = single_codes(tokenizer, terms), work.index / VOCABULARY
    for name, array in (
        ("terms", fixed.terms), ("offsets", fixed.offsets), ("sorted", byte_order(fixed.terms, fixed.offsets)),
    ):  # fmt: skip
        write_array(folder / VOCABULARY_FILES[name], array)
    work.once("merge vocabulary", count_fixed, lists, terms)
    return Merged(terms, singles, work.tasks("number terms", rank_fixed, [(k, singles) for k in range(lists)]))


def count_fixed(work: Work, lists: int, terms: int) -> None:
    """Add up the counts of lists by local id. No document is cut: a vocabulary that can't grow fits in memory."""
    occurrences, documents = np.zeros(terms, np.int64), np.zeros(terms, np.int64)
    for held in lists_of(work, 0, 0, lists):
        rows = held.rows(0, held.size)[1:]
        occurrences[rows[:, LABEL]] += rows[:, OCCURRENCES]
        documents[rows[:, LABEL]] += rows[:, DOCUMENTS]
    folder = work.index / VOCABULARY
    write_array(folder / VOCABULARY_FILES["occurrences"], occurrences)
    write_array(folder / VOCABULARY_FILES["documents"], documents)


def rank_fixed(work: Work, number: int, singles: int) -> int:
    """Write the ids of a fixed vocabulary, which stay; returns the codes of the list's tokens."""
    held = TermList(list_folder(work, 0, number))
    write_array(held.folder / RANK, np.arange(held.locals))
    rows = held.rows(0, held.size)[1:]
    return int(rows[:, OCCURRENCES].sum() + rows[rows[:, LABEL] >= singles, OCCURRENCES].sum())
