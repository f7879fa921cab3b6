"""The whole way from a corpus to an index; the one file that knows the order of the stages."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from cooc import __version__
from cooc.create.added import build_phrases, clear_stopped
from cooc.create.blocks import Corpus, Store, cut_store
from cooc.create.building import SMALL_BYTES, building
from cooc.create.dedup import find_duplicates
from cooc.create.documents import write_document_window
from cooc.create.estimate import check_room, estimate_disk, told
from cooc.create.finish import publish
from cooc.create.ngrams import write_ngrams
from cooc.create.pairs import write_window
from cooc.create.phrases import forget_table, write_table
from cooc.create.plan import PLAN, Plan, check_workers, difference, make_plan, parse_memory, read_plan
from cooc.create.tokens import PartCounts, Stored, write_token_store
from cooc.create.units import TERMS_READ, choose_units, write_units
from cooc.create.vocabulary import VOCABULARY_FILES
from cooc.create.watch import steps_of
from cooc.create.work import BUDGET, PIECES_A_WORKER, Progress, Work, silent
from cooc.errors import BuildError
from cooc.index.files import items_of, read_slice, write_whole
from cooc.index.layout import TOKENS, VOCABULARY
from cooc.index.manifest import (
    MANIFEST,
    Direction,
    Manifest,
    Parameters,
    SourceRecord,
    Weighting,
    read_manifest,
)
from cooc.tokens import Tokenizer, tokenizer_for

BYTES_A_TOKEN = 10
"""Of a block while its rows are counted: numbers and positions, with room to spare."""
BYTES_A_UNIT = 40
"""Of a block, for each unit in it: its name, its sums, and its places in the scratch."""
MOST_CODES = 1 << 31
"""Of a block: its positions are numbered with 32 bits."""


def build(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    text_field: str = "text",
    id_field: str | None = None,
    meta_fields: Sequence[str] = (),
    text_documents: Literal["file", "line"] = "file",
    tokenizer: str = "word",
    keep_case: bool = False,
    window: int | Sequence[int] = 10,
    direction: Direction = "symmetric",
    weighting: Weighting = "uniform",
    ngrams: int = 3,
    min_count: int = 5,
    min_pair_count: int = 1,
    max_terms: int | None = None,
    terms: Sequence[str] = (),
    dedup: float | None = None,
    phrases: bool = True,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    on_bad_line: Literal["fail", "skip"] = "fail",
    progress: Progress = silent,
) -> Path:
    """Count a corpus into the index directory `out` and return its path.

    `sources` are files, globs, folders or fsspec URLs. `terms` are words and phrases that always get rows.
    `dedup` leaves out near-duplicate documents from that similarity on. `phrases` writes the suffix array that finds
    phrases of any length. The counts follow the rules in
    `indexes/FORMAT.md`. The same call goes on with a build that was stopped;
    with an index that is finished and was built in the same way it does nothing, but for the suffix array where that is
    missing.

    Raises `UsageError` for parameters that make no sense, `SourceError` for files that can't be read, and
    `BuildError` for a directory that is taken or can't be written.
    """
    index = Path(out)
    places = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    parameters = Parameters(
        text_field=text_field, id_field=id_field, meta_fields=tuple(meta_fields), text_documents=text_documents,
        windows=(window,) if isinstance(window, int) else tuple(window), direction=direction,
        weighting=weighting, ngrams=ngrams, min_count=min_count, min_pair_count=min_pair_count,
        max_terms=max_terms, terms=tuple(dict.fromkeys(terms)), on_bad_line=on_bad_line, dedup=dedup,
    )  # fmt: skip
    cutter = tokenizer_for(tokenizer, keep_case=keep_case)
    size = parse_memory(memory)
    check_workers(workers)
    plan = make_plan(places, parameters, cutter, tokenizer)
    if (index / MANIFEST).exists():
        built = already_built(index, plan)
        clear_stopped(index)
        if phrases and built.phrases is None:
            build_phrases(index, memory=memory, workers=workers, scheduler=scheduler, progress=progress)
        return index
    check_room(index, estimate_disk(plan, phrases=phrases))
    small = sum(source.bytes for source in {part.source for part in plan.parts}) < SMALL_BYTES
    with building(index, memory=size, workers=workers, scheduler=scheduler, small=small, progress=progress) as work:
        hold_to_plan(work, plan)
        work.hold_budget()
        run_stages(work, plan, cutter, phrases=phrases)
    return index


def already_built(index: Path, plan: Plan) -> Manifest:
    """The manifest; raises `BuildError` with the first difference unless the index was built as the plan says."""
    built = read_manifest(index)
    for name in Parameters.__struct_fields__:
        before, now = getattr(built.parameters, name), getattr(plan.parameters, name)
        if before != now:
            raise BuildError(
                f"{index} is an index already, built with {name} {before}, not {now}. Choose another --out."
            )
    if built.tokenizer != plan.tokenizer:
        raise BuildError(f"{index} is an index already, built with another tokenizer. Choose another --out.")
    sizes = {source.url: source.bytes for source in built.sources}
    if sizes != {part.source.url: part.source.bytes for part in plan.parts}:
        raise BuildError(f"{index} is an index already, built from other sources. Choose another --out.")
    return built


def hold_to_plan(work: Work, plan: Plan) -> None:
    """Keep the plan of a new build; hold a resumed one to the plan it began with.

    A build that failed before any task was done holds nobody: it may have failed for its parameters.
    """
    path = work.path(PLAN)
    if not work.has_done():
        work.path(BUDGET).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    if not path.exists():
        write_whole(path, msgspec.json.encode(plan))
        return
    changed = difference(read_plan(path), plan)
    if changed:
        raise BuildError(
            f"{work.index}: a build of it has begun with other inputs: {changed}. Restore that to go on, or remove the "
            "directory to begin anew."
        )


def run_stages(work: Work, plan: Plan, tokenizer: Tokenizer, *, phrases: bool) -> None:
    """Tokens, then n-grams, then pairs, then the suffix array, then the manifest."""
    begin_watch(work, plan, phrases=phrases)
    chosen = plan.parameters
    dropped = [0] * len(plan.parts) if chosen.dedup is None else find_duplicates(work, plan, chosen.dedup)
    parts, stored = write_token_store(work, plan, tokenizer)
    sources = source_records(plan, parts, dropped)
    check_not_empty(work, sources)
    write_counts(work, plan.parameters, tokenizer, stored, sources, phrases=phrases)


def check_not_empty(work: Work, sources: list[SourceRecord]) -> None:
    """Raise `BuildError` for a corpus without a single document; the directory is cleared for another try."""
    if any(source.documents for source in sources):
        return
    skipped: dict[str, int] = {}
    for source in sources:
        skipped = added(skipped, source.skipped)
    told = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items()) or "no records at all"
    shutil.rmtree(work.index, ignore_errors=True)
    raise BuildError(
        f"the corpus holds no document: {len(sources)} source(s) with {told}. Check the paths and --text-field."
    )


def write_counts(
    work: Work,
    chosen: Parameters,
    tokenizer: Tokenizer,
    stored: Stored,
    sources: list[SourceRecord],
    *,
    phrases: bool,
) -> None:
    """Everything that is counted from a token store, and the manifest."""
    work.watch.corpus(stored.tokens)
    if not phrases:
        forget_table(work)
    units, absent = choose_units(work, tokenizer, chosen.terms, terms=stored.terms, most=chosen.max_terms)
    corpus = corpus_of(work, stored)
    write_units(work, units, corpus)
    ngrams = write_ngrams(work, corpus, chosen.ngrams, chosen.min_count)
    windows = [write_window(work, chosen, window, units, corpus) for window in chosen.windows]
    if len(units.listed):
        windows.append(write_document_window(work, chosen, units, corpus))
    manifest = Manifest(
        software=software(chosen), tokenizer=tokenizer.spec, parameters=chosen, sources=sources,
        documents=stored.documents, tokens=stored.tokens, codes="plain" if stored.singles == 65_535 else "pairs",
        terms=stored.terms, unit_words=units.words, unit_phrases=units.phrases, listed=len(units.listed),
        absent=absent, windows=windows, ngrams=ngrams, files=[],
        phrases=write_table(work, stored.codes) if phrases else None,
    )  # fmt: skip
    publish(work, manifest)


def corpus_of(work: Work, stored: Stored) -> Corpus:
    """The token store in blocks that fit a task, as many as the workers can share out evenly."""
    store = Store(str((work.index / TOKENS).absolute()), stored.codes, stored.singles)
    size = block_size(work, stored.terms)
    if stored.codes > size:
        workers = max(1, work.pieces // PIECES_A_WORKER)
        size = -(-stored.codes // (-(-stored.codes // (size * workers)) * workers))
    return Corpus(store, cut_store(store, size), stored.terms, stored.tokens, most_frequent(work), size)


def block_size(work: Work, terms: int) -> int:
    """Codes a block: what a task can hold of tokens and of the units that may be among them, and what 32-bit
    positions can number."""
    room = work.share * 3 // 4
    units = BYTES_A_UNIT * terms
    size = (room - units) // BYTES_A_TOKEN if units < room // 2 else room // (BYTES_A_TOKEN + BYTES_A_UNIT)
    return min(max(1 << 10, size), MOST_CODES)


def most_frequent(work: Work) -> int:
    """How often the most frequent term occurs."""
    path, most = work.index / VOCABULARY / VOCABULARY_FILES["occurrences"], 0
    for start in range(0, items_of(path), TERMS_READ):
        most = max(most, int(read_slice(path, start, min(items_of(path), start + TERMS_READ)).max()))
    return most


def source_records(plan: Plan, counted: list[PartCounts], dropped: list[int]) -> list[SourceRecord]:
    """What the manifest says of each source: the sum of its parts."""
    records: dict[str, SourceRecord] = {}
    for part, counts, fewer in zip(plan.parts, counted, dropped, strict=True):
        records[part.source.url] = joined(records.get(part.source.url), part.source, counts, fewer)
    return list(records.values())


def joined(record: SourceRecord | None, source: Any, counts: PartCounts, dropped: int) -> SourceRecord:
    """A source's record with one part more. A file in several parts has the digests of all, joined by "+"."""
    got = counts.receipt
    old = record or SourceRecord(
        url=source.url, format=source.format, compression=source.compression, bytes=source.bytes, digest=None,
        documents=0, text_bytes=0, tokens=0, skipped={}, skipped_where=[], repaired={},
    )  # fmt: skip
    digests = [digest for digest in (old.digest, got.digest) if digest]
    return msgspec.structs.replace(
        old,
        digest="+".join(digests) or None,
        documents=old.documents + got.documents,
        text_bytes=old.text_bytes + got.text_bytes,
        tokens=old.tokens + counts.tokens,
        skipped=added(old.skipped, got.skipped),
        skipped_where=(old.skipped_where + got.skipped_where)[:100],
        repaired=added(old.repaired, got.repaired),
        dropped=old.dropped + dropped,
    )


def added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in sorted(a | b)}


def begin_watch(work: Work, plan: Plan, *, phrases: bool) -> None:
    """Say what is to come, and log what is built with what."""
    sources, estimate = {part.source for part in plan.parts}, estimate_disk(plan, phrases=phrases)
    work.watch.note(told(estimate))
    work.watch.begin(
        steps_of(plan.parameters, phrases=phrases), resumed=work.has_done(), **running(plan.parameters),
        sources=len(sources), parts=len(plan.parts), source_bytes=sum(source.bytes for source in sources),
        estimate=estimate,
    )  # fmt: skip


def running(chosen: Parameters) -> dict[str, Any]:
    """What a build runs on, for its log."""
    return {"software": software(chosen), "python": platform.python_version(), "platform": platform.platform()}


def software(chosen: Parameters) -> dict[str, str]:
    """What the bytes of an index may depend on."""
    found = {"cooc": __version__, "numpy": np.__version__, "numba": version("numba"), "pyarrow": version("pyarrow")}
    return found if chosen.dedup is None else {**found, "datasketch": version("datasketch")}
