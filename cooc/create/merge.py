"""Indexes of one specification into one: equal, byte for byte, to the index of all sources at once.

Texts are not read again: vocabularies are added up, token stores renumbered and joined in the order of their
sources, and the pairs and n-grams counted from the joined store. Counting again, rather than adding matrices
up, is what makes thresholds exact: a pair pruned in one index may be frequent in all of them together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cooc.create.building import SMALL_BYTES, building
from cooc.create.pipeline import running, write_counts
from cooc.create.plan import PLAN, check_workers, parse_memory
from cooc.create.stores import MergePlan, Run, copy_list, list_cuts, list_folder, write_store
from cooc.create.tokens import Stored
from cooc.create.vocabulary import merge_lists
from cooc.create.watch import steps_of
from cooc.create.work import BUDGET, Progress, Work, silent
from cooc.errors import BuildError, UsageError
from cooc.index.files import write_whole
from cooc.index.layout import TOKENIZER
from cooc.index.manifest import MANIFEST, Parameters, SourceRecord
from cooc.index.reader import Index


def merge(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    phrases: bool = True,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    progress: Progress = silent,
) -> Path:
    """Merge indexes built with the same parameters and tokenizer into the index directory `out`.

    Raises `UsageError` naming the first parameter in which two differ, or a source that two of them hold
    (its documents would count twice), `BuildError` for a directory that is taken or can't be written, and
    `DamagedIndex` for an index that differs from its digests.
    """
    target, indexes = Path(out), [Index(path) for path in paths]
    if not indexes:
        raise UsageError("merge needs at least one index.")
    check_alike(indexes)
    check_workers(workers)
    size = parse_memory(memory)
    plan = MergePlan([(str(index.path.absolute()), index.digest) for index in indexes])
    if (target / MANIFEST).exists():
        raise BuildError(f"{target} is an index already. Choose another --out.")
    small = sum(source.text_bytes for index in indexes for source in index.manifest.sources) < SMALL_BYTES
    with building(target, memory=size, workers=workers, scheduler=scheduler, small=small, progress=progress) as work:
        hold_to_plan(work, plan)
        work.hold_budget()
        run_stages(work, indexes, phrases=phrases)
    return target


def check_alike(indexes: list[Index]) -> None:
    """Raise `UsageError` unless one specification made all of them, each from sources of its own."""
    first, seen = indexes[0], dict[str, Index]()
    if len(indexes) > 1 and first.manifest.parameters.dedup is not None:
        raise UsageError(
            f"{first.path} was built with --dedup {first.manifest.parameters.dedup}: duplicates in different indexes "
            "can't be seen any more. Build all sources at once, or each without --dedup."
        )
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
    """Keep the plan of a new merge; hold a resumed one to the plan it began with, once any of it is done."""
    path = work.path(PLAN)
    if not work.has_done():
        work.path(BUDGET).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
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


def run_stages(work: Work, indexes: list[Index], *, phrases: bool) -> None:
    """The token store from those of the indexes, then everything that is counted from it."""
    chosen = indexes[0].manifest.parameters
    work.watch.begin(
        steps_of(chosen, merged=True, phrases=phrases), resumed=work.has_done(), **running(chosen),
        indexes=len(indexes),
    )  # fmt: skip
    tokenizer = indexes[0].tokenizer
    sources, runs = order_sources(indexes)
    rows = [(number, *piece) for number, index in enumerate(indexes) for piece in list_cuts(work, index)]
    work.tasks("read vocabularies", copy_list, rows)
    merged = merge_lists(work, [list_folder(number, part) for number, part, *_ in rows], tokenizer)
    sizes = dict.fromkeys(range(len(indexes)), 0)
    for (number, *_), size in zip(rows, merged.sizes, strict=True):
        sizes[number] += size
    codes = write_store(work, runs, merged.singles, sizes)
    if tokenizer.stored is not None:
        write_whole(work.index / TOKENIZER, tokenizer.stored)
    documents, tokens = sum(source.documents for source in sources), sum(source.tokens for source in sources)
    stored = Stored(merged.terms, merged.singles, codes, documents, tokens)
    write_counts(work, chosen, tokenizer, stored, sources, phrases=phrases)


def order_sources(indexes: list[Index]) -> tuple[list[SourceRecord], list[Run]]:
    """All sources in the order a build would read them, and the documents of the indexes in that order."""
    rows = []
    for number, index in enumerate(indexes):
        first = 0
        for source in index.manifest.sources:
            rows.append((source.url, Run(number, first, first + source.documents), source))
            first += source.documents
    rows.sort(key=lambda row: row[0])
    runs: list[Run] = []
    for _, run, _ in rows:
        if runs and runs[-1].index == run.index and runs[-1].stop == run.first:
            runs[-1] = Run(run.index, runs[-1].first, run.stop)
        elif run.first < run.stop:
            runs.append(run)
    return [source for *_, source in rows], runs
