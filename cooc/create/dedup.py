"""Near-duplicate documents: found by MinHash and LSH before anything is counted, and left out while reading.

Two documents are candidates if their signatures agree in all rows of a band, and near-duplicates if they then agree in
`threshold` of all places or more, which estimates the Jaccard similarity of their sets of shingles (Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3). The documents with the same values in a band are a
bucket. In each bucket, in the order of the corpus, a document that is a near-duplicate of an earlier leader follows
it, and any other becomes a leader, up to 1,000 of them. A document that follows in any bucket is dropped, as a
duplicate of the first document it follows. So no two documents that are kept are near-duplicates (but in buckets of
more leaders), what is dropped has an earlier near-duplicate, kept or dropped itself, and nothing depends on how the
work was cut.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Batch, Receipt
from cooc.create.buckets import FIRSTS, PAGE, Runs, ends_name, first_links, links_name, load_runs, match_range
from cooc.create.minhash import PERMUTATIONS, hashing_for
from cooc.create.plan import Plan
from cooc.create.sketches import (
    FOLDER,
    HASHING,
    Handles,
    Sketched,
    gather_of_parts,
    hashing_of,
    sketch_folder,
    sketch_part,
)
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import NewFile, items_of, read_slice, write_array, write_whole
from cooc.index.layout import DUPLICATES

Array = NDArray[Any]

PLACES = f"{FOLDER}/places.i64"
WORTH_A_TASK = 1 << 14
"""Signatures for which a range of keys more is worth a task."""
READ_AT_ONCE = 1 << 16
COPIED_AT_ONCE = 1 << 20


def least_agreeing(threshold: float) -> int:
    """In how many of 128 places near-duplicates agree at least."""
    return next(places for places in range(1, PERMUTATIONS + 1) if places / PERMUTATIONS >= threshold)


def find_duplicates(work: Work, plan: Plan, threshold: float) -> list[int]:
    """Find the near-duplicates of a corpus and write `duplicates.jsonl`; how many of each part are dropped.

    The tasks read the plan where the build keeps it. `dropped_of` has the documents of a part afterwards.
    """
    keep_hashing(work, threshold)
    rows: list[tuple[Any, ...]] = [(number,) for number in range(len(plan.parts))]
    sketched = [msgspec.convert(result, Sketched) for result in work.tasks("signatures", sketch_part, rows)]
    firsts = np.cumsum([0, *(part.signatures for part in sketched)])
    write_array(work.path(FIRSTS), firsts)
    ranges = max(1, min(work.pieces, int(firsts[-1]) // WORTH_A_TASK))
    rows = [(number, ranges, least_agreeing(threshold)) for number in range(ranges)]
    work.tasks("duplicates", match_range, rows)
    groups = grouped(firsts, work.pieces)
    rows = [(number, *group, ranges) for number, group in enumerate(groups)]
    dropped = work.tasks("dropped", collect_group, rows)
    write_places(work, dropped)
    work.once("duplicates list", join_lines, len(groups))
    for folder in (work.path(f"{FOLDER}/parts"), work.path(f"{FOLDER}/links")):
        shutil.rmtree(folder, ignore_errors=True)
    return [count for counts in dropped for count in counts]


def keep_hashing(work: Work, threshold: float) -> None:
    """Write what the tasks hash with; a resumed build goes on with what it began with."""
    path = work.path(HASHING)
    if not path.exists() or hashing_of(work).threshold != threshold:
        write_whole(path, msgspec.json.encode(hashing_for(threshold)))


def grouped(firsts: Array, pieces: int) -> list[tuple[int, int]]:
    """Consecutive parts [start, stop) with about as many signatures a group."""
    wanted = firsts[-1] * np.arange(1, pieces) // pieces
    cuts = np.unique([0, *np.searchsorted(firsts[1:], wanted, side="right").tolist(), len(firsts) - 1]).tolist()
    return list(pairwise(cuts))


def dropped_name(group: int) -> str:
    return f"{FOLDER}/dropped/{group}.i64"


def lines_name(group: int) -> str:
    return f"{FOLDER}/dropped/{group}.jsonl"


def collect_group(work: Work, number: int, start: int, stop: int, ranges: int) -> list[int]:
    """Write the dropped documents of the parts [start, stop), and their lines of `duplicates.jsonl`.

    Documents are numbered within their part; returns how many each part has.
    """
    runs, counts = load_runs(work), np.zeros(stop - start, np.int64)
    with (
        Handles() as handles,
        NewFile(work.path(dropped_name(number))) as dropped,
        NewFile(work.path(lines_name(number))) as lines,
    ):
        describe = Describer(work, handles, runs)
        for links in links_between(work, handles, int(runs.first[start]), int(runs.first[stop]), ranges):
            parts, documents = describe.places(links[:, 0])
            dropped.write_array(documents)
            counts += np.bincount(parts - start, minlength=stop - start)
            for line in describe.lines(parts, documents, links[:, 1]):
                lines.write(line)
    return [int(count) for count in counts]


def links_between(work: Work, handles: Handles, low: int, high: int, ranges: int) -> Iterator[Array]:
    """For the signatures [low, high) the link of each that has any, in order, as many at a time as memory allows."""
    runs = [
        (work.path(links_name(number)), start, stop)
        for number in range(ranges)
        for start, stop in ends_of(work, number)
    ]
    at = [place_of(handles, path, low, start, stop) for path, start, stop in runs]
    # a signature has at most a link in each band
    step = max(64, work.share // 8 // (64 * hashing_of(work).bands))
    for begin in range(low, high, step):
        found = []
        for k, (path, _, stop) in enumerate(runs):
            end = place_of(handles, path, min(begin + step, high), at[k], stop)
            found.append(handles.items(path, 2 * at[k], 2 * end, "<i8").reshape(-1, 2))
            at[k] = end
        links = np.concatenate([np.empty((0, 2), np.int64), *found])
        if len(links):
            yield first_links(links)


def ends_of(work: Work, number: int) -> list[tuple[int, int]]:
    path = work.path(ends_name(number))
    ends = read_slice(path, 0, items_of(path)).tolist()
    return list(pairwise([0, *ends]))


def place_of(handles: Handles, path: Path, signature: int, start: int, stop: int) -> int:
    """The first place in [start, stop) of a run of links with that signature or a later one."""
    while stop - start > PAGE:
        middle = (start + stop) // 2
        if int(handles.items(path, 2 * middle, 2 * middle + 1, "<i8")[0]) < signature:
            start = middle + 1
        else:
            stop = middle
    page = handles.items(path, 2 * start, 2 * stop, "<i8")[::2]
    return start + int(np.searchsorted(page, signature))


class Describer:
    """Says where documents stand, by the numbers of their signatures."""

    def __init__(self, work: Work, handles: Handles, runs: Runs) -> None:
        self._work, self._handles, self._first = work, handles, runs.first

    def places(self, signatures: Array) -> tuple[Array, Array]:
        """The part of each, and the number of the document within."""
        parts = np.searchsorted(self._first, signatures, side="right") - 1
        owners = gather_of_parts(self._work, self._handles, self._first, signatures, "owners.i64")
        return parts, owners[:, 0]

    def lines(self, parts: Array, documents: Array, links: Array) -> Iterator[bytes]:
        """A line of `duplicates.jsonl` for each document; the links say leaders and places agreeing."""
        places = self._lines(parts, documents)
        for place, leader, link in zip(places, self._lines(*self.places(links >> 8)), links.tolist(), strict=True):
            record = {**place, "duplicate_of": leader, "similarity": (link & 255) / PERMUTATIONS}
            yield msgspec.json.encode(record) + b"\n"

    def _lines(self, parts: Array, documents: Array) -> Iterator[dict[str, Any]]:
        """Path, line and, if it has one, id of each document."""
        paths = {}
        for part in np.unique(parts).tolist():
            folder = sketch_folder(self._work, part)
            paths[part] = folder / "lines.i64", folder / "metadata"
        for part, document in zip(parts.tolist(), documents.tolist(), strict=True):
            lines, metadata = paths[part]
            begin, end = self._handles.items(lines, document, document + 2, "<i8").tolist()
            found = msgspec.json.decode(self._handles.read(metadata, begin, end))
            place = {"path": found["path"], "linenum": found["linenum"]}
            if found["metadata"].get("id") is not None:
                place["id"] = found["metadata"]["id"]
            yield place


def write_places(work: Work, dropped: list[list[int]]) -> None:
    """Where each part's dropped documents stand: group, start and stop, three numbers a part."""
    places = [
        (group, end - count, end)
        for group, counts in enumerate(dropped)
        for count, end in zip(counts, np.cumsum(counts).tolist(), strict=True)
    ]
    write_array(work.path(PLACES), np.array(places, np.int64))


