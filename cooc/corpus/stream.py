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

MARK_BYTES = 8
HEAD_BYTES = 18
MOST_BYTES = 64 << 20
# what RFC 8878 asks every decoder for
WINDOW_AT_LEAST = 8 << 20
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

    def digest(self) -> str:
        return self._hash.hexdigest()


class Content:
    """The decoded bytes of a source, or of one byte range of it, read forwards once."""

    def __init__(
        self, source: Source, start: int = 0, stop: int | None = None, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self._source = source
        self._raw = open_raw(source)
        self._expected = (source.bytes if stop is None else stop) - start
        try:
            self._check_unchanged()
            head = self._check_head()
            self.stored = Digested(self._raw, start, stop)
            self._window = Window(head, most_bytes) if source.compression == "zstd" else None
            self._stream = decompressor(self.stored, source.compression, self._window)
        except OSError as error:
            self._raw.close()
            raise unreadable(source, error) from error
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
        if self._window is not None and self.decoded > self._window.most_decoded:
            raise DamagedStreamError(self._window.refusal())
        if not block:
            # before a record that was cut short with the file is blamed
            self._check_whole()
        return block

    def finish(self, receipt: Receipt) -> None:
        """Account for what was read; SourceError where the file is not any more what it was when it was found."""
        self._check_whole()
        receipt.source_bytes, receipt.digest = self.stored.count, self.stored.digest()

    def _check_whole(self) -> None:
        self._check_unchanged()
        if self.stored.count != self._expected:
            raise SourceError(
                f"{self._source.url}: ended after {self.stored.count} of {self._expected} bytes. "
                "Let the writing of the corpus end, then build again"
            )

    def _damage(self, error: Exception) -> DamagedStreamError:
        kind = self._source.compression
        if self._window is not None and "too much memory" in str(error):
            return DamagedStreamError(self._window.refusal())
        if isinstance(error, EOFError):
            what = f"the {kind} data is cut off: no end mark after {self.stored.count} stored bytes"
        elif kind:
            what = f"the {kind} data is damaged ({error}), at about stored byte {self.stored.count}"
        else:
            what = f"can't be read ({error}), at byte {self.stored.count}"
        return DamagedStreamError(f"{what}; {self.decoded} bytes were decoded before. Fetch the file again")

    def _check_unchanged(self) -> None:
        if not self._source.remote:
            check_unchanged(self._source, os.fstat(self._raw.fileno()))
        if self._source.bytes == 0 and self._source.compression:
            kind = self._source.compression
            raise SourceError(f"{self._source.url}: is empty, not even a {kind} header. Fetch the file again")

    def _check_head(self) -> bytes:
        head = self._raw.read(HEAD_BYTES)
        self._raw.seek(0)
        found, claimed = recognise(head[:MARK_BYTES]), self._source.compression
        if found != claimed and head:
            by_bytes = found or f"something that begins with {head[:MARK_BYTES]!r}"
            raise SourceError(
                f"{self._source.url}: by its name this is {claimed or 'uncompressed text'}, by its bytes "
                f"{by_bytes}. Give the file the ending of what it holds"
            )
        return head


def check_unchanged(source: Source, status: os.stat_result) -> None:
    """SourceError where a local file isn't the one that was found: by its size and date, which cost nothing."""
    if status.st_size != source.bytes:
        raise SourceError(
            f"{source.url}: had {source.bytes} bytes when the build was planned and has {status.st_size} now. "
            "Let the writing of the corpus end, then build again"
        )
    if source.modified is not None and status.st_mtime != source.modified:
        raise SourceError(
            f"{source.url}: was written to after the build was planned, though it still has {source.bytes} bytes. "
            "Let the writing of the corpus end, then build again"
        )


def unreadable(source: Source, error: OSError, place: str = "") -> SourceError:
    where = f" {place}" if place else ""
    return SourceError(
        f"{source.url}: can't be read{where}: {error.strerror or error}. Make the file readable, then build again"
    )


class Window:
    """How far back a zstd file refers, which decoding it must hold in memory, and how much it may."""

    def __init__(self, head: bytes, most_bytes: int) -> None:
        self.bytes = window_bytes(head)
        bound = max(2 * most_bytes, WINDOW_AT_LEAST)
        # a small file may claim a wide window and never fill it
        self.most_decoded = sys.maxsize if self.bytes <= bound else bound
        self.log = min(max(bound.bit_length() - 1, (max(self.bytes, 1) - 1).bit_length()), 31)

    def refusal(self) -> str:
        return (
            f"to decode this zstd data takes a window of {self.bytes >> 20} MiB or more in memory. Give more "
            "--memory, or compress the file again without --long or --ultra"
        )


def window_bytes(head: bytes) -> int:
    """The window that the first frame of zstd data claims (RFC 8878, 3.1.1.1); 0 where its head is cut off."""
    if len(head) < 6:
        return 0
    descriptor = head[4]
    if descriptor & 0x20:
        # a single segment: the window is the content; its size follows the dictionary's number
        at = 5 + (0, 1, 2, 4)[descriptor & 3]
        size = (1, 2, 4, 8)[descriptor >> 6]
        return int.from_bytes(head[at : at + size], "little") + (256 if size == 2 else 0)
    base = 1 << (10 + (head[5] >> 3))
    return base + base // 8 * (head[5] & 7)


def decompressor(stored: Digested, compression: str | None, window: Window | None = None) -> Decoded:
    if compression == "gzip":
        from isal import igzip

        gzip: Decoded = igzip.IGzipFile(fileobj=stored, mode="rb")
        return gzip
    if compression == "zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        log: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window.log if window else 31}
        zst: Decoded = zstd.ZstdFile(stored, options=log)
        return zst
    return stored
