"""The road over the token store of an index: blocks of codes, decoded and counted by several threads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.index.layout import VOCABULARY
from cooc.index.reader import Index
from cooc.kernels.seeds import add_terms, read_documents
from cooc.seeds.cells import Cells, Run
from cooc.seeds.count import Counter, block_tokens
from cooc.seeds.model import ScanSource, Shape
from cooc.seeds.terms import Seeds, ids_by, trie_of
from cooc.seeds.words import Margins, Words, names_of

Array = NDArray[Any]


class Epoch(NamedTuple):
    """What was counted by one numbering of the words: runs of cells by these numbers, totals by seed."""

    words: Words
    runs: list[Run]
    cells: Cells
    totals: Array
    documents: int
    tokens: int
    sources: list[ScanSource]
    is_ordered: bool


class Chunk(NamedTuple):
    """Documents [first, last), at the codes [start, stop)."""

    start: int
    stop: int
    first: int
    last: int


def scan_store(
    index: Index, seeds: Seeds, shape: Shape, kept: Array | None, *,
    folder: Path, workers: int, share: int, progress: Any,
) -> Epoch:  # fmt: skip
    """Count the seeds over an index; `kept[d]` tells whether document d is counted, None that all are."""
    names, order = ordered_names(index)
    rank = np.empty(len(order), np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    trie = trie_of(ids_by(lambda word: place_of(names, word), seeds))
    margins = Margins(shape, len(rank))
    tally = Tally(len(rank)) if kept is not None else None
    chunks = list(chunks_of(index, block_tokens(share)))
    lock, waiting, done = threading.Lock(), iter(chunks), 0

    def work(number: int) -> Counter:
        nonlocal done
        cells = Cells(folder / f"worker-{number}", columns=2 * shape.windows, budget=share // 4)
        cells.folder.mkdir(parents=True)
        counter = Counter(trie, shape, cells)
        room = np.empty(max((chunk.stop - chunk.start for chunk in chunks), default=0), np.uint32)
        while True:
            with lock:
                chunk = next(waiting, None)
            if chunk is None:
                return counter
            ids, starts = documents_of(index, chunk, rank, kept, room)
            counter.add(ids, starts)
            with lock:
                margins.add(ids, starts)
                if tally is not None:
                    tally.add(ids, starts, chunk.first)
                done += 1
                progress("scan", done, len(chunks))

    counters = in_threads(work, workers)
    if tally is None:
        occurrences = np.asarray(index.vocabulary.occurrences.all())[order]
        documents = np.asarray(index.vocabulary.documents.all())[order]
    else:
        occurrences, documents = tally.occurrences, tally.documents
    words = Words(names, occurrences, documents, margins.sums(occurrences))
    return epoch_of(words, counters, sources_of(index), is_ordered=True)


def epoch_of(words: Words, counters: Sequence[Counter], sources: list[ScanSource], *, is_ordered: bool) -> Epoch:
    """What several workers counted by the same numbers."""
    return Epoch(
        words, [run for counter in counters for run in counter.cells.all_runs()], counters[0].cells,
        sum((counter.totals for counter in counters), np.zeros_like(counters[0].totals)),
        sum(counter.documents for counter in counters), sum(counter.tokens for counter in counters),
        sources, is_ordered,
    )  # fmt: skip


def in_threads(work: Any, workers: int) -> list[Any]:
    """`work(number)` on each of so many threads; the first error ends the others' work as they come to it."""
    if workers == 1:
        return [work(0)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


class Tally:
    """Occurrences and documents of words where only some documents count."""

    def __init__(self, terms: int) -> None:
        self.occurrences, self.documents = np.zeros(terms, np.int64), np.zeros(terms, np.int64)
        self._last = np.full(terms, -1, np.int64)

    def add(self, ids: Array, starts: Array, first: int) -> None:
        add_terms(ids, starts, first, self.occurrences, self.documents, self._last)


def ordered_names(index: Index) -> tuple[Any, Array]:
    """The terms of an index in the order of their names, and their ids in that order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    terms = index.array(f"{VOCABULARY}/terms.u8").all()
    names = names_of(terms, index.array(f"{VOCABULARY}/offsets.i64").all())
    if index.manifest.tokenizer.kind == "bytes":  # whose names are not the bytes that the index is sorted by
        order = np.asarray(pc.sort_indices(names)).astype(np.int64)
    else:
        order = np.asarray(index.array(f"{VOCABULARY}/sorted.u32").all()).astype(np.int64)
    return names.take(pa.array(order)), order


def place_of(names: Any, word: bytes) -> int | None:
    """Where a word stands among sorted names, or None."""
    name = word.decode("utf-8", "backslashreplace")
    place = bisect_left(range(len(names)), name.encode(), key=lambda k: names[k].as_py().encode())
    return place if place < len(names) and names[place].as_py() == name else None


def chunks_of(index: Index, size: int) -> Iterator[Chunk]:
    """The store cut before documents, about `size` codes apart; a longer document is a chunk of its own."""
    store = index.tokens
    offsets, codes = store.offsets.unchecked().view("<u8"), len(store.codes) // 2
    start = first = 0
    while start < codes:
        place = int(np.searchsorted(offsets, 2 * (start + size), side="right")) - 1
        place = max(place, first + 1)
        if place >= len(offsets) or start + size >= codes:
            place = len(offsets)
        stop = codes if place == len(offsets) else offset_at(index, place)
        yield Chunk(start, stop, first, place)
        start, first = stop, place


def offset_at(index: Index, document: int) -> int:
    """Where a document's separator stands, in codes."""
    return int(index.tokens.offsets.slice(8 * document, 8 * document + 8).view("<u8")[0]) // 2


def documents_of(index: Index, chunk: Chunk, rank: Array, kept: Array | None, ids: Array) -> tuple[Array, Array]:
    """The documents of a chunk as ids, written to `ids`, and where each begins."""
    codes = index.tokens.codes.slice(2 * chunk.start, 2 * chunk.stop).view("<u2")
    starts = np.empty(chunk.last - chunk.first + 1, np.int64)
    every = np.zeros(0, np.bool_) if kept is None else kept
    documents, tokens = read_documents(codes, np.uint32(index.tokens.singles), rank, every, chunk.first, ids, starts)
    return ids[:tokens], starts[: documents + 1]


def sources_of(index: Index) -> list[ScanSource]:
    """The sources of an index."""
    return [
        ScanSource(
            url=source.url, documents=source.documents, tokens=source.tokens, skipped=source.skipped,
            index=index.digest,
        )
        for source in index.manifest.sources
    ]  # fmt: skip