def join_lines(work: Work, groups: int) -> None:
    """Write `duplicates.jsonl`: what the groups have, one after another."""
    with NewFile(work.index / DUPLICATES) as joined:
        for number in range(groups):
            with open(work.path(lines_name(number)), "rb") as file:
                while data := file.read(COPIED_AT_ONCE):
                    joined.write(data)


def dropped_of(work: Work, number: int) -> Iterator[Array]:
    """The documents of a part that are dropped, by their numbers in it, ascending, some at a time."""
    group, start, stop = read_slice(work.path(PLACES), 3 * number, 3 * number + 3).tolist()
    for begin in range(start, stop, READ_AT_ONCE):
        yield read_slice(work.path(dropped_name(group)), begin, min(begin + READ_AT_ONCE, stop))


def drop(batches: Iterable[Batch], dropped: Iterable[Array], receipt: Receipt) -> Iterator[Batch]:
    """The batches without the documents of those numbers, which ascend; pieces of documents go as well.

    What is left out is taken off the receipt's documents and text bytes, so that it says what was given out. Raises
    `BuildError` if a document to drop is not there: the source has changed since its duplicates were found.
    """
    waiting = Waiting(dropped)
    first, open_is_kept = 0, True  # number of the first piece's document; whether the open document is kept
    for batch in batches:
        pieces = len(batch.offsets) - 1
        number = first - int(batch.continues)
        keep = np.ones(pieces, bool)
        keep[waiting.before(first, first + len(batch.metadata)) - number] = False
        if batch.continues and pieces:
            keep[0] = open_is_kept
        first += len(batch.metadata)
        if pieces and batch.open_end:
            open_is_kept = bool(keep[-1])
        receipt.documents -= int(np.count_nonzero(~keep[int(batch.continues) :]))
        kept = batch if keep.all() else without(batch, keep)
        receipt.text_bytes -= len(batch.data) - len(kept.data)
        if len(kept.offsets) > 1:
            yield kept
    if waiting.more():
        raise BuildError("a source has fewer documents than when its duplicates were found: it has been changed.")


