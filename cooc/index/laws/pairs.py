"""The laws of a pair matrix: its rows, its marginals, its transpose, its N."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from cooc.index.laws.law import Array, Law, first, law, offset_fault, spans, unchecked
from cooc.index.laws.manifest import MOST_HARMONIC
from cooc.index.layout import PAIRS, TOKENS, UNITS, VOCABULARY
from cooc.index.manifest import Manifest, WindowRecord
from cooc.index.shape import Arrays
from cooc.kernels.laws import BELOW, CELLS, COLUMN, LOWER, NOT_CELLS, ODD, SOUND, SUM, UPPER, check_rows

PARTS = 4
PART_BYTES = 4 << 20

WRONG = {
    NOT_CELLS: "does not decode into cells",
    COLUMN: "has a column that no unit has",
    BELOW: "has a count below the threshold",
    SUM: "does not agree with row_sums.i64",
    ODD: "counts a unit beside itself an odd number of times",
}


def pair_laws(held: Arrays, window: WindowRecord, pool: Executor, lengths: list[Array]) -> Iterator[Law]:
    folder, about, manifest = f"{PAIRS}/{window.name}", f"window {window.name}", held.manifest
    symmetric = window.direction == "symmetric"
    names = [f"{folder}/{name}" for name in ("cells.u8", "starts.i64", "row_sums.i64")]
    names.append(f"{folder}/row_sums.i64" if symmetric else f"{folder}/column_sums.i64")
    if missing := held.lacks(*names, f"{UNITS}/listed.u32"):
        yield unchecked(f"{about}: pairs", missing)
        return
    cells, starts, row_sums, column_sums = (held.sound[name] for name in names)
    where, words, exact = held.folder / folder, manifest.unit_words, window.min_pair_count <= 1
    cut = offset_fault(starts, len(cells))
    yield law(f"{about}: rows have their bytes", where / "starts.i64", cut)
    yield law(f"{about}: N is the sum of the words' marginals", where / "row_sums.i64",
              total_faults(manifest, window, int(row_sums[:words].sum()), lengths))  # fmt: skip
    yield from context_laws(held, window, row_sums, column_sums, lengths)
    if cut:
        return
    stored = stored_rows(held, window, len(row_sums))
    place = first(~stored & (starts[1:] > starts[:-1]))
    if place is not None:
        yield law(f"{about}: only listed units have rows", where / "cells.u8", f"unit {place:,} has a row")
        return

    def read(span: tuple[int, int]) -> tuple[int, int, Array, Array]:
        columns, sums = np.zeros(1 if symmetric else len(row_sums), np.int64), np.zeros(3, np.uint64)
        with np.errstate(over="ignore"):  # for interpreted mode; compiled integers wrap silently, as meant
            row, wrong = check_rows(
                cells, starts, *span, words, stored, symmetric, window.min_pair_count, exact,
                row_sums, columns, sums,
            )  # fmt: skip
        return int(row), int(wrong), columns, sums

    parts = list(pool.map(read, spans(starts, max(1, len(cells) // PART_BYTES) if symmetric else PARTS)))
    bad = [(row, wrong) for row, wrong, _, _ in parts if wrong != SOUND]
    fault = f"the row of unit {bad[0][0]:,} {WRONG[bad[0][1]]}" if bad else ""
    yield law(f"{about}: rows decode and add up to their marginals", where / "cells.u8", fault)
    if bad:
        return
    with np.errstate(over="ignore"):
        sums = sum((part for *_, part in parts), np.zeros(3, np.uint64))
    found = int(sums[CELLS])
    fault = "" if found == window.cells else f"has {found:,} cells, the manifest {window.cells:,}"
    yield law(f"{about}: cells are as many as the manifest says", where / "cells.u8", fault)
    if symmetric:
        fault = "" if sums[UPPER] == sums[LOWER] else "the cells below the diagonal are not those above it"
        yield law(f"{about}: the matrix is its transpose", where / "cells.u8", fault)
    else:
        columns = sum((part for _, _, part, _ in parts), np.zeros(len(row_sums), np.int64))
        fault = column_fault(columns, column_sums, window.total, words, exact)
        yield law(f"{about}: columns add up to their marginals", where / "column_sums.i64", fault)


def context_laws(
    held: Arrays, window: WindowRecord, row_sums: Array, column_sums: Array, lengths: list[Array]
) -> Iterator[Law]:
    """A unit has at most a window of contexts for each of its occurrences."""
    name = f"window {window.name}: units have no more contexts than places"
    files = f"{VOCABULARY}/occurrences.i64", f"{UNITS}/words.u32", f"{UNITS}/phrase_occurrences.i64"
    if not lengths or held.lacks(*files):
        yield unchecked(name, held.lacks(*files) or f"{TOKENS}/tokenized.0")
        return
    of_terms, words, of_phrases = (held.sound[file] for file in files)
    # a word that is no term is found by the laws of the units
    occurrences = np.concatenate([np.append(of_terms, 0)[np.minimum(words, len(of_terms))], of_phrases])
    places = pairs_of_one(window, int(lengths[0].max(initial=1)))
    for file, sums in (("row_sums.i64", row_sums), ("column_sums.i64", column_sums)):
        place = first((sums < 0) | (sums > occurrences * places))
        if place is not None:
            fault = f"unit {place:,} occurs {int(occurrences[place]):,} times and has {int(sums[place]):,} contexts"
            yield law(name, held.folder / PAIRS / window.name / file, fault)
            return
    yield Law(name, True)


def stored_rows(held: Arrays, window: WindowRecord, units: int) -> Array:
    """Whether the row of each unit is stored: in the document window, that of each listed unit."""
    stored = np.full(units, window.window is not None)
    listed = held.sound[f"{UNITS}/listed.u32"]
    stored[listed[listed < units]] = True
    return stored


def total_faults(manifest: Manifest, window: WindowRecord, found: int, lengths: list[Array]) -> Iterator[str]:
    if found != window.total:
        yield f"the words' marginals add up to {found:,}, N in the manifest is {window.total:,}"
    if lengths:
        most = pairs_within(lengths[0], window)
        if window.total > most or (manifest.unit_words == manifest.terms and window.total < most):
            yield f"N is {window.total:,}, documents of these lengths have {most:,} pairs"


def pairs_within(lengths: Array, window: WindowRecord) -> int:
    """N of documents of these lengths in which every token has a row."""
    if window.window is None:
        return int((lengths * (lengths - 1)).sum())
    size, sides = window.window, 2 if window.direction == "symmetric" else 1
    if window.weighting == "uniform":
        whole = size * lengths - size * (size + 1) // 2
        return sides * int(np.where(lengths > size, whole, lengths * (lengths - 1) // 2).sum())
    at_distance = (int(np.maximum(lengths - d, 0).sum()) for d in range(1, min(size, MOST_HARMONIC) + 1))
    return sides * sum(window.unit // d * pairs for d, pairs in enumerate(at_distance, start=1))


def pairs_of_one(window: WindowRecord, longest: int) -> int:
    """What one occurrence can add to its row at most, in a document of so many tokens."""
    if window.window is None:
        return max(longest - 1, 0)
    reach, sides = min(window.window, longest), 2 if window.direction == "symmetric" else 1
    if window.weighting == "uniform":
        return sides * reach
    return sides * sum(window.unit // d for d in range(1, min(reach, MOST_HARMONIC) + 1))


def column_fault(found: Array, stated: Array, total: int, words: int, exact: bool) -> str:
    place = first(found != stated if exact else found > stated)
    if place is not None:
        return f"has {int(stated[place]):,} for unit {place:,}, whose column adds up to {int(found[place]):,}"
    summed = int(stated[:words].sum())
    return "" if summed == total else f"the words' marginals add up to {summed:,}, N is {total:,}"
