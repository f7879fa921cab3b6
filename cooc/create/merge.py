"""Indexes of one specification into one: equal, byte for byte, to the index of all sources at once.

Texts are not read again: vocabularies are added up, token stores renumbered and joined in the order of their
sources, and the pairs and n-grams counted from the joined store. Counting again, rather than adding matrices
up, is what makes thresholds exact: a pair pruned in one index may be frequent in all of them together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cooc.create.pipeline import PLAN, check_free, write_counts
from cooc.create.plan import check_workers, parse_memory
from cooc.create.rows import join_files
from cooc.create.tokens import VOCABULARY_FILES, single_codes
from cooc.create.vocabulary import merge_vocabularies
from cooc.create.work import Progress, Work, silent, sole_builder
from cooc.errors import BuildError, UsageError
from cooc.index.files import write_array, write_whole
from cooc.index.layout import TOKENIZER, TOKENS, VOCABULARY
from cooc.index.manifest import MANIFEST, Parameters, SourceRecord
from cooc.index.reader import Index
from cooc.kernels.codes import NO_TERM, read_codes, write_codes
from cooc.tokens import LocalVocabulary

SEGMENT_CODES = 16 << 20


class MergePlan(msgspec.Struct, frozen=True):
    """The indexes to merge, by path and digest; a resumed merge is held to it."""

    merged: list[tuple[str, str]]


class Segment(msgspec.Struct, frozen=True):
    """Documents [first, stop) of index number `index`, which are next in the order of the sources."""

    index: int
    first: int
    stop: int


def merge(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    memory: str | int = "8GB",
    workers: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Merge indexes built with the same parameters and tokenizer into the index directory `out`.

    Raises `UsageError` naming the first parameter in which two differ, or a source that two of them hold
    (its documents would count twice), and `BuildError` for a directory that is taken or can't be written.
    """
    target, indexes = Path(out), [Index(path) for path in paths]
    if not indexes:
        raise UsageError("merge needs at least one index.")
    check_alike(indexes)
    check_workers(workers)
    plan = MergePlan([(str(index.path), index.digest) for index in indexes])
    if (target / MANIFEST).exists():
        raise BuildError(f"{target} is an index already. Choose another --out.")
    check_free(target)
    with sole_builder(target):
        work = Work(target, workers=workers or os.cpu_count() or 1, memory=parse_memory(memory), progress=progress)
        hold_to_plan(work, plan)
        work.hold_share()
        run_stages(work, indexes)
    return target


def check_alike(indexes: list[Index]) -> None:
    """Raise `UsageError` unless one specification made all of them, each from sources of its own."""
    first, seen = indexes[0], dict[str, Index]()
    for other in indexes[1:]:
        for name in Parameters.__struct_fields__:
            a, b = getattr(first.manifest.parameters, name), getattr(other.manifest.parameters, name)
            if a != b:
                raise UsageError(
                    f"{first.path} was built with {name} {a}, {other.path} with {b}: they can't be merged."
                )
        if first.manifest.tokenizer != other.manifest.tokenizer:
            raise UsageError(
                f"{first.path} and {other.path} were built with different tokenizers: they can't be merged."
            )
    for index in indexes:
        for source in index.manifest.sources:
            if source.url in seen:
                raise UsageError(
                    f"{source.url} is a source of both {seen[source.url].path} and {index.path}: its documents would "
                    "count twice."
                )
            seen[source.url] = index


def hold_to_plan(work: Work, plan: MergePlan) -> None:
    path = work.path(PLAN)
    if not path.exists():
        write_whole(path, msgspec.json.encode(plan))
        return
    try:
        begun = msgspec.json.decode(path.read_bytes(), type=MergePlan)
    except msgspec.MsgspecError:
        raise BuildError(
            f"{work.index}: something else than this merge has begun there. Choose another --out."
        ) from None
    if begun != plan:
        raise BuildError(f"{work.index}: a merge of other indexes has begun there. Choose another --out.")


