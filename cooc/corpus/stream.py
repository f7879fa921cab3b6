"""Bytes of a stored file: opened here or by fsspec, digested as stored, decompressed so that damage is seen.

`zstandard` and `rapidgzip` take a truncated file for a whole one, and fsspec may fall back to the former, so
decompression is ours: isal for gzip, the standard library's zstd (or its backport).
"""

import io
import os
import sys
from typing import IO, Any, Protocol

import xxhash

from cooc.corpus.model import Receipt, Source
from cooc.errors import SourceError, UsageError

HEAD_BYTES = 8
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PAR1": "parquet",
    b"ARROW1": "Arrow IPC",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
    b"%PDF": "PDF",
    b"WARC/": "WARC",
}


class DamagedStreamError(Exception):
    """The stored bytes can't be decoded on; the reader of lines adds the file and the line."""


class Decoded(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def recognise(head: bytes) -> str | None:
    """What a file is by its first bytes; None where they are nobody's mark."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


def open_raw(source: Source) -> IO[bytes]:
    """The file as stored, open at its beginning."""
    try:
        if source.remote:
            return open_remote(source.url)
        return open(source.url, "rb", buffering=0)
    except OSError as error:
        raise SourceError(f"{source.url}: can't be opened: {error.strerror or error}") from error


def open_remote(url: str) -> IO[bytes]:
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(url)
        handle: IO[bytes] = filesystem.open(path, "rb")
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: fsspec can't open this: {error}") from error
    return handle


class Digested(io.RawIOBase):
    """A file's bytes, or those from `start` to `stop`, counted and digested on their way."""

    def __init__(self, raw: IO[bytes], start: int = 0, stop: int | None = None) -> None:
        super().__init__()
        self._raw, self._hash, self.count = raw, xxhash.xxh3_128(), 0
        self._left = sys.maxsize if stop is None else stop - start
        if start:
            raw.seek(start)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        want = self._left if size < 0 else min(size, self._left)
        block = self._raw.read(want) if want else b""
        self._hash.update(block)
        self.count += len(block)
        self._left -= len(block)
        return block

    def read1(self, size: int, /) -> bytes:
        return self.read(size)

    def readinto(self, buffer: Any, /) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def fill(self, receipt: Receipt) -> None:
        receipt.source_bytes, receipt.digest = self.count, self._hash.hexdigest()


class Content:
    """The decoded bytes of a source, or of one byte range of it, read forwards once."""

    def __init__(self, source: Source, start: int = 0, stop: int | None = None) -> None:
        self._source = source
        self._raw = open_raw(source)
        try:
            self._check_size()
            self._check_head()
            self.stored = Digested(self._raw, start, stop)
            self._stream = decompressor(self.stored, source.compression)
        except BaseException:
            self._raw.close()
            raise
        self.decoded = 0

    def __enter__(self) -> "Content":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none only at the end; DamagedStreamError says how far it got."""
        try:
            # read1 gives what there is before it comes to the damage
            block = self._stream.read1(size)
        except Exception as error:
            raise self._damage(error) from error
        self.decoded += len(block)
        return block

    def _damage(self, error: Exception) -> DamagedStreamError:
        kind = self._source.compression
        if isinstance(error, EOFError):
            what = f"the {kind} data is cut off: no end mark after {self.stored.count} stored bytes"
        elif kind:
            what = f"the {kind} data is damaged ({error}), at about stored byte {self.stored.count}"
        else:
            what = f"can't be read ({error}), at byte {self.stored.count}"
        return DamagedStreamError(f"{what}; {self.decoded} bytes were decoded before. Fetch the file again")

    def _check_size(self) -> None:
        if not self._source.remote:
            check_size(self._source, os.fstat(self._raw.fileno()).st_size)
        if self._source.bytes == 0 and self._source.compression:
            kind = self._source.compression
            raise SourceError(f"{self._source.url}: is empty, not even a {kind} header. Fetch the file again")

    def _check_head(self) -> None:
        head = self._raw.read(HEAD_BYTES)
        self._raw.seek(0)
        found, claimed = recognise(head), self._source.compression
        if found != claimed and head:
            by_bytes = found or f"something that begins with {head!r}"
            raise SourceError(
                f"{self._source.url}: by its name this is {claimed or 'uncompressed text'}, by its bytes "
                f"{by_bytes}. Give the file the ending of what it holds"
            )


def check_size(source: Source, now: int) -> None:
    if now != source.bytes:
        raise SourceError(
            f"{source.url}: had {source.bytes} bytes when the build was planned and has {now} now. "
            "Let the writing of the corpus end, then build again"
        )


def decompressor(stored: Digested, compression: str | None) -> Decoded:
    if compression == "gzip":
        from isal import igzip

        gzip: Decoded = igzip.IGzipFile(fileobj=stored, mode="rb")
        return gzip
    if compression == "zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        # windows up to 2 GiB, as `zstd --long=31` writes them
        window: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
        zst: Decoded = zstd.ZstdFile(stored, options=window)
        return zst
    return stored
