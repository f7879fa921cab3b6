"""The verbs that make an index or open one; the questions to an index are in cooc/query."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cooc.exchange.documents import placed_sources
from cooc.index.reader import Index
from cooc.phrases.opening import names_foreign, opened
from cooc.terms import TermSet, is_table, read_term_sets, sets_of_table

if TYPE_CHECKING:
    from cooc.create.work import Progress
    from cooc.index.verify import Verification

Place = str | os.PathLike[str]
Terms = TermSet | Place | Iterable[TermSet | str | os.PathLike[str]]


def build(
    sources: Place | Sequence[Place | Any],
    out: Place,
    *,
    text_field: str = "text",
    id_field: str | None = None,
    meta_fields: Sequence[str] = (),
    text_documents: Literal["file", "line"] = "file",
    tokenizer: str = "word",
    keep_case: bool = False,
    window: int | Sequence[int] = 10,
    direction: Literal["symmetric", "right", "left"] = "symmetric",
    weighting: Literal["uniform", "harmonic"] = "uniform",
    ngrams: int = 3,
    min_count: int = 5,
    min_pair_count: int = 1,
    max_terms: int | None = None,
    terms: Terms = (),
    dedup: float | None = None,
    phrases: bool = True,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    on_bad_line: Literal["fail", "skip"] = "fail",
    progress: Progress | None = None,
) -> Index:
    """Count a corpus into the index directory `out`, and open it.

    `sources` are files (jsonl, parquet, Arrow, plain text; gzip or zstd), globs, folders or fsspec URLs, or
    infini-gram:SIDECAR, the documents of a foreign index (`open_infini_gram`); or datasets of Hugging Face, whose
    columns of text, id and `meta_fields` are written beside `out`, to `out`.documents, and read there.
    `window` counts pairs up to so many tokens apart; several windows make several matrices. `ngrams` is the
    highest order counted, from `min_count` occurrences on. `max_terms` gives rows to the most frequent terms
    only. `terms` always have rows, phrases too, and a window "document": a `TermSet`, a file of terms, or a
    list of words, phrases and sets. `dedup` leaves out documents that are near-duplicates of an earlier one from
    that similarity on, such as 0.8; `duplicates.jsonl` in the index names them.
    `phrases` writes the suffix array that finds phrases of any length. `memory` bounds all processes of the
    build together, `workers` of them count; `scheduler` "ray" or "ray:ADDRESS" has them on a Ray cluster. The same
    call goes on with a build that was stopped, and gives a finished index back as it is. The rules of counting are in
    indexes/FORMAT.md.

    Raises `UsageError` for options that make no sense, `SourceError` for files that can't be read, and
    `BuildError` for a directory that is taken or can't be written.
    """
    from cooc.create.pipeline import build as build_index  # compiles and loads much that a query doesn't need

    sources = placed_sources(sources, out, [text_field, id_field or "id", *meta_fields])
    if names_foreign(sources):
        from cooc.phrases.texts import expanded

        sources = expanded(sources)
    options: dict[str, Any] = {} if progress is None else {"progress": progress}
    path = build_index(
        sources, out, text_field=text_field, id_field=id_field, meta_fields=meta_fields,
        text_documents=text_documents, tokenizer=tokenizer, keep_case=keep_case, window=window,
        direction=direction, weighting=weighting, ngrams=ngrams, min_count=min_count,
        min_pair_count=min_pair_count, max_terms=max_terms, terms=listed_terms(terms), dedup=dedup, phrases=phrases,
        memory=memory, workers=workers, scheduler=scheduler, on_bad_line=on_bad_line, **options,
    )  # fmt: skip
    return Index(path)


def open(path: Place) -> Index:
    """The index in a directory. Reads its manifest only; arrays are mapped when asked for.

    An index of infini-gram is opened by its sidecar (`open_infini_gram`), or as api:NAME behind the web API.

    Raises an `IndexFault` if the directory is no index, or not a whole one.
    """
    index: Index = opened(path)  # another class with the verbs' names where it is not cooc's own
    return index


def merge(
    paths: Sequence[Place],
    out: Place,
    *,
    phrases: bool = True,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    progress: Progress | None = None,
) -> Index:
    """Make one index of several that were built in the same way; equals the index of all their sources, byte for byte.

    Raises `UsageError` naming the first thing in which two differ, or a source that two of them hold, and `BuildError`
    for an `out` that is taken or can't be written.
    """
    from cooc.create.merge import merge as merge_indexes

    options: dict[str, Any] = {} if progress is None else {"progress": progress}
    path = merge_indexes(
        paths, out, phrases=phrases, memory=memory, workers=workers, scheduler=scheduler, **options
    )
    return Index(path)


def build_phrases(
    path: Place | Index,
    *,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    progress: Progress | None = None,
) -> Index:
    """Give an index the suffix array that finds phrases of any length, if it was built without (`phrases=False`).

    One that is there is looked at, and made again where it is broken. The index has then the bytes of one built with
    phrases; until that moment it answers as without. The same call goes on where one was stopped.

    Raises `DamagedIndex` if the token store, of which the suffix array is made, differs from its digests.
    """
    from cooc.create.added import build_phrases as add_phrases

    place = path.path if isinstance(path, Index) else Path(path)
    options: dict[str, Any] = {} if progress is None else {"progress": progress}
    add_phrases(place, memory=memory, workers=workers, scheduler=scheduler, **options)
    return Index(place)


def verify(path: Place | Index) -> Verification:
    """Read an index once and check every digest and every law; what is wrong is in `.problems`, by file.

    `.ok` says whether nothing is. Raises an `IndexFault` only where there is no index to check.
    """
    from cooc.index.verify import verify as verify_index

    return verify_index(path.path if isinstance(path, Index) else Path(path))


def listed_terms(terms: Terms) -> list[str]:
    """The words and phrases of sets, files, lists, and tables of polars or pandas."""
    if is_table(terms):
        terms = sets_of_table(terms)
    if isinstance(terms, TermSet):
        return list(terms)
    if isinstance(terms, str | os.PathLike):
        return [term for each in read_term_sets(terms) for term in each]
    found: list[str] = []
    for item in terms:
        found += [item] if isinstance(item, str) else listed_terms(item)
    return found
