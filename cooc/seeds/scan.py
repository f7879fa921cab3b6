"""What stands around a list of terms? One pass over indexes or text, without a pair index."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Fields, find_sources
from cooc.errors import UsageError
from cooc.index.manifest import DOCUMENT, MANIFEST, WORK, Direction, Weighting
from cooc.index.reader import Index
from cooc.seeds.cells import Part, Run, merged, relabelled
from cooc.seeds.model import ScanRecord, ScanSource, ScanWindow, Shape, make_shape, parse_memory
from cooc.seeds.result import ScanResult
from cooc.seeds.stores import Epoch, scan_store
from cooc.seeds.terms import Seeds, Terms, seeds_of, spellings
from cooc.seeds.texts import Reading, scan_texts
from cooc.seeds.words import Words, join_words
from cooc.seeds.write import Counted, write_scan
from cooc.tokens import Tokenizer, tokenizer_for

Array = NDArray[Any]
Place = str | os.PathLike[str]


class Progress(Protocol):
    """Is told how far a scan has come."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """A progress that says nothing."""


def scan(
    sources: Place | Index | Sequence[Place | Index],
    terms: Terms,
    out: Place,
    *,
    window: int | Sequence[int] | None = 10,
    document: bool = False,
    direction: Direction = "symmetric",
    weighting: Weighting = "uniform",
    where: str | None = None,
    documents: NDArray[np.bool_] | None = None,
    text_field: str = "text",
    text_documents: Literal["file", "line"] = "file",
    tokenizer: str | None = None,
    keep_case: bool = False,
    memory: str | int = "8GB",
    workers: int | None = None,
    on_bad_line: Literal["fail", "skip"] = "fail",
    progress: Progress = silent,
) -> ScanResult:
    """Count every word in the window of each of `terms`, in one pass, into the parquet file `out`.

    `sources` are indexes or corpus files as `cooc.build` takes them, or both; `terms` words, phrases, sets, or
    files of them. A term's row equals, count by count, the row that an index built with --terms has for it; each
    cell also has the distinct documents in which the pair stands. `document` adds a window of whole documents.
    `where` counts only documents of the indexes whose metadata fit, `documents` only those where it is True (by
    the number of the document in the one index that is scanned). Text is tokenised by `tokenizer`, "word" if not
    given; an index has its own. Terms that are the same tokens are one row; terms that never occur have 0.

    Raises `UsageError` for options that make no sense, `SourceError` for files that can't be read, and
    `BuildError` if `out` can't be written.
    """
    path = checked_out(out)
    sizes = () if window is None else (window,) if isinstance(window, int) else tuple(window)
    shape = make_shape(sizes, document=document, direction=direction, weighting=weighting)
    places = [sources] if isinstance(sources, str | os.PathLike | Index) else list(sources)
    indexes, texts = told_apart(places)
    chosen = one_tokenizer(indexes, texts, tokenizer, keep_case=keep_case)
    files = find_sources(texts, text_documents=text_documents)[0] if texts else []
    check_sources([source.url for index in indexes for source in index.manifest.sources],
                  [file.url for file in files])  # fmt: skip
    masks = masks_of(indexes, bool(texts), where, documents)
    seeds = seeds_of(spellings(terms), chosen)
    threads = checked_workers(workers)
    budget = parse_memory(memory)
    with tempfile.TemporaryDirectory(prefix=".cooc-scan-", dir=path.parent) as name:
        options: dict[str, Any] = {"workers": threads, "share": budget // threads, "progress": progress}
        epochs = [
            scan_store(index, seeds, shape, mask, folder=Path(name) / f"index-{number}", **options)
            for number, (index, mask) in enumerate(zip(indexes, masks, strict=True))
        ]
        if files:
            reading = Reading(chosen, Fields(text=text_field, id=None), on_bad_line)
            epochs += scan_texts(files, seeds, shape, reading, folder=Path(name), **options)
        names = [*map(str, sizes), *([DOCUMENT] if document else [])]
        write_epochs(path, epochs, seeds, shape, names, filtered(where, documents), chosen, budget)
    return ScanResult(path)


def write_epochs(
    path: Path, epochs: list[Epoch], seeds: Seeds, shape: Shape, names: list[str], where: str | None,
    tokenizer: Tokenizer, budget: int,
) -> None:  # fmt: skip
    """Bring what was counted under one numbering of the words, and write it; `names` are the windows in order."""
    words, maps = join_words([epoch.words for epoch in epochs])
    runs: list[Run] = []
    for epoch, map_to in zip(epochs, maps, strict=True):
        runs += epoch.runs if map_to is None else relabelled(epoch.runs, map_to, epoch.cells)
    order = [shape.names.index(name) for name in names]
    divisors = np.array(shape.divisors(), np.int64)[order]
    totals = sum((epoch.totals for epoch in epochs), np.zeros_like(epochs[0].totals))
    totals[:, 2:] = totals[:, 2:][:, order] // divisors
    words = words._replace(sums=words.sums[order])
    record = ScanRecord(
        tokenizer=tokenizer.spec, windows=windows_of(shape, names, words), where=where,
        documents=sum(epoch.documents for epoch in epochs), tokens=sum(epoch.tokens for epoch in epochs),
        terms=len(seeds), words=int((words.occurrences > 0).sum()), cells=0, terms_digest=seeds.digest(),
        sources=sorted_sources([source for epoch in epochs for source in epoch.sources]), companions={},
    )  # fmt: skip
    columns = [2 * place + k for place in order for k in (0, 1)]
    scale = np.repeat(divisors, 2)
    scale[1::2] = 1
    room = max(1 << 12, budget // 4 // (8 + 8 * len(columns)))
    parts = (Part(part.keys, part.values[:, columns] // scale) for part in merged(runs, room=room))
    write_scan(path, record, Counted(seeds, words, totals, names), parts)


def windows_of(shape: Shape, names: list[str], words: Words) -> list[ScanWindow]:
    """The windows as the metadata has them."""
    return [
        ScanWindow(
            name=name, window=None if name == DOCUMENT else int(name), unit=shape.unit(name),
            direction="symmetric" if name == DOCUMENT else shape.direction,
            weighting="uniform" if name == DOCUMENT else shape.weighting, total=int(words.sums[number].sum()),
        )
        for number, name in enumerate(names)
    ]  # fmt: skip


def sorted_sources(sources: list[ScanSource]) -> list[ScanSource]:
    return sorted(sources, key=lambda source: source.url)


def checked_out(out: Place) -> Path:
    """The file to write; raises `UsageError` where it can't be one."""
    path = Path(out)
    if path.suffix != ".parquet":
        raise UsageError(f"--out {path}: expected a name that ends with .parquet.")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent} to write into.")
    return path


