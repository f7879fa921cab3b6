"""The token stores of indexes that are merged: read in slices, renumbered, and written where they belong.

What is read of an index is checked on the way, and a file is mapped no longer than it takes to copy a slice of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.create.plan import PLAN
from cooc.create.vocabulary import VOCABULARY_FILES, write_list
from cooc.create.work import Work
from cooc.errors import DamagedIndex
from cooc.index.files import InPlace, items_of, make_empty, read_slice
from cooc.index.layout import TOKENS, VOCABULARY
from cooc.index.reader import Index
from cooc.kernels.codes import FIRST_TRAIL, NO_TERM, SEPARATOR, SINGLES
from cooc.kernels.renumber import count_codes, decode, encode, rank_ids
from cooc.tokens import LocalVocabulary

Array = NDArray[Any]

BYTES_A_CODE = 48
"""Memory for a code of a segment: as read, by both ids, as written, and the start of a document, with room to spare."""

BYTES_A_TERM = 400
"""Memory for a term of a vocabulary while it is sorted."""

MOST_CODES = 16 << 20
"""Of a segment; more at a time would not be faster."""

MOST_TERMS = 2 << 20
"""Of a list."""

MOST_DOCUMENTS = 1 << 20
"""Whose metadata one task copies."""

COPIED_AT_ONCE = 4 << 20
"""Bytes."""

STORE = ("tokenized.0", "offset.0", "metadata.0", "metaoff.0")


class MergePlan(msgspec.Struct, frozen=True):
    """The indexes to merge, by path and digest; a resumed merge is held to it."""

    merged: list[tuple[str, str]]


class Run(msgspec.Struct, frozen=True):
    """Documents [first, stop) of index number `index`, which are next in the order of the sources."""

    index: int
    first: int
    stop: int


class Bounds(msgspec.Struct, frozen=True):
    """Where the documents of a run begin and end in their store: codes, and bytes of metadata."""

    code: int
    code_stop: int
    metadata: int
    metadata_stop: int


class Segment(msgspec.Struct, frozen=True):
    """Codes [start, stop) of a run that has the codes [first, last); a token belongs to where it begins."""

    index: int
    start: int
    stop: int
    first: int
    last: int


def list_cuts(work: Work, index: Index) -> list[tuple[int, int, int]]:
    """(part, first term, stop) of the lists that an index's vocabulary is cut into; a fixed one stays whole."""
    terms = index.manifest.terms
    size = terms if index.tokenizer.fixed is not None else min(MOST_TERMS, work.share // BYTES_A_TERM)
    starts = range(0, max(terms, 1), max(size, 1))
    return [(part, start, min(start + size, terms)) for part, start in enumerate(starts)]


def list_folder(number: int, part: int) -> str:
    return f"lists/{number}/{part}"


def opened(work: Work, number: int) -> Index:
    """One of the indexes that are merged; raises `DamagedIndex` if it is another than when the merge began."""

    def open_index(work: Work) -> Index:
        plan = msgspec.json.decode(work.path(PLAN).read_bytes(), type=MergePlan)
        path, digest = plan.merged[number]
        index = Index(path)
        if index.digest != digest:
            raise DamagedIndex(f"{path}: has changed since the merge began. Restore it to go on.")
        return index

    return work.recall(f"merged {number}", open_index)


def checked(index: Index, name: str, start: int, stop: int) -> Array:
    """A slice of a file of an index, checked. The file is mapped no longer than that, so its pages don't add up."""
    return index.array(name).slice(start, stop).copy()


def checked_offsets(index: Index, name: str, start: int, stop: int) -> Array:
    """A slice of the offsets of a token store, rising, the length of what they point into after the last."""
    held = index.array(f"{TOKENS}/{name}")
    count = len(held) // 8
    found = held.slice(8 * start, 8 * min(stop, count)).view("<u8").astype(np.int64)
    if stop > count:
        file = "tokenized.0" if name == "offset.0" else "metadata.0"
        found = np.append(found, len(index.array(f"{TOKENS}/{file}")))
    if len(found) != stop - start or (np.diff(found) < 0).any() or found[0] < 0:
        raise damaged(index, f"{TOKENS}/{name}", f"the offsets {start:,} to {stop:,} do not rise")
    return found


def damaged(index: Index, name: str, what: str) -> DamagedIndex:
    return DamagedIndex(f"{index.path / name}: {what}. Restore it or build again.")


def copy_list(work: Work, number: int, part: int, start: int, stop: int) -> None:
    """Write a slice of the terms of an index, by id, as a list."""
    index = opened(work, number)
    offsets = checked(index, f"{VOCABULARY}/offsets.i64", start, stop + 1)
    occurrences, documents = (checked(index, f"{VOCABULARY}/{VOCABULARY_FILES[name]}", start, stop)
                              for name in ("occurrences", "documents"))  # fmt: skip
    if (np.diff(offsets) < 0).any():
        raise damaged(index, f"{VOCABULARY}/offsets.i64", f"the offsets {start:,} to {stop:,} do not rise")
    if index.tokenizer.fixed is None and (occurrences < 1).any():
        raise damaged(index, f"{VOCABULARY}/occurrences.i64", "it has a term that does not occur")
    terms = checked(index, f"{VOCABULARY}/terms.u8", int(offsets[0]), int(offsets[-1]))
    write_list(
        work.path(list_folder(number, part)), LocalVocabulary(terms, offsets - offsets[0], occurrences, documents)
    )


def write_store(work: Work, runs: list[Run], singles: int, sizes: dict[int, int]) -> int:
    """Write the token store from those of the indexes; returns its number of codes.

    `sizes` are the codes that each index's tokens take by its vocabulary; raises `DamagedIndex` where its store
    holds others.
    """
    bounds = [msgspec.convert(found, Bounds) for found in work.tasks("cut stores", find_bounds, [(r,) for r in runs])]
    segments = [segment for run, held in zip(runs, bounds, strict=True) for segment in cut_run(work, run, held)]
    measured = work.tasks("measure", measure, [(segment, singles) for segment in segments])
    tokens, begun = Counter[int](), Counter[int]()
    rows, code, document = [], 0, 0
    for segment, (codes, documents) in zip(segments, measured, strict=True):
        rows.append((segment, singles, code, document))
        code, document = code + codes, document + documents
        tokens[segment.index] += codes - documents
        begun[segment.index] += documents
    for run in runs:
        begun[run.index] -= run.stop - run.first
    for number, size in sizes.items():
        if begun[number] or tokens[number] != size:
            raise damaged(opened(work, number), TOKENS, "it holds other tokens than the vocabulary counts")
    for name in STORE:
        make_empty(work.index / TOKENS / name)
    work.tasks("encode", renumber, rows)
    work.tasks("metadata", copy_metadata, list(metadata_rows(runs, bounds)))
    return code


def find_bounds(work: Work, run: Run) -> Bounds:
    """Where a run begins and ends in its store."""
    index = opened(work, run.index)
    ends = [int(checked_offsets(index, name, place, place + 1)[0])
            for name in ("offset.0", "metaoff.0") for place in (run.first, run.stop)]  # fmt: skip
    if ends[0] > ends[1] or ends[2] > ends[3] or ends[0] % 2 or ends[1] % 2:
        raise damaged(index, TOKENS, f"documents {run.first:,} to {run.stop:,} lie nowhere")
    return Bounds(ends[0] // 2, ends[1] // 2, ends[2], ends[3])


def cut_run(work: Work, run: Run, bounds: Bounds) -> Iterator[Segment]:
    """Segments that a task can hold, cut at any code: what a token's second code is, is seen from the code."""
    size = min(MOST_CODES, work.share // BYTES_A_CODE)
    for start in range(bounds.code, bounds.code_stop, size):
        yield Segment(run.index, start, min(start + size, bounds.code_stop), bounds.code, bounds.code_stop)


def renumbered(work: Work, segment: Segment) -> Array:
    """The tokens that begin in a segment, by their ids in the merged vocabulary; `NO_TERM` for separators."""
    index = opened(work, segment.index)
    singles = SEPARATOR if index.manifest.codes == "plain" else SINGLES
    codes = whole_tokens(index, segment, singles)
    ids = np.empty(len(codes), np.uint32)
    size = int(decode(codes, np.uint32(singles), np.uint32(index.manifest.terms), ids))
    if size < 0:
        raise damaged(index, f"{TOKENS}/tokenized.0", f"codes {segment.start:,} to {segment.stop:,} are no tokens")
    ids = ids[:size]
    final = np.full(size, NO_TERM, np.uint32)
    for first, ranks in rank_windows(work, segment.index, index):
        rank_ids(ids, first, ranks, final)
    return final


def whole_tokens(index: Index, segment: Segment, singles: int) -> Array:
    """The codes of the tokens that begin in a segment."""
    stop = min(segment.stop + 1, segment.last)
    codes = checked(index, f"{TOKENS}/tokenized.0", 2 * segment.start, 2 * stop).view("<u2")
    if singles == SINGLES:
        trails = (codes[[0, -1]] >= FIRST_TRAIL) & (codes[[0, -1]] < SEPARATOR)
        after = stop > segment.stop and not trails[1]
        return codes[int(trails[0] and segment.start > segment.first) : len(codes) - after]
    return codes[: segment.stop - segment.start]


def rank_windows(work: Work, number: int, index: Index) -> Iterator[tuple[int, Array]]:
    """The final ids of an index's terms, as many at a time as fit in the memory, and the first one's old id."""
    most, first, held = work.share // 32, 0, list[Array]()
    for part, start, _ in list_cuts(work, index):
        path = work.path(list_folder(number, part)) / "rank.u32"
        held.append(read_slice(path, 0, items_of(path)))
        if start - first + len(held[-1]) >= most:
            yield first, np.concatenate(held)
            first, held = start + len(held[-1]), []
    if held:
        yield first, np.concatenate(held)


def measure(work: Work, segment: Segment, singles: int) -> tuple[int, int]:
    """How many codes a segment takes in the merged store, and how many documents begin in it."""
    codes, documents = count_codes(renumbered(work, segment), np.uint32(singles))
    return int(codes), int(documents)


def renumber(work: Work, segment: Segment, singles: int, code: int, document: int) -> None:
    """Write a segment's codes from `code` on, and where its documents begin from `document` on."""
    ids = renumbered(work, segment)
    size, documents = map(int, count_codes(ids, np.uint32(singles)))
    codes, starts = np.empty(size, np.uint16), np.empty(documents, np.int64)
    encode(ids, np.uint32(singles), codes, starts)
    with InPlace(work.index / TOKENS / "tokenized.0") as tokenized, InPlace(work.index / TOKENS / "offset.0") as offset:
        tokenized.put(2 * code, codes.astype("<u2", copy=False))
        offset.put(8 * document, (2 * (starts + code)).astype("<u8"))


def metadata_rows(runs: list[Run], bounds: list[Bounds]) -> Iterator[tuple[Run, int, int]]:
    """Documents whose metadata a task copies, how far their lines move, and their number in the merged store."""
    document, place = 0, 0
    for run, held in zip(runs, bounds, strict=True):
        for first in range(run.first, run.stop, MOST_DOCUMENTS):
            piece = Run(run.index, first, min(first + MOST_DOCUMENTS, run.stop))
            yield piece, place - held.metadata, document + first - run.first
        document += run.stop - run.first
        place += held.metadata_stop - held.metadata


def copy_metadata(work: Work, run: Run, moved: int, document: int) -> None:
    """Copy the metadata lines of documents to their places `moved` bytes on, and say where each begins."""
    index, store = opened(work, run.index), work.index / TOKENS
    at_once = max(1, min(run.stop - run.first, work.share // 128))
    with InPlace(store / "metadata.0") as metadata, InPlace(store / "metaoff.0") as metaoff:
        for first in range(run.first, run.stop, at_once):
            lines = checked_offsets(index, "metaoff.0", first, min(first + at_once, run.stop) + 1)
            metaoff.put(8 * (document + first - run.first), (lines[:-1] + moved).astype("<u8"))
            for start in range(int(lines[0]), int(lines[-1]), COPIED_AT_ONCE):
                data = checked(index, f"{TOKENS}/metadata.0", start, min(start + COPIED_AT_ONCE, int(lines[-1])))
                metadata.put(start + moved, data)
