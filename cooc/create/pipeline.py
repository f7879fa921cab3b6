"""The whole way from a corpus to an index; the one file that knows the order of the stages."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from cooc import __version__
from cooc.create.blocks import Store, cut_store, shared
from cooc.create.documents import write_document_window
from cooc.create.finish import publish
from cooc.create.ngrams import Corpus, write_ngrams
from cooc.create.pairs import write_window
from cooc.create.plan import Plan, check_workers, difference, make_plan, parse_memory, read_plan
from cooc.create.tokens import VOCABULARY_FILES, PartCounts, read_array, write_token_store
from cooc.create.units import choose_units, write_units
from cooc.create.work import Progress, Work, silent, sole_builder
from cooc.errors import BuildError
from cooc.index.files import write_whole
from cooc.index.layout import LOG, TOKENS, VOCABULARY
from cooc.index.manifest import (
    MANIFEST,
    WORK,
    Direction,
    Manifest,
    Parameters,
    SourceRecord,
    Weighting,
    read_manifest,
)
from cooc.tokens import Tokenizer, tokenizer_for

PLAN = "plan.json"
BYTES_A_TOKEN = 24
"""Of a block while its rows are counted: ids and positions, with room to spare."""
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
    memory: str | int = "8GB",
    workers: int | None = None,
    on_bad_line: Literal["fail", "skip"] = "fail",
    progress: Progress = silent,
) -> Path:
    """Count a corpus into the index directory `out` and return its path.

    `sources` are files, globs, folders or fsspec URLs. `terms` are words and phrases that always get rows.
    The counts follow the rules in `indexes/FORMAT.md`. The same call goes on with a build that was stopped;
    with an index that is finished and was built in the same way it does nothing.

    Raises `UsageError` for parameters that make no sense, `SourceError` for files that can't be read, and
    `BuildError` for a directory that is taken or can't be written.
    """
    index = Path(out)
    places = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    parameters = Parameters(
        text_field=text_field, id_field=id_field, meta_fields=tuple(meta_fields), text_documents=text_documents,
        windows=(window,) if isinstance(window, int) else tuple(window), direction=direction,
        weighting=weighting, ngrams=ngrams, min_count=min_count, min_pair_count=min_pair_count,
        max_terms=max_terms, terms=tuple(dict.fromkeys(terms)), on_bad_line=on_bad_line,
    )  # fmt: skip
    cutter = tokenizer_for(tokenizer, keep_case=keep_case)
    size = parse_memory(memory)
    check_workers(workers)
    plan = make_plan(places, parameters, cutter, tokenizer)
    if (index / MANIFEST).exists():
        return already_built(index, plan)
    check_free(index)
    with sole_builder(index):
        work = Work(index, workers=workers or os.cpu_count() or 1, memory=size, progress=progress)
        hold_to_plan(work, plan)
        work.hold_share()
        run_stages(work, plan, cutter)
    return index


def check_free(index: Path) -> None:
    """Raise `BuildError` if the directory holds something that is not a build of ours."""
    if index.exists() and not index.is_dir():
        raise BuildError(f"{index} is a file; --out names the directory of the index.")
    if index.is_dir() and not (index / WORK).is_dir() and any(index.iterdir()):
        raise BuildError(f"{index} is not empty and holds no index. Choose another --out.")


def already_built(index: Path, plan: Plan) -> Path:
    """The index, if it was built as the plan says; `BuildError` with the first difference otherwise."""
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
    return index


def hold_to_plan(work: Work, plan: Plan) -> None:
    """Keep the plan of a new build; hold a resumed one to the plan it began with.

    A build that failed before any task was done holds nobody: it may have failed for its parameters.
    """
    path = work.path(PLAN)
    if not work.has_done():
        work.path("share.json").unlink(missing_ok=True)
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


def run_stages(work: Work, plan: Plan, tokenizer: Tokenizer) -> None:
    """Tokens, then n-grams, then pairs, then the manifest."""
    begun = time.time()
    stored = write_token_store(work, plan, tokenizer)
    sources = source_records(plan, stored["counted"])
    check_not_empty(work, sources)
    write_counts(work, plan.parameters, tokenizer, stored, sources, begun)


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
    stored: dict[str, Any],
    sources: list[SourceRecord],
    begun: float,
) -> None:
    """Everything that is counted from a token store, and the manifest."""
    store = Store(str(work.index / TOKENS), stored["codes"], stored["singles"])
    frequencies = read_array(work.index / VOCABULARY / VOCABULARY_FILES["occurrences"])
    size = block_size(work)
    cuts = cut_store(store, size)
    margin = max(*chosen.windows, chosen.ngrams)
    try:
        units, absent = choose_units(work, tokenizer, chosen.terms, terms=stored["terms"], most=chosen.max_terms)
        write_units(work, units, store, cuts, terms=stored["terms"])
        ngrams = write_ngrams(work, Corpus(store, cuts, frequencies, chosen.min_count, margin), chosen.ngrams)
        windows = [
            write_window(work, chosen, window, units, store, cuts, frequencies, margin) for window in chosen.windows
        ]
        if len(units.listed):
            windows.append(write_document_window(work, chosen, units, store, size, frequencies))
    finally:
        shared.forget()
    manifest = Manifest(
        software=software(), tokenizer=tokenizer.spec, parameters=chosen, sources=sources,
        documents=stored["documents"], tokens=stored["tokens"],
        codes="plain" if stored["singles"] == 65_535 else "pairs",
        terms=stored["terms"], unit_words=len(units.words), unit_phrases=units.phrases, listed=len(units.listed),
        absent=absent, windows=windows, ngrams=ngrams, files=[],
    )  # fmt: skip
    log = {
        "seconds": round(time.time() - begun, 3), "workers": work.workers, "memory": work.share * work.workers,
        "python": platform.python_version(), "platform": platform.platform(), "finished": round(time.time()),
    }  # fmt: skip
    write_whole(work.index / LOG, msgspec.json.encode(log) + b"\n")
    publish(work, manifest)


def block_size(work: Work) -> int:
    """Codes a block: what one of the workers can hold at a time, and what 32-bit positions can number."""
    return min(max(1 << 10, work.share // BYTES_A_TOKEN), MOST_CODES)


def source_records(plan: Plan, counted: list[PartCounts]) -> list[SourceRecord]:
    """What the manifest says of each source: the sum of its parts."""
    records: dict[str, SourceRecord] = {}
    for part, counts in zip(plan.parts, counted, strict=True):
        records[part.source.url] = joined(records.get(part.source.url), part.source, counts)
    return list(records.values())


def joined(record: SourceRecord | None, source: Any, counts: PartCounts) -> SourceRecord:
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
    )


def added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in sorted(a | b)}


def software() -> dict[str, str]:
    """What the bytes of an index may depend on."""
    return {"cooc": __version__, "numpy": np.__version__, "numba": version("numba"), "pyarrow": version("pyarrow")}
