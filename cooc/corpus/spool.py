"""A line too long for memory, kept in a temporary file that has no name."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from cooc.corpus.utf8 import BadByte, Utf8Check
from cooc.errors import BuildError

BLOCK_BYTES = 256 << 10


class Limits(NamedTuple):
    """Which parts of a giant are held in memory, in bytes as stored.

    A line longer than `line` is spooled; of its strings those beyond `string` are left in the spool, its
    structure is parsed `fragment` at a time, and an id or metadata field that is spelled in more than `spelled`
    is too large. The last one is no matter of memory but a rule, which holds for every memory.
    """

    line: int
    string: int = 64 << 10
    fragment: int = 256 << 10
    spelled: int = 4 << 20


def limits(most_bytes: int) -> Limits:
    """A line is held as bytes, as a string of up to four bytes a character, as text and as a batch."""
    return Limits(line=min(max(most_bytes // 16, 64 << 10), 4 << 20))


class Spool:
    """The bytes of one line, written once and then read in pieces; the file is gone with the process."""

    def __init__(self, folder: Path | None, where: str) -> None:
        self._folder, self._where = folder, where
        self.size = 0
        self.nul: int | None = None
        self._encoding = Utf8Check()
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix="cooc-line-", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._refused(error) from error

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, block: bytes) -> None:
        """Append to the line; from a NUL byte on it is no text, and nothing more is kept of it."""
        if self.nul is not None:
            self._encoding.feed(block)
            return
        found = block.find(b"\0")
        if found >= 0:
            self.nul = self.size + found
            for piece in self.pieces(0, self.size, BLOCK_BYTES):
                self._encoding.feed(piece)
            self._encoding.feed(block)
            os.ftruncate(self._file.fileno(), 0)
            return
        self._write(block)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the line."""
        taken: list[bytes] = []
        at = start
        while at < stop and (block := os.pread(self._file.fileno(), stop - at, at)):
            taken.append(block)
            at += len(block)
        if at < stop:
            raise BuildError(f"{self._where}: its temporary copy in {self._place()} was cut short. Build again")
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def pieces(self, start: int, stop: int, size: int) -> Iterator[bytes]:
        for at in range(start, stop, size):
            yield self.read(at, min(at + size, stop))

    def invalid_utf8(self) -> BadByte | None:
        """The first byte of the line that is no UTF-8."""
        if self.nul is None:
            self._encoding = Utf8Check()
            for piece in self.pieces(0, self.size, BLOCK_BYTES):
                self._encoding.feed(piece)
        return self._encoding.finish()

    def _write(self, block: bytes) -> None:
        left = memoryview(block)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._refused(error) from error
        self.size += len(block)

    def _place(self) -> str:
        return str(self._folder or tempfile.gettempdir())

    def _refused(self, error: OSError) -> BuildError:
        return BuildError(
            f"{self._where}: a line of it is too long for memory, and {self._place()} takes no copy of it after "
            f"{self.size} bytes: {error.strerror or error}. Make room there and run the same command again"
        )
