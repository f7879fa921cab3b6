"""Lines of a file or of a byte range of it: where they begin, which numbers they have."""

import threading
from collections.abc import Iterator
from typing import IO

from cooc.corpus.model import Part, Receipt, Source
from cooc.corpus.stream import Content, DamagedStreamError, open_raw
from cooc.errors import SourceError

# Small enough that a block, its lines and their texts stay in the second-level cache.
BLOCK_BYTES = 128 << 10
SCAN_BYTES = 8 << 20

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def blocks_of_lines(part: Part, receipt: Receipt) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first line, lines without their newlines) for the lines that begin in the part.

    Nothing here keeps what it gave out, so that a giant line is held by its user alone.
    """
    source = part.source
    start, stop = _line_range(part)
    line = 1 + (_counts.before(source, start) if start else 0)
    with Content(source, start, stop) as content:
        try:
            for lines in _split_blocks(content):
                count = len(lines)
                if line == 1 and lines[0].startswith(BYTE_ORDER_MARK):
                    receipt.repair("byte order mark")
                    lines[0] = lines[0][len(BYTE_ORDER_MARK) :]
                yield line, lines
                line += count
        except DamagedStreamError as error:
            raise SourceError(f"{source.url}:{line}: {error}") from error
        content.stored.fill(receipt)
    if stop is not None:
        _counts.learn(source, stop, line - 1)


def _split_blocks(content: Content) -> Iterator[list[bytes]]:
    # a line longer than a block is a list of blocks until its end is found, so that it is joined once
    begun: list[bytes] = []
    while block := content.read(BLOCK_BYTES):
        end = block.rfind(b"\n")
        if end < 0:
            begun.append(block)
            continue
        begun.append(block[:end])
        rest = block[end + 1 :]
        del block
        yield _joined(begun).split(b"\n")
        if rest:
            begun.append(rest)
    if begun:
        yield [_joined(begun)]


def _joined(pieces: list[bytes]) -> bytes:
    whole = b"".join(pieces)
    pieces.clear()
    return whole


def _line_range(part: Part) -> tuple[int, int | None]:
    """First byte of the part's first line, and of the first line after the part."""
    source = part.source
    if part.stop < 0:
        return 0, None
    if part.start == 0 and part.stop >= source.bytes:
        return 0, source.bytes
    with open_raw(source) as raw:
        start = _line_start(raw, part.start, min(part.stop, source.bytes))
        stop = start if start >= part.stop else _line_start(raw, part.stop, source.bytes)
    return start, stop


def _line_start(raw: IO[bytes], at: int, limit: int) -> int:
    """The first line start in `at`..`limit`; `limit` where there is none before it."""
    if at == 0 or at >= limit:
        return min(at, limit)
    raw.seek(at - 1)
    position = at - 1
    while position < limit and (block := raw.read(BLOCK_BYTES)):
        found = block.find(b"\n")
        if found >= 0:
            return min(position + found + 1, limit)
        position += len(block)
    return limit


class _LineCounts:
    """How many lines lie before a byte of a file, remembered so that its parts together read it about once.

    It is shared by all threads and only ever saves work: an unknown count is counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Source, dict[int, int]] = {}

    def learn(self, source: Source, at: int, lines: int) -> None:
        with self._lock:
            self._known.setdefault(source, {})[at] = lines

    def before(self, source: Source, at: int) -> int:
        with self._lock:
            known = self._known.get(source, {})
            position = max((place for place in known if place <= at), default=0)
            lines = known.get(position, 0)
        with open_raw(source) as raw:
            raw.seek(position)
            while position < at and (block := raw.read(min(SCAN_BYTES, at - position))):
                lines += block.count(b"\n")
                position += len(block)
        self.learn(source, at, lines)
        return lines


_counts = _LineCounts()
