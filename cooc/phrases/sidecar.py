"""What cooc keeps beside a foreign index: where it lies, what it holds, its tokenizer, and digests to know it again.

A sidecar is a folder with `foreign.json`, written last, and a copy of the tokenizer's file. The index itself is
neither copied nor written to.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import xxhash

from cooc.errors import BuildError, DamagedIndex, LaterFormat, NotAnIndex, UsageError
from cooc.phrases.validate import REQUIRED, WIDTHS, Layout, ShardFiles, sampled
from cooc.phrases.words import ForeignTokenizer, Kind
from cooc.tokens.fixed import digest_of

FORMAT = 1
MANIFEST = "foreign.json"
TOKENIZER = "tokenizer.json"

DIGESTED = 1 << 28
"""Bytes of a file up to which its digest is that of all of it; of a longer one, of 256 pieces of a megabyte."""

PIECE = 1 << 20

LEAST, SURE, CLEAR = 0.9, 0.97, 0.02
"""Shares of neighbouring tokens that come back from their text: of the right tokenizer 0.999 or 1 were seen, of wrong
ones and of reversed documents up to 0.965, much alike in both directions."""


class ForeignFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of the foreign index as it was when it was opened. `digest` is xxh3_128 of `digested` bytes of it."""

    name: str
    bytes: int
    modified: int
    digest: str
    digested: int


class ForeignShard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shard: tokens with the separators of documents among them."""

    folder: str
    suffix: str
    tokens: int
    documents: int
    pointer_width: int
    optional: tuple[str, ...]
    files: list[ForeignFile]


class ForeignTokenizerRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The tokenizer; `file` is the name of its copy."""

    kind: Kind
    file: str | None
    digest: str | None
    vocabulary: int


class ForeignRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`foreign.json`."""

    format: Literal["cooc-foreign"] = "cooc-foreign"
    version: int = FORMAT
    software: dict[str, str]
    directory: str
    index_version: int
    dtype: Literal["u8", "u16", "u32"]
    keep_case: bool
    tokenizer: ForeignTokenizerRecord
    shards: list[ForeignShard]
    checks: dict[str, float]
    digest: str = ""


class Sidecar:
    """A sidecar that has been read."""

    def __init__(self, path: Path, record: ForeignRecord) -> None:
        self.path, self.record = path, record

    def tokenizer(self) -> ForeignTokenizer:
        """The tokenizer, from its copy. Raises `DamagedIndex` if that is not what it was."""
        held = self.record.tokenizer
        if held.file is None:
            return ForeignTokenizer(held.kind, None)
        if Path(held.file).name != held.file:
            raise DamagedIndex(f'{self.path / MANIFEST}: names "{held.file}" as tokenizer; expected a file name.')
        path = self.path / held.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}. Open the index again.") from error
        if digest_of(content) != held.digest:
            raise DamagedIndex(f"{path} has digest {digest_of(content)}, expected {held.digest}. Open the index again.")
        return ForeignTokenizer(held.kind, content, str(path))

    def checked_shards(self) -> list[ShardFiles]:
        """The shards, if their files are those that were opened: by size and time, and by digest if the time differs.

        Raises `DamagedIndex` where they are not.
        """
        for shard in self.record.shards:
            for held in shard.files:
                check_file(Path(shard.folder) / held.name, held)
        return [
            ShardFiles(
                Path(each.folder), each.suffix, each.tokens, each.documents, WIDTHS[self.record.dtype],
                each.pointer_width, each.optional,
            )
            for each in self.record.shards
        ]  # fmt: skip


def check_file(path: Path, held: ForeignFile) -> None:
    """Raise `DamagedIndex` unless a file is the one that was opened."""
    again = "Open the index again with cooc open-infini-gram."
    try:
        found = path.stat()
    except OSError as error:
        raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}. {again}") from error
    if found.st_size != held.bytes:
        raise DamagedIndex(f"{path}: {found.st_size:,} bytes; it had {held.bytes:,} when it was opened. {again}")
    if found.st_mtime_ns != held.modified and file_digest(path) != (held.digest, held.digested):
        raise DamagedIndex(f"{path}: has changed since it was opened. {again}")


def file_digest(path: Path) -> tuple[str, int]:
    """(digest, of how many bytes): of the whole file, or of pieces spread over it."""
    size, digest, read = path.stat().st_size, xxhash.xxh3_128(), 0
    pieces = -(-size // PIECE)
    chosen = range(pieces) if size <= DIGESTED else sampled(pieces, 254, np.random.default_rng(size)).tolist()
    with path.open("rb") as file:
        for piece in chosen:
            file.seek(piece * PIECE)
            data = file.read(PIECE)
            digest.update(data)
            read += len(data)
    return digest.hexdigest(), read


def shard_record(shard: ShardFiles) -> ForeignShard:
    """A shard with the digests of its files."""
    files = []
    for name in (*REQUIRED, *shard.optional):
        path = shard.path(name)
        digest, digested = file_digest(path)
        found = path.stat()
        size, modified = found.st_size, found.st_mtime_ns
        files.append(ForeignFile(name=path.name, bytes=size, modified=modified, digest=digest, digested=digested))
    return ForeignShard(
        folder=str(shard.folder.resolve()), suffix=shard.suffix, tokens=shard.tokens, documents=shard.documents,
        pointer_width=shard.pointer_width, optional=shard.optional, files=files,
    )  # fmt: skip


def write_sidecar(
    path: Path, directory: Path, layout: Layout, tokenizer: ForeignTokenizer, *, keep_case: bool,
    checks: dict[str, float],
) -> Sidecar:  # fmt: skip
    """Write a sidecar; one that is there is replaced, any other folder that holds something refused."""
    from cooc import __version__

    if path.exists() and not (path / MANIFEST).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there and no sidecar of cooc; name another place with --out.")
    record = ForeignRecord(
        software={"cooc": __version__}, directory=str(directory.resolve()), index_version=layout.version,
        dtype=layout.dtype, keep_case=keep_case,  # type: ignore[arg-type]
        tokenizer=ForeignTokenizerRecord(
            kind=tokenizer.kind, file=TOKENIZER if tokenizer.content is not None else None, digest=tokenizer.digest,
            vocabulary=len(tokenizer.spelling),
        ),
        shards=[shard_record(shard) for shard in layout.shards], checks=checks,
    )  # fmt: skip
    record = msgspec.structs.replace(record, digest=record_digest(record))
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / MANIFEST).unlink(missing_ok=True)
        if tokenizer.content is not None:
            write_whole(path / TOKENIZER, tokenizer.content)
        write_whole(path / MANIFEST, msgspec.json.format(msgspec.json.encode(record), indent=1))
    except OSError as error:
        why = error.strerror or error
        raise BuildError(f"{path}: can't be written: {why}. Name another place by --out.") from error
    return Sidecar(path, record)


def record_digest(record: ForeignRecord) -> str:
    """The digest of all that the record says, and so of this very index."""
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(msgspec.structs.replace(record, digest="")))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def is_sidecar(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is a sidecar."""
    return (Path(path) / MANIFEST).is_file()


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar in a folder. Raises an `IndexFault` if there is none, or not a whole one."""
    file = path / MANIFEST
    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotAnIndex(f"{path} is no sidecar of an infini-gram index: it has no {MANIFEST}.") from error
    try:
        head = msgspec.json.decode(data)
        if not isinstance(head, dict) or head.get("format") != "cooc-foreign":
            raise NotAnIndex(f"{file} is no sidecar of an infini-gram index.")
        version = head.get("version")
        if isinstance(version, int) and version > FORMAT:
            raise LaterFormat(f"{path} has format {version}; this cooc reads formats up to {FORMAT}. Upgrade cooc.")
        record = msgspec.json.decode(data, type=ForeignRecord)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedIndex(f"{file}: {error}. Open the index again.") from error
    if record_digest(record) != record.digest:
        raise DamagedIndex(f"{file}: differs from its own digest. Open the index again.")
    return Sidecar(path, record)


def checked_tokenizer(layout: Layout, tokenizer: ForeignTokenizer) -> dict[str, float]:
    """How well a tokenizer fits an index: the share of its tokens that come back when their text is cut again.

    Raises `UsageError` for a tokenizer of another index, `DamagedIndex` where documents are reversed and were said not
    to be, or the other way round.
    """
    if tokenizer.kind == "bytes" and layout.dtype != "u8":
        raise UsageError(f"bytes are no tokenizer of {layout.dtype} tokens; name a tokenizer.json as hf:FILE.")
    forward, backward, beyond = fitting(layout, tokenizer)
    if beyond >= 0:
        raise UsageError(
            f"the index has token {beyond}, and the tokenizer {len(tokenizer.spelling):,} tokens: it is not the one "
            "the index was made with."
        )
    reversed_ = layout.version == 5
    right, wrong = (backward, forward) if reversed_ else (forward, backward)
    if wrong >= SURE and wrong > right + CLEAR:
        raise DamagedIndex(
            f"the documents are {'not reversed' if reversed_ else 'reversed'}: {wrong:.0%} of their tokens come back "
            f"when they are read {'forwards' if reversed_ else 'backwards'}, and {right:.0%} the other way. "
            f"Open the index with --version {4 if reversed_ else 5}."
        )
    if right < LEAST or (right < SURE and right < wrong + CLEAR):
        raise UsageError(
            f"the tokenizer is not the one the index was made with: {right:.1%} of the tokens come back when their "
            "text is cut again; expected nearly all."
        )
    return {"tokens_that_come_back": round(right, 4)}


def fitting(layout: Layout, tokenizer: ForeignTokenizer, documents: int = 200, tokens: int = 400) -> tuple[float, ...]:
    """(share that comes back forwards, backwards, a token that the tokenizer doesn't have or −1)."""
    same, total = np.zeros(2), 0
    for shard in layout.shards:
        arrays = shard.open()
        chosen = sampled(shard.documents, max(1, documents // len(layout.shards)), np.random.default_rng(0))
        for document in chosen.tolist():
            start = int(arrays.offsets[document]) // shard.token_width + 1
            after = document + 1 < shard.documents
            stop = int(arrays.offsets[document + 1]) // shard.token_width if after else shard.tokens
            ids = np.asarray(arrays.tokens[start : min(stop, start + tokens)]).tolist()
            if any(token >= len(tokenizer.spelling) for token in ids):
                return 0.0, 0.0, max(ids)
            total += len(ids) if tokenizer.kind == "bytes" else max(0, len(ids) - 1)
            same += [returned(ids, tokenizer), returned(ids[::-1], tokenizer)]
    return (*(float(each) / total for each in same), -1) if total else (1.0, 1.0, -1)


def returned(ids: list[int], tokenizer: ForeignTokenizer) -> float:
    """How many neighbours among some tokens are made again from their text; of bytes, those of whole characters."""
    text = tokenizer.text(ids)
    if tokenizer.kind == "bytes":
        return len(ids) - 2 * text.decode("utf-8", "replace").count("\ufffd")
    read = text.decode("utf-8", "replace")
    again = tokenizer.encode(read.removeprefix(" ") if tokenizer.kind == "metaspace" else read)
    # pairs of neighbours, for single tokens in any order may come back by chance
    kept = Counter(pairwise(again))
    return sum(min(count, kept[pair]) for pair, count in Counter(pairwise(ids)).items())
