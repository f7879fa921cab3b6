"""The manifest: the one file that makes a directory an index, written last. Unknown fields are refused.

`indexes/FORMAT.md` says in words what these structures hold; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec
import xxhash

from cooc.errors import DamagedIndex, LaterFormat, NotAnIndex, UnfinishedIndex
from cooc.index.layout import PAIRS
from cooc.tokens.spec import TokenizerSpec

FORMAT = 1
MANIFEST = "manifest.json"
WORK = "work"
"""Folder of a build that has not ended; gone when the manifest is there."""

DOCUMENT = "document"

SIDECAR = "foreign.json"
"""Of an index of infini-gram, which is none of cooc's (cooc/phrases/sidecar.py)."""

Direction = Literal["symmetric", "right", "left"]
Weighting = Literal["uniform", "harmonic"]


class SourceRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one corpus file gave. `documents` + the sum of `skipped` + `dropped`, the near-duplicates, = the records
    read."""

    url: str
    format: str
    compression: str | None
    bytes: int
    digest: str | None
    documents: int
    text_bytes: int
    tokens: int
    skipped: dict[str, int]
    skipped_where: list[str]
    repaired: dict[str, int]
    dropped: int = 0


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the counts depend on, as asked for."""

    text_field: str = "text"
    id_field: str | None = None
    meta_fields: tuple[str, ...] = ()
    text_documents: Literal["file", "line"] = "file"
    windows: tuple[int, ...] = (10,)
    direction: Direction = "symmetric"
    weighting: Weighting = "uniform"
    ngrams: int = 3
    min_count: int = 5
    min_pair_count: int = 1
    max_terms: int | None = None
    terms: tuple[str, ...] = ()
    on_bad_line: Literal["fail", "skip"] = "fail"
    dedup: float | None = None


class WindowRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One pair matrix. `total` is N; a count is in units of 1/`unit`."""

    name: str
    window: int | None
    direction: Direction
    weighting: Weighting
    unit: int
    total: int
    cells: int
    min_pair_count: int


class NgramRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One order of n-grams: `kept` of them reach `minimum`; `total` occurrences of all."""

    n: int
    minimum: int
    kept: int
    total: int


class PhraseRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The suffix array `tokens/table.0`: so many pointers, of so many bytes each."""

    width: int
    pointers: int


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of the index. Its block digests begin at place `first_block` of `blocks.u64`."""

    name: str
    bytes: int
    digest: str
    first_block: int


UNSIGNED = "0" * 32


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    format: Literal["cooc-index"] = "cooc-index"
    version: int = FORMAT
    software: dict[str, str]
    tokenizer: TokenizerSpec
    parameters: Parameters
    sources: list[SourceRecord]
    documents: int
    tokens: int
    codes: Literal["pairs", "plain"]
    terms: int
    unit_words: int
    unit_phrases: int
    listed: int
    absent: list[str]
    windows: list[WindowRecord]
    ngrams: list[NgramRecord]
    phrases: PhraseRecord | None = None
    files: list[FileRecord]
    digest: str = UNSIGNED


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of `manifest.json`: `digest` is the xxh3_128 of these very bytes with zeros in its place."""
    unsigned = msgspec.structs.replace(manifest, digest=UNSIGNED)
    data = msgspec.json.format(msgspec.json.encode(unsigned), indent=1)
    return _signed_by(data, UNSIGNED, xxhash.xxh3_128_hexdigest(data))


def _signed_by(data: bytes, old: str, new: str) -> bytes:
    before, _, after = data.rpartition(old.encode())
    return before + new.encode() + after


def names_outside(manifest: Manifest, more: Iterable[str] = ()) -> list[str]:
    """Names of files, and of the folders of windows, that lead out of the index."""
    names = {record.name for record in manifest.files} | {f"{PAIRS}/{window.name}" for window in manifest.windows}
    return [name for name in sorted(names | set(more)) if leads_outside(name)]


def leads_outside(name: str) -> bool:
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\0" in name


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index; raises one of the five `IndexFault`s otherwise."""
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if (folder / WORK).is_dir():
            raise UnfinishedIndex(
                f"{folder} is unfinished: a build of it has begun and not ended. "
                "Run the same build command again to go on."
            ) from None
        if not folder.is_dir():
            raise NotAnIndex(f"{folder}: there is no such directory.") from None
        if (folder / SIDECAR).is_file():
            raise NotAnIndex(
                f"{folder} is the sidecar of an infini-gram index, and this needs an index of cooc's: cooc build "
                f"infini-gram:{folder} --out DIR makes one. cooc open-infini-gram checks the infini-gram index."
            ) from None
        raise NotAnIndex(f"{folder} is no cooc index: it has no {MANIFEST}.") from None
    except OSError as error:
        raise NotAnIndex(f"{path}: can't be read: {error.strerror or error}.") from error
    try:
        head: Any = msgspec.json.decode(data)
        if not isinstance(head, dict) or head.get("format") != "cooc-index":
            raise NotAnIndex(f"{path} is no manifest of a cooc index.")
        version = head.get("version")
        if isinstance(version, int) and version > FORMAT:
            raise LaterFormat(
                f"{folder} has index format {version}; this cooc reads formats up to {FORMAT}. Upgrade cooc."
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedIndex(f"{path}: {error}.") from error
    if xxhash.xxh3_128_hexdigest(_signed_by(data, manifest.digest, UNSIGNED)) != manifest.digest:
        raise DamagedIndex(f"{path}: differs from its own digest. Restore it or build again.")
    return manifest
