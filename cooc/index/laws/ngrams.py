"""The laws of the n-grams: each order against the one below, the sums, and the phrases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np

from cooc.index.laws.law import Array, Law, first, law, offset_fault, spans, unchecked
from cooc.index.layout import NGRAMS, UNITS, VOCABULARY
from cooc.index.manifest import NgramRecord
from cooc.index.shape import Arrays
from cooc.kernels.laws import BELOW, COLUMN, NO_SUFFIX, NOT_ASCENDING, SOUND, SUM, check_level

FILES = ("starts.i64", "last.u32", "counts.i64", "prefix_sums.i64", "column_sums.i64")
PHRASE_FILES = ("phrase_starts.i64", "phrase_terms.u32", "phrase_occurrences.i64")
PARTS = 4

WRONG = {
    COLUMN: "names a term that there is not",
    NOT_ASCENDING: "has its terms out of order",
    BELOW: "has a count below the threshold",
    NO_SUFFIX: "has an n-gram that occurs more often than what it ends with",
    SUM: "does not agree with prefix_sums.i64",
}


class Below(NamedTuple):
    """The order below: counts of its n-grams, which (n-2)-gram each ends with, and how to find one."""

    counts: Array
    suffixes: Array
    starts: Array
    last: Array


def ngram_laws(held: Arrays, pool: Executor, lengths: list[Array]) -> Iterator[Law]:
    """Order by order, while the one below is sound; then the phrases against them."""
    if not held.manifest.ngrams:
        return
    occurrences = f"{VOCABULARY}/occurrences.i64"
    if missing := held.lacks(occurrences):
        yield unchecked("n-grams", missing)
        return
    none = np.zeros(0, np.int64), np.zeros(0, np.uint32)
    below = Below(held.sound[occurrences], none[1], *none)
    for level in held.manifest.ngrams:
        found: list[Below] = []
        yield from level_laws(held, level, pool, lengths, below, found)
        if not found:
            return
        [below] = found
    phrases = [f"{UNITS}/{name}" for name in PHRASE_FILES]
    if held.manifest.unit_phrases and not held.lacks(*phrases):
        starts, terms, counts = (held.sound[name] for name in phrases)
        whole = not offset_fault(starts, len(terms)) and (np.diff(starts) > 1).all()
        if whole and int(terms.max()) < held.manifest.terms:
            yield law("phrases occur as often as n-grams", held.folder / phrases[2],
                      phrase_faults(held, starts, terms, counts))  # fmt: skip


def level_laws(
    held: Arrays, level: NgramRecord, pool: Executor, lengths: list[Array], below: Below, found: list[Below]
) -> Iterator[Law]:
    """Puts the level into `found` if it is sound."""
    folder, about = f"{NGRAMS}/{level.n}", f"{level.n}-grams"
    names = [f"{folder}/{name}" for name in FILES]
    if missing := held.lacks(*names):
        yield unchecked(about, missing)
        return
    starts, last, counts, prefix_sums, column_sums = (held.sound[name] for name in names)
    where, exact = held.folder / folder, level.minimum <= 1
    cut = offset_fault(starts, len(last))
    yield law(f"{about}: rows have their places", where / "starts.i64", cut)
    if cut:
        return
    suffixes = np.empty(len(last), np.uint32)

    def read(span: tuple[int, int]) -> tuple[int, int, Array]:
        columns = np.zeros(len(column_sums), np.int64)
        row, wrong = check_level(
            starts, last, counts, *span, level.minimum, exact, prefix_sums, columns,
            below.counts, below.starts, below.last, below.suffixes, suffixes,
        )  # fmt: skip
        return int(row), int(wrong), columns

    parts = list(pool.map(read, spans(starts, PARTS)))
    bad = [(row, wrong) for row, wrong, _ in parts if wrong != SOUND]
    fault = f"row {bad[0][0]:,} {WRONG[bad[0][1]]}" if bad else ""
    yield law(f"{about}: rows ascend, add up, and agree with the order below", where / "counts.i64", fault)
    if not bad:
        columns = sum((part for *_, part in parts), np.zeros(len(column_sums), np.int64))
        yield law(f"{about}: sums are those of all {about}", where,
                  sum_faults(level, columns, column_sums, prefix_sums, lengths))  # fmt: skip
        found.append(Below(counts, suffixes, starts, last))


def sum_faults(
    level: NgramRecord, columns: Array, column_sums: Array, prefix_sums: Array, lengths: list[Array]
) -> Iterator[str]:
    place = first(columns != column_sums if level.minimum <= 1 else columns > column_sums)
    if place is not None:
        stated, kept = int(column_sums[place]), int(columns[place])
        yield f"column_sums.i64 has {stated:,} for term {place:,}; those kept are {kept:,}"
    total, begun = int(column_sums.sum()), int(prefix_sums.sum())
    if total != level.total:
        yield f"column_sums.i64 adds up to {total:,}, the manifest has {level.total:,}"
    if begun > total or (begun < total and (level.n == 2 or level.minimum <= 1)):
        yield f"prefix_sums.i64 adds up to {begun:,}, column_sums.i64 to {total:,}"
    if lengths:
        whole = int(np.maximum(lengths[0] - level.n + 1, 0).sum())
        if whole != total:
            yield f"column_sums.i64 adds up to {total:,}, documents of these lengths have {whole:,}"


def phrase_faults(held: Arrays, starts: Array, terms: Array, occurrences: Array) -> Iterator[str]:
    lengths, rows = np.diff(starts), terms[starts[:-1]].astype(np.int64)
    for level in held.manifest.ngrams:
        of_level = (held.sound[f"{NGRAMS}/{level.n}/{name}"] for name in FILES[:3])
        level_starts, last, counts = of_level
        longer = np.flatnonzero((lengths >= level.n) & (rows >= 0))
        rows[longer] = children(level_starts, last, rows[longer], terms[starts[longer] + level.n - 1])
        for phrase in np.flatnonzero(lengths == level.n).tolist():
            stated, row = int(occurrences[phrase]), int(rows[phrase])
            if stated != int(counts[row]) if row >= 0 else stated >= level.minimum:
                counted = f"{int(counts[row]):,} times" if row >= 0 else f"less than {level.minimum:,} times"
                yield f"phrase {phrase:,} occurs {stated:,} times, as an n-gram {counted}"


def children(starts: Array, last: Array, rows: Array, terms: Array) -> Array:
    """The number of each row's extension by a term, -1 where there is none; searches all rows at once."""
    if not len(last):
        return np.full(len(rows), -1)
    low, high = starts[rows], starts[rows + 1]
    end = high
    while (low < high).any():
        middle = (low + high) >> 1
        rises = (low < high) & (last[np.minimum(middle, len(last) - 1)] < terms)
        low, high = np.where(rises, middle + 1, low), np.where(rises, high, np.minimum(middle, high))
    return np.where((low < end) & (last[np.minimum(low, len(last) - 1)] == terms), low, -1)
