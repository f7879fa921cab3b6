"""What passes between the reader and the builder: where documents lie, what was read, what was not."""

from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Format = Literal["jsonl", "text", "lines", "parquet", "arrow"]
Compression = Literal["gzip", "zstd"]
OnBad = Literal["fail", "skip"]

PLACES_KEPT = 100


class Fields(msgspec.Struct, frozen=True):
    """Names of the fields to read; "meta.year" reaches into nested objects unless a field has that very name.

    A record without its id is read all the same unless `id_required`; `id=None` reads none. The id and metadata
    of a document take a mebibyte of JSON at most: a record with more is a bad one, whatever the memory.
    """

    text: str = "text"
    id: str | None = "id"
    meta: tuple[str, ...] = ()
    id_required: bool = False


class Source(msgspec.Struct, frozen=True):
    """One corpus file as found; `bytes` is its size on storage, compressed if it is compressed."""

    url: str
    format: Format
    compression: Compression | None
    bytes: int
    modified: float | str | None

    @property
    def remote(self) -> bool:
        return "://" in self.url


class Part(msgspec.Struct, frozen=True):
    """A piece of a source that is read by itself.

    `start` and `stop` are bytes of an uncompressed file of lines (a line belongs to the part in which its
    first byte lies), row groups of a parquet file, and 0 and -1 (the whole) of anything else.
    """

    source: Source
    start: int = 0
    stop: int = -1


class Batch(NamedTuple):
    """Documents, or pieces of them: number i is `data[offsets[i]:offsets[i + 1]]`, valid UTF-8 by itself.

    `data` is read-only and C-contiguous. With `continues` the first piece goes on with the document that the
    batch before left open, and with `open_end` the last document goes on in the next batch. `metadata` has
    one JSON line for each document that begins here.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    metadata: list[bytes]
    continues: bool = False
    open_end: bool = False


class Receipt(msgspec.Struct):
    """What reading a part came to; complete when its batches are used up.

    documents: read and given out; with the sum of `skipped` it is every record of the part.
    skipped: reason → records; `skipped_where` names the first 100 of them.
    repaired: what was mended → records ("surrogate": half a character, now U+FFFD; "byte order mark").
    missing_meta: metadata field → documents that have none of that name.
    source_bytes, digest: size and xxh3_128 of the stored bytes of this part; a file is the sum of its parts.
        The digest is None for parquet and Arrow files on remote storage, which aren't read whole.
    """

    documents: int = 0
    text_bytes: int = 0
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    skipped_where: list[str] = msgspec.field(default_factory=list)
    repaired: dict[str, int] = msgspec.field(default_factory=dict)
    missing_meta: dict[str, int] = msgspec.field(default_factory=dict)
    source_bytes: int = 0
    digest: str | None = None

    def skip(self, where: str, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        if len(self.skipped_where) < PLACES_KEPT:
            self.skipped_where.append(f"{where}: {reason}")

    def repair(self, what: str) -> None:
        self.repaired[what] = self.repaired.get(what, 0) + 1

    def lacks(self, name: str, documents: int = 1) -> None:
        self.missing_meta[name] = self.missing_meta.get(name, 0) + documents
