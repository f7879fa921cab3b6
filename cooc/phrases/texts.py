"""The documents of a foreign index as corpus files, so that `cooc build infini-gram:SIDECAR` counts all of them.

Their text is put together from the tokens and written once, beside the sidecar, in files of some 64 MB of tokens. From
there it is a corpus like any other: pairs, n-grams and every question that needs them.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError, UsageError
from cooc.phrases.background import document_texts
from cooc.phrases.foreign import ForeignIndex
from cooc.phrases.shards import distinct_below

Array = NDArray[Any]

PREFIX = "infini-gram:"
PART_TOKENS = 32 << 20


def expanded(places: Any) -> Any:
    """The sources of a build, those that name a sidecar replaced by the files of its documents."""
    many = [places] if isinstance(places, str | os.PathLike) else list(places)
    if not any(os.fspath(place).startswith(PREFIX) for place in many):
        return places
    found: list[Any] = []
    for place in many:
        name = os.fspath(place)
        found += written(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else [place]
    return found


def written(source: str) -> list[Path]:
    """The files of the documents of SIDECAR or SIDECAR?share=0.01&seed=0, written unless they are there."""
    path, _, query = source.partition("?")
    share, seed = options_of(source, query)
    index = ForeignIndex(path)
    numbers = np.arange(index.documents)
    if share < 1:
        numbers = distinct_below(index.documents, max(1, round(share * index.documents)), np.random.default_rng(seed))
    name = f"text-{index.digest[:12]}" + (f"-{share:g}-{seed}" if share < 1 else "")
    folder = index.path / name
    files = []
    try:
        folder.mkdir(exist_ok=True)
        for part, chosen in enumerate(parts_of(index, numbers)):
            files.append(folder / f"part-{part:05}.jsonl.gz")
            if not files[-1].exists():
                write_part(files[-1], index, chosen)
    except OSError as error:
        raise BuildError(f"{folder}: can't be written: {error.strerror or error}. Make room and run again.") from error
    return files


def options_of(source: str, query: str) -> tuple[float, int]:
    """(share of the documents, seed) that a source asks for."""
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    try:
        share, seed = float(given.pop("share", "1")), int(given.pop("seed", "0"))
    except ValueError:
        share, seed = 0.0, 0
    if given or not 0 < share <= 1:
        raise UsageError(f"{PREFIX}{source}: expected SIDECAR, or SIDECAR?share=0.01&seed=0 for a sample of documents.")
    return share, seed


def parts_of(index: ForeignIndex, numbers: Array) -> Iterator[Array]:
    """The documents of each file, about as many tokens in each."""
    mean = max(1, index.token_count // max(1, index.documents))
    step = max(1, PART_TOKENS // mean)
    for start in range(0, len(numbers), step):
        yield numbers[start : start + step]


def write_part(path: Path, index: ForeignIndex, numbers: Array) -> None:
    """Write documents as lines; the file has its name only once it is whole."""
    partial = path.with_name(path.name + ".partial")
    # no time in it, so that the same documents make the same bytes
    with gzip.GzipFile(partial, "wb", compresslevel=1, mtime=0) as file:
        for number, text in document_texts(index, numbers):
            row = {**metadata_of(index, number), "id": number, "text": text}
            file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    partial.replace(path)


def metadata_of(index: ForeignIndex, number: int) -> dict[str, Any]:
    """What an index holds of a document: the fields its indexer kept, and where the text came from."""
    shard = int(np.searchsorted(index.shards.first_documents, number, side="right")) - 1
    files = index.shards.arrays[shard].files
    if "metaoff" not in files.optional:
        return {}
    inside = number - int(index.shards.first_documents[shard])
    try:
        with files.path("metaoff").open("rb") as places, files.path("metadata").open("rb") as lines:
            places.seek(8 * inside)
            lines.seek(int.from_bytes(places.read(8), "little"))
            row = json.loads(lines.readline())
    except (OSError, ValueError):
        return {}
    if not isinstance(row, dict):
        return {}
    kept = row.pop("metadata", None)
    return {**row, **kept} if isinstance(kept, dict) else row


__all__: Sequence[str] = ["expanded", "metadata_of", "written"]