def without(batch: Batch, keep: Array) -> Batch:
    """A batch with the pieces to keep alone."""
    sizes = np.diff(batch.offsets)
    edges = np.flatnonzero(np.diff(keep, prepend=False, append=False))
    stretches = [batch.data[batch.offsets[a] : batch.offsets[b]] for a, b in edges.reshape(-1, 2).tolist()]
    data = np.concatenate([batch.data[:0], *stretches])
    data.flags.writeable = False
    offsets = np.concatenate([[0], np.cumsum(sizes[keep])])
    begins = keep[int(batch.continues) :]
    metadata = [line for line, kept in zip(batch.metadata, begins.tolist(), strict=True) if kept]
    continues, open_end = batch.continues and bool(keep[0]), batch.open_end and bool(keep[-1])
    return Batch(data, offsets, metadata, continues, open_end)


class Waiting:
    """Ascending numbers that come some at a time, taken as far as they are asked for."""

    def __init__(self, numbers: Iterable[Array]) -> None:
        self._chunks = iter(numbers)
        self._here = np.empty(0, np.int64)

    def more(self) -> bool:
        """Whether any are left."""
        while not len(self._here):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._here = chunk
        return True

    def before(self, start: int, stop: int) -> Array:
        """The numbers of [start, stop), of which none before `start` are left."""
        found = [np.empty(0, np.int64)]
        while self.more() and self._here[0] < stop:
            count = int(np.searchsorted(self._here, stop))
            found.append(self._here[:count])
            self._here = self._here[count:]
        return np.concatenate(found)