def checked_workers(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: expected at least 1.")
    return workers or os.cpu_count() or 1


def told_apart(places: Sequence[Place | Index]) -> tuple[list[Index], list[str]]:
    """The indexes among the sources, and the places of text."""
    indexes, texts = [], []
    for place in places:
        if isinstance(place, Index):
            indexes.append(place)
        elif (Path(place) / MANIFEST).exists() or (Path(place) / WORK).is_dir():
            indexes.append(Index(place))
        else:
            texts.append(os.fspath(place))
    if not indexes and not texts:
        raise UsageError("nothing to scan: name an index or corpus files.")
    return indexes, texts


def one_tokenizer(indexes: list[Index], texts: list[str], option: str | None, *, keep_case: bool) -> Tokenizer:
    """The tokenizer of all sources; raises `UsageError` where they have several."""
    asked = tokenizer_for(option or "word", keep_case=keep_case)
    if not indexes:
        return asked
    first = indexes[0].tokenizer
    for index in indexes[1:]:
        if index.tokenizer.spec != first.spec:
            raise UsageError(f"{indexes[0].path} and {index.path} were built with different tokenizers.")
    if (option is not None or keep_case or texts) and asked.spec != first.spec:
        raise UsageError(
            f"{indexes[0].path} was built with another tokenizer than is asked for here; scan it by itself, without "
            "--tokenizer and --keep-case."
        )
    return first


def check_sources(held: list[str], files: list[str]) -> None:
    """Raise `UsageError` for a corpus file that would be counted twice."""
    seen: set[str] = set()
    for url in [*held, *files]:
        if url in seen:
            raise UsageError(f"{url} is a source twice: its documents would count twice.")
        seen.add(url)


def masks_of(
    indexes: list[Index], has_texts: bool, where: str | None, documents: NDArray[np.bool_] | None
) -> list[Array | None]:
    """For each index, which documents count; None for all."""
    if where is None and documents is None:
        return [None] * len(indexes)
    if has_texts:
        raise UsageError("documents can be chosen in indexes only, not in text: build an index first.")
    if documents is not None:
        if where is not None or len(indexes) > 1:
            raise UsageError("documents are chosen by their numbers in one index, and not by `where` as well.")
        if len(documents) != indexes[0].manifest.documents:
            raise UsageError(
                f"`documents` has {len(documents):,} places; {indexes[0].path} has "
                f"{indexes[0].manifest.documents:,} documents."
            )
        return [np.array(documents, np.bool_)]
    from cooc.query.where import mask_of  # compiles, which a scan of all documents needn't

    # copies, for a kernel would be compiled again for arrays that are not to be written
    return [np.array(mask_of(index, str(where)), np.bool_) for index in indexes]


def filtered(where: str | None, documents: NDArray[np.bool_] | None) -> str | None:
    """How the documents were chosen, for the record."""
    return where if documents is None else f"a mask of {int(documents.sum()):,} of {len(documents):,} documents"