def run_stages(work: Work, indexes: list[Index]) -> None:
    """The token store from those of the indexes, then everything that is counted from it."""
    begun = time.time()
    tokenizer = indexes[0].tokenizer
    sources, segments = order_sources(indexes)
    local = [vocabulary_of(index) for index in indexes]
    vocabulary, ranks = merge_vocabularies(local, fixed=tokenizer.fixed)
    for name, array in vocabulary._asdict().items():
        write_array(work.index / VOCABULARY / VOCABULARY_FILES[name], array)
    singles = single_codes(tokenizer, len(vocabulary.occurrences))
    paths = [str(index.path) for index in indexes]
    for number, rank in enumerate(ranks):
        write_array(work.path(f"ranks/{number}.u32"), rank)
    work.tasks("encode", renumber, [(paths[segment.index], segment, number, singles)
                                    for number, segment in enumerate(segments)])  # fmt: skip
    codes = join_store(work, len(segments))
    if tokenizer.stored is not None:
        write_whole(work.index / TOKENIZER, tokenizer.stored)
    stored = {
        "terms": len(vocabulary.occurrences), "singles": singles, "codes": codes,
        "documents": sum(source.documents for source in sources), "tokens": sum(source.tokens for source in sources),
    }  # fmt: skip
    write_counts(work, indexes[0].manifest.parameters, tokenizer, stored, sources, begun)


def vocabulary_of(index: Index) -> LocalVocabulary:
    names = ("terms", "offsets", "occurrences", "documents")
    return LocalVocabulary(*(index.array(f"{VOCABULARY}/{VOCABULARY_FILES[name]}").all() for name in names))


def order_sources(indexes: list[Index]) -> tuple[list[SourceRecord], list[Segment]]:
    """All sources in the order a build would read them, and the documents of the indexes in that order."""
    rows = []
    for number, index in enumerate(indexes):
        first = 0
        for source in index.manifest.sources:
            rows.append((source.url, number, first, source))
            first += source.documents
    rows.sort(key=lambda row: row[0])
    segments = []
    for number, run in groupby(rows, key=lambda row: row[1]):
        held = list(run)
        segments += cut_run(indexes[number], number, held)
    return [source for *_, source in rows], segments


def cut_run(index: Index, number: int, rows: list[Any]) -> list[Segment]:
    """Segments of about `SEGMENT_CODES` codes out of sources that follow each other in the result."""
    starts = np.append(index.tokens.document_starts(), len(index.tokens.all_codes()))
    segments = []
    for _, _, first, source in rows:
        stop = first + source.documents
        while first < stop:
            end = int(np.searchsorted(starts, starts[first] + SEGMENT_CODES))
            end = min(max(end, first + 1), stop)
            segments.append(Segment(number, first, end))
            first = end
    return segments


def segment_path(work: Work, number: int, name: str) -> Path:
    return work.path(f"segments/{number}-{name}")


def renumber(work: Work, path: str, segment: Segment, number: int, singles: int) -> None:
    """Write a segment's codes by the merged ids, its document starts and its metadata lines."""
    store = Index(path).tokens
    starts = np.append(store.document_starts(), len(store.all_codes()))
    old = store.all_codes()[starts[segment.first] : starts[segment.stop]]
    rank = np.fromfile(work.path(f"ranks/{segment.index}.u32"), "<u4")
    ids = np.empty(len(old), np.uint32)
    size = int(read_codes(old, np.uint32(store.singles), np.arange(len(rank), dtype=np.uint32), NO_TERM, ids))
    separators = np.flatnonzero(ids[:size] == NO_TERM)
    lengths = np.diff(np.append(separators, size)) - 1
    tokens = ids[:size][ids[:size] != NO_TERM]
    codes, at = np.empty(2 * size, np.uint16), np.empty(len(lengths), np.int64)
    written = int(write_codes(tokens, lengths, rank, np.uint32(singles), codes, at))
    write_array(segment_path(work, number, "tokenized.u8"), codes[:written].view(np.uint8))
    write_array(segment_path(work, number, "offset.i64"), at)
    lines = np.append(store.metadata_offsets.all().view("<u8").astype(np.int64), len(store.metadata))
    first = int(lines[segment.first])
    metadata = store.metadata.slice(first, int(lines[segment.stop]))
    write_array(segment_path(work, number, "metadata.u8"), metadata)
    write_array(segment_path(work, number, "metaoff.i64"), lines[segment.first : segment.stop] - first)


def join_store(work: Work, segments: int) -> int:
    """Join the segments to the token store; returns its number of codes."""
    folder = work.index / TOKENS
    numbers = range(segments)
    for name, offsets, scale in (("tokenized", "offset", 2), ("metadata", "metaoff", 1)):
        paths = [segment_path(work, number, f"{name}.u8") for number in numbers]
        sizes = [path.stat().st_size for path in paths]
        bases = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        places = [np.fromfile(segment_path(work, number, f"{offsets}.i64"), np.int64) * scale + bases[number]
                  for number in numbers]  # fmt: skip
        join_files(paths, folder / f"{name}.0")
        write_whole(folder / f"{offsets}.0", np.concatenate([np.zeros(0, np.int64), *places]).astype("<u8").tobytes())
    return (folder / "tokenized.0").stat().st_size // 2
