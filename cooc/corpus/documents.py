"""What every format's reader shares: judging bad records, describing documents, cutting batches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.corpus.model import Batch, Fields, OnBad, Receipt
from cooc.corpus.spool import limits
from cooc.corpus.stream import MOST_BYTES
from cooc.errors import BadRecord

METADATA_BYTES = 1 << 20
"""The id and the metadata fields of a document, as JSON, at most."""

RECORD_BYTES = 100
"""What a document costs beside its text and metadata: two objects in two lists, and their places."""


class Chunk(NamedTuple):
    """Whole documents, of any size, before they are cut into batches; one metadata line each."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    metadata: list[bytes]


class Giant(NamedTuple):
    """One document that is too large for memory: its metadata line, and its text in pieces, none empty."""

    metadata: bytes
    pieces: Iterator[bytes]


class Job:
    """One part being read: its names, its receipt, and what memory and disk there is for it."""

    def __init__(
        self,
        url: str,
        fields: Fields,
        on_bad: OnBad,
        receipt: Receipt,
        *,
        most_bytes: int = MOST_BYTES,
        spool: Path | None = None,
        first_line: int | None = None,
    ) -> None:
        self.url, self.fields, self.receipt = url, fields, receipt
        self.most_bytes, self.spool, self.first_line = most_bytes, spool, first_line
        self.limits = limits(most_bytes)
        self.skips = on_bad == "skip"
        self._prefix = b'{"path":' + msgspec.json.encode(url) + b',"linenum":'
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def bad(self, error: BadRecord) -> None:
        """Raise the error, or count its record where bad records are skipped."""
        if not self.skips:
            raise error
        self.receipt.skip(error.where, error.reason)

    def at(self, line: int) -> str:
        return f"{self.url}:{line}"

    def describe(self, line: int, values: dict[str, Any]) -> bytes:
        """The metadata line of the document at this line or row; UNSET values are counted and become null.

        Raises BadRecord where the values are too large.
        """
        missing = [key for key, value in values.items() if value is msgspec.UNSET]
        for key in missing:
            values[key] = None
        encoded = self._encode(values)
        if len(encoded) > METADATA_BYTES:
            raise self.too_large(line)
        for key in missing:
            if key in self.fields.meta:
                self.receipt.lacks(key)
        return b'%b%d,"metadata":%b}\n' % (self._prefix, line, encoded)

    def too_large(self, line: int) -> BadRecord:
        detail = (
            f"its id and metadata fields take more than the {METADATA_BYTES >> 20} MiB of JSON that are kept "
            "of a document. Choose smaller ones with --id-field and --meta-field"
        )
        return BadRecord(self.at(line), "metadata too large", detail)

    def describe_bare(self, line: int) -> bytes:
        """The metadata line of a document that has a place and nothing more."""
        return b'%b%d,"metadata":{}}\n' % (self._prefix, line)


def view(data: Any) -> NDArray[np.uint8]:
    """A buffer's bytes as a read-only array: one NumPy type for all batches, so that kernels compile once."""
    array: NDArray[np.uint8] = np.frombuffer(data, dtype=np.uint8)
    array.flags.writeable = False
    return array


def pack(texts: list[bytes], metadata: list[bytes]) -> Chunk:
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return Chunk(view(texts[0] if len(texts) == 1 else b"".join(texts)), offsets, metadata)


def cut(chunk: Chunk, batch_bytes: int) -> Iterator[Batch]:
    """Batches of at most `batch_bytes`, without copying; only a document larger than that is cut up."""
    data, offsets, metadata = chunk
    first, count = 0, len(metadata)
    while first < count:
        # the documents that fit: those that end no later than batch_bytes after the first begins
        last = int(np.searchsorted(offsets, offsets[first] + batch_bytes, side="right")) - 1
        if last > first:
            begin, end = int(offsets[first]), int(offsets[last])
            yield Batch(data[begin:end], offsets[first : last + 1] - begin, metadata[first:last])
        else:
            last = first + 1
            yield from pieces(data[offsets[first] : offsets[last]], metadata[first], batch_bytes)
        first = last


def stream(giant: Giant, batch_bytes: int) -> Iterator[Batch]:
    """A giant's pieces as batches, the last of which is known only when there is no other."""
    waiting: NDArray[np.uint8] | None = None
    begun = False
    for piece in giant.pieces:
        data = view(piece)
        begin = 0
        while begin < len(data):
            end = character_start(data, begin, min(begin + batch_bytes, len(data)))
            if waiting is not None:
                yield piece_of(waiting, giant.metadata, begun, True)
                begun = True
            waiting, begin = data[begin:end], end
    if waiting is not None:
        yield piece_of(waiting, giant.metadata, begun, False)


def piece_of(data: NDArray[np.uint8], metadata: bytes, continues: bool, open_end: bool) -> Batch:
    offsets = np.array([0, len(data)], dtype=np.int64)
    return Batch(data, offsets, [] if continues else [metadata], continues, open_end)


def pieces(data: NDArray[np.uint8], metadata: bytes, batch_bytes: int) -> Iterator[Batch]:
    """One large document as batches of one piece each, cut between characters."""
    begin, size = 0, len(data)
    while begin < size:
        end = character_start(data, begin, min(begin + batch_bytes, size))
        yield piece_of(data[begin:end], metadata, begin > 0, end < size)
        begin = end


def character_start(data: NDArray[np.uint8], begin: int, end: int) -> int:
    """The last start of a character up to `end`; the first after it where that would be `begin`."""
    size = len(data)
    cut_at = end
    while begin < cut_at < size and data[cut_at] & 0xC0 == 0x80:
        cut_at -= 1
    if cut_at > begin:
        return cut_at
    while end < size and data[end] & 0xC0 == 0x80:
        end += 1
    return end
